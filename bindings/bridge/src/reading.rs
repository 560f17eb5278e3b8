//! Reading for languages in which whoever waits may give up waiting: what has come then is kept.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rivven_client::{Consumer, ConsumerRecord, ConsumerRecords, Detail, Error, ErrorCode, Pace, RecordStream, Result};
use tokio::sync::{Mutex as AsyncMutex, MutexGuard as AsyncMutexGuard, Notify};
use tokio::time::{Instant, timeout, timeout_at};

/// The longest that is waited, so that no point in time overflows.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// The shortest pause before it is looked again whether the consumer has had its first answer.
const LOOK: Duration = Duration::from_millis(10);

/// How long those who wait may take to end.
const LEAVING: Duration = Duration::from_millis(200);

/// What a consumer has given and nobody has taken yet, by polls or one by one.
pub(crate) struct Reading {
    core: Arc<Consumer>,
    /// Locked by whoever waits for records, so that one poll is under way at most.
    stream: AsyncMutex<Option<RecordStream>>,
    /// What the last wait came to, until it is claimed: records, which the program has only then, or why there are none.
    /// No other poll begins before.
    given: Mutex<Option<Result<(ConsumerRecords, Pace)>>>,
    /// Tells those who wait that somebody else is to read.
    interrupted: Notify,
    /// Whether somebody reads [`alone`](Reading::alone), or is about to.
    taken: AtomicBool,
}

impl Reading {
    pub(crate) fn new(core: &Arc<Consumer>) -> Self {
        Reading {
            core: Arc::clone(core),
            stream: AsyncMutex::default(),
            given: Mutex::default(),
            interrupted: Notify::new(),
            taken: AtomicBool::new(false),
        }
    }

    fn given(&self) -> MutexGuard<'_, Option<Result<(ConsumerRecords, Pace)>>> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is something to claim, at most so long.
    pub(crate) async fn poll(&self, limit: Duration) -> Result<()> {
        self.unless_interrupted(self.poll_now(limit)).await
    }

    async fn unless_interrupted(&self, waiting: impl Future<Output = ()>) -> Result<()> {
        let interrupted = self.interrupted.notified();
        self.check()?;
        tokio::select! {
            biased;
            () = interrupted => {}
            () = waiting => {}
        }
        Ok(())
    }

    async fn poll_now(&self, limit: Duration) {
        let until = Instant::now() + limit.min(LONGEST);
        let Ok(mut stream) = timeout_at(until, self.stream.lock()).await else { return };
        if self.given().is_some() {
            return;
        }
        // What it has not given comes by this poll.
        drop(stream.take());
        let polled = self.core.poll_paced_timeout(until - Instant::now()).await;
        if polled.as_ref().map_or(true, |(records, _)| !records.is_empty() || !records.ended().is_empty()) {
            *self.given() = Some(polled);
        }
    }

    /// Takes what a poll gave, or why it failed; from now on the program has it.
    pub(crate) fn claim(&self) -> Result<Option<ConsumerRecords>> {
        let given = self.given().take().transpose()?;
        Ok(given.map(|(records, pace)| {
            pace.hand_out();
            records
        }))
    }

    /// Takes what a poll gave for somebody who gives it to the program.
    fn unclaimed(&self) -> Option<(ConsumerRecords, Pace)> {
        self.given().take_if(|given| given.is_ok()).and_then(Result::ok)
    }

    /// Tells why a wait failed, if nobody was told.
    fn tell_failure(&self) -> Result<()> {
        let failed = self.given().take_if(|given| given.is_err());
        failed.map_or(Ok(()), |failed| failed.map(drop))
    }

    /// Takes what a poll would give at once; `None` if there is nothing, or a poll has anything else to do.
    pub(crate) fn take_now(&self) -> Result<Option<ConsumerRecords>> {
        self.check()?;
        let Ok(mut stream) = self.stream.try_lock() else { return Ok(None) };
        let given = self.claim()?;
        if given.is_some() {
            return Ok(given);
        }
        drop(stream.take());
        Ok(self.core.poll_now())
    }

    /// Waits until there is a record to take, or to be told why there is none, at most so long.
    ///
    /// It also ends when all partitions are at their ends. Before the consumer has had a first answer nobody could
    /// tell that there is none, so it waits for that, however short the time.
    pub(crate) async fn ready(&self, limit: Duration) -> Result<()> {
        self.unless_interrupted(self.ready_now(limit)).await
    }

    async fn ready_now(&self, limit: Duration) {
        let until = Instant::now() + limit.min(LONGEST);
        let Ok(mut stream) = timeout_at(until, self.stream.lock()).await else { return };
        if self.given().as_ref().is_some_and(Result::is_err) {
            return;
        }
        self.resume(&mut stream);
        let stream = stream.get_or_insert_with(|| self.core.stream());
        if let Err(error) = self.stream_ready(stream, until).await {
            *self.given() = Some(Err(error));
        }
    }

    async fn stream_ready(&self, stream: &mut RecordStream, until: Instant) -> Result<()> {
        let patience = Instant::now() + self.core.config().request_timeout;
        let mut limit = until - Instant::now();
        while !stream.ready(limit).await? {
            let (stats, now) = (self.core.stats(), Instant::now());
            let at_end = !stats.partitions.is_empty() && stats.partitions.iter().all(|of| of.lag == Some(0));
            if at_end || now >= until && (stats.fetches > 0 || now >= patience) {
                break;
            }
            limit = (until - now).max(LOOK);
        }
        Ok(())
    }

    /// Takes the next record, if there is one in hand.
    pub(crate) fn try_next(&self) -> Option<ConsumerRecord> {
        self.stream.try_lock().ok()?.as_mut()?.try_next()
    }

    /// Takes the next record, if one has come.
    pub(crate) fn next_now(&self) -> Result<Option<ConsumerRecord>> {
        Ok(self.take_ready(RecordStream::try_next)?.flatten())
    }

    /// Takes the records that have come, at most so many.
    pub(crate) fn take(&self, most: usize) -> Result<Vec<ConsumerRecord>> {
        Ok(self.take_ready(|stream| stream.take_ready(most))?.unwrap_or_default())
    }

    /// Takes something of a stream that has begun, where a record has come.
    fn take_ready<T>(&self, take: impl FnOnce(&mut RecordStream) -> T) -> Result<Option<T>> {
        self.check()?;
        let Ok(mut stream) = self.stream.try_lock() else { return Ok(None) };
        self.tell_failure()?;
        let Some(stream) = stream.as_mut() else { return Ok(None) };
        Ok(stream.ready_now().then(|| take(stream)))
    }

    /// Lets nobody else read until what is returned is dropped; what nobody has taken is given back.
    ///
    /// Whoever waits for records ends without any.
    ///
    /// # Errors
    ///
    /// `INVALID_STATE` if somebody else reads alone; why a wait failed that nobody has been told of.
    pub(crate) async fn alone(&self) -> Result<Alone<'_>> {
        if self.taken.swap(true, Ordering::AcqRel) {
            return Err(occupied());
        }
        let taken = Taken(&self.taken);
        self.interrupted.notify_waiters();
        let mut stream = self.stream.lock().await;
        self.give_back(&mut stream);
        if let Err(error) = self.tell_failure() {
            // Whoever reads alone knows an end of its own for some.
            match error.code() {
                ErrorCode::WokenUp => self.core.wakeup(),
                ErrorCode::Closed => {}
                _ => return Err(error),
            }
        }
        Ok(Alone { _stream: stream, _taken: taken })
    }

    /// Looks whether there is anything to wait for.
    ///
    /// # Errors
    ///
    /// `INVALID_STATE` if somebody reads alone.
    pub(crate) fn check(&self) -> Result<()> {
        if self.taken.load(Ordering::Acquire) { Err(occupied()) } else { Ok(()) }
    }

    /// Gives back what nobody has taken, before the consumer takes it for done at its end.
    ///
    /// Whoever waits ends without any. Handlers, which read alone, are ended by the consumer.
    pub(crate) async fn quit(&self) {
        if self.taken.load(Ordering::Acquire) {
            return;
        }
        self.interrupted.notify_waiters();
        // The stream stays: it knows how far the program is.
        if let Ok(mut stream) = timeout(LEAVING, self.stream.lock()).await {
            self.resume(&mut stream);
        }
    }

    /// Gives nothing that is in hand any more: the consumer has been closed.
    pub(crate) async fn end(&self) {
        if let Ok(mut stream) = timeout(LEAVING, self.stream.lock()).await {
            self.give_back(&mut stream);
        }
    }

    /// Waits for records that are taken beside nobody who reads alone.
    ///
    /// # Errors
    ///
    /// `INVALID_STATE` as soon as somebody reads alone.
    pub(crate) async fn beside(
        &self,
        records: impl Future<Output = Result<ConsumerRecords>>,
    ) -> Result<ConsumerRecords> {
        tokio::pin!(records);
        loop {
            let interrupted = self.interrupted.notified();
            self.check()?;
            tokio::select! {
                biased;
                () = interrupted => {}
                records = &mut records => return records,
            }
        }
    }

    /// Gives back what nobody has taken, so that it is read again from where the program goes on.
    pub(crate) fn restart(&self) {
        if let Ok(mut stream) = self.stream.try_lock() {
            self.give_back(&mut stream);
        }
    }

    fn give_back(&self, stream: &mut Option<RecordStream>) {
        drop((self.unclaimed(), stream.take()));
    }

    /// Lets the stream go on with what a poll gave and nobody has taken.
    fn resume(&self, stream: &mut Option<RecordStream>) {
        if let Some((records, pace)) = self.unclaimed() {
            stream.get_or_insert_with(|| self.core.stream()).resume(&records, pace);
        }
    }
}

fn occupied() -> Error {
    let text =
        "the consumer is processing, or transforming, and gives its records to handlers: end that first by wakeup";
    Error::Misuse(Detail::new(text).with_code(ErrorCode::InvalidState))
}

/// Nobody else reads while this is there.
pub(crate) struct Alone<'a> {
    _stream: AsyncMutexGuard<'a, Option<RecordStream>>,
    _taken: Taken<'a>,
}

/// Somebody is about to read alone.
struct Taken<'a>(&'a AtomicBool);

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl std::fmt::Debug for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reading").finish_non_exhaustive()
    }
}
