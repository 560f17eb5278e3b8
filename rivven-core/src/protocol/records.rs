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
    /// The record at a position, where it is as records are: without headers, and numbers in their shorter forms. `None`
    /// where it is not, or wrong in any way. With where its value begins, and where it ends itself.
    ///
    /// Every record is read so once, which is most of what reading costs besides the kernel's copy.
    #[inline(always)]
    fn read_usual(payload: &'a [u8], position: usize) -> Option<(Self, usize, usize)> {
        let mut fields = Fields { payload, position };
        let offset = fields.varint::<OFFSET>()?;
        let partition = fields.varint::<PARTITION>()? as u32;
        let key = fields.key()?;
        let value = fields.bytes()?;
        let begin = fields.position - value.len();
        let timestamp = fields.timestamp()?;
        let record = RecordRef { offset, partition, key, value, timestamp };
        (fields.byte()? == 0).then_some((record, begin, fields.position))
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

/// The most bytes of the numbers of records that are as usual.
const OFFSET: u32 = 8;
const PARTITION: u32 = 4;

/// Fields one after another, as long as each is as usual.
#[derive(Clone, Copy)]
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

    #[inline(always)]
    fn key(&mut self) -> Option<Option<&'a [u8]>> {
        match self.byte()? {
            0 => Some(None),
            1 => Some(Some(self.bytes()?)),
            _ => None,
        }
    }

    #[inline(always)]
    fn timestamp(&mut self) -> Option<i64> {
        self.varint::<8>().map(unzigzag)
    }
}

/// Where a record lies in its payload. A frame is shorter than 4 GiB.
#[derive(Debug, Clone, Copy)]
struct Place {
    start: u32,
    /// How far its offset is behind the first one's.
    offset: u32,
    value: u32,
    value_len: u32,
}

/// The payload of a `Messages` answer, checked once and read on demand.
///
/// Costs one allocation of 16 bytes per record; `Response::decode` makes five
/// objects of every record. Offsets and values are found by that; key and timestamp are read again by who looks at them.
#[derive(Clone)]
pub struct Records {
    payload: Bytes,
    places: Vec<Place>,
    /// The offset of the record that came first.
    first: u64,
    /// Whether all records are as usual, and all places right. If not, records are read from where they begin.
    usual: bool,
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
        let mut places = Vec::with_capacity(count);
        let (mut first, mut usual) = (None, true);
        let mut position = reader.position();
        for _ in 0..count {
            let (record, value, end) = match RecordRef::read_usual(payload, position) {
                Some(read) => read,
                None => {
                    usual = false;
                    let (record, end) = RecordRef::read_any(payload, position)?;
                    (record, position, end)
                }
            };
            if choose(&record) {
                // One out of order may lie before the first one.
                let offset = u32::try_from(record.offset.wrapping_sub(*first.get_or_insert(record.offset)));
                usual &= offset.is_ok();
                places.push(Place {
                    start: position as u32,
                    offset: offset.unwrap_or_default(),
                    value: value as u32,
                    value_len: record.value.len() as u32,
                });
            }
            position = end;
        }
        Reader::at(payload, position, "Messages").finish()?;
        Ok(Some(Records { payload: payload.clone(), places, first: first.unwrap_or_default(), usual }))
    }

    /// Puts the records in the order of their offsets; the first of those with the same one is left.
    pub(crate) fn sort(&mut self) {
        let offsets = self.iter().map(|record| record.offset);
        let mut placed: Vec<(u64, Place)> = offsets.zip(self.places.iter().copied()).collect();
        placed.sort_by_key(|(offset, _)| *offset);
        placed.dedup_by_key(|(offset, _)| *offset);
        self.places = placed.into_iter().map(|(_, place)| place).collect();
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The payload that the records lie in.
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// The bytes of memory that it takes besides the payload.
    pub(crate) fn index_size(&self) -> usize {
        self.places.capacity() * size_of::<Place>()
    }

    /// The record at `index`.
    #[inline(always)]
    pub fn get(&self, index: usize) -> Option<RecordRef<'_>> {
        let place = *self.places.get(index)?;
        if !self.usual {
            return self.read(place.start);
        }
        // All of this was there when the payload was checked.
        let (offset, value) = self.value(index)?;
        let mut head = Fields { payload: &self.payload, position: place.start as usize };
        let _offset = head.varint::<OFFSET>();
        let partition = head.varint::<PARTITION>().unwrap_or_default() as u32;
        let key = head.key().flatten();
        let mut tail = Fields { payload: &self.payload, position: place.value as usize + place.value_len as usize };
        Some(RecordRef { offset, partition, key, value, timestamp: tail.timestamp().unwrap_or_default() })
    }

    /// Offset and value of the record at `index`, for which the record itself is not even looked at.
    #[inline(always)]
    pub fn value(&self, index: usize) -> Option<(u64, &[u8])> {
        let place = *self.places.get(index)?;
        if !self.usual {
            return self.read(place.start).map(|record| (record.offset, record.value));
        }
        let value = self.payload.get(place.value as usize..)?.get(..place.value_len as usize)?;
        Some((self.first.wrapping_add(u64::from(place.offset)), value))
    }

    /// The record that begins there, whatever its form.
    #[cold]
    fn read(&self, start: u32) -> Option<RecordRef<'_>> {
        RecordRef::read_any(&self.payload, start as usize).ok().map(|(record, _)| record)
    }

    /// The record at `index` as an owned structure that shares the payload.
    #[inline]
    pub fn message(&self, index: usize) -> Option<MessageData> {
        let start = self.places.get(index)?.start as usize;
        let Some((record, ..)) = RecordRef::read_usual(&self.payload, start) else {
            return MessageData::decode(&mut Reader::at(&self.payload, start, "Messages")).ok();
        };
        let RecordRef { offset, partition, timestamp, .. } = record;
        let key = record.key.map(|key| self.payload.slice_ref(key));
        let value = self.payload.slice_ref(record.value);
        Some(MessageData { offset, partition, key, value, timestamp, headers: Vec::new() })
    }

    /// The bytes between the first of some records and the one behind the last: no less than they take.
    pub fn span(&self, range: Range<usize>) -> usize {
        let start = |index: usize| self.places.get(index).map_or(self.payload.len(), |place| place.start as usize);
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
