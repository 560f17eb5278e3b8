//! The consumer: records on their way in.
#![allow(dead_code)]

mod position;
