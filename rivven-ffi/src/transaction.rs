//! Transactions of producers
//!
//! Records and offsets that count together, or not at all. What has to be told
//! to the broker is told by itself; for the single steps see
//! `rivven_client_begin_transaction`. Those who read what is written read with
//! `isolation.level` `read_committed`.
//!
//!     rivven_config_set(config, "transactional.id", "billing", &error);
//!     rivven_producer_new(config, NULL, &producer, &error);
//!     rivven_transaction_begin(producer, &transaction, &error);
//!     rivven_transaction_send(transaction, "invoices", RIVVEN_PARTITION_ANY, key, value, NULL, &error);
//!     rivven_transaction_commit(transaction, &error);
//!     rivven_transaction_free(transaction);

use std::ffi::{CString, c_char};
use std::ptr;

use rivven_bridge::Transaction;
use rivven_client::Result;

use crate::bytes::rivven_bytes_t;
use crate::code::rivven_code;
use crate::consumer::{on_consumer, rivven_consumer_t};
use crate::error::{c_string, rivven_error_t};
use crate::guard::{fallible, read, silent};
use crate::handle::{self, Opaque, Shared};
use crate::input::{bytes, number_or_default, required, store, text};
use crate::offsets::{offsets_of, rivven_offsets_t};
use crate::producer::{on_producer, rivven_producer_t};
use crate::record_metadata::{record_metadata, rivven_record_metadata_t};
use crate::records::records;

/// Records and offsets that count together, or not at all.
///
/// It belongs to the caller, who frees it with `rivven_transaction_free`, and may
/// be used by any number of threads at once; records of one partition keep the
/// order in which they were given. It ends by `rivven_transaction_commit` or
/// `rivven_transaction_abort`.
///
/// Once something has failed for good the transaction is aborted by itself: every
/// call but `rivven_transaction_abort` gives an error for which
/// `rivven_error_is_abortable` is true. So it is a little before
/// `transaction.timeout.ms` have passed without a call.
///
/// In the child of a `fork` every call on a transaction of the parent fails with
/// `RIVVEN_CODE_FORKED`; free it there.
pub struct rivven_transaction_t {
    _opaque: [u8; 0],
}

/// A transaction and what is known of it for good, which can be read in a forked child, too.
pub(crate) struct Begun {
    transaction: Transaction,
    id: CString,
    producer_id: u64,
}

impl Opaque for rivven_transaction_t {
    type Value = Begun;
    const MARKER: u64 = 0x7269_765f_7472_786e;
    const NAME: (&'static str, &'static str) = ("transaction", "rivven_transaction_begin");
}

/// Makes the handle of a transaction.
///
/// # Errors
///
/// `FORKED`.
pub(crate) fn transaction(transaction: Transaction) -> Result<*mut rivven_transaction_t> {
    let core = transaction.core()?;
    let (id, producer_id) = (c_string(core.id().to_owned()), core.producer_id());
    Ok(handle::make(Begun { transaction, id, producer_id }))
}

/// Runs the body of a function on a transaction, which stays alive until the body ends.
///
/// # Safety
///
/// As `handle::share` and `fallible`.
unsafe fn on_transaction(
    transaction: *mut rivven_transaction_t,
    error: *mut *mut rivven_error_t,
    body: impl FnOnce(&Transaction) -> Result<()>,
) -> rivven_code {
    // SAFETY: passed on to the caller.
    unsafe { fallible(error, || body(&handle::share(transaction.cast_const())?.transaction)) }
}

/// Begins a transaction of a producer and stores it in `*transaction`.
///
/// The caller frees it with `rivven_transaction_free`. The producer needs
/// `transactional.id`; it sends within transactions only then, and has one at a
/// time. Each transaction has an identity of its own, so no other producer with
/// the same `transactional.id` fences it. A broker takes five transactions in
/// all: this waits for a place, at most `max.block.ms`.
///
/// Fails with:
/// - `RIVVEN_CODE_INVALID_STATE` without `transactional.id`, and while another
///   transaction of the producer is open;
/// - `RIVVEN_CODE_TIMED_OUT` if no place became free, or the broker did not answer;
/// - why the broker could not be asked, `RIVVEN_CODE_CLOSED`,
///   `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_transaction_begin(
    producer: *mut rivven_producer_t,
    transaction: *mut *mut rivven_transaction_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the output was checked, and the caller gives room for it.
    unsafe {
        on_producer(producer, error, |producer| {
            required(transaction, "transaction")?;
            transaction.write(self::transaction(producer.begin_transaction()?.wait()?)?);
            Ok(())
        })
    }
}

/// Sends a record and waits until it is written, which does not mean yet that it counts.
///
/// `partition` may be `RIVVEN_PARTITION_ANY`: the key decides it then, and
/// without a key the producer. A `key` whose `data` is NULL is no key. Where it
/// went is stored in `*metadata`, which the caller frees with
/// `rivven_record_metadata_free`; `metadata` may be NULL. Where there is no room it
/// waits for that for at most `max.block.ms`.
///
/// Fails with:
/// - `RIVVEN_CODE_INVALID_STATE` once the transaction has ended, and
///   `RIVVEN_CODE_INVALID_TXN_STATE` once it can only be aborted;
/// - `RIVVEN_CODE_QUEUE_FULL` if there was no room in time;
/// - `RIVVEN_CODE_INVALID_TOPIC`, `RIVVEN_CODE_REQUEST_TOO_LARGE` and
///   `RIVVEN_CODE_INVALID_PARTITION`;
/// - why the record could not be written: then the transaction can only be aborted;
/// - `RIVVEN_CODE_CLOSED`, `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_transaction_send(
    transaction: *mut rivven_transaction_t,
    topic: *const c_char,
    partition: i64,
    key: rivven_bytes_t,
    value: rivven_bytes_t,
    metadata: *mut *mut rivven_record_metadata_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives valid views and a string, and NULL or room for the output.
    unsafe {
        on_transaction(transaction, error, |transaction| {
            let (topic, partition) = (text(topic, "topic")?, number_or_default(partition, "partition")?);
            let (key, value) = (bytes(key, "key")?, bytes(value, "value")?.unwrap_or_default());
            let sent = transaction.send(topic, partition, key, value)?.wait()?;
            if !metadata.is_null() {
                metadata.write(record_metadata(sent));
            }
            Ok(())
        })
    }
}

/// Hands a record over to be sent; never blocks.
///
/// What became of it `rivven_transaction_flush` and `rivven_transaction_commit`
/// tell: both fail if it could not be written. Arguments are those of
/// `rivven_transaction_send`. Fails as that before anything is sent, with
/// `RIVVEN_CODE_QUEUE_FULL` at once if there is no room: flush then, or send.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_transaction_enqueue(
    transaction: *mut rivven_transaction_t,
    topic: *const c_char,
    partition: i64,
    key: rivven_bytes_t,
    value: rivven_bytes_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives valid views and a string.
    unsafe {
        on_transaction(transaction, error, |transaction| {
            let (topic, partition) = (text(topic, "topic")?, number_or_default(partition, "partition")?);
            let (key, value) = (bytes(key, "key")?, bytes(value, "value")?.unwrap_or_default());
            transaction.enqueue(topic, partition, key, value)
        })
    }
}

/// Sends many records and waits until all are written.
///
/// `keys` and `values` are arrays of `count` views; `keys` may be NULL if no
/// record has a key, and a key whose `data` is NULL is none. Where they went is
/// stored in `metadata`, an array with room for `count` pointers, each of which the
/// caller frees with `rivven_record_metadata_free`; `metadata` may be NULL.
///
/// Fails as `rivven_transaction_send` with the first error of any record.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_transaction_send_batch(
    transaction: *mut rivven_transaction_t,
    topic: *const c_char,
    keys: *const rivven_bytes_t,
    values: *const rivven_bytes_t,
    count: usize,
    metadata: *mut *mut rivven_record_metadata_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives valid arrays and a string, and NULL or room for the outputs.
    unsafe {
        on_transaction(transaction, error, |transaction| {
            let topic = text(topic, "topic")?;
            let sent = transaction.send_batch(topic, &records(keys, values, count)?)?.wait()?;
            if !metadata.is_null() {
                for (index, record) in sent.into_iter().enumerate() {
                    metadata.add(index).write(record_metadata(record));
                }
            }
            Ok(())
        })
    }
}

/// Waits until every record that was handed over before is written.
///
/// Fails with why one of them could not be: then the transaction can only be
/// aborted. Fails as `rivven_transaction_send`, too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_transaction_flush(
    transaction: *mut rivven_transaction_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: passed on to the caller.
    unsafe {
        on_transaction(transaction, error, |transaction| {
            transaction.start(|core| async move { core.flush().await })?.wait()
        })
    }
}

/// Lets offsets of a group count together with the records: the next ones that it is to read.
///
/// `offsets` stays the caller's; the broker checks none of them. Fails with
/// `RIVVEN_CODE_INVALID_ARGUMENT` for a list without offsets and for an offset
/// above 2^63 - 1, `RIVVEN_CODE_INVALID_GROUP_ID`, and as `rivven_transaction_send`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_transaction_send_offsets(
    transaction: *mut rivven_transaction_t,
    group: *const c_char,
    offsets: *const rivven_offsets_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives a string that ends with a zero, and NULL or a list.
    unsafe {
        on_transaction(transaction, error, |transaction| {
            let (group, offsets) = (text(group, "group")?.to_owned(), offsets_of(offsets)?);
            transaction.start(|core| async move { core.send_offsets(group, &offsets).await })?.wait()
        })
    }
}

/// Lets a consumer's positions count together with the records, for its group.
///
/// They are those behind the records that it has given, unless the program has
/// stored others. Commit the transaction before the next poll, and let the consumer
/// commit nothing by itself (`enable.auto.commit` false). While the
/// transaction is open the group may take partitions away; then it is not
/// committed. `rivven_transformer_new` does all this by itself.
///
/// Fails with `RIVVEN_CODE_NOT_ASSIGNED` if partitions were taken away, with
/// `RIVVEN_CODE_CLOSED` for a consumer that is closed, and as
/// `rivven_transaction_send`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_transaction_send_consumer_offsets(
    transaction: *mut rivven_transaction_t,
    consumer: *mut rivven_consumer_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: passed on to the caller.
    unsafe {
        on_consumer(consumer, error, |consumer| {
            let begun: Shared<rivven_transaction_t> = handle::share(transaction.cast_const())?;
            begun.transaction.core()?;
            consumer
                .start(|consumer| async move { begun.transaction.core()?.send_consumer_offsets(&consumer).await })?
                .wait()
        })
    }
}

/// Waits until all records are written, and lets them and the offsets count.
///
/// If the answer is lost it is found out what became of the commit, as far as
/// there is a way.
///
/// Fails with:
/// - `RIVVEN_CODE_INVALID_STATE` once the transaction has ended or is ending;
/// - `RIVVEN_CODE_INVALID_TXN_STATE` if something has failed: it has been aborted;
/// - `RIVVEN_CODE_INVALID_TXN_ID` and `RIVVEN_CODE_TRANSACTION_TIMED_OUT` if the
///   broker has dropped it: nothing counts;
/// - `RIVVEN_CODE_COMMIT_FAILED`, of unknown outcome, if nothing could be found out;
/// - `RIVVEN_CODE_CLOSED` if the producer was closed before, which aborts it;
/// - `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_transaction_commit(
    transaction: *mut rivven_transaction_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: passed on to the caller.
    unsafe {
        on_transaction(transaction, error, |transaction| {
            transaction.start(|core| async move { core.commit().await })?.wait()
        })
    }
}

/// Drops what is not written yet, and lets nothing of the transaction count.
///
/// Fails with:
/// - `RIVVEN_CODE_INVALID_STATE` once the transaction has ended or is ending;
/// - `RIVVEN_CODE_TRANSACTION_TIMED_OUT` if the broker got to know of it too late,
///   and shows the records for ever;
/// - why the broker could not be told, which aborts it by itself after
///   `transaction.timeout.ms` then;
/// - `RIVVEN_CODE_CLOSED` if the producer was closed before, which aborts it;
/// - `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_transaction_abort(
    transaction: *mut rivven_transaction_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: passed on to the caller.
    unsafe {
        on_transaction(transaction, error, |transaction| {
            transaction.start(|core| async move { core.abort().await })?.wait()
        })
    }
}

/// Tells in `*open` whether the transaction still takes records.
///
/// `open` may be NULL. Fails with `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_transaction_is_open(
    transaction: *mut rivven_transaction_t,
    open: *mut bool,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives NULL or room for the output.
    unsafe {
        on_transaction(transaction, error, |transaction| {
            store(open, transaction.core()?.is_open());
            Ok(())
        })
    }
}

/// Gives the `transactional.id` of its producer; NULL for NULL. It lives as long as the transaction.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_transaction_id(transaction: *const rivven_transaction_t) -> *const c_char {
    // SAFETY: the caller gives NULL or a transaction.
    unsafe { read(transaction, ptr::null(), |begun| Some(begun.id.as_ptr())) }
}

/// Gives the identity under which it was begun, which each transaction has for itself; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_transaction_producer_id(transaction: *const rivven_transaction_t) -> u64 {
    // SAFETY: the caller gives NULL or a transaction.
    unsafe { read(transaction, 0, |begun| Some(begun.producer_id)) }
}

/// Drops the caller's reference to a transaction; accepts NULL and never blocks.
///
/// One that is open is aborted in the background, which the next one of its
/// producer waits for; not so one that `rivven_transformer_next` gave. A call that
/// is under way in another thread goes on to its end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_transaction_free(transaction: *mut rivven_transaction_t) {
    // SAFETY: the caller gives NULL or a transaction that is not used for a new call any more.
    silent(|| unsafe { handle::release(transaction) });
}
