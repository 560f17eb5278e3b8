//! What the sender and the numbering of a partition tell each other.

use super::Identity;
use crate::error::Outcome;

/// The name of a batch in its partition; later batches have higher ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Ticket(pub(super) u64);

impl Ticket {
    /// The batches before it in its partition, and itself.
    pub(crate) fn number(self) -> u64 {
        self.0
    }
}

/// What is written into a publish request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) identity: Identity,
    /// The sequence number of the first record.
    pub(crate) base: i32,
}

/// What the sender has to do next in this partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Frame the next batch of the accumulator with [`Sequence::stamp`](super::Sequence::stamp) and send
    /// it, if there is one. Keep the frame until the batch is settled.
    New,
    /// Frame this batch again with this stamp, send it, and keep that frame instead.
    Frame { ticket: Ticket, stamp: Stamp },
    /// Send the frame of this batch as it was kept, byte for byte.
    Resend { ticket: Ticket },
    /// Send this one record of the batch by `IdempotentPublish` with this stamp.
    /// The batch's own frame is kept.
    SendRecord { ticket: Ticket, index: u32, stamp: Stamp },
    /// Give the partition an identity with [`Sequence::adopt`](super::Sequence::adopt): the topic's
    /// present one if its serial number is over `newer_than`, else a new one, which
    /// becomes the topic's. Never one that anybody has had.
    AskIdentity { newer_than: u64 },
    /// Do nothing until an answer has come.
    Wait,
    /// Nothing more can be sent: another producer has the identity. Fail what
    /// comes with `PRODUCER_FENCED`.
    Fenced,
}

/// What came of an attempt: a request that `next` or `stamp` asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The broker stored it, or says that it had it already.
    Published { offset: u64, duplicate: bool },
    /// It was never written whole, or refused before anything was done and may
    /// be repeated: `Throttled`, `RATE_LIMIT_EXCEEDED`, `NOT_LEADER_FOR_PARTITION`,
    /// `FENCED_LEADER_EPOCH`, a login that is due. The sender pauses before `next`.
    NotExecuted,
    /// `OUT_OF_ORDER_SEQUENCE`, with the expected number if the text has one.
    OutOfOrder { expected: Option<i32> },
    /// `UNKNOWN_PRODUCER_ID`.
    UnknownProducer,
    /// `PRODUCER_FENCED`.
    Fenced,
    /// Refused before anything was done, for good: an invalid topic or partition,
    /// no right to write, a message that is too large.
    Refused,
    /// Every other error answer: some records may have been stored
    /// (`WAL_ERROR`, `BUFFER_FULL`, storage errors, `INTERNAL_ERROR`, unknown texts).
    /// The sender pauses before `next`.
    Failed,
    /// Written whole, but no answer will come: the connection was lost or timed out.
    Unknown,
}

/// The end of a batch; its frame and its memory can go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settled {
    pub(crate) ticket: Ticket,
    pub(crate) result: Result<Delivered, Failure>,
}

/// A batch whose records are all stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Delivered {
    /// The offset of the first record, if it is known for certain. Those behind
    /// it follow, unless somebody else wrote to the partition in between.
    pub(crate) offset: Option<u64>,
    /// Whether the broker recognised records that it had already.
    pub(crate) duplicate: bool,
    /// Whether an attempt under an identity that was lost may have stored records too.
    pub(crate) maybe_duplicate: bool,
}

/// A batch that is not sent any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) cause: Cause,
    /// `Unknown` if records of it may be stored.
    pub(crate) outcome: Outcome,
}

/// Why a batch failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The broker's answer was final: report that error.
    Refused,
    /// The sender gave it up: report the timeout, or the last error.
    GivenUp,
    /// The identity was lost, and to send it again might store it twice, which
    /// `retry_unknown_outcome` forbids.
    IdentityLost,
    /// Another producer took over the identity.
    Fenced,
}
