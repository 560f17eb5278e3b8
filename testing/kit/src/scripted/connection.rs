//! One connection to a node: requests in, answers out, in order.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rivven_client::protocol::{Request, Response, header};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::login::Session;
use super::receive::{Arrived, Inbox};
use super::rule::{Action, Decision, Event, Rule};
use super::shared::Shared;
use super::world::{Call, Step};
use crate::net::{End, Ending, finish};

/// How far a wrong correlation id is from the right one.
const WRONG_BY: u32 = 1000;

/// Bytes of a frame that its length field counts besides the payload.
const COUNTED_HEADER_LEN: usize = 5;

/// A connection to a node.
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    pub(super) node: usize,
    pub(super) number: u64,
    pub(super) session: Session,
    pub(super) shared: Arc<Shared>,
}

impl Connection {
    /// Serves until either side ends the connection.
    pub(super) async fn serve(mut self, mut ending: Ending) {
        // Every answer is one write, so that Nagle's algorithm has nothing to gain.
        let _ = self.stream.set_nodelay(true);
        let end = tokio::select! {
            biased;
            end = ending.wanted() => end,
            end = self.talk() => end,
        };
        finish(self.stream, end).await;
    }

    async fn talk(&mut self) -> End {
        match self.try_talk().await {
            Ok(()) => End::Close,
            Err(end) => end,
        }
    }

    async fn try_talk(&mut self) -> Result<(), End> {
        let silent = self.greet().await?;
        let mut inbox = Inbox::new(self.shared.max_frame);
        loop {
            match inbox.next(&mut self.stream).await.map_err(|_| End::Close)? {
                Arrived::End => return Ok(()),
                _ if silent => {}
                Arrived::Request(id, request) => self.respond(id, &request).await?,
                Arrived::Unusable(message) => self.send(0, &Response::Error { message }.encode()).await?,
                Arrived::TooLarge(message) => {
                    self.send(0, &Response::Error { message }.encode()).await?;
                    return Ok(());
                }
            }
        }
    }

    /// Does what the rules say about the connection itself; true if it is never to be answered.
    async fn greet(&mut self) -> Result<bool, End> {
        if self.shared.is_full(self.node) {
            return Err(End::Close);
        }
        let event = Event { node: self.node, connection: self.number, request: None };
        let released = self.shared.releases();
        let Decision { waits, rule } = self.shared.decide(&event);
        self.wait(waits, released).await;
        match rule.map(|rule| rule.action) {
            Some(Action::CloseConnection) => Err(End::Close),
            Some(Action::ResetConnection) => Err(End::Reset),
            Some(Action::Raw(bytes)) => self.write(&bytes.0).await.map(|()| false),
            Some(Action::DropAnswer) => Ok(true),
            _ => Ok(false),
        }
    }

    async fn respond(&mut self, id: u32, request: &Request) -> Result<(), End> {
        // Before the request is noted, so that a test that has seen it there can release it or change the world.
        let released = self.shared.releases();
        let changes = self.shared.changes();
        let event = Event { node: self.node, connection: self.number, request: Some(request) };
        let Decision { waits, rule } = self.shared.decide(&event);
        let mut call = Call::new(self.node);
        let executes = rule.as_ref().is_none_or(Rule::executes);
        let step = executes.then(|| self.step(&mut call, request));
        self.shared.record(self.node, self.number, id, request);
        let payload = match step {
            Some(step) => self.complete(step, call, request, changes).await,
            None => Bytes::new(),
        };
        self.wait(waits, released).await;
        match rule {
            None => self.send(id, &payload).await,
            Some(rule) => self.act(rule, id, request, &payload).await,
        }
    }

    /// Does what a rule says instead of sending the proper answer.
    async fn act(&mut self, rule: Rule, id: u32, request: &Request, payload: &Bytes) -> Result<(), End> {
        match rule.action {
            Action::DelayMs(_) | Action::Hold => self.send(id, payload).await?,
            Action::Answer(reply) => self.send(reply.id(id), &reply.encode()).await?,
            Action::AnswerWith(answerer) => {
                let reply = answerer.0(request);
                self.send(reply.id(id), &reply.encode()).await?;
            }
            Action::DropAnswer => {}
            Action::CloseConnection => return Err(End::Close),
            Action::ResetConnection => return Err(End::Reset),
            Action::WrongId => self.send(id.wrapping_add(WRONG_BY), payload).await?,
            Action::Twice => {
                self.send(id, payload).await?;
                self.send(id, payload).await?;
            }
            Action::Truncate(len) => {
                let frame = frame(id, payload);
                self.write(&frame[..len.min(frame.len())]).await?;
                return Err(End::Close);
            }
            Action::Raw(bytes) => self.write(&bytes.0).await?,
        }
        if rule.then_close { Err(End::Close) } else { Ok(()) }
    }

    /// Carries a request out as far as that is possible at once.
    fn step(&mut self, call: &mut Call, request: &Request) -> Step {
        match self.shared.logins.check(&mut self.session, request) {
            Some(response) => Step::Done(response),
            None => self.shared.change(|world| world.answer(call, request)),
        }
    }

    /// Carries out the rest of a request and gives the payload of its answer.
    async fn complete(
        &mut self,
        mut step: Step,
        mut call: Call,
        request: &Request,
        mut changes: watch::Receiver<u64>,
    ) -> Bytes {
        let response = loop {
            match step {
                Step::Done(response) => break response,
                Step::WaitUntil(deadline) => {
                    tokio::select! {
                        _ = changes.changed() => {}
                        () = sleep_until(Instant::from_std(deadline)) => {}
                    }
                    step = self.step(&mut call, request);
                }
            }
        };
        let payload = response.encode();
        if payload.len() + COUNTED_HEADER_LEN > self.shared.max_frame {
            return Response::Error { message: "INTERNAL_ERROR: response send failed".into() }.encode();
        }
        payload
    }

    async fn wait(&self, waits: Vec<Action>, mut released: watch::Receiver<u64>) {
        for wait in waits {
            match wait {
                Action::DelayMs(delay_ms) => sleep(Duration::from_millis(delay_ms)).await,
                // The sender lives as long as this connection.
                _ => drop(released.changed().await),
            }
        }
    }

    async fn send(&mut self, id: u32, payload: &Bytes) -> Result<(), End> {
        self.write(&frame(id, payload)).await
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), End> {
        self.stream.write_all(bytes).await.map_err(|_| End::Close)
    }
}

fn frame(id: u32, payload: &Bytes) -> Vec<u8> {
    [&header(id, payload.len())[..], payload].concat()
}
