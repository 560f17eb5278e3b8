//! Results of many calls
//!
//! A pipelined call asks for many things with one wait. Each of them has a
//! result of its own, in the order in which they were asked for.

use rivven_bridge::Client;
use rivven_client::Result;

use crate::code::rivven_code;
use crate::error::{Failure, rivven_error_t};
use crate::guard::{fallible, read, silent};
use crate::handle::{self, Opaque};
use crate::input::invalid;

/// What became of many calls that give nothing back.
///
/// It belongs to the caller, who frees it with `rivven_results_free`. It never
/// changes, so it may be read from any thread.
pub struct rivven_results_t {
    _opaque: [u8; 0],
}

impl Opaque for rivven_results_t {
    type Value = Vec<Result<(), Failure>>;
    const MARKER: u64 = 0x7269_765f_7265_736c;
    const NAME: (&'static str, &'static str) = ("list of results", "a pipelined call");
}

/// Makes the handle of results.
pub(crate) fn results(client: &Client, results: Vec<Result<()>>) -> *mut rivven_results_t {
    handle::make(results.into_iter().map(|result| explained(client, result)).collect())
}

/// Makes the handle of results whose errors stand alone already.
pub(crate) fn plain_results(results: Vec<Result<()>>) -> *mut rivven_results_t {
    handle::make(results.into_iter().map(|result| result.map_err(Failure::from)).collect())
}

/// A result whose error is in words that stand alone.
pub(crate) fn explained<T>(client: &Client, result: Result<T>) -> Result<T, Failure> {
    result.map_err(|error| Failure::new(&error, client.explain(&error)))
}

/// One of many results, once more.
///
/// # Errors
///
/// That of the result, and `INVALID_ARGUMENT` behind the end.
pub(crate) fn result_at<T: Clone>(results: &[Result<T, Failure>], index: usize) -> Result<T, Failure> {
    match results.get(index) {
        Some(result) => result.clone(),
        None => Err(invalid(format!("index is {index}: there are {} results", results.len())).into()),
    }
}

/// Gives the number of results; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_results_len(results: *const rivven_results_t) -> usize {
    // SAFETY: the caller gives NULL or results.
    unsafe { read(results, 0, |results| Some(results.len())) }
}

/// Gives the result of one call: succeeds or fails as that call did.
///
/// It may be asked for again, which gives another error of the same content.
/// Fails with `RIVVEN_CODE_INVALID_ARGUMENT` if there is no result of that index.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_results_get(
    results: *const rivven_results_t,
    index: usize,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives NULL or results.
    unsafe { fallible(error, || result_at(handle::borrow(results)?, index)) }
}

/// Frees results; accepts NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_results_free(results: *mut rivven_results_t) {
    // SAFETY: the caller gives NULL or results that are not used any more.
    silent(|| unsafe { handle::release(results) });
}
