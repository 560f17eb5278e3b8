//! Reading records, and what groups have read.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use rivven_client::protocol::{MAX_CONSUME_WAIT_MS, Request, Response, check_group_name, check_topic_name};

use super::{Answer, Call, Step, World, answer};

/// The isolation level that hides what was aborted.
const READ_COMMITTED: Option<u8> = Some(1);

/// Committed offsets by group, topic and partition.
#[derive(Debug, Default)]
pub(super) struct Offsets(BTreeMap<String, HashMap<String, HashMap<u32, u64>>>);

impl Offsets {
    pub(super) fn commit(&mut self, group: &str, topic: &str, partition: u32, offset: u64) {
        let topics = self.0.entry(group.to_owned()).or_default();
        topics.entry(topic.to_owned()).or_default().insert(partition, offset);
    }

    pub(super) fn get(&self, group: &str, topic: &str, partition: u32) -> Option<u64> {
        self.0.get(group)?.get(topic)?.get(&partition).copied()
    }
}

impl World {
    pub(super) fn read(&mut self, call: &Call, request: &Request) -> Answer {
        use Request::*;
        match request {
            Consume { .. } => self.consume(call, request),
            GetOffsetBounds { topic, partition } => {
                self.check_topic_exists(topic)?;
                let missing = || format!("Partition {partition} not found for topic '{topic}'");
                let log = self.topics.partition(topic, *partition).ok_or_else(missing)?;
                answer(Response::OffsetBounds { earliest: log.earliest, latest: log.latest })
            }
            GetOffsetForTimestamp { topic, partition, timestamp_ms } => {
                self.check_topic_exists(topic)?;
                let log =
                    self.topics.partition(topic, *partition).ok_or_else(|| invalid_partition(topic, *partition))?;
                answer(Response::OffsetForTimestamp { offset: log.at_timestamp(*timestamp_ms) })
            }
            _ => self.committed(call, request),
        }
    }

    fn consume(&mut self, call: &Call, request: &Request) -> Answer {
        let Request::Consume { topic, partition, offset, max_messages, isolation_level, max_wait_ms } = request else {
            return Err("INTERNAL_ERROR: Unexpected request type".into());
        };
        check_topic_name(topic).map_err(|error| format!("INVALID_TOPIC_NAME: {error}"))?;
        self.check_topic_exists(topic)?;
        let log = self.topics.partition(topic, *partition).ok_or_else(|| invalid_partition(topic, *partition))?;
        self.check_leader(call, topic, *partition)?;
        let wait = Duration::from_millis(max_wait_ms.unwrap_or(0).min(MAX_CONSUME_WAIT_MS));
        if log.latest <= *offset && call.now < call.asked + wait {
            return Ok(Step::WaitUntil(call.asked + wait));
        }
        let transactions = &self.nodes[call.node].transactions;
        let is_hidden = |number| *isolation_level == READ_COMMITTED && transactions.is_aborted(number);
        answer(Response::Messages { messages: log.fetch(*partition, *offset, *max_messages, is_hidden) })
    }

    fn committed(&mut self, call: &Call, request: &Request) -> Answer {
        use Request::*;
        let offsets = &self.nodes[call.node].offsets;
        match request {
            CommitOffset { consumer_group, topic, partition, offset } => {
                check_group_name(consumer_group).map_err(|error| format!("INVALID_CONSUMER_GROUP: {error}"))?;
                let found = self.topics.get(topic).ok_or_else(|| format!("UNKNOWN_TOPIC: {topic}"))?;
                let log = found.partitions.get(*partition as usize);
                let log = log.ok_or_else(|| format!("UNKNOWN_PARTITION: {topic}/{partition}"))?;
                if *offset > log.latest {
                    return Err(format!("OFFSET_OUT_OF_RANGE: {offset} is beyond {}", log.latest));
                }
                self.nodes[call.node].offsets.commit(consumer_group, topic, *partition, *offset);
                answer(Response::OffsetCommitted)
            }
            GetOffset { consumer_group, topic, partition } => {
                check_group_name(consumer_group).map_err(|error| format!("INVALID_CONSUMER_GROUP: {error}"))?;
                answer(Response::Offset { offset: offsets.get(consumer_group, topic, *partition) })
            }
            ListGroups => answer(Response::Groups { groups: offsets.0.keys().cloned().collect() }),
            DescribeGroup { consumer_group } => {
                let found = offsets.0.get(consumer_group).ok_or_else(|| group_not_found(consumer_group))?;
                let (consumer_group, offsets) = (consumer_group.clone(), found.clone());
                answer(Response::GroupDescription { consumer_group, offsets })
            }
            DeleteGroup { consumer_group } => {
                let removed = self.nodes[call.node].offsets.0.remove(consumer_group);
                removed.ok_or_else(|| group_not_found(consumer_group))?;
                answer(Response::GroupDeleted)
            }
            _ => Err("INTERNAL_ERROR: Unexpected request type".into()),
        }
    }

    pub(super) fn check_topic_exists(&self, topic: &str) -> Result<(), String> {
        self.topics.get(topic).map(drop).ok_or_else(|| format!("Topic not found: {topic}"))
    }
}

fn invalid_partition(topic: &str, partition: u32) -> String {
    format!("INVALID_PARTITION: {partition} does not exist for topic '{topic}'")
}

fn group_not_found(group: &str) -> String {
    format!("Consumer group '{group}' not found")
}
