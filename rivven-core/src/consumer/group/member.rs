//! A member of a group: what it asks when, and what it makes of the answers.

use std::collections::VecDeque;
use std::mem;
use std::time::Duration;

use super::super::assignor::{Assignor, Counts};
use super::leading::{Leading, Patience, Turn};
use super::notes;
use super::step::{Answer, Event, Request, Step, Timing};
use crate::ops::Assignment;

/// How often it is asked whether the leader has synced: a quarter of the time that it took so far, within these.
const SHORTEST_POLL: Duration = Duration::from_millis(50);
const LONGEST_POLL: Duration = Duration::from_millis(250);
/// So long after the leader must have heard of the rebalance others look whether it still leads, one after the other.
const LOOK: Duration = Duration::from_secs(1);
/// Complaints are spread by chance over so long.
const SPREAD: Duration = Duration::from_millis(300);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// A session is never taken to be shorter, whatever the broker does.
const SHORTEST_SESSION: Duration = Duration::from_millis(300);
/// So often a member joins again because it got nothing from a leader of other make.
const MOST_COMPLAINTS: u32 = 3;

/// Where a member stands.
#[derive(Debug)]
enum Place {
    /// The broker does not know it, as far as it knows.
    Outside,
    /// It has to ask whether this generation has its plan.
    Asking {
        generation: u32,
    },
    /// It joins, or joins again: with the note that it is ready in this generation.
    Joining {
        generation: u32,
    },
    /// The leader has not synced yet.
    Waiting {
        generation: u32,
        since: Duration,
        look_at: Duration,
    },
    Leading(Leading),
    /// The leader has synced.
    Fetching {
        generation: u32,
    },
    /// It has its partitions.
    Steady {
        generation: u32,
    },
    /// The consumer still has to let go what it had. If it is still a member, `generation` is the present one.
    Releasing {
        generation: Option<u32>,
        then_join: bool,
    },
    /// It is about to leave.
    Parting {
        generation: u32,
        turn: Parting,
    },
    Leaving,
    Gone,
}

/// Of a group that waits for a plan nobody learns that its leader leaves, or
/// who leads next. So whoever leaves such a group looks whether it leads, and then hands in a plan of nothing.
#[derive(Debug, Clone, Copy)]
enum Parting {
    /// Asks whether the group waits for a plan.
    Ask,
    /// Joins to learn who leads.
    Join,
    Resign,
}

/// Whether the consumer reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hands {
    Empty,
    Full,
    /// It was told to stop.
    Releasing {
        lost: bool,
    },
}

/// The request without answer; what must be known of it when the answer comes.
#[derive(Debug)]
struct UnderWay {
    what: Sent,
    at: Duration,
}

#[derive(Debug)]
enum Sent {
    Join { ready_in: Option<u32> },
    Sync { planned: bool },
    Heartbeat,
    Leave,
    Count { topics: Vec<String> },
}

/// The plan of a leader that the broker has not answered to.
#[derive(Debug)]
struct Pending {
    generation: u32,
    plan: Vec<(String, Assignment)>,
    /// An attempt was lost and may yet be executed.
    lost: bool,
}

/// What the present plan was made from.
#[derive(Debug)]
struct Made {
    topics: Vec<String>,
    counts: Counts,
}

/// One membership, from the first join to the leave. All times are since some moment before.
#[derive(Debug)]
pub(crate) struct Member {
    unique: String,
    names: u32,
    id: String,
    topics: Vec<String>,
    assignor: Assignor,
    timing: Timing,
    place: Place,
    hands: Hands,
    owned: Assignment,
    owned_in: u32,
    under_way: Option<UnderWay>,
    /// Nothing is sent before.
    due: Duration,
    /// When the last request was sent of which it is known that it renewed the session.
    contact: Option<Duration>,
    /// Whether the connection has been the same since then.
    same_connection: bool,
    failures: u32,
    complaints: u32,
    leader_is_ours: bool,
    lost_group: bool,
    joined_once: bool,
    leaving: bool,
    pending: Option<Pending>,
    /// Of the leader.
    made_with: Option<Made>,
    recount_at: Duration,
    events: VecDeque<Event>,
}

impl Member {
    /// A member to be; `unique` tells its id apart from all others.
    pub(crate) fn new(unique: &str, topics: Vec<String>, assignor: Assignor, timing: Timing) -> Self {
        let timing = Timing { heartbeat: timing.heartbeat.min(timing.session / 3), ..timing };
        Member {
            unique: unique.to_owned(),
            names: 0,
            id: notes::member_id(unique),
            topics,
            assignor,
            timing,
            place: Place::Outside,
            hands: Hands::Empty,
            owned: Assignment::new(),
            owned_in: 0,
            under_way: None,
            due: Duration::ZERO,
            contact: None,
            same_connection: true,
            failures: 0,
            complaints: 0,
            leader_is_ours: false,
            lost_group: false,
            joined_once: false,
            leaving: false,
            pending: None,
            made_with: None,
            recount_at: Duration::ZERO,
            events: VecDeque::new(),
        }
    }

    /// The id that requests carry. It may be another one after any answer.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// What it subscribed to.
    pub(crate) fn topics(&self) -> &[String] {
        &self.topics
    }

    /// What the consumer has not been told yet, oldest first.
    pub(crate) fn take_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Until when the partitions are the member's if nothing more is heard from the broker.
    ///
    /// Nothing of them may be handed out later, also where nobody has had the
    /// time to call [`next`](Member::next), say because the process was stopped.
    pub(crate) fn valid_until(&self) -> Option<Duration> {
        let expiry = self.contact.map(|contact| contact + self.timing.session);
        expiry.filter(|_| matches!(self.hands, Hands::Full | Hands::Releasing { lost: false }))
    }

    /// What to do now. A request counts as sent, and has to be [`answered`](Member::answered).
    pub(crate) fn next(&mut self, now: Duration) -> Step {
        self.look_at_clock(now);
        let until = self.valid_until().unwrap_or(Duration::MAX);
        if matches!(self.place, Place::Gone) {
            return Step::Gone;
        }
        if self.under_way.is_some() {
            return Step::Wait(until);
        }
        if now < self.due {
            return Step::Wait(self.due.min(until));
        }
        match self.request(now) {
            Some((request, what)) => {
                self.under_way = Some(UnderWay { what, at: now });
                Step::Send(request)
            }
            None => Step::Wait(until),
        }
    }

    fn request(&mut self, now: Duration) -> Option<(Request, Sent)> {
        let heartbeat = |generation| Some((Request::Heartbeat { generation }, Sent::Heartbeat));
        match self.place {
            Place::Outside => Some(self.join(None)),
            Place::Joining { generation } => Some(self.join(Some(generation))),
            Place::Waiting { generation, look_at, .. } if look_at <= now => Some(self.join(Some(generation))),
            Place::Steady { .. } if self.made_with.is_some() && self.recount_at <= now => {
                self.recount_at = now + self.timing.recount;
                self.made_with.as_ref().map(|made| count(made.topics.clone()))
            }
            Place::Asking { generation }
            | Place::Waiting { generation, .. }
            | Place::Steady { generation }
            | Place::Releasing { generation: Some(generation), .. } => heartbeat(generation),
            Place::Releasing { generation: None, .. } | Place::Gone => None,
            Place::Fetching { generation } => {
                Some((Request::Sync { generation, plan: Vec::new() }, Sent::Sync { planned: false }))
            }
            Place::Leading(ref leading) => match leading.turn {
                Turn::List => {
                    let generation = leading.generation;
                    Some(self.join(Some(generation)))
                }
                Turn::Count => Some(count(leading.topics())),
                Turn::Sync => self.sync(),
            },
            Place::Parting { generation, turn } => match turn {
                Parting::Ask => heartbeat(generation),
                Parting::Join => Some(self.join(Some(generation))),
                Parting::Resign => {
                    let plan = vec![(self.id.clone(), Assignment::new())];
                    Some((Request::Sync { generation, plan }, Sent::Sync { planned: false }))
                }
            },
            Place::Leaving => Some((Request::Leave, Sent::Leave)),
        }
    }

    /// Joins, with the note that it is ready where the leader understands that.
    fn join(&mut self, ready_in: Option<u32>) -> (Request, Sent) {
        self.joined_once = true;
        let ready_in = ready_in.filter(|_| self.leader_is_ours);
        let subscriptions = match ready_in {
            Some(generation) => notes::subscriptions(&self.topics, generation, &self.owned, self.owned_in),
            None => self.topics.clone(),
        };
        (Request::Join { subscriptions }, Sent::Join { ready_in })
    }

    fn sync(&self) -> Option<(Request, Sent)> {
        let Pending { generation, plan, .. } = self.pending.as_ref()?;
        Some((Request::Sync { generation: *generation, plan: plan.clone() }, Sent::Sync { planned: true }))
    }

    /// Takes in what came of the last request.
    pub(crate) fn answered(&mut self, now: Duration, answer: Answer) {
        let Some(UnderWay { what, at }) = self.under_way.take() else { return };
        if matches!(answer, Answer::Joined { .. } | Answer::Stable | Answer::Unsettled) {
            (self.contact, self.same_connection) = (Some(at), true);
        }
        self.look_at_clock(now);
        match answer {
            Answer::Lost => {
                self.same_connection = false;
                self.pause(now);
                self.lost(&what);
            }
            Answer::Refused => {
                self.pause(now);
                if let Place::Leading(leading) = &mut self.place {
                    leading.turn = if leading.turn == Turn::Count { Turn::List } else { leading.turn };
                }
            }
            answer => {
                (self.failures, self.due) = (0, now);
                self.heard(now, at, what, answer);
            }
        }
    }

    /// The connection has ended, though no request was under way.
    pub(crate) fn disconnected(&mut self, now: Duration) {
        self.same_connection = false;
        self.due = self.due.min(now);
    }

    /// The consumer has let go of everything, and committed where it may.
    pub(crate) fn released(&mut self, now: Duration) {
        if !matches!(self.hands, Hands::Releasing { .. }) {
            return;
        }
        self.hands = Hands::Empty;
        if let Place::Releasing { generation, then_join } = self.place {
            self.due = now;
            self.place = match generation {
                _ if self.leaving => self.exit(),
                None => Place::Outside,
                Some(generation) if then_join => Place::Joining { generation },
                Some(generation) => Place::Asking { generation },
            };
        }
    }

    /// Reads other topics from now on.
    pub(crate) fn subscribe(&mut self, now: Duration, topics: Vec<String>) {
        self.topics = topics;
        match self.place {
            Place::Steady { generation } => self.release(now, Some(generation), true),
            Place::Waiting { generation, .. } => {
                self.place = Place::Joining { generation };
                self.due = now;
            }
            // Everywhere else the member still joins, or sees that its share was not made for these topics.
            _ => {}
        }
    }

    /// Leaves the group as soon as the consumer has let go.
    pub(crate) fn leave(&mut self, now: Duration) {
        self.leaving = true;
        self.due = now;
        match self.place {
            Place::Gone => {}
            Place::Steady { generation } => self.release(now, Some(generation), false),
            Place::Releasing { .. } => {}
            _ => self.place = self.exit(),
        }
    }

    fn exit(&self) -> Place {
        match self.generation() {
            Some(generation) => Place::Parting { generation, turn: Parting::Ask },
            _ if self.joined_once => Place::Leaving,
            _ => Place::Gone,
        }
    }

    /// The generation that the member believes to be in.
    fn generation(&self) -> Option<u32> {
        match self.place {
            Place::Asking { generation }
            | Place::Joining { generation }
            | Place::Waiting { generation, .. }
            | Place::Fetching { generation }
            | Place::Steady { generation }
            | Place::Parting { generation, .. } => Some(generation),
            Place::Leading(ref leading) => Some(leading.generation),
            Place::Releasing { generation, .. } => generation,
            Place::Outside | Place::Leaving | Place::Gone => None,
        }
    }

    /// Whoever hears nothing for a session has to take it that the broker gave its partitions to others.
    fn look_at_clock(&mut self, now: Duration) {
        if self.valid_until().is_none_or(|until| now < until) {
            return;
        }
        self.lose();
        if let Place::Steady { generation } = self.place {
            self.place = Place::Releasing { generation: Some(generation), then_join: false };
        }
    }

    fn lose(&mut self) {
        self.hands = Hands::Releasing { lost: true };
        self.events.push_back(Event::Lost);
    }

    /// Has the consumer let go, which must be done before anything else.
    fn release(&mut self, now: Duration, generation: Option<u32>, then_join: bool) {
        if self.hands == Hands::Full {
            self.hands = Hands::Releasing { lost: false };
            self.events.push_back(Event::Revoked);
        }
        self.place = Place::Releasing { generation, then_join };
        self.due = now;
    }

    fn pause(&mut self, now: Duration) {
        let pause = FIRST_PAUSE * (1 << self.failures.min(8));
        self.due = now + pause.min(LONGEST_PAUSE).min(self.timing.heartbeat);
        self.failures += 1;
    }

    /// It is not known whether the request was executed, or will be.
    fn lost(&mut self, what: &Sent) {
        if let (Sent::Sync { planned: true }, Some(pending)) = (what, &mut self.pending) {
            pending.lost = true;
        }
        let generation = match (&self.place, what) {
            (Place::Parting { .. }, _) => {
                self.place = Place::Leaving;
                return;
            }
            (Place::Joining { generation } | Place::Waiting { generation, .. }, Sent::Join { .. })
            | (Place::Fetching { generation }, Sent::Sync { .. }) => *generation,
            (Place::Leading(leading), Sent::Join { .. } | Sent::Sync { .. }) => leading.generation,
            _ => return,
        };
        self.place = Place::Asking { generation };
    }

    fn heard(&mut self, now: Duration, at: Duration, what: Sent, answer: Answer) {
        match (what, answer) {
            (Sent::Leave, _) => self.left(),
            // Only the leave counts now.
            _ if matches!(self.place, Place::Leaving) => {}
            (_, answer) if matches!(self.place, Place::Parting { .. }) => self.part(answer),
            (_, Answer::Unknown) => self.expelled(now),
            (_, Answer::Moved { expected }) => self.moved(now, expected),
            (Sent::Join { ready_in }, Answer::Joined { generation, leader, members }) => {
                self.joined(now, ready_in, generation, leader, members);
            }
            (Sent::Heartbeat, Answer::Stable) => self.stable(at),
            (Sent::Heartbeat, Answer::Unsettled) => self.unsettled(now, at),
            (Sent::Sync { .. }, Answer::Synced(share)) => self.synced(now, share),
            (Sent::Sync { .. }, Answer::Inconsistent) => self.inconsistent(),
            (Sent::Count { topics }, Answer::Counted(counts)) => self.counted(now, topics, counts),
            _ => self.pause(now),
        }
    }

    /// What comes next on the way out.
    fn part(&mut self, answer: Answer) {
        let Place::Parting { generation, turn } = self.place else { return };
        let (generation, turn) = match answer {
            Answer::Counted(_) => (generation, turn),
            Answer::Unsettled | Answer::Inconsistent => (generation, Parting::Join),
            Answer::Moved { expected } => (expected, Parting::Join),
            Answer::Joined { generation, leader, .. } if leader == self.id => (generation, Parting::Resign),
            _ => {
                self.place = Place::Leaving;
                return;
            }
        };
        self.place = Place::Parting { generation, turn };
    }

    fn stable(&mut self, at: Duration) {
        match self.place {
            Place::Asking { generation } | Place::Waiting { generation, .. } => {
                self.place = Place::Fetching { generation };
            }
            Place::Steady { .. } | Place::Releasing { .. } => self.due = at + self.timing.heartbeat,
            _ => {}
        }
    }

    fn unsettled(&mut self, now: Duration, at: Duration) {
        match self.place {
            Place::Asking { generation } => match &self.pending {
                // The plan of a generation is never changed: an attempt that was lost may be executed yet.
                Some(pending) if pending.generation == generation => {
                    let mut leading = Leading::new(generation, now);
                    leading.turn = Turn::Sync;
                    self.place = Place::Leading(leading);
                }
                _ => self.place = Place::Joining { generation },
            },
            Place::Waiting { since, .. } => self.due = now + poll_interval(now - since),
            Place::Steady { generation } => self.release(now, Some(generation), false),
            Place::Releasing { .. } => self.due = at + self.timing.heartbeat,
            _ => {}
        }
    }

    /// The group has another generation; the heartbeat that showed it has not renewed the session.
    fn moved(&mut self, now: Duration, expected: u32) {
        self.pending = None;
        match self.place {
            Place::Steady { .. } => self.release(now, Some(expected), false),
            Place::Releasing { .. } => {
                self.place = Place::Releasing { generation: Some(expected), then_join: false };
            }
            _ => self.place = Place::Asking { generation: expected },
        }
    }

    fn joined(
        &mut self,
        now: Duration,
        ready_in: Option<u32>,
        generation: u32,
        leader: String,
        members: Vec<(String, Vec<String>)>,
    ) {
        self.leader_is_ours = notes::is_ours(&leader);
        if leader == self.id {
            return self.lead(now, generation, members);
        }
        self.made_with = None;
        self.pending = None;
        let told = if self.leader_is_ours { ready_in == Some(generation) } else { ready_in.is_none() };
        if !told {
            self.place = Place::Joining { generation };
            return;
        }
        let since = match self.place {
            Place::Waiting { generation: same, since, .. } if same == generation => since,
            _ => now,
        };
        // To look who leads is to join, which disturbs the group if the leader has just synced. A leader that lives has
        // synced before, or waits for somebody, and then for long.
        let wait = (self.timing.heartbeat + LOOK).max((now - since) / 4);
        let look_at = now + wait + self.by_chance(LOOK);
        self.place = Place::Waiting { generation, since, look_at };
        self.due = now + poll_interval(now - since);
    }

    fn lead(&mut self, now: Duration, generation: u32, members: Vec<(String, Vec<String>)>) {
        let mut leading = match mem::replace(&mut self.place, Place::Outside) {
            Place::Leading(leading) if leading.generation == generation => leading,
            _ => Leading::new(generation, now),
        };
        leading.listed(members, now);
        let patience = Patience { own_id: &self.id, timing: &self.timing, lost_group: self.lost_group };
        leading.turn = match leading.may_plan(&patience, now) {
            false => {
                self.due = now + poll_interval(now - leading.since);
                Turn::List
            }
            true if !leading.has_counts() => Turn::Count,
            true => {
                let plan = leading.plan(self.assignor, &patience, now);
                self.pending = Some(Pending { generation, plan, lost: false });
                self.made_with = Some(Made { topics: leading.topics(), counts: leading.counts() });
                Turn::Sync
            }
        };
        self.place = Place::Leading(leading);
    }

    fn synced(&mut self, now: Duration, share: Assignment) {
        let generation = match &self.place {
            Place::Fetching { generation } => *generation,
            Place::Leading(leading) => leading.generation,
            _ => return,
        };
        let meant = match self.leader_is_ours {
            true => notes::is_meant(&share, generation, &self.topics),
            false => !share.is_empty() || self.complaints >= MOST_COMPLAINTS,
        };
        if !meant {
            return self.complain(now, generation);
        }
        (self.complaints, self.lost_group, self.pending) = (0, false, None);
        self.owned = share;
        self.owned.retain(|(topic, _)| self.topics.contains(topic));
        self.owned_in = generation;
        self.hands = Hands::Full;
        self.place = Place::Steady { generation };
        self.recount_at = now + self.timing.recount;
        self.due = self.contact.map_or(now, |contact| contact + self.timing.heartbeat);
        self.events.push_back(Event::Assigned { generation, partitions: self.owned.clone() });
    }

    /// The leader has made its plan without this member, or without knowing what it wants.
    fn complain(&mut self, now: Duration, generation: u32) {
        self.complaints += 1;
        self.due = now + self.by_chance(SPREAD);
        self.place = Place::Joining { generation };
    }

    /// Somebody of the plan has left meanwhile.
    fn inconsistent(&mut self) {
        let lost = self.pending.take().is_some_and(|pending| pending.lost);
        if lost {
            // The attempt that was lost may be executed after another plan of the
            // same generation, should that member come back. It cannot, once nobody has this id.
            self.place = Place::Leaving;
        } else if let Place::Leading(leading) = &mut self.place {
            leading.turn = Turn::List;
        }
    }

    fn counted(&mut self, now: Duration, topics: Vec<String>, mut counts: Counts) {
        counts.retain(|topic, _| topics.contains(topic));
        match &mut self.place {
            Place::Leading(leading) => {
                leading.counted(topics, counts);
                leading.turn = Turn::List;
            }
            Place::Steady { generation } if self.made_with.as_ref().is_some_and(|made| made.counts != counts) => {
                let generation = *generation;
                self.release(now, Some(generation), true);
            }
            _ => {}
        }
    }

    /// The broker does not know the member, or not even the group.
    fn expelled(&mut self, now: Duration) {
        self.believe_session(now);
        if self.pending.take().is_some_and(|pending| pending.lost) {
            self.rename();
        }
        (self.made_with, self.lost_group) = (None, true);
        if matches!(self.hands, Hands::Full | Hands::Releasing { lost: false }) {
            self.lose();
        }
        self.place = match self.hands {
            Hands::Empty => Place::Outside,
            _ => Place::Releasing { generation: None, then_join: false },
        };
    }

    /// Who is expelled in spite of timely heartbeats has a shorter session than
    /// it asked for: the member that created the group decides.
    fn believe_session(&mut self, now: Duration) {
        if let Some(contact) = self.contact.take().filter(|_| self.same_connection) {
            let session = (now - contact).max(SHORTEST_SESSION);
            self.timing.session = self.timing.session.min(session);
            self.timing.heartbeat = self.timing.heartbeat.min(self.timing.session / 3);
        }
    }

    fn left(&mut self) {
        self.place = if self.leaving { Place::Gone } else { Place::Outside };
        self.rename();
    }

    /// Requests under the old name that may be executed yet do no harm then.
    fn rename(&mut self) {
        self.names += 1;
        self.id = notes::member_id(&format!("{}-{}", self.unique, self.names));
    }

    /// Some time that differs among members and from one time to the next.
    fn by_chance(&self, spread: Duration) -> Duration {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(self.id.as_bytes());
        hasher.update(&self.due.as_nanos().to_le_bytes());
        spread * (hasher.finalize() % 1024) / 1024
    }
}

fn count(topics: Vec<String>) -> (Request, Sent) {
    (Request::Count { topics: topics.clone() }, Sent::Count { topics })
}

fn poll_interval(waited: Duration) -> Duration {
    (waited / 4).clamp(SHORTEST_POLL, LONGEST_POLL)
}
