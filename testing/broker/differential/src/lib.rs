//! The same messages twice: as values of the client's own codec and as values
//! of the published crate, whose bytes and values can then be compared.

mod messages;
mod mirror;
mod random;

pub use messages::Pair;
pub use mirror::Mirror;
pub use random::{Random, Source};
