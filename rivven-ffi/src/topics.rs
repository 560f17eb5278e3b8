//! Topics

use std::ffi::{CString, c_char};
use std::ptr;

use rivven_client::DeleteRecordsResult;
use rivven_client::ops::{CreatePartitions, CreateTopic, DeleteRecords, DeleteTopic, GetMetadata, ListTopics};

use crate::client::{on_client, rivven_client_t};
use crate::code::rivven_code;
use crate::error::{c_string, rivven_error_t};
use crate::guard::{read, silent};
use crate::handle::{self, Opaque};
use crate::input::{array, number_or_default, required, store, text};
use crate::strings::{list, pointer, rivven_strings_t};

/// For `rivven_client_create_topic`: as many partitions as the broker gives by default.
pub const RIVVEN_PARTITIONS_DEFAULT: i64 = -1;

/// What became of the partitions whose records were to be deleted.
///
/// It belongs to the caller, who frees it with `rivven_deletions_free`. It never
/// changes, so it may be read from any thread.
pub struct rivven_deletions_t {
    _opaque: [u8; 0],
}

/// What became of a partition in the form that C reads.
pub(crate) struct Deletion {
    partition: u32,
    low_watermark: u64,
    error: Option<CString>,
}

impl Opaque for rivven_deletions_t {
    type Value = Vec<Deletion>;
    const MARKER: u64 = 0x7269_765f_6465_6c72;
    const NAME: (&'static str, &'static str) = ("list of deletions", "rivven_client_delete_records");
}

impl From<DeleteRecordsResult> for Deletion {
    fn from(result: DeleteRecordsResult) -> Self {
        let DeleteRecordsResult { partition, low_watermark, error } = result;
        Deletion { partition, low_watermark, error: error.map(c_string) }
    }
}

/// Creates a topic.
///
/// `name` has 1 to 255 of the characters `a-zA-Z0-9._-` and begins with a letter
/// or a digit. `partitions` is 1 to 1000 or `RIVVEN_PARTITIONS_DEFAULT`. The
/// number of partitions that the topic has goes to `*created`, which may be
/// NULL.
///
/// Fails with `RIVVEN_CODE_TOPIC_ALREADY_EXISTS`, `RIVVEN_CODE_INVALID_TOPIC`,
/// `RIVVEN_CODE_INVALID_PARTITIONS`, and as every request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_create_topic(
    client: *mut rivven_client_t,
    name: *const c_char,
    partitions: i64,
    created: *mut u32,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives a string that ends with a zero, and room for the output.
    unsafe {
        on_client(client, error, |client| {
            let partitions = number_or_default(partitions, "partitions")?;
            let operation = CreateTopic { name: text(name, "name")?, partitions };
            store(created, client.start(&operation)?.wait()?);
            Ok(())
        })
    }
}

/// Lists the names of all topics, in no order, and stores the list in `*names`.
///
/// The caller frees it with `rivven_strings_free`. Fails as every request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_list_topics(
    client: *mut rivven_client_t,
    names: *mut *mut rivven_strings_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the output was checked, and the caller gives room for it.
    unsafe {
        on_client(client, error, |client| {
            required(names, "names")?;
            names.write(list(client.start(&ListTopics)?.wait()?));
            Ok(())
        })
    }
}

/// Deletes a topic.
///
/// Broker release 0.0.22 keeps the log files: a topic created anew under the
/// same name has the old records. Fails with
/// `RIVVEN_CODE_UNKNOWN_TOPIC_OR_PARTITION`, and as every request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_delete_topic(
    client: *mut rivven_client_t,
    name: *const c_char,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives a string that ends with a zero.
    unsafe { on_client(client, error, |client| client.start(&DeleteTopic { name: text(name, "name")? })?.wait()) }
}

/// Stores the number of partitions of a topic in `*partitions`, which may be NULL.
///
/// Never creates the topic. Fails with
/// `RIVVEN_CODE_UNKNOWN_TOPIC_OR_PARTITION`, and as every request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_get_metadata(
    client: *mut rivven_client_t,
    topic: *const c_char,
    partitions: *mut u32,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives a string that ends with a zero, and room for the output.
    unsafe {
        on_client(client, error, |client| {
            let (_name, count) = client.start(&GetMetadata { topic: text(topic, "topic")? })?.wait()?;
            store(partitions, count);
            Ok(())
        })
    }
}

/// Raises the number of partitions of a topic.
///
/// `count` is the new number, larger than the present one. The number that the
/// topic has goes to `*created`, which may be NULL. Keys may belong to other
/// partitions afterwards.
///
/// Fails with `RIVVEN_CODE_INVALID_PARTITIONS`,
/// `RIVVEN_CODE_UNKNOWN_TOPIC_OR_PARTITION`, and as every request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_create_partitions(
    client: *mut rivven_client_t,
    topic: *const c_char,
    count: u32,
    created: *mut u32,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives a string that ends with a zero, and room for the output.
    unsafe {
        on_client(client, error, |client| {
            store(created, client.start(&CreatePartitions { topic: text(topic, "topic")?, count })?.wait()?);
            Ok(())
        })
    }
}

/// Deletes the records of partitions below an offset each.
///
/// `partitions` and `offsets` are arrays of `count` numbers: partitions and the
/// first offset to keep in each. What became of each goes to `*deletions`,
/// which the caller frees with `rivven_deletions_free`; a partition that the
/// broker refused does not fail the call. Broker release 0.0.22 forgets this
/// when it restarts, unless whole segments went.
///
/// Fails with `RIVVEN_CODE_UNKNOWN_TOPIC_OR_PARTITION`, and as every request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_delete_records(
    client: *mut rivven_client_t,
    topic: *const c_char,
    partitions: *const u32,
    offsets: *const u64,
    count: usize,
    deletions: *mut *mut rivven_deletions_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the output was checked, and the caller gives room for it and valid arrays.
    unsafe {
        on_client(client, error, |client| {
            required(deletions, "deletions")?;
            let topic = text(topic, "topic")?;
            let partitions = array(partitions, count, "partitions")?.iter().copied();
            let offsets = array(offsets, count, "offsets")?.iter().copied();
            let before: Vec<_> = partitions.zip(offsets).collect();
            let results = client.start(&DeleteRecords { topic, before: &before })?.wait()?;
            deletions.write(handle::make(results.into_iter().map(Deletion::from).collect()));
            Ok(())
        })
    }
}

/// Gives the number of partitions; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_deletions_len(deletions: *const rivven_deletions_t) -> usize {
    // SAFETY: the caller gives NULL or deletions.
    unsafe { read(deletions, 0, |deletions| Some(deletions.len())) }
}

/// Gives the number of a partition; 0 if there is none of that index.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_deletions_partition(deletions: *const rivven_deletions_t, index: usize) -> u32 {
    // SAFETY: the caller gives NULL or deletions.
    unsafe { read(deletions, 0, |deletions| Some(deletions.get(index)?.partition)) }
}

/// Gives the offset below which the records of a partition are gone.
///
/// 0 if there is no partition of that index.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_deletions_low_watermark(deletions: *const rivven_deletions_t, index: usize) -> u64 {
    // SAFETY: the caller gives NULL or deletions.
    unsafe { read(deletions, 0, |deletions| Some(deletions.get(index)?.low_watermark)) }
}

/// Gives the broker's text if it refused a partition; NULL if it did not.
///
/// NULL if there is no partition of that index. It lives as long as the deletions.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_deletions_error(deletions: *const rivven_deletions_t, index: usize) -> *const c_char {
    // SAFETY: the caller gives NULL or deletions.
    unsafe { read(deletions, ptr::null(), |deletions| Some(pointer(&deletions.get(index)?.error))) }
}

/// Frees deletions and the strings they gave; accepts NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_deletions_free(deletions: *mut rivven_deletions_t) {
    // SAFETY: the caller gives NULL or deletions that are not used any more.
    silent(|| unsafe { handle::release(deletions) });
}
