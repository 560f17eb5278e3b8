//! Reading and writing of single values: varints, strings, byte strings.

use bytes::Bytes;

use super::error::{DecodeError, DecodeErrorKind};

/// Number of bytes that `value` takes as a varint.
pub const fn varint_len(value: u64) -> usize {
    let bits = u64::BITS - (value | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

/// Appends `value` as a varint in its shortest form: seven bits per byte, the
/// least significant first, the high bit set while more follow.
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Maps a signed number to an unsigned one so that small magnitudes stay small.
pub const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// The inverse of [`zigzag`].
pub const fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// Reads values one after another from the payload of a frame.
///
/// Lengths and counts are compared with the bytes that remain before anything
/// is allocated. Byte strings come out as slices of the payload.
#[derive(Clone)]
pub struct Reader<'a> {
    payload: &'a Bytes,
    position: usize,
    message: &'static str,
    field: &'static str,
}

impl<'a> Reader<'a> {
    /// Starts at the first byte of `payload`. `message` names what is read, for
    /// errors.
    pub fn new(payload: &'a Bytes, message: &'static str) -> Self {
        Reader { payload, position: 0, message, field: "discriminant" }
    }

    /// Starts at a later byte of `payload`.
    pub(crate) fn at(payload: &'a Bytes, position: usize, message: &'static str) -> Self {
        Reader { position, ..Reader::new(payload, message) }
    }

    /// Names the message that the following values belong to.
    pub fn enter(&mut self, message: &'static str) {
        self.message = message;
    }

    /// Names the field that the following values belong to.
    pub fn field(&mut self, field: &'static str) {
        self.field = field;
    }

    /// Position of the next byte, counted from the start of the payload.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Number of bytes that were not read yet.
    pub fn remaining(&self) -> usize {
        self.payload.len() - self.position
    }

    /// Ends the message.
    ///
    /// # Errors
    /// [`DecodeErrorKind::TrailingBytes`] if bytes remain.
    pub fn finish(&mut self) -> Result<(), DecodeError> {
        self.field = "end";
        match self.remaining() {
            0 => Ok(()),
            n => Err(self.error(DecodeErrorKind::TrailingBytes(n), self.position)),
        }
    }

    /// An error at byte `offset` of the current field.
    pub fn error(&self, kind: DecodeErrorKind, offset: usize) -> DecodeError {
        DecodeError { kind, offset, message: self.message, field: self.field }
    }

    /// Reads one raw byte.
    pub fn byte(&mut self) -> Result<u8, DecodeError> {
        let Some(&byte) = self.payload.get(self.position) else {
            return Err(self.error(DecodeErrorKind::UnexpectedEnd, self.position));
        };
        self.position += 1;
        Ok(byte)
    }

    /// Reads the tag of an option, or a bool.
    pub fn tag(&mut self) -> Result<bool, DecodeError> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(self.error(DecodeErrorKind::InvalidTag(other), self.position - 1)),
        }
    }

    /// Reads a varint of a type with `bits` bits. Forms that are longer than
    /// need be are accepted up to the longest that the type can have.
    pub fn varint(&mut self, bits: u32) -> Result<u64, DecodeError> {
        let start = self.position;
        let mut value = 0;
        let mut shift = 0;
        while shift < bits {
            let byte = self.byte()?;
            let room = bits - shift;
            // The last possible byte has room for fewer than eight bits, which
            // rules out both excess bits and a further byte.
            if room < 8 && byte >> room != 0 {
                break;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
            shift += 7;
        }
        Err(self.error(DecodeErrorKind::VarintTooLong, start))
    }

    /// Reads the count of a list whose elements take at least `min_len` bytes
    /// each and of which there may be at most `limit`.
    pub fn count(&mut self, min_len: usize, limit: usize) -> Result<usize, DecodeError> {
        let start = self.position;
        let count = self.varint(u64::BITS)?;
        let max = limit.min(self.remaining() / min_len);
        if count > max as u64 {
            return Err(self.error(DecodeErrorKind::CountTooLarge { count, max }, start));
        }
        Ok(count as usize)
    }

    /// Reads a byte string.
    pub fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let start = self.position;
        let len = self.varint(u64::BITS)?;
        let max = self.remaining();
        if len > max as u64 {
            return Err(self.error(DecodeErrorKind::LengthTooLarge { len, max }, start));
        }
        let payload: &'a [u8] = self.payload;
        let bytes = &payload[self.position..][..len as usize];
        self.position += bytes.len();
        Ok(bytes)
    }

    /// Reads a byte string as a slice that shares the payload.
    pub fn shared(&mut self) -> Result<Bytes, DecodeError> {
        let len = self.bytes()?.len();
        Ok(self.payload.slice(self.position - len..self.position))
    }

    /// Reads a string.
    pub fn string(&mut self) -> Result<&'a str, DecodeError> {
        let start = self.position;
        let bytes = self.bytes()?;
        std::str::from_utf8(bytes).map_err(|_| self.error(DecodeErrorKind::InvalidUtf8, start))
    }
}

impl std::fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Reader { payload, position, message, field } = self;
        write!(f, "Reader({message}.{field}, byte {position} of {})", payload.len())
    }
}
