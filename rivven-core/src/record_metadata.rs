//! Where a record went.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::ops::{Published, PublishedBatch};

/// The offset of a record whose place is not known.
pub const OFFSET_UNKNOWN: u64 = u64::MAX;

/// Where a record went, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordMetadata {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: u32,
    /// The offset, or [`OFFSET_UNKNOWN`] where no answer was waited for.
    pub offset: u64,
    /// When the answer came, in milliseconds since 1970 by the client's clock: no answer carries a time.
    pub timestamp: i64,
    /// Whether the broker recognised the record as one that it had already.
    pub duplicate: bool,
    /// Whether an earlier attempt, whose outcome is unknown, may have written the record too.
    pub maybe_duplicate: bool,
    /// Whether the offset is the record's own for certain.
    ///
    /// Of the records of a batch the broker names the first one's offset; those of the others are counted from
    /// it, which is right as long as nobody else writes to the partition at the same time. It is false where the
    /// producer's own earlier attempts, whose outcome is unknown, may have been written in between.
    pub offset_exact: bool,
}

impl RecordMetadata {
    /// Where the broker says that a record went; the time is that of this call.
    pub fn of(topic: &str, published: Published) -> Self {
        let Published { offset, partition, maybe_duplicate } = published;
        RecordMetadata {
            topic: topic.into(),
            partition,
            offset,
            timestamp: now_ms(),
            duplicate: false,
            maybe_duplicate,
            offset_exact: true,
        }
    }

    /// Where the broker says that the first record of a batch went; the time is that of this call.
    pub fn of_batch(topic: &str, published: PublishedBatch) -> Self {
        let PublishedBatch { base_offset: offset, partition, maybe_duplicate, .. } = published;
        Self::of(topic, Published { offset, partition, maybe_duplicate })
    }
}

pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
