//! Idempotent and transactional publishing.
//!
//! `methods` are the single steps, which every client has: `producer_state` numbers the records, `begun` knows which
//! transactions the client has open.

mod begun;
mod methods;
mod producer_state;

pub(crate) use begun::{Begun, not_added};
pub(crate) use methods::transaction_methods;
pub use producer_state::ProducerState;
