//! Operations on the cluster as a whole.

use crate::protocol::{BrokerInfo, EncodeError, Operation, RequestFrame, Response, TopicMetadata, encode};

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
        take!(response, Response::Pong => ())
    }
}

/// Asks for the brokers of the cluster and the leaders of partitions.
///
/// A standalone broker names itself and no topics.
#[derive(Debug, Clone, Copy)]
pub struct GetClusterMetadata<'a> {
    /// The topics wanted; all if none is named.
    pub topics: &'a [String],
}

/// The brokers and topics of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClusterMetadata {
    /// The node that controls the cluster.
    pub controller_id: Option<String>,
    /// The brokers.
    pub brokers: Vec<BrokerInfo>,
    /// The topics with their partitions and leaders.
    pub topics: Vec<TopicMetadata>,
}

impl Operation for GetClusterMetadata<'_> {
    type Output = ClusterMetadata;

    const REPEATABLE: bool = true;

    fn encode(&self) -> Result<RequestFrame, EncodeError> {
        RequestFrame::new(&encode::GetClusterMetadata { topics: &self.topics })
    }

    fn decode(response: Response) -> Result<ClusterMetadata, Response> {
        take!(response, Response::ClusterMetadata { controller_id, brokers, topics } => {
            ClusterMetadata { controller_id, brokers, topics }
        })
    }
}
