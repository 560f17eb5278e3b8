//! Snappy: the size as a varint, then one raw block.

use super::frame::Defect;

/// Most bytes that one byte of a block stands for: a copy of 64 takes three.
pub(super) const MAX_EXPANSION: u64 = 22;

/// Bytes of the longest size.
const MAX_VARINT_LEN: usize = 5;

/// The size in front of the block.
pub(super) fn claimed_size(data: &[u8]) -> Result<u64, Defect> {
    let mut size = 0;
    for (i, &byte) in data.iter().take(MAX_VARINT_LEN).enumerate() {
        size |= u64::from(byte & 0x7f) << (7 * i);
        if byte < 0x80 {
            return Ok(size);
        }
    }
    Err(Defect::Malformed("the size in its Snappy data is cut short"))
}

#[cfg(feature = "compression")]
mod codec {
    use snap::raw::{Decoder, max_compress_len};

    use super::Defect;

    /// Decompresses into a buffer of the size claimed.
    pub(in super::super) fn decompress(data: &[u8], size: usize) -> Result<Vec<u8>, Defect> {
        let mut value = vec![0; size];
        let damaged = |_| Defect::Malformed("its Snappy data is damaged");
        let len = Decoder::new().decompress(data, &mut value).map_err(damaged)?;
        value.truncate(len);
        Ok(value)
    }

    /// The tables of an encoder.
    pub(in super::super) struct Encoder(snap::raw::Encoder);

    impl Default for Encoder {
        fn default() -> Self {
            Encoder(snap::raw::Encoder::new())
        }
    }

    impl Encoder {
        /// The room that a value may need.
        pub(in super::super) fn max_len(len: usize) -> usize {
            max_compress_len(len)
        }

        /// Compresses a value and gives the length of the data.
        pub(in super::super) fn compress(&mut self, value: &[u8], out: &mut [u8]) -> Option<usize> {
            self.0.compress(value, out).ok()
        }
    }
}

#[cfg(feature = "compression")]
pub(super) use codec::{Encoder, decompress};
