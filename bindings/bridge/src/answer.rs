//! What is asked of a client gives one of these.

use std::collections::HashMap;

use rivven_client::ops::{
    AlterTopicConfigResult, Assignment, ClusterMetadata, GroupMembership, MessageBatch, Published, PublishedBatch,
    TopicConfigs,
};
use rivven_client::protocol::QuotaEntry;
use rivven_client::{
    AuthSession, ConsumerEvent, ConsumerRecords, DeleteRecordsResult, Deliveries, DeliveryReport, ProcessReport,
    RecordMetadata, ResilientStats, Result, Schema, StateChange, TransformReport,
};

use crate::processing::Handling;
use crate::rebalance::Rebalance;
use crate::steps::ProducerState;
use crate::transaction::{Round, Transaction};

macro_rules! answers {
    ($( $(#[doc = $doc:literal])+ $variant:ident($type:ty), )+) => {
        /// What was asked for, as it comes out of a queue.
        #[derive(Debug)]
        #[non_exhaustive]
        pub enum Answer {
            /// Done; there is nothing more to say.
            Done,
            $( $(#[doc = $doc])+ $variant($type), )+
        }

        $(
            impl From<$type> for Answer {
                fn from(output: $type) -> Self {
                    Answer::$variant(output)
                }
            }
        )+
    };
}

answers! {
    /// Where a record went.
    Published(Published),
    /// Where a batch of records went.
    PublishedBatch(PublishedBatch),
    /// Records.
    Messages(MessageBatch),
    /// Records of many partitions, each read or not.
    Fetches(Vec<Result<MessageBatch>>),
    /// Many calls, each done or not.
    Outcomes(Vec<Result<()>>),
    /// A number of partitions, or the id of a schema.
    Number(u32),
    /// How many things were changed.
    Count(usize),
    /// The code that a heartbeat gives.
    HeartbeatCode(i32),
    /// Names.
    Names(Vec<String>),
    /// Name and number of partitions of a topic.
    TopicMetadata((String, u32)),
    /// The settings of topics.
    TopicConfigs(TopicConfigs),
    /// What a change of settings did.
    TopicConfigAltered(AlterTopicConfigResult),
    /// What became of the deletion of records, by partition.
    RecordsDeleted(Vec<DeleteRecordsResult>),
    /// The brokers of the cluster and the leaders of topics.
    ClusterMetadata(ClusterMetadata),
    /// First offset, and the next one to be written.
    OffsetBounds((u64, u64)),
    /// An offset, if there is one.
    Offset(Option<u64>),
    /// The committed offsets of a group, by topic and partition.
    GroupOffsets(HashMap<String, HashMap<u32, u64>>),
    /// A membership of a group.
    Membership(GroupMembership),
    /// The partitions of a member of a group.
    Assignment(Assignment),
    /// Quotas.
    Quotas(Vec<QuotaEntry>),
    /// A login that succeeded.
    Session(AuthSession),
    /// The identity of a producer.
    ProducerState(ProducerState),
    /// Where a record went that has a number, and whether the broker had it already.
    PublishedOnce((u64, u32, bool)),
    /// Where a record of a transaction went, and its number.
    PublishedInTransaction((u64, u32, i32)),
    /// A schema.
    Schema(Schema),
    /// The servers of the client and their connections.
    Stats(ResilientStats),
    /// Where a producer's record went.
    Record(RecordMetadata),
    /// Records that were sent together, all of them delivered.
    Sent(Deliveries),
    /// What became of the records of a batch.
    Deliveries(DeliveryReport),
    /// A change of a server; `None` at the end.
    StateChange(Option<StateChange>),
    /// Records that a consumer was given.
    ConsumerRecords(ConsumerRecords),
    /// An offset.
    Position(u64),
    /// Something that happened to a consumer; `None` at the end.
    ConsumerEvent(Option<ConsumerEvent>),
    /// A change of a consumer's partitions, which waits until this is dropped.
    Rebalance(Rebalance),
    /// A record that a handler is to work on, which waits for what comes of it.
    Handling(Handling),
    /// A transaction that was begun.
    Transaction(Transaction),
    /// Where records went, in their order.
    Records(Vec<RecordMetadata>),
    /// Records that were read and the transaction for what comes of them; `None` at the end.
    Round(Option<Round>),
    /// Whether it counts.
    Counts(bool),
    /// What was done by transactions.
    Transformed(TransformReport),
    /// What handlers have done.
    Processed(ProcessReport),
}

impl From<()> for Answer {
    fn from((): ()) -> Self {
        Answer::Done
    }
}
