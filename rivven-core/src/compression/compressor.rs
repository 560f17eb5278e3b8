//! Values on their way out.

use std::fmt;

use bytes::BufMut;

use super::CompressionType;
use super::frame::{self, Algorithm, Frame, MAX_HEADER_LEN};
#[cfg(feature = "compression")]
use super::{lz4, snappy, zstd};
use crate::error::{Detail, Error, ErrorCode, Result};

/// Shorter values are not compressed: their frames would hardly be smaller.
#[cfg(feature = "compression")]
const MIN_SIZE: usize = 64;

/// Makes frames of values, and keeps what the codec needs from one value to the next.
///
/// It is for one thread at a time. Its memory grows with the largest value that
/// it has compressed.
///
/// ```
/// use bytes::Bytes;
/// use rivven_client::compression::{Compressor, decode_value};
/// use rivven_client::{CompressionType, Decompression};
///
/// # fn run() -> rivven_client::Result<()> {
/// let value = [7; 1000];
/// let mut compressor = Compressor::new(CompressionType::Lz4)?;
/// let encoded = compressor.encode(&value);
/// assert!(encoded.len() < 50);
/// let mut frame = Vec::new();
/// encoded.append_to(&mut frame);
/// assert_eq!(decode_value(Bytes::from(frame), Decompression::Auto)?, value[..]);
/// # Ok(())
/// # }
/// # #[cfg(feature = "compression")]
/// # run().unwrap();
/// ```
pub struct Compressor {
    codec: Codec,
    #[cfg(feature = "compression")]
    buffer: Vec<u8>,
}

enum Codec {
    None,
    #[cfg(feature = "compression")]
    Lz4(lz4::Encoder),
    #[cfg(feature = "compression")]
    Snappy(Box<snappy::Encoder>),
    #[cfg(feature = "compression")]
    Zstd(Box<zstd::Encoder>),
}

impl Compressor {
    /// A compressor of one kind. Zstandard compresses at its level 3.
    ///
    /// # Errors
    ///
    /// `UNSUPPORTED` for Gzip, which the frame does not know, and for every
    /// kind but `None` in a build without the feature `compression`.
    pub fn new(compression: CompressionType) -> Result<Self> {
        let codec = match compression {
            CompressionType::None => Codec::None,
            CompressionType::Gzip => {
                return Err(unsupported("the values of this protocol cannot be compressed with gzip"));
            }
            #[cfg(feature = "compression")]
            CompressionType::Lz4 => Codec::Lz4(lz4::Encoder::default()),
            #[cfg(feature = "compression")]
            CompressionType::Snappy => Codec::Snappy(Box::default()),
            #[cfg(feature = "compression")]
            CompressionType::Zstd => Codec::Zstd(Box::default()),
            #[cfg(not(feature = "compression"))]
            _ => return Err(unsupported("this build cannot compress, since it is without the feature `compression`")),
        };
        Ok(Compressor {
            codec,
            #[cfg(feature = "compression")]
            buffer: Vec::new(),
        })
    }

    /// Gives what is to be sent in place of a value. Nothing is copied but by the codec.
    ///
    /// With compression on this is always a frame with a checksum, and its data
    /// is compressed if the value has 64 bytes or more and becomes at least 5%
    /// shorter. With compression off it is the value itself, or a frame around
    /// it if [`needs_escape`] says so.
    pub fn encode<'a>(&'a mut self, value: &'a [u8]) -> Encoded<'a> {
        match self.codec {
            Codec::None => encode_plain(value),
            #[cfg(feature = "compression")]
            _ => self.compress(value).unwrap_or_else(|| Encoded::stored(value)),
        }
    }

    /// The frame with compressed data, if that is worth it.
    #[cfg(feature = "compression")]
    fn compress(&mut self, value: &[u8]) -> Option<Encoded<'_>> {
        if !(MIN_SIZE..=frame::MAX_SIZE).contains(&value.len()) {
            return None;
        }
        let (algorithm, max_len) = match &self.codec {
            Codec::None => return None,
            Codec::Lz4(_) => (Algorithm::Lz4, lz4::Encoder::max_len(value.len())),
            Codec::Snappy(_) => (Algorithm::Snappy, snappy::Encoder::max_len(value.len())),
            Codec::Zstd(_) => (Algorithm::Zstd, zstd::Encoder::max_len(value.len())),
        };
        if self.buffer.len() < max_len {
            self.buffer.resize(max_len, 0);
        }
        let len = match &mut self.codec {
            Codec::None => return None,
            Codec::Lz4(encoder) => encoder.compress(value, &mut self.buffer)?,
            Codec::Snappy(encoder) => encoder.compress(value, &mut self.buffer)?,
            Codec::Zstd(encoder) => encoder.compress(value, &mut self.buffer[..])?,
        };
        let worth_it = len * 100 <= value.len() * 95;
        worth_it.then(|| Encoded::new(frame::header(algorithm, value), &self.buffer[..len]))
    }
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.codec {
            Codec::None => CompressionType::None,
            #[cfg(feature = "compression")]
            Codec::Lz4(_) => CompressionType::Lz4,
            #[cfg(feature = "compression")]
            Codec::Snappy(_) => CompressionType::Snappy,
            #[cfg(feature = "compression")]
            Codec::Zstd(_) => CompressionType::Zstd,
        };
        f.debug_tuple("Compressor").field(&name).finish()
    }
}

fn unsupported(text: &str) -> Error {
    let text = format!("{text}: choose another compression, or none");
    Error::Misuse(Detail::new(text).with_code(ErrorCode::Unsupported))
}

/// What is sent in place of a value that is not compressed.
pub(crate) fn encode_plain(value: &[u8]) -> Encoded<'_> {
    if needs_escape(value) { Encoded::stored(value) } else { Encoded::plain(value) }
}

/// Whether readers with `auto` might take a plain value for a frame, so that it has to be sent as one.
///
/// True for every value that `auto` would decode, and for a damaged frame whose
/// claims of the size agree: nothing is decompressed to tell them apart. It
/// mostly ends at the first byte; a value that begins with a space is read once.
pub fn needs_escape(value: &[u8]) -> bool {
    frame::begins_like_ours(value)
        && Frame::parse(value).is_ok_and(|frame| frame.algorithm != Algorithm::None || frame.verify(frame.data).is_ok())
}

/// What is sent in place of a value: a header, which may be empty, and data behind it.
#[derive(Clone, Copy)]
pub struct Encoded<'a> {
    header: [u8; MAX_HEADER_LEN],
    header_len: usize,
    data: &'a [u8],
}

impl<'a> Encoded<'a> {
    fn new((header, header_len): ([u8; MAX_HEADER_LEN], usize), data: &'a [u8]) -> Self {
        Encoded { header, header_len, data }
    }

    fn plain(value: &'a [u8]) -> Self {
        Encoded::new(([0; MAX_HEADER_LEN], 0), value)
    }

    fn stored(value: &'a [u8]) -> Self {
        Encoded::new(frame::header(Algorithm::None, value), value)
    }

    /// Whether the value is sent as it is.
    pub fn is_plain(&self) -> bool {
        self.header_len == 0
    }

    /// The header of the frame; empty if the value is sent as it is.
    pub fn header(&self) -> &[u8] {
        &self.header[..self.header_len]
    }

    /// What follows the header: the value itself, or its compressed bytes.
    pub fn data(&self) -> &'a [u8] {
        self.data
    }

    /// Bytes of header and data together.
    #[expect(clippy::len_without_is_empty, reason = "a length on the wire, not a collection")]
    pub fn len(&self) -> usize {
        self.header_len + self.data.len()
    }

    /// Writes header and data behind what is in `out`.
    ///
    /// # Panics
    ///
    /// If `out` has a fixed size and no room for [`len`](Encoded::len) bytes; `Vec` and `BytesMut` grow.
    pub fn append_to(&self, out: &mut impl BufMut) {
        out.put_slice(self.header());
        out.put_slice(self.data);
    }
}

/// Sizes only: values may be secrets.
impl fmt::Debug for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoded").field("header", &self.header()).field("len", &self.len()).finish()
    }
}
