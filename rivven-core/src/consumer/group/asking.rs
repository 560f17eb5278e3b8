//! A member's requests on their way.

use std::sync::Arc;
use std::time::Duration;

use super::super::assignor::Counts;
use super::super::shared::Shared;
use super::answers;
use super::step::{Answer, Request};
use crate::cluster::Held;
use crate::connection::{Connection, Deadline};
use crate::error::{Error, ErrorCode, Result};
use crate::ops::{Heartbeat, JoinGroup, LeaveGroup, SyncGroup};
use crate::protocol::{Operation, Purpose};

/// How members of this kind of group call it.
const PROTOCOL_TYPE: &str = "consumer";

/// What came of a request, with the connection if it can be used on.
pub(super) struct Heard {
    pub(super) answer: Answer,
    pub(super) link: Option<Held>,
    /// Why it failed, if it did.
    pub(super) error: Option<Error>,
}

/// Makes a request, by a new connection if need be; the limit is that of the answer.
pub(super) async fn ask(
    shared: Arc<Shared>,
    link: Option<Held>,
    id: String,
    request: Request,
    limit: Duration,
) -> Heard {
    if let Request::Count { topics } = &request {
        let (answer, error) = count(&shared, topics, limit).await;
        return Heard { answer, link, error };
    }
    let link = match link.filter(|link| link.connection().is_open()) {
        Some(link) => link,
        None => match shared.cluster.hold(Purpose::Group, None, limit).await {
            Ok(link) => link,
            Err(error) => return Heard { answer: Answer::Refused, link: None, error: Some(error) },
        },
    };
    let (answer, error) = call(&shared, link.connection(), &id, &request, Deadline::after(limit)).await;
    let lost = error.as_ref().filter(|error| error.counts_against_server());
    lost.into_iter().for_each(|error| link.lost(error));
    // What was not answered stands in the way of all that follows.
    let closing = error.as_ref().is_some_and(|error| error.code() == ErrorCode::RateLimitExceeded);
    let usable = link.connection().is_open() && answer != Answer::Lost && !closing;
    Heard { answer, link: usable.then_some(link), error }
}

async fn call(
    shared: &Shared,
    connection: &Connection,
    member: &str,
    request: &Request,
    deadline: Deadline,
) -> (Answer, Option<Error>) {
    let config = &shared.config;
    let group = &*config.group_id;
    match request {
        Request::Join { subscriptions } => {
            let join = JoinGroup {
                group,
                member,
                session_timeout_ms: milliseconds(config.session_timeout_ms),
                rebalance_timeout_ms: milliseconds(config.rebalance_timeout_ms),
                protocol_type: PROTOCOL_TYPE,
                subscriptions,
            };
            heard(send(connection, &join, deadline).await, answers::of_join)
        }
        Request::Sync { generation, plan } => {
            let sync = SyncGroup { group, generation: *generation, member, assignments: plan };
            heard(send(connection, &sync, deadline).await, answers::of_sync)
        }
        Request::Heartbeat { generation } => {
            let heartbeat = Heartbeat { group, generation: *generation, member };
            heard(send(connection, &heartbeat, deadline).await, answers::of_heartbeat)
        }
        Request::Leave => heard(send(connection, &LeaveGroup { group, member }, deadline).await, answers::of_leave),
        // It is not the group that is asked.
        Request::Count { .. } => (Answer::Refused, None),
    }
}

async fn send<O: Operation>(connection: &Connection, operation: &O, deadline: Deadline) -> Result<O::Output> {
    connection.call(&operation.encode()?, O::decode, deadline).await
}

fn heard<T>(result: Result<T>, understand: impl Fn(Result<T>) -> Answer) -> (Answer, Option<Error>) {
    let error = result.as_ref().err().cloned();
    (understand(result), error)
}

/// How many partitions each topic has; those that do not exist are left out.
async fn count(shared: &Shared, topics: &[String], limit: Duration) -> (Answer, Option<Error>) {
    let Some(counted) = Deadline::after(limit).bound(shared.partition_counts(topics)).await else {
        return (Answer::Refused, None);
    };
    let mut counts = Counts::new();
    for (topic, counted) in topics.iter().zip(counted) {
        match counted {
            Ok(partitions) => drop(counts.insert(topic.clone(), partitions)),
            Err(error) if error.code() == ErrorCode::UnknownTopicOrPartition => {}
            Err(error) => return (Answer::Refused, Some(error)),
        }
    }
    (Answer::Counted(counts), None)
}

/// Whether a refusal only tells that the group divides its partitions anew.
pub(super) fn is_of_rebalance(error: &Error) -> bool {
    matches!(error.code(), ErrorCode::IllegalGeneration | ErrorCode::InconsistentGroupProtocol)
}

/// Whether a refusal is none of those that belong to the life of a group, or pass by themselves.
pub(super) fn is_unexpected(error: &Error) -> bool {
    let usual =
        [ErrorCode::UnknownMemberId, ErrorCode::UnknownGroup, ErrorCode::Throttled, ErrorCode::RateLimitExceeded];
    !usual.contains(&error.code()) && !is_of_rebalance(error) && !error.is_of_connection()
}

/// As the wire has it; what is longer than 49 days is cut.
fn milliseconds(time: u64) -> u32 {
    u32::try_from(time).unwrap_or(u32::MAX)
}
