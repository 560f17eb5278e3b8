//! The steps of a transaction.
//!
//! A transaction is known by the identity of its producer and a name of its own. It is local to the broker that began
//! it, which keeps it in memory; see `docs/transactions.md` for what broker release 0.0.22 makes of it.

use std::time::Duration;

use super::producers::ECHO;
use crate::protocol::{EncodeError, Operation, Purpose, RequestFrame, Response, check_topic_name, encode, list};

/// Who acts in which transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InTransaction<'a> {
    /// The name of the transaction.
    pub txn_id: &'a str,
    /// The identity of the producer.
    pub producer_id: u64,
    /// Its epoch.
    pub producer_epoch: u16,
}

/// Begins a transaction; beginning one again that is open changes nothing.
#[derive(Debug, Clone, Copy)]
pub struct BeginTransaction<'a> {
    /// The transaction.
    pub txn: InTransaction<'a>,
    /// How long it may be idle before the broker aborts it; by default one minute.
    pub timeout: Option<Duration>,
}

impl Operation for BeginTransaction<'_> {
    type Output = ();

    const REPEATABLE: bool = true;

    fn encode(&self) -> Result<RequestFrame, EncodeError> {
        let InTransaction { txn_id, producer_id, producer_epoch } = self.txn;
        let timeout_ms = self.timeout.map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
        RequestFrame::new(&encode::BeginTransaction { txn_id, producer_id, producer_epoch, timeout_ms })
    }

    fn decode(response: Response) -> Result<(), Response> {
        take!(response, Response::TransactionStarted { .. } => ())
    }
}

/// Announces partitions that a transaction is to write to; nothing can be written to others.
#[derive(Debug, Clone, Copy)]
pub struct AddPartitionsToTxn<'a, T> {
    /// The transaction.
    pub txn: InTransaction<'a>,
    /// Topics and partitions; the broker does not check that there are such.
    pub partitions: &'a [(T, u32)],
}

impl<T: AsRef<str>> Operation for AddPartitionsToTxn<'_, T> {
    /// How many were named.
    type Output = usize;

    const REPEATABLE: bool = true;

    fn encode(&self) -> Result<RequestFrame, EncodeError> {
        if self.partitions.is_empty() {
            return Err(EncodeError::NoEntries { what: "partitions" });
        }
        self.partitions.iter().try_for_each(|(topic, _)| check_topic_name(topic.as_ref()))?;
        let InTransaction { txn_id, producer_id, producer_epoch } = self.txn;
        let partitions = list(self.partitions.iter().map(|(topic, partition)| (topic.as_ref(), *partition)));
        RequestFrame::new(&encode::AddPartitionsToTxn { txn_id, producer_id, producer_epoch, partitions: &partitions })
    }

    fn decode(response: Response) -> Result<usize, Response> {
        take!(response, Response::PartitionsAddedToTxn { partition_count, .. } => partition_count)
    }
}

/// Appends a record within a transaction, under a sequence number as [`IdempotentPublish`](super::IdempotentPublish).
#[derive(Debug, Clone, Copy)]
pub struct TransactionalPublish<'a> {
    /// The transaction.
    pub txn: InTransaction<'a>,
    /// The topic.
    pub topic: &'a str,
    /// The partition, which was added to the transaction.
    pub partition: u32,
    /// The key; empty is a key too.
    pub key: Option<&'a [u8]>,
    /// The value.
    pub value: &'a [u8],
    /// The number of the record.
    pub sequence: i32,
}

/// What the broker says of a record of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TransactionallyPublished {
    /// The offset of the record; of one that was sent again it is right only for the last five numbers.
    pub offset: u64,
    /// The partition.
    pub partition: u32,
    /// The number of the record.
    pub sequence: i32,
}

impl Operation for TransactionalPublish<'_> {
    type Output = TransactionallyPublished;

    const REPEATABLE: bool = true;
    const ECHO: Duration = ECHO;

    fn encode(&self) -> Result<RequestFrame, EncodeError> {
        check_topic_name(self.topic)?;
        let TransactionalPublish { topic, key, value, sequence, .. } = *self;
        let InTransaction { txn_id, producer_id, producer_epoch } = self.txn;
        let (partition, leader_epoch) = (Some(self.partition), None);
        RequestFrame::new(&encode::TransactionalPublish {
            txn_id,
            topic,
            partition,
            key,
            value,
            producer_id,
            producer_epoch,
            sequence,
            leader_epoch,
        })
    }

    fn decode(response: Response) -> Result<TransactionallyPublished, Response> {
        take!(response, Response::TransactionalPublished { offset, partition, sequence } => {
            TransactionallyPublished { offset, partition, sequence }
        })
    }

    fn purpose(&self) -> Purpose {
        Purpose::Produce
    }
}

/// Stores offsets of a group together with a transaction: they count once it is committed.
#[derive(Debug, Clone, Copy)]
pub struct AddOffsetsToTxn<'a, T> {
    /// The transaction.
    pub txn: InTransaction<'a>,
    /// The group.
    pub group: &'a str,
    /// Topic, partition and the next offset to read; the broker checks none of them.
    pub offsets: &'a [(T, u32, i64)],
}

impl<T: AsRef<str>> Operation for AddOffsetsToTxn<'_, T> {
    type Output = ();

    const REPEATABLE: bool = true;

    fn encode(&self) -> Result<RequestFrame, EncodeError> {
        crate::protocol::check_group_name(self.group)?;
        if self.offsets.is_empty() {
            return Err(EncodeError::NoEntries { what: "offsets" });
        }
        if let Some((_, _, offset)) = self.offsets.iter().find(|(_, _, offset)| *offset < 0) {
            return Err(EncodeError::NegativeOffset(*offset));
        }
        let InTransaction { txn_id, producer_id, producer_epoch } = self.txn;
        let offsets = list(self.offsets.iter().map(|(topic, partition, offset)| (topic.as_ref(), *partition, *offset)));
        RequestFrame::new(&encode::AddOffsetsToTxn {
            txn_id,
            producer_id,
            producer_epoch,
            group_id: self.group,
            offsets: &offsets,
        })
    }

    fn decode(response: Response) -> Result<(), Response> {
        take!(response, Response::OffsetsAddedToTxn { .. } => ())
    }
}

/// Ends a transaction so that its records and offsets count.
///
/// A second commit is refused like one of a transaction that never was.
#[derive(Debug, Clone, Copy)]
pub struct CommitTransaction<'a> {
    /// The transaction.
    pub txn: InTransaction<'a>,
}

impl Operation for CommitTransaction<'_> {
    type Output = ();

    const REPEATABLE: bool = false;

    fn encode(&self) -> Result<RequestFrame, EncodeError> {
        let InTransaction { txn_id, producer_id, producer_epoch } = self.txn;
        RequestFrame::new(&encode::CommitTransaction { txn_id, producer_id, producer_epoch })
    }

    fn decode(response: Response) -> Result<(), Response> {
        take!(response, Response::TransactionCommitted { .. } => ())
    }
}

/// Ends a transaction so that its records and offsets do not count.
#[derive(Debug, Clone, Copy)]
pub struct AbortTransaction<'a> {
    /// The transaction.
    pub txn: InTransaction<'a>,
}

impl Operation for AbortTransaction<'_> {
    type Output = ();

    const REPEATABLE: bool = false;

    fn encode(&self) -> Result<RequestFrame, EncodeError> {
        let InTransaction { txn_id, producer_id, producer_epoch } = self.txn;
        RequestFrame::new(&encode::AbortTransaction { txn_id, producer_id, producer_epoch })
    }

    fn decode(response: Response) -> Result<(), Response> {
        take!(response, Response::TransactionAborted { .. } => ())
    }
}
