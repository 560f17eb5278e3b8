//! Operations on offsets.

use napi::bindgen_prelude::BigInt;
use napi_derive::napi;
use rivven_bridge::CommitOffsetsPipelined;
use rivven_client::ops::{CommitOffset, GetOffset, GetOffsetBounds, GetOffsetForTimestamp};

use crate::client::NativeClient;
use crate::failure::Failure;

/// An offset to be committed.
#[napi(object, object_to_js = false)]
pub(crate) struct Commit {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: u32,
    /// The next offset to read.
    pub offset: BigInt,
}

#[napi]
#[allow(unreachable_pub, reason = "the macro exports only what is pub")]
impl NativeClient {
    /// Asks for the range of a partition.
    #[napi]
    pub fn get_offset_bounds(&self, token: i64, topic: String, partition: u32) -> Option<Failure> {
        self.submit(token, &GetOffsetBounds { topic: &topic, partition })
    }

    /// Asks for the first offset at or after a time, in milliseconds since 1970.
    #[napi]
    pub fn get_offset_for_timestamp(
        &self,
        token: i64,
        topic: String,
        partition: u32,
        timestamp_ms: i64,
    ) -> Option<Failure> {
        self.submit(token, &GetOffsetForTimestamp { topic: &topic, partition, timestamp_ms })
    }

    /// Stores the next offset that a group is to read.
    #[napi]
    pub fn commit_offset(&self, token: i64, group: String, commit: Commit) -> Option<Failure> {
        self.submit(token, &operation(&group, &commit))
    }

    /// Stores many offsets with one wait.
    #[napi]
    pub fn commit_offsets_pipelined(&self, token: i64, group: String, commits: Vec<Commit>) -> Option<Failure> {
        let commits: Vec<_> = commits.iter().map(|commit| operation(&group, commit)).collect();
        self.submit(token, &CommitOffsetsPipelined(&commits))
    }

    /// Asks for the offset that a group has committed.
    #[napi]
    pub fn get_offset(&self, token: i64, group: String, topic: String, partition: u32) -> Option<Failure> {
        self.submit(token, &GetOffset { group: &group, topic: &topic, partition })
    }
}

fn operation<'a>(group: &'a str, commit: &'a Commit) -> CommitOffset<'a> {
    CommitOffset { group, topic: &commit.topic, partition: commit.partition, offset: commit.offset.get_u64().1 }
}
