//! A connection that somebody keeps for many requests.

use std::sync::Arc;
use std::time::Duration;

use super::Cluster;
use super::pool::Need;
use super::server::{Lease, Server};
use crate::connection::{Connection, Deadline, ServerAddress};
use crate::error::{Error, Result};
use crate::protocol::Purpose;
use crate::resilience::Pass;

/// A connection to which nobody else sends. Dropping it ends it; [`release`](Held::release) gives it back.
#[derive(Debug)]
pub(crate) struct Held {
    lease: Lease,
    server: Arc<Server>,
}

impl Held {
    pub(crate) fn connection(&self) -> &Connection {
        self.lease.connection()
    }

    pub(crate) fn address(&self) -> &Arc<str> {
        self.server.address().text()
    }

    /// Tells why the connection ended.
    pub(crate) fn lost(&self, error: &Error) {
        self.server.unanswered(Pass::Normal, &self.lease, error);
    }

    /// Gives the connection back; nothing may be under way on it.
    pub(crate) fn release(self) {
        self.lease.finished();
    }
}

impl Cluster {
    /// A connection for a purpose that nobody else uses: to the leader, or to the first server that works.
    ///
    /// Where no more connections can be had, it is waited for `turn` until one becomes free.
    ///
    /// # Errors
    ///
    /// Why none could be made; `POOL_EXHAUSTED` if none became free in time, `CLOSED`.
    pub(crate) async fn hold(
        self: &Arc<Self>,
        purpose: Purpose,
        leader: Option<&ServerAddress>,
        turn: Duration,
    ) -> Result<Held> {
        self.check_open()?;
        self.start()?;
        let turn = Deadline::after(turn);
        let need = Need { purpose, alone: true };
        let (lease, trial) = match leader {
            Some(address) => self.reach(&self.server_at(address), need, None, turn).await?,
            None => self.any_server(need, turn).await?,
        };
        let server = Arc::clone(&trial.server);
        trial.works();
        Ok(Held { lease, server })
    }

    /// Who leads a partition, where the cluster says so.
    pub(crate) fn leader_of(&self, topic: &str, partition: u32) -> Option<ServerAddress> {
        self.metadata.snapshot().leader(topic, partition).cloned()
    }

    /// Learns anew who leads which partition.
    pub(crate) async fn learn_leaders(self: &Arc<Self>) {
        let seen = self.metadata.snapshot();
        self.refresh(&seen).await;
    }

    /// Runs a task on the client's runtime.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.context.spawn(task);
    }

    /// A random number in [0, 1), for pauses.
    pub(crate) fn random(&self) -> f64 {
        self.context.random()
    }
}
