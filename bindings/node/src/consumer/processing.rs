//! Records that handlers of JavaScript are to work on.

use std::collections::HashMap;

use napi::Env;
use napi::bindgen_prelude::{Object, ToNapiValue, sys};
use napi_derive::napi;
use rivven_bridge::{Handling, Processing};
use rivven_client::ProcessReport;

use crate::records::Records;

/// What is being processed, by the tokens of the calls, and what handlers are at work on, by numbers.
#[derive(Default)]
pub(super) struct Handlings {
    count: u32,
    open: HashMap<u32, Handling>,
    pub(super) calls: HashMap<u64, Processing>,
}

impl Handlings {
    pub(super) fn open(&mut self, call: u64, handling: Handling) -> Handled {
        self.count = self.count.wrapping_add(1);
        let topic = handling.record.topic.to_string();
        let records = Records::of_record(&handling.record);
        self.open.insert(self.count, handling);
        Handled { number: self.count, call: call as i64, topic, records }
    }

    pub(super) fn take(&mut self, number: u32) -> Option<Handling> {
        self.open.remove(&number)
    }
}

/// A record that a handler is to work on, as JavaScript sees it.
pub(crate) struct Handled {
    /// By which the program says what came of it.
    number: u32,
    /// The call whose handler it is for.
    call: i64,
    topic: String,
    records: Records,
}

/// `{ number, call, topic, bytes, count, headers }`.
impl ToNapiValue for Handled {
    unsafe fn to_napi_value(env: sys::napi_env, handled: Self) -> napi::Result<sys::napi_value> {
        let scope = Env::from_raw(env);
        let mut object = handled.records.into_object(&scope)?;
        object.set("number", handled.number)?;
        object.set("call", handled.call)?;
        object.set("topic", handled.topic)?;
        // SAFETY: the object belongs to this environment.
        unsafe { Object::to_napi_value(env, object) }
    }
}

/// What handlers have done.
#[napi(object, object_from_js = false)]
#[allow(missing_docs, reason = "the fields are those of the report that it is made from")]
pub(crate) struct Report {
    pub processed: f64,
    pub retries: f64,
    pub dead_lettered: f64,
    pub skipped: f64,
}

impl From<ProcessReport> for Report {
    fn from(report: ProcessReport) -> Self {
        Report {
            processed: report.processed as f64,
            retries: report.retries as f64,
            dead_lettered: report.dead_lettered as f64,
            skipped: report.skipped as f64,
        }
    }
}
