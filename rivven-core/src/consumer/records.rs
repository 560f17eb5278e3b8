//! What a poll gives: records that lie where they were received.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::listener::{Key, TopicPartition};
use super::memory::{Counted, Memory};
use super::position::Seen;
use crate::compression::{Decoder, Decompression, Failure, may_be_framed};
use crate::error::{Detail, Error, Outcome};
use crate::protocol::{DecodeError, DecodeErrorKind, MessageData, RecordRef, Records};

/// A record that was read.
///
/// Key and value are slices of the answer that the record came in, which counts
/// as held (`fetch.buffer.memory`) until the last of its records is dropped:
/// [`detach`](ConsumerRecord::detach) those that are kept for long.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConsumerRecord {
    /// The topic.
    pub topic: Arc<str>,
    /// The number of the partition.
    pub partition: u32,
    /// The position in the partition.
    pub offset: u64,
    /// The key; an empty one is a key, too.
    pub key: Option<Bytes>,
    /// The value, decompressed where it was compressed.
    pub value: Bytes,
    /// When the broker received the record, in milliseconds since 1970.
    pub timestamp: i64,
    /// Headers by name. No request can set them, so they are empty.
    pub headers: Vec<(String, Bytes)>,
}

impl ConsumerRecord {
    /// The same record with key and value copied, so that it holds nothing else.
    pub fn detach(&self) -> Self {
        ConsumerRecord {
            key: self.key.as_deref().map(Bytes::copy_from_slice),
            value: Bytes::copy_from_slice(&self.value),
            ..self.clone()
        }
    }
}

/// Sizes instead of content.
impl fmt::Debug for ConsumerRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsumerRecord")
            .field("topic", &self.topic)
            .field("partition", &self.partition)
            .field("offset", &self.offset)
            .field("key", &self.key.as_ref().map(|key| format!("{} bytes", key.len())))
            .field("value", &format!("{} bytes", self.value.len()))
            .field("timestamp", &self.timestamp)
            .finish_non_exhaustive()
    }
}

/// A record that is looked at where it lies, without a cost of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordView<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The number of the partition.
    pub partition: u32,
    /// The position in the partition.
    pub offset: u64,
    /// The key; an empty one is a key, too.
    pub key: Option<&'a [u8]>,
    /// The value, decompressed where it was compressed.
    pub value: &'a [u8],
    /// When the broker received the record, in milliseconds since 1970.
    pub timestamp: i64,
}

/// Sizes instead of content.
impl fmt::Debug for RecordView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordView")
            .field("topic", &self.topic)
            .field("partition", &self.partition)
            .field("offset", &self.offset)
            .field("key", &self.key.map(|key| format!("{} bytes", key.len())))
            .field("value", &format!("{} bytes", self.value.len()))
            .field("timestamp", &self.timestamp)
            .finish()
    }
}

/// The records of one poll, in the order of the log within each partition.
///
/// There are two ways to look at them. [`views`](ConsumerRecords::views) shows
/// each where it lies and allocates nothing. As a slice of
/// [`ConsumerRecord`]s, which can be indexed, sorted out and kept, they are made at
/// the first look, in one allocation; so they are by `for record in &records`
/// and, one by one, by `for record in records`.
///
/// ```no_run
/// # async fn run(consumer: rivven_client::Consumer) -> rivven_client::Result<()> {
/// let records = consumer.poll().await?;
/// for record in records.views() {
///     println!("{}/{} at {}: {} bytes", record.topic, record.partition, record.offset, record.value.len());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct ConsumerRecords {
    parts: Vec<PartitionRecords>,
    len: usize,
    ended: Vec<TopicPartition>,
    made: OnceLock<Vec<ConsumerRecord>>,
}

impl ConsumerRecords {
    pub(super) fn new(parts: Vec<PartitionRecords>, ended: Vec<TopicPartition>) -> Self {
        let len = parts.iter().map(PartitionRecords::len).sum();
        ConsumerRecords { parts, len, ended, made: OnceLock::new() }
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The records by partition; a partition may be there more than once.
    pub fn partitions(&self) -> &[PartitionRecords] {
        &self.parts
    }

    /// The partitions whose end was reached with these records, where
    /// [`report_partition_end`](crate::ConsumerConfig::report_partition_end) is set.
    ///
    /// Each end is told once, until there are more records. A partition that
    /// was empty from the start has an end, too.
    pub fn ended(&self) -> &[TopicPartition] {
        &self.ended
    }

    /// All records where they lie.
    pub fn views(&self) -> impl Iterator<Item = RecordView<'_>> + Clone {
        self.parts.iter().flat_map(PartitionRecords::views)
    }
}

impl Deref for ConsumerRecords {
    type Target = [ConsumerRecord];

    fn deref(&self) -> &[ConsumerRecord] {
        self.made.get_or_init(|| {
            let mut made = Vec::with_capacity(self.len);
            self.parts.iter().for_each(|part| made.extend(part.records()));
            made
        })
    }
}

impl<'a> IntoIterator for &'a ConsumerRecords {
    type Item = &'a ConsumerRecord;
    type IntoIter = std::slice::Iter<'a, ConsumerRecord>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for ConsumerRecords {
    type Item = ConsumerRecord;
    type IntoIter = IntoRecords;

    fn into_iter(self) -> IntoRecords {
        IntoRecords { parts: self.parts, part: 0, next: 0, left: self.len }
    }
}

/// Sizes instead of content.
impl fmt::Debug for ConsumerRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsumerRecords")
            .field("len", &self.len)
            .field("partitions", &self.parts)
            .field("ended", &self.ended)
            .finish()
    }
}

/// Gives the records of a poll one by one.
#[derive(Debug)]
pub struct IntoRecords {
    parts: Vec<PartitionRecords>,
    part: usize,
    next: usize,
    left: usize,
}

impl Iterator for IntoRecords {
    type Item = ConsumerRecord;

    fn next(&mut self) -> Option<ConsumerRecord> {
        loop {
            if let Some(record) = self.parts.get(self.part)?.record(self.next) {
                self.next += 1;
                self.left = self.left.saturating_sub(1);
                return Some(record);
            }
            (self.part, self.next) = (self.part + 1, 0);
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for IntoRecords {}

/// The records of one answer, as they are received.
pub(super) struct Frame {
    pub(super) records: Records,
    /// Whether values may be compression frames.
    pub(super) framed: bool,
    /// What it takes of the consumer's memory besides the payload.
    counted: Option<Counted>,
}

impl Frame {
    /// Lets its index count as the consumer's memory; the payload counts by itself.
    pub(super) fn count(&mut self, memory: &Arc<Memory>) {
        self.counted = Some(memory.count(self.records.index_size()));
    }
}

/// Records of one partition that were received together.
#[derive(Clone)]
pub struct PartitionRecords {
    topic: Arc<str>,
    partition: u32,
    /// The course of the partition on which they were taken.
    course: u64,
    frame: Arc<Frame>,
    range: Range<usize>,
    /// The values that were compressed, by their places in the frame, in order.
    decoded: Vec<(usize, Bytes)>,
}

impl PartitionRecords {
    pub(super) fn new(key: &Key, course: u64, frame: Arc<Frame>, range: Range<usize>) -> Self {
        let (topic, partition) = (Arc::clone(&key.topic), key.partition);
        PartitionRecords { topic, partition, course, frame, range, decoded: Vec::new() }
    }

    /// The topic.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The number of the partition.
    pub fn partition(&self) -> u32 {
        self.partition
    }

    /// How many records there are; at least one.
    pub fn len(&self) -> usize {
        self.range.len()
    }

    /// Whether there is no record, which never happens.
    pub fn is_empty(&self) -> bool {
        self.range.is_empty()
    }

    /// The records where they lie.
    pub fn views(&self) -> impl Iterator<Item = RecordView<'_>> + Clone {
        let view = |(place, decoded)| Some(self.seen(self.frame.records.get(place)?, decoded));
        self.places().map_while(view)
    }

    /// Offsets and values alone, which are found without a look at the records themselves.
    pub fn values(&self) -> impl Iterator<Item = (u64, &[u8])> + Clone {
        let value = |(place, decoded): (usize, Option<_>)| {
            let (offset, value) = self.frame.records.value(place)?;
            Some((offset, decoded.unwrap_or(value)))
        };
        self.places().map_while(value)
    }

    fn places(&self) -> Places<'_> {
        Places { range: self.range.clone(), decoded: &self.decoded }
    }

    /// The record at an index, where it lies.
    pub fn view(&self, index: usize) -> Option<RecordView<'_>> {
        let place = self.range.clone().nth(index)?;
        Some(self.seen(self.frame.records.get(place)?, self.decoded_at(place).map(|value| &value[..])))
    }

    /// The offset of the record at an index, which is found without a look at the record itself.
    pub fn offset(&self, index: usize) -> Option<u64> {
        let place = self.range.clone().nth(index)?;
        self.frame.records.value(place).map(|(offset, _)| offset)
    }

    /// The value of a record, if it was compressed.
    fn decoded_at(&self, place: usize) -> Option<&Bytes> {
        if self.decoded.is_empty() {
            return None;
        }
        let found = self.decoded.binary_search_by_key(&place, |(place, _)| *place).ok()?;
        Some(&self.decoded[found].1)
    }

    #[inline(always)]
    fn seen<'a>(&'a self, record: RecordRef<'a>, decoded: Option<&'a [u8]>) -> RecordView<'a> {
        let RecordRef { offset, key, value, timestamp, .. } = record;
        let value = decoded.unwrap_or(value);
        RecordView { topic: &self.topic, partition: self.partition, offset, key, value, timestamp }
    }

    /// The records as values of their own.
    pub fn records(&self) -> impl Iterator<Item = ConsumerRecord> {
        (0..self.len()).filter_map(|index| self.record(index))
    }

    /// The record at an index, as a value of its own.
    pub fn record(&self, index: usize) -> Option<ConsumerRecord> {
        let place = self.range.clone().nth(index)?;
        let MessageData { offset, key, value, timestamp, headers, .. } = self.frame.records.message(place)?;
        let value = self.decoded_at(place).cloned().unwrap_or(value);
        let (topic, partition) = (Arc::clone(&self.topic), self.partition);
        Some(ConsumerRecord { topic, partition, offset, key, value, timestamp, headers })
    }

    /// How many bytes keys and values take at most.
    pub fn most_bytes(&self) -> usize {
        let decoded: usize = self.decoded.iter().map(|(_, value)| value.len()).sum();
        self.frame.records.span(self.range.clone()) + decoded
    }

    fn offset_at(&self, place: usize) -> Option<u64> {
        self.frame.records.get(place).map(|record| record.offset)
    }

    pub(super) fn key(&self) -> Key {
        Key { topic: Arc::clone(&self.topic), partition: self.partition }
    }

    pub(super) fn course(&self) -> u64 {
        self.course
    }

    pub(super) fn first_offset(&self) -> Option<u64> {
        self.offset_at(self.range.start)
    }

    pub(super) fn last_offset(&self) -> Option<u64> {
        self.offset_at(self.range.end.checked_sub(1)?)
    }

    /// The answer that the records came in, and where they lie in it, for boundaries.
    pub fn frame(&self) -> (&Records, Range<usize>) {
        (&self.frame.records, self.range.clone())
    }

    /// Takes the values out of their compression frames.
    ///
    /// Where one cannot be, the records from it on are left out, and its offset and the error are given; without an error
    /// where it only is too much at once.
    pub(super) fn decode(&mut self, decoder: &mut Decoder) -> Option<(u64, Option<Error>)> {
        if !self.frame.framed {
            return None;
        }
        for place in self.range.clone() {
            let Some(value) = self.frame.records.message(place).map(|message| message.value) else { continue };
            match decoder.decode(value.clone()) {
                Ok(decoded) if decoded == value => {}
                Ok(decoded) => self.decoded.push((place, decoded)),
                Err(failure) => {
                    let offset = self.offset_at(place).unwrap_or_default();
                    self.range.end = place;
                    let error = match failure {
                        Failure::TooMuch => None,
                        Failure::Defect(_) => Some(self.undecodable(offset, &failure.error("a value"))),
                    };
                    return Some((offset, error));
                }
            }
        }
        None
    }

    fn undecodable(&self, offset: u64, error: &Error) -> Error {
        let text = format!("read {}/{} at offset {offset}: {error}", self.topic, self.partition);
        Error::SerializationError(Detail::new(text).with_code(error.code()).with_outcome(Outcome::Unknown))
    }
}

/// The places of records in their frame, each with its value if that was compressed.
#[derive(Clone)]
struct Places<'a> {
    range: Range<usize>,
    /// The values that were compressed, from here on.
    decoded: &'a [(usize, Bytes)],
}

impl<'a> Iterator for Places<'a> {
    type Item = (usize, Option<&'a [u8]>);

    /// Becomes part of the loop around it, which then reads of a record only what it looks at.
    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        let place = self.range.next()?;
        match self.decoded {
            [(decoded, value), rest @ ..] if *decoded == place => {
                self.decoded = rest;
                Some((place, Some(&value[..])))
            }
            _ => Some((place, None)),
        }
    }
}

impl fmt::Debug for PartitionRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.offset_at(self.range.start).unwrap_or_default();
        write!(f, "{}/{}: {} records from {first}", self.topic, self.partition, self.len())
    }
}

/// Gathers records of an answer to a request for those of a partition from an offset on.
///
/// They are brought into their order, should the broker have given them in another one.
pub(super) fn gather(
    payload: &Bytes,
    partition: u32,
    from: u64,
    how: Decompression,
) -> Result<Option<(Frame, Seen)>, DecodeError> {
    let (mut total, mut next, mut ordered, mut framed, mut foreign) = (0, from, true, false, None);
    let records = Records::select(payload, |record| {
        total += 1;
        foreign = foreign.or(Some(record.partition).filter(|other| *other != partition));
        // What lies below was there before, or was appended out of order after a crash of the broker.
        if record.offset < from {
            return false;
        }
        ordered &= record.offset >= next;
        next = record.offset.saturating_add(1);
        framed |= how == Decompression::Always || may_be_framed(record.value);
        true
    })?;
    let Some(mut records) = records else { return Ok(None) };
    if let Some(partition) = foreign {
        let kind = DecodeErrorKind::OtherPartition(partition);
        return Err(DecodeError { kind, offset: 0, message: "Messages", field: "partition" });
    }
    if !ordered {
        records.sort();
    }
    let offset_at = |place: usize| records.get(place).map(|record| record.offset);
    let kept = offset_at(0).zip(records.len().checked_sub(1).and_then(offset_at));
    let seen = Seen { total, kept, bytes: payload.len() };
    let framed = framed && how != Decompression::Never;
    Ok(Some((Frame { records, framed, counted: None }, seen)))
}
