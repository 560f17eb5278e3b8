//! The native part of the npm package `rivven`.
//!
//! JavaScript calls straight in with a token and gets nothing back but an
//! error of the call itself; answers come by a [queue](rivven_bridge::Queue)
//! that wakes the event loop once per burst and is drained by one call. No
//! promise is settled and no function of the user is called from our threads.
//!
//! When an environment ends, a worker's or the last one, Node finalizes its
//! clients, whose connections are then closed in the background, and closes
//! the thread-safe functions, whose callers are refused from then on. Nothing
//! of ours has to wait for that, so there is no clean-up hook.

mod client;
mod completion;
mod consumer;
mod failure;
mod inbox;
mod log;
mod operations;
mod producer;
mod producer_state;
mod records;
mod transaction;
mod values;
mod wake;

use napi_derive::napi;

/// Gives the version of the library.
#[napi]
pub(crate) fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}
