//! Requests as they are.

use crate::protocol::{EncodeError, Operation, Request, RequestFrame, Response};

/// A request in its raw form: any answer but an error is its output.
impl Operation for Request {
    type Output = Response;

    const REPEATABLE: bool = false;

    fn encode(&self) -> Result<RequestFrame, EncodeError> {
        Request::encode(self)
    }

    fn decode(response: Response) -> Result<Response, Response> {
        Ok(response)
    }
}
