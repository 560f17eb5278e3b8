//! The producer against the real broker, and against others for what that cannot do.

mod delivery;
mod idempotent;
mod limits;
mod options;
mod retries;
mod stats;

use std::time::Duration;

use rivven_client::{Producer, ProducerConfig, ProducerConfigBuilder, Result};

/// Long enough for anything on a busy machine, short enough to notice that it never comes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A configuration with short pauses.
fn config(server: impl Into<String>) -> ProducerConfigBuilder {
    ProducerConfig::builder().bootstrap_servers(vec![server.into()]).retry_backoff_ms(5).retry_backoff_max_ms(50)
}

async fn producer(server: impl Into<String>) -> Result<Producer> {
    Producer::new(config(server).build()).await
}

/// The future's output, which has to come.
async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("{what} does not end"))
}

/// Ends when a batch has been sent and not been answered.
async fn under_way(producer: &Producer) {
    soon("a batch under way", async {
        loop {
            let stats = producer.stats();
            if stats.pending() > stats.records_queued {
                return;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
}
