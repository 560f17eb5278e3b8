//! The version handshake.

use std::sync::Arc;

use crate::error::{Detail, Error, ErrorCode, Result};
use crate::protocol::{EncodeError, Operation, PROTOCOL_VERSION, RequestFrame, Response, encode};

/// Tells the broker version and name of the client.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Handshake<'a> {
    /// The version of the protocol that the client speaks.
    pub(crate) protocol_version: u32,
    /// The name that the client gives of itself.
    pub(crate) client_id: &'a str,
}

/// What the broker answers to a handshake.
#[derive(Debug, Clone)]
pub(crate) struct HandshakeAnswer {
    /// The version that the broker speaks.
    pub(crate) server_version: u32,
    /// Whether it can serve this client; if not it goes on all the same, so the client must stop.
    pub(crate) compatible: bool,
    /// The broker's own words.
    pub(crate) message: String,
}

impl HandshakeAnswer {
    /// An error if the broker at `address` cannot serve this client.
    pub(crate) fn check(&self, address: &Arc<str>) -> Result<()> {
        if self.compatible {
            return Ok(());
        }
        let HandshakeAnswer { server_version, message, .. } = self;
        let text = format!(
            "connect to {address}: the broker speaks protocol {server_version}, this client {PROTOCOL_VERSION} ({message}): use a matching release"
        );
        Err(Error::ConnectionError(Detail::new(text).with_code(ErrorCode::IncompatibleVersion).with_address(address)))
    }
}

impl Operation for Handshake<'_> {
    type Output = HandshakeAnswer;

    const REPEATABLE: bool = true;

    fn encode(&self) -> Result<RequestFrame, EncodeError> {
        let Handshake { protocol_version, client_id } = *self;
        RequestFrame::new(&encode::Handshake { protocol_version, client_id })
    }

    fn decode(response: Response) -> Result<HandshakeAnswer, Response> {
        match response {
            Response::HandshakeResult { server_version, compatible, message } => {
                Ok(HandshakeAnswer { server_version, compatible, message })
            }
            other => Err(other),
        }
    }
}
