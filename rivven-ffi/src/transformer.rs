//! Work done by transactions
//!
//! Records are read, worked on and written so that what comes of each counts
//! once. Each round has a transaction, of which the positions behind its records
//! are part; after a failure or a crash they are read again.
//!
//!     rivven_transformer_new(consumer, producer, &transformer, &error);
//!     while (rivven_transformer_next(transformer, &batch, &transaction, &error) == RIVVEN_CODE_OK && batch) {
//!         const char *why = work_on(batch, transaction);
//!         if (why) rivven_transformer_fail(transformer, why, &error);
//!         else rivven_transformer_commit(transformer, NULL, &error);
//!         rivven_transaction_free(transaction);
//!         rivven_batch_free(batch);
//!     }
//!     rivven_transformer_free(transformer);

use std::ffi::{CStr, c_char};
use std::ptr;
use std::sync::Arc;

use rivven_bridge::{Answer, Queue, Round, Transaction, Transformer};
use rivven_client::{Result, TransformReport};

use crate::batch::{Batch, batch, rivven_batch_t};
use crate::code::rivven_code;
use crate::consumer::{misanswered, rivven_consumer_t};
use crate::error::rivven_error_t;
use crate::guard::{fallible, read, silent};
use crate::handle::{self, Opaque, Shared};
use crate::input::{invalid, required, store};
use crate::producer::rivven_producer_t;
use crate::transaction::{rivven_transaction_t, transaction};

/// Reads by a consumer, and begins a transaction of a producer for each round of records.
///
/// It belongs to the caller, who frees it with `rivven_transformer_free`, and
/// keeps the consumer and the producer alive. Its calls may be made from any
/// thread and follow one another. In the callback of rebalances of the consumer
/// they fail with `RIVVEN_CODE_INVALID_STATE`, and in the child of a `fork` with
/// `RIVVEN_CODE_FORKED`; free it there.
pub struct rivven_transformer_t {
    _opaque: [u8; 0],
}

/// A transformer, and the consumer by whose calls it waits: rebalances are served meanwhile.
pub(crate) struct Working {
    transformer: Transformer,
    consuming: Shared<rivven_consumer_t>,
}

impl Opaque for rivven_transformer_t {
    type Value = Working;
    const MARKER: u64 = 0x7269_765f_7472_666d;
    const NAME: (&'static str, &'static str) = ("transformer", "rivven_transformer_new");
}

impl Working {
    fn call(&self, submit: impl FnOnce(&Transformer, &Arc<Queue>, u64) -> Result<()>) -> Result<Answer> {
        self.consuming.call(|queue, token| submit(&self.transformer, queue, token))
    }

    fn next(&self) -> Result<Option<(Batch, Transaction)>> {
        match self.call(Transformer::submit_next)? {
            Answer::Round(Some(Round { records, transaction })) => {
                Ok(Some((self.consuming.batch(records), transaction)))
            }
            Answer::Round(None) => Ok(None),
            other => Err(misanswered(&other)),
        }
    }

    fn commit(&self) -> Result<bool> {
        match self.call(Transformer::submit_commit)? {
            Answer::Counts(counts) => Ok(counts),
            other => Err(misanswered(&other)),
        }
    }

    fn fail(&self, why: &str) -> Result<()> {
        self.call(|transformer, queue, token| transformer.submit_fail(why, queue, token)).map(drop)
    }

    fn report(&self) -> Result<TransformReport> {
        match self.call(Transformer::submit_report)? {
            Answer::Transformed(report) => Ok(report),
            other => Err(misanswered(&other)),
        }
    }
}

/// Runs the body of a function on a transformer, which stays alive until the body ends.
///
/// # Safety
///
/// As `handle::share` and `fallible`.
unsafe fn on_transformer(
    transformer: *mut rivven_transformer_t,
    error: *mut *mut rivven_error_t,
    body: impl FnOnce(&Working) -> Result<()>,
) -> rivven_code {
    // SAFETY: passed on to the caller.
    unsafe {
        fallible(error, || {
            let working = handle::share(transformer.cast_const())?;
            body(&working)
        })
    }
}

/// Makes a transformer of a consumer and a producer, and stores it in `*transformer`.
///
/// The caller frees it with `rivven_transformer_free`. Let nobody else poll the
/// consumer or begin transactions of the producer meanwhile.
///
/// Fails with `RIVVEN_CODE_INVALID_CONFIG` if the consumer commits by itself
/// (`enable.auto.commit` has to be false), or the producer has no
/// `transactional.id`; with `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_transformer_new(
    consumer: *mut rivven_consumer_t,
    producer: *mut rivven_producer_t,
    transformer: *mut *mut rivven_transformer_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the output was checked, and the caller gives room for it.
    unsafe {
        fallible(error, || -> Result<()> {
            let consuming = handle::share(consumer.cast_const())?;
            let producing = handle::share(producer.cast_const())?;
            required(transformer, "transformer")?;
            let made = Transformer::new(consuming.consumer(), producing.producer())?;
            transformer.write(handle::make(Working { transformer: made, consuming }));
            Ok(())
        })
    }
}

/// Waits for records and begins a transaction for what is written of them.
///
/// The records are stored in `*batch`, which the caller frees with
/// `rivven_batch_free`, and the transaction in `*transaction`, which the caller
/// frees with `rivven_transaction_free`. Both are NULL once the consumer was woken
/// up by `rivven_consumer_wakeup` or is closed.
///
/// Write to the transaction, then call `rivven_transformer_commit` or
/// `rivven_transformer_fail`. A round for which neither was called is aborted here
/// first, and its records are read again. After failures this pauses before
/// it reads (`process.retry.backoff.ms`). The callback of rebalances is called in it.
///
/// Fails as `rivven_consumer_poll` and `rivven_transaction_begin`; call it again if
/// `rivven_error_is_retriable`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_transformer_next(
    transformer: *mut rivven_transformer_t,
    batch: *mut *mut rivven_batch_t,
    transaction: *mut *mut rivven_transaction_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the outputs were checked, and the caller gives room for them.
    unsafe {
        on_transformer(transformer, error, |working| {
            required(batch, "batch")?;
            required(transaction, "transaction")?;
            let (records, begun) = match working.next()? {
                Some((records, begun)) => {
                    let begun = self::transaction(begun)?;
                    (self::batch(records), begun)
                }
                None => (ptr::null_mut(), ptr::null_mut()),
            };
            batch.write(records);
            transaction.write(begun);
            Ok(())
        })
    }
}

/// Lets what was written count, together with the positions behind the records.
///
/// `*counts` is false if that failed and the records are read again by the next
/// `rivven_transformer_next`; it may be NULL, as there is nothing to be done about
/// it.
///
/// Fails with `RIVVEN_CODE_INVALID_STATE` if no records are under way; with what
/// cannot be mended by another attempt, or has failed `process.retries` times in a
/// row after the first, lost connections not counted: the records are read again
/// all the same. Fails with `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`, too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_transformer_commit(
    transformer: *mut rivven_transformer_t,
    counts: *mut bool,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives NULL or room for the output.
    unsafe {
        on_transformer(transformer, error, |working| {
            store(counts, working.commit()?);
            Ok(())
        })
    }
}

/// Drops what was written, since the work has failed; the records are read again.
///
/// `why` is a text for the error, which is copied.
///
/// Fails with `RIVVEN_CODE_PROCESSING_FAILED` once the work has failed
/// `process.retries` times in a row after the first;
/// `RIVVEN_CODE_INVALID_STATE` if no records are under way; `RIVVEN_CODE_FORKED`
/// and `RIVVEN_CODE_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_transformer_fail(
    transformer: *mut rivven_transformer_t,
    why: *const c_char,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives NULL or a string that ends with a zero.
    unsafe {
        on_transformer(transformer, error, |working| {
            if why.is_null() {
                return Err(invalid("why is NULL: pass a string".to_owned()));
            }
            working.fail(&CStr::from_ptr(why).to_string_lossy())
        })
    }
}

/// What a transformer has done, at one moment.
///
/// It belongs to the caller, who frees it with `rivven_transform_report_free`.
/// It never changes, so it may be read from any thread.
pub struct rivven_transform_report_t {
    _opaque: [u8; 0],
}

impl Opaque for rivven_transform_report_t {
    type Value = TransformReport;
    const MARKER: u64 = 0x7269_765f_7472_6570;
    const NAME: (&'static str, &'static str) = ("report of a transformer", "rivven_transformer_report");
}

/// Stores in `*report` what was done so far, once the call under way in another thread has ended.
///
/// The caller frees it with `rivven_transform_report_free`. Fails with
/// `RIVVEN_CODE_INVALID_STATE` in the callback of rebalances, with
/// `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_transformer_report(
    transformer: *mut rivven_transformer_t,
    report: *mut *mut rivven_transform_report_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the output was checked, and the caller gives room for it.
    unsafe {
        on_transformer(transformer, error, |working| {
            required(report, "report")?;
            report.write(handle::make(working.report()?));
            Ok(())
        })
    }
}

/// Gives the number of transactions that were committed; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_transform_report_transactions(report: *const rivven_transform_report_t) -> u64 {
    // SAFETY: the caller gives NULL or a report.
    unsafe { read(report, 0, |report| Some(report.transactions)) }
}

/// Gives the number of records that were read in them; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_transform_report_records(report: *const rivven_transform_report_t) -> u64 {
    // SAFETY: the caller gives NULL or a report.
    unsafe { read(report, 0, |report| Some(report.records)) }
}

/// Gives the number of rounds that were aborted, whose records were read again; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_transform_report_aborted(report: *const rivven_transform_report_t) -> u64 {
    // SAFETY: the caller gives NULL or a report.
    unsafe { read(report, 0, |report| Some(report.aborted)) }
}

/// Gives the number of rounds of which it is not known whether they were committed; 0 for NULL.
///
/// Their records were read again, and what was written before may count as well. It takes a
/// lost answer and a restart of the broker.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_transform_report_uncertain(report: *const rivven_transform_report_t) -> u64 {
    // SAFETY: the caller gives NULL or a report.
    unsafe { read(report, 0, |report| Some(report.uncertain)) }
}

/// Frees a report; accepts NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_transform_report_free(report: *mut rivven_transform_report_t) {
    // SAFETY: the caller gives NULL or a report that is not used any more.
    silent(|| unsafe { handle::release(report) });
}

/// Drops the caller's reference to a transformer; accepts NULL and never blocks.
///
/// A round that was neither committed nor failed is aborted in the background once
/// its transaction is freed as well: nothing of it counts, and the next consumer of
/// the group reads its records again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_transformer_free(transformer: *mut rivven_transformer_t) {
    // SAFETY: the caller gives NULL or a transformer that is not used for a new call any more.
    silent(|| unsafe { handle::release(transformer) });
}
