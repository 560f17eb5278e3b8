//! Operations on topics.

use napi::bindgen_prelude::BigInt;
use napi_derive::napi;
use rivven_client::ops::{
    AlterTopicConfig, CreatePartitions, CreateTopic, DeleteRecords, DeleteTopic, DescribeTopicConfigs, GetMetadata,
    ListTopics,
};

use crate::client::NativeClient;
use crate::failure::Failure;

#[napi]
#[allow(unreachable_pub, reason = "the macro exports only what is pub")]
impl NativeClient {
    /// Creates a topic.
    #[napi]
    pub fn create_topic(&self, token: i64, name: String, partitions: Option<u32>) -> Option<Failure> {
        self.submit(token, &CreateTopic { name: &name, partitions })
    }

    /// Lists the topics.
    #[napi]
    pub fn list_topics(&self, token: i64) -> Option<Failure> {
        self.submit(token, &ListTopics)
    }

    /// Deletes a topic.
    #[napi]
    pub fn delete_topic(&self, token: i64, name: String) -> Option<Failure> {
        self.submit(token, &DeleteTopic { name: &name })
    }

    /// Asks for the number of partitions of a topic.
    #[napi]
    pub fn get_metadata(&self, token: i64, topic: String) -> Option<Failure> {
        self.submit(token, &GetMetadata { topic: &topic })
    }

    /// Raises the number of partitions of a topic.
    #[napi]
    pub fn create_partitions(&self, token: i64, topic: String, count: u32) -> Option<Failure> {
        self.submit(token, &CreatePartitions { topic: &topic, count })
    }

    /// Asks for the settings of topics.
    #[napi]
    pub fn describe_topic_configs(&self, token: i64, topics: Vec<String>) -> Option<Failure> {
        self.submit(token, &DescribeTopicConfigs { topics: &topics })
    }

    /// Changes settings of a topic, in the order given.
    #[napi]
    pub fn alter_topic_config(
        &self,
        token: i64,
        topic: String,
        configs: Vec<(String, Option<String>)>,
    ) -> Option<Failure> {
        let configs: Vec<_> = configs.iter().map(|(key, value)| (key.as_str(), value.as_deref())).collect();
        self.submit(token, &AlterTopicConfig { topic: &topic, configs: &configs })
    }

    /// Deletes the records below an offset in each partition.
    #[napi]
    pub fn delete_records(&self, token: i64, topic: String, before: Vec<(u32, BigInt)>) -> Option<Failure> {
        let before: Vec<_> = before.into_iter().map(|(partition, offset)| (partition, offset.get_u64().1)).collect();
        self.submit(token, &DeleteRecords { topic: &topic, before: &before })
    }
}
