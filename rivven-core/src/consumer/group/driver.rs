//! The task that keeps a consumer in its group, by a connection of its own.
//!
//! It does what the [`Member`] says, and announces what the consumer gets and
//! loses; a poll applies that. Neither fetching nor the program's own requests
//! hold up a heartbeat.

use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep_until};

use super::super::listener::Key;
use super::super::shared::Shared;
use super::super::source::{Change, Changes};
use super::asking::{self, Heard};
use super::{Event, Member, Step, Timing};
use crate::cluster::Held;
use crate::error::{Detail, Error, ErrorCode, Outcome};
use crate::ops::Assignment;

/// The longest that an answer is waited for; a third of the session timeout if that is shorter.
const PATIENCE: Duration = Duration::from_secs(5);

/// A point in time that never comes, as far from now as is needed.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// Until when a consumer's partitions are its own if nothing more is heard of the group.
#[derive(Debug)]
pub(in crate::consumer) struct Validity(Mutex<Instant>);

impl Validity {
    /// Nothing is the consumer's yet.
    pub(in crate::consumer) fn new() -> Arc<Self> {
        Arc::new(Validity(Mutex::new(Instant::now())))
    }

    /// Whether records may be handed out, and offsets committed.
    pub(in crate::consumer) fn lasts(&self) -> bool {
        Instant::now() < self.until()
    }

    /// When that ends.
    pub(in crate::consumer) fn until(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, until: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }
}

/// What a membership is made of.
pub(in crate::consumer) struct Membership {
    /// What is subscribed to; the member leaves when that is nothing, and for ever when the other end is dropped.
    pub(in crate::consumer) topics: watch::Receiver<Vec<String>>,
    pub(in crate::consumer) changes: Changes,
    pub(in crate::consumer) validity: Arc<Validity>,
    /// Dropped when the member has left.
    pub(in crate::consumer) _left: oneshot::Sender<()>,
}

impl Membership {
    /// Keeps the consumer in the group from its first poll on.
    pub(in crate::consumer) fn begin(self, shared: &Arc<Shared>) {
        let ended = shared.ended();
        let driver = Driver::new(Arc::clone(shared), self);
        shared.cluster.spawn(async move {
            tokio::select! {
                () = ended => {}
                () = driver.run() => {}
            }
        });
    }
}

type Asked = Pin<Box<dyn Future<Output = Heard> + Send>>;

struct Driver {
    shared: Arc<Shared>,
    membership: Membership,
    member: Member,
    /// The moment from which the member's times are counted.
    epoch: Instant,
    link: Option<Held>,
    /// The request under way, which has the connection meanwhile.
    asked: Option<Asked>,
    /// Ends when the consumer has let go of what was taken away.
    letting_go: Option<oneshot::Receiver<()>>,
    owned: Vec<Key>,
    /// Whether partitions were lost since the last ones were given.
    lost_some: bool,
    /// How often in a row no connection could be made.
    failures: u32,
    /// The program has not polled for too long, so the member leaves until it does.
    late: bool,
    polls: watch::Receiver<u64>,
}

impl Driver {
    fn new(shared: Arc<Shared>, membership: Membership) -> Self {
        let topics = membership.topics.borrow().clone();
        Driver {
            member: member(&shared, topics),
            polls: shared.polls_begun(),
            shared,
            membership,
            epoch: Instant::now(),
            link: None,
            asked: None,
            letting_go: None,
            owned: Vec::new(),
            lost_some: false,
            failures: 0,
            late: false,
        }
    }

    fn now(&self) -> Duration {
        self.epoch.elapsed()
    }

    async fn run(mut self) {
        if *self.polls.borrow_and_update() == 0 && !self.polled().await {
            return;
        }
        loop {
            let step = self.member.next(self.now());
            let told = self.tell();
            match step {
                Step::Send(request) => {
                    tracing::trace!(?request, "group");
                    let (shared, id, link) = (Arc::clone(&self.shared), self.member.id().to_owned(), self.link.take());
                    let limit = PATIENCE.min(Duration::from_millis(self.shared.config.session_timeout_ms) / 3);
                    self.asked = Some(Box::pin(asking::ask(shared, link, id, request, limit)));
                }
                _ if told => {}
                Step::Wait(until) => self.wait(until).await,
                Step::Gone if self.is_wanted().await => self.begin_anew(),
                Step::Gone => break,
            }
        }
        self.link.take().into_iter().for_each(Held::release);
    }

    /// Waits until the consumer is to be a member again; false if it never will be.
    async fn is_wanted(&mut self) -> bool {
        loop {
            if self.late && !self.polled().await || self.membership.topics.has_changed().is_err() {
                return false;
            }
            if !self.membership.topics.borrow_and_update().is_empty() {
                return true;
            }
            if self.membership.topics.changed().await.is_err() {
                return false;
            }
        }
    }

    /// Waits for the next poll; false if the consumer has ended.
    async fn polled(&mut self) -> bool {
        loop {
            tokio::select! {
                polled = self.polls.changed() => {
                    self.late = false;
                    return polled.is_ok();
                }
                subscribed = self.membership.topics.changed() => if subscribed.is_err() { return false },
            }
        }
    }

    /// Joins under another name: what was asked under the old one may be executed yet.
    fn begin_anew(&mut self) {
        self.member = member(&self.shared, self.membership.topics.borrow_and_update().clone());
    }

    /// Waits until there is something to do, or the moment has come.
    async fn wait(&mut self, until: Duration) {
        let until = self.epoch + until.min(NEVER);
        let until = if self.member.is_leaving() { until } else { until.min(self.late_at()) };
        tokio::select! {
            heard = answer(&mut self.asked) => self.heard(heard),
            () = let_go(&mut self.letting_go) => self.member.released(self.now()),
            subscribed = self.membership.topics.changed(), if !self.member.is_leaving() => match subscribed {
                Ok(()) => {
                    let topics = self.membership.topics.borrow_and_update().clone();
                    match topics.is_empty() {
                        true => self.member.leave(self.now()),
                        false => self.member.subscribe(self.now(), topics),
                    }
                }
                Err(_dropped) => self.member.leave(self.now()),
            },
            () = lost(&self.link) => {
                self.link = None;
                self.member.disconnected(self.now());
            }
            () = sleep_until(until) => self.look_at_program(),
        }
    }

    fn heard(&mut self, heard: Heard) {
        self.asked = None;
        tracing::trace!(answer = ?heard.answer, error = ?heard.error, "group");
        let Heard { answer, link, error } = heard;
        match error {
            Some(error) if link.is_none() && error.is_of_connection() => self.unconnected(error),
            Some(error) => self.troubled(error),
            None => {
                self.failures = 0;
                self.shared.state().group_trouble = None;
            }
        }
        self.link = link;
        self.member.answered(self.now(), answer);
    }

    /// No server could be connected, or a connection was lost.
    fn unconnected(&mut self, error: Error) {
        self.shared.note_error(&error);
        if error.code() == ErrorCode::CircuitBreakerOpen {
            // Nothing was tried.
            return;
        }
        self.failures += 1;
        if self.failures >= self.shared.config.max_reconnect_attempts {
            self.failures = 0;
            self.shared.fail_next_poll(error);
        }
    }

    /// The broker refused something, which an empty poll tells.
    fn troubled(&mut self, error: Error) {
        if asking::is_of_rebalance(&error) {
            return;
        }
        self.shared.note_error(&error);
        if matches!(error, Error::AuthenticationFailed(_)) {
            return self.shared.fail_next_poll(error);
        }
        if asking::is_unexpected(&error) {
            self.shared.state().group_trouble = Some(error);
            self.shared.arrived();
        }
    }

    /// Tells the consumer what has happened to its partitions; whether anything has.
    fn tell(&mut self) -> bool {
        let mut told = false;
        while let Some(event) = self.member.take_event() {
            told = true;
            tracing::debug!(?event, "group");
            match event {
                Event::Assigned { partitions, .. } => self.assigned(&partitions),
                Event::Revoked if !self.late => {
                    self.letting_go = Some(self.membership.changes.announce(Change::Revoked(self.owned.clone())));
                }
                Event::Revoked | Event::Lost => self.gone(),
            }
        }
        let until = self.member.valid_until().map_or(self.epoch, |until| self.epoch + until.min(NEVER));
        self.membership.validity.set(until);
        if told {
            self.shared.arrived();
        }
        told
    }

    fn assigned(&mut self, partitions: &Assignment) {
        let keys = partitions.iter().flat_map(|(topic, numbers)| {
            let topic: Arc<str> = topic.as_str().into();
            numbers.iter().map(move |partition| Key { topic: Arc::clone(&topic), partition: *partition })
        });
        (self.owned, self.lost_some) = (keys.collect(), false);
        drop(self.membership.changes.announce(Change::Assigned(self.owned.clone())));
    }

    /// The partitions are others' already, whatever the program does now.
    fn gone(&mut self) {
        let owned = mem::take(&mut self.owned);
        {
            let mut state = self.shared.state();
            // What the program has chosen meanwhile is its own.
            if self.membership.topics.has_changed().is_ok() {
                state.remove(&owned);
            }
        }
        self.lost_some |= !owned.is_empty();
        let letting_go = self.membership.changes.announce(Change::Lost(owned));
        if self.late {
            self.released_for_it();
        } else {
            self.letting_go = Some(letting_go);
        }
    }

    /// Goes on without a program that may never poll again: there is nothing left that it could read.
    fn released_for_it(&mut self) {
        self.member.released(self.now());
        let lost_some = mem::take(&mut self.lost_some);
        if let Some(since) = self.shared.since_last_poll().filter(|_| lost_some) {
            let limit = self.shared.config.max_processing_interval;
            drop(self.membership.changes.announce(Change::Failed(too_late(since, limit))));
        }
    }

    /// When to look whether the program still polls.
    fn late_at(&self) -> Instant {
        let limit = self.shared.config.max_processing_interval;
        Instant::now() + limit.saturating_sub(self.shared.since_last_poll().unwrap_or_default())
    }

    /// Leaves for as long as the program does not poll.
    fn look_at_program(&mut self) {
        let is_late = |since| since >= self.shared.config.max_processing_interval;
        if self.shared.since_last_poll().is_some_and(is_late) && !self.member.is_leaving() {
            self.late = true;
            self.polls.mark_unchanged();
            self.member.leave(self.now());
            if self.letting_go.take().is_some() {
                // What was lost before is announced already.
                if self.owned.is_empty() { self.released_for_it() } else { self.gone() }
            }
        }
    }
}

fn member(shared: &Shared, topics: Vec<String>) -> Member {
    let config = &shared.config;
    let timing = Timing {
        session: Duration::from_millis(config.session_timeout_ms),
        rebalance: Duration::from_millis(config.rebalance_timeout_ms),
        heartbeat: Duration::from_millis(config.heartbeat_interval_ms),
        recount: config.metadata_refresh_interval,
    };
    Member::new(&shared.unique_name(), topics, config.partition_assignment_strategy, timing)
}

async fn answer(asked: &mut Option<Asked>) -> Heard {
    match asked {
        Some(asked) => asked.await,
        None => std::future::pending().await,
    }
}

async fn let_go(letting_go: &mut Option<oneshot::Receiver<()>>) {
    match letting_go {
        Some(receiver) => drop(receiver.await),
        None => std::future::pending().await,
    }
    *letting_go = None;
}

async fn lost(link: &Option<Held>) {
    match link {
        Some(link) => link.connection().ended().await,
        None => std::future::pending().await,
    }
}

fn too_late(since: Duration, limit: Duration) -> Error {
    let text = format!(
        "the program did not poll for {since:.1?}, longer than max.processing.interval.ms ({limit:?}): its partitions went to other members of the group; poll more often or raise it. The next poll joins the group again"
    );
    Error::Other(Detail::new(text).with_code(ErrorCode::PollTooLate).with_outcome(Outcome::NotSent))
}
