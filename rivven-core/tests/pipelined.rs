//! The pipelined client: many tasks on one connection.

use std::time::{Duration, Instant};

use bytes::Bytes;
use rivven_client::{
    CompressionType, Error, ErrorCode, Outcome, PipelineAuthConfig, PipelineConfig, PipelineStatsSnapshot,
    PipelinedClient, Producer, ProducerConfig, Request, Response, Result,
};
use rivven_testkit::{
    FaultProxy, Faults, Kind, MisbehavingServer, Misbehaviour, Plan, Reply, ScriptedBroker, TestBroker,
};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Far below any timeout that a test relies on, far above what a busy machine needs.
const SOON: Duration = Duration::from_secs(10);

async fn connect(address: impl AsRef<str>) -> PipelinedClient {
    PipelinedClient::connect(address, PipelineConfig::default()).await.unwrap()
}

/// Publishes from a task of its own, through a clone of its own.
fn publish(client: &PipelinedClient, value: impl Into<Bytes>) -> JoinHandle<Result<u64>> {
    let (client, value) = (client.clone(), value.into());
    tokio::spawn(async move { client.publish("t", value).await })
}

/// Waits until so many requests have been written.
async fn until_sent(client: &PipelinedClient, requests: u64) {
    while client.stats().requests_sent < requests {
        tokio::task::yield_now().await;
    }
}

async fn until_poisoned(client: &PipelinedClient) {
    while !client.is_poisoned() {
        tokio::task::yield_now().await;
    }
}

/// Every value in the topic, by offset.
async fn values(client: &PipelinedClient) -> Result<Vec<Bytes>> {
    let mut values = Vec::new();
    let (_, end) = client.get_offset_bounds("t", 0).await?;
    while (values.len() as u64) < end {
        for record in client.consume("t", 0, values.len() as u64, 500).await? {
            assert_eq!(record.offset, values.len() as u64);
            values.push(record.value);
        }
    }
    Ok(values)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_a_thousand_tasks_gets_its_own_offset() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = PipelinedClient::connect(broker.address(), PipelineConfig::high_throughput()).await?;
    client.create_topic("t", Some(1)).await?;
    let calls: Vec<_> = (0..1000).map(|n| publish(&client, format!("value {n}"))).collect();
    let mut offsets = Vec::new();
    for call in calls {
        offsets.push(call.await.unwrap()?);
    }
    let values = values(&client).await?;
    assert_eq!(values.len(), 1000);
    for (n, offset) in offsets.iter().enumerate() {
        assert_eq!(values[*offset as usize], format!("value {n}"), "the offset is another task's");
    }
    let stats = client.stats();
    assert_eq!((stats.in_flight(), stats.timeouts, stats.success_rate()), (0, 0, 1.0));
    assert!(stats.requests_sent > 1000, "{stats:?}");
    assert!(stats.batches_flushed < stats.requests_sent / 2, "requests share writes: {stats:?}");
    Ok(())
}

#[tokio::test]
async fn keys_and_raw_requests() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = connect(broker.address()).await;
    assert_eq!(client.stats(), PipelineStatsSnapshot::default(), "the handshake is not counted");
    client.create_topic("t", Some(1)).await?;
    assert_eq!(client.publish_with_key("t", Some("key"), "first").await?, 0);
    assert_eq!(client.publish_with_key("t", None::<&str>, "second").await?, 1);
    let records = client.consume("t", 0, 0, 10).await?;
    assert_eq!((records[0].key.as_deref(), records[1].key.as_deref()), (Some(&b"key"[..]), None));
    match client.send_request(Request::ListTopics).await? {
        Response::Topics { topics } => assert_eq!(topics, ["t"]),
        other => panic!("unexpected {other:?}"),
    }
    let absent = client.send_request(Request::GetMetadata { topic: "absent".into() }).await.unwrap_err();
    assert!(matches!(absent, Error::ServerError(_)), "{absent:?}");
    assert_eq!(absent.code(), ErrorCode::UnknownTopicOrPartition);
    let stats = client.stats();
    assert_eq!((stats.requests_sent, stats.responses_received, stats.in_flight()), (6, 6, 0));
    assert!(!client.is_tls() && !client.is_poisoned());
    Ok(())
}

#[tokio::test]
async fn a_throttled_request_is_an_error() {
    let broker = ScriptedBroker::start().unwrap();
    broker.on(Kind::Ping).once().answer(Reply::throttled_ms(70));
    let client = connect(broker.address()).await;
    assert_eq!(client.send_request(Request::Ping).await.unwrap_err().code(), ErrorCode::Throttled);
    assert!(matches!(client.send_request(Request::Ping).await, Ok(Response::Pong)));
}

#[tokio::test]
async fn a_close_waits_for_the_answers_that_are_due() -> Result<()> {
    let broker = ScriptedBroker::builder().topic("t", 1).start().unwrap();
    broker.on(Kind::Publish).once().hold();
    let config = PipelineConfig::builder().close_timeout(2 * SOON).build();
    let client = PipelinedClient::connect(broker.address(), config).await?;
    let calls: Vec<_> = (0..10).map(|n| publish(&client, format!("{n}"))).collect();
    until_sent(&client, 10).await;
    broker.until_received(Kind::Publish, 1).await;
    let closing = tokio::spawn({
        let client = client.clone();
        async move { client.close().await }
    });
    // A ping that comes before the close has an answer as late as the others.
    while !matches!(timeout(Duration::from_millis(10), client.ping()).await, Ok(Err(error)) if error.code() == ErrorCode::Closed)
    {
    }
    assert!(!closing.is_finished());
    broker.release();
    for call in calls {
        call.await.unwrap()?;
    }
    closing.await.unwrap();
    assert!(!client.is_poisoned());
    client.close().await;
    Ok(())
}

#[tokio::test]
async fn a_close_ends_within_its_time() {
    let broker = ScriptedBroker::builder().topic("t", 1).start().unwrap();
    broker.on(Kind::Publish).drop_answer();
    let limit = Duration::from_millis(200);
    let config = PipelineConfig::builder().close_timeout(limit).request_timeout(SOON * 2).build();
    let client = PipelinedClient::connect(broker.address(), config).await.unwrap();
    let call = publish(&client, "v");
    until_sent(&client, 1).await;
    let start = Instant::now();
    client.close().await;
    assert!(start.elapsed() >= limit && start.elapsed() < SOON);
    let error = call.await.unwrap().unwrap_err();
    assert_eq!((error.code(), error.outcome()), (ErrorCode::Closed, Outcome::Unknown));
    assert_eq!(client.stats().in_flight(), 0);
}

/// Five publishes wait, of which the broker answers one in its own way; gives their errors.
async fn poisoned_by(misbehave: impl FnOnce(&ScriptedBroker), limit: Duration) -> Vec<Error> {
    let broker = ScriptedBroker::builder().topic("t", 1).start().unwrap();
    broker.on(Kind::Publish).once().hold();
    misbehave(&broker);
    let config = PipelineConfig::builder().request_timeout(limit).build();
    let client = PipelinedClient::connect(broker.address(), config).await.unwrap();
    let calls: Vec<_> = (0..5).map(|n| publish(&client, format!("{n}"))).collect();
    until_sent(&client, 5).await;
    broker.until_received(Kind::Publish, 1).await;
    broker.release();
    let mut errors = Vec::new();
    for call in calls {
        errors.push(call.await.unwrap().unwrap_err());
    }
    until_poisoned(&client).await;
    let stats = client.stats();
    assert_eq!((stats.requests_sent, stats.in_flight()), (5, 0), "nothing leaks: {stats:?}");
    let late = client.publish("t", "late").await.unwrap_err();
    assert_eq!(late.outcome(), Outcome::NotSent, "{late}");
    assert!(errors.iter().all(|error| error.outcome() == Outcome::Unknown), "{errors:?}");
    errors
}

// covers: F049 rust
#[tokio::test]
async fn a_timeout_poisons() {
    let errors = poisoned_by(|broker| broker.on(Kind::Publish).drop_answer(), Duration::from_millis(300)).await;
    assert!(matches!(errors[0], Error::TimeoutWithMessage(_)), "{:?}", errors[0]);
    for error in errors {
        assert!(matches!(error.code(), ErrorCode::TimedOut | ErrorCode::ConnectionLost), "{error}");
    }
}

// covers: F049 rust
#[tokio::test]
async fn answers_that_cannot_be_understood_poison() {
    let too_large = poisoned_by(|broker| broker.on(Kind::Publish).raw(vec![0xff; 4]), SOON).await;
    let malformed = poisoned_by(|broker| broker.on(Kind::Publish).answer(Reply::payload(vec![0xff, 0xff])), SOON).await;
    let foreign = poisoned_by(|broker| broker.on(Kind::Publish).wrong_id(), SOON).await;
    for (errors, code) in [
        (too_large, ErrorCode::ResponseTooLarge),
        (malformed, ErrorCode::MalformedResponse),
        (foreign, ErrorCode::MalformedResponse),
    ] {
        let (first, others) = errors.split_first().unwrap();
        assert!(matches!(first, Error::ProtocolError(_)) && first.code() == code, "{first:?}");
        // Another one may have had such an answer too before the connection was given up.
        let fits = |error: &Error| matches!(error, Error::ConnectionError(_)) || error.code() == code;
        assert!(others.iter().all(fits), "{others:?}");
    }
}

// covers: F049 rust
#[tokio::test]
async fn a_connection_that_ends_poisons() {
    for end in ["close", "reset", "cut"] {
        let misbehave = |broker: &ScriptedBroker| match end {
            "close" => broker.on(Kind::Publish).close_connection(),
            "reset" => broker.on(Kind::Publish).reset_connection(),
            _ => broker.on(Kind::Publish).then_close().truncate(7),
        };
        for error in poisoned_by(misbehave, SOON).await {
            assert!(matches!(error, Error::ConnectionError(_)), "{error:?}");
            assert_eq!(error.code(), ErrorCode::ConnectionLost);
        }
    }
}

#[tokio::test]
async fn servers_that_are_none_are_told_apart() {
    let cases = [
        (Misbehaviour::Http, ErrorCode::ResponseTooLarge),
        (Misbehaviour::Promise4Gb, ErrorCode::ResponseTooLarge),
        (Misbehaviour::CloseAtOnce, ErrorCode::ConnectionLost),
        (Misbehaviour::Incompatible, ErrorCode::IncompatibleVersion),
        (Misbehaviour::Silent, ErrorCode::TimedOut),
    ];
    for (misbehaviour, code) in cases {
        let server = MisbehavingServer::start(misbehaviour).unwrap();
        let limit = if misbehaviour == Misbehaviour::Silent { Duration::from_millis(300) } else { SOON };
        let config = PipelineConfig::builder().connection_timeout(limit).build();
        let error = PipelinedClient::connect(server.address(), config).await.unwrap_err();
        assert_eq!((error.code(), error.outcome()), (code, Outcome::NotSent), "{misbehaviour:?}: {error}");
    }
}

// covers: F049 rust
#[tokio::test]
async fn a_dropped_future_harms_nobody() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = connect(broker.address()).await;
    client.create_topic("t", Some(1)).await?;
    let mut kept = Vec::new();
    for n in 0..300 {
        let call = publish(&client, format!("value {n}"));
        match n % 3 {
            0 => call.abort(),
            // Some are dropped when they wait for an answer, some while they wait for a place in flight.
            1 => drop(timeout(Duration::from_micros(n * 7), client.publish("t", "dropped")).await),
            _ => kept.push((n, call)),
        }
    }
    let mut offsets = Vec::new();
    for (n, call) in kept {
        offsets.push((n, call.await.unwrap()?));
    }
    let values = values(&client).await?;
    for (n, offset) in offsets {
        assert_eq!(values[offset as usize], format!("value {n}"));
    }
    client.ping().await?;
    assert_eq!(client.stats().in_flight(), 0);
    Ok(())
}

#[tokio::test]
async fn dropped_futures_give_their_places_back() -> Result<()> {
    let broker = ScriptedBroker::builder().topic("t", 1).start().unwrap();
    broker.on(Kind::Publish).once().hold();
    let config = PipelineConfig::builder().max_in_flight(3).build();
    let client = PipelinedClient::connect(broker.address(), config).await?;
    let calls: Vec<_> = (0..10).map(|_| publish(&client, "v")).collect();
    until_sent(&client, 3).await;
    broker.until_received(Kind::Publish, 1).await;
    for call in calls {
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
    }
    assert_eq!(client.stats().in_flight(), 3, "the others never had a place");
    broker.release();
    let calls: Vec<_> = (0..10).map(|_| publish(&client, "v")).collect();
    for call in calls {
        call.await.unwrap()?;
    }
    assert_eq!(broker.records("t", 0).len(), 13);
    assert_eq!(client.stats().in_flight(), 0);
    Ok(())
}

/// The broker stops reading; what it has to say is heard all the same.
// covers: F050 rust
#[tokio::test]
async fn a_peer_that_does_not_read_stops_no_answer() -> Result<()> {
    const PASSES: u64 = 64 * 1024;
    let broker = ScriptedBroker::builder().topic("t", 1).start().unwrap();
    broker.on(Kind::Ping).once().hold();
    let proxy = FaultProxy::start(broker.address()).unwrap();
    proxy.set_plan(|_| Plan::default().to_broker(Faults::default().stall_after(PASSES)));
    let client = connect(proxy.address()).await;
    let ping = tokio::spawn({
        let client = client.clone();
        async move { client.ping().await }
    });
    broker.until_received(Kind::Ping, 1).await;
    // Far more than sockets and proxy take.
    let large: Vec<_> = (0..8).map(|_| publish(&client, vec![0; 9_000_000])).collect();
    while proxy.bytes_to_broker() < PASSES {
        tokio::task::yield_now().await;
    }
    broker.release();
    ping.await.unwrap()?;
    assert!(client.stats().requests_sent < 9, "the writes are blocked");
    proxy.resume();
    for call in large {
        call.await.unwrap()?;
    }
    assert_eq!(broker.records("t", 0).len(), 8);
    Ok(())
}

#[tokio::test]
async fn the_handshake_comes_before_the_login() -> Result<()> {
    let broker = ScriptedBroker::builder().user("ann", "Correct-Horse-7").scram_iterations(4096).start().unwrap();
    let config = PipelineConfig::builder().auth("ann", "Correct-Horse-7").build();
    let client = PipelinedClient::connect(broker.address(), config).await?;
    client.list_topics().await?;
    let kinds: Vec<_> = broker.requests().iter().map(|received| received.kind()).collect();
    assert_eq!(kinds, [Kind::Handshake, Kind::ScramClientFirst, Kind::ScramClientFinal, Kind::ListTopics]);
    let wrong = PipelineConfig::builder().auth("ann", "Wrong-Battery-8").build();
    let error = PipelinedClient::connect(broker.address(), wrong).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::AuthenticationFailed);
    Ok(())
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn tls_and_login() -> Result<()> {
    use rivven_client::TlsConfig;
    let broker = TestBroker::builder().secure().user("alice", "Correct-Horse-7", &["admin"]).start().unwrap();
    let tls = TlsConfig::builder().ca_cert_path(broker.info().ca_cert.clone().unwrap()).build()?;
    let config = PipelineConfig::builder().auth("alice", "Correct-Horse-7").tls(tls.clone(), None);
    let client = PipelinedClient::connect(broker.address(), config.build()).await?;
    assert!(client.is_tls());
    client.create_topic("t", Some(1)).await?;
    let calls: Vec<_> = (0..50).map(|n| publish(&client, format!("{n}"))).collect();
    for call in calls {
        call.await.unwrap()?;
    }
    assert_eq!(values(&client).await?.len(), 50);
    let other = PipelineConfig::builder().tls(tls, Some("other.example".into())).build();
    let error = PipelinedClient::connect(broker.address(), other).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::TlsFailed);
    Ok(())
}

#[test]
fn the_presets() {
    let presets = [PipelineConfig::default(), PipelineConfig::high_throughput(), PipelineConfig::low_latency()];
    let values = presets.map(|config| {
        let seconds = (config.request_timeout.as_secs(), config.close_timeout.as_secs());
        (config.max_in_flight, config.batch_linger_us, config.max_batch_size, seconds)
    });
    assert_eq!(values, [(100, 1000, 64, (30, 5)), (1000, 5000, 256, (60, 10)), (32, 0, 1, (10, 3))]);
    let built = PipelineConfig::builder().build();
    assert_eq!(format!("{built:?}"), format!("{:?}", PipelineConfig::default()));
}

#[test]
fn the_builder_sets_every_field() {
    let config = PipelineConfig::high_throughput()
        .to_builder()
        .max_in_flight(1)
        .batch_linger_us(2)
        .batch_linger_ms(2)
        .max_batch_size(3)
        .read_buffer_size(4)
        .write_buffer_size(5)
        .connection_timeout(Duration::from_secs(6))
        .request_timeout(Duration::from_secs(7))
        .close_timeout(Duration::from_secs(8))
        .auth("alice", "hunter2")
        .build();
    let sizes = [config.max_in_flight, config.max_batch_size, config.read_buffer_size, config.write_buffer_size];
    assert_eq!((sizes, config.batch_linger_us), ([1, 3, 4, 5], 2000));
    let times = [config.connection_timeout, config.request_timeout, config.close_timeout];
    assert_eq!(times.map(|time| time.as_secs()), [6, 7, 8]);
    let shown = format!("{config:?}");
    let auth: PipelineAuthConfig = config.auth.unwrap();
    assert_eq!((auth.username.as_str(), auth.password.as_str()), ("alice", "hunter2"));
    assert!(shown.contains("[REDACTED]") && !shown.contains("hunter2"), "{shown}");
}

#[tokio::test]
async fn values_that_cannot_be_used_are_refused_before_connecting() {
    let builder = PipelineConfig::builder;
    let configs = [
        builder().max_in_flight(0),
        builder().max_in_flight(usize::MAX),
        builder().max_batch_size(0),
        builder().read_buffer_size(0),
        builder().write_buffer_size(usize::MAX),
        builder().batch_linger_ms(u64::MAX),
        builder().batch_linger_ms(500).request_timeout(Duration::from_millis(500)),
        builder().request_timeout(Duration::ZERO),
        builder().connection_timeout(Duration::ZERO),
    ];
    let broker = ScriptedBroker::start().unwrap();
    for config in configs {
        let error = PipelinedClient::connect(broker.address(), config.build()).await.unwrap_err();
        assert!(matches!(error, Error::ConfigError(_)), "{error:?}");
        assert_eq!(error.code(), ErrorCode::InvalidConfig);
    }
    assert_eq!(broker.connections(), 0);
}

#[test]
fn the_rates_of_a_snapshot() {
    let snapshot = |requests_sent, responses_received, timeouts| PipelineStatsSnapshot {
        requests_sent,
        responses_received,
        batches_flushed: 1,
        timeouts,
    };
    assert_eq!((snapshot(0, 0, 0).success_rate(), snapshot(0, 0, 0).in_flight()), (1.0, 0));
    assert_eq!((snapshot(100, 95, 5).success_rate(), snapshot(100, 95, 5).in_flight()), (0.95, 0));
    assert_eq!((snapshot(1, 2, 3).success_rate(), snapshot(1, 2, 3).in_flight()), (1.0, 0));
}

/// What a producer had compressed was given as it lay on the wire.
#[tokio::test]
async fn values_are_decompressed() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let config = ProducerConfig::builder().bootstrap_servers(vec![broker.address().into()]);
    let producer = Producer::new(config.compression_type(CompressionType::Lz4).build()).await?;
    let value = "again and ".repeat(100);
    let sent = producer.send("t", &value).await?;
    let records = connect(broker.address()).await.consume("t", sent.partition, 0, 10).await?;
    assert_eq!(records[0].value, value);
    Ok(())
}
