//! Members, step by step.

use std::time::Duration;

use super::super::assignor::{Assignor, Counts};
use super::notes;
use super::{Answer, Event, Member, Request, Step, Timing};
use crate::ops::Assignment;

const TIMING: Timing = Timing {
    session: Duration::from_secs(9),
    rebalance: Duration::from_secs(30),
    heartbeat: Duration::from_secs(3),
    recount: Duration::from_secs(300),
};

/// A member, and a clock that goes on only when the member waits.
struct Bench {
    member: Member,
    now: Duration,
}

impl Bench {
    fn new() -> Self {
        Bench { member: Member::new("me", topics(), Assignor::Range, TIMING), now: Duration::ZERO }
    }

    /// A follower of generation 3 with one partition, a heartbeat interval after the answer to its last sign of life.
    fn steady() -> Self {
        let mut bench = Bench::new();
        bench.join("rivven-leader", 3);
        bench.join("rivven-leader", 3);
        bench.hears(heartbeat(3), Answer::Stable);
        bench.hears(fetch(3), Answer::Synced(share(3)));
        assert_eq!(bench.member.take_event(), Some(Event::Assigned { generation: 3, partitions: read() }));
        bench
    }

    /// The next request, whenever it comes.
    fn request(&mut self) -> Request {
        loop {
            match self.member.next(self.now) {
                Step::Send(request) => return request,
                Step::Wait(until) if until > self.now && until < Duration::MAX => self.now = until,
                step => panic!("it does nothing more: {step:?} {:#?}", self.member),
            }
        }
    }

    fn hears(&mut self, request: Request, answer: Answer) {
        assert_eq!(self.request(), request);
        self.member.answered(self.now, answer);
    }

    fn join(&mut self, leader: &str, generation: u32) -> Vec<String> {
        let Request::Join { subscriptions } = self.request() else { panic!("{:?}", self.member) };
        let members = vec![(self.member.id().to_owned(), subscriptions.clone()), (leader.to_owned(), topics())];
        self.member.answered(self.now, Answer::Joined { generation, leader: leader.to_owned(), members });
        subscriptions
    }

    fn event(&mut self, expected: Event) {
        assert_eq!(self.member.take_event(), Some(expected));
        assert_eq!(self.member.take_event(), None);
    }
}

fn topics() -> Vec<String> {
    vec!["t".to_owned()]
}

fn read() -> Assignment {
    vec![("t".to_owned(), vec![1])]
}

fn share(generation: u32) -> Assignment {
    let mut share = read();
    share.push(notes::plan(generation, &topics()));
    share
}

fn heartbeat(generation: u32) -> Request {
    Request::Heartbeat { generation }
}

fn fetch(generation: u32) -> Request {
    Request::Sync { generation, plan: Vec::new() }
}

#[test]
fn a_follower_says_that_it_is_ready_and_waits_for_the_plan() {
    let mut bench = Bench::new();
    assert_eq!(bench.join("rivven-leader", 3), ["t"]);
    assert_eq!(bench.join("rivven-leader", 3), ["t", "!ready=3"]);
    bench.hears(heartbeat(3), Answer::Unsettled);
    bench.hears(heartbeat(3), Answer::Stable);
    bench.hears(fetch(3), Answer::Synced(share(3)));
    bench.event(Event::Assigned { generation: 3, partitions: read() });
    let before = bench.now;
    bench.hears(heartbeat(3), Answer::Stable);
    assert!(bench.now <= before + TIMING.heartbeat, "heartbeats are a third of the session apart");
}

#[test]
fn nothing_is_joined_before_the_consumer_has_let_go() {
    let mut bench = Bench::steady();
    bench.hears(heartbeat(3), Answer::Moved { expected: 4 });
    bench.event(Event::Revoked);
    bench.hears(heartbeat(4), Answer::Unsettled);
    bench.hears(heartbeat(4), Answer::Unsettled);
    bench.member.released(bench.now);
    bench.hears(heartbeat(4), Answer::Unsettled);
    assert_eq!(bench.join("rivven-leader", 4), ["t", "!ready=4", "!owned=3:1:t"]);
}

#[test]
fn who_hears_nothing_for_its_session_has_lost_its_partitions() {
    let mut bench = Bench::steady();
    let until = bench.member.valid_until().expect("it reads");
    while bench.now < until {
        match bench.member.next(bench.now) {
            Step::Send(_) => bench.member.answered(bench.now, Answer::Lost),
            Step::Wait(at) => bench.now = at,
            Step::Gone => panic!("it has not left"),
        }
    }
    let _ = bench.member.next(bench.now);
    bench.event(Event::Lost);
    assert_eq!(bench.member.valid_until(), None);
}

#[test]
fn who_was_left_out_of_the_plan_joins_again() {
    for left_out in [Assignment::new(), share(2), vec![("t".to_owned(), vec![0]), notes::plan(3, &["u".to_owned()])]] {
        let mut bench = Bench::new();
        bench.join("rivven-leader", 3);
        bench.join("rivven-leader", 3);
        bench.hears(heartbeat(3), Answer::Stable);
        bench.hears(fetch(3), Answer::Synced(left_out));
        assert_eq!(bench.join("rivven-leader", 4), ["t", "!ready=3"]);
        assert_eq!(bench.member.take_event(), None);
    }
}

/// A leader of other make would take notes for topics, and gives none.
#[test]
fn a_leader_of_other_make_gets_no_notes() {
    let mut bench = Bench::new();
    assert_eq!(bench.join("consumer-1", 3), ["t"]);
    bench.hears(heartbeat(3), Answer::Stable);
    bench.hears(fetch(3), Answer::Synced(read()));
    bench.event(Event::Assigned { generation: 3, partitions: read() });
    bench.hears(heartbeat(3), Answer::Moved { expected: 4 });
    bench.member.released(bench.now);
    bench.hears(heartbeat(4), Answer::Unsettled);
    assert_eq!(bench.join("consumer-1", 4), ["t"]);
}

#[test]
fn what_a_leader_of_other_make_does_not_give_is_asked_for_only_some_times() {
    let mut bench = Bench::new();
    let mut joins = 0;
    while bench.member.take_event().is_none() {
        match bench.request() {
            Request::Join { .. } => {
                joins += 1;
                let leader = "consumer-1".to_owned();
                bench.member.answered(bench.now, Answer::Joined { generation: joins, leader, members: Vec::new() });
            }
            Request::Heartbeat { .. } => bench.member.answered(bench.now, Answer::Stable),
            Request::Sync { .. } => bench.member.answered(bench.now, Answer::Synced(Assignment::new())),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(joins, 4);
}

/// A leader of two, whose plan is under way.
fn planned() -> (Bench, Vec<(String, Assignment)>) {
    let mut bench = Bench::new();
    loop {
        match bench.request() {
            Request::Join { .. } => {
                let ready = vec!["t".to_owned(), "!ready=0".to_owned()];
                let id = bench.member.id().to_owned();
                let members = vec![(id.clone(), topics()), ("rivven-other".to_owned(), ready)];
                bench.member.answered(bench.now, Answer::Joined { generation: 0, leader: id, members });
            }
            Request::Count { topics: asked } => {
                assert_eq!(asked, topics());
                bench.member.answered(bench.now, Answer::Counted(Counts::from([("t".to_owned(), 2)])));
            }
            Request::Sync { generation: 0, plan } => return (bench, plan),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_plan_whose_answer_was_lost_is_sent_again_as_it_was() {
    let (mut bench, plan) = planned();
    bench.member.answered(bench.now, Answer::Lost);
    bench.hears(heartbeat(0), Answer::Unsettled);
    bench.hears(Request::Sync { generation: 0, plan: plan.clone() }, Answer::Synced(plan[0].1.clone()));
    assert!(matches!(bench.member.take_event(), Some(Event::Assigned { generation: 0, .. })));
}

/// The plan is lost, and the other member leaves; the plan cannot be sent again.
/// If the other member came back, the lost one could be executed after the next
/// one, and both would be read from: by the old name it cannot.
#[test]
fn a_plan_that_may_be_executed_yet_is_left_behind_with_the_name() {
    let (mut bench, plan) = planned();
    let before = bench.member.id().to_owned();
    bench.member.answered(bench.now, Answer::Lost);
    bench.hears(heartbeat(0), Answer::Unsettled);
    bench.hears(Request::Sync { generation: 0, plan }, Answer::Inconsistent);
    bench.hears(Request::Leave, Answer::Left);
    assert_eq!(bench.join("rivven-other", 0), ["t"]);
    assert_ne!(bench.member.id(), before);
}

#[test]
fn a_refused_plan_is_made_anew() {
    let (mut bench, _) = planned();
    bench.member.answered(bench.now, Answer::Inconsistent);
    assert!(matches!(bench.request(), Request::Join { .. }));
}

#[test]
fn a_leader_leaves_no_group_that_waits_for_a_plan() {
    let (mut bench, _) = planned();
    bench.member.leave(bench.now);
    bench.member.answered(bench.now, Answer::Refused);
    bench.hears(heartbeat(0), Answer::Unsettled);
    let leader = bench.member.id().to_owned();
    bench.join(&leader, 0);
    let nothing = vec![(leader, Assignment::new())];
    bench.hears(Request::Sync { generation: 0, plan: nothing }, Answer::Synced(Assignment::new()));
    bench.hears(Request::Leave, Answer::Left);
    assert_eq!(bench.member.next(bench.now), Step::Gone);
}

#[test]
fn a_stable_group_is_left_at_once() {
    let mut bench = Bench::steady();
    bench.member.leave(bench.now);
    bench.event(Event::Revoked);
    bench.member.released(bench.now);
    bench.hears(heartbeat(3), Answer::Stable);
    bench.hears(Request::Leave, Answer::Unknown);
    assert_eq!(bench.member.next(bench.now), Step::Gone);
}

#[test]
fn who_never_joined_leaves_without_a_word() {
    let mut bench = Bench::new();
    bench.member.leave(bench.now);
    assert_eq!(bench.member.next(bench.now), Step::Gone);
}

/// Whoever created the group had a session of two seconds.
#[test]
fn a_member_adapts_to_the_session_of_the_group() {
    let mut bench = Bench::steady();
    bench.hears(heartbeat(3), Answer::Unknown);
    bench.event(Event::Lost);
    bench.member.released(bench.now);
    bench.join("rivven-leader", 5);
    bench.join("rivven-leader", 5);
    bench.hears(heartbeat(5), Answer::Stable);
    bench.hears(fetch(5), Answer::Synced(share(5)));
    let before = bench.now;
    bench.hears(heartbeat(5), Answer::Stable);
    assert!(bench.now - before <= TIMING.heartbeat / 2, "{:?}", bench.now - before);
}
