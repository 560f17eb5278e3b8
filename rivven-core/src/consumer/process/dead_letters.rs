//! Records that failed every time, on their way to a topic of their own.

use tokio::sync::OnceCell;

use crate::config::{ConsumerConfig, ProducerConfig};
use crate::consumer::records::ConsumerRecord;
use crate::error::Result;
use crate::producer::Producer;

/// The longest error text that a dead letter carries, in characters.
const MAX_TEXT: usize = 1000;

/// Where dead letters go, by a producer that is made for the first of them.
pub(super) struct DeadLetters {
    topic: Option<String>,
    group: String,
    config: ProducerConfig,
    producer: OnceCell<Producer>,
}

impl DeadLetters {
    pub(super) fn new(config: &ConsumerConfig) -> Self {
        DeadLetters {
            topic: config.process.dead_letter_topic.clone(),
            group: config.group_id.clone(),
            config: config.producer_config(),
            producer: OnceCell::new(),
        }
    }

    pub(super) fn are_wanted(&self) -> bool {
        self.topic.is_some()
    }

    /// Sends a record, and waits until it is delivered.
    pub(super) async fn send(&self, record: &ConsumerRecord, retries: u32, why: &str) -> Result<()> {
        let Some(topic) = &self.topic else { return Ok(()) };
        let producer = self.producer.get_or_try_init(|| Producer::new(self.config.clone())).await?;
        let value = letter(record, &self.group, retries, why);
        producer.send_with_key(topic, record.key.as_ref(), value).await.map(drop)
    }

    pub(super) async fn close(&self) {
        if let Some(producer) = self.producer.get() {
            // All that was sent has been waited for.
            let _ = producer.close().await;
        }
    }
}

/// A value that says in lines of text where it came from and why, before an empty line and the value itself.
///
/// The protocol has no headers to say it in.
fn letter(record: &ConsumerRecord, group: &str, retries: u32, why: &str) -> Vec<u8> {
    let ConsumerRecord { topic, partition, offset, timestamp, value, .. } = record;
    let why: String = why.chars().take(MAX_TEXT).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let attempts = u64::from(retries) + 1;
    let head = format!(
        "topic: {topic}\npartition: {partition}\noffset: {offset}\ntimestamp: {timestamp}\ngroup: {group}\nattempts: {attempts}\nerror: {why}\n\n"
    );
    [head.as_bytes(), value].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn a_letter_says_where_it_came_from_in_lines_before_the_value() {
        let record = ConsumerRecord {
            topic: "orders".into(),
            partition: 3,
            offset: 42,
            key: None,
            value: Bytes::from_static(b"\x80 first\n\nsecond"),
            timestamp: 1_700_000_000_000,
            headers: Vec::new(),
        };
        let letter = letter(&record, "billing", 2, "no such\ncustomer");
        let expected = b"topic: orders\npartition: 3\noffset: 42\ntimestamp: 1700000000000\n\
            group: billing\nattempts: 3\nerror: no such customer\n\n\x80 first\n\nsecond";
        assert_eq!(letter, expected);
        let long = super::letter(&record, "billing", 2, &"\u{e4}".repeat(5000));
        assert!(long.len() < 2 * MAX_TEXT + 200);
    }
}
