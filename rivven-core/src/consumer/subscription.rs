//! Subscribed topics: all of their partitions, and those that are added later.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::sleep;

use super::listener::Key;
use super::shared::Shared;
use super::source::{Change, Changes};
use crate::error::Result;
use crate::ops::GetMetadata;

/// How soon a topic is looked for again that does not exist.
const RETRY: Duration = Duration::from_secs(1);

/// Watches topics until it is stopped or the consumer has ended.
pub(super) fn watch(shared: &Arc<Shared>, topics: &[String], changes: Changes, stopped: oneshot::Receiver<()>) {
    let task = Arc::clone(shared);
    let topics: Vec<Arc<str>> = topics.iter().map(|topic| topic.as_str().into()).collect();
    shared.cluster.spawn(async move {
        tokio::select! {
            () = task.ended() => {}
            _ = stopped => {}
            () = look(&task, &topics, &changes) => {}
        }
    });
}

async fn look(shared: &Arc<Shared>, topics: &[Arc<str>], changes: &Changes) {
    let mut known: HashMap<Arc<str>, u32> = HashMap::new();
    loop {
        let (mut found, mut failed) = (Vec::new(), None);
        for topic in topics {
            match partitions_of(shared, topic).await {
                Ok(count) => {
                    let before = known.insert(Arc::clone(topic), count).unwrap_or_default();
                    found.extend((before..count).map(|partition| Key { topic: Arc::clone(topic), partition }));
                }
                Err(error) => failed = Some(error),
            }
        }
        let again = if failed.is_some() { RETRY } else { shared.config.metadata_refresh_interval };
        failed.iter().for_each(|error| shared.note_error(error));
        shared.state().missing = failed;
        if !found.is_empty() {
            let applied = changes.announce(Change::Assigned(found));
            shared.arrived();
            applied.await;
        }
        sleep(again.min(shared.config.metadata_refresh_interval)).await;
    }
}

async fn partitions_of(shared: &Shared, topic: &str) -> Result<u32> {
    shared.call(&GetMetadata { topic }).await.map(|(_, partitions)| partitions)
}
