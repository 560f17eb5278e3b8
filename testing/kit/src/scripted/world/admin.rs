//! Topics, the cluster and settings.

use std::collections::HashMap;

use rivven_client::protocol::{
    BrokerInfo, DeleteRecordsResult, MAX_TOPIC_PARTITIONS, PartitionMetadata, QuotaEntry, Request, Response,
    TopicConfigDescription, TopicConfigEntry, TopicConfigValue, TopicMetadata, check_topic_name,
};

use super::log::Topic;
use super::{Answer, World, answer};

/// The settings of a topic that the broker knows, with their defaults.
const TOPIC_CONFIGS: &[(&str, &str)] = &[
    ("retention.ms", "604800000"),
    ("retention.bytes", "-1"),
    ("max.message.bytes", "1048576"),
    ("segment.bytes", "1073741824"),
    ("segment.ms", "604800000"),
    ("cleanup.policy", "delete"),
    ("min.insync.replicas", "1"),
    ("compression.type", "producer"),
];

impl World {
    pub(super) fn admin(&mut self, request: &Request) -> Answer {
        use Request::*;
        match request {
            CreateTopic { name, partitions } => self.create_topic(name, *partitions),
            ListTopics => {
                answer(Response::Topics { topics: self.topics.iter().map(|(name, _)| name.clone()).collect() })
            }
            DeleteTopic { name } => match self.topics.delete(name) {
                true => answer(Response::TopicDeleted),
                false => Err(format!("Topic not found: {name}")),
            },
            GetMetadata { topic } => {
                let found = self.topics.get(topic).ok_or_else(|| format!("Topic not found: {topic}"))?;
                answer(Response::Metadata { name: topic.clone(), partitions: found.count() })
            }
            GetClusterMetadata { topics } => answer(self.cluster_metadata(topics)),
            CreatePartitions { topic, new_partition_count, .. } => self.create_partitions(topic, *new_partition_count),
            DeleteRecords { topic, partition_offsets } => self.delete_records(topic, partition_offsets),
            AlterTopicConfig { topic, configs } => self.alter_topic_config(topic, configs),
            DescribeTopicConfigs { topics } => self.describe_topic_configs(topics),
            AlterQuotas { .. } | DescribeQuotas { .. } => self.quotas(request),
            _ => Err("INTERNAL_ERROR: Unexpected request type".into()),
        }
    }

    fn create_topic(&mut self, name: &str, partitions: Option<u32>) -> Answer {
        check_topic_name(name).map_err(|error| format!("INVALID_TOPIC_NAME: {error}"))?;
        let partitions = partitions.unwrap_or(self.default_partitions);
        if !(1..=MAX_TOPIC_PARTITIONS).contains(&partitions) {
            return Err(format!("INVALID_PARTITION_COUNT: {partitions}"));
        }
        match self.topics.create(name, partitions, self.nodes.len()) {
            true => answer(Response::TopicCreated { name: name.to_owned(), partitions }),
            false => Err(format!("Topic '{name}' already exists")),
        }
    }

    fn create_partitions(&mut self, topic: &str, count: u32) -> Answer {
        let nodes = self.nodes.len();
        let found = self.topics.get_mut(topic).ok_or_else(|| format!("UNKNOWN_TOPIC_OR_PARTITION: {topic}"))?;
        if count <= found.count() {
            return Err(format!("INVALID_PARTITIONS: {topic} has {} partitions already", found.count()));
        }
        found.grow(count, nodes);
        answer(Response::PartitionsCreated { topic: topic.to_owned(), new_partition_count: count })
    }

    fn delete_records(&mut self, topic: &str, partition_offsets: &[(u32, u64)]) -> Answer {
        let found = self.topics.get_mut(topic).ok_or_else(|| format!("UNKNOWN_TOPIC_OR_PARTITION: {topic}"))?;
        let mut delete = |&(partition, offset): &(u32, u64)| {
            let (low_watermark, error) = match found.partitions.get_mut(partition as usize) {
                None => (0, Some("UNKNOWN_TOPIC_OR_PARTITION: no such partition".to_owned())),
                Some(log) if offset > log.latest => {
                    (log.earliest, Some(format!("OFFSET_OUT_OF_RANGE: {offset} is beyond {}", log.latest)))
                }
                Some(log) => {
                    log.earliest = log.earliest.max(offset);
                    // The broker answers with what it was asked for, even if that was deleted before.
                    (offset, None)
                }
            };
            DeleteRecordsResult { partition, low_watermark, error }
        };
        let results = partition_offsets.iter().map(&mut delete).collect();
        answer(Response::RecordsDeleted { topic: topic.to_owned(), results })
    }

    fn alter_topic_config(&mut self, topic: &str, configs: &[TopicConfigEntry]) -> Answer {
        let found = self.topics.get_mut(topic).ok_or_else(|| format!("UNKNOWN_TOPIC_OR_PARTITION: {topic}"))?;
        for TopicConfigEntry { key, value } in configs {
            if !TOPIC_CONFIGS.iter().any(|(known, _)| known == key) {
                return Err(format!("INVALID_CONFIG: unknown key {key}"));
            }
            match value {
                Some(value) => found.configs.insert(key.clone(), value.clone()),
                None => found.configs.remove(key),
            };
        }
        answer(Response::TopicConfigAltered { topic: topic.to_owned(), changed_count: configs.len() })
    }

    fn describe_topic_configs(&self, topics: &[String]) -> Answer {
        let changed = || self.topics.iter().filter(|(_, topic)| !topic.configs.is_empty());
        let names: Vec<String> = match topics {
            [] => changed().map(|(name, _)| name.clone()).collect(),
            names => names.to_vec(),
        };
        let describe = |name: String| {
            let configs = topic_configs(self.topics.get(&name));
            TopicConfigDescription { topic: name, configs }
        };
        answer(Response::TopicConfigsDescribed { configs: names.into_iter().map(describe).collect() })
    }

    fn quotas(&mut self, request: &Request) -> Answer {
        match request {
            Request::AlterQuotas { alterations } => {
                for alteration in alterations {
                    let entity = (alteration.entity_type.clone(), alteration.entity_name.clone());
                    let quotas = self.quotas.entry(entity).or_default();
                    match alteration.quota_value {
                        Some(value) => quotas.insert(alteration.quota_key.clone(), value),
                        None => quotas.remove(&alteration.quota_key),
                    };
                }
                answer(Response::QuotasAltered { altered_count: alterations.len() })
            }
            Request::DescribeQuotas { entities } => {
                let wanted = self.quotas.iter().filter(|(entity, _)| entities.is_empty() || entities.contains(entity));
                let entry = |((entity_type, entity_name), quotas): (&(String, Option<String>), &HashMap<_, _>)| {
                    let (entity_type, entity_name) = (entity_type.clone(), entity_name.clone());
                    QuotaEntry { entity_type, entity_name, quotas: quotas.clone() }
                };
                answer(Response::QuotasDescribed { entries: wanted.map(entry).collect() })
            }
            _ => Err("INTERNAL_ERROR: Unexpected request type".into()),
        }
    }

    /// What any node says of the cluster. A broker alone never names topics.
    fn cluster_metadata(&self, wanted: &[String]) -> Response {
        let living = || self.nodes.iter().filter(|node| node.alive);
        let brokers = living().map(|node| BrokerInfo {
            node_id: node.id.clone(),
            host: node.host.clone(),
            port: node.port,
            rack: None,
        });
        let topics = self.topics.iter().filter(|_| self.nodes.len() > 1);
        let topics = topics.filter(|(name, _)| wanted.is_empty() || wanted.contains(name));
        Response::ClusterMetadata {
            controller_id: living().next().map(|node| node.id.clone()),
            brokers: brokers.collect(),
            topics: topics.map(|(name, topic)| self.topic_metadata(name, topic)).collect(),
        }
    }

    fn topic_metadata(&self, name: &str, topic: &Topic) -> TopicMetadata {
        let partitions = (0..).zip(&topic.partitions).map(|(partition, log)| {
            // The leader first, then the others in their order.
            let order = (0..self.nodes.len()).map(|step| &self.nodes[(log.leader + step) % self.nodes.len()]);
            let leader = &self.nodes[log.leader];
            PartitionMetadata {
                partition,
                leader: leader.alive.then(|| leader.id.clone()),
                replicas: order.clone().map(|node| node.id.clone()).collect(),
                isr: order.filter(|node| node.alive).map(|node| node.id.clone()).collect(),
                offline: !leader.alive,
            }
        });
        TopicMetadata { name: name.to_owned(), is_internal: name.starts_with('_'), partitions: partitions.collect() }
    }
}

/// Every setting of a topic; the defaults for one that does not exist.
fn topic_configs(topic: Option<&Topic>) -> HashMap<String, TopicConfigValue> {
    let describe = |&(key, default): &(&str, &str)| {
        let set = topic.and_then(|topic| topic.configs.get(key));
        let value = set.cloned().unwrap_or_else(|| default.to_owned());
        let config = TopicConfigValue { value, is_default: set.is_none(), is_read_only: false, is_sensitive: false };
        (key.to_owned(), config)
    };
    TOPIC_CONFIGS.iter().map(describe).collect()
}
