//! Answers as JavaScript values.

use std::collections::HashMap;

use napi::bindgen_prelude::{ToNapiValue, sys};
use napi_derive::napi;
use rivven_bridge::Answer;
use rivven_client::{Error, Result};

use crate::consumer::{Event, Handled, ProcessReport, Rebalance};
use crate::failure::Failure;
use crate::producer::Report;
use crate::producer_state::NativeProducerState;
use crate::records::{Polled, Records};
use crate::transaction::{NativeTransaction, Round, Transformed};
use crate::values::{
    ClusterMetadata, DeletedRecords, GroupMembership, OffsetBounds, Published, PublishedBatch, PublishedInTransaction,
    PublishedOnce, QuotaEntry, Schema, Session, StateChange, Stats, TopicConfigAltered, TopicConfigValue,
    TopicMetadata, TopicPartitions, list,
};

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

impl Completion {
    /// The answer to a call, whose errors are described by `explain`.
    pub(crate) fn new(token: u64, result: Result<Answer>, explain: impl Fn(Error) -> Failure) -> Self {
        let (failure, value) = match result {
            Ok(answer) => (None, Some(Value::new(answer, explain))),
            Err(error) => (Some(explain(error)), None),
        };
        Completion { token: token as i64, failure, value }
    }
}

/// The answer to one of many calls that were made as one.
#[napi(object, object_from_js = false)]
pub(crate) struct Settled {
    /// Why it failed, if it did.
    pub failure: Option<Failure>,
    /// What it gave.
    pub value: Option<Value>,
}

/// An answer on its way to JavaScript.
pub(crate) enum Value {
    Answer(Answer),
    Settled(Vec<Settled>),
    Rebalance(Rebalance),
    Handled(Handled),
    Polled(Polled),
    Transaction(NativeTransaction),
    Round(Option<Round>),
}

impl Value {
    /// Prepares an answer, whose inner errors are described by `explain`.
    pub(crate) fn new(answer: Answer, explain: impl Fn(Error) -> Failure) -> Self {
        match answer {
            Answer::Fetches(results) => Value::Settled(settled(results, explain)),
            Answer::Outcomes(results) => Value::Settled(settled(results, explain)),
            answer => Value::Answer(answer),
        }
    }
}

fn settled<T>(results: Vec<Result<T>>, explain: impl Fn(Error) -> Failure) -> Vec<Settled>
where
    Answer: From<T>,
{
    let settle = |result: Result<T>| match result {
        Ok(output) => Settled { failure: None, value: Some(Value::Answer(output.into())) },
        Err(error) => Settled { failure: Some(explain(error)), value: None },
    };
    results.into_iter().map(settle).collect()
}

impl ToNapiValue for Value {
    unsafe fn to_napi_value(env: sys::napi_env, value: Self) -> napi::Result<sys::napi_value> {
        // SAFETY: the environment is the one that this function was called with.
        unsafe {
            match value {
                Value::Settled(results) => Vec::to_napi_value(env, results),
                Value::Rebalance(rebalance) => Rebalance::to_napi_value(env, rebalance),
                Value::Handled(handled) => Handled::to_napi_value(env, handled),
                Value::Polled(polled) => Polled::to_napi_value(env, polled),
                Value::Transaction(transaction) => NativeTransaction::to_napi_value(env, transaction),
                Value::Round(round) => Option::to_napi_value(env, round),
                Value::Answer(answer) => to_js(env, answer),
            }
        }
    }
}

/// # Safety
///
/// The environment must be that of the present call.
unsafe fn to_js(env: sys::napi_env, answer: Answer) -> napi::Result<sys::napi_value> {
    // SAFETY: as the caller promises.
    unsafe {
        match answer {
            Answer::Number(number) => u32::to_napi_value(env, number),
            Answer::Count(count) => f64::to_napi_value(env, count as f64),
            Answer::HeartbeatCode(code) => i32::to_napi_value(env, code),
            Answer::Names(names) => Vec::to_napi_value(env, names),
            Answer::Messages(messages) => Records::to_napi_value(env, Records::pack(&messages)),
            Answer::Deliveries(report) => Vec::to_napi_value(env, Report::all(&report)),
            Answer::Record(metadata) => Report::to_napi_value(env, Report::delivered(&metadata, &[])),
            Answer::Records(records) => {
                let reports = records.iter().map(|metadata| Report::delivered(metadata, &[]));
                Vec::to_napi_value(env, reports.collect())
            }
            Answer::Counts(counts) => bool::to_napi_value(env, counts),
            Answer::Transformed(report) => Transformed::to_napi_value(env, report.into()),
            Answer::Published(to) => Published::to_napi_value(env, to.into()),
            Answer::PublishedBatch(to) => PublishedBatch::to_napi_value(env, to.into()),
            Answer::PublishedOnce(to) => PublishedOnce::to_napi_value(env, to.into()),
            Answer::PublishedInTransaction(to) => PublishedInTransaction::to_napi_value(env, to.into()),
            Answer::ProducerState(state) => NativeProducerState::to_napi_value(env, NativeProducerState { state }),
            Answer::TopicMetadata(topic) => TopicMetadata::to_napi_value(env, topic.into()),
            Answer::TopicConfigs(topics) => {
                let topics = topics.into_iter().map(|(topic, configs)| {
                    let configs = configs.into_iter().map(|(key, value)| (key, TopicConfigValue::from(value)));
                    (topic, configs.collect::<HashMap<_, _>>())
                });
                HashMap::to_napi_value(env, topics.collect::<HashMap<_, _>>())
            }
            Answer::TopicConfigAltered(altered) => TopicConfigAltered::to_napi_value(env, altered.into()),
            Answer::RecordsDeleted(results) => Vec::to_napi_value(env, list::<DeletedRecords, _>(results)),
            Answer::ClusterMetadata(cluster) => ClusterMetadata::to_napi_value(env, cluster.into()),
            Answer::OffsetBounds(bounds) => OffsetBounds::to_napi_value(env, bounds.into()),
            Answer::Offset(offset) => Option::to_napi_value(env, offset),
            Answer::GroupOffsets(topics) => {
                let topics = topics.into_iter().map(|(topic, offsets)| {
                    let offsets = offsets.into_iter().map(|(partition, offset)| (partition.to_string(), offset));
                    (topic, offsets.collect::<HashMap<_, _>>())
                });
                HashMap::to_napi_value(env, topics.collect::<HashMap<_, _>>())
            }
            Answer::Membership(membership) => GroupMembership::to_napi_value(env, membership.into()),
            Answer::Assignment(topics) => Vec::to_napi_value(env, list::<TopicPartitions, _>(topics)),
            Answer::Quotas(entries) => Vec::to_napi_value(env, list::<QuotaEntry, _>(entries)),
            Answer::Session(session) => Session::to_napi_value(env, session.into()),
            Answer::Schema(schema) => Schema::to_napi_value(env, schema.into()),
            Answer::Stats(stats) => Stats::to_napi_value(env, stats.into()),
            Answer::StateChange(change) => Option::to_napi_value(env, change.map(StateChange::from)),
            Answer::Processed(report) => ProcessReport::to_napi_value(env, report.into()),
            Answer::Position(offset) => u64::to_napi_value(env, offset),
            Answer::ConsumerEvent(event) => Option::to_napi_value(env, event.map(Event::from)),
            _ => <()>::to_napi_value(env, ()),
        }
    }
}
