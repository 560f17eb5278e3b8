//! Zstandard: one standard frame, which tells the size of its content.

use super::frame::Defect;

/// Most bytes that one byte of a frame stands for: a block of 128 KiB takes at least four.
pub(super) const MAX_EXPANSION: u64 = 128 * 1024 / 4;

const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The content size in the header of the frame, where the header has one.
///
/// After the magic comes a descriptor: bits 0-1 give the length of a dictionary
/// id, bit 5 says that the window is the whole content, so that its own byte is
/// left out, and bits 6-7 give the length of the size.
pub(super) fn claimed_size(data: &[u8]) -> Result<Option<u64>, Defect> {
    let cut = Defect::Malformed("its Zstandard data is cut short");
    let rest = data.strip_prefix(&MAGIC).ok_or(Defect::Malformed("its data is no Zstandard frame"))?;
    let (&descriptor, rest) = rest.split_first().ok_or(cut)?;
    let single_segment = descriptor & 0x20 != 0;
    let window_len = usize::from(!single_segment);
    let dictionary_len = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let (len, base) = match descriptor >> 6 {
        0 if single_segment => (1, 0),
        0 => return Ok(None),
        1 => (2, 256),
        2 => (4, 0),
        _ => (8, 0),
    };
    let size = rest.get(window_len + dictionary_len..).and_then(|rest| rest.get(..len)).ok_or(cut)?;
    let mut number = [0; 8];
    number[..len].copy_from_slice(size);
    Ok(Some(u64::from_le_bytes(number).saturating_add(base)))
}

#[cfg(feature = "compression")]
mod codec {
    use std::cell::RefCell;

    use zstd::zstd_safe::{CCtx, DCtx, compress_bound, find_frame_compressed_size};

    use super::Defect;

    /// Above this the encoder costs much more time than it saves bytes.
    const LEVEL: i32 = 3;

    thread_local! {
        /// Making a context costs more than decompressing a small value.
        static CONTEXT: RefCell<DCtx<'static>> = RefCell::new(DCtx::create());
    }

    /// Decompresses into a buffer of the size claimed.
    ///
    /// It goes there at once, so a frame that asks for a huge window gets none.
    pub(in super::super) fn decompress(data: &[u8], size: usize) -> Result<Vec<u8>, Defect> {
        if find_frame_compressed_size(data) != Ok(data.len()) {
            return Err(Defect::Malformed("its Zstandard data is not exactly one frame"));
        }
        let mut value = Vec::with_capacity(size);
        CONTEXT
            .with_borrow_mut(|context| context.decompress(&mut value, data))
            .map_err(|_| Defect::Malformed("its Zstandard data is damaged"))?;
        Ok(value)
    }

    /// The context of an encoder.
    pub(in super::super) struct Encoder(CCtx<'static>);

    impl Default for Encoder {
        fn default() -> Self {
            Encoder(CCtx::create())
        }
    }

    impl Encoder {
        /// The room that a value may need.
        pub(in super::super) fn max_len(len: usize) -> usize {
            compress_bound(len)
        }

        /// Compresses a value and gives the length of the data.
        pub(in super::super) fn compress(&mut self, value: &[u8], out: &mut [u8]) -> Option<usize> {
            self.0.compress(out, value, LEVEL).ok()
        }
    }
}

#[cfg(feature = "compression")]
pub(super) use codec::{Encoder, decompress};
