//! The native half of a consumer.
//!
//! What a poll gives goes to JavaScript in one piece of memory per partition
//! (`records.rs`), and the answers that it came in are given back at once: when
//! JavaScript collects its garbage does not decide whether more is read. Little is
//! packed on the event loop, the rest by the runtime.

mod event;
mod processing;
mod stats;

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use napi::Env;
use napi::bindgen_prelude::{BigInt, Either, Function};
use napi_derive::napi;
use rivven_bridge::{Answer, Completion as Entry, Consumer, Queue, catch_panic};
use rivven_client::{ConsumerRecords, Pace, Properties, Result};

pub(crate) use event::Event;
pub(crate) use processing::{Handled, Report as ProcessReport};
pub(crate) use stats::ConsumerStats;

use crate::client::{milliseconds, set_all};
use crate::completion::{Completion, Value};
use crate::failure::Failure;
use crate::inbox::Inbox;
use crate::operations::offsets::Commit;
use crate::records::Polled;
use crate::values::{TopicPartition, list};
use crate::wake::Wake;

/// The token of rebalances, and of records for handlers; JavaScript counts its own from 1.
const UNCALLED: u64 = 0;

/// The most bytes of records that are copied on the event loop, which takes about half a millisecond.
const AT_ONCE: usize = 1 << 20;

/// A consumer and the queue of its answers and rebalances.
#[napi]
pub(crate) struct NativeConsumer {
    pub(crate) consumer: Consumer,
    queue: Arc<Queue>,
    inbox: Inbox,
    wake: Wake,
    /// Of polls whose records are taken one by one.
    paces: Arc<Table<Pace>>,
    /// What the runtime has packed.
    packed: Arc<Table<Polled>>,
    /// What was there without a wait, and is so much that the call which waits has it packed.
    much: RefCell<Option<(ConsumerRecords, Pace)>>,
    rebalances: RefCell<Rebalances>,
    handlings: RefCell<processing::Handlings>,
}

/// What there is of polls, by their tokens.
struct Table<T>(Mutex<HashMap<i64, T>>);

impl<T> Default for Table<T> {
    fn default() -> Self {
        Table(Mutex::default())
    }
}

impl<T> Table<T> {
    fn lock(&self) -> MutexGuard<'_, HashMap<i64, T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, token: i64, entry: T) {
        self.lock().insert(token, entry);
    }

    /// Takes one out; it is to be dropped without the lock.
    fn take(&self, token: i64) -> Option<T> {
        self.lock().remove(&token)
    }
}

/// Whether records are too much to be copied on the event loop.
fn is_much(records: &ConsumerRecords) -> bool {
    Polled::most_bytes(records) > AT_ONCE
}

/// The rebalances that the program is not done with, by numbers.
#[derive(Default)]
struct Rebalances {
    count: u32,
    open: HashMap<u32, rivven_bridge::Rebalance>,
}

/// A change of partitions, as JavaScript sees it.
#[napi(object, object_from_js = false)]
pub(crate) struct Rebalance {
    /// By which the program says that it is done with it.
    pub number: u32,
    /// `revoked`, `assigned` or `lost`.
    pub kind: &'static str,
    /// Which partitions.
    pub partitions: Vec<TopicPartition>,
}

impl Rebalances {
    fn open(&mut self, rebalance: rivven_bridge::Rebalance) -> Rebalance {
        use rivven_bridge::RebalanceKind::{Assigned, Lost, Revoked};
        self.count = self.count.wrapping_add(1);
        let kind = match rebalance.kind {
            Revoked => "revoked",
            Assigned => "assigned",
            Lost => "lost",
        };
        let partitions = list(rebalance.partitions.clone());
        self.open.insert(self.count, rebalance);
        Rebalance { number: self.count, kind, partitions }
    }
}

/// Makes a consumer; `wake` is called on the event loop when answers are to be drained.
#[napi]
pub(crate) fn open_consumer(
    config: HashMap<String, String>,
    wake: Function<'_, (), ()>,
) -> napi::Result<Either<NativeConsumer, Failure>> {
    NativeConsumer::open(Properties::new(), config, &wake)
}

impl NativeConsumer {
    /// Makes a consumer with a configuration that others are added to.
    pub(crate) fn open(
        mut properties: Properties,
        config: HashMap<String, String>,
        wake: &Function<'_, (), ()>,
    ) -> napi::Result<Either<NativeConsumer, Failure>> {
        let wake = Wake::new(wake)?;
        let queue = Queue::with_call(wake.signal());
        let made = catch_panic(|| {
            set_all(&mut properties, config)?;
            Consumer::new(&properties)
        });
        Ok(match made {
            Ok(consumer) => Either::A(NativeConsumer {
                consumer,
                queue,
                inbox: Inbox::default(),
                wake,
                paces: Arc::default(),
                packed: Arc::default(),
                much: RefCell::default(),
                rebalances: RefCell::default(),
                handlings: RefCell::default(),
            }),
            Err(error) => Either::B(error.into()),
        })
    }

    fn attempt(&self, call: impl FnOnce() -> Result<()>) -> Option<Failure> {
        catch_panic(call).err().map(Failure::from)
    }

    /// Asks the consumer for something that it answers at once.
    fn ask<T>(&self, what: impl FnOnce(&rivven_client::Consumer) -> Result<T>) -> Either<T, Failure> {
        match catch_panic(|| what(self.consumer.core()?)) {
            Ok(answer) => Either::A(answer),
            Err(error) => Either::B(error.into()),
        }
    }

    fn tell(&self, what: impl FnOnce(&rivven_client::Consumer) -> Result<()>) -> Option<Failure> {
        self.attempt(|| what(self.consumer.core()?))
    }

    /// What a poll without a wait gives; calls that wait find out why there is nothing.
    fn now<T>(&self, poll: impl FnOnce(&rivven_client::Consumer) -> Option<T>) -> Option<T> {
        catch_panic(|| self.consumer.now(poll)).ok()?
    }

    /// Asks the consumer for something that takes time.
    fn submit<T, F>(&self, token: i64, what: impl FnOnce(Arc<rivven_client::Consumer>) -> F) -> Option<Failure>
    where
        Answer: From<T>,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        self.attempt(|| self.consumer.submit(&self.queue, token as u64, what))
    }

    /// Asks the consumer for records, and packs them.
    fn submit_records<F>(&self, token: i64, what: impl FnOnce(Arc<rivven_client::Consumer>) -> F) -> Option<Failure>
    where
        F: Future<Output = Result<ConsumerRecords>> + Send + 'static,
    {
        let packed = Arc::clone(&self.packed);
        self.attempt(|| {
            self.consumer.submit_records(&self.queue, token as u64, |core| {
                let records = what(core);
                async move {
                    packed.put(token, Polled::new(&records.await?));
                    Ok(ConsumerRecords::default())
                }
            })
        })
    }

    /// Packs records that have come; `then` is done with how far the program has come with them.
    fn pack(
        &self,
        token: i64,
        (records, pace): (ConsumerRecords, Pace),
        then: impl FnOnce(Pace) + Send + 'static,
    ) -> Option<Failure> {
        let packed = Arc::clone(&self.packed);
        self.submit(token, |_| async move {
            packed.put(token, Polled::new(&records));
            then(pace);
            Ok(())
        })
    }

    fn completion(&self, Entry { token, result }: Entry) -> Completion {
        if let Some(polled) = self.packed.take(token as i64) {
            return Completion { token: token as i64, failure: None, value: Some(Value::Polled(polled)) };
        }
        match result {
            Ok(Answer::Rebalance(rebalance)) => {
                let rebalance = self.rebalances.borrow_mut().open(rebalance);
                Completion { token: token as i64, failure: None, value: Some(Value::Rebalance(rebalance)) }
            }
            Ok(Answer::Handling(handling)) => {
                let handled = self.handlings.borrow_mut().open(token, handling);
                Completion { token: UNCALLED as i64, failure: None, value: Some(Value::Handled(handled)) }
            }
            result => {
                drop(self.handlings.borrow_mut().calls.remove(&token));
                Completion::new(token, result, Failure::from)
            }
        }
    }
}

/// Offsets as the core takes them.
pub(crate) fn offsets(commits: Vec<Commit>) -> Vec<(String, u32, u64)> {
    commits.into_iter().map(|commit| (commit.topic, commit.partition, commit.offset.get_u64().1)).collect()
}

#[napi]
#[allow(unreachable_pub, reason = "the macro exports only what is pub")]
impl NativeConsumer {
    /// Takes answers and rebalances that have come, some at once; to be called until there are none.
    #[napi(catch_unwind)]
    pub fn drain(&self) -> Vec<Completion> {
        self.inbox.take(&self.queue).into_iter().map(|entry| self.completion(entry)).collect()
    }

    /// Keeps the event loop alive from now on, for calls that wait for their answers.
    #[napi]
    pub fn hold(&self, env: Env) {
        self.wake.hold(env);
    }

    /// Ends [`hold`](NativeConsumer::hold).
    #[napi]
    pub fn release(&self, env: Env) {
        self.wake.release(env);
    }

    /// Waits for a first ready connection.
    #[napi]
    pub fn connect(&self, token: i64) -> Option<Failure> {
        self.submit(token, |core| async move { core.connect().await })
    }

    /// Waits for records, `limit` in milliseconds.
    #[napi]
    pub fn poll(&self, token: i64, limit: Option<f64>) -> Option<Failure> {
        if let Some(much) = self.much.take() {
            return self.pack(token, much, Pace::hand_out);
        }
        self.submit_records(token, move |core| async move {
            match limit {
                Some(limit) => core.poll_timeout(milliseconds(limit)).await,
                None => core.poll().await,
            }
        })
    }

    /// What a poll gives without a wait, if anything that is not much; `poll` is to be called else, before anything is.
    #[napi(catch_unwind)]
    pub fn poll_now(&self) -> Option<Polled> {
        let (records, pace) = self.now(|core| {
            let records = core.poll_now()?;
            let pace = is_much(&records).then(|| core.pace(&records));
            Some((records, pace))
        })?;
        match pace {
            Some(pace) => {
                self.much.replace(Some((records, pace)));
                None
            }
            None => Some(Polled::new(&records)),
        }
    }

    /// Waits for records that the program takes one by one: it then says under the same token how far it has come.
    #[napi]
    pub fn read(&self, token: i64) -> Option<Failure> {
        let paces = Arc::clone(&self.paces);
        if let Some(much) = self.much.take() {
            return self.pack(token, much, move |pace| paces.put(token, pace));
        }
        self.submit_records(token, move |core| async move {
            let (records, pace) = core.poll_paced().await?;
            paces.put(token, pace);
            Ok(records)
        })
    }

    /// What `read` gives without a wait, if anything that is not much; `read` is to be called else, before anything is.
    #[napi(catch_unwind)]
    pub fn read_now(&self, token: i64) -> Option<Polled> {
        let (records, pace) = self.now(rivven_client::Consumer::poll_paced_now)?;
        if is_much(&records) {
            self.much.replace(Some((records, pace)));
            return None;
        }
        self.paces.put(token, pace);
        Some(Polled::new(&records))
    }

    /// The program has a record of those that were read, and is done with those before.
    #[napi]
    pub fn reached(&self, token: i64, part: u32, offset: BigInt) {
        if let Some(pace) = self.paces.lock().get_mut(&token) {
            pace.reached(part as usize, offset.get_u64().1);
        }
    }

    /// The program is done with all that was read.
    #[napi]
    pub fn finish(&self, token: i64) {
        if let Some(pace) = self.paces.take(token) {
            pace.finish();
        }
    }

    /// The program does not want the rest of what was read.
    #[napi]
    pub fn give_back(&self, token: i64) {
        drop(self.paces.take(token));
    }

    /// Lets handlers work on records, which come under no call's token.
    #[napi]
    pub fn process(&self, token: i64) -> Option<Failure> {
        self.attempt(|| {
            let to = (&self.queue, token as u64);
            let processing = self.consumer.submit_process(to, &self.queue, token as u64)?;
            self.handlings.borrow_mut().calls.insert(token as u64, processing);
            Ok(())
        })
    }

    /// The program is done with a record, or its handler failed, for a reason that is given.
    #[napi]
    pub fn handled(&self, number: u32, why: Option<String>) {
        let handling = self.handlings.borrow_mut().take(number);
        handling.into_iter().for_each(|handling| handling.settle(why.clone().map_or(Ok(()), Err)));
    }

    /// Ends the poll that waits, or the next one.
    #[napi]
    pub fn wakeup(&self) -> Option<Failure> {
        self.tell(|core| {
            core.wakeup();
            Ok(())
        })
    }

    /// Reads topics.
    #[napi]
    pub fn subscribe(&self, topics: Vec<String>) -> Option<Failure> {
        self.tell(|core| core.subscribe(&topics))
    }

    /// Reads nothing any more.
    #[napi]
    pub fn unsubscribe(&self) -> Option<Failure> {
        self.tell(rivven_client::Consumer::unsubscribe)
    }

    /// Reads partitions.
    #[napi]
    pub fn assign(&self, partitions: Vec<TopicPartition>) -> Option<Failure> {
        self.tell(|core| core.assign(&list(partitions)))
    }

    /// The partitions that are read.
    #[napi]
    pub fn assignments(&self) -> Either<Vec<TopicPartition>, Failure> {
        self.ask(|core| Ok(list(core.assignments())))
    }

    /// Gives no more records of a partition.
    #[napi]
    pub fn pause(&self, topic: String, partition: u32) -> Option<Failure> {
        self.tell(|core| core.pause(&topic, partition))
    }

    /// Goes on with a partition.
    #[napi]
    pub fn resume(&self, topic: String, partition: u32) -> Option<Failure> {
        self.tell(|core| core.resume(&topic, partition))
    }

    /// The partitions that are paused.
    #[napi]
    pub fn paused(&self) -> Either<Vec<TopicPartition>, Failure> {
        self.ask(|core| Ok(list(core.paused())))
    }

    /// Goes on at an offset.
    #[napi]
    pub fn seek(&self, token: i64, topic: String, partition: u32, offset: BigInt) -> Option<Failure> {
        let offset = offset.get_u64().1;
        self.submit(token, move |core| async move { core.seek(topic, partition, offset).await })
    }

    /// Goes on at the first record.
    #[napi]
    pub fn seek_to_beginning(&self, token: i64, topic: String, partition: u32) -> Option<Failure> {
        self.submit(token, move |core| async move { core.seek_to_beginning(topic, partition).await })
    }

    /// Goes on behind the last record.
    #[napi]
    pub fn seek_to_end(&self, token: i64, topic: String, partition: u32) -> Option<Failure> {
        self.submit(token, move |core| async move { core.seek_to_end(topic, partition).await })
    }

    /// Goes on at the first record at or after a time, in milliseconds since 1970.
    #[napi]
    pub fn seek_to_timestamp(&self, token: i64, topic: String, partition: u32, timestamp_ms: i64) -> Option<Failure> {
        self.submit(token, move |core| async move { core.seek_to_timestamp(topic, partition, timestamp_ms).await })
    }

    /// The offset of the next record of a partition, if it is known.
    #[napi]
    pub fn position(&self, topic: String, partition: u32) -> Either<Option<u64>, Failure> {
        self.ask(|core| core.position(&topic, partition))
    }

    /// Asks how much there is behind the position.
    #[napi]
    pub fn lag(&self, token: i64, topic: String, partition: u32) -> Option<Failure> {
        self.submit(token, move |core| async move { core.lag(topic, partition).await })
    }

    /// Commits what was given.
    #[napi]
    pub fn commit(&self, token: i64) -> Option<Failure> {
        self.submit(token, |core| async move { core.commit().await })
    }

    /// Commits without an answer.
    #[napi]
    pub fn commit_async(&self) -> Option<Failure> {
        self.tell(rivven_client::Consumer::commit_async)
    }

    /// Commits offsets.
    #[napi]
    pub fn commit_offsets(&self, token: i64, commits: Vec<Commit>) -> Option<Failure> {
        let offsets = offsets(commits);
        self.submit(token, move |core| async move { core.commit_offsets(&offsets).await })
    }

    /// Commits offsets and says of each what became of it.
    #[napi]
    pub fn commit_offsets_each(&self, token: i64, commits: Vec<Commit>) -> Option<Failure> {
        let offsets = offsets(commits);
        self.submit(token, move |core| async move { core.commit_offsets_each(&offsets).await })
    }

    /// Sets what the next commits commit of a partition.
    #[napi]
    pub fn store_offset(&self, topic: String, partition: u32, offset: BigInt) -> Option<Failure> {
        self.tell(|core| core.store_offset(&topic, partition, offset.get_u64().1))
    }

    /// Asks for the first offset and the next one to be written.
    #[napi]
    pub fn get_offset_bounds(&self, token: i64, topic: String, partition: u32) -> Option<Failure> {
        self.submit(token, move |core| async move { core.get_offset_bounds(topic, partition).await })
    }

    /// Asks for the offset that the group has committed.
    #[napi]
    pub fn committed(&self, token: i64, topic: String, partition: u32) -> Option<Failure> {
        self.submit(token, move |core| async move { core.committed(topic, partition).await })
    }

    /// Lets rebalances wait for the program, or no longer.
    #[napi]
    pub fn relay_rebalances(&self, relay: bool) -> Option<Failure> {
        self.attempt(|| self.consumer.relay_rebalances(relay.then_some((&self.queue, UNCALLED))))
    }

    /// The program is done with a rebalance.
    #[napi]
    pub fn rebalanced(&self, number: u32) {
        let rebalance = self.rebalances.borrow_mut().open.remove(&number);
        drop(rebalance);
    }

    /// Waits for the next event.
    #[napi]
    pub fn next_event(&self, token: i64) -> Option<Failure> {
        self.attempt(|| self.consumer.submit_next_event(&self.queue, token as u64))
    }

    /// What the consumer has done so far.
    #[napi]
    pub fn stats(&self) -> Either<ConsumerStats, Failure> {
        self.ask(|core| Ok(core.stats().into()))
    }

    /// The group.
    #[napi]
    pub fn group_id(&self) -> Either<String, Failure> {
        self.ask(|core| Ok(core.group_id().to_owned()))
    }

    /// Closes; `limit` in milliseconds.
    #[napi]
    pub fn close(&self, token: i64, limit: Option<f64>) -> Option<Failure> {
        self.attempt(|| self.consumer.submit_close(limit.map(milliseconds), &self.queue, token as u64))
    }
}
