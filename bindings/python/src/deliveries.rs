//! Records on their way, and the futures that wait for them.
//!
//! Each inbox of a producer numbers its records; the number is in the tag that
//! the report of a batch gives back. One report, and so one wake-up of the
//! loop, completes the futures of all its records. Where there is no room,
//! records stand in a line, of which the runtime has the first one only.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};
use rivven_bridge::{Queue, Topic};
use rivven_client::{DeliveryReport, Error, ErrorCode, RecordMetadata, Result};

use crate::answer;
use crate::arguments::Payload;
use crate::inbox::{LINE, Owner};
use crate::producer::Producing;

/// How many bits of a tag number the record.
const NUMBER: u64 = (1 << 40) - 1;

/// The records of one inbox that are not settled.
#[derive(Default)]
pub(crate) struct Deliveries {
    /// What the tags of this inbox begin with; 0 until it has sent something.
    outlet: u64,
    last_number: u64,
    /// Keeps the producer alive while there are any.
    kept: Option<Arc<Producing>>,
    single: HashMap<u64, Py<PyAny>>,
    /// By the number of their first record.
    many: BTreeMap<u64, Many>,
    line: VecDeque<Waiting>,
    /// When the runtime was given the first record of the line.
    line_moved: Option<Instant>,
    /// The tokens of flushes, each behind the record of this number in line.
    flushes: VecDeque<(u64, u64)>,
}

/// Records that are to be sent.
pub(crate) struct Given<'a> {
    pub(crate) producer: &'a Arc<Producing>,
    pub(crate) topic: &'a Arc<Topic>,
    pub(crate) partition: Option<u32>,
    pub(crate) records: &'a [(Option<Payload>, Payload)],
    pub(crate) future: Wanted,
}

/// The future that is to be completed.
pub(crate) enum Wanted {
    /// With where the one record went.
    One(Py<PyAny>),
    /// With a list of where each record went.
    List(Py<PyAny>),
}

/// Records that were sent by one call.
struct Many {
    sent: Vec<Option<RecordMetadata>>,
    left: usize,
    failure: Option<Error>,
    future: Py<PyAny>,
}

/// A record without room.
struct Waiting {
    topic: Arc<Topic>,
    partition: Option<u32>,
    key: Option<Vec<u8>>,
    value: Vec<u8>,
    number: u64,
    since: Instant,
}

/// Futures whose outcome is known.
pub(crate) struct Settled {
    producer: Arc<Producing>,
    what: What,
}

enum What {
    /// This one failed.
    Failed(Py<PyAny>, Error),
    /// The records at these positions of a report.
    Reported(DeliveryReport, Vec<(usize, Py<PyAny>)>),
    /// All records of one call.
    Many(Many),
}

impl Deliveries {
    pub(crate) fn is_idle(&self) -> bool {
        self.single.is_empty() && self.many.is_empty()
    }

    /// The futures that wait, for the garbage collector.
    pub(crate) fn futures(&self) -> impl Iterator<Item = &Py<PyAny>> {
        self.single.values().chain(self.many.values().map(|many| &many.future))
    }

    /// Hands records over, or has them stand in line; gives what failed at once.
    pub(crate) fn send(&mut self, queue: &Arc<Queue>, given: Given<'_>) -> Vec<Settled> {
        let Given { producer, topic, partition, records, future } = given;
        self.kept.get_or_insert_with(|| Arc::clone(producer));
        let first = self.last_number + 1;
        self.last_number += records.len() as u64;
        match future {
            Wanted::One(future) => drop(self.single.insert(first, future)),
            Wanted::List(future) => {
                let many = Many { sent: vec![None; records.len()], left: records.len(), failure: None, future };
                self.many.insert(first, many);
            }
        }
        let mut settled = Vec::new();
        if self.outlet == 0 {
            match producer.bridge.outlet(queue, LINE) {
                Ok(outlet) => self.outlet = outlet,
                Err(error) => self.failed(first, records.len(), &error, &mut settled),
            }
        }
        for (number, (key, value)) in (first..).zip(records) {
            let (key, value) = (key.as_ref().map(AsRef::as_ref), value.as_ref());
            if !self.line.is_empty() {
                self.stand_in_line(topic, partition, key, value, number);
                continue;
            }
            match topic.enqueue(partition, key, value, self.tag(number)) {
                Ok(()) => {}
                Err(error) if may_wait(&error) => {
                    self.stand_in_line(topic, partition, key, value, number);
                    self.hand_on(queue, &mut settled);
                }
                Err(error) => {
                    // Nothing behind it is sent, so that the order is kept.
                    let left = records.len() - (number - first) as usize;
                    self.failed(number, left, &error, &mut settled);
                    break;
                }
            }
        }
        self.let_go();
        settled
    }

    /// Takes a report; gives what it settles.
    pub(crate) fn delivered(&mut self, report: &DeliveryReport) -> Vec<Settled> {
        let mut settled = Vec::new();
        let mut reported = Vec::new();
        for (at, tag) in report.tags().iter().enumerate() {
            if tag & !NUMBER != self.outlet {
                continue;
            }
            let number = tag & NUMBER;
            match self.single.remove(&number) {
                Some(future) => reported.push((at, future)),
                None => self.gather(number, 1, report.result(at), &mut settled),
            }
        }
        if !reported.is_empty() {
            self.settle(What::Reported(report.clone(), reported), &mut settled);
        }
        self.let_go();
        settled
    }

    /// Takes what became of the first record in line, and hands on what has room now.
    pub(crate) fn moved_up(&mut self, queue: &Arc<Queue>, result: Result<()>) -> Vec<Settled> {
        let mut settled = Vec::new();
        let (first, moved) = (self.line.pop_front(), self.line_moved.take());
        if let (Some(Waiting { number, .. }), Err(error)) = (first, &result) {
            self.failed(number, 1, error, &mut settled);
            if error.code() == ErrorCode::QueueFull {
                self.give_up_waiting(moved, error, &mut settled);
            }
        }
        while let Some(waiting) = self.line.front() {
            let Waiting { topic, partition, key, value, number, .. } = waiting;
            match topic.enqueue(*partition, key.as_deref(), value, self.tag(*number)) {
                Ok(()) => drop(self.line.pop_front()),
                Err(error) if may_wait(&error) => {
                    self.hand_on(queue, &mut settled);
                    break;
                }
                Err(error) => {
                    let number = *number;
                    self.line.pop_front();
                    self.failed(number, 1, &error, &mut settled);
                }
            }
        }
        self.flush_due(queue);
        self.let_go();
        settled
    }

    /// Has a flush wait for the records in line; false if there are none.
    pub(crate) fn flush_later(&mut self, token: u64) -> bool {
        let last = self.line.back().map(|waiting| (waiting.number, token));
        self.flushes.extend(last);
        last.is_some()
    }

    /// Begins the flushes that no record in line is before.
    fn flush_due(&mut self, queue: &Arc<Queue>) {
        let Some(producer) = &self.kept else { return };
        let next = self.line.front().map_or(u64::MAX, |waiting| waiting.number);
        while let Some((_, token)) = self.flushes.front().copied().filter(|(number, _)| *number < next) {
            self.flushes.pop_front();
            // In a forked child nobody waits for it.
            drop(producer.bridge.submit_flush(queue, token));
        }
    }

    /// Gives up those that have waited at least as long as the one that was given up.
    fn give_up_waiting(&mut self, moved: Option<Instant>, error: &Error, settled: &mut Vec<Settled>) {
        let limit = moved.map(|moved| moved.elapsed()).unwrap_or_default();
        while let Some(waiting) = self.line.front()
            && waiting.since.elapsed() >= limit
        {
            let number = waiting.number;
            self.line.pop_front();
            self.failed(number, 1, error, settled);
        }
    }

    fn stand_in_line(
        &mut self,
        topic: &Arc<Topic>,
        partition: Option<u32>,
        key: Option<&[u8]>,
        value: &[u8],
        number: u64,
    ) {
        let (topic, key, value) = (Arc::clone(topic), key.map(<[u8]>::to_vec), value.to_vec());
        self.line.push_back(Waiting { topic, partition, key, value, number, since: Instant::now() });
    }

    /// Gives the first record in line to the runtime, which waits for room.
    fn hand_on(&mut self, queue: &Arc<Queue>, settled: &mut Vec<Settled>) {
        self.line_moved = Some(Instant::now());
        let Some(Waiting { topic, partition, key, value, number, .. }) = self.line.front() else { return };
        let record = (*partition, key.as_deref(), value.as_slice());
        if let Err(error) = topic.submit_enqueue(record, self.tag(*number), queue, LINE) {
            let number = *number;
            self.line.pop_front();
            self.failed(number, 1, &error, settled);
        }
    }

    fn tag(&self, number: u64) -> u64 {
        self.outlet | (number & NUMBER)
    }

    /// Enters that so many records from this one on failed.
    fn failed(&mut self, number: u64, count: usize, error: &Error, settled: &mut Vec<Settled>) {
        match self.single.remove(&number) {
            Some(future) => self.settle(What::Failed(future, error.clone()), settled),
            None => self.gather(number, count, Err(error.clone()), settled),
        }
    }

    /// Enters what became of so many records from this one on, which were sent with others.
    fn gather(&mut self, number: u64, count: usize, result: Result<RecordMetadata>, settled: &mut Vec<Settled>) {
        let Some((first, many)) = self.many.range_mut(..=number).next_back() else { return };
        let (first, at) = (*first, (number - *first) as usize);
        if at >= many.sent.len() {
            return;
        }
        match result {
            Ok(metadata) => many.sent[at] = Some(metadata),
            Err(error) => drop(many.failure.get_or_insert(error)),
        }
        many.left -= count;
        if many.left == 0
            && let Some(many) = self.many.remove(&first)
        {
            self.settle(What::Many(many), settled);
        }
    }

    fn settle(&self, what: What, settled: &mut Vec<Settled>) {
        if let Some(producer) = &self.kept {
            settled.push(Settled { producer: Arc::clone(producer), what });
        }
    }

    /// Lets the producer go when nothing is left.
    fn let_go(&mut self) {
        if self.is_idle() {
            self.kept = None;
        }
    }
}

/// Whether sending again may help, after waiting or asking for the partitions.
fn may_wait(error: &Error) -> bool {
    matches!(error.code(), ErrorCode::QueueFull | ErrorCode::InvalidPartition)
}

impl Settled {
    /// Completes the futures; runs on the loop's thread.
    pub(crate) fn complete(self, py: Python<'_>) -> PyResult<()> {
        let producer: &dyn Owner = &*self.producer;
        match self.what {
            What::Failed(future, error) => complete(py, &future, || Err(producer.exception(py, &error))),
            What::Reported(report, futures) => {
                let topic = PyString::new(py, report.topic());
                futures.into_iter().try_for_each(|(at, future)| {
                    complete(py, &future, || {
                        let metadata = producer.raising(py, report.result(at))?;
                        answer::record_metadata(py, &metadata, &topic)
                    })
                })
            }
            What::Many(Many { sent, failure, future, .. }) => complete(py, &future, || match failure {
                Some(error) => Err(producer.exception(py, &error)),
                None => list(py, &sent.into_iter().flatten().collect::<Vec<_>>()),
            }),
        }
    }
}

/// The metadata of records of one topic as a list.
pub(crate) fn list<'py>(py: Python<'py>, sent: &[RecordMetadata]) -> PyResult<Bound<'py, PyAny>> {
    let topic = PyString::new(py, sent.first().map_or("", |metadata| &metadata.topic));
    let sent: Vec<_> =
        sent.iter().map(|metadata| answer::record_metadata(py, metadata, &topic)).collect::<PyResult<_>>()?;
    Ok(PyList::new(py, sent)?.into_any())
}

/// Completes a future, unless it was cancelled.
pub(crate) fn complete<'py>(
    py: Python<'py>,
    future: &Py<PyAny>,
    outcome: impl FnOnce() -> PyResult<Bound<'py, PyAny>>,
) -> PyResult<()> {
    let future = future.bind(py);
    if future.call_method0(intern!(py, "done"))?.is_truthy()? {
        return Ok(());
    }
    match outcome() {
        Ok(object) => future.call_method1(intern!(py, "set_result"), (object,))?,
        Err(error) => future.call_method1(intern!(py, "set_exception"), (error.into_value(py),))?,
    };
    Ok(())
}
