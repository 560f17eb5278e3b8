//! Schedules made from a seed each: connections that are cut, a broker that restarts, and what must hold.

use std::env;
use std::panic::catch_unwind;

use super::model::{Broker, Record};
use super::world::{Item, Partition, World};
use super::{Cause, Delivered, Failure};
use crate::error::Outcome;

/// Runs one schedule only.
const SEED: &str = "RIVVEN_SEQUENCE_SEED";
/// Runs so many schedules instead of the usual number.
const SCHEDULES: &str = "RIVVEN_SEQUENCE_SCHEDULES";
const USUAL: u64 = 100_000;

/// What the schedules led to, to show that they reach every corner.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) schedules: u64,
    pub(super) exact: u64,
    pub(super) duplicates: u64,
    pub(super) maybe_duplicates: u64,
    pub(super) stored_twice: u64,
    pub(super) refused: u64,
    pub(super) given_up: u64,
    pub(super) identity_lost: u64,
    pub(super) fenced: u64,
    pub(super) unknown: u64,
    pub(super) resent: u64,
    pub(super) framed_again: u64,
    pub(super) records_alone: u64,
    pub(super) adopted: u64,
}

fn check(partitions: &[Partition], broker: &Broker, seen: &mut Seen) {
    seen.schedules += 1;
    for partition in partitions {
        assert!(partition.sequence.is_idempotent(), "everything is settled");
        let log = &broker.logs[partition.topic][partition.number];
        for item in &partition.items {
            match item.result.expect("settled") {
                Ok(delivered) => check_delivered(log, item, delivered, seen),
                Err(failure) => check_failed(log, item, failure, seen),
            }
        }
        check_order(log, partition);
    }
}

fn times(log: &[Record], record: Record) -> usize {
    log.iter().filter(|stored| **stored == record).count()
}

fn check_delivered(log: &[Record], item: &Item, delivered: Delivered, seen: &mut Seen) {
    let Delivered { offset, duplicate, maybe_duplicate } = delivered;
    for record in item.first..item.first + item.count {
        let times = times(log, record);
        assert!(times > 0, "record {record} was acknowledged and is not stored: {item:?}");
        assert!(times == 1 || maybe_duplicate, "record {record} is stored {times} times: {item:?}");
        seen.stored_twice += u64::from(times > 1);
    }
    if let Some(offset) = offset {
        assert_eq!(log[offset as usize], item.first, "{item:?}");
    }
    seen.exact += u64::from(offset.is_some());
    seen.duplicates += u64::from(duplicate);
    seen.maybe_duplicates += u64::from(maybe_duplicate);
}

fn check_failed(log: &[Record], item: &Item, failure: Failure, seen: &mut Seen) {
    if failure.outcome != Outcome::Unknown {
        let stored = (item.first..item.first + item.count).any(|record| times(log, record) > 0);
        assert!(!stored, "not executed, and yet stored: {item:?}");
    }
    seen.unknown += u64::from(failure.outcome == Outcome::Unknown);
    *match failure.cause {
        Cause::Refused => &mut seen.refused,
        Cause::GivenUp => &mut seen.given_up,
        Cause::IdentityLost => &mut seen.identity_lost,
        Cause::Fenced => &mut seen.fenced,
    } += 1;
}

/// What was delivered lies in the order of sending, by the first place of each record and by the last.
fn check_order(log: &[Record], partition: &Partition) {
    let delivered = || partition.items.iter().filter(|item| matches!(item.result, Some(Ok(_))));
    let records = || delivered().flat_map(|item| item.first..item.first + item.count);
    let firsts = records().map(|record| log.iter().position(|stored| *stored == record));
    assert!(firsts.is_sorted(), "out of order: {log:?} {partition:#?}");
    let lasts = records().map(|record| log.iter().rposition(|stored| *stored == record));
    assert!(lasts.is_sorted(), "out of order: {log:?} {partition:#?}");
}

/// Tells the seed of a schedule that fails.
struct Announcement(u64);

impl Drop for Announcement {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let seed = self.0;
            let test = "producer::sequence::schedule::any_schedule_keeps_the_promises";
            eprintln!("seed {seed} fails; to repeat it: {SEED}={seed} cargo test -p rivven-client --lib {test}");
        }
    }
}

fn run(seed: u64, waits: bool, seen: &mut Seen) {
    let mut world = World::new(seed, waits, seen);
    world.run();
    check(&world.partitions, &world.broker, world.seen);
}

fn variable(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text:?}")))
}

/// Whatever is lost, delayed, refused, restarted and given up: what was
/// acknowledged is stored, in order, once unless that was said; exact offsets
/// are exact, what was not executed is not stored, no number is given twice,
/// and everything is settled.
#[test]
fn any_schedule_keeps_the_promises() {
    let mut seen = Seen::default();
    let seeds = match variable(SEED) {
        Some(seed) => seed..seed + 1,
        None => 0..variable(SCHEDULES).unwrap_or(USUAL),
    };
    for seed in seeds {
        let _announcement = Announcement(seed);
        run(seed, true, &mut seen);
    }
    if seen.schedules >= USUAL {
        seen.everything();
    }
}

/// What the schedules show rests on the sender's pause, and they would show if it were too short.
#[test]
fn a_sender_that_does_not_wait_for_the_old_connection_is_found_out() {
    let breaks = |seed| catch_unwind(|| run(seed, false, &mut Seen::default())).is_err();
    assert!((0..20_000).any(breaks));
}

impl Seen {
    /// Asserts that every counter counted.
    fn everything(&self) {
        let text = format!("{self:?}");
        println!("{text}");
        assert!(!text.contains(": 0,") && !text.contains(": 0 "), "the schedules miss something: {text}");
    }
}
