//! Brokers, good and bad, and what lies between them and a client, for the tests of every language.

mod broker;
mod misbehave;
mod net;
pub mod program;
mod proxy;
mod seed;

pub use broker::{BrokerInfo, Mtls, TestBroker, TestBrokerBuilder};
pub use misbehave::{MisbehavingServer, Misbehaviour};
pub use proxy::{Corruption, Direction, FaultProxy, Faults, FrameInTransit, Plan};
pub use seed::Seeded;
