//! Membership in a group: who joins when, and how all come to one plan.
//!
//! [`Member`] is a state machine without I/O and clocks. Its driver asks it
//! what to do ([`Member::next`]), tells it what came of each request
//! ([`Member::answered`]) and hands its [events](Event) to the consumer, which
//! says when it has let go of its partitions ([`Member::released`]).
//!
//! # How a group settles
//!
//! The broker keeps a list of members, a generation and everybody's
//! assignment, and little order in them. A member joins and learns the
//! generation and the leader. It joins once more to note that it is *ready*: it reads nothing, and knows of
//! this generation (`notes`). The leader joins again and again, which tells it the list of members, until all
//! of them are ready (`leading`), and then hands in the plan of everybody's
//! partitions. The others ask by heartbeats whether it has, and fetch their part. Whoever learns
//! from a heartbeat that the generation has risen has its consumer let go first, and then does the same.
//!
//! What the broker does, and what follows from it; each was seen to go wrong in
//! the model (`schedule`) when it was done otherwise:
//!
//! - *A join is answered at once, whoever is still to come, and one that comes after the plan disturbs all.* So
//!   members do not guess when the others have come: the leader waits until each has said that it is ready, and
//!   from then on nobody who is in the plan joins. That ends the endless rebalances of three and more members, and it is also what
//!   keeps two from reading the same: nothing is given to anybody before those who had it have let go.
//! - *Who is not in the plan gets the assignment that it had, or none, and nothing tells.* So a plan bears the
//!   number of its generation and a checksum of the topics that the member subscribed to. Whoever misses these in its part has been left out,
//!   or was taken for a subscriber of other topics, and joins once more.
//! - *A leader that leaves before the plan is handed in leaves a group that waits for a plan: the others learn who leads only when they join.* So a
//!   leader that leaves hands in a plan of nothing before, since a group that is stable tells everybody that it is disturbed. Of a leader that
//!   died the others learn by joining once its session must have ended, scattered, and seldom: such a join is
//!   one that may come after the plan. Looking after a second brought back the endless rebalances, as the
//!   leader is often that late and all looked at the same time.
//! - *A leader's plan is stored even if the group is stable.* A plan whose answer was lost may be executed when
//!   another one of the same generation is in force, and would change what members are given that have not fetched
//!   it yet. So a generation has one plan: what was lost is sent again as it was. If it cannot be (somebody in it has
//!   left), the member leaves and joins under another name, by which the old plan is not accepted any more.
//! - *A new id is made for each join without one.* A first join whose answer was lost would leave behind
//!   a member that never says that it is ready, and that may even lead. So members choose their ids themselves and keep them.
//! - *Heartbeats of a wrong generation do not renew the session, and neither does a sync.* So the right number is used at once when it is learnt.
//! - *The session timeout is that of the member that created the group.* A member that is expelled although its heartbeats
//!   came in time takes the time that this took for the session timeout from then on.
//! - *A restarted broker knows no groups.* The first who joins leads, and the others may not have noticed. So a leader that has lost
//!   its group waits for a heartbeat interval before it makes a plan.
//! - *A follower's sync waits for the leader, up to 30 s, and may not be woken.* So nobody asks for its part before a heartbeat
//!   says that it is there, and the driver gives up an answer after a third of the session.
//!
//! # What is guaranteed
//!
//! Two members of one group read the same partition at the same time only if
//!
//! - a consumer takes longer to let go than the rebalance timeout: then the plan is made without it, and it is given nothing
//!   until it has let go and joined again; or
//! - the broker restarted: whoever has not heard of it reads on until the next heartbeat, its session timeout at most; or
//! - members have different session timeouts, or are of other make and know no notes: then a member may read on until its next heartbeat,
//!   or until its own session timeout after the last one that was answered.
//!
//! A member that is cut off stops by itself when it has not been heard by the broker for its session timeout
//! ([`Member::valid_until`]), counted from when it sent what was answered last; the broker counts from when that arrived, and so later.
//! That holds also for a process that was stopped, provided that the consumer looks at the clock before it hands out records.
//!
//! Without failures a group has settled a heartbeat interval and two seconds after the last change, plus the session timeout if a
//! member was killed; then there are no further rebalances.

#[cfg(test)]
mod against_broker;
mod answers;
mod leading;
mod member;
#[cfg(test)]
mod model;
mod notes;
#[cfg(test)]
mod schedule;
mod step;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod world;

pub(crate) use member::Member;
pub(crate) use step::{Answer, Event, Request, Step, Timing};
