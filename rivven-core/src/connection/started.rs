//! A call whose request is on its way already.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::{Answer, Connection, Deadline, by, is_expiry};
use crate::error::Result;
use crate::protocol::{DecodeAnswer, RequestFrame};

/// A call that has begun; awaiting it gives the answer.
///
/// [`Connection::call`] begins when it is polled, and its future has no name.
/// Of these many can lie in a queue without an allocation for each, and only
/// the oldest has to be polled, since answers come in the order of requests.
#[must_use = "its answer is thrown away"]
pub(crate) struct Started<T> {
    connection: Connection,
    frame: RequestFrame,
    decode: DecodeAnswer<T>,
    deadline: Deadline,
    /// The login under which it was sent.
    login: u64,
    state: State<T>,
}

enum State<T> {
    /// The task of the connection has the request.
    Sent(Answer),
    /// It needs a login or a place in flight first, which is rare.
    Long(Pin<Box<dyn Future<Output = Result<T>> + Send>>),
}

impl Connection {
    /// Sends an encoded request now, unless it has to wait for a login or a place in flight.
    pub(crate) fn start_call<T: Send + 'static>(
        &self,
        frame: RequestFrame,
        decode: DecodeAnswer<T>,
        deadline: Deadline,
    ) -> Started<T> {
        let login = self.shared.session.logins();
        let state = match self.submit_now(&frame, deadline) {
            Some(answer) => State::Sent(answer),
            None => {
                let (connection, frame) = (self.clone(), frame.clone());
                State::Long(Box::pin(async move { connection.call(&frame, decode, deadline).await }))
            }
        };
        Started { connection: self.clone(), frame, decode, deadline, login, state }
    }
}

impl<T: Send + 'static> Started<T> {
    /// Whether the request is on the wire. If not, whatever is sent now overtakes it.
    pub(crate) fn is_sent(&self) -> bool {
        matches!(self.state, State::Sent(_))
    }

    /// Ready once the oldest of several attempts has ended, with it and what came of it; never if there is none.
    ///
    /// They lie in the order of their requests, which is that of their answers.
    pub(crate) fn poll_oldest<A>(
        attempts: &mut VecDeque<A>,
        answer: impl FnOnce(&mut A) -> &mut Self,
        cx: &mut Context<'_>,
    ) -> Poll<(A, Result<T>)> {
        let Some(oldest) = attempts.front_mut() else { return Poll::Pending };
        let result = ready!(Pin::new(answer(oldest)).poll(cx));
        attempts.pop_front().map_or(Poll::Pending, |oldest| Poll::Ready((oldest, result)))
    }
}

impl<T: Send + 'static> Future for Started<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let Started { connection, frame, decode, deadline, login, state } = &mut *self;
            let answer = match state {
                State::Sent(answer) => ready!(Pin::new(answer).poll(cx)),
                State::Long(call) => return call.as_mut().poll(cx),
            };
            let answer = answer.unwrap_or_else(|_| Err(connection.shared.too_late()));
            match connection.understand(frame, &mut by(*decode), answer) {
                Err(error) if is_expiry(&error) => {
                    let (connection, frame, login) = (connection.clone(), frame.clone(), *login);
                    let (decode, deadline) = (*decode, *deadline);
                    *state = State::Long(Box::pin(async move {
                        connection.after_expiry(&frame, &mut by(decode), deadline, (login, error)).await
                    }));
                }
                result => return Poll::Ready(result),
            }
        }
    }
}
