//! Records on their way, and who waits for them.
//!
//! Each record that somebody waits for has a number; it is in the tag that the
//! report of a batch gives back. One report settles all its records.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use pyo3::prelude::*;
use rivven_bridge::Queue;
use rivven_client::{DeliveryReport, Result};

use crate::delivery::Delivery;
use crate::producer::Producing;

/// How many bits of a tag number the record.
const NUMBER: u64 = (1 << 40) - 1;

/// A completion whose token has this bit is about records, the one of the number in the others or, with 0, many.
pub(crate) const RECORDS: u64 = 1 << 63;

/// The records of one inbox that are not settled.
#[derive(Default)]
pub(crate) struct Deliveries {
    /// What the tags of this inbox begin with; 0 until it has sent something.
    outlet: u64,
    last_number: u64,
    /// Keeps the producer alive while there are any.
    kept: Option<Arc<Producing>>,
    open: HashMap<u64, Waiter, BuildHasherDefault<Spread>>,
}

/// Who waits for a record.
pub(crate) enum Waiter {
    /// Whoever has this object.
    Awaitable(Py<Delivery>),
    /// This function is to be called with an exception or None, and RecordMetadata or None.
    Callback(Py<PyAny>),
}

impl Waiter {
    /// The object, for the garbage collector.
    pub(crate) fn object(&self) -> &Py<PyAny> {
        match self {
            Waiter::Awaitable(delivery) => delivery.as_any(),
            Waiter::Callback(function) => function,
        }
    }
}

/// The tag of a record, and the token of the answer if it is refused later.
#[derive(Clone, Copy)]
pub(crate) struct Number {
    number: u64,
    pub(crate) tag: u64,
}

impl Number {
    pub(crate) fn token(self) -> u64 {
        RECORDS | self.number
    }
}

impl Deliveries {
    pub(crate) fn is_idle(&self) -> bool {
        self.open.is_empty()
    }

    /// Who waits, for the garbage collector.
    pub(crate) fn waiters(&self) -> impl Iterator<Item = &Waiter> {
        self.open.values()
    }

    /// The next number, for a record whose reports go to this queue.
    pub(crate) fn next(&mut self, producer: &Producing, queue: &Arc<Queue>) -> Result<Number> {
        if self.outlet == 0 {
            self.outlet = producer.bridge.outlet(queue, RECORDS)?;
        }
        // From 1 again after 2^40 - 1, of which the first ones are settled.
        self.last_number = (self.last_number % NUMBER) + 1;
        Ok(Number { number: self.last_number, tag: self.outlet | self.last_number })
    }

    /// Enters who waits for a record.
    pub(crate) fn enter(&mut self, number: Number, waiter: Waiter) {
        self.open.insert(number.number, waiter);
    }

    /// Keeps the producer as long as somebody waits.
    pub(crate) fn keep(&mut self, producer: &Arc<Producing>) {
        self.kept.get_or_insert_with(|| Arc::clone(producer));
    }

    /// Takes who waits for the record with this number or token.
    pub(crate) fn take(&mut self, token: u64) -> Option<Waiter> {
        let waiter = self.open.remove(&(token & NUMBER));
        self.let_go();
        waiter
    }

    /// Takes who waits for the records of a report, with the positions of those.
    pub(crate) fn reported(&mut self, report: &DeliveryReport) -> Vec<(usize, Waiter)> {
        let mut waiters = Vec::new();
        for (at, tag) in report.tags().iter().enumerate() {
            if tag & !NUMBER == self.outlet
                && let Some(waiter) = self.open.remove(&(tag & NUMBER))
            {
                waiters.push((at, waiter));
            }
        }
        self.let_go();
        waiters
    }

    /// Lets the producer go when nothing is left.
    fn let_go(&mut self) {
        if self.is_idle() {
            self.kept = None;
        }
    }
}

/// Hashes numbers that follow one another: spread over all bits by one multiplication.
#[derive(Default)]
pub(crate) struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, number: u64) {
        // 2^64 divided by the golden ratio; the upper half is mixed into the lower one, which chooses the place.
        let product = (self.0 ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = product ^ (product >> 32);
    }
}
