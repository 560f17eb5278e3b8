//! The native half of a client.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use napi::Env;
use napi::bindgen_prelude::{Either, Function};
use napi_derive::napi;
use rivven_bridge::{Answer, Ask, Client, Completion as Entry, NextStateChange, Queue, catch_panic};
use rivven_client::{AuthConfig, Error, Properties, Result};

use crate::completion::Completion;
use crate::consumer::NativeConsumer;
use crate::failure::Failure;
use crate::inbox::Inbox;
use crate::producer::NativeProducer;
use crate::wake::Wake;

/// A client and the queue of its answers; the operations are in the folder `operations`.
///
/// Every call takes the token under which its answer will be drained. What it
/// returns is an error of the call itself, after which no answer comes.
#[napi]
pub(crate) struct NativeClient {
    pub(crate) client: Client,
    pub(crate) queue: Arc<Queue>,
    inbox: Inbox,
    wake: Wake,
    changes: OnceCell<NextStateChange>,
    properties: Properties,
}

/// What a producer or a consumer of a client takes over from it where it sets nothing else.
const SHARED: [&str; 10] = [
    "bootstrap.servers",
    "client.id",
    "auth.username",
    "auth.password",
    "auth.mechanism",
    "tls.enabled",
    "tls.ca.cert.path",
    "tls.client.cert.path",
    "tls.client.key.path",
    "tls.server.name",
];

/// Makes a client; `wake` is called on the event loop when answers are to be drained.
#[napi]
pub(crate) fn open(
    config: HashMap<String, String>,
    wake: Function<'_, (), ()>,
) -> napi::Result<Either<NativeClient, Failure>> {
    let mut properties = Properties::new();
    let made = catch_panic(|| {
        set_all(&mut properties, config)?;
        Client::new(&properties)
    });
    let client = match made {
        Ok(client) => client,
        Err(error) => return Ok(Either::B(error.into())),
    };
    let wake = Wake::new(&wake)?;
    let queue = Queue::with_call(wake.signal());
    Ok(Either::A(NativeClient { client, queue, inbox: Inbox::default(), wake, changes: OnceCell::new(), properties }))
}

/// A duration of so many milliseconds, of which JavaScript may give infinitely many.
pub(crate) fn milliseconds(ms: f64) -> Duration {
    Duration::try_from_secs_f64(ms / 1000.0).unwrap_or(Duration::MAX)
}

/// Sets all of a configuration.
pub(crate) fn set_all(properties: &mut Properties, config: HashMap<String, String>) -> Result<()> {
    for (name, value) in config {
        properties.set(&name, &value)?;
    }
    Ok(())
}

#[napi]
#[allow(unreachable_pub, reason = "the macro exports only what is pub")]
impl NativeClient {
    /// Takes answers that have come, some at once; to be called until there are none.
    #[napi(catch_unwind)]
    pub fn drain(&self) -> Vec<Completion> {
        let explain = |error: Error| self.failure(&error);
        let completion = |Entry { token, result }| Completion::new(token, result, explain);
        self.inbox.take(&self.queue).into_iter().map(completion).collect()
    }

    /// Keeps the event loop alive from now on, for calls that wait for their answers.
    #[napi]
    pub fn hold(&self, env: Env) {
        self.wake.hold(env);
    }

    /// Ends [`hold`](NativeClient::hold).
    #[napi]
    pub fn release(&self, env: Env) {
        self.wake.release(env);
    }

    /// Waits for a first ready connection.
    #[napi]
    pub fn connect(&self, token: i64) -> Option<Failure> {
        self.attempt(|| self.client.submit_connect(&self.queue, token as u64))
    }

    /// Closes; `limit` in milliseconds.
    #[napi]
    pub fn close(&self, token: i64, limit: Option<f64>) -> Option<Failure> {
        self.attempt(|| self.client.submit_close(limit.map(milliseconds), &self.queue, token as u64))
    }

    /// Makes a producer for the servers of this client, with its login and encryption.
    #[napi]
    pub fn open_producer(
        &self,
        config: HashMap<String, String>,
        wake: Function<'_, (), ()>,
    ) -> napi::Result<Either<NativeProducer, Failure>> {
        match self.shared() {
            Ok(properties) => NativeProducer::open(properties, config, &wake),
            Err(error) => Ok(Either::B(error.into())),
        }
    }

    /// Makes a consumer for the servers of this client, with its login and encryption.
    #[napi]
    pub fn open_consumer(
        &self,
        config: HashMap<String, String>,
        wake: Function<'_, (), ()>,
    ) -> napi::Result<Either<NativeConsumer, Failure>> {
        match self.shared() {
            Ok(properties) => NativeConsumer::open(properties, config, &wake),
            Err(error) => Ok(Either::B(error.into())),
        }
    }

    /// Waits for the next change of a server, from the first such call on.
    #[napi]
    pub fn next_state_change(&self, token: i64) -> Option<Failure> {
        self.attempt(|| {
            let changes = match self.changes.get() {
                Some(changes) => changes.clone(),
                None => self.begin_changes()?,
            };
            self.client.submit(&changes, &self.queue, token as u64)
        })
    }
}

impl NativeClient {
    /// What a producer or a consumer takes over.
    fn shared(&self) -> Result<Properties> {
        let mut properties = Properties::new();
        let mut shared = SHARED.into_iter().filter_map(|name| Some((name, self.properties.get(name)?)));
        shared.try_for_each(|(name, value)| properties.set(name, value).map(drop))?;
        Ok(properties)
    }

    fn begin_changes(&self) -> Result<NextStateChange> {
        let changes = self.client.state_changes()?;
        Ok(self.changes.get_or_init(|| changes).clone())
    }

    pub(crate) fn submit<O>(&self, token: i64, operation: &O) -> Option<Failure>
    where
        O: Ask,
        Answer: From<O::Output>,
    {
        self.attempt(|| self.client.submit(operation, &self.queue, token as u64))
    }

    pub(crate) fn log_in(&self, token: i64, auth: &AuthConfig) -> Option<Failure> {
        self.attempt(|| self.client.submit_log_in(auth, &self.queue, token as u64))
    }

    pub(crate) fn attempt(&self, call: impl FnOnce() -> Result<()>) -> Option<Failure> {
        catch_panic(call).err().map(Failure::from)
    }

    fn failure(&self, error: &Error) -> Failure {
        Failure::new(error, self.client.explain(error))
    }
}
