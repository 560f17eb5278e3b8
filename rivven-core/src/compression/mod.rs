//! Values as compression frames: a convention of clients, unknown to the broker.
//!
//! Every value is compressed for itself, keys never. What is alike in many
//! small records is therefore not saved: values below 64 bytes are sent as they
//! are in five bytes more, values of some hundred bytes gain little and cost
//! processor time on both sides. Compression pays for values of a kilobyte and more.
//!
//! A frame is a byte of flags, the size and a CRC-32 of the value, and the data
//! in the format of one of the codecs. What this library writes always has the
//! checksum, by which [`Decompression::Auto`] tells frames from other values.
//!
//! Producers and clients do all this by themselves; [`Compressor`] and
//! [`decode_value`] are for programs that exchange values in other ways.

mod compressor;
mod decode;
mod frame;
mod lz4;
mod snappy;
mod zstd;

use std::str::FromStr;

pub(crate) use compressor::encode_plain;
pub use compressor::{Compressor, Encoded, needs_escape};
pub use decode::decode_value;
pub(crate) use decode::{Decoder, Failure, decode_messages};
pub(crate) use frame::begins_like_ours as may_be_framed;

use crate::config::Properties;
use crate::error::{Detail, Error, Result};

/// How values are compressed before they are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum CompressionType {
    /// Not at all.
    #[default]
    None,
    /// Gzip, which is known by name only: no value can be written with it.
    Gzip,
    /// Snappy: fast, and compresses least.
    Snappy,
    /// LZ4: fast.
    Lz4,
    /// Zstandard at level 3: compresses most, and takes longest.
    Zstd,
}

impl AsRef<str> for CompressionType {
    fn as_ref(&self) -> &str {
        match self {
            CompressionType::None => "none",
            CompressionType::Gzip => "gzip",
            CompressionType::Snappy => "snappy",
            CompressionType::Lz4 => "lz4",
            CompressionType::Zstd => "zstd",
        }
    }
}

impl FromStr for CompressionType {
    type Err = Error;

    /// Reads `none`, `gzip`, `snappy`, `lz4` or `zstd`; `INVALID_ARGUMENT` for all else.
    fn from_str(text: &str) -> Result<Self> {
        use CompressionType::{Gzip, Lz4, None, Snappy, Zstd};
        [None, Gzip, Snappy, Lz4, Zstd].into_iter().find(|known| known.as_ref() == text).ok_or_else(|| {
            let text = format!("there is no compression {text:?}: pass none, snappy, lz4 or zstd");
            Error::Misuse(Detail::new(text))
        })
    }
}

/// Which values are taken for compression frames when they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Decompression {
    /// Frames with a checksum, a known algorithm and an exact size that verify; all else stays as it is.
    ///
    /// This is what the producers of this library write, and they send a plain
    /// value that would pass this test in a frame, so all they write is read
    /// back as it was. Of other writers this cannot be promised: a value of
    /// theirs is taken for a frame wrongly as rarely as a CRC-32 errs by chance,
    /// and whenever it is such a frame on purpose; what they compress without a
    /// checksum stays compressed.
    ///
    /// In a build without the feature `compression` compressed frames stay as
    /// they are, since they cannot be verified.
    #[default]
    Auto,
    /// Every value, for topics whose writers compress without a checksum.
    ///
    /// What is no frame is the error `SERIALIZATION`. In a build without the
    /// feature `compression` a compressed frame is the error `UNSUPPORTED`.
    Always,
    /// None.
    Never,
}

impl Decompression {
    /// The value of the key `decompression`.
    pub(crate) fn from_properties(properties: &Properties) -> Self {
        match properties.get("decompression") {
            Some("always") => Decompression::Always,
            Some("never") => Decompression::Never,
            _ => Decompression::Auto,
        }
    }

    /// The setting whose number, `as u8`, this is.
    pub(crate) fn from_number(number: u8) -> Self {
        [Decompression::Always, Decompression::Never].into_iter().find(|how| *how as u8 == number).unwrap_or_default()
    }
}
