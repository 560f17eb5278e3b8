//! Operations on the offsets that groups commit.

use crate::protocol::{
    EncodeError, Operation, Purpose, RequestFrame, Response, Route, check_group_name, check_topic_name, encode,
};

/// Stores the next offset that a group is to read in a partition.
///
/// The broker checks neither membership nor generation, and lets the offset go
/// back. A crash of the broker may lose up to 49 commits.
#[derive(Debug, Clone, Copy)]
pub struct CommitOffset<'a> {
    /// The group.
    pub group: &'a str,
    /// The topic.
    pub topic: &'a str,
    /// The partition.
    pub partition: u32,
    /// The next offset to read, at most the end of the log.
    pub offset: u64,
}

impl Operation for CommitOffset<'_> {
    type Output = ();

    const REPEATABLE: bool = true;

    fn encode(&self) -> Result<RequestFrame, EncodeError> {
        let CommitOffset { group: consumer_group, topic, partition, offset } = *self;
        check_group_name(consumer_group)?;
        check_topic_name(topic)?;
        RequestFrame::new(&encode::CommitOffset { consumer_group, topic, partition, offset })
    }

    fn decode(response: Response) -> Result<(), Response> {
        take!(response, Response::OffsetCommitted => ())
    }

    fn purpose(&self) -> Purpose {
        Purpose::Group
    }
}

/// Asks for the offset that a group has committed; `None` if there is none.
#[derive(Debug, Clone, Copy)]
pub struct GetOffset<'a> {
    /// The group.
    pub group: &'a str,
    /// The topic.
    pub topic: &'a str,
    /// The partition.
    pub partition: u32,
}

impl Operation for GetOffset<'_> {
    type Output = Option<u64>;

    const REPEATABLE: bool = true;

    fn encode(&self) -> Result<RequestFrame, EncodeError> {
        let GetOffset { group: consumer_group, topic, partition } = *self;
        check_group_name(consumer_group)?;
        check_topic_name(topic)?;
        RequestFrame::new(&encode::GetOffset { consumer_group, topic, partition })
    }

    fn decode(response: Response) -> Result<Option<u64>, Response> {
        take!(response, Response::Offset { offset } => offset)
    }

    fn purpose(&self) -> Purpose {
        Purpose::Group
    }
}

/// Asks for the first offset and the next offset to be written of a partition.
///
/// They include records of open transactions and control records.
#[derive(Debug, Clone, Copy)]
pub struct GetOffsetBounds<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The partition.
    pub partition: u32,
}

impl Operation for GetOffsetBounds<'_> {
    type Output = (u64, u64);

    const REPEATABLE: bool = true;

    fn encode(&self) -> Result<RequestFrame, EncodeError> {
        check_topic_name(self.topic)?;
        RequestFrame::new(&encode::GetOffsetBounds { topic: self.topic, partition: self.partition })
    }

    fn decode(response: Response) -> Result<(u64, u64), Response> {
        take!(response, Response::OffsetBounds { earliest, latest } => (earliest, latest))
    }

    fn route(&self) -> Route<'_> {
        Route::Leader { topic: self.topic, partition: Some(self.partition) }
    }
}

/// Asks for the first offset whose record the broker received at or after a
/// time; `None` if there is none.
///
/// It may be the offset of a deleted record, and costs the broker a full scan.
#[derive(Debug, Clone, Copy)]
pub struct GetOffsetForTimestamp<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The partition.
    pub partition: u32,
    /// Milliseconds since 1970.
    pub timestamp_ms: i64,
}

impl Operation for GetOffsetForTimestamp<'_> {
    type Output = Option<u64>;

    const REPEATABLE: bool = true;

    fn encode(&self) -> Result<RequestFrame, EncodeError> {
        let GetOffsetForTimestamp { topic, partition, timestamp_ms } = *self;
        check_topic_name(topic)?;
        RequestFrame::new(&encode::GetOffsetForTimestamp { topic, partition, timestamp_ms })
    }

    fn decode(response: Response) -> Result<Option<u64>, Response> {
        take!(response, Response::OffsetForTimestamp { offset } => offset)
    }

    fn route(&self) -> Route<'_> {
        Route::Leader { topic: self.topic, partition: Some(self.partition) }
    }
}
