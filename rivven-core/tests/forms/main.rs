//! Every form of the clients' interface as a user's program writes it, run against the real broker.
//!
//! Programs here are written like those for the published crate: what compiles
//! and behaves there has to do so here. A line `covers:` names what is shown.

// Programs declare their clients `mut`, which calls by `&self` do not need.
#![allow(unused_mut)]

mod admin;
mod basic;
mod consumer;
mod errors;
mod package;
mod pipelined;
mod producer;
mod published;
mod resilient;
#[cfg(feature = "schema-registry")]
mod schemas;
#[cfg(feature = "tls")]
mod secure;
mod transactions;

use rivven_client::{ResilientClient, ResilientClientConfig};
use rivven_testkit::TestBroker;

/// The result of a program's `main`.
type Done = Result<(), Box<dyn std::error::Error>>;

fn broker() -> TestBroker {
    TestBroker::start().unwrap()
}

/// A resilient client of this broker with every default.
fn resilient(broker: &TestBroker) -> ResilientClient {
    ResilientClient::new(ResilientClientConfig::builder().servers(vec![broker.address().to_owned()]).build())
}
