//! The consumer classes, asyncio and blocking.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pyo3::exceptions::{PyRuntimeError, PyStopIteration, PyTypeError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};
use rivven_bridge::{Answer, Call, Consumer, Interest, Queue};
use rivven_client::{
    Consumer as Core, ConsumerRecord, ConsumerRecords, Error, ErrorCode, Properties, Result, TopicPartition,
};

use crate::answer::{self, Form};
use crate::arguments::{self, Each, Offset, Partition, Seconds, TimestampMs, Topics};
use crate::client::{Style, listen_to_the_log};
use crate::consumer_events;
use crate::error;
use crate::inbox::{Inboxes, Owner, Then, running_loop};
use crate::message::Message;
use crate::processing::{Handlings, Interested};
use crate::rebalance::Listening;
use crate::records::{Records, messages};
use crate::wait::{SLICE, wait};

type Given<'py> = PyResult<Bound<'py, PyAny>>;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How often a blocking call looks whether there is something to tell the listener.
const LISTEN: Duration = Duration::from_millis(5);

/// A consumer, and the event loops that wait for its answers.
pub(crate) struct Consuming {
    pub(crate) bridge: Consumer,
    pub(crate) inboxes: Inboxes,
    /// Who is told of the rebalances of a blocking consumer.
    listening: Mutex<Option<Arc<Listening>>>,
    /// The same of an asyncio consumer; inboxes refer to it weakly, as loops live on.
    listener: Mutex<Option<Arc<Py<PyAny>>>>,
}

impl Owner for Consuming {
    fn inboxes(&self) -> &Inboxes {
        &self.inboxes
    }

    fn is_closed(&self) -> Result<bool> {
        self.bridge.is_closed()
    }

    fn explain(&self, error: &Error) -> String {
        error.to_string()
    }
}

impl Consuming {
    pub(crate) fn raising<T>(&self, py: Python<'_>, result: Result<T>) -> PyResult<T> {
        (self as &dyn Owner).raising(py, result)
    }

    fn core(&self, py: Python<'_>) -> PyResult<&Core> {
        self.raising(py, self.bridge.core())
    }

    fn listening(&self) -> Option<Arc<Listening>> {
        lock(&self.listening).clone()
    }

    /// Waits for an answer.
    fn wait<T: Send>(&self, py: Python<'_>, begun: Result<Call<T>>) -> PyResult<T> {
        let call = self.raising(py, begun)?;
        let result = wait(py, &call)?;
        self.raising(py, result)
    }

    /// Waits for an answer that may wait for the listener; who listens is told of rebalances meanwhile.
    pub(crate) fn wait_and_tell<T: Send>(&self, py: Python<'_>, begun: Result<Call<T>>) -> PyResult<T> {
        let call = self.raising(py, begun)?;
        let result = self.answer(py, &call)?;
        self.raising(py, result)
    }

    fn submit<'py>(
        self: &Arc<Self>,
        py: Python<'py>,
        then: Then,
        begin: impl FnOnce(&Arc<Queue>, u64) -> Result<()>,
    ) -> Given<'py> {
        let owner: Arc<dyn Owner> = self.clone();
        self.inboxes.call(py, &owner, then, begin)
    }

    /// Begins what ends when nobody is interested in it any more; gives a future, and the interest.
    pub(crate) fn submit_wanted<'py>(
        self: &Arc<Self>,
        py: Python<'py>,
        then: Then,
        begin: impl FnOnce(&Arc<Queue>, u64) -> Result<Interest>,
    ) -> PyResult<(Bound<'py, PyAny>, Interested)> {
        let mut interest = None;
        let future = self.submit(py, then, |queue, token| {
            interest = Some(begin(queue, token)?);
            Ok(())
        })?;
        let interest = interest.ok_or_else(|| PyTypeError::new_err("it has not begun"))?;
        Ok((future, Interested::new(interest)))
    }

    fn answer<T: Send>(&self, py: Python<'_>, call: &Call<T>) -> PyResult<Result<T>> {
        let Some(listening) = self.listening() else { return wait(py, call) };
        loop {
            if let Some(result) = py.detach(|| call.wait_for(LISTEN.min(SLICE))) {
                return Ok(result);
            }
            py.check_signals()?;
            listening.tell(py)?;
        }
    }

    /// Waits for something to take; whoever is interrupted leaves it to others.
    fn wait_for_more(&self, py: Python<'_>, begun: Result<(Call<()>, Interest)>) -> PyResult<Result<()>> {
        let (call, _interest) = self.raising(py, begun)?;
        self.answer(py, &call)
    }

    /// What an iteration goes on with; `None` where the consumer was closed, which ends it.
    fn unless_closed<T>(&self, py: Python<'_>, result: Result<T>) -> PyResult<Option<T>> {
        match result {
            Err(error) if error.code() == ErrorCode::Closed || matches!(self.is_closed(), Ok(true)) => Ok(None),
            result => self.raising(py, result).map(Some),
        }
    }

    /// Waits once in slices, by a function that is given how long; who listens is told of rebalances.
    pub(crate) fn idle(&self, py: Python<'_>, wait: impl FnOnce(Duration) + Send) -> PyResult<()> {
        let listening = self.listening();
        py.detach(|| wait(if listening.is_some() { LISTEN } else { SLICE }));
        py.check_signals()?;
        listening.map_or(Ok(()), |listening| listening.tell(py))
    }
}

impl Drop for Consuming {
    fn drop(&mut self) {
        self.inboxes.retire();
    }
}

/// Which partitions a consumer is made for.
pub(crate) enum Reads {
    Nothing,
    Topics(Vec<String>),
    Partitions(Vec<TopicPartition>),
}

/// What the asyncio consumer and the blocking consumer have in common.
///
/// Where the former returns a future, the latter waits.
#[pyclass(frozen, subclass, name = "Consumer", module = "rivven._rivven")]
pub(crate) struct ConsumerOperations {
    shared: Arc<Consuming>,
    style: Style,
    /// The one topic and partition that it was made for.
    topic: Option<String>,
    partition: Option<u32>,
    /// Without one nothing is committed.
    has_group: bool,
    /// How many messages `fetch` gives where it is not said.
    batch_size: Option<usize>,
}

/// A topic, or many of them.
fn topics_of(topics: Topics<'_>) -> PyResult<Vec<String>> {
    match topics {
        Topics::One(topic) => Ok(vec![topic.to_str()?.to_owned()]),
        Topics::Many(topics) => Ok(topics.iter().map(|topic| topic.to_string()).collect()),
    }
}

type Place = (String, Partition);

fn partitions_of(Each(places): Each<Place>) -> Vec<TopicPartition> {
    places.into_iter().map(|(topic, Partition(partition))| TopicPartition::new(topic, partition)).collect()
}

/// What the arguments of a constructor choose.
fn chosen(topics: Option<Topics<'_>>, partitions: Option<Each<Place>>) -> PyResult<Reads> {
    match (topics, partitions) {
        (None, None) => Ok(Reads::Nothing),
        (Some(topics), None) => topics_of(topics).map(Reads::Topics),
        (None, Some(partitions)) => Ok(Reads::Partitions(partitions_of(partitions))),
        (Some(_), Some(_)) => Err(PyTypeError::new_err(
            "a consumer subscribes to topics or is assigned partitions: leave out one of them",
        )),
    }
}

impl ConsumerOperations {
    /// Makes a consumer that connects in the background.
    fn open(py: Python<'_>, properties: &Properties, reads: Reads, style: Style) -> PyResult<Self> {
        listen_to_the_log(py)?;
        let bridge = Consumer::new(properties).map_err(|error| error::plain(py, &error))?;
        let (mut topic, mut partition) = (None, None);
        let core = bridge.core().map_err(|error| error::plain(py, &error))?;
        match reads {
            Reads::Nothing => Ok(()),
            Reads::Topics(topics) => {
                topic = Some(&topics).filter(|topics| topics.len() == 1).and_then(|topics| topics.first().cloned());
                core.subscribe(&topics)
            }
            Reads::Partitions(partitions) => {
                if let [one] = &*partitions {
                    (topic, partition) = (Some(one.topic.clone()), Some(one.partition));
                }
                core.assign(&partitions)
            }
        }
        .map_err(|error| error::plain(py, &error))?;
        let (inboxes, listening, listener) = (Inboxes::default(), Mutex::default(), Mutex::default());
        let shared = Arc::new(Consuming { bridge, inboxes, listening, listener });
        Ok(ConsumerOperations { shared, style, topic, partition, has_group: true, batch_size: None })
    }

    fn into_object(self, py: Python<'_>) -> Given<'_> {
        let style = self.style;
        let base = PyClassInitializer::from(self);
        match style {
            Style::Asyncio => Ok(Bound::new(py, base.add_subclass(AsyncConsumer))?.into_any()),
            Style::Blocking => Ok(Bound::new(py, base.add_subclass(BlockingConsumer))?.into_any()),
        }
    }

    /// Does something that takes time, in the style of the consumer.
    fn run<'py, T, F>(&self, py: Python<'py>, what: impl FnOnce(Arc<Core>) -> F, form: Form) -> Given<'py>
    where
        T: Send + 'static,
        Answer: From<T>,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let bridge = &self.shared.bridge;
        match self.style {
            Style::Asyncio => {
                self.shared.submit(py, Then::Give(form), |queue, token| bridge.submit(queue, token, what))
            }
            Style::Blocking => {
                let answer = self.shared.wait(py, bridge.start(what))?;
                answer::to_python(py, &*self.shared, answer.into(), &form)
            }
        }
    }

    /// The partition that is named, or else the only one.
    fn place(&self, py: Python<'_>, topic: Option<String>, partition: Option<Partition>) -> PyResult<(String, u32)> {
        let topic = topic.or_else(|| self.topic.clone());
        let partition = partition.map(|Partition(number)| number).or(self.partition);
        if let (Some(topic), Some(partition)) = (&topic, partition) {
            return Ok((topic.clone(), partition));
        }
        let mut fitting = self.shared.core(py)?.assignments();
        fitting.retain(|one| topic.as_ref().is_none_or(|topic| *topic == one.topic));
        fitting.retain(|one| partition.is_none_or(|partition| partition == one.partition));
        match fitting.pop() {
            Some(one) if fitting.is_empty() => Ok((one.topic, one.partition)),
            _ => Err(PyTypeError::new_err("the consumer has not just one partition: pass topic= and partition=")),
        }
    }

    /// What has come and was not taken is given back before the program goes on elsewhere.
    fn restart(&self, py: Python<'_>) -> PyResult<()> {
        self.shared.raising(py, self.shared.bridge.restart())
    }

    fn check_group(&self) -> PyResult<()> {
        if self.has_group {
            Ok(())
        } else {
            Err(PyTypeError::new_err("the consumer was made without a group: pass group="))
        }
    }

    /// What has a group whose offsets are committed.
    pub(crate) fn with_group(&self) -> PyResult<Arc<Consuming>> {
        self.check_group()?;
        Ok(Arc::clone(&self.shared))
    }

    /// The same, for somebody else who reads from now on.
    pub(crate) fn hand_over(&self, py: Python<'_>) -> PyResult<Arc<Consuming>> {
        let consuming = self.with_group()?;
        self.restart(py)?;
        Ok(consuming)
    }

    fn connect_object<'py>(slf: &Bound<'py, Self>, object: Bound<'py, PyAny>) -> Given<'py> {
        let this = slf.get();
        match this.style {
            Style::Asyncio => {
                let begin = |queue: &Arc<Queue>, token| {
                    this.shared.bridge.submit(queue, token, |core| async move { core.connect().await })
                };
                this.shared.submit(slf.py(), Then::GiveObject(object.unbind()), begin)
            }
            Style::Blocking => {
                let connected = this.shared.bridge.start(|core| async move { core.connect().await });
                this.shared.wait(slf.py(), connected)?;
                Ok(object)
            }
        }
    }

    fn limit(&self, py: Python<'_>, timeout: Option<Seconds>) -> PyResult<Duration> {
        let by_default = Duration::from_millis(self.shared.core(py)?.config().max_poll_interval_ms);
        Ok(timeout.map_or(by_default, |Seconds(limit)| limit))
    }

    fn take_up_to<'py>(&self, py: Python<'py>, most: usize) -> PyResult<Bound<'py, PyList>> {
        let taken = py.detach(|| self.shared.bridge.take(most));
        messages(py, self.shared.raising(py, taken)?.into_iter())
    }

    /// The next message of those in hand.
    fn next_message<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, Message>>> {
        self.message(py, self.shared.bridge.try_next())
    }

    fn message<'py>(
        &self,
        py: Python<'py>,
        record: Result<Option<ConsumerRecord>>,
    ) -> PyResult<Option<Bound<'py, Message>>> {
        let Some(record) = self.shared.raising(py, record)? else { return Ok(None) };
        let topic = PyString::intern(py, &record.topic);
        Bound::new(py, Message::received(record, &topic)).map(Some)
    }

    /// What a poll gives without a wait.
    fn poll_now<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, Records>>> {
        let there = py.detach(|| self.shared.bridge.take_now());
        self.records(py, self.shared.raising(py, there)?)
    }

    fn records<'py>(&self, py: Python<'py>, records: Option<ConsumerRecords>) -> PyResult<Option<Bound<'py, Records>>> {
        records.map(|records| Bound::new(py, Records::new(records))).transpose()
    }

    fn most(&self, py: Python<'_>, max_messages: Option<usize>) -> PyResult<usize> {
        Ok(max_messages.or(self.batch_size).unwrap_or(self.shared.core(py)?.config().max_poll_records))
    }
}

#[pymethods]
impl ConsumerOperations {
    /// The topic that it was made for; None if there is not just one.
    #[getter]
    fn topic(&self) -> Option<&str> {
        self.topic.as_deref()
    }

    /// The partition that it was made for; None if there is not just one.
    #[getter]
    fn partition(&self) -> Option<u32> {
        self.partition
    }

    /// The group whose offsets are committed; None if nothing is committed.
    #[getter]
    fn group(&self, py: Python<'_>) -> PyResult<Option<String>> {
        Ok(if self.has_group { Some(self.shared.core(py)?.group_id().to_owned()) } else { None })
    }

    /// Whether it was closed.
    #[getter]
    fn is_closed(&self, py: Python<'_>) -> PyResult<bool> {
        self.shared.raising(py, self.shared.is_closed())
    }

    /// Waits for a first connection, with handshake and login.
    ///
    /// It is not needed: a consumer connects by itself. It waits at most
    /// `connection_timeout_ms` (default 10000).
    ///
    /// Raises ConnectionException or TimeoutException if no server can be used.
    fn connect<'py>(slf: &Bound<'py, Self>) -> Given<'py> {
        let none = slf.py().None().into_bound(slf.py());
        Self::connect_object(slf, none)
    }

    /// Reads these topics from now on, instead of those before; nothing is to be awaited.
    ///
    /// `topics` is one name or many. The members of a group share the partitions.
    ///
    /// Raises RivvenException with the code INVALID_TOPIC, or INVALID_STATE if
    /// partitions are assigned by the program.
    fn subscribe(&self, py: Python<'_>, topics: Topics<'_>) -> PyResult<()> {
        self.restart(py)?;
        self.shared.raising(py, self.shared.core(py)?.subscribe(&topics_of(topics)?))
    }

    /// Reads nothing from now on; nothing is to be awaited.
    ///
    /// Partitions of subscribed topics are given back by the next poll.
    fn unsubscribe(&self, py: Python<'_>) -> PyResult<()> {
        self.restart(py)?;
        self.shared.raising(py, self.shared.core(py)?.unsubscribe())
    }

    /// Reads these partitions from now on, instead of those before; nothing is to be awaited.
    ///
    /// `partitions` are (topic, partition) tuples, such as TopicPartition. No
    /// group coordinates them. Those that are read already go on where they are.
    ///
    /// Raises RivvenException with the code INVALID_STATE if topics are subscribed to.
    fn assign(&self, py: Python<'_>, partitions: Each<Place>) -> PyResult<()> {
        self.restart(py)?;
        self.shared.raising(py, self.shared.core(py)?.assign(&partitions_of(partitions)))
    }

    /// Gives the partitions that the consumer has now, as a list of TopicPartition; nothing is to be awaited.
    fn assignments<'py>(&self, py: Python<'py>) -> Given<'py> {
        answer::partitions(py, &self.shared.core(py)?.assignments())
    }

    /// Gives no more records of a partition; nothing is to be awaited.
    ///
    /// The partition has to be named where the consumer has not just one.
    ///
    /// Raises RivvenException with the code NOT_ASSIGNED.
    #[pyo3(signature = (*, topic=None, partition=None))]
    fn pause(&self, py: Python<'_>, topic: Option<String>, partition: Option<Partition>) -> PyResult<()> {
        let (topic, partition) = self.place(py, topic, partition)?;
        self.restart(py)?;
        self.shared.raising(py, self.shared.core(py)?.pause(topic, partition))
    }

    /// Goes on with a partition that was paused; nothing is to be awaited.
    ///
    /// Raises RivvenException with the code NOT_ASSIGNED.
    #[pyo3(signature = (*, topic=None, partition=None))]
    fn resume(&self, py: Python<'_>, topic: Option<String>, partition: Option<Partition>) -> PyResult<()> {
        let (topic, partition) = self.place(py, topic, partition)?;
        self.shared.raising(py, self.shared.core(py)?.resume(topic, partition))
    }

    /// Gives the partitions that are paused, as a list of TopicPartition; nothing is to be awaited.
    fn paused<'py>(&self, py: Python<'py>) -> Given<'py> {
        answer::partitions(py, &self.shared.core(py)?.paused())
    }

    /// Goes on reading a partition at an offset; what has come of it is dropped.
    ///
    /// The partition has to be named where the consumer has not just one.
    ///
    /// Raises RivvenException with the code NOT_ASSIGNED.
    #[pyo3(signature = (new_offset, *, topic=None, partition=None))]
    fn seek<'py>(
        &self,
        py: Python<'py>,
        new_offset: Offset,
        topic: Option<String>,
        partition: Option<Partition>,
    ) -> Given<'py> {
        let (topic, partition) = self.place(py, topic, partition)?;
        self.restart(py)?;
        self.run(py, |core| async move { core.seek(topic, partition, new_offset.0).await }, Form::Nothing)
    }

    /// Goes on at the first record that there is; otherwise like `seek`.
    #[pyo3(signature = (*, topic=None, partition=None))]
    fn seek_to_beginning<'py>(
        &self,
        py: Python<'py>,
        topic: Option<String>,
        partition: Option<Partition>,
    ) -> Given<'py> {
        let (topic, partition) = self.place(py, topic, partition)?;
        self.restart(py)?;
        self.run(py, |core| async move { core.seek_to_beginning(topic, partition).await }, Form::Nothing)
    }

    /// Goes on behind the last record that there is; otherwise like `seek`.
    #[pyo3(signature = (*, topic=None, partition=None))]
    fn seek_to_end<'py>(&self, py: Python<'py>, topic: Option<String>, partition: Option<Partition>) -> Given<'py> {
        let (topic, partition) = self.place(py, topic, partition)?;
        self.restart(py)?;
        self.run(py, |core| async move { core.seek_to_end(topic, partition).await }, Form::Nothing)
    }

    /// Goes on at the first record received at or after a time, in milliseconds since 1970, and gives its offset.
    ///
    /// Without such a record it goes on behind the last one; otherwise like `seek`.
    #[pyo3(signature = (timestamp_ms, *, topic=None, partition=None))]
    fn seek_to_timestamp<'py>(
        &self,
        py: Python<'py>,
        timestamp_ms: TimestampMs,
        topic: Option<String>,
        partition: Option<Partition>,
    ) -> Given<'py> {
        let (topic, partition) = self.place(py, topic, partition)?;
        self.restart(py)?;
        let seek = |core: Arc<Core>| async move { core.seek_to_timestamp(topic, partition, timestamp_ms.0).await };
        self.run(py, seek, Form::Plain)
    }

    /// Gives the first offset that there is of a partition, and the next one to be written.
    ///
    /// Raises RivvenException with the code NOT_ASSIGNED.
    #[pyo3(signature = (*, topic=None, partition=None))]
    fn get_offset_bounds<'py>(
        &self,
        py: Python<'py>,
        topic: Option<String>,
        partition: Option<Partition>,
    ) -> Given<'py> {
        let (topic, partition) = self.place(py, topic, partition)?;
        self.run(py, |core| async move { core.get_offset_bounds(topic, partition).await }, Form::Plain)
    }

    /// Gives the offset of the next record of a partition, None until it is known; nothing is to be awaited.
    ///
    /// Raises RivvenException with the code NOT_ASSIGNED.
    #[pyo3(signature = (*, topic=None, partition=None))]
    fn position(&self, py: Python<'_>, topic: Option<String>, partition: Option<Partition>) -> PyResult<Option<u64>> {
        let (topic, partition) = self.place(py, topic, partition)?;
        self.shared.raising(py, self.shared.core(py)?.position(topic, partition))
    }

    /// Gives the same as `position`, but 0 until it is known; it may be awaited.
    #[pyo3(signature = (*, topic=None, partition=None))]
    fn current_offset<'py>(&self, py: Python<'py>, topic: Option<String>, partition: Option<Partition>) -> Given<'py> {
        static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let position = self.position(py, topic, partition)?.unwrap_or_default();
        CLASS.import(py, "rivven._consumer", "CurrentOffset")?.call1((position,))
    }

    /// Gives how many offsets lie between the position and the end of the log, which is asked for.
    ///
    /// Raises RivvenException with the code NOT_ASSIGNED.
    #[pyo3(signature = (*, topic=None, partition=None))]
    fn lag<'py>(&self, py: Python<'py>, topic: Option<String>, partition: Option<Partition>) -> Given<'py> {
        let (topic, partition) = self.place(py, topic, partition)?;
        self.run(py, |core| async move { core.lag(topic, partition).await }, Form::Plain)
    }

    /// Commits the offsets behind the records that were given so far, or what was stored, of all partitions together.
    ///
    /// Raises the only failure, or one that names those of each partition.
    fn commit<'py>(&self, py: Python<'py>) -> Given<'py> {
        self.check_group()?;
        self.run(py, |core| async move { core.commit().await }, Form::Nothing)
    }

    /// Commits like `commit` without waiting; a failure is an event, and nothing is to be awaited.
    fn commit_async(&self, py: Python<'_>) -> PyResult<()> {
        self.check_group()?;
        self.shared.raising(py, self.shared.core(py)?.commit_async())
    }

    /// Commits offsets of the next records to read: (topic, partition, offset) tuples, all together.
    ///
    /// Raises as `commit`; of subscribed topics only partitions that the consumer has can be committed.
    fn commit_offsets<'py>(&self, py: Python<'py>, offsets: Each<(String, Partition, Offset)>) -> Given<'py> {
        self.check_group()?;
        let offsets = offsets_of(offsets);
        self.run(py, |core| async move { core.commit_offsets(&offsets).await }, Form::Nothing)
    }

    /// Commits like `commit_offsets`, and gives a list with None or the exception for each.
    fn commit_offsets_each<'py>(&self, py: Python<'py>, offsets: Each<(String, Partition, Offset)>) -> Given<'py> {
        self.check_group()?;
        let offsets = offsets_of(offsets);
        self.run(py, |core| async move { core.commit_offsets_each(&offsets).await }, Form::Plain)
    }

    /// Sets the offset of the next record to read that the next commits commit; nothing is to be awaited.
    ///
    /// From then on commits of this partition follow what is stored, and not what was given.
    ///
    /// Raises RivvenException with the code NOT_ASSIGNED.
    #[pyo3(signature = (offset, *, topic=None, partition=None))]
    fn store_offset(
        &self,
        py: Python<'_>,
        offset: Offset,
        topic: Option<String>,
        partition: Option<Partition>,
    ) -> PyResult<()> {
        let (topic, partition) = self.place(py, topic, partition)?;
        self.shared.raising(py, self.shared.core(py)?.store_offset(topic, partition, offset.0))
    }

    /// Gives the offset that the group has committed for a partition, assigned or not; None if there is none.
    #[pyo3(signature = (*, topic=None, partition=None))]
    fn committed<'py>(&self, py: Python<'py>, topic: Option<String>, partition: Option<Partition>) -> Given<'py> {
        self.check_group()?;
        let (topic, partition) = self.place(py, topic, partition)?;
        self.run(py, |core| async move { core.committed(topic, partition).await }, Form::Plain)
    }

    /// Ends the poll that waits, or the next one, with the code WOKEN_UP; from any thread.
    fn wakeup(&self, py: Python<'_>) -> PyResult<()> {
        self.shared.core(py)?.wakeup();
        Ok(())
    }

    /// Sets who is told when partitions of subscribed topics are given and taken away.
    ///
    /// `listener` is an object with methods, or some of them are given as
    /// functions: on_partitions_assigned, on_partitions_revoked and
    /// on_partitions_lost (without which on_partitions_revoked is called), each
    /// with a list of TopicPartition. They replace those before; set them before
    /// the first poll. The poll waits until they are done, and they may commit. A `close` that
    /// they call begins to close and does not wait.
    ///
    /// They are called by the event loop that runs now, in copies of the context of this call, and may
    /// be async; of a blocking consumer on the thread that polls or closes. What they raise ends the
    /// poll, iteration or `process` that waits for them, which raises it; `close` raises it,
    /// too, and closes all the same. Where nobody of an asyncio consumer waits any more, and
    /// of `transform`, it goes to the event loop's exception handler.
    #[pyo3(signature = (listener=None, *, on_partitions_assigned=None, on_partitions_revoked=None, on_partitions_lost=None))]
    fn set_rebalance_listener(
        &self,
        py: Python<'_>,
        listener: Option<Bound<'_, PyAny>>,
        on_partitions_assigned: Option<Bound<'_, PyAny>>,
        on_partitions_revoked: Option<Bound<'_, PyAny>>,
        on_partitions_lost: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let name = match self.style {
            Style::Asyncio => "AsyncRelay",
            Style::Blocking => "Relay",
        };
        let functions = (listener, on_partitions_assigned, on_partitions_revoked, on_partitions_lost);
        let relay = py.import("rivven._consumer")?.getattr(name)?.call1(functions)?.unbind();
        let bridge = &self.shared.bridge;
        let listened = match self.style {
            Style::Asyncio => {
                let inbox = self.shared.inboxes.of(&running_loop(py)?)?;
                let relay = Arc::new(relay);
                let before = lock(&self.shared.listener).replace(Arc::clone(&relay));
                drop(before);
                inbox.listen(&relay, |queue, token| bridge.relay_rebalances(Some((queue, token))))
            }
            Style::Blocking => Listening::new(relay).and_then(|listening| {
                bridge.relay_rebalances(Some((listening.queue(), 1)))?;
                let before = lock(&self.shared.listening).replace(Arc::new(listening));
                drop(before);
                Ok(())
            }),
        };
        self.shared.raising(py, listened)
    }

    /// Gives what happens to the consumer besides records, as an iterator without end.
    ///
    /// Its objects are of classes such as `rivven.Gap`.
    fn events<'py>(slf: &Bound<'py, Self>) -> Given<'py> {
        consumer_events::stream(slf.py(), &slf.get().shared, slf.get().style)
    }

    /// Gives what the consumer has done so far, as ConsumerStats; nothing is to be awaited.
    fn stats<'py>(&self, py: Python<'py>) -> Given<'py> {
        answer::consumer_stats(py, &*self.shared, &self.shared.core(py)?.stats())
    }

    /// Commits what is to be committed by itself, gives partitions back and disconnects.
    ///
    /// `timeout` is in seconds or a timedelta, by default `close_timeout_ms` of
    /// the configuration (5 s). A poll that waits ends with the code CLOSED, as
    /// do calls afterwards. Closing twice is no error. It waits for the handlers of `process`
    /// and for the rebalance listener; called by one of them it only begins to close, and gives
    /// None at once: close it again once `process`, or the poll, has ended, as a `with` block does.
    ///
    /// Raises why the last offsets could not be committed, TimeoutException if
    /// it took too long; it is closed all the same.
    #[pyo3(signature = (timeout=None))]
    fn close<'py>(slf: &Bound<'py, Self>, timeout: Option<Seconds>) -> Given<'py> {
        let (this, py) = (slf.get(), slf.py());
        let limit = timeout.map(|Seconds(limit)| limit);
        let bridge = &this.shared.bridge;
        match this.style {
            Style::Asyncio => {
                let closed =
                    this.shared.submit(py, Then::Retire, |queue, token| bridge.submit_close(limit, queue, token))?;
                of_module(py, "closing", (slf, closed))
            }
            Style::Blocking => {
                let begun = bridge.close(limit);
                if of_module(py, "is_waited_for", (slf,))?.is_truthy()? {
                    this.shared.raising(py, begun)?;
                } else {
                    this.shared.wait_and_tell(py, begun)?;
                }
                Ok(py.None().into_bound(py))
            }
        }
    }

    /// Who tells the listener.
    #[getter]
    fn _relay(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        match self.style {
            Style::Asyncio => lock(&self.shared.listener).as_ref().map(|relay| relay.clone_ref(py)),
            Style::Blocking => self.shared.listening().map(|listening| listening.function.clone_ref(py)),
        }
    }

    /// How many handlers may be at work at once.
    #[getter]
    fn _concurrency(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(self.shared.core(py)?.config().process.concurrency)
    }

    /// Begins to process; gives a future of the report, and what gives it up.
    ///
    /// `begin` is called by the event loop for each record.
    fn _process<'py>(&self, py: Python<'py>, begin: Py<PyAny>) -> PyResult<(Bound<'py, PyAny>, Interested)> {
        self.check_group()?;
        self.restart(py)?;
        let bridge = &self.shared.bridge;
        self.shared
            .submit_wanted(py, Then::Process(begin), |queue, token| bridge.submit_process((queue, token), queue, token))
    }

    /// Begins to process, with records that are to be waited for.
    fn _handlings(&self, py: Python<'_>) -> PyResult<Handlings> {
        self.check_group()?;
        self.restart(py)?;
        self.shared.raising(py, Handlings::begin(&self.shared))
    }

    /// Gives a future that is done when there may be something to claim, and what gives the wait up.
    fn _poll<'py>(&self, py: Python<'py>, limit: Seconds) -> PyResult<(Bound<'py, PyAny>, Interested)> {
        let bridge = &self.shared.bridge;
        self.shared
            .submit_wanted(py, Then::Give(Form::Nothing), |queue, token| bridge.submit_poll(limit.0, queue, token))
    }

    /// Takes what a poll gave, if anything, or raises why it failed; with `empty` a result without records otherwise.
    #[pyo3(signature = (empty=false))]
    fn _claim<'py>(&self, py: Python<'py>, empty: bool) -> PyResult<Option<Bound<'py, Records>>> {
        let records = self.shared.raising(py, self.shared.bridge.claim())?;
        self.records(py, records.or_else(|| empty.then(Default::default)))
    }

    /// Gives what a poll gives without a wait, if anything.
    fn _poll_now<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, Records>>> {
        self.poll_now(py)
    }

    /// Gives a future that is done when there may be a message to take, and what gives the wait up.
    #[pyo3(signature = (limit=None))]
    fn _ready<'py>(&self, py: Python<'py>, limit: Option<Seconds>) -> PyResult<(Bound<'py, PyAny>, Interested)> {
        let limit = self.limit(py, limit)?;
        let bridge = &self.shared.bridge;
        self.shared
            .submit_wanted(py, Then::Give(Form::Nothing), |queue, token| bridge.submit_ready(limit, queue, token))
    }

    /// Takes messages that have come, or raises why there are none.
    fn _take<'py>(&self, py: Python<'py>, most: usize) -> PyResult<Bound<'py, PyList>> {
        self.take_up_to(py, most)
    }

    /// Takes the next message, if one has come; the one before is done then. Or raises why there is none.
    fn _next_now<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, Message>>> {
        let there = py.detach(|| self.shared.bridge.next_now());
        self.message(py, there)
    }

    fn _limit(&self, py: Python<'_>, timeout: Option<Seconds>) -> PyResult<f64> {
        Ok(self.limit(py, timeout)?.as_secs_f64())
    }

    fn _most(&self, py: Python<'_>, max_messages: Option<usize>) -> PyResult<usize> {
        self.most(py, max_messages)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> std::result::Result<(), PyTraverseError> {
        // Another handle of the same consumer would have it counted twice.
        if Arc::strong_count(&self.shared) > 1 {
            return Ok(());
        }
        let Ok(listening) = self.shared.listening.try_lock() else { return Ok(()) };
        listening.as_ref().map_or(Ok(()), |listening| visit.call(&listening.function))?;
        let Ok(listener) = self.shared.listener.try_lock() else { return Ok(()) };
        listener.as_deref().map_or(Ok(()), |function| visit.call(function))
    }

    fn __clear__(&self) {
        let gone = (lock(&self.shared.listening).take(), lock(&self.shared.listener).take());
        drop(gone);
    }

    fn __repr__(&self) -> String {
        match (&self.topic, self.partition) {
            (Some(topic), Some(partition)) => format!("Consumer(topic={topic:?}, partition={partition})"),
            (Some(topic), None) => format!("Consumer(topic={topic:?})"),
            _ => "Consumer()".to_owned(),
        }
    }
}

/// Offsets as the core takes them.
pub(crate) fn offsets_of(Each(offsets): Each<(String, Partition, Offset)>) -> Vec<(String, u32, u64)> {
    offsets.into_iter().map(|(topic, partition, offset)| (topic, partition.0, offset.0)).collect()
}

/// What `client.consumer` is asked for.
pub(crate) struct Asked {
    pub(crate) topic: String,
    pub(crate) partition: Option<u32>,
    pub(crate) group: Option<String>,
    pub(crate) start_offset: Option<u64>,
    pub(crate) batch_size: usize,
}

/// Makes the consumer of a client, for a topic.
pub(crate) fn of_client<'py>(py: Python<'py>, properties: &Properties, asked: Asked, style: Style) -> Given<'py> {
    let has_group = asked.group.is_some();
    let reads = match asked.partition {
        Some(partition) => Reads::Partitions(vec![TopicPartition::new(asked.topic.clone(), partition)]),
        None => Reads::Topics(vec![asked.topic.clone()]),
    };
    let mut consumer = ConsumerOperations::open(py, properties, reads, style)?;
    (consumer.has_group, consumer.batch_size) = (has_group, Some(asked.batch_size));
    // Without a group nobody has committed an offset to begin at.
    let start = asked.start_offset.or_else(|| (!has_group).then_some(0));
    if let (Some(partition), Some(offset)) = (asked.partition, start) {
        let sought =
            consumer.shared.bridge.start(|core| async move { core.seek(asked.topic, partition, offset).await });
        consumer.shared.wait(py, sought)?;
    }
    consumer.into_object(py)
}

/// A consumer for asyncio, as `Consumer(topics=..., group_id=...)` or `client.consumer(topic)` gives it.
///
/// `topics` is one topic or many, whose partitions the members of the group
/// share; `partitions` are (topic, partition) tuples instead. Keywords are
/// configuration keys with underscores, such as `group_id="billing"`; a key that
/// is None has its default. It connects by itself; awaiting it waits for that,
/// and gives the consumer. `async for message in consumer` gives one message
/// after another, `poll` what has come of all partitions. Used with `async
/// with` it is connected, and closed at the end of the block.
///
/// A message of an iteration counts as done when the next one is asked for, and
/// those of a poll when there is another poll: that is what is committed by
/// itself. Cancelling any wait loses nothing. Failures are RivvenException and
/// its subclasses. In a forked child process every call fails with the code FORKED.
///
/// Raises ConfigException for an unknown key or a value that it does not take.
#[pyclass(frozen, extends = ConsumerOperations, name = "Consumer", module = "rivven")]
pub(crate) struct AsyncConsumer;

/// What a function of the module `rivven._consumer` gives, a coroutine mostly.
fn of_module<'py>(py: Python<'py>, name: &str, arguments: impl pyo3::call::PyCallArgs<'py>) -> Given<'py> {
    static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let module = MODULE.get_or_try_init(py, || py.import("rivven._consumer").map(Bound::unbind))?;
    module.bind(py).getattr(name)?.call1(arguments)
}

#[pymethods]
impl AsyncConsumer {
    #[new]
    #[pyo3(signature = (topics=None, partitions=None, **config))]
    fn new(
        py: Python<'_>,
        topics: Option<Topics<'_>>,
        partitions: Option<Each<Place>>,
        config: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<PyClassInitializer<Self>> {
        let properties = arguments::configured(py, config)?;
        let base = ConsumerOperations::open(py, &properties, chosen(topics, partitions)?, Style::Asyncio)?;
        Ok(PyClassInitializer::from(base).add_subclass(AsyncConsumer))
    }

    /// Waits for records and gives them as ConsumerRecords, at most `max_poll_records` (default 500).
    ///
    /// `timeout` is in seconds or a timedelta, by default `max_poll_interval_ms`
    /// (5 s); without any record by then the result is empty. With 0 it gives what has
    /// come already. A poll says that the program is done with what the one
    /// before gave. It is a coroutine; cancelling it loses nothing.
    ///
    /// Raises RivvenException with the code WOKEN_UP after `wakeup`, CLOSED, or
    /// INVALID_STATE if there is nothing to read; what keeps partitions from
    /// being read, instead of an empty result.
    #[pyo3(signature = (timeout=None))]
    fn poll<'py>(slf: &Bound<'py, Self>, timeout: Option<Seconds>) -> Given<'py> {
        let limit = slf.as_super().get().limit(slf.py(), timeout)?.as_secs_f64();
        of_module(slf.py(), "poll", (slf, limit))
    }

    /// Gives a list of messages that have come, at most `max_messages` (default `max_poll_records`, or `batch_size`).
    ///
    /// Where there are none it waits at most `max_poll_interval_ms` (5 s), and
    /// the list is empty. They count as done when there is another fetch. It is a
    /// coroutine. Raises as `poll`.
    #[pyo3(signature = (max_messages=None))]
    fn fetch<'py>(slf: &Bound<'py, Self>, max_messages: Option<usize>) -> Given<'py> {
        let most = slf.as_super().get().most(slf.py(), max_messages)?;
        of_module(slf.py(), "fetch", (slf, most))
    }

    /// Lets `handler` work on the messages, partitions side by side and each in its order, until it is ended.
    ///
    /// `handler` takes a Message and may be async; it runs in a copy of the context of this call. At most
    /// `process_concurrency` (16) of them are at work at once, and never two of one
    /// partition. What is done is committed every `auto_commit_interval_ms` (5 s), before partitions
    /// are taken away, and at the end. Messages that were given before count as done.
    ///
    /// A message whose handler raises is handled again up to `process_retries` (3) times, with pauses;
    /// then it goes to `process_dead_letter_topic`, and is done when it is delivered there; without
    /// such a topic `process_on_failure` ("stop" or "skip") decides. The value of a dead letter is lines of text,
    /// `topic: `, `partition: `, `offset: `, `timestamp: `, `group: `, `attempts: ` and
    /// `error: `, then an empty line, then the value.
    ///
    /// It ends by `wakeup` and by `close`, which waits for it, and gives a ProcessReport. Cancelling it, or a handler,
    /// cancels the handlers, and gives messages back that are not done. A `close` that a
    /// handler calls does not wait.
    ///
    /// Raises RivvenException with the code PROCESSING_FAILED, caused by what the handler raised, where a
    /// message failed every time and stops it: it is the next one of its partition then. INVALID_STATE if
    /// the consumer is processing already; what keeps partitions from being read, and why the
    /// last offsets could not be committed.
    fn process<'py>(slf: &Bound<'py, Self>, handler: Bound<'py, PyAny>) -> Given<'py> {
        of_module(slf.py(), "process", (slf, handler))
    }

    fn __aiter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __anext__(slf: Py<Self>) -> Next {
        Next { consumer: slf, course: Mutex::new(Course::Begins) }
    }

    fn __await__<'py>(slf: &Bound<'py, Self>) -> Given<'py> {
        ConsumerOperations::connect_object(slf.as_super(), slf.clone().into_any())?.call_method0("__await__")
    }

    fn __aenter__<'py>(slf: &Bound<'py, Self>) -> Given<'py> {
        ConsumerOperations::connect_object(slf.as_super(), slf.clone().into_any())
    }

    #[pyo3(signature = (*_exception))]
    fn __aexit__<'py>(slf: &Bound<'py, Self>, _exception: &Bound<'py, PyTuple>) -> Given<'py> {
        ConsumerOperations::close(slf.as_super(), None)
    }
}

/// The coroutine that gives the next message: one that is in hand at once, and otherwise as the one that it waits by.
///
/// It takes nothing before it is awaited.
#[pyclass(frozen, module = "rivven._rivven", name = "_Next")]
struct Next {
    consumer: Py<AsyncConsumer>,
    course: Mutex<Course>,
}

/// How far a coroutine has come.
enum Course {
    Begins,
    Waits(Py<PyAny>),
    /// It runs, or has ended.
    Over,
}

impl Next {
    /// Has the one that it waits by do something, which either waits on or has ended.
    fn step<'py>(&self, waiting: Bound<'py, PyAny>, step: impl FnOnce(&Bound<'py, PyAny>) -> Given<'py>) -> Given<'py> {
        let given = step(&waiting)?;
        *lock(&self.course) = Course::Waits(waiting.unbind());
        Ok(given)
    }

    /// The one that it waits by, which is not at work.
    fn waiting<'py>(&self, py: Python<'py>, course: Course) -> Given<'py> {
        match course {
            Course::Begins => of_module(py, "next_message", (&self.consumer,)),
            Course::Waits(waiting) => Ok(waiting.into_bound(py)),
            Course::Over => Err(PyRuntimeError::new_err("cannot reuse already awaited coroutine")),
        }
    }

    fn leave(&self) -> Course {
        std::mem::replace(&mut *lock(&self.course), Course::Over)
    }
}

#[pymethods]
impl Next {
    fn __await__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> Given<'py> {
        self.send(py, py.None().into_bound(py))
    }

    fn send<'py>(&self, py: Python<'py>, value: Bound<'py, PyAny>) -> Given<'py> {
        let course = self.leave();
        if let Course::Begins = course
            && let Some(message) = self.consumer.bind(py).as_super().get().next_message(py)?
        {
            return Err(PyStopIteration::new_err((message.unbind(),)));
        }
        self.step(self.waiting(py, course)?, |waiting| waiting.call_method1(intern!(py, "send"), (value,)))
    }

    #[pyo3(signature = (*exception))]
    fn throw<'py>(&self, exception: &Bound<'py, PyTuple>) -> Given<'py> {
        let py = exception.py();
        self.step(self.waiting(py, self.leave())?, |waiting| waiting.call_method1(intern!(py, "throw"), exception))
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        match self.leave() {
            Course::Waits(waiting) => waiting.call_method0(py, intern!(py, "close")).map(drop),
            Course::Begins | Course::Over => Ok(()),
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> std::result::Result<(), PyTraverseError> {
        visit.call(&self.consumer)?;
        match self.course.try_lock().as_deref() {
            Ok(Course::Waits(waiting)) => visit.call(waiting),
            _ => Ok(()),
        }
    }

    fn __clear__(&self) {
        drop(self.leave());
    }
}

/// A consumer whose calls block, as `Consumer(topics=..., group_id=...)` or `client.consumer(topic)` gives it.
///
/// `topics` is one topic or many, whose partitions the members of the group
/// share; `partitions` are (topic, partition) tuples instead. Keywords are
/// configuration keys with underscores, such as `group_id="billing"`; a key that
/// is None has its default. It connects by itself. `for message in consumer`
/// gives one message after another, `poll` what has come of all partitions. A
/// call waits without the GIL and can be interrupted by Ctrl-C, which loses
/// nothing. Used with `with` it is connected, and closed at the end of the block.
///
/// A message of an iteration counts as done when the next one is asked for, and
/// those of a poll when there is another poll: that is what is committed by
/// itself. Failures are RivvenException and its subclasses. In a forked child
/// process every call fails with the code FORKED.
///
/// Raises ConfigException for an unknown key or a value that it does not take.
#[pyclass(frozen, extends = ConsumerOperations, name = "Consumer", module = "rivven.blocking")]
pub(crate) struct BlockingConsumer;

#[pymethods]
impl BlockingConsumer {
    #[new]
    #[pyo3(signature = (topics=None, partitions=None, **config))]
    fn new(
        py: Python<'_>,
        topics: Option<Topics<'_>>,
        partitions: Option<Each<Place>>,
        config: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<PyClassInitializer<Self>> {
        let properties = arguments::configured(py, config)?;
        let base = ConsumerOperations::open(py, &properties, chosen(topics, partitions)?, Style::Blocking)?;
        Ok(PyClassInitializer::from(base).add_subclass(BlockingConsumer))
    }

    /// Waits for records and gives them as ConsumerRecords, at most `max_poll_records` (default 500).
    ///
    /// `timeout` is in seconds or a timedelta, by default `max_poll_interval_ms`
    /// (5 s); without any record by then the result is empty. With 0 it gives what has
    /// come already. A poll says that the program is done with what the one before gave.
    ///
    /// Raises RivvenException with the code WOKEN_UP after `wakeup`, CLOSED, or
    /// INVALID_STATE if there is nothing to read; what keeps partitions from
    /// being read, instead of an empty result.
    #[pyo3(signature = (timeout=None))]
    fn poll<'py>(slf: &Bound<'py, Self>, timeout: Option<Seconds>) -> PyResult<Option<Bound<'py, Records>>> {
        let (this, py) = (slf.as_super().get(), slf.py());
        let limit = this.limit(py, timeout)?;
        // What is there already takes no other thread.
        let there = this.poll_now(py)?;
        if there.is_some() {
            return Ok(there);
        }
        let until = Instant::now().checked_add(limit);
        loop {
            let left = until.map_or(limit, |until| until.saturating_duration_since(Instant::now()));
            let waited = this.shared.wait_for_more(py, this.shared.bridge.poll(left))?;
            this.shared.raising(py, waited)?;
            let over = until.is_some_and(|until| Instant::now() >= until);
            let claimed = this._claim(py, over)?;
            if claimed.is_some() {
                return Ok(claimed);
            }
        }
    }

    /// Gives a list of messages that have come, at most `max_messages` (default `max_poll_records`, or `batch_size`).
    ///
    /// Where there are none it waits at most `max_poll_interval_ms` (5 s), and
    /// the list is empty. They count as done when there is another fetch. Raises as `poll`.
    #[pyo3(signature = (max_messages=None))]
    fn fetch<'py>(slf: &Bound<'py, Self>, max_messages: Option<usize>) -> PyResult<Bound<'py, PyList>> {
        let (this, py) = (slf.as_super().get(), slf.py());
        let most = this.most(py, max_messages)?;
        let fetched = this.take_up_to(py, most)?;
        if !fetched.is_empty() || most == 0 {
            return Ok(fetched);
        }
        let waited = this.shared.wait_for_more(py, this.shared.bridge.ready(this.limit(py, None)?))?;
        this.shared.raising(py, waited)?;
        this.take_up_to(py, most)
    }

    /// Lets `handler` work on the messages, partitions side by side and each in its order, until it is ended.
    ///
    /// `handler` takes a Message, and is called by threads that live as long as the
    /// call. At most
    /// `process_concurrency` (16) of them are at work at once, and never two of one
    /// partition. What is done is committed every `auto_commit_interval_ms` (5 s), before partitions
    /// are taken away, and at the end. Messages that were given before count as done.
    ///
    /// A message whose handler raises is handled again up to `process_retries` (3) times, with pauses;
    /// then it goes to `process_dead_letter_topic`, and is done when it is delivered there; without
    /// such a topic `process_on_failure` ("stop" or "skip") decides. The value of a dead letter is lines of text,
    /// `topic: `, `partition: `, `offset: `, `timestamp: `, `group: `, `attempts: ` and
    /// `error: `, then an empty line, then the value.
    ///
    /// It ends by `wakeup` and by `close`, which waits for it, and gives a ProcessReport. A
    /// `close` that a handler calls does not wait.
    ///
    /// Raises RivvenException with the code PROCESSING_FAILED, caused by what the handler raised, where a
    /// message failed every time and stops it: it is the next one of its partition then. INVALID_STATE if
    /// the consumer is processing already; what keeps partitions from being read, and why the
    /// last offsets could not be committed.
    fn process<'py>(slf: &Bound<'py, Self>, handler: Bound<'py, PyAny>) -> Given<'py> {
        of_module(slf.py(), "process_in_threads", (slf, handler))
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(slf: &Bound<'py, Self>) -> PyResult<Option<Bound<'py, Message>>> {
        let (this, py) = (slf.as_super().get(), slf.py());
        loop {
            let message = this.next_message(py)?;
            if message.is_some() {
                return Ok(message);
            }
            let there = py.detach(|| this.shared.bridge.next_now());
            let Some(there) = this.shared.unless_closed(py, there)? else { return Ok(None) };
            if there.is_some() || this.is_closed(py)? {
                return this.message(py, Ok(there));
            }
            let limit = this.limit(py, None)?;
            let waited = this.shared.wait_for_more(py, this.shared.bridge.ready(limit))?;
            if this.shared.unless_closed(py, waited)?.is_none() {
                return Ok(None);
            }
        }
    }

    fn __enter__<'py>(slf: &Bound<'py, Self>) -> Given<'py> {
        ConsumerOperations::connect_object(slf.as_super(), slf.clone().into_any())
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__<'py>(slf: &Bound<'py, Self>, _exception: &Bound<'py, PyTuple>) -> PyResult<()> {
        ConsumerOperations::close(slf.as_super(), None).map(drop)
    }
}
