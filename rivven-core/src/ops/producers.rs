//! Operations on producer identities.

use crate::protocol::{EncodeError, Operation, RequestFrame, Response, encode};

/// Gives a producer an identity, by which the broker tells records that are sent again.
///
/// The broker keeps identities in memory and counts from 1 again after a restart.
#[derive(Debug, Clone, Copy)]
pub struct InitProducerId {
    /// An identity to take over, whose epoch rises; `None` for a new one.
    pub previous: Option<u64>,
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
