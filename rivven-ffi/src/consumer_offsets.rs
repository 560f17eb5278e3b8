//! Positions and offsets of consumers
//!
//! A position is the offset of the next record that a poll gives of a
//! partition. A committed offset is that of the next record to read, too: a
//! consumer of the same group begins there.

use std::ffi::c_char;

use rivven_bridge::Consumer;
use rivven_client::Result;

use crate::code::rivven_code;
use crate::consumer::{on_consumer, rivven_consumer_t};
use crate::error::rivven_error_t;
use crate::input::{required, store, text};
use crate::offsets::{offsets_of, rivven_offsets_t, store_found};
use crate::results::{plain_results, rivven_results_t};

/// Goes on reading a partition at an offset; what has come of it is dropped.
///
/// Fails with `RIVVEN_CODE_NOT_ASSIGNED`, `RIVVEN_CODE_CLOSED`, `RIVVEN_CODE_FORKED` and
/// `RIVVEN_CODE_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_seek(
    consumer: *mut rivven_consumer_t,
    topic: *const c_char,
    partition: u32,
    offset: u64,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives a string.
    unsafe {
        on_consumer(consumer, error, |consumer| {
            let topic = text(topic, "topic")?.to_owned();
            consumer.start(|core| async move { core.seek(topic, partition, offset).await })?.wait()
        })
    }
}

/// Goes on at the first record that there is in a partition.
///
/// Fails as `rivven_consumer_seek`, and as every request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_seek_to_beginning(
    consumer: *mut rivven_consumer_t,
    topic: *const c_char,
    partition: u32,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives a string.
    unsafe {
        on_consumer(consumer, error, |consumer| {
            let topic = text(topic, "topic")?.to_owned();
            consumer.start(|core| async move { core.seek_to_beginning(topic, partition).await })?.wait()
        })
    }
}

/// Goes on behind the last record that there is in a partition.
///
/// Fails as `rivven_consumer_seek`, and as every request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_seek_to_end(
    consumer: *mut rivven_consumer_t,
    topic: *const c_char,
    partition: u32,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives a string.
    unsafe {
        on_consumer(consumer, error, |consumer| {
            let topic = text(topic, "topic")?.to_owned();
            consumer.start(|core| async move { core.seek_to_end(topic, partition).await })?.wait()
        })
    }
}

/// Goes on at the first record that the broker received at or after a time.
///
/// `timestamp_ms` is in milliseconds since 1970-01-01 00:00 UTC. Without such a
/// record it goes on behind the last one. The offset goes to `*offset`, which may
/// be NULL. Fails as `rivven_consumer_seek`, and as every request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_seek_to_timestamp(
    consumer: *mut rivven_consumer_t,
    topic: *const c_char,
    partition: u32,
    timestamp_ms: i64,
    offset: *mut u64,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives a string, and NULL or room for the output.
    unsafe {
        on_consumer(consumer, error, |consumer| {
            let topic = text(topic, "topic")?.to_owned();
            let seek = |core: std::sync::Arc<rivven_client::Consumer>| async move {
                core.seek_to_timestamp(topic, partition, timestamp_ms).await
            };
            store(offset, consumer.start(seek)?.wait()?);
            Ok(())
        })
    }
}

/// Gives the offset of the next record that a poll gives of a partition.
///
/// `*found` tells whether it is known by now; it then goes to `*offset`, which is
/// untouched otherwise. Asks no server. Fails with `RIVVEN_CODE_NOT_ASSIGNED`,
/// `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_position(
    consumer: *mut rivven_consumer_t,
    topic: *const c_char,
    partition: u32,
    found: *mut bool,
    offset: *mut u64,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives a string, and NULL or room for the outputs.
    unsafe {
        on_consumer(consumer, error, |consumer| {
            store_found(consumer.core()?.position(text(topic, "topic")?, partition)?, found, offset);
            Ok(())
        })
    }
}

/// Stores in `*lag` how many offsets lie between the position and the end of the log.
///
/// The broker is asked for the end. Control records and deleted ones count, too.
/// `lag` may be NULL. Fails as `rivven_consumer_seek_to_end`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_lag(
    consumer: *mut rivven_consumer_t,
    topic: *const c_char,
    partition: u32,
    lag: *mut u64,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives a string, and NULL or room for the output.
    unsafe {
        on_consumer(consumer, error, |consumer| {
            let topic = text(topic, "topic")?.to_owned();
            store(lag, consumer.start(|core| async move { core.lag(topic, partition).await })?.wait()?);
            Ok(())
        })
    }
}

/// Gives the first offset of a partition and the next one to be written.
///
/// They go to `*earliest` and `*latest`, of which each may be NULL. The broker is
/// asked. Fails as `rivven_consumer_seek_to_end`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_get_offset_bounds(
    consumer: *mut rivven_consumer_t,
    topic: *const c_char,
    partition: u32,
    earliest: *mut u64,
    latest: *mut u64,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives a string, and NULL or room for the outputs.
    unsafe {
        on_consumer(consumer, error, |consumer| {
            let topic = text(topic, "topic")?.to_owned();
            let bounds =
                consumer.start(|core| async move { core.get_offset_bounds(topic, partition).await })?.wait()?;
            store(earliest, bounds.0);
            store(latest, bounds.1);
            Ok(())
        })
    }
}

/// Commits the offsets behind the records that polls gave so far, or what was stored, of all partitions.
///
/// Fails with the only failure, or one that names those of each partition:
/// `RIVVEN_CODE_OFFSET_OUT_OF_RANGE`, `RIVVEN_CODE_NOT_ASSIGNED` of one that was taken
/// away meanwhile, and as every request; with `RIVVEN_CODE_CLOSED`,
/// `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_commit(
    consumer: *mut rivven_consumer_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: passed on to the caller.
    unsafe {
        on_consumer(consumer, error, |consumer| consumer.start(|core| async move { core.commit().await })?.wait())
    }
}

/// Commits like `rivven_consumer_commit` without waiting; a failure is an event of the consumer's queue.
///
/// Commits are made one after another, so a later one is never overtaken. Fails
/// with `RIVVEN_CODE_CLOSED`, `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_commit_async(
    consumer: *mut rivven_consumer_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: passed on to the caller.
    unsafe { on_consumer(consumer, error, |consumer| consumer.core()?.commit_async()) }
}

/// Commits the offsets of a list, all together; each is that of the next record to read.
///
/// `offsets` stays the caller's. Fails as `rivven_consumer_commit`; of subscribed
/// topics only partitions that the consumer has can be committed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_commit_offsets(
    consumer: *mut rivven_consumer_t,
    offsets: *const rivven_offsets_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: passed on to the caller.
    unsafe {
        on_consumer(consumer, error, |consumer| {
            let offsets = offsets_of(offsets)?;
            consumer.start(|core| async move { core.commit_offsets(&offsets).await })?.wait()
        })
    }
}

/// Commits like `rivven_consumer_commit_offsets`; what became of each goes to `*results`.
///
/// They are in the order of `offsets`; the caller frees them with
/// `rivven_results_free`. The call itself fails with `RIVVEN_CODE_CLOSED`,
/// `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT` only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_commit_offsets_each(
    consumer: *mut rivven_consumer_t,
    offsets: *const rivven_offsets_t,
    results: *mut *mut rivven_results_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the output was checked, and the caller gives room for it.
    unsafe {
        on_consumer(consumer, error, |consumer| {
            required(results, "results")?;
            results.write(plain_results(commit_each(consumer, offsets_of(offsets)?)?));
            Ok(())
        })
    }
}

fn commit_each(consumer: &Consumer, offsets: Vec<(String, u32, u64)>) -> Result<Vec<Result<()>>> {
    consumer.start(|core| async move { core.commit_offsets_each(&offsets).await })?.wait()
}

/// Sets the offset that the next commits commit for a partition, by themselves or not.
///
/// It is that of the next record to read. From then on this partition's commits
/// follow what is stored, and not what polls gave. Fails with
/// `RIVVEN_CODE_NOT_ASSIGNED`, `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_store_offset(
    consumer: *mut rivven_consumer_t,
    topic: *const c_char,
    partition: u32,
    offset: u64,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives a string.
    unsafe {
        on_consumer(consumer, error, |consumer| consumer.core()?.store_offset(text(topic, "topic")?, partition, offset))
    }
}

/// Asks for the offset that the group has committed for a partition, assigned or not.
///
/// `*found` tells whether there is one, which then goes to `*offset`; without
/// one `*offset` is untouched. Fails with `RIVVEN_CODE_INVALID_TOPIC`,
/// `RIVVEN_CODE_CLOSED`, and as every request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_committed(
    consumer: *mut rivven_consumer_t,
    topic: *const c_char,
    partition: u32,
    found: *mut bool,
    offset: *mut u64,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives a string, and NULL or room for the outputs.
    unsafe {
        on_consumer(consumer, error, |consumer| {
            let topic = text(topic, "topic")?.to_owned();
            let committed = consumer.start(|core| async move { core.committed(topic, partition).await })?.wait()?;
            store_found(committed, found, offset);
            Ok(())
        })
    }
}
