//! Memberships of consumer groups, as one node keeps them in memory.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rivven_client::protocol::{Request, Response};

use super::{Answer, Call, Step, World, answer};

/// The heartbeat's code while the leader has not handed in assignments.
const REBALANCING: i32 = 27;

/// The session timeout of a group whose first member does not say one.
const DEFAULT_SESSION_MS: u32 = 10_000;

/// The partitions of a member by topic.
type Assignment = Vec<(String, Vec<u32>)>;

/// The groups of a node.
#[derive(Debug, Default)]
pub(super) struct Groups {
    by_name: BTreeMap<String, Group>,
    /// Number of member ids given out.
    named: u64,
}

#[derive(Debug)]
struct Group {
    protocol_type: String,
    /// As the first member said.
    session_timeout: Duration,
    generation: u32,
    stable: bool,
    leader: String,
    members: BTreeMap<String, Member>,
    /// Number of joins: a follower that waits is not woken if another member joins meanwhile. That is a defect of
    /// the broker.
    joins: u64,
}

#[derive(Debug)]
struct Member {
    subscriptions: Vec<String>,
    assignment: Assignment,
    seen: Instant,
}

impl Group {
    /// A stable group has to be balanced anew.
    fn disturb(&mut self) {
        if self.stable {
            self.stable = false;
            self.generation += 1;
        }
    }

    fn remove(&mut self, member: &str) -> bool {
        let removed = self.members.remove(member).is_some();
        if removed {
            self.disturb();
        }
        if !self.members.contains_key(&self.leader) {
            self.leader = self.members.keys().next().cloned().unwrap_or_default();
        }
        removed
    }

    /// Checks a member and its generation, and notes that it is alive.
    fn check(&mut self, member: &str, generation: u32, now: Instant) -> Result<(), String> {
        let known = self.members.get_mut(member).ok_or_else(|| format!("UNKNOWN_MEMBER_ID: {member}"))?;
        known.seen = now;
        match self.generation {
            expected if expected == generation => Ok(()),
            expected => Err(format!("ILLEGAL_GENERATION: expected {expected}, got {generation}")),
        }
    }

    /// Stores what the leader hands in.
    fn assign(&mut self, assignments: &[(String, Assignment)]) -> Result<(), String> {
        if let Some((unknown, _)) = assignments.iter().find(|(member, _)| !self.members.contains_key(member)) {
            return Err(format!("INCONSISTENT_GROUP_PROTOCOL: {unknown}"));
        }
        for (name, assignment) in assignments {
            if let Some(member) = self.members.get_mut(name) {
                member.assignment.clone_from(assignment);
            }
        }
        self.stable = true;
        Ok(())
    }
}

impl Groups {
    /// The group of that name, after those members have left whose session has expired.
    fn find(&mut self, name: &str, now: Instant) -> Result<&mut Group, String> {
        self.expire(name, now);
        self.by_name.get_mut(name).ok_or_else(|| format!("UNKNOWN_GROUP: {name}"))
    }

    fn expire(&mut self, name: &str, now: Instant) {
        let Some(group) = self.by_name.get_mut(name) else { return };
        let timeout = group.session_timeout;
        let is_late = |member: &Member| now.saturating_duration_since(member.seen) > timeout;
        let late: Vec<String> =
            group.members.iter().filter(|(_, member)| is_late(member)).map(|(name, _)| name.clone()).collect();
        for member in &late {
            self.remove(name, member);
        }
    }

    /// Removes a member, and the group with the last one; false if there is none.
    pub(super) fn remove(&mut self, name: &str, member: &str) -> bool {
        let Some(group) = self.by_name.get_mut(name) else { return false };
        let removed = group.remove(member);
        if group.members.is_empty() {
            self.by_name.remove(name);
        }
        removed
    }

    fn join(&mut self, request: &Request, now: Instant) -> Answer {
        let Request::JoinGroup { group_id, member_id, session_timeout_ms, protocol_type, subscriptions, .. } = request
        else {
            return Err("INTERNAL_ERROR: Unexpected request type".into());
        };
        self.expire(group_id, now);
        let member_id = if member_id.is_empty() { self.name(protocol_type) } else { member_id.clone() };
        let session_ms = if *session_timeout_ms == 0 { DEFAULT_SESSION_MS } else { *session_timeout_ms };
        let group = self.by_name.entry(group_id.clone()).or_insert_with(|| Group {
            protocol_type: protocol_type.clone(),
            session_timeout: Duration::from_millis(session_ms.into()),
            generation: 0,
            stable: false,
            leader: member_id.clone(),
            members: BTreeMap::new(),
            joins: 0,
        });
        group.disturb();
        group.joins += 1;
        let assignment = group.members.remove(&member_id).map(|member| member.assignment).unwrap_or_default();
        group.members.insert(member_id.clone(), Member { subscriptions: subscriptions.clone(), assignment, seen: now });
        let members = group.members.iter().map(|(name, member)| (name.clone(), member.subscriptions.clone()));
        answer(Response::JoinGroupResult {
            generation_id: group.generation,
            protocol_type: group.protocol_type.clone(),
            member_id,
            leader_id: group.leader.clone(),
            members: members.collect(),
        })
    }

    /// A member id in the broker's form; they repeat from run to run.
    fn name(&mut self, protocol_type: &str) -> String {
        self.named += 1;
        format!("{protocol_type}-00000000-0000-4000-8000-{:012x}", self.named)
    }

    fn sync(&mut self, call: &mut Call, request: &Request, timeout: Duration) -> Answer {
        let Request::SyncGroup { group_id, generation_id, member_id, assignments } = request else {
            return Err("INTERNAL_ERROR: Unexpected request type".into());
        };
        let group = self.find(group_id, call.now)?;
        group.check(member_id, *generation_id, call.now)?;
        let waits_since = *call.waits_since.get_or_insert(group.joins);
        if *member_id == group.leader && !assignments.is_empty() {
            group.assign(assignments)?;
        } else if !group.stable || waits_since != group.joins {
            let deadline = call.asked + timeout;
            return match call.now < deadline {
                true => Ok(Step::WaitUntil(deadline)),
                false => Err(format!("REBALANCE_TIMEOUT: no assignment within {timeout:?}")),
            };
        }
        let assignments = group.members.get(member_id).map(|member| member.assignment.clone()).unwrap_or_default();
        answer(Response::SyncGroupResult { assignments })
    }
}

impl World {
    pub(super) fn group(&mut self, call: &mut Call, request: &Request) -> Answer {
        use Request::*;
        let timeout = self.sync_timeout;
        let groups = &mut self.nodes[call.node].groups;
        match request {
            JoinGroup { .. } => groups.join(request, call.now),
            SyncGroup { .. } => {
                groups.sync(call, request, timeout).map_err(|error| format!("SYNC_GROUP_FAILED: {error}"))
            }
            Heartbeat { group_id, generation_id, member_id } => {
                let group = groups.find(group_id, call.now);
                let checked = group.and_then(|group| {
                    group.check(member_id, *generation_id, call.now)?;
                    Ok(if group.stable { 0 } else { REBALANCING })
                });
                let error_code = checked.map_err(|error| format!("HEARTBEAT_FAILED: {error}"))?;
                answer(Response::HeartbeatResult { error_code })
            }
            LeaveGroup { group_id, member_id } => {
                groups.find(group_id, call.now).map_err(|error| format!("LEAVE_GROUP_FAILED: {error}"))?;
                match groups.remove(group_id, member_id) {
                    true => answer(Response::LeaveGroupResult),
                    false => Err(format!("LEAVE_GROUP_FAILED: UNKNOWN_MEMBER_ID: {member_id}")),
                }
            }
            _ => Err("INTERNAL_ERROR: Unexpected request type".into()),
        }
    }
}
