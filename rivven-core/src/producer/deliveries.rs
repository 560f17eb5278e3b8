//! The deliveries of many records, kept by batch.

use std::sync::Arc;

use super::batch::Batch;
use crate::error::{Error, Result};
use crate::record_metadata::RecordMetadata;

/// Records that were handed over by [`enqueue_batch`](super::TopicHandle::enqueue_batch), in their order.
///
/// It costs as much as there are batches, however many records are in them: a
/// record is a position. Cloning gives a second view of the same records.
/// Dropping it has no consequence: they are sent all the same.
///
/// ```no_run
/// # async fn run(producer: rivven_client::Producer) -> rivven_client::Result<()> {
/// use rivven_client::Deliveries;
///
/// let values: Vec<String> = (0..1000).map(|number| format!("value {number}")).collect();
/// let mut deliveries = Deliveries::default();
/// let records = values.iter().map(|value| (None, value.as_bytes()));
/// producer.topic("orders").enqueue_batch(None, records, &mut deliveries)?;
/// deliveries.settled().await;
/// for index in 0..deliveries.len() {
///     println!("{:?}", deliveries.result(index));
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Deliveries {
    runs: Vec<Run>,
    len: usize,
}

/// Records that stand one behind the other in one batch.
#[derive(Debug, Clone)]
struct Run {
    /// The position of the first one among all.
    start: usize,
    batch: Arc<Batch>,
    /// Its position in the batch.
    first: u32,
}

impl Deliveries {
    /// Adds the record at this position of the batch.
    #[inline]
    pub(super) fn add(&mut self, batch: &Arc<Batch>, index: u32) {
        let follows =
            |run: &Run| Arc::ptr_eq(&run.batch, batch) && run.first as usize + (self.len - run.start) == index as usize;
        if !self.runs.last().is_some_and(follows) {
            self.runs.push(Run { start: self.len, batch: Arc::clone(batch), first: index });
        }
        self.len += 1;
    }

    /// The number of records.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What became of the record at this position; `None` while that is not known, and beyond the last one.
    pub fn result(&self, index: usize) -> Option<Result<RecordMetadata>> {
        if index >= self.len {
            return None;
        }
        let run = &self.runs[self.runs.partition_point(|run| run.start <= index) - 1];
        run.batch.result(run.first + (index - run.start) as u32)
    }

    /// Why records failed: the first such error, as far as is known.
    pub fn error(&self) -> Option<Error> {
        self.runs.iter().find_map(|run| run.batch.result(run.first)?.err())
    }

    /// Waits until what became of every record is known.
    pub async fn settled(&self) {
        for run in &self.runs {
            run.batch.settled().await;
        }
    }

    /// Where the records went, in their order, if all of them were delivered.
    pub(super) fn delivered(&self) -> Result<Vec<RecordMetadata>> {
        (0..self.len).filter_map(|index| self.result(index)).collect()
    }
}
