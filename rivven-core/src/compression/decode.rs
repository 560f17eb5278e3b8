//! Values on their way in.

use bytes::Bytes;

use super::Decompression;
use super::frame::{self, Algorithm, Defect, Frame};
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
    for message in messages {
        let value = std::mem::take(&mut message.value);
        let (partition, offset) = (message.partition, message.offset);
        message.value = decode(value, how)
            .map_err(|defect| error(&format!("the value at partition {partition}, offset {offset}"), defect))?;
    }
    Ok(())
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
