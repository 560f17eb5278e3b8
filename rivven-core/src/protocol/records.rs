//! The records of a `Messages` answer, read where they lie.

use std::ops::Range;

use bytes::Bytes;

use super::codec::Decode;
use super::error::DecodeError;
use super::limits::MAX_RESPONSE_MESSAGES;
use super::messages::Payload;
use super::primitives::{Reader, unzigzag};
use super::structures::MessageData;

/// The discriminant of `Response::Messages`.
const MESSAGES: u64 = 4;

/// A record within the payload of its answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RecordRef<'a> {
    /// Position in the partition.
    pub offset: u64,
    /// Number of the partition.
    pub partition: u32,
    /// The key; an empty one is a key, too.
    pub key: Option<&'a [u8]>,
    /// The value.
    pub value: &'a [u8],
    /// When the broker received the record, in milliseconds since 1970.
    pub timestamp: i64,
}

impl std::fmt::Debug for RecordRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecordRef")
            .field("offset", &self.offset)
            .field("partition", &self.partition)
            .field("key", &self.key.map(Payload))
            .field("value", &Payload(self.value))
            .field("timestamp", &self.timestamp)
            .finish()
    }
}

impl<'a> RecordRef<'a> {
    /// Reads the record at a position, and where it ends.
    #[inline(always)]
    fn at(payload: &'a Bytes, position: usize) -> Result<(Self, usize), DecodeError> {
        match RecordRef::read_usual(payload, position) {
            Some(read) => Ok(read),
            None => RecordRef::read_any(payload, position),
        }
    }

    /// The same where it is as records are: without headers, and numbers in their shorter forms. `None` where it is
    /// not, or wrong in any way.
    ///
    /// Every record is read at least twice, so this is most of what reading costs besides the kernel's copy.
    #[inline(always)]
    fn read_usual(payload: &'a [u8], position: usize) -> Option<(Self, usize)> {
        let mut fields = Fields { payload, position };
        let record = RecordRef {
            offset: fields.varint::<8>()?,
            partition: fields.varint::<4>()? as u32,
            key: match fields.byte()? {
                0 => None,
                1 => Some(fields.bytes()?),
                _ => return None,
            },
            value: fields.bytes()?,
            timestamp: unzigzag(fields.varint::<8>()?),
        };
        (fields.byte()? == 0).then_some((record, fields.position))
    }

    #[cold]
    fn read_any(payload: &'a Bytes, position: usize) -> Result<(Self, usize), DecodeError> {
        let mut reader = Reader::at(payload, position, "Messages");
        let record = RecordRef::read(&mut reader)?;
        Ok((record, reader.position()))
    }

    /// Reads the fields of a [`MessageData`] in their order, and skips the
    /// headers behind them.
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.field("record");
        let record = RecordRef {
            offset: u64::decode(reader)?,
            partition: u32::decode(reader)?,
            key: if reader.tag()? { Some(reader.bytes()?) } else { None },
            value: reader.bytes()?,
            timestamp: i64::decode(reader)?,
        };
        for _ in 0..reader.count(<(String, Bytes)>::MIN_LEN, usize::MAX)? {
            reader.string()?;
            reader.bytes()?;
        }
        Ok(record)
    }
}

/// Fields one after another, as long as each is as usual.
struct Fields<'a> {
    payload: &'a [u8],
    position: usize,
}

impl<'a> Fields<'a> {
    #[inline(always)]
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.payload.get(self.position)?;
        self.position += 1;
        Some(byte)
    }

    /// A varint of at most so many bytes, which are fewer than its type may have.
    #[inline(always)]
    fn varint<const MOST: u32>(&mut self) -> Option<u64> {
        let mut value = 0;
        for index in 0..MOST {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    #[inline(always)]
    fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = self.varint::<4>()? as usize;
        let bytes = self.payload.get(self.position..)?.get(..len)?;
        self.position += len;
        Some(bytes)
    }
}

/// The payload of a `Messages` answer, checked once and read on demand.
///
/// Costs one allocation of four bytes per record; `Response::decode` makes five
/// objects of every record.
#[derive(Clone)]
pub struct Records {
    payload: Bytes,
    /// Where each record begins. A frame is shorter than 4 GiB.
    starts: Vec<u32>,
}

impl Records {
    /// Checks the payload of an answer and finds its records. `None` if it is
    /// another answer than `Messages`; `Response::decode` tells which.
    ///
    /// # Errors
    /// [`DecodeError`] wherever `Response::decode` gives one.
    pub fn decode(payload: &Bytes) -> Result<Option<Self>, DecodeError> {
        Records::select(payload, |_| true)
    }

    /// The same, with only those records that are chosen.
    ///
    /// # Errors
    /// As [`decode`](Records::decode).
    pub fn select(
        payload: &Bytes,
        mut choose: impl FnMut(&RecordRef<'_>) -> bool,
    ) -> Result<Option<Self>, DecodeError> {
        let mut reader = Reader::new(payload, "Messages");
        if reader.varint(u32::BITS)? != MESSAGES {
            return Ok(None);
        }
        reader.field("messages");
        let count = reader.count(MessageData::MIN_LEN, MAX_RESPONSE_MESSAGES)?;
        let mut starts = Vec::with_capacity(count);
        let mut position = reader.position();
        for _ in 0..count {
            let (record, end) = RecordRef::at(payload, position)?;
            if choose(&record) {
                starts.push(position as u32);
            }
            position = end;
        }
        Reader::at(payload, position, "Messages").finish()?;
        Ok(Some(Records { payload: payload.clone(), starts }))
    }

    /// Puts the records in the order of their offsets; the first of those with the same one is left.
    pub(crate) fn sort(&mut self) {
        let offsets = self.iter().map(|record| record.offset);
        let mut placed: Vec<(u64, u32)> = offsets.zip(self.starts.iter().copied()).collect();
        placed.sort_by_key(|(offset, _)| *offset);
        placed.dedup_by_key(|(offset, _)| *offset);
        self.starts = placed.into_iter().map(|(_, start)| start).collect();
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// The payload that the records lie in.
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// The record at `index`.
    #[inline(always)]
    pub fn get(&self, index: usize) -> Option<RecordRef<'_>> {
        RecordRef::at(&self.payload, *self.starts.get(index)? as usize).ok().map(|(record, _)| record)
    }

    /// The record at `index` as an owned structure that shares the payload.
    #[inline]
    pub fn message(&self, index: usize) -> Option<MessageData> {
        let start = *self.starts.get(index)? as usize;
        let Some((record, _)) = RecordRef::read_usual(&self.payload, start) else {
            return MessageData::decode(&mut Reader::at(&self.payload, start, "Messages")).ok();
        };
        let RecordRef { offset, partition, timestamp, .. } = record;
        let key = record.key.map(|key| self.payload.slice_ref(key));
        let value = self.payload.slice_ref(record.value);
        Some(MessageData { offset, partition, key, value, timestamp, headers: Vec::new() })
    }

    /// The bytes between the first of some records and the one behind the last: no less than they take.
    pub fn span(&self, range: Range<usize>) -> usize {
        let start = |index: usize| self.starts.get(index).map_or(self.payload.len(), |start| *start as usize);
        start(range.end).saturating_sub(start(range.start))
    }

    /// All records in order.
    pub fn iter(&self) -> RecordIter<'_> {
        RecordIter { records: self, next: 0 }
    }
}

impl std::fmt::Debug for Records {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

impl<'a> IntoIterator for &'a Records {
    type Item = RecordRef<'a>;
    type IntoIter = RecordIter<'a>;

    fn into_iter(self) -> RecordIter<'a> {
        self.iter()
    }
}

/// Iterates over [`Records`].
#[derive(Debug, Clone)]
pub struct RecordIter<'a> {
    records: &'a Records,
    next: usize,
}

impl<'a> Iterator for RecordIter<'a> {
    type Item = RecordRef<'a>;

    fn next(&mut self) -> Option<RecordRef<'a>> {
        let record = self.records.get(self.next)?;
        self.next += 1;
        Some(record)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.records.len() - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for RecordIter<'_> {}
