//! Publishing once, and in transactions
//!
//! The single steps. The broker keeps transactions in memory, knows one by its
//! producer's identity and its name, and takes five at a time.
//!
//!     rivven_partitions_t *partitions = NULL;
//!     rivven_partitions_new(&partitions, &error);
//!     rivven_partitions_add(partitions, "orders", 0, &error);
//!     rivven_client_init_producer_id(client, NULL, &state, &error);
//!     rivven_client_begin_transaction(client, "billing", state, -1, &error);
//!     rivven_client_add_partitions_to_txn(client, "billing", state, partitions, NULL, &error);
//!     rivven_client_publish_transactional(client, "billing", "orders", RIVVEN_PARTITION_ANY, key,
//!                                         value, state, NULL, NULL, NULL, &error);
//!     rivven_client_commit_transaction(client, "billing", state, &error);

use std::ffi::c_char;

use rivven_bridge::{
    AbortTransaction, AddOffsetsToTxn, AddPartitionsToTxn, BeginTransaction, CommitTransaction, Given, InitProducerId,
    PublishIdempotent, PublishTransactional,
};
use rivven_client::Result;

use crate::bytes::rivven_bytes_t;
use crate::client::{on_client, rivven_client_t};
use crate::code::rivven_code;
use crate::error::rivven_error_t;
use crate::handle;
use crate::input::{bytes, invalid, milliseconds, number_or_default, required, store, text};
use crate::offsets::{offsets_of, rivven_offsets_t};
use crate::partitions::{partitions_of, rivven_partitions_t};
use crate::producer_state::{producer_state, rivven_producer_state_t};

/// Gives a producer an identity and stores its state in `*state`.
///
/// `previous` points to an identity that is to be taken over, whose epoch rises, so that
/// whoever had it is refused from then on; NULL for a new identity. Do not take over an
/// identity after the broker may have restarted: it counts from 1 again and may have given
/// the identity to another producer. The caller frees the state with
/// `rivven_producer_state_free`. Fails as every request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_init_producer_id(
    client: *mut rivven_client_t,
    previous: *const u64,
    state: *mut *mut rivven_producer_state_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the output was checked, and the caller gives room for it, and NULL or a number.
    unsafe {
        on_client(client, error, |client| {
            required(state, "state")?;
            let previous = previous.as_ref().copied();
            state.write(producer_state(client.start(&InitProducerId { previous })?.wait()?));
            Ok(())
        })
    }
}

/// Appends a record once, however often it is sent.
///
/// `partition` may be `RIVVEN_PARTITION_ANY`: the key then decides it, and without a key it is
/// that with the fewest records of this producer. A `key` whose `data` is NULL is no key. An
/// unknown topic is created. The offset of the record goes to `*offset`, its partition to
/// `*written_to`, and whether the broker had it already, by an earlier attempt, to
/// `*was_duplicate`.
///
/// After an error whose outcome is `RIVVEN_OUTCOME_UNKNOWN` the same record may be published
/// again: it has the same number and is not written twice. Another record is refused with
/// `RIVVEN_CODE_INVALID_STATE` until `rivven_producer_state_abandon` was called.
///
/// Fails with `RIVVEN_CODE_UNKNOWN_PRODUCER_ID` if the broker has forgotten the identity or
/// given it to another producer, and with `RIVVEN_CODE_OUT_OF_ORDER_SEQUENCE` if it misses an
/// earlier number: after these two only `rivven_producer_state_abandon` helps. Fails with
/// `RIVVEN_CODE_PRODUCER_FENCED` if the identity was taken over, and otherwise as
/// `rivven_client_publish_to_partition`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_publish_idempotent(
    client: *mut rivven_client_t,
    topic: *const c_char,
    partition: i64,
    key: rivven_bytes_t,
    value: rivven_bytes_t,
    state: *mut rivven_producer_state_t,
    offset: *mut u64,
    written_to: *mut u32,
    was_duplicate: *mut bool,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives valid views and a string, and room for the outputs.
    unsafe {
        on_client(client, error, |client| {
            let record = record(topic, partition, key, value)?;
            let producer = handle::share(state.cast_const())?;
            let published = client.start(&PublishIdempotent { record, producer: &producer })?.wait()?;
            store(offset, published.0);
            store(written_to, published.1);
            store(was_duplicate, published.2);
            Ok(())
        })
    }
}

/// Begins a transaction of a producer.
///
/// `txn_id` is its name, by which the other steps mean it. The broker aborts it once
/// it is idle for `timeout_ms` milliseconds; a negative number stands for the broker's
/// default, 60 s. The client refuses its steps with `RIVVEN_CODE_TRANSACTION_TIMED_OUT` from
/// a tenth of that time before, at most 1 s, since a step that comes too late would keep the
/// broker from ever aborting it.
///
/// Fails with `RIVVEN_CODE_INVALID_TXN_STATE` if it is open already, or the identity was
/// abandoned; with `RIVVEN_CODE_CONCURRENT_TRANSACTIONS` if the producer has another
/// one open; with `RIVVEN_CODE_TOO_MANY_TRANSACTIONS`, as a broker takes five;
/// with `RIVVEN_CODE_PRODUCER_FENCED` if it is open under another epoch; and as every request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_begin_transaction(
    client: *mut rivven_client_t,
    txn_id: *const c_char,
    state: *const rivven_producer_state_t,
    timeout_ms: i64,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives a string that ends with a zero, and NULL or a state.
    unsafe {
        on_client(client, error, |client| {
            let (txn_id, timeout) = (text(txn_id, "txn_id")?, milliseconds(timeout_ms));
            let producer = handle::share(state)?;
            client.start(&BeginTransaction { txn_id, producer: &producer, timeout })?.wait()
        })
    }
}

/// Adds partitions to a transaction, which may write to no others.
///
/// How many were named goes to `*count`, which may be NULL. `partitions` stays the
/// caller's. The broker does not check that there are such partitions; one that does
/// not exist delays the commit.
///
/// Fails with `RIVVEN_CODE_INVALID_TXN_ID` if this client has not begun the transaction
/// with this producer, or it has ended; `RIVVEN_CODE_TRANSACTION_TIMED_OUT`;
/// `RIVVEN_CODE_PRODUCER_FENCED`; `RIVVEN_CODE_INVALID_TXN_STATE` if the identity was
/// abandoned, or it is not known whether the transaction has ended;
/// `RIVVEN_CODE_INVALID_ARGUMENT` for a list without partitions; and as every request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_add_partitions_to_txn(
    client: *mut rivven_client_t,
    txn_id: *const c_char,
    state: *const rivven_producer_state_t,
    partitions: *const rivven_partitions_t,
    count: *mut usize,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives a string that ends with a zero, NULL or handles, and room for the output.
    unsafe {
        on_client(client, error, |client| {
            let (txn_id, producer) = (text(txn_id, "txn_id")?, handle::share(state)?);
            let named = partitions_of(partitions)?;
            let partitions: Vec<_> = named.iter().map(|place| (place.topic.as_str(), place.partition)).collect();
            let added = AddPartitionsToTxn { txn_id, producer: &producer, partitions: &partitions };
            store(count, client.start(&added)?.wait()?);
            Ok(())
        })
    }
}

/// Appends a record within a transaction.
///
/// `partition` may be `RIVVEN_PARTITION_ANY`: the key then decides it, and without a key it is
/// that of the added ones of the topic with the fewest records of this producer. A `key`
/// whose `data` is NULL is no key. The offset of the record goes to `*offset`, its partition
/// to `*written_to` and its number to `*sequence`.
///
/// An error whose outcome is `RIVVEN_OUTCOME_UNKNOWN` is dealt with as in
/// `rivven_client_publish_idempotent`, or by aborting the transaction.
///
/// Fails with `RIVVEN_CODE_PARTITION_NOT_IN_TXN` if the partition was not added, before
/// anything is sent; as `rivven_client_add_partitions_to_txn`, and as
/// `rivven_client_publish_idempotent`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_publish_transactional(
    client: *mut rivven_client_t,
    txn_id: *const c_char,
    topic: *const c_char,
    partition: i64,
    key: rivven_bytes_t,
    value: rivven_bytes_t,
    state: *mut rivven_producer_state_t,
    offset: *mut u64,
    written_to: *mut u32,
    sequence: *mut i32,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives valid views and strings, and room for the outputs.
    unsafe {
        on_client(client, error, |client| {
            let (txn_id, record) = (text(txn_id, "txn_id")?, record(topic, partition, key, value)?);
            let producer = handle::share(state.cast_const())?;
            let published = client.start(&PublishTransactional { txn_id, record, producer: &producer })?.wait()?;
            store(offset, published.0);
            store(written_to, published.1);
            store(sequence, published.2);
            Ok(())
        })
    }
}

/// Stores the next offsets that a group is to read together with a transaction.
///
/// They count once it is committed. `offsets` stays the caller's; the broker checks none of
/// them. Fails with `RIVVEN_CODE_INVALID_ARGUMENT` for a list without offsets and for an
/// offset above 2^63 - 1, `RIVVEN_CODE_INVALID_GROUP_ID`, and as
/// `rivven_client_add_partitions_to_txn`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_add_offsets_to_txn(
    client: *mut rivven_client_t,
    txn_id: *const c_char,
    state: *const rivven_producer_state_t,
    group: *const c_char,
    offsets: *const rivven_offsets_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives strings that end with a zero, and NULL or handles.
    unsafe {
        on_client(client, error, |client| {
            let (txn_id, group) = (text(txn_id, "txn_id")?, text(group, "group")?);
            let (producer, named) = (handle::share(state)?, offsets_of(offsets)?);
            let offsets: Vec<_> = named.iter().map(signed).collect::<Result<_>>()?;
            client.start(&AddOffsetsToTxn { txn_id, producer: &producer, group, offsets: &offsets })?.wait()
        })
    }
}

/// Commits a transaction: its records and offsets count.
///
/// Fails with `RIVVEN_CODE_INVALID_TXN_ID` if the broker has no such open transaction, also
/// because it was committed before; with `RIVVEN_CODE_TRANSACTION_TIMED_OUT`, and then the
/// broker aborts it; with `RIVVEN_CODE_PRODUCER_FENCED`, `RIVVEN_CODE_INVALID_TXN_STATE` if the
/// identity was abandoned, and as every request. After an error whose outcome is
/// `RIVVEN_OUTCOME_UNKNOWN` it is open whether it was committed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_commit_transaction(
    client: *mut rivven_client_t,
    txn_id: *const c_char,
    state: *const rivven_producer_state_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives a string that ends with a zero, and NULL or a state.
    unsafe {
        on_client(client, error, |client| {
            let (txn_id, producer) = (text(txn_id, "txn_id")?, handle::share(state)?);
            client.start(&CommitTransaction { txn_id, producer: &producer })?.wait()
        })
    }
}

/// Aborts a transaction: its records and offsets do not count.
///
/// Fails as `rivven_client_commit_transaction`, but works with an identity that was abandoned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_abort_transaction(
    client: *mut rivven_client_t,
    txn_id: *const c_char,
    state: *const rivven_producer_state_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives a string that ends with a zero, and NULL or a state.
    unsafe {
        on_client(client, error, |client| {
            let (txn_id, producer) = (text(txn_id, "txn_id")?, handle::share(state)?);
            client.start(&AbortTransaction { txn_id, producer: &producer })?.wait()
        })
    }
}

/// The record that is to be published, checked.
///
/// # Safety
///
/// The string ends with a zero, the views are valid, and none of them changes before `'a` ends.
unsafe fn record<'a>(
    topic: *const c_char,
    partition: i64,
    key: rivven_bytes_t,
    value: rivven_bytes_t,
) -> Result<Given<'a>> {
    // SAFETY: passed on to the caller.
    unsafe {
        let (topic, partition) = (text(topic, "topic")?, number_or_default(partition, "partition")?);
        Ok(Given { topic, partition, key: bytes(key, "key")?, value: bytes(value, "value")?.unwrap_or_default() })
    }
}

/// An offset as transactions have them.
fn signed((topic, partition, offset): &(String, u32, u64)) -> Result<(&str, u32, i64)> {
    match i64::try_from(*offset) {
        Ok(offset) => Ok((topic, *partition, offset)),
        Err(_) => Err(invalid(format!("the offset of {topic}/{partition} is {offset}: pass at most {}", i64::MAX))),
    }
}
