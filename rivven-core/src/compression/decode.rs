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
    Decoder::new(how).decode(value).map_err(|failure| failure.error("a value"))
}

/// Takes the values of records out of their frames.
///
/// After an error some of the values are decoded and some are not.
pub(crate) fn decode_messages(messages: &mut [MessageData], how: Decompression) -> Result<()> {
    let mut decoder = Decoder::new(how);
    for message in messages {
        let value = std::mem::take(&mut message.value);
        message.value = decoder.decode(value).map_err(|failure| {
            failure.error(&format!("the value at partition {}, offset {}", message.partition, message.offset))
        })?;
    }
    Ok(())
}

/// Decompresses values that are given together: 256 MiB in all, as one value may have alone.
///
/// A short answer can hold many values that expand to a multiple of all memory.
#[derive(Debug)]
pub(crate) struct Decoder {
    how: Decompression,
    used: usize,
}

/// Why a value was not taken out of its frame.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Failure {
    /// With the values before it, it would have more than [`MAX_SIZE`] bytes.
    TooMuch,
    Defect(Defect),
}

impl Decoder {
    pub(crate) fn new(how: Decompression) -> Self {
        Decoder { how, used: 0 }
    }

    /// Gives what the frame holds, or the value itself where it is not to be looked at as one.
    pub(crate) fn decode(&mut self, value: Bytes) -> Result<Bytes, Failure> {
        match self.how {
            Decompression::Never => Ok(value),
            Decompression::Always => self.open(&value),
            Decompression::Auto if frame::begins_like_ours(&value) => match self.open(&value) {
                Err(Failure::Defect(_)) => Ok(value),
                opened => opened,
            },
            Decompression::Auto => Ok(value),
        }
    }

    fn open(&mut self, value: &Bytes) -> Result<Bytes, Failure> {
        let frame = Frame::parse(value).map_err(Failure::Defect)?;
        let content = match frame.algorithm {
            Algorithm::None => value.slice_ref(frame.data),
            _ => {
                let used = self.used.saturating_add(frame.size);
                if used > MAX_SIZE {
                    return Err(Failure::TooMuch);
                }
                self.used = used;
                decompress(&frame).map_err(Failure::Defect)?.into()
            }
        };
        frame.verify(&content).map_err(Failure::Defect)?;
        Ok(content)
    }
}

impl Failure {
    pub(crate) fn error(self, what: &str) -> Error {
        let text = match self {
            Failure::TooMuch => {
                format!("{what}: with those before it, it has more than {MAX_SIZE} bytes: read fewer at once")
            }
            Failure::Defect(defect) => {
                format!("decompress {what}: {defect}; to take values as they are, set decompression to never")
            }
        };
        let detail = Detail::new(text).with_outcome(Outcome::Unknown);
        match self {
            #[cfg(not(feature = "compression"))]
            Failure::Defect(Defect::NoCodecs) => Error::Misuse(detail.with_code(ErrorCode::Unsupported)),
            Failure::TooMuch | Failure::Defect(_) => Error::SerializationError(detail),
        }
    }
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
        let mut decoder = Decoder::new(Decompression::Auto);
        assert!((0..4).all(|_| decoder.decode(value.clone()).is_ok()));
        assert!(matches!(decoder.decode(value.clone()), Err(Failure::TooMuch)));
        assert!(decoder.decode(Bytes::from_static(b"plain")).is_ok());
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
