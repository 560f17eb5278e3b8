//! The records of a transaction that go over one connection, in the task that sends them.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::OptionFuture;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::shared::Shared;
use super::window::{Effect, Ticket, Window};
use crate::cluster::Held;
use crate::connection::{Deadline, Started};
use crate::error::{Detail, Error, ErrorCode, Outcome, Result};
use crate::ops::TransactionallyPublished;
use crate::producer::{Answer, Entry, Sent, Service, Traffic, answer_of};
use crate::protocol::{Operation, Purpose, RequestFrame};

/// How long a lane waits for a connection before it asks again.
const CROWDED: Duration = Duration::from_secs(2);

/// A record with its request.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) entry: Entry,
    pub(super) partition: u32,
    pub(super) frame: RequestFrame,
}

type Connecting = Pin<Box<dyn Future<Output = Result<Held>> + Send>>;

struct Attempt {
    ticket: Ticket,
    at: Instant,
    sent: Sent,
    answer: Started<TransactionallyPublished>,
}

/// The task of one connection.
pub(super) struct Lane {
    shared: Arc<Shared>,
    work: mpsc::UnboundedReceiver<Work>,
    window: Window<Work>,
    attempts: VecDeque<Attempt>,
    link: Option<(Held, Traffic)>,
    connecting: Option<Connecting>,
    /// Before this moment nothing is sent, since a failure is recent.
    not_before: Option<Instant>,
    failures: u32,
    service: Service,
    last_answer: Instant,
}

impl Lane {
    pub(super) fn new(shared: Arc<Shared>, work: mpsc::UnboundedReceiver<Work>) -> Self {
        let config = shared.backing.config();
        Lane {
            window: Window::new(config.max_in_flight_requests),
            service: shared.backing.service(),
            shared,
            work,
            attempts: VecDeque::new(),
            link: None,
            connecting: None,
            not_before: None,
            failures: 0,
            last_answer: Instant::now(),
        }
    }

    /// Sends what comes until nothing more can come and everything is settled.
    pub(super) async fn run(mut self) {
        let doomed = self.shared.stops();
        tokio::pin!(doomed);
        let mut stopped = false;
        let mut open = true;
        loop {
            self.pump();
            if !open && self.window.is_empty() {
                break;
            }
            tokio::select! {
                biased;
                (attempt, result) = oldest(&mut self.attempts) => self.take_answers(attempt, result),
                Some(connected) = OptionFuture::from(self.connecting.as_mut()) => {
                    self.connecting = None;
                    self.connected(connected);
                }
                work = self.work.recv(), if open => match work {
                    Some(work) => self.window.push(work.partition, work),
                    None => open = false,
                },
                Some(()) = OptionFuture::from(self.not_before.map(sleep_until)) => self.not_before = None,
                () = &mut doomed, if !stopped => stopped = true,
            }
        }
        self.link.take().into_iter().for_each(|(link, _)| link.release());
    }

    /// Sends what may be sent.
    fn pump(&mut self) {
        if !self.shared.sends() {
            self.connecting = None;
            for work in self.window.take_waiting() {
                self.shared.fail(&work.entry, Outcome::NotSent);
            }
            return;
        }
        if self.not_before.is_some() || !self.window.wants_to_send() {
            return;
        }
        let Some((link, traffic)) = &self.link else {
            if self.connecting.is_none() {
                let cluster = Arc::clone(self.shared.backing.cluster());
                self.connecting = Some(Box::pin(async move { cluster.hold(Purpose::Produce, None, CROWDED).await }));
            }
            return;
        };
        // One that waits for a login would be overtaken by whatever is sent now.
        while self.attempts.iter().all(|attempt| attempt.answer.is_sent()) {
            let Some((ticket, work)) = self.window.send() else { break };
            let deadline = Deadline::in_turn(self.service.limit(1));
            let decode = <crate::ops::TransactionalPublish<'_> as Operation>::decode;
            let sent = traffic.send(work.frame.wire_len());
            let answer = link.connection().start_call(work.frame.clone(), decode, deadline);
            self.attempts.push_back(Attempt { ticket, at: Instant::now(), sent, answer });
        }
    }

    fn connected(&mut self, connected: Result<Held>) {
        match connected {
            Ok(link) => {
                if let Err(error) = self.shared.check_server(link.address()) {
                    self.shared.doom(&error);
                    return;
                }
                let traffic = self.shared.backing.traffic(link.address());
                (self.link, self.failures) = (Some((link, traffic)), 0);
                self.last_answer = Instant::now();
            }
            Err(error) if error.is_retriable() => {
                self.failures += 1;
                self.wait(self.shared.backing.pause(self.failures));
                self.look_at_age(&error);
            }
            Err(error) => self.shared.doom(&error),
        }
    }

    fn wait(&mut self, pause: Duration) {
        let until = Instant::now() + pause;
        self.not_before = Some(self.not_before.map_or(until, |before| before.max(until)));
    }

    /// Takes this answer and all others that have come, before anything is sent: perhaps they have to be sent again.
    fn take_answers(&mut self, first: Attempt, result: Result<TransactionallyPublished>) {
        self.answered(first, result);
        while let Some((attempt, result)) = oldest(&mut self.attempts).now_or_never() {
            self.answered(attempt, result);
        }
    }

    fn answered(&mut self, attempt: Attempt, result: Result<TransactionallyPublished>) {
        let Attempt { ticket, at, sent, .. } = attempt;
        let now = Instant::now();
        let answer = match &result {
            Ok(published) => {
                self.service.measure(1, now - at.max(self.last_answer));
                self.failures = 0;
                self.shared.touched(at);
                Answer::Published { offset: published.offset, duplicate: false }
            }
            Err(error) => {
                self.check_link(error);
                refine(error)
            }
        };
        self.last_answer = now;
        match (self.window.answered(ticket, answer), result) {
            (Effect::Written(item), Ok(published)) => {
                self.shared.written(&item.entry, &item.frame, published.offset, sent);
            }
            (Effect::Again, Err(error)) => {
                sent.repeated();
                self.failures += 1;
                self.wait(error.retry_after().unwrap_or_else(|| self.shared.backing.pause(self.failures)));
                self.look_at_age(&error);
            }
            (Effect::Doomed { item, outcome }, Err(error)) => {
                self.shared.doom(&error);
                self.shared.fail(&item.entry, outcome);
            }
            _ => {}
        }
    }

    /// Lets go of a connection that has ended, or that the broker is about to close.
    fn check_link(&mut self, error: &Error) {
        let spoiled = error.code() == ErrorCode::RateLimitExceeded;
        let spent = |(link, _): &mut (Held, Traffic)| spoiled || !link.connection().is_open();
        let Some((link, _)) = self.link.take_if(spent) else { return };
        let lost = self.window.in_flight() as u32;
        if lost > 0 && !spoiled {
            self.shared.lost_requests(self.service.of(lost));
        }
        if error.counts_against_server() {
            link.lost(error);
        }
    }

    /// Gives the transaction up if a record has waited longer than its delivery timeout.
    fn look_at_age(&self, error: &Error) {
        let limit = self.shared.backing.config().delivery_timeout;
        if self.window.oldest().is_some_and(|work| work.entry.age() >= limit) {
            let text = format!(
                "publish in transaction {}: no success for {limit:?} (last failure: {error}): raise delivery.timeout.ms or \
                 check the broker",
                self.shared.txn_id()
            );
            let detail = Detail::new(text).with_code(ErrorCode::TimedOut).with_outcome(Outcome::Unknown);
            self.shared.doom(&Error::TimeoutWithMessage(detail));
        }
    }
}

impl Drop for Lane {
    /// What is left then is not sent any more: the transaction has ended, or the runtime has.
    fn drop(&mut self) {
        self.attempts.clear();
        for (work, outcome) in self.window.take_all() {
            self.shared.fail(&work.entry, outcome);
        }
        self.work.close();
        while let Ok(work) = self.work.try_recv() {
            self.shared.fail(&work.entry, Outcome::NotSent);
        }
    }
}

/// Ready once the oldest attempt has ended; never if there is none.
fn oldest(attempts: &mut VecDeque<Attempt>) -> impl Future<Output = (Attempt, Result<TransactionallyPublished>)> {
    std::future::poll_fn(|cx| Started::poll_oldest(attempts, |attempt| &mut attempt.answer, cx))
}

/// What an error says of the numbers; those of the transaction itself are final.
fn refine(error: &Error) -> Answer {
    match error.code() {
        ErrorCode::InvalidTxnId
        | ErrorCode::InvalidTxnState
        | ErrorCode::TransactionTimedOut
        | ErrorCode::TransactionError
        | ErrorCode::PartitionNotInTxn => Answer::Refused,
        ErrorCode::BufferFull => Answer::NotExecuted,
        _ => answer_of(error),
    }
}
