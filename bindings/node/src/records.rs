//! The records of an answer, in one piece of memory for JavaScript.

use napi::Env;
use napi::bindgen_prelude::{ArrayBuffer, Buffer, Object, ToNapiValue, sys};
use rivven_client::protocol::RecordRef;
use rivven_client::{ConsumerRecord, ConsumerRecords, MessageData, RecordView};

use crate::values::{TopicPartition, list};

/// The bytes of one row of the table; `lib/records.js` reads it.
const ROW: usize = 32;

/// The most bytes of keys and values that one table has behind it, so that positions fit 32 bits.
const MAX_PAYLOAD: usize = 1 << 30;

/// Records as a table of rows with the keys and values behind it.
///
/// A row is, in the byte order of the machine: offset (u64), timestamp (f64),
/// partition (u32), position of the key (u32), length of the key (i32, -1 for
/// none), length of the value (u32). The value follows its key.
pub(crate) struct Records {
    bytes: Vec<u8>,
    count: usize,
    headers: Vec<Header>,
}

/// A header, which no broker so far sends.
struct Header {
    record: usize,
    name: String,
    value: Vec<u8>,
}

impl Records {
    pub(crate) fn pack(messages: &[MessageData]) -> Self {
        let most = messages.iter().map(|message| payload_len(&of_message(message))).sum();
        let mut records = Records::lay(messages.len(), most, messages.iter().map(of_message));
        for (record, message) in messages.iter().enumerate() {
            let headers = message.headers.iter();
            let header = |(name, value): &(String, _)| Header { record, name: name.clone(), value: to_vec(value) };
            records.headers.extend(headers.map(header));
        }
        records
    }

    /// A single record of a consumer.
    pub(crate) fn of_record(record: &ConsumerRecord) -> Self {
        let ConsumerRecord { offset, partition, key, value, timestamp, .. } = record;
        let (offset, partition, timestamp) = (*offset, *partition, *timestamp);
        let record = RecordRef { offset, partition, key: key.as_deref(), value, timestamp };
        Records::lay(1, payload_len(&record), std::iter::once(record))
    }

    /// Lays so many records out, whose keys and values have about so many bytes; each is read once.
    fn lay<'a>(count: usize, bytes: usize, all: impl Iterator<Item = RecordRef<'a>>) -> Self {
        let mut laid = Vec::with_capacity(count * ROW + bytes);
        laid.resize(count * ROW, 0);
        for (record, begin) in all.zip((0..count).map(|index| index * ROW)) {
            let row = row(&record, laid.len());
            laid[begin..begin + ROW].copy_from_slice(&row);
            laid.extend_from_slice(record.key.unwrap_or_default());
            laid.extend_from_slice(record.value);
        }
        Records { bytes: laid, count, headers: Vec::new() }
    }
}

/// The row of a record whose key and value are at a position.
fn row(record: &RecordRef<'_>, position: usize) -> [u8; ROW] {
    let key_len = record.key.map_or(-1, |key| key.len() as i32);
    let mut row = [0; ROW];
    row[..8].copy_from_slice(&record.offset.to_ne_bytes());
    row[8..16].copy_from_slice(&(record.timestamp as f64).to_ne_bytes());
    row[16..20].copy_from_slice(&record.partition.to_ne_bytes());
    row[20..24].copy_from_slice(&(position as u32).to_ne_bytes());
    row[24..28].copy_from_slice(&key_len.to_ne_bytes());
    row[28..].copy_from_slice(&(record.value.len() as u32).to_ne_bytes());
    row
}

fn of_message(message: &MessageData) -> RecordRef<'_> {
    RecordRef {
        offset: message.offset,
        partition: message.partition,
        key: message.key.as_deref(),
        value: &message.value,
        timestamp: message.timestamp,
    }
}

fn of_view(view: RecordView<'_>) -> RecordRef<'_> {
    let RecordView { offset, partition, key, value, timestamp, .. } = view;
    RecordRef { offset, partition, key, value, timestamp }
}

fn to_vec(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    bytes.as_ref().to_vec()
}

fn payload_len(record: &RecordRef<'_>) -> usize {
    record.key.map_or(0, <[u8]>::len) + record.value.len()
}

/// `{ bytes: ArrayBuffer, count: number, headers: [record, name, value][] }`.
impl ToNapiValue for Records {
    unsafe fn to_napi_value(env: sys::napi_env, records: Self) -> napi::Result<sys::napi_value> {
        // SAFETY: as the caller promises, and the object belongs to this environment.
        unsafe { Object::to_napi_value(env, records.into_object(&Env::from_raw(env))?) }
    }
}

impl Records {
    pub(crate) fn into_object(self, env: &Env) -> napi::Result<Object<'_>> {
        let mut object = Object::new(env)?;
        object.set("bytes", ArrayBuffer::from_data(env, self.bytes)?)?;
        object.set("count", self.count as u32)?;
        let headers = self.headers.into_iter();
        let headers: Vec<_> =
            headers.map(|header| (header.record as u32, header.name, Buffer::from(header.value))).collect();
        object.set("headers", headers)?;
        Ok(object)
    }
}

/// What a poll gave: the records of each part with its topic and its place in the poll.
///
/// A part is in more than one piece only where it is enormous.
pub(crate) struct Polled {
    pieces: Vec<(String, u32, Records)>,
    ended: Vec<TopicPartition>,
}

impl Polled {
    /// How many bytes are to be laid out for records, at most.
    pub(crate) fn most_bytes(records: &ConsumerRecords) -> usize {
        records.partitions().iter().map(|part| part.most_bytes() + part.len() * ROW).sum()
    }

    pub(crate) fn new(records: &ConsumerRecords) -> Self {
        let mut pieces = Vec::with_capacity(records.partitions().len());
        for (part, records) in records.partitions().iter().enumerate() {
            let mut rest = records.views().map(of_view);
            let (mut left, bytes) = (records.len(), records.most_bytes());
            while left > 0 {
                let all_fit = bytes + records.len() * ROW <= MAX_PAYLOAD;
                let count = if all_fit { left } else { fitting(rest.clone()) };
                let laid = Records::lay(count, bytes.min(MAX_PAYLOAD), rest.by_ref().take(count));
                pieces.push((records.topic().to_owned(), part as u32, laid));
                left -= count;
            }
        }
        Polled { pieces, ended: list(records.ended().to_vec()) }
    }
}

/// How many of the first records fit one table: at least one.
fn fitting<'a>(records: impl Iterator<Item = RecordRef<'a>>) -> usize {
    let mut bytes = 0;
    let fits = |record: &RecordRef<'_>| {
        let first = bytes == 0;
        bytes += payload_len(record) + ROW;
        first || bytes <= MAX_PAYLOAD
    };
    records.take_while(fits).count()
}

/// `{ pieces: { topic, part, bytes, count, headers }[], ended: { topic, partition }[] }`.
impl ToNapiValue for Polled {
    unsafe fn to_napi_value(env: sys::napi_env, polled: Self) -> napi::Result<sys::napi_value> {
        let scope = Env::from_raw(env);
        let mut pieces = Vec::with_capacity(polled.pieces.len());
        for (topic, part, records) in polled.pieces {
            let mut piece = records.into_object(&scope)?;
            piece.set("topic", topic)?;
            piece.set("part", part)?;
            pieces.push(piece);
        }
        let mut object = Object::new(&scope)?;
        object.set("pieces", pieces)?;
        object.set("ended", polled.ended)?;
        // SAFETY: the object belongs to this environment.
        unsafe { Object::to_napi_value(env, object) }
    }
}
