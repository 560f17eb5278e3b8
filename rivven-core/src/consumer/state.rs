//! The partitions of a consumer, who reads which, and what waits to be polled: all that is behind its one lock.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::departures::Departures;
use super::fetcher::Slot;
use super::listener::{Key, TopicPartition};
use super::memory::Memory;
use super::partition::{Partition, Progress};
use super::position::Ask;
use super::records::PartitionRecords;
use crate::connection::ServerAddress;
use crate::error::{Detail, Error, ErrorCode, Result};

/// The shortest time between two rounds of partitions that share a connection, for each of them: a hundred requests
/// a second, of which the broker takes ten thousand from one address.
const SHARE: Duration = Duration::from_millis(10);

/// A slot and the partitions that it reads.
struct Reader {
    slot: Arc<Slot>,
    keys: Vec<Key>,
    /// Which of them is next to be waited for.
    turn: usize,
    /// Bytes that are expected of requests under way.
    under_way: usize,
}

/// A request for records of one partition.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) key: Key,
    pub(super) epoch: u64,
    pub(super) ask: Ask,
    /// How long the broker may wait for a first record.
    pub(super) wait: Duration,
}

/// What a slot is to do.
pub(super) enum Work {
    /// Send these, in this order.
    Round(Vec<Request>),
    /// Nothing until then, or until it is woken, or memory becomes free.
    Nothing { until: Option<Instant>, memory: bool },
    /// It has no partition any more.
    End,
}

/// Everything behind the lock.
#[derive(Default)]
pub(super) struct State {
    pub(super) partitions: BTreeMap<Key, Partition>,
    readers: HashMap<u64, Reader>,
    /// Partitions that have something to be polled.
    queue: VecDeque<Key>,
    /// Partitions that have come to an end that is to be told.
    ends: Vec<Key>,
    /// Partitions of which the last poll gave records.
    given: Vec<Key>,
    /// Partitions whose records handlers work on, and whether no further one is to be begun with.
    pub(super) lanes: BTreeMap<Key, bool>,
    /// Why no connection can be made; the next poll says so.
    pub(super) failure: Option<Error>,
    /// Why subscribed topics are not known.
    pub(super) missing: Option<Error>,
    /// What the broker refuses to a member of the group.
    pub(super) group_trouble: Option<Error>,
    /// Told of what may concern records that somebody has in hand.
    pub(super) departures: Arc<Departures>,
    last_epoch: u64,
    last_slot: u64,
}

impl State {
    fn epoch(&mut self) -> u64 {
        self.last_epoch += 1;
        self.last_epoch
    }

    /// The partition, if it is assigned.
    pub(super) fn find(&mut self, key: &Key) -> Result<&mut Partition> {
        self.partitions.get_mut(key).ok_or_else(|| not_assigned(key))
    }

    /// The partition, if it still is what it was under an epoch.
    pub(super) fn current(&mut self, key: &Key, epoch: u64) -> Option<&mut Partition> {
        self.partitions.get_mut(key).filter(|partition| partition.epoch == epoch)
    }

    /// The partition, unless the program has gone elsewhere since it was on a course.
    fn on_course(&mut self, key: &Key, course: u64) -> Option<&mut Partition> {
        self.partitions.get_mut(key).filter(|partition| partition.course == course)
    }

    /// Whether records that were taken of a partition on a course are still to be given.
    pub(super) fn gives(&self, key: &Key, course: u64) -> bool {
        let partition = self.partitions.get(key).filter(|partition| partition.course == course);
        partition.is_some_and(|partition| !partition.is_withheld())
    }

    /// Gives no records of other topics than these.
    pub(super) fn want(&mut self, topics: &[String]) {
        for partition in self.partitions.values_mut() {
            partition.unwanted = topics.iter().all(|topic| **topic != *partition.key.topic);
        }
        let keys: Vec<Key> = self.partitions.keys().cloned().collect();
        keys.iter().for_each(|key| self.enqueue(key));
        self.departures.note();
    }

    /// Takes partitions on; those that are there already stay as they are. Gives the new ones with their epochs.
    pub(super) fn assign(&mut self, keys: &[Key]) -> Vec<(Key, u64)> {
        let mut new = Vec::new();
        for key in keys {
            if let Some(partition) = self.partitions.get_mut(key) {
                partition.unwanted = false;
                self.enqueue(key);
            } else {
                let epoch = self.epoch();
                self.partitions.insert(key.clone(), Partition::new(key.clone(), epoch));
                new.push((key.clone(), epoch));
            }
        }
        new
    }

    /// Lets all partitions go.
    pub(super) fn clear(&mut self) {
        let keys: Vec<Key> = self.partitions.keys().cloned().collect();
        self.remove(&keys);
    }

    /// Lets partitions go, with what has arrived of them.
    pub(super) fn remove(&mut self, keys: &[Key]) {
        for key in keys {
            let Some(partition) = self.partitions.remove(key) else { continue };
            if let Some(reader) = self.readers.get_mut(&partition.slot) {
                reader.keys.retain(|other| other != key);
                reader.slot.wake();
            }
        }
        self.departures.note();
        self.queue.retain(|key| !keys.contains(key));
        self.ends.retain(|key| !keys.contains(key));
        self.given.retain(|key| !keys.contains(key));
    }

    /// Goes on reading a partition at another offset, because the program says so.
    pub(super) fn seek(&mut self, key: &Key, at: u64) -> Result<()> {
        let epoch = self.epoch();
        let partition = self.find(key)?;
        partition.depart(epoch, at);
        partition.offsets().seek(at);
        self.departures.note();
        self.dequeue(key);
        self.wake_reader_of(key);
        Ok(())
    }

    /// Begins reading a partition, if it still is what it was under an epoch.
    pub(super) fn begin(&mut self, key: &Key, epoch: u64, at: u64, committed: Option<u64>) -> bool {
        let new = self.epoch();
        let Some(partition) = self.current(key, epoch) else { return false };
        partition.depart(new, at);
        partition.offsets().begin(at, committed);
        self.wake_reader_of(key);
        true
    }

    /// Stops reading a partition on a course at an offset, for a reason that only the program can remove.
    pub(super) fn halt(&mut self, key: &Key, course: u64, at: u64, error: Error) {
        let epoch = self.epoch();
        if let Some(partition) = self.on_course(key, course) {
            partition.halt(epoch, at, error);
            self.dequeue(key);
        }
    }

    /// Reads a partition on a course again from an offset that was taken and not given.
    pub(super) fn go_back(&mut self, key: &Key, course: u64, at: u64) {
        let epoch = self.epoch();
        if self.on_course(key, course).is_some_and(|partition| partition.rewind(epoch, at)) {
            self.dequeue(key);
            self.wake_reader_of(key);
        }
    }

    /// Stops reading a partition at an offset behind what has arrived, which is given first.
    pub(super) fn halt_behind(&mut self, key: &Key, at: u64, error: Error) {
        match self.partitions.get_mut(key) {
            Some(partition) if partition.has_records() => partition.halt_behind(error),
            Some(&mut Partition { course, .. }) => self.halt(key, course, at, error),
            None => {}
        }
    }

    fn dequeue(&mut self, key: &Key) {
        self.queue.retain(|queued| queued != key);
        self.partitions.get_mut(key).into_iter().for_each(|partition| partition.queued = false);
    }

    /// Stops or goes on giving and asking for records of a partition.
    pub(super) fn set_paused(&mut self, key: &Key, paused: bool) -> Result<()> {
        self.find(key)?.set_paused(paused);
        if paused {
            self.departures.note();
            self.dequeue(key);
        } else {
            self.enqueue(key);
            self.wake_reader_of(key);
        }
        Ok(())
    }

    pub(super) fn wake_reader_of(&self, key: &Key) {
        let slot = self.partitions.get(key).and_then(|partition| self.readers.get(&partition.slot));
        slot.into_iter().for_each(|reader| reader.slot.wake());
    }

    /// Lets partitions be read: each by the least busy slot of its leader, or a new one while there may be more.
    ///
    /// Gives the slots that have to be started.
    pub(super) fn place(
        &mut self,
        leader_of: impl Fn(&Key) -> Option<ServerAddress>,
        max_slots: impl Fn(&Option<ServerAddress>) -> usize,
    ) -> Vec<Arc<Slot>> {
        let mut started = Vec::new();
        let keys: Vec<Key> = self.partitions.keys().cloned().collect();
        for key in keys {
            let current = self.partitions.get(&key).and_then(|partition| self.readers.get(&partition.slot));
            let destination = leader_of(&key).or_else(|| current.and_then(|reader| reader.slot.destination.clone()));
            let of_leader = |reader: &&Reader| reader.slot.destination == destination;
            let load = current.filter(|reader| of_leader(reader)).map(|reader| reader.keys.len());
            let slots = self.readers.values().filter(of_leader).count();
            let best = self.readers.values().filter(of_leader).min_by_key(|reader| (reader.keys.len(), reader.slot.id));
            let better = match (load, best) {
                (Some(load), Some(best)) if best.keys.len() + 1 < load => Some(best.slot.id),
                (Some(load), _) if load > 1 && slots < max_slots(&destination) => None,
                (Some(_), _) => continue,
                (None, best) if slots >= max_slots(&destination).max(1) => best.map(|best| best.slot.id),
                (None, _) => None,
            };
            let slot = better.unwrap_or_else(|| {
                self.last_slot += 1;
                let slot = Arc::new(Slot::new(self.last_slot, destination.clone()));
                started.push(Arc::clone(&slot));
                self.readers.insert(slot.id, Reader { slot, keys: Vec::new(), turn: 0, under_way: 0 });
                self.last_slot
            });
            self.move_to(&key, slot);
        }
        started
    }

    fn move_to(&mut self, key: &Key, slot: u64) {
        let Some(partition) = self.partitions.get_mut(key) else { return };
        let before = std::mem::replace(&mut partition.slot, slot);
        if let Some(reader) = self.readers.get_mut(&before) {
            reader.keys.retain(|other| other != key);
            reader.slot.wake();
        }
        if let Some(reader) = self.readers.get_mut(&slot) {
            reader.keys.push(key.clone());
            reader.slot.wake();
        }
    }

    /// Gives the partitions of a slot that gets no connection to others of the same leader; how many those are.
    pub(super) fn fold(&mut self, slot: &Slot) -> Option<usize> {
        let others = self.readers.values().filter(|reader| reader.slot.id != slot.id);
        let others: Vec<u64> =
            others.filter(|reader| reader.slot.destination == slot.destination).map(|reader| reader.slot.id).collect();
        let keys = self.readers.get(&slot.id).map(|reader| reader.keys.clone()).filter(|_| !others.is_empty())?;
        for (key, other) in keys.iter().zip(others.iter().cycle()) {
            self.move_to(key, *other);
        }
        Some(others.len())
    }

    /// Whether a slot would ask for something now, if it had a connection.
    pub(super) fn has_work(&self, slot: u64, now: Instant) -> bool {
        let Some(reader) = self.readers.get(&slot) else { return false };
        reader.keys.iter().filter_map(|key| self.partitions.get(key)).any(|partition| partition.is_due(now).is_ok())
    }

    /// What a slot is to ask for now; where memory is short, paused partitions leave theirs to others.
    pub(super) fn work(&mut self, slot: u64, now: Instant, max_wait: Duration, memory: &Memory) -> Work {
        let under_way: usize = self.readers.values().map(|reader| reader.under_way).sum();
        let Some(reader) = self.readers.get_mut(&slot) else { return Work::End };
        if reader.keys.is_empty() {
            self.readers.remove(&slot);
            return Work::End;
        }
        reader.turn = (reader.turn + 1) % reader.keys.len();
        let (before, after) = reader.keys.split_at(reader.turn);
        let (mut requests, mut until, mut short, mut all_idle) = (Vec::new(), None::<Instant>, false, true);
        let (mut active, mut expected, mut full) = (0, 0, false);
        for key in after.iter().chain(before) {
            let Some(partition) = self.partitions.get_mut(key) else { continue };
            active += u32::from(partition.is_active());
            full |= partition.is_active() && partition.is_full();
            match partition.is_due(now) {
                Ok(()) => {}
                Err(moment) => {
                    until = until.into_iter().chain(moment).min();
                    continue;
                }
            }
            if !memory.admits(partition.expected_bytes(memory.limit()), under_way + expected) {
                short = true;
                continue;
            }
            all_idle &= partition.is_idle();
            let (epoch, bytes) = (partition.epoch, partition.expected_bytes(memory.limit()));
            let Some(ask) = partition.ask(now) else { continue };
            expected += bytes;
            requests.push(Request { key: key.clone(), epoch, ask, wait: Duration::ZERO });
        }
        // The one that is waited for comes last: what is asked behind it would wait, too.
        let alone = requests.len() == 1;
        if let Some(last) = requests.last_mut().filter(|_| alone || all_idle) {
            let share = SHARE * active;
            last.wait = match active {
                0 | 1 => max_wait,
                // The program may soon have room for more of that one.
                _ if full => share.min(max_wait),
                _ => (max_wait / active).max(share).min(max_wait),
            };
        }
        reader.under_way = expected;
        if short {
            self.partitions.values_mut().for_each(Partition::make_room);
        }
        if requests.is_empty() { Work::Nothing { until, memory: short } } else { Work::Round(requests) }
    }

    /// A round of a slot has ended; what has no answer by now will get none. Whether memory was set aside for it.
    pub(super) fn end_round(&mut self, slot: u64, unanswered: &[Request]) -> bool {
        for request in unanswered {
            if let Some(partition) = self.current(&request.key, request.epoch) {
                partition.unanswered();
            }
            self.handed_on(slot, &request.key);
        }
        let reader = self.readers.get_mut(&slot);
        reader.is_some_and(|reader| std::mem::take(&mut reader.under_way) > 0)
    }

    /// A request of a slot has ended: if its partition is another's by now, that one may go on.
    ///
    /// It was woken when it got the partition, and found the request still under way.
    pub(super) fn handed_on(&self, slot: u64, key: &Key) {
        if self.partitions.get(key).is_some_and(|partition| partition.slot != slot) {
            self.wake_reader_of(key);
        }
    }

    /// Whether all that a slot still waits for is of no use any more, while there is something else to ask for.
    pub(super) fn waits_in_vain(&mut self, slot: u64, outstanding: &[Request], now: Instant) -> bool {
        outstanding.iter().all(|request| self.current(&request.key, request.epoch).is_none())
            && self.has_work(slot, now)
    }

    /// Puts a partition into the queue of those that have something to be polled.
    pub(super) fn enqueue(&mut self, key: &Key) {
        let Some(partition) = self.partitions.get_mut(key) else { return };
        if partition.has_records() && !partition.is_withheld() && !std::mem::replace(&mut partition.queued, true) {
            self.queue.push_back(key.clone());
        }
    }

    /// Notes that a partition may have come to an end that is to be told.
    pub(super) fn may_have_ended(&mut self, key: &Key) {
        if !self.ends.contains(key) {
            self.ends.push(key.clone());
        }
    }

    /// The program asks for more: it is done with what the last poll gave.
    pub(super) fn all_processed(&mut self) {
        for key in std::mem::take(&mut self.given) {
            self.partitions.get_mut(&key).into_iter().for_each(|partition| partition.offsets().all_processed());
        }
    }

    /// Takes records that wait, of each partition its share.
    pub(super) fn take(&mut self, max: usize) -> Vec<PartitionRecords> {
        let mut parts = Vec::new();
        let mut left = max;
        let mut share = (max / self.queue.len().max(1)).max(1);
        let mut turns = self.queue.len();
        while left > 0 {
            if turns == 0 {
                (turns, share) = (self.queue.len(), left);
            }
            turns = turns.saturating_sub(1);
            let Some(key) = self.queue.pop_front() else { break };
            let Some(partition) = self.partitions.get_mut(&key) else { continue };
            partition.queued = false;
            if partition.is_withheld() || self.lanes.contains_key(&key) {
                continue;
            }
            let was_full = partition.is_full();
            let Some(part) = partition.take(share.min(left)) else { continue };
            let has_room = was_full && !partition.is_full();
            left -= part.len();
            parts.push(part);
            if has_room {
                self.wake_reader_of(&key);
            }
            self.enqueue(&key);
            if !self.given.contains(&key) {
                self.given.push(key);
            }
        }
        parts
    }

    /// Leaves out what was taken of partitions that are gone, or where the program has gone elsewhere since; whether
    /// there was any.
    pub(super) fn leave_out_abandoned(&mut self, parts: &mut Vec<PartitionRecords>) -> bool {
        let taken = parts.len();
        parts.retain(|part| self.on_course(&part.key(), part.course()).is_some());
        parts.len() < taken
    }

    /// What was taken is the program's now: until then none of it was to be committed.
    pub(super) fn handed_over(&mut self, parts: &[PartitionRecords]) {
        for part in parts {
            self.on_course(&part.key(), part.course()).into_iter().for_each(Partition::handed_over);
        }
    }

    /// Takes what the last poll gave away from it, for a stream that gives it one by one.
    ///
    /// Each part comes with its progress, which says nothing where the program has gone elsewhere meanwhile.
    pub(super) fn stream(&mut self, parts: &[PartitionRecords]) -> Vec<Arc<Progress>> {
        let mut progress = |part: &PartitionRecords| {
            let (key, from) = (part.key(), part.first_offset().unwrap_or_default());
            let Some(partition) = self.on_course(&key, part.course()) else { return Progress::at(from) };
            let progress = partition.stream(from);
            self.given.retain(|given| *given != key);
            progress
        };
        parts.iter().map(&mut progress).collect()
    }

    /// A stream that took records under a course ends; from this offset on it has not given them, so they are given back.
    ///
    /// With those that it has given the program is done when it asks for more.
    pub(super) fn let_go(&mut self, key: &Key, course: u64, progress: &Arc<Progress>, from: Option<u64>) {
        let epoch = self.epoch();
        let Some(partition) = self.on_course(key, course) else { return };
        partition.end(progress);
        let rewound = from.is_some_and(|from| partition.rewind(epoch, from));
        if !self.given.contains(key) {
            self.given.push(key.clone());
        }
        if rewound {
            self.dequeue(key);
            self.wake_reader_of(key);
        }
    }

    /// The program has all that a stream took of a partition, and is done with it when it asks for more.
    pub(super) fn hand_out(&mut self, key: &Key, progress: &Arc<Progress>, next: u64) {
        let handed_out = self.partitions.get_mut(key).is_some_and(|partition| partition.hand_out(progress, next));
        if handed_out && !self.given.contains(key) {
            self.given.push(key.clone());
        }
    }

    /// The partitions that have come to their end, each end once.
    pub(super) fn take_ended(&mut self) -> Vec<TopicPartition> {
        let mut ended = Vec::new();
        let partitions = &mut self.partitions;
        self.ends.retain(|key| {
            let Some(partition) = partitions.get_mut(key).filter(|partition| !partition.has_records()) else {
                return partitions.contains_key(key);
            };
            if partition.tell_end() {
                ended.push(TopicPartition::from(key));
            }
            false
        });
        ended
    }

    /// Whether the next poll fails, whatever waits to be polled.
    pub(super) fn is_in_trouble(&self) -> bool {
        self.failure.is_some() || self.partitions.values().any(Partition::is_to_tell)
    }

    /// Why nothing comes, if a partition has a reason that was not told yet; or any reason, at the end of a poll.
    pub(super) fn trouble(&mut self, repeated: bool) -> Option<Error> {
        let mut partitions = self.partitions.values_mut().filter(|partition| repeated || partition.is_to_tell());
        match partitions.find_map(|partition| partition.trouble.as_mut()) {
            Some(trouble) => {
                trouble.told = true;
                Some(trouble.error.clone())
            }
            None => self.missing.clone().or_else(|| self.group_trouble.clone()).filter(|_| repeated),
        }
    }

    /// The bytes of the answers that wait to be polled.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.partitions.values().map(Partition::waiting_bytes).sum()
    }

    /// The bytes of those that are next to be polled and may have to be decompressed.
    pub(super) fn waiting_framed_bytes(&self) -> usize {
        let partitions = self.queue.iter().filter_map(|key| self.partitions.get(key));
        partitions.map(Partition::waiting_framed_bytes).sum()
    }

    /// Whether partitions want to be read that wait for nothing but memory.
    pub(super) fn wants_memory(&self, now: Instant, memory: &Memory) -> bool {
        let mut due = self.partitions.values().filter(|partition| partition.is_due(now).is_ok()).peekable();
        due.peek().is_some() && due.all(|partition| !memory.admits(partition.expected_bytes(memory.limit()), 0))
    }
}

/// The error of a call for a partition that the consumer does not have.
pub(super) fn not_assigned(key: &Key) -> Error {
    let text = format!("{key} is not assigned to the consumer: assign it, or wait until the group gives it");
    Error::Misuse(Detail::new(text).with_code(ErrorCode::NotAssigned))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::compression::Decompression;
    use crate::consumer::partition::Arrived;
    use crate::consumer::position::Coming;
    use crate::consumer::records::gather;
    use crate::protocol::{MessageData, Response};

    /// A partition of which these offsets wait to be polled.
    fn read(offsets: std::ops::Range<u64>) -> (State, Key) {
        let (mut state, key) = (State::default(), Key::new("t", 0));
        let epoch = state.assign(std::slice::from_ref(&key))[0].1;
        state.begin(&key, epoch, offsets.start, None);
        answer(&mut state, &key, offsets);
        (state, key)
    }

    /// The next answer of a partition comes, with these offsets.
    fn answer(state: &mut State, key: &Key, offsets: std::ops::Range<u64>) {
        let (value, now, number) = (Bytes::from_static(b"v"), Instant::now(), key.partition);
        let message = |offset| {
            let (value, headers) = (value.clone(), Vec::new());
            MessageData { offset, partition: number, key: None, value, timestamp: 0, headers }
        };
        let messages = offsets.clone().map(message).collect();
        let answer = Response::Messages { messages }.encode();
        let (frame, seen) = gather(&answer, number, offsets.start, Decompression::Auto).unwrap().unwrap();
        let partition = state.find(key).unwrap();
        let ask = partition.ask(now).unwrap();
        if ask.bounds {
            partition.bounds(0, offsets.end);
        }
        partition.answered(ask, Arrived::Records(frame, seen), Coming::default(), now);
        state.enqueue(key);
    }

    fn places(state: &mut State, key: &Key) -> (Option<u64>, Option<u64>, bool) {
        let in_trouble = state.is_in_trouble();
        let partition = state.find(key).unwrap();
        (partition.offsets().position(), partition.next(), in_trouble)
    }

    /// A poll that took records decompresses them, and may be told late where the program has them.
    #[test]
    fn what_is_noted_of_records_after_a_seek_does_not_undo_it() {
        let error = || not_assigned(&Key::new("t", 0));
        for sought in [false, true] {
            let noted = |note: fn(&mut State, &Key, &[PartitionRecords], Error)| {
                let (mut state, key) = read(0..4);
                let parts = state.take(4);
                if sought {
                    state.seek(&key, 9).unwrap();
                }
                note(&mut state, &key, &parts, error());
                places(&mut state, &key)
            };
            let halted = noted(|state, key, parts, error| state.halt(key, parts[0].course(), 2, error));
            let gone_back = noted(|state, key, parts, _| state.go_back(key, parts[0].course(), 1));
            let streamed = noted(|state, _, parts, _| drop(state.stream(parts)));
            let expected = match sought {
                false => [(Some(2), Some(2), true), (Some(1), Some(1), false), (Some(0), Some(4), false)],
                true => [(Some(9), Some(9), false); 3],
            };
            assert_eq!([halted, gone_back, streamed], expected);
        }
    }

    #[test]
    fn what_is_being_taken_is_not_committed_before_the_program_has_it() {
        let (mut state, key) = read(3..7);
        let parts = state.take(2);
        let commits = |state: &mut State| {
            let offsets = state.find(&key).unwrap().offsets();
            offsets.all_processed();
            (offsets.to_commit(), offsets.to_auto_commit())
        };
        assert_eq!(commits(&mut state), (Some(3), Some(3)));
        state.handed_over(&parts);
        assert_eq!(commits(&mut state), (Some(5), Some(5)));
    }

    /// The broker lets a request wait, and whatever is asked behind it.
    #[test]
    fn a_wait_is_short_where_another_partition_may_have_room_soon() {
        let (mut state, full) = read(0..4);
        let (now, memory, idle) = (Instant::now(), Memory::new(1 << 20), Key::new("t", 1));
        let epoch = state.assign(std::slice::from_ref(&idle))[0].1;
        state.begin(&idle, epoch, 0, None);
        let slot = state.place(|_| None, |_| 1)[0].id;
        let wait = |state: &mut State| match state.work(slot, now, Duration::from_secs(1), &memory) {
            Work::Round(requests) => {
                let waits = requests.iter().map(|request| (request.key.partition, request.wait)).collect::<Vec<_>>();
                state.end_round(slot, &requests);
                waits
            }
            _ => Vec::new(),
        };
        assert_eq!(wait(&mut state).iter().map(|(_, wait)| *wait).max(), Some(Duration::ZERO), "one is not idle");
        answer(&mut state, &full, 4..8);
        answer(&mut state, &idle, 0..0);
        assert_eq!(wait(&mut state), [(1, 2 * SHARE)]);
    }

    #[test]
    fn what_was_taken_before_a_seek_or_of_a_partition_that_is_gone_is_left_out() {
        let left = |meanwhile: fn(&mut State, &Key)| {
            let (mut state, key) = read(0..4);
            let mut parts = state.take(4);
            meanwhile(&mut state, &key);
            (state.leave_out_abandoned(&mut parts), parts.len())
        };
        assert_eq!(left(|_, _| ()), (false, 1));
        assert_eq!(left(|state, key| state.seek(key, 2).unwrap()), (true, 0));
        assert_eq!(left(|state, _| state.clear()), (true, 0));
    }
}
