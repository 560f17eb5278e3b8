//! Where reading a partition begins: at the committed offset, or where the configuration says.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::events::ConsumerEvent;
use super::listener::Key;
use super::partition::Trouble;
use super::shared::Shared;
use crate::config::AutoOffsetReset;
use crate::error::{Detail, Error, ErrorCode, Result};
use crate::ops::{GetOffset, GetOffsetBounds};

/// How many partitions are asked about at once.
const TOGETHER: usize = 32;

/// The longest pause before a partition is asked about again, unless no server can be reached.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// Finds out in the background where to read partitions, by their keys and epochs.
pub(super) fn locate(shared: &Arc<Shared>, keys: Vec<(Key, u64)>) {
    if keys.is_empty() {
        return;
    }
    let task = Arc::clone(shared);
    shared.cluster.spawn(async move {
        let turns = Semaphore::new(TOGETHER);
        let locating =
            stream::iter(keys).for_each_concurrent(None, |(key, epoch)| locate_one(&task, &turns, key, epoch));
        tokio::select! {
            () = task.ended() => {}
            () = locating => {}
        }
    });
}

/// Only asking takes a turn: partitions that cannot be located yet keep no others waiting.
async fn locate_one(shared: &Arc<Shared>, turns: &Semaphore, key: Key, epoch: u64) {
    let mut failures = 0;
    while shared.state().current(&key, epoch).is_some() {
        let turn = turns.acquire().await;
        let found = find(shared, &key).await;
        drop(turn);
        let error = match found {
            Ok((at, committed)) => {
                shared.state().begin(&key, epoch, at, committed);
                return;
            }
            Err(error) => error,
        };
        // While the circuit breaker is open nothing is tried.
        let tried = error.code() != ErrorCode::CircuitBreakerOpen;
        failures += u32::from(tried);
        let halting = error.code() == ErrorCode::NoOffset;
        let unreachable = error.is_of_connection();
        if unreachable && tried && failures >= shared.config.max_reconnect_attempts || is_final(&error) {
            failures = 0;
            shared.give_up(error).await;
            continue;
        }
        shared.note_error(&error);
        if !unreachable && let Some(partition) = shared.state().current(&key, epoch) {
            partition.trouble = Some(Trouble { error, told: false, halting });
        }
        shared.arrived();
        if halting {
            return;
        }
        let pause = shared.pause(failures);
        sleep(if unreachable { pause } else { pause.min(MAX_PAUSE) }).await;
    }
}

/// Whether no partition will ever be read because of this.
fn is_final(error: &Error) -> bool {
    matches!(error, Error::AuthenticationFailed(_)) || error.code() == ErrorCode::IncompatibleVersion
}

/// Where to begin, and the offset that is committed.
async fn find(shared: &Shared, key: &Key) -> Result<(u64, Option<u64>)> {
    let (topic, partition, group) = (&*key.topic, key.partition, &*shared.config.group_id);
    // The partition may have been the consumer's just before.
    drop(shared.committing.lock().await);
    let committed = shared.call(&GetOffset { group, topic, partition }).await?;
    let (earliest, latest) = shared.call(&GetOffsetBounds { topic, partition }).await?;
    let at = match (committed, shared.config.auto_offset_reset) {
        (Some(committed), _) if committed > latest => {
            let event = ConsumerEvent::LogTruncated { partition: key.into(), position: committed, latest };
            shared.announce(event);
            latest
        }
        (Some(committed), _) => committed,
        (None, AutoOffsetReset::Earliest) => earliest,
        (None, AutoOffsetReset::Latest) => latest,
        (None, AutoOffsetReset::Error) => return Err(no_offset(key, group)),
    };
    Ok((at, committed))
}

fn no_offset(key: &Key, group: &str) -> Error {
    let text = format!(
        "read {key}: the group {group} has committed no offset, and auto.offset.reset is error: seek, or set it to earliest or latest"
    );
    Error::Other(Detail::new(text).with_code(ErrorCode::NoOffset))
}
