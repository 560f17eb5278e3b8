//! What the configuration of a producer takes and refuses.

use super::*;
use crate::config::keys::Property;
use crate::error::ErrorCode;

fn properties(values: &[(&str, &str)]) -> Properties {
    let mut properties = Properties::new();
    for (key, value) in values {
        properties.set(key, value).unwrap();
    }
    properties
}

fn shown(config: &ProducerConfig) -> String {
    format!("{config:?}")
}

/// A value other than the default for every key of producers, and for those that they share with clients.
const VALUES: &[(&str, &str)] = &[
    ("bootstrap.servers", "a:1, b:2"),
    ("client.id", "tests"),
    ("batch.size", "100"),
    ("linger.ms", "1"),
    ("buffer.memory", "1000"),
    ("compression.type", "zstd"),
    ("enable.idempotence", "true"),
    ("retries", "2"),
    ("retry.backoff.ms", "3"),
    ("retry.backoff.max.ms", "4"),
    ("retry.unknown.outcome", "false"),
    ("max.in.flight.requests", "4"),
    ("acks", "all"),
    ("request.timeout.ms", "6"),
    ("delivery.timeout.ms", "7"),
    ("connection.timeout.ms", "8"),
    ("metadata.max.age.ms", "9"),
    ("max.block.ms", "10"),
    ("close.timeout.ms", "11"),
    ("connections.per.broker", "12"),
    ("allow.auto.create.topics", "false"),
    ("transactional.id", "etl"),
    ("transaction.timeout.ms", "1300"),
    ("partitioner", "round-robin"),
    ("auth.username", "alice"),
    ("auth.password", "hunter2"),
];

// covers: F057 rust
#[cfg(feature = "compression")]
#[test]
fn the_builder_agrees_with_the_keys() {
    let built = ProducerConfig::builder()
        .bootstrap_servers(vec!["a:1".into(), "b:2".into()])
        .client_id("tests")
        .batch_size(100)
        .linger_ms(1)
        .buffer_memory(1000)
        .compression_type(CompressionType::Zstd)
        .enable_idempotence(true)
        .retries(2)
        .retry_backoff_ms(3)
        .retry_backoff_max_ms(4)
        .retry_unknown_outcome(false)
        .max_in_flight_requests(4)
        .acks(-1)
        .request_timeout(Duration::from_millis(6))
        .delivery_timeout(Duration::from_millis(7))
        .connection_timeout(Duration::from_millis(8))
        .metadata_max_age(Duration::from_millis(9))
        .max_block(Duration::from_millis(10))
        .close_timeout(Duration::from_millis(11))
        .connections_per_broker(12)
        .allow_auto_create_topics(false)
        .transactional_id("etl")
        .transaction_timeout(Duration::from_millis(1300))
        .partitioner(Partitioning::RoundRobin)
        .auth("alice", "hunter2")
        .build()
        .unwrap();
    assert_eq!(shown(&built), shown(&ProducerConfig::from_properties(&properties(VALUES)).unwrap()));
}

#[test]
fn every_key_of_producers_is_read() {
    let mut of_producers = Property::all().iter().filter(|key| key.scope == Scope::Producer);
    assert!(of_producers.all(|key| VALUES.iter().any(|(name, _)| *name == key.name)));
    for (key, value) in VALUES.iter().filter(|(key, _)| !key.starts_with("auth.")) {
        let config = ProducerConfig::plain(&properties(&[(key, value)]).within(Scope::Producer));
        assert_ne!(shown(&config), shown(&ProducerConfig::default()), "{key}");
    }
}

#[test]
fn properties_without_values_are_the_default_and_those_of_clients_are_not_in_the_way() {
    let default = shown(&ProducerConfig::default());
    let of_clients = properties(&[("pool.size.per.server", "3"), ("max.retries", "7"), ("runtime.threads", "2")]);
    for properties in [Properties::new(), of_clients] {
        assert_eq!(shown(&ProducerConfig::from_properties(&properties).unwrap()), default);
    }
}

// covers: F056 rust
#[test]
fn a_producer_has_longer_to_close_than_a_client_of_the_same_properties() {
    let of_client = |properties: &Properties| {
        crate::config::ResilientClientConfig::from_properties(properties).unwrap().close_timeout
    };
    let of_producer = |properties: &Properties| ProducerConfig::from_properties(properties).unwrap().close_timeout;
    let unset = Properties::new();
    assert_eq!((of_client(&unset), of_producer(&unset)), (Duration::from_secs(5), Duration::from_secs(30)));
    let set = properties(&[("close.timeout.ms", "700"), ("linger.ms", "3")]);
    assert_eq!(of_client(&set), Duration::from_millis(700));
    assert_eq!(of_producer(&set), Duration::from_millis(700));
}

#[cfg(feature = "compression")]
#[test]
fn every_compression_but_gzip_is_taken() {
    for (name, expected) in
        [("snappy", CompressionType::Snappy), ("lz4", CompressionType::Lz4), ("zstd", CompressionType::Zstd)]
    {
        let config = ProducerConfig::from_properties(&properties(&[("compression.type", name)])).unwrap();
        assert_eq!(config.compression_type, expected);
        assert!(config.to_builder().build().is_ok());
    }
    assert_eq!(Properties::new().set("compression.type", "gzip").unwrap_err().code(), ErrorCode::InvalidConfig);
}

#[cfg(not(feature = "compression"))]
#[test]
fn a_build_without_compression_refuses_to_send_plain_values_instead() {
    let error = ProducerConfig::high_throughput().to_builder().build().unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidConfig);
}

#[test]
fn values_at_their_limits_are_taken() {
    let plain = || ProducerConfig::builder();
    for builder in [
        plain().batch_size(10 * 1024 * 1024),
        plain().batch_size(1).buffer_memory(1),
        plain().connections_per_broker(64).max_in_flight_requests(1_000_000),
        plain().request_timeout(Duration::from_secs(119)).linger_ms(1000),
        plain().retry_backoff_ms(1000).retry_backoff_max_ms(1000),
        plain().delivery_timeout(Duration::MAX).request_timeout(Duration::MAX).linger_ms(u64::MAX),
        plain().retries(u32::MAX),
    ] {
        assert!(builder.build().is_ok());
    }
}

/// That both ways of configuring refuse these values, in words that contain these.
fn refused(builder: ProducerConfigBuilder, values: &[(&str, &str)], words: &[&str]) {
    let by_properties = ProducerConfig::from_properties(&properties(values)).unwrap_err();
    for error in [builder.build().unwrap_err(), by_properties] {
        assert_eq!(error.code(), ErrorCode::InvalidConfig);
        for word in words {
            assert!(error.to_string().contains(word), "{word}: {error}");
        }
    }
}

// covers: F067 rust
#[test]
fn values_that_contradict_each_other_are_both_named() {
    let plain = || ProducerConfig::builder();
    refused(
        plain().enable_idempotence(true).max_in_flight_requests(6),
        &[("enable.idempotence", "true"), ("max.in.flight.requests", "6")],
        &["max_in_flight_requests is 6", "enable_idempotence is true", "5"],
    );
    refused(
        plain().enable_idempotence(true).acks(0),
        &[("enable.idempotence", "true"), ("acks", "0")],
        &["enable_idempotence is true", "acks is 0"],
    );
    refused(
        plain().batch_size(2000).buffer_memory(1999),
        &[("batch.size", "2000"), ("buffer.memory", "1999")],
        &["batch_size is 2000", "buffer_memory of 1999"],
    );
    refused(
        plain().retry_backoff_ms(1001),
        &[("retry.backoff.ms", "1001")],
        &["retry_backoff_max_ms is 1000", "retry_backoff_ms of 1001"],
    );
    refused(
        plain().delivery_timeout(Duration::from_secs(31)).linger_ms(1001),
        &[("delivery.timeout.ms", "31000"), ("linger.ms", "1001")],
        &["delivery_timeout is 31s", "request_timeout of 30s", "linger_ms of 1001"],
    );
}

// covers: F003 rust
#[test]
fn values_that_are_none_are_refused_by_name() {
    let plain = || ProducerConfig::builder();
    for (builder, words) in [
        (plain().bootstrap_servers(vec![]), "bootstrap_servers is empty"),
        (plain().bootstrap_servers(vec!["broker:port".into()]), "broker:port"),
        (plain().batch_size(0), "batch_size is 0: set it from 1 to 10485760"),
        (plain().batch_size(10 * 1024 * 1024 + 1), "batch_size is 10485761"),
        (plain().buffer_memory(0), "buffer_memory is 0"),
        (plain().max_in_flight_requests(0), "max_in_flight_requests is 0"),
        (plain().max_in_flight_requests(1_000_001), "max_in_flight_requests is 1000001"),
        (plain().connections_per_broker(0), "connections_per_broker is 0"),
        (plain().connections_per_broker(65), "connections_per_broker is 65: set it from 1 to 64"),
        (plain().acks(2), "acks is 2"),
        (plain().acks(-2), "acks is -2"),
        (plain().compression_type(CompressionType::Gzip), "compression_type is gzip"),
        (plain().request_timeout(Duration::ZERO), "request_timeout is zero"),
        (plain().delivery_timeout(Duration::ZERO), "delivery_timeout is zero"),
        (plain().connection_timeout(Duration::ZERO), "connection_timeout is zero"),
        (plain().metadata_max_age(Duration::ZERO), "metadata_max_age is zero"),
        (plain().max_block(Duration::ZERO), "max_block is zero"),
        (plain().close_timeout(Duration::ZERO), "close_timeout is zero"),
        (plain().retry_backoff_ms(0), "retry_backoff_ms is zero"),
        (plain().retry_backoff_max_ms(0), "retry_backoff_max_ms is zero"),
    ] {
        let error = builder.build().unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidConfig, "{words}");
        assert!(error.to_string().contains(words), "{words}: {error}");
    }
}

// covers: F002 rust
#[test]
fn values_that_are_none_are_no_properties_either() {
    for (key, values) in [
        ("batch.size", &["0", "10485761"][..]),
        ("buffer.memory", &["0"]),
        ("max.in.flight.requests", &["0"]),
        ("connections.per.broker", &["0", "65"]),
        ("acks", &["2", "-2", "none"]),
        ("compression.type", &["gzip", "LZ4"]),
        ("delivery.timeout.ms", &["0"]),
        ("max.block.ms", &["0"]),
        ("retry.backoff.ms", &["0"]),
        ("retries", &["-1", "4294967296"]),
        ("partitioner", &["murmur"]),
    ] {
        for value in values {
            assert_eq!(Properties::new().set(key, value).unwrap_err().code(), ErrorCode::InvalidConfig, "{key}");
        }
    }
}

#[test]
fn a_password_is_not_shown() {
    let shown = shown(&ProducerConfig::builder().auth("alice", "hunter2").build().unwrap());
    assert!(shown.contains("alice") && shown.contains("[REDACTED]") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn half_a_login_is_refused() {
    for key in ["auth.username", "auth.password"] {
        assert!(ProducerConfig::from_properties(&properties(&[(key, "alice")])).is_err(), "{key}");
    }
}
