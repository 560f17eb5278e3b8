//! What can be asked of a client: operations, and what is more than one.

use std::future::Future;
use std::mem::ManuallyDrop;
use std::sync::Arc;

use futures_util::future::join_all;
use rivven_client::ops::{CommitOffset, Consume, MessageBatch};
use rivven_client::{Answering, Operation, ResilientClient, ResilientStats, Result, Schema, StateChange, StateChanges};
use tokio::sync::Mutex;

use crate::fork::ForkMark;

/// Something that can be asked of a client.
///
/// The arguments are taken over before `ask` returns; the future owns all that
/// it needs.
pub trait Ask {
    /// What it gives.
    type Output: Send + 'static;

    /// Begins; nothing is waited for.
    fn ask(&self, client: &ResilientClient) -> Answering<Self::Output>;
}

impl<O: Operation> Ask for O {
    type Output = O::Output;

    fn ask(&self, client: &ResilientClient) -> Answering<O::Output> {
        client.call(self)
    }
}

/// Reads many partitions with one wait; there is one result for each, in their order.
#[derive(Debug)]
pub struct ConsumePipelined<'a>(pub &'a [Consume<'a>]);

impl Ask for ConsumePipelined<'_> {
    type Output = Vec<Result<MessageBatch>>;

    fn ask(&self, client: &ResilientClient) -> Answering<Self::Output> {
        let calls: Vec<_> = self.0.iter().map(|fetch| client.call(fetch)).collect();
        Box::pin(async move { Ok(join_all(calls).await) })
    }
}

/// Stores many offsets with one wait; there is one result for each, in their order.
#[derive(Debug)]
pub struct CommitOffsetsPipelined<'a>(pub &'a [CommitOffset<'a>]);

impl Ask for CommitOffsetsPipelined<'_> {
    type Output = Vec<Result<()>>;

    fn ask(&self, client: &ResilientClient) -> Answering<Self::Output> {
        let calls: Vec<_> = self.0.iter().map(|commit| client.call(commit)).collect();
        Box::pin(async move { Ok(join_all(calls).await) })
    }
}

/// Asks for the servers of the client and their connections.
#[derive(Debug)]
pub struct Stats;

impl Ask for Stats {
    type Output = ResilientStats;

    fn ask(&self, client: &ResilientClient) -> Answering<ResilientStats> {
        owning(client, async |client| Ok(client.stats().await))
    }
}

/// Registers a schema at a registry and gives its id.
#[derive(Debug)]
pub struct RegisterSchema<'a> {
    /// Where the registry is: `http://host:8081`.
    pub url: &'a str,
    /// The subject.
    pub subject: &'a str,
    /// `AVRO`, `PROTOBUF` or `JSON`, in any case.
    pub schema_type: &'a str,
    /// The text of the schema.
    pub schema: &'a str,
}

impl Ask for RegisterSchema<'_> {
    type Output = u32;

    fn ask(&self, client: &ResilientClient) -> Answering<u32> {
        let [url, subject, kind, schema] = [self.url, self.subject, self.schema_type, self.schema].map(str::to_owned);
        owning(client, async move |client| client.register_schema(url, subject, kind, schema).await)
    }
}

/// Reads a schema by its id.
#[derive(Debug)]
pub struct GetSchema<'a> {
    /// Where the registry is.
    pub url: &'a str,
    /// The id that registering gave.
    pub id: u32,
}

impl Ask for GetSchema<'_> {
    type Output = Schema;

    fn ask(&self, client: &ResilientClient) -> Answering<Schema> {
        let (url, id) = (self.url.to_owned(), self.id);
        owning(client, async move |client| client.get_schema(url, id).await)
    }
}

/// Reads a version of the schema of a subject.
#[derive(Debug)]
pub struct GetSchemaVersion<'a> {
    /// Where the registry is.
    pub url: &'a str,
    /// The subject.
    pub subject: &'a str,
    /// The version; the latest if none is given.
    pub version: Option<u32>,
}

impl Ask for GetSchemaVersion<'_> {
    type Output = Schema;

    fn ask(&self, client: &ResilientClient) -> Answering<Schema> {
        let (url, subject, version) = (self.url.to_owned(), self.subject.to_owned(), self.version);
        owning(client, async move |client| client.get_schema_version(url, subject, version).await)
    }
}

/// The changes of a client's servers, one after another; clones take turns.
///
/// In a forked child it is not dropped: a thread of the parent may hold a lock in it.
#[derive(Debug, Clone)]
pub struct NextStateChange {
    changes: ManuallyDrop<Arc<Mutex<StateChanges>>>,
    mark: ForkMark,
}

impl NextStateChange {
    pub(crate) fn new(changes: StateChanges) -> Self {
        NextStateChange { changes: ManuallyDrop::new(Arc::new(Mutex::new(changes))), mark: ForkMark::here() }
    }
}

impl Drop for NextStateChange {
    fn drop(&mut self) {
        if self.mark.is_here() {
            // SAFETY: it is dropped here only, and not used afterwards.
            unsafe { ManuallyDrop::drop(&mut self.changes) };
        }
    }
}

impl Ask for NextStateChange {
    type Output = Option<StateChange>;

    fn ask(&self, _: &ResilientClient) -> Answering<Option<StateChange>> {
        let changes = Arc::clone(&self.changes);
        Box::pin(async move { Ok(changes.lock().await.next().await) })
    }
}

/// A future that has a client of its own.
pub(crate) fn owning<T, F>(
    client: &ResilientClient,
    ask: impl FnOnce(ResilientClient) -> F + Send + 'static,
) -> Answering<T>
where
    F: Future<Output = Result<T>> + Send + 'static,
{
    let client = client.clone();
    Box::pin(async move { ask(client).await })
}
