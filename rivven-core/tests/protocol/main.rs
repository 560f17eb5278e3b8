//! Tests of the wire protocol: golden vectors, hostile input, random messages.

mod counting;
mod frames;
mod hostile;
mod limits;
mod primitives;
mod privacy;
mod properties;
mod table;
mod values;
mod vectors;
