//! The broker's side of transactions, as far as it matters to a client, with its defects.

use std::collections::HashMap;

/// The most open transactions.
pub(super) const MOST_OPEN: usize = 5;
/// How often the broker looks for those over their time, in ms.
pub(super) const REAPING: u64 = 5000;

/// A record of a transaction, by a number that no other has.
pub(super) type Item = u32;

/// The transaction of the client that is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Request {
    /// A record under a sequence number of a partition number.
    Publish {
        pid: u64,
        partition: u32,
        sequence: i32,
        item: Item,
    },
    AddOffsets {
        pid: u64,
        offset: u64,
    },
    Commit {
        pid: u64,
    },
    Abort {
        pid: u64,
    },
}

/// What the broker answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Response {
    Done,
    UnknownProducer,
    OutOfOrder,
    Gone,
    TimedOut,
    Dead,
}

#[derive(Debug)]
struct Open {
    timeout: u64,
    expires: u64,
    dead: bool,
    written: Vec<usize>,
    offset: Option<u64>,
}

/// A record in the log.
#[derive(Debug)]
struct Stored {
    item: Item,
    hidden: bool,
}

/// A publish that has been found new and is not written yet: the number is looked at before, and noted after that.
#[derive(Debug, Clone, Copy)]
pub(super) struct Writing {
    pid: u64,
    partition: u32,
    sequence: i32,
    item: Item,
}

#[derive(Debug, Default)]
pub(super) struct Broker {
    pub(super) now: u64,
    pids: u64,
    /// The last number by producer and partition number; a producer without any is in it with no numbers.
    producers: HashMap<u64, HashMap<u32, i32>>,
    open: HashMap<u64, Open>,
    /// Transactions of others.
    pub(super) others: usize,
    log: Vec<Stored>,
    /// Committed by the watched group.
    pub(super) offset: Option<u64>,
    pub(super) restarts: u32,
    /// Whether a call has come after the timeout and before the broker looked, so that the records stay.
    pub(super) died: bool,
}

impl Broker {
    pub(super) fn init(&mut self) -> u64 {
        self.pids += 1;
        self.producers.insert(self.pids, HashMap::new());
        self.pids
    }

    /// Begins a transaction; false if there are too many.
    pub(super) fn begin(&mut self, pid: u64, timeout: u64) -> bool {
        if !self.open.contains_key(&pid) && self.open.len() + self.others >= MOST_OPEN {
            return false;
        }
        // One again that is open changes nothing; a dead one is replaced.
        if self.open.get(&pid).is_none_or(|open| open.dead) {
            let expires = self.now + timeout;
            self.open.insert(pid, Open { timeout, expires, dead: false, written: Vec::new(), offset: None });
        }
        true
    }

    pub(super) fn open_count(&self) -> usize {
        self.open.len() + self.others
    }

    fn find(&mut self, pid: u64) -> Result<&mut Open, Response> {
        let now = self.now;
        let open = self.open.get_mut(&pid).ok_or(Response::Gone)?;
        if open.dead {
            return Err(Response::Dead);
        }
        if now >= open.expires {
            open.dead = true;
            self.died = true;
            return Err(Response::TimedOut);
        }
        open.expires = now + open.timeout;
        Ok(open)
    }

    /// Executes a request in one go.
    pub(super) fn execute(&mut self, request: Request) -> Response {
        match request {
            Request::Publish { .. } => match self.check(request) {
                Ok(writing) => {
                    self.write(writing);
                    Response::Done
                }
                Err(response) => response,
            },
            Request::AddOffsets { pid, offset } => match self.find(pid) {
                Ok(open) => {
                    open.offset = Some(offset);
                    Response::Done
                }
                Err(response) => response,
            },
            Request::Commit { pid } => match self.find(pid) {
                Ok(open) => {
                    let offset = open.offset;
                    self.offset = offset.or(self.offset);
                    self.open.remove(&pid);
                    Response::Done
                }
                Err(response) => response,
            },
            Request::Abort { pid } => match self.find(pid) {
                Ok(_) => {
                    self.hide(pid);
                    Response::Done
                }
                Err(response) => response,
            },
        }
    }

    /// The first half of a publish.
    pub(super) fn check(&mut self, request: Request) -> Result<Writing, Response> {
        let Request::Publish { pid, partition, sequence, item } = request else { return Err(Response::Gone) };
        let numbers = self.producers.get(&pid).ok_or(Response::UnknownProducer)?;
        let expected = numbers.get(&partition).map_or(0, |last| last + 1);
        if sequence < expected {
            return Err(Response::Done);
        }
        if sequence > expected {
            return Err(Response::OutOfOrder);
        }
        self.find(pid)?;
        Ok(Writing { pid, partition, sequence, item })
    }

    /// The second half: it is written whatever has happened in between.
    pub(super) fn write(&mut self, writing: Writing) {
        let Writing { pid, partition, sequence, item } = writing;
        if let Some(numbers) = self.producers.get_mut(&pid) {
            numbers.insert(partition, sequence);
        }
        if let Some(open) = self.open.get_mut(&pid) {
            open.written.push(self.log.len());
        }
        self.log.push(Stored { item, hidden: false });
    }

    fn hide(&mut self, pid: u64) {
        let written = self.open.remove(&pid).map_or_else(Vec::new, |open| open.written);
        // The range from the first to the last, whoever wrote what lies between: here nobody else has the identity.
        written.into_iter().for_each(|index| self.log[index].hidden = true);
    }

    /// Lets time pass.
    pub(super) fn pass(&mut self, ms: u64) {
        let reaps = (self.now / REAPING + 1..=(self.now + ms) / REAPING).map(|turn| turn * REAPING);
        for moment in reaps {
            let over = self.open.iter().filter(|(_, open)| !open.dead && moment >= open.expires);
            let over: Vec<_> = over.map(|(pid, _)| *pid).collect();
            over.into_iter().for_each(|pid| self.hide(pid));
        }
        self.now += ms;
    }

    /// Everything but the log is forgotten, also which records were aborted; offsets may be lost, too.
    pub(super) fn restart(&mut self, lost_offset: bool) {
        self.restarts += 1;
        self.pids = 0;
        self.producers.clear();
        self.open.clear();
        self.others = 0;
        self.log.iter_mut().for_each(|stored| stored.hidden = false);
        if lost_offset {
            self.offset = None;
        }
    }

    /// How often readers of what is committed see a record.
    pub(super) fn shown(&self, item: Item) -> usize {
        self.log.iter().filter(|stored| stored.item == item && !stored.hidden).count()
    }
}
