//! Idempotent and transactional publishing.
//!
//! `methods` are the single steps, which every client has: `producer_state` numbers the records, `begun` knows which
//! transactions the client has open.
//!
//! A [`Transaction`] does the steps by itself. Its `handle` passes what the program gives to the task of the `driver`,
//! which brings records to `lane`s, one for each connection, and the transaction to its end. `table` says what may be
//! done when, `window` what of a lane's records is sent next, `course` how a commit is brought to an end that is known;
//! these three are state machines without I/O. `transform` reads, works and writes by transactions.

mod begun;
mod course;
mod driver;
mod handle;
mod lane;
mod methods;
#[cfg(test)]
mod model;
mod producer_state;
#[cfg(test)]
mod schedule;
mod shared;
mod table;
mod transform;
mod window;
#[cfg(test)]
mod world;

pub(crate) use begun::{Begun, not_added};
pub use handle::Transaction;
pub(crate) use methods::transaction_methods;
pub use producer_state::ProducerState;
pub(crate) use shared::Place;
pub use transform::{TransformReport, Transformer, transform};
