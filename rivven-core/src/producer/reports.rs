//! Deliveries told by batch instead of by record.

use std::fmt;
use std::sync::Arc;

use super::batch::{Batch, Settlement};
use crate::error::{Error, Result};
use crate::record_metadata::RecordMetadata;

/// Who is told what became of records, a batch at a time.
///
/// It is called on a thread of the runtime for every batch that is settled, in
/// the order of their offsets for each partition, and must not block: it is
/// meant to hand the report over to a queue or channel.
pub trait DeliveryReports: fmt::Debug + Send + Sync {
    /// Takes the report of one batch.
    fn settled(&self, report: DeliveryReport);
}

/// What became of the records of one batch. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct DeliveryReport {
    batch: Arc<Batch>,
}

impl DeliveryReport {
    pub(super) fn new(batch: Arc<Batch>) -> Self {
        DeliveryReport { batch }
    }

    /// The topic.
    pub fn topic(&self) -> &Arc<str> {
        &self.batch.topic
    }

    /// The partition; `None` if the records failed before it was known.
    pub fn partition(&self) -> Option<u32> {
        self.batch.partition()
    }

    /// The number of records.
    #[expect(clippy::len_without_is_empty, reason = "there is at least one")]
    pub fn len(&self) -> usize {
        self.batch.records() as usize
    }

    /// What each record was tagged with when it was handed over, in their order.
    pub fn tags(&self) -> &[u64] {
        self.batch.tags()
    }

    /// What became of the record at this position.
    ///
    /// # Errors
    ///
    /// What kept it from being delivered; `INVALID_ARGUMENT` for a position beyond the last one.
    pub fn result(&self, index: usize) -> Result<RecordMetadata> {
        let index = u32::try_from(index).ok().filter(|index| *index < self.batch.records());
        index.and_then(|index| self.batch.result(index)).unwrap_or_else(|| {
            let text = format!("the report has {} records: give a lower position", self.batch.records());
            Err(Error::Misuse(text.into()))
        })
    }

    /// Why all of the records failed, if they did together.
    pub fn error(&self) -> Option<&Error> {
        match self.batch.settlement() {
            Some(Settlement::Failed(error)) => Some(error),
            _ => None,
        }
    }

    /// Where the first record went, if all of them went to the offsets from there on.
    pub fn first(&self) -> Option<RecordMetadata> {
        match self.batch.settlement() {
            Some(Settlement::Delivered(_)) => self.batch.result(0)?.ok(),
            _ => None,
        }
    }
}
