//! What the configuration of a consumer takes and refuses.

use super::*;
use crate::config::keys::Property;
use crate::consumer::Assignor;
use crate::error::ErrorCode;

fn properties(values: &[(&str, &str)]) -> Properties {
    let mut properties = Properties::new();
    for (key, value) in values {
        properties.set(key, value).unwrap();
    }
    properties
}

fn shown(config: &ConsumerConfig) -> String {
    format!("{config:?}")
}

/// A value other than the default for every key of consumers, and for those that they share.
const VALUES: &[(&str, &str)] = &[
    ("bootstrap.servers", "a:1, b:2"),
    ("client.id", "tests"),
    ("group.id", "readers"),
    ("max.poll.records", "1"),
    ("max.poll.interval.ms", "2"),
    ("max.processing.interval.ms", "3"),
    ("auto.commit.interval.ms", "4"),
    ("auto.offset.reset", "latest"),
    ("isolation.level", "read_committed"),
    ("metadata.refresh.interval.ms", "5"),
    ("reconnect.backoff.ms", "6"),
    ("reconnect.backoff.max.ms", "7"),
    ("max.reconnect.attempts", "8"),
    ("session.timeout.ms", "90"),
    ("rebalance.timeout.ms", "100"),
    ("heartbeat.interval.ms", "11"),
    ("partition.assignment.strategy", "sticky"),
    ("fetch.buffer.memory", "12"),
    ("fetch.max.wait.ms", "13"),
    ("connections.per.broker", "14"),
    ("report.partition.end", "true"),
    ("decompression", "never"),
    ("process.concurrency", "18"),
    ("process.retries", "19"),
    ("process.retry.backoff.ms", "20"),
    ("process.retry.backoff.max.ms", "21"),
    ("process.dead.letter.topic", "dead"),
    ("process.on.failure", "skip"),
    ("request.timeout.ms", "15"),
    ("connection.timeout.ms", "16"),
    ("close.timeout.ms", "17"),
    ("auth.username", "alice"),
    ("auth.password", "hunter2"),
];

// covers: F082 rust
#[test]
fn the_builder_agrees_with_the_keys() {
    let built = ConsumerConfig::builder()
        .bootstrap_servers(vec!["a:1".into(), "b:2".into()])
        .client_id("tests")
        .group_id("readers")
        .max_poll_records(1)
        .max_poll_interval_ms(2)
        .max_processing_interval(Duration::from_millis(3))
        .auto_commit_interval(Some(Duration::from_millis(4)))
        .auto_offset_reset(AutoOffsetReset::Latest)
        .read_committed()
        .metadata_refresh_interval(Duration::from_millis(5))
        .reconnect_backoff_ms(6)
        .reconnect_backoff_max_ms(7)
        .max_reconnect_attempts(8)
        .session_timeout_ms(90)
        .rebalance_timeout_ms(100)
        .heartbeat_interval_ms(11)
        .partition_assignment_strategy(Assignor::Sticky)
        .fetch_buffer_memory(12)
        .fetch_max_wait(Duration::from_millis(13))
        .connections_per_broker(14)
        .report_partition_end(true)
        .decompression(Decompression::Never)
        .process_concurrency(18)
        .process_retries(19)
        .process_retry_backoff(Duration::from_millis(20))
        .process_retry_backoff_max(Duration::from_millis(21))
        .process_dead_letter_topic("dead")
        .process_on_failure(OnFailure::Skip)
        .request_timeout(Duration::from_millis(15))
        .connection_timeout(Duration::from_millis(16))
        .close_timeout(Duration::from_millis(17))
        .auth("alice", "hunter2")
        .build()
        .unwrap();
    assert_eq!(shown(&built), shown(&ConsumerConfig::from_properties(&properties(VALUES)).unwrap()));
}

#[test]
fn every_key_of_consumers_is_read() {
    let mut of_consumers = Property::all().iter().filter(|key| key.scope == Scope::Consumer);
    let only_switch = "enable.auto.commit";
    assert!(of_consumers.all(|key| key.name == only_switch || VALUES.iter().any(|(name, _)| *name == key.name)));
    for (key, value) in VALUES.iter().chain(&[(only_switch, "false")]).filter(|(key, _)| !key.starts_with("auth.")) {
        let config = ConsumerConfig::plain(&properties(&[(key, value)]).within(Scope::Consumer));
        assert_ne!(shown(&config), shown(&ConsumerConfig::default()), "{key}");
    }
}

#[test]
fn properties_without_values_are_the_default_and_those_of_others_are_not_in_the_way() {
    let default = shown(&ConsumerConfig::default());
    let of_others = properties(&[("pool.size.per.server", "3"), ("linger.ms", "7"), ("connections.per.broker", "64")]);
    for properties in [Properties::new(), of_others] {
        assert_eq!(shown(&ConsumerConfig::from_properties(&properties).unwrap()), default);
    }
}

// covers: F083 rust, F084 rust, F085 rust, F086 rust, F087 rust, F088 rust, F089 rust, F090 rust
// covers: F091 rust, F092 rust, F096 rust
#[test]
fn the_defaults_are_those_specified() {
    let config = ConsumerConfig::builder().build().unwrap();
    assert_eq!((config.bootstrap_servers, config.group_id.as_str()), (vec!["127.0.0.1:9092".into()], "default-group"));
    assert_eq!((config.max_poll_records, config.max_poll_interval_ms), (500, 5000));
    assert_eq!(config.max_processing_interval, Duration::from_secs(300));
    assert_eq!((config.auto_commit_interval, config.isolation_level), (Some(Duration::from_secs(5)), 0));
    assert_eq!(config.metadata_refresh_interval, Duration::from_secs(300));
    assert_eq!((config.reconnect_backoff_ms, config.reconnect_backoff_max_ms), (100, 10_000));
    assert_eq!((config.max_reconnect_attempts, config.session_timeout_ms), (10, 10_000));
    assert_eq!((config.rebalance_timeout_ms, config.heartbeat_interval_ms), (30_000, 3_000));
    assert_eq!((config.auto_offset_reset, config.close_timeout), (AutoOffsetReset::Earliest, Duration::from_secs(5)));
    #[cfg(feature = "tls")]
    assert!(config.tls_config.is_none() && config.tls_server_name.is_none());
}

#[test]
fn heartbeats_are_sent_three_times_in_a_session_at_least() {
    let built = |session, heartbeat| {
        let builder = ConsumerConfig::builder().session_timeout_ms(session).heartbeat_interval_ms(heartbeat);
        builder.build().unwrap().heartbeat_interval_ms
    };
    assert_eq!(
        [built(10_000, 3_333), built(10_000, 3_334), built(6_000, 3_000), built(2, 9)],
        [3_333, 3_333, 2_000, 1]
    );
}

#[test]
fn commits_are_switched_off_and_on() {
    let plain = ConsumerConfig::builder;
    assert_eq!(plain().enable_auto_commit(false).build().unwrap().auto_commit_interval, None);
    let on = plain().auto_commit_interval(None).enable_auto_commit(true).build().unwrap();
    assert_eq!(on.auto_commit_interval, Some(Duration::from_secs(5)));
    let kept = plain().auto_commit_interval(Some(Duration::from_secs(1))).enable_auto_commit(true).build().unwrap();
    assert_eq!(kept.auto_commit_interval, Some(Duration::from_secs(1)));
    let off = ConsumerConfig::from_properties(&properties(&[("enable.auto.commit", "false")])).unwrap();
    assert_eq!(off.auto_commit_interval, None);
}

// covers: F003 rust
#[test]
fn values_that_are_none_or_contradict_each_other_are_refused_by_name() {
    let plain = ConsumerConfig::builder;
    for (builder, words) in [
        (plain().bootstrap_servers(vec![]), &["bootstrap_servers is empty"][..]),
        (plain().bootstrap_server("broker:port"), &["broker:port"]),
        (plain().group_id("no spaces"), &["group name"]),
        (plain().topic("no/slashes"), &["topic name"]),
        (plain().assign("t", vec![]), &["no partition of t"]),
        (plain().topic("t").assign("u", vec![0]), &["the topic t", "partitions of u"]),
        (plain().max_poll_records(0), &["max_poll_records is 0: set it from 1 to 1000000"]),
        (plain().fetch_buffer_memory(0), &["fetch_buffer_memory is 0"]),
        (plain().max_reconnect_attempts(0), &["max_reconnect_attempts is 0"]),
        (plain().connections_per_broker(17), &["connections_per_broker is 17: set it from 1 to 16"]),
        (plain().isolation_level(2), &["isolation_level is 2"]),
        (plain().max_poll_interval_ms(0), &["max_poll_interval_ms is zero"]),
        (plain().auto_commit_interval(Some(Duration::ZERO)), &["auto_commit_interval is zero"]),
        (plain().session_timeout_ms(0), &["session_timeout_ms is zero"]),
        (plain().close_timeout(Duration::ZERO), &["close_timeout is zero"]),
        (plain().fetch_max_wait(Duration::from_secs(31)), &["fetch_max_wait_ms is 31000"]),
        (plain().reconnect_backoff_ms(10_001), &["reconnect_backoff_max_ms is 10000", "reconnect_backoff_ms of 10001"]),
    ] {
        let error = builder.build().unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidConfig, "{words:?}");
        assert!(words.iter().all(|word| error.to_string().contains(word)), "{words:?}: {error}");
    }
    assert!(plain().topic("t").assign("t", vec![0]).build().is_ok());
}

// covers: F015 rust
#[test]
fn a_password_is_not_shown() {
    let shown = shown(&ConsumerConfig::builder().auth("alice", "hunter2").build().unwrap());
    assert!(shown.contains("alice") && shown.contains("[REDACTED]") && !shown.contains("hunter2"), "{shown}");
}
