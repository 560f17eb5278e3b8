//! Frames: the envelope of every message.
//!
//! A frame is a length (4 bytes, big-endian, of what follows it), a format byte
//! (0 for postcard), a correlation id (4 bytes, big-endian) and the payload.

use std::fmt;

use bytes::{Buf, Bytes, BytesMut};

use super::error::{DecodeError, DecodeErrorKind, EncodeError};
use super::limits::{MAX_MESSAGE_SIZE, MAX_RESPONSE_SIZE};
use super::messages::{Message, to_payload};
use super::requests::Request;

/// Bytes of a frame before its payload.
pub const HEADER_LEN: usize = 9;

/// Bytes of the length field, which it does not count itself.
const LENGTH_LEN: usize = 4;

/// Bytes of format and correlation id, which the length field counts.
const COUNTED_HEADER_LEN: usize = HEADER_LEN - LENGTH_LEN;

/// The format byte of postcard.
const POSTCARD: u8 = 0;

/// Makes the bytes that go before a payload of `payload_len` bytes.
///
/// The length field holds 32 bits; longer payloads are refused long before.
pub fn header(correlation_id: u32, payload_len: usize) -> [u8; HEADER_LEN] {
    let length = (payload_len + COUNTED_HEADER_LEN) as u32;
    let mut header = [0; HEADER_LEN];
    header[..LENGTH_LEN].copy_from_slice(&length.to_be_bytes());
    header[LENGTH_LEN] = POSTCARD;
    header[LENGTH_LEN + 1..].copy_from_slice(&correlation_id.to_be_bytes());
    header
}

/// An encoded request, within the limits of the broker.
///
/// It never changes: the correlation id is chosen for each sending, so that a
/// retry sends the same payload. Cloning shares the payload.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestFrame {
    name: &'static str,
    payload: Bytes,
}

impl RequestFrame {
    /// Encodes a request, which may borrow its fields
    /// ([`encode`](super::encode)).
    ///
    /// # Errors
    /// [`EncodeError`] if it exceeds a limit of the broker; nothing has been
    /// allocated then.
    pub fn new<M: Message + ?Sized>(request: &M) -> Result<Self, EncodeError> {
        request.check()?;
        let len = request.encoded_len();
        let size = len + COUNTED_HEADER_LEN;
        if size > MAX_MESSAGE_SIZE {
            return Err(EncodeError::FrameTooLarge { size, max: MAX_MESSAGE_SIZE });
        }
        Ok(RequestFrame { name: request.name(), payload: to_payload(request, len) })
    }

    /// A request that was encoded elsewhere, within the limits.
    pub(super) fn from_payload(name: &'static str, payload: Bytes) -> Self {
        RequestFrame { name, payload }
    }

    /// Name of the request.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The bytes to send before the payload.
    pub fn header(&self, correlation_id: u32) -> [u8; HEADER_LEN] {
        header(correlation_id, self.payload.len())
    }

    /// The encoded request.
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// Bytes on the wire, header included.
    pub fn wire_len(&self) -> usize {
        HEADER_LEN + self.payload.len()
    }

    /// Decodes the request again, to describe it in an error.
    ///
    /// # Errors
    /// None for a frame that was made from a well-formed [`Message`].
    pub fn request(&self) -> Result<Request, DecodeError> {
        Request::decode(&self.payload)
    }
}

impl fmt::Debug for RequestFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestFrame({}, {} bytes)", self.name, self.wire_len())
    }
}

/// A received frame.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    /// Number that ties a response to its request.
    pub correlation_id: u32,
    /// The encoded message. It shares the buffer that it was received in.
    pub payload: Bytes,
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({}, {} bytes)", self.correlation_id, self.payload.len())
    }
}

/// What a [`FrameDecoder`] made of the bytes received so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// A frame, taken out of the buffer.
    Frame(Frame),
    /// At least so many bytes are missing before a frame can be complete.
    NeedMore(usize),
}

/// Cuts frames out of received bytes.
#[derive(Debug, Clone, Copy)]
pub struct FrameDecoder {
    max_size: usize,
}

impl Default for FrameDecoder {
    /// Accepts what a client should: up to [`MAX_RESPONSE_SIZE`].
    fn default() -> Self {
        FrameDecoder::new(MAX_RESPONSE_SIZE)
    }
}

impl FrameDecoder {
    /// Accepts frames whose length field is at most `max_size`.
    pub const fn new(max_size: usize) -> Self {
        FrameDecoder { max_size }
    }

    /// Takes the next frame out of `received`. Nothing is allocated: it is for
    /// the caller to reserve the bytes that are missing.
    ///
    /// # Errors
    /// [`DecodeError`] as soon as the length or the format is known to be
    /// wrong. The stream cannot be followed any further then.
    pub fn decode(&self, received: &mut BytesMut) -> Result<Received, DecodeError> {
        let Some(length) = received.first_chunk::<LENGTH_LEN>() else {
            return Ok(Received::NeedMore(LENGTH_LEN - received.len()));
        };
        let size = u32::from_be_bytes(*length) as usize;
        self.check_size(size)?;
        if let Some(&format) = received.get(LENGTH_LEN)
            && format != POSTCARD
        {
            return Err(DecodeError::in_frame(DecodeErrorKind::UnknownFormat(format), LENGTH_LEN, "format"));
        }
        let missing = (LENGTH_LEN + size).saturating_sub(received.len());
        if missing > 0 {
            return Ok(Received::NeedMore(missing));
        }
        received.advance(LENGTH_LEN + 1);
        let correlation_id = received.get_u32();
        let payload = received.split_to(size - COUNTED_HEADER_LEN).freeze();
        Ok(Received::Frame(Frame { correlation_id, payload }))
    }

    fn check_size(&self, size: usize) -> Result<(), DecodeError> {
        let kind = if size > self.max_size {
            DecodeErrorKind::FrameTooLarge { size, max: self.max_size }
        } else if size < COUNTED_HEADER_LEN {
            DecodeErrorKind::FrameTooShort(size)
        } else {
            return Ok(());
        };
        Err(DecodeError::in_frame(kind, 0, "length"))
    }
}
