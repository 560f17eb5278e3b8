//! Brokers, good and bad, and what lies between them and a client, for the tests of every language.

mod broker;
mod log;
mod misbehave;
mod murmur2;
mod net;
pub mod program;
mod proxy;
mod registry;
mod scripted;
mod seed;
mod sink;

pub use broker::{BrokerInfo, Mtls, TestBroker, TestBrokerBuilder};
pub use log::Log;
pub use misbehave::{MisbehavingServer, Misbehaviour};
pub use murmur2::partition_of;
pub use proxy::{Corruption, Direction, FaultProxy, Faults, FrameInTransit, Plan};
pub use registry::TestRegistry;
pub use scripted::{
    Action, Answerer, ERROR_TEXTS, Hex, Kind, On, Preload, ReceivedRequest, Reply, Rule, Scram, Script, ScriptedBroker,
    Tamper,
};
pub use seed::Seeded;
pub use sink::{PartitionReport, Sink, SinkOptions, SinkReport, supplied_number, value_checksum};
