//! A client's transaction and the broker, driven by random numbers.

use std::collections::VecDeque;

use rivven_testkit::Seeded;

use super::begun::margin;
use super::course::{Committed, Course, Probed, Step, Verdict};
use super::model::{Broker, Item, Request, Response, Writing};
use super::table::{End, Table};
use super::window::{Effect, Ticket, Window};
use crate::error::{Detail, Error, ErrorCode};
use crate::producer::Answer;

const LANES: u32 = 2;
const PARTITIONS: u32 = 3;
const TIMEOUT: u64 = 10_000;
/// What the transaction's offset is; before it there is none.
const OFFSET: u64 = 7;
/// How long a broker may be at what was lost.
const QUIET: u64 = 500;

/// How often each kind of trouble comes: one in so many cases, 0 for never.
#[derive(Debug)]
struct Weather {
    cut: u64,
    restart: u64,
    not_taken: u64,
    slow: u64,
    answer_lost: u64,
}

/// How it ended for the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Committed,
    Aborted,
    Unknown,
}

#[derive(Debug)]
struct Attempt {
    ticket: Ticket,
    request: Request,
    sent: u64,
    /// Once the broker has executed it.
    answer: Option<Answer>,
}

#[derive(Debug)]
struct Lane {
    window: Window<Request>,
    under_way: VecDeque<Attempt>,
}

/// One transaction with all around it.
pub(super) struct World<'a> {
    seeded: Seeded,
    weather: Weather,
    pub(super) broker: Broker,
    pub(super) items: Vec<Item>,
    pub(super) with_offset: bool,
    lanes: Vec<Lane>,
    /// Requests of cut connections that the broker has not finished: not begun, or half done.
    strays: Vec<Result<Writing, Request>>,
    lost_at: Option<u64>,
    last: u64,
    pid: u64,
    next: [i32; PARTITIONS as usize],
    pub(super) table: Table,
    /// Whether the client waits for what was lost before it aborts.
    waits: bool,
    pub(super) answers_lost: bool,
    seen: &'a mut super::schedule::Seen,
}

impl<'a> World<'a> {
    pub(super) fn new(seed: u64, waits: bool, seen: &'a mut super::schedule::Seen) -> Self {
        let mut seeded = Seeded::new(seed);
        let mut rate = |usual: u64| match seeded.between(0, 2) {
            0 => 0,
            1 => usual,
            _ => usual * 4,
        };
        let weather =
            Weather { cut: rate(25), restart: rate(60), not_taken: rate(8), slow: rate(6), answer_lost: rate(3) };
        let mut broker = Broker::default();
        broker.others = seeded.between(0, 4) as usize;
        let pid = broker.init();
        assert!(broker.begin(pid, TIMEOUT), "there is a place for it");
        let lane = || Lane { window: Window::new(3), under_way: VecDeque::new() };
        World {
            weather,
            broker,
            items: (0..seeded.between(0, 12) as Item).collect(),
            with_offset: seeded.between(0, 1) == 1,
            lanes: std::iter::repeat_with(lane).take(LANES as usize).collect(),
            strays: Vec::new(),
            lost_at: None,
            last: 0,
            pid,
            next: [0; PARTITIONS as usize],
            table: Table::new("t"),
            waits,
            answers_lost: false,
            seen,
            seeded,
        }
    }

    fn happens(&mut self, one_in: u64) -> bool {
        one_in > 0 && self.seeded.between(1, one_in) == 1
    }

    fn doom(&mut self, code: ErrorCode) {
        self.table.doom(&Error::ServerError(Detail::from("doomed").with_code(code)));
    }

    /// Lets time pass, in which the broker is at what was lost for a while at most.
    fn pass(&mut self, ms: u64) {
        if self.lost_at.is_some_and(|lost| self.broker.now + ms >= lost + QUIET) {
            self.work_off_strays();
        }
        self.broker.pass(ms);
    }

    fn over_at(&self) -> u64 {
        let timeout = std::time::Duration::from_millis(TIMEOUT);
        self.last + TIMEOUT - margin(timeout).as_millis() as u64
    }

    fn is_in_time(&self) -> bool {
        self.broker.now < self.last + TIMEOUT
    }

    fn trouble(&mut self) {
        if self.happens(self.weather.cut) {
            let lane = self.seeded.between(0, u64::from(LANES) - 1) as usize;
            self.cut(lane);
        }
        if self.happens(self.weather.restart) {
            self.seen.restarts += 1;
            (0..LANES as usize).for_each(|lane| self.cut(lane));
            self.strays.clear();
            let lost_offset = self.happens(2);
            self.broker.restart(lost_offset);
        }
        if self.happens(self.weather.slow) {
            let ms = self.seeded.between(1, TIMEOUT / 2);
            self.pass(ms);
        }
        if self.happens(3) {
            self.work_on_a_stray();
        }
        self.pass(1);
    }

    /// A connection ends: what was executed is not told, and what was not may be executed yet.
    fn cut(&mut self, lane: usize) {
        let under_way: Vec<_> = self.lanes[lane].under_way.drain(..).collect();
        if under_way.is_empty() {
            return;
        }
        self.seen.cuts += 1;
        self.answers_lost = true;
        self.lost_at = Some(self.broker.now);
        for attempt in under_way {
            // What is on the wire behind a request may be read or not.
            if attempt.answer.is_none() && self.happens(2) {
                self.strays.push(Err(attempt.request));
            }
            self.answered(lane, attempt.ticket, Answer::Unknown);
        }
    }

    fn work_on_a_stray(&mut self) {
        let Some(stray) = (!self.strays.is_empty()).then(|| self.strays.remove(0)) else { return };
        match stray {
            Ok(writing) => self.broker.write(writing),
            Err(request) => {
                if let Ok(writing) = self.broker.check(request) {
                    self.strays.insert(0, Ok(writing));
                }
            }
        }
    }

    fn work_off_strays(&mut self) {
        while !self.strays.is_empty() {
            self.work_on_a_stray();
        }
    }

    fn answered(&mut self, lane: usize, ticket: Ticket, answer: Answer) {
        if let Effect::Doomed { .. } = self.lanes[lane].window.answered(ticket, answer) {
            self.doom(ErrorCode::ConnectionLost);
        }
    }

    /// A step of the sender, the broker or the receiver of a lane.
    fn step(&mut self, lane: usize) {
        match self.seeded.between(0, 2) {
            0 if self.table.sends() => {
                if let Some((ticket, request)) = self.lanes[lane].window.send() {
                    let request = *request;
                    self.lanes[lane].under_way.push_back(Attempt {
                        ticket,
                        request,
                        sent: self.broker.now,
                        answer: None,
                    });
                }
            }
            1 => {
                let not_taken = self.happens(self.weather.not_taken);
                let next = self.lanes[lane].under_way.iter_mut().find(|attempt| attempt.answer.is_none());
                let Some(attempt) = next else { return };
                attempt.answer = Some(match not_taken {
                    true => Answer::NotExecuted,
                    false => meaning(self.broker.execute(attempt.request)),
                });
            }
            _ => {
                let answer = self.lanes[lane].under_way.front().and_then(|attempt| attempt.answer);
                let Some(answer) = answer else { return };
                let Some(attempt) = self.lanes[lane].under_way.pop_front() else { return };
                if matches!(answer, Answer::Published { .. }) {
                    self.last = self.last.max(attempt.sent);
                }
                self.answered(lane, attempt.ticket, answer);
            }
        }
    }

    /// Hands records over, then ends the transaction as the program wants it.
    pub(super) fn run(&mut self) -> Ended {
        let mut left: VecDeque<_> = self.items.clone().into();
        let wants_to_commit = !self.happens(6);
        for _ in 0..100_000 {
            self.trouble();
            if self.broker.now >= self.over_at() {
                self.doom(ErrorCode::TransactionTimedOut);
            }
            if self.table.doomed().is_some() {
                return self.give_up();
            }
            if let Some(item) = left.pop_front() {
                let partition = self.seeded.between(0, u64::from(PARTITIONS) - 1) as u32;
                let sequence = std::mem::replace(&mut self.next[partition as usize], 0);
                self.next[partition as usize] = sequence + 1;
                let request = Request::Publish { pid: self.pid, partition, sequence, item };
                self.lanes[(partition % LANES) as usize].window.push(partition, request);
            } else if self.lanes.iter().all(|lane| lane.window.is_empty()) {
                return if wants_to_commit { self.commit() } else { self.abort() };
            }
            let lane = self.seeded.between(0, u64::from(LANES) - 1) as usize;
            self.step(lane);
        }
        panic!("it does not end: {:?}", self.table);
    }

    /// A call that follows no other: executed or not, answered or not; `None` for no answer.
    fn call(&mut self, request: Request) -> Option<Response> {
        self.trouble();
        if self.happens(self.weather.answer_lost) {
            self.answers_lost = true;
            if self.happens(2) {
                self.broker.execute(request);
            }
            self.pass(QUIET);
            return None;
        }
        let at = self.broker.now;
        let response = self.broker.execute(request);
        if response == Response::Done {
            self.last = self.last.max(at);
        }
        Some(response)
    }

    fn commit(&mut self) -> Ended {
        if self.with_offset {
            let add = Request::AddOffsets { pid: self.pid, offset: OFFSET };
            // The client repeats it: that does no harm.
            let stored = (0..5).find_map(|_| self.call(add));
            if stored != Some(Response::Done) {
                self.doom(ErrorCode::InvalidTxnId);
                return self.give_up();
            }
        }
        self.table.commit().expect("it is open");
        let mut course = Course::new(!self.items.is_empty(), self.with_offset);
        let mut step = Step::Commit;
        for _ in 0..1000 {
            step = match step {
                Step::Commit => {
                    let answer = match self.call(Request::Commit { pid: self.pid }) {
                        None => Committed::Unknown,
                        Some(Response::Done) => Committed::Done,
                        Some(Response::Gone) => Committed::Gone,
                        Some(Response::TimedOut | Response::Dead) => Committed::Dead,
                        Some(Response::UnknownProducer | Response::OutOfOrder) => Committed::Refused,
                    };
                    course.committed(answer, self.is_in_time())
                }
                Step::Probe => {
                    self.seen.probes += 1;
                    let probed = self.probe();
                    course.probed(probed, self.is_in_time())
                }
                Step::AskOffsets => {
                    self.seen.offsets_asked += 1;
                    course.offsets(Some(self.broker.offset == Some(OFFSET)))
                }
                Step::End(verdict) => return self.conclude(verdict),
            };
        }
        panic!("the commit does not end");
    }

    fn probe(&mut self) -> Probed {
        // The last record of the partition with the most of them.
        let (partition, count) = (0..).zip(self.next).max_by_key(|(_, count)| *count).expect("there are partitions");
        let again = Request::Publish { pid: self.pid, partition, sequence: count - 1, item: Item::MAX };
        match self.call(again) {
            None => Probed::Unanswered,
            Some(Response::Done) => Probed::Known,
            Some(_) => Probed::Forgotten,
        }
    }

    fn conclude(&mut self, verdict: Verdict) -> Ended {
        match verdict {
            Verdict::Committed => {
                self.table.ended(End::Committed);
                Ended::Committed
            }
            Verdict::Gone => {
                self.table.ended(End::Aborted);
                Ended::Aborted
            }
            Verdict::Dead => {
                self.bury();
                self.table.ended(End::Aborted);
                Ended::Aborted
            }
            Verdict::Refused => {
                self.doom(ErrorCode::TransactionError);
                self.give_up()
            }
            Verdict::Unknown => {
                self.table.ended(End::Unknown);
                Ended::Unknown
            }
        }
    }

    fn give_up(&mut self) -> Ended {
        let reason = self.table.doomed().cloned().expect("there is a reason");
        self.end_by_abort();
        self.table.given_up(&reason);
        Ended::Aborted
    }

    fn abort(&mut self) -> Ended {
        self.table.abort().expect("it is open");
        self.end_by_abort();
        self.table.ended(End::Aborted);
        Ended::Aborted
    }

    fn end_by_abort(&mut self) {
        // Connections are given up with what is under way on them, if that does not end in time.
        (0..LANES as usize).for_each(|lane| self.cut(lane));
        if let (Some(lost_at), true) = (self.lost_at, self.waits) {
            let until = lost_at + QUIET;
            if until > self.broker.now {
                self.pass(until - self.broker.now);
            }
        }
        while self.is_in_time() {
            match self.call(Request::Abort { pid: self.pid }) {
                None => {}
                Some(Response::TimedOut | Response::Dead) => return self.bury(),
                Some(_) => return,
            }
        }
    }

    fn bury(&mut self) {
        self.seen.buried += 1;
        if self.broker.begin(self.pid, TIMEOUT) {
            self.broker.execute(Request::Abort { pid: self.pid });
        }
    }

    /// Everything has come to rest: what the broker still does by itself it has done.
    pub(super) fn settle(&mut self) {
        self.work_off_strays();
        self.broker.pass(TIMEOUT + 2 * super::model::REAPING);
    }
}

fn meaning(response: Response) -> Answer {
    match response {
        Response::Done => Answer::Published { offset: 0, duplicate: false },
        Response::UnknownProducer => Answer::UnknownProducer,
        Response::OutOfOrder => Answer::OutOfOrder { expected: None },
        Response::Gone | Response::TimedOut | Response::Dead => Answer::Refused,
    }
}
