//! The connections to one server: a state machine without I/O.
//!
//! A connection carries many requests at once. A request that the broker lets
//! wait (a long poll, a follower's sync) blocks everything behind it, so it has
//! a connection to itself. Where neither a connection nor room for another is
//! left, callers wait in a queue: what becomes free is handed to the first of
//! them, directly, so nobody wakes in vain and nobody overtakes.

use std::collections::VecDeque;

use tokio::sync::oneshot;

use super::lane::{Lane, busy_at};
use crate::protocol::Purpose;

/// What a request needs of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Need {
    pub(super) purpose: Purpose,
    /// Whether nothing else may be under way on it.
    pub(super) alone: bool,
}

/// The number by which the pool knows a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Id(u64);

/// The answer to a request for a connection.
#[derive(Debug)]
pub(super) enum Answer<C> {
    /// This one; it has to be [`release`](Pool::release)d. `grow` says for which lane another is to be
    /// opened beside it, as by [`Answer::Open`].
    Ready { id: Id, connection: C, grow: Option<Lane> },
    /// None yet: open one for this lane ([`Pool::opened`] or [`Pool::not_opened`] has to follow).
    Open(Lane),
    /// Somebody is opening one: ask again afterwards.
    Opening,
    /// All are in use: this gives one later, or the task to open one.
    Wait(oneshot::Receiver<Turn<C>>),
}

/// What a waiting caller is given.
#[derive(Debug)]
pub(super) enum Turn<C> {
    /// A connection, as by [`Answer::Ready`].
    Connection(Id, C),
    /// There is room for another connection now, as by [`Answer::Open`].
    Open(Lane),
}

/// The connections of one server; `C` is the connection, and moments are milliseconds.
#[derive(Debug)]
pub(super) struct Pool<C> {
    size: usize,
    entries: Vec<Entry<C>>,
    /// The lanes of the connections that are being opened.
    opening: Vec<Lane>,
    waiting: VecDeque<(Need, oneshot::Sender<Turn<C>>)>,
    last_id: u64,
}

#[derive(Debug)]
struct Entry<C> {
    id: Id,
    connection: C,
    lane: Lane,
    under_way: usize,
    /// Whether what is under way wants to be alone.
    alone: bool,
    /// Whether it takes no more requests and goes with its last one.
    retired: bool,
    /// When it is to be replaced.
    expires_ms: u64,
    last_used_ms: u64,
    /// When it was last used or pinged.
    last_heard_ms: u64,
}

impl<C> Entry<C> {
    fn is_idle(&self) -> bool {
        self.under_way == 0
    }

    fn takes(&self, need: Need) -> bool {
        !self.retired && !self.alone && (!need.alone || self.is_idle())
    }
}

/// After what a connection is given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// A request.
    Use,
    /// A ping, which keeps it from being closed by the broker and not from being idle.
    Ping,
    /// A request that is still under way though nobody waits for it: it must not be used again.
    Spoiled,
}

/// How many connections there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Count {
    pub(super) active: usize,
    pub(super) idle: usize,
}

/// What a look at the pool says is to be done.
#[derive(Debug)]
pub(super) struct Upkeep<C> {
    /// Connections that went out of use; dropping them ends them.
    pub(super) dropped: Vec<C>,
    /// Connections that have been silent for long: a ping keeps them alive.
    pub(super) silent: Vec<Id>,
    /// Lanes whose only connection is to be replaced.
    pub(super) replace: Vec<Lane>,
}

impl<C: Clone> Pool<C> {
    pub(super) fn new(size: usize) -> Self {
        Pool { size, entries: Vec::new(), opening: Vec::new(), waiting: VecDeque::new(), last_id: 0 }
    }

    /// Asks for a connection.
    ///
    /// `usable` tells connections that still work; others are forgotten.
    /// `may_grow` allows to open more of them than are needed.
    pub(super) fn ask(&mut self, need: Need, may_grow: bool, usable: impl Fn(&C) -> bool) -> Answer<C> {
        self.forget(&usable);
        let lane = Lane::of(need.purpose, self.size);
        // Whoever waits for such a connection came before.
        let overtaking = self.waiting.iter().any(|(other, _)| self.lane(*other) == lane);
        if !overtaking && let Some(index) = self.best(need, lane) {
            let busy = self.entries[index].under_way >= busy_at(need.purpose) && !need.alone;
            let grow = (may_grow && busy && !self.opening.contains(&lane) && self.may_open(lane)).then_some(lane);
            self.opening.extend(grow);
            let (id, connection) = self.take(index, need);
            return Answer::Ready { id, connection, grow };
        }
        // The first connection of all shows whether the server is there: one attempt, for everybody.
        let first = self.entries.is_empty() && !self.opening.is_empty();
        if first || (!need.alone && self.opening.contains(&lane)) {
            return Answer::Opening;
        }
        if !overtaking && self.may_open(lane) {
            self.opening.push(lane);
            return Answer::Open(lane);
        }
        let (sender, receiver) = oneshot::channel();
        self.waiting.push_back((need, sender));
        Answer::Wait(receiver)
    }

    fn lane(&self, need: Need) -> Lane {
        Lane::of(need.purpose, self.size)
    }

    /// The least busy connection that fits: of the lane itself, or an idle one that another lane can spare.
    fn best(&self, need: Need, lane: Lane) -> Option<usize> {
        let fitting = |entry: &&(usize, &Entry<C>)| entry.1.takes(need);
        let entries: Vec<_> = self.entries.iter().enumerate().collect();
        let own = entries.iter().filter(|(_, entry)| entry.lane == lane).filter(fitting);
        let own = own.min_by_key(|(_, entry)| entry.under_way);
        let spare = || {
            let spare = |entry: &Entry<C>| entry.lane != lane && entry.is_idle() && self.in_lane(entry.lane) > 1;
            entries.iter().filter(|(_, entry)| spare(entry)).find(fitting)
        };
        own.or_else(spare).map(|(index, _)| *index)
    }

    fn take(&mut self, index: usize, need: Need) -> (Id, C) {
        let lane = self.lane(need);
        let entry = &mut self.entries[index];
        entry.lane = lane;
        entry.under_way += 1;
        entry.alone = need.alone;
        (entry.id, entry.connection.clone())
    }

    /// How many connections a lane has, those that are being opened included.
    fn in_lane(&self, lane: Lane) -> usize {
        let open = self.entries.iter().filter(|entry| entry.lane == lane && !entry.retired).count();
        open + self.opening.iter().filter(|opening| **opening == lane).count()
    }

    /// Whether there is room for another connection, with one kept free for every lane that has none.
    fn may_open(&self, lane: Lane) -> bool {
        let total = self.entries.len() + self.opening.len();
        let kept_free = Lane::all(self.size).filter(|other| *other != lane && self.in_lane(*other) == 0).count();
        total + if self.in_lane(lane) == 0 { 0 } else { kept_free } < self.size
    }

    /// Gives a connection back; it is handed to whoever waits for one.
    ///
    /// What is returned went out of use.
    pub(super) fn release(&mut self, id: Id, after: After, now_ms: u64, usable: impl Fn(&C) -> bool) -> Option<C> {
        let index = self.entries.iter().position(|entry| entry.id == id)?;
        let entry = &mut self.entries[index];
        entry.under_way -= 1;
        entry.last_heard_ms = now_ms;
        if after != After::Ping {
            entry.last_used_ms = now_ms;
        }
        entry.retired |= after == After::Spoiled;
        if entry.is_idle() {
            entry.alone = false;
        }
        let gone = entry.retired && entry.is_idle() || !usable(&entry.connection);
        let dropped = gone.then(|| self.entries.swap_remove(index).connection);
        self.hand_over();
        dropped
    }

    /// A connection was opened for a lane; it is handed to whoever waits for one.
    ///
    /// It takes the place of those of the lane whose time is over.
    pub(super) fn opened(&mut self, lane: Lane, connection: C, now_ms: u64, expires_ms: u64) -> Vec<C> {
        self.not_opening(lane);
        let old = |entry: &Entry<C>| entry.lane == lane && entry.expires_ms <= now_ms;
        self.entries.iter_mut().filter(|entry| old(entry)).for_each(|entry| entry.retired = true);
        self.last_id += 1;
        let id = Id(self.last_id);
        let (under_way, alone, retired) = (0, false, false);
        let (last_used_ms, last_heard_ms) = (now_ms, now_ms);
        let entry = Entry { id, connection, lane, under_way, alone, retired, expires_ms, last_used_ms, last_heard_ms };
        self.entries.push(entry);
        self.hand_over();
        self.drop_retired()
    }

    /// No connection could be opened for a lane.
    pub(super) fn not_opened(&mut self, lane: Lane) {
        self.not_opening(lane);
        self.hand_over();
    }

    fn not_opening(&mut self, lane: Lane) {
        if let Some(index) = self.opening.iter().position(|opening| *opening == lane) {
            self.opening.swap_remove(index);
        }
    }

    /// Gives what is free to those who wait, first come first served in each lane.
    fn hand_over(&mut self) {
        let mut passed = Vec::new();
        let mut index = 0;
        while index < self.waiting.len() {
            let (need, sender) = &self.waiting[index];
            let (need, lane) = (*need, self.lane(*need));
            if sender.is_closed() {
                self.waiting.remove(index);
            } else if !passed.contains(&lane) && self.serve(index, need, lane) {
                // Served, and gone from the queue.
            } else {
                passed.push(lane);
                index += 1;
            }
        }
    }

    /// Serves the waiter at this place, if there is something for it.
    fn serve(&mut self, place: usize, need: Need, lane: Lane) -> bool {
        if let Some(index) = self.best(need, lane) {
            let Some((_, sender)) = self.waiting.remove(place) else { return false };
            let (id, connection) = self.take(index, need);
            if let Err(Turn::Connection(id, _)) = sender.send(Turn::Connection(id, connection)) {
                self.untake(id);
            }
            return true;
        }
        if self.may_open(lane) {
            let Some((_, sender)) = self.waiting.remove(place) else { return false };
            self.opening.push(lane);
            if sender.send(Turn::Open(lane)).is_err() {
                self.not_opening(lane);
            }
            return true;
        }
        false
    }

    /// Takes back what could not be handed over, since the waiter had gone.
    fn untake(&mut self, id: Id) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == id) {
            entry.under_way -= 1;
            entry.alone &= entry.under_way > 0;
        }
    }

    /// Forgets the connections that do not work any more.
    fn forget(&mut self, usable: impl Fn(&C) -> bool) {
        let before = self.entries.len();
        self.entries.retain(|entry| usable(&entry.connection));
        if self.entries.len() < before {
            self.hand_over();
        }
    }

    /// Lets every present connection, save for one, end with its last request; later ones are new.
    pub(super) fn retire_all(&mut self, except: Option<Id>) -> Vec<C> {
        let others = self.entries.iter_mut().filter(|entry| Some(entry.id) != except);
        others.for_each(|entry| entry.retired = true);
        self.drop_retired()
    }

    /// Lets one connection end with its last request.
    pub(super) fn retire(&mut self, id: Id) {
        self.entries.iter_mut().filter(|entry| entry.id == id).for_each(|entry| entry.retired = true);
    }

    fn drop_retired(&mut self) -> Vec<C> {
        let gone = |entry: &mut Entry<C>| entry.retired && entry.is_idle();
        self.entries.extract_if(.., gone).map(|entry| entry.connection).collect()
    }

    /// Looks through the connections: which have been idle or in use for too long.
    ///
    /// One connection is always kept. Where one is the only one of its lane it
    /// is replaced before it goes, for which the pool grows by one for a moment.
    pub(super) fn upkeep(
        &mut self,
        now_ms: u64,
        idle_ms: u64,
        silent_ms: u64,
        usable: impl Fn(&C) -> bool,
    ) -> Upkeep<C> {
        self.forget(usable);
        let mut replace = Vec::new();
        for index in 0..self.entries.len() {
            let Entry { lane, expires_ms, last_used_ms, .. } = self.entries[index];
            let idle = self.entries[index].is_idle();
            let others = self.entries.iter().filter(|entry| !entry.retired).count() > 1;
            if expires_ms <= now_ms && self.in_lane(lane) == 1 && !(idle && others) {
                self.opening.push(lane);
                replace.push(lane);
            } else if expires_ms <= now_ms || (idle && others && now_ms.saturating_sub(last_used_ms) >= idle_ms) {
                self.entries[index].retired |= self.in_lane(lane) > 1 || (idle && others);
            }
        }
        let dropped = self.drop_retired();
        let is_silent = |entry: &&Entry<C>| entry.is_idle() && now_ms.saturating_sub(entry.last_heard_ms) >= silent_ms;
        let silent = self.entries.iter().filter(is_silent).map(|entry| entry.id).collect();
        Upkeep { dropped, silent, replace }
    }

    /// Takes an idle connection for a ping; to be [`release`](Self::release)d.
    pub(super) fn take_idle(&mut self, id: Option<Id>) -> Option<(Id, C)> {
        let fits = |entry: &&mut Entry<C>| entry.is_idle() && !entry.retired && id.is_none_or(|id| id == entry.id);
        let entry = self.entries.iter_mut().find(fits)?;
        entry.under_way += 1;
        Some((entry.id, entry.connection.clone()))
    }

    /// Empties the pool; waiters learn it by their channel.
    pub(super) fn take_all(&mut self) -> Vec<C> {
        self.waiting.clear();
        self.entries.drain(..).map(|entry| entry.connection).collect()
    }

    /// How many connections are in use, and how many are not.
    pub(super) fn count(&self, usable: impl Fn(&C) -> bool) -> Count {
        let open = || self.entries.iter().filter(|entry| usable(&entry.connection));
        let idle = open().filter(|entry| entry.is_idle()).count();
        Count { active: open().count() - idle, idle }
    }
}
