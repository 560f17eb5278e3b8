//! What is done about failures, as plain functions and state machines: without I/O, clocks or sleeping.

mod backoff;
mod breaker;
mod retry;

pub(crate) use backoff::Backoff;
pub use breaker::CircuitState;
pub(crate) use breaker::{Breaker, Pass};
pub(crate) use retry::{Next, Repeat, Retries, Rules};
