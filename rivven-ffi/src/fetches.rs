//! Reading many partitions
//!
//!     rivven_fetches_t *fetches = NULL;
//!     rivven_fetched_t *fetched = NULL;
//!     rivven_fetches_new(&fetches, &error);
//!     rivven_fetches_add(fetches, "orders", 0, 0, 100, RIVVEN_ISOLATION_DEFAULT, &error);
//!     rivven_fetches_add(fetches, "orders", 1, 0, 100, RIVVEN_ISOLATION_DEFAULT, &error);
//!     rivven_client_consume_pipelined(client, fetches, &fetched, &error);
//!     for (size_t i = 0; i < rivven_fetched_len(fetched); i++) {
//!         rivven_batch_t *batch = NULL;
//!         if (rivven_fetched_batch(fetched, i, &batch, &error) == RIVVEN_CODE_OK) {
//!             printf("%zu records\n", rivven_batch_len(batch));
//!         }
//!         rivven_batch_free(batch);
//!     }

use std::ffi::c_char;
use std::sync::{Arc, Mutex};

use rivven_bridge::ConsumePipelined;
use rivven_client::Result;
use rivven_client::ops::Consume;

use crate::batch::{Batch, rivven_batch_t};
use crate::client::{on_client, rivven_client_t};
use crate::code::rivven_code;
use crate::error::{Failure, rivven_error_t};
use crate::guard::{fallible, read, silent};
use crate::handle::{self, Opaque, lock};
use crate::input::{isolation, required, text};
use crate::results::{explained, result_at};

/// What is to be read from where.
///
/// It belongs to the caller, who frees it with `rivven_fetches_free`, and may be
/// used for many calls. Meant for one thread at a time.
pub struct rivven_fetches_t {
    _opaque: [u8; 0],
}

/// A partition that is to be read.
pub(crate) struct Fetch {
    topic: String,
    partition: u32,
    offset: u64,
    max_messages: u32,
    isolation_level: Option<u8>,
}

impl Fetch {
    fn operation(&self) -> Consume<'_> {
        let Fetch { topic, partition, offset, max_messages, isolation_level } = self;
        Consume {
            topic,
            partition: *partition,
            offset: *offset,
            max_messages: *max_messages,
            isolation_level: *isolation_level,
            max_wait: None,
        }
    }
}

impl Opaque for rivven_fetches_t {
    type Value = Mutex<Vec<Fetch>>;
    const MARKER: u64 = 0x7269_765f_6665_7463;
    const NAME: (&'static str, &'static str) = ("list of fetches", "rivven_fetches_new");
}

/// What was read from many partitions.
///
/// It belongs to the caller, who frees it with `rivven_fetched_free`. It never
/// changes, so it may be read from any thread.
pub struct rivven_fetched_t {
    _opaque: [u8; 0],
}

impl Opaque for rivven_fetched_t {
    type Value = Vec<Result<Arc<Batch>, Failure>>;
    const MARKER: u64 = 0x7269_765f_6665_7464;
    const NAME: (&'static str, &'static str) = ("list of batches", "rivven_client_consume_pipelined");
}

/// Makes a list without fetches and stores it in `*fetches`.
///
/// The caller frees it with `rivven_fetches_free`. Fails with
/// `RIVVEN_CODE_INVALID_ARGUMENT` only, if `fetches` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_fetches_new(
    fetches: *mut *mut rivven_fetches_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the output was checked, and the caller gives room for it.
    unsafe {
        fallible(error, || -> Result<()> {
            required(fetches, "fetches")?;
            fetches.write(handle::make(Mutex::default()));
            Ok(())
        })
    }
}

/// Adds at the end a partition to be read from `offset` on, at most `max_messages` records.
///
/// The numbers are as for `rivven_client_consume_with_isolation`. Fails with
/// `RIVVEN_CODE_INVALID_ARGUMENT` only; the list is unchanged then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_fetches_add(
    fetches: *mut rivven_fetches_t,
    topic: *const c_char,
    partition: u32,
    offset: u64,
    max_messages: u32,
    isolation_level: i32,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives a list and a string that ends with a zero.
    unsafe {
        fallible(error, || -> Result<()> {
            let fetches = handle::borrow(fetches.cast_const())?;
            let (topic, isolation_level) = (text(topic, "topic")?.to_owned(), isolation(isolation_level)?);
            lock(fetches).push(Fetch { topic, partition, offset, max_messages, isolation_level });
            Ok(())
        })
    }
}

/// Frees a list of fetches; accepts NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_fetches_free(fetches: *mut rivven_fetches_t) {
    // SAFETY: the caller gives NULL or fetches that are not used any more.
    silent(|| unsafe { handle::release(fetches) });
}

/// Reads many partitions with one wait.
///
/// What was read goes to `*fetched`, in the order of `fetches`; the caller frees
/// it with `rivven_fetched_free`. `fetches` stays the caller's. A fetch that
/// fails fails alone, in the ways of `rivven_client_consume`; the call itself
/// fails with `RIVVEN_CODE_INVALID_ARGUMENT`, `RIVVEN_CODE_CLOSED` and
/// `RIVVEN_CODE_FORKED` only, before anything is sent.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_consume_pipelined(
    client: *mut rivven_client_t,
    fetches: *const rivven_fetches_t,
    fetched: *mut *mut rivven_fetched_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the output was checked, and the caller gives room for it.
    unsafe {
        on_client(client, error, |client| {
            required(fetched, "fetched")?;
            let fetches = handle::borrow(fetches)?;
            // Encoding ends before the wait, and with it the lock.
            let (call, topics) = {
                let fetches = lock(fetches);
                let operations: Vec<_> = fetches.iter().map(Fetch::operation).collect();
                let topics: Vec<_> = fetches.iter().map(|fetch| fetch.topic.clone()).collect();
                (client.start(&ConsumePipelined(&operations))?, topics)
            };
            let batches = call.wait()?.into_iter().zip(topics).map(|(records, topic)| {
                explained(client, records.map(|records| Arc::new(Batch::of_client(&topic, records))))
            });
            fetched.write(handle::make(batches.collect()));
            Ok(())
        })
    }
}

/// Gives the number of batches and errors: that of the fetches; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_fetched_len(fetched: *const rivven_fetched_t) -> usize {
    // SAFETY: the caller gives NULL or what was fetched.
    unsafe { read(fetched, 0, |fetched| Some(fetched.len())) }
}

/// Stores the batch of a fetch in `*batch`, or fails as that fetch did.
///
/// The caller frees the batch with `rivven_batch_free`; it lives independently
/// of `fetched`. It may be asked for again, which gives another handle of the
/// same records. Fails with `RIVVEN_CODE_INVALID_ARGUMENT` if there is no fetch
/// of that index.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_fetched_batch(
    fetched: *const rivven_fetched_t,
    index: usize,
    batch: *mut *mut rivven_batch_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the output was checked, and the caller gives room for it.
    unsafe {
        fallible(error, || -> Result<(), Failure> {
            required(batch, "batch")?;
            batch.write(handle::make(result_at(handle::borrow(fetched)?, index)?));
            Ok(())
        })
    }
}

/// Frees what was fetched; accepts NULL. Batches taken from it live on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_fetched_free(fetched: *mut rivven_fetched_t) {
    // SAFETY: the caller gives NULL or what was fetched and is not used any more.
    silent(|| unsafe { handle::release(fetched) });
}
