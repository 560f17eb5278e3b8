//! Producers
//!
//! A producer gathers records into batches and sends them in the background.
//! What became of them comes by a queue, a batch at a time.
//!
//!     rivven_queue_new(&queue, &error);
//!     rivven_producer_new(config, queue, &producer, &error);
//!     rivven_producer_topic(producer, "orders", &topic, &error);
//!     rivven_topic_enqueue(topic, RIVVEN_PARTITION_ANY, key, value, 42, &error);

use std::ffi::{c_char, c_void};
use std::sync::Arc;
use std::time::Duration;

use rivven_bridge::{Producer, Reports};
use rivven_client::{Detail, Error, Result};

use crate::bytes::rivven_bytes_t;
use crate::code::rivven_code;
use crate::config::{rivven_config_t, snapshot};
use crate::error::rivven_error_t;
use crate::guard::{fallible, silent};
use crate::handle::{self, Opaque};
use crate::input::{bytes, invalid, milliseconds, number_or_default, required, store, text};
use crate::queue::{Callback, Inbox, rivven_deliveries_callback, rivven_queue_t, rivven_user_data_free};
use crate::record_metadata::{record_metadata, rivven_record_metadata_t};
use crate::records::records;
use crate::topic::{rivven_topic_t, topic_handle};

/// Sends records in batches.
///
/// It may be used by any number of threads at once. In the child of a `fork`
/// every call on a producer of the parent fails with `RIVVEN_CODE_FORKED`; free
/// it there and make a new one.
pub struct rivven_producer_t {
    _opaque: [u8; 0],
}

/// A producer and where its reports go.
pub(crate) struct Producing {
    producer: Producer,
    reports: Option<(Arc<Inbox>, u64)>,
}

impl Opaque for rivven_producer_t {
    type Value = Producing;
    const MARKER: u64 = 0x7269_765f_7072_6f64;
    const NAME: (&'static str, &'static str) = ("producer", "rivven_producer_new");
}

impl Producing {
    /// Makes a producer whose reports go to a queue, or nowhere.
    ///
    /// # Safety
    ///
    /// As `handle::share`, but the queue may be NULL.
    unsafe fn new(
        config: *const rivven_config_t,
        queue: *mut rivven_queue_t,
        with_callback: bool,
    ) -> Result<Producing> {
        // SAFETY: passed on to the caller.
        let properties = unsafe { snapshot(config)? };
        if queue.is_null() {
            return Ok(Producing { producer: Producer::new(&properties, Reports::Nowhere)?, reports: None });
        }
        // SAFETY: passed on to the caller.
        let inbox = Arc::clone(&*unsafe { handle::share(queue.cast_const()) }?);
        let (reports, token) = inbox.add(with_callback)?;
        Ok(Producing { producer: Producer::new(&properties, reports)?, reports: Some((inbox, token)) })
    }

    /// The producer alone.
    pub(crate) fn producer(&self) -> &Producer {
        &self.producer
    }

    fn end_callback(&self) {
        if let Some((inbox, token)) = &self.reports {
            inbox.forget(*token);
        }
    }
}

/// Runs the body of a function on a producer, which stays alive until the body ends.
///
/// # Safety
///
/// As `handle::share` and `fallible`.
pub(crate) unsafe fn on_producer(
    producer: *mut rivven_producer_t,
    error: *mut *mut rivven_error_t,
    body: impl FnOnce(&Producer) -> Result<()>,
) -> rivven_code {
    // SAFETY: passed on to the caller.
    unsafe { fallible(error, || body(&handle::share(producer.cast_const())?.producer)) }
}

/// Makes a producer and stores it in `*producer`; the caller frees it with `rivven_producer_free`.
///
/// What becomes of its records goes to `queue`, which may be NULL if the
/// program does not want to know. Does no network I/O: the producer connects
/// when there is something to send, or by `rivven_producer_connect`. The
/// configuration is copied.
///
/// Fails with `RIVVEN_CODE_INVALID_CONFIG` for keys that contradict each other
/// and for an address that cannot be read; with `RIVVEN_CODE_IO` if the
/// background threads cannot be started; `RIVVEN_CODE_FORKED` for a queue of
/// the parent of a `fork`, and `RIVVEN_CODE_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_new(
    config: *const rivven_config_t,
    queue: *mut rivven_queue_t,
    producer: *mut *mut rivven_producer_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the output was checked, and the caller gives room for it.
    unsafe {
        fallible(error, || -> Result<()> {
            required(producer, "producer")?;
            producer.write(handle::make(Producing::new(config, queue, false)?));
            Ok(())
        })
    }
}

/// Makes a producer like `rivven_producer_new`, with a callback for its deliveries.
///
/// Neither `queue` nor `callback` may be NULL. `rivven_queue_poll` calls
/// `callback` with `user_data` and the deliveries, which it does not store
/// then. `user_data_free`, unless NULL, is called once with `user_data` when
/// nothing is called with it any more: in `rivven_producer_free` or
/// `rivven_queue_free`, whatever comes first; where a callback is running at
/// that moment, right after it has returned. If this function fails nothing is
/// ever called, and `user_data` still belongs to the caller.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_new_with_callback(
    config: *const rivven_config_t,
    queue: *mut rivven_queue_t,
    callback: rivven_deliveries_callback,
    user_data: *mut c_void,
    user_data_free: rivven_user_data_free,
    producer: *mut *mut rivven_producer_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the output was checked, and the caller gives room for it.
    unsafe {
        fallible(error, || -> Result<()> {
            required(producer, "producer")?;
            let Some(function) = callback else {
                return Err(invalid("callback is NULL: pass a function, or make a producer without".to_owned()));
            };
            handle::borrow(queue.cast_const())?;
            let producing = Producing::new(config, queue, true)?;
            if let Some((inbox, token)) = &producing.reports {
                inbox.call(*token, Callback { function, user_data, free: user_data_free });
            }
            producer.write(handle::make(producing));
            Ok(())
        })
    }
}

/// Waits for a first ready connection, at most `connection.timeout.ms` for each server.
///
/// Calling it is a choice: without it the first record has the producer
/// connect. Fails as `rivven_client_connect`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_connect(
    producer: *mut rivven_producer_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: passed on to the caller.
    unsafe { on_producer(producer, error, |producer| producer.connect()?.wait()) }
}

/// Makes a handle of a topic and stores it in `*topic`.
///
/// The caller frees it with `rivven_topic_free`. Asks no server: whether there
/// is such a topic, and whether it may be called so, the first record shows.
/// Fails with `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_topic(
    producer: *mut rivven_producer_t,
    name: *const c_char,
    topic: *mut *mut rivven_topic_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the output was checked, and the caller gives room for it and a string.
    unsafe {
        on_producer(producer, error, |producer| {
            required(topic, "topic")?;
            topic.write(topic_handle(producer.topic(text(name, "name")?)?));
            Ok(())
        })
    }
}

/// Sends a record and waits until it is delivered.
///
/// `partition` may be `RIVVEN_PARTITION_ANY`; a `key` whose `data` is NULL is
/// no key. Where it went is stored in `*metadata`, which the caller frees with
/// `rivven_record_metadata_free`; `metadata` may be NULL. Where there is no
/// room it waits for that for at most `max.block.ms`.
///
/// Fails as `rivven_topic_enqueue`, and with what kept the record from being
/// delivered: `rivven_error_outcome` tells whether the broker may have it all
/// the same.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_send(
    producer: *mut rivven_producer_t,
    topic: *const c_char,
    partition: i64,
    key: rivven_bytes_t,
    value: rivven_bytes_t,
    metadata: *mut *mut rivven_record_metadata_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives valid views and a string, and NULL or room for the output.
    unsafe {
        on_producer(producer, error, |producer| {
            let (topic, partition) = (text(topic, "topic")?, number_or_default(partition, "partition")?);
            let (key, value) = (bytes(key, "key")?, bytes(value, "value")?.unwrap_or_default());
            let sent = producer.topic(topic)?.send(partition, key, value)?.wait()?;
            if !metadata.is_null() {
                metadata.write(record_metadata(sent));
            }
            Ok(())
        })
    }
}

/// Sends many records and waits until all are delivered.
///
/// `keys` and `values` are arrays of `count` views; `keys` may be NULL if no
/// record has a key, and a key whose `data` is NULL is none. `partition` may be
/// `RIVVEN_PARTITION_ANY`. Where they went is stored in `metadata`, an array
/// with room for `count` pointers, each of which the caller frees with
/// `rivven_record_metadata_free`; `metadata` may be NULL. Where there is no room
/// it waits for that, for each record for at most `max.block.ms`.
///
/// Fails as `rivven_producer_send` with the first error of any record, once all
/// have ended: the others may have been delivered, but none behind one that was
/// not taken. To learn of each, hand them over by `rivven_topic_enqueue_batch`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_send_batch(
    producer: *mut rivven_producer_t,
    topic: *const c_char,
    partition: i64,
    keys: *const rivven_bytes_t,
    values: *const rivven_bytes_t,
    count: usize,
    metadata: *mut *mut rivven_record_metadata_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives valid arrays and a string, and NULL or room for the outputs.
    unsafe {
        on_producer(producer, error, |producer| {
            let (topic, partition) = (text(topic, "topic")?, number_or_default(partition, "partition")?);
            let records = records(keys, values, count)?;
            let sent = producer.topic(topic)?.send_batch(partition, records.into_iter())?.wait()?;
            if !metadata.is_null() {
                let sent = (0..sent.len()).filter_map(|index| sent.result(index)).collect::<Result<Vec<_>>>()?;
                for (index, record) in sent.into_iter().enumerate() {
                    metadata.add(index).write(record_metadata(record));
                }
            }
            Ok(())
        })
    }
}

/// Sends all that was handed over before, without lingering, and waits until it is settled.
///
/// It waits for at most `timeout_ms` milliseconds; without limit of its own if
/// that is negative, since every record is delivered or given up within
/// `delivery.timeout.ms`. What became of the records the reports tell, which
/// are in the queue when this returns.
///
/// Fails with `RIVVEN_CODE_TIMED_OUT` if records were left, which are sent all
/// the same; with `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_flush(
    producer: *mut rivven_producer_t,
    timeout_ms: i64,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: passed on to the caller.
    unsafe {
        on_producer(producer, error, |producer| {
            let call = producer.flush()?;
            let Some(limit) = milliseconds(timeout_ms) else { return call.wait() };
            match call.wait_for(limit) {
                Some(result) => result,
                None => Err(unsettled(producer, limit)),
            }
        })
    }
}

fn unsettled(producer: &Producer, limit: Duration) -> Error {
    let left = producer.stats().map_or(0, |stats| stats.pending());
    let text = format!(
        "flush of the producer timed out after {limit:?} with {left} records that are not settled yet: \
         they are sent all the same, so wait longer or look for the reports"
    );
    Error::TimeoutWithMessage(Detail::new(text))
}

/// Takes no more records, delivers those that were handed over, and disconnects.
///
/// It waits for at most `timeout_ms` milliseconds; a negative `timeout_ms`
/// stands for `close.timeout.ms`. The reports of all records are in the queue
/// when this returns. Later calls that send fail with `RIVVEN_CODE_CLOSED`.
/// Closing twice is no error. The handle has to be freed nevertheless.
///
/// Fails with `RIVVEN_CODE_TIMED_OUT` if records were left, which are given up;
/// the message says how many, of which partitions, and their reports have the
/// code `RIVVEN_CODE_CLOSED`. Fails with `RIVVEN_CODE_FORKED` and
/// `RIVVEN_CODE_INVALID_ARGUMENT`, too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_close(
    producer: *mut rivven_producer_t,
    timeout_ms: i64,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: passed on to the caller.
    unsafe { on_producer(producer, error, |producer| producer.close(milliseconds(timeout_ms))?.wait()) }
}

/// Gives up the records that were not sent yet; the number of them goes to `*purged`.
///
/// Their reports have the code `RIVVEN_CODE_PURGED`. `purged` may be NULL. Fails
/// with `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_purge(
    producer: *mut rivven_producer_t,
    purged: *mut u64,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives NULL or room for the output.
    unsafe {
        on_producer(producer, error, |producer| {
            store(purged, producer.purge()?);
            Ok(())
        })
    }
}

/// Tells in `*idempotent` whether a record that is sent again is written once all the same.
///
/// That is for this moment. Always false without `enable.idempotence`;
/// otherwise false while the broker gives the producer no identity.
/// `idempotent` may be NULL. Fails with `RIVVEN_CODE_FORKED` and
/// `RIVVEN_CODE_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_is_idempotent(
    producer: *mut rivven_producer_t,
    idempotent: *mut bool,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives NULL or room for the output.
    unsafe {
        on_producer(producer, error, |producer| {
            store(idempotent, producer.is_idempotent()?);
            Ok(())
        })
    }
}

/// Stores in `*count` the number of partitions of a topic; the broker is asked if it is not known.
///
/// `count` may be NULL. An unknown topic is created where `allow.auto.create.topics`
/// lets it be, and is `RIVVEN_CODE_UNKNOWN_TOPIC_OR_PARTITION` otherwise. Fails
/// as `rivven_producer_connect` where no connection can be made.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_get_partition_count(
    producer: *mut rivven_producer_t,
    topic: *const c_char,
    count: *mut u32,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives a string, and NULL or room for the output.
    unsafe {
        on_producer(producer, error, |producer| {
            store(count, producer.partition_count(text(topic, "topic")?, false)?.wait()?);
            Ok(())
        })
    }
}

/// Learns the number of partitions of a topic anew; records go to new ones from then on.
///
/// A producer does so by itself every `metadata.max.age.ms`. Fails as
/// `rivven_producer_get_partition_count`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_refresh_metadata(
    producer: *mut rivven_producer_t,
    topic: *const c_char,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives a string.
    unsafe {
        on_producer(producer, error, |producer| producer.partition_count(text(topic, "topic")?, true)?.wait().map(drop))
    }
}

/// Drops the caller's reference to a producer; accepts NULL and never blocks.
///
/// A call that is under way in another thread goes on to its end. A producer
/// that was not closed sends what is left in the background, within
/// `close.timeout.ms`, and the reports still go to the queue, unless they were
/// for a callback: no poll begins a call of that any more, and one that another
/// thread's poll has taken deliveries for goes on to its end, before the user
/// data is freed. Close the producer and poll the
/// queue before, to see every report. Its topics have to be freed, before or
/// afterwards, and take no more records.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_free(producer: *mut rivven_producer_t) {
    // SAFETY: the caller gives NULL or a producer that is not used for a new call any more.
    silent(|| unsafe {
        if let Ok(producing) = handle::share(producer.cast_const()) {
            handle::release(producer);
            producing.end_callback();
        }
    });
}
