//! Operations of producers that the broker knows by an identity.

use std::time::Duration;

use crate::protocol::{EncodeError, Operation, Purpose, RequestFrame, Response, Route, check_topic_name, encode};

/// How long the broker may be at a request whose connection was lost, before the same record may be sent again.
///
/// It looks at a sequence number and writes the record in two steps: the same number must not be under way twice.
pub(crate) const ECHO: Duration = Duration::from_millis(100);

/// Gives a producer an identity, by which the broker tells records that are sent again.
///
/// The broker keeps identities in memory and counts from 1 again after a restart. One that it does not know it takes over
/// as a new one.
#[derive(Debug, Clone, Copy)]
pub struct InitProducerId {
    /// An identity to take over, whose epoch rises; `None` for a new one.
    pub previous: Option<u64>,
}

impl InitProducerId {
    /// Asks for an identity that nobody has had.
    ///
    /// Those that the broker chooses it gives out again after a restart. To the producer that had one before, a number
    /// that another one has sent since is a duplicate: its record would be taken for written, and lost. It also hides
    /// what was committed under an identity before, once a transaction is aborted under the same one. What it does not
    /// know it takes over as new. Nobody counts as far as the ids that are chosen here begin, and all of them are whole
    /// numbers in every language.
    pub(crate) fn of_random_id() -> Self {
        const FIRST: u64 = 1 << 32;
        const END: u64 = 1 << 53;
        InitProducerId { previous: Some(FIRST + getrandom::u64().unwrap_or_default() % (END - FIRST)) }
    }
}

impl Operation for InitProducerId {
    /// Id and epoch.
    type Output = (u64, u16);

    // Another attempt makes another identity, or raises the epoch once more.
    const REPEATABLE: bool = false;

    fn encode(&self) -> Result<RequestFrame, EncodeError> {
        RequestFrame::new(&encode::InitProducerId { producer_id: self.previous })
    }

    fn decode(response: Response) -> Result<(u64, u16), Response> {
        take!(response, Response::ProducerIdInitialized { producer_id, producer_epoch } => {
            (producer_id, producer_epoch)
        })
    }
}

/// Appends a record under a sequence number, once however often that is repeated.
///
/// The broker keeps the last number per identity and partition number, whatever the topic. It accepts the next one,
/// from 0 on, and calls every lower one a duplicate.
#[derive(Debug, Clone, Copy)]
pub struct IdempotentPublish<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The partition, on whose number the sequence depends.
    pub partition: u32,
    /// The key; empty is a key too.
    pub key: Option<&'a [u8]>,
    /// The value.
    pub value: &'a [u8],
    /// The identity.
    pub producer_id: u64,
    /// The epoch of the identity.
    pub producer_epoch: u16,
    /// The number of the record.
    pub sequence: i32,
}

/// What the broker says of a record with a sequence number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct IdempotentlyPublished {
    /// The offset of the record; of a duplicate it is right only for the last five numbers.
    pub offset: u64,
    /// The partition.
    pub partition: u32,
    /// Whether the broker had the number already, so that nothing was written.
    pub duplicate: bool,
    /// Whether an earlier attempt of this call, whose outcome is unknown, may be what it had.
    pub repeated: bool,
}

impl Operation for IdempotentPublish<'_> {
    type Output = IdempotentlyPublished;

    const REPEATABLE: bool = true;
    const ECHO: Duration = ECHO;

    fn encode(&self) -> Result<RequestFrame, EncodeError> {
        check_topic_name(self.topic)?;
        let IdempotentPublish { topic, key, value, producer_id, producer_epoch, sequence, .. } = *self;
        let (partition, leader_epoch) = (Some(self.partition), None);
        RequestFrame::new(&encode::IdempotentPublish {
            topic,
            partition,
            key,
            value,
            producer_id,
            producer_epoch,
            sequence,
            leader_epoch,
        })
    }

    fn decode(response: Response) -> Result<IdempotentlyPublished, Response> {
        take!(response, Response::IdempotentPublished { offset, partition, duplicate } => {
            IdempotentlyPublished { offset, partition, duplicate, repeated: false }
        })
    }

    fn mark_maybe_duplicate(published: &mut IdempotentlyPublished) {
        published.repeated = true;
    }

    fn route(&self) -> Route<'_> {
        Route::Leader { topic: self.topic, partition: Some(self.partition) }
    }

    fn purpose(&self) -> Purpose {
        Purpose::Produce
    }
}
