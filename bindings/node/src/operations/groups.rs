//! Operations on consumer groups.

use napi_derive::napi;
use rivven_client::ops::{
    Assignment, DeleteGroup, DescribeGroup, Heartbeat, JoinGroup, LeaveGroup, ListGroups, SyncGroup,
};

use crate::client::NativeClient;
use crate::failure::Failure;

/// What a member that joins says of itself.
#[napi(object, object_to_js = false)]
pub(crate) struct Join {
    /// The member's id, empty for a new member.
    pub member: String,
    /// How long it may be silent, in milliseconds.
    pub session_timeout_ms: u32,
    /// How long a rebalance may take, in milliseconds.
    pub rebalance_timeout_ms: u32,
    /// The kind of group.
    pub protocol_type: String,
    /// The topics that it wants to read.
    pub subscriptions: Vec<String>,
}

#[napi]
#[allow(unreachable_pub, reason = "the macro exports only what is pub")]
impl NativeClient {
    /// Lists the groups with committed offsets.
    #[napi]
    pub fn list_groups(&self, token: i64) -> Option<Failure> {
        self.submit(token, &ListGroups)
    }

    /// Asks for the committed offsets of a group.
    #[napi]
    pub fn describe_group(&self, token: i64, group: String) -> Option<Failure> {
        self.submit(token, &DescribeGroup { group: &group })
    }

    /// Deletes the committed offsets of a group.
    #[napi]
    pub fn delete_group(&self, token: i64, group: String) -> Option<Failure> {
        self.submit(token, &DeleteGroup { group: &group })
    }

    /// Joins a group.
    #[napi]
    pub fn join_group(&self, token: i64, group: String, join: Join) -> Option<Failure> {
        let operation = JoinGroup {
            group: &group,
            member: &join.member,
            session_timeout_ms: join.session_timeout_ms,
            rebalance_timeout_ms: join.rebalance_timeout_ms,
            protocol_type: &join.protocol_type,
            subscriptions: &join.subscriptions,
        };
        self.submit(token, &operation)
    }

    /// Fetches a member's partitions; the leader hands in everybody's, by member and topic.
    #[napi]
    pub fn sync_group(
        &self,
        token: i64,
        group: String,
        generation: u32,
        member: String,
        assignments: Vec<(String, Assignment)>,
    ) -> Option<Failure> {
        self.submit(token, &SyncGroup { group: &group, generation, member: &member, assignments: &assignments })
    }

    /// Keeps a membership alive.
    #[napi]
    pub fn heartbeat(&self, token: i64, group: String, generation: u32, member: String) -> Option<Failure> {
        self.submit(token, &Heartbeat { group: &group, generation, member: &member })
    }

    /// Takes a member out of a group.
    #[napi]
    pub fn leave_group(&self, token: i64, group: String, member: String) -> Option<Failure> {
        self.submit(token, &LeaveGroup { group: &group, member: &member })
    }
}
