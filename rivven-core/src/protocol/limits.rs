//! Limits of the protocol, and the checks that need nothing but the value.
//!
//! The broker enforces most of them itself, but answers a violation with an
//! error that no request can be told by, or stores what nobody can read again.
//! So the client refuses first.

use std::fmt;

use super::codec::Encode;
use super::error::EncodeError;

/// Protocol version that the client names in its handshake; the broker compares
/// it for equality.
pub const PROTOCOL_VERSION: u32 = 2;

/// Port of a broker where none is given: the broker's default.
pub const DEFAULT_PORT: u16 = 9092;

/// Largest length field of a request, in bytes: the default of the broker's
/// option `max-request-size` (10 MiB).
pub const MAX_MESSAGE_SIZE: usize = 10_485_760;

/// Largest length field of an answer that the client accepts, in bytes
/// (100 MiB), as the published client does. The broker itself sends no more
/// than its own [`MAX_MESSAGE_SIZE`].
pub const MAX_RESPONSE_SIZE: usize = 104_857_600;

/// Largest sum of key and value of a record, in bytes.
///
/// A record comes back with more overhead than it was sent with: one that just
/// fits a request is stored, but its answer exceeds the frame limit and the
/// record can never be read. 1 KiB is left for that overhead.
pub const MAX_RECORD_SIZE: usize = MAX_MESSAGE_SIZE - 1024;

/// Largest sum of the records of a batch, in bytes, so that its request stays below [`MAX_MESSAGE_SIZE`] even if no value
/// can be compressed and each has to be marked as such, which takes at most 10 bytes.
pub(crate) const MAX_BATCH_SIZE: usize = MAX_RECORD_SIZE - 10 * MAX_LIST_ENTRIES;

/// Longest name in a request (topic, group, member, user, ...), in bytes: the
/// broker's check of a decoded request.
pub const MAX_WIRE_NAME: usize = 256;

/// Longest topic or group name, in characters: the broker's check of names.
pub const MAX_NAME: usize = 255;

/// Longest list in a request, records of a batch included: the broker's check
/// of a decoded request.
pub const MAX_LIST_ENTRIES: usize = 10_000;

/// Longest password, SASL or SCRAM message, in bytes: the broker's check of a
/// decoded request.
pub const MAX_SECRET: usize = 65_536;

/// Most records that are accepted in one answer; the broker sends no more than
/// [`MAX_CONSUME_MESSAGES`].
pub const MAX_RESPONSE_MESSAGES: usize = 100_000;

/// Most records that the broker returns for one `Consume`.
pub const MAX_CONSUME_MESSAGES: u32 = 10_000;

/// Longest wait of a `Consume` in milliseconds; the broker cuts longer ones.
pub const MAX_CONSUME_WAIT_MS: u64 = 30_000;

/// Most partitions that the broker accepts in `CreateTopic`.
pub const MAX_TOPIC_PARTITIONS: u32 = 1_000;

/// Checks that a record can be read back after it was stored.
///
/// # Errors
/// [`EncodeError::RecordTooLarge`] above [`MAX_RECORD_SIZE`].
pub fn check_record(key_len: usize, value_len: usize) -> Result<(), EncodeError> {
    let size = key_len.saturating_add(value_len);
    if size > MAX_RECORD_SIZE {
        return Err(EncodeError::RecordTooLarge { size, max: MAX_RECORD_SIZE });
    }
    Ok(())
}

/// The limits that a request is held to while its fields are visited.
#[derive(Debug)]
pub struct RequestLimits {
    field: &'static str,
    secret: bool,
    /// Sum of the byte strings since the record began: its key and value.
    record: usize,
}

impl RequestLimits {
    /// Starts with the first field of a request.
    pub(super) fn new() -> Self {
        RequestLimits { field: "", secret: false, record: 0 }
    }

    /// Names the field that the following values belong to.
    pub(super) fn field(&mut self, field: &'static str) {
        self.field = field;
    }

    /// Checks a password or login message, which may be longer than a name.
    pub(super) fn secret(&mut self, value: &impl Encode) -> Result<(), EncodeError> {
        self.secret = true;
        let result = value.check(self);
        self.secret = false;
        result
    }

    /// Checks a string.
    pub(super) fn name(&self, len: usize) -> Result<(), EncodeError> {
        let max = if self.secret { MAX_SECRET } else { MAX_WIRE_NAME };
        if len > max {
            return Err(EncodeError::NameTooLong { what: self.field, len, max });
        }
        Ok(())
    }

    /// Checks a byte string.
    pub(super) fn bytes(&mut self, len: usize) -> Result<(), EncodeError> {
        if self.secret {
            return self.name(len);
        }
        self.record += len;
        check_record(self.record, 0)
    }

    /// Checks a list. Each of its items may be a record.
    pub(super) fn list<T: Encode>(&mut self, items: impl ExactSizeIterator<Item = T>) -> Result<(), EncodeError> {
        let count = items.len();
        if count > MAX_LIST_ENTRIES {
            return Err(EncodeError::TooManyEntries { what: self.field, count, max: MAX_LIST_ENTRIES });
        }
        for item in items {
            self.record = 0;
            item.check(self)?;
        }
        Ok(())
    }
}

/// Checks a topic name by the broker's rules: 1 to 255 characters out of
/// `a-z A-Z 0-9 . _ -`, the first a letter or digit, no two dots in a row.
///
/// # Errors
/// [`NameError`] with the first rule that is broken.
pub fn check_topic_name(name: &str) -> Result<(), NameError> {
    check_name("topic", name)?;
    match name.find("..") {
        Some(at) => Err(NameError { what: "topic", problem: NameProblem::DoubleDot { at } }),
        None => Ok(()),
    }
}

/// Checks a group name by the broker's rules for committed offsets: 1 to 255
/// characters out of `a-z A-Z 0-9 . _ -`, the first a letter or digit.
///
/// The broker lets any name join a group, but commits no offsets for one that
/// fails this check.
///
/// # Errors
/// [`NameError`] with the first rule that is broken.
pub fn check_group_name(name: &str) -> Result<(), NameError> {
    check_name("group", name)
}

fn check_name(what: &'static str, name: &str) -> Result<(), NameError> {
    let problem = match name.chars().next() {
        None => NameProblem::Empty,
        Some(first) if !first.is_ascii_alphanumeric() => NameProblem::BadFirst { found: first },
        Some(_) => match name.char_indices().find(|&(_, c)| !is_name_char(c)) {
            Some((at, found)) => NameProblem::BadCharacter { found, at },
            // Every character is ASCII here: characters are bytes.
            None if name.len() > MAX_NAME => NameProblem::TooLong { len: name.len() },
            None => return Ok(()),
        },
    };
    Err(NameError { what, problem })
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

/// A name that the broker would refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameError {
    /// What the name is for: `"topic"` or `"group"`.
    pub what: &'static str,
    /// The rule that it breaks.
    pub problem: NameProblem,
}

/// The rule that a name breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameProblem {
    /// It is empty.
    Empty,
    /// It is longer than [`MAX_NAME`].
    TooLong {
        /// Its length in characters.
        len: usize,
    },
    /// It does not begin with a letter or digit.
    BadFirst {
        /// The character that it begins with.
        found: char,
    },
    /// It contains a character that is not allowed.
    BadCharacter {
        /// The character.
        found: char,
        /// Its position in bytes.
        at: usize,
    },
    /// It contains two dots in a row.
    DoubleDot {
        /// Their position in bytes.
        at: usize,
    },
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} name ", self.what)?;
        match self.problem {
            NameProblem::Empty => write!(f, "is empty"),
            NameProblem::TooLong { len } => {
                write!(f, "has {len} characters, at most {MAX_NAME} are allowed")
            }
            NameProblem::BadFirst { found } => {
                write!(f, "begins with {found:?} where a letter or digit is needed")
            }
            NameProblem::BadCharacter { found, at } => {
                write!(f, "has {found:?} at byte {at} where only letters, digits, '.', '_' and '-' are allowed")
            }
            NameProblem::DoubleDot { at } => write!(f, "has two dots in a row at byte {at}"),
        }
    }
}

impl std::error::Error for NameError {}
