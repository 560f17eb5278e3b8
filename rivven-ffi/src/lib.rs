//! librivven: the Rivven client for C, and through `rivven.hpp` for C++.
//!
//! Every module is a section of `include/rivven.h`, which is generated from
//! them: the module documentation heads the section, and the documentation of
//! the exported items is written for readers of the header. The modules
//! translate types and do nothing else; `handle`, `input` and `guard` are how.

// What a caller has to keep to is in the header's words on each function, and
// for all of them together in the words that head it.
#![allow(clippy::missing_safety_doc)]
#![allow(non_camel_case_types)]

pub mod assignments;
pub mod batch;
pub mod bytes;
pub mod client;
pub mod cluster;
pub mod code;
pub mod config;
pub mod configs;
pub mod consumer;
pub mod consumer_offsets;
pub mod consumer_stats;
pub mod error;
pub mod events;
pub mod fetches;
pub mod groups;
mod guard;
mod handle;
mod input;
pub mod offsets;
pub mod partitions;
mod polls;
pub mod processing;
pub mod producer;
pub mod producer_state;
pub mod producer_stats;
pub mod queue;
pub mod quotas;
pub mod rebalances;
pub mod record_metadata;
pub mod records;
pub mod results;
pub mod schemas;
pub mod session;
pub mod state_changes;
pub mod stats;
pub mod strings;
pub mod topic;
pub mod topics;
pub mod transaction;
pub mod transactions;
pub mod transformer;
pub mod version;

#[cfg(test)]
mod promise;
