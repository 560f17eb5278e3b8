//! Operations on consumer groups.
//!
//! Listing, describing and deleting know only groups with committed offsets;
//! joining, syncing, heartbeats and leaving are the raw steps of membership,
//! which a consumer takes by itself.

use std::collections::HashMap;
use std::time::Duration;

use crate::protocol::{EncodeError, Operation, Purpose, RequestFrame, Response, check_group_name, encode};

/// Lists the groups that have committed offsets, in no order.
#[derive(Debug, Clone, Copy)]
pub struct ListGroups;

impl Operation for ListGroups {
    type Output = Vec<String>;

    const REPEATABLE: bool = true;

    fn encode(&self) -> Result<RequestFrame, EncodeError> {
        RequestFrame::new(&encode::ListGroups {})
    }

    fn decode(response: Response) -> Result<Vec<String>, Response> {
        take!(response, Response::Groups { groups } => groups)
    }
}

/// Asks for the committed offsets of a group, by topic and partition.
#[derive(Debug, Clone, Copy)]
pub struct DescribeGroup<'a> {
    /// The group.
    pub group: &'a str,
}

impl Operation for DescribeGroup<'_> {
    type Output = HashMap<String, HashMap<u32, u64>>;

    const REPEATABLE: bool = true;

    fn encode(&self) -> Result<RequestFrame, EncodeError> {
        check_group_name(self.group)?;
        RequestFrame::new(&encode::DescribeGroup { consumer_group: self.group })
    }

    fn decode(response: Response) -> Result<Self::Output, Response> {
        take!(response, Response::GroupDescription { offsets, .. } => offsets)
    }
}

/// Deletes the committed offsets of a group.
#[derive(Debug, Clone, Copy)]
pub struct DeleteGroup<'a> {
    /// The group.
    pub group: &'a str,
}

impl Operation for DeleteGroup<'_> {
    type Output = ();

    /// Not repeatable: the repeated call of a success says that there is no such group.
    const REPEATABLE: bool = false;

    fn encode(&self) -> Result<RequestFrame, EncodeError> {
        check_group_name(self.group)?;
        RequestFrame::new(&encode::DeleteGroup { consumer_group: self.group })
    }

    fn decode(response: Response) -> Result<(), Response> {
        take!(response, Response::GroupDeleted => ())
    }
}

/// Joins a group; the broker answers at once and does not wait for others.
#[derive(Debug, Clone, Copy)]
pub struct JoinGroup<'a> {
    /// The group.
    pub group: &'a str,
    /// The member's id; empty for a new member, which is given one.
    pub member: &'a str,
    /// After so long without heartbeat the member is dropped; the group's first member decides for all.
    pub session_timeout_ms: u32,
    /// How long a rebalance may take; the group's first member decides for all.
    pub rebalance_timeout_ms: u32,
    /// The kind of group: `consumer`.
    pub protocol_type: &'a str,
    /// The topics that the member wants to read.
    pub subscriptions: &'a [String],
}

/// A membership, as [`JoinGroup`] gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupMembership {
    /// Rises with every rebalance of a stable group.
    pub generation: u32,
    /// The kind of group.
    pub protocol_type: String,
    /// The member's id.
    pub member: String,
    /// The id of the member that hands out the partitions.
    pub leader: String,
    /// All members with the topics that they want to read, in no order.
    pub members: Vec<(String, Vec<String>)>,
}

impl Operation for JoinGroup<'_> {
    type Output = GroupMembership;

    /// Not repeatable: joining again disturbs a stable group.
    const REPEATABLE: bool = false;

    fn encode(&self) -> Result<RequestFrame, EncodeError> {
        let JoinGroup { group: group_id, member: member_id, protocol_type, .. } = *self;
        RequestFrame::new(&encode::JoinGroup {
            group_id,
            member_id,
            session_timeout_ms: self.session_timeout_ms,
            rebalance_timeout_ms: self.rebalance_timeout_ms,
            protocol_type,
            subscriptions: &self.subscriptions,
        })
    }

    fn decode(response: Response) -> Result<GroupMembership, Response> {
        match response {
            Response::JoinGroupResult { generation_id, protocol_type, member_id, leader_id, members } => {
                let (generation, member, leader) = (generation_id, member_id, leader_id);
                Ok(GroupMembership { generation, protocol_type, member, leader, members })
            }
            other => Err(other),
        }
    }

    fn purpose(&self) -> Purpose {
        Purpose::Group
    }
}

/// How long the broker has a follower wait for the leader.
pub(super) const FOLLOWER_WAIT: Duration = Duration::from_secs(30);

/// The partitions of one member, by topic.
pub type Assignment = Vec<(String, Vec<u32>)>;

/// Fetches a member's partitions; the leader hands in everybody's.
///
/// A follower's call waits until the leader has called, at most 30 s, and
/// blocks its connection meanwhile.
#[derive(Debug, Clone, Copy)]
pub struct SyncGroup<'a> {
    /// The group.
    pub group: &'a str,
    /// The generation that joining gave.
    pub generation: u32,
    /// The member's id.
    pub member: &'a str,
    /// From the leader every member's partitions, from others nothing.
    pub assignments: &'a [(String, Assignment)],
}

impl Operation for SyncGroup<'_> {
    type Output = Assignment;

    const REPEATABLE: bool = true;

    fn encode(&self) -> Result<RequestFrame, EncodeError> {
        let SyncGroup { group: group_id, generation: generation_id, member: member_id, .. } = *self;
        RequestFrame::new(&encode::SyncGroup { group_id, generation_id, member_id, assignments: &self.assignments })
    }

    fn decode(response: Response) -> Result<Assignment, Response> {
        take!(response, Response::SyncGroupResult { assignments } => assignments)
    }

    fn broker_wait(&self) -> Duration {
        if self.assignments.is_empty() { FOLLOWER_WAIT } else { Duration::ZERO }
    }

    fn purpose(&self) -> Purpose {
        Purpose::Group
    }
}

/// Keeps a membership alive; gives 0 in a stable group, 27 while the leader has not synced.
#[derive(Debug, Clone, Copy)]
pub struct Heartbeat<'a> {
    /// The group.
    pub group: &'a str,
    /// The generation that joining gave.
    pub generation: u32,
    /// The member's id.
    pub member: &'a str,
}

impl Operation for Heartbeat<'_> {
    type Output = i32;

    const REPEATABLE: bool = true;

    fn encode(&self) -> Result<RequestFrame, EncodeError> {
        let Heartbeat { group: group_id, generation: generation_id, member: member_id } = *self;
        RequestFrame::new(&encode::Heartbeat { group_id, generation_id, member_id })
    }

    fn decode(response: Response) -> Result<i32, Response> {
        take!(response, Response::HeartbeatResult { error_code } => error_code)
    }

    fn purpose(&self) -> Purpose {
        Purpose::Group
    }
}

/// Takes a member out of a group.
#[derive(Debug, Clone, Copy)]
pub struct LeaveGroup<'a> {
    /// The group.
    pub group: &'a str,
    /// The member's id.
    pub member: &'a str,
}

impl Operation for LeaveGroup<'_> {
    type Output = ();

    const REPEATABLE: bool = true;

    fn encode(&self) -> Result<RequestFrame, EncodeError> {
        RequestFrame::new(&encode::LeaveGroup { group_id: self.group, member_id: self.member })
    }

    fn decode(response: Response) -> Result<(), Response> {
        take!(response, Response::LeaveGroupResult => ())
    }

    fn purpose(&self) -> Purpose {
        Purpose::Group
    }
}
