//! Logs as transactions and crashes of the broker leave them behind.

use std::time::Duration;

use futures_util::StreamExt;
use rivven_client::{Client, Consumer, ConsumerEvent, ErrorCode, Result};
use rivven_testkit::{Kind, ScriptedBroker, TestBroker};

use super::{config, consumer, event, offsets, publish, soon, values};

fn broker() -> ScriptedBroker {
    ScriptedBroker::builder().topic("t", 1).start().unwrap()
}

#[tokio::test]
async fn the_ends_of_transactions_are_passed_wherever_they_lie() -> Result<()> {
    let broker = broker();
    for number in 0..40u8 {
        broker.append("t", 0, None, &[0xff, number]);
        (0..number % 4).for_each(|_| _ = broker.append_marker("t", 0));
    }
    let consumer = Consumer::new(config(broker.address()).assign("t", vec![0]).max_poll_records(7).build()).await?;
    let expected: Vec<_> = (0..40).map(|number| vec![0xff, number]).collect();
    assert_eq!(values(&consumer, 40).await, expected);
    // The last entry is one: every long poll is answered at once, and must not be made again and again.
    broker.append_marker("t", 0);
    soon("the position behind it", async {
        while consumer.position("t", 0).unwrap() != Some(101) {
            consumer.poll_timeout(Duration::from_millis(10)).await.unwrap();
        }
    })
    .await;
    broker.clear_requests();
    assert!(consumer.poll_timeout(Duration::from_millis(500)).await?.is_empty());
    let asked = broker.requests_of(Kind::Consume).len();
    assert!(asked < 20, "{asked} requests in half a second");
    broker.append("t", 0, None, b"next");
    assert_eq!(values(&consumer, 1).await, [b"next"]);
    Ok(())
}

#[tokio::test]
async fn a_stream_that_is_done_with_all_there_is_lies_behind_the_end_of_a_transaction() -> Result<()> {
    let broker = broker();
    broker.append("t", 0, None, b"v");
    broker.append_marker("t", 0);
    let consumer = consumer(broker.address()).await?;
    let mut stream = consumer.stream();
    assert_eq!(soon("the record", stream.next()).await.unwrap()?.offset, 0);
    soon("the end", async {
        while consumer.stats().partitions[0].lag != Some(0) {
            assert!(!stream.ready(Duration::from_millis(10)).await.unwrap());
        }
    })
    .await;
    assert_eq!(consumer.position("t", 0)?, Some(2));
    consumer.close().await
}

#[tokio::test]
async fn more_hidden_entries_than_an_answer_has_room_for_are_passed() -> Result<()> {
    let broker = broker();
    (0..700).for_each(|_| _ = broker.append_marker("t", 0));
    broker.append("t", 0, None, b"behind them");
    let consumer = consumer(broker.address()).await?;
    assert_eq!(offsets(&consumer, 1).await, [700]);
    Ok(())
}

#[tokio::test]
async fn records_under_used_offsets_are_not_given_twice() -> Result<()> {
    let broker = broker();
    (0..4).for_each(|_| _ = broker.append("t", 0, None, b"v"));
    (0..4).for_each(|_| broker.append_at("t", 0, 0, b"again"));
    let consumer = consumer(broker.address()).await?;
    assert_eq!(offsets(&consumer, 4).await, [0, 1, 2, 3]);
    broker.clear_requests();
    assert!(consumer.poll_timeout(Duration::from_millis(300)).await?.is_empty());
    let asked = broker.requests_of(Kind::Consume).len();
    assert!(asked < 20, "{asked} requests in 300 ms");
    broker.append("t", 0, None, b"v");
    assert_eq!(offsets(&consumer, 1).await, [4]);
    Ok(())
}

#[tokio::test]
async fn a_damaged_range_is_told_and_passed() -> Result<()> {
    let broker = broker();
    (0..3).for_each(|_| _ = broker.append("t", 0, None, b"v"));
    // Any request for 3 to 19 finds only what was appended again under the offset 0.
    let lost = |request: &rivven_client::Request| match request {
        rivven_client::Request::Consume { offset, .. } => (3..20).contains(offset),
        _ => false,
    };
    (3..25).for_each(|_| _ = broker.append("t", 0, None, b"v"));
    broker.on(Kind::Consume).answer_with({
        let log = broker.records("t", 0);
        move |request| {
            let rivven_client::Request::Consume { offset, max_messages, .. } = request else {
                return rivven_testkit::Reply::error("INTERNAL_ERROR: no consume");
            };
            let readable = |record: &&rivven_client::MessageData| !(3..20).contains(&record.offset);
            let from = log.iter().filter(|record| record.offset >= *offset);
            let messages: Vec<_> = if lost(request) {
                vec![log[0].clone()]
            } else {
                from.take_while(readable).take(*max_messages as usize).cloned().collect()
            };
            rivven_testkit::Reply::response(&rivven_client::Response::Messages { messages })
        }
    });
    let consumer = Consumer::unconnected(config(broker.address()).assign("t", vec![0]).build()?)?;
    let mut events = consumer.events();
    assert_eq!(offsets(&consumer, 8).await, [0, 1, 2, 20, 21, 22, 23, 24]);
    let damaged = |event| match event {
        ConsumerEvent::DamagedRange { from, to, .. } => Some((from, to)),
        _ => None,
    };
    assert_eq!(event(&mut events, damaged).await, (3, 20));
    Ok(())
}

#[tokio::test]
async fn deleted_records_are_a_gap() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("t", Some(1)).await?;
    publish(&client, "t", 0, 0..10).await?;
    client.commit_offset("tests", "t", 0, 2).await?;
    client.delete_records("t", &[(0, 6)]).await?;
    let consumer = Consumer::unconnected(config(broker.address()).assign("t", vec![0]).build()?)?;
    let mut events = consumer.events();
    assert_eq!(offsets(&consumer, 4).await, [6, 7, 8, 9]);
    let gap = |event| match event {
        ConsumerEvent::Gap { from, to, .. } => Some((from, to)),
        _ => None,
    };
    assert_eq!(event(&mut events, gap).await, (2, 6));
    Ok(())
}

#[tokio::test]
async fn answers_that_would_be_too_large_are_asked_for_in_parts() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("t", Some(1)).await?;
    // The broker reads 500 times 4096 bytes, and one record more: more than it can send.
    let sizes = [100, 1_000_000, 900_000, 9_500_000, 10, 9_000_000, 9_000_000, 20];
    for size in sizes {
        client.publish_to_partition("t", 0, None::<&str>, vec![0xfe; size]).await?;
    }
    let consumer = consumer(broker.address()).await?;
    let mut read = Vec::new();
    while read.len() < sizes.len() {
        let records = soon("a poll", consumer.poll()).await?;
        read.extend(records.views().map(|record| record.value.len()));
    }
    assert_eq!(read, sizes);
    Ok(())
}

#[tokio::test]
async fn a_record_that_the_broker_cannot_send_is_told_and_can_be_skipped() -> Result<()> {
    let broker = ScriptedBroker::builder().topic("t", 2).max_frame(10_000).start().unwrap();
    (0..2).for_each(|_| _ = broker.append("t", 0, None, b"v"));
    broker.append("t", 0, None, &[0xfe; 20_000]);
    broker.append("t", 0, None, b"v");
    let config = config(broker.address()).assign("t", vec![0, 1]);
    let consumer = Consumer::unconnected(config.build()?)?;
    let mut events = consumer.events();
    assert_eq!(offsets(&consumer, 2).await, [0, 1]);
    let error = soon("the error", async {
        loop {
            if let Err(error) = consumer.poll().await {
                return error;
            }
        }
    })
    .await;
    assert_eq!((error.code(), consumer.position("t", 0)?), (ErrorCode::AnswerTooLarge, Some(2)));
    let unreadable = |event| match event {
        ConsumerEvent::Unreadable { offset, .. } => Some(offset),
        _ => None,
    };
    assert_eq!(event(&mut events, unreadable).await, 2);
    broker.append("t", 1, None, b"v");
    assert_eq!(offsets(&consumer, 1).await, [0], "other partitions go on");
    let again = soon("the error", consumer.poll_timeout(Duration::from_millis(50))).await.unwrap_err();
    assert_eq!(again.code(), ErrorCode::AnswerTooLarge, "it is said again instead of nothing");
    consumer.seek("t", 0, 3).await?;
    assert_eq!(offsets(&consumer, 1).await, [3]);
    Ok(())
}

/// Records that have arrived before it are given first, however late the program polls.
#[tokio::test]
async fn what_lies_before_a_record_that_cannot_be_sent_is_given() -> Result<()> {
    let broker = ScriptedBroker::builder().topic("t", 1).max_frame(10_000).start().unwrap();
    broker.append("t", 0, None, b"v");
    broker.append("t", 0, None, &[0xfe; 20_000]);
    let consumer = Consumer::unconnected(config(broker.address()).assign("t", vec![0]).build()?)?;
    let mut events = consumer.events();
    let unreadable = |event| match event {
        ConsumerEvent::Unreadable { offset, .. } => Some(offset),
        _ => None,
    };
    assert_eq!(event(&mut events, unreadable).await, 1);
    assert_eq!(offsets(&consumer, 1).await, [0]);
    let error = soon("the error", consumer.poll()).await.unwrap_err();
    assert_eq!((error.code(), consumer.position("t", 0)?), (ErrorCode::AnswerTooLarge, Some(1)));
    Ok(())
}
