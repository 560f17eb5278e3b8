//! Records that were read
//!
//!     for (size_t i = 0; i < rivven_batch_len(batch); i++) {
//!         rivven_bytes_t value = rivven_batch_value(batch, i);
//!         fwrite(value.data, 1, value.len, stdout);
//!     }
//!     rivven_batch_free(batch);

use std::sync::Arc;

use rivven_client::MessageData;
use rivven_client::ops::MessageBatch;

use crate::bytes::{NOTHING, rivven_bytes_t};
use crate::guard::{read, silent};
use crate::handle::{self, Opaque};

/// Records of one partition, in the order of the log.
///
/// It belongs to the caller, who frees it with `rivven_batch_free`, and lives
/// independently of the client. It never changes, so it may be read from any
/// thread. It keeps the broker's answer in memory, and keys and values are
/// views into that.
pub struct rivven_batch_t {
    _opaque: [u8; 0],
}

impl Opaque for rivven_batch_t {
    type Value = Arc<MessageBatch>;
    const MARKER: u64 = 0x7269_765f_6261_7463;
    const NAME: (&'static str, &'static str) = ("batch", "rivven_client_consume");
}

/// Makes the handle of a batch.
pub(crate) fn batch(records: MessageBatch) -> *mut rivven_batch_t {
    handle::make(Arc::new(records))
}

/// Reads a record; `otherwise` is what stands for none.
unsafe fn record<T>(
    batch: *const rivven_batch_t,
    index: usize,
    otherwise: T,
    look: impl FnOnce(&MessageData) -> Option<T>,
) -> T {
    // SAFETY: the caller gives NULL or a batch.
    unsafe { read(batch, otherwise, |records| records.get(index).and_then(look)) }
}

/// Gives the number of records; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_batch_len(batch: *const rivven_batch_t) -> usize {
    // SAFETY: the caller gives NULL or a batch.
    unsafe { read(batch, 0, |records| Some(records.len())) }
}

/// Gives the offset of a record; 0 if there is none of that index.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_batch_offset(batch: *const rivven_batch_t, index: usize) -> u64 {
    // SAFETY: the caller gives NULL or a batch.
    unsafe { record(batch, index, 0, |record| Some(record.offset)) }
}

/// Gives the partition of a record; 0 if there is none of that index.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_batch_partition(batch: *const rivven_batch_t, index: usize) -> u32 {
    // SAFETY: the caller gives NULL or a batch.
    unsafe { record(batch, index, 0, |record| Some(record.partition)) }
}

/// Gives when the broker received a record, in milliseconds since 1970-01-01 00:00 UTC.
///
/// 0 if there is no record of that index.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_batch_timestamp(batch: *const rivven_batch_t, index: usize) -> i64 {
    // SAFETY: the caller gives NULL or a batch.
    unsafe { record(batch, index, 0, |record| Some(record.timestamp)) }
}

/// Gives the key of a record; `data` is NULL if it has none.
///
/// The same if there is no record of that index. The view is valid until
/// `rivven_batch_free`. A key may be empty: `data` is not NULL then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_batch_key(batch: *const rivven_batch_t, index: usize) -> rivven_bytes_t {
    // SAFETY: the caller gives NULL or a batch.
    unsafe { record(batch, index, NOTHING, |record| record.key.as_deref().map(Into::into)) }
}

/// Gives the value of a record; `data` is NULL only if there is no record of that index.
///
/// The view is valid until `rivven_batch_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_batch_value(batch: *const rivven_batch_t, index: usize) -> rivven_bytes_t {
    // SAFETY: the caller gives NULL or a batch.
    unsafe { record(batch, index, NOTHING, |record| Some(record.value[..].into())) }
}

/// Frees a batch, which ends every view into it; accepts NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_batch_free(batch: *mut rivven_batch_t) {
    // SAFETY: the caller gives NULL or a batch that is not used any more.
    silent(|| unsafe { handle::release(batch) });
}
