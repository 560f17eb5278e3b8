//! Runs the program and talks to the broker in it.

mod plain;
mod process;
mod secure;
