//! The header of a frame, and what it claims.

use std::fmt;

use super::{lz4, snappy, zstd};

/// Most bytes that a frame may claim to hold.
pub(crate) const MAX_SIZE: usize = 256 * 1024 * 1024;

/// Bytes of the longest header: flags, size, checksum.
pub(super) const MAX_HEADER_LEN: usize = 9;

const ALGORITHM: u8 = 0x07;
const HAS_SIZE: u8 = 0x10;
const HAS_CHECKSUM: u8 = 0x20;
const RESERVED: u8 = !(ALGORITHM | HAS_SIZE | HAS_CHECKSUM);

/// How the data of a frame is compressed, by its number on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    None = 0,
    Lz4 = 1,
    Zstd = 2,
    Snappy = 3,
}

/// Why a value is no frame, or cannot be read as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Defect {
    /// This is wrong with it.
    Malformed(&'static str),
    /// It is compressed, and this build has no codecs.
    #[cfg(not(feature = "compression"))]
    NoCodecs,
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Defect::Malformed(text) => f.write_str(text),
            #[cfg(not(feature = "compression"))]
            Defect::NoCodecs => f.write_str("it is compressed, and this build is without the feature `compression`"),
        }
    }
}

/// A frame whose claims agree with each other; its data is not looked at yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'a> {
    pub(super) algorithm: Algorithm,
    /// Length of the value, as claimed; at most [`MAX_SIZE`].
    pub(super) size: usize,
    checksum: Option<u32>,
    pub(super) data: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Reads the header and compares all claims of the size, without allocating.
    pub(super) fn parse(value: &'a [u8]) -> Result<Self, Defect> {
        let (&flags, mut rest) = value.split_first().ok_or(Defect::Malformed("it is empty"))?;
        if flags & RESERVED != 0 {
            return Err(Defect::Malformed("reserved bits of its flags are set"));
        }
        let algorithm = match flags & ALGORITHM {
            0 => Algorithm::None,
            1 => Algorithm::Lz4,
            2 => Algorithm::Zstd,
            3 => Algorithm::Snappy,
            _ => return Err(Defect::Malformed("the algorithm is unknown")),
        };
        let size = take_if(&mut rest, flags & HAS_SIZE != 0)?;
        let checksum = take_if(&mut rest, flags & HAS_CHECKSUM != 0)?;
        let size = agreed_size(algorithm, size, rest)?;
        Ok(Frame { algorithm, size, checksum, data: rest })
    }

    /// Compares the value with the size and the checksum that the header has.
    pub(super) fn verify(&self, value: &[u8]) -> Result<(), Defect> {
        if value.len() != self.size {
            return Err(Defect::Malformed("the value has another size than it claims"));
        }
        if self.checksum.is_some_and(|checksum| checksum != crc32fast::hash(value)) {
            return Err(Defect::Malformed("the checksum does not match"));
        }
        Ok(())
    }
}

/// Takes the next four bytes as a number, little-endian, if they are to be there.
fn take_if(bytes: &mut &[u8], present: bool) -> Result<Option<u32>, Defect> {
    if !present {
        return Ok(None);
    }
    let (number, rest) = bytes.split_first_chunk().ok_or(Defect::Malformed("its header is cut short"))?;
    *bytes = rest;
    Ok(Some(u32::from_le_bytes(*number)))
}

/// The size that the header and the data claim, if they agree and it can be true.
fn agreed_size(algorithm: Algorithm, header: Option<u32>, data: &[u8]) -> Result<usize, Defect> {
    let (own, expansion) = match algorithm {
        Algorithm::None => (Some(data.len() as u64), 1),
        Algorithm::Lz4 => (Some(lz4::claimed_size(data)?), lz4::MAX_EXPANSION),
        Algorithm::Zstd => (zstd::claimed_size(data)?, zstd::MAX_EXPANSION),
        Algorithm::Snappy => (Some(snappy::claimed_size(data)?), snappy::MAX_EXPANSION),
    };
    let size = match (header.map(u64::from), own) {
        (Some(header), Some(own)) if header != own => {
            return Err(Defect::Malformed("its header and its data claim different sizes"));
        }
        (Some(size), _) | (None, Some(size)) => size,
        (None, None) => return Err(Defect::Malformed("it does not tell the size of the value")),
    };
    if size > MAX_SIZE as u64 {
        return Err(Defect::Malformed("it claims to hold more than 256 MiB"));
    }
    if size > (data.len() as u64).saturating_mul(expansion) {
        return Err(Defect::Malformed("it claims to hold more than its data can expand to"));
    }
    Ok(size as usize)
}

/// Whether a value begins as the frames do that `auto` decodes: with a
/// checksum, and with a size unless the data is stored as it is.
pub(crate) fn begins_like_ours(value: &[u8]) -> bool {
    matches!(value.first(), Some(0x20 | 0x31 | 0x32 | 0x33))
}

/// The header of a checksummed frame, and how many bytes of the array it takes.
pub(super) fn header(algorithm: Algorithm, value: &[u8]) -> ([u8; MAX_HEADER_LEN], usize) {
    let mut header = [0; MAX_HEADER_LEN];
    let checksum = crc32fast::hash(value).to_le_bytes();
    header[0] = algorithm as u8 | HAS_CHECKSUM;
    if algorithm == Algorithm::None {
        header[1..5].copy_from_slice(&checksum);
        return (header, 5);
    }
    header[0] |= HAS_SIZE;
    header[1..5].copy_from_slice(&(value.len() as u32).to_le_bytes());
    header[5..9].copy_from_slice(&checksum);
    (header, MAX_HEADER_LEN)
}
