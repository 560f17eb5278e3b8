//! The consumer handle of the boundaries.

use std::future::Future;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::time::Duration;

use rivven_client::{
    ConsumerConfig, ConsumerEvent, ConsumerRecord, ConsumerRecords, Error, ProcessReport, Properties, Result,
};

use crate::answer::Answer;
use crate::call::Call;
use crate::events::Events;
use crate::fork::ForkMark;
use crate::interest::Interest;
use crate::processing::{Handlers, Processing, process};
use crate::queue::{Completion, Due, Queue};
use crate::reading::Reading;
use crate::rebalance::Relay;
use crate::share::Share;

/// What errors call a consumer.
const WHAT: &str = "the consumer";

/// A consumer on the shared runtime; use it from any thread, share it by `Arc`.
///
/// What answers at once is asked of the [`core`](Consumer::core). What takes
/// time is [started](Consumer::start) or [submitted](Consumer::submit). One that is
/// dropped without being closed is closed in the background. In a forked child
/// every call fails with `FORKED` and dropping leaks.
#[derive(Debug)]
pub struct Consumer {
    parts: ManuallyDrop<Parts>,
    mark: ForkMark,
}

#[derive(Debug)]
struct Parts {
    core: Arc<rivven_client::Consumer>,
    runtime: Arc<Share>,
    events: Arc<Events>,
    reading: Arc<Reading>,
}

impl Parts {
    /// Closes within a time; what nobody has taken is given back.
    fn closing(&self, limit: Duration) -> impl Future<Output = Result<()>> + Send + use<> {
        let (core, reading) = (Arc::clone(&self.core), Arc::clone(&self.reading));
        async move {
            reading.quit().await;
            let closed = core.close_timeout(limit).await;
            reading.end().await;
            closed
        }
    }
}

impl Consumer {
    /// Makes a consumer, which connects in the background.
    ///
    /// # Errors
    ///
    /// `INVALID_CONFIG`; `IO` if the runtime's threads cannot be started.
    pub fn new(properties: &Properties) -> Result<Self> {
        let config = ConsumerConfig::from_properties(properties)?;
        let runtime = Share::acquire(properties)?;
        let share = runtime.get().ok_or_else(|| Error::closed(WHAT))?;
        let _inside = share.handle().enter();
        let core = Arc::new(rivven_client::Consumer::unconnected(config)?);
        let events = Arc::new(Events::new(core.events()));
        let reading = Arc::new(Reading::new(&core));
        Ok(Consumer { parts: ManuallyDrop::new(Parts { core, runtime, events, reading }), mark: ForkMark::here() })
    }

    fn parts(&self) -> Result<&Parts> {
        self.mark.check(WHAT)?;
        Ok(&self.parts)
    }

    /// The consumer itself, for what answers at once.
    ///
    /// # Errors
    ///
    /// `FORKED`.
    pub fn core(&self) -> Result<&rivven_client::Consumer> {
        Ok(&*self.parts()?.core)
    }

    /// Begins something that takes time; what comes of it is then waited for.
    ///
    /// # Errors
    ///
    /// `FORKED`; everything else comes with the answer.
    pub fn start<T, F>(&self, what: impl FnOnce(Arc<rivven_client::Consumer>) -> F) -> Result<Call<T>>
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
        what: impl FnOnce(Arc<rivven_client::Consumer>) -> F,
    ) -> Result<()>
    where
        Answer: From<T>,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let parts = self.parts()?;
        parts.runtime.run_into(WHAT, queue, token, what(Arc::clone(&parts.core)));
        Ok(())
    }

    /// Whether the consumer was closed.
    ///
    /// # Errors
    ///
    /// `FORKED`.
    pub fn is_closed(&self) -> Result<bool> {
        Ok(self.parts()?.runtime.get().is_none())
    }

    /// What polls have given and nobody has taken yet.
    pub(crate) fn reading(&self) -> Result<&Arc<Reading>> {
        Ok(&self.parts()?.reading)
    }

    /// Begins to wait for records to [claim](Consumer::claim), at most so long, until the returned handle is dropped.
    ///
    /// What has come by then, and errors, are left to the next wait; a poll begins only when
    /// those of the one before were claimed.
    ///
    /// # Errors
    ///
    /// `FORKED`; with the answer, `CLOSED`, and `INVALID_STATE` while handlers are given the records.
    pub fn poll(&self, limit: Duration) -> Result<(Call<()>, Interest)> {
        let reading = Arc::clone(self.reading()?);
        let (interest, waiting) = Interest::of(async move { reading.poll(limit).await });
        Ok((self.start(|_| waiting)?, interest))
    }

    /// Waits like [`poll`](Consumer::poll); the answer goes to a queue.
    ///
    /// # Errors
    ///
    /// As [`poll`](Consumer::poll).
    pub fn submit_poll(&self, limit: Duration, queue: &Arc<Queue>, token: u64) -> Result<Interest> {
        let reading = Arc::clone(self.reading()?);
        let (interest, waiting) = Interest::of(async move { reading.poll(limit).await });
        self.submit(queue, token, |_| waiting)?;
        Ok(interest)
    }

    /// Polls without waiting and on this thread; `None` if there is nothing, or a poll has anything else to do.
    ///
    /// # Errors
    ///
    /// `FORKED`, and `INVALID_STATE` while handlers are given the records; those of a poll before.
    pub fn take_now(&self) -> Result<Option<ConsumerRecords>> {
        self.reading()?.take_now()
    }

    /// Begins to wait for records, beside nobody who reads alone; the answer goes to a queue.
    ///
    /// # Errors
    ///
    /// `FORKED`; with the answer, `INVALID_STATE` while handlers are given the records, and those of a poll.
    pub fn submit_records<F>(
        &self,
        queue: &Arc<Queue>,
        token: u64,
        what: impl FnOnce(Arc<rivven_client::Consumer>) -> F,
    ) -> Result<()>
    where
        F: Future<Output = Result<ConsumerRecords>> + Send + 'static,
    {
        let reading = Arc::clone(self.reading()?);
        self.submit(queue, token, |core| {
            let records = what(core);
            async move { reading.beside(records).await }
        })
    }

    /// Polls the consumer itself without waiting, beside nobody who reads alone.
    ///
    /// # Errors
    ///
    /// As [`take_now`](Consumer::take_now).
    pub fn now<T>(&self, poll: impl FnOnce(&rivven_client::Consumer) -> T) -> Result<T> {
        self.reading()?.check()?;
        Ok(poll(self.core()?))
    }

    /// Takes the records of a poll, if there are any; the program has them from now on, and not before.
    ///
    /// # Errors
    ///
    /// `FORKED`, and those of the poll.
    pub fn claim(&self) -> Result<Option<ConsumerRecords>> {
        self.reading()?.claim()
    }

    /// Begins to wait until there is a record to [take](Consumer::next_now), at most so long, until the returned handle
    /// is dropped.
    ///
    /// # Errors
    ///
    /// As [`poll`](Consumer::poll).
    pub fn ready(&self, limit: Duration) -> Result<(Call<()>, Interest)> {
        let reading = Arc::clone(self.reading()?);
        let (interest, waiting) = Interest::of(async move { reading.ready(limit).await });
        Ok((self.start(|_| waiting)?, interest))
    }

    /// Waits like [`ready`](Consumer::ready); the answer goes to a queue.
    ///
    /// # Errors
    ///
    /// As [`poll`](Consumer::poll).
    pub fn submit_ready(&self, limit: Duration, queue: &Arc<Queue>, token: u64) -> Result<Interest> {
        let reading = Arc::clone(self.reading()?);
        let (interest, waiting) = Interest::of(async move { reading.ready(limit).await });
        self.submit(queue, token, |_| waiting)?;
        Ok(interest)
    }

    /// Takes the next record, if there is one in hand; the program is done with those before.
    ///
    /// # Errors
    ///
    /// `FORKED`.
    pub fn try_next(&self) -> Result<Option<ConsumerRecord>> {
        Ok(self.reading()?.try_next())
    }

    /// Takes the next record, if one has come, or is there without a wait; the program is done with those before.
    ///
    /// # Errors
    ///
    /// `FORKED`, and `INVALID_STATE` while handlers are given the records; those of a wait.
    pub fn next_now(&self) -> Result<Option<ConsumerRecord>> {
        self.reading()?.next_now()
    }

    /// Takes the records that have come, or are there without a wait, at most so many; the program is done with them when it asks for more.
    ///
    /// # Errors
    ///
    /// As [`next_now`](Consumer::next_now).
    pub fn take(&self, most: usize) -> Result<Vec<ConsumerRecord>> {
        self.reading()?.take(most)
    }

    /// Gives back what nobody has taken, before the program goes on elsewhere.
    ///
    /// # Errors
    ///
    /// `FORKED`.
    pub fn restart(&self) -> Result<()> {
        self.reading()?.restart();
        Ok(())
    }

    /// Begins to process, until the returned handle is dropped at the latest; records go to a queue, under a token.
    ///
    /// # Errors
    ///
    /// `FORKED`; with the answer, those of processing.
    pub fn process(&self, handlers: (&Arc<Queue>, u64)) -> Result<(Call<ProcessReport>, Processing)> {
        let (processing, given_up) = Interest::new();
        let handlers = Handlers::new(handlers.0, handlers.1);
        let reading = Arc::clone(self.reading()?);
        Ok((self.start(|core| process((core, reading), handlers, given_up))?, processing))
    }

    /// Begins to process like [`process`](Consumer::process); the answer goes to a queue.
    ///
    /// # Errors
    ///
    /// As [`process`](Consumer::process).
    pub fn submit_process(&self, handlers: (&Arc<Queue>, u64), queue: &Arc<Queue>, token: u64) -> Result<Processing> {
        let (processing, given_up) = Interest::new();
        let handlers = Handlers::new(handlers.0, handlers.1);
        let reading = Arc::clone(self.reading()?);
        self.submit(queue, token, |core| process((core, reading), handlers, given_up))?;
        Ok(processing)
    }

    /// Lets rebalances go to a queue, under a token; the poll that they interrupt waits until each is done.
    ///
    /// They replace the queue before; `None` ends that.
    ///
    /// # Errors
    ///
    /// `FORKED`.
    pub fn relay_rebalances(&self, to: Option<(&Arc<Queue>, u64)>) -> Result<()> {
        self.core()?.set_rebalance_listener(Relay::new(to));
        Ok(())
    }

    /// Lets events go to a queue from now on, under a token, until the consumer or the queue is gone.
    ///
    /// # Errors
    ///
    /// `FORKED`.
    pub fn relay_events(&self, queue: &Arc<Queue>, token: u64) -> Result<()> {
        let Parts { core, runtime, .. } = self.parts()?;
        let (mut events, queue) = (core.events(), Arc::downgrade(queue));
        let Some(runtime) = runtime.get() else { return Ok(()) };
        // The task has no share of its own in the runtime, which it would keep until the consumer is dropped.
        runtime.handle().spawn(async move {
            while let Some(event) = events.next().await {
                let Some(queue) = queue.upgrade() else { return };
                queue.push(Completion { token, result: Ok(Answer::ConsumerEvent(Some(event))) });
            }
        });
        Ok(())
    }

    /// Begins to wait until there may be an event to [take](Consumer::take_event), or no more will come, until the
    /// returned handle is dropped.
    ///
    /// # Errors
    ///
    /// `FORKED`; with the answer, `CLOSED`.
    pub fn event_ready(&self) -> Result<(Call<()>, Interest)> {
        let (interest, waiting) = self.wait_for_event()?;
        Ok((self.start(|_| waiting)?, interest))
    }

    /// Waits like [`event_ready`](Consumer::event_ready); the answer goes to a queue.
    ///
    /// # Errors
    ///
    /// As [`event_ready`](Consumer::event_ready).
    pub fn submit_event_ready(&self, queue: &Arc<Queue>, token: u64) -> Result<Interest> {
        let (interest, waiting) = self.wait_for_event()?;
        self.submit(queue, token, |_| waiting)?;
        Ok(interest)
    }

    fn wait_for_event(&self) -> Result<(Interest, impl Future<Output = Result<()>> + Send + use<>)> {
        let events = Arc::clone(&self.parts()?.events);
        Ok(Interest::of(async move {
            events.ready().await;
            Ok(())
        }))
    }

    /// Takes the next event, if there is one, also of a consumer that was closed meanwhile.
    ///
    /// # Errors
    ///
    /// `FORKED`.
    pub fn take_event(&self) -> Result<Option<ConsumerEvent>> {
        Ok(self.parts()?.events.take())
    }

    /// Whether no more events will come; those that there are can be taken.
    ///
    /// # Errors
    ///
    /// `FORKED`.
    pub fn events_have_ended(&self) -> Result<bool> {
        let parts = self.parts()?;
        Ok(parts.runtime.get().is_none() || parts.events.have_ended())
    }

    /// Waits for the next event, which goes to a queue; `None` once the consumer is gone.
    ///
    /// # Errors
    ///
    /// `FORKED`; with the answer, `CLOSED` once all events of a consumer that was closed are taken.
    pub fn submit_next_event(&self, queue: &Arc<Queue>, token: u64) -> Result<()> {
        let Parts { events, runtime, .. } = self.parts()?;
        if runtime.get().is_none()
            && let Some(event) = events.take()
        {
            queue.push(Completion { token, result: Ok(Answer::ConsumerEvent(Some(event))) });
            return Ok(());
        }
        let events = Arc::clone(events);
        self.submit(queue, token, |_| async move { Ok(events.next().await) })
    }

    /// Begins to close, within `limit` or else `close.timeout.ms`. Closing twice is no error.
    ///
    /// # Errors
    ///
    /// `FORKED`; with the answer, why the last offsets could not be committed.
    pub fn close(&self, limit: Option<Duration>) -> Result<Call<()>> {
        let (call, settle) = Call::new();
        self.run_closing(limit, move |result| settle.settle(result))?;
        Ok(call)
    }

    /// Closes like [`close`](Consumer::close); the answer goes to a queue.
    ///
    /// # Errors
    ///
    /// As [`close`](Consumer::close).
    pub fn submit_close(&self, limit: Option<Duration>, queue: &Arc<Queue>, token: u64) -> Result<()> {
        let due = Due::new(queue, token);
        self.run_closing(limit, move |result| due.settle(result.map(Answer::from)))
    }

    fn run_closing(&self, limit: Option<Duration>, answer: impl FnOnce(Result<()>) + Send + 'static) -> Result<()> {
        let parts = self.parts()?;
        let closing = || parts.closing(limit.unwrap_or(parts.core.config().close_timeout));
        parts.runtime.close(closing, answer);
        Ok(())
    }
}

impl Drop for Consumer {
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
