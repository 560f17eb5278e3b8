//! What a client says of its servers.

use std::sync::Arc;

use crate::error::Error;
use crate::resilience::CircuitState;

/// The servers of a client and their connections, at one moment.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ResilientStats {
    /// How many servers there are: those configured and those that the cluster named.
    pub total_servers: usize,
    /// How many of them work: the breaker is closed and the last attempt did not fail.
    pub healthy_servers: usize,
    /// How many connections have calls under way.
    pub active_connections: usize,
    /// How many connections are open and idle.
    pub available_connections: usize,
    /// Each server by itself.
    pub servers: Vec<ServerStats>,
}

/// One server and its connections, at one moment.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServerStats {
    /// The address as it is dialled.
    pub address: Arc<str>,
    /// What its breaker lets through.
    pub circuit_state: CircuitState,
    /// How many of its connections have calls under way.
    pub active_connections: usize,
    /// How many of its connections are open and idle.
    pub available_connections: usize,
    /// Its last failure, unless it has worked since.
    pub last_error: Option<Error>,
}
