//! Values as compression frames: a convention of clients, unknown to the broker.

use crate::config::Properties;

/// Which values are taken for compression frames when they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Decompression {
    /// Frames with a checksum, a known algorithm and an exact size that verify; all else stays as it is.
    ///
    /// This is what the producers of this library write. A value of another
    /// writer is taken for a frame wrongly as rarely as a CRC-32 errs.
    #[default]
    Auto,
    /// Every value, for topics whose writers compress without a checksum; what is no frame is an error.
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
}
