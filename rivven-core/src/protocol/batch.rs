//! A batch that is written record by record, as it lies on the wire.

use std::ops::Range;

use bytes::{BufMut, Bytes};

use super::frame::RequestFrame;
use super::primitives::{put_varint, varint_len, zigzag};
use super::requests::encode;

/// Discriminant of `Request::PublishBatch`.
const PUBLISH_BATCH: u8 = 38;

/// Discriminant of `Request::IdempotentPublishBatch`.
const IDEMPOTENT_PUBLISH_BATCH: u8 = 39;

/// Most bytes before the records besides the topic's name: discriminant, the
/// name's length, the partition and the number of records.
const MAX_HEAD: usize = 1 + 2 + 6 + 3;

/// Most bytes behind the records: producer id, epoch, sequence, leader epoch.
const MAX_TAIL: usize = 10 + 3 + 5 + 1;

/// Most bytes of a record besides key and value: a tag and two lengths.
const MAX_FRAMING: usize = 1 + 5 + 5;

/// Who writes a batch once, however often it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) producer_id: u64,
    pub(crate) producer_epoch: u16,
    pub(crate) base_sequence: i32,
}

/// The records of a batch, in the form that they are sent in.
///
/// Each is copied once, into the buffer that goes to the socket. What stands
/// before them on the wire depends on their number, so room is left for it.
pub(crate) struct BatchBuffer {
    bytes: Vec<u8>,
    /// Where the records begin.
    head: usize,
    count: u32,
}

impl BatchBuffer {
    /// An empty batch for a topic, with room for so many bytes of records.
    pub(crate) fn new(topic: &str, room: usize) -> Self {
        let head = MAX_HEAD + topic.len();
        let mut bytes = Vec::with_capacity(head + room + MAX_FRAMING + MAX_TAIL);
        bytes.resize(head, 0);
        BatchBuffer { bytes, head, count: 0 }
    }

    /// Bytes that a record takes.
    pub(crate) fn record_len(key: Option<usize>, value: usize) -> usize {
        let bytes = |len: usize| varint_len(len as u64) + len;
        1 + key.map_or(0, bytes) + bytes(value)
    }

    /// Appends a record; its value is `header` and `data`, one behind the other.
    #[inline]
    pub(crate) fn push(&mut self, key: Option<&[u8]>, header: &[u8], data: &[u8]) {
        self.count += 1;
        let len = header.len() + data.len();
        match key {
            // Most records: what stands before the value is written as a whole.
            None if len < 0x80 => self.bytes.extend_from_slice(&[0, len as u8]),
            None if len < 0x4000 => self.bytes.extend_from_slice(&[0, len as u8 | 0x80, (len >> 7) as u8]),
            None => {
                self.bytes.push(0);
                put_varint(&mut self.bytes, len as u64);
            }
            Some(key) => {
                self.bytes.reserve(MAX_FRAMING + key.len() + len);
                self.bytes.push(1);
                put_varint(&mut self.bytes, key.len() as u64);
                self.bytes.extend_from_slice(key);
                put_varint(&mut self.bytes, len as u64);
            }
        }
        if !header.is_empty() {
            self.bytes.extend_from_slice(header);
        }
        self.bytes.extend_from_slice(data);
    }

    /// Number of records.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// Bytes of the records.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() - self.head
    }

    /// Gives back memory that is reserved far beyond need.
    pub(crate) fn trim(&mut self) {
        if self.bytes.capacity() > 2 * self.bytes.len() + MAX_TAIL {
            self.bytes.shrink_to(self.bytes.len() + MAX_TAIL);
        }
    }

    /// The records, key and value, in the order in which they were appended.
    pub(crate) fn records(&self) -> impl Iterator<Item = (Option<&[u8]>, &[u8])> {
        records_in(&self.bytes[self.head..])
    }

    /// The request that writes the batch to a partition, once only if it has a stamp.
    ///
    /// What stands before the records is written into the room in front of
    /// them; they stay where they are.
    pub(crate) fn into_framed(self, topic: &str, partition: u32, stamp: Option<Stamp>) -> FramedBatch {
        let BatchBuffer { mut bytes, head, count } = self;
        let numbers = varint_len(u64::from(partition)) + varint_len(u64::from(count));
        let name = varint_len(topic.len() as u64) + topic.len();
        let start = head - (1 + name + 1 + numbers);
        let mut front = &mut bytes[start..head];
        front.put_u8(if stamp.is_some() { IDEMPOTENT_PUBLISH_BATCH } else { PUBLISH_BATCH });
        put_varint_into(&mut front, topic.len() as u64);
        front.put_slice(topic.as_bytes());
        front.put_u8(1);
        put_varint_into(&mut front, u64::from(partition));
        put_varint_into(&mut front, u64::from(count));
        let end = bytes.len();
        if let Some(Stamp { producer_id, producer_epoch, base_sequence }) = stamp {
            put_varint(&mut bytes, producer_id);
            put_varint(&mut bytes, u64::from(producer_epoch));
            put_varint(&mut bytes, zigzag(i64::from(base_sequence)));
        }
        // No leader epoch.
        bytes.push(0);
        let name = if stamp.is_some() { "IdempotentPublishBatch" } else { "PublishBatch" };
        let frame = RequestFrame::from_payload(name, Bytes::from(bytes).slice(start..));
        FramedBatch { frame, records: head - start..end - start, count }
    }
}

/// A batch as the request that writes it. Cloning shares the bytes.
#[derive(Debug, Clone)]
pub(crate) struct FramedBatch {
    pub(crate) frame: RequestFrame,
    /// Where the records lie in the payload.
    records: Range<usize>,
    count: u32,
}

impl FramedBatch {
    /// The records, key and value.
    fn records(&self) -> impl Iterator<Item = (Option<&[u8]>, &[u8])> {
        records_in(&self.frame.payload()[self.records.clone()])
    }

    /// The same records with another stamp.
    pub(crate) fn restamped(&self, topic: &str, partition: u32, stamp: Stamp) -> Self {
        let mut buffer = BatchBuffer::new(topic, self.records.len());
        buffer.bytes.extend_from_slice(&self.frame.payload()[self.records.clone()]);
        buffer.count = self.count;
        buffer.into_framed(topic, partition, Some(stamp))
    }

    /// The request that writes one of the records alone, once.
    pub(crate) fn single(&self, index: u32, topic: &str, partition: u32, stamp: Stamp) -> Option<RequestFrame> {
        let (key, value) = self.records().nth(index as usize)?;
        let Stamp { producer_id, producer_epoch, base_sequence: sequence } = stamp;
        let partition = Some(partition);
        let request = encode::IdempotentPublish {
            topic,
            partition,
            key,
            value,
            producer_id,
            producer_epoch,
            sequence,
            leader_epoch: None,
        };
        RequestFrame::new(&request).ok()
    }
}

/// The records in bytes that were written by [`BatchBuffer::push`].
fn records_in(mut rest: &[u8]) -> impl Iterator<Item = (Option<&[u8]>, &[u8])> {
    std::iter::from_fn(move || {
        let (&tag, after) = rest.split_first()?;
        rest = after;
        let key = (tag == 1).then(|| take_bytes(&mut rest));
        Some((key, take_bytes(&mut rest)))
    })
}

/// Writes a varint into room that is there.
fn put_varint_into(out: &mut impl BufMut, mut value: u64) {
    while value >= 0x80 {
        out.put_u8(value as u8 | 0x80);
        value >>= 7;
    }
    out.put_u8(value as u8);
}

/// Takes a byte string that was written by [`BatchBuffer::push`].
fn take_bytes<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let (mut len, mut shift) = (0, 0);
    while let Some((&byte, after)) = rest.split_first() {
        *rest = after;
        len |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte < 0x80 {
            break;
        }
    }
    let (taken, after) = rest.split_at(len);
    *rest = after;
    taken
}

/// Sizes only: records may hold secrets.
impl std::fmt::Debug for BatchBuffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BatchBuffer({} records, {} bytes)", self.count, self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{BatchRecord, MAX_BATCH_SIZE, MAX_LIST_ENTRIES, MAX_MESSAGE_SIZE, MAX_NAME, Request};
    use super::*;

    fn batch(topic: &str, records: &[(Option<&[u8]>, &[u8])]) -> BatchBuffer {
        let mut batch = BatchBuffer::new(topic, 0);
        records.iter().for_each(|(key, value)| batch.push(*key, &[], value));
        batch
    }

    fn owned(records: &[(Option<&[u8]>, &[u8])]) -> Vec<BatchRecord> {
        let owned = |(key, value): &(Option<&[u8]>, &[u8])| BatchRecord {
            key: key.map(Bytes::copy_from_slice),
            value: Bytes::copy_from_slice(value),
        };
        records.iter().map(owned).collect()
    }

    /// The bytes are those of the codec for every width of the numbers in front and behind.
    #[test]
    fn the_largest_batch_fits_a_request_however_its_values_are_marked() {
        let value = vec![1; MAX_BATCH_SIZE / MAX_LIST_ENTRIES - 3];
        let mut plain = BatchBuffer::new("t", 0);
        let mut marked = BatchBuffer::new("t", 0);
        for _ in 0..MAX_LIST_ENTRIES {
            plain.push(None, &[], &value);
            marked.push(None, &[0; 9], &value);
        }
        assert!(plain.len() <= MAX_BATCH_SIZE && plain.len() + MAX_LIST_ENTRIES > MAX_BATCH_SIZE);
        let topic = "t".repeat(MAX_NAME);
        for buffer in [plain, marked] {
            let mut named = BatchBuffer::new(&topic, buffer.len());
            buffer.records().for_each(|(key, value)| named.push(key, &[], value));
            let stamp = Stamp { producer_id: u64::MAX, producer_epoch: u16::MAX, base_sequence: i32::MAX };
            let frame = named.into_framed(&topic, u32::MAX, Some(stamp)).frame;
            assert!(frame.wire_len() <= MAX_MESSAGE_SIZE, "{} bytes", frame.wire_len());
        }
    }

    #[test]
    fn the_request_is_the_one_that_the_codec_makes() {
        let (long, name) = (vec![7; 20_000], "n".repeat(255));
        let few: &[(Option<&[u8]>, &[u8])] = &[(None, b"a"), (Some(b""), b""), (Some(b"key"), &long)];
        let many = vec![(None, &b"v"[..]); 10_000];
        for records in [few, &many, &many[..127], &many[..128]] {
            for (topic, partition) in [("t", 0), (name.as_str(), u32::MAX), ("orders", 128)] {
                let plain = batch(topic, records).into_framed(topic, partition, None).frame;
                let same = Request::PublishBatch {
                    topic: topic.into(),
                    partition: Some(partition),
                    records: owned(records),
                    leader_epoch: None,
                };
                assert_eq!(plain, same.encode().unwrap());
            }
        }
    }

    #[test]
    fn a_stamp_makes_it_the_idempotent_request() {
        let records: &[(Option<&[u8]>, &[u8])] = &[(Some(b"k"), b"v"), (None, b"w")];
        for (producer_id, producer_epoch, base_sequence) in [(1, 0, 0), (u64::MAX, u16::MAX, i32::MAX), (300, 7, -1)] {
            let stamp = Stamp { producer_id, producer_epoch, base_sequence };
            let same = Request::IdempotentPublishBatch {
                topic: "t".into(),
                partition: Some(3),
                records: owned(records),
                producer_id,
                producer_epoch,
                base_sequence,
                leader_epoch: None,
            };
            let frame = same.encode().unwrap();
            assert_eq!(batch("t", records).into_framed("t", 3, Some(stamp)).frame, frame);
            let other = Stamp { producer_id: 9, producer_epoch: 9, base_sequence: 9 };
            let framed = batch("t", records).into_framed("t", 3, Some(other));
            assert_eq!(framed.restamped("t", 3, stamp).frame, frame);
            let single = Request::IdempotentPublish {
                topic: "t".into(),
                partition: Some(3),
                key: None,
                value: Bytes::from("w"),
                producer_id,
                producer_epoch,
                sequence: base_sequence,
                leader_epoch: None,
            };
            assert_eq!(framed.single(1, "t", 3, stamp), Some(single.encode().unwrap()));
            assert_eq!(framed.single(2, "t", 3, stamp), None);
        }
    }

    #[test]
    fn lengths_are_known_before_and_records_are_read_back() {
        for (key, value) in [(None, 0), (Some(0), 127), (Some(128), 128), (Some(5), 100_000)] {
            let (bytes, data) = (key.map(|len| vec![1; len]), vec![2; value]);
            let mut batch = BatchBuffer::new("t", 0);
            batch.push(bytes.as_deref(), &data[..value / 2], &data[value / 2..]);
            assert_eq!(batch.len(), BatchBuffer::record_len(key, value));
            assert_eq!(batch.records().collect::<Vec<_>>(), [(bytes.as_deref(), &data[..])]);
        }
    }
}
