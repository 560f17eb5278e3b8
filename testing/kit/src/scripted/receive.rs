//! Receiving requests as the broker does: what is wrong with one is answered, not fatal.

use std::io;

use bytes::{Buf, BytesMut};
use rivven_client::protocol::Request;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Bytes of the length field of a frame.
const LENGTH_LEN: usize = 4;

/// Bytes of format and correlation id.
const COUNTED_HEADER_LEN: usize = 5;

/// The format of postcard, the only one that is spoken here.
const POSTCARD: u8 = 0;

/// The format of protobuf, which makes the broker hang up.
const PROTOBUF: u8 = 1;

/// What has come over a connection.
#[derive(Debug)]
pub(super) enum Arrived {
    /// A request and its correlation id.
    Request(u32, Request),
    /// A frame that is answered by this error under the id 0.
    Unusable(String),
    /// A frame that is so answered before the connection is closed.
    TooLarge(String),
    /// The end of the connection, or what ends it.
    End,
}

/// The bytes that have come over a connection and are no request yet.
#[derive(Debug)]
pub(super) struct Inbox {
    received: BytesMut,
    max_frame: usize,
}

impl Inbox {
    pub(super) fn new(max_frame: usize) -> Self {
        Inbox { received: BytesMut::new(), max_frame }
    }

    /// Waits for the next frame.
    pub(super) async fn next<S: AsyncRead + Unpin>(&mut self, stream: &mut S) -> io::Result<Arrived> {
        loop {
            if let Some(arrived) = self.take() {
                return Ok(arrived);
            }
            if stream.read_buf(&mut self.received).await? == 0 {
                return Ok(Arrived::End);
            }
        }
    }

    /// Takes the next frame, if it is complete.
    fn take(&mut self) -> Option<Arrived> {
        let length = self.received.first_chunk::<LENGTH_LEN>()?;
        let size = u32::from_be_bytes(*length) as usize;
        if size > self.max_frame {
            return Some(Arrived::TooLarge(format!("MESSAGE_TOO_LARGE: {size} bytes exceeds limit")));
        }
        if self.received.len() < LENGTH_LEN + size {
            return None;
        }
        self.received.advance(LENGTH_LEN);
        let mut frame = self.received.split_to(size);
        if size < COUNTED_HEADER_LEN {
            return Some(unusable(&format!("Wire data too short: {size} bytes")));
        }
        match frame.get_u8() {
            POSTCARD => {}
            PROTOBUF => return Some(Arrived::End),
            format => return Some(unusable(&format!("Unknown wire format: {format:#04x}"))),
        }
        let id = frame.get_u32();
        Some(match Request::decode(&frame.freeze()) {
            Ok(request) => Arrived::Request(id, request),
            Err(error) => unusable(&error.to_string()),
        })
    }
}

fn unusable(reason: &str) -> Arrived {
    Arrived::Unusable(format!("INVALID_REQUEST: Serialization error: {reason}"))
}
