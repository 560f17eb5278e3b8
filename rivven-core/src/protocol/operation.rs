//! Operations: what clients ask, as values.

use std::time::Duration;

use super::{EncodeError, MessageData, RequestFrame, Response};

/// One kind of request with the answer that belongs to it.
///
/// The values are in [`ops`](crate::ops). Every client calls them alike, so an
/// operation is written once: how it is encoded, what its answer means, where
/// it is sent and whether it may be repeated.
pub trait Operation {
    /// What a successful call gives.
    type Output: Send + 'static;

    /// Whether a request of unknown outcome may be sent again without harm.
    ///
    /// Reading is repeatable, and so is what sets a value; what appends is not.
    const REPEATABLE: bool;

    /// Whether repeating a request of unknown outcome may append records twice, and nothing worse.
    const APPENDS: bool = false;

    /// How long the broker may be at a request that was lost, before the same one may be sent again.
    const ECHO: Duration = Duration::ZERO;

    /// Encodes the request.
    ///
    /// # Errors
    ///
    /// A name against the broker's rules, or a size over a limit of the
    /// protocol; nothing is allocated then.
    fn encode(&self) -> Result<RequestFrame, EncodeError>;

    /// Takes the output out of the answer, or gives back an answer that is
    /// none to this operation.
    fn decode(response: Response) -> Result<Self::Output, Response>;

    /// How long the broker may wait before it answers, besides the time for the work itself.
    fn broker_wait(&self) -> Duration {
        Duration::ZERO
    }

    /// Notes in an output that the request may have been executed more than once.
    fn mark_maybe_duplicate(_output: &mut Self::Output) {}

    /// The records of an output, whose values may be compression frames.
    fn messages(_output: &mut Self::Output) -> &mut [MessageData] {
        &mut []
    }

    /// What the connection is used for; those of one purpose do not wait for those of another.
    fn purpose(&self) -> Purpose {
        Purpose::Metadata
    }

    /// Which server has to be asked.
    fn route(&self) -> Route<'_> {
        Route::Any
    }
}

/// How an operation takes its output out of an answer: [`Operation::decode`].
pub(crate) type DecodeAnswer<T> = fn(Response) -> Result<T, Response>;

/// Which server an operation has to be sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Route<'a> {
    /// Any server of the cluster.
    Any,
    /// The leader of a partition.
    Leader {
        /// The topic.
        topic: &'a str,
        /// The partition, or the broker's choice of one.
        partition: Option<u32>,
    },
}

/// What a connection is used for.
///
/// The broker serves the requests of a connection one after another, so what
/// takes long is kept apart from what must not wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Writing records.
    Produce,
    /// Reading records.
    Fetch,
    /// Membership and offsets of groups.
    Group,
    /// Everything else.
    Metadata,
}
