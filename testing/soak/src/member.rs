//! A member of a group that says what happens to it, a line each; README.md has them.

use std::io::{Read, Write, stdin, stdout};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use async_trait::async_trait;
use rivven_client::{Consumer, ConsumerConfig, ErrorCode, RebalanceListener, TopicPartition};

/// What every member is told, in this order.
#[derive(Debug, Clone, clap::Args)]
pub struct Membership {
    /// The broker
    pub server: String,
    /// The group
    pub group: String,
    /// The topic
    pub topic: String,
    /// The session timeout in milliseconds
    pub session: u64,
    /// The time between heartbeats in milliseconds
    pub heartbeat: u64,
}

impl Membership {
    /// The arguments of a member in any language.
    pub fn arguments(&self) -> [String; 5] {
        let Membership { server, group, topic, session, heartbeat } = self;
        [server.clone(), group.clone(), topic.clone(), session.to_string(), heartbeat.to_string()]
    }
}

/// Reads until the standard input ends.
///
/// # Errors
///
/// That it could not begin, or could not leave.
pub async fn run(membership: &Membership) -> Result<()> {
    let config = ConsumerConfig::builder()
        .bootstrap_server(&membership.server)
        .group_id(&membership.group)
        .topic(&membership.topic)
        .session_timeout_ms(membership.session)
        .heartbeat_interval_ms(membership.heartbeat)
        // A disk that is overloaded must not look like a member that hangs.
        .close_timeout(Duration::from_secs(60));
    let consumer = Arc::new(Consumer::new(config.build()).await?);
    consumer.set_rebalance_listener(Told);
    say("polls");
    let waked = Arc::clone(&consumer);
    std::thread::spawn(move || {
        let _ = stdin().read_to_end(&mut Vec::new());
        waked.wakeup();
    });
    loop {
        match consumer.poll().await {
            Ok(records) => {
                records.views().for_each(|record| say(&format!("read {} {}", record.partition, record.offset)));
            }
            Err(error) if error.code() == ErrorCode::WokenUp => break,
            Err(error) => say(&format!("error {error}")),
        }
    }
    match consumer.close().await {
        Ok(()) => say("closed"),
        Err(error) => say(&format!("error {error}")),
    }
    Ok(())
}

struct Told;

#[async_trait]
impl RebalanceListener for Told {
    async fn on_partitions_assigned(&self, partitions: &[TopicPartition]) {
        told("assigned", partitions);
    }

    async fn on_partitions_revoked(&self, partitions: &[TopicPartition]) {
        told("revoked", partitions);
    }
}

fn told(what: &str, partitions: &[TopicPartition]) {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let numbers: String = partitions.iter().map(|partition| format!(" {}", partition.partition)).collect();
    say(&format!("{what} {}{numbers}", since.as_millis()));
}

/// Says a line at once.
pub(crate) fn say(line: &str) {
    let mut out = stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
