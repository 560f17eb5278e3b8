//! One assigned partition: where it is read, and what has arrived of it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::listener::Key;
use super::offsets::Offsets;
use super::position::{Answer, Ask, Coming, Notice, Position, Seen, Step};
use super::records::{Frame, PartitionRecords};
use super::stats::PartitionStats;
use crate::error::{Error, ErrorCode};

/// How many answers may wait to be polled; while the program works on one, the next is there and another on its way.
const MAX_FRAMES: usize = 2;

/// How large a first answer is expected to be: without any expectation all partitions would be asked at once,
/// however many there are.
const FIRST_BYTES: usize = 256 * 1024;

/// How old the knowledge of the log's end may become before it is asked for with the records.
const BOUNDS_AGE: Duration = Duration::from_secs(5);

/// The shortest and the longest pause of a partition that the broker throttles, or answers for nothing.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// An answer, or what is left of it.
struct Chunk {
    frame: Arc<Frame>,
    from: usize,
}

impl Chunk {
    fn left(&self) -> usize {
        self.frame.records.len() - self.from
    }

    fn bytes(&self) -> usize {
        self.frame.records.payload().len()
    }

    fn next_offset(&self) -> Option<u64> {
        self.frame.records.get(self.from).map(|record| record.offset)
    }
}

/// Why nothing can be read.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    pub(super) error: Error,
    /// Whether a poll has said it already.
    pub(super) told: bool,
    /// Whether only the program can end it, by another position.
    pub(super) halting: bool,
}

/// One assigned partition.
pub(super) struct Partition {
    pub(super) key: Key,
    /// Which assignment and position this is: what was asked for under another one is thrown away.
    pub(super) epoch: u64,
    /// Which assignment this is: what was read under another one is not committed.
    pub(super) assignment: u64,
    /// Since when it is read on without the program having gone elsewhere: what was taken before is not given back.
    pub(super) course: u64,
    /// Up to where records were taken.
    taken: u64,
    /// The number of the slot that reads it.
    pub(super) slot: u64,
    offsets: Offsets,
    pub(super) trouble: Option<Trouble>,
    /// What to read next; `None` until it is known where reading begins.
    position: Option<Position>,
    chunks: VecDeque<Chunk>,
    /// Whether it stands in the queue of those that have something to be polled.
    pub(super) queued: bool,
    paused: bool,
    /// Whether the program does not want its topic any more, and the group does not know yet.
    pub(super) unwanted: bool,
    /// From where records were taken that the program does not have yet.
    taking: Option<u64>,
    under_way: bool,
    /// Whether nothing came the last time.
    idle: bool,
    not_before: Option<Instant>,
    pauses: u32,
    bounds_at: Option<Instant>,
    /// The size of the last answer; less and less once nothing more comes.
    last_bytes: Option<usize>,
    /// The end that was told last.
    end_told: Option<u64>,
    /// When there was progress, or no reason for any.
    moved_at: Instant,
    /// How many limits were over when a stall was told last.
    stall_told: u64,
    /// How far the program has come with the records of a stream.
    progress: Option<Arc<Progress>>,
    /// The same of streams that had records before others were taken, as long as they have some.
    behind: Vec<Arc<Progress>>,
}

impl Partition {
    pub(super) fn new(key: Key, epoch: u64) -> Self {
        Partition {
            key,
            epoch,
            assignment: epoch,
            course: epoch,
            taken: 0,
            slot: 0,
            offsets: Offsets::default(),
            trouble: None,
            position: None,
            chunks: VecDeque::new(),
            queued: false,
            paused: false,
            unwanted: false,
            taking: None,
            under_way: false,
            idle: false,
            not_before: None,
            pauses: 0,
            bounds_at: None,
            last_bytes: None,
            end_told: None,
            moved_at: Instant::now(),
            stall_told: 0,
            progress: None,
            behind: Vec::new(),
        }
    }

    /// Goes on at another offset, under another epoch; what has arrived is dropped.
    fn restart(&mut self, epoch: u64, at: u64) {
        (self.epoch, self.taken) = (epoch, at);
        self.position = Some(Position::new(at));
        self.chunks.clear();
        self.trouble = None;
        self.under_way = false;
        self.idle = false;
        self.not_before = None;
        self.pauses = 0;
        self.end_told = None;
        self.progress = None;
        self.moved_at = Instant::now();
    }

    /// The same because the program, or what is committed, says so: what was taken before matters no more.
    pub(super) fn depart(&mut self, epoch: u64, at: u64) {
        self.restart(epoch, at);
        (self.course, self.taking) = (epoch, None);
        self.behind.clear();
    }

    /// Reading stops at an offset, for a reason that only the program can remove.
    pub(super) fn halt(&mut self, epoch: u64, at: u64, error: Error) {
        self.end_stream();
        self.restart(epoch, at);
        self.offsets.hand_out(at);
        self.halt_behind(error);
    }

    /// The same behind what waits to be polled.
    pub(super) fn halt_behind(&mut self, error: Error) {
        self.trouble = Some(Trouble { error, told: false, halting: true });
    }

    /// Whether nothing more comes of it, for a reason that was not told yet.
    pub(super) fn is_to_tell(&self) -> bool {
        self.chunks.is_empty() && self.trouble.as_ref().is_some_and(|trouble| trouble.halting && !trouble.told)
    }

    /// Whether it is known where to read.
    pub(super) fn has_begun(&self) -> bool {
        self.position.is_some()
    }

    pub(super) fn set_paused(&mut self, paused: bool) {
        self.paused = paused;
        self.moved_at = Instant::now();
    }

    pub(super) fn is_paused(&self) -> bool {
        self.paused
    }

    /// Whether what waits of it is not given at present.
    pub(super) fn is_withheld(&self) -> bool {
        self.paused || self.unwanted
    }

    /// Whether nothing came the last time.
    pub(super) fn is_idle(&self) -> bool {
        self.idle
    }

    /// Whether it is read at all at present.
    pub(super) fn is_active(&self) -> bool {
        let halted = self.trouble.as_ref().is_some_and(|trouble| trouble.halting);
        self.position.is_some() && !self.paused && !halted
    }

    /// Whether it may be asked for more, as far as this partition is concerned; or else from when on.
    pub(super) fn is_due(&self, now: Instant) -> Result<(), Option<Instant>> {
        if !self.is_active() || self.under_way || self.is_full() {
            return Err(None);
        }
        match self.not_before {
            Some(moment) if moment > now => Err(Some(moment)),
            _ => Ok(()),
        }
    }

    /// Whether enough waits to be polled.
    pub(super) fn is_full(&self) -> bool {
        self.chunks.len() >= MAX_FRAMES
    }

    /// How large the next answer is expected to be, where there is so much memory for all.
    pub(super) fn expected_bytes(&self, limit: usize) -> usize {
        self.last_bytes.unwrap_or(FIRST_BYTES.min(limit / 8))
    }

    /// The next request.
    pub(super) fn ask(&mut self, now: Instant) -> Option<Ask> {
        let judge = self.bounds_at.is_none_or(|at| now >= at + BOUNDS_AGE);
        let ask = self.position.as_mut()?.ask(judge);
        if ask.bounds {
            self.bounds_at = Some(now);
        }
        self.under_way = true;
        Some(ask)
    }

    /// The bounds of the log came, which were asked for before the records.
    pub(super) fn bounds(&mut self, earliest: u64, latest: u64) -> Option<Notice> {
        self.position.as_mut()?.bounds(earliest, latest)
    }

    /// An answer came.
    pub(super) fn answered(&mut self, ask: Ask, answer: Arrived, coming: Coming, now: Instant) -> Option<Notice> {
        let position = self.position.as_mut()?;
        let (frame, answer) = match answer {
            Arrived::Records(frame, seen) => (Some(frame), Answer::Records(seen)),
            Arrived::TooLarge => (None, Answer::TooLarge),
        };
        let (step, notice) = position.answer(ask, answer, coming);
        self.under_way = false;
        self.trouble = None;
        match step {
            Step::Deliver => {
                if let Some(frame) = frame {
                    self.last_bytes = Some(frame.records.payload().len() + frame.records.index_size());
                    self.chunks.push_back(Chunk { frame: Arc::new(frame), from: 0 });
                }
                (self.idle, self.pauses, self.not_before) = (false, 0, None);
                self.moved_at = now;
            }
            Step::Again => self.idle = false,
            Step::Idle { early } => {
                self.idle = true;
                // What ends the wait of a partition at its end is small as a rule, and others need the memory.
                self.last_bytes = Some(self.last_bytes.unwrap_or_default() / 4);
                if early {
                    self.pause(Duration::ZERO, now);
                } else {
                    (self.pauses, self.not_before) = (0, None);
                }
                self.moved_at = now;
            }
            Step::Unreadable => {}
        }
        notice
    }

    /// A request gets no answer.
    pub(super) fn unanswered(&mut self) {
        self.under_way = false;
    }

    /// A request was answered with an error, or not at all because the connection was lost.
    pub(super) fn refused(&mut self, error: &Error, lost: bool, now: Instant) {
        self.under_way = false;
        if lost {
            return;
        }
        self.pause(error.retry_after().unwrap_or_default(), now);
        // A quota is used up for a moment, and a leader found soon.
        if !matches!(error.code(), ErrorCode::Throttled | ErrorCode::NotLeaderForPartition) {
            self.trouble = Some(Trouble { error: error.clone(), told: false, halting: false });
        }
    }

    /// Asks for nothing for so long at least, and longer each time in a row.
    pub(super) fn pause(&mut self, at_least: Duration, now: Instant) -> Duration {
        let grown = PAUSES.0.saturating_mul(1 << self.pauses.min(10)).min(PAUSES.1);
        self.pauses += 1;
        let pause = at_least.max(grown);
        self.not_before = Some(now + pause);
        pause
    }

    /// Whether the record at the position cannot be read.
    pub(super) fn is_unreadable(&self) -> bool {
        self.position.as_ref().is_some_and(Position::is_unreadable)
    }

    /// The offset that is asked for next.
    pub(super) fn next(&self) -> Option<u64> {
        self.position.as_ref().map(Position::next)
    }

    /// The last log end known.
    pub(super) fn latest(&self) -> Option<u64> {
        self.position.as_ref().and_then(Position::latest)
    }

    /// What is known of it now.
    pub(super) fn stats(&mut self) -> PartitionStats {
        let (position, committed) = (self.offsets().position(), self.offsets().committed());
        let latest = self.latest();
        let lag = position.zip(latest).map(|(position, latest)| latest.saturating_sub(position));
        PartitionStats { partition: (&self.key).into(), position, committed, latest, lag, paused: self.paused }
    }

    /// Whether something waits to be polled.
    pub(super) fn has_records(&self) -> bool {
        !self.chunks.is_empty()
    }

    /// Lets a stream say how far the program has come with records from an offset on.
    pub(super) fn stream(&mut self, from: u64) -> Arc<Progress> {
        Arc::clone(self.progress.get_or_insert_with(|| Progress::at(from)))
    }

    /// Goes back to an offset that was taken and is not wanted now; false if it lies on the way anyway.
    pub(super) fn rewind(&mut self, epoch: u64, at: u64) -> bool {
        if self.taken <= at {
            return false;
        }
        self.end_stream();
        self.restart(epoch, at);
        self.offsets.rewind(at);
        true
    }

    /// A stream says nothing more; false if it was not the last one to take records.
    pub(super) fn end(&mut self, progress: &Arc<Progress>) -> bool {
        let was_last = self.progress.as_ref().is_some_and(|present| Arc::ptr_eq(present, progress));
        if was_last {
            self.end_stream();
        }
        was_last
    }

    /// The program has all that a stream took, up to this offset; false if the stream was not the last one to take records.
    pub(super) fn hand_out(&mut self, progress: &Arc<Progress>, next: u64) -> bool {
        let was_last = self.end(progress);
        if was_last {
            self.offsets.hand_out(next);
            // What is not shown at the end does not lie ahead of it.
            self.is_ended();
        }
        was_last
    }

    /// Keeps how far a stream has come, and the stream itself if it goes on.
    fn end_stream(&mut self) {
        self.offsets();
        self.behind.extend(self.progress.take());
    }

    /// The offsets, as far as streams have come.
    pub(super) fn offsets(&mut self) -> &mut Offsets {
        if let Some((processed, given)) = self.progress.as_ref().map(|progress| progress.get()) {
            self.offsets.streamed(processed, given);
        }
        // Whoever is done with its records has let go.
        self.behind.retain(|progress| Arc::strong_count(progress) > 1);
        let taking = self.taking.map(|from| (from, from));
        self.offsets.hold(self.behind.iter().map(|progress| progress.get()).chain(taking).min());
        &mut self.offsets
    }

    /// The bytes of the answers that wait to be polled.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.chunks.iter().map(Chunk::bytes).sum()
    }

    /// The bytes of those answers that may have to be decompressed.
    pub(super) fn waiting_framed_bytes(&self) -> usize {
        self.chunks.iter().filter(|chunk| chunk.frame.framed).map(Chunk::bytes).sum()
    }

    /// Drops what waits to be polled while it is paused, so that others have the memory; it is asked for again later.
    ///
    /// While more is under way of it that stays, since it will come behind what waits.
    pub(super) fn make_room(&mut self) {
        let next = self.chunks.front().and_then(Chunk::next_offset);
        let Some(next) = next.filter(|_| self.paused && !self.under_way) else { return };
        self.chunks.clear();
        self.position = Some(Position::new(next));
        // Whatever comes behind these records will be found again.
        self.trouble = None;
    }

    /// The number of records that wait to be polled.
    pub(super) fn waiting_records(&self) -> usize {
        self.chunks.iter().map(Chunk::left).sum()
    }

    /// Takes records that wait, at most so many.
    pub(super) fn take(&mut self, max: usize) -> Option<PartitionRecords> {
        let chunk = self.chunks.front_mut()?;
        let range = chunk.from..chunk.from + chunk.left().min(max);
        let (first, last) = (chunk.next_offset()?, chunk.frame.records.get(range.end.checked_sub(1)?)?.offset);
        let frame = Arc::clone(&chunk.frame);
        chunk.from = range.end;
        if chunk.left() == 0 {
            self.chunks.pop_front();
        }
        self.end_stream();
        self.taken = last + 1;
        self.taking.get_or_insert(first);
        self.offsets.hand_out(last + 1);
        self.moved_at = Instant::now();
        Some(PartitionRecords::new(&self.key, self.course, frame, range))
    }

    /// The program has what was taken.
    pub(super) fn handed_over(&mut self) {
        self.taking = None;
    }

    /// For how long nothing has come although it is read; told once for each limit that is over.
    pub(super) fn stalled(&mut self, now: Instant, limit: Duration) -> Option<Duration> {
        if self.paused || self.has_records() {
            self.moved_at = now;
            self.stall_told = 0;
        }
        let since = now - self.moved_at;
        let times = (since.as_millis() / limit.as_millis().max(1)) as u64;
        (times > std::mem::replace(&mut self.stall_told, times)).then_some(since)
    }

    /// Whether the program has all that there is, as far as is known; moves the position past what is not shown.
    pub(super) fn is_ended(&mut self) -> bool {
        let Some(position) = &self.position else { return false };
        let ended = self.chunks.is_empty() && position.at_end();
        if ended {
            let next = position.next();
            // Whoever gave its records one by one is done with all of them.
            if self.progress.as_ref().is_some_and(|progress| progress.get() == (self.taken, self.taken)) {
                self.end_stream();
            }
            self.offsets.hand_out(next);
        }
        ended
    }

    /// The same, once for each end.
    pub(super) fn tell_end(&mut self) -> bool {
        let next = self.next();
        self.is_ended() && std::mem::replace(&mut self.end_told, next) != next
    }
}

/// How far a program has come with the records of a stream: which one it has now.
#[derive(Debug)]
pub(super) struct Progress(AtomicU64);

impl Progress {
    /// The program is done with all below an offset, and has none of the others.
    pub(super) fn at(from: u64) -> Arc<Self> {
        Arc::new(Progress(AtomicU64::new(from << 1)))
    }

    /// The program has the record at an offset, and is done with all before it.
    pub(super) fn has(&self, offset: u64) {
        self.0.store(offset << 1 | 1, Ordering::Relaxed);
    }

    /// The program is done with all below an offset.
    pub(super) fn done(&self, next: u64) {
        self.0.store(next << 1, Ordering::Relaxed);
    }

    /// Up to where it is done, and up to where it has records.
    fn get(&self) -> (u64, u64) {
        let value = self.0.load(Ordering::Relaxed);
        (value >> 1, (value >> 1) + (value & 1))
    }
}

/// What came for a request.
pub(super) enum Arrived {
    Records(Frame, Seen),
    TooLarge,
}
