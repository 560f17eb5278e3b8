//! The records of an answer, in one piece of memory for JavaScript.

use napi::Env;
use napi::bindgen_prelude::{ArrayBuffer, Buffer, Object, ToNapiValue, sys};
use rivven_client::MessageData;

/// The bytes of one row of the table; `lib/records.js` reads it.
const ROW: usize = 32;

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
        let table = messages.len() * ROW;
        let mut records = Records { bytes: Vec::new(), count: messages.len(), headers: Vec::new() };
        records.bytes.reserve_exact(table + messages.iter().map(payload_len).sum::<usize>());
        let mut position = table;
        for (index, message) in messages.iter().enumerate() {
            records.row(message, position);
            records.headers(message, index);
            position += payload_len(message);
        }
        for message in messages {
            records.bytes.extend_from_slice(message.key.as_deref().unwrap_or_default());
            records.bytes.extend_from_slice(&message.value);
        }
        records
    }

    /// Appends a row. A frame has at most some megabytes, so positions fit 32 bits.
    fn row(&mut self, message: &MessageData, position: usize) {
        let key_len = message.key.as_ref().map_or(-1, |key| key.len() as i32);
        self.bytes.extend_from_slice(&message.offset.to_ne_bytes());
        self.bytes.extend_from_slice(&(message.timestamp as f64).to_ne_bytes());
        self.bytes.extend_from_slice(&message.partition.to_ne_bytes());
        self.bytes.extend_from_slice(&(position as u32).to_ne_bytes());
        self.bytes.extend_from_slice(&key_len.to_ne_bytes());
        self.bytes.extend_from_slice(&(message.value.len() as u32).to_ne_bytes());
    }

    fn headers(&mut self, message: &MessageData, record: usize) {
        let headers = message.headers.iter();
        self.headers.extend(headers.map(|(name, value)| Header { record, name: name.clone(), value: value.to_vec() }));
    }
}

fn payload_len(message: &MessageData) -> usize {
    message.key.as_ref().map_or(0, |key| key.len()) + message.value.len()
}

/// `{ bytes: ArrayBuffer, count: number, headers: [record, name, value][] }`.
impl ToNapiValue for Records {
    unsafe fn to_napi_value(env: sys::napi_env, records: Self) -> napi::Result<sys::napi_value> {
        let scope = Env::from_raw(env);
        let mut object = Object::new(&scope)?;
        object.set("bytes", ArrayBuffer::from_data(&scope, records.bytes)?)?;
        object.set("count", records.count as u32)?;
        let headers = records.headers.into_iter();
        let headers: Vec<_> =
            headers.map(|header| (header.record as u32, header.name, Buffer::from(header.value))).collect();
        object.set("headers", headers)?;
        // SAFETY: the object belongs to this environment.
        unsafe { Object::to_napi_value(env, object) }
    }
}
