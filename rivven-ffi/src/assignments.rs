//! Assignments
//!
//! What the leader of a group hands in, and what every member is given.
//!
//!     rivven_assignments_t *assignments = NULL;
//!     rivven_assignments_new(&assignments, &error);
//!     for (size_t i = 0; i < rivven_membership_members_len(membership); i++) {
//!         const char *member = rivven_membership_member(membership, i);
//!         rivven_assignments_add(assignments, member, "orders", (uint32_t)i, &error);
//!     }

use std::ffi::{CString, c_char};
use std::ptr;
use std::sync::Mutex;

use rivven_client::Result;
use rivven_client::ops::Assignment;

use crate::code::rivven_code;
use crate::error::{c_string, rivven_error_t};
use crate::guard::{fallible, read, silent};
use crate::handle::{self, Opaque, lock};
use crate::input::{required, text};

/// Members of a group and their partitions.
///
/// It belongs to the caller, who frees it with `rivven_assignments_free`. Meant
/// for one thread at a time.
pub struct rivven_assignments_t {
    _opaque: [u8; 0],
}

type Members = Vec<(String, Assignment)>;

impl Opaque for rivven_assignments_t {
    type Value = Mutex<Members>;
    const MARKER: u64 = 0x7269_765f_6173_676e;
    const NAME: (&'static str, &'static str) = ("list of assignments", "rivven_assignments_new");
}

/// The partitions of a member, by topic.
///
/// It belongs to the caller, who frees it with `rivven_assignment_free`. It
/// never changes, so it may be read from any thread.
pub struct rivven_assignment_t {
    _opaque: [u8; 0],
}

impl Opaque for rivven_assignment_t {
    type Value = Vec<(CString, Vec<u32>)>;
    const MARKER: u64 = 0x7269_765f_6173_6731;
    const NAME: (&'static str, &'static str) = ("assignment", "rivven_client_sync_group");
}

/// Makes the handle of an assignment.
pub(crate) fn assignment(topics: Assignment) -> *mut rivven_assignment_t {
    handle::make(topics.into_iter().map(|(topic, partitions)| (c_string(topic), partitions)).collect())
}

/// The members of assignments that may be NULL, for none.
///
/// # Safety
///
/// As `handle::borrow`.
pub(crate) unsafe fn members_of(assignments: *const rivven_assignments_t) -> Result<Members> {
    if assignments.is_null() {
        return Ok(Vec::new());
    }
    // SAFETY: passed on to the caller.
    Ok(lock(unsafe { handle::borrow(assignments)? }).clone())
}

/// The entry of a name in a list, made where there is none yet.
fn entry<'a, T: Default>(list: &'a mut Vec<(String, T)>, name: &str) -> &'a mut T {
    let index = list.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
        list.push((name.to_owned(), T::default()));
        list.len() - 1
    });
    &mut list[index].1
}

/// Makes assignments without members and stores them in `*assignments`.
///
/// The caller frees them with `rivven_assignments_free`. Fails with
/// `RIVVEN_CODE_INVALID_ARGUMENT` only, if `assignments` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_assignments_new(
    assignments: *mut *mut rivven_assignments_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the output was checked, and the caller gives room for it.
    unsafe {
        fallible(error, || -> Result<()> {
            required(assignments, "assignments")?;
            assignments.write(handle::make(Mutex::default()));
            Ok(())
        })
    }
}

/// Adds a member without partitions; one that is there stays as it is.
///
/// A member that is not in the assignments keeps what it had, so name those
/// that are to have nothing too. Fails with `RIVVEN_CODE_INVALID_ARGUMENT` only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_assignments_add_member(
    assignments: *mut rivven_assignments_t,
    member: *const c_char,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives assignments and a string that ends with a zero.
    unsafe {
        fallible(error, || -> Result<()> {
            let assignments = handle::borrow(assignments.cast_const())?;
            entry(&mut lock(assignments), text(member, "member")?);
            Ok(())
        })
    }
}

/// Adds a partition to those of a member, and the member where it is not there yet.
///
/// Fails with `RIVVEN_CODE_INVALID_ARGUMENT` only; nothing is changed then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_assignments_add(
    assignments: *mut rivven_assignments_t,
    member: *const c_char,
    topic: *const c_char,
    partition: u32,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives assignments and strings that end with a zero.
    unsafe {
        fallible(error, || -> Result<()> {
            let assignments = handle::borrow(assignments.cast_const())?;
            let (member, topic) = (text(member, "member")?, text(topic, "topic")?);
            entry(entry(&mut lock(assignments), member), topic).push(partition);
            Ok(())
        })
    }
}

/// Frees assignments; accepts NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_assignments_free(assignments: *mut rivven_assignments_t) {
    // SAFETY: the caller gives NULL or assignments that are not used any more.
    silent(|| unsafe { handle::release(assignments) });
}

/// Gives the number of topics of an assignment, which are in no order; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_assignment_len(assignment: *const rivven_assignment_t) -> usize {
    // SAFETY: the caller gives NULL or an assignment.
    unsafe { read(assignment, 0, |topics| Some(topics.len())) }
}

/// Gives the name of a topic; NULL if there is none of that index.
///
/// It lives as long as the assignment.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_assignment_topic(
    assignment: *const rivven_assignment_t,
    index: usize,
) -> *const c_char {
    // SAFETY: the caller gives NULL or an assignment.
    unsafe { read(assignment, ptr::null(), |topics| Some(topics.get(index)?.0.as_ptr())) }
}

/// Gives the number of partitions of a topic; 0 if there is none of that index.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_assignment_partitions_len(
    assignment: *const rivven_assignment_t,
    index: usize,
) -> usize {
    // SAFETY: the caller gives NULL or an assignment.
    unsafe { read(assignment, 0, |topics| Some(topics.get(index)?.1.len())) }
}

/// Gives a partition of a topic; 0 if there is no such topic or partition.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_assignment_partition(
    assignment: *const rivven_assignment_t,
    index: usize,
    partition: usize,
) -> u32 {
    // SAFETY: the caller gives NULL or an assignment.
    unsafe { read(assignment, 0, |topics| topics.get(index)?.1.get(partition).copied()) }
}

/// Frees an assignment and the strings it gave; accepts NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_assignment_free(assignment: *mut rivven_assignment_t) {
    // SAFETY: the caller gives NULL or an assignment that is not used any more.
    silent(|| unsafe { handle::release(assignment) });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_found_again_and_keep_their_order() {
        let mut members = Members::new();
        entry(&mut members, "b");
        entry(entry(&mut members, "a"), "t").push(1);
        entry(entry(&mut members, "a"), "t").push(0);
        entry(entry(&mut members, "b"), "u").push(7);
        let partitions = |topic: &str, partitions| vec![(topic.to_owned(), partitions)];
        let wanted = [("b".to_owned(), partitions("u", vec![7])), ("a".to_owned(), partitions("t", vec![1, 0]))];
        assert_eq!(members, wanted);
    }
}
