//! What a member asks for, what it hears, and what it tells the consumer.

use std::time::Duration;

use super::super::assignor::Counts;
use crate::ops::Assignment;

/// The times of a membership.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timing {
    /// After so long without a sign of life the broker drops a member.
    pub(crate) session: Duration,
    /// So long the leader waits for members that still work on what they have.
    pub(crate) rebalance: Duration,
    /// So often a member shows that it is there.
    pub(crate) heartbeat: Duration,
    /// So often the leader looks whether topics have more partitions.
    pub(crate) recount: Duration,
}

/// A request to the broker; [`Count`](Request::Count) goes by another connection than the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Request {
    Join {
        subscriptions: Vec<String>,
    },
    /// From the leader with a plan, from others without.
    Sync {
        generation: u32,
        plan: Vec<(String, Assignment)>,
    },
    Heartbeat {
        generation: u32,
    },
    Leave,
    /// How many partitions these topics have.
    Count {
        topics: Vec<String>,
    },
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Joined {
        generation: u32,
        leader: String,
        members: Vec<(String, Vec<String>)>,
    },
    Synced(Assignment),
    /// A heartbeat in a group whose leader has synced.
    Stable,
    /// A heartbeat in a group whose leader has not synced: 27.
    Unsettled,
    /// `ILLEGAL_GENERATION: expected <n>`
    Moved {
        expected: u32,
    },
    /// `UNKNOWN_MEMBER_ID`, `UNKNOWN_GROUP`
    Unknown,
    /// `INCONSISTENT_GROUP_PROTOCOL`
    Inconsistent,
    Left,
    /// Topics that are missing do not exist.
    Counted(Counts),
    /// Anything else that the broker may answer; nothing was done.
    Refused,
    /// There is no answer. The request may have been executed, or may be yet.
    Lost,
}

/// What to do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Send(Request),
    /// Nothing before this moment, unless something happens.
    Wait(Duration),
    /// The member has left.
    Gone,
}

/// What the consumer has to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// These partitions are the member's, and nobody else's.
    Assigned { generation: u32, partitions: Assignment },
    /// Stop reading, commit, and say [`released`](super::Member::released).
    Revoked,
    /// Somebody else may read them already: stop, do not commit, and say
    /// [`released`](super::Member::released); it may follow a `Revoked` that was not answered in time.
    Lost,
}
