//! Where a record went
//!
//!     rivven_record_metadata_t *metadata = NULL;
//!     if (rivven_client_publish_with_metadata(client, "orders", RIVVEN_PARTITION_ANY, key, value,
//!                                             &metadata, &error) == RIVVEN_CODE_OK) {
//!         if (rivven_record_metadata_is_maybe_duplicate(metadata)) puts("it may be there twice");
//!     }
//!     rivven_record_metadata_free(metadata);

use std::ffi::{CString, c_char};
use std::ptr;

use rivven_client::RecordMetadata;

use crate::error::c_string;
use crate::guard::{read, silent};
use crate::handle::{self, Opaque};

/// The offset of a record whose place is not known.
pub const RIVVEN_OFFSET_UNKNOWN: u64 = 0xffff_ffff_ffff_ffff;

/// Where a record went, and what is known of it.
///
/// It belongs to the caller, who frees it with `rivven_record_metadata_free`.
/// It never changes, so it may be read from any thread.
pub struct rivven_record_metadata_t {
    _opaque: [u8; 0],
}

/// What is known of a record in the form that C reads.
pub(crate) struct Known {
    topic: CString,
    metadata: RecordMetadata,
}

impl Opaque for rivven_record_metadata_t {
    type Value = Known;
    const MARKER: u64 = 0x7269_765f_7265_636d;
    const NAME: (&'static str, &'static str) = ("metadata of a record", "rivven_client_publish_with_metadata");
}

/// Makes the handle of what is known of a record.
pub(crate) fn record_metadata(metadata: RecordMetadata) -> *mut rivven_record_metadata_t {
    handle::make(Known { topic: c_string(metadata.topic.to_string()), metadata })
}

/// Gives the topic; NULL for NULL. It lives as long as the metadata.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_record_metadata_topic(metadata: *const rivven_record_metadata_t) -> *const c_char {
    // SAFETY: the caller gives NULL or metadata.
    unsafe { read(metadata, ptr::null(), |known| Some(known.topic.as_ptr())) }
}

/// Gives the partition; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_record_metadata_partition(metadata: *const rivven_record_metadata_t) -> u32 {
    // SAFETY: the caller gives NULL or metadata.
    unsafe { read(metadata, 0, |known| Some(known.metadata.partition)) }
}

/// Gives the offset, `RIVVEN_OFFSET_UNKNOWN` where no answer was waited for; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_record_metadata_offset(metadata: *const rivven_record_metadata_t) -> u64 {
    // SAFETY: the caller gives NULL or metadata.
    unsafe { read(metadata, 0, |known| Some(known.metadata.offset)) }
}

/// Gives when the answer came, in milliseconds since 1970; 0 for NULL.
///
/// By the clock of this machine: no answer carries a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_record_metadata_timestamp_ms(metadata: *const rivven_record_metadata_t) -> i64 {
    // SAFETY: the caller gives NULL or metadata.
    unsafe { read(metadata, 0, |known| Some(known.metadata.timestamp)) }
}

/// Tells whether the broker recognised the record as one that it had already.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_record_metadata_is_duplicate(metadata: *const rivven_record_metadata_t) -> bool {
    // SAFETY: the caller gives NULL or metadata.
    unsafe { read(metadata, false, |known| Some(known.metadata.duplicate)) }
}

/// Tells whether an earlier attempt, whose outcome is unknown, may have written the record too.
///
/// It happens only with `retry.unknown.outcome`, which is on by default.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_record_metadata_is_maybe_duplicate(metadata: *const rivven_record_metadata_t) -> bool {
    // SAFETY: the caller gives NULL or metadata.
    unsafe { read(metadata, false, |known| Some(known.metadata.maybe_duplicate)) }
}

/// Tells whether the offset is the record's own for certain.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_record_metadata_is_offset_exact(metadata: *const rivven_record_metadata_t) -> bool {
    // SAFETY: the caller gives NULL or metadata.
    unsafe { read(metadata, false, |known| Some(known.metadata.offset_exact)) }
}

/// Frees metadata and the string it gave; accepts NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_record_metadata_free(metadata: *mut rivven_record_metadata_t) {
    // SAFETY: the caller gives NULL or metadata that is not used any more.
    silent(|| unsafe { handle::release(metadata) });
}
