//! Membership in a group.

mod leading;
mod member;
#[cfg(test)]
mod model;
mod notes;
#[cfg(test)]
mod schedule;
mod step;
#[cfg(test)]
mod world;

pub(crate) use member::Member;
pub(crate) use step::{Answer, Event, Request, Step, Timing};
