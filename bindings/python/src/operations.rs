//! The operations of a client, written once for both styles.

use pyo3::prelude::*;
use pyo3::types::PyString;
use rivven_client::ops::{
    Consume, CreateTopic, DeleteTopic, GetMetadata, GetOffsetBounds, ListTopics, Ping, Publish, PublishBatch,
};
use rivven_client::{AuthConfig, Detail, Error};

use crate::arguments::{Batch, Credential, Payload, Seconds};
use crate::client::{Handle, Style};
use crate::error;
use crate::inbox::Then;

type Topic<'py> = Bound<'py, PyString>;
type Given<'py> = PyResult<Bound<'py, PyAny>>;

/// What the asyncio client and the blocking client have in common.
///
/// The methods of the former return futures of what is said, those of the
/// latter wait for it.
#[pyclass(frozen, subclass, name = "_Operations", module = "rivven._rivven")]
pub(crate) struct Operations {
    handle: Handle,
}

impl Operations {
    pub(crate) fn new(handle: Handle) -> Self {
        Operations { handle }
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    fn publish_one<'py>(
        &self,
        topic: &Topic<'py>,
        partition: Option<u32>,
        key: Option<&Payload>,
        value: &Payload,
    ) -> Given<'py> {
        let key = key.map(AsRef::as_ref);
        let operation = Publish { topic: topic.to_str()?, partition, key, value: value.as_ref() };
        self.handle.call(topic.py(), &operation, Some(topic))
    }
}

#[pymethods]
impl Operations {
    /// Creates a topic and gives its number of partitions.
    ///
    /// `name` is 1-255 of the characters a-z, A-Z, 0-9, dot, underscore and
    /// hyphen, beginning with a letter or digit, without two dots in a row.
    /// `partitions` is 1-1000, by default what the broker is configured to.
    /// `replication_factor` is 1: this broker release replicates nothing.
    ///
    /// Raises ServerException with the code TOPIC_ALREADY_EXISTS,
    /// INVALID_TOPIC or INVALID_PARTITIONS, ConfigException for another
    /// replication factor.
    #[pyo3(signature = (name, partitions=None, *, replication_factor=1))]
    fn create_topic<'py>(&self, name: &Topic<'py>, partitions: Option<u32>, replication_factor: i64) -> Given<'py> {
        if replication_factor != 1 {
            return Err(error::plain(name.py(), &unreplicated(name.to_str()?, replication_factor)));
        }
        self.handle.call(name.py(), &CreateTopic { name: name.to_str()?, partitions }, Some(name))
    }

    /// Gives the names of all topics as a list of str, in no order.
    fn list_topics<'py>(&self, py: Python<'py>) -> Given<'py> {
        self.handle.call(py, &ListTopics, None)
    }

    /// Deletes a topic.
    ///
    /// Broker release 0.0.22 keeps the log files: a topic created anew under
    /// the same name has the old records.
    ///
    /// Raises ServerException with the code UNKNOWN_TOPIC_OR_PARTITION.
    fn delete_topic<'py>(&self, name: &Topic<'py>) -> Given<'py> {
        self.handle.call(name.py(), &DeleteTopic { name: name.to_str()? }, Some(name))
    }

    /// Gives the name and the number of partitions of a topic as a tuple; never creates it.
    ///
    /// Raises ServerException with the code UNKNOWN_TOPIC_OR_PARTITION.
    fn get_metadata<'py>(&self, name: &Topic<'py>) -> Given<'py> {
        self.handle.call(name.py(), &GetMetadata { topic: name.to_str()? }, Some(name))
    }

    /// Gives the first offset of a partition and the next one to be written, as a tuple.
    ///
    /// Raises ServerException with the code UNKNOWN_TOPIC_OR_PARTITION.
    fn get_offset_bounds<'py>(&self, topic: &Topic<'py>, partition: u32) -> Given<'py> {
        self.handle.call(topic.py(), &GetOffsetBounds { topic: topic.to_str()?, partition }, Some(topic))
    }

    /// Appends a record, to the partition that the broker chooses, and gives its RecordMetadata.
    ///
    /// `value` and `key` are any bytes-like object, or a str, which stands for
    /// its UTF-8. The broker chooses by the key if there is one (an empty key
    /// is a key), and creates an unknown topic. The result is the offset as an
    /// int that also has topic and partition.
    ///
    /// Raises SerializationException with the code REQUEST_TOO_LARGE for more
    /// than 10 MiB. A TimeoutException or ConnectionException with the outcome
    /// UNKNOWN leaves open whether the record was written.
    #[pyo3(signature = (topic, value, key=None))]
    fn publish<'py>(&self, topic: &Topic<'py>, value: Payload, key: Option<Payload>) -> Given<'py> {
        self.publish_one(topic, None, key.as_ref(), &value)
    }

    /// Appends a record with a key like `publish`, the key standing before the value.
    #[pyo3(signature = (topic, key, value))]
    fn publish_with_key<'py>(&self, topic: &Topic<'py>, key: Option<Payload>, value: Payload) -> Given<'py> {
        self.publish_one(topic, None, key.as_ref(), &value)
    }

    /// Appends a record to this partition and gives its RecordMetadata; otherwise like `publish`.
    ///
    /// Raises ServerException with the code INVALID_PARTITION.
    #[pyo3(signature = (topic, partition, value, key=None))]
    fn publish_to_partition<'py>(
        &self,
        topic: &Topic<'py>,
        partition: u32,
        value: Payload,
        key: Option<Payload>,
    ) -> Given<'py> {
        self.publish_one(topic, Some(partition), key.as_ref(), &value)
    }

    /// Appends many records to one partition; gives (base offset, partition, count).
    ///
    /// `messages` is a list of values or (value, key) tuples, at most 10 000,
    /// each as in `publish`. Without `partition` the broker chooses one for the
    /// whole batch, by the key of the first record. The records follow the
    /// base offset directly only where nobody else wrote meanwhile.
    ///
    /// A batch is not atomic: an error may leave its first records written.
    #[pyo3(signature = (topic, messages, *, partition=None))]
    fn publish_batch<'py>(&self, topic: &Topic<'py>, messages: Batch, partition: Option<u32>) -> Given<'py> {
        let operation = PublishBatch { topic: topic.to_str()?, partition, records: messages.records() };
        self.handle.call(topic.py(), &operation, Some(topic))
    }

    /// Reads at most `max_messages` records of a partition from `offset` on, as a list of Message.
    ///
    /// The list is shorter where the partition ends or the answer would become
    /// too large, and empty at the end. Below the first offset it begins there.
    ///
    /// Raises ServerException with the code UNKNOWN_TOPIC_OR_PARTITION.
    fn consume<'py>(&self, topic: &Topic<'py>, partition: u32, offset: u64, max_messages: u32) -> Given<'py> {
        let name = topic.to_str()?;
        let operation = Consume { topic: name, partition, offset, max_messages, isolation_level: None, max_wait: None };
        self.handle.call(topic.py(), &operation, Some(topic))
    }

    /// Asks the broker for a sign of life.
    fn ping<'py>(&self, py: Python<'py>) -> Given<'py> {
        self.handle.call(py, &Ping, None)
    }

    /// Logs in with the password itself; gives (session_id, expires_in), the latter in seconds.
    ///
    /// It needs TLS: without, it is refused before a byte of the password is
    /// sent. The login holds for the connection in use and every later one, and
    /// is renewed before it expires. Credentials that the broker refuses are
    /// not kept; those used before stay in use.
    ///
    /// Raises ServerException with the code AUTHENTICATION_FAILED for a wrong
    /// password, an unknown user (brokers do not tell which) and a broker that
    /// runs without authentication; ConfigException with the code
    /// AUTHENTICATION_REQUIRES_TLS.
    fn authenticate<'py>(&self, py: Python<'py>, username: Credential, password: Credential) -> Given<'py> {
        self.handle.log_in(py, &AuthConfig::plain(username, password))
    }

    /// Logs in by SCRAM-SHA-256; gives (session_id, expires_in), the latter in seconds.
    ///
    /// The password is never sent, so it may be used without TLS, and the
    /// broker has to prove that it knows the password too; otherwise it is like
    /// `authenticate`.
    ///
    /// Raises ServerException with the code AUTHENTICATION_FAILED, also if the
    /// broker's proof is wrong.
    fn authenticate_scram<'py>(&self, py: Python<'py>, username: Credential, password: Credential) -> Given<'py> {
        self.handle.log_in(py, &AuthConfig::new(username, password))
    }

    /// Disconnects, after the pending calls were answered or the time is up.
    ///
    /// `timeout` is in seconds or a timedelta, by default `close_timeout_ms`
    /// of the configuration (5 s). Pending calls that are not answered by then
    /// fail. Closing twice is no error; calls afterwards fail with the code CLOSED.
    #[pyo3(signature = (timeout=None))]
    pub(crate) fn close<'py>(&self, py: Python<'py>, timeout: Option<Seconds>) -> Given<'py> {
        let limit = timeout.map(|Seconds(limit)| limit);
        let client = self.handle.client();
        match self.handle.style() {
            Style::Asyncio => {
                self.handle.submit(py, Then::Retire, |queue, token| client.submit_close(limit, queue, token))
            }
            Style::Blocking => {
                self.handle.wait(py, client.close(limit))?;
                Ok(py.None().into_bound(py))
            }
        }
    }
}

fn unreplicated(topic: &str, asked: i64) -> Error {
    Error::ConfigError(Detail::from(format!(
        "create topic {topic}: replication_factor is {asked}, but this broker release has no replication: leave it out or pass 1"
    )))
}
