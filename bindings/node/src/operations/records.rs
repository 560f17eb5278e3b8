//! Operations that write and read records.

use napi::bindgen_prelude::BigInt;
use napi_derive::napi;
use rivven_bridge::ConsumePipelined;
use rivven_client::ops::{Consume, Publish, PublishBatch};

use crate::client::{NativeClient, milliseconds};
use crate::failure::Failure;

/// What is to be read of a partition.
#[napi(object, object_to_js = false, use_nullable = true)]
pub(crate) struct Fetch {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: u32,
    /// The first offset wanted.
    pub offset: BigInt,
    /// The most records wanted.
    pub max_messages: u32,
    /// Which transactions are seen.
    pub isolation_level: Option<u8>,
    /// How long the broker may wait for a first record, in milliseconds.
    pub max_wait_ms: Option<f64>,
}

impl Fetch {
    fn operation(&self) -> Consume<'_> {
        Consume {
            topic: &self.topic,
            partition: self.partition,
            offset: self.offset.get_u64().1,
            max_messages: self.max_messages,
            isolation_level: self.isolation_level,
            max_wait: self.max_wait_ms.map(milliseconds),
        }
    }
}

#[napi]
#[allow(unreachable_pub, reason = "the macro exports only what is pub")]
impl NativeClient {
    /// Appends a record.
    #[napi]
    pub fn publish(
        &self,
        token: i64,
        topic: String,
        partition: Option<u32>,
        key: Option<&[u8]>,
        value: &[u8],
    ) -> Option<Failure> {
        self.submit(token, &Publish { topic: &topic, partition, key, value })
    }

    /// Appends records: `lengths` holds two numbers of each, of the key (-1 for
    /// none) and of the value, `bytes` the keys and values one after another.
    #[napi]
    pub fn publish_batch(
        &self,
        token: i64,
        topic: String,
        partition: Option<u32>,
        lengths: &[i32],
        bytes: &[u8],
    ) -> Option<Failure> {
        self.attempt(|| {
            let records = unpack(lengths, bytes);
            let records = records.iter().copied();
            self.client.submit(&PublishBatch { topic: &topic, partition, records }, &self.queue, token as u64)
        })
    }

    /// Reads records.
    #[napi]
    pub fn consume(&self, token: i64, fetch: Fetch) -> Option<Failure> {
        self.submit(token, &fetch.operation())
    }

    /// Reads many partitions with one wait.
    #[napi]
    pub fn consume_pipelined(&self, token: i64, fetches: Vec<Fetch>) -> Option<Failure> {
        let fetches: Vec<_> = fetches.iter().map(Fetch::operation).collect();
        self.submit(token, &ConsumePipelined(&fetches))
    }
}

/// The records of a hand-over buffer, whose lengths `lib/arguments.js` has measured.
pub(crate) fn unpack<'a>(lengths: &[i32], mut bytes: &'a [u8]) -> Vec<(Option<&'a [u8]>, &'a [u8])> {
    let mut take = |length: i32| {
        let (taken, rest) = bytes.split_at(length as usize);
        bytes = rest;
        taken
    };
    lengths.chunks_exact(2).map(|pair| ((pair[0] >= 0).then(|| take(pair[0])), take(pair[1]))).collect()
}
