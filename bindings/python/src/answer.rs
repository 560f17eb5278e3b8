//! From answers to Python objects.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use pyo3::IntoPyObjectExt;
use pyo3::call::PyCallArgs;
use pyo3::exceptions::PyNotImplementedError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyInt, PyList, PyModule, PyString, PyTuple, PyType};
use rivven_bridge::Answer;
use rivven_client::ops::{Assignment, ClusterMetadata, GroupMembership, MessageBatch, TopicConfigs};
use rivven_client::protocol::{QuotaEntry, TopicConfigValue};
use rivven_client::{
    CircuitState, ConsumerEvent, ConsumerStatsSnapshot, DeleteRecordsResult, Error, PartitionMetadata,
    ProducerServerStats, ProducerStatsSnapshot, RecordMetadata, ResilientStats, Result, Schema, ServerStats,
    StateChange, TopicMetadata, TopicPartition,
};

use crate::inbox::Owner;
use crate::message::Message;
use crate::producer_state::ProducerState;
use crate::sent::SentRecords;

/// What the caller wants to have of an answer.
pub(crate) enum Form {
    /// All of it.
    Plain,
    /// None, whatever it is.
    Nothing,
    /// The same; it is about this topic, which records name.
    Of(Py<PyString>),
    /// A list, whose entries are about these topics.
    OfEach(Vec<Py<PyString>>),
    /// The settings of this topic, which alone was asked for.
    SettingsOf(Py<PyString>),
    /// The low watermark of the one partition; the text says what was attempted.
    Watermark(String),
}

impl Form {
    /// The form of an answer about a topic.
    pub(crate) fn of(topic: &Bound<'_, PyString>) -> Self {
        Form::Of(topic.clone().unbind())
    }
}

type Given<'py> = PyResult<Bound<'py, PyAny>>;

/// The object that a call gives.
pub(crate) fn to_python<'py>(py: Python<'py>, owner: &dyn Owner, answer: Answer, form: &Form) -> Given<'py> {
    match answer {
        _ if matches!(form, Form::Nothing) => Ok(py.None().into_bound(py)),
        Answer::Done => Ok(py.None().into_bound(py)),
        Answer::Published(of) => metadata(py, form, of.offset, of.partition, (false, of.maybe_duplicate)),
        Answer::PublishedBatch(batch) => (batch.base_offset, batch.partition, batch.record_count).into_bound_py_any(py),
        Answer::Messages(batch) => messages(py, &batch, form.topic(py, 0)),
        Answer::Fetches(fetches) => each(py, owner, fetches, |at, batch| messages(py, &batch, form.topic(py, at))),
        Answer::Outcomes(outcomes) => each(py, owner, outcomes, |_, ()| Ok(py.None().into_bound(py))),
        Answer::Number(number) => number.into_bound_py_any(py),
        Answer::Count(count) => count.into_bound_py_any(py),
        Answer::HeartbeatCode(code) => code.into_bound_py_any(py),
        Answer::Names(names) => names.into_bound_py_any(py),
        Answer::TopicMetadata(metadata) => metadata.into_bound_py_any(py),
        Answer::TopicConfigs(configs) => settings(py, configs, form),
        Answer::TopicConfigAltered(altered) => altered.changed_count.into_bound_py_any(py),
        Answer::RecordsDeleted(results) => deleted(py, owner, results, form),
        Answer::ClusterMetadata(metadata) => cluster(py, metadata),
        Answer::OffsetBounds(bounds) => bounds.into_bound_py_any(py),
        Answer::Offset(offset) => offset.into_bound_py_any(py),
        Answer::GroupOffsets(offsets) => offsets.into_bound_py_any(py),
        Answer::Membership(membership) => self::membership(py, membership),
        Answer::Assignment(assignment) => self::assignment(py, assignment),
        Answer::Quotas(entries) => list(py, entries, |entry| quota(py, entry)),
        Answer::Session(session) => (session.session_id, session.expires_in).into_bound_py_any(py),
        Answer::ProducerState(state) => Ok(Bound::new(py, ProducerState::new(state))?.into_any()),
        Answer::PublishedOnce((offset, at, duplicate)) => metadata(py, form, offset, at, (duplicate, false)),
        Answer::PublishedInTransaction((offset, at, _)) => metadata(py, form, offset, at, (false, false)),
        Answer::Schema(schema) => self::schema(py, schema),
        Answer::Sent(deliveries) => Ok(Bound::new(py, SentRecords::new(deliveries))?.into_any()),
        Answer::Record(of) => record_metadata(py, &of),
        Answer::Records(all) => list(py, all, |of| record_metadata(py, &of)),
        Answer::Counts(counts) => counts.into_bound_py_any(py),
        Answer::Transformed(of) => {
            record(py, "TransformReport", (of.transactions, of.records, of.aborted, of.uncertain))
        }
        Answer::Stats(stats) => self::stats(py, owner, stats),
        Answer::StateChange(None) => Ok(py.None().into_bound(py)),
        Answer::StateChange(Some(change)) => state_change(py, owner, change),
        Answer::Position(offset) => offset.into_bound_py_any(py),
        Answer::ConsumerEvent(None) => Ok(py.None().into_bound(py)),
        Answer::ConsumerEvent(Some(event)) => consumer_event(py, owner, event),
        Answer::Processed(of) => record(py, "ProcessReport", (of.processed, of.retries, of.dead_lettered, of.skipped)),
        other => Err(PyNotImplementedError::new_err(format!("no Python form of {other:?}"))),
    }
}

impl Form {
    /// The topic that the entry at a place is about.
    fn topic<'py>(&self, py: Python<'py>, at: usize) -> Bound<'py, PyString> {
        match self {
            Form::Of(topic) => Some(topic),
            Form::OfEach(topics) => topics.get(at),
            _ => None,
        }
        .map_or_else(|| intern!(py, "").clone(), |topic| topic.bind(py).clone())
    }
}

/// An object of a class of the module `rivven._records`.
fn record<'py>(py: Python<'py>, class: &str, fields: impl PyCallArgs<'py>) -> Given<'py> {
    static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let module = MODULE.get_or_try_init(py, || py.import("rivven._records").map(Bound::unbind))?;
    module.bind(py).getattr(class)?.call1(fields)
}

fn list<'py, T>(py: Python<'py>, items: Vec<T>, convert: impl FnMut(T) -> Given<'py>) -> Given<'py> {
    let items: Vec<_> = items.into_iter().map(convert).collect::<PyResult<_>>()?;
    Ok(PyList::new(py, items)?.into_any())
}

/// Many results: each what was asked for, or the exception that says why not.
fn each<'py, T>(
    py: Python<'py>,
    owner: &dyn Owner,
    results: Vec<Result<T>>,
    convert: impl Fn(usize, T) -> Given<'py>,
) -> Given<'py> {
    let results = results.into_iter().enumerate().collect();
    list(py, results, |(at, result)| match result {
        Ok(value) => convert(at, value),
        Err(error) => Ok(exception(py, owner, &error)),
    })
}

fn exception<'py>(py: Python<'py>, owner: &dyn Owner, error: &Error) -> Bound<'py, PyAny> {
    owner.exception(py, error).into_value(py).into_bound(py).into_any()
}

/// The RecordMetadata of a record that a client has published; whether it is a duplicate, and whether it may be one.
///
/// Of a duplicate the broker remembers the place only if few records came behind it.
fn metadata<'py>(
    py: Python<'py>,
    form: &Form,
    offset: u64,
    partition: u32,
    (duplicate, maybe_duplicate): (bool, bool),
) -> Given<'py> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let class = CLASS.import(py, "rivven._records", "RecordMetadata")?;
    class.call1((offset, form.topic(py, 0), partition, duplicate, maybe_duplicate, !duplicate))
}

/// What the records of a batch have in common in their RecordMetadata.
pub(crate) fn common_place<'py>(py: Python<'py>, of: &RecordMetadata) -> PyResult<Bound<'py, PyTuple>> {
    (&*of.topic, of.partition, of.duplicate, of.maybe_duplicate, of.offset_exact).into_pyobject(py)
}

/// Whether both have that in common.
pub(crate) fn same_place(one: &RecordMetadata, other: &RecordMetadata) -> bool {
    let place = |of: &RecordMetadata| (of.partition, of.duplicate, of.maybe_duplicate, of.offset_exact);
    place(one) == place(other) && Arc::ptr_eq(&one.topic, &other.topic)
}

/// The RecordMetadata of a record at an offset.
///
/// Many may be made at once, so the class's own constructor, which is Python, is left out.
pub(crate) fn placed<'py>(py: Python<'py>, offset: u64, place: &Bound<'py, PyTuple>) -> Given<'py> {
    static NEW: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let new = NEW.get_or_try_init(py, || py.get_type::<PyInt>().getattr("__new__").map(Bound::unbind))?;
    let metadata = new.bind(py).call1((CLASS.import(py, "rivven._records", "RecordMetadata")?, offset))?;
    metadata.setattr(intern!(py, "_place"), place)?;
    Ok(metadata)
}

/// Where a record of a producer went.
pub(crate) fn record_metadata<'py>(py: Python<'py>, of: &RecordMetadata) -> Given<'py> {
    placed(py, of.offset, &common_place(py, of)?)
}

/// What a producer has done so far.
pub(crate) fn producer_stats<'py>(py: Python<'py>, of: &ProducerStatsSnapshot) -> Given<'py> {
    let traffic = (of.records_sent, of.records_delivered, of.records_failed, of.batches_sent, of.bytes_sent);
    let state = (of.errors, of.retries, of.records_queued, of.bytes_buffered, of.records_per_batch);
    let latency = (of.latency_p50_us, of.latency_p95_us, of.latency_p99_us);
    let servers = list(py, of.servers.iter().collect(), |server| producer_server_stats(py, server))?;
    let fields = traffic.into_pyobject(py)?.add(state)?.add(latency)?.add((servers,))?;
    record(py, "ProducerStats", fields.cast_into::<PyTuple>()?)
}

fn producer_server_stats<'py>(py: Python<'py>, of: &ProducerServerStats) -> Given<'py> {
    let traffic = (&*of.address, of.records_delivered, of.batches_sent, of.bytes_sent, of.errors, of.retries);
    let state = (of.records_unanswered, of.records_queued, of.records_per_batch);
    let latency = (of.latency_p50_us, of.latency_p95_us, of.latency_p99_us);
    let fields = traffic.into_pyobject(py)?.add(state)?.add(latency)?;
    record(py, "ProducerServerStats", fields.cast_into::<PyTuple>()?)
}

fn messages<'py>(py: Python<'py>, batch: &MessageBatch, topic: Bound<'py, PyString>) -> Given<'py> {
    let messages: Vec<_> =
        batch.iter().map(|record| Bound::new(py, Message::from_record(py, record, &topic))).collect::<PyResult<_>>()?;
    Ok(PyList::new(py, messages)?.into_any())
}

fn settings<'py>(py: Python<'py>, mut configs: TopicConfigs, form: &Form) -> Given<'py> {
    if let Form::SettingsOf(topic) = form {
        let settings = configs.remove(topic.bind(py).to_str()?).unwrap_or_default();
        return settings_of_one(py, settings);
    }
    let by_topic = PyDict::new(py);
    for (topic, settings) in configs {
        by_topic.set_item(topic, settings_of_one(py, settings)?)?;
    }
    Ok(by_topic.into_any())
}

fn settings_of_one<'py>(py: Python<'py>, settings: HashMap<String, TopicConfigValue>) -> Given<'py> {
    let by_key = PyDict::new(py);
    for (key, TopicConfigValue { value, is_default, is_read_only, is_sensitive, .. }) in settings {
        by_key.set_item(key, record(py, "TopicConfigValue", (value, is_default, is_read_only, is_sensitive))?)?;
    }
    Ok(by_key.into_any())
}

fn deleted<'py>(py: Python<'py>, owner: &dyn Owner, results: Vec<DeleteRecordsResult>, form: &Form) -> Given<'py> {
    let Form::Watermark(what) = form else {
        return list(py, results, |DeleteRecordsResult { partition, low_watermark, error, .. }| {
            record(py, "DeletedRecords", (partition, low_watermark, error))
        });
    };
    match results.into_iter().next() {
        Some(DeleteRecordsResult { error: Some(text), .. }) => {
            Err(owner.exception(py, &Error::within_answer(&text, what)))
        }
        Some(result) => result.low_watermark.into_bound_py_any(py),
        None => Err(owner.exception(py, &Error::InvalidResponse)),
    }
}

fn cluster<'py>(py: Python<'py>, metadata: ClusterMetadata) -> Given<'py> {
    let brokers = list(py, metadata.brokers, |broker| {
        record(py, "BrokerInfo", (broker.node_id, broker.host, broker.port, broker.rack))
    })?;
    let topics = list(py, metadata.topics, |TopicMetadata { name, is_internal, partitions, .. }| {
        let partitions = list(py, partitions, |partition| place(py, partition))?;
        record(py, "TopicMetadata", (name, is_internal, partitions))
    })?;
    record(py, "ClusterMetadata", (metadata.controller_id, brokers, topics))
}

fn place<'py>(py: Python<'py>, of: PartitionMetadata) -> Given<'py> {
    record(py, "PartitionMetadata", (of.partition, of.leader, of.replicas, of.isr, of.offline))
}

fn membership<'py>(py: Python<'py>, of: GroupMembership) -> Given<'py> {
    let members: HashMap<_, _> = of.members.into_iter().collect();
    record(py, "GroupMembership", (of.generation, of.protocol_type, of.member, of.leader, members))
}

/// The partitions by topic; a topic may be named more than once.
fn assignment<'py>(py: Python<'py>, assignment: Assignment) -> Given<'py> {
    let mut by_topic: HashMap<String, Vec<u32>> = HashMap::new();
    for (topic, partitions) in assignment {
        by_topic.entry(topic).or_default().extend(partitions);
    }
    by_topic.into_bound_py_any(py)
}

fn quota<'py>(py: Python<'py>, entry: QuotaEntry) -> Given<'py> {
    record(py, "QuotaEntry", (entry.entity_type, entry.entity_name, entry.quotas))
}

fn schema<'py>(py: Python<'py>, schema: Schema) -> Given<'py> {
    let kind = schema.schema_type.to_string();
    record(py, "Schema", (schema.id, schema.subject, schema.version, kind, schema.schema))
}

fn stats<'py>(py: Python<'py>, owner: &dyn Owner, stats: ResilientStats) -> Given<'py> {
    let servers = list(py, stats.servers, |server| server_stats(py, owner, server))?;
    let ResilientStats { total_servers, healthy_servers, active_connections, available_connections, .. } = stats;
    record(py, "ClientStats", (total_servers, healthy_servers, active_connections, available_connections, servers))
}

fn server_stats<'py>(py: Python<'py>, owner: &dyn Owner, stats: ServerStats) -> Given<'py> {
    let circuit = match stats.circuit_state {
        CircuitState::Closed => "closed",
        CircuitState::Open => "open",
        _ => "half-open",
    };
    let error = stats.last_error.map(|error| exception(py, owner, &error));
    let (active, available) = (stats.active_connections, stats.available_connections);
    record(py, "ServerStats", (&*stats.address, circuit, active, available, error))
}

fn state_change<'py>(py: Python<'py>, owner: &dyn Owner, change: StateChange) -> Given<'py> {
    match change {
        StateChange::Degraded { server, since, reason, attempts } => {
            let reason = exception(py, owner, &reason);
            record(py, "ServerDegraded", (&*server, utc(py, since)?, reason, attempts))
        }
        StateChange::Recovered { server, after, attempts } => {
            record(py, "ServerRecovered", (&*server, after, attempts))
        }
        StateChange::Missed { count } => record(py, "StateChangesMissed", (count,)),
        other => Err(PyNotImplementedError::new_err(format!("no Python form of {other:?}"))),
    }
}

/// A TopicPartition.
pub(crate) fn partition<'py>(py: Python<'py>, topic: &str, partition: u32) -> Given<'py> {
    record(py, "TopicPartition", (topic, partition))
}

/// A list of TopicPartition.
pub(crate) fn partitions<'py>(py: Python<'py>, of: &[TopicPartition]) -> Given<'py> {
    list(py, of.iter().collect(), |of| partition(py, &of.topic, of.partition))
}

/// What a consumer has done so far.
pub(crate) fn consumer_stats<'py>(py: Python<'py>, owner: &dyn Owner, of: &ConsumerStatsSnapshot) -> Given<'py> {
    let reading = (of.polls, of.records, of.fetches, of.empty_fetches, of.records_fetched, of.bytes_fetched);
    let failures = (of.errors, of.reconnects, of.throttled, of.commits, of.failed_commits, of.rebalances);
    let error = of.last_error.as_ref().map(|error| exception(py, owner, error));
    let partitions = list(py, of.partitions.iter().collect(), |of| {
        let partition = self::partition(py, &of.partition.topic, of.partition.partition)?;
        record(py, "PartitionStats", (partition, of.position, of.committed, of.latest, of.lag, of.paused))
    })?;
    let state = (of.records_waiting, of.bytes_held, error, partitions);
    let fields = reading.into_pyobject(py)?.add(failures)?.add(state)?;
    record(py, "ConsumerStats", fields.cast_into::<PyTuple>()?)
}

/// An object of a class of the module `rivven._events`.
fn event<'py>(py: Python<'py>, class: &str, fields: impl PyCallArgs<'py>) -> Given<'py> {
    py.import("rivven._events")?.getattr(class)?.call1(fields)
}

fn consumer_event<'py>(py: Python<'py>, owner: &dyn Owner, of: ConsumerEvent) -> Given<'py> {
    let place = |of: TopicPartition| partition(py, &of.topic, of.partition);
    let places = |of: Vec<TopicPartition>| partitions(py, &of);
    match of {
        ConsumerEvent::Gap { partition, from, to } => event(py, "Gap", (place(partition)?, from, to)),
        ConsumerEvent::DamagedRange { partition, from, to } => event(py, "DamagedRange", (place(partition)?, from, to)),
        ConsumerEvent::LogTruncated { partition, position, latest } => {
            event(py, "LogTruncated", (place(partition)?, position, latest))
        }
        ConsumerEvent::Unreadable { partition, offset } => event(py, "Unreadable", (place(partition)?, offset)),
        ConsumerEvent::Stalled { partition, since, reason } => event(py, "Stalled", (place(partition)?, since, reason)),
        ConsumerEvent::Throttled { partition, pause } => event(py, "Throttled", (place(partition)?, pause)),
        ConsumerEvent::CommitFailed { error } => event(py, "CommitFailed", (exception(py, owner, &error),)),
        ConsumerEvent::FewerConnections { connections, reason } => {
            event(py, "FewerConnections", (connections, exception(py, owner, &reason)))
        }
        ConsumerEvent::Assigned { partitions } => event(py, "PartitionsAssigned", (places(partitions)?,)),
        ConsumerEvent::Revoked { partitions } => event(py, "PartitionsRevoked", (places(partitions)?,)),
        ConsumerEvent::Lost { partitions } => event(py, "PartitionsLost", (places(partitions)?,)),
        ConsumerEvent::PollTooLate { since } => event(py, "PollTooLate", (since,)),
        ConsumerEvent::Missed { count } => event(py, "EventsMissed", (count,)),
        other => Err(PyNotImplementedError::new_err(format!("no Python form of {other:?}"))),
    }
}

/// The time as a `datetime` in UTC.
fn utc(py: Python<'_>, time: SystemTime) -> PyResult<Bound<'_, PyAny>> {
    time.into_bound_py_any(py)
}
