//! The transaction handle of the boundaries, and that of work done by transactions.

use std::future::Future;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use rivven_client::{ConsumerRecords, Error, ErrorCode, RecordMetadata, Result, TransformReport};
use tokio::sync::{Mutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;

use crate::answer::Answer;
use crate::call::Call;
use crate::consumer::Consumer;
use crate::fork::ForkMark;
use crate::line::{overtaking, owned};
use crate::producer::Producer;
use crate::queue::Queue;
use crate::reading::Reading;
use crate::share::Share;

/// Key and value of a record.
type Record<'a> = (Option<&'a [u8]>, &'a [u8]);

/// What errors call a transaction once its producer is closed.
const WHAT: &str = "the producer";

/// A transaction; use it from any thread, share it by `Arc`.
///
/// What answers at once is asked of the [`core`](Transaction::core). What takes time is [started](Transaction::start) or
/// [submitted](Transaction::submit). One that is dropped without an end is aborted in the background. In a forked child
/// every call fails with `FORKED` and dropping leaks.
#[derive(Debug)]
pub struct Transaction {
    parts: ManuallyDrop<Parts>,
    mark: ForkMark,
}

#[derive(Debug)]
struct Parts {
    core: Arc<rivven_client::Transaction>,
    runtime: Arc<Share>,
    additions: Additions,
    places: Places,
    /// The turn to begin, until the program has the transaction; given back after that is dropped.
    turn: Option<OwnedSemaphorePermit>,
}

/// The turn of a producer to begin a transaction.
///
/// One that has begun may still be in a queue, and its program not want it any more. Whoever begins the next one waits
/// until it is clear whether the program has it.
#[derive(Debug, Clone)]
pub(crate) struct Turn(Arc<Semaphore>);

impl Default for Turn {
    fn default() -> Self {
        Turn(Arc::new(Semaphore::new(1)))
    }
}

/// The places of sends that wait for room, which come in the order in which they were asked for.
///
/// Who has the first one has what the one before has waited for room in vain, if it has, with the error.
#[derive(Debug, Default)]
struct Places(Arc<Mutex<Full>>);

type Full = Option<(Duration, Error)>;

/// A place, since it was asked for.
struct Place {
    since: Instant,
    first: Option<OwnedMutexGuard<Full>>,
    behind: BoxFuture<'static, OwnedMutexGuard<Full>>,
}

impl Places {
    /// Whether nobody has one, so that records may be handed over without.
    fn are_free(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    /// The place behind all others.
    fn last(&self) -> Place {
        let mut behind = Arc::clone(&self.0).lock_owned().boxed();
        // Who has been polled once keeps the place.
        let mut first = behind.as_mut().now_or_never();
        if let Some(full) = &mut first {
            **full = None;
        }
        Place { since: Instant::now(), first, behind }
    }
}

impl Place {
    /// Hands something over as soon as it is the first one.
    async fn hand_over(self, handing: impl Future<Output = Result<()>>) -> Result<()> {
        let mut full = match self.first {
            Some(full) => full,
            None => self.behind.await,
        };
        match &*full {
            // Who has waited as long as the one for whom there was no room does not wait as long again.
            Some((limit, error)) if self.since.elapsed() >= *limit => Err(error.clone()),
            _ => {
                let begun = Instant::now();
                let handed_over = handing.await;
                let refusal = handed_over.as_ref().err().filter(|error| is_full(error));
                *full = refusal.map(|error| (begun.elapsed(), error.clone()));
                handed_over
            }
        }
    }
}

fn is_full(error: &Error) -> bool {
    error.code() == ErrorCode::QueueFull
}

/// How much is under way that adds to a transaction.
#[derive(Debug, Clone, Default)]
struct Additions(Arc<watch::Sender<usize>>);

impl Additions {
    fn begin(&self) -> Addition {
        self.0.send_modify(|count| *count += 1);
        Addition(self.clone())
    }

    /// Waits until nothing is under way.
    async fn over(self) {
        let mut count = self.0.subscribe();
        let _ = count.wait_for(|count| *count == 0).await;
    }
}

/// Something that adds to a transaction, until it is dropped: a commit waits for it.
#[derive(Debug)]
pub struct Addition(Additions);

impl Drop for Addition {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count -= 1);
    }
}

impl Transaction {
    pub(crate) fn new(core: Arc<rivven_client::Transaction>, runtime: Arc<Share>, mark: ForkMark) -> Self {
        let (additions, places) = (Additions::default(), Places::default());
        Transaction { parts: ManuallyDrop::new(Parts { core, runtime, additions, places, turn: None }), mark }
    }

    /// The same, which its program has got from now on.
    #[must_use]
    pub fn claimed(mut self) -> Self {
        self.parts.turn = None;
        self
    }

    /// Notes that something begins which adds to the transaction, though nobody may wait for it.
    ///
    /// # Errors
    ///
    /// `FORKED`.
    pub fn addition(&self) -> Result<Addition> {
        Ok(self.parts()?.additions.begin())
    }

    /// Commits what was added until now, also what is still on its way to the transaction.
    ///
    /// # Errors
    ///
    /// `FORKED`; with the output, those of [`rivven_client::Transaction::commit`].
    pub fn committing(&self) -> Result<impl Future<Output = Result<()>> + Send + 'static> {
        let Parts { core, additions, .. } = self.parts()?;
        let (core, over) = (Arc::clone(core), additions.clone().over());
        Ok(async move {
            over.await;
            core.commit().await
        })
    }

    fn parts(&self) -> Result<&Parts> {
        self.mark.check("the transaction")?;
        Ok(&self.parts)
    }

    /// The transaction itself, for what answers at once.
    ///
    /// # Errors
    ///
    /// `FORKED`.
    pub fn core(&self) -> Result<&rivven_client::Transaction> {
        Ok(&*self.parts()?.core)
    }

    /// Begins something that takes time; what comes of it is then waited for.
    ///
    /// # Errors
    ///
    /// `FORKED`; everything else comes with the answer.
    pub fn start<T, F>(&self, what: impl FnOnce(Arc<rivven_client::Transaction>) -> F) -> Result<Call<T>>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let parts = self.parts()?;
        Ok(parts.runtime.run(WHAT, what(Arc::clone(&parts.core))))
    }

    /// Begins something that takes time; what comes of it goes to a queue.
    ///
    /// # Errors
    ///
    /// `FORKED`; everything else comes with the answer.
    pub fn submit<T, F>(
        &self,
        queue: &Arc<Queue>,
        token: u64,
        what: impl FnOnce(Arc<rivven_client::Transaction>) -> F,
    ) -> Result<()>
    where
        Answer: From<T>,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let parts = self.parts()?;
        parts.runtime.run_into(WHAT, queue, token, what(Arc::clone(&parts.core)));
        Ok(())
    }

    /// Hands a record over; what becomes of it the commit tells.
    ///
    /// # Errors
    ///
    /// `FORKED`; those of [`rivven_client::Transaction::enqueue`], with `QUEUE_FULL` also while others wait for room.
    pub fn enqueue(&self, topic: &str, partition: Option<u32>, key: Option<&[u8]>, value: &[u8]) -> Result<()> {
        let Parts { core, places, .. } = self.parts()?;
        if !places.are_free() {
            return Err(overtaking(topic));
        }
        take(core, topic, partition, key, value).map(drop)
    }

    /// Begins to send a record; with the answer comes where it went.
    ///
    /// It is taken before this returns, unless there is no room for it.
    ///
    /// # Errors
    ///
    /// `FORKED`; everything else comes with the answer.
    pub fn send(
        &self,
        topic: &str,
        partition: Option<u32>,
        key: Option<&[u8]>,
        value: &[u8],
    ) -> Result<Call<RecordMetadata>> {
        let sending = self.sending(topic, partition, &[(key, value)])?;
        self.start(|_| one(sending))
    }

    /// Sends like [`send`](Transaction::send); the answer goes to a queue.
    ///
    /// # Errors
    ///
    /// `FORKED`; everything else comes with the answer.
    pub fn submit_send(
        &self,
        topic: &str,
        partition: Option<u32>,
        key: Option<&[u8]>,
        value: &[u8],
        (queue, token): (&Arc<Queue>, u64),
    ) -> Result<()> {
        let sending = self.sending(topic, partition, &[(key, value)])?;
        self.submit(queue, token, |_| one(sending))
    }

    /// Begins to send many records, in their order; with the answer comes where they went.
    ///
    /// They are copied before this returns, and taken as far as there is room.
    ///
    /// # Errors
    ///
    /// `FORKED`; with the answer, the first error of any of them.
    pub fn send_batch(&self, topic: &str, records: &[Record<'_>]) -> Result<Call<Vec<RecordMetadata>>> {
        let sending = self.sending(topic, None, records)?;
        self.start(|_| sending)
    }

    /// Sends like [`send_batch`](Transaction::send_batch); the answer goes to a queue.
    ///
    /// # Errors
    ///
    /// As [`send_batch`](Transaction::send_batch).
    pub fn submit_batch(&self, topic: &str, records: &[Record<'_>], (queue, token): (&Arc<Queue>, u64)) -> Result<()> {
        let sending = self.sending(topic, None, records)?;
        self.submit(queue, token, |_| sending)
    }

    /// Takes records as far as there is room, and nobody waits for it; the rest waits behind all others.
    fn sending(
        &self,
        topic: &str,
        partition: Option<u32>,
        records: &[Record<'_>],
    ) -> Result<impl Future<Output = Result<Vec<RecordMetadata>>> + Send + 'static> {
        let Parts { core, places, .. } = self.parts()?;
        let mut deliveries = Vec::with_capacity(records.len());
        let taken = match places.are_free() {
            true => records.iter().try_for_each(|&(key, value)| {
                deliveries.push(take(core, topic, partition, key, value)?);
                Ok(())
            }),
            false => Err(overtaking(topic)),
        };
        let waiting = match taken {
            Err(error) if is_full(&error) => {
                Ok(Some((places.last(), self.addition()?, owned(records.iter().copied().skip(deliveries.len())))))
            }
            taken => taken.map(|()| None),
        };
        let (core, topic) = (Arc::clone(core), topic.to_owned());
        Ok(async move {
            if let Some((place, _until_it_is_over, rest)) = waiting? {
                let handing = async {
                    for (key, value) in &rest {
                        deliveries.push(core.hand_over(&topic, partition, key.as_deref(), value).await?);
                    }
                    Ok(())
                };
                place.hand_over(handing).await?;
            }
            join_all(deliveries).await.into_iter().collect()
        })
    }
}

/// What became of the only record.
async fn one(sending: impl Future<Output = Result<Vec<RecordMetadata>>>) -> Result<RecordMetadata> {
    sending.await.map(|mut sent| sent.swap_remove(0))
}

fn take(
    core: &rivven_client::Transaction,
    topic: &str,
    partition: Option<u32>,
    key: Option<&[u8]>,
    value: &[u8],
) -> Result<rivven_client::Delivery> {
    match partition {
        Some(partition) => core.enqueue_to_partition(topic, partition, key, value),
        None => core.enqueue(topic, key, value),
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if self.mark.is_here() {
            // SAFETY: the parts are dropped here only, and not used afterwards.
            unsafe { ManuallyDrop::drop(&mut self.parts) };
        }
    }
}

impl Producer {
    /// Begins a transaction, which comes with the answer.
    ///
    /// # Errors
    ///
    /// `FORKED`; everything else comes with the answer.
    pub fn begin_transaction(&self) -> Result<Call<Transaction>> {
        let (core, runtime, mark) = self.shares()?;
        let share = Arc::clone(&runtime);
        Ok(runtime
            .run(WHAT, async move { Ok(Transaction::new(Arc::new(core.begin_transaction().await?), share, mark)) }))
    }

    /// Begins one like [`begin_transaction`](Producer::begin_transaction); it goes to a queue.
    ///
    /// Whoever takes it from there has to say when the program [has it](Transaction::claimed).
    ///
    /// # Errors
    ///
    /// `FORKED`; everything else comes with the answer.
    pub fn submit_begin_transaction(&self, queue: &Arc<Queue>, token: u64) -> Result<()> {
        let (core, runtime, mark) = self.shares()?;
        let (share, Turn(turn)) = (Arc::clone(&runtime), self.turn()?);
        // Its time is that of the wait for the turn, too.
        let (limit, begun) = (core.config().max_block, core.begin_transaction());
        let beginning = async move {
            // Without one, the producer has a transaction in a queue that nobody looks at, and says so.
            let turn = timeout(limit, turn.acquire_owned()).await.ok().and_then(|turn| turn.ok());
            let mut transaction = Transaction::new(Arc::new(begun.await?), share, mark);
            transaction.parts.turn = turn;
            Ok(transaction)
        };
        runtime.run_into(WHAT, queue, token, beginning);
        Ok(())
    }
}

/// Records that were read, and the transaction for what comes of them.
#[derive(Debug)]
pub struct Round {
    /// The records.
    pub records: ConsumerRecords,
    /// The transaction.
    pub transaction: Transaction,
}

/// Work that is done by transactions; use it from any thread. Calls follow one another.
#[derive(Debug)]
pub struct Transformer {
    parts: ManuallyDrop<Working>,
    mark: ForkMark,
}

#[derive(Debug)]
struct Working {
    core: Arc<Mutex<Work>>,
    reading: Arc<Reading>,
    runtime: Arc<Share>,
}

#[derive(Debug)]
struct Work {
    transformer: rivven_client::Transformer,
    /// What is under way for the present transaction.
    additions: Additions,
}

impl Work {
    async fn commit(&mut self) -> Result<bool> {
        self.additions.clone().over().await;
        self.transformer.commit().await
    }
}

impl Transformer {
    /// One that reads from a consumer and writes by a producer.
    ///
    /// # Errors
    ///
    /// `FORKED`; those of [`rivven_client::Transformer::new`].
    pub fn new(consumer: &Consumer, producer: &Producer) -> Result<Self> {
        let (core, runtime, mark) = producer.shares()?;
        let transformer = rivven_client::Transformer::new(consumer.core()?, &core)?;
        let core = Arc::new(Mutex::new(Work { transformer, additions: Additions::default() }));
        let reading = Arc::clone(consumer.reading()?);
        Ok(Transformer { parts: ManuallyDrop::new(Working { core, reading, runtime }), mark })
    }

    fn parts(&self) -> Result<&Working> {
        self.mark.check("the transformer")?;
        Ok(&self.parts)
    }

    /// Begins to wait for records; none once the consumer was woken up or closed.
    ///
    /// # Errors
    ///
    /// `FORKED`; with the answer, those of [`rivven_client::Transformer::next`].
    pub fn next(&self) -> Result<Call<Option<Round>>> {
        let runtime = &self.parts()?.runtime;
        Ok(runtime.run(WHAT, self.reading()?))
    }

    /// Waits like [`next`](Transformer::next); the answer goes to a queue.
    ///
    /// # Errors
    ///
    /// As [`next`](Transformer::next).
    pub fn submit_next(&self, queue: &Arc<Queue>, token: u64) -> Result<()> {
        self.parts()?.runtime.run_into(WHAT, queue, token, self.reading()?);
        Ok(())
    }

    fn reading(&self) -> Result<impl Future<Output = Result<Option<Round>>> + Send + 'static> {
        let Working { core, reading, runtime } = self.parts()?;
        let (core, reading, runtime, mark) = (Arc::clone(core), Arc::clone(reading), Arc::clone(runtime), self.mark);
        Ok(async move {
            let mut work = core.lock().await;
            // It ends before the call does that waits for the lock.
            let _alone = reading.alone().await?;
            let Some((records, transaction)) = work.transformer.next().await? else { return Ok(None) };
            let transaction = Transaction::new(transaction, runtime, mark);
            work.additions = transaction.parts.additions.clone();
            Ok(Some(Round { records, transaction }))
        })
    }

    /// Begins to commit; false if that failed and the records are read again.
    ///
    /// # Errors
    ///
    /// `FORKED`; with the answer, those of [`rivven_client::Transformer::commit`].
    pub fn commit(&self) -> Result<Call<bool>> {
        let Working { core, runtime, .. } = self.parts()?;
        let core = Arc::clone(core);
        Ok(runtime.run(WHAT, async move { core.lock().await.commit().await }))
    }

    /// Commits like [`commit`](Transformer::commit); the answer goes to a queue.
    ///
    /// # Errors
    ///
    /// As [`commit`](Transformer::commit).
    pub fn submit_commit(&self, queue: &Arc<Queue>, token: u64) -> Result<()> {
        let Working { core, runtime, .. } = self.parts()?;
        let core = Arc::clone(core);
        runtime.run_into(WHAT, queue, token, async move { core.lock().await.commit().await });
        Ok(())
    }

    /// Begins to abort, since the work has failed for this reason; the records are read again.
    ///
    /// # Errors
    ///
    /// `FORKED`; with the answer, those of [`rivven_client::Transformer::fail`].
    pub fn fail(&self, why: &str) -> Result<Call<()>> {
        let Working { core, runtime, .. } = self.parts()?;
        let (core, why) = (Arc::clone(core), why.to_owned());
        Ok(runtime.run(WHAT, async move { core.lock().await.transformer.fail(&why).await }))
    }

    /// Aborts like [`fail`](Transformer::fail); the answer goes to a queue.
    ///
    /// # Errors
    ///
    /// As [`fail`](Transformer::fail).
    pub fn submit_fail(&self, why: &str, queue: &Arc<Queue>, token: u64) -> Result<()> {
        let Working { core, runtime, .. } = self.parts()?;
        let (core, why) = (Arc::clone(core), why.to_owned());
        runtime.run_into(WHAT, queue, token, async move { core.lock().await.transformer.fail(&why).await });
        Ok(())
    }

    /// Begins to ask what was done so far, once the call under way has ended.
    ///
    /// # Errors
    ///
    /// `FORKED`.
    pub fn report(&self) -> Result<Call<TransformReport>> {
        let Working { core, runtime, .. } = self.parts()?;
        let core = Arc::clone(core);
        Ok(runtime.run(WHAT, async move { Ok(core.lock().await.transformer.report()) }))
    }

    /// Asks like [`report`](Transformer::report); the answer goes to a queue.
    ///
    /// # Errors
    ///
    /// `FORKED`.
    pub fn submit_report(&self, queue: &Arc<Queue>, token: u64) -> Result<()> {
        let Working { core, runtime, .. } = self.parts()?;
        let core = Arc::clone(core);
        runtime.run_into(WHAT, queue, token, async move { Ok(core.lock().await.transformer.report()) });
        Ok(())
    }
}

impl Drop for Transformer {
    fn drop(&mut self) {
        if self.mark.is_here() {
            // SAFETY: the parts are dropped here only, and not used afterwards.
            unsafe { ManuallyDrop::drop(&mut self.parts) };
        }
    }
}
