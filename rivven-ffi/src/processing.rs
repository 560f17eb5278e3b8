//! Records worked on by handlers
//!
//! Partitions are worked on side by side, each in its order, with what
//! `process.concurrency`, `process.retries`, `process.dead.letter.topic` and the
//! other keys of `process` say. Handlers run on threads of the program:
//!
//!     static const char *bill(void *user_data, const rivven_batch_t *record) {
//!         return send_bill(rivven_batch_value(record, 0)) ? NULL : "no such customer";
//!     }
//!
//!     rivven_consumer_process(consumer, &processing, &error);
//!     rivven_processing_run(processing, bill, NULL, &error);
//!     rivven_processing_free(processing);

use std::ffi::{CStr, c_char, c_void};
use std::sync::{Mutex, OnceLock};

use rivven_bridge::{Handling, Processing};
use rivven_client::ProcessReport;

use crate::batch::{Batch, batch, rivven_batch_t};
use crate::code::rivven_code;
use crate::consumer::rivven_consumer_t;
use crate::error::rivven_error_t;
use crate::guard::{fallible, read, silent};
use crate::handle::{self, Opaque, Shared, lock};
use crate::input::{invalid, required};

/// The records of a consumer being worked on by handlers.
///
/// It belongs to the caller, who frees it with `rivven_processing_free`, and keeps
/// the consumer alive. It may be used by any number of threads at once.
pub struct rivven_processing_t {
    _opaque: [u8; 0],
}

/// What is being processed, and what came of it once it has ended.
pub(crate) struct Run {
    consuming: Shared<rivven_consumer_t>,
    number: u64,
    /// Gives it up when it is dropped.
    processing: Mutex<Option<Processing>>,
    report: OnceLock<ProcessReport>,
}

impl Opaque for rivven_processing_t {
    type Value = Run;
    const MARKER: u64 = 0x7269_765f_7072_6373;
    const NAME: (&'static str, &'static str) = ("processing", "rivven_consumer_process");
}

/// A function of the program that works on a record.
///
/// `record` is a batch of one record, which is valid for the time of the call: its
/// value is `rivven_batch_value(record, 0)`, and `rivven_batch_detach` copies it.
/// The function returns NULL when it is done, and else why it failed: a text that
/// has to be valid until the next call on the same thread, and is copied at once.
///
/// It is called within `rivven_processing_run` alone. It may call the functions of
/// the library, `rivven_consumer_wakeup` of this consumer among them; a poll or
/// close of this consumer fails with `RIVVEN_CODE_INVALID_STATE` in it. It has to
/// return: neither `longjmp` nor a C++ exception may leave it.
pub type rivven_process_handler =
    Option<unsafe extern "C" fn(user_data: *mut c_void, record: *const rivven_batch_t) -> *const c_char>;

/// A handler with its data.
pub(crate) struct Handler {
    function: unsafe extern "C" fn(*mut c_void, *const rivven_batch_t) -> *const c_char,
    user_data: *mut c_void,
}

impl Handler {
    pub(crate) fn call(&self, handling: Handling) {
        let lent = batch(Batch::of_record(handling.record.clone()));
        // SAFETY: the handle lives until both references to it are gone. The
        // second one has the memory stay if the handler frees what it was lent.
        let result = unsafe {
            let kept = handle::share(lent.cast_const());
            let why = (self.function)(self.user_data, lent);
            let result = if why.is_null() { Ok(()) } else { Err(CStr::from_ptr(why).to_string_lossy().into_owned()) };
            handle::release(lent);
            drop(kept);
            result
        };
        handling.settle(result);
    }
}

/// Begins to work on the records of a consumer, and stores what is being done in `*processing`.
///
/// The caller frees it with `rivven_processing_free`. Handlers run in
/// `rivven_processing_run`; records are read already.
///
/// At most `process.concurrency` records are with handlers at once, and never two of
/// one partition. A poll is under way meanwhile, so that rebalances are served however
/// long a handler takes; where a callback is set for them, they wait for a thread in
/// `rivven_processing_run` that is between handlers, to call it: have one more thread there
/// than `process.concurrency`. What is done is committed every `auto.commit.interval.ms` (with
/// `enable.auto.commit` false, after each of those polls), before partitions are
/// taken away, and at the end. Records that an earlier poll gave count as done.
///
/// A record whose handler failed is handled again up to `process.retries` times, with
/// pauses; then it goes to `process.dead.letter.topic`, and is done when it is
/// delivered there; without such a topic `process.on.failure` decides. A dead letter has
/// the key of the record. Its value is lines of text, `topic: `, `partition: `, `offset: `,
/// `timestamp: `, `group: `, `attempts: ` and `error: `, then an empty line, then the value.
///
/// It ends by `rivven_consumer_wakeup`, and by `rivven_consumer_close`, which waits for
/// it; handlers that are at work are waited for. So are they before partitions are
/// taken away, for at most half of `rebalance.timeout.ms`.
///
/// Fails with `RIVVEN_CODE_INVALID_STATE` in a handler or the callback of rebalances, with
/// `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`; everything else is said by
/// `rivven_processing_run`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_process(
    consumer: *mut rivven_consumer_t,
    processing: *mut *mut rivven_processing_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the output was checked, and the caller gives room for it.
    unsafe {
        fallible(error, || -> rivven_client::Result<()> {
            let consuming = handle::share(consumer.cast_const())?;
            required(processing, "processing")?;
            let (number, begun) = consuming.process()?;
            let (begun, report) = (Mutex::new(Some(begun)), OnceLock::new());
            processing.write(handle::make(Run { consuming, number, processing: begun, report }));
            Ok(())
        })
    }
}

/// Runs `handler` on this thread, for one record after another, until processing has ended.
///
/// Call it on as many threads as are to work side by side: each gets the next record
/// that no other one has, and returns the same at the end. `user_data` is given
/// to `handler`, and is only used during the call. The callback of rebalances is called in it, too,
/// between handlers.
///
/// Returns 0 when it was ended by `rivven_consumer_wakeup` or `rivven_consumer_close`. Fails with:
/// - `RIVVEN_CODE_PROCESSING_FAILED` if a record failed every time and is neither to be skipped
///   nor to go to another topic, or could not be delivered there. Its offset is not committed, so it is the next
///   one of its partition;
/// - `RIVVEN_CODE_INVALID_STATE` if the consumer was processing already, if there is neither
///   a topic nor a partition, and in a handler or the callback of rebalances;
/// - `RIVVEN_CODE_WOKEN_UP` if `rivven_processing_free` was called meanwhile;
/// - what a poll fails with, and why the last offsets could not be committed;
/// - `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_processing_run(
    processing: *mut rivven_processing_t,
    handler: rivven_process_handler,
    user_data: *mut c_void,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: passed on to the caller.
    unsafe {
        fallible(error, || -> rivven_client::Result<()> {
            let run = handle::share(processing.cast_const())?;
            let function = handler.ok_or_else(|| invalid("handler is NULL: pass a function".into()))?;
            let report = run.consuming.run(run.number, &Handler { function, user_data })?;
            run.report.get_or_init(|| report);
            Ok(())
        })
    }
}

/// Reads a count of the report.
unsafe fn count(processing: *const rivven_processing_t, look: impl FnOnce(&ProcessReport) -> u64) -> u64 {
    // SAFETY: the caller gives NULL or a processing.
    unsafe { read(processing, 0, |run| run.report.get().map(look)) }
}

/// Gives the number of records that handlers were done with; 0 until `rivven_processing_run` has returned 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_processing_processed(processing: *const rivven_processing_t) -> u64 {
    // SAFETY: the caller gives NULL or a processing.
    unsafe { count(processing, |report| report.processed) }
}

/// Gives how often a record was handled again; 0 until `rivven_processing_run` has returned 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_processing_retries(processing: *const rivven_processing_t) -> u64 {
    // SAFETY: the caller gives NULL or a processing.
    unsafe { count(processing, |report| report.retries) }
}

/// Gives the number of records that went to the dead letter topic; 0 until `rivven_processing_run` has returned 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_processing_dead_lettered(processing: *const rivven_processing_t) -> u64 {
    // SAFETY: the caller gives NULL or a processing.
    unsafe { count(processing, |report| report.dead_lettered) }
}

/// Gives the number of records that were left out; 0 until `rivven_processing_run` has returned 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_processing_skipped(processing: *const rivven_processing_t) -> u64 {
    // SAFETY: the caller gives NULL or a processing.
    unsafe { count(processing, |report| report.skipped) }
}

/// Drops the caller's reference; accepts NULL and never blocks.
///
/// What has not ended by then is given up: records that are not done are read
/// again, and `rivven_processing_run` ends in other threads.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_processing_free(processing: *mut rivven_processing_t) {
    // SAFETY: the caller gives NULL or a processing that is not used for a new call any more.
    silent(|| unsafe {
        if let Ok(run) = handle::share(processing.cast_const()) {
            handle::release(processing);
            drop(lock(&run.processing).take());
        }
    });
}

impl Drop for Run {
    fn drop(&mut self) {
        self.consuming.forget(self.number);
    }
}
