//! One connection to a sink.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use rivven_client::protocol::{HEADER_LEN, MAX_MESSAGE_SIZE, Request, Response};

use super::Shared;
use super::answers::{discriminant, put_frame, put_numbers};
use super::fields::{Fields, Record};
use super::supply::Prepared;
use super::tally::{SharedPartition, lock};
use crate::murmur2::partition_of;
use crate::scripted::world::{Call, Step};

/// What is read at once; more only for a request that is larger.
const BUFFER_LEN: usize = 512 << 10;

/// Bytes of the length field of a frame.
const LENGTH_LEN: usize = 4;

/// How often a request that has to wait for others is tried again.
const RETRY: Duration = Duration::from_millis(5);

/// The discriminants of the requests that are answered without being decoded.
mod request {
    pub(crate) const PUBLISH: u64 = 4;
    pub(crate) const CONSUME: u64 = 5;
    pub(crate) const IDEMPOTENT_PUBLISH: u64 = 20;
    pub(crate) const TRANSACTIONAL_PUBLISH: u64 = 23;
    pub(crate) const PUBLISH_BATCH: u64 = 38;
    pub(crate) const IDEMPOTENT_PUBLISH_BATCH: u64 = 39;
}

/// A connection, on a thread of its own.
pub(super) struct Connection {
    shared: Arc<Shared>,
    /// Answers that are not sent yet.
    out: Vec<u8>,
    /// The partitions seen before, so that they need not be looked up among those of all connections.
    known: HashMap<Vec<u8>, HashMap<u32, SharedPartition>>,
    /// Answers with records, by partition.
    prepared: HashMap<u32, Prepared>,
}

impl Connection {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Connection { shared, out: Vec::new(), known: HashMap::new(), prepared: HashMap::new() }
    }

    /// Answers until the client closes the connection, or sends what cannot be read.
    pub(super) fn serve(mut self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut buffer = vec![0; BUFFER_LEN];
        let (mut start, mut end) = (0, 0);
        loop {
            while let Some(size) = frame_size(&buffer[start..end])? {
                if end - start < size {
                    make_room(&mut buffer, &mut start, &mut end, size);
                    break;
                }
                self.answer(&mut stream, &buffer[start..start + size])?;
                start += size;
            }
            stream.write_all(&self.out)?;
            self.out.clear();
            if start == end {
                (start, end) = (0, 0);
            } else if end == buffer.len() {
                make_room(&mut buffer, &mut start, &mut end, LENGTH_LEN);
            }
            match stream.read(&mut buffer[end..])? {
                0 => return Ok(()),
                count => end += count,
            }
        }
    }

    fn answer(&mut self, stream: &mut TcpStream, frame: &[u8]) -> io::Result<()> {
        let (head, payload) = frame.split_at_checked(HEADER_LEN).ok_or(io::ErrorKind::InvalidData)?;
        let id = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        self.shared.tally.requests.fetch_add(1, Ordering::Relaxed);
        let mut fields = Fields::new(payload);
        let answered = match fields.varint() {
            Some(request::PUBLISH) => self.publish(id, fields),
            Some(request::PUBLISH_BATCH) => self.publish_batch(id, fields, Batch::Plain),
            Some(request::IDEMPOTENT_PUBLISH) => self.publish_once(id, fields),
            Some(request::IDEMPOTENT_PUBLISH_BATCH) => self.publish_batch(id, fields, Batch::Idempotent),
            Some(request::TRANSACTIONAL_PUBLISH) => self.publish_in_transaction(id, fields),
            Some(request::CONSUME) => {
                // Those before it must not wait for what it waits for.
                stream.write_all(&self.out)?;
                self.out.clear();
                self.consume(stream, id, fields).transpose()?
            }
            _ => self.answer_rest(id, payload),
        };
        answered.ok_or_else(|| {
            self.shared.tally.malformed.fetch_add(1, Ordering::Relaxed);
            io::ErrorKind::InvalidData.into()
        })
    }

    fn publish(&mut self, id: u32, mut fields: Fields<'_>) -> Option<()> {
        let (topic, partition) = (fields.bytes()?, fields.optional_number()?);
        let record = fields.record()?;
        fields.optional_varint()?;
        fields.end()?;
        let (offset, partition) = self.take_one(topic, partition, record)?;
        put_numbers(&mut self.out, id, &[discriminant::PUBLISHED, offset, partition]);
        Some(())
    }

    fn publish_once(&mut self, id: u32, mut fields: Fields<'_>) -> Option<()> {
        let (topic, partition) = (fields.bytes()?, fields.optional_number()?);
        let record = fields.record()?;
        fields.skip_varints(3)?;
        fields.optional_varint()?;
        fields.end()?;
        let (offset, partition) = self.take_one(topic, partition, record)?;
        put_numbers(&mut self.out, id, &[discriminant::IDEMPOTENT_PUBLISHED, offset, partition, 0]);
        Some(())
    }

    fn publish_in_transaction(&mut self, id: u32, mut fields: Fields<'_>) -> Option<()> {
        fields.bytes()?;
        let (topic, partition) = (fields.bytes()?, fields.optional_number()?);
        let record = fields.record()?;
        fields.skip_varints(2)?;
        // Answered as it came: a zigzag number, which need not be understood.
        let sequence = fields.varint()?;
        fields.optional_varint()?;
        fields.end()?;
        let (offset, partition) = self.take_one(topic, partition, record)?;
        put_numbers(&mut self.out, id, &[discriminant::TRANSACTIONAL_PUBLISHED, offset, partition, sequence]);
        Some(())
    }

    fn take_one(&mut self, topic: &[u8], partition: Option<u32>, record: Record<'_>) -> Option<(u64, u64)> {
        let partition = self.choose(partition, Some(record));
        let sequenced = self.shared.sequenced;
        let shared = self.partition(topic, partition)?;
        let offset = lock(&shared).take(1, sequenced, || Some(record))?;
        Some((offset, partition.into()))
    }

    fn publish_batch(&mut self, id: u32, mut fields: Fields<'_>, kind: Batch) -> Option<()> {
        let (topic, partition) = (fields.bytes()?, fields.optional_number()?);
        let count = fields.varint()?;
        let first = if count > 0 { { fields }.record() } else { None };
        let partition = self.choose(partition, first);
        let sequenced = self.shared.sequenced;
        let shared = self.partition(topic, partition)?;
        let base_offset = lock(&shared).take(count, sequenced, || fields.record())?;
        if kind == Batch::Idempotent {
            fields.skip_varints(3)?;
        }
        fields.optional_varint()?;
        fields.end()?;
        let partition = partition.into();
        match kind {
            Batch::Plain => {
                put_numbers(&mut self.out, id, &[discriminant::PUBLISHED_BATCH, base_offset, partition, count]);
            }
            Batch::Idempotent => {
                let number = discriminant::IDEMPOTENT_PUBLISHED_BATCH;
                put_numbers(&mut self.out, id, &[number, base_offset, partition, count, 0]);
            }
        }
        Some(())
    }

    /// The partition of a request that may leave it to the broker.
    fn choose(&self, partition: Option<u32>, first: Option<Record<'_>>) -> u32 {
        let by_key = || first.and_then(|record| record.key).map(|key| partition_of(key, self.shared.partitions));
        partition.or_else(by_key).unwrap_or(0)
    }

    fn partition(&mut self, topic: &[u8], partition: u32) -> Option<SharedPartition> {
        if let Some(known) = self.known.get(topic).and_then(|partitions| partitions.get(&partition)) {
            return Some(Arc::clone(known));
        }
        let shared = self.shared.tally.partition(std::str::from_utf8(topic).ok()?, partition);
        self.known.entry(topic.to_vec()).or_default().insert(partition, Arc::clone(&shared));
        Some(shared)
    }

    fn consume(&mut self, stream: &mut TcpStream, id: u32, mut fields: Fields<'_>) -> Option<io::Result<()>> {
        fields.bytes()?;
        let (partition, offset, wanted) = (fields.number()?, fields.varint()?, fields.number()?);
        if fields.tag()? {
            // The isolation level is one raw byte, which may look like the beginning of a number.
            fields.byte()?;
        }
        let wait = fields.optional_varint()?;
        fields.end()?;
        let Shared { supply, tally, .. } = &*self.shared;
        if offset >= supply.records {
            // Nothing will come, so this is a plain wait.
            thread::sleep(Duration::from_millis(wait.unwrap_or(0)));
        }
        let prepared = self.prepared.entry(partition).or_insert_with(|| Prepared::new(supply, partition));
        let (answer, served) = prepared.answer(supply, id, offset, wanted);
        tally.served.fetch_add(served, Ordering::Relaxed);
        Some(stream.write_all(answer))
    }

    /// Answers what is not counted in nanoseconds.
    fn answer_rest(&mut self, id: u32, payload: &[u8]) -> Option<()> {
        let request = Request::decode(&Bytes::copy_from_slice(payload)).ok()?;
        let response = match request {
            Request::GetOffsetBounds { .. } => {
                Response::OffsetBounds { earliest: 0, latest: self.shared.supply.records }
            }
            Request::CommitOffset { .. } => Response::OffsetCommitted,
            Request::GetOffset { .. } => Response::Offset { offset: None },
            Request::GetMetadata { topic } => {
                // Any topic is there.
                self.ask_world(&Request::CreateTopic { name: topic.clone(), partitions: None });
                self.ask_world(&Request::GetMetadata { topic })
            }
            request => self.ask_world(&request),
        };
        put_frame(&mut self.out, id, |out| out.extend_from_slice(&response.encode()));
        Some(())
    }

    fn ask_world(&self, request: &Request) -> Response {
        let mut call = Call::new(0);
        loop {
            let step = lock(&self.shared.world).answer(&mut call, request);
            match step {
                Step::Done(response) => return response,
                Step::WaitUntil(_) => thread::sleep(RETRY),
            }
        }
    }
}

/// The two requests with batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Batch {
    Plain,
    Idempotent,
}

/// The size of the frame that some bytes begin with, its length field included.
fn frame_size(bytes: &[u8]) -> io::Result<Option<usize>> {
    let Some(length) = bytes.first_chunk::<LENGTH_LEN>() else { return Ok(None) };
    match u32::from_be_bytes(*length) as usize {
        size if size > MAX_MESSAGE_SIZE => Err(io::ErrorKind::InvalidData.into()),
        size => Ok(Some(LENGTH_LEN + size)),
    }
}

/// Moves what is left to the front, and enlarges a buffer that is too small for the frame.
fn make_room(buffer: &mut Vec<u8>, start: &mut usize, end: &mut usize, size: usize) {
    if *start + size <= buffer.len() {
        return;
    }
    buffer.copy_within(*start..*end, 0);
    (*start, *end) = (0, *end - *start);
    if size > buffer.len() {
        buffer.resize(size, 0);
    }
}
