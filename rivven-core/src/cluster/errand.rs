//! An operation on its way through the cluster.

use std::time::Duration;

use super::pool::Need;
use crate::protocol::{DecodeAnswer, EncodeError, MessageData, Operation, RequestFrame, Route};
use crate::resilience::Repeat;

/// An encoded operation with all that the cluster has to know of it; it borrows nothing.
pub(crate) struct Errand<T> {
    pub(super) frame: RequestFrame,
    pub(super) decode: DecodeAnswer<T>,
    pub(super) mark_maybe_duplicate: fn(&mut T),
    pub(super) messages: fn(&mut T) -> &mut [MessageData],
    pub(super) broker_wait: Duration,
    /// The shortest pause before it is repeated where its outcome is unknown.
    pub(super) echo: Duration,
    pub(super) need: Need,
    pub(super) repeat: Repeat,
    /// The partition whose leader has to be asked, or the broker's choice of one; `None` for any server.
    pub(super) leader_of: Option<(Box<str>, Option<u32>)>,
}

impl<T> Errand<T> {
    /// Encodes an operation.
    pub(crate) fn of<O: Operation<Output = T>>(operation: &O) -> Result<Self, EncodeError> {
        let broker_wait = operation.broker_wait();
        let repeat = match (O::REPEATABLE, O::APPENDS) {
            (true, _) => Repeat::Safe,
            (false, true) => Repeat::Appends,
            (false, false) => Repeat::Never,
        };
        let leader_of = match operation.route() {
            Route::Any => None,
            Route::Leader { topic, partition } => Some((topic.into(), partition)),
        };
        Ok(Errand {
            frame: operation.encode()?,
            decode: O::decode,
            mark_maybe_duplicate: O::mark_maybe_duplicate,
            messages: O::messages,
            broker_wait,
            echo: O::ECHO,
            need: Need { purpose: operation.purpose(), alone: !broker_wait.is_zero() },
            repeat,
            leader_of,
        })
    }
}
