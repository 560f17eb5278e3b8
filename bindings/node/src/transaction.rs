//! The native half of a transaction, and of work done by transactions.
//!
//! The answers of both come by the queue of their producer.

use std::sync::Arc;

use napi::bindgen_prelude::Either;
use napi_derive::napi;
use rivven_bridge::{Answer, Queue, Transaction, Transformer, catch_panic};
use rivven_client::{Result, TransformReport};

use crate::consumer::{NativeConsumer, offsets};
use crate::failure::Failure;
use crate::operations::offsets::Commit;
use crate::operations::records::unpack;
use crate::records::Polled;

/// A transaction, and the queue of its producer.
#[napi]
pub(crate) struct NativeTransaction {
    /// Shared with calls that need a consumer, too.
    transaction: Arc<Transaction>,
    queue: Arc<Queue>,
}

impl NativeTransaction {
    pub(crate) fn new(transaction: Transaction, queue: &Arc<Queue>) -> Self {
        NativeTransaction { transaction: Arc::new(transaction), queue: Arc::clone(queue) }
    }

    /// Asks the transaction for something that it answers at once.
    fn ask<T>(&self, what: impl FnOnce(&rivven_client::Transaction) -> T) -> Either<T, Failure> {
        match catch_panic(|| Ok(what(self.transaction.core()?))) {
            Ok(answer) => Either::A(answer),
            Err(error) => Either::B(error.into()),
        }
    }

    /// Asks the transaction for something that takes time.
    fn submit<T, F>(&self, token: i64, what: impl FnOnce(Arc<rivven_client::Transaction>) -> F) -> Option<Failure>
    where
        Answer: From<T>,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        attempt(|| self.transaction.submit(&self.queue, token as u64, what))
    }
}

fn attempt(call: impl FnOnce() -> Result<()>) -> Option<Failure> {
    catch_panic(call).err().map(Failure::from)
}

#[napi]
#[allow(unreachable_pub, reason = "the macro exports only what is pub")]
impl NativeTransaction {
    /// The transactional id of the producer.
    #[napi]
    pub fn id(&self) -> Either<String, Failure> {
        self.ask(|core| core.id().to_owned())
    }

    /// The identity under which it was begun.
    #[napi]
    pub fn producer_id(&self) -> Either<u64, Failure> {
        self.ask(rivven_client::Transaction::producer_id)
    }

    /// Whether records are still taken.
    #[napi]
    pub fn is_open(&self) -> Either<bool, Failure> {
        self.ask(rivven_client::Transaction::is_open)
    }

    /// Hands a record over without an answer.
    #[napi]
    pub fn enqueue(&self, topic: String, partition: Option<u32>, key: Option<&[u8]>, value: &[u8]) -> Option<Failure> {
        attempt(|| self.transaction.enqueue(&topic, partition, key, value))
    }

    /// Sends a record.
    #[napi]
    pub fn send(
        &self,
        token: i64,
        topic: String,
        partition: Option<u32>,
        key: Option<&[u8]>,
        value: &[u8],
    ) -> Option<Failure> {
        let to = (&self.queue, token as u64);
        attempt(|| self.transaction.submit_send(&topic, partition, key, value, to))
    }

    /// Sends records, which come as those of [`publish_batch`](crate::client::NativeClient::publish_batch).
    #[napi]
    pub fn send_batch(&self, token: i64, topic: String, lengths: &[i32], bytes: &[u8]) -> Option<Failure> {
        let to = (&self.queue, token as u64);
        attempt(|| self.transaction.submit_batch(&topic, &unpack(lengths, bytes), to))
    }

    /// Waits until everything that was handed over is written.
    #[napi]
    pub fn flush(&self, token: i64) -> Option<Failure> {
        self.submit(token, |core| async move { core.flush().await })
    }

    /// Lets offsets of a group count together with the records.
    #[napi]
    pub fn send_offsets(&self, token: i64, group: String, commits: Vec<Commit>) -> Option<Failure> {
        let offsets = offsets(commits);
        self.submit(token, |core| async move { core.send_offsets(&group, &offsets).await })
    }

    /// Lets the positions of a consumer count together with the records.
    #[napi]
    pub fn send_consumer_offsets(&self, token: i64, consumer: &NativeConsumer) -> Option<Failure> {
        let transaction = Arc::clone(&self.transaction);
        attempt(|| {
            consumer.consumer.submit(&self.queue, token as u64, |consumer| async move {
                transaction.core()?.send_consumer_offsets(&consumer).await
            })
        })
    }

    /// Commits.
    #[napi]
    pub fn commit(&self, token: i64) -> Option<Failure> {
        self.submit(token, |core| async move { core.commit().await })
    }

    /// Aborts.
    #[napi]
    pub fn abort(&self, token: i64) -> Option<Failure> {
        self.submit(token, |core| async move { core.abort().await })
    }
}

/// Records that were read, and the transaction for what comes of them.
#[napi(object, object_from_js = false)]
pub(crate) struct Round {
    /// The records.
    pub polled: Polled,
    /// The transaction.
    pub transaction: NativeTransaction,
}

impl Round {
    pub(crate) fn new(round: rivven_bridge::Round, queue: &Arc<Queue>) -> Self {
        let transaction = NativeTransaction::new(round.transaction, queue);
        Round { polled: Polled::new(&round.records), transaction }
    }
}

/// What was done by transactions.
#[napi(object, object_from_js = false)]
#[allow(missing_docs, reason = "the fields are those of the report that it is made from")]
pub(crate) struct Transformed {
    pub transactions: f64,
    pub records: f64,
    pub aborted: f64,
    pub uncertain: f64,
}

impl From<TransformReport> for Transformed {
    fn from(report: TransformReport) -> Self {
        Transformed {
            transactions: report.transactions as f64,
            records: report.records as f64,
            aborted: report.aborted as f64,
            uncertain: report.uncertain as f64,
        }
    }
}

/// Work that is done by transactions, and the queue of its producer.
#[napi]
pub(crate) struct NativeTransformer {
    transformer: Transformer,
    queue: Arc<Queue>,
}

impl NativeTransformer {
    pub(crate) fn new(transformer: Transformer, queue: &Arc<Queue>) -> Self {
        NativeTransformer { transformer, queue: Arc::clone(queue) }
    }
}

#[napi]
#[allow(unreachable_pub, reason = "the macro exports only what is pub")]
impl NativeTransformer {
    /// Waits for records and begins a transaction.
    #[napi]
    pub fn next(&self, token: i64) -> Option<Failure> {
        attempt(|| self.transformer.submit_next(&self.queue, token as u64))
    }

    /// Lets what was written count.
    #[napi]
    pub fn commit(&self, token: i64) -> Option<Failure> {
        attempt(|| self.transformer.submit_commit(&self.queue, token as u64))
    }

    /// Drops what was written, for a reason.
    #[napi]
    pub fn fail(&self, token: i64, why: String) -> Option<Failure> {
        attempt(|| self.transformer.submit_fail(&why, &self.queue, token as u64))
    }

    /// What was done so far.
    #[napi]
    pub fn report(&self, token: i64) -> Option<Failure> {
        attempt(|| self.transformer.submit_report(&self.queue, token as u64))
    }
}
