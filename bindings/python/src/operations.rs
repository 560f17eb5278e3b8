//! The operations of a client, written once for both styles.

use std::sync::Arc;
use std::time::Duration;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyDict, PyString, PyTuple};
use rivven_bridge::{CommitOffsetsPipelined, ConsumePipelined, GetSchema, GetSchemaVersion, RegisterSchema, Stats};
use rivven_client::ops::{
    AlterQuotas, AlterTopicConfig, CommitOffset, Consume, CreatePartitions, CreateTopic, DeleteGroup, DeleteRecords,
    DeleteTopic, DescribeGroup, DescribeQuotas, DescribeTopicConfigs, GetClusterMetadata, GetMetadata, GetOffset,
    GetOffsetBounds, GetOffsetForTimestamp, Heartbeat, JoinGroup, LeaveGroup, ListGroups, ListTopics, Ping, Publish,
    PublishBatch, SyncGroup,
};
use rivven_client::protocol::QuotaAlteration;
use rivven_client::{AuthConfig, Detail, Error};

use crate::answer::Form;
use crate::arguments::{
    Batch, BeforeOffset, Credential, Each, Generation, IsolationLevel, MaxMessages, NewTotal, Offset, Pairs, Partition,
    Partitions, Payload, QuotaValue, SchemaId, SchemaVersion, Seconds, Setting, Settings, TimestampMs, Topics, given,
};
use crate::client::{Handle, Style};
use crate::consumer::Asked;
use crate::inbox::Then;
use crate::transactions::Transactions;
use crate::{arguments, consumer, error, producer, state_changes};

type Topic<'py> = Bound<'py, PyString>;
type Given<'py> = PyResult<Bound<'py, PyAny>>;

/// What the asyncio client and the blocking client have in common.
///
/// The methods of the former return futures of what is said, those of the
/// latter wait for it. It has their name, as that is what errors of arguments say.
#[pyclass(frozen, subclass, extends = Transactions, name = "Client", module = "rivven._rivven")]
pub(crate) struct Operations {
    handle: Arc<Handle>,
}

impl Operations {
    /// What a client of either style is made of.
    pub(crate) fn of(handle: Handle) -> PyClassInitializer<Self> {
        let handle = Arc::new(handle);
        PyClassInitializer::from(Transactions::new(Arc::clone(&handle))).add_subclass(Operations { handle })
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    fn publish_one<'py>(
        &self,
        topic: &Topic<'py>,
        partition: Option<Partition>,
        key: Option<&Payload>,
        value: &Payload,
    ) -> Given<'py> {
        let (partition, key) = (partition.map(|number| number.0), key.map(AsRef::as_ref));
        let operation = Publish { topic: topic.to_str()?, partition, key, value: value.as_ref() };
        self.handle.call(topic.py(), &operation, Form::of(topic))
    }

    fn read<'py>(&self, topic: &Topic<'py>, range: Range, rest: Rest) -> Given<'py> {
        self.handle.call(topic.py(), &fetch(topic.to_str()?, range, rest), Form::of(topic))
    }
}

#[pymethods]
impl Operations {
    /// Creates a topic and gives its number of partitions.
    ///
    /// `name` is 1-255 of the characters a-z, A-Z, 0-9, dot, underscore and
    /// hyphen, beginning with a letter or digit, without two dots in a row.
    /// `partitions` is 1-1000, by default what the broker is configured to.
    /// `replication_factor` is 1: this broker release replicates nothing.
    ///
    /// Raises ServerException with the code TOPIC_ALREADY_EXISTS,
    /// INVALID_TOPIC or INVALID_PARTITIONS, ConfigException for another
    /// replication factor.
    #[pyo3(signature = (name, partitions=None, replication_factor=1))]
    fn create_topic<'py>(
        &self,
        name: &Topic<'py>,
        partitions: Option<Partitions>,
        replication_factor: i64,
    ) -> Given<'py> {
        if replication_factor != 1 {
            return Err(error::plain(name.py(), &unreplicated(name.to_str()?, replication_factor)));
        }
        let partitions = partitions.map(|number| number.0);
        self.handle.call(name.py(), &CreateTopic { name: name.to_str()?, partitions }, Form::Plain)
    }

    /// Gives the names of all topics as a list of str, in no order.
    fn list_topics<'py>(&self, py: Python<'py>) -> Given<'py> {
        self.handle.call(py, &ListTopics, Form::Plain)
    }

    /// Deletes a topic.
    ///
    /// Broker release 0.0.22 keeps the log files: a topic created anew under
    /// the same name has the old records.
    ///
    /// Raises ServerException with the code UNKNOWN_TOPIC_OR_PARTITION.
    fn delete_topic<'py>(&self, name: &Topic<'py>) -> Given<'py> {
        self.handle.call(name.py(), &DeleteTopic { name: name.to_str()? }, Form::Plain)
    }

    /// Gives the name and the number of partitions of a topic as a tuple; never creates it.
    ///
    /// Raises ServerException with the code UNKNOWN_TOPIC_OR_PARTITION.
    fn get_metadata<'py>(&self, name: &Topic<'py>) -> Given<'py> {
        self.handle.call(name.py(), &GetMetadata { topic: name.to_str()? }, Form::Plain)
    }

    /// Gives the first offset of a partition and the next one to be written, as a tuple.
    ///
    /// Raises ServerException with the code UNKNOWN_TOPIC_OR_PARTITION.
    fn get_offset_bounds<'py>(&self, topic: &Topic<'py>, partition: Partition) -> Given<'py> {
        self.handle.call(topic.py(), &GetOffsetBounds { topic: topic.to_str()?, partition: partition.0 }, Form::Plain)
    }

    /// Appends a record and gives its RecordMetadata.
    ///
    /// `value` and `key` are any bytes-like object, or a str, which stands for
    /// its UTF-8. Without `partition` the broker chooses one, by the key if there
    /// is one (an empty key is a key). It creates an unknown topic. The result is
    /// the offset as an int that also has topic and partition.
    ///
    /// Raises SerializationException with the code REQUEST_TOO_LARGE for more
    /// than 10 MiB. A TimeoutException or ConnectionException with the outcome
    /// UNKNOWN leaves open whether the record was written.
    #[pyo3(signature = (topic, value, key=None, *, partition=None))]
    fn publish<'py>(
        &self,
        topic: &Topic<'py>,
        value: Payload,
        key: Option<Payload>,
        partition: Option<Partition>,
    ) -> Given<'py> {
        self.publish_one(topic, partition, key.as_ref(), &value)
    }

    /// Appends a record with a key like `publish`, the key standing before the value.
    #[pyo3(signature = (topic, key, value))]
    fn publish_with_key<'py>(&self, topic: &Topic<'py>, key: Option<Payload>, value: Payload) -> Given<'py> {
        self.publish_one(topic, None, key.as_ref(), &value)
    }

    /// Appends a record to this partition and gives its RecordMetadata; otherwise like `publish`.
    ///
    /// Raises ServerException with the code INVALID_PARTITION.
    #[pyo3(signature = (topic, partition, value, key=None))]
    fn publish_to_partition<'py>(
        &self,
        topic: &Topic<'py>,
        partition: Partition,
        value: Payload,
        key: Option<Payload>,
    ) -> Given<'py> {
        self.publish_one(topic, Some(partition), key.as_ref(), &value)
    }

    /// Appends many records to one partition; gives (base offset, partition, count).
    ///
    /// `messages` is a list of values or (value, key) tuples, at most 10 000,
    /// each as in `publish`. Without `partition` the broker chooses one for the
    /// whole batch, by the key of the first record. The records follow the
    /// base offset directly only where nobody else wrote meanwhile.
    ///
    /// A batch is not atomic: an error may leave its first records written.
    #[pyo3(signature = (topic, messages, *, partition=None))]
    fn publish_batch<'py>(&self, topic: &Topic<'py>, messages: Batch, partition: Option<Partition>) -> Given<'py> {
        let partition = partition.map(|number| number.0);
        let operation = PublishBatch { topic: topic.to_str()?, partition, records: messages.records() };
        self.handle.call(topic.py(), &operation, Form::Plain)
    }

    /// Reads at most `max_messages` records of a partition from `offset` on, as a list of Message.
    ///
    /// The list is shorter where the partition ends or the answer would become
    /// too large, and empty at the end. Below the first offset it begins there.
    ///
    /// Raises ServerException with the code UNKNOWN_TOPIC_OR_PARTITION.
    fn consume<'py>(
        &self,
        topic: &Topic<'py>,
        partition: Partition,
        offset: Offset,
        max_messages: MaxMessages,
    ) -> Given<'py> {
        self.read(topic, (partition, offset, max_messages), (None, None))
    }

    /// Reads like `consume`, at an isolation level.
    ///
    /// The level 0, or None, shows all records, 1 hides those of aborted
    /// transactions and those after an open one.
    fn consume_with_isolation<'py>(
        &self,
        topic: &Topic<'py>,
        partition: Partition,
        offset: Offset,
        max_messages: MaxMessages,
        isolation_level: Option<IsolationLevel>,
    ) -> Given<'py> {
        self.read(topic, (partition, offset, max_messages), (isolation_level, None))
    }

    /// Reads like `consume`, but hides the records of aborted transactions.
    fn consume_read_committed<'py>(
        &self,
        topic: &Topic<'py>,
        partition: Partition,
        offset: Offset,
        max_messages: MaxMessages,
    ) -> Given<'py> {
        self.read(topic, (partition, offset, max_messages), (Some(IsolationLevel(1)), None))
    }

    /// Reads like `consume`, but the broker waits for a first record if there is none.
    ///
    /// It waits at most `max_wait`, in seconds or a timedelta, and never longer
    /// than 30 s; then the list is empty. `isolation_level` is as in
    /// `consume_with_isolation`.
    #[pyo3(signature = (topic, partition, offset, max_messages, max_wait, *, isolation_level=None))]
    fn consume_long_poll<'py>(
        &self,
        topic: &Topic<'py>,
        partition: Partition,
        offset: Offset,
        max_messages: MaxMessages,
        max_wait: Seconds,
        isolation_level: Option<IsolationLevel>,
    ) -> Given<'py> {
        self.read(topic, (partition, offset, max_messages), (isolation_level, Some(max_wait)))
    }

    /// Reads many partitions with one wait.
    ///
    /// `fetches` is a list of (topic, partition, offset, max_messages) tuples; a
    /// fifth item is the isolation level, as in `consume_with_isolation`.
    /// Gives a list with one entry for each, in their order: a list of Message,
    /// or the exception with which this one failed.
    fn consume_pipelined<'py>(&self, py: Python<'py>, fetches: Each<Bound<'py, PyTuple>>) -> Given<'py> {
        let fetches = fetches.0.iter().map(single_fetch).collect::<PyResult<Vec<_>>>()?;
        let operations = fetches
            .iter()
            .map(|(topic, partition, offset, max, level)| {
                Ok(fetch(topic.to_str()?, (*partition, *offset, *max), (*level, None)))
            })
            .collect::<PyResult<Vec<_>>>()?;
        let topics = fetches.iter().map(|(topic, ..)| topic.clone().unbind()).collect();
        self.handle.call(py, &ConsumePipelined(&operations), Form::OfEach(topics))
    }

    /// Adds partitions to a topic until it has `new_total`, and gives their number.
    ///
    /// Keys may belong to other partitions afterwards.
    ///
    /// Raises ServerException with the code INVALID_PARTITIONS if the topic has
    /// so many already, UNKNOWN_TOPIC_OR_PARTITION.
    fn create_partitions<'py>(&self, topic: &Topic<'py>, new_total: NewTotal) -> Given<'py> {
        let NewTotal(count) = new_total;
        self.handle.call(topic.py(), &CreatePartitions { topic: topic.to_str()?, count }, Form::Plain)
    }

    /// Gives the settings of a topic as a dict from key to TopicConfigValue.
    ///
    /// A value is a str that also has `is_default`, `is_read_only` and
    /// `is_sensitive`. For a list of topics it gives a dict from topic to such a
    /// dict, for an empty list that of all topics with changed settings. The
    /// broker answers for unknown topics with the defaults.
    fn describe_topic_configs<'py>(&self, py: Python<'py>, topic: Topics<'py>) -> Given<'py> {
        match topic {
            Topics::One(topic) => {
                let topics = [topic.to_str()?];
                let form = Form::SettingsOf(topic.clone().unbind());
                self.handle.call(py, &DescribeTopicConfigs { topics: &topics }, form)
            }
            Topics::Many(topics) => self.handle.call(py, &DescribeTopicConfigs { topics: &topics }, Form::Plain),
        }
    }

    /// Changes settings of a topic and gives how many.
    ///
    /// `configs` is a list of (key, value) tuples or a dict; the value None
    /// takes the default back. A single setting can be given as
    /// `alter_topic_config(topic, key, value)`. The changes are not made
    /// together: those before a bad one stay.
    ///
    /// Raises ServerException with the code INVALID_TOPIC_CONFIG, or
    /// UNKNOWN_TOPIC_OR_PARTITION.
    #[pyo3(signature = (topic, configs, *value))]
    fn alter_topic_config<'py>(
        &self,
        topic: &Topic<'py>,
        configs: Settings,
        value: &Bound<'py, PyTuple>,
    ) -> Given<'py> {
        let settings = configs.with_value(single(value)?)?;
        let configs: Vec<_> = settings.iter().map(|(key, Setting(value))| (&**key, value.as_deref())).collect();
        self.handle.call(topic.py(), &AlterTopicConfig { topic: topic.to_str()?, configs: &configs }, Form::Plain)
    }

    /// Deletes the records of a partition below an offset, and gives the low watermark.
    ///
    /// That is the first offset left. Broker release 0.0.22 forgets the
    /// deletion when it restarts, unless whole segments went.
    ///
    /// Raises ServerException with the code OFFSET_OUT_OF_RANGE, or
    /// UNKNOWN_TOPIC_OR_PARTITION.
    fn delete_records<'py>(&self, topic: &Topic<'py>, partition: Partition, before_offset: BeforeOffset) -> Given<'py> {
        let name = topic.to_str()?;
        let (partition, before) = (partition.0, before_offset.0);
        let form = Form::Watermark(format!("delete records of {name}/{partition} below {before}"));
        self.handle.call(topic.py(), &DeleteRecords { topic: name, before: &[(partition, before)] }, form)
    }

    /// Deletes the records of many partitions of a topic, each below an offset.
    ///
    /// `partition_offsets` is a list of (partition, before_offset) tuples or a
    /// dict. Gives a list of DeletedRecords, which are tuples (partition,
    /// low_watermark, error): the error is None, or the broker's text for a
    /// partition that it refused. See `delete_records`.
    fn delete_records_batch<'py>(
        &self,
        topic: &Topic<'py>,
        partition_offsets: Pairs<(Partition, BeforeOffset)>,
    ) -> Given<'py> {
        let Pairs(pairs) = partition_offsets;
        let before: Vec<_> = pairs.into_iter().map(|(Partition(number), BeforeOffset(at))| (number, at)).collect();
        self.handle.call(topic.py(), &DeleteRecords { topic: topic.to_str()?, before: &before }, Form::Plain)
    }

    /// Gives the first offset whose record the broker received at or after a time; None if there is none.
    ///
    /// `timestamp_ms` is in milliseconds since 1970. It may be the offset of a
    /// deleted record, and costs the broker a full scan.
    ///
    /// Raises ServerException with the code UNKNOWN_TOPIC_OR_PARTITION.
    fn get_offset_for_timestamp<'py>(
        &self,
        topic: &Topic<'py>,
        partition: Partition,
        timestamp_ms: TimestampMs,
    ) -> Given<'py> {
        let (partition, timestamp_ms) = (partition.0, timestamp_ms.0);
        let operation = GetOffsetForTimestamp { topic: topic.to_str()?, partition, timestamp_ms };
        self.handle.call(topic.py(), &operation, Form::Plain)
    }

    /// Gives the ClusterMetadata: brokers, and topics with the leaders of their partitions.
    ///
    /// `topics` are those wanted, by default all. A standalone broker names
    /// itself and no topics.
    #[pyo3(signature = (topics=None))]
    fn get_cluster_metadata<'py>(&self, py: Python<'py>, topics: Option<Each<String>>) -> Given<'py> {
        let topics = topics.map_or_else(Vec::new, |Each(topics)| topics);
        self.handle.call(py, &GetClusterMetadata { topics: &topics }, Form::Plain)
    }

    /// Stores the next offset that a group is to read in a partition.
    ///
    /// The broker checks neither membership nor generation, and lets the
    /// offset go back. A crash of the broker may lose up to 49 commits.
    ///
    /// Raises ServerException with the code OFFSET_OUT_OF_RANGE beyond the end
    /// of the partition, or UNKNOWN_TOPIC_OR_PARTITION. `group_id` is another
    /// name of `group`.
    #[pyo3(signature = (group=None, topic=None, partition=None, offset=None, *, group_id=None))]
    fn commit_offset<'py>(
        &self,
        py: Python<'py>,
        group: Option<&str>,
        topic: Option<&str>,
        partition: Option<Partition>,
        offset: Option<Offset>,
        group_id: Option<&str>,
    ) -> Given<'py> {
        let (group, topic) = (arguments::group(group, group_id)?, given(topic, "topic")?);
        let (partition, offset) = (given(partition, "partition")?.0, given(offset, "offset")?.0);
        self.handle.call(py, &CommitOffset { group, topic, partition, offset }, Form::Plain)
    }

    /// Stores many offsets of a group with one wait.
    ///
    /// `offsets` is a list of (topic, partition, offset) tuples. Gives a list
    /// with one entry for each, in their order: None, or the exception with
    /// which this one failed. See `commit_offset`.
    fn commit_offsets_pipelined<'py>(
        &self,
        py: Python<'py>,
        group: &str,
        offsets: Each<(PyBackedStr, Partition, Offset)>,
    ) -> Given<'py> {
        let Each(offsets) = offsets;
        let commits: Vec<_> = offsets
            .iter()
            .map(|(topic, Partition(partition), Offset(offset))| CommitOffset {
                group,
                topic,
                partition: *partition,
                offset: *offset,
            })
            .collect();
        self.handle.call(py, &CommitOffsetsPipelined(&commits), Form::Plain)
    }

    /// Gives the offset that a group has committed for a partition; None if there is none.
    ///
    /// `group_id` is another name of `group`.
    #[pyo3(signature = (group=None, topic=None, partition=None, *, group_id=None))]
    fn get_offset<'py>(
        &self,
        py: Python<'py>,
        group: Option<&str>,
        topic: Option<&str>,
        partition: Option<Partition>,
        group_id: Option<&str>,
    ) -> Given<'py> {
        let (group, topic) = (arguments::group(group, group_id)?, given(topic, "topic")?);
        self.handle.call(py, &GetOffset { group, topic, partition: given(partition, "partition")?.0 }, Form::Plain)
    }

    /// Gives the names of the groups that have committed offsets, as a list of str in no order.
    fn list_groups<'py>(&self, py: Python<'py>) -> Given<'py> {
        self.handle.call(py, &ListGroups, Form::Plain)
    }

    /// Gives the committed offsets of a group, as a dict from topic to a dict from partition to offset.
    ///
    /// Raises ServerException with the code GROUP_NOT_FOUND if it has none.
    /// `group_id` is another name of `group`.
    #[pyo3(signature = (group=None, *, group_id=None))]
    fn describe_group<'py>(&self, py: Python<'py>, group: Option<&str>, group_id: Option<&str>) -> Given<'py> {
        self.handle.call(py, &DescribeGroup { group: arguments::group(group, group_id)? }, Form::Plain)
    }

    /// Deletes the committed offsets of a group.
    ///
    /// Raises ServerException with the code GROUP_NOT_FOUND if it has none.
    /// `group_id` is another name of `group`.
    #[pyo3(signature = (group=None, *, group_id=None))]
    fn delete_group<'py>(&self, py: Python<'py>, group: Option<&str>, group_id: Option<&str>) -> Given<'py> {
        self.handle.call(py, &DeleteGroup { group: arguments::group(group, group_id)? }, Form::Plain)
    }

    /// Joins a group and gives the GroupMembership; the broker answers at once and does not wait for others.
    ///
    /// `subscriptions` are the topics that the member wants to read. `member`
    /// is its id, empty for a new member, which is given one. A member that
    /// sends no heartbeat for the session timeout is dropped; both timeouts are
    /// in seconds or timedeltas, and the group's first member decides for all.
    ///
    /// This and the other steps of membership are for programs that do by hand
    /// what a consumer does by itself.
    #[pyo3(signature = (
        group, subscriptions, member="", *, session_timeout=Seconds(SESSION), rebalance_timeout=Seconds(REBALANCE),
        protocol_type="consumer"
    ), text_signature = "($self, group, subscriptions, member='', *, session_timeout=10.0, rebalance_timeout=30.0, protocol_type='consumer')")]
    #[allow(clippy::too_many_arguments)]
    fn join_group<'py>(
        &self,
        py: Python<'py>,
        group: &str,
        subscriptions: Each<String>,
        member: &str,
        session_timeout: Seconds,
        rebalance_timeout: Seconds,
        protocol_type: &str,
    ) -> Given<'py> {
        let Each(subscriptions) = &subscriptions;
        let session_timeout_ms = session_timeout.milliseconds("session_timeout")?;
        let rebalance_timeout_ms = rebalance_timeout.milliseconds("rebalance_timeout")?;
        let operation =
            JoinGroup { group, member, session_timeout_ms, rebalance_timeout_ms, protocol_type, subscriptions };
        self.handle.call(py, &operation, Form::Plain)
    }

    /// Gives a member's partitions as a dict from topic to a list; the leader hands in everybody's.
    ///
    /// `generation` and `member` are those that joining gave. `assignments` is
    /// from the leader a dict from member to a dict from topic to partitions,
    /// or lists of such tuples, and empty from others, whose call waits until
    /// the leader has called, at most 30 s.
    ///
    /// Raises ServerException with the code ILLEGAL_GENERATION,
    /// UNKNOWN_MEMBER_ID or REBALANCE_IN_PROGRESS.
    #[pyo3(signature = (group, generation, member, assignments=None))]
    fn sync_group<'py>(
        &self,
        py: Python<'py>,
        group: &str,
        generation: Generation,
        member: &str,
        assignments: Option<Pairs<Assigned>>,
    ) -> Given<'py> {
        let assignments: Vec<_> = assignments
            .map_or_else(Vec::new, |Pairs(assignments)| assignments)
            .into_iter()
            .map(|(member, Pairs(topics))| (member, topics.into_iter().map(of_topic).collect()))
            .collect();
        let operation = SyncGroup { group, generation: generation.0, member, assignments: &assignments };
        self.handle.call(py, &operation, Form::Plain)
    }

    /// Keeps a membership alive; gives 0 in a stable group, 27 while the leader has not synced.
    ///
    /// Raises ServerException with the code ILLEGAL_GENERATION or
    /// UNKNOWN_MEMBER_ID.
    fn heartbeat<'py>(&self, py: Python<'py>, group: &str, generation: Generation, member: &str) -> Given<'py> {
        self.handle.call(py, &Heartbeat { group, generation: generation.0, member }, Form::Plain)
    }

    /// Leaves a group.
    ///
    /// Raises ServerException with the code UNKNOWN_MEMBER_ID or UNKNOWN_GROUP.
    fn leave_group<'py>(&self, py: Python<'py>, group: &str, member: &str) -> Given<'py> {
        self.handle.call(py, &LeaveGroup { group, member }, Form::Plain)
    }

    /// Takes a given member out of a group, as if it had left.
    ///
    /// Raises as `leave_group` does.
    fn remove_member<'py>(&self, py: Python<'py>, group: &str, member: &str) -> Given<'py> {
        self.handle.call(py, &LeaveGroup { group, member }, Form::Plain)
    }

    /// Gives the quotas of entities as a list of QuotaEntry; of all that have some by default.
    ///
    /// `entities` is a list of (type, name) tuples; the type is "user",
    /// "client-id", "consumer-group" or "default", the name None stands for the
    /// default of the type. Broker release 0.0.22 stores and shows quotas, but
    /// limits all clients together by its defaults.
    #[pyo3(signature = (entities=None))]
    fn describe_quotas<'py>(&self, py: Python<'py>, entities: Option<Pairs<(String, Option<String>)>>) -> Given<'py> {
        let entities = entities.map_or_else(Vec::new, |Pairs(entities)| entities);
        self.handle.call(py, &DescribeQuotas { entities: &entities }, Form::Plain)
    }

    /// Sets or removes quotas and gives how many were changed.
    ///
    /// `alterations` is a list of (type, name, key, value) tuples; type and name
    /// as in `describe_quotas`, the key is "produce_bytes_rate",
    /// "consume_bytes_rate" or "request_rate", the value None removes the quota.
    /// The broker passes over unknown types and keys without an error: compare
    /// the number.
    fn alter_quotas<'py>(&self, py: Python<'py>, alterations: Each<Alteration>) -> Given<'py> {
        let Each(alterations) = alterations;
        let alterations: Vec<_> = alterations.into_iter().map(alteration).collect();
        self.handle.call(py, &AlterQuotas { alterations: &alterations }, Form::Plain)
    }

    /// Registers a schema at a registry and gives its id.
    ///
    /// `url` is that of the registry, such as "http://host:8081".
    /// `schema_type` is "AVRO", "PROTOBUF" or "JSON". The registry is asked by
    /// HTTP, apart from the brokers.
    fn register_schema<'py>(
        &self,
        py: Python<'py>,
        url: &str,
        subject: &str,
        schema_type: &str,
        schema: &str,
    ) -> Given<'py> {
        self.handle.call(py, &RegisterSchema { url, subject, schema_type, schema }, Form::Plain)
    }

    /// Gives the Schema that a registry has under an id.
    fn get_schema<'py>(&self, py: Python<'py>, url: &str, id: SchemaId) -> Given<'py> {
        self.handle.call(py, &GetSchema { url, id: id.0 }, Form::Plain)
    }

    /// Gives a version of the Schema of a subject, by default the latest.
    #[pyo3(signature = (url, subject, version=None))]
    fn get_schema_version<'py>(
        &self,
        py: Python<'py>,
        url: &str,
        subject: &str,
        version: Option<SchemaVersion>,
    ) -> Given<'py> {
        let version = version.map(|number| number.0);
        self.handle.call(py, &GetSchemaVersion { url, subject, version }, Form::Plain)
    }

    /// Gives the ClientStats: the servers of the client and their connections at this moment.
    fn stats<'py>(&self, py: Python<'py>) -> Given<'py> {
        self.handle.call(py, &Stats, Form::Plain)
    }

    /// Gives the changes of the client's servers from now on, to iterate over.
    ///
    /// They are ServerDegraded when a server stops working, and again when
    /// another attempt failed, ServerRecovered when it works again, and
    /// StateChangesMissed in place of what was left unread for too long. The
    /// iteration ends when the client is closed. Each call gives a stream of
    /// its own.
    fn state_changes<'py>(&self, py: Python<'py>) -> Given<'py> {
        state_changes::stream(py, &self.handle)
    }

    /// Asks the broker for a sign of life.
    fn ping<'py>(&self, py: Python<'py>) -> Given<'py> {
        self.handle.call(py, &Ping, Form::Plain)
    }

    /// Logs in with the password itself; gives (session_id, expires_in), the latter in seconds.
    ///
    /// It needs TLS: without, it is refused before a byte of the password is
    /// sent. The login holds for the connection in use and every later one, and
    /// is renewed before it expires. Credentials that the broker refuses are
    /// not kept; those used before stay in use.
    ///
    /// Raises ServerException with the code AUTHENTICATION_FAILED for a wrong
    /// password, an unknown user (brokers do not tell which) and a broker that
    /// runs without authentication; ConfigException with the code
    /// AUTHENTICATION_REQUIRES_TLS.
    fn authenticate<'py>(&self, py: Python<'py>, username: Credential, password: Credential) -> Given<'py> {
        self.handle.log_in(py, &AuthConfig::plain(username, password))
    }

    /// Logs in by SCRAM-SHA-256; gives (session_id, expires_in), the latter in seconds.
    ///
    /// The password is never sent, so it may be used without TLS, and the
    /// broker has to prove that it knows the password too; otherwise it is like
    /// `authenticate`.
    ///
    /// Raises ServerException with the code AUTHENTICATION_FAILED, also if the
    /// broker's proof is wrong.
    fn authenticate_scram<'py>(&self, py: Python<'py>, username: Credential, password: Credential) -> Given<'py> {
        self.handle.log_in(py, &AuthConfig::new(username, password))
    }

    /// Gives a producer that sends to this topic, with the client's servers, login and TLS.
    ///
    /// It can be used at once and connects then; awaiting it waits for that.
    /// `batch_size` is in bytes of records, `linger_ms` is how long a batch that
    /// is not full waits for more. Further keywords are configuration keys of
    /// producers with underscores; a key that is None has its default. It has
    /// connections of its own and is closed for itself.
    ///
    /// Raises ConfigException for an unknown key or a value that it does not take.
    #[pyo3(signature = (topic, batch_size=16384, linger_ms=5, **config))]
    fn producer<'py>(
        &self,
        topic: &Topic<'py>,
        batch_size: u64,
        linger_ms: u64,
        config: Option<&Bound<'py, PyDict>>,
    ) -> Given<'py> {
        let py = topic.py();
        let mut properties = self.handle.properties();
        for (name, value) in [("batch_size", batch_size), ("linger_ms", linger_ms)] {
            arguments::set(py, &mut properties, name, value.into_pyobject(py)?.as_any())?;
        }
        arguments::configure(py, &mut properties, config)?;
        producer::of_client(topic, &properties, self.handle.style())
    }

    /// Makes a consumer of a topic, with the servers, the login and the TLS of this client; nothing is to be awaited.
    ///
    /// It reads partition 0, or the one that is given; with `partition=None` it
    /// joins the group. Reading begins at `start_offset`, or else where the group
    /// has committed, or else at the first record. Without `group`, which may be called
    /// `group_id` as well, nothing is committed; with it that happens by itself
    /// unless `auto_commit` is False. `batch_size` is how many messages `fetch`
    /// gives where it is not said; further keywords are configuration keys of consumers
    /// with underscores. It has connections of its own and is closed for itself.
    ///
    /// Raises ConfigException for an unknown key or a value that it does not take.
    #[pyo3(signature = (topic, partition=Some(Partition(0)), group=None, start_offset=None, batch_size=100, auto_commit=true, *, group_id=None, **config), text_signature = "($self, topic, partition=0, group=None, start_offset=None, batch_size=100, auto_commit=True, *, group_id=None, **config)")]
    #[allow(clippy::too_many_arguments, reason = "the published package has so many")]
    fn consumer<'py>(
        &self,
        topic: &Topic<'py>,
        partition: Option<Partition>,
        group: Option<String>,
        start_offset: Option<Offset>,
        batch_size: usize,
        auto_commit: bool,
        group_id: Option<String>,
        config: Option<&Bound<'py, PyDict>>,
    ) -> Given<'py> {
        let py = topic.py();
        if group.is_some() && group_id.is_some() {
            return Err(PyTypeError::new_err("group_id is another name of group: leave out one of them"));
        }
        let group = group.or(group_id);
        if partition.is_none() && (group.is_none() || start_offset.is_some()) {
            let text = "without a partition the consumer joins a group: pass group=, and no start_offset";
            return Err(PyTypeError::new_err(text));
        }
        let mut properties = self.handle.properties();
        let commits = auto_commit && group.is_some();
        let polled = batch_size.max(FETCHED).into_pyobject(py)?;
        arguments::set(py, &mut properties, "max_poll_records", polled.as_any())?;
        arguments::set(py, &mut properties, "enable_auto_commit", commits.into_pyobject(py)?.as_any())?;
        arguments::set(py, &mut properties, "report_partition_end", true.into_pyobject(py)?.as_any())?;
        if let Some(group) = &group {
            arguments::set(py, &mut properties, "group_id", group.into_pyobject(py)?.as_any())?;
        }
        arguments::configure(py, &mut properties, config)?;
        let (partition, start_offset) = (partition.map(|number| number.0), start_offset.map(|offset| offset.0));
        let asked = Asked { topic: topic.to_str()?.to_owned(), partition, group, start_offset, batch_size };
        consumer::of_client(py, &properties, asked, self.handle.style())
    }

    /// Disconnects, after the pending calls were answered or the time is up.
    ///
    /// `timeout` is in seconds or a timedelta, by default `close_timeout_ms`
    /// of the configuration (5 s). Pending calls that are not answered by then
    /// fail. Closing twice is no error; calls afterwards fail with the code CLOSED.
    #[pyo3(signature = (timeout=None))]
    pub(crate) fn close<'py>(&self, py: Python<'py>, timeout: Option<Seconds>) -> Given<'py> {
        let limit = timeout.map(|Seconds(limit)| limit);
        let client = self.handle.client();
        match self.handle.style() {
            Style::Asyncio => {
                self.handle.submit(py, Then::Retire, |queue, token| client.submit_close(limit, queue, token))
            }
            Style::Blocking => {
                self.handle.wait(py, client.close(limit))?;
                Ok(py.None().into_bound(py))
            }
        }
    }
}

/// Partition, first offset and number of records that are to be read.
type Range = (Partition, Offset, MaxMessages);

/// Isolation level, and how long the broker may wait.
type Rest = (Option<IsolationLevel>, Option<Seconds>);

/// A partition to read: topic, partition, offset, most records, isolation level.
type Fetch<'py> = (Bound<'py, PyString>, Partition, Offset, MaxMessages, Option<IsolationLevel>);

/// A member and its partitions by topic.
type Assigned = (String, Pairs<(String, Each<Partition>)>);

/// A change of a quota: type, name, key, value.
type Alteration = (String, Option<String>, String, Option<QuotaValue>);

/// The most messages that one `fetch` of a client's consumer gives, unless its `batch_size` is more.
const FETCHED: usize = 10_000;

/// How long a member may be silent, unless it says otherwise.
const SESSION: Duration = Duration::from_secs(10);

/// How long a rebalance may take, unless a member says otherwise.
const REBALANCE: Duration = Duration::from_secs(30);

fn fetch(
    topic: &str,
    (Partition(partition), Offset(offset), MaxMessages(max)): Range,
    (level, wait): Rest,
) -> Consume<'_> {
    let (isolation_level, max_wait) = (level.map(|IsolationLevel(level)| level), wait.map(|Seconds(wait)| wait));
    Consume { topic, partition, offset, max_messages: max, isolation_level, max_wait }
}

/// A partition to read, with or without an isolation level.
fn single_fetch<'py>(fetch: &Bound<'py, PyTuple>) -> PyResult<Fetch<'py>> {
    if fetch.len() != 4 {
        return fetch.extract();
    }
    let (topic, partition, offset, max_messages) = fetch.extract()?;
    Ok((topic, partition, offset, max_messages, None))
}

/// The value after a key, if one is given.
fn single(value: &Bound<'_, PyTuple>) -> PyResult<Option<Setting>> {
    match value.len() {
        0 => Ok(None),
        1 => value.get_item(0)?.extract().map(Some),
        _ => Err(PyTypeError::new_err("a key has one value: pass several settings as a list of tuples or a dict")),
    }
}

fn of_topic((topic, Each(partitions)): (String, Each<Partition>)) -> (String, Vec<u32>) {
    (topic, partitions.into_iter().map(|number| number.0).collect())
}

fn alteration((entity_type, entity_name, quota_key, value): Alteration) -> QuotaAlteration {
    let quota_value = value.map(|value| value.0);
    QuotaAlteration { entity_type, entity_name, quota_key, quota_value }
}

fn unreplicated(topic: &str, asked: i64) -> Error {
    Error::ConfigError(Detail::from(format!(
        "create topic {topic}: replication_factor is {asked}, but this broker release has no replication: leave it out or pass 1"
    )))
}
