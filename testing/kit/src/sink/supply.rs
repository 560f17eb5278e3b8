//! What consumers are given: records that are made up, in answers that are prepared once.

use rivven_client::protocol::{
    HEADER_LEN, MAX_CONSUME_MESSAGES, MAX_MESSAGE_SIZE, header, put_varint, varint_len, zigzag,
};

use super::answers::discriminant;

/// The time of every record, in milliseconds since 1970.
const TIMESTAMP: i64 = 1_700_000_000_000;

/// Bytes of the number that a value begins with.
const NUMBER_LEN: usize = 8;

/// Room for the other bytes of a frame than its records.
const FRAME_OVERHEAD: usize = 64;

/// Most bytes of an offset as a varint.
const MAX_VARINT: usize = 10;

/// What the value of the record at an offset begins with, as 8 bytes, little-endian: no compression frame begins so.
#[inline]
pub fn supplied_number(offset: u64) -> u64 {
    offset << 8 | 0x80
}

/// The records of every partition.
#[derive(Debug, Clone)]
pub(super) struct Supply {
    /// How many there are.
    pub(super) records: u64,
    /// Bytes of a value, of which the first 8 are its number, and the others letters.
    pub(super) record_size: usize,
}

impl Supply {
    /// How many of the records from `offset` on one answer has, of as many as are wanted.
    fn count(&self, offset: u64, wanted: u32) -> u64 {
        let room = (MAX_MESSAGE_SIZE - FRAME_OVERHEAD) / (self.record_size + 4 * MAX_VARINT);
        let most = u64::from(wanted.min(MAX_CONSUME_MESSAGES)).min(room as u64);
        self.records.saturating_sub(offset).min(most)
    }

    /// A record behind its offset.
    fn template(&self, partition: u32) -> Template {
        let size = self.record_size.max(NUMBER_LEN);
        let mut bytes = Vec::with_capacity(size + 3 * MAX_VARINT);
        put_varint(&mut bytes, partition.into());
        bytes.push(0);
        put_varint(&mut bytes, size as u64);
        let number_at = bytes.len();
        bytes.resize(number_at + NUMBER_LEN, 0);
        bytes.extend((b'a'..=b'z').cycle().take(size - NUMBER_LEN));
        put_varint(&mut bytes, zigzag(TIMESTAMP));
        bytes.push(0);
        Template { bytes, number_at }
    }
}

/// What all records of a partition have in common.
#[derive(Debug)]
struct Template {
    bytes: Vec<u8>,
    number_at: usize,
}

/// An answer with records of one partition, whose offsets are written anew for each request.
///
/// Where as many records are asked for as before, and their offsets take as many
/// bytes, everything else stays as it is: that costs some nanoseconds per record.
#[derive(Debug)]
pub(super) struct Prepared {
    template: Template,
    frame: Vec<u8>,
    /// Where the first record begins.
    first_at: usize,
    count: u64,
    offset_len: usize,
}

impl Prepared {
    pub(super) fn new(supply: &Supply, partition: u32) -> Self {
        let template = supply.template(partition);
        Prepared { template, frame: Vec::new(), first_at: 0, count: 0, offset_len: 0 }
    }

    /// The answer with records from `offset` on, and how many there are.
    pub(super) fn answer(&mut self, supply: &Supply, id: u32, offset: u64, wanted: u32) -> (&[u8], u64) {
        let count = supply.count(offset, wanted);
        let (len, last_len) = (varint_len(offset), varint_len((offset + count).saturating_sub(1)));
        if count == self.count && len == self.offset_len && len == last_len && count > 0 {
            self.renew(offset);
        } else {
            self.build(offset, count);
            // Records of different lengths are of no use for the next answer.
            self.offset_len = if len == last_len { len } else { 0 };
        }
        let header = header(id, self.frame.len() - HEADER_LEN);
        self.frame[..HEADER_LEN].copy_from_slice(&header);
        (&self.frame, count)
    }

    fn build(&mut self, offset: u64, count: u64) {
        let Template { bytes, number_at } = &self.template;
        let frame = &mut self.frame;
        frame.clear();
        frame.reserve(FRAME_OVERHEAD + count as usize * (bytes.len() + MAX_VARINT));
        frame.resize(HEADER_LEN, 0);
        put_varint(frame, discriminant::MESSAGES);
        put_varint(frame, count);
        (self.first_at, self.count) = (frame.len(), count);
        for offset in offset..offset + count {
            put_varint(frame, offset);
            let number_at = frame.len() + number_at;
            frame.extend_from_slice(bytes);
            frame[number_at..][..NUMBER_LEN].copy_from_slice(&supplied_number(offset).to_le_bytes());
        }
    }

    /// Writes other offsets of the same length, and the numbers.
    fn renew(&mut self, first: u64) {
        let (len, number_at) = (self.offset_len, self.offset_len + self.template.number_at);
        let records = self.frame[self.first_at..].chunks_exact_mut(len + self.template.bytes.len());
        for (offset, record) in (first..).zip(records) {
            let mut rest = offset;
            for byte in &mut record[..len] {
                *byte = rest as u8 | 0x80;
                rest >>= 7;
            }
            record[len - 1] &= 0x7f;
            record[number_at..][..NUMBER_LEN].copy_from_slice(&supplied_number(offset).to_le_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_used_again_is_as_one_made_anew() {
        let supply = Supply { records: 40_000, record_size: 20 };
        let mut used = Prepared::new(&supply, 3);
        // Offsets of one, two and three bytes, and answers in which their length changes.
        for (offset, wanted) in
            [(0, 100), (100, 100), (200, 100), (300, 100), (16_300, 100), (16_400, 100), (39_990, 100)]
        {
            let mut new = Prepared::new(&supply, 3);
            let expected = new.answer(&supply, 7, offset, wanted);
            assert_eq!(used.answer(&supply, 7, offset, wanted), expected, "{offset}");
        }
        assert_eq!(used.answer(&supply, 7, 40_000, 100).1, 0);
    }
}
