//! Events as JavaScript values.

use std::time::Duration;

use napi_derive::napi;
use rivven_client::ConsumerEvent;

use crate::failure::Failure;
use crate::values::{TopicPartition, list};

/// Something that happened to a consumer; `type` says which of the fields there are.
#[napi(object, object_from_js = false)]
#[derive(Default)]
#[allow(missing_docs, reason = "the fields are those of the events that it is made from")]
pub(crate) struct Event {
    pub r#type: &'static str,
    pub topic: Option<String>,
    pub partition: Option<u32>,
    pub from: Option<u64>,
    pub to: Option<u64>,
    pub position: Option<u64>,
    pub latest: Option<u64>,
    pub offset: Option<u64>,
    pub since_ms: Option<f64>,
    pub pause_ms: Option<f64>,
    pub reason: Option<String>,
    pub error: Option<Failure>,
    pub connections: Option<u32>,
    pub partitions: Option<Vec<TopicPartition>>,
    pub count: Option<f64>,
}

impl Event {
    fn of(r#type: &'static str) -> Self {
        Event { r#type, ..Event::default() }
    }

    fn at(r#type: &'static str, partition: rivven_client::TopicPartition) -> Self {
        Event { topic: Some(partition.topic), partition: Some(partition.partition), ..Event::of(r#type) }
    }

    fn all(r#type: &'static str, partitions: Vec<rivven_client::TopicPartition>) -> Self {
        Event { partitions: Some(list(partitions)), ..Event::of(r#type) }
    }
}

fn ms(duration: Duration) -> Option<f64> {
    Some(duration.as_secs_f64() * 1000.0)
}

impl From<ConsumerEvent> for Event {
    fn from(event: ConsumerEvent) -> Self {
        use ConsumerEvent as E;
        match event {
            E::Gap { partition, from, to } => Event { from: Some(from), to: Some(to), ..Event::at("gap", partition) },
            E::DamagedRange { partition, from, to } => {
                Event { from: Some(from), to: Some(to), ..Event::at("damagedRange", partition) }
            }
            E::LogTruncated { partition, position, latest } => {
                let event = Event::at("logTruncated", partition);
                Event { position: Some(position), latest: Some(latest), ..event }
            }
            E::Unreadable { partition, offset } => Event { offset: Some(offset), ..Event::at("unreadable", partition) },
            E::Stalled { partition, since, reason } => {
                Event { since_ms: ms(since), reason: Some(reason), ..Event::at("stalled", partition) }
            }
            E::Throttled { partition, pause } => Event { pause_ms: ms(pause), ..Event::at("throttled", partition) },
            E::CommitFailed { error } => Event { error: Some(error.into()), ..Event::of("commitFailed") },
            E::FewerConnections { connections, reason } => {
                let event = Event::of("fewerConnections");
                Event { connections: Some(connections as u32), error: Some(reason.into()), ..event }
            }
            E::Assigned { partitions } => Event::all("assigned", partitions),
            E::Revoked { partitions } => Event::all("revoked", partitions),
            E::Lost { partitions } => Event::all("lost", partitions),
            E::PollTooLate { since } => Event { since_ms: ms(since), ..Event::of("pollTooLate") },
            E::Missed { count } => Event { count: Some(count as f64), ..Event::of("missed") },
            // One that this package does not know is one that is missed.
            _ => Event { count: Some(1.0), ..Event::of("missed") },
        }
    }
}
