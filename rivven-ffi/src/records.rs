//! Writing and reading records
//!
//! A topic is named by 1 to 255 of the characters `a-zA-Z0-9._-`, and its
//! partitions are counted from 0. Where numbers are given back, the pointer to
//! any of them may be NULL.

use std::ffi::c_char;

use rivven_client::ops::{BatchItem, Consume, Publish, PublishBatch};
use rivven_client::{RecordMetadata, Result};

use crate::batch::{Batch, batch, rivven_batch_t};
use crate::bytes::{NOTHING, rivven_bytes_t};
use crate::client::{on_client, rivven_client_t};
use crate::code::rivven_code;
use crate::error::rivven_error_t;
use crate::input::{array, bytes, isolation, number_or_default, required, store, text, wait};
use crate::record_metadata::{record_metadata, rivven_record_metadata_t};

/// Instead of the number of a partition: the one that the broker chooses.
pub const RIVVEN_PARTITION_ANY: i64 = -1;

/// An isolation level: the broker's own, which is to show everything.
pub const RIVVEN_ISOLATION_DEFAULT: i32 = -1;

/// An isolation level: shows everything.
pub const RIVVEN_ISOLATION_READ_UNCOMMITTED: i32 = 0;

/// An isolation level: hides the records of aborted transactions.
pub const RIVVEN_ISOLATION_READ_COMMITTED: i32 = 1;

/// Appends a record without a key; the broker chooses the partition.
///
/// It creates an unknown topic. The offset of the record goes to `*offset` and its partition to
/// `*partition`.
///
/// Fails with `RIVVEN_CODE_INVALID_TOPIC` and `RIVVEN_CODE_REQUEST_TOO_LARGE`
/// before anything is sent, with the broker's own errors, and as every
/// request. If the outcome of the error is `RIVVEN_OUTCOME_UNKNOWN` the record
/// may have been written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_publish(
    client: *mut rivven_client_t,
    topic: *const c_char,
    value: rivven_bytes_t,
    offset: *mut u64,
    partition: *mut u32,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: passed on to the caller.
    unsafe { publish(client, topic, None, NOTHING, value, (offset, partition), error) }
}

/// Appends a record with a key, by which the broker chooses the partition.
///
/// Records of one key go to one partition. A `key` whose `data` is NULL is no
/// key. Otherwise as `rivven_client_publish`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_publish_with_key(
    client: *mut rivven_client_t,
    topic: *const c_char,
    key: rivven_bytes_t,
    value: rivven_bytes_t,
    offset: *mut u64,
    partition: *mut u32,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: passed on to the caller.
    unsafe { publish(client, topic, None, key, value, (offset, partition), error) }
}

/// Appends a record to a partition of an existing topic.
///
/// A `key` whose `data` is NULL is no key. Fails with
/// `RIVVEN_CODE_INVALID_PARTITION` if there is none of that number, otherwise
/// as `rivven_client_publish`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_publish_to_partition(
    client: *mut rivven_client_t,
    topic: *const c_char,
    partition: u32,
    key: rivven_bytes_t,
    value: rivven_bytes_t,
    offset: *mut u64,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: passed on to the caller.
    unsafe { publish(client, topic, Some(partition), key, value, (offset, std::ptr::null_mut()), error) }
}

/// Appends a record and stores all that is known of where it went in `*metadata`.
///
/// `partition` may be `RIVVEN_PARTITION_ANY`: the broker then chooses one, by
/// the key where there is one, and creates an unknown topic. A `key` whose
/// `data` is NULL is no key. The caller frees the metadata with
/// `rivven_record_metadata_free`. Fails as `rivven_client_publish_to_partition`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_publish_with_metadata(
    client: *mut rivven_client_t,
    topic: *const c_char,
    partition: i64,
    key: rivven_bytes_t,
    value: rivven_bytes_t,
    metadata: *mut *mut rivven_record_metadata_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the output was checked, and the caller gives room for it, valid views and a string.
    unsafe {
        on_client(client, error, |client| {
            required(metadata, "metadata")?;
            let (topic, partition) = (text(topic, "topic")?, number_or_default(partition, "partition")?);
            let (key, value) = (bytes(key, "key")?, bytes(value, "value")?.unwrap_or_default());
            let published = client.start(&Publish { topic, partition, key, value })?.wait()?;
            metadata.write(record_metadata(RecordMetadata::of(topic, published)));
            Ok(())
        })
    }
}

/// What the functions that append one record have in common.
unsafe fn publish(
    client: *mut rivven_client_t,
    topic: *const c_char,
    partition: Option<u32>,
    key: rivven_bytes_t,
    value: rivven_bytes_t,
    output: (*mut u64, *mut u32),
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives valid views and a string, and room for the outputs.
    unsafe {
        on_client(client, error, |client| {
            let (key, value) = (bytes(key, "key")?, bytes(value, "value")?.unwrap_or_default());
            let operation = Publish { topic: text(topic, "topic")?, partition, key, value };
            let published = client.start(&operation)?.wait()?;
            store(output.0, published.offset);
            store(output.1, published.partition);
            Ok(())
        })
    }
}

/// Appends many records to one partition, in their order.
///
/// `keys` and `values` are arrays of `count` views, at most 10000; `keys` may
/// be NULL if no record has a key, and a key whose `data` is NULL is none.
/// `partition` may be `RIVVEN_PARTITION_ANY`: the broker then chooses one for
/// the whole batch, by the key of the first record, and creates an unknown
/// topic. The partition goes to `*written_to`, and the offset of the first
/// record to `*base_offset`; the others follow it directly where nobody else
/// wrote to the partition meanwhile.
///
/// A batch is not atomic: an error may leave its first records written. Fails
/// with `RIVVEN_CODE_INVALID_ARGUMENT` if `count` is 0, and as
/// `rivven_client_publish_to_partition`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_publish_batch(
    client: *mut rivven_client_t,
    topic: *const c_char,
    partition: i64,
    keys: *const rivven_bytes_t,
    values: *const rivven_bytes_t,
    count: usize,
    base_offset: *mut u64,
    written_to: *mut u32,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives valid arrays and a string, and room for the outputs.
    unsafe {
        on_client(client, error, |client| {
            let partition = number_or_default(partition, "partition")?;
            let records = records(keys, values, count)?;
            let records = records.iter().copied();
            let published = client.start(&PublishBatch { topic: text(topic, "topic")?, partition, records })?.wait()?;
            store(base_offset, published.base_offset);
            store(written_to, published.partition);
            Ok(())
        })
    }
}

/// Appends many records like `rivven_client_publish_batch` and stores what is known of the first in `*metadata`.
///
/// It tells of all of them whether an earlier attempt may have written them,
/// too. The caller frees it with `rivven_record_metadata_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_publish_batch_with_metadata(
    client: *mut rivven_client_t,
    topic: *const c_char,
    partition: i64,
    keys: *const rivven_bytes_t,
    values: *const rivven_bytes_t,
    count: usize,
    metadata: *mut *mut rivven_record_metadata_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the output was checked, and the caller gives room for it, valid arrays and a string.
    unsafe {
        on_client(client, error, |client| {
            required(metadata, "metadata")?;
            let (topic, partition) = (text(topic, "topic")?, number_or_default(partition, "partition")?);
            let records = records(keys, values, count)?;
            let published =
                client.start(&PublishBatch { topic, partition, records: records.iter().copied() })?.wait()?;
            metadata.write(record_metadata(RecordMetadata::of_batch(topic, published)));
            Ok(())
        })
    }
}

/// The records of two arrays, checked.
///
/// # Safety
///
/// The arrays have `count` valid views, but `keys` may be NULL.
pub(crate) unsafe fn records<'a>(
    keys: *const rivven_bytes_t,
    values: *const rivven_bytes_t,
    count: usize,
) -> Result<Vec<BatchItem<&'a [u8], &'a [u8]>>> {
    // SAFETY: passed on to the caller.
    unsafe {
        let keys: &[rivven_bytes_t] = if keys.is_null() { &[] } else { array(keys, count, "keys")? };
        let values = array(values, count, "values")?;
        let record = |(index, value): (usize, &rivven_bytes_t)| {
            let key = keys.get(index).copied().unwrap_or(NOTHING);
            Ok((bytes(key, "a key")?, bytes(*value, "a value")?.unwrap_or_default()))
        };
        values.iter().enumerate().map(record).collect()
    }
}

/// Reads records of a partition from `offset` on, at most `max_messages`.
///
/// They are stored in `*batch`, which the caller frees with
/// `rivven_batch_free`. The broker answers at once, with an empty batch where
/// there is nothing to read, and with fewer records than asked for where they
/// are large. Below the earliest offset it begins there.
///
/// Fails with `RIVVEN_CODE_UNKNOWN_TOPIC_OR_PARTITION`;
/// `RIVVEN_CODE_INVALID_PARTITION`; `RIVVEN_CODE_ANSWER_TOO_LARGE` if so many
/// records exceed the broker's limit: ask for fewer; and as every request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_consume(
    client: *mut rivven_client_t,
    topic: *const c_char,
    partition: u32,
    offset: u64,
    max_messages: u32,
    batch: *mut *mut rivven_batch_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    let span = (partition, offset, max_messages);
    // SAFETY: passed on to the caller.
    unsafe { consume(client, topic, span, RIVVEN_ISOLATION_DEFAULT, None, batch, error) }
}

/// Reads like `rivven_client_consume`, at an isolation level.
///
/// `isolation_level` is one of `RIVVEN_ISOLATION_DEFAULT`,
/// `RIVVEN_ISOLATION_READ_UNCOMMITTED` and `RIVVEN_ISOLATION_READ_COMMITTED`;
/// other numbers up to 255 are left to the broker, and everything else is
/// `RIVVEN_CODE_INVALID_ARGUMENT`. Broker release 0.0.22 shows the records of
/// open transactions at any level, and takes numbers it does not know for
/// `RIVVEN_ISOLATION_READ_UNCOMMITTED`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_consume_with_isolation(
    client: *mut rivven_client_t,
    topic: *const c_char,
    partition: u32,
    offset: u64,
    max_messages: u32,
    isolation_level: i32,
    batch: *mut *mut rivven_batch_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    let span = (partition, offset, max_messages);
    // SAFETY: passed on to the caller.
    unsafe { consume(client, topic, span, isolation_level, None, batch, error) }
}

/// Reads like `rivven_client_consume_with_isolation` at `RIVVEN_ISOLATION_READ_COMMITTED`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_consume_read_committed(
    client: *mut rivven_client_t,
    topic: *const c_char,
    partition: u32,
    offset: u64,
    max_messages: u32,
    batch: *mut *mut rivven_batch_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    let span = (partition, offset, max_messages);
    // SAFETY: passed on to the caller.
    unsafe { consume(client, topic, span, RIVVEN_ISOLATION_READ_COMMITTED, None, batch, error) }
}

/// Reads like `rivven_client_consume_with_isolation`, and waits for a first record.
///
/// Where there is none the broker waits at most `timeout_ms` milliseconds, and
/// never longer than 30 s, and then answers with an empty batch. The wait is
/// added to `request.timeout.ms`. A negative `timeout_ms` is
/// `RIVVEN_CODE_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_consume_long_poll(
    client: *mut rivven_client_t,
    topic: *const c_char,
    partition: u32,
    offset: u64,
    max_messages: u32,
    isolation_level: i32,
    timeout_ms: i64,
    batch: *mut *mut rivven_batch_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    let span = (partition, offset, max_messages);
    // SAFETY: passed on to the caller.
    unsafe { consume(client, topic, span, isolation_level, Some(timeout_ms), batch, error) }
}

/// What the functions that read one partition have in common.
unsafe fn consume(
    client: *mut rivven_client_t,
    topic: *const c_char,
    (partition, offset, max_messages): (u32, u64, u32),
    isolation_level: i32,
    timeout_ms: Option<i64>,
    output: *mut *mut rivven_batch_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the output was checked, and the caller gives room for it.
    unsafe {
        on_client(client, error, |client| {
            required(output, "batch")?;
            let topic = text(topic, "topic")?;
            let isolation_level = isolation(isolation_level)?;
            let max_wait = timeout_ms.map(|timeout| wait(timeout, "timeout_ms")).transpose()?;
            let operation = Consume { topic, partition, offset, max_messages, isolation_level, max_wait };
            output.write(batch(Batch::of_client(topic, client.start(&operation)?.wait()?)));
            Ok(())
        })
    }
}
