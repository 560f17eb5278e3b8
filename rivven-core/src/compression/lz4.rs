//! LZ4: the size again, four bytes little-endian, then one raw block.

use super::frame::Defect;

/// Most bytes that one byte of a block stands for: a length continues by 255 with each.
pub(super) const MAX_EXPANSION: u64 = 255;

/// The size in front of the block.
pub(super) fn claimed_size(data: &[u8]) -> Result<u64, Defect> {
    let size = data.first_chunk().ok_or(Defect::Malformed("its LZ4 data is cut short"))?;
    Ok(u32::from_le_bytes(*size).into())
}

#[cfg(feature = "compression")]
mod codec {
    use lz4_flex::block::{CompressTable, compress_into_with_table, decompress_into, get_maximum_output_size};

    use super::Defect;

    const PREFIX_LEN: usize = 4;

    /// Decompresses into a buffer of the size claimed.
    pub(in super::super) fn decompress(data: &[u8], size: usize) -> Result<Vec<u8>, Defect> {
        let mut value = vec![0; size];
        let block = data.get(PREFIX_LEN..).unwrap_or_default();
        let len = decompress_into(block, &mut value).map_err(|_| Defect::Malformed("its LZ4 data is damaged"))?;
        value.truncate(len);
        Ok(value)
    }

    /// The table of an encoder.
    #[derive(Default)]
    pub(in super::super) struct Encoder(CompressTable);

    impl Encoder {
        /// The room that a value may need.
        pub(in super::super) fn max_len(len: usize) -> usize {
            PREFIX_LEN + get_maximum_output_size(len)
        }

        /// Compresses a value and gives the length of the data.
        pub(in super::super) fn compress(&mut self, value: &[u8], out: &mut [u8]) -> Option<usize> {
            let (prefix, block) = out.split_first_chunk_mut::<PREFIX_LEN>()?;
            *prefix = u32::try_from(value.len()).ok()?.to_le_bytes();
            Some(PREFIX_LEN + compress_into_with_table(value, block, &mut self.0).ok()?)
        }
    }
}

#[cfg(feature = "compression")]
pub(super) use codec::{Encoder, decompress};
