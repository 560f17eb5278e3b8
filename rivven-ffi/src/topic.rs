//! Topics of producers

use std::slice;

use rivven_bridge::Topic;
use rivven_client::Result;

use crate::bytes::{NOTHING, rivven_bytes_t};
use crate::code::rivven_code;
use crate::error::rivven_error_t;
use crate::guard::{fallible, silent};
use crate::handle::{self, Opaque};
use crate::input::{array, bytes, number_or_default, store};

/// A topic that a producer sends to.
///
/// It belongs to the caller, who frees it with `rivven_topic_free`, and may be
/// used by any number of threads at once. It may be freed before or after its
/// producer, when no thread uses it any more.
pub struct rivven_topic_t {
    _opaque: [u8; 0],
}

impl Opaque for rivven_topic_t {
    type Value = Topic;
    const MARKER: u64 = 0x7269_765f_746f_7069;
    const NAME: (&'static str, &'static str) = ("topic", "rivven_producer_topic");
}

/// Makes the handle of a topic.
pub(crate) fn topic_handle(topic: Topic) -> *mut rivven_topic_t {
    handle::make(topic)
}

/// Hands a record over to be sent; never blocks.
///
/// `partition` may be `RIVVEN_PARTITION_ANY`: the producer then chooses one,
/// by the key where there is one. A `key` whose `data` is NULL is no key. Key
/// and value are copied. `opaque` is a number of the program's own, or a
/// pointer cast to one, which the report of the record gives back.
///
/// A record that was taken gets exactly one report, where the producer has a
/// queue. One that was not taken gets none. Fails with `RIVVEN_CODE_QUEUE_FULL`
/// if `buffer.memory` is used up: wait by `rivven_topic_wait_for_room` or for
/// reports, and repeat the call; with `RIVVEN_CODE_REQUEST_TOO_LARGE`,
/// `RIVVEN_CODE_INVALID_TOPIC`, `RIVVEN_CODE_INVALID_PARTITION`,
/// `RIVVEN_CODE_CLOSED`, `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_topic_enqueue(
    topic: *mut rivven_topic_t,
    partition: i64,
    key: rivven_bytes_t,
    value: rivven_bytes_t,
    opaque: u64,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives valid views, and does not free the topic meanwhile.
    unsafe {
        fallible(error, || {
            let topic = handle::borrow(topic.cast_const())?;
            enqueue(topic, number_or_default(partition, "partition")?, key, value, opaque)
        })
    }
}

/// Hands a record over.
///
/// # Safety
///
/// The views are valid.
#[inline]
unsafe fn enqueue(
    topic: &Topic,
    partition: Option<u32>,
    key: rivven_bytes_t,
    value: rivven_bytes_t,
    opaque: u64,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    let (key, value) = unsafe { (bytes(key, "key")?, bytes(value, "value")?) };
    topic.enqueue(partition, key, value.unwrap_or_default(), opaque)
}

/// Hands many records over, in their order, until one is not taken.
///
/// `keys`, `values` and `opaques` are arrays of `count` elements; `keys` may be
/// NULL if no record has a key, `opaques` if all are 0. The number of records
/// that were taken goes to `*accepted`, which may be NULL. It is written on
/// failure, too: the call can be repeated with the records from there on.
///
/// Fails with what kept the first record that was not taken from it, as
/// `rivven_topic_enqueue`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_topic_enqueue_batch(
    topic: *mut rivven_topic_t,
    partition: i64,
    keys: *const rivven_bytes_t,
    values: *const rivven_bytes_t,
    opaques: *const u64,
    count: usize,
    accepted: *mut usize,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    let mut taken = 0;
    // SAFETY: the caller gives valid arrays, and does not free the topic meanwhile.
    let code = unsafe {
        fallible(error, || {
            let topic = handle::borrow(topic.cast_const())?;
            let partition = number_or_default(partition, "partition")?;
            let values = array(values, count, "values")?;
            let keys = (!keys.is_null()).then(|| slice::from_raw_parts(keys, values.len()));
            let opaques = (!opaques.is_null()).then(|| slice::from_raw_parts(opaques, values.len()));
            let mut damaged = None;
            let records = values.iter().enumerate().map_while(|(index, value)| {
                let key = keys.map_or(NOTHING, |keys| keys[index]);
                let both = bytes(key, "key").and_then(|key| Ok((key, bytes(*value, "value")?)));
                let (key, value) = both.map_err(|error| damaged = Some(error)).ok()?;
                Some((partition, key, value.unwrap_or_default(), opaques.map_or(0, |opaques| opaques[index])))
            });
            topic.enqueue_batch(records, &mut taken)?;
            damaged.map_or(Ok(()), Err)
        })
    };
    // SAFETY: the caller gives NULL or room for the output.
    unsafe { store(accepted, taken) };
    code
}

/// Waits until there is room for a record of so many bytes of key and value, at most `max.block.ms`.
///
/// Fails with `RIVVEN_CODE_QUEUE_FULL` if no room became free in time, with
/// `RIVVEN_CODE_REQUEST_TOO_LARGE` if there never will be, with
/// `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`. Another thread may
/// be faster to use the room.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_topic_wait_for_room(
    topic: *mut rivven_topic_t,
    bytes: usize,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: passed on to the caller.
    unsafe { fallible(error, || handle::share(topic.cast_const())?.has_room(bytes)?.wait()) }
}

/// Frees a topic; accepts NULL and never blocks. Records that it has taken are sent all the same.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_topic_free(topic: *mut rivven_topic_t) {
    // SAFETY: the caller gives NULL or a topic that is not used any more.
    silent(|| unsafe { handle::release(topic) });
}
