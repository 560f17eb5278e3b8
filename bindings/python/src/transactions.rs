//! The single steps of idempotent and transactional publishing, written once for both styles.

use std::sync::Arc;
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::PyString;
use rivven_bridge::{
    AbortTransaction, AddOffsetsToTxn, AddPartitionsToTxn, BeginTransaction, CommitTransaction, InitProducerId,
    PublishIdempotent, PublishTransactional,
};

use crate::answer::Form;
use crate::arguments::{Each, NextOffset, Partition, Payload, PreviousProducerId, TimeoutMs};
use crate::client::Handle;
use crate::producer_state::ProducerState;

type Producer<'py> = Bound<'py, ProducerState>;
type Topic<'py> = Bound<'py, PyString>;
type Given<'py> = PyResult<Bound<'py, PyAny>>;

/// What a client can do with the identity of a producer.
///
/// A class has all its methods in one block, so these have a class of their own, which those of all other operations
/// extends. It has the client's name, as that is what errors of arguments say.
#[pyclass(frozen, subclass, name = "Client", module = "rivven._rivven")]
pub(crate) struct Transactions {
    handle: Arc<Handle>,
}

impl Transactions {
    pub(crate) fn new(handle: Arc<Handle>) -> Self {
        Transactions { handle }
    }
}

#[pymethods]
impl Transactions {
    /// Gives a producer an identity, as a ProducerState.
    ///
    /// With `previous_producer_id` that identity is taken over, and its epoch
    /// rises. Do not do so after the broker may have restarted: it counts from 1
    /// again and may have given the identity to another producer.
    #[pyo3(signature = (previous_producer_id=None))]
    fn init_producer_id<'py>(&self, py: Python<'py>, previous_producer_id: Option<PreviousProducerId>) -> Given<'py> {
        let previous = previous_producer_id.map(|number| number.0);
        self.handle.call(py, &InitProducerId { previous }, Form::Plain)
    }

    /// Appends a record once, however often it is sent, and gives its RecordMetadata.
    ///
    /// The arguments are as in `publish`. Without `partition` the key decides,
    /// or else the record goes where this producer has written least. The
    /// result says by `duplicate` that the broker had the record already; its
    /// offset is right then for the last five records of the partition number.
    /// The record belongs to no transaction, also while one is open.
    ///
    /// After an error with the outcome UNKNOWN publish the same record again: it
    /// has the same number and is not written twice. Another one raises
    /// RivvenException with the code INVALID_STATE until `abandon` is called.
    ///
    /// Raises ServerException with the code PRODUCER_FENCED if the identity was
    /// taken over, UNKNOWN_PRODUCER_ID if the broker has forgotten it or given
    /// it to another producer, OUT_OF_ORDER_SEQUENCE if it misses an earlier
    /// number; after the last two `abandon` the identity.
    #[pyo3(signature = (topic, value, producer_state, key=None, *, partition=None))]
    fn publish_idempotent<'py>(
        &self,
        topic: &Topic<'py>,
        value: Payload,
        producer_state: &Producer<'py>,
        key: Option<Payload>,
        partition: Option<Partition>,
    ) -> Given<'py> {
        let record = record(topic, partition, key.as_ref(), &value)?;
        let operation = PublishIdempotent { record, producer: producer_state.get().state() };
        self.handle.call(topic.py(), &operation, Form::of(topic))
    }

    /// Begins a transaction of a producer.
    ///
    /// The broker aborts it once it had no call for `timeout_ms` milliseconds,
    /// by default a minute; the client lets it rest a tenth of that earlier, at
    /// most a second. The name is the producer's own: another producer may have
    /// a transaction of the same name.
    ///
    /// Raises ServerException with the code INVALID_TXN_STATE if it is open
    /// already or the producer's identity was abandoned, CONCURRENT_TRANSACTIONS
    /// if the producer has another one open, PRODUCER_FENCED if it is open under
    /// another epoch, TOO_MANY_TRANSACTIONS: a broker takes five.
    #[pyo3(signature = (transactional_id, producer_state, timeout_ms=None))]
    fn begin_transaction<'py>(
        &self,
        transactional_id: &str,
        producer_state: &Producer<'py>,
        timeout_ms: Option<TimeoutMs>,
    ) -> Given<'py> {
        let timeout = timeout_ms.map(|TimeoutMs(number)| Duration::from_millis(number));
        let producer = producer_state.get().state();
        let operation = BeginTransaction { txn_id: transactional_id, producer, timeout };
        self.handle.call(producer_state.py(), &operation, Form::Plain)
    }

    /// Adds partitions to a transaction, which may write to no others; gives how many were named.
    ///
    /// `partitions` is a list of (topic, partition) tuples.
    ///
    /// Raises ServerException with the code INVALID_TXN_ID if this client has
    /// not begun the transaction with this producer or it has ended,
    /// TRANSACTION_TIMED_OUT, PRODUCER_FENCED, INVALID_TXN_STATE after a commit
    /// or an abort whose outcome is UNKNOWN; RivvenException with the code
    /// INVALID_ARGUMENT if the list is empty.
    fn add_partitions_to_txn<'py>(
        &self,
        transactional_id: &str,
        producer_state: &Producer<'py>,
        partitions: Each<(PyBackedStr, Partition)>,
    ) -> Given<'py> {
        let partitions: Vec<_> = partitions.0.iter().map(|(topic, Partition(number))| (&**topic, *number)).collect();
        let producer = producer_state.get().state();
        let operation = AddPartitionsToTxn { txn_id: transactional_id, producer, partitions: &partitions };
        self.handle.call(producer_state.py(), &operation, Form::Plain)
    }

    /// Appends a record within a transaction and gives its RecordMetadata.
    ///
    /// The arguments are as in `publish_idempotent`, but the partition has to be
    /// one that was added: the one given or that of the key, or else the one of
    /// the topic where this producer has written least. After an error with the
    /// outcome UNKNOWN publish the same record again, or abort.
    ///
    /// Raises ServerException with the code PARTITION_NOT_IN_TXN; what
    /// `add_partitions_to_txn` and `publish_idempotent` raise.
    #[pyo3(signature = (transactional_id, topic, value, producer_state, key=None, *, partition=None))]
    fn publish_transactional<'py>(
        &self,
        transactional_id: &str,
        topic: &Topic<'py>,
        value: Payload,
        producer_state: &Producer<'py>,
        key: Option<Payload>,
        partition: Option<Partition>,
    ) -> Given<'py> {
        let record = record(topic, partition, key.as_ref(), &value)?;
        let producer = producer_state.get().state();
        let operation = PublishTransactional { txn_id: transactional_id, record, producer };
        self.handle.call(topic.py(), &operation, Form::of(topic))
    }

    /// Stores the next offsets that a group is to read; they count once the transaction is committed.
    ///
    /// `offsets` is a list of (topic, partition, offset) tuples.
    ///
    /// Raises RivvenException with the code INVALID_ARGUMENT for a negative
    /// offset or an empty list, ServerException with the code INVALID_GROUP_ID;
    /// what `add_partitions_to_txn` raises.
    fn add_offsets_to_txn<'py>(
        &self,
        transactional_id: &str,
        producer_state: &Producer<'py>,
        group: &str,
        offsets: Each<(PyBackedStr, Partition, NextOffset)>,
    ) -> Given<'py> {
        let Each(offsets) = &offsets;
        let offsets: Vec<_> = offsets.iter().map(|(topic, number, offset)| (&**topic, number.0, offset.0)).collect();
        let producer = producer_state.get().state();
        let operation = AddOffsetsToTxn { txn_id: transactional_id, producer, group, offsets: &offsets };
        self.handle.call(producer_state.py(), &operation, Form::Plain)
    }

    /// Commits a transaction: its records and offsets count.
    ///
    /// An error with the outcome UNKNOWN leaves open whether it was committed.
    ///
    /// Raises ServerException with the code INVALID_TXN_ID if the broker has no
    /// such open transaction, also because it was committed before,
    /// TRANSACTION_TIMED_OUT: the broker aborts it, PRODUCER_FENCED,
    /// COMMIT_FAILED.
    fn commit_transaction<'py>(&self, transactional_id: &str, producer_state: &Producer<'py>) -> Given<'py> {
        let operation = CommitTransaction { txn_id: transactional_id, producer: producer_state.get().state() };
        self.handle.call(producer_state.py(), &operation, Form::Plain)
    }

    /// Aborts a transaction: its records and offsets do not count.
    ///
    /// Raises as `commit_transaction` does, with ABORT_FAILED in place of
    /// COMMIT_FAILED.
    fn abort_transaction<'py>(&self, transactional_id: &str, producer_state: &Producer<'py>) -> Given<'py> {
        let operation = AbortTransaction { txn_id: transactional_id, producer: producer_state.get().state() };
        self.handle.call(producer_state.py(), &operation, Form::Plain)
    }
}

fn record<'a>(
    topic: &'a Topic<'_>,
    partition: Option<Partition>,
    key: Option<&'a Payload>,
    value: &'a Payload,
) -> PyResult<rivven_bridge::Given<'a>> {
    let (topic, partition) = (topic.to_str()?, partition.map(|number| number.0));
    Ok(rivven_bridge::Given { topic, partition, key: key.map(AsRef::as_ref), value: value.as_ref() })
}
