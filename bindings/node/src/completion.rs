//! Answers as JavaScript values.

use napi::bindgen_prelude::{ToNapiValue, sys};
use napi_derive::napi;
use rivven_bridge::Answer;

use crate::failure::Failure;
use crate::records::Records;

/// The answer to one call.
#[napi(object, object_from_js = false)]
pub(crate) struct Completion {
    /// The number that the call was made with.
    pub token: i64,
    /// Why it failed, if it did.
    pub failure: Option<Failure>,
    /// What it gave.
    pub value: Option<Value>,
}

/// An answer on its way to JavaScript.
pub(crate) struct Value(pub(crate) Answer);

/// Where a record went.
#[napi(object, object_from_js = false)]
pub(crate) struct Published {
    /// The partition.
    pub partition: u32,
    /// The offset of the record.
    pub offset: u64,
}

/// Where a batch went.
#[napi(object, object_from_js = false)]
pub(crate) struct PublishedBatch {
    /// The partition.
    pub partition: u32,
    /// The offset of the first record.
    pub base_offset: u64,
    /// The number of records.
    pub count: u32,
}

/// A topic.
#[napi(object, object_from_js = false)]
pub(crate) struct TopicMetadata {
    /// The name.
    pub name: String,
    /// The number of partitions.
    pub partitions: u32,
}

/// The range of a partition.
#[napi(object, object_from_js = false)]
pub(crate) struct OffsetBounds {
    /// The first offset.
    pub earliest: u64,
    /// The next offset to be written.
    pub latest: u64,
}

/// A login.
#[napi(object, object_from_js = false)]
pub(crate) struct Session {
    /// The broker's name for it.
    pub session_id: String,
    /// How long it holds, in seconds.
    pub expires_in: f64,
}

impl ToNapiValue for Value {
    unsafe fn to_napi_value(env: sys::napi_env, value: Self) -> napi::Result<sys::napi_value> {
        // SAFETY: the environment is the one that this function was called with.
        unsafe {
            match value.0 {
                Answer::Number(count) => u32::to_napi_value(env, count),
                Answer::Names(names) => Vec::to_napi_value(env, names),
                Answer::Messages(messages) => Records::to_napi_value(env, Records::pack(&messages)),
                Answer::Published(to) => {
                    let (partition, offset) = (to.partition, to.offset);
                    Published::to_napi_value(env, Published { partition, offset })
                }
                Answer::PublishedBatch(to) => {
                    let (partition, base_offset, count) = (to.partition, to.base_offset, to.record_count);
                    PublishedBatch::to_napi_value(env, PublishedBatch { partition, base_offset, count })
                }
                Answer::TopicMetadata((name, partitions)) => {
                    TopicMetadata::to_napi_value(env, TopicMetadata { name, partitions })
                }
                Answer::OffsetBounds((earliest, latest)) => {
                    OffsetBounds::to_napi_value(env, OffsetBounds { earliest, latest })
                }
                Answer::Session(session) => {
                    let expires_in = session.expires_in as f64;
                    Session::to_napi_value(env, Session { session_id: session.session_id, expires_in })
                }
                _ => <()>::to_napi_value(env, ()),
            }
        }
    }
}
