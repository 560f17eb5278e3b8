//! The answers that are made for every record or batch.

use rivven_client::protocol::{header, put_varint};

/// What the broker's answers are told by.
pub(super) mod discriminant {
    pub(crate) const PUBLISHED: u64 = 3;
    pub(crate) const MESSAGES: u64 = 4;
    pub(crate) const IDEMPOTENT_PUBLISHED: u64 = 21;
    pub(crate) const TRANSACTIONAL_PUBLISHED: u64 = 24;
    pub(crate) const PUBLISHED_BATCH: u64 = 40;
    pub(crate) const IDEMPOTENT_PUBLISHED_BATCH: u64 = 41;
}

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
