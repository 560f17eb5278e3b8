//! The operations of a client, one file per resource.
//!
//! Each takes the token of its answer and gives back an error of the call itself.

mod cluster;
mod groups;
mod login;
pub(crate) mod offsets;
mod quotas;
pub(crate) mod records;
mod schemas;
mod topics;
mod transactions;
