//! Offsets
//!
//! The offset that a group commits is the next one it is to read. The broker
//! checks neither membership nor generation, and lets the offset go back.
//!
//!     rivven_offsets_t *offsets = NULL;
//!     rivven_results_t *results = NULL;
//!     rivven_offsets_new(&offsets, &error);
//!     rivven_offsets_add(offsets, "orders", 0, 42, &error);
//!     rivven_offsets_add(offsets, "orders", 1, 17, &error);
//!     rivven_client_commit_offsets_pipelined(client, "billing", offsets, &results, &error);

use std::collections::HashMap;
use std::ffi::{CString, c_char};
use std::ptr;
use std::sync::Mutex;

use rivven_bridge::CommitOffsetsPipelined;
use rivven_client::Result;
use rivven_client::ops::{CommitOffset, GetOffset, GetOffsetBounds, GetOffsetForTimestamp};

use crate::client::{on_client, rivven_client_t};
use crate::code::rivven_code;
use crate::error::{c_string, rivven_error_t};
use crate::guard::{fallible, read, silent};
use crate::handle::{self, Opaque, lock};
use crate::input::{required, store, text};
use crate::results::{results, rivven_results_t};

/// Offsets of partitions, in an order.
///
/// It belongs to the caller, who frees it with `rivven_offsets_free`. Adding is
/// meant for one thread at a time; while nobody adds, many may read.
pub struct rivven_offsets_t {
    _opaque: [u8; 0],
}

/// The offset of a partition in the form that C reads.
pub(crate) struct PartitionOffset {
    topic: CString,
    partition: u32,
    offset: u64,
}

impl Opaque for rivven_offsets_t {
    type Value = Mutex<Vec<PartitionOffset>>;
    const MARKER: u64 = 0x7269_765f_6f66_6673;
    const NAME: (&'static str, &'static str) = ("list of offsets", "rivven_offsets_new");
}

/// Makes the handle of the offsets of a group, sorted by topic and partition.
pub(crate) fn offsets(by_topic: HashMap<String, HashMap<u32, u64>>) -> *mut rivven_offsets_t {
    let mut offsets = Vec::new();
    for (topic, partitions) in by_topic {
        let topic = c_string(topic);
        let entry = |(partition, offset)| PartitionOffset { topic: topic.clone(), partition, offset };
        offsets.extend(partitions.into_iter().map(entry));
    }
    offsets.sort_by(|a, b| (&a.topic, a.partition).cmp(&(&b.topic, b.partition)));
    handle::make(Mutex::new(offsets))
}

/// The topics, partitions and offsets of a list.
///
/// # Errors
///
/// As `handle::borrow`.
///
/// # Safety
///
/// As `handle::borrow`.
pub(crate) unsafe fn offsets_of(offsets: *const rivven_offsets_t) -> Result<Vec<(String, u32, u64)>> {
    // SAFETY: passed on to the caller.
    let offsets = lock(unsafe { handle::borrow(offsets)? });
    let plain = |entry: &PartitionOffset| (entry.topic.to_string_lossy().into_owned(), entry.partition, entry.offset);
    Ok(offsets.iter().map(plain).collect())
}

/// Reads an offset; `otherwise` is what stands for none.
unsafe fn entry<T>(
    offsets: *const rivven_offsets_t,
    index: usize,
    otherwise: T,
    look: impl FnOnce(&PartitionOffset) -> T,
) -> T {
    // SAFETY: the caller gives NULL or offsets.
    unsafe { read(offsets, otherwise, |offsets| lock(offsets).get(index).map(look)) }
}

/// Makes a list without offsets and stores it in `*offsets`.
///
/// The caller frees it with `rivven_offsets_free`. Fails with
/// `RIVVEN_CODE_INVALID_ARGUMENT` only, if `offsets` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_offsets_new(
    offsets: *mut *mut rivven_offsets_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the output was checked, and the caller gives room for it.
    unsafe {
        fallible(error, || -> Result<()> {
            required(offsets, "offsets")?;
            offsets.write(handle::make(Mutex::default()));
            Ok(())
        })
    }
}

/// Adds the offset of a partition at the end.
///
/// Fails with `RIVVEN_CODE_INVALID_ARGUMENT` only; the list is unchanged then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_offsets_add(
    offsets: *mut rivven_offsets_t,
    topic: *const c_char,
    partition: u32,
    offset: u64,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives a list and a string that ends with a zero.
    unsafe {
        fallible(error, || -> Result<()> {
            let offsets = handle::borrow(offsets.cast_const())?;
            let topic = c_string(text(topic, "topic")?.to_owned());
            lock(offsets).push(PartitionOffset { topic, partition, offset });
            Ok(())
        })
    }
}

/// Gives the number of offsets; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_offsets_len(offsets: *const rivven_offsets_t) -> usize {
    // SAFETY: the caller gives NULL or offsets.
    unsafe { read(offsets, 0, |offsets| Some(lock(offsets).len())) }
}

/// Gives the topic of an offset; NULL if there is none of that index.
///
/// It lives as long as the list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_offsets_topic(offsets: *const rivven_offsets_t, index: usize) -> *const c_char {
    // SAFETY: the caller gives NULL or offsets.
    unsafe { entry(offsets, index, ptr::null(), |entry| entry.topic.as_ptr()) }
}

/// Gives the partition of an offset; 0 if there is none of that index.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_offsets_partition(offsets: *const rivven_offsets_t, index: usize) -> u32 {
    // SAFETY: the caller gives NULL or offsets.
    unsafe { entry(offsets, index, 0, |entry| entry.partition) }
}

/// Gives an offset; 0 if there is none of that index.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_offsets_offset(offsets: *const rivven_offsets_t, index: usize) -> u64 {
    // SAFETY: the caller gives NULL or offsets.
    unsafe { entry(offsets, index, 0, |entry| entry.offset) }
}

/// Frees a list of offsets; accepts NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_offsets_free(offsets: *mut rivven_offsets_t) {
    // SAFETY: the caller gives NULL or offsets that are not used any more.
    silent(|| unsafe { handle::release(offsets) });
}

/// Stores the next offset that a group is to read in a partition.
///
/// A crash of the broker may lose up to 49 commits. Fails with
/// `RIVVEN_CODE_OFFSET_OUT_OF_RANGE` behind the end of the log,
/// `RIVVEN_CODE_INVALID_GROUP_ID`, `RIVVEN_CODE_UNKNOWN_TOPIC_OR_PARTITION`,
/// and as every request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_commit_offset(
    client: *mut rivven_client_t,
    group: *const c_char,
    topic: *const c_char,
    partition: u32,
    offset: u64,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives strings that end with a zero.
    unsafe {
        on_client(client, error, |client| {
            let (group, topic) = (text(group, "group")?, text(topic, "topic")?);
            client.start(&CommitOffset { group, topic, partition, offset })?.wait()
        })
    }
}

/// Stores many offsets of a group with one wait.
///
/// What became of each goes to `*results`, in the order of `offsets`; the
/// caller frees it with `rivven_results_free`. `offsets` stays the caller's.
/// One that fails fails alone, in the ways of `rivven_client_commit_offset`;
/// the call itself fails with `RIVVEN_CODE_INVALID_ARGUMENT`,
/// `RIVVEN_CODE_CLOSED` and `RIVVEN_CODE_FORKED` only, before anything is sent.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_commit_offsets_pipelined(
    client: *mut rivven_client_t,
    group: *const c_char,
    offsets: *const rivven_offsets_t,
    results: *mut *mut rivven_results_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the output was checked, and the caller gives room for it.
    unsafe {
        on_client(client, error, |client| {
            required(results, "results")?;
            let (group, offsets) = (text(group, "group")?, handle::borrow(offsets)?);
            // Encoding ends before the wait, and with it the lock.
            let call = {
                let offsets = lock(offsets);
                let commits: Vec<_> = offsets.iter().map(|entry| commit(group, entry)).collect::<Result<_>>()?;
                client.start(&CommitOffsetsPipelined(&commits))?
            };
            results.write(self::results(client, call.wait()?));
            Ok(())
        })
    }
}

fn commit<'a>(group: &'a str, entry: &'a PartitionOffset) -> Result<CommitOffset<'a>> {
    // SAFETY: the text ends with a zero and lives as long as the entry.
    let topic = unsafe { text(entry.topic.as_ptr(), "topic")? };
    Ok(CommitOffset { group, topic, partition: entry.partition, offset: entry.offset })
}

/// Asks for the offset that a group has committed in a partition.
///
/// `*found` tells whether there is one, which then goes to `*offset`; without
/// one `*offset` is untouched. Groups and topics that do not exist have none.
/// Fails with `RIVVEN_CODE_INVALID_GROUP_ID`, `RIVVEN_CODE_INVALID_TOPIC`, and
/// as every request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_get_offset(
    client: *mut rivven_client_t,
    group: *const c_char,
    topic: *const c_char,
    partition: u32,
    found: *mut bool,
    offset: *mut u64,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives strings that end with a zero, and room for the outputs.
    unsafe {
        on_client(client, error, |client| {
            let (group, topic) = (text(group, "group")?, text(topic, "topic")?);
            store_found(client.start(&GetOffset { group, topic, partition })?.wait()?, found, offset);
            Ok(())
        })
    }
}

/// Gives the first offset of a partition and the next one to be written.
///
/// They go to `*earliest` and `*latest`. Fails with
/// `RIVVEN_CODE_UNKNOWN_TOPIC_OR_PARTITION`, and as every request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_get_offset_bounds(
    client: *mut rivven_client_t,
    topic: *const c_char,
    partition: u32,
    earliest: *mut u64,
    latest: *mut u64,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives a string that ends with a zero, and room for the outputs.
    unsafe {
        on_client(client, error, |client| {
            let bounds = client.start(&GetOffsetBounds { topic: text(topic, "topic")?, partition })?.wait()?;
            store(earliest, bounds.0);
            store(latest, bounds.1);
            Ok(())
        })
    }
}

/// Asks for the first offset whose record the broker received at or after a time.
///
/// `timestamp_ms` is in milliseconds since 1970-01-01 00:00 UTC. `*found` tells
/// whether there is one, which then goes to `*offset`; without one `*offset`
/// is untouched. It may be the offset of a deleted record, and the broker reads
/// the whole partition for it. Fails with
/// `RIVVEN_CODE_UNKNOWN_TOPIC_OR_PARTITION`, and as every request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_get_offset_for_timestamp(
    client: *mut rivven_client_t,
    topic: *const c_char,
    partition: u32,
    timestamp_ms: i64,
    found: *mut bool,
    offset: *mut u64,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives a string that ends with a zero, and room for the outputs.
    unsafe {
        on_client(client, error, |client| {
            let topic = text(topic, "topic")?;
            store_found(
                client.start(&GetOffsetForTimestamp { topic, partition, timestamp_ms })?.wait()?,
                found,
                offset,
            );
            Ok(())
        })
    }
}

/// Stores what was found, and whether.
///
/// # Safety
///
/// The outputs are NULL or can be written.
pub(crate) unsafe fn store_found(value: Option<u64>, found: *mut bool, offset: *mut u64) {
    // SAFETY: passed on to the caller.
    unsafe {
        store(found, value.is_some());
        if let Some(value) = value {
            store(offset, value);
        }
    }
}
