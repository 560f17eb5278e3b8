//! What can go wrong while a message is encoded or decoded.

use std::fmt;

use super::limits::NameError;

/// A message could not be decoded.
///
/// Says what was wrong, in which field of which message and at which byte. It
/// never holds bytes of the message itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeError {
    /// What was wrong.
    pub kind: DecodeErrorKind,
    /// Where the offending item begins, in bytes from the start of the payload
    /// (of the frame for errors of the frame itself).
    pub offset: usize,
    /// Name of the message, `"frame"` for errors of the frame itself.
    pub message: &'static str,
    /// Name of the field, of the innermost structure where structures nest.
    pub field: &'static str,
}

/// The kind of a [`DecodeError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The data ended within a field.
    UnexpectedEnd,
    /// A varint has more bytes or more bits than its type can hold.
    VarintTooLong,
    /// A string is not UTF-8.
    InvalidUtf8,
    /// The tag of an option or a bool is neither 0 nor 1.
    InvalidTag(u8),
    /// No message has this discriminant.
    UnknownDiscriminant(u32),
    /// A list claims more elements than the remaining bytes can hold, or than
    /// its limit allows.
    CountTooLarge {
        /// The claimed number of elements.
        count: u64,
        /// The largest number that was possible here.
        max: usize,
    },
    /// A string or byte string claims more bytes than remain.
    LengthTooLarge {
        /// The claimed number of bytes.
        len: u64,
        /// The number of bytes that remain.
        max: usize,
    },
    /// Bytes follow the end of the message.
    TrailingBytes(usize),
    /// The length field of a frame is over the accepted maximum.
    FrameTooLarge {
        /// The length field.
        size: usize,
        /// The accepted maximum.
        max: usize,
    },
    /// The length field of a frame does not cover format and correlation id.
    FrameTooShort(usize),
    /// The format byte of a frame is not the one of postcard.
    UnknownFormat(u8),
    /// A record belongs to this partition and not to the one that was asked for.
    OtherPartition(u32),
}

impl DecodeError {
    /// Whether the peer announced a frame over the limit.
    pub(crate) const fn is_too_large(&self) -> bool {
        matches!(self.kind, DecodeErrorKind::FrameTooLarge { .. })
    }

    /// An error of the frame itself rather than of its payload.
    pub(crate) const fn in_frame(kind: DecodeErrorKind, offset: usize, field: &'static str) -> Self {
        DecodeError { kind, offset, message: "frame", field }
    }
}

impl fmt::Display for DecodeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use DecodeErrorKind::*;
        match self {
            UnexpectedEnd => write!(f, "the data ends too early"),
            VarintTooLong => write!(f, "a number exceeds its type"),
            InvalidUtf8 => write!(f, "a string is not UTF-8"),
            InvalidTag(tag) => write!(f, "a tag is {tag} instead of 0 or 1"),
            UnknownDiscriminant(d) => write!(f, "there is no message number {d}"),
            CountTooLarge { count, max } => write!(f, "a list claims {count} elements where at most {max} can be"),
            LengthTooLarge { len, max } => {
                write!(f, "a length of {len} bytes is claimed where {max} remain")
            }
            TrailingBytes(n) => write!(f, "{n} bytes follow the end of the message"),
            FrameTooLarge { size, max } => {
                write!(f, "a frame of {size} bytes is over the limit of {max}")
            }
            FrameTooShort(size) => write!(f, "a frame of {size} bytes is too short for its header"),
            UnknownFormat(format) => write!(f, "the frame has the unknown format {format}"),
            OtherPartition(partition) => write!(f, "a record is of partition {partition}, which was not asked for"),
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DecodeError { kind, offset, message, field } = self;
        write!(f, "decoding {message}.{field} failed at byte {offset}: {kind}")
    }
}

impl std::error::Error for DecodeError {}

/// A request exceeds a limit of the protocol and was not encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// The frame would exceed the broker's limit.
    FrameTooLarge {
        /// What the length field would say.
        size: usize,
        /// The largest length field that is allowed.
        max: usize,
    },
    /// A list has no entries where the broker needs one.
    NoEntries {
        /// What the list is of.
        what: &'static str,
    },
    /// A list has too many entries.
    TooManyEntries {
        /// The field that holds the list.
        what: &'static str,
        /// Its number of entries.
        count: usize,
        /// The largest number that is allowed.
        max: usize,
    },
    /// A name, password or login message is too long.
    NameTooLong {
        /// The field.
        what: &'static str,
        /// Its length in bytes.
        len: usize,
        /// The largest length that is allowed.
        max: usize,
    },
    /// A topic or group name breaks the broker's rules.
    InvalidName(NameError),
    /// Key and value of a record are too large to be read back.
    RecordTooLarge {
        /// Bytes of key and value together.
        size: usize,
        /// The largest size that is allowed.
        max: usize,
    },
    /// An offset is negative, which the broker would store as a huge one.
    NegativeOffset(i64),
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use EncodeError::*;
        match self {
            FrameTooLarge { size, max } => {
                write!(f, "a request of {size} bytes is over the limit of {max}")
            }
            NoEntries { what } => write!(f, "there are no {what}, at least one is needed"),
            TooManyEntries { what, count, max } => {
                write!(f, "{what} has {count} entries, at most {max} are allowed")
            }
            NameTooLong { what, len, max } => {
                write!(f, "{what} has {len} bytes, at most {max} are allowed")
            }
            InvalidName(error) => write!(f, "{error}"),
            RecordTooLarge { size, max } => {
                write!(f, "a record of {size} bytes of key and value is over the limit of {max}")
            }
            NegativeOffset(offset) => write!(f, "the offset {offset} is negative"),
        }
    }
}

impl std::error::Error for EncodeError {}

impl From<NameError> for EncodeError {
    fn from(error: NameError) -> Self {
        EncodeError::InvalidName(error)
    }
}
