//! One batch that has a number.

use super::Ticket;

/// A batch under the partition's present identity, from its stamp until nothing depends on it.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) ticket: Ticket,
    /// The sequence number of the first record.
    pub(super) base: i32,
    pub(super) count: u32,
    /// Whether the sender's frame carries this identity and base.
    pub(super) framed: bool,
    /// Whether an attempt is unanswered.
    pub(super) in_flight: bool,
    /// Whether an attempt under this identity may have been executed, wholly or in part.
    pub(super) unknown: bool,
    /// Whether an attempt under this number was lost with its connection.
    pub(super) lost: bool,
    /// Whether an attempt under an earlier identity may have been executed.
    pub(super) maybe_duplicate: bool,
    /// Whether its result was told already. It is kept because those behind it
    /// depend on whether its numbers were used.
    pub(super) given_up: bool,
    /// The records at the front that are stored for certain.
    pub(super) stored: u32,
    /// The record to be sent next, where they go one by one.
    pub(super) singly: Option<u32>,
    /// Whether the broker recognised some of it.
    pub(super) duplicate: bool,
    pub(super) place: Place,
}

/// What the answers say of the offset of a batch's first record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Nothing yet.
    Open,
    At(u64),
    /// The records do not follow each other, or an answer was not exact.
    Scattered,
}

impl Batch {
    /// A batch that is yet to be framed.
    pub(super) fn new(ticket: Ticket, base: i32, count: u32) -> Self {
        Batch {
            ticket,
            base,
            count,
            framed: false,
            in_flight: false,
            unknown: false,
            lost: false,
            maybe_duplicate: false,
            given_up: false,
            stored: 0,
            singly: None,
            duplicate: false,
            place: Place::Open,
        }
    }

    /// The sequence number behind the last record; may lie outside of i32.
    pub(super) fn end(&self) -> i64 {
        i64::from(self.base) + i64::from(self.count)
    }

    /// The sequence number of a record.
    pub(super) fn number(&self, index: u32) -> i32 {
        self.base.wrapping_add_unsigned(index)
    }

    /// Whether it waits to be sent again.
    pub(super) fn is_queued(&self) -> bool {
        !self.in_flight && !self.given_up
    }

    /// Whether its numbers were not used and never will be.
    pub(super) fn is_gap(&self) -> bool {
        self.given_up && !self.in_flight && !self.unknown
    }

    /// Whether its records go one by one.
    pub(super) fn goes_singly(&self) -> bool {
        self.singly.is_some() && !self.given_up
    }

    /// Notes that no attempt under its numbers was executed.
    pub(super) fn not_executed(&mut self) {
        (self.unknown, self.duplicate, self.stored) = (false, false, 0);
        (self.singly, self.place) = (None, Place::Open);
    }

    /// Gives it other numbers, so that it has to be framed anew.
    pub(super) fn renumber(&mut self, base: i32) {
        self.not_executed();
        (self.base, self.framed, self.lost) = (base, false, false);
    }

    /// Notes the offset of one of its records; `None` if the answer's is not exact.
    pub(super) fn lies_at(&mut self, index: u32, offset: Option<u64>) {
        self.place = match (self.place, offset) {
            (Place::Open, Some(offset)) if index == 0 => Place::At(offset),
            (Place::At(first), Some(offset)) if first + u64::from(index) == offset => Place::At(first),
            _ => Place::Scattered,
        };
    }

    /// The exact offset of its first record, where it is known.
    pub(super) fn offset(&self) -> Option<u64> {
        match self.place {
            Place::At(offset) => Some(offset),
            Place::Open | Place::Scattered => None,
        }
    }

    /// Whether an attempt under any identity may have been executed.
    pub(super) fn may_be_stored(&self) -> bool {
        self.in_flight || self.unknown || self.maybe_duplicate
    }
}
