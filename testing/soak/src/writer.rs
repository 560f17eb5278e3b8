//! A producer that says what became of its records, a line each; README.md has them.

use std::io::{Read, stdin};
use std::time::Duration;

use anyhow::Result;
use rivven_client::{Producer, ProducerConfig, ProducerConfigBuilder};

use crate::ledger::Fate;
use crate::load::hand_over;
use crate::member::say;

/// What every writer is told, in this order.
#[derive(Debug, Clone, clap::Args)]
pub struct Writing {
    /// The broker
    pub server: String,
    /// The topic
    pub topic: String,
    /// Its partitions, to which the records go in turn
    pub partitions: u32,
    /// How many records
    pub records: u64,
}

impl Writing {
    /// The arguments of a writer in any language.
    pub fn arguments(&self) -> [String; 4] {
        let Writing { server, topic, partitions, records } = self;
        [server.clone(), topic.clone(), partitions.to_string(), records.to_string()]
    }
}

/// The settings of a producer that gives nothing up, and notices a stall soon.
pub(crate) fn patient(server: impl Into<String>) -> ProducerConfigBuilder {
    ProducerConfig::builder()
        .bootstrap_servers(vec![server.into()])
        .linger_ms(5)
        .request_timeout(Duration::from_secs(2))
        .delivery_timeout(Duration::from_secs(3600))
        .retries(i32::MAX as u32)
        .retry_backoff_ms(20)
        .retry_backoff_max_ms(500)
}

/// Connects, and when the standard input ends sends all records with numbers.
///
/// # Errors
///
/// That it could not begin, or could not close.
pub async fn run(writing: &Writing) -> Result<()> {
    let producer = Producer::new(patient(&writing.server).enable_idempotence(true).build()).await?;
    say("ready");
    tokio::task::spawn_blocking(|| stdin().read_to_end(&mut Vec::new())).await??;
    let deliveries =
        hand_over(&producer, &writing.topic, writing.partitions, |number| number < writing.records).await?;
    for (number, delivery) in (0..).zip(deliveries) {
        say(&Fate::of(&delivery.await).told_of(number));
    }
    Ok(producer.close().await?)
}
