//! Rebalances
//!
//! A program that keeps something for each partition learns here when a
//! consumer gets and loses partitions of the topics that it is subscribed to.

use std::ffi::c_void;

use rivven_bridge::{Rebalance, RebalanceKind};

use crate::code::rivven_code;
use crate::consumer::{on_consuming, rivven_consumer_t};
use crate::error::rivven_error_t;
use crate::handle;
use crate::partitions::{partitions, rivven_partitions_t};
use crate::queue::rivven_user_data_free;

/// What happens to partitions of a consumer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum rivven_rebalance_kind {
    /// They are about to be taken away; what was done with their records can still be committed.
    Revoked = 1,
    /// They were given; reading them has not begun, so `rivven_consumer_seek` may say where.
    Assigned = 2,
    /// They have gone to other consumers already: nothing of theirs may be committed any more.
    Lost = 3,
}

impl From<RebalanceKind> for rivven_rebalance_kind {
    fn from(kind: RebalanceKind) -> Self {
        match kind {
            RebalanceKind::Revoked => rivven_rebalance_kind::Revoked,
            RebalanceKind::Assigned => rivven_rebalance_kind::Assigned,
            RebalanceKind::Lost => rivven_rebalance_kind::Lost,
        }
    }
}

/// A function of the program that is told of partitions that come and go.
///
/// It is called within `rivven_consumer_poll`, `rivven_consumer_close`,
/// `rivven_processing_run` and the functions of a transformer alone, on the thread that calls those, and no record is given before it has
/// returned. `kind` is one of `RIVVEN_REBALANCE_KIND_...`, and `partitions` is
/// valid for the time of the call. It may call the functions of the library,
/// `rivven_consumer_commit` and `rivven_consumer_seek` of this consumer among them, and
/// `rivven_consumer_free`; a poll or close of this consumer fails with
/// `RIVVEN_CODE_INVALID_STATE` in it. It has to return: neither `longjmp` nor a
/// C++ exception may leave it.
pub type rivven_rebalance_callback = Option<
    unsafe extern "C" fn(user_data: *mut c_void, kind: rivven_rebalance_kind, partitions: *const rivven_partitions_t),
>;

/// A callback with its data, which is freed with it.
pub(crate) struct RebalanceCallback {
    function: unsafe extern "C" fn(*mut c_void, rivven_rebalance_kind, *const rivven_partitions_t),
    user_data: *mut c_void,
    free: rivven_user_data_free,
}

// SAFETY: the program promises that its functions may be called with the data
// by the threads that poll the consumer, close it and free it.
unsafe impl Send for RebalanceCallback {}
// SAFETY: as above.
unsafe impl Sync for RebalanceCallback {}

impl RebalanceCallback {
    pub(crate) fn call(&self, rebalance: &Rebalance) {
        let list = partitions(&rebalance.partitions);
        // SAFETY: the handle lives until both references to it are gone. The
        // second one has the memory stay if the callback frees what it was lent.
        unsafe {
            let kept = handle::share(list.cast_const());
            (self.function)(self.user_data, rebalance.kind.into(), list);
            handle::release(list);
            drop(kept);
        }
    }
}

impl Drop for RebalanceCallback {
    fn drop(&mut self) {
        if let Some(free) = self.free {
            // SAFETY: the program gave the function for this data.
            unsafe { free(self.user_data) };
        }
    }
}

/// Sets who is told when partitions of subscribed topics are given and taken away.
///
/// It replaces the callback before; NULL for `callback` sets none. Set it before
/// the first poll. `user_data` is given to `callback`. `user_data_free`, unless
/// NULL, is called once with it when nothing is called with it any more: when
/// another callback is set or in `rivven_consumer_free`; where the callback is
/// running at that moment, right after it has returned. If this function fails
/// nothing is ever called, and `user_data` still belongs to the caller.
///
/// Fails with `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_set_rebalance_callback(
    consumer: *mut rivven_consumer_t,
    callback: rivven_rebalance_callback,
    user_data: *mut c_void,
    user_data_free: rivven_user_data_free,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: passed on to the caller.
    unsafe {
        on_consuming(consumer, error, |consuming| {
            let free = user_data_free;
            consuming.set_callback(|| callback.map(|function| RebalanceCallback { function, user_data, free }))
        })
    }
}
