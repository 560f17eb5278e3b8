//! Records one by one.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::Stream;

use super::Owner;
use super::partition::Progress;
use super::records::{ConsumerRecord, ConsumerRecords, PartitionRecords};
use crate::error::Result;

/// A part of a poll, of which records are given one by one.
struct Part {
    records: PartitionRecords,
    progress: Arc<Progress>,
    assignment: u64,
    next: usize,
}

type Polling = Pin<Box<dyn Future<Output = Result<ConsumerRecords>> + Send>>;

/// The records of a consumer, one by one and without end; made by [`Consumer::stream`](crate::Consumer::stream).
///
/// A record counts as done when the next one is asked for, and not before: that
/// is what is committed. Records that were not given when the stream is dropped
/// are given by the next poll. An error does not end it, but the end of the
/// consumer does.
pub struct RecordStream {
    owner: Arc<Owner>,
    parts: std::vec::IntoIter<Part>,
    part: Option<Part>,
    polling: Option<Polling>,
}

impl RecordStream {
    pub(super) fn new(owner: Arc<Owner>) -> Self {
        RecordStream { owner, parts: Vec::new().into_iter(), part: None, polling: None }
    }

    /// Waits until there is a record to [take](RecordStream::try_next), at most so long.
    ///
    /// `false` if there is none by then, or as soon as the end of a partition is
    /// reached, where that is reported. It asks for more records only when all
    /// that have come were taken. Dropping the future loses no record.
    ///
    /// # Errors
    ///
    /// As [`poll`](crate::Consumer::poll).
    pub async fn ready(&mut self, limit: Duration) -> Result<bool> {
        if self.has_next() {
            return Ok(true);
        }
        if let Some(mut part) = self.part.take() {
            part.finish();
        }
        let owner = Arc::clone(&self.owner);
        let polling = self.polling.get_or_insert_with(|| Box::pin(async move { owner.inner.poll(limit).await }));
        let polled = polling.await;
        self.polling = None;
        let records = polled?;
        self.resume(&records);
        Ok(!records.is_empty())
    }

    /// The next record of those that have come; it says that the program is done with those before.
    pub fn try_next(&mut self) -> Option<ConsumerRecord> {
        let record = self.take();
        if record.is_none() {
            self.part = None;
        }
        record
    }

    /// Takes as many of the records that have come, at most so many.
    ///
    /// The program is done with them as with those of a poll: when it asks for more, or closes the consumer.
    pub fn take_ready(&mut self, most: usize) -> Vec<ConsumerRecord> {
        let mut taken = Vec::new();
        while taken.len() < most && self.has_next() {
            taken.extend(self.take());
        }
        // Nothing is committed by itself but by what asks for more.
        if let (Some(part), Some(last)) = (&self.part, taken.last()) {
            part.progress.done(last.offset + 1);
        }
        taken
    }

    /// Goes on with records that a poll of the same consumer gave and nobody has looked at.
    pub fn resume(&mut self, records: &ConsumerRecords) {
        self.come(records);
    }

    fn has_next(&self) -> bool {
        let left = self.part.as_ref().is_some_and(|part| part.next < part.records.len());
        left || self.parts.len() > 0
    }

    /// The next record of those that have come.
    fn take(&mut self) -> Option<ConsumerRecord> {
        loop {
            if let Some(part) = &mut self.part {
                if let Some(record) = part.records.record(part.next) {
                    part.next += 1;
                    part.progress.has(record.offset);
                    return Some(record);
                }
                part.finish();
            }
            self.part = Some(self.parts.next()?);
        }
    }

    fn come(&mut self, records: &ConsumerRecords) {
        let parts = records.partitions();
        let mut state = self.owner.inner.shared.state();
        let progress = state.stream(parts);
        let assignment = |part: &PartitionRecords| state.partitions.get(&part.key()).map(|found| found.assignment);
        let taken = parts.iter().zip(progress).map(|(records, progress)| Part {
            assignment: assignment(records).unwrap_or_default(),
            records: records.clone(),
            progress,
            next: 0,
        });
        self.parts = taken.collect::<Vec<_>>().into_iter();
    }
}

impl Part {
    /// The program has asked for more than the part has.
    fn finish(&mut self) {
        if let Some(last) = self.records.len().checked_sub(1).and_then(|last| self.records.record(last)) {
            self.progress.done(last.offset + 1);
        }
    }
}

impl Stream for RecordStream {
    type Item = Result<ConsumerRecord>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if let Some(record) = this.take() {
                return Poll::Ready(Some(Ok(record)));
            }
            this.part = None;
            let polling = this.polling.get_or_insert_with(|| {
                let owner = Arc::clone(&this.owner);
                let limit = Duration::from_millis(owner.inner.shared.config.max_poll_interval_ms);
                Box::pin(async move { owner.inner.poll(limit).await })
            });
            let Poll::Ready(polled) = polling.as_mut().poll(cx) else { return Poll::Pending };
            this.polling = None;
            match polled {
                Ok(records) => this.come(&records),
                Err(_) if this.owner.inner.shared.check_open().is_err() => return Poll::Ready(None),
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
    }
}

impl Drop for RecordStream {
    fn drop(&mut self) {
        let mut rewound = Vec::new();
        let mut state = self.owner.inner.shared.state();
        for part in self.part.take().into_iter().chain(self.parts.by_ref()) {
            let key = part.records.key();
            if rewound.contains(&key) {
                continue;
            }
            if let Some(record) = part.records.record(part.next) {
                state.rewind(&key, part.assignment, record.offset);
                rewound.push(key);
            }
        }
    }
}

impl std::fmt::Debug for RecordStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecordStream").finish_non_exhaustive()
    }
}
