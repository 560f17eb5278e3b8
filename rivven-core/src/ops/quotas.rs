//! Operations on quotas.
//!
//! Broker release 0.0.22 stores and shows them, but limits all clients
//! together by its defaults.

use crate::protocol::{EncodeError, Operation, QuotaAlteration, QuotaEntry, RequestFrame, Response, encode};

/// Asks for quotas; of all entities if none is given.
#[derive(Debug, Clone, Copy)]
pub struct DescribeQuotas<'a> {
    /// Entities by type (`user`, `client-id`, `consumer-group`, `default`) and name.
    pub entities: &'a [(String, Option<String>)],
}

impl Operation for DescribeQuotas<'_> {
    type Output = Vec<QuotaEntry>;

    const REPEATABLE: bool = true;

    fn encode(&self) -> Result<RequestFrame, EncodeError> {
        RequestFrame::new(&encode::DescribeQuotas { entities: &self.entities })
    }

    fn decode(response: Response) -> Result<Vec<QuotaEntry>, Response> {
        take!(response, Response::QuotasDescribed { entries } => entries)
    }
}

/// Sets or removes quotas; gives how many were changed.
///
/// The broker passes over unknown types and keys without an error: compare the number.
#[derive(Debug, Clone, Copy)]
pub struct AlterQuotas<'a> {
    /// The changes.
    pub alterations: &'a [QuotaAlteration],
}

impl Operation for AlterQuotas<'_> {
    type Output = usize;

    const REPEATABLE: bool = true;

    fn encode(&self) -> Result<RequestFrame, EncodeError> {
        RequestFrame::new(&encode::AlterQuotas { alterations: &self.alterations })
    }

    fn decode(response: Response) -> Result<usize, Response> {
        take!(response, Response::QuotasAltered { altered_count } => altered_count)
    }
}
