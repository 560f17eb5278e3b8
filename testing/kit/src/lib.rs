//! Brokers, good and bad, for the tests of every language.

mod misbehave;

pub use misbehave::{Misbehaviour, MisbehavingServer};
