//! Operations that write and read records.

use std::ops::Deref;
use std::time::Duration;
use std::vec;

use crate::protocol::{
    AsBytes, EncodeError, MAX_CONSUME_WAIT_MS, MessageData, Operation, Purpose, RequestFrame, Response, Route,
    check_topic_name, encode, list,
};

/// Appends a record.
///
/// Without a partition the broker chooses one, by the key where there is one;
/// it creates an unknown topic.
#[derive(Debug, Clone, Copy)]
pub struct Publish<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The partition; `None` for the broker's choice.
    pub partition: Option<u32>,
    /// The key; empty is a key too.
    pub key: Option<&'a [u8]>,
    /// The value.
    pub value: &'a [u8],
}

/// Where a record went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Published {
    /// The offset of the record.
    pub offset: u64,
    /// The partition.
    pub partition: u32,
    /// Whether an earlier attempt, whose outcome is unknown, may have written the record too.
    pub maybe_duplicate: bool,
}

impl Operation for Publish<'_> {
    type Output = Published;

    const REPEATABLE: bool = false;
    const APPENDS: bool = true;

    fn encode(&self) -> Result<RequestFrame, EncodeError> {
        check_topic_name(self.topic)?;
        let Publish { topic, partition, key, value } = *self;
        RequestFrame::new(&encode::Publish { topic, partition, key, value, leader_epoch: None::<u64> })
    }

    fn decode(response: Response) -> Result<Published, Response> {
        take!(response, Response::Published { offset, partition } => {
            Published { offset, partition, maybe_duplicate: false }
        })
    }

    fn mark_maybe_duplicate(published: &mut Published) {
        published.maybe_duplicate = true;
    }

    fn route(&self) -> Route<'_> {
        Route::Leader { topic: self.topic, partition: self.partition }
    }

    fn purpose(&self) -> Purpose {
        Purpose::Produce
    }
}

/// One record of a batch: its key and its value.
pub type BatchItem<K, V> = (Option<K>, V);

/// Appends many records to one partition.
///
/// `records` may be anything that can be walked several times: a slice, or an
/// iterator over foreign memory. Without a partition the broker chooses one
/// for the whole batch, by the key of the first record. A batch is not atomic:
/// an error may leave its first records written.
#[derive(Debug, Clone)]
pub struct PublishBatch<'a, I> {
    /// The topic.
    pub topic: &'a str,
    /// The partition; `None` for the broker's choice.
    pub partition: Option<u32>,
    /// The records, at most 10 000.
    pub records: I,
}

/// Where a batch went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PublishedBatch {
    /// The offset of the first record; the others follow it directly only
    /// where nobody else wrote to the partition meanwhile.
    pub base_offset: u64,
    /// The partition.
    pub partition: u32,
    /// The number of records.
    pub record_count: u32,
    /// Whether an earlier attempt, whose outcome is unknown, may have written the records too.
    pub maybe_duplicate: bool,
}

impl<I, K, V> Operation for PublishBatch<'_, I>
where
    I: IntoIterator<Item = BatchItem<K, V>, IntoIter: ExactSizeIterator + Clone> + Clone,
    K: AsRef<[u8]>,
    V: AsRef<[u8]>,
{
    type Output = PublishedBatch;

    const REPEATABLE: bool = false;
    const APPENDS: bool = true;

    fn encode(&self) -> Result<RequestFrame, EncodeError> {
        check_topic_name(self.topic)?;
        // The broker would answer an empty batch without even looking at the topic.
        if self.records.clone().into_iter().len() == 0 {
            return Err(EncodeError::NoEntries { what: "records" });
        }
        let records = list(self.records.clone().into_iter().map(|(key, value)| (key.map(AsBytes), AsBytes(value))));
        let (topic, partition) = (self.topic, self.partition);
        RequestFrame::new(&encode::PublishBatch { topic, partition, records: &records, leader_epoch: None })
    }

    fn decode(response: Response) -> Result<PublishedBatch, Response> {
        take!(response, Response::PublishedBatch { base_offset, partition, record_count } => {
            PublishedBatch { base_offset, partition, record_count, maybe_duplicate: false }
        })
    }

    fn mark_maybe_duplicate(published: &mut PublishedBatch) {
        published.maybe_duplicate = true;
    }

    fn route(&self) -> Route<'_> {
        Route::Leader { topic: self.topic, partition: self.partition }
    }

    fn purpose(&self) -> Purpose {
        Purpose::Produce
    }
}

/// Reads records of a partition from an offset on.
#[derive(Debug, Clone, Copy)]
pub struct Consume<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The partition.
    pub partition: u32,
    /// The first offset wanted; below the earliest one the broker begins there.
    pub offset: u64,
    /// The most records wanted; the broker gives at most 10 000 and ends earlier by size.
    pub max_messages: u32,
    /// 1 hides the records of aborted transactions.
    pub isolation_level: Option<u8>,
    /// How long the broker may wait for a first record, at most 30 s; `None` answers at once.
    pub max_wait: Option<Duration>,
}

impl Operation for Consume<'_> {
    type Output = MessageBatch;

    const REPEATABLE: bool = true;

    fn encode(&self) -> Result<RequestFrame, EncodeError> {
        check_topic_name(self.topic)?;
        let Consume { topic, partition, offset, max_messages, isolation_level, .. } = *self;
        let max_wait_ms = self.max_wait.map(|_| self.broker_wait().as_millis() as u64);
        RequestFrame::new(&encode::Consume { topic, partition, offset, max_messages, isolation_level, max_wait_ms })
    }

    fn decode(response: Response) -> Result<MessageBatch, Response> {
        take!(response, Response::Messages { messages } => MessageBatch { messages })
    }

    fn messages(batch: &mut MessageBatch) -> &mut [MessageData] {
        &mut batch.messages
    }

    fn broker_wait(&self) -> Duration {
        self.max_wait.unwrap_or_default().min(Duration::from_millis(MAX_CONSUME_WAIT_MS))
    }

    fn route(&self) -> Route<'_> {
        Route::Leader { topic: self.topic, partition: Some(self.partition) }
    }

    fn purpose(&self) -> Purpose {
        Purpose::Fetch
    }
}

/// The records of one answer, in the order of the log; derefs to a slice.
///
/// Keys and values are slices of the answer's frame, which lives as long as
/// any of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessageBatch {
    messages: Vec<MessageData>,
}

impl Deref for MessageBatch {
    type Target = [MessageData];

    fn deref(&self) -> &[MessageData] {
        &self.messages
    }
}

impl IntoIterator for MessageBatch {
    type Item = MessageData;
    type IntoIter = vec::IntoIter<MessageData>;

    fn into_iter(self) -> Self::IntoIter {
        self.messages.into_iter()
    }
}

impl<'a> IntoIterator for &'a MessageBatch {
    type Item = &'a MessageData;
    type IntoIter = std::slice::Iter<'a, MessageData>;

    fn into_iter(self) -> Self::IntoIter {
        self.messages.iter()
    }
}
