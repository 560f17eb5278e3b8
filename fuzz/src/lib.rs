//! Damaged input for every decoder of the client.
//!
//! A [`Target`] is a decoder with what must hold for any input. Inputs are the
//! files of its corpus, and mutations of them: [`for_each_seed`] runs one case
//! per seed, so that a failure can be repeated by its seed.

mod corpus;
// The allocator that the tests of the codec use, too.
#[path = "../../rivven-core/tests/protocol/counting.rs"]
mod counting;
mod mutation;
mod seeds;
mod targets;

pub use corpus::{Entry, corpus};
pub use mutation::mutate;
pub use seeds::for_each_seed;
pub use targets::{FRAMES, RECORDS, REQUEST, RESPONSE, Target, VALUES};
