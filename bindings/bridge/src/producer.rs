//! The producer handle of the boundaries.

use std::collections::HashMap;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use rivven_client::{
    Deliveries, DeliveryReport, DeliveryReports, Detail, Error, ErrorCode, Outcome, ProducerConfig,
    ProducerStatsSnapshot, Properties, RecordMetadata, Result, TopicHandle,
};
use tokio::time::timeout;

use crate::answer::Answer;
use crate::call::Call;
use crate::fork::ForkMark;
use crate::line::{Item, Line, Lines, Owned, delivered, overtaking, owned, settle};
use crate::queue::{Completion, Due, Queue};
use crate::share::Share;
use crate::transaction::Turn;

/// What errors call a producer.
const WHAT: &str = "the producer";

/// How many bits of a tag are the caller's where reports go to the queue that the tag names.
const TAG_BITS: u32 = 40;

/// The greatest number of an outlet.
const MAX_OUTLET: u64 = (1 << (64 - TAG_BITS)) - 1;

/// Where the reports of a producer go.
#[derive(Debug)]
pub enum Reports {
    /// All to one queue, under this token; tags are the caller's alone.
    To(Arc<Queue>, u64),
    /// To the queues that [`outlet`](Producer::outlet) was called with, by the upper bits of their tags.
    ByTag,
    /// Nowhere: nobody wants to know.
    Nowhere,
}

/// A queue that reports go to, under a token.
#[derive(Debug)]
struct Outlet {
    queue: Weak<Queue>,
    token: u64,
}

/// Takes reports from the core to queues.
#[derive(Debug)]
enum Router {
    To(Arc<Queue>, u64),
    ByTag(Mutex<Outlets>),
}

/// The queues that reports go to, by numbers from 1 of which each is given once: records of a queue that is gone may be
/// settled much later, and are nobody else's.
#[derive(Debug, Default)]
struct Outlets {
    last: u64,
    by_number: HashMap<u64, Outlet>,
}

impl Router {
    /// Takes in a queue; the number of it.
    fn add(&self, queue: &Arc<Queue>, token: u64) -> u64 {
        let Router::ByTag(outlets) = self else { return 0 };
        let mut outlets = outlets.lock().unwrap_or_else(PoisonError::into_inner);
        outlets.by_number.retain(|_, outlet| outlet.queue.strong_count() > 0);
        // From 1 again after 2^24 - 1, of which the first ones are long gone.
        outlets.last = outlets.last % MAX_OUTLET + 1;
        let number = outlets.last;
        outlets.by_number.insert(number, Outlet { queue: Arc::downgrade(queue), token });
        number
    }
}

impl DeliveryReports for Router {
    fn settled(&self, report: DeliveryReport) {
        match self {
            Router::To(queue, token) => {
                queue.push(Completion { token: *token, result: Ok(Answer::Deliveries(report)) })
            }
            Router::ByTag(outlets) => {
                // Mostly all are the same.
                let mut numbers: Vec<u64> = Vec::new();
                for number in report.tags().iter().map(|tag| tag >> TAG_BITS) {
                    if numbers.last() != Some(&number) {
                        numbers.push(number);
                    }
                }
                numbers.sort_unstable();
                numbers.dedup();
                let outlets = outlets.lock().unwrap_or_else(PoisonError::into_inner);
                for number in numbers.into_iter().filter(|number| *number > 0) {
                    let Some(Outlet { queue, token }) = outlets.by_number.get(&number) else { continue };
                    if let Some(queue) = queue.upgrade() {
                        queue.push(Completion { token: *token, result: Ok(Answer::Deliveries(report.clone())) });
                    }
                }
            }
        }
    }
}

/// A producer on the shared runtime; use it from any thread, share it by `Arc`.
///
/// It connects when there is something to send. One that is dropped without
/// being closed sends what is left in the background, within its close timeout.
/// In a forked child every call fails with `FORKED` and dropping leaks.
#[derive(Debug)]
pub struct Producer {
    parts: ManuallyDrop<Parts>,
    mark: ForkMark,
}

#[derive(Debug)]
struct Parts {
    core: Arc<rivven_client::Producer>,
    runtime: Arc<Share>,
    /// `None` if nobody wants reports.
    router: Option<Arc<Router>>,
    lines: Arc<Lines>,
    turn: Turn,
}

impl Parts {
    /// Closes within a time. What stands in line is handed over before, as far as there is room in that time.
    fn closing(&self, limit: Duration) -> impl Future<Output = Result<()>> + Send + use<> {
        let begun = Instant::now();
        let ends = self.lines.close();
        let (core, lines) = (Arc::clone(&self.core), Arc::clone(&self.lines));
        // Where nothing stands in line no record is taken from now on.
        let closing = ends.is_empty().then(|| core.close_within(limit));
        if closing.is_none() {
            // What lingers makes room.
            drop(core.flush());
        }
        async move {
            if let Some(closing) = closing {
                return closing.await;
            }
            let all_handed_over = async {
                for end in ends {
                    let _ = end.await;
                }
            };
            let in_time = timeout(limit, all_handed_over).await.is_ok();
            let closed = core.close_within(limit.saturating_sub(begun.elapsed())).await;
            lines.give_up(&Error::closed(WHAT));
            if in_time { closed } else { Err(not_handed_over(limit, closed.err())) }
        }
    }
}

impl Producer {
    /// Makes a producer.
    ///
    /// # Errors
    ///
    /// `INVALID_CONFIG`; `IO` if the runtime's threads cannot be started.
    pub fn new(properties: &Properties, reports: Reports) -> Result<Self> {
        let config = ProducerConfig::from_properties(properties)?;
        let runtime = Share::acquire(properties)?;
        let router = match reports {
            Reports::To(queue, token) => Some(Arc::new(Router::To(queue, token))),
            Reports::ByTag => Some(Arc::new(Router::ByTag(Mutex::default()))),
            Reports::Nowhere => None,
        };
        let share = runtime.get().ok_or_else(|| Error::closed(WHAT))?;
        let _inside = share.handle().enter();
        let reports = router.clone().map(|router| router as Arc<dyn DeliveryReports>);
        let core = Arc::new(rivven_client::Producer::unconnected(config, reports)?);
        Ok(Producer {
            parts: ManuallyDrop::new(Parts { core, runtime, router, lines: Arc::default(), turn: Turn::default() }),
            mark: ForkMark::here(),
        })
    }

    /// What a transaction keeps of it.
    pub(crate) fn shares(&self) -> Result<(Arc<rivven_client::Producer>, Arc<Share>, ForkMark)> {
        let Parts { core, runtime, .. } = self.parts()?;
        Ok((Arc::clone(core), Arc::clone(runtime), self.mark))
    }

    /// The turn to begin a transaction.
    pub(crate) fn turn(&self) -> Result<Turn> {
        Ok(self.parts()?.turn.clone())
    }

    fn parts(&self) -> Result<&Parts> {
        self.mark.check(WHAT)?;
        Ok(&self.parts)
    }

    /// Lets reports of tags with this outlet go to a queue, under a token; what such tags begin with.
    ///
    /// A tag is this number with at most 2^40 - 1 added.
    ///
    /// # Errors
    ///
    /// `FORKED`.
    pub fn outlet(&self, queue: &Arc<Queue>, token: u64) -> Result<u64> {
        Ok(self.parts()?.router.as_ref().map_or(0, |router| router.add(queue, token)) << TAG_BITS)
    }

    /// A line for the records of one caller that have to wait for room.
    ///
    /// # Errors
    ///
    /// `FORKED`.
    pub fn line(&self) -> Result<Line> {
        let Parts { runtime, lines, .. } = self.parts()?;
        Ok(Line::new(lines, Arc::clone(runtime), self.mark))
    }

    /// Flushes like [`submit_flush`](Producer::submit_flush), behind what stands in a line.
    ///
    /// # Errors
    ///
    /// `FORKED`.
    pub fn submit_flush_in_line(&self, line: &Line, queue: &Arc<Queue>, token: u64) -> Result<()> {
        let core = Arc::clone(&self.parts()?.core);
        if line.is_empty() {
            return self.submit_flush(queue, token);
        }
        line.stand(Item::Flush { core, due: Due::new(queue, token) });
        Ok(())
    }

    /// A handle of a topic.
    ///
    /// # Errors
    ///
    /// `FORKED`.
    pub fn topic(&self, name: &str) -> Result<Topic> {
        let Parts { core, runtime, lines, .. } = self.parts()?;
        let parts = (core.topic(name), Arc::clone(runtime), Arc::clone(lines));
        Ok(Topic { parts: ManuallyDrop::new(parts), mark: self.mark })
    }

    /// Begins to connect; settled when a first connection is ready, or with the error.
    ///
    /// # Errors
    ///
    /// `FORKED`; everything else comes with the answer.
    pub fn connect(&self) -> Result<Call<()>> {
        let core = Arc::clone(&self.parts()?.core);
        Ok(self.parts()?.runtime.run(WHAT, async move { core.connect().await }))
    }

    /// Connects like [`connect`](Producer::connect); the answer goes to a queue.
    ///
    /// # Errors
    ///
    /// `FORKED`; everything else comes with the answer.
    pub fn submit_connect(&self, queue: &Arc<Queue>, token: u64) -> Result<()> {
        let core = Arc::clone(&self.parts()?.core);
        self.parts()?.runtime.run_into(WHAT, queue, token, async move { core.connect().await });
        Ok(())
    }

    /// Begins to send all that was handed over before; settled when that is settled.
    ///
    /// # Errors
    ///
    /// `FORKED`.
    pub fn flush(&self) -> Result<Call<()>> {
        let flush = self.parts()?.core.flush();
        Ok(self.parts()?.runtime.run(WHAT, flush))
    }

    /// Flushes like [`flush`](Producer::flush); the answer goes to a queue, behind the reports.
    ///
    /// # Errors
    ///
    /// `FORKED`.
    pub fn submit_flush(&self, queue: &Arc<Queue>, token: u64) -> Result<()> {
        let flush = self.parts()?.core.flush();
        self.parts()?.runtime.run_into(WHAT, queue, token, flush);
        Ok(())
    }

    /// Begins to close, within `limit` or else `close.timeout.ms`. Closing twice is no error.
    ///
    /// What stands in line is handed over before, and nothing comes into a line any more.
    ///
    /// # Errors
    ///
    /// `FORKED`; with the answer, `TIMED_OUT` if records were left.
    pub fn close(&self, limit: Option<Duration>) -> Result<Call<()>> {
        let (call, settle) = Call::new();
        self.run_closing(limit, move |result| settle.settle(result))?;
        Ok(call)
    }

    /// Closes like [`close`](Producer::close); the answer goes to a queue.
    ///
    /// # Errors
    ///
    /// As [`close`](Producer::close).
    pub fn submit_close(&self, limit: Option<Duration>, queue: &Arc<Queue>, token: u64) -> Result<()> {
        let due = Due::new(queue, token);
        self.run_closing(limit, move |result| due.settle(result.map(Answer::from)))
    }

    /// How long closing waits where no limit is given: `close.timeout.ms`.
    ///
    /// # Errors
    ///
    /// `FORKED`.
    pub fn close_timeout(&self) -> Result<Duration> {
        Ok(self.parts()?.core.config().close_timeout)
    }

    fn run_closing(&self, limit: Option<Duration>, answer: impl FnOnce(Result<()>) + Send + 'static) -> Result<()> {
        let parts = self.parts()?;
        let closing = || parts.closing(limit.unwrap_or(parts.core.config().close_timeout));
        parts.runtime.close(closing, answer);
        Ok(())
    }

    /// Whether the producer was closed.
    ///
    /// # Errors
    ///
    /// `FORKED`.
    pub fn is_closed(&self) -> Result<bool> {
        Ok(self.parts()?.core.is_closed())
    }

    /// Gives up the records that were not sent yet, those in line as well; the number of them.
    ///
    /// # Errors
    ///
    /// `FORKED`.
    pub fn purge(&self) -> Result<u64> {
        let Parts { core, lines, .. } = self.parts()?;
        // Those in line are the first, as they would take the room that becomes free.
        let in_line = lines.give_up(&purged());
        Ok(in_line + core.purge())
    }

    /// What the producer has done so far.
    ///
    /// # Errors
    ///
    /// `FORKED`.
    pub fn stats(&self) -> Result<ProducerStatsSnapshot> {
        Ok(self.parts()?.core.stats())
    }

    /// Lets the changes of the servers from now on go to a queue, under a token, until the producer is closed.
    ///
    /// # Errors
    ///
    /// `CLOSED`, `FORKED`.
    pub fn forward_state_changes(&self, queue: &Arc<Queue>, token: u64) -> Result<()> {
        let Parts { core, runtime, .. } = self.parts()?;
        runtime.forward(WHAT, core.state_changes(), queue, token)
    }

    /// Whether a record that is sent again is written once all the same.
    ///
    /// # Errors
    ///
    /// `FORKED`.
    pub fn is_idempotent(&self) -> Result<bool> {
        Ok(self.parts()?.core.is_idempotent())
    }

    /// Begins to ask for the number of partitions of a topic; anew if `fresh`, and else only if it is not known.
    ///
    /// # Errors
    ///
    /// `FORKED`; everything else comes with the answer.
    pub fn partition_count(&self, topic: &str, fresh: bool) -> Result<Call<u32>> {
        let counting = self.counting(topic, fresh)?;
        Ok(self.parts()?.runtime.run(WHAT, counting))
    }

    /// Asks like [`partition_count`](Producer::partition_count); the answer goes to a queue.
    ///
    /// # Errors
    ///
    /// `FORKED`; everything else comes with the answer.
    pub fn submit_partition_count(&self, topic: &str, fresh: bool, queue: &Arc<Queue>, token: u64) -> Result<()> {
        let counting = self.counting(topic, fresh)?;
        self.parts()?.runtime.run_into(WHAT, queue, token, counting);
        Ok(())
    }

    fn counting(&self, topic: &str, fresh: bool) -> Result<impl Future<Output = Result<u32>> + Send + 'static> {
        let (core, topic) = (Arc::clone(&self.parts()?.core), topic.to_owned());
        Ok(async move {
            if fresh {
                core.refresh_metadata(&topic).await?;
            }
            core.get_partition_count(&topic).await
        })
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        if self.mark.is_here() {
            // SAFETY: the parts are taken here only, and `self` is not used afterwards.
            let parts = unsafe { ManuallyDrop::take(&mut self.parts) };
            if let Some(runtime) = parts.runtime.give_back() {
                // The share keeps the runtime's threads until that is done.
                let closing = parts.closing(parts.core.config().close_timeout);
                drop(parts);
                runtime.clone().spawn(async move { drop(closing.await) });
            }
        }
    }
}

fn purged() -> Error {
    let text = "the record was purged before it was sent";
    Error::Other(Detail::from(text).with_code(ErrorCode::Purged))
}

/// The error of a close for which records stood in line too long.
fn not_handed_over(limit: Duration, others: Option<Error>) -> Error {
    let text = format!(
        "close of the producer timed out after {limit:?} with records that still waited for room in buffer.memory: give it more time or check the broker"
    );
    let outcome = others.map_or(Outcome::NotSent, |error| error.outcome());
    Error::TimeoutWithMessage(Detail::from(text).with_code(ErrorCode::TimedOut).with_outcome(outcome))
}

/// A topic of a producer; use it from any thread.
///
/// It works as long as the producer is open, and may outlive it.
#[derive(Debug)]
pub struct Topic {
    parts: ManuallyDrop<(TopicHandle, Arc<Share>, Arc<Lines>)>,
    mark: ForkMark,
}

impl Topic {
    #[inline]
    fn core(&self) -> Result<&TopicHandle> {
        self.mark.check(WHAT)?;
        Ok(&self.parts.0)
    }

    /// The name.
    ///
    /// # Errors
    ///
    /// `FORKED`.
    pub fn name(&self) -> Result<&str> {
        Ok(self.core()?.name())
    }

    /// Hands a record over; its report comes with this tag.
    ///
    /// # Errors
    ///
    /// `FORKED`, `QUEUE_FULL`, also while others stand in line; those of [`TopicHandle::enqueue`].
    #[inline]
    pub fn enqueue(&self, partition: Option<u32>, key: Option<&[u8]>, value: &[u8], tag: u64) -> Result<()> {
        let topic = self.core()?;
        if self.parts.2.are_busy() {
            return Err(self.busy());
        }
        topic.enqueue_tagged(partition, key, value, tag)
    }

    /// Hands records over in their order until one is refused: partition, key, value and tag of each.
    ///
    /// Those that were taken are counted in `taken`. The iterator may be asked for some more.
    ///
    /// # Errors
    ///
    /// As [`enqueue`](Topic::enqueue).
    pub fn enqueue_batch<'a>(
        &self,
        records: impl IntoIterator<Item = (Option<u32>, Option<&'a [u8]>, &'a [u8], u64)>,
        taken: &mut usize,
    ) -> Result<()> {
        let topic = self.core()?;
        if self.parts.2.are_busy() {
            return Err(self.busy());
        }
        topic.enqueue_batch_tagged(records, taken)
    }

    /// Why a record is refused that others in line were handed over before.
    #[cold]
    fn busy(&self) -> Error {
        let (topic, _, lines) = &*self.parts;
        lines.check_open().err().unwrap_or_else(|| overtaking(topic.name()))
    }

    /// Begins to send a record, which waits for room where there is none; it has no report.
    ///
    /// Key and value are copied before this returns. Only a record that has to
    /// wait for room costs a task.
    ///
    /// # Errors
    ///
    /// `FORKED`; everything else comes with the answer.
    pub fn send(&self, partition: Option<u32>, key: Option<&[u8]>, value: &[u8]) -> Result<Call<RecordMetadata>> {
        let core = self.core()?;
        let taken = match partition {
            Some(partition) => core.enqueue_to_partition(partition, key, value),
            None => core.enqueue(key, value),
        };
        match taken {
            Ok(delivery) => Ok(Call::driven(delivery)),
            Err(error) if may_wait(&error) => Ok(self.parts.1.run(WHAT, self.sending(partition, key, value)?)),
            Err(error) => Ok(Call::driven(std::future::ready(Err(error)))),
        }
    }

    /// Sends like [`send`](Topic::send); the answer goes to a queue.
    ///
    /// # Errors
    ///
    /// `FORKED`; everything else comes with the answer.
    pub fn submit_send(
        &self,
        partition: Option<u32>,
        key: Option<&[u8]>,
        value: &[u8],
        queue: &Arc<Queue>,
        token: u64,
    ) -> Result<()> {
        let sending = self.sending(partition, key, value)?;
        self.parts.1.run_into(WHAT, queue, token, sending);
        Ok(())
    }

    fn sending(
        &self,
        partition: Option<u32>,
        key: Option<&[u8]>,
        value: &[u8],
    ) -> Result<impl Future<Output = Result<RecordMetadata>> + Send + 'static> {
        let (core, key, value) = (self.core()?.clone(), key.map(<[u8]>::to_vec), value.to_vec());
        Ok(async move { core.send_to(partition, key.as_deref(), &value).await })
    }

    /// Hands a record over as [`enqueue`](Topic::enqueue) does, by way of a line where it has to wait for room.
    ///
    /// Where it is refused later the answer, an error, goes to the queue; where
    /// it is taken its report comes with the tag, and nothing else.
    ///
    /// # Errors
    ///
    /// `FORKED`, `CLOSED`, and those of [`TopicHandle::enqueue`] that waiting does not help against.
    pub fn enqueue_in_line(
        &self,
        (partition, key, value): (Option<u32>, Option<&[u8]>, &[u8]),
        tag: u64,
        line: &Line,
        queue: &Arc<Queue>,
        token: u64,
    ) -> Result<()> {
        let topic = self.core()?;
        self.parts.2.check_open()?;
        if line.is_empty() {
            match topic.enqueue_tagged(partition, key, value, tag) {
                Err(error) if may_wait(&error) => {}
                taken => return taken,
            }
        }
        let record = (key.map(<[u8]>::to_vec), value.to_vec());
        line.stand(Item::Record { topic: topic.clone(), partition, record, tag, due: Due::new(queue, token) });
        Ok(())
    }

    /// Begins to send many records, in their order; settled when all have ended.
    ///
    /// They are copied before this returns.
    ///
    /// # Errors
    ///
    /// `FORKED`; with the answer, the first error of any of them. No record
    /// behind one that was not taken is sent.
    pub fn send_batch<'a>(
        &self,
        partition: Option<u32>,
        records: impl ExactSizeIterator<Item = (Option<&'a [u8]>, &'a [u8])> + Clone,
    ) -> Result<Call<Deliveries>> {
        let core = self.core()?.clone();
        let (mut taken, rest) = self.take(partition, records)?;
        Ok(self.parts.1.run(WHAT, async move {
            let refusal = match rest {
                Rest::Refused(error) => error,
                Rest::Waiting(records) => core.hand_over_batch(partition, &records, &mut taken).await.err(),
            };
            taken.settled().await;
            delivered(taken, refusal)
        }))
    }

    /// Sends like [`send_batch`](Topic::send_batch), by way of a line for those that have to wait for room.
    ///
    /// The answer goes to a queue.
    ///
    /// # Errors
    ///
    /// As [`send_batch`](Topic::send_batch).
    pub fn submit_batch<'a>(
        &self,
        partition: Option<u32>,
        records: impl ExactSizeIterator<Item = (Option<&'a [u8]>, &'a [u8])> + Clone,
        line: &Line,
        queue: &Arc<Queue>,
        token: u64,
    ) -> Result<()> {
        let topic = self.core()?.clone();
        let (taken, rest) = match line.is_empty() && self.parts.2.check_open().is_ok() {
            true => self.take(partition, records)?,
            false => (Deliveries::default(), Rest::Waiting(owned(records))),
        };
        let due = Due::new(queue, token);
        match (rest, self.parts.1.get()) {
            (Rest::Waiting(records), _) => line.stand(Item::Records { topic, partition, records, taken, due }),
            (Rest::Refused(refusal), Some(runtime)) => runtime.spawn(settle(taken, refusal, due)),
            (Rest::Refused(_), None) => due.settle(Err(Error::closed(WHAT))),
        }
        Ok(())
    }

    /// Hands records over until one is refused; those that were taken, and what is to be done about the others.
    fn take<'a>(
        &self,
        partition: Option<u32>,
        records: impl ExactSizeIterator<Item = (Option<&'a [u8]>, &'a [u8])> + Clone,
    ) -> Result<(Deliveries, Rest)> {
        let mut taken = Deliveries::default();
        let rest = match self.core()?.enqueue_batch(partition, records.clone(), &mut taken) {
            Ok(()) => Rest::Refused(None),
            Err(error) if may_wait(&error) => Rest::Waiting(owned(records.skip(taken.len()))),
            Err(error) => Rest::Refused(Some(error)),
        };
        Ok((taken, rest))
    }

    /// Begins to wait for room for a record of so many bytes, at most `max.block.ms`.
    ///
    /// # Errors
    ///
    /// `FORKED`; with the answer, `QUEUE_FULL`, or `REQUEST_TOO_LARGE` if there never will be.
    pub fn has_room(&self, bytes: usize) -> Result<Call<()>> {
        let core = self.core()?.clone();
        Ok(self.parts.1.run(WHAT, async move { core.has_room(bytes).await }))
    }

    /// Waits like [`has_room`](Topic::has_room); the answer goes to a queue.
    ///
    /// # Errors
    ///
    /// `FORKED`; with the answer, `QUEUE_FULL`, or `REQUEST_TOO_LARGE` if there never will be.
    pub fn submit_has_room(&self, bytes: usize, queue: &Arc<Queue>, token: u64) -> Result<()> {
        let core = self.core()?.clone();
        self.parts.1.run_into(WHAT, queue, token, async move { core.has_room(bytes).await });
        Ok(())
    }
}

/// What is to be done about the records of a batch that were not taken.
enum Rest {
    /// Nothing, if there are any.
    Refused(Option<Error>),
    /// They wait for room.
    Waiting(Vec<Owned>),
}

/// Whether handing over again may help, after waiting or asking for the partitions.
fn may_wait(error: &Error) -> bool {
    matches!(error.code(), ErrorCode::QueueFull | ErrorCode::InvalidPartition)
}

impl Drop for Topic {
    fn drop(&mut self) {
        if self.mark.is_here() {
            // SAFETY: the parts are dropped here only, and not used afterwards.
            unsafe { ManuallyDrop::drop(&mut self.parts) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A record of the first queue may be settled when there is another one.
    #[test]
    fn the_number_of_a_queue_that_is_gone_is_nobody_elses() {
        let (router, first, second) =
            (Router::ByTag(Mutex::default()), Queue::with_call(|| ()), Queue::with_call(|| ()));
        assert_eq!((router.add(&first, 0), router.add(&second, 0)), (1, 2));
        drop(first);
        let third = Queue::with_call(|| ());
        assert_eq!(router.add(&third, 0), 3);
        let Router::ByTag(outlets) = &router else { unreachable!() };
        assert_eq!(outlets.lock().unwrap().by_number.len(), 2, "that of the first one is forgotten");
    }
}
