//! Membership in a group: who joins when, and how all come to one plan.
//!
//! [`Member`] is a state machine without I/O and clocks. Its driver asks it what to do ([`Member::next`]), tells it
//! what came of each request ([`Member::answered`]) and hands its [events](Event) to the consumer, which says when it
//! has let go of its partitions ([`Member::released`]).
//!
//! # How a group settles
//!
//! The broker keeps a list of members, a generation and everybody's assignment, and little order in them. A member
//! joins and learns the generation and the leader. It joins once more to note that it is *ready*: it reads nothing,
//! and knows of this generation (`notes`). The leader joins again and again, which tells it the list of members,
//! until all of them are ready (`leading`), and then hands in the plan of everybody's partitions. The others ask by
//! heartbeats whether it has, and fetch their part. Whoever learns from a heartbeat that the generation has risen has
//! its consumer let go first, and then does the same.
//!
//! What the broker does, and what follows from it; most of it went wrong in the model (`schedule`) when it was done
//! otherwise:
//!
//! - *A join is answered at once, whoever is still to come, and one that comes after the plan disturbs all.* So
//!   members do not guess when the others have come: the leader waits until each has said that it is ready, and from
//!   then on nobody who is in the plan joins. That ends the endless rebalances of three and more members. It is also
//!   what keeps two from reading the same: nothing is given to anybody before those who had it have let go.
//! - *Who is not in the plan gets the assignment that it had, or none, and nothing tells.* So a plan bears the number
//!   of its generation and a checksum of the topics that the member subscribed to. Whoever misses these in its part
//!   was left out, or taken for a subscriber of other topics, and joins once more.
//! - *Who leads is learnt only by joining.* A leader that leaves or dies in a group that waits for a plan leaves it
//!   waiting. So whoever leaves such a group looks whether it leads, and then hands in a plan of nothing first: a
//!   stable group tells everybody that it is disturbed. Of a leader that died the others learn by joining from time
//!   to time, and that is a join that may come after the plan. They begin a heartbeat interval and a second after the
//!   rebalance; when they began after one second, they often met the plan of a leader that had just heard of it, and
//!   the group never settled.
//! - *A leader's plan is stored even if the group is stable.* A plan whose answer was lost may be executed when
//!   another one of the same generation is in force, and change what is given to those who have not fetched it yet.
//!   So a generation has one plan: what was lost is sent again as it was. If that is refused, since somebody in it
//!   has left, the member leaves and joins under another name, by which the old plan is not accepted any more.
//! - *A join without an id makes a new member.* One whose answer was lost would leave behind a member that is never
//!   ready, and that may even lead. So members choose their ids themselves and keep them.
//! - *Neither a heartbeat with a wrong generation nor a sync renews the session.* So the right number is used as soon
//!   as it is learnt.
//! - *The session timeout is that of the member that created the group.* A member that is expelled although its
//!   heartbeats came in time takes the time that this took for its session timeout from then on.
//! - *A restarted broker knows no groups.* The first who joins leads, and others may read on that have not noticed.
//!   So a leader that has lost its group waits for a heartbeat interval before it makes a plan.
//! - *A follower's sync waits for the leader, up to 30 s, and may not be woken.* So nobody asks for its part before a
//!   heartbeat says that it is there, and the driver waits for no answer longer than a third of the session.
//!
//! # What is guaranteed
//!
//! Two members of one group read the same partition at the same time only if
//!
//! - a consumer takes longer to let go than the rebalance timeout: then the plan is made without it, and it is given
//!   nothing until it has let go and joined again; or
//! - the broker restarted: whoever has not heard of it reads on until its next heartbeat, and for its session timeout
//!   at most; or
//! - members have different session timeouts, or are of other make and know no notes: then a member may read on until
//!   its next heartbeat, and for its own session timeout after the last one that was answered at most.
//!
//! A member that is cut off stops by itself when the broker has not heard it for its session timeout
//! ([`Member::valid_until`]). It counts from when it sent what was answered last, the broker from when that arrived,
//! which is later. That holds also for a process that was stopped, provided that the consumer looks at the clock
//! before it hands out records.
//!
//! Without failures a group has settled a heartbeat interval and two seconds after the last change, plus the session
//! timeout if a member was killed, and a few seconds if several were; then there are no further rebalances.

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
