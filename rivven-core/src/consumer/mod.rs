//! The consumer: records of topics, read alone or shared with the other members of a group.

#![allow(dead_code, unused_imports, reason = "nothing drives a group yet")]

mod assignor;
mod group;

pub use assignor::Assignor;
