//! What operations give, in one type.

use rivven_client::AuthSession;
use rivven_client::ops::{MessageBatch, Published, PublishedBatch};

/// The output of any operation, as it comes out of a queue.
#[derive(Debug)]
#[non_exhaustive]
pub enum Answer {
    /// Done; there is nothing more to say.
    Done,
    /// Where a record went.
    Published(Published),
    /// Where a batch of records went.
    PublishedBatch(PublishedBatch),
    /// Records.
    Messages(MessageBatch),
    /// A number of partitions.
    Partitions(u32),
    /// Names.
    Names(Vec<String>),
    /// Name and number of partitions of a topic.
    TopicMetadata(String, u32),
    /// First offset, and the next one to be written.
    OffsetBounds(u64, u64),
    /// A login that succeeded.
    Session(AuthSession),
}

impl From<AuthSession> for Answer {
    fn from(session: AuthSession) -> Self {
        Answer::Session(session)
    }
}

impl From<()> for Answer {
    fn from((): ()) -> Self {
        Answer::Done
    }
}

impl From<Published> for Answer {
    fn from(published: Published) -> Self {
        Answer::Published(published)
    }
}

impl From<PublishedBatch> for Answer {
    fn from(published: PublishedBatch) -> Self {
        Answer::PublishedBatch(published)
    }
}

impl From<MessageBatch> for Answer {
    fn from(messages: MessageBatch) -> Self {
        Answer::Messages(messages)
    }
}

impl From<u32> for Answer {
    fn from(partitions: u32) -> Self {
        Answer::Partitions(partitions)
    }
}

impl From<Vec<String>> for Answer {
    fn from(names: Vec<String>) -> Self {
        Answer::Names(names)
    }
}

impl From<(String, u32)> for Answer {
    fn from((name, partitions): (String, u32)) -> Self {
        Answer::TopicMetadata(name, partitions)
    }
}

impl From<(u64, u64)> for Answer {
    fn from((earliest, latest): (u64, u64)) -> Self {
        Answer::OffsetBounds(earliest, latest)
    }
}
