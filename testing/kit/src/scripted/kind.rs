//! The kinds of requests.

use rivven_client::protocol::Request;
use serde::{Deserialize, Serialize};

macro_rules! kinds {
    ($($kind:ident)*) => {
        /// The kind of a request, by the name that the protocol gives it; in JSON the same name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[allow(missing_docs, reason = "the requests describe themselves")]
        pub enum Kind {
            /// No request, but the making of a connection, before the client has said anything.
            Connect,
            $($kind,)*
        }

        impl Kind {
            /// The kind of a request.
            pub fn of(request: &Request) -> Self {
                match request {
                    $(Request::$kind { .. } => Kind::$kind,)*
                }
            }
        }
    };
}

kinds! {
    Authenticate SaslAuthenticate ScramClientFirst ScramClientFinal Publish Consume CreateTopic ListTopics
    DeleteTopic CommitOffset GetOffset GetMetadata GetClusterMetadata Ping GetOffsetBounds ListGroups DescribeGroup
    DeleteGroup GetOffsetForTimestamp InitProducerId IdempotentPublish BeginTransaction AddPartitionsToTxn
    TransactionalPublish AddOffsetsToTxn CommitTransaction AbortTransaction DescribeQuotas AlterQuotas
    AlterTopicConfig CreatePartitions DeleteRecords DescribeTopicConfigs Handshake JoinGroup SyncGroup Heartbeat
    LeaveGroup PublishBatch IdempotentPublishBatch
}

/// The topic and the partition that a request names.
pub(super) fn place(request: &Request) -> (Option<&str>, Option<u32>) {
    use Request::*;
    match request {
        Publish { topic, partition, .. }
        | PublishBatch { topic, partition, .. }
        | IdempotentPublish { topic, partition, .. }
        | IdempotentPublishBatch { topic, partition, .. }
        | TransactionalPublish { topic, partition, .. } => (Some(topic), *partition),
        Consume { topic, partition, .. }
        | CommitOffset { topic, partition, .. }
        | GetOffset { topic, partition, .. }
        | GetOffsetBounds { topic, partition }
        | GetOffsetForTimestamp { topic, partition, .. } => (Some(topic), Some(*partition)),
        CreateTopic { name: topic, .. }
        | DeleteTopic { name: topic }
        | GetMetadata { topic }
        | AlterTopicConfig { topic, .. }
        | CreatePartitions { topic, .. }
        | DeleteRecords { topic, .. } => (Some(topic), None),
        _ => (None, None),
    }
}
