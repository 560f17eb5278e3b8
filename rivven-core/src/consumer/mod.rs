//! The consumer: records of topics, read alone or shared with the other members of a group.

#![allow(dead_code)]

mod assignor;
mod group;

pub use assignor::Assignor;
