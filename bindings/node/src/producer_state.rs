//! The native half of a producer's state.

use napi_derive::napi;
use rivven_bridge::{ProducerState, catch_panic};

use crate::failure::Failure;

/// The identity of a producer with its counters; calls that use it follow one another.
#[napi]
pub(crate) struct NativeProducerState {
    pub(crate) state: ProducerState,
}

#[napi]
#[allow(unreachable_pub, reason = "the macro exports only what is pub")]
impl NativeProducerState {
    /// The identity.
    #[napi(getter)]
    pub fn producer_id(&self) -> u64 {
        self.state.producer_id()
    }

    /// Its epoch.
    #[napi(getter)]
    pub fn producer_epoch(&self) -> u16 {
        self.state.producer_epoch()
    }

    /// The number of the next record for the partition number that was used last.
    #[napi(getter)]
    pub fn next_sequence(&self) -> i32 {
        self.state.next_sequence()
    }

    /// Gives up a record of unknown outcome together with the identity.
    #[napi]
    pub fn abandon(&self) -> Option<Failure> {
        catch_panic(|| self.state.abandon()).err().map(Failure::from)
    }
}
