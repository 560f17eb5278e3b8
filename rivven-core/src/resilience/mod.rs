//! What is done about failures, as plain state machines without I/O or sleeping.

mod breaker;

pub use breaker::CircuitState;
