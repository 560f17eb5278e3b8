//! The named methods that every client has, written once upon its `call`.

use crate::error::{ErrorCode, Result};

/// The number of partitions of a topic, by its metadata; it is created if there is none.
pub(crate) async fn partitions_of_created<M, C>(metadata: impl Fn() -> M, create: impl FnOnce() -> C) -> Result<u32>
where
    M: Future<Output = Result<(String, u32)>>,
    C: Future<Output = Result<u32>>,
{
    match metadata().await {
        Err(error) if error.code() == ErrorCode::UnknownTopicOrPartition => {}
        known => return known.map(|(_, count)| count),
    }
    match create().await {
        // Somebody else was faster.
        Err(error) if error.code() == ErrorCode::TopicAlreadyExists => metadata().await.map(|(_, count)| count),
        created => created,
    }
}

/// Expands, inside the `impl` of a client with a method `call`, to one method for each operation.
macro_rules! operations {
    () => {
        /// Appends a record to a partition.
        ///
        /// # Errors
        ///
        /// As [`publish`](Self::publish); `INVALID_PARTITION` if there is none of that number.
        pub async fn publish_to_partition<K: AsRef<[u8]>>(
            &self,
            topic: impl AsRef<str>,
            partition: u32,
            key: Option<K>,
            value: impl AsRef<[u8]>,
        ) -> $crate::Result<u64> {
            self.append(topic.as_ref(), Some(partition), key.as_ref().map(K::as_ref), value.as_ref()).await
        }

        async fn append(
            &self,
            topic: &str,
            partition: Option<u32>,
            key: Option<&[u8]>,
            value: &[u8],
        ) -> $crate::Result<u64> {
            Ok(self.call(&$crate::ops::Publish { topic, partition, key, value }).await?.offset)
        }

        /// Appends records to one partition; gives `(base_offset, partition, count)`.
        ///
        /// Without a partition the broker chooses one for the whole batch, by the
        /// key of the first record. The batch is not atomic: an error may leave its
        /// first records written. An empty batch is `INVALID_ARGUMENT`. Where
        /// no record has a key, one of them says its type: `None::<&str>`.
        ///
        /// # Errors
        ///
        /// As [`publish`](Self::publish).
        pub async fn publish_batch<K: AsRef<[u8]>, V: AsRef<[u8]>>(
            &self,
            topic: impl AsRef<str>,
            partition: Option<u32>,
            records: &[(Option<K>, V)],
        ) -> $crate::Result<(u64, u32, u32)> {
            let records = records.iter().map(|(key, value)| (key.as_ref(), value));
            let batch = self.call(&$crate::ops::PublishBatch { topic: topic.as_ref(), partition, records }).await?;
            Ok((batch.base_offset, batch.partition, batch.record_count))
        }

        /// Reads at most `max_messages` records of a partition from `offset` on; answers at once.
        ///
        /// # Errors
        ///
        /// `UNKNOWN_TOPIC_OR_PARTITION`, `INVALID_PARTITION`; `ANSWER_TOO_LARGE` if
        /// so many records exceed the broker's frame limit: ask for fewer.
        pub async fn consume(
            &self,
            topic: impl AsRef<str>,
            partition: u32,
            offset: u64,
            max_messages: u32,
        ) -> $crate::Result<$crate::ops::MessageBatch> {
            self.consume_with_isolation(topic, partition, offset, max_messages, None).await
        }

        /// Reads like [`consume`](Self::consume); the isolation level 1 hides records of aborted transactions.
        ///
        /// Broker release 0.0.22 shows the records of open transactions at any level.
        ///
        /// # Errors
        ///
        /// As [`consume`](Self::consume).
        pub async fn consume_with_isolation(
            &self,
            topic: impl AsRef<str>,
            partition: u32,
            offset: u64,
            max_messages: u32,
            isolation_level: Option<u8>,
        ) -> $crate::Result<$crate::ops::MessageBatch> {
            let topic = topic.as_ref();
            let max_wait = None;
            self.call(&$crate::ops::Consume { topic, partition, offset, max_messages, isolation_level, max_wait }).await
        }

        /// Reads like [`consume_with_isolation`](Self::consume_with_isolation) at level 1.
        ///
        /// # Errors
        ///
        /// As [`consume`](Self::consume).
        pub async fn consume_read_committed(
            &self,
            topic: impl AsRef<str>,
            partition: u32,
            offset: u64,
            max_messages: u32,
        ) -> $crate::Result<$crate::ops::MessageBatch> {
            self.consume_with_isolation(topic, partition, offset, max_messages, Some(1)).await
        }

        /// Reads like [`consume_with_isolation`](Self::consume_with_isolation), waiting for a first record.
        ///
        /// The broker waits at most `max_wait_ms` milliseconds and never more than
        /// 30 s, and serves nothing else on the connection meanwhile. The wait is
        /// added to the request timeout.
        ///
        /// # Errors
        ///
        /// As [`consume`](Self::consume).
        pub async fn consume_long_poll(
            &self,
            topic: impl AsRef<str>,
            partition: u32,
            offset: u64,
            max_messages: u32,
            isolation_level: Option<u8>,
            max_wait_ms: u64,
        ) -> $crate::Result<$crate::ops::MessageBatch> {
            let topic = topic.as_ref();
            let max_wait = Some(std::time::Duration::from_millis(max_wait_ms));
            self.call(&$crate::ops::Consume { topic, partition, offset, max_messages, isolation_level, max_wait }).await
        }

        /// Reads many partitions with one wait: `(topic, partition, offset, max_messages, isolation_level)` each.
        ///
        /// The requests go out together; the result has one entry for each, in their order.
        pub async fn consume_pipelined(
            &self,
            fetches: &[(&str, u32, u64, u32, Option<u8>)],
        ) -> Vec<$crate::Result<$crate::ops::MessageBatch>> {
            let fetches = fetches.iter().map(|&(topic, partition, offset, max_messages, isolation_level)| {
                self.consume_with_isolation(topic, partition, offset, max_messages, isolation_level)
            });
            futures_util::future::join_all(fetches).await
        }

        /// Creates a topic, with the broker's default number of partitions where none is given; gives their number.
        ///
        /// # Errors
        ///
        /// `TOPIC_ALREADY_EXISTS`, `INVALID_TOPIC`, `INVALID_PARTITIONS`.
        pub async fn create_topic(&self, name: impl AsRef<str>, partitions: Option<u32>) -> $crate::Result<u32> {
            self.call(&$crate::ops::CreateTopic { name: name.as_ref(), partitions }).await
        }

        /// Lists the names of all topics, in no order.
        ///
        /// # Errors
        ///
        /// Those of the connection.
        pub async fn list_topics(&self) -> $crate::Result<Vec<String>> {
            self.call(&$crate::ops::ListTopics).await
        }

        /// Deletes a topic; see [`DeleteTopic`](crate::ops::DeleteTopic) for what the broker keeps.
        ///
        /// # Errors
        ///
        /// `UNKNOWN_TOPIC_OR_PARTITION`.
        pub async fn delete_topic(&self, name: impl AsRef<str>) -> $crate::Result<()> {
            self.call(&$crate::ops::DeleteTopic { name: name.as_ref() }).await
        }

        /// Raises the number of partitions of a topic to `count`; gives the new number.
        ///
        /// # Errors
        ///
        /// `INVALID_PARTITIONS` unless there are fewer now, `UNKNOWN_TOPIC_OR_PARTITION`.
        pub async fn create_partitions(&self, topic: impl AsRef<str>, count: u32) -> $crate::Result<u32> {
            self.call(&$crate::ops::CreatePartitions { topic: topic.as_ref(), count }).await
        }

        /// Gives the settings of topics: topic -> key -> value.
        ///
        /// # Errors
        ///
        /// Those of the connection; an unknown topic has the defaults.
        pub async fn describe_topic_configs<T: AsRef<str>>(
            &self,
            topics: &[T],
        ) -> $crate::Result<$crate::ops::TopicConfigs> {
            self.call(&$crate::ops::DescribeTopicConfigs { topics }).await
        }

        /// Changes settings of a topic; `None` takes a default back.
        ///
        /// # Errors
        ///
        /// `INVALID_TOPIC_CONFIG` at the first change that is not acceptable; those
        /// before it stay.
        pub async fn alter_topic_config(
            &self,
            topic: impl AsRef<str>,
            configs: &[(&str, Option<&str>)],
        ) -> $crate::Result<$crate::ops::AlterTopicConfigResult> {
            self.call(&$crate::ops::AlterTopicConfig { topic: topic.as_ref(), configs }).await
        }

        /// Deletes the records below an offset, by `(partition, offset)`; each partition has its own result.
        ///
        /// # Errors
        ///
        /// `UNKNOWN_TOPIC_OR_PARTITION`.
        pub async fn delete_records(
            &self,
            topic: impl AsRef<str>,
            before: &[(u32, u64)],
        ) -> $crate::Result<Vec<$crate::protocol::DeleteRecordsResult>> {
            self.call(&$crate::ops::DeleteRecords { topic: topic.as_ref(), before }).await
        }

        /// Gives the name and the number of partitions of a topic; never creates it.
        ///
        /// # Errors
        ///
        /// `UNKNOWN_TOPIC_OR_PARTITION`.
        pub async fn get_metadata(&self, topic: impl AsRef<str>) -> $crate::Result<(String, u32)> {
            self.call(&$crate::ops::GetMetadata { topic: topic.as_ref() }).await
        }

        /// Gives the brokers of the cluster and the leaders of the topics, of all if none is named.
        ///
        /// A standalone broker names itself and no topics.
        ///
        /// # Errors
        ///
        /// Those of the connection.
        pub async fn get_cluster_metadata(&self, topics: &[String]) -> $crate::Result<$crate::ops::ClusterMetadata> {
            self.call(&$crate::ops::GetClusterMetadata { topics }).await
        }

        /// Gives the first offset of a partition and the next one to be written.
        ///
        /// # Errors
        ///
        /// `UNKNOWN_TOPIC_OR_PARTITION`.
        pub async fn get_offset_bounds(&self, topic: impl AsRef<str>, partition: u32) -> $crate::Result<(u64, u64)> {
            self.call(&$crate::ops::GetOffsetBounds { topic: topic.as_ref(), partition }).await
        }

        /// Gives the first offset whose record the broker received at or after a time, in milliseconds since 1970.
        ///
        /// # Errors
        ///
        /// `UNKNOWN_TOPIC_OR_PARTITION`, `INVALID_PARTITION`.
        pub async fn get_offset_for_timestamp(
            &self,
            topic: impl AsRef<str>,
            partition: u32,
            timestamp_ms: i64,
        ) -> $crate::Result<Option<u64>> {
            self.call(&$crate::ops::GetOffsetForTimestamp { topic: topic.as_ref(), partition, timestamp_ms }).await
        }

        /// Stores the next offset that a group is to read in a partition.
        ///
        /// # Errors
        ///
        /// `OFFSET_OUT_OF_RANGE` behind the end of the log, `INVALID_GROUP_ID`,
        /// `UNKNOWN_TOPIC_OR_PARTITION`.
        pub async fn commit_offset(
            &self,
            group: impl AsRef<str>,
            topic: impl AsRef<str>,
            partition: u32,
            offset: u64,
        ) -> $crate::Result<()> {
            let (group, topic) = (group.as_ref(), topic.as_ref());
            self.call(&$crate::ops::CommitOffset { group, topic, partition, offset }).await
        }

        /// Stores many offsets of a group with one wait: `(topic, partition, offset)` each.
        ///
        /// The result has one entry for each, in their order.
        pub async fn commit_offsets_pipelined(
            &self,
            group: impl AsRef<str>,
            offsets: &[(&str, u32, u64)],
        ) -> Vec<$crate::Result<()>> {
            let group = group.as_ref();
            let commits =
                offsets.iter().map(|&(topic, partition, offset)| self.commit_offset(group, topic, partition, offset));
            futures_util::future::join_all(commits).await
        }

        /// Gives the offset that a group has committed; `None` if there is none.
        ///
        /// # Errors
        ///
        /// `INVALID_GROUP_ID`.
        pub async fn get_offset(
            &self,
            group: impl AsRef<str>,
            topic: impl AsRef<str>,
            partition: u32,
        ) -> $crate::Result<Option<u64>> {
            self.call(&$crate::ops::GetOffset { group: group.as_ref(), topic: topic.as_ref(), partition }).await
        }

        /// Lists the groups that have committed offsets, in no order.
        ///
        /// # Errors
        ///
        /// Those of the connection.
        pub async fn list_groups(&self) -> $crate::Result<Vec<String>> {
            self.call(&$crate::ops::ListGroups).await
        }

        /// Gives the committed offsets of a group: topic -> partition -> offset.
        ///
        /// # Errors
        ///
        /// `GROUP_NOT_FOUND` if there are none.
        pub async fn describe_group(
            &self,
            group: impl AsRef<str>,
        ) -> $crate::Result<std::collections::HashMap<String, std::collections::HashMap<u32, u64>>> {
            self.call(&$crate::ops::DescribeGroup { group: group.as_ref() }).await
        }

        /// Deletes the committed offsets of a group.
        ///
        /// # Errors
        ///
        /// `GROUP_NOT_FOUND` if there are none.
        pub async fn delete_group(&self, group: impl AsRef<str>) -> $crate::Result<()> {
            self.call(&$crate::ops::DeleteGroup { group: group.as_ref() }).await
        }

        /// Joins a group, with an empty `member` as a new one; see [`JoinGroup`](crate::ops::JoinGroup).
        ///
        /// # Errors
        ///
        /// `JOIN_GROUP_FAILED`.
        pub async fn join_group(
            &self,
            group: &str,
            member: &str,
            session_timeout_ms: u32,
            rebalance_timeout_ms: u32,
            protocol_type: &str,
            subscriptions: &[String],
        ) -> $crate::Result<$crate::ops::GroupMembership> {
            let join = $crate::ops::JoinGroup {
                group,
                member,
                session_timeout_ms,
                rebalance_timeout_ms,
                protocol_type,
                subscriptions,
            };
            self.call(&join).await
        }

        /// Fetches a member's partitions; the leader hands in everybody's. See [`SyncGroup`](crate::ops::SyncGroup).
        ///
        /// # Errors
        ///
        /// `ILLEGAL_GENERATION`, `UNKNOWN_MEMBER_ID`, `UNKNOWN_GROUP`,
        /// `INCONSISTENT_GROUP_PROTOCOL`, `REBALANCE_TIMEOUT`.
        pub async fn sync_group(
            &self,
            group: &str,
            generation: u32,
            member: &str,
            assignments: &[(String, $crate::ops::Assignment)],
        ) -> $crate::Result<$crate::ops::Assignment> {
            self.call(&$crate::ops::SyncGroup { group, generation, member, assignments }).await
        }

        /// Keeps a membership alive; 0 in a stable group, 27 while the leader has not synced.
        ///
        /// # Errors
        ///
        /// `ILLEGAL_GENERATION` after a rebalance, `UNKNOWN_MEMBER_ID`, `UNKNOWN_GROUP`.
        pub async fn heartbeat(&self, group: &str, generation: u32, member: &str) -> $crate::Result<i32> {
            self.call(&$crate::ops::Heartbeat { group, generation, member }).await
        }

        /// Leaves a group.
        ///
        /// # Errors
        ///
        /// `UNKNOWN_MEMBER_ID`, `UNKNOWN_GROUP`.
        pub async fn leave_group(&self, group: &str, member: &str) -> $crate::Result<()> {
            self.call(&$crate::ops::LeaveGroup { group, member }).await
        }

        /// Takes a given member out of a group, as if it had left.
        ///
        /// # Errors
        ///
        /// As [`leave_group`](Self::leave_group).
        pub async fn remove_member(&self, group: &str, member: &str) -> $crate::Result<()> {
            self.leave_group(group, member).await
        }

        /// Gives the quotas of entities by type and name, of all if none is given.
        ///
        /// # Errors
        ///
        /// Those of the connection.
        pub async fn describe_quotas(
            &self,
            entities: &[(String, Option<String>)],
        ) -> $crate::Result<Vec<$crate::protocol::QuotaEntry>> {
            self.call(&$crate::ops::DescribeQuotas { entities }).await
        }

        /// Sets or removes quotas; gives how many were changed. The broker passes over unknown ones.
        ///
        /// # Errors
        ///
        /// Those of the connection.
        pub async fn alter_quotas(&self, alterations: &[$crate::protocol::QuotaAlteration]) -> $crate::Result<usize> {
            self.call(&$crate::ops::AlterQuotas { alterations }).await
        }

        /// Asks the broker for a sign of life.
        ///
        /// # Errors
        ///
        /// Those of the connection.
        pub async fn ping(&self) -> $crate::Result<()> {
            self.call(&$crate::ops::Ping).await
        }
    };
}
pub(crate) use operations;
