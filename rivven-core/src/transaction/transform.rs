//! Records read, worked on and written by transactions, so that what is written counts once.

use std::error::Error as StdError;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::time::sleep;

use super::Transaction;
use crate::consumer::{Consumer, ConsumerRecords};
use crate::error::{Detail, Error, ErrorCode, Outcome, Result};
use crate::producer::Producer;

/// What a [`Transformer`] has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct TransformReport {
    /// Transactions that were committed.
    pub transactions: u64,
    /// Records that were read in them.
    pub records: u64,
    /// Rounds that were aborted, whose records were read again.
    pub aborted: u64,
    /// Rounds of which it is not known whether they were committed, and whose offsets are not stored: their records were
    /// read again, and what was written before may count as well. This takes a restart of the broker.
    pub uncertain: u64,
}

/// Reads, and begins a transaction for each poll, whose records are read again unless it is committed.
///
/// Dropping the future of any call loses nothing: what it was about is brought to an end by the next one.
///
/// [`transform`] does with it all that is to be done. Use it by itself where that does not fit: ask for the
/// [`next`](Transformer::next) records, write what comes of them in their transaction, and [`commit`](Transformer::commit) or
/// [`fail`](Transformer::fail).
pub struct Transformer {
    consumer: Consumer,
    producer: Producer,
    round: Option<Round>,
    /// Rounds that failed since the last one that was committed.
    failures: u32,
    /// Those of them that no lost connection explains.
    faults: u32,
    report: TransformReport,
}

/// Records under way.
///
/// It stays where it is until all is done that it needs, so that futures may be dropped in between.
#[derive(Clone)]
struct Round {
    /// None before it was begun.
    transaction: Option<Arc<Transaction>>,
    /// Where each partition began.
    starts: Vec<(String, u32, u64)>,
    records: u64,
    /// Whether the offsets are in the transaction: if it counts without them, the records are read again.
    with_offsets: bool,
}

impl Transformer {
    /// One that reads from a consumer and writes by a producer, which it keeps alive.
    ///
    /// # Errors
    ///
    /// `INVALID_CONFIG` if the consumer commits by itself (`auto_commit_interval` has to be `None`), or the producer has
    /// no `transactional_id`.
    pub fn new(consumer: &Consumer, producer: &Producer) -> Result<Self> {
        let invalid = |text: &str| Err(Error::ConfigError(Detail::new(format!("transform: {text}"))));
        if consumer.config().auto_commit_interval.is_some() {
            return invalid(
                "the consumer commits offsets by itself, which would count without the records: switch that off \
                 (enable.auto.commit=false)",
            );
        }
        if producer.config().transactional_id.is_none() {
            return invalid("the producer has no transactional.id: give it one when it is made");
        }
        let (consumer, producer) = (consumer.another(), producer.another());
        Ok(Transformer { consumer, producer, round: None, failures: 0, faults: 0, report: TransformReport::default() })
    }

    /// Waits for records and begins a transaction for what is written of them; `None` once the consumer was woken up or
    /// closed.
    ///
    /// A round that was neither committed nor failed is aborted first. After failures it pauses before it reads
    /// (`process.retry.backoff.ms`).
    ///
    /// # Errors
    ///
    /// As [`Consumer::poll`] and [`Producer::begin_transaction`]; call it again if the error
    /// [may be waited out](Error::is_retriable).
    pub async fn next(&mut self) -> Result<Option<(ConsumerRecords, Arc<Transaction>)>> {
        self.undo().await;
        if self.failures > 0 {
            sleep(self.consumer.config().process.backoff().pause(self.failures, 0.5)).await;
        }
        let records = loop {
            match self.consumer.poll().await {
                Ok(records) if records.is_empty() => {}
                Ok(records) => break records,
                Err(error) if matches!(error.code(), ErrorCode::WokenUp | ErrorCode::Closed) => return Ok(None),
                Err(error) => return Err(error),
            }
        };
        let (starts, count) = (starts(&records), records.len() as u64);
        let round = self.round.insert(Round { transaction: None, starts, records: count, with_offsets: false });
        match self.producer.begin_transaction().await {
            Ok(transaction) => {
                let transaction = Arc::new(transaction);
                round.transaction = Some(Arc::clone(&transaction));
                Ok(Some((records, transaction)))
            }
            Err(error) => {
                self.undo().await;
                Err(error)
            }
        }
    }

    /// Lets what was written count, together with the position behind the records; false if that failed and the records
    /// will be read again.
    ///
    /// # Errors
    ///
    /// `INVALID_STATE` if there is nothing to commit; what cannot be mended by another attempt, or what has failed
    /// `process.retries` times in a row after the first, lost connections not counted. The records will be read again
    /// all the same.
    pub async fn commit(&mut self) -> Result<bool> {
        let (round, transaction) = self.under_way()?;
        let committed = async {
            transaction.send_consumer_offsets(&self.consumer).await?;
            self.round.iter_mut().for_each(|round| round.with_offsets = true);
            transaction.commit().await
        };
        match committed.await {
            Ok(()) => {
                self.succeeded(&round);
                Ok(true)
            }
            Err(error) => {
                let unknown = error.code() == ErrorCode::CommitFailed && error.outcome() == Outcome::Unknown;
                self.report.uncertain += u64::from(unknown);
                self.undo().await;
                let cause = cause(&error);
                let again =
                    unknown || cause.is_retriable() || cause.is_abortable() || cause.code() == ErrorCode::NotAssigned;
                let fault = !cause.is_of_connection();
                if again && self.may_try_again(fault) { Ok(false) } else { Err(error) }
            }
        }
    }

    /// Drops what was written, since the work has failed; the records will be read again.
    ///
    /// # Errors
    ///
    /// `INVALID_STATE` if nothing is under way; `PROCESSING_FAILED` once it has failed `process.retries` times in a row
    /// after the first.
    pub async fn fail(&mut self, why: &str) -> Result<()> {
        let (round, _) = self.under_way()?;
        let place = round.starts.first().map_or_else(String::new, |(topic, partition, offset)| {
            format!(" of records from {topic}/{partition} at offset {offset} on")
        });
        self.undo().await;
        if self.may_try_again(true) {
            return Ok(());
        }
        let text = format!("transform{place}: the work failed {} times in a row: {why}", self.faults);
        Err(Error::Other(Detail::new(text).with_code(ErrorCode::ProcessingFailed).with_outcome(Outcome::NotSent)))
    }

    /// What was done so far.
    pub fn report(&self) -> TransformReport {
        self.report
    }

    /// Counts a failure; whether another attempt is made. Those of connections end by other limits.
    fn may_try_again(&mut self, fault: bool) -> bool {
        self.failures += 1;
        self.faults += u32::from(fault);
        self.faults <= self.consumer.config().process.retries
    }

    fn under_way(&self) -> Result<(Round, Arc<Transaction>)> {
        let round = self.round.clone().ok_or_else(nothing_under_way)?;
        let transaction = round.transaction.clone().ok_or_else(nothing_under_way)?;
        Ok((round, transaction))
    }

    fn succeeded(&mut self, round: &Round) {
        self.round = None;
        (self.failures, self.faults) = (0, 0);
        self.report.transactions += 1;
        self.report.records += round.records;
    }

    /// Goes back to where the records began, and aborts; not if they count, though nobody has waited for that.
    async fn undo(&mut self) {
        let Some(round) = self.round.clone() else { return };
        if let Some(transaction) = round.transaction.as_ref().filter(|_| round.with_offsets)
            && transaction.was_committed().await
        {
            return self.succeeded(&round);
        }
        for (topic, partition, offset) in &round.starts {
            // What was taken away meanwhile somebody else reads from what is committed.
            let _ = self.consumer.seek(topic, *partition, *offset).await;
        }
        self.round = None;
        self.report.aborted += 1;
        if let Some(transaction) = round.transaction {
            // It may have ended already; and what could not be aborted the broker aborts by itself.
            if let Err(error) = transaction.abort().await {
                tracing::debug!(%error, "a round was not aborted");
            }
        }
    }
}

/// Why a transaction could only be aborted, or the error itself.
fn cause(error: &Error) -> &Error {
    error.detail().and_then(Detail::source).and_then(|source| source.downcast_ref()).unwrap_or(error)
}

fn nothing_under_way() -> Error {
    let text = "transform: no records are under way: ask for the next ones first";
    Error::Misuse(Detail::new(text).with_code(ErrorCode::InvalidState))
}

impl fmt::Debug for Transformer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transformer").field("report", &self.report).finish_non_exhaustive()
    }
}

/// The first offset of each partition.
fn starts(records: &ConsumerRecords) -> Vec<(String, u32, u64)> {
    let mut starts: Vec<(String, u32, u64)> = Vec::new();
    for part in records.partitions() {
        let Some(first) = part.view(0) else { continue };
        match starts.iter_mut().find(|(topic, partition, _)| topic == part.topic() && *partition == part.partition()) {
            Some((_, _, start)) => *start = (*start).min(first.offset),
            None => starts.push((part.topic().to_owned(), part.partition(), first.offset)),
        }
    }
    starts
}

/// Lets a handler work on records, and write what comes of them by transactions, until the consumer is woken up or closed.
///
/// Each poll has a transaction of its own, which the handler is given together with the records. When it returns, the
/// records that it has handed over are waited for, the positions of the consumer are added, and the transaction is
/// committed. If it returns an error or panics, or if anything fails, the transaction is aborted and the same records are
/// read again, at most `process.retries` times in a row; after a crash reading goes on behind the last transaction that
/// was committed. Read the topics that are written with `read_committed`. What this is worth with broker release 0.0.22
/// is said in `docs/transactions.md`.
///
/// # Errors
///
/// As [`Transformer::new`], [`next`](Transformer::next), [`commit`](Transformer::commit) and [`fail`](Transformer::fail).
///
/// ```no_run
/// # async fn run() -> rivven_client::Result<()> {
/// use rivven_client::{Consumer, ConsumerConfig, Producer, ProducerConfig, transform};
///
/// let config = ConsumerConfig::builder().group_id("billing").topic("orders").auto_commit_interval(None);
/// let consumer = Consumer::new(config.build()).await?;
/// let producer = Producer::new(ProducerConfig::builder().transactional_id("billing").build()).await?;
/// let report = transform(&consumer, &producer, async |orders, transaction| {
///     for order in orders.views() {
///         drop(transaction.enqueue("invoices", order.key, order.value)?);
///     }
///     Ok::<_, rivven_client::Error>(())
/// })
/// .await?;
/// println!("{} orders", report.records);
/// # Ok(())
/// # }
/// ```
pub async fn transform<H, E>(consumer: &Consumer, producer: &Producer, handler: H) -> Result<TransformReport>
where
    H: AsyncFn(ConsumerRecords, Arc<Transaction>) -> std::result::Result<(), E>,
    E: Into<Box<dyn StdError + Send + Sync>>,
{
    let mut transformer = Transformer::new(consumer, producer)?;
    while let Some((records, transaction)) = transformer.next().await? {
        match AssertUnwindSafe(handler(records, transaction)).catch_unwind().await {
            Ok(Ok(())) => drop(transformer.commit().await?),
            Ok(Err(error)) => transformer.fail(&error.into().to_string()).await?,
            Err(_) => transformer.fail("the handler panicked").await?,
        }
    }
    Ok(transformer.report())
}
