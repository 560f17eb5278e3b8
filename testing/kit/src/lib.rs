//! Brokers, good and bad, for the tests of every language.

mod broker;
mod misbehave;

pub use broker::{BrokerInfo, Mtls, TestBroker, TestBrokerBuilder};
pub use misbehave::{Misbehaviour, MisbehavingServer};
