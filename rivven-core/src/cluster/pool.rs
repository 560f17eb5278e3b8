//! The connections to one server: a state machine without I/O.
//!
//! A connection carries many requests at once. A request that the broker lets
//! wait (a long poll, a follower's sync) blocks everything behind it, so it has
//! a connection to itself. Where neither a connection nor room for another is
//! left, callers wait in a queue: what becomes free is handed to the first of
//! them, directly, so nobody wakes in vain and nobody overtakes.

use std::collections::{HashMap, VecDeque};

use tokio::sync::oneshot;

use super::lane::{Lane, busy_at, full_at};
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
    /// This one; it has to be [`release`](Pool::release)d. `grow` says whether another is to be opened
    /// beside it, as by [`Answer::Open`].
    Ready { id: Id, connection: C, grow: Option<Plan> },
    /// None yet: open one ([`Pool::opened`] or [`Pool::not_opened`] has to follow).
    Open(Plan),
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
    Open(Plan),
}

/// A connection that is to be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "others wait for its end"]
pub(super) struct Plan {
    lane: Lane,
    /// Whether there are others, so that a failure says nothing of the server.
    pub(super) growth: bool,
}

/// How long no more connections are opened after one was refused beside others that work, and at most where that goes
/// on: the server may have come to its limit, or one connection was lost by chance.
const FIRST_GROWTH_PAUSE_MS: u64 = 100;
const LONGEST_GROWTH_PAUSE_MS: u64 = 10_000;

/// The connections of one server; `C` is the connection, and moments are milliseconds.
#[derive(Debug)]
pub(super) struct Pool<C> {
    size: usize,
    entries: Vec<Entry<C>>,
    /// The lanes of the connections that are being opened.
    opening: Vec<Lane>,
    /// The queues of the lanes.
    waiting: HashMap<Lane, VecDeque<Waiter<C>>>,
    /// Before this moment no connection is opened beside others.
    no_growth_before_ms: u64,
    /// How many were refused in a row.
    refused: u32,
    last_id: u64,
}

type Waiter<C> = (Need, oneshot::Sender<Turn<C>>);

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
        let room = if need.alone { self.is_idle() } else { self.under_way < full_at(need.purpose) };
        !self.retired && !self.alone && room
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
    /// What is to be opened in the place of connections whose time is over.
    pub(super) replace: Vec<Plan>,
}

impl<C: Clone> Pool<C> {
    pub(super) fn new(size: usize) -> Self {
        Pool {
            size,
            entries: Vec::new(),
            opening: Vec::new(),
            waiting: HashMap::new(),
            no_growth_before_ms: 0,
            refused: 0,
            last_id: 0,
        }
    }

    /// Asks for a connection.
    ///
    /// `usable` tells connections that still work; others are forgotten.
    pub(super) fn ask(&mut self, need: Need, now_ms: u64, usable: impl Fn(&C) -> bool) -> Answer<C> {
        self.forget(now_ms, &usable);
        self.look_again(now_ms);
        let lane = Lane::of(need.purpose, self.size);
        // The first connection of all shows whether the server is there: one attempt, for everybody.
        if self.entries.is_empty() && !self.opening.is_empty() {
            return Answer::Opening;
        }
        // Whoever waits for such a connection came before.
        if self.waiting.get(&lane).is_none_or(VecDeque::is_empty) {
            if let Some(index) = self.best(need, lane, now_ms) {
                let (id, connection) = self.take(index, need);
                let busy = !need.alone && self.under_way(lane) > busy_at(need.purpose) * self.in_lane(lane);
                let grow = if busy { self.plan(lane, now_ms) } else { None };
                return Answer::Ready { id, connection, grow };
            }
            if let Some(plan) = self.plan(lane, now_ms) {
                return Answer::Open(plan);
            }
        }
        let (sender, receiver) = oneshot::channel();
        self.waiting.entry(lane).or_default().push_back((need, sender));
        Answer::Wait(receiver)
    }

    /// Plans another connection, if there is room for it.
    fn plan(&mut self, lane: Lane, now_ms: u64) -> Option<Plan> {
        if self.entries.is_empty() {
            // Those beside which one was refused are gone: it was the server that went away, and not its limit.
            self.may_grow();
        }
        let may = self.may_open(lane, now_ms);
        may.then(|| {
            self.opening.push(lane);
            Plan { lane, growth: !self.entries.is_empty() }
        })
    }

    fn entries_in(&self, lane: Lane) -> impl Iterator<Item = &Entry<C>> {
        self.entries.iter().filter(move |entry| entry.lane == lane && !entry.retired)
    }

    fn under_way(&self, lane: Lane) -> usize {
        self.entries_in(lane).map(|entry| entry.under_way).sum()
    }

    fn lane(&self, need: Need) -> Lane {
        Lane::of(need.purpose, self.size)
    }

    /// The least busy connection that fits: of the lane itself, or an idle one
    /// that another lane can spare; any at all where the lane can have none.
    fn best(&self, need: Need, lane: Lane, now_ms: u64) -> Option<usize> {
        let fits = |(_, entry): &(usize, &Entry<C>)| entry.takes(need);
        let own = self.entries.iter().enumerate().filter(|(_, entry)| entry.lane == lane).filter(fits);
        let own = own.min_by_key(|(_, entry)| entry.under_way);
        let spare = || {
            let can_spare = |entry: &Entry<C>| entry.lane != lane && entry.is_idle() && self.in_lane(entry.lane) > 1;
            self.entries.iter().enumerate().filter(|(_, entry)| can_spare(entry)).find(fits)
        };
        let foreign = || {
            let allowed = self.in_lane(lane) == 0 && !self.may_open(lane, now_ms);
            let all = self.entries.iter().enumerate().filter(|_| allowed).filter(fits);
            all.min_by_key(|(_, entry)| entry.under_way)
        };
        own.or_else(spare).or_else(foreign).map(|(index, _)| index)
    }

    fn take(&mut self, index: usize, need: Need) -> (Id, C) {
        let lane = self.lane(need);
        let spare = self.entries[index].is_idle() && self.in_lane(self.entries[index].lane) > 1;
        let entry = &mut self.entries[index];
        if spare {
            entry.lane = lane;
        }
        entry.under_way += 1;
        entry.alone = need.alone;
        (entry.id, entry.connection.clone())
    }

    /// How many connections a lane has, those that are being opened included.
    fn in_lane(&self, lane: Lane) -> usize {
        self.entries_in(lane).count() + self.opening.iter().filter(|opening| **opening == lane).count()
    }

    /// Whether there is room for another connection, with one kept free for every lane that has none.
    fn may_open(&self, lane: Lane, now_ms: u64) -> bool {
        if !self.entries.is_empty() && now_ms < self.no_growth_before_ms {
            return false;
        }
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
        self.hand_over(now_ms);
        dropped
    }

    /// A connection was opened for a lane; it is handed to whoever waits for one.
    ///
    /// It takes the place of those of the lane whose time is over.
    pub(super) fn opened(&mut self, plan: Plan, connection: C, now_ms: u64, expires_ms: u64) -> Vec<C> {
        let lane = plan.lane;
        self.not_opening(lane);
        self.may_grow();
        let old = |entry: &Entry<C>| entry.lane == lane && entry.expires_ms <= now_ms;
        self.entries.iter_mut().filter(|entry| old(entry)).for_each(|entry| entry.retired = true);
        self.last_id += 1;
        let id = Id(self.last_id);
        let (under_way, alone, retired) = (0, false, false);
        let (last_used_ms, last_heard_ms) = (now_ms, now_ms);
        let entry = Entry { id, connection, lane, under_way, alone, retired, expires_ms, last_used_ms, last_heard_ms };
        self.entries.push(entry);
        self.hand_over(now_ms);
        self.drop_retired()
    }

    /// A connection could not be opened.
    ///
    /// Beside others that work that says that the server takes no more of them,
    /// and no further one is tried for a while. Where there are none, all who
    /// wait learn by their channel that they wait in vain.
    pub(super) fn not_opened(&mut self, plan: Plan, now_ms: u64) {
        self.not_opening(plan.lane);
        if plan.growth {
            // Several that were begun together say no more than one.
            if now_ms >= self.no_growth_before_ms {
                let pause = FIRST_GROWTH_PAUSE_MS.saturating_mul(1 << self.refused.min(16));
                self.no_growth_before_ms = now_ms + pause.min(LONGEST_GROWTH_PAUSE_MS);
                self.refused += 1;
            }
        } else if self.entries.is_empty() {
            // The server is not there: one attempt says it to everybody, not one after the other.
            self.waiting.clear();
        }
        self.hand_over(now_ms);
    }

    /// A connection that was planned is not wanted any more.
    pub(super) fn give_up(&mut self, plan: Plan, now_ms: u64) {
        self.not_opening(plan.lane);
        self.hand_over(now_ms);
    }

    /// Nothing says any more that the server takes no further connection.
    fn may_grow(&mut self) {
        (self.no_growth_before_ms, self.refused) = (0, 0);
    }

    /// How long those who wait have to be patient until [`look_again`](Pool::look_again) may serve them with another
    /// connection; `None` if only one that becomes free can.
    pub(super) fn growth_pause_ms(&self, now_ms: u64) -> Option<u64> {
        self.no_growth_before_ms.checked_sub(now_ms).filter(|pause| *pause > 0)
    }

    /// Serves those who wait, since time has passed.
    pub(super) fn look_again(&mut self, now_ms: u64) {
        if !self.waiting.is_empty() {
            self.hand_over(now_ms);
        }
    }

    fn not_opening(&mut self, lane: Lane) {
        if let Some(index) = self.opening.iter().position(|opening| *opening == lane) {
            self.opening.swap_remove(index);
        }
    }

    /// Gives what is free to those who wait, first come first served in each lane.
    fn hand_over(&mut self, now_ms: u64) {
        let lanes: Vec<_> = self.waiting.keys().copied().collect();
        for lane in lanes {
            let mut queue = self.waiting.remove(&lane).unwrap_or_default();
            while let Some((need, sender)) = queue.pop_front() {
                if sender.is_closed() {
                    continue;
                }
                if let Some(unserved) = self.serve(need, sender, now_ms) {
                    queue.push_front((need, unserved));
                    break;
                }
            }
            if !queue.is_empty() {
                self.waiting.insert(lane, queue);
            }
        }
    }

    /// Serves a waiter; gives it back if there is nothing for it.
    fn serve(&mut self, need: Need, sender: oneshot::Sender<Turn<C>>, now_ms: u64) -> Option<oneshot::Sender<Turn<C>>> {
        let lane = self.lane(need);
        if let Some(index) = self.best(need, lane, now_ms) {
            let (id, connection) = self.take(index, need);
            if sender.send(Turn::Connection(id, connection)).is_err() {
                self.untake(id);
            }
            return None;
        }
        let Some(plan) = self.plan(lane, now_ms) else { return Some(sender) };
        if sender.send(Turn::Open(plan)).is_err() {
            self.not_opening(lane);
        }
        None
    }

    /// Takes back what could not be handed over, since the waiter had gone.
    fn untake(&mut self, id: Id) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == id) {
            entry.under_way -= 1;
            entry.alone &= entry.under_way > 0;
        }
    }

    /// Forgets the connections that do not work any more.
    fn forget(&mut self, now_ms: u64, usable: impl Fn(&C) -> bool) {
        let before = self.entries.len();
        self.entries.retain(|entry| usable(&entry.connection));
        if self.entries.len() < before {
            self.hand_over(now_ms);
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
        self.forget(now_ms, usable);
        let mut replace = Vec::new();
        for index in 0..self.entries.len() {
            let Entry { lane, expires_ms, last_used_ms, .. } = self.entries[index];
            let idle = self.entries[index].is_idle();
            let others = self.entries.iter().filter(|entry| !entry.retired).count() > 1;
            let alone = self.entries_in(lane).count() == 1;
            if expires_ms <= now_ms && alone && !(idle && others) {
                // It goes once the other one is there.
                if self.in_lane(lane) == 1 {
                    self.opening.push(lane);
                    replace.push(Plan { lane, growth: true });
                }
            } else if expires_ms <= now_ms || (idle && others && now_ms.saturating_sub(last_used_ms) >= idle_ms) {
                self.entries[index].retired |= !alone || (idle && others);
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

    /// Whether there are connections.
    pub(super) fn has_connections(&self) -> bool {
        !self.entries.is_empty()
    }

    /// Whether there is no connection, not even on its way.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.opening.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;

    const SHARED: Need = Need { purpose: Purpose::Metadata, alone: false };
    const ALONE: Need = Need { purpose: Purpose::Fetch, alone: true };
    const NEVER: u64 = u64::MAX;

    /// Connections are numbers here; all of them work.
    fn pool(size: usize) -> Pool<u32> {
        Pool::new(size)
    }

    fn open(_: &u32) -> bool {
        true
    }

    fn opened(pool: &mut Pool<u32>, need: Need, connection: u32) {
        let Answer::Open(plan) = pool.ask(need, 0, open) else { panic!("there is room") };
        assert!(pool.opened(plan, connection, 0, NEVER).is_empty());
    }

    fn ready(pool: &mut Pool<u32>, need: Need) -> Id {
        match pool.ask(need, 0, open) {
            Answer::Ready { id, .. } => id,
            other => panic!("{other:?}"),
        }
    }

    /// Its only connection is in use, and another one was refused at 0.
    fn refused() -> Pool<u32> {
        let mut pool = pool(10);
        opened(&mut pool, ALONE, 1);
        ready(&mut pool, ALONE);
        let Answer::Open(plan) = pool.ask(SHARED, 0, open) else { panic!("there is room") };
        pool.not_opened(plan, 0);
        pool
    }

    #[test]
    fn the_first_connection_of_all_is_opened_once_for_everybody() {
        let mut pool = pool(10);
        let Answer::Open(plan) = pool.ask(SHARED, 0, open) else { panic!("nothing is there yet") };
        assert!(matches!(pool.ask(SHARED, 0, open), Answer::Opening));
        assert!(matches!(pool.ask(ALONE, 0, open), Answer::Opening));
        pool.not_opened(plan, 0);
        assert!(matches!(pool.ask(ALONE, 0, open), Answer::Open(Plan { growth: false, .. })));
    }

    #[test]
    fn what_wants_to_be_alone_is_alone() {
        let mut pool = pool(1);
        opened(&mut pool, SHARED, 1);
        let ping = ready(&mut pool, SHARED);
        let Answer::Wait(mut poll) = pool.ask(ALONE, 0, open) else { panic!("something is under way") };
        pool.release(ping, After::Use, 0, open);
        let Ok(Turn::Connection(poll, 1)) = poll.try_recv() else { panic!("it is free now") };
        let Answer::Wait(mut ping) = pool.ask(SHARED, 0, open) else { panic!("it is blocked") };
        pool.release(poll, After::Use, 0, open);
        assert!(matches!(ping.try_recv(), Ok(Turn::Connection(_, 1))));
    }

    #[test]
    fn a_waiter_that_has_gone_is_passed_over() {
        let mut pool = pool(1);
        opened(&mut pool, ALONE, 1);
        let first = ready(&mut pool, ALONE);
        let Answer::Wait(gone) = pool.ask(ALONE, 0, open) else { panic!("it is in use") };
        let Answer::Wait(mut next) = pool.ask(ALONE, 0, open) else { panic!("it is in use") };
        drop(gone);
        pool.release(first, After::Use, 0, open);
        assert!(matches!(next.try_recv(), Ok(Turn::Connection(..))));
    }

    #[test]
    fn a_spoiled_connection_makes_room_for_another() {
        let mut pool = pool(1);
        opened(&mut pool, ALONE, 1);
        let poll = ready(&mut pool, ALONE);
        let Answer::Wait(mut next) = pool.ask(SHARED, 0, open) else { panic!("it is in use") };
        assert_eq!(pool.release(poll, After::Spoiled, 0, open), Some(1));
        assert!(matches!(next.try_recv(), Ok(Turn::Open(_))));
    }

    #[test]
    fn whoever_waits_for_a_server_that_is_gone_learns_it_together() {
        let mut pool = pool(1);
        opened(&mut pool, ALONE, 1);
        ready(&mut pool, ALONE);
        let wait = |pool: &mut Pool<u32>| match pool.ask(ALONE, 0, open) {
            Answer::Wait(turn) => turn,
            other => panic!("{other:?}"),
        };
        let (mut first, mut second, mut third) = (wait(&mut pool), wait(&mut pool), wait(&mut pool));
        // The connection has ended.
        pool.forget(0, |_| false);
        let Ok(Turn::Open(plan)) = first.try_recv() else { panic!("there is room now") };
        assert!(second.try_recv().is_err());
        pool.not_opened(plan, 0);
        let gone = Err(oneshot::error::TryRecvError::Closed);
        assert_eq!(second.try_recv().map(drop), gone);
        assert_eq!(third.try_recv().map(drop), gone);
    }

    #[test]
    fn where_no_more_are_taken_lanes_share_what_there_is() {
        let mut pool = pool(10);
        opened(&mut pool, SHARED, 1);
        let Answer::Open(plan) = pool.ask(ALONE, 0, open) else { panic!("there is room") };
        assert!(plan.growth);
        pool.not_opened(plan, 0);
        let poll = ready(&mut pool, ALONE);
        assert!(matches!(pool.ask(SHARED, 0, open), Answer::Wait(_)));
        pool.release(poll, After::Use, 0, open);
        ready(&mut pool, SHARED);
        assert!(matches!(pool.ask(ALONE, FIRST_GROWTH_PAUSE_MS, open), Answer::Open(_)), "it is tried again later");
    }

    /// All connections were in use for good by those who read, one more was refused once, and then nobody else ever got
    /// one: whoever came waited behind others that had long gone.
    #[test]
    fn whoever_waits_is_served_once_another_connection_may_be_opened() {
        let mut pool = refused();
        let Answer::Wait(gone) = pool.ask(SHARED, 0, open) else { panic!("no other is opened for now") };
        let Answer::Wait(mut waits) = pool.ask(SHARED, 0, open) else { panic!("no other is opened for now") };
        assert_eq!(pool.growth_pause_ms(1), Some(FIRST_GROWTH_PAUSE_MS - 1));
        drop(gone);
        pool.look_again(FIRST_GROWTH_PAUSE_MS - 1);
        assert!(waits.try_recv().is_err());
        pool.look_again(FIRST_GROWTH_PAUSE_MS);
        assert!(matches!(waits.try_recv(), Ok(Turn::Open(_))));
    }

    #[test]
    fn a_caller_is_not_kept_waiting_by_those_who_have_gone() {
        let mut pool = refused();
        let Answer::Wait(gone) = pool.ask(SHARED, 0, open) else { panic!("no other is opened for now") };
        drop(gone);
        assert!(matches!(pool.ask(SHARED, FIRST_GROWTH_PAUSE_MS, open), Answer::Open(_)));
    }

    #[test]
    fn a_server_that_takes_no_more_connections_is_asked_less_and_less() {
        let mut pool = pool(10);
        opened(&mut pool, ALONE, 1);
        ready(&mut pool, ALONE);
        let (mut now, mut pauses) = (0, Vec::new());
        for _ in 0..10 {
            let Answer::Open(plan) = pool.ask(SHARED, now, open) else { panic!("it is tried again") };
            pool.not_opened(plan, now);
            pauses.extend(pool.growth_pause_ms(now));
            now += pauses.last().unwrap();
        }
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000]);
    }

    /// A broker that is stopped refuses connections while others seem to work for a moment longer. After it was
    /// started again there was one connection then, and no other for ten seconds.
    #[test]
    fn a_server_that_went_away_is_not_taken_for_one_that_is_full() {
        let mut pool = pool(10);
        opened(&mut pool, SHARED, 1);
        let Answer::Open(plan) = pool.ask(ALONE, 0, open) else { panic!("there is room") };
        pool.not_opened(plan, 0);
        pool.forget(0, |_| false);
        opened(&mut pool, SHARED, 2);
        assert!(matches!(pool.ask(ALONE, 1, open), Answer::Open(_)));
    }

    #[test]
    fn one_connection_is_kept_free_for_every_lane_that_has_none() {
        let mut pool = pool(5);
        for connection in 0..2 {
            opened(&mut pool, ALONE, connection);
            ready(&mut pool, ALONE);
        }
        assert!(matches!(pool.ask(ALONE, 0, open), Answer::Wait(_)));
        assert!(matches!(pool.ask(SHARED, 0, open), Answer::Open(_)));
    }

    #[test]
    fn idle_connections_go_but_for_one() {
        let mut pool = pool(10);
        let needs = [SHARED, ALONE, Need { purpose: Purpose::Group, alone: false }];
        needs.into_iter().zip(1..).for_each(|(need, connection)| opened(&mut pool, need, connection));
        assert!(pool.upkeep(99, 100, 1000, open).dropped.is_empty());
        let upkeep = pool.upkeep(100, 100, 50, open);
        assert_eq!((upkeep.dropped.len(), upkeep.silent.len(), upkeep.replace.len()), (2, 1, 0));
        assert!(pool.upkeep(NEVER - 1, 100, NEVER, open).dropped.is_empty());
    }

    #[test]
    fn the_last_connection_is_replaced_before_it_goes() {
        let mut pool = pool(1);
        let Answer::Open(plan) = pool.ask(SHARED, 0, open) else { panic!("there is room") };
        pool.opened(plan, 1, 0, 500);
        let upkeep = pool.upkeep(500, 100_000, 100_000, open);
        assert_eq!((upkeep.dropped.len(), upkeep.replace.len()), (0, 1));
        let meanwhile = pool.upkeep(501, 100_000, 100_000, open);
        assert_eq!((meanwhile.dropped.len(), meanwhile.replace.len()), (0, 0), "the other one is not there yet");
        let busy = ready(&mut pool, SHARED);
        assert!(pool.opened(upkeep.replace[0], 2, 510, NEVER).is_empty(), "the old one has a request under way");
        assert!(matches!(pool.ask(SHARED, 0, open), Answer::Ready { connection: 2, .. }));
        assert_eq!(pool.release(busy, After::Use, 520, open), Some(1));
    }

    /// Random callers come, go and give up: nothing is ever used by two that
    /// must not, the limit holds, and nobody is forgotten.
    #[test]
    fn any_order_of_events_keeps_the_rules() {
        arbtest::arbtest(|u| {
            let size = u.int_in_range(1..=6)?;
            let mut pool = pool(size);
            let mut held: HashMap<(u64, u32), Need> = HashMap::new();
            let mut opening = Vec::new();
            let mut waiting: Vec<(Need, oneshot::Receiver<Turn<u32>>)> = Vec::new();
            let mut next = 0;
            let (mut token, mut now) = (0, 0);
            for _ in 0..u.int_in_range(1..=200)? {
                now += u.int_in_range(0..=2000)?;
                match u.int_in_range(0..=5)? {
                    0..=2 => {
                        let purposes = [Purpose::Produce, Purpose::Fetch, Purpose::Group, Purpose::Metadata];
                        let need = Need { purpose: *u.choose(&purposes)?, alone: u.ratio(1, 3)? };
                        match pool.ask(need, now, open) {
                            Answer::Ready { id, grow, .. } => {
                                token += 1;
                                held.insert((token, id.0 as u32), need);
                                opening.extend(grow);
                            }
                            Answer::Open(plan) => opening.push(plan),
                            Answer::Opening => assert!(!opening.is_empty()),
                            Answer::Wait(turn) => waiting.push((need, turn)),
                        }
                    }
                    3 if !held.is_empty() => {
                        let keys: Vec<_> = held.keys().copied().collect();
                        let key = *u.choose(&keys)?;
                        let need = held.remove(&key).unwrap();
                        let after = if need.alone && u.ratio(1, 3)? { After::Spoiled } else { After::Use };
                        pool.release(Id(u64::from(key.1)), after, now, open);
                    }
                    4 if !opening.is_empty() => {
                        let plan = opening.swap_remove(u.choose_index(opening.len())?);
                        if u.ratio(1, 4)? {
                            pool.not_opened(plan, now);
                        } else {
                            next += 1;
                            pool.opened(plan, next, now, NEVER);
                        }
                    }
                    5 if !waiting.is_empty() => drop(waiting.swap_remove(u.choose_index(waiting.len())?)),
                    _ => {}
                }
                pool.look_again(now);
                waiting.retain_mut(|(need, turn)| match turn.try_recv() {
                    Ok(Turn::Connection(id, _)) => {
                        token += 1;
                        held.insert((token, id.0 as u32), *need);
                        false
                    }
                    Ok(Turn::Open(plan)) => {
                        opening.push(plan);
                        false
                    }
                    Err(error) => error == oneshot::error::TryRecvError::Empty,
                });
                for (need, _) in &waiting {
                    assert!(!pool.may_open(pool.lane(*need), now), "somebody waits though there is room");
                }
                assert!(pool.entries.len() + pool.opening.len() <= size);
                assert_eq!(pool.opening.len(), opening.len());
                let alone: Vec<_> = held.iter().filter(|(_, need)| need.alone).map(|((_, id), _)| *id).collect();
                for id in &alone {
                    assert_eq!(held.keys().filter(|(_, other)| other == id).count(), 1, "it is not alone");
                }
                assert_eq!(alone.len(), alone.iter().collect::<HashSet<_>>().len());
                let idle = held.is_empty() && opening.is_empty();
                assert!(!idle || waiting.is_empty(), "somebody waits though nothing is in use");
            }
            Ok(())
        });
    }
}
