//! Groups
//!
//! Listing, describing and deleting know only groups with committed offsets.
//! Joining, syncing, heartbeats and leaving are the raw steps of membership.

use std::ffi::{CString, c_char};
use std::ptr;

use rivven_client::ops::{
    DeleteGroup, DescribeGroup, GroupMembership, Heartbeat, JoinGroup, LeaveGroup, ListGroups, SyncGroup,
};

use crate::assignments::{assignment, members_of, rivven_assignment_t, rivven_assignments_t};
use crate::client::{on_client, rivven_client_t};
use crate::code::rivven_code;
use crate::error::{c_string, rivven_error_t};
use crate::guard::{read, silent};
use crate::handle::{self, Opaque};
use crate::input::{milliseconds_32, required, store, text, texts};
use crate::offsets::{offsets, rivven_offsets_t};
use crate::strings::{list, rivven_strings_t};

/// A membership of a group.
///
/// It belongs to the caller, who frees it with `rivven_membership_free`; the
/// membership holds all the same. It never changes, so it may be read from any
/// thread.
pub struct rivven_membership_t {
    _opaque: [u8; 0],
}

/// A membership in the form that C reads.
pub(crate) struct Membership {
    generation: u32,
    protocol_type: CString,
    member: CString,
    leader: CString,
    members: Vec<(CString, Vec<CString>)>,
}

impl Opaque for rivven_membership_t {
    type Value = Membership;
    const MARKER: u64 = 0x7269_765f_6d65_6d62;
    const NAME: (&'static str, &'static str) = ("membership", "rivven_client_join_group");
}

impl From<GroupMembership> for Membership {
    fn from(membership: GroupMembership) -> Self {
        let strings = |strings: Vec<String>| strings.into_iter().map(c_string).collect();
        let member = |(id, topics)| (c_string(id), strings(topics));
        Membership {
            generation: membership.generation,
            protocol_type: c_string(membership.protocol_type),
            member: c_string(membership.member),
            leader: c_string(membership.leader),
            members: membership.members.into_iter().map(member).collect(),
        }
    }
}

/// Lists the groups that have committed offsets, in no order, and stores the list in `*groups`.
///
/// The caller frees it with `rivven_strings_free`. Fails as every request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_list_groups(
    client: *mut rivven_client_t,
    groups: *mut *mut rivven_strings_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the output was checked, and the caller gives room for it.
    unsafe {
        on_client(client, error, |client| {
            required(groups, "groups")?;
            groups.write(list(client.start(&ListGroups)?.wait()?));
            Ok(())
        })
    }
}

/// Asks for the committed offsets of a group and stores them in `*offsets`.
///
/// They are sorted by topic and partition. The caller frees them with
/// `rivven_offsets_free`. Fails with `RIVVEN_CODE_GROUP_NOT_FOUND` for a group
/// without committed offsets, `RIVVEN_CODE_INVALID_GROUP_ID`, and as every request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_describe_group(
    client: *mut rivven_client_t,
    group: *const c_char,
    offsets: *mut *mut rivven_offsets_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the output was checked, and the caller gives room for it.
    unsafe {
        on_client(client, error, |client| {
            required(offsets, "offsets")?;
            let described = client.start(&DescribeGroup { group: text(group, "group")? })?.wait()?;
            offsets.write(self::offsets(described));
            Ok(())
        })
    }
}

/// Deletes the committed offsets of a group.
///
/// Fails as `rivven_client_describe_group`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_delete_group(
    client: *mut rivven_client_t,
    group: *const c_char,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives a string that ends with a zero.
    unsafe { on_client(client, error, |client| client.start(&DeleteGroup { group: text(group, "group")? })?.wait()) }
}

/// Joins a group and stores the membership in `*membership`; the broker does not wait for others.
///
/// `member` is the member's id, empty for a new member, which is given one.
/// Without heartbeat for `session_timeout_ms` a member is dropped, and a
/// rebalance may take `rebalance_timeout_ms`; the group's first member decides
/// both for all. `protocol_type` is the kind of group: `consumer`.
/// `subscriptions` is an array of `count` topics that the member wants to read.
/// The caller frees the membership with `rivven_membership_free`.
///
/// Fails with `RIVVEN_CODE_JOIN_GROUP_FAILED`, and as every request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_join_group(
    client: *mut rivven_client_t,
    group: *const c_char,
    member: *const c_char,
    session_timeout_ms: i64,
    rebalance_timeout_ms: i64,
    protocol_type: *const c_char,
    subscriptions: *const *const c_char,
    count: usize,
    membership: *mut *mut rivven_membership_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the output was checked, and the caller gives room for it and valid arrays and strings.
    unsafe {
        on_client(client, error, |client| {
            required(membership, "membership")?;
            let subscriptions = texts(subscriptions, count, "subscriptions")?;
            let subscriptions: Vec<_> = subscriptions.into_iter().map(str::to_owned).collect();
            let join = JoinGroup {
                group: text(group, "group")?,
                member: text(member, "member")?,
                session_timeout_ms: milliseconds_32(session_timeout_ms, "session_timeout_ms")?,
                rebalance_timeout_ms: milliseconds_32(rebalance_timeout_ms, "rebalance_timeout_ms")?,
                protocol_type: text(protocol_type, "protocol_type")?,
                subscriptions: &subscriptions,
            };
            membership.write(handle::make(client.start(&join)?.wait()?.into()));
            Ok(())
        })
    }
}

/// Fetches the partitions of a member and stores them in `*assignment`.
///
/// `assignments` has, from the leader, the partitions of every member; from
/// others it is NULL or has no member. It stays the caller's. A follower's call
/// waits until the leader has called, at most 30 s. The caller frees what it is
/// given with `rivven_assignment_free`.
///
/// Fails with `RIVVEN_CODE_UNKNOWN_GROUP`, `RIVVEN_CODE_UNKNOWN_MEMBER_ID`,
/// `RIVVEN_CODE_ILLEGAL_GENERATION`, `RIVVEN_CODE_REBALANCE_TIMEOUT` (join again
/// after all of these), `RIVVEN_CODE_INCONSISTENT_GROUP_PROTOCOL` if
/// `assignments` names others than members, and as every request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_sync_group(
    client: *mut rivven_client_t,
    group: *const c_char,
    generation: u32,
    member: *const c_char,
    assignments: *const rivven_assignments_t,
    assignment: *mut *mut rivven_assignment_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the output was checked, and the caller gives room for it.
    unsafe {
        on_client(client, error, |client| {
            required(assignment, "assignment")?;
            let (group, member) = (text(group, "group")?, text(member, "member")?);
            let assignments = members_of(assignments)?;
            let sync = SyncGroup { group, generation, member, assignments: &assignments };
            assignment.write(self::assignment(client.start(&sync)?.wait()?));
            Ok(())
        })
    }
}

/// Keeps a membership alive.
///
/// `*status`, which may be NULL, is 0 in a stable group and 27 while the leader
/// has not synced. Fails with `RIVVEN_CODE_UNKNOWN_GROUP`,
/// `RIVVEN_CODE_UNKNOWN_MEMBER_ID` and `RIVVEN_CODE_ILLEGAL_GENERATION` (join
/// again after all of these), and as every request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_heartbeat(
    client: *mut rivven_client_t,
    group: *const c_char,
    generation: u32,
    member: *const c_char,
    status: *mut i32,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives strings that end with a zero, and room for the output.
    unsafe {
        on_client(client, error, |client| {
            let (group, member) = (text(group, "group")?, text(member, "member")?);
            store(status, client.start(&Heartbeat { group, generation, member })?.wait()?);
            Ok(())
        })
    }
}

/// Leaves a group.
///
/// Fails with `RIVVEN_CODE_UNKNOWN_GROUP` and `RIVVEN_CODE_UNKNOWN_MEMBER_ID`,
/// and as every request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_leave_group(
    client: *mut rivven_client_t,
    group: *const c_char,
    member: *const c_char,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: passed on to the caller.
    unsafe { leave(client, group, member, error) }
}

/// Takes another member out of a group.
///
/// Fails as `rivven_client_leave_group`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_remove_member(
    client: *mut rivven_client_t,
    group: *const c_char,
    member: *const c_char,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: passed on to the caller.
    unsafe { leave(client, group, member, error) }
}

/// What the functions that end a membership have in common.
unsafe fn leave(
    client: *mut rivven_client_t,
    group: *const c_char,
    member: *const c_char,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives strings that end with a zero.
    unsafe {
        on_client(client, error, |client| {
            let (group, member) = (text(group, "group")?, text(member, "member")?);
            client.start(&LeaveGroup { group, member })?.wait()
        })
    }
}

/// Gives the generation, which rises with every rebalance of a stable group; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_membership_generation(membership: *const rivven_membership_t) -> u32 {
    // SAFETY: the caller gives NULL or a membership.
    unsafe { read(membership, 0, |membership| Some(membership.generation)) }
}

/// Gives the kind of group; NULL for NULL.
///
/// It lives as long as the membership.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_membership_protocol_type(membership: *const rivven_membership_t) -> *const c_char {
    // SAFETY: the caller gives NULL or a membership.
    unsafe { read(membership, ptr::null(), |membership| Some(membership.protocol_type.as_ptr())) }
}

/// Gives the id of the member that joined; NULL for NULL.
///
/// It lives as long as the membership.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_membership_member_id(membership: *const rivven_membership_t) -> *const c_char {
    // SAFETY: the caller gives NULL or a membership.
    unsafe { read(membership, ptr::null(), |membership| Some(membership.member.as_ptr())) }
}

/// Gives the id of the leader, the member that hands out the partitions; NULL for NULL.
///
/// It lives as long as the membership.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_membership_leader_id(membership: *const rivven_membership_t) -> *const c_char {
    // SAFETY: the caller gives NULL or a membership.
    unsafe { read(membership, ptr::null(), |membership| Some(membership.leader.as_ptr())) }
}

/// Gives the number of members, who are in no order; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_membership_members_len(membership: *const rivven_membership_t) -> usize {
    // SAFETY: the caller gives NULL or a membership.
    unsafe { read(membership, 0, |membership| Some(membership.members.len())) }
}

/// Gives the id of a member; NULL if there is none of that index.
///
/// It lives as long as the membership.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_membership_member(
    membership: *const rivven_membership_t,
    index: usize,
) -> *const c_char {
    // SAFETY: the caller gives NULL or a membership.
    unsafe { read(membership, ptr::null(), |membership| Some(membership.members.get(index)?.0.as_ptr())) }
}

/// Gives the number of topics that a member wants to read; 0 if there is none of that index.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_membership_subscriptions_len(
    membership: *const rivven_membership_t,
    index: usize,
) -> usize {
    // SAFETY: the caller gives NULL or a membership.
    unsafe { read(membership, 0, |membership| Some(membership.members.get(index)?.1.len())) }
}

/// Gives a topic that a member wants to read; NULL if there is no such member or topic.
///
/// It lives as long as the membership.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_membership_subscription(
    membership: *const rivven_membership_t,
    index: usize,
    subscription: usize,
) -> *const c_char {
    // SAFETY: the caller gives NULL or a membership.
    unsafe {
        read(membership, ptr::null(), |membership| Some(membership.members.get(index)?.1.get(subscription)?.as_ptr()))
    }
}

/// Frees a membership and the strings it gave; accepts NULL. The member stays in the group.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_membership_free(membership: *mut rivven_membership_t) {
    // SAFETY: the caller gives NULL or a membership that is not used any more.
    silent(|| unsafe { handle::release(membership) });
}
