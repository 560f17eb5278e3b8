//! The consumer against the real broker, and against others for what that cannot do.

mod failures;
mod faults;
mod groups;
mod life;
mod logs;
mod offsets;
mod process;
mod reading;

use std::time::Duration;

use rivven_client::{
    Client, Consumer, ConsumerConfig, ConsumerConfigBuilder, ConsumerEvent, ConsumerEvents, ConsumerRecords, Result,
};

/// Long enough for anything on a busy machine, short enough to notice that it never comes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A configuration with short pauses.
fn config(server: impl Into<String>) -> ConsumerConfigBuilder {
    ConsumerConfig::builder()
        .bootstrap_server(server)
        .group_id("tests")
        .reconnect_backoff_ms(5)
        .reconnect_backoff_max_ms(50)
        .fetch_max_wait(Duration::from_millis(100))
}

/// A consumer of partition 0 of the topic `t`.
async fn consumer(server: impl Into<String>) -> Result<Consumer> {
    Consumer::new(config(server).assign("t", vec![0]).build()).await
}

/// The future's output, which has to come.
async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("{what} does not end"))
}

/// The next records, however many polls it takes.
async fn some(consumer: &Consumer) -> ConsumerRecords {
    soon("records", async {
        loop {
            let records = consumer.poll().await.unwrap();
            if !records.is_empty() {
                return records;
            }
        }
    })
    .await
}

/// The values of so many records, in the order in which they come.
async fn values(consumer: &Consumer, count: usize) -> Vec<Vec<u8>> {
    let mut values = Vec::new();
    while values.len() < count {
        values.extend(some(consumer).await.views().map(|record| record.value.to_vec()));
    }
    values
}

/// The offsets of so many records of a partition.
async fn offsets(consumer: &Consumer, count: usize) -> Vec<u64> {
    let mut offsets = Vec::new();
    while offsets.len() < count {
        offsets.extend(some(consumer).await.views().map(|record| record.offset));
    }
    offsets
}

/// The first event that is one of those looked for.
async fn event<T>(events: &mut ConsumerEvents, look: impl Fn(ConsumerEvent) -> Option<T>) -> T {
    soon("an event", async {
        loop {
            let event = events.next().await.expect("the consumer is open");
            if let Some(found) = look(event) {
                return found;
            }
        }
    })
    .await
}

/// Publishes values with their numbers, from one on.
async fn publish(client: &Client, topic: &str, partition: u32, numbers: std::ops::Range<u64>) -> Result<()> {
    let records: Vec<_> = numbers.map(|number| (None::<&str>, value(number))).collect();
    for records in records.chunks(1000) {
        client.publish_batch(topic, Some(partition), records).await?;
    }
    Ok(())
}

fn value(number: u64) -> String {
    format!("value {number}")
}

fn all_values(numbers: std::ops::Range<u64>) -> Vec<Vec<u8>> {
    numbers.map(|number| value(number).into_bytes()).collect()
}
