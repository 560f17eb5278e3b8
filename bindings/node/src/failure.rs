//! Errors as plain fields, from which JavaScript makes its own.

use napi_derive::napi;
use rivven_client::Error;

/// What a `RivvenError` is made from.
#[napi(object, object_from_js = false)]
pub(crate) struct Failure {
    /// The name of the code: `TIMED_OUT`.
    pub code: &'static str,
    /// The text.
    pub message: String,
    /// Whether the same call may succeed when it is repeated.
    pub retriable: bool,
    /// Whether the handle is of no use any more.
    pub fatal: bool,
    /// Whether an open transaction has to be aborted.
    pub abortable: bool,
    /// What is known of the execution: `NOT_SENT`, `UNKNOWN` or `REJECTED`.
    pub outcome: &'static str,
    /// The server concerned.
    pub address: Option<String>,
    /// The schema registry's own number for the error.
    pub registry_code: Option<u32>,
}

impl Failure {
    /// The fields of an error, whose text may say more than its `Display` form.
    pub(crate) fn new(error: &Error, message: String) -> Self {
        Failure {
            code: error.code().name(),
            message,
            retriable: error.is_retriable(),
            fatal: error.is_fatal(),
            abortable: error.is_abortable(),
            outcome: error.outcome().name(),
            address: error.address().map(str::to_owned),
            registry_code: error.registry_code(),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::new(&error, error.to_string())
    }
}
