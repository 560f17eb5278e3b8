//! The native half of a client.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use napi::bindgen_prelude::{BigInt, Either, Function};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status, sys};
use napi_derive::napi;
use rivven_bridge::{Answer, Ask, Client, Completion as Entry, Queue, catch_panic};
use rivven_client::ops::{
    Consume, CreateTopic, DeleteTopic, GetMetadata, GetOffsetBounds, ListTopics, Ping, Publish, PublishBatch,
};
use rivven_client::{AuthConfig, Properties, Result};

use crate::completion::{Completion, Value};
use crate::failure::Failure;

/// Wakes the event loop; weak: by itself it does not keep the process alive.
type Wake = ThreadsafeFunction<(), (), (), Status, false, true>;

/// A client and the queue of its answers.
///
/// Every call takes the token under which its answer will be drained. What it
/// returns is an error of the call itself, after which no answer comes.
#[napi]
pub(crate) struct NativeClient {
    client: Client,
    queue: Arc<Queue>,
    wake: Arc<Wake>,
}

/// Makes a client; `wake` is called on the event loop when answers are to be drained.
#[napi]
pub(crate) fn open(
    config: HashMap<String, String>,
    wake: Function<'_, (), ()>,
) -> napi::Result<Either<NativeClient, Failure>> {
    let client = match catch_panic(|| Client::new(&properties(config)?)) {
        Ok(client) => client,
        Err(error) => return Ok(Either::B(error.into())),
    };
    let wake: Arc<Wake> = Arc::new(wake.build_threadsafe_function().weak::<true>().build()?);
    let queue = Queue::with_call({
        let wake = Arc::clone(&wake);
        move || {
            // An environment that is being torn down refuses: nobody waits for its answers.
            let _ = wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
        }
    });
    Ok(Either::A(NativeClient { client, queue, wake }))
}

fn properties(config: HashMap<String, String>) -> Result<Properties> {
    let mut properties = Properties::new();
    for (name, value) in config {
        properties.set(&name, &value)?;
    }
    Ok(properties)
}

#[napi]
#[allow(unreachable_pub, reason = "the macro exports only what is pub")]
impl NativeClient {
    /// Takes every answer that has come.
    #[napi(catch_unwind)]
    pub fn drain(&self) -> Vec<Completion> {
        self.queue.drain().into_iter().map(|entry| self.completion(entry)).collect()
    }

    /// Keeps the event loop alive from now on, for calls that wait for their answers.
    #[napi]
    pub fn hold(&self, env: Env) {
        // SAFETY: the function is alive, as it was not aborted, and this is its environment's thread.
        self.if_alive(|wake| unsafe { sys::napi_ref_threadsafe_function(env.raw(), wake) });
    }

    /// Ends [`hold`](NativeClient::hold).
    #[napi]
    pub fn release(&self, env: Env) {
        // SAFETY: as in `hold`.
        self.if_alive(|wake| unsafe { sys::napi_unref_threadsafe_function(env.raw(), wake) });
    }

    /// Waits for a first ready connection.
    #[napi]
    pub fn connect(&self, token: i64) -> Option<Failure> {
        self.attempt(|| self.client.submit_connect(&self.queue, token as u64))
    }

    /// Closes; `limit` in milliseconds.
    #[napi]
    pub fn close(&self, token: i64, limit: Option<f64>) -> Option<Failure> {
        let limit = limit.map(|ms| Duration::try_from_secs_f64(ms / 1000.0).unwrap_or(Duration::MAX));
        self.attempt(|| self.client.submit_close(limit, &self.queue, token as u64))
    }

    /// Logs in with the password itself.
    #[napi]
    pub fn authenticate(&self, token: i64, username: String, password: String) -> Option<Failure> {
        self.log_in(token, &AuthConfig::plain(username, password))
    }

    /// Logs in by SCRAM-SHA-256.
    #[napi]
    pub fn authenticate_scram(&self, token: i64, username: String, password: String) -> Option<Failure> {
        self.log_in(token, &AuthConfig::new(username, password))
    }

    /// Asks for a sign of life.
    #[napi]
    pub fn ping(&self, token: i64) -> Option<Failure> {
        self.submit(token, &Ping)
    }

    /// Creates a topic.
    #[napi]
    pub fn create_topic(&self, token: i64, name: String, partitions: Option<u32>) -> Option<Failure> {
        self.submit(token, &CreateTopic { name: &name, partitions })
    }

    /// Lists the topics.
    #[napi]
    pub fn list_topics(&self, token: i64) -> Option<Failure> {
        self.submit(token, &ListTopics)
    }

    /// Deletes a topic.
    #[napi]
    pub fn delete_topic(&self, token: i64, name: String) -> Option<Failure> {
        self.submit(token, &DeleteTopic { name: &name })
    }

    /// Asks for the number of partitions of a topic.
    #[napi]
    pub fn get_metadata(&self, token: i64, topic: String) -> Option<Failure> {
        self.submit(token, &GetMetadata { topic: &topic })
    }

    /// Asks for the range of a partition.
    #[napi]
    pub fn get_offset_bounds(&self, token: i64, topic: String, partition: u32) -> Option<Failure> {
        self.submit(token, &GetOffsetBounds { topic: &topic, partition })
    }

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
    pub fn consume(
        &self,
        token: i64,
        topic: String,
        partition: u32,
        offset: BigInt,
        max_messages: u32,
    ) -> Option<Failure> {
        let (_, offset, _) = offset.get_u64();
        let topic = &topic;
        let operation = Consume { topic, partition, offset, max_messages, isolation_level: None, max_wait: None };
        self.submit(token, &operation)
    }
}

impl NativeClient {
    fn submit<O>(&self, token: i64, operation: &O) -> Option<Failure>
    where
        O: Ask,
        Answer: From<O::Output>,
    {
        self.attempt(|| self.client.submit(operation, &self.queue, token as u64))
    }

    fn log_in(&self, token: i64, auth: &AuthConfig) -> Option<Failure> {
        self.attempt(|| self.client.submit_log_in(auth, &self.queue, token as u64))
    }

    fn attempt(&self, call: impl FnOnce() -> Result<()>) -> Option<Failure> {
        catch_panic(call).err().map(Failure::from)
    }

    fn completion(&self, Entry { token, result }: Entry) -> Completion {
        let token = token as i64;
        match result {
            Ok(answer) => Completion { token, failure: None, value: Some(Value(answer)) },
            Err(error) => {
                let failure = Failure::new(&error, self.client.explain(&error));
                Completion { token, failure: Some(failure), value: None }
            }
        }
    }

    /// Calls with the thread-safe function, unless its environment has ended.
    fn if_alive(&self, call: impl FnOnce(sys::napi_threadsafe_function) -> sys::napi_status) {
        self.wake.handle.with_read_aborted(|aborted| {
            if !aborted {
                call(self.wake.raw());
            }
        });
    }
}

/// The records of a hand-over buffer, whose lengths `lib/pack.js` has measured.
fn unpack<'a>(lengths: &[i32], mut bytes: &'a [u8]) -> Vec<(Option<&'a [u8]>, &'a [u8])> {
    let mut take = |length: i32| {
        let (taken, rest) = bytes.split_at(length as usize);
        bytes = rest;
        taken
    };
    lengths.chunks_exact(2).map(|pair| ((pair[0] >= 0).then(|| take(pair[0])), take(pair[1]))).collect()
}
