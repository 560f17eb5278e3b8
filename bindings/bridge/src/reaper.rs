//! What is left of a handle that was dropped without being closed.

use rivven_client::ResilientClient;

use crate::runtime::SharedRuntime;

/// Closes a client in the background, within its close timeout.
///
/// The share in the runtime keeps its threads until that is done; the caller
/// does not wait.
pub(crate) fn reap(runtime: SharedRuntime, client: ResilientClient) {
    let limit = client.close_timeout();
    runtime.clone().spawn(async move { client.close(limit).await });
}
