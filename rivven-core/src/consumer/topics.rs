//! Whether subscribed topics exist, which an empty poll tells.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use super::shared::Shared;

/// How soon a topic is looked for again that does not exist.
const RETRY: Duration = Duration::from_secs(1);

/// Watches topics until the other end is dropped or the consumer has ended.
pub(super) fn watch(shared: &Arc<Shared>, topics: watch::Receiver<Vec<String>>) {
    let task = Arc::clone(shared);
    shared.cluster.spawn(async move {
        tokio::select! {
            () = task.ended() => {}
            () = look(&task, topics) => {}
        }
    });
}

async fn look(shared: &Arc<Shared>, mut subscribed: watch::Receiver<Vec<String>>) {
    loop {
        let topics = subscribed.borrow_and_update().clone();
        let failed = shared.partition_counts(&topics).await.into_iter().find_map(Result::err);
        let again = shared.config.metadata_refresh_interval;
        let again = if failed.is_some() { again.min(RETRY) } else { again };
        failed.iter().for_each(|error| shared.note_error(error));
        // Of lost connections those tell that read.
        shared.state().missing = failed.filter(|error| !error.is_of_connection());
        tokio::select! {
            () = sleep(again) => {}
            changed = subscribed.changed() => if changed.is_err() { break },
        }
    }
    shared.state().missing = None;
}
