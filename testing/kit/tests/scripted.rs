//! The scripted broker, asked by the client where it can ask, and by raw frames where it cannot.

use std::time::{Duration, Instant};

use rivven_client::{Client, ErrorCode, Request, Response};
use rivven_testkit::{ERROR_TEXTS, Kind, Reply, ScriptedBroker};

mod raw;
use raw::Raw;

const SOON: Duration = Duration::from_secs(20);

async fn connect(broker: &ScriptedBroker) -> Client {
    Client::connect_with_timeout(broker.address(), SOON).await.unwrap()
}

#[tokio::test]
async fn keeps_what_is_published() {
    let broker = ScriptedBroker::builder().topic("orders", 3).start().unwrap();
    let client = connect(&broker).await;
    assert_eq!(client.publish_to_partition("orders", 1, Some("key"), "value").await.unwrap(), 0);
    let batch = [(None::<&str>, "a"), (None, "b"), (None, "c")];
    assert_eq!(client.publish_batch("orders", Some(1), &batch).await.unwrap(), (1, 1, 3));
    let records = client.consume("orders", 1, 1, 10).await.unwrap();
    let values: Vec<_> = records.iter().map(|record| (record.offset, record.value.clone())).collect();
    assert_eq!(values, [(1, "a".into()), (2, "b".into()), (3, "c".into())]);
    assert_eq!(client.get_offset_bounds("orders", 1).await.unwrap(), (0, 4));
    assert_eq!(broker.records("orders", 1).len(), 4);
    let kinds: Vec<Kind> = broker.requests().iter().map(|request| request.kind()).collect();
    use Kind::*;
    assert_eq!(kinds, [Handshake, Publish, PublishBatch, Consume, GetOffsetBounds]);
}

#[tokio::test]
async fn chooses_the_partition_as_the_broker_does() {
    let broker = ScriptedBroker::builder().topic("orders", 3).start().unwrap();
    let client = connect(&broker).await;
    for (key, partition) in [("", 0), ("hello", 0), ("kafka", 1), ("user-123", 2)] {
        let (_, chosen, _) = client.publish_batch("orders", None, &[(Some(key), "v")]).await.unwrap();
        assert_eq!(chosen, partition, "{key}");
    }
    assert_eq!(client.publish("new", "v").await.unwrap(), 0);
    assert_eq!(client.get_metadata("new").await.unwrap().1, 3);
}

#[tokio::test]
async fn topics_are_created_listed_and_deleted() {
    let broker = ScriptedBroker::start().unwrap();
    let client = connect(&broker).await;
    assert_eq!(client.create_topic("a", Some(2)).await.unwrap(), 2);
    assert_eq!(client.create_topic("a", None).await.unwrap_err().code(), ErrorCode::TopicAlreadyExists);
    client.publish_to_partition("a", 1, None::<&str>, "old").await.unwrap();
    client.delete_topic("a").await.unwrap();
    assert!(client.list_topics().await.unwrap().is_empty());
    assert_eq!(client.get_metadata("a").await.unwrap_err().code(), ErrorCode::UnknownTopicOrPartition);
    client.create_topic("a", Some(2)).await.unwrap();
    // The broker leaves the log of a deleted topic on disk.
    assert_eq!(client.get_offset_bounds("a", 1).await.unwrap(), (0, 1));
}

#[tokio::test]
async fn a_rule_concerns_so_many_requests() {
    let broker = ScriptedBroker::start().unwrap();
    broker.on(Kind::Publish).after(1).times(2).answer(Reply::error("WAL_ERROR: disk full"));
    broker.on(Kind::Publish).topic("other").answer(Reply::throttled_ms(70));
    let client = connect(&broker).await;
    let mut codes = Vec::new();
    for _ in 0..4 {
        codes.push(client.publish("orders", "v").await.err().map(|error| error.code()));
    }
    assert_eq!(codes, [None, Some(ErrorCode::WalError), Some(ErrorCode::WalError), None]);
    assert_eq!(client.publish("other", "v").await.unwrap_err().code(), ErrorCode::Throttled);
    broker.clear_rules();
    client.publish("other", "v").await.unwrap();
}

#[tokio::test]
async fn equal_rules_take_turns() {
    let broker = ScriptedBroker::start().unwrap();
    broker.on(Kind::Ping).once().answer(Reply::error("BUFFER_FULL: 1"));
    broker.on(Kind::Ping).once().answer(Reply::error("WAL_ERROR: 2"));
    let client = connect(&broker).await;
    assert_eq!(broker.unspent_rules(), 2);
    assert_eq!(client.ping().await.unwrap_err().code(), ErrorCode::BufferFull);
    assert_eq!(broker.unspent_rules(), 1);
    assert_eq!(client.ping().await.unwrap_err().code(), ErrorCode::WalError);
    client.ping().await.unwrap();
    assert_eq!(broker.unspent_rules(), 0);
}

#[tokio::test]
async fn every_error_text_reaches_the_client() {
    let broker = ScriptedBroker::start().unwrap();
    for text in ERROR_TEXTS {
        broker.on(Kind::Ping).once().answer(Reply::error(*text));
    }
    let client = connect(&broker).await;
    for text in ERROR_TEXTS {
        assert!(client.ping().await.unwrap_err().to_string().contains(text), "{text}");
    }
}

#[tokio::test]
async fn a_function_can_answer() {
    let broker = ScriptedBroker::start().unwrap();
    broker.on(Kind::GetMetadata).answer_with(|request| match request {
        Request::GetMetadata { topic } => {
            Reply::response(&Response::Metadata { name: topic.to_uppercase(), partitions: 7 })
        }
        other => Reply::error(format!("{other:?}")),
    });
    assert_eq!(connect(&broker).await.get_metadata("abc").await.unwrap(), ("ABC".into(), 7));
}

#[tokio::test]
async fn an_answer_can_be_late_or_held() {
    let broker = ScriptedBroker::start().unwrap();
    broker.on(Kind::Ping).once().delay(Duration::from_millis(80));
    broker.on(Kind::Ping).after(1).once().hold();
    let client = connect(&broker).await;
    let start = Instant::now();
    client.ping().await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(80));
    let held = tokio::spawn({
        let client = client.clone();
        async move { client.ping().await }
    });
    broker.until_received(Kind::Ping, 2).await;
    assert!(!held.is_finished());
    broker.release();
    held.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_dropped_answer_leaves_the_record_written() {
    let broker = ScriptedBroker::start().unwrap();
    broker.on(Kind::Publish).once().close_connection();
    broker.on(Kind::Publish).once().unexecuted().close_connection();
    for written in [1, 1, 2] {
        let client = connect(&broker).await;
        let outcome = client.publish_to_partition("orders", 0, None::<&str>, "v").await;
        assert_eq!(broker.records("orders", 0).len(), written);
        assert_eq!(outcome.is_ok(), written == 2);
    }
}

#[test]
fn answers_can_be_wrong_in_every_way() {
    let broker = ScriptedBroker::start().unwrap();
    let ping = |raw: &mut Raw, id| raw.send(id, &Request::Ping);
    let pong = Response::Pong.encode();
    let mut raw = Raw::connect(&broker.address());

    broker.on(Kind::Ping).once().wrong_id();
    ping(&mut raw, 5);
    assert_eq!(raw.frame(), Some((1005, pong.to_vec())));

    broker.on(Kind::Ping).once().twice();
    ping(&mut raw, 6);
    assert_eq!([raw.frame(), raw.frame()], [Some((6, pong.to_vec())), Some((6, pong.to_vec()))]);

    broker.on(Kind::Ping).once().drop_answer();
    ping(&mut raw, 7);
    ping(&mut raw, 8);
    assert_eq!(raw.frame(), Some((8, pong.to_vec())));

    broker.on(Kind::Ping).once().answer(Reply::payload(&b"\xff\xff"[..]).with_id(0));
    ping(&mut raw, 9);
    assert_eq!(raw.frame(), Some((0, vec![0xff, 0xff])));

    broker.on(Kind::Ping).once().then_close().raw(&b"HTTP/1.1"[..]);
    ping(&mut raw, 10);
    assert_eq!(raw.rest().unwrap(), b"HTTP/1.1");

    broker.on(Kind::Ping).once().truncate(5);
    let mut raw = Raw::connect(&broker.address());
    ping(&mut raw, 11);
    assert_eq!(raw.rest().unwrap(), [0, 0, 0, 6, 0]);

    broker.on(Kind::Ping).once().reset_connection();
    let mut raw = Raw::connect(&broker.address());
    ping(&mut raw, 12);
    assert_eq!(raw.rest().unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
}

#[test]
fn the_making_of_a_connection_can_go_wrong() {
    let broker = ScriptedBroker::builder().max_connections(1).start().unwrap();
    broker.on(Kind::Connect).once().close_connection();
    broker.on(Kind::Connect).once().reset_connection();
    assert_eq!(Raw::connect(&broker.address()).rest().unwrap(), b"");
    assert!(Raw::connect(&broker.address()).rest().is_err());
    let mut raw = Raw::connect(&broker.address());
    assert_eq!(raw.ask(&Request::Ping), Response::Pong);
    // One connection is all that this node serves.
    assert_eq!(Raw::connect(&broker.address()).rest().unwrap(), b"");
    assert_eq!(broker.connections(), 4);
}

#[test]
fn answers_unusable_frames_as_the_broker_does() {
    let broker = ScriptedBroker::builder().max_frame(1000).start().unwrap();
    let mut raw = Raw::connect(&broker.address());
    let starts = |frame: Option<(u32, Vec<u8>)>, text: &str| {
        let (id, payload) = frame.unwrap();
        let Response::Error { message } = Response::decode(&payload.into()).unwrap() else { panic!("no error") };
        assert_eq!(id, 0);
        assert!(message.starts_with(text), "{message}");
    };
    for bytes in [&[0, 0, 0, 0][..], &[0, 0, 0, 6, 2, 0, 0, 0, 7, 13], &[0, 0, 0, 6, 0, 0, 0, 0, 7, 99]] {
        raw.write(bytes);
        starts(raw.frame(), "INVALID_REQUEST: Serialization error: ");
    }
    assert_eq!(raw.ask(&Request::Ping), Response::Pong);
    raw.write(&[0, 0, 4, 0]);
    starts(raw.frame(), "MESSAGE_TOO_LARGE: 1024 bytes exceeds limit");
    assert_eq!(raw.rest().unwrap(), b"");
    let mut raw = Raw::connect(&broker.address());
    raw.write(&[0, 0, 0, 6, 1, 0, 0, 0, 7, 13]);
    assert_eq!(raw.rest().unwrap(), b"");
}

#[test]
fn a_long_poll_ends_with_a_record_or_its_time() {
    let broker = ScriptedBroker::builder().topic("orders", 1).start().unwrap();
    let consume = |max_wait_ms| Request::Consume {
        topic: "orders".into(),
        partition: 0,
        offset: 0,
        max_messages: 10,
        isolation_level: None,
        max_wait_ms: Some(max_wait_ms),
    };
    let mut raw = Raw::connect(&broker.address());
    let start = Instant::now();
    assert_eq!(raw.ask(&consume(50)), Response::Messages { messages: Vec::new() });
    assert!(start.elapsed() >= Duration::from_millis(50));
    raw.send(1, &consume(30_000));
    assert!(broker.wait_received(Kind::Consume, 2, SOON));
    broker.append("orders", 0, None, b"v");
    let (_, payload) = raw.frame().unwrap();
    assert_eq!(
        Response::decode(&payload.into()).unwrap(),
        Response::Messages { messages: broker.records("orders", 0) }
    );
    assert!(start.elapsed() < SOON);
}

#[test]
fn fetches_have_the_brokers_peculiarities() {
    let broker = ScriptedBroker::builder().topic("orders", 1).max_frame(100_000).start().unwrap();
    let mut raw = Raw::connect(&broker.address());
    let mut fetch = |offset, max_messages| {
        let topic = "orders".into();
        let (isolation_level, max_wait_ms) = (None, None);
        raw.ask(&Request::Consume { topic, partition: 0, offset, max_messages, isolation_level, max_wait_ms })
    };
    let none: [u64; 0] = [];
    let offsets = |response| match response {
        Response::Messages { messages } => messages.iter().map(|message| message.offset).collect::<Vec<u64>>(),
        other => panic!("{other:?}"),
    };
    broker.append("orders", 0, None, b"0");
    broker.append_marker("orders", 0);
    broker.append("orders", 0, None, &[2; 9000]);
    broker.append("orders", 0, None, b"3");
    assert_eq!(offsets(fetch(0, 10)), [0, 2, 3]);
    assert_eq!(offsets(fetch(1, 1)), none);
    assert_eq!(offsets(fetch(1, 2)), [2]);
    assert_eq!(offsets(fetch(0, 0)), none);
    assert_eq!(offsets(fetch(99, 10)), none);
    broker.append_at("orders", 0, 0, b"again");
    assert_eq!(offsets(fetch(3, 10)), [3, 0]);
    broker.append("orders", 0, None, &[9; 100_000]);
    assert_eq!(fetch(4, 10), Response::Error { message: "INTERNAL_ERROR: response send failed".into() });
}
