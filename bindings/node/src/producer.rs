//! The native half of a producer.
//!
//! Records come in by the hand-over buffers that `lib/outbox.js` packs: each
//! is a head of six numbers (u32, in the byte order of the machine), then the
//! key, then the value, filled up to a multiple of four bytes. What became of
//! them goes back by batch, in one list of tags.

use std::cell::RefCell;
use std::collections::HashMap;
use std::iter;
use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::{BigInt, Either, Function, Uint32Array};
use napi_derive::napi;
use rivven_bridge::{Answer, Completion as Entry, Producer, Queue, Reports, Topic, Transformer, catch_panic};
use rivven_client::{
    DeliveryReport, Error, ErrorCode, ProducerStatsSnapshot, Properties, RecordMetadata, Result as CoreResult,
};

use crate::client::{milliseconds, set_all};
use crate::completion::{Completion, Value};
use crate::consumer::NativeConsumer;
use crate::failure::Failure;
use crate::inbox::Inbox;
use crate::transaction::{NativeTransaction, NativeTransformer, Round};
use crate::wake::Wake;

/// The token of reports; JavaScript counts its own from 1.
const REPORTS: u64 = 0;

/// The bytes before the key of a record.
const HEAD: usize = 24;

/// The partition of a record that goes to none in particular, and the length of a key that is not there.
const NONE: u32 = u32::MAX;

/// A producer, its topics by number, and the queue of its answers and reports.
#[napi]
pub(crate) struct NativeProducer {
    producer: Producer,
    topics: RefCell<Vec<Topic>>,
    queue: Arc<Queue>,
    inbox: Inbox,
    wake: Wake,
}

/// What became of a hand-over buffer that was not taken whole.
#[napi(object, object_from_js = false, use_nullable = true)]
pub(crate) struct HandedOver {
    /// The bytes of the records that were taken or refused for good.
    pub done: u32,
    /// The records among them that were refused.
    pub refused: Vec<Refused>,
    /// Why the first of the others has to wait.
    pub full: Option<Failure>,
}

/// A record that was refused, by the two halves of its tag.
#[napi(object, object_from_js = false)]
pub(crate) struct Refused {
    /// The lower half.
    pub slot: u32,
    /// The upper half.
    pub place: u32,
    /// Why.
    pub failure: Failure,
}

/// What became of the records of a batch, or of one of them.
#[napi(object, object_from_js = false, use_nullable = true)]
pub(crate) struct Report {
    /// The topic.
    pub topic: String,
    /// The partition, if it is known.
    pub partition: Option<u32>,
    /// The tags of the records: of those that follow each other by their upper half the two halves of the first, and
    /// how many they are.
    pub ranges: Uint32Array,
    /// The offset of the first; the others follow.
    pub offset: BigInt,
    /// When the answer came, in milliseconds since 1970.
    pub timestamp: f64,
    /// Whether the broker had them already.
    pub duplicate: bool,
    /// Whether an earlier attempt may have written them too.
    pub maybe_duplicate: bool,
    /// Whether the offsets are certain.
    pub offset_exact: bool,
    /// Why they failed, if they did.
    pub failure: Option<Failure>,
}

impl Report {
    /// The reports of a batch: one, where its records have one fate.
    pub(crate) fn all(report: &DeliveryReport) -> Vec<Report> {
        let tags = report.tags();
        let of = |tags: &[u64], result: CoreResult<RecordMetadata>| match result {
            Ok(metadata) => Report::delivered(&metadata, tags),
            Err(error) => Report::failed(report, &error, tags),
        };
        if let Some(first) = report.first() {
            return vec![of(tags, Ok(first))];
        }
        if let Some(error) = report.error() {
            return vec![of(tags, Err(error.clone()))];
        }
        tags.iter().enumerate().map(|(index, tag)| of(&[*tag], report.result(index))).collect()
    }

    /// The report of records that went where the first of them did.
    pub(crate) fn delivered(first: &RecordMetadata, tags: &[u64]) -> Report {
        Report {
            topic: first.topic.to_string(),
            partition: Some(first.partition),
            ranges: ranges(tags),
            offset: first.offset.into(),
            timestamp: first.timestamp as f64,
            duplicate: first.duplicate,
            maybe_duplicate: first.maybe_duplicate,
            offset_exact: first.offset_exact,
            failure: None,
        }
    }

    fn failed(report: &DeliveryReport, error: &Error, tags: &[u64]) -> Report {
        Report {
            topic: report.topic().to_string(),
            partition: report.partition(),
            ranges: ranges(tags),
            offset: 0_u64.into(),
            timestamp: 0.0,
            duplicate: false,
            maybe_duplicate: false,
            offset_exact: false,
            failure: Some(error.clone().into()),
        }
    }
}

/// From one tag to the next of records that were handed over in turn.
const NEXT: u64 = 1 << 32;

fn ranges(tags: &[u64]) -> Uint32Array {
    let runs = tags.chunk_by(|tag, next| tag.wrapping_add(NEXT) == *next);
    runs.flat_map(|run| [run[0] as u32, (run[0] >> 32) as u32, run.len() as u32]).collect::<Vec<_>>().into()
}

/// What a producer has done so far.
#[napi(object, object_from_js = false)]
#[allow(missing_docs, reason = "the fields are those of the struct that it is made from")]
pub(crate) struct ProducerStats {
    pub records_sent: f64,
    pub records_delivered: f64,
    pub records_failed: f64,
    pub batches_sent: f64,
    pub bytes_sent: f64,
    pub errors: f64,
    pub retries: f64,
    pub records_queued: f64,
    pub bytes_buffered: f64,
    pub records_per_batch: f64,
    pub latency_p50_us: f64,
    pub latency_p95_us: f64,
    pub latency_p99_us: f64,
    pub pending: f64,
    pub success_rate: f64,
    pub servers: Vec<ProducerServerStats>,
}

/// What a producer has sent to one server.
#[napi(object, object_from_js = false)]
#[allow(missing_docs, reason = "the fields are those of the struct that it is made from")]
pub(crate) struct ProducerServerStats {
    pub address: String,
    pub records_delivered: f64,
    pub batches_sent: f64,
    pub bytes_sent: f64,
    pub errors: f64,
    pub retries: f64,
    pub records_unanswered: f64,
    pub records_queued: f64,
    pub records_per_batch: f64,
    pub latency_p50_us: f64,
    pub latency_p95_us: f64,
    pub latency_p99_us: f64,
}

impl From<rivven_client::ProducerServerStats> for ProducerServerStats {
    fn from(stats: rivven_client::ProducerServerStats) -> Self {
        ProducerServerStats {
            address: stats.address.to_string(),
            records_delivered: stats.records_delivered as f64,
            batches_sent: stats.batches_sent as f64,
            bytes_sent: stats.bytes_sent as f64,
            errors: stats.errors as f64,
            retries: stats.retries as f64,
            records_unanswered: stats.records_unanswered as f64,
            records_queued: stats.records_queued as f64,
            records_per_batch: stats.records_per_batch,
            latency_p50_us: stats.latency_p50_us as f64,
            latency_p95_us: stats.latency_p95_us as f64,
            latency_p99_us: stats.latency_p99_us as f64,
        }
    }
}

impl From<ProducerStatsSnapshot> for ProducerStats {
    fn from(stats: ProducerStatsSnapshot) -> Self {
        ProducerStats {
            records_sent: stats.records_sent as f64,
            records_delivered: stats.records_delivered as f64,
            records_failed: stats.records_failed as f64,
            batches_sent: stats.batches_sent as f64,
            bytes_sent: stats.bytes_sent as f64,
            errors: stats.errors as f64,
            retries: stats.retries as f64,
            records_queued: stats.records_queued as f64,
            bytes_buffered: stats.bytes_buffered as f64,
            records_per_batch: stats.records_per_batch,
            latency_p50_us: stats.latency_p50_us as f64,
            latency_p95_us: stats.latency_p95_us as f64,
            latency_p99_us: stats.latency_p99_us as f64,
            pending: stats.pending() as f64,
            success_rate: stats.success_rate(),
            servers: stats.servers.into_iter().map(ProducerServerStats::from).collect(),
        }
    }
}

/// A record of a hand-over buffer.
struct Packed<'a> {
    topic: usize,
    partition: Option<u32>,
    key: Option<&'a [u8]>,
    value: &'a [u8],
    slot: u32,
    place: u32,
    /// The bytes that it takes up in the buffer.
    size: usize,
}

impl Packed<'_> {
    /// The record that a buffer begins with; nothing where it does not hold a whole one.
    fn first(bytes: &[u8]) -> Option<Packed<'_>> {
        let (head, rest) = bytes.split_at_checked(HEAD)?;
        let mut words = head.chunks_exact(4).map(|word| u32::from_ne_bytes([word[0], word[1], word[2], word[3]]));
        let mut word = || words.next();
        let (topic, partition, key_len, value_len) = (word()?, word()?, word()?, word()?);
        let (slot, place) = (word()?, word()?);
        let (key, rest) = rest.split_at_checked(if key_len == NONE { 0 } else { key_len as usize })?;
        let value = rest.get(..value_len as usize)?;
        Some(Packed {
            topic: topic as usize,
            partition: (partition != NONE).then_some(partition),
            key: (key_len != NONE).then_some(key),
            value,
            slot,
            place,
            size: (HEAD + key.len() + value.len()).next_multiple_of(4),
        })
    }

    /// The records that a buffer begins with, as far as they are of the topic of the first.
    fn of_first_topic(mut bytes: &[u8]) -> impl Iterator<Item = Packed<'_>> {
        let mut topic = None;
        iter::from_fn(move || {
            let packed = Packed::first(bytes).filter(|packed| *topic.get_or_insert(packed.topic) == packed.topic)?;
            bytes = bytes.get(packed.size..).unwrap_or_default();
            Some(packed)
        })
    }

    fn tag(&self) -> u64 {
        u64::from(self.place) << 32 | u64::from(self.slot)
    }
}

/// Makes a producer; `wake` is called on the event loop when answers or reports are to be drained.
#[napi]
pub(crate) fn open_producer(
    config: HashMap<String, String>,
    wake: Function<'_, (), ()>,
) -> napi::Result<Either<NativeProducer, Failure>> {
    NativeProducer::open(Properties::new(), config, &wake)
}

impl NativeProducer {
    /// Makes a producer with a configuration that others are added to.
    pub(crate) fn open(
        mut properties: Properties,
        config: HashMap<String, String>,
        wake: &Function<'_, (), ()>,
    ) -> napi::Result<Either<NativeProducer, Failure>> {
        let wake = Wake::new(wake)?;
        let queue = Queue::with_call(wake.signal());
        let made = catch_panic(|| {
            set_all(&mut properties, config)?;
            Producer::new(&properties, Reports::To(Arc::clone(&queue), REPORTS))
        });
        Ok(match made {
            Ok(producer) => {
                Either::A(NativeProducer { producer, topics: RefCell::default(), queue, inbox: Inbox::default(), wake })
            }
            Err(error) => Either::B(error.into()),
        })
    }

    fn attempt(&self, call: impl FnOnce() -> CoreResult<()>) -> Option<Failure> {
        catch_panic(call).err().map(Failure::from)
    }

    fn completion(&self, Entry { token, result }: Entry) -> Completion {
        let value = match result {
            Ok(Answer::Transaction(transaction)) => {
                Value::Transaction(NativeTransaction::new(transaction.claimed(), &self.queue))
            }
            Ok(Answer::Round(round)) => Value::Round(round.map(|round| Round::new(round, &self.queue))),
            result => return Completion::new(token, result, Failure::from),
        };
        Completion { token: token as i64, failure: None, value: Some(value) }
    }

    /// Calls with the record that a buffer begins with, and its topic.
    fn with_first(
        &self,
        bytes: &[u8],
        call: impl FnOnce(&Topic, &Packed<'_>) -> CoreResult<()>,
    ) -> napi::Result<Option<Failure>> {
        let topics = self.topics.borrow();
        let (topic, packed) = first(&topics, bytes)?;
        Ok(self.attempt(|| call(topic, &packed)))
    }
}

/// The record that a buffer begins with, and its topic.
fn first<'a>(topics: &'a [Topic], bytes: &'a [u8]) -> napi::Result<(&'a Topic, Packed<'a>)> {
    let first = Packed::first(bytes).and_then(|packed| Some((topics.get(packed.topic)?, packed)));
    first.ok_or_else(|| napi::Error::from_reason("a hand-over buffer is damaged"))
}

#[napi]
#[allow(unreachable_pub, reason = "the macro exports only what is pub")]
impl NativeProducer {
    /// Takes answers and reports that have come, some at once; to be called until there are none.
    #[napi(catch_unwind)]
    pub fn drain(&self) -> Vec<Completion> {
        self.inbox.take(&self.queue).into_iter().map(|entry| self.completion(entry)).collect()
    }

    /// Keeps the event loop alive from now on, for records and calls that wait for their answers.
    #[napi]
    pub fn hold(&self, env: Env) {
        self.wake.hold(env);
    }

    /// Ends [`hold`](NativeProducer::hold).
    #[napi]
    pub fn release(&self, env: Env) {
        self.wake.release(env);
    }

    /// Takes in a topic; records name it by its place among all that were taken in.
    #[napi]
    pub fn topic(&self, name: String) -> Option<Failure> {
        self.attempt(|| {
            self.topics.borrow_mut().push(self.producer.topic(&name)?);
            Ok(())
        })
    }

    /// Hands over records until one has to wait for room; nothing if all were taken.
    #[napi]
    pub fn hand_over(&self, bytes: &[u8]) -> napi::Result<Option<HandedOver>> {
        let topics = self.topics.borrow();
        let mut done = 0;
        let mut refused = Vec::new();
        while done < bytes.len() {
            let (topic, _) = first(&topics, &bytes[done..])?;
            let of_topic = || Packed::of_first_topic(&bytes[done..]);
            let records = of_topic().map(|packed| (packed.partition, packed.key, packed.value, packed.tag()));
            let mut taken = 0;
            let result = catch_panic(|| topic.enqueue_batch(records, &mut taken));
            done += of_topic().take(taken).map(|packed| packed.size).sum::<usize>();
            match result {
                Ok(()) => {}
                Err(error) if error.code() == ErrorCode::QueueFull => {
                    return Ok(Some(HandedOver { done: done as u32, refused, full: Some(error.into()) }));
                }
                Err(error) => {
                    let (_, packed) = first(&topics, &bytes[done..])?;
                    refused.push(Refused { slot: packed.slot, place: packed.place, failure: error.into() });
                    done += packed.size;
                }
            }
        }
        Ok((!refused.is_empty()).then_some(HandedOver { done: done as u32, refused, full: None }))
    }

    /// Waits for room for the record that a buffer begins with.
    #[napi]
    pub fn await_room(&self, token: i64, bytes: &[u8]) -> napi::Result<Option<Failure>> {
        self.with_first(bytes, |topic, packed| {
            let len = packed.key.map_or(0, <[u8]>::len) + packed.value.len();
            topic.submit_has_room(len, &self.queue, token as u64)
        })
    }

    /// Sends the record that a buffer begins with as soon as there is room; the answer is its report.
    #[napi]
    pub fn send_first(&self, token: i64, bytes: &[u8]) -> napi::Result<Option<Failure>> {
        self.with_first(bytes, |topic, packed| {
            topic.submit_send(packed.partition, packed.key, packed.value, &self.queue, token as u64)
        })
    }

    /// Waits for a first ready connection.
    #[napi]
    pub fn connect(&self, token: i64) -> Option<Failure> {
        self.attempt(|| self.producer.submit_connect(&self.queue, token as u64))
    }

    /// Waits until everything that was handed over is settled.
    #[napi]
    pub fn flush(&self, token: i64) -> Option<Failure> {
        self.attempt(|| self.producer.submit_flush(&self.queue, token as u64))
    }

    /// Closes; `limit` in milliseconds.
    #[napi]
    pub fn close(&self, token: i64, limit: Option<f64>) -> Option<Failure> {
        self.attempt(|| self.producer.submit_close(limit.map(milliseconds), &self.queue, token as u64))
    }

    /// How long `close` waits without a limit, in milliseconds.
    #[napi]
    pub fn close_timeout(&self) -> Either<f64, Failure> {
        match catch_panic(|| self.producer.close_timeout()) {
            Ok(limit) => Either::A(limit.as_secs_f64() * 1000.0),
            Err(error) => Either::B(error.into()),
        }
    }

    /// Asks for the number of partitions of a topic; anew, if `fresh`.
    #[napi]
    pub fn partition_count(&self, token: i64, topic: String, fresh: bool) -> Option<Failure> {
        self.attempt(|| self.producer.submit_partition_count(&topic, fresh, &self.queue, token as u64))
    }

    /// Gives up what was not sent yet; the number of records.
    #[napi]
    pub fn purge(&self) -> Either<f64, Failure> {
        match catch_panic(|| self.producer.purge()) {
            Ok(count) => Either::A(count as f64),
            Err(error) => Either::B(error.into()),
        }
    }

    /// What the producer has done so far.
    #[napi]
    pub fn stats(&self) -> Either<ProducerStats, Failure> {
        match catch_panic(|| self.producer.stats()) {
            Ok(stats) => Either::A(stats.into()),
            Err(error) => Either::B(error.into()),
        }
    }

    /// Whether a record that is sent again is written once all the same.
    #[napi]
    pub fn is_idempotent(&self) -> Either<bool, Failure> {
        match catch_panic(|| self.producer.is_idempotent()) {
            Ok(is) => Either::A(is),
            Err(error) => Either::B(error.into()),
        }
    }

    /// Begins a transaction.
    #[napi]
    pub fn begin_transaction(&self, token: i64) -> Option<Failure> {
        self.attempt(|| self.producer.submit_begin_transaction(&self.queue, token as u64))
    }

    /// Makes what reads from a consumer and writes by transactions of this producer.
    #[napi]
    pub fn open_transformer(&self, consumer: &NativeConsumer) -> Either<NativeTransformer, Failure> {
        match catch_panic(|| Transformer::new(&consumer.consumer, &self.producer)) {
            Ok(transformer) => Either::A(NativeTransformer::new(transformer, &self.queue)),
            Err(error) => Either::B(error.into()),
        }
    }
}
