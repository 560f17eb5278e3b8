//! The circuit breaker of one server.

/// What a circuit breaker lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CircuitState {
    /// Everything: the server works.
    Closed,
    /// Nothing: the server failed too often in a row.
    Open,
    /// One request, which decides.
    HalfOpen,
}
