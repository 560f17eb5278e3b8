//! What is looked after in the background: leaders that move, partitions that stall, programs that do not poll.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::events::ConsumerEvent;
use super::shared::Shared;

/// The pause between two looks.
const INTERVAL: Duration = Duration::from_secs(1);

/// Looks after a consumer until it has ended.
pub(super) async fn watch(shared: Weak<Shared>, ended: impl Future<Output = ()>) {
    tokio::select! {
        () = ended => {}
        () = look(&shared) => {}
    }
}

async fn look(shared: &Weak<Shared>) {
    let (mut leaders_at, mut late) = (Instant::now(), false);
    loop {
        sleep(INTERVAL).await;
        let Some(shared) = shared.upgrade() else { return };
        tell_stalls(&shared);
        let since = shared.since_last_poll().unwrap_or_default();
        let is_late = since > shared.config.max_processing_interval;
        if is_late && !std::mem::replace(&mut late, is_late) {
            shared.announce(ConsumerEvent::PollTooLate { since });
        }
        late = is_late;
        if leaders_at.elapsed() >= shared.config.metadata_refresh_interval {
            leaders_at = Instant::now();
            shared.look_for_leaders();
        }
    }
}

fn tell_stalls(shared: &Arc<Shared>) {
    // As long as an empty poll waits, besides the time that the broker may wait.
    let limit = Duration::from_millis(shared.config.max_poll_interval_ms) + 2 * shared.config.fetch_max_wait;
    let last_error = shared.last_error();
    let now = Instant::now();
    let stalls: Vec<_> = {
        let mut state = shared.state();
        let short = state.wants_memory(now, &shared.memory);
        let partitions = state.partitions.values_mut();
        let stalled =
            partitions.filter_map(|partition| Some((partition.stalled(now, limit.max(INTERVAL))?, partition)));
        stalled
            .map(|(since, partition)| {
                let trouble = partition.trouble.as_ref().map(|trouble| &trouble.error).or(last_error.as_ref());
                let reason = match trouble {
                    _ if short => "fetch.buffer.memory is in use: drop or detach records that are kept".to_owned(),
                    Some(error) => error.to_string(),
                    None => "the broker does not answer".to_owned(),
                };
                ConsumerEvent::Stalled { partition: (&partition.key).into(), since, reason }
            })
            .collect()
    };
    for stall in stalls {
        tracing::warn!(?stall, "consumer");
        shared.announce(stall);
    }
}
