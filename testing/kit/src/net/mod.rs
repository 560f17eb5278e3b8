//! What the servers of this kit share: a background runtime and connections that can be ended.

mod connections;
mod host;

pub(crate) use connections::{Connections, End, Ending, acknowledge_now, finish};
pub(crate) use host::Host;
