//! What the C, Python and Node boundaries share.
//!
//! A boundary translates types and does nothing else. It takes its
//! configuration as strings ([`Properties`](rivven_client::Properties)), makes a [`Client`], and either
//! waits for an operation on the calling thread ([`Client::start`] and
//! [`Call::wait`]) or submits it with a token and takes the answer from a
//! [`Queue`] ([`Client::submit`]).
//!
//! Rules that every boundary relies on:
//!
//! - No code of the user runs on a thread of the runtime.
//! - Dropping a handle never blocks and never panics, wherever it happens.
//! - In a forked child every call on a handle of the parent fails with `FORKED`.

mod answer;
mod ask;
mod call;
mod client;
mod consumer;
mod events;
mod fork;
mod guard;
mod interest;
mod line;
mod log;
mod processing;
mod producer;
mod queue;
mod reading;
mod reaper;
mod rebalance;
mod runtime;
mod share;
mod signal;
mod steps;
mod surface;
mod transaction;

pub use answer::Answer;
pub use ask::{
    Ask, CommitOffsetsPipelined, ConsumePipelined, GetSchema, GetSchemaVersion, NextStateChange, RegisterSchema, Stats,
};
pub use call::Call;
pub use client::Client;
pub use consumer::Consumer;
pub use fork::ForkMark;
pub use guard::catch_panic;
pub use interest::Interest;
pub use line::Line;
pub use log::{LogLevel, LogQueue, LogRecord};
pub use processing::{Handling, Processing};
pub use producer::{Producer, Reports, Topic};
pub use queue::{Completion, Queue, Signal};
pub use rebalance::{Rebalance, RebalanceKind};
pub use runtime::{SharedRuntime, default_threads};
pub use signal::Descriptor;
pub use steps::{
    AbortTransaction, AddOffsetsToTxn, AddPartitionsToTxn, BeginTransaction, CommitTransaction, Given, InitProducerId,
    ProducerState, PublishIdempotent, PublishTransactional,
};
pub use surface::{Method, SURFACE};
pub use transaction::{Addition, Round, Transaction, Transformer};
