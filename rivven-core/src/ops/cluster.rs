//! Operations on the cluster as a whole.

use crate::protocol::{EncodeError, Operation, RequestFrame, Response, encode};

/// Asks a broker for a sign of life.
#[derive(Debug, Clone, Copy)]
pub struct Ping;

impl Operation for Ping {
    type Output = ();

    const REPEATABLE: bool = true;

    fn encode(&self) -> Result<RequestFrame, EncodeError> {
        RequestFrame::new(&encode::Ping {})
    }

    fn decode(response: Response) -> Result<(), Response> {
        match response {
            Response::Pong => Ok(()),
            other => Err(other),
        }
    }
}
