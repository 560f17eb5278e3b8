//! Lists of partitions
//!
//!     rivven_partitions_t *partitions = NULL;
//!     rivven_partitions_new(&partitions, &error);
//!     rivven_partitions_add(partitions, "orders", 0, &error);
//!     rivven_partitions_add(partitions, "orders", 1, &error);

use std::ffi::{CString, c_char};
use std::ptr;
use std::sync::Mutex;

use rivven_client::{Result, TopicPartition};

use crate::code::rivven_code;
use crate::error::{c_string, rivven_error_t};
use crate::guard::{fallible, read, silent};
use crate::handle::{self, Opaque, lock};
use crate::input::{required, text};

/// Partitions of topics, in an order.
///
/// One that the caller made or was given is his, who frees it with
/// `rivven_partitions_free`. Adding is meant for one thread at a time; while
/// nobody adds, many may read.
pub struct rivven_partitions_t {
    _opaque: [u8; 0],
}

/// Names and numbers of partitions in the form that C reads.
pub(crate) type Partitions = Vec<(CString, u32)>;

impl Opaque for rivven_partitions_t {
    type Value = Mutex<Partitions>;
    const MARKER: u64 = 0x7269_765f_7061_7274;
    const NAME: (&'static str, &'static str) = ("list of partitions", "rivven_partitions_new");
}

/// Partitions in the form that C reads.
pub(crate) fn for_c(partitions: &[TopicPartition]) -> Partitions {
    partitions.iter().map(|partition| (c_string(partition.topic.clone()), partition.partition)).collect()
}

/// Makes the handle of a list.
pub(crate) fn partitions(list: &[TopicPartition]) -> *mut rivven_partitions_t {
    handle::make(Mutex::new(for_c(list)))
}

/// The partitions of a list.
///
/// # Errors
///
/// As `handle::borrow`.
///
/// # Safety
///
/// As `handle::borrow`.
pub(crate) unsafe fn partitions_of(list: *const rivven_partitions_t) -> Result<Vec<TopicPartition>> {
    // SAFETY: passed on to the caller.
    let list = lock(unsafe { handle::borrow(list)? });
    Ok(list.iter().map(|(topic, partition)| TopicPartition::new(topic.to_string_lossy(), *partition)).collect())
}

/// Makes a list without partitions and stores it in `*partitions`.
///
/// The caller frees it with `rivven_partitions_free`. Fails with
/// `RIVVEN_CODE_INVALID_ARGUMENT` only, if `partitions` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_partitions_new(
    partitions: *mut *mut rivven_partitions_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the output was checked, and the caller gives room for it.
    unsafe {
        fallible(error, || -> Result<()> {
            required(partitions, "partitions")?;
            partitions.write(handle::make(Mutex::default()));
            Ok(())
        })
    }
}

/// Adds a partition at the end.
///
/// Fails with `RIVVEN_CODE_INVALID_ARGUMENT` only; the list is unchanged then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_partitions_add(
    partitions: *mut rivven_partitions_t,
    topic: *const c_char,
    partition: u32,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives a list and a string that ends with a zero.
    unsafe {
        fallible(error, || -> Result<()> {
            let partitions = handle::borrow(partitions.cast_const())?;
            let topic = c_string(text(topic, "topic")?.to_owned());
            lock(partitions).push((topic, partition));
            Ok(())
        })
    }
}

/// Gives the number of partitions; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_partitions_len(partitions: *const rivven_partitions_t) -> usize {
    // SAFETY: the caller gives NULL or a list.
    unsafe { read(partitions, 0, |partitions| Some(lock(partitions).len())) }
}

/// Gives the topic of a partition; NULL if there is none of that index.
///
/// It lives as long as the list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_partitions_topic(
    partitions: *const rivven_partitions_t,
    index: usize,
) -> *const c_char {
    // SAFETY: the caller gives NULL or a list. The string does not move when the list grows.
    unsafe { read(partitions, ptr::null(), |partitions| lock(partitions).get(index).map(|(topic, _)| topic.as_ptr())) }
}

/// Gives the number of a partition; 0 if there is none of that index.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_partitions_partition(partitions: *const rivven_partitions_t, index: usize) -> u32 {
    // SAFETY: the caller gives NULL or a list.
    unsafe { read(partitions, 0, |partitions| lock(partitions).get(index).map(|(_, number)| *number)) }
}

/// Frees a list of partitions; accepts NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_partitions_free(partitions: *mut rivven_partitions_t) {
    // SAFETY: the caller gives NULL or a list that is not used any more.
    silent(|| unsafe { handle::release(partitions) });
}
