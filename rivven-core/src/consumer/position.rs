//! Where a partition is read: what to ask for next, and what an answer means. A state machine without I/O.
//!
//! An answer says less than it seems to. Control records and those of aborted
//! transactions are left out of it after it was cut to size, so an empty answer
//! may hide records that follow; a crash of the broker leaves ranges that no
//! request reaches, and records behind them under offsets that were used before;
//! an answer over the broker's frame limit is refused as a whole. What an empty
//! answer means is told by the bounds of the log, which have to be asked for
//! *before* the records: a record that is written in between only makes the
//! answer less empty.

#[cfg(test)]
mod tests;

use crate::protocol::MAX_CONSUME_MESSAGES;

/// How many records are asked for at first: with the broker's 4 KiB for each
/// this is far below its limit of an answer.
const FIRST_MAX: u32 = 500;

/// How large answers may grow where records are small: larger ones gain nothing, and are cold in the processor's cache
/// by the time they are looked at.
const ENOUGH_BYTES: usize = 256 * 1024;

/// The same where answers take long to come, so that a distant broker is not asked all the time for little.
const ENOUGH_FROM_AFAR: usize = 1024 * 1024;

/// The bytes of records that the broker reads for each that is asked for.
const BYTES_PER_RECORD: usize = 4096;

/// After so many answers in a row that were not too large, more records may be asked for than in one that was.
const CALM: u32 = 8;

/// The next request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) offset: u64,
    pub(super) max_messages: u32,
    /// Whether the bounds of the log are to be asked for before.
    pub(super) bounds: bool,
}

/// What an answer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// Records, or none.
    Records(Seen),
    /// It would be larger than the broker can send.
    TooLarge,
}

/// How an answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Coming {
    /// The broker did not wait although it was asked to.
    pub(super) early: bool,
    /// It took as long as from afar.
    pub(super) far: bool,
}

/// The records of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Seen {
    /// How many there are.
    pub(super) total: u32,
    /// The first and last offset of those that may be handed out: at or above
    /// what was asked for, and each above the one before.
    pub(super) kept: Option<(u64, u64)>,
    /// The size of the answer.
    pub(super) bytes: usize,
}

/// What is to be done after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Hand out the records that were kept, and ask on.
    Deliver,
    /// Ask again at once.
    Again,
    /// There is nothing at present; `early` if the broker said so without waiting, so that a pause is due.
    Idle { early: bool },
    /// The record at the position cannot be read: only another position helps.
    Unreadable,
}

/// What the user may want to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notice {
    /// Between the position and the first record that came there is none.
    Gap { from: u64, to: u64 },
    /// Of this range no record can be reached, though there have been some.
    Damaged { from: u64, to: u64 },
    /// The log ends below the position: the broker has lost records.
    PastEnd { position: u64, latest: u64 },
}

/// The position of one partition.
#[derive(Debug, Clone)]
pub(super) struct Position {
    next: u64,
    max: u32,
    /// The most that may be asked for, after an answer that was too large.
    ceiling: u32,
    calm: u32,
    /// Whether the next empty answer is to be judged by bounds.
    judge: bool,
    /// The log end that was asked for before the present request.
    judged: Option<u64>,
    /// The last log end known.
    latest: Option<u64>,
    /// The position that is the end as far as is known.
    end: Option<u64>,
    /// Whether the log was seen to end below the position, and that was said.
    past_end: bool,
    probe: Option<Probe>,
    unreadable: bool,
}

/// The search for the first readable offset behind a damaged range.
///
/// It looks at the position once more, then 1, 2, 4, ... offsets ahead until one is readable, and halves the
/// distance to the last one that was not from then on.
#[derive(Debug, Clone, Copy)]
struct Probe {
    at: u64,
    /// The last offset known to be unreadable.
    low: u64,
    /// A readable offset, and the first record found there.
    high: Option<(u64, u64)>,
    step: u64,
    latest: u64,
}

impl Position {
    /// Reads on from an offset.
    pub(super) fn new(next: u64) -> Self {
        Position {
            next,
            max: FIRST_MAX,
            ceiling: MAX_CONSUME_MESSAGES,
            calm: 0,
            judge: true,
            judged: None,
            latest: None,
            end: None,
            past_end: false,
            probe: None,
            unreadable: false,
        }
    }

    /// The offset to read next.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// The last log end known.
    pub(super) fn latest(&self) -> Option<u64> {
        self.latest
    }

    /// Whether the record at the position cannot be read.
    pub(super) fn is_unreadable(&self) -> bool {
        self.unreadable
    }

    /// The next request; `judge` wants the bounds whatever happened before.
    pub(super) fn ask(&mut self, judge: bool) -> Ask {
        self.judged = None;
        let offset = self.probe.map_or(self.next, |probe| probe.at);
        Ask { offset, max_messages: self.max, bounds: (judge || self.judge) && self.probe.is_none() }
    }

    /// The bounds came that were asked for before the records.
    ///
    /// Below the first record the broker begins at it without a word, and so does the position.
    pub(super) fn bounds(&mut self, earliest: u64, latest: u64) -> Option<Notice> {
        let gap = Notice::Gap { from: self.next, to: earliest };
        let below = self.next < earliest && self.probe.is_none();
        if below {
            self.next = earliest;
        }
        self.judged = Some(latest);
        self.latest = Some(latest);
        self.end = Some(latest.max(self.next));
        self.judge = false;
        let past = latest < self.next;
        let first = past && !std::mem::replace(&mut self.past_end, past);
        first.then_some(Notice::PastEnd { position: self.next, latest }).or(below.then_some(gap))
    }

    /// Whether the log is known to end at the position.
    pub(super) fn at_end(&self) -> bool {
        self.end == Some(self.next)
    }

    /// An answer came.
    pub(super) fn answer(&mut self, ask: Ask, answer: Answer, coming: Coming) -> (Step, Option<Notice>) {
        match answer {
            Answer::TooLarge => self.too_large(ask),
            Answer::Records(seen) => {
                self.settle(ask, seen, coming.far);
                match (self.probe, seen.kept) {
                    (Some(probe), kept) => self.probed(probe, kept.map(|(first, _)| first)),
                    (None, Some((first, last))) => self.read(ask, seen, first, last),
                    (None, None) => self.nothing(seen, coming.early),
                }
            }
        }
    }

    fn too_large(&mut self, ask: Ask) -> (Step, Option<Notice>) {
        if let Some(probe) = self.probe {
            // There are records, and reading them will tell what is wrong.
            return self.probed(probe, Some(probe.at));
        }
        if ask.max_messages > 1 {
            self.max = ask.max_messages / 2;
            self.ceiling = self.max;
            self.calm = 0;
            return (Step::Again, None);
        }
        if self.judged.is_none() {
            // Below the first record of the log it is that one, and not the one at the position.
            self.judge = true;
            return (Step::Again, None);
        }
        self.unreadable = true;
        (Step::Unreadable, None)
    }

    /// Chooses how many records to ask for from now on.
    fn settle(&mut self, ask: Ask, seen: Seen, far: bool) {
        let enough = if far { ENOUGH_FROM_AFAR } else { ENOUGH_BYTES };
        self.calm += 1;
        if self.calm == CALM {
            self.ceiling = MAX_CONSUME_MESSAGES;
        }
        if seen.total == ask.max_messages && 2 * seen.bytes <= enough {
            self.grow();
        } else if self.max > FIRST_MAX && seen.bytes > 2 * enough {
            self.max /= 2;
        }
    }

    fn grow(&mut self) {
        self.max = self.max.saturating_mul(2).min(self.ceiling).max(1);
    }

    fn read(&mut self, ask: Ask, seen: Seen, first: u64, last: u64) -> (Step, Option<Notice>) {
        let gap = Notice::Gap { from: self.next, to: first };
        let notice = (first > self.next).then_some(gap);
        self.next = last + 1;
        // The last records have probably been read: the next request finds out whether they have.
        self.judge = seen.total < ask.max_messages && seen.bytes < ask.max_messages as usize * BYTES_PER_RECORD;
        self.past_end &= self.latest.is_some_and(|latest| latest < self.next);
        (Step::Deliver, notice)
    }

    /// An answer without a record that may be handed out.
    fn nothing(&mut self, seen: Seen, early: bool) -> (Step, Option<Notice>) {
        let step = match self.judged {
            Some(latest) if latest > self.next && seen.total > 0 => return self.begin_probe(latest),
            // The record at the position is there and not shown. Those behind it
            // may have been written after the bounds were asked for, so only one is passed.
            Some(latest) if latest > self.next => {
                self.next += 1;
                self.judge = true;
                self.grow();
                Step::Again
            }
            Some(_) => {
                self.judge = early;
                Step::Idle { early }
            }
            None if early || seen.total > 0 => {
                self.judge = true;
                Step::Again
            }
            None => {
                self.judge = !self.at_end();
                Step::Idle { early: false }
            }
        };
        (step, None)
    }

    /// Looks once more at the position itself: a single odd answer must not cost a record.
    fn begin_probe(&mut self, latest: u64) -> (Step, Option<Notice>) {
        self.probe = Some(Probe { at: self.next, low: self.next.saturating_sub(1), high: None, step: 1, latest });
        (Step::Again, None)
    }

    /// What a look at an offset of the range has shown: the first record found there, if any.
    fn probed(&mut self, mut probe: Probe, found: Option<u64>) -> (Step, Option<Notice>) {
        match found {
            Some(first) => probe.high = Some((probe.at, first)),
            None => probe.low = probe.at,
        }
        match probe.high {
            Some((high, first)) if high - probe.low <= 1 => return self.end_probe(first),
            Some((high, _)) => probe.at = probe.low + (high - probe.low) / 2,
            None if probe.low + 1 >= probe.latest => return self.end_probe(probe.latest),
            None => {
                probe.at = (probe.low + probe.step).min(probe.latest - 1);
                probe.step = probe.step.saturating_mul(2);
            }
        }
        self.probe = Some(probe);
        (Step::Again, None)
    }

    fn end_probe(&mut self, to: u64) -> (Step, Option<Notice>) {
        let damaged = Notice::Damaged { from: self.next, to };
        let notice = (to > self.next).then_some(damaged);
        self.probe = None;
        self.next = to;
        self.judge = true;
        (Step::Again, notice)
    }
}
