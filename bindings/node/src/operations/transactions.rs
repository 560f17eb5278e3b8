//! The single steps of idempotent and transactional publishing.

use napi::bindgen_prelude::BigInt;
use napi_derive::napi;
use rivven_bridge::{
    AbortTransaction, AddOffsetsToTxn, AddPartitionsToTxn, BeginTransaction, CommitTransaction, Given, InitProducerId,
    PublishIdempotent, PublishTransactional,
};

use super::offsets::Commit;
use crate::client::{NativeClient, milliseconds};
use crate::failure::Failure;
use crate::producer_state::NativeProducerState;
use crate::values::TopicPartition;

/// Where a record is to go.
#[napi(object, object_to_js = false, use_nullable = true)]
pub(crate) struct Place {
    /// The topic.
    pub topic: String,
    /// The partition; none to have it chosen.
    pub partition: Option<u32>,
}

impl Place {
    fn record<'a>(&'a self, key: Option<&'a [u8]>, value: &'a [u8]) -> Given<'a> {
        Given { topic: &self.topic, partition: self.partition, key, value }
    }
}

#[napi]
#[allow(unreachable_pub, reason = "the macro exports only what is pub")]
impl NativeClient {
    /// Gives a producer an identity, or takes over a previous one.
    #[napi]
    pub fn init_producer_id(&self, token: i64, previous: Option<BigInt>) -> Option<Failure> {
        self.submit(token, &InitProducerId { previous: previous.map(|id| id.get_u64().1) })
    }

    /// Appends a record once.
    #[napi]
    pub fn publish_idempotent(
        &self,
        token: i64,
        place: Place,
        key: Option<&[u8]>,
        value: &[u8],
        producer: &NativeProducerState,
    ) -> Option<Failure> {
        self.submit(token, &PublishIdempotent { record: place.record(key, value), producer: &producer.state })
    }

    /// Begins a transaction; `timeout` in milliseconds.
    #[napi]
    pub fn begin_transaction(
        &self,
        token: i64,
        txn_id: String,
        producer: &NativeProducerState,
        timeout: Option<f64>,
    ) -> Option<Failure> {
        let timeout = timeout.map(milliseconds);
        self.submit(token, &BeginTransaction { txn_id: &txn_id, producer: &producer.state, timeout })
    }

    /// Adds partitions to a transaction.
    #[napi]
    pub fn add_partitions_to_txn(
        &self,
        token: i64,
        txn_id: String,
        producer: &NativeProducerState,
        partitions: Vec<TopicPartition>,
    ) -> Option<Failure> {
        let partitions: Vec<_> = partitions.iter().map(|of| (of.topic.as_str(), of.partition)).collect();
        let (producer, partitions) = (&producer.state, &partitions[..]);
        self.submit(token, &AddPartitionsToTxn { txn_id: &txn_id, producer, partitions })
    }

    /// Appends a record within a transaction.
    #[napi]
    pub fn publish_transactional(
        &self,
        token: i64,
        txn_id: String,
        place: Place,
        key: Option<&[u8]>,
        value: &[u8],
        producer: &NativeProducerState,
    ) -> Option<Failure> {
        let (record, producer) = (place.record(key, value), &producer.state);
        self.submit(token, &PublishTransactional { txn_id: &txn_id, record, producer })
    }

    /// Stores offsets of a group together with a transaction.
    #[napi]
    pub fn add_offsets_to_txn(
        &self,
        token: i64,
        txn_id: String,
        producer: &NativeProducerState,
        group: String,
        offsets: Vec<Commit>,
    ) -> Option<Failure> {
        let offset = |next: &BigInt| next.get_i64().0;
        let offsets: Vec<_> = offsets.iter().map(|of| (of.topic.as_str(), of.partition, offset(&of.offset))).collect();
        let (producer, offsets) = (&producer.state, &offsets[..]);
        self.submit(token, &AddOffsetsToTxn { txn_id: &txn_id, producer, group: &group, offsets })
    }

    /// Commits a transaction.
    #[napi]
    pub fn commit_transaction(&self, token: i64, txn_id: String, producer: &NativeProducerState) -> Option<Failure> {
        self.submit(token, &CommitTransaction { txn_id: &txn_id, producer: &producer.state })
    }

    /// Aborts a transaction.
    #[napi]
    pub fn abort_transaction(&self, token: i64, txn_id: String, producer: &NativeProducerState) -> Option<Failure> {
        self.submit(token, &AbortTransaction { txn_id: &txn_id, producer: &producer.state })
    }
}
