//! The producer: records gathered into batches, and delivered.

#[cfg_attr(not(test), expect(dead_code, reason = "the producer that chooses partitions is not here yet"))]
mod partitioner;

pub use partitioner::{Partitioner, Partitioning, partition_of_key};
