//! What happens to a consumer besides records.

use std::time::Duration;

use tokio::sync::broadcast;

use super::listener::TopicPartition;
use crate::error::Error;

/// How many events a stream keeps for a reader that is slow.
const KEPT: usize = 1024;

/// Something that a program may want to know, though nothing has to be done.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ConsumerEvent {
    /// Between the position and the next record there is none.
    ///
    /// The records there were deleted; a single offset may also belong to the end of a transaction.
    Gap {
        /// The partition.
        partition: TopicPartition,
        /// The offset that was to be read.
        from: u64,
        /// The offset of the record that came.
        to: u64,
    },
    /// The broker cannot give the records of a range any more, as after a crash of it; reading goes on behind it.
    DamagedRange {
        /// The partition.
        partition: TopicPartition,
        /// The first offset of the range.
        from: u64,
        /// The first offset behind it.
        to: u64,
    },
    /// The log ends below the position or the committed offset: the broker has lost records.
    LogTruncated {
        /// The partition.
        partition: TopicPartition,
        /// The offset that was to be read.
        position: u64,
        /// The offset of the next record that will be written.
        latest: u64,
    },
    /// A record is larger than the broker can send; polls fail until the program seeks behind it.
    Unreadable {
        /// The partition.
        partition: TopicPartition,
        /// The offset of the record.
        offset: u64,
    },
    /// There are records, and none has come for a while.
    Stalled {
        /// The partition.
        partition: TopicPartition,
        /// For how long.
        since: Duration,
        /// Why, as far as is known.
        reason: String,
    },
    /// The broker withholds records for the sake of a quota.
    Throttled {
        /// The partition.
        partition: TopicPartition,
        /// How long reading it pauses.
        pause: Duration,
    },
    /// Offsets could not be committed by themselves or by `commit_async`; they will be with the next commit.
    CommitFailed {
        /// Why.
        error: Error,
    },
    /// The connections to a broker are fewer than configured, since it takes no more.
    FewerConnections {
        /// How many there are.
        connections: usize,
        /// What kept another one from being made.
        reason: Error,
    },
    /// Partitions of subscribed topics were given.
    Assigned {
        /// Which.
        partitions: Vec<TopicPartition>,
    },
    /// Partitions of subscribed topics were taken away.
    Revoked {
        /// Which.
        partitions: Vec<TopicPartition>,
    },
    /// Partitions have gone to others before it could be said.
    Lost {
        /// Which.
        partitions: Vec<TopicPartition>,
    },
    /// The program has not polled for longer than `max.processing.interval.ms`.
    PollTooLate {
        /// How long ago it polled.
        since: Duration,
    },
    /// The reader of events was so slow that some were lost.
    Missed {
        /// How many.
        count: u64,
    },
}

/// The events of one consumer, from when the stream was taken on.
///
/// Each stream has all of them; what a reader leaves for too long is replaced
/// by [`ConsumerEvent::Missed`].
#[derive(Debug)]
pub struct ConsumerEvents(broadcast::Receiver<ConsumerEvent>);

impl ConsumerEvents {
    /// Waits for the next event; `None` once the consumer is closed and all were taken.
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<ConsumerEvent> {
        match self.0.recv().await {
            Ok(event) => Some(event),
            Err(broadcast::error::RecvError::Lagged(count)) => Some(ConsumerEvent::Missed { count }),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }

    /// The next event, if there is one already.
    pub fn try_next(&mut self) -> Option<ConsumerEvent> {
        match self.0.try_recv() {
            Ok(event) => Some(event),
            Err(broadcast::error::TryRecvError::Lagged(count)) => Some(ConsumerEvent::Missed { count }),
            Err(_) => None,
        }
    }
}

/// Where events are announced; the streams end when it is dropped.
#[derive(Debug)]
pub(super) struct Announcer(broadcast::Sender<ConsumerEvent>);

impl Announcer {
    pub(super) fn new() -> Self {
        Announcer(broadcast::Sender::new(KEPT))
    }

    pub(super) fn subscribe(&self) -> ConsumerEvents {
        ConsumerEvents(self.0.subscribe())
    }

    /// Announces an event to every stream; it is no error that there is none.
    pub(super) fn announce(&self, event: ConsumerEvent) {
        tracing::debug!(?event, "consumer");
        let _ = self.0.send(event);
    }
}
