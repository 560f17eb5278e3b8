//! Requests as they are.

use std::time::Duration;

use super::groups::FOLLOWER_WAIT;
use crate::protocol::{EncodeError, MAX_CONSUME_WAIT_MS, Operation, Purpose, Request, RequestFrame, Response, Route};

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

    fn broker_wait(&self) -> Duration {
        match self {
            Request::Consume { max_wait_ms: Some(wait), .. } => Duration::from_millis((*wait).min(MAX_CONSUME_WAIT_MS)),
            Request::SyncGroup { assignments, .. } if assignments.is_empty() => FOLLOWER_WAIT,
            _ => Duration::ZERO,
        }
    }

    fn purpose(&self) -> Purpose {
        use Request as R;
        match self {
            R::Publish { .. }
            | R::PublishBatch { .. }
            | R::IdempotentPublish { .. }
            | R::IdempotentPublishBatch { .. }
            | R::TransactionalPublish { .. } => Purpose::Produce,
            R::Consume { .. } => Purpose::Fetch,
            R::JoinGroup { .. }
            | R::SyncGroup { .. }
            | R::Heartbeat { .. }
            | R::LeaveGroup { .. }
            | R::CommitOffset { .. }
            | R::GetOffset { .. } => Purpose::Group,
            _ => Purpose::Metadata,
        }
    }

    fn route(&self) -> Route<'_> {
        use Request as R;
        match self {
            R::Publish { topic, partition, .. } | R::PublishBatch { topic, partition, .. } => {
                Route::Leader { topic, partition: *partition }
            }
            R::Consume { topic, partition, .. }
            | R::GetOffsetBounds { topic, partition }
            | R::GetOffsetForTimestamp { topic, partition, .. } => Route::Leader { topic, partition: Some(*partition) },
            _ => Route::Any,
        }
    }
}
