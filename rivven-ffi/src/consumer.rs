//! Consumers
//!
//! A consumer reads records of topics ahead of the program and gives them a
//! batch at a time. Those of a group divide the partitions of the topics that
//! they subscribe to, or a program assigns each its partitions.
//!
//!     rivven_consumer_new(config, NULL, &consumer, &error);
//!     rivven_consumer_subscribe(consumer, topics, 1, &error);
//!     while (rivven_consumer_poll(consumer, -1, &batch, &error) == RIVVEN_CODE_OK) {
//!         work_on(batch);
//!         rivven_batch_free(batch);
//!     }

use std::ffi::{CString, c_char};
use std::ptr;
use std::sync::Arc;

use rivven_bridge::{Answer, Consumer, Processing, Queue};
use rivven_client::{ConsumerRecords, Detail, Error, ErrorCode, ProcessReport, Result};

use crate::batch::{Batch, Wanted, batch, rivven_batch_t};
use crate::code::rivven_code;
use crate::config::{rivven_config_t, snapshot};
use crate::error::{c_string, rivven_error_t};
use crate::guard::{fallible, read, silent};
use crate::handle::{self, Opaque};
use crate::input::{milliseconds, required, text, texts};
use crate::partitions::{partitions, partitions_of, rivven_partitions_t};
use crate::polls::Polls;
use crate::processing::Handler;
use crate::queue::rivven_queue_t;
use crate::rebalances::RebalanceCallback;

/// Reads records of topics.
///
/// Its partitions are those that are assigned by `rivven_consumer_assign`, or
/// those of the topics that are subscribed to by `rivven_consumer_subscribe`. What
/// the program is done with is committed by itself every
/// `auto.commit.interval.ms` and at the end, or by `rivven_consumer_commit`.
///
/// It may be used by any number of threads at once; polls wait for each other. In
/// the child of a `fork` every call on a consumer of the parent fails with
/// `RIVVEN_CODE_FORKED`; free it there and make a new one.
pub struct rivven_consumer_t {
    _opaque: [u8; 0],
}

/// A consumer and where its calls wait.
pub(crate) struct Consuming {
    consumer: Consumer,
    polls: Polls,
    wanted: Wanted,
    /// Can be read in a forked child, too.
    group_id: CString,
}

impl Opaque for rivven_consumer_t {
    type Value = Consuming;
    const MARKER: u64 = 0x7269_765f_636f_6e73;
    const NAME: (&'static str, &'static str) = ("consumer", "rivven_consumer_new");
}

impl Consuming {
    /// Makes a consumer whose events go to a queue, or nowhere.
    ///
    /// # Safety
    ///
    /// As `handle::share`, but the queue may be NULL.
    unsafe fn new(config: *const rivven_config_t, queue: *mut rivven_queue_t) -> Result<Self> {
        // SAFETY: passed on to the caller.
        let properties = unsafe { snapshot(config)? };
        // SAFETY: passed on to the caller.
        let inbox = if queue.is_null() { None } else { Some(unsafe { handle::share(queue.cast_const()) }?) };
        let events = inbox.map(|inbox| inbox.add_consumer()).transpose()?;
        let consumer = Consumer::new(&properties)?;
        if let Some((queue, token)) = events {
            consumer.relay_events(&queue, token)?;
        }
        let group_id = c_string(consumer.core()?.group_id().to_owned());
        Ok(Consuming { consumer, polls: Polls::new(), wanted: Wanted::default(), group_id })
    }

    fn poll(&self, timeout_ms: i64) -> Result<Batch> {
        // What is there already takes no other thread.
        self.polls.check()?;
        if let Some(records) = self.consumer.core()?.poll_now() {
            return Ok(self.batch(records));
        }
        let answer = self.polls.call(|queue, token| {
            self.consumer.submit(queue, token, |core| async move {
                match milliseconds(timeout_ms) {
                    Some(limit) => core.poll_timeout(limit).await,
                    None => core.poll().await,
                }
            })
        })?;
        match answer {
            Answer::ConsumerRecords(records) => Ok(self.batch(records)),
            other => Err(misanswered(&other)),
        }
    }

    /// The consumer alone.
    pub(crate) fn consumer(&self) -> &Consumer {
        &self.consumer
    }

    /// Records that the consumer gave, in the form that C reads.
    pub(crate) fn batch(&self, records: ConsumerRecords) -> Batch {
        Batch::of_consumer(records, &self.wanted)
    }

    /// Makes a call that may wait for a rebalance, whose callback runs here meanwhile.
    pub(crate) fn call(&self, submit: impl FnOnce(&Arc<Queue>, u64) -> Result<()>) -> Result<Answer> {
        self.polls.call(submit)
    }

    fn close(&self, timeout_ms: i64) -> Result<()> {
        let limit = milliseconds(timeout_ms);
        self.polls.call(|queue, token| self.consumer.submit_close(limit, queue, token)).map(drop)
    }

    /// Begins to process; the number under which handlers are run, and what ends it.
    pub(crate) fn process(&self) -> Result<(u64, Processing)> {
        self.polls.process(|queue, token| self.consumer.submit_process((queue, token), queue, token))
    }

    /// Runs handlers until processing has ended.
    pub(crate) fn run(&self, processing: u64, handler: &Handler) -> Result<ProcessReport> {
        self.consumer.core()?;
        self.polls.run(processing, handler)
    }

    /// Nobody runs handlers any more.
    pub(crate) fn forget(&self, processing: u64) {
        self.polls.forget(processing);
    }

    /// Sets the callback, which is made once nothing can fail any more: its data is freed with it.
    pub(crate) fn set_callback(&self, callback: impl FnOnce() -> Option<RebalanceCallback>) -> Result<()> {
        self.consumer.core()?;
        let to = self.polls.set_callback(callback())?;
        self.consumer.relay_rebalances(to)
    }
}

/// The error of a call whose answer is that of another one.
pub(crate) fn misanswered(answer: &Answer) -> Error {
    Error::Other(Detail::new(format!("a poll was answered by {answer:?}")).with_code(ErrorCode::Internal))
}

/// Runs the body of a function on a consumer and its calls, which stay alive until the body ends.
///
/// # Safety
///
/// As `handle::share` and `fallible`.
pub(crate) unsafe fn on_consuming(
    consumer: *mut rivven_consumer_t,
    error: *mut *mut rivven_error_t,
    body: impl FnOnce(&Consuming) -> Result<()>,
) -> rivven_code {
    // SAFETY: passed on to the caller.
    unsafe {
        fallible(error, || {
            let consuming = handle::share(consumer.cast_const())?;
            body(&consuming)
        })
    }
}

/// The same for those that need the consumer alone.
///
/// # Safety
///
/// As [`on_consuming`].
pub(crate) unsafe fn on_consumer(
    consumer: *mut rivven_consumer_t,
    error: *mut *mut rivven_error_t,
    body: impl FnOnce(&Consumer) -> Result<()>,
) -> rivven_code {
    // SAFETY: passed on to the caller.
    unsafe { on_consuming(consumer, error, |consuming| body(&consuming.consumer)) }
}

/// Makes a consumer and stores it in `*consumer`; the caller frees it with `rivven_consumer_free`.
///
/// What happens to it besides records goes to `queue`, from
/// `RIVVEN_EVENT_KIND_GAP` on in the list of kinds; `queue` may be NULL if the
/// program does not want to know. The consumer connects in the background. The
/// configuration is copied.
///
/// Fails with `RIVVEN_CODE_INVALID_CONFIG` for keys that contradict each other
/// and for an address that cannot be read; with `RIVVEN_CODE_IO` if the
/// background threads cannot be started; `RIVVEN_CODE_FORKED` for a queue of
/// the parent of a `fork`, and `RIVVEN_CODE_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_new(
    config: *const rivven_config_t,
    queue: *mut rivven_queue_t,
    consumer: *mut *mut rivven_consumer_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the output was checked, and the caller gives room for it.
    unsafe {
        fallible(error, || -> Result<()> {
            required(consumer, "consumer")?;
            consumer.write(handle::make(Consuming::new(config, queue)?));
            Ok(())
        })
    }
}

/// Gives the `group.id`, whose offsets are committed; NULL for NULL. It lives as long as the consumer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_group_id(consumer: *const rivven_consumer_t) -> *const c_char {
    // SAFETY: the caller gives NULL or a consumer.
    unsafe { read(consumer, ptr::null(), |consuming| Some(consuming.group_id.as_ptr())) }
}

/// Waits for a first ready connection, at most `connection.timeout.ms`.
///
/// Calling it is a choice: without it polls wait until there is one. Fails as
/// `rivven_client_connect`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_connect(
    consumer: *mut rivven_consumer_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: passed on to the caller.
    unsafe {
        on_consumer(consumer, error, |consumer| consumer.start(|core| async move { core.connect().await })?.wait())
    }
}

/// Reads the `count` topics of an array from now on, instead of those before.
///
/// None at all is `rivven_consumer_unsubscribe`. Fails with
/// `RIVVEN_CODE_INVALID_TOPIC`, with `RIVVEN_CODE_INVALID_STATE` if partitions are
/// assigned by the program, with `RIVVEN_CODE_CLOSED`, `RIVVEN_CODE_FORKED` and
/// `RIVVEN_CODE_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_subscribe(
    consumer: *mut rivven_consumer_t,
    topics: *const *const c_char,
    count: usize,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives an array of strings.
    unsafe { on_consumer(consumer, error, |consumer| consumer.core()?.subscribe(&texts(topics, count, "topics")?)) }
}

/// Reads nothing from now on, neither subscribed topics nor assigned partitions.
///
/// Partitions of subscribed topics are given back by the next poll. Fails with
/// `RIVVEN_CODE_CLOSED`, `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_unsubscribe(
    consumer: *mut rivven_consumer_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: passed on to the caller.
    unsafe { on_consumer(consumer, error, |consumer| consumer.core()?.unsubscribe()) }
}

/// Reads these partitions from now on, instead of those before; no group coordinates them.
///
/// Those that are read already go on where they are. `partitions` stays the
/// caller's. Fails with `RIVVEN_CODE_INVALID_TOPIC`, with
/// `RIVVEN_CODE_INVALID_STATE` if topics are subscribed to, with
/// `RIVVEN_CODE_CLOSED`, `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_assign(
    consumer: *mut rivven_consumer_t,
    partitions: *const rivven_partitions_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: passed on to the caller.
    unsafe { on_consumer(consumer, error, |consumer| consumer.core()?.assign(&partitions_of(partitions)?)) }
}

/// Stores in `*assigned` the partitions that the consumer has now.
///
/// The caller frees the list with `rivven_partitions_free`. Fails with
/// `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_assignments(
    consumer: *mut rivven_consumer_t,
    assigned: *mut *mut rivven_partitions_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the output was checked, and the caller gives room for it.
    unsafe {
        on_consumer(consumer, error, |consumer| {
            required(assigned, "assigned")?;
            assigned.write(partitions(&consumer.core()?.assignments()));
            Ok(())
        })
    }
}

/// Waits for records, at most `timeout_ms` milliseconds, and stores them in `*batch`.
///
/// The caller frees the batch with `rivven_batch_free`. It has at most
/// `max.poll.records` records, and none if none came in time. A negative
/// `timeout_ms` stands for `max.poll.interval.ms`; 0 gives what has come already.
/// A poll says that the program is done with what the one before gave. The
/// callback of rebalances is called in it.
///
/// Fails with:
/// - `RIVVEN_CODE_WOKEN_UP` after `rivven_consumer_wakeup`, `RIVVEN_CODE_CLOSED` once
///   the consumer is closed;
/// - `RIVVEN_CODE_INVALID_STATE` if there is neither a topic nor a partition, and
///   in the callback of rebalances;
/// - why no server can be connected, after `max.reconnect.attempts`; the next poll
///   begins anew;
/// - `RIVVEN_CODE_NO_OFFSET` with `auto.offset.reset` error, and
///   `RIVVEN_CODE_ANSWER_TOO_LARGE` and `RIVVEN_CODE_SERIALIZATION` of a record that
///   cannot be read: seek, since nothing more comes of its partition until then.
///   The position is that of the record;
/// - `RIVVEN_CODE_UNKNOWN_TOPIC_OR_PARTITION` and what else keeps partitions from
///   being read, instead of an empty batch;
/// - `RIVVEN_CODE_QUEUE_FULL`, instead of an empty batch, if batches that the program
///   has not freed use up `fetch.buffer.memory`;
/// - `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_poll(
    consumer: *mut rivven_consumer_t,
    timeout_ms: i64,
    batch: *mut *mut rivven_batch_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the output was checked, and the caller gives room for it.
    unsafe {
        on_consuming(consumer, error, |consuming| {
            required(batch, "batch")?;
            batch.write(self::batch(consuming.poll(timeout_ms)?));
            Ok(())
        })
    }
}

/// Ends the poll that waits, or the next one, with `RIVVEN_CODE_WOKEN_UP`.
///
/// Never blocks, and may be called from any thread. Fails with `RIVVEN_CODE_FORKED`
/// and `RIVVEN_CODE_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_wakeup(
    consumer: *mut rivven_consumer_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: passed on to the caller.
    unsafe {
        on_consumer(consumer, error, |consumer| {
            consumer.core()?.wakeup();
            Ok(())
        })
    }
}

/// Gives no more records of a partition, and asks for none.
///
/// What has come is kept as long as others do not need the memory, and asked for
/// again otherwise.
///
/// Fails with `RIVVEN_CODE_NOT_ASSIGNED`, `RIVVEN_CODE_FORKED` and
/// `RIVVEN_CODE_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_pause(
    consumer: *mut rivven_consumer_t,
    topic: *const c_char,
    partition: u32,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives a string.
    unsafe { on_consumer(consumer, error, |consumer| consumer.core()?.pause(text(topic, "topic")?, partition)) }
}

/// Goes on with a partition that was paused.
///
/// Fails as `rivven_consumer_pause`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_resume(
    consumer: *mut rivven_consumer_t,
    topic: *const c_char,
    partition: u32,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives a string.
    unsafe { on_consumer(consumer, error, |consumer| consumer.core()?.resume(text(topic, "topic")?, partition)) }
}

/// Stores in `*paused` the partitions that are paused.
///
/// The caller frees the list with `rivven_partitions_free`. Fails with
/// `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_paused(
    consumer: *mut rivven_consumer_t,
    paused: *mut *mut rivven_partitions_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the output was checked, and the caller gives room for it.
    unsafe {
        on_consumer(consumer, error, |consumer| {
            required(paused, "paused")?;
            paused.write(partitions(&consumer.core()?.paused()));
            Ok(())
        })
    }
}

/// Commits what is to be committed by itself, gives partitions back and disconnects.
///
/// It waits for at most `timeout_ms` milliseconds; a negative `timeout_ms`
/// stands for `close.timeout.ms`. What the last poll gave counts as done if that
/// poll has returned. A poll that waits in another thread ends with
/// `RIVVEN_CODE_CLOSED`, as do calls afterwards. The callback of rebalances is
/// called in it. Closing twice is no error. Batches stay valid, and the handle
/// has to be freed nevertheless.
///
/// Fails with what kept the last offsets from being committed, and with
/// `RIVVEN_CODE_TIMED_OUT` if it took too long: the consumer is closed all the
/// same. Fails with `RIVVEN_CODE_INVALID_STATE` in the callback of rebalances,
/// `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`, too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_close(
    consumer: *mut rivven_consumer_t,
    timeout_ms: i64,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: passed on to the caller.
    unsafe { on_consuming(consumer, error, |consuming| consuming.close(timeout_ms)) }
}

/// Drops the caller's reference to a consumer; accepts NULL and never blocks.
///
/// A call that is under way in another thread goes on to its end. A consumer that
/// was not closed is closed in the background, within `close.timeout.ms`, without
/// its callback: no call begins one any more, and one that another thread's call
/// has begun, or is about to, goes on to its end, before the user data is freed.
/// Its batches live on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_free(consumer: *mut rivven_consumer_t) {
    // SAFETY: the caller gives NULL or a consumer that is not used for a new call any more.
    silent(|| unsafe {
        if let Ok(consuming) = handle::share(consumer.cast_const()) {
            handle::release(consumer);
            let _ = consuming.set_callback(|| None);
        }
    });
}
