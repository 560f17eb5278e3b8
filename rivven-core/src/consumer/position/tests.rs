//! The position against a model of the broker's log, with all its peculiarities.

use super::*;

/// What lies in a log. Sizes are in units of which an answer holds ten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    Record,
    /// Two of these do not fit into an answer.
    Large,
    /// More than an answer holds.
    Huge,
    /// Takes an offset and is not shown.
    Marker,
}

const ENTRIES: [Entry; 4] = [Entry::Record, Entry::Large, Entry::Huge, Entry::Marker];

/// The log of a partition as the broker keeps it; entry n has the offset n.
#[derive(Debug, Clone, Default)]
struct Log {
    entries: Vec<Entry>,
    earliest: u64,
    /// Requests into these ranges reach only records of lower offsets, or none at all.
    damaged: Vec<(u64, u64)>,
    /// Whether such requests give records of lower offsets.
    replayed: bool,
}

impl Log {
    fn latest(&self) -> u64 {
        self.entries.len() as u64
    }

    fn is_damaged(&self, offset: u64) -> bool {
        self.damaged.iter().any(|(from, to)| (*from..*to).contains(&offset))
    }

    fn is_shown(&self, offset: u64) -> bool {
        self.entries[offset as usize] != Entry::Marker
    }

    /// An answer to a request, and the offsets that it holds.
    fn fetch(&self, ask: Ask) -> (Answer, Vec<u64>) {
        let from = ask.offset.max(self.earliest);
        if self.is_damaged(from) {
            let total = u32::from(self.replayed);
            return (Answer::Records(Seen { total, kept: None, bytes: 1 }), Vec::new());
        }
        let until = (from..self.latest()).find(|offset| self.is_damaged(*offset)).unwrap_or(self.latest());
        let read = (from..until).take(ask.max_messages as usize);
        let shown: Vec<u64> = read.filter(|offset| self.is_shown(*offset)).collect();
        let size = |offset: &u64| match self.entries[*offset as usize] {
            Entry::Record | Entry::Marker => 1,
            Entry::Large => 6,
            Entry::Huge => 11,
        };
        let bytes = shown.iter().map(size).sum::<usize>();
        if bytes > 10 {
            return (Answer::TooLarge, Vec::new());
        }
        let kept = shown.first().map(|first| (*first, shown[shown.len() - 1]));
        (Answer::Records(Seen { total: shown.len() as u32, kept, bytes }), shown)
    }
}

/// What a reader has got until it knew that it was at the end.
#[derive(Debug, Default, PartialEq, Eq)]
struct Read {
    offsets: Vec<u64>,
    unreadable: Vec<u64>,
    notices: Vec<Notice>,
    asks: usize,
}

/// Reads to the end; what cannot be read is skipped as a user would.
fn read(log: &Log, mut position: Position) -> Read {
    let mut read = Read::default();
    loop {
        read.asks += 1;
        assert!(read.asks < 200 + 4 * log.entries.len(), "no end: {log:?} at {position:?}");
        let ask = position.ask(false);
        if ask.bounds {
            read.notices.extend(position.bounds(log.earliest, log.latest()));
        }
        let (answer, offsets) = log.fetch(ask);
        // The broker waits only where no entry is at or above the offset.
        let early = ask.offset < log.latest();
        let before = position.next();
        let (step, notice) = position.answer(ask, answer, Coming { early, far: false });
        assert!(position.next() >= before, "{log:?} goes back");
        read.notices.extend(notice);
        match step {
            Step::Deliver => read.offsets.extend(offsets),
            Step::Again => {}
            Step::Idle { .. } if position.at_end() => return read,
            Step::Idle { .. } => assert!(!early, "{log:?}: idle though there is more"),
            Step::Unreadable => {
                assert!(position.is_unreadable());
                read.unreadable.push(position.next());
                position = Position::new(position.next() + 1);
            }
        }
    }
}

fn all_logs(len: usize) -> impl Iterator<Item = Vec<Entry>> {
    (0..ENTRIES.len().pow(len as u32)).map(move |number| {
        (0..len as u32).map(|digit| ENTRIES[number / ENTRIES.len().pow(digit) % ENTRIES.len()]).collect()
    })
}

/// The offsets of those entries, from one on, for which a condition holds.
fn offsets(log: &Log, from: u64, condition: impl Fn(Entry) -> bool) -> Vec<u64> {
    (from.max(log.earliest)..log.latest()).filter(|offset| condition(log.entries[*offset as usize])).collect()
}

#[test]
fn every_record_of_every_short_log_is_read_once_and_in_order() {
    for len in 0..=5 {
        for entries in all_logs(len) {
            for (start, earliest) in [(0, 0), (1, 0), (0, 1), (0, 3), (2, 1), (5, 0)] {
                let earliest = earliest.min(len as u64);
                let log = Log { entries: entries.clone(), earliest, ..Log::default() };
                for max in [1, 2, FIRST_MAX] {
                    let position = Position { max, ..Position::new(start) };
                    let read = read(&log, position);
                    let readable = |entry| matches!(entry, Entry::Record | Entry::Large);
                    assert_eq!(read.offsets, offsets(&log, start, readable), "{log:?} from {start} by {max}");
                    assert_eq!(read.unreadable, offsets(&log, start, |entry| entry == Entry::Huge), "{log:?}");
                    assert!(!read.notices.iter().any(|notice| matches!(notice, Notice::Damaged { .. })), "{log:?}");
                }
            }
        }
    }
}

#[test]
fn a_damaged_range_is_told_once_and_passed_in_few_steps() {
    for len in [1, 2, 3, 7, 8, 9, 100, 1000] {
        for from in 0..len.min(9) {
            for to in (from + 1..=len).rev().take(9).chain(from + 1..=(from + 9).min(len)) {
                let entries = vec![Entry::Record; len as usize];
                let log = Log { entries, damaged: vec![(from, to)], replayed: true, ..Log::default() };
                let read = read(&log, Position::new(0));
                let expected: Vec<u64> = (0..from).chain(to..len).collect();
                assert_eq!(read.offsets, expected, "{from}..{to} of {len}");
                assert_eq!(read.notices, [Notice::Damaged { from, to }], "{from}..{to} of {len}");
                assert!(read.asks < 40 + len as usize / 5, "{} asks for {from}..{to} of {len}", read.asks);
            }
        }
    }
}

#[test]
fn a_single_answer_of_records_that_were_read_before_costs_no_record() {
    let mut position = Position::new(7);
    let ask = position.ask(true);
    position.bounds(0, 8);
    let old = Answer::Records(Seen { total: 7, kept: None, bytes: 100 });
    assert_eq!(position.answer(ask, old, Coming::default()), (Step::Again, None));
    let ask = position.ask(false);
    assert_eq!(ask.offset, 7);
    let found = Answer::Records(Seen { total: 1, kept: Some((7, 7)), bytes: 100 });
    assert_eq!(position.answer(ask, found, Coming::default()), (Step::Again, None));
    assert_eq!((position.ask(false).offset, position.next()), (7, 7));
}

#[test]
fn several_damaged_ranges_are_all_told() {
    let log = Log {
        entries: vec![Entry::Record; 300],
        damaged: vec![(5, 20), (40, 41), (100, 290)],
        replayed: true,
        ..Log::default()
    };
    let read = read(&log, Position::new(0));
    let damaged = |from, to| Notice::Damaged { from, to };
    assert_eq!(read.offsets, (0..5).chain(20..40).chain(41..100).chain(290..300).collect::<Vec<_>>());
    assert_eq!(read.notices, [damaged(5, 20), damaged(40, 41), damaged(100, 290)]);
}

#[test]
fn behind_a_damaged_range_markers_and_large_records_are_met_as_anywhere() {
    for tail in all_logs(4) {
        let mut entries = vec![Entry::Record; 10];
        entries.extend(&tail);
        let log = Log { entries, damaged: vec![(3, 10)], replayed: true, ..Log::default() };
        let read = read(&log, Position::new(0));
        let readable = |entry| matches!(entry, Entry::Record | Entry::Large);
        let expected: Vec<u64> = (0..3).chain(offsets(&log, 10, readable)).collect();
        assert_eq!(read.offsets, expected, "{log:?}");
    }
}

/// A range of which nothing at all is answered looks like hidden records, of which one is passed at a time.
#[test]
fn a_range_that_answers_nothing_is_passed_too() {
    let entries = vec![Entry::Record; 30];
    let log = Log { entries, damaged: vec![(10, 20)], ..Log::default() };
    let read = read(&log, Position::new(0));
    assert_eq!(read.offsets, (0..10).chain(20..30).collect::<Vec<_>>());
}

#[test]
fn a_log_that_ends_below_the_position_is_told_once_until_it_has_grown() {
    let mut position = Position::new(7);
    let notice = |position: &mut Position, latest| {
        let ask = position.ask(true);
        assert!(ask.bounds);
        let notice = position.bounds(0, latest);
        let (step, _) = position.answer(ask, Answer::Records(Seen::default()), Coming::default());
        assert_eq!(step, Step::Idle { early: false });
        notice
    };
    assert_eq!(notice(&mut position, 4), Some(Notice::PastEnd { position: 7, latest: 4 }));
    assert_eq!(notice(&mut position, 5), None);
    let ask = position.ask(true);
    position.bounds(0, 8);
    let seen = Seen { total: 1, kept: Some((7, 7)), bytes: 1 };
    assert_eq!(position.answer(ask, Answer::Records(seen), Coming::default()), (Step::Deliver, None));
    assert_eq!(notice(&mut position, 2), Some(Notice::PastEnd { position: 8, latest: 2 }));
}

/// Below the low watermark the broker begins at it without a word.
#[test]
fn a_gap_is_told_with_its_bounds() {
    let log = Log { entries: vec![Entry::Record; 9], earliest: 6, ..Log::default() };
    assert_eq!(read(&log, Position::new(2)).notices, [Notice::Gap { from: 2, to: 6 }]);
}

#[test]
fn small_records_are_asked_for_in_larger_numbers_and_large_ones_in_smaller() {
    let mut position = Position::new(0);
    let came = |position: &mut Position, record: usize, far: bool| {
        let ask = position.ask(false);
        let (total, from) = (ask.max_messages, position.next());
        let seen = Seen { total, kept: Some((from, from + u64::from(total) - 1)), bytes: total as usize * record };
        assert_eq!(position.answer(ask, Answer::Records(seen), Coming { early: false, far }).0, Step::Deliver);
        position.ask(false).max_messages
    };
    let full = |position: &mut Position, record: usize| came(position, record, false);
    let grown: Vec<_> = (0..4).map(|_| full(&mut position, 100)).collect();
    assert_eq!(grown, [1000, 2000, 2000, 2000]);
    let from_afar: Vec<_> = (0..4).map(|_| came(&mut position, 100, true)).collect();
    assert_eq!(from_afar, [4000, 8000, 8000, 8000], "a distant broker is asked for more at once");
    assert_eq!((full(&mut position, 300), full(&mut position, 300), full(&mut position, 300)), (4000, 2000, 1000));
    let ask = position.ask(false);
    assert_eq!(position.answer(ask, Answer::TooLarge, Coming::default()).0, Step::Again);
    let after: Vec<_> = (0..9).map(|_| full(&mut position, 10)).collect();
    assert_eq!(after, [500, 500, 500, 500, 500, 500, 500, 1000, 2000]);
}

/// A log whose last entry is a marker answers every long poll at once: that must not be asked again and again.
#[test]
fn the_end_behind_markers_is_reached_in_as_many_steps_as_there_are() {
    for markers in 1..20 {
        let mut entries = vec![Entry::Record; 3];
        entries.resize(3 + markers, Entry::Marker);
        let read = read(&Log { entries, ..Log::default() }, Position::new(0));
        assert_eq!(read.offsets, [0, 1, 2]);
        assert!(read.asks <= markers + 3, "{} asks", read.asks);
    }
}

#[test]
fn without_bounds_an_early_answer_is_not_judged_but_a_late_one_is_believed() {
    let mut position = Position::new(0);
    position.judge = false;
    let ask = position.ask(false);
    assert!(!ask.bounds);
    let nothing = Answer::Records(Seen::default());
    assert_eq!(position.answer(ask, nothing, Coming::default()).0, Step::Idle { early: false });
    let ask = position.ask(false);
    assert!(ask.bounds, "so that the end is known");
    position.bounds(0, 0);
    assert_eq!(position.answer(ask, nothing, Coming::default()).0, Step::Idle { early: false });
    let ask = position.ask(false);
    assert!(!ask.bounds, "it is known");
    assert_eq!(position.answer(ask, nothing, Coming { early: true, far: false }).0, Step::Again);
    let ask = position.ask(false);
    assert!(ask.bounds);
    position.bounds(0, 0);
    assert_eq!(
        position.answer(ask, nothing, Coming { early: true, far: false }).0,
        Step::Idle { early: true },
        "a pause is due"
    );
    assert!(position.ask(false).bounds, "and it stays under suspicion");
}
