//! Topics, and the log of each partition.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use rivven_client::protocol::{MAX_CONSUME_MESSAGES, MessageData};

use crate::murmur2::partition_of;

/// Bytes of stored records that a fetch may read per record that it asks for.
const BYTES_PER_MESSAGE: usize = 4096;

/// Records without a key that go to one partition before the next one has its turn.
const STICKY_RECORDS: u64 = 16_384;

/// A transaction as the records know it.
pub(super) type TransactionNumber = u64;

/// What occupies an offset.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    Record {
        key: Option<Bytes>,
        value: Bytes,
        transaction: Option<TransactionNumber>,
    },
    /// The end of a transaction, which consumers do not see.
    Marker,
}

#[derive(Debug)]
struct Stored {
    offset: u64,
    timestamp: i64,
    entry: Entry,
}

impl Stored {
    /// The record, if it is one, and its transaction.
    fn message(&self, partition: u32) -> Option<(MessageData, Option<TransactionNumber>)> {
        let Entry::Record { key, value, transaction } = &self.entry else { return None };
        let (key, value, headers) = (key.clone(), value.clone(), Vec::new());
        let message = MessageData { offset: self.offset, partition, key, value, timestamp: self.timestamp, headers };
        Some((message, *transaction))
    }
}

/// The log of a partition, shared by all its replicas.
#[derive(Debug)]
pub(super) struct Partition {
    /// The node that serves it.
    pub(super) leader: usize,
    pub(super) earliest: u64,
    pub(super) latest: u64,
    stored: Vec<Stored>,
}

impl Partition {
    fn new(leader: usize) -> Self {
        Partition { leader, earliest: 0, latest: 0, stored: Vec::new() }
    }

    /// Appends a record and gives its offset.
    pub(super) fn append(&mut self, key: Option<Bytes>, value: Bytes, transaction: Option<TransactionNumber>) -> u64 {
        self.append_at(self.latest, Entry::Record { key, value, transaction })
    }

    /// Appends what only occupies an offset.
    pub(super) fn append_marker(&mut self) -> u64 {
        self.append_at(self.latest, Entry::Marker)
    }

    /// Appends a record under an offset out of order, as a broker does after a crash.
    pub(super) fn append_out_of_order(&mut self, offset: u64, value: Bytes) {
        self.append_at(offset, Entry::Record { key: None, value, transaction: None });
    }

    fn append_at(&mut self, offset: u64, entry: Entry) -> u64 {
        self.stored.push(Stored { offset, timestamp: now_ms(), entry });
        self.latest = self.latest.max(offset + 1);
        offset
    }

    /// The records that one fetch gives: it reads entries up to a number and a size and then leaves out the
    /// markers and what `is_hidden`.
    pub(super) fn fetch(
        &self,
        partition: u32,
        offset: u64,
        max_messages: u32,
        is_hidden: impl Fn(TransactionNumber) -> bool,
    ) -> Vec<MessageData> {
        let max_messages = max_messages.min(MAX_CONSUME_MESSAGES) as usize;
        let mut budget = max_messages * BYTES_PER_MESSAGE;
        let mut messages = Vec::new();
        for stored in self.from(offset.max(self.earliest)).take(max_messages) {
            let Some((message, transaction)) = stored.message(partition) else { continue };
            budget = budget.saturating_sub(message.key.as_ref().map_or(0, Bytes::len) + message.value.len());
            if !transaction.is_some_and(&is_hidden) {
                messages.push(message);
            }
            if budget == 0 {
                break;
            }
        }
        messages
    }

    /// All records that were not deleted.
    pub(super) fn all(&self, partition: u32) -> Vec<MessageData> {
        self.from(self.earliest).filter_map(|stored| stored.message(partition)).map(|(message, _)| message).collect()
    }

    /// The log from the first entry at or behind an offset, whatever comes then.
    fn from(&self, offset: u64) -> impl Iterator<Item = &Stored> {
        let guess = usize::try_from(offset).unwrap_or(usize::MAX);
        let start = match self.stored.get(guess) {
            Some(stored) if stored.offset == offset => guess,
            _ => self.stored.iter().position(|stored| stored.offset >= offset).unwrap_or(self.stored.len()),
        };
        self.stored[start..].iter()
    }

    /// The first offset that was written at or after a time.
    pub(super) fn at_timestamp(&self, timestamp_ms: i64) -> Option<u64> {
        self.stored.iter().find(|stored| stored.timestamp >= timestamp_ms).map(|stored| stored.offset)
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A topic.
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) partitions: Vec<Partition>,
    pub(super) configs: BTreeMap<String, String>,
    keyless: u64,
}

impl Topic {
    fn new(partitions: u32, nodes: usize) -> Self {
        let mut topic = Topic { partitions: Vec::new(), configs: BTreeMap::new(), keyless: 0 };
        topic.grow(partitions, nodes);
        topic
    }

    /// Adds partitions up to a number.
    pub(super) fn grow(&mut self, partitions: u32, nodes: usize) {
        for number in self.partitions.len()..partitions as usize {
            self.partitions.push(Partition::new(number % nodes));
        }
    }

    pub(super) fn count(&self) -> u32 {
        self.partitions.len() as u32
    }

    /// The broker's choice where a client makes none.
    pub(super) fn choose(&mut self, key: Option<&[u8]>, records: u64) -> u32 {
        if let Some(key) = key {
            return partition_of(key, self.count());
        }
        let turn = self.keyless / STICKY_RECORDS;
        self.keyless += records;
        (turn % u64::from(self.count().max(1))) as u32
    }
}

/// All topics.
#[derive(Debug, Default)]
pub(super) struct Topics {
    present: BTreeMap<String, Topic>,
    /// The logs of deleted topics stay on disk, and come back with the name.
    deleted: BTreeMap<String, Topic>,
}

impl Topics {
    /// Creates a topic; false if it exists.
    pub(super) fn create(&mut self, name: &str, partitions: u32, nodes: usize) -> bool {
        if self.present.contains_key(name) {
            return false;
        }
        let mut topic = self.deleted.remove(name).unwrap_or_else(|| Topic::new(0, nodes));
        topic.partitions.truncate(partitions as usize);
        topic.grow(partitions, nodes);
        self.present.insert(name.to_owned(), topic);
        true
    }

    /// Deletes a topic; false if there is none.
    pub(super) fn delete(&mut self, name: &str) -> bool {
        let topic = self.present.remove(name);
        let existed = topic.is_some();
        self.deleted.extend(topic.map(|topic| (name.to_owned(), topic)));
        existed
    }

    pub(super) fn get(&self, name: &str) -> Option<&Topic> {
        self.present.get(name)
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut Topic> {
        self.present.get_mut(name)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &Topic)> {
        self.present.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&String, &mut Topic)> {
        self.present.iter_mut()
    }

    pub(super) fn partition(&self, topic: &str, partition: u32) -> Option<&Partition> {
        self.get(topic)?.partitions.get(partition as usize)
    }

    pub(super) fn partition_mut(&mut self, topic: &str, partition: u32) -> Option<&mut Partition> {
        self.get_mut(topic)?.partitions.get_mut(partition as usize)
    }
}
