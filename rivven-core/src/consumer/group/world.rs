//! Members, their consumers and connections, and the broker, driven by random numbers in virtual time.

mod checks;
mod network;
mod troubles;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use rivven_testkit::Seeded;

use super::super::assignor::{Assignor, Counts};
use super::model::{Broker, EXPIRY_INTERVAL};
use super::schedule::Seen;
use super::{Answer, Event, Member, Request, Step, Timing};
use crate::ops::Assignment;

const TOPICS: [&str; 2] = ["a", "b"];
/// A request may be executed so long after it was sent, and its connection given up.
pub(super) const LATEST: u64 = 6000;

/// How often each kind of trouble comes: one in so many cases, 0 for never.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Weather {
    /// A request never arrives.
    pub(super) lost: u64,
    /// It is executed late, and perhaps when its connection has been given up.
    pub(super) late: u64,
    /// It is executed, and the answer does not come.
    pub(super) unanswered: u64,
    pub(super) refused: u64,
    /// A consumer takes long to let go.
    pub(super) slow: u64,
}

/// What happens from without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    Join,
    Leave,
    Kill,
    Stall,
    Cut,
    Subscribe,
    Count,
    Restart,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    Wake { node: usize },
    Execute { call: u64 },
    Deliver { call: u64 },
    GiveUp { node: usize, call: u64 },
    Released { node: usize, order: u64 },
    LookAfterMembers,
}

/// A request on its way, or its answer.
#[derive(Debug)]
struct Call {
    number: u64,
    node: usize,
    id: String,
    request: Request,
    /// Those that were sent before a restart never arrive.
    start: u64,
    answer_takes: u64,
    answer: Option<Answer>,
}

/// A member with its consumer.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) member: Member,
    session: u64,
    alive: bool,
    leaving: bool,
    stalled_until: u64,
    wake_at: u64,
    /// The one under way.
    call: Option<u64>,
    /// What the consumer reads, as long as it may.
    reads: Option<Assignment>,
    generation: u32,
    assigned_at_start: u64,
    /// When it was told to let go, and the number of that order.
    told_at: Option<u64>,
    orders: u64,
}

pub(super) struct World<'a> {
    seeded: Seeded,
    pub(super) weather: Weather,
    pub(super) timing: Timing,
    /// Sessions differ, so that no member can know when the broker drops it.
    mixed: bool,
    assignor: Assignor,
    /// Prints what members hear.
    pub(super) traced: bool,
    pub(super) now: u64,
    happenings: BinaryHeap<Reverse<(u64, u64, Happening)>>,
    sequence: u64,
    broker: Broker,
    start: u64,
    started_at: u64,
    down_until: u64,
    counts: [u32; TOPICS.len()],
    pub(super) nodes: Vec<Node>,
    calls: Vec<Call>,
    numbers: u64,
    /// How many assignments and losses there were.
    pub(super) changes: u64,
    pub(super) seen: &'a mut Seen,
}

impl Node {
    /// How long it waits for an answer.
    fn patience(&self) -> u64 {
        (self.session / 3).min(5000)
    }
}

impl<'a> World<'a> {
    pub(super) fn new(seed: u64, seen: &'a mut Seen) -> Self {
        let mut seeded = Seeded::new(seed);
        let session = seeded.between(15, 60) * 100;
        let timing = Timing {
            session: Duration::from_millis(session),
            rebalance: Duration::from_millis(seeded.between(20, 60) * 100),
            heartbeat: Duration::from_millis(session / seeded.between(3, 6)),
            recount: Duration::from_secs(4),
        };
        let counts = [seeded.between(1, 6) as u32, seeded.between(0, 4) as u32];
        let assignors = [Assignor::Range, Assignor::RoundRobin, Assignor::Sticky];
        let mut world = World {
            assignor: assignors[seeded.between(0, 2) as usize],
            mixed: seeded.one_in(8),
            seeded,
            weather: Weather::default(),
            traced: false,
            timing,
            now: 0,
            happenings: BinaryHeap::new(),
            sequence: 0,
            broker: Broker::default(),
            start: 0,
            started_at: 0,
            down_until: 0,
            counts,
            nodes: Vec::new(),
            calls: Vec::new(),
            numbers: 0,
            changes: 0,
            seen,
        };
        let first = world.pick(0, EXPIRY_INTERVAL);
        world.happens(first, Happening::LookAfterMembers);
        world
    }

    /// With the same session for all members.
    pub(super) fn cleanly(seed: u64, seen: &'a mut Seen) -> Self {
        World { mixed: false, ..World::new(seed, seen) }
    }

    pub(super) fn pick(&mut self, from: u64, to: u64) -> u64 {
        self.seeded.between(from, to)
    }

    fn comes(&mut self, one_in: u64) -> bool {
        one_in > 0 && self.seeded.one_in(one_in)
    }

    /// How long a rebalance may go unnoticed.
    pub(super) fn heartbeat(&self) -> u64 {
        self.timing.heartbeat.min(self.timing.session / 3).as_millis() as u64
    }

    fn happens(&mut self, at: u64, what: Happening) {
        self.sequence += 1;
        self.happenings.push(Reverse((at, self.sequence, what)));
    }

    /// Lets everything happen until then.
    pub(super) fn run_until(&mut self, end: u64) {
        while let Some(Reverse((at, _, _))) = self.happenings.peek() {
            if *at > end {
                break;
            }
            let Some(Reverse((at, _, what))) = self.happenings.pop() else { break };
            self.now = at;
            self.happen(what);
        }
        self.now = end;
    }

    /// Lets everything happen until the group has settled; false if it has not by then.
    pub(super) fn settle_until(&mut self, end: u64) -> bool {
        while self.now < end && !self.is_settled() {
            let Some(Reverse((at, _, what))) = self.happenings.pop() else { break };
            self.now = at;
            self.happen(what);
        }
        self.is_settled()
    }

    fn happen(&mut self, what: Happening) {
        assert!(self.sequence < 1_000_000, "there is no end: {}", self.describe());
        if let Some(until) = self.stalled(&what) {
            return self.happens(until, what);
        }
        match what {
            Happening::Wake { node } => self.run(node),
            Happening::Execute { call } => self.execute(call),
            Happening::Deliver { call } => self.deliver(call),
            Happening::GiveUp { node, call } => self.given_up(node, call),
            Happening::Released { node, order } => self.released(node, order),
            Happening::LookAfterMembers => {
                self.broker.look_after_members(self.now, &mut self.seeded);
                self.happens(self.now + EXPIRY_INTERVAL, Happening::LookAfterMembers);
            }
        }
    }

    /// Nothing happens in a process that is stopped, and everything when it goes on: when that will be.
    fn stalled(&self, what: &Happening) -> Option<u64> {
        let node = match *what {
            Happening::Wake { node } | Happening::GiveUp { node, .. } | Happening::Released { node, .. } => node,
            Happening::Deliver { call } => self.calls.iter().find(|other| other.number == call)?.node,
            Happening::Execute { .. } | Happening::LookAfterMembers => return None,
        };
        Some(self.nodes[node].stalled_until).filter(|until| *until > self.now)
    }

    fn alive(&self) -> usize {
        self.nodes.iter().filter(|node| node.alive).count()
    }

    fn time(&self) -> Duration {
        Duration::from_millis(self.now)
    }

    /// Has a member do what is due.
    fn run(&mut self, index: usize) {
        let now = self.time();
        let node = &self.nodes[index];
        if !node.alive {
            return;
        }
        if node.stalled_until == self.now && self.now > 0 {
            // It goes on where it was stopped.
            self.check_alone(index);
        }
        let step = self.nodes[index].member.next(now);
        self.take_events(index);
        match step {
            Step::Send(request) => {
                self.send(index, request);
                // To be woken when the session ends.
                self.run(index);
            }
            Step::Wait(Duration::MAX) => {}
            Step::Wait(until) => {
                let (until, now) = (until.as_nanos().div_ceil(1_000_000) as u64, self.now);
                let node = &mut self.nodes[index];
                if node.wake_at > until || node.wake_at <= now {
                    node.wake_at = until;
                    self.happens(until, Happening::Wake { node: index });
                }
            }
            Step::Gone => {
                assert!(self.nodes[index].reads.is_none(), "it left and reads on");
                self.nodes[index].alive = false;
                self.seen.left += 1;
            }
        }
    }

    fn take_events(&mut self, index: usize) {
        while let Some(event) = self.nodes[index].member.take_event() {
            self.changes += 1;
            if self.traced {
                eprintln!("{} {index}: {event:?}", self.now);
            }
            match event {
                Event::Assigned { generation, partitions } => self.assigned(index, generation, partitions),
                Event::Revoked => {
                    self.seen.revoked += 1;
                    self.order_release(index);
                }
                Event::Lost => {
                    self.seen.lost += 1;
                    // The consumer may read nothing more of it, whatever it has still to do.
                    let was_told = self.nodes[index].told_at.is_some();
                    self.nodes[index].reads = None;
                    if !was_told {
                        self.order_release(index);
                    }
                }
            }
        }
    }

    fn order_release(&mut self, index: usize) {
        let takes = match self.comes(self.weather.slow) {
            true => self.seeded.between(0, 2 * self.timing.rebalance.as_millis() as u64),
            false => self.seeded.between(0, 20),
        };
        let node = &mut self.nodes[index];
        node.orders += 1;
        node.told_at = Some(self.now);
        let order = node.orders;
        self.happens(self.now + takes, Happening::Released { node: index, order });
    }

    fn released(&mut self, index: usize, order: u64) {
        let now = self.time();
        let node = &mut self.nodes[index];
        if !node.alive || node.orders != order {
            return;
        }
        (node.reads, node.told_at) = (None, None);
        node.member.released(now);
        self.run(index);
    }

    fn assigned(&mut self, index: usize, generation: u32, partitions: Assignment) {
        self.seen.assigned += 1;
        let node = &mut self.nodes[index];
        assert!(node.reads.is_none() && node.told_at.is_none(), "it was assigned something before it let go");
        (node.reads, node.generation, node.assigned_at_start) = (Some(partitions), generation, self.start);
        self.check_alone(index);
    }

    fn wake(&mut self, index: usize) {
        self.happens(self.now, Happening::Wake { node: index });
    }

    pub(super) fn describe(&self) -> String {
        let alive: Vec<_> = self.nodes.iter().filter(|node| node.alive).collect();
        format!("at {} with {:?} partitions: {:#?} {alive:#?}", self.now, self.counts, self.broker)
    }
}
