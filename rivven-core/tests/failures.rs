//! What a client shows when there is no broker, or none that deserves the name.

use std::time::{Duration, Instant};

use rivven_client::{Client, Error, ErrorCode, Outcome, Request, ResilientClient, ResilientClientConfig, Result};
use rivven_testkit::{MisbehavingServer, Misbehaviour, Reply, ScriptedBroker};

/// Far below any timeout that a test sets, far above what a busy machine needs.
const SOON: Duration = Duration::from_secs(5);

async fn connect(address: &str) -> Error {
    let start = Instant::now();
    let error = Client::connect_with_timeout(address, SOON).await.expect_err("there is no broker");
    assert!(start.elapsed() < SOON + SOON, "the timeout was not kept");
    let host = address.split(':').next().unwrap();
    assert!(error.to_string().contains(host), "the address is missing: {error}");
    error
}

async fn connect_to(misbehaviour: Misbehaviour) -> Error {
    let server = MisbehavingServer::start(misbehaviour).unwrap();
    let error = connect(&server.address()).await;
    assert_eq!(error.address(), Some(server.address().as_str()));
    error
}

async fn client_of(misbehaviour: Misbehaviour) -> Client {
    let server = MisbehavingServer::start(misbehaviour).unwrap();
    let client = Client::connect_with_timeout(server.address(), SOON).await.unwrap();
    client.set_request_timeout(SOON);
    client
}

// covers: F121 rust, F122 rust
#[tokio::test]
async fn a_refused_connection_names_the_address_and_keeps_its_kind() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = connect(&format!("127.0.0.1:{port}")).await;
    assert!(matches!(error, Error::IoError(std::io::ErrorKind::ConnectionRefused, _)), "{error:?}");
    assert_eq!((error.code(), error.outcome()), (ErrorCode::ConnectionFailed, Outcome::NotSent));
    assert!(error.is_retriable());
}

#[tokio::test]
async fn no_route_is_an_error_at_once() {
    let error = connect("255.255.255.255:9092").await;
    assert_eq!(error.code(), ErrorCode::ConnectionFailed);
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_told_apart() {
    let error = connect("no-such-host.invalid:9092").await;
    assert_eq!(error.code(), ErrorCode::ResolveFailed);
}

// covers: F004 rust
#[tokio::test]
async fn a_host_that_does_not_answer_costs_the_timeout() {
    let server = MisbehavingServer::start(Misbehaviour::Unreachable).unwrap();
    let start = Instant::now();
    let limit = Duration::from_millis(300);
    let error = Client::connect_with_timeout(server.address(), limit).await.unwrap_err();
    assert_eq!((error.code(), error.outcome()), (ErrorCode::TimedOut, Outcome::NotSent));
    assert!(start.elapsed() >= limit && start.elapsed() < SOON);
    assert!(error.to_string().contains("connection.timeout.ms"), "{error}");
}

#[tokio::test]
async fn a_silent_server_costs_the_timeout() {
    let server = MisbehavingServer::start(Misbehaviour::Silent).unwrap();
    let error = Client::connect_with_timeout(server.address(), Duration::from_millis(300)).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::TimedOut);
    assert!(error.to_string().contains("did not answer the handshake"), "{error}");
}

#[tokio::test]
async fn other_protocols_are_recognised() {
    let http = connect_to(Misbehaviour::Http).await;
    assert_eq!(http.code(), ErrorCode::ResponseTooLarge);
    assert!(matches!(http, Error::ProtocolError(_)));
    assert!(http.to_string().contains("HTTP server"), "{http}");
    let tls = connect_to(Misbehaviour::TlsAlert).await;
    assert!(tls.to_string().contains("TLS server"), "{tls}");
    let huge = connect_to(Misbehaviour::Promise4Gb).await;
    assert_eq!(huge.code(), ErrorCode::ResponseTooLarge);
}

#[tokio::test]
async fn a_server_that_closes_at_once_is_a_lost_connection() {
    let error = connect_to(Misbehaviour::CloseAtOnce).await;
    assert_eq!((error.code(), error.outcome()), (ErrorCode::ConnectionLost, Outcome::NotSent));
}

/// Whoever repeats what was not sent relies on this: the handshake may have
/// arrived, the record has not.
#[tokio::test]
async fn a_record_is_not_sent_where_connecting_fails() {
    for misbehaviour in [Misbehaviour::CloseAtOnce, Misbehaviour::Http, Misbehaviour::Incompatible, Misbehaviour::Stall]
    {
        let server = MisbehavingServer::start(misbehaviour).unwrap();
        let mut config = ResilientClientConfig::builder()
            .servers(vec![server.address()])
            .connection_timeout(Duration::from_millis(300));
        if misbehaviour == Misbehaviour::Stall {
            config = config.auth("alice", "Correct-Horse-7");
        }
        let error = ResilientClient::new(config.build()).publish("orders", None, "v").await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::NotSent, "{misbehaviour:?}: {error}");
    }
}

// covers: F006 rust, F123 rust
#[tokio::test]
async fn an_incompatible_broker_is_refused() {
    let error = connect_to(Misbehaviour::Incompatible).await;
    assert_eq!((error.code(), error.is_retriable()), (ErrorCode::IncompatibleVersion, false));
}

// covers: F006 rust
#[tokio::test]
async fn a_broker_that_knows_no_handshake_is_accepted() {
    client_of(Misbehaviour::RefuseUnparsed).await.ping().await.unwrap();
}

async fn poisoned(misbehaviour: Misbehaviour, code: ErrorCode) -> Result<()> {
    let client = client_of(misbehaviour).await;
    let error = client.ping().await.unwrap_err();
    assert_eq!((error.code(), error.outcome()), (code, Outcome::Unknown), "{error}");
    while !client.is_poisoned() {
        tokio::task::yield_now().await;
    }
    assert_eq!(client.ping().await.unwrap_err().outcome(), Outcome::NotSent);
    Ok(())
}

// covers: F011 rust, F123 rust
#[tokio::test]
async fn a_connection_that_goes_wrong_is_poisoned() -> Result<()> {
    poisoned(Misbehaviour::CloseMidFrame, ErrorCode::ConnectionLost).await?;
    poisoned(Misbehaviour::WrongId, ErrorCode::MalformedResponse).await?;
    poisoned(Misbehaviour::Garbage, ErrorCode::MalformedResponse).await
}

#[tokio::test]
async fn a_reset_while_writing_is_a_lost_connection() {
    let client = client_of(Misbehaviour::Reset).await;
    let value = vec![0; 5_000_000];
    let error = client.publish("orders", &value).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::ConnectionLost, "{error}");
    assert!(client.is_poisoned());
}

// covers: F011 rust, F121 rust
#[tokio::test]
async fn a_stalled_broker_costs_the_request_timeout() {
    let client = client_of(Misbehaviour::Stall).await;
    client.set_request_timeout(Duration::from_millis(200));
    let error = client.publish("orders", "v").await.unwrap_err();
    assert!(matches!(error, Error::TimeoutWithMessage(_)));
    assert_eq!(error.outcome(), Outcome::Unknown);
}

#[tokio::test]
async fn bad_input_costs_no_round_trip() {
    let client = client_of(Misbehaviour::Stall).await;
    let too_long = "x".repeat(256);
    for name in ["", "_internal", "a b", "a..b", "é", &too_long] {
        let error = client.create_topic(name, None).await.unwrap_err();
        assert_eq!((error.code(), error.outcome()), (ErrorCode::InvalidTopic, Outcome::NotSent), "{name}");
    }
    let large = vec![0; rivven_client::MAX_MESSAGE_SIZE];
    assert_eq!(client.publish("t", &large).await.unwrap_err().code(), ErrorCode::RequestTooLarge);
    let many: Vec<(Option<&str>, &str)> = vec![(None, "v"); 10_001];
    assert_eq!(client.publish_batch("t", Some(0), &many).await.unwrap_err().code(), ErrorCode::RequestTooLarge);
    let none: &[(Option<&str>, &str)] = &[];
    assert_eq!(client.publish_batch("t", Some(0), none).await.unwrap_err().code(), ErrorCode::InvalidArgument);
}

fn resilient(servers: Vec<String>) -> ResilientClient {
    let config = ResilientClientConfig::builder().servers(servers).connection_timeout(Duration::from_millis(500));
    ResilientClient::new(config.request_timeout(SOON).build())
}

// covers: F020 rust, F038 rust, F121 rust
#[tokio::test]
async fn several_dead_servers_are_each_named() {
    let silent = MisbehavingServer::start(Misbehaviour::Silent).unwrap().address();
    let http = MisbehavingServer::start(Misbehaviour::Http).unwrap().address();
    let client = resilient(vec![silent.clone(), http.clone()]);
    let error = client.connect().await.unwrap_err();
    assert!(matches!(error, Error::AllServersUnavailable));
    let text = client.explain(&error);
    assert!(text.contains(&silent) && text.contains(&http), "{text}");
}

// covers: F020 rust, F038 rust
#[tokio::test]
async fn a_dead_server_of_a_list_is_passed_over() {
    let dead = MisbehavingServer::start(Misbehaviour::CloseAtOnce).unwrap().address();
    let alive = MisbehavingServer::start(Misbehaviour::Stall).unwrap().address();
    let client = resilient(vec![dead, alive]);
    client.connect().await.unwrap();
    client.call(&rivven_client::ops::Ping).await.unwrap();
}

// covers: F003 rust, F020 rust
#[tokio::test]
async fn an_invalid_list_of_servers_is_a_configuration_error() {
    for servers in [vec![], vec!["http://a:1".to_owned()]] {
        assert_eq!(resilient(servers).connect().await.unwrap_err().code(), ErrorCode::InvalidConfig);
    }
}

#[tokio::test]
async fn closing_ends_a_call_that_is_still_connecting() {
    let server = MisbehavingServer::start(Misbehaviour::Silent).unwrap();
    let config = ResilientClientConfig::builder().servers(vec![server.address()]).build();
    let client = ResilientClient::new(config);
    let pending = tokio::spawn(client.call(&rivven_client::ops::Ping));
    tokio::task::yield_now().await;
    client.close(SOON).await;
    assert_eq!(pending.await.unwrap().unwrap_err().code(), ErrorCode::Closed);
    assert_eq!(client.connect().await.unwrap_err().code(), ErrorCode::Closed);
}

#[tokio::test]
async fn closing_waits_for_the_calls_that_began_before_it() {
    let server = MisbehavingServer::start(Misbehaviour::Stall).unwrap();
    let client = resilient(vec![server.address()]);
    client.connect().await.unwrap();
    // Not one of these has been polled when the client is closed.
    let calls: Vec<_> = (0..10).map(|_| client.call(&rivven_client::ops::Ping)).collect();
    let closing = tokio::spawn(client.close(SOON));
    let late = client.call(&rivven_client::ops::Ping);
    for call in calls {
        call.await.unwrap();
    }
    assert_eq!(late.await.unwrap_err().code(), ErrorCode::Closed);
    closing.await.unwrap();
    assert_eq!(client.connect().await.unwrap_err().code(), ErrorCode::Closed);
}

#[tokio::test]
async fn closing_ends_calls_that_stall_when_its_time_is_up() {
    let server = MisbehavingServer::start(Misbehaviour::Stall).unwrap();
    let client = resilient(vec![server.address()]);
    client.connect().await.unwrap();
    let stalled = tokio::spawn(client.call(&rivven_client::ops::ListTopics));
    client.close(Duration::from_millis(200)).await;
    let error = stalled.await.unwrap().unwrap_err();
    assert_eq!((error.code(), error.outcome()), (ErrorCode::Closed, Outcome::Unknown));
    client.close(Duration::MAX).await;
}

/// A request of every kind that an answer with two meanings may come to.
fn requests() -> Vec<Request> {
    let (t, g, value) = (|| "t".to_owned(), || "g".to_owned(), bytes::Bytes::new);
    let (partition, key, leader_epoch) = (Some(0), None, None);
    let (producer_id, producer_epoch, sequence) = (1, 0, 0);
    vec![
        Request::Publish { topic: t(), partition, key: None, value: value(), leader_epoch },
        Request::PublishBatch { topic: t(), partition, records: Vec::new(), leader_epoch },
        Request::IdempotentPublish {
            topic: t(),
            partition,
            key: None,
            value: value(),
            producer_id,
            producer_epoch,
            sequence,
            leader_epoch,
        },
        Request::IdempotentPublishBatch {
            topic: t(),
            partition,
            records: Vec::new(),
            producer_id,
            producer_epoch,
            base_sequence: sequence,
            leader_epoch,
        },
        Request::TransactionalPublish {
            txn_id: g(),
            topic: t(),
            partition,
            key,
            value: value(),
            producer_id,
            producer_epoch,
            sequence,
            leader_epoch,
        },
        Request::Consume {
            topic: t(),
            partition: 0,
            offset: 0,
            max_messages: 1,
            isolation_level: None,
            max_wait_ms: None,
        },
        Request::CommitOffset { consumer_group: g(), topic: t(), partition: 0, offset: 0 },
        Request::GetMetadata { topic: t() },
        Request::GetOffsetBounds { topic: t(), partition: 0 },
        Request::GetOffsetForTimestamp { topic: t(), partition: 0, timestamp_ms: 0 },
        Request::DeleteTopic { name: t() },
        Request::CreatePartitions { topic: t(), new_partition_count: 9, assignments: Vec::new() },
        Request::ListTopics,
    ]
}

// covers: F123 rust
#[tokio::test]
async fn what_was_asked_decides_where_an_answer_has_two_meanings() -> Result<()> {
    const PUBLISHES: [&str; 5] =
        ["Publish", "PublishBatch", "IdempotentPublish", "IdempotentPublishBatch", "TransactionalPublish"];
    let cases: [(&str, &[&str]); 7] = [
        ("UNKNOWN_TOPIC_OR_PARTITION: t", &PUBLISHES),
        ("Topic not found: t", &["Consume"]),
        ("UNKNOWN_TOPIC: t", &["CommitOffset"]),
        ("UNKNOWN_PARTITION: 0", &["CommitOffset"]),
        ("INTERNAL_ERROR: response send failed", &["Consume"]),
        ("Partition 0 not found for topic 't'", &[]),
        ("INVALID_PARTITION: 0", &[]),
    ];
    let broker = ScriptedBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    for (text, expected) in cases {
        broker.clear_rules();
        broker.on_any().answer(Reply::error(text));
        let mut retriable = Vec::new();
        for request in requests() {
            if client.call(&request).await.unwrap_err().is_retriable() {
                retriable.push(request.name());
            }
        }
        assert_eq!(retriable, expected, "{text}");
    }
    Ok(())
}
