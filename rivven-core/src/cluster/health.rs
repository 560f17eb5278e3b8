//! Looks after servers and connections in the background.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::sleep;

use super::gate::Stage;
use super::pool::Need;
use super::server::{Lease, Server};
use super::{Cluster, Context};
use crate::connection::Deadline;
use crate::error::Result;
use crate::ops::Ping;
use crate::protocol::{Operation, Purpose};
use crate::resilience::Pass;

/// The longest pause between two looks at the connections.
const UPKEEP: Duration = Duration::from_secs(5);

/// Runs until the client is closed or gone.
pub(super) async fn watch(cluster: Weak<Cluster>, context: Arc<Context>) {
    let config = &context.config;
    let pause = if config.health_check_enabled { config.health_check_interval.min(UPKEEP) } else { UPKEEP };
    let mut since_check = Duration::ZERO;
    loop {
        tokio::select! {
            biased;
            () = context.gate.reached(Stage::Closing) => return,
            () = sleep(pause) => {}
        }
        let Some(cluster) = cluster.upgrade() else { return };
        since_check += pause;
        let check = config.health_check_enabled && since_check >= config.health_check_interval;
        if check {
            since_check = Duration::ZERO;
        }
        for server in cluster.servers().iter() {
            look_after(server, check, &context);
        }
        cluster.refresh_if_old();
    }
}

/// Starts what is to be done about a server; nothing is waited for, so that one never holds up another.
fn look_after(server: &Arc<Server>, check: bool, context: &Arc<Context>) {
    let mut leases = server.upkeep();
    if check && (server.is_degraded() || server.lost_every_connection()) {
        context.spawn(probe(Arc::clone(server), context.ping_limit()));
    } else if check && leases.is_empty() {
        // Busy connections prove by their answers that the server works.
        leases.extend(server.idle_connection());
    }
    for lease in leases {
        context.spawn(keep_alive(Arc::clone(server), lease, context.ping_limit()));
    }
}

/// Tries a server that failed, or that closed every connection: whether it works shows then.
///
/// A breaker that is open refuses until its recovery time is over; then this
/// is the one request that it lets through.
async fn probe(server: Arc<Server>, limit: Duration) {
    let Some(pass) = server.enter() else { return };
    match server.connection(Need { purpose: Purpose::Metadata, alone: false }, None, Deadline::after(limit)).await {
        Ok(lease) => settle(&server, pass, lease, limit).await,
        Err(error) => server.unreachable(pass, &error),
    }
}

async fn keep_alive(server: Arc<Server>, lease: Lease, limit: Duration) {
    if let Some(pass) = server.enter() {
        settle(&server, pass, lease, limit).await;
    }
}

/// Pings; the time begins when nothing stands before it, as the answer to a call that was given up may be due.
async fn settle(server: &Arc<Server>, pass: Pass, lease: Lease, limit: Duration) {
    let limit = Deadline::in_turn(limit);
    let sent: Result<()> = async { lease.connection().call(&Ping.encode()?, Ping::decode, limit).await }.await;
    match sent {
        Err(error) if error.counts_against_server() => server.unanswered(pass, &lease, &error),
        _ => server.answered(pass),
    }
    lease.finished();
}
