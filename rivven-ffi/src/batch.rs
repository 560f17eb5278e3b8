//! Records that were read
//!
//!     for (size_t i = 0; i < rivven_batch_len(batch); i++) {
//!         rivven_bytes_t value = rivven_batch_value(batch, i);
//!         fwrite(value.data, 1, value.len, stdout);
//!     }
//!     rivven_batch_free(batch);
//!
//! Where the calls are to be saved there are arrays with an element for each record:
//!
//!     const uint64_t *offsets = rivven_batch_offsets(batch);
//!     const rivven_bytes_t *values = rivven_batch_values(batch);
//!     for (size_t i = 0; i < rivven_batch_len(batch); i++) use(offsets[i], values[i]);

use std::ffi::{CString, c_char};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use rivven_client::Result;
use rivven_client::ops::MessageBatch;
use rivven_client::{ConsumerRecord, ConsumerRecords};

use crate::bytes::{NOTHING, rivven_bytes_t};
use crate::code::rivven_code;
use crate::error::{c_string, rivven_error_t};
use crate::guard::{fallible, read, silent};
use crate::handle::{self, Opaque};
use crate::input::{invalid, required};
use crate::partitions::{Partitions, for_c};

/// Records, of each partition in the order of the log.
///
/// Those of `rivven_client_consume` and the like are of one partition, those
/// of `rivven_consumer_poll` of several, whose records follow each other.
///
/// It belongs to the caller, who frees it with `rivven_batch_free`, and lives
/// independently of the client or consumer. It never changes, so it may be read
/// from any thread. It keeps the broker's answers in memory, and keys and values
/// are views into them; those of a consumer count as `fetch.buffer.memory` until
/// the batch is freed: `rivven_batch_detach` what is to be kept for long.
pub struct rivven_batch_t {
    _opaque: [u8; 0],
}

impl Opaque for rivven_batch_t {
    type Value = Arc<Batch>;
    const MARKER: u64 = 0x7269_765f_6261_7463;
    const NAME: (&'static str, &'static str) = ("batch", "rivven_client_consume or rivven_consumer_poll");
}

/// Records in the form that C reads: arrays over what the owner keeps.
#[derive(Default)]
pub(crate) struct Batch {
    offsets: Vec<u64>,
    values: Vec<rivven_bytes_t>,
    /// Made when a program first looks at it, as most never do.
    rest: OnceLock<Rest>,
    /// Is told that the program looks at it.
    wanted: Option<Wanted>,
    parts: Vec<Part>,
    ended: Partitions,
    owner: Owner,
}

/// Whether a program has looked at keys or timestamps of a consumer's batches.
///
/// Then later ones have them from the start: looking at the records once is cheaper than twice.
pub(crate) type Wanted = Arc<AtomicBool>;

/// What there is of records besides offsets and values.
#[derive(Default)]
struct Rest {
    timestamps: Vec<i64>,
    keys: Vec<rivven_bytes_t>,
}

/// Records of one partition that follow each other.
struct Part {
    topic: CString,
    partition: u32,
    first: usize,
}

/// What keys and values lie in.
#[derive(Default)]
enum Owner {
    #[default]
    None,
    Client(MessageBatch),
    Consumer(ConsumerRecords),
    Record(ConsumerRecord),
    /// The rest was made with the copy.
    Copy {
        _bytes: Vec<u8>,
    },
}

// SAFETY: the views lead into memory that the owner keeps, where it is, and that nobody changes.
unsafe impl Send for Batch {}
// SAFETY: as above.
unsafe impl Sync for Batch {}

impl Rest {
    fn with_capacity(records: usize) -> Self {
        Rest { timestamps: Vec::with_capacity(records), keys: Vec::with_capacity(records) }
    }

    fn push(&mut self, timestamp: i64, key: Option<&[u8]>) {
        self.timestamps.push(timestamp);
        self.keys.push(key.map_or(NOTHING, Into::into));
    }
}

impl Owner {
    /// The rest of so many records, in the order of their values.
    fn rest(&self, records: usize) -> Rest {
        let mut rest = Rest::with_capacity(records);
        match self {
            Owner::None | Owner::Copy { .. } => {}
            Owner::Client(records) => {
                records.iter().for_each(|record| rest.push(record.timestamp, record.key.as_deref()));
            }
            Owner::Consumer(records) => records.views().for_each(|record| rest.push(record.timestamp, record.key)),
            Owner::Record(record) => rest.push(record.timestamp, record.key.as_deref()),
        }
        rest
    }
}

impl Batch {
    fn with_capacity(records: usize, parts: usize) -> Self {
        Batch {
            offsets: Vec::with_capacity(records),
            values: Vec::with_capacity(records),
            parts: Vec::with_capacity(parts),
            ..Batch::default()
        }
    }

    /// The records of one partition that a client has read.
    pub(crate) fn of_client(topic: &str, records: MessageBatch) -> Self {
        let mut batch = Batch::with_capacity(records.len(), 1);
        if let Some(first) = records.first() {
            batch.begin_part(topic, first.partition);
        }
        for record in &records {
            batch.push(record.offset, &record.value);
        }
        Batch { owner: Owner::Client(records), ..batch }
    }

    /// The records that a consumer's poll gave.
    pub(crate) fn of_consumer(records: ConsumerRecords, wanted: &Wanted) -> Self {
        let mut batch = Batch::with_capacity(records.len(), records.partitions().len());
        let mut rest = wanted.load(Ordering::Relaxed).then(|| Rest::with_capacity(records.len()));
        for part in records.partitions() {
            batch.begin_part(part.topic(), part.partition());
            // A loop for each, since one that leaves the rest alone does not even look at the records.
            match &mut rest {
                None => part.values().for_each(|(offset, value)| batch.push(offset, value)),
                Some(rest) => part.views().for_each(|record| {
                    batch.push(record.offset, record.value);
                    rest.push(record.timestamp, record.key);
                }),
            }
        }
        batch.ended = for_c(records.ended());
        let rest = rest.map_or_else(OnceLock::new, OnceLock::from);
        Batch { rest, wanted: Some(Arc::clone(wanted)), owner: Owner::Consumer(records), ..batch }
    }

    /// A record that a handler is to work on.
    pub(crate) fn of_record(record: ConsumerRecord) -> Self {
        let mut batch = Batch::with_capacity(1, 1);
        batch.begin_part(&record.topic, record.partition);
        batch.push(record.offset, &record.value);
        Batch { owner: Owner::Record(record), ..batch }
    }

    /// Timestamps and keys.
    #[inline]
    fn rest(&self) -> &Rest {
        self.rest.get().unwrap_or_else(|| self.make_rest())
    }

    /// Makes them beside their cell: a child that is forked meanwhile finds it empty, and does not wait for a thread
    /// that it does not have.
    #[cold]
    fn make_rest(&self) -> &Rest {
        let made = self.owner.rest(self.offsets.len());
        self.wanted.iter().for_each(|wanted| wanted.store(true, Ordering::Relaxed));
        self.rest.get_or_init(|| made)
    }

    /// Copies of some of the records.
    fn detached(&self, first: usize, count: usize) -> Result<Self> {
        let end = first.checked_add(count).filter(|end| *end <= self.offsets.len());
        let end = end.ok_or_else(|| {
            invalid(format!("first and count are {first} and {count}: there are {} records", self.offsets.len()))
        })?;
        let Rest { timestamps, keys } = self.rest();
        let size = |views: &[rivven_bytes_t]| views.iter().map(|view| view.len).sum::<usize>();
        // Its bytes do not move while it is filled, as there is room for all of them.
        let mut bytes = Vec::with_capacity(size(&keys[first..end]) + size(&self.values[first..end]));
        let (mut batch, mut rest) = (Batch::with_capacity(count, self.parts.len()), Rest::with_capacity(count));
        for index in first..end {
            let part = self.part_of(index);
            if index == first || part.is_some_and(|part| part.first == index) {
                part.iter().for_each(|part| batch.begin(part.topic.clone(), part.partition));
            }
            batch.offsets.push(self.offsets[index]);
            batch.values.push(copy(self.values[index], &mut bytes));
            rest.timestamps.push(timestamps[index]);
            rest.keys.push(copy(keys[index], &mut bytes));
        }
        Ok(Batch { rest: rest.into(), owner: Owner::Copy { _bytes: bytes }, ..batch })
    }

    fn begin_part(&mut self, topic: &str, partition: u32) {
        self.begin(c_string(topic.to_owned()), partition);
    }

    fn begin(&mut self, topic: CString, partition: u32) {
        self.parts.push(Part { topic, partition, first: self.offsets.len() });
    }

    fn push(&mut self, offset: u64, value: &[u8]) {
        self.offsets.push(offset);
        self.values.push(value.into());
    }

    /// The part that a record is in.
    fn part_of(&self, index: usize) -> Option<&Part> {
        if index >= self.offsets.len() {
            return None;
        }
        self.parts.get(self.parts.partition_point(|part| part.first <= index).checked_sub(1)?)
    }

    fn part_end(&self, part: usize) -> usize {
        self.parts.get(part + 1).map_or(self.offsets.len(), |next| next.first)
    }
}

/// Appends the bytes of a view, for which there is room, and gives a view of the copy.
fn copy(view: rivven_bytes_t, bytes: &mut Vec<u8>) -> rivven_bytes_t {
    if view.data.is_null() {
        return NOTHING;
    }
    let start = bytes.len();
    // SAFETY: the view is one of a batch that lives.
    bytes.extend_from_slice(unsafe { std::slice::from_raw_parts(view.data, view.len) });
    bytes[start..].into()
}

/// Makes the handle of a batch.
pub(crate) fn batch(records: Batch) -> *mut rivven_batch_t {
    handle::make(Arc::new(records))
}

/// The beginning of an array; NULL for one without elements.
fn array<T>(elements: &[T]) -> Option<*const T> {
    (!elements.is_empty()).then_some(elements.as_ptr())
}

/// Gives the number of records; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_batch_len(batch: *const rivven_batch_t) -> usize {
    // SAFETY: the caller gives NULL or a batch.
    unsafe { read(batch, 0, |batch| Some(batch.offsets.len())) }
}

/// Gives the offset of a record; 0 if there is none of that index.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_batch_offset(batch: *const rivven_batch_t, index: usize) -> u64 {
    // SAFETY: the caller gives NULL or a batch.
    unsafe { read(batch, 0, |batch| batch.offsets.get(index).copied()) }
}

/// Gives the topic of a record; NULL if there is none of that index.
///
/// It lives as long as the batch.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_batch_topic(batch: *const rivven_batch_t, index: usize) -> *const c_char {
    // SAFETY: the caller gives NULL or a batch.
    unsafe { read(batch, ptr::null(), |batch| batch.part_of(index).map(|part| part.topic.as_ptr())) }
}

/// Gives the partition of a record; 0 if there is none of that index.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_batch_partition(batch: *const rivven_batch_t, index: usize) -> u32 {
    // SAFETY: the caller gives NULL or a batch.
    unsafe { read(batch, 0, |batch| batch.part_of(index).map(|part| part.partition)) }
}

/// Gives when the broker received a record, in milliseconds since 1970-01-01 00:00 UTC.
///
/// 0 if there is no record of that index.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_batch_timestamp(batch: *const rivven_batch_t, index: usize) -> i64 {
    // SAFETY: the caller gives NULL or a batch.
    unsafe { read(batch, 0, |batch| batch.rest().timestamps.get(index).copied()) }
}

/// Gives the key of a record; `data` is NULL if it has none.
///
/// The same if there is no record of that index. The view is valid until
/// `rivven_batch_free`. A key may be empty: `data` is not NULL then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_batch_key(batch: *const rivven_batch_t, index: usize) -> rivven_bytes_t {
    // SAFETY: the caller gives NULL or a batch.
    unsafe { read(batch, NOTHING, |batch| batch.rest().keys.get(index).copied()) }
}

/// Gives the value of a record; `data` is NULL only if there is no record of that index.
///
/// The view is valid until `rivven_batch_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_batch_value(batch: *const rivven_batch_t, index: usize) -> rivven_bytes_t {
    // SAFETY: the caller gives NULL or a batch.
    unsafe { read(batch, NOTHING, |batch| batch.values.get(index).copied()) }
}

/// Gives the offsets of all records: `rivven_batch_len` of them; NULL if there is none.
///
/// The array lives as long as the batch.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_batch_offsets(batch: *const rivven_batch_t) -> *const u64 {
    // SAFETY: the caller gives NULL or a batch.
    unsafe { read(batch, ptr::null(), |batch| array(&batch.offsets)) }
}

/// Gives when the broker received each record, as `rivven_batch_timestamp`; NULL if there is none.
///
/// The array lives as long as the batch.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_batch_timestamps(batch: *const rivven_batch_t) -> *const i64 {
    // SAFETY: the caller gives NULL or a batch.
    unsafe { read(batch, ptr::null(), |batch| array(&batch.rest().timestamps)) }
}

/// Gives the keys of all records, as `rivven_batch_key`; NULL if there is no record.
///
/// The array and the views in it live as long as the batch.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_batch_keys(batch: *const rivven_batch_t) -> *const rivven_bytes_t {
    // SAFETY: the caller gives NULL or a batch.
    unsafe { read(batch, ptr::null(), |batch| array(&batch.rest().keys)) }
}

/// Gives the values of all records, as `rivven_batch_value`; NULL if there is no record.
///
/// The array and the views in it live as long as the batch.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_batch_values(batch: *const rivven_batch_t) -> *const rivven_bytes_t {
    // SAFETY: the caller gives NULL or a batch.
    unsafe { read(batch, ptr::null(), |batch| array(&batch.values)) }
}

/// Gives the number of parts, each of which is records of one partition that follow each other.
///
/// A partition may have more than one. 0 for NULL and for a batch without records.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_batch_parts_len(batch: *const rivven_batch_t) -> usize {
    // SAFETY: the caller gives NULL or a batch.
    unsafe { read(batch, 0, |batch| Some(batch.parts.len())) }
}

/// Gives the index of the first record of a part; `rivven_batch_len` if there is no such part.
///
/// So part `i` is the records from this one on, up to the first one of part `i + 1`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_batch_part_first(batch: *const rivven_batch_t, part: usize) -> usize {
    let first = |batch: &Arc<Batch>| match part.checked_sub(1) {
        Some(before) => Some(batch.part_end(before)),
        None => Some(0),
    };
    // SAFETY: the caller gives NULL or a batch.
    unsafe { read(batch, 0, first) }
}

/// Copies `count` records from index `first` on and stores them in `*detached`.
///
/// The new batch belongs to the caller, too, and has memory of its own alone:
/// the answers of the broker are freed with the batch that they came in. Fails
/// with `RIVVEN_CODE_INVALID_ARGUMENT` only, if there are not so many records.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_batch_detach(
    batch: *const rivven_batch_t,
    first: usize,
    count: usize,
    detached: *mut *mut rivven_batch_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the output was checked, and the caller gives room for it.
    unsafe {
        fallible(error, || -> Result<()> {
            required(detached, "detached")?;
            let copied = handle::borrow(batch)?.detached(first, count)?;
            detached.write(self::batch(copied));
            Ok(())
        })
    }
}

/// Gives the number of partitions whose end a consumer reached with these records; 0 for NULL.
///
/// Each end is told once, until there are more records; a partition that was
/// empty from the start has an end, too. Without `report.partition.end` there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_batch_ended_len(batch: *const rivven_batch_t) -> usize {
    // SAFETY: the caller gives NULL or a batch.
    unsafe { read(batch, 0, |batch| Some(batch.ended.len())) }
}

/// Gives the topic of a partition whose end was reached; NULL if there is none of that index.
///
/// It lives as long as the batch.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_batch_ended_topic(batch: *const rivven_batch_t, index: usize) -> *const c_char {
    // SAFETY: the caller gives NULL or a batch.
    unsafe { read(batch, ptr::null(), |batch| batch.ended.get(index).map(|(topic, _)| topic.as_ptr())) }
}

/// Gives the number of a partition whose end was reached; 0 if there is none of that index.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_batch_ended_partition(batch: *const rivven_batch_t, index: usize) -> u32 {
    // SAFETY: the caller gives NULL or a batch.
    unsafe { read(batch, 0, |batch| batch.ended.get(index).map(|(_, partition)| *partition)) }
}

/// Frees a batch, which ends every view into it; accepts NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_batch_free(batch: *mut rivven_batch_t) {
    // SAFETY: the caller gives NULL or a batch that is not used any more.
    silent(|| unsafe { handle::release(batch) });
}
