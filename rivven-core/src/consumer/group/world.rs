//! Members, their consumers and connections, and the broker, driven by random numbers in virtual time.

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
    sent: u64,
    answer_takes: u64,
    /// The first that comes counts.
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
    pub(super) last_change: u64,
    pub(super) seen: &'a mut Seen,
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
            last_change: 0,
            seen,
        };
        world.happens(world.seeded.clone().between(0, EXPIRY_INTERVAL), Happening::LookAfterMembers);
        world
    }

    pub(super) fn pick(&mut self, from: u64, to: u64) -> u64 {
        self.seeded.between(from, to)
    }

    fn comes(&mut self, one_in: u64) -> bool {
        one_in > 0 && self.seeded.one_in(one_in)
    }

    /// The times of members that lose no heartbeat: how long they go unnoticed, how long a call may take.
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
        let mut checked = u64::MAX;
        while self.now < end {
            // Only what is assigned can settle it; somebody who was expelled is noticed by the clock.
            if self.changes != checked && self.is_settled() {
                return true;
            }
            checked = if self.broker.members() == self.alive() { self.changes } else { u64::MAX };
            let Some(Reverse((at, _, what))) = self.happenings.pop() else { return false };
            self.now = at;
            self.happen(what);
        }
        self.is_settled()
    }

    fn happen(&mut self, what: Happening) {
        assert!(self.sequence < 1_000_000, "there is no end: {}", self.describe());
        match what {
            Happening::Wake { node } => {
                if !self.put_off(node, Happening::Wake { node }) {
                    self.run(node);
                }
            }
            Happening::Execute { call } => self.execute(call),
            Happening::Deliver { call } => self.deliver(call),
            Happening::Released { node, order } => {
                if !self.put_off(node, Happening::Released { node, order }) {
                    self.released(node, order);
                }
            }
            Happening::LookAfterMembers => {
                self.broker.look_after_members(self.now, &mut self.seeded);
                self.happens(self.now + EXPIRY_INTERVAL, Happening::LookAfterMembers);
            }
        }
    }

    /// Nothing happens in a process that is stopped, and everything when it goes on.
    fn put_off(&mut self, node: usize, what: Happening) -> bool {
        let until = self.nodes[node].stalled_until;
        let stalled = until > self.now;
        if stalled {
            self.happens(until, what);
        }
        stalled
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
        let node = &mut self.nodes[index];
        if !node.alive {
            return;
        }
        let step = node.member.next(now);
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

    fn send(&mut self, index: usize, request: Request) {
        self.numbers += 1;
        let number = self.numbers;
        let node = &mut self.nodes[index];
        node.call = Some(number);
        let id = node.member.id().to_owned();
        let patience = (node.session / 3).min(5000);
        let down = self.down_until > self.now;
        let weather = self.weather;
        let (mut takes, answer_takes) = (self.seeded.between(0, 4), self.seeded.between(0, 4));
        let mut call =
            Call { number, node: index, id, request, start: self.start, sent: self.now, answer_takes, answer: None };
        if matches!(call.request, Request::Count { .. }) {
            call.answer =
                Some(if self.comes(weather.refused) { Answer::Refused } else { Answer::Counted(self.counted()) });
            self.happens(self.now + takes, Happening::Deliver { call: number });
        } else if down || self.comes(weather.lost) {
            call.answer = Some(Answer::Lost);
            let after = if down { 10 } else { self.seeded.between(0, patience) };
            self.happens(self.now + after, Happening::Deliver { call: number });
        } else {
            if self.comes(weather.late) {
                takes = self.seeded.between(0, LATEST);
            }
            if self.comes(weather.unanswered) {
                call.answer_takes = u64::MAX;
            }
            self.happens(self.now + takes, Happening::Execute { call: number });
            if call.answer_takes > patience || takes + call.answer_takes > patience {
                self.give_up_at(&call, self.now + patience);
            }
        }
        self.calls.push(call);
    }

    /// The client waits only so long; the request may be executed later.
    fn give_up_at(&mut self, call: &Call, at: u64) {
        // A second entry for the same place: whichever answer comes first is taken.
        self.numbers += 1;
        let lost = Call {
            number: self.numbers,
            request: Request::Leave,
            answer: Some(Answer::Lost),
            id: String::new(),
            ..*call
        };
        self.happens(at, Happening::Deliver { call: lost.number });
        self.calls.push(Call { sent: call.number, ..lost });
    }

    fn counted(&self) -> Counts {
        let counts = TOPICS.iter().zip(self.counts).filter(|(_, count)| *count > 0);
        counts.map(|(topic, count)| ((*topic).to_owned(), count)).collect()
    }

    fn take_call(&mut self, number: u64) -> Option<Call> {
        let place = self.calls.iter().position(|call| call.number == number)?;
        Some(self.calls.swap_remove(place))
    }

    fn execute(&mut self, number: u64) {
        let Some(mut call) = self.take_call(number) else { return };
        if call.start != self.start {
            return;
        }
        let node = &self.nodes[call.node];
        self.seen.late += u64::from(node.call != Some(number));
        let session = node.session;
        let answer = match self.comes(self.weather.refused) {
            true => Some(Answer::Refused),
            false => self.broker.execute(self.now, &call.id, &call.request, session, number, &mut self.seeded),
        };
        if matches!(call.request, Request::Join { .. }) {
            self.seen.joins += 1;
        }
        match answer {
            Some(answer) if call.answer_takes != u64::MAX => {
                let at = self.now + call.answer_takes;
                call.answer = Some(answer);
                self.happens(at, Happening::Deliver { call: number });
                self.calls.push(call);
            }
            Some(_) => {}
            None => {
                self.seen.parked += 1;
                let patience = (session / 3).min(5000);
                let at = (call.sent + patience).max(self.now);
                self.give_up_at(&call, at);
                self.calls.push(call);
            }
        }
        for (woken, answer) in std::mem::take(&mut self.broker.woken) {
            if let Some(call) = self.calls.iter_mut().find(|call| call.number == woken) {
                call.answer = Some(answer);
                self.happens(self.now, Happening::Deliver { call: woken });
            }
        }
    }

    fn deliver(&mut self, number: u64) {
        let Some(place) = self.calls.iter().position(|call| call.number == number) else { return };
        let node = self.calls[place].node;
        if self.put_off(node, Happening::Deliver { call: number }) {
            return;
        }
        let call = self.calls.swap_remove(place);
        // A timeout stands for the call that it was made for.
        let of = if call.answer == Some(Answer::Lost) && call.id.is_empty() { call.sent } else { call.number };
        if self.nodes[node].call != Some(of) || !self.nodes[node].alive {
            return;
        }
        let now = self.time();
        self.nodes[node].call = None;
        let answer = call.answer.expect("it is on its way because there is one");
        if std::env::var("TRACE").is_ok() {
            let text = format!("{answer:?}");
            eprintln!("TR {} n{node} {:?} -> {}", self.now, call.request, &text[..text.len().min(300)]);
        }
        self.nodes[node].member.answered(now, answer);
        self.take_events(node);
        self.run(node);
    }

    fn take_events(&mut self, index: usize) {
        while let Some(event) = self.nodes[index].member.take_event() {
            self.changes += 1;
            if std::env::var("TRACE").is_ok() {
                eprintln!("TR {} n{index} {event:?}", self.now);
            }
            self.last_change = self.now;
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

    /// Whether a consumer may be reading: it has partitions, is running and within its session.
    fn is_reading(&self, node: &Node) -> bool {
        let valid = node.member.valid_until().is_some_and(|until| self.time() < until);
        node.alive && node.stalled_until <= self.now && valid
    }

    /// Nobody else reads what somebody reads from now on.
    fn check_alone(&mut self, index: usize) {
        let node = &self.nodes[index];
        for (other, another) in self.nodes.iter().enumerate().filter(|(other, _)| *other != index) {
            let (Some(own), Some(others)) = (&node.reads, &another.reads) else { continue };
            if !self.is_reading(another) || !self.is_reading(node) || !overlap(own, others) {
                continue;
            }
            let rebalance = self.timing.rebalance.as_millis() as u64;
            let slow = |node: &Node| node.told_at.is_some_and(|told| self.now >= told + rebalance);
            // The broker forgot who had what; whoever has not heard of it reads on for its session at most.
            let forgotten = [node, another].iter().any(|node| node.assigned_at_start != self.start)
                && self.now <= self.started_at + self.timing.session.as_millis() as u64;
            if slow(another) || slow(node) {
                self.seen.too_slow += 1;
            } else if forgotten {
                self.seen.forgotten += 1;
            } else if self.mixed {
                self.seen.mixed += 1;
            } else {
                panic!("{index} and {other} read the same at {}: {node:#?} {another:#?}", self.now);
            }
        }
    }

    pub(super) fn trouble(&mut self, trouble: Trouble) {
        let alive: Vec<_> = (0..self.nodes.len()).filter(|index| self.nodes[*index].alive).collect();
        match trouble {
            Trouble::Join if alive.len() < 10 => return self.enter(),
            Trouble::Count => return self.change_counts(),
            Trouble::Restart => return self.restart(),
            _ if alive.is_empty() => return,
            _ => {}
        }
        let index = alive[self.seeded.between(0, alive.len() as u64 - 1) as usize];
        let now = self.time();
        match trouble {
            Trouble::Leave => {
                self.nodes[index].leaving = true;
                self.nodes[index].member.leave(now);
                self.take_events(index);
                self.wake(index);
            }
            Trouble::Kill => {
                self.nodes[index].alive = false;
                self.seen.killed += 1;
            }
            Trouble::Stall => {
                let longest = self.timing.session.as_millis() as u64 * 3 / 2;
                self.nodes[index].stalled_until = self.now + self.seeded.between(0, longest);
                self.seen.stalled += 1;
            }
            Trouble::Cut => self.cut(index),
            Trouble::Subscribe => {
                let topics = self.some_topics();
                self.nodes[index].member.subscribe(now, topics);
                self.take_events(index);
                self.wake(index);
            }
            Trouble::Join | Trouble::Count | Trouble::Restart => {}
        }
    }

    fn wake(&mut self, index: usize) {
        self.happens(self.now, Happening::Wake { node: index });
    }

    fn some_topics(&mut self) -> Vec<String> {
        let topics: &[&str] = match self.seeded.between(0, 5) {
            0 => &["a"],
            1 => &["b"],
            _ => &TOPICS,
        };
        topics.iter().map(|topic| (*topic).to_owned()).collect()
    }

    fn enter(&mut self) {
        let mut timing = self.timing;
        if self.mixed {
            timing.session = timing.session * self.seeded.between(1, 4) as u32 / 2;
        }
        let topics = self.some_topics();
        let unique = format!("{:x}-{}", self.seeded.between(0, 0xffff), self.nodes.len());
        self.nodes.push(Node {
            member: Member::new(&unique, topics, self.assignor, timing),
            session: timing.session.as_millis() as u64,
            alive: true,
            leaving: false,
            stalled_until: 0,
            wake_at: 0,
            call: None,
            reads: None,
            generation: 0,
            assigned_at_start: 0,
            told_at: None,
            orders: 0,
        });
        self.wake(self.nodes.len() - 1);
    }

    fn change_counts(&mut self) {
        let topic = self.seeded.between(0, 1) as usize;
        if self.counts[topic] < 8 {
            self.counts[topic] += self.seeded.between(1, 3) as u32;
            self.seen.counts += 1;
        }
    }

    /// The connection ends: what was under way may have been executed, or may be yet.
    fn cut(&mut self, index: usize) {
        self.seen.cut += 1;
        let now = self.time();
        match self.nodes[index].call {
            Some(number) => {
                let Some(call) = self.calls.iter().position(|call| call.number == number) else { return };
                let executes = self.calls[call].answer.is_none() && self.seeded.one_in(2);
                let stand_in = Call { request: Request::Leave, answer: None, id: String::new(), ..self.calls[call] };
                if !executes {
                    self.calls.swap_remove(call);
                }
                self.give_up_at(&stand_in, self.now);
            }
            None => {
                self.nodes[index].member.disconnected(now);
                self.wake(index);
            }
        }
    }

    fn restart(&mut self) {
        self.seen.restarts += 1;
        self.broker.restart();
        self.start += 1;
        self.down_until = self.now + self.seeded.between(0, 2000);
        self.started_at = self.down_until;
        for index in 0..self.nodes.len() {
            self.cut(index);
        }
    }

    /// From now on nothing goes wrong any more, except what is under way.
    pub(super) fn calm(&mut self) {
        self.weather = Weather::default();
    }

    /// Whether every partition is read by exactly one of the members that live, by a plan that is in force.
    pub(super) fn is_settled(&self) -> bool {
        let alive = || self.nodes.iter().filter(|node| node.alive);
        if alive().next().is_none() {
            return true;
        }
        let in_force = |node: &Node| {
            node.reads.is_some()
                && node.told_at.is_none()
                && !node.leaving
                && node.assigned_at_start == self.start
                && Some(node.generation) == self.broker.generation()
        };
        // Those that were killed are dropped after their session.
        let only_they = self.broker.members() == self.alive();
        only_they && self.broker.is_stable() && alive().all(|node| in_force(node)) && self.covers()
    }

    fn covers(&self) -> bool {
        let shares =
            || self.nodes.iter().filter(|node| node.alive).filter_map(|node| Some((node, node.reads.as_ref()?)));
        TOPICS.iter().zip(self.counts).all(|(topic, count)| {
            let wanted = shares().any(|(node, _)| node.member.topics().iter().any(|name| name == topic));
            let mut read: Vec<u32> = shares()
                .flat_map(|(_, share)| share.iter().filter(|(name, _)| name == topic))
                .flat_map(|(_, partitions)| partitions.iter().copied())
                .collect();
            read.sort_unstable();
            read.into_iter().eq(0..if wanted { count } else { 0 })
        })
    }

    pub(super) fn describe(&self) -> String {
        format!(
            "at {} {} {:?} {:#?}\n{:#?}",
            self.now,
            self.covers(),
            self.counts,
            self.broker,
            self.nodes.iter().filter(|n| n.alive).collect::<Vec<_>>()
        )
    }
}

fn overlap(one: &Assignment, other: &Assignment) -> bool {
    one.iter().any(|(topic, partitions)| {
        let same = other.iter().filter(|(name, _)| name == topic);
        same.flat_map(|(_, others)| others).any(|partition| partitions.contains(partition))
    })
}
