//! Values on their way in.

use bytes::Bytes;

use super::Decompression;
use super::frame::{self, Algorithm, Defect, Frame, MAX_SIZE};
#[cfg(feature = "compression")]
use super::{lz4, snappy, zstd};
#[cfg(not(feature = "compression"))]
use crate::error::ErrorCode;
use crate::error::{Detail, Error, Outcome, Result};
use crate::protocol::MessageData;

/// Takes a value out of its frame.
///
/// A frame that is stored without compression gives a slice of the input.
/// Before anything is allocated all claims of the size have to agree, to be at
/// most 256 MiB and no more than the data can expand to, which is 255-fold for
/// LZ4, 22-fold for Snappy and 32768-fold for Zstandard.
///
/// # Errors
///
/// Only with `Decompression::Always`: `SERIALIZATION` if the value is no frame
/// or a damaged one, `UNSUPPORTED` if it is compressed and this build is without
/// the feature `compression`.
pub fn decode_value(value: Bytes, how: Decompression) -> Result<Bytes> {
    decode(value, how).map_err(|defect| error("a value", defect))
}

/// Takes the values of records out of their frames.
///
/// After an error some of the values are decoded and some are not.
pub(crate) fn decode_messages(messages: &mut [MessageData], how: Decompression) -> Result<()> {
    let mut allowance = Allowance::default();
    for message in messages {
        let at = || format!("the value at partition {}, offset {}", message.partition, message.offset);
        if !allowance.take(&message.value, how) {
            let text = format!("{}: with those before it, it has more than {MAX_SIZE} bytes: read fewer at once", at());
            return Err(Error::SerializationError(Detail::new(text).with_outcome(Outcome::Unknown)));
        }
        let value = std::mem::take(&mut message.value);
        message.value = decode(value, how).map_err(|defect| error(&at(), defect))?;
    }
    Ok(())
}

/// How much is decompressed at once: 256 MiB in all, as one value may have alone.
///
/// A short answer can hold many values that expand to a multiple of all memory.
#[derive(Debug, Default)]
pub(crate) struct Allowance {
    used: usize,
}

impl Allowance {
    /// Takes what a value will have; false if that is too much with those before it.
    pub(crate) fn take(&mut self, value: &[u8], how: Decompression) -> bool {
        let is_looked_at = match how {
            Decompression::Never => false,
            Decompression::Auto => frame::begins_like_ours(value),
            Decompression::Always => true,
        };
        let frame = is_looked_at.then(|| Frame::parse(value).ok()).flatten();
        let size = frame.filter(|frame| frame.algorithm != Algorithm::None).map_or(0, |frame| frame.size);
        let fits = self.used.saturating_add(size) <= MAX_SIZE;
        if fits {
            self.used += size;
        }
        fits
    }
}

fn error(what: &str, defect: Defect) -> Error {
    let text = format!("decompress {what}: {defect}; to take values as they are, set decompression to never");
    let detail = Detail::new(text).with_outcome(Outcome::Unknown);
    match defect {
        Defect::Malformed(_) => Error::SerializationError(detail),
        #[cfg(not(feature = "compression"))]
        Defect::NoCodecs => Error::Misuse(detail.with_code(ErrorCode::Unsupported)),
    }
}

fn decode(value: Bytes, how: Decompression) -> Result<Bytes, Defect> {
    match how {
        Decompression::Never => Ok(value),
        Decompression::Always => open(&value),
        Decompression::Auto if frame::begins_like_ours(&value) => Ok(open(&value).unwrap_or(value)),
        Decompression::Auto => Ok(value),
    }
}

fn open(value: &Bytes) -> Result<Bytes, Defect> {
    let frame = Frame::parse(value)?;
    let content = match frame.algorithm {
        Algorithm::None => value.slice_ref(frame.data),
        _ => decompress(&frame)?.into(),
    };
    frame.verify(&content)?;
    Ok(content)
}

#[cfg(feature = "compression")]
fn decompress(frame: &Frame<'_>) -> Result<Vec<u8>, Defect> {
    match frame.algorithm {
        Algorithm::None => Ok(frame.data.to_vec()),
        Algorithm::Lz4 => lz4::decompress(frame.data, frame.size),
        Algorithm::Zstd => zstd::decompress(frame.data, frame.size),
        Algorithm::Snappy => snappy::decompress(frame.data, frame.size),
    }
}

#[cfg(not(feature = "compression"))]
fn decompress(_frame: &Frame<'_>) -> Result<Vec<u8>, Defect> {
    Err(Defect::NoCodecs)
}

#[cfg(all(test, feature = "compression"))]
mod tests {
    use super::*;
    use crate::compression::{CompressionType, Compressor};

    /// A short answer that would have had gigabytes.
    #[test]
    fn values_are_bounded_together_before_any_memory_is_taken() {
        let mut compressor = Compressor::new(CompressionType::Zstd).unwrap();
        let mut framed = Vec::new();
        compressor.encode(&vec![0; 64 << 20]).append_to(&mut framed);
        let value = Bytes::from(framed);
        let mut allowance = Allowance::default();
        assert!(
            (0..4).all(|_| allowance.take(&value, Decompression::Auto)) && !allowance.take(&value, Decompression::Auto)
        );
        assert!(allowance.take(&value, Decompression::Never) && allowance.take(b"plain", Decompression::Always));
        let message = |offset| MessageData {
            offset,
            partition: 0,
            key: None,
            value: value.clone(),
            timestamp: 0,
            headers: Vec::new(),
        };
        let mut messages: Vec<_> = (0..5).map(message).collect();
        let error = decode_messages(&mut messages, Decompression::Auto).unwrap_err();
        assert!(error.to_string().contains("offset 4") && error.to_string().contains("fewer"), "{error}");
    }
}
