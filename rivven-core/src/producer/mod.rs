//! The producer: records in batches, batches in order, each settled once.

mod sequence;
