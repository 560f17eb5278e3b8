//! The answers that are made for every record or batch.

use rivven_client::protocol::{MAX_CONSUME_MESSAGES, MAX_MESSAGE_SIZE, header, put_varint, zigzag};

/// What the broker's answers are told by.
pub(super) mod discriminant {
    pub(crate) const PUBLISHED: u64 = 3;
    pub(crate) const MESSAGES: u64 = 4;
    pub(crate) const IDEMPOTENT_PUBLISHED: u64 = 21;
    pub(crate) const TRANSACTIONAL_PUBLISHED: u64 = 24;
    pub(crate) const PUBLISHED_BATCH: u64 = 40;
    pub(crate) const IDEMPOTENT_PUBLISHED_BATCH: u64 = 41;
}

/// The time of every record that is given, in milliseconds since 1970.
const TIMESTAMP: i64 = 1_700_000_000_000;

/// Bytes that a value begins with: its offset.
const OFFSET_LEN: usize = 8;

/// Room for the other bytes of a frame than its records.
const FRAME_OVERHEAD: usize = 64;

/// Most bytes of an offset as a varint.
const MAX_VARINT: usize = 10;

/// Appends the answer that consists of some numbers.
pub(super) fn put_numbers(out: &mut Vec<u8>, id: u32, numbers: &[u64]) {
    put_frame(out, id, |out| numbers.iter().for_each(|number| put_varint(out, *number)));
}

/// Appends a frame with the payload that `put` appends.
pub(super) fn put_frame(out: &mut Vec<u8>, id: u32, put: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    let empty = header(id, 0);
    out.extend_from_slice(&empty);
    put(out);
    let payload_len = out.len() - start - empty.len();
    out[start..][..empty.len()].copy_from_slice(&header(id, payload_len));
}

/// The records that consumers are given: each holds its offset, little-endian, and letters up to the size.
#[derive(Debug, Clone)]
pub(super) struct Supply {
    /// Records of every partition.
    pub(super) records: u64,
    /// Bytes of a value, of which the first 8 are the offset.
    pub(super) record_size: usize,
}

impl Supply {
    /// Appends the answer to a fetch; gives the number of records in it.
    pub(super) fn put_messages(&self, out: &mut Vec<u8>, id: u32, partition: u32, offset: u64, wanted: u32) -> u64 {
        let (template, offset_at) = self.template(partition);
        let room = (MAX_MESSAGE_SIZE - FRAME_OVERHEAD) / (template.len() + MAX_VARINT);
        let most = u64::from(wanted.min(MAX_CONSUME_MESSAGES)).min(room as u64);
        let count = self.records.saturating_sub(offset).min(most);
        out.reserve(FRAME_OVERHEAD + count as usize * (template.len() + MAX_VARINT));
        put_frame(out, id, |out| {
            put_varint(out, discriminant::MESSAGES);
            put_varint(out, count);
            for offset in offset..offset + count {
                put_varint(out, offset);
                let start = out.len() + offset_at;
                out.extend_from_slice(&template);
                out[start..start + OFFSET_LEN].copy_from_slice(&offset.to_le_bytes());
            }
        });
        count
    }

    /// A record behind its offset, and where its value begins in it.
    fn template(&self, partition: u32) -> (Vec<u8>, usize) {
        let size = self.record_size.max(OFFSET_LEN);
        let mut template = Vec::with_capacity(size + 3 * MAX_VARINT);
        put_varint(&mut template, partition.into());
        template.push(0);
        put_varint(&mut template, size as u64);
        let value_at = template.len();
        template.resize(value_at + OFFSET_LEN, 0);
        template.extend((b'a'..=b'z').cycle().take(size - OFFSET_LEN));
        put_varint(&mut template, zigzag(TIMESTAMP));
        template.push(0);
        (template, value_at)
    }
}
