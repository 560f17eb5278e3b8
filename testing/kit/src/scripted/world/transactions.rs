//! Transactions, as one node keeps them in memory.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::{Duration, Instant};

use rivven_client::protocol::{Request, Response};

use super::log::TransactionNumber;
use super::{Answer, Call, World, answer};

/// Open transactions that a broker allows.
const MOST_OPEN: usize = 5;

/// How long a transaction may be idle where its producer does not say.
const DEFAULT_TIMEOUT_MS: u64 = 60_000;

/// The transactions of a node.
#[derive(Debug, Default)]
pub(super) struct Transactions {
    begun: TransactionNumber,
    /// By producer id: a producer has one at most.
    open: HashMap<u64, Transaction>,
    aborted: HashSet<TransactionNumber>,
}

#[derive(Debug)]
struct Transaction {
    number: TransactionNumber,
    txn_id: String,
    epoch: u16,
    timeout: Duration,
    expires: Instant,
    /// Timed out and noticed: nothing can be done with it any more.
    dead: bool,
    added: BTreeSet<(String, u32)>,
    written: BTreeSet<(String, u32)>,
    /// Group, topic, partition, offset.
    offsets: Vec<(String, String, u32, u64)>,
}

impl Transactions {
    fn begin(&mut self, id: u64, epoch: u16, txn_id: &str, timeout_ms: u64, now: Instant) -> Result<(), String> {
        if let Some(open) = self.open.get(&id) {
            if open.epoch != epoch {
                return Err(format!("PRODUCER_FENCED: epoch {epoch} is not {}", open.epoch));
            }
            if open.txn_id != txn_id {
                return Err(format!("CONCURRENT_TRANSACTIONS: {} is open", open.txn_id));
            }
            if !open.dead {
                return Ok(());
            }
        } else if self.open.len() >= MOST_OPEN {
            return Err("TRANSACTION_ERROR: TooManyTransactions".into());
        }
        self.begun += 1;
        let timeout = Duration::from_millis(timeout_ms);
        let transaction = Transaction {
            number: self.begun,
            txn_id: txn_id.to_owned(),
            epoch,
            timeout,
            expires: now + timeout,
            dead: false,
            added: BTreeSet::new(),
            written: BTreeSet::new(),
            offsets: Vec::new(),
        };
        self.open.insert(id, transaction);
        Ok(())
    }

    /// The open transaction of a call.
    fn find(&mut self, id: u64, epoch: u16, txn_id: &str, now: Instant) -> Result<&mut Transaction, String> {
        let open = self.open.get_mut(&id).filter(|open| open.txn_id == txn_id);
        let open = open.ok_or_else(|| format!("INVALID_TXN_ID: {txn_id}"))?;
        if open.epoch != epoch {
            return Err(format!("PRODUCER_FENCED: epoch {epoch} is not {}", open.epoch));
        }
        if open.dead {
            return Err("INVALID_TXN_STATE: transaction in Dead, expected Ongoing".into());
        }
        if now >= open.expires {
            open.dead = true;
            return Err("TRANSACTION_TIMED_OUT".into());
        }
        open.expires = now + open.timeout;
        Ok(open)
    }

    /// Notes that a record goes to a partition.
    pub(super) fn publish(
        &mut self,
        id: u64,
        epoch: u16,
        txn_id: &str,
        topic: &str,
        partition: u32,
        now: Instant,
    ) -> Result<TransactionNumber, String> {
        if self.open.get(&id).is_none_or(|open| open.txn_id != txn_id) {
            return Err("TRANSACTION_ERROR: InvalidTransactionId".into());
        }
        let open = self.find(id, epoch, txn_id, now)?;
        let place = (topic.to_owned(), partition);
        if !open.added.contains(&place) {
            return Err(format!("PARTITION_NOT_IN_TXN: {topic}/{partition}"));
        }
        open.written.insert(place);
        Ok(open.number)
    }

    /// Whether the records of a transaction are hidden from those who read what is committed.
    pub(super) fn is_aborted(&self, number: TransactionNumber) -> bool {
        self.aborted.contains(&number)
    }
}

impl World {
    pub(super) fn transact(&mut self, call: &Call, request: &Request) -> Answer {
        use Request::*;
        let node = &mut self.nodes[call.node];
        match request {
            InitProducerId { producer_id } => {
                let (producer_id, producer_epoch) = node.producers.init(*producer_id);
                answer(Response::ProducerIdInitialized { producer_id, producer_epoch })
            }
            BeginTransaction { txn_id, producer_id, producer_epoch, timeout_ms } => {
                let timeout_ms = timeout_ms.unwrap_or(DEFAULT_TIMEOUT_MS);
                node.transactions.begin(*producer_id, *producer_epoch, txn_id, timeout_ms, call.now)?;
                answer(Response::TransactionStarted { txn_id: txn_id.clone() })
            }
            AddPartitionsToTxn { txn_id, producer_id, producer_epoch, partitions } => {
                let open = node.transactions.find(*producer_id, *producer_epoch, txn_id, call.now)?;
                open.added.extend(partitions.iter().cloned());
                let partition_count = partitions.len();
                answer(Response::PartitionsAddedToTxn { txn_id: txn_id.clone(), partition_count })
            }
            AddOffsetsToTxn { txn_id, producer_id, producer_epoch, group_id, offsets } => {
                let open = node.transactions.find(*producer_id, *producer_epoch, txn_id, call.now)?;
                let entry = |(topic, partition, offset): &(String, u32, i64)| {
                    (group_id.clone(), topic.clone(), *partition, *offset as u64)
                };
                open.offsets.extend(offsets.iter().map(entry));
                answer(Response::OffsetsAddedToTxn { txn_id: txn_id.clone() })
            }
            CommitTransaction { txn_id, producer_id, producer_epoch } => {
                let transaction = self.end_transaction(call, *producer_id, *producer_epoch, txn_id)?;
                self.mark(&transaction.added);
                for (group, topic, partition, offset) in &transaction.offsets {
                    self.nodes[call.node].offsets.commit(group, topic, *partition, *offset);
                }
                answer(Response::TransactionCommitted { txn_id: txn_id.clone() })
            }
            AbortTransaction { txn_id, producer_id, producer_epoch } => {
                let transaction = self.end_transaction(call, *producer_id, *producer_epoch, txn_id)?;
                self.nodes[call.node].transactions.aborted.insert(transaction.number);
                self.mark(&transaction.written);
                answer(Response::TransactionAborted { txn_id: txn_id.clone() })
            }
            _ => Err("INTERNAL_ERROR: Unexpected request type".into()),
        }
    }

    fn end_transaction(&mut self, call: &Call, id: u64, epoch: u16, txn_id: &str) -> Result<Transaction, String> {
        let transactions = &mut self.nodes[call.node].transactions;
        transactions.find(id, epoch, txn_id, call.now)?;
        transactions.open.remove(&id).ok_or_else(|| format!("INVALID_TXN_ID: {txn_id}"))
    }

    /// Writes a marker to each of the partitions that exist.
    fn mark(&mut self, places: &BTreeSet<(String, u32)>) {
        for (topic, partition) in places {
            if let Some(log) = self.topics.partition_mut(topic, *partition) {
                log.append_marker();
            }
        }
    }
}
