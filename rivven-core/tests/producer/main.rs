//! The producer against the real broker, and against others for what that cannot do.

mod delivery;
mod idempotent;
mod limits;
mod options;
mod retries;
mod stats;

use std::time::Duration;

use rivven_client::{Producer, ProducerConfig, ProducerConfigBuilder, RecordMetadata, Result};

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

/// Sends records together, in one batch where they fit into one: what became of each.
async fn send_together(producer: &Producer, values: &[impl AsRef<[u8]>]) -> Result<Vec<RecordMetadata>> {
    let taken = values.iter().map(|value| producer.enqueue("t", None::<&str>, value));
    let deliveries = taken.collect::<Result<Vec<_>>>()?;
    // The linger may be longer than the test.
    soon("flush", producer.flush()).await?;
    deliveries.into_iter().map(|delivery| delivery.result().expect("it is settled")).collect()
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
