//! What becomes of every record of a producer while brokers and connections fail.
//!
//! Each record has a number, and its partition follows from that. A `ledger`
//! has what the producer says became of it, and compares that with the log:
//! what was acknowledged has to be there, in order, and once unless its result
//! said otherwise. `runs` are the occasions: connections that are cut and
//! stalled and brokers that are restarted (`faults`), brokers that are killed,
//! and the presets at full speed.
//!
//! `chaos` lets producers, a `writer` and a `member` in any language, and transactions meet one fault a round.
//! `groups` lets processes come to a group, leave it and be killed, and compares what each `member` says.
//! `transforms` kills a process that works by transactions, and looks whether each result is there once.

pub mod chaos;
pub mod faults;
pub mod groups;
pub mod ledger;
mod load;
pub mod log;
pub mod member;
mod party;
pub mod report;
pub mod runs;
pub mod transforms;
pub mod value;
pub mod writer;
