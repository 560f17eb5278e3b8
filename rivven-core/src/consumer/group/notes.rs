//! What members of a group tell each other by way of the broker.
//!
//! The broker hands everybody's subscriptions to everybody, and a member's
//! assignment to that member, without looking at either. So both carry notes
//! beside the names of topics, which begin with a character that no topic's name may
//! have:
//!
//! - `!ready=4` among the subscriptions: the member reads nothing now, and knows that generation 4 has begun.
//! - `!owned=3:0-2,5:orders`: it read these partitions last, in generation 3.
//! - `!plan` in an assignment, with a generation and a checksum of topics for partitions: the assignment was made in
//!   that generation, for somebody who subscribed to these topics.
//!
//! Clients of other make know nothing of notes, and might take them for topics. They get none, and notes are not sent
//! to a leader of that kind; members that write notes are known by their ids.

use std::fmt::Write;

use super::super::assignor::Subscriber;
use crate::ops::Assignment;

/// What the ids of members begin with that know of notes.
const OURS: &str = "rivven-";
const MARK: char = '!';
const READY: &str = "!ready=";
const OWNED: &str = "!owned=";
const PLAN: &str = "!plan";
/// The broker takes names of up to 256 bytes. Half of that leaves room for the longest topic.
const LONGEST_RANGES: usize = 100;
const LONGEST_NAME: usize = 256;
/// Claims beyond so many are left out, and the partitions may move.
const MOST_CLAIMS: usize = 200;

/// A member as the list of members shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) subscriber: Subscriber,
    /// The last generation of which it said that it reads nothing.
    pub(super) ready_in: Option<u32>,
}

/// The id of a member that knows of notes; `unique` is long and random, and short enough for a name.
pub(super) fn member_id(unique: &str) -> String {
    format!("{OURS}{unique}")
}

pub(super) fn is_ours(id: &str) -> bool {
    id.starts_with(OURS)
}

/// The subscriptions of a member with its notes.
pub(super) fn subscriptions(topics: &[String], ready_in: u32, owned: &Assignment, owned_in: u32) -> Vec<String> {
    let claims = owned.iter().flat_map(|(topic, partitions)| {
        ranges(partitions).into_iter().map(move |ranges| format!("{OWNED}{owned_in}:{ranges}:{topic}"))
    });
    let claims = claims.filter(|claim| claim.len() <= LONGEST_NAME).take(MOST_CLAIMS);
    topics.iter().cloned().chain([format!("{READY}{ready_in}")]).chain(claims).collect()
}

/// Partitions as `0-3,7`, in pieces that are not too long.
fn ranges(partitions: &[u32]) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut rest = partitions.iter().copied().peekable();
    while let Some(first) = rest.next() {
        let mut last = first;
        while let Some(next) = rest.next_if(|next| Some(*next) == last.checked_add(1)) {
            last = next;
        }
        if pieces[pieces.len() - 1].len() > LONGEST_RANGES {
            pieces.push(String::new());
        }
        let place = pieces.len() - 1;
        let piece = &mut pieces[place];
        let comma = if piece.is_empty() { "" } else { "," };
        let written =
            if first == last { write!(piece, "{comma}{first}") } else { write!(piece, "{comma}{first}-{last}") };
        written.expect("a string takes any text");
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

/// A member from its subscriptions; what cannot be read is left out.
pub(super) fn read(id: String, subscriptions: Vec<String>) -> Listed {
    let mut listed = Listed { subscriber: Subscriber { id, ..Subscriber::default() }, ready_in: None };
    for entry in subscriptions {
        if let Some(generation) = entry.strip_prefix(READY) {
            listed.ready_in = generation.parse().ok();
        } else if let Some(claim) = entry.strip_prefix(OWNED) {
            let _ = read_claim(&mut listed.subscriber, claim);
        } else if !entry.starts_with(MARK) {
            listed.subscriber.topics.push(entry);
        }
    }
    listed
}

fn read_claim(subscriber: &mut Subscriber, claim: &str) -> Option<()> {
    let (generation, rest) = claim.split_once(':')?;
    let (ranges, topic) = rest.split_once(':')?;
    subscriber.owned_in = generation.parse().ok()?;
    let mut partitions = Vec::new();
    for range in ranges.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        // A topic has at most 1000 partitions when it is made; nobody makes us count to four billion.
        partitions.extend((first..=last).take(usize::from(u16::MAX)));
    }
    subscriber.owned.push((topic.to_owned(), partitions));
    Some(())
}

/// The note in a member's assignment.
pub(super) fn plan(generation: u32, topics: &[String]) -> (String, Vec<u32>) {
    (PLAN.to_owned(), vec![generation, checksum(topics)])
}

/// Whether an assignment was made in this generation for one who subscribed to these topics.
pub(super) fn is_meant(share: &Assignment, generation: u32, topics: &[String]) -> bool {
    let wanted = [generation, checksum(topics)];
    share.iter().any(|(name, note)| name == PLAN && wanted.iter().all(|number| note.contains(number)))
}

/// Of topics in any order.
fn checksum(topics: &[String]) -> u32 {
    let mut sorted: Vec<_> = topics.iter().collect();
    sorted.sort_unstable();
    let mut hasher = crc32fast::Hasher::new();
    for topic in sorted {
        hasher.update(topic.as_bytes());
        hasher.update(b"\n");
    }
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(of: &[&str]) -> Vec<String> {
        of.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn what_is_written_is_read() {
        let owned = vec![("orders".to_owned(), vec![0, 1, 2, 5]), ("a.b-c_d".to_owned(), vec![7])];
        let written = subscriptions(&names(&["orders", "users"]), 4, &owned, 3);
        assert_eq!(written, ["orders", "users", "!ready=4", "!owned=3:0-2,5:orders", "!owned=3:7:a.b-c_d"]);
        let listed = read("m".to_owned(), written);
        let topics = names(&["orders", "users"]);
        let subscriber = Subscriber { id: "m".to_owned(), topics, owned, owned_in: 3 };
        assert_eq!(listed, Listed { subscriber, ready_in: Some(4) });
    }

    #[test]
    fn long_claims_fit_into_names() {
        let every_other: Vec<u32> = (0..1000).map(|number| number * 2).collect();
        let owned = vec![("t".repeat(100), every_other.clone()), ("t".repeat(250), vec![1])];
        let written = subscriptions(&[], 1, &owned, u32::MAX);
        assert!(written.iter().all(|name| name.len() <= LONGEST_NAME), "{written:?}");
        let read = read(String::new(), written).subscriber.owned;
        assert_eq!(read.into_iter().flat_map(|(_, partitions)| partitions).collect::<Vec<_>>(), every_other);
    }

    #[test]
    fn what_others_write_is_harmless() {
        let odd = names(&[
            "!",
            "!ready=x",
            "!owned=",
            "!owned=1:x:t",
            "!owned=1:5-:t",
            "!new=1",
            "t",
            "!owned=1:0-4294967295:t",
        ]);
        let listed = read("m".to_owned(), odd);
        assert_eq!((listed.subscriber.topics, listed.ready_in), (names(&["t"]), None));
        assert_eq!(listed.subscriber.owned.len(), 1);
    }

    #[test]
    fn an_assignment_is_meant_for_one_generation_and_set_of_topics() {
        let topics = names(&["a", "b"]);
        let share = vec![("a".to_owned(), vec![0]), plan(3, &topics)];
        assert!(is_meant(&share, 3, &names(&["b", "a"])));
        assert!(!is_meant(&share, 4, &topics));
        assert!(!is_meant(&share, 3, &names(&["ab"])));
        assert!(!is_meant(&Assignment::new(), 3, &topics));
    }
}
