//! Identities of producers
//!
//!     rivven_producer_state_t *state = NULL;
//!     bool duplicate = false;
//!     rivven_client_init_producer_id(client, NULL, &state, &error);
//!     rivven_client_publish_idempotent(client, "orders", RIVVEN_PARTITION_ANY, key, value, state,
//!                                      &offset, &partition, &duplicate, &error);
//!     rivven_producer_state_free(state);

use rivven_bridge::ProducerState;

use crate::code::rivven_code;
use crate::error::rivven_error_t;
use crate::guard::{fallible, read, silent};
use crate::handle::{self, Opaque};

/// The identity by which the broker tells records that are sent again, and the numbers given so far.
///
/// It belongs to the caller, who frees it with `rivven_producer_state_free`, and lives
/// independently of the client. The broker keeps identities in memory, so they end when
/// it restarts. Records are counted for each partition number, whatever the topic.
///
/// It may be used by any number of threads at once; calls that use it follow one another,
/// in the order in which they were made. In the child of a `fork` every call with a state of
/// the parent fails with `RIVVEN_CODE_FORKED`; it can be read and freed there.
pub struct rivven_producer_state_t {
    _opaque: [u8; 0],
}

impl Opaque for rivven_producer_state_t {
    type Value = ProducerState;
    const MARKER: u64 = 0x7269_765f_7073_7461;
    const NAME: (&'static str, &'static str) = ("state of a producer", "rivven_client_init_producer_id");
}

/// Makes the handle of a producer's state.
pub(crate) fn producer_state(state: ProducerState) -> *mut rivven_producer_state_t {
    handle::make(state)
}

/// Gives the identity; 0 for NULL.
///
/// It changes with the first publish after `rivven_producer_state_abandon`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_state_producer_id(state: *const rivven_producer_state_t) -> u64 {
    // SAFETY: the caller gives NULL or a state.
    unsafe { read(state, 0, |state| Some(state.producer_id())) }
}

/// Gives the epoch of the identity, which rises whenever the identity is taken over; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_state_producer_epoch(state: *const rivven_producer_state_t) -> u16 {
    // SAFETY: the caller gives NULL or a state.
    unsafe { read(state, 0, |state| Some(state.producer_epoch())) }
}

/// Gives the number of the next record for the partition number that was used last; 0 for NULL.
///
/// Numbers begin at 0. While a record is being published it is what was known before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_state_next_sequence(state: *const rivven_producer_state_t) -> i32 {
    // SAFETY: the caller gives NULL or a state.
    unsafe { read(state, 0, |state| Some(state.next_sequence())) }
}

/// Gives up a record of unknown outcome together with the identity.
///
/// The next `rivven_client_publish_idempotent` takes a new identity and counts from 0. Of a
/// transaction that is open nothing remains but to abort it. The record that was given up may
/// have been written; if it is published again, it may be there twice.
///
/// Fails with `RIVVEN_CODE_INVALID_STATE` while a call with the state is under way,
/// `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_state_abandon(
    state: *mut rivven_producer_state_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives NULL or a state.
    unsafe { fallible(error, || handle::share(state.cast_const())?.abandon()) }
}

/// Frees a producer's state; accepts NULL.
///
/// A call with it that is under way goes on to its end, and so does a transaction.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_state_free(state: *mut rivven_producer_state_t) {
    // SAFETY: the caller gives NULL or a state that is not used for a new call any more.
    silent(|| unsafe { handle::release(state) });
}
