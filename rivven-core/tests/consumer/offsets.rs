//! What is committed, and where reading goes on.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::StreamExt;
use rivven_client::{Client, Consumer, ConsumerEvent, ErrorCode, Result, TopicPartition};
use rivven_testkit::{Kind, Reply, ScriptedBroker, TestBroker};

use super::{config, consumer, event, offsets, publish, some, soon, values};

/// A broker with the topic `t` of one partition, and records in it.
async fn broker(records: u64) -> Result<(TestBroker, Client)> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("t", Some(2)).await?;
    publish(&client, "t", 0, 0..records).await?;
    Ok((broker, client))
}

// covers: F100 rust
#[tokio::test]
async fn what_was_committed_is_where_another_consumer_goes_on() -> Result<()> {
    let (broker, client) = broker(10).await?;
    let config = config(broker.address()).assign("t", vec![0]).enable_auto_commit(false).max_poll_records(4);
    let first = Consumer::new(config.clone().build()).await?;
    assert_eq!(offsets(&first, 4).await, [0, 1, 2, 3]);
    assert_eq!(first.committed("t", 0).await?, None);
    first.commit().await?;
    assert_eq!(first.committed("t", 0).await?, Some(4));
    assert_eq!((first.position("t", 0)?, first.lag("t", 0).await?), (Some(4), 6));
    offsets(&first, 4).await;
    first.close().await?;
    assert_eq!(client.get_offset("tests", "t", 0).await?, Some(4), "nothing is committed by itself");
    let second = Consumer::new(config.build()).await?;
    assert_eq!(offsets(&second, 4).await, [4, 5, 6, 7]);
    second.commit_async()?;
    soon("the commit", async { while second.committed("t", 0).await.unwrap() != Some(8) {} }).await;
    assert_eq!(second.stats().commits, 1);
    Ok(())
}

/// Its task began after the later commit had been made, and the earlier offset was the last.
#[tokio::test]
async fn a_commit_in_the_background_is_not_made_after_a_later_one() -> Result<()> {
    let (broker, client) = broker(10).await?;
    let consumer = consumer(broker.address()).await?;
    offsets(&consumer, 10).await;
    consumer.store_offset("t", 0, 5)?;
    consumer.commit_async()?;
    consumer.store_offset("t", 0, 7)?;
    consumer.commit().await?;
    soon("both commits", async {
        while consumer.stats().commits < 2 {
            tokio::task::yield_now().await
        }
    })
    .await;
    assert_eq!(client.get_offset("tests", "t", 0).await?, Some(7));
    Ok(())
}

// covers: F087 rust
#[tokio::test]
async fn what_the_previous_poll_gave_is_committed_by_itself() -> Result<()> {
    let (broker, client) = broker(10).await?;
    let config = config(broker.address()).assign("t", vec![0]).max_poll_records(4);
    let consumer = Consumer::new(config.auto_commit_interval(Some(Duration::from_millis(1))).build()).await?;
    assert_eq!(offsets(&consumer, 4).await, [0, 1, 2, 3]);
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert_eq!(client.get_offset("tests", "t", 0).await?, None, "the program may still be at work on them");
    assert_eq!(offsets(&consumer, 4).await, [4, 5, 6, 7]);
    soon("the commit", async { while client.get_offset("tests", "t", 0).await.unwrap() != Some(4) {} }).await;
    consumer.close().await?;
    assert_eq!(client.get_offset("tests", "t", 0).await?, Some(8), "at the end all that was given counts");
    Ok(())
}

/// A poll asks for more, so with what a stream before it has given the program is done.
#[tokio::test]
async fn a_poll_behind_a_stream_that_has_given_all_is_done_with_it() -> Result<()> {
    let (broker, client) = broker(3).await?;
    let consumer = consumer(broker.address()).await?;
    let mut stream = consumer.stream();
    for _ in 0..3 {
        soon("a record", stream.next()).await.unwrap()?;
    }
    drop(stream);
    assert!(soon("a poll", consumer.poll_timeout(std::time::Duration::ZERO)).await?.is_empty());
    consumer.close().await?;
    assert_eq!(client.get_offset("tests", "t", 0).await?, Some(3));
    Ok(())
}

// covers: F100 rust
#[tokio::test]
async fn a_stream_commits_a_record_when_the_next_one_is_asked_for() -> Result<()> {
    let (broker, client) = broker(10).await?;
    let consumer = consumer(broker.address()).await?;
    let mut stream = consumer.stream();
    for _ in 0..3 {
        soon("a record", stream.next()).await.unwrap()?;
    }
    consumer.close().await?;
    assert_eq!(client.get_offset("tests", "t", 0).await?, Some(2), "the third may not be done");
    let consumer = super::consumer(broker.address()).await?;
    let mut stream = consumer.stream();
    assert_eq!(soon("a record", stream.next()).await.unwrap()?.offset, 2);
    consumer.commit().await?;
    assert_eq!(client.get_offset("tests", "t", 0).await?, Some(3), "asked for, all that was given is committed");
    Ok(())
}

// covers: F100 rust
#[tokio::test]
async fn a_stored_offset_is_committed_instead_of_what_was_given() -> Result<()> {
    let (broker, client) = broker(10).await?;
    let consumer = consumer(broker.address()).await?;
    offsets(&consumer, 10).await;
    consumer.store_offset("t", 0, 3)?;
    assert_eq!(consumer.store_offset("t", 1, 3).unwrap_err().code(), ErrorCode::NotAssigned);
    consumer.close().await?;
    assert_eq!(client.get_offset("tests", "t", 0).await?, Some(3));
    Ok(())
}

/// What the program is done with by then; it may still be at work on the rest.
#[tokio::test]
async fn what_is_done_is_committed_when_the_program_chooses_other_partitions_or_none() -> Result<()> {
    let broker = ScriptedBroker::builder().topic("t", 2).start().unwrap();
    (0..6).for_each(|number| _ = broker.append("t", number / 5, None, b"v"));
    let config = config(broker.address()).assign("t", vec![0]).max_poll_records(1);
    let consumer = Consumer::new(config.build()).await?;
    assert_eq!(offsets(&consumer, 2).await, [0, 1]);
    let places = [TopicPartition::new("t", 0), TopicPartition::new("t", 1)];
    consumer.assign(&places[1..])?;
    let committed = |next| {
        let broker = &broker;
        async move {
            while broker.committed_offset(0, "tests", "t", 0) != Some(next) {
                tokio::task::yield_now().await;
            }
        }
    };
    soon("the commit", committed(1)).await;
    consumer.assign(&places[..1])?;
    assert_eq!(offsets(&consumer, 3).await, [1, 2, 3]);
    broker.on(Kind::CommitOffset).once().delay(Duration::from_millis(200));
    consumer.unsubscribe()?;
    consumer.assign(&places[..1])?;
    assert_eq!(offsets(&consumer, 2).await, [3, 4], "what is being committed is waited for");
    consumer.close().await?;
    soon("the last commit", committed(5)).await;
    Ok(())
}

// covers: F098 rust, F100 rust
#[tokio::test]
async fn given_offsets_are_committed_together_and_every_failure_is_told() -> Result<()> {
    let (broker, client) = broker(10).await?;
    let consumer = consumer(broker.address()).await?;
    consumer.commit_offsets(&[("t", 0, 7), ("t", 1, 0)]).await?;
    assert_eq!(client.get_offset("tests", "t", 0).await?, Some(7));
    let wrong = [("t", 0, 11), ("t", 0, 5), ("missing", 0, 0), ("t", 1, 1)];
    let each = consumer.commit_offsets_each(&wrong).await?;
    let codes: Vec<_> = each.iter().map(|result| result.as_ref().err().map(|error| error.code())).collect();
    let (out, unknown) = (Some(ErrorCode::OffsetOutOfRange), Some(ErrorCode::UnknownTopicOrPartition));
    assert_eq!(codes, [out, None, unknown, out]);
    let error = consumer.commit_offsets(&wrong).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::OffsetOutOfRange);
    for part in ["3 of 4", "t/0", "missing/0", "t/1"] {
        assert!(error.to_string().contains(part), "{part}: {error}");
    }
    Ok(())
}

// covers: F100 rust
#[tokio::test]
async fn reading_goes_on_wherever_the_program_seeks() -> Result<()> {
    let (broker, client) = broker(5).await?;
    let before = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    tokio::time::sleep(Duration::from_millis(5)).await;
    publish(&client, "t", 0, 5..10).await?;
    let consumer = consumer(broker.address()).await?;
    assert_eq!(offsets(&consumer, 10).await.len(), 10);
    consumer.seek("t", 0, 3).await?;
    assert_eq!(consumer.position("t", 0)?, Some(3));
    assert_eq!(offsets(&consumer, 7).await, [3, 4, 5, 6, 7, 8, 9]);
    consumer.seek_to_beginning("t", 0).await?;
    assert_eq!(offsets(&consumer, 10).await[0], 0);
    assert_eq!(consumer.seek_to_timestamp("t", 0, before + 1).await?, 5);
    assert_eq!(offsets(&consumer, 5).await[0], 5);
    assert_eq!(consumer.seek_to_timestamp("t", 0, before + 3_600_000).await?, 10, "behind the last one");
    consumer.seek_to_end("t", 0).await?;
    publish(&client, "t", 0, 10..11).await?;
    assert_eq!(offsets(&consumer, 1).await, [10]);
    consumer.seek("t", 0, 8).await?;
    consumer.commit().await?;
    assert_eq!(client.get_offset("tests", "t", 0).await?, Some(8), "also back");
    let wrong = consumer.seek("t", 7, 0).await.unwrap_err();
    assert_eq!(wrong.code(), ErrorCode::NotAssigned);
    Ok(())
}

/// The connection is blocked by a long poll at the old place.
#[tokio::test]
async fn a_seek_does_not_wait_for_a_long_poll() -> Result<()> {
    let (broker, _) = broker(5).await?;
    let config = config(broker.address()).assign("t", vec![0]).fetch_max_wait(Duration::from_secs(30));
    let consumer = Consumer::new(config.build()).await?;
    assert_eq!(offsets(&consumer, 5).await.len(), 5);
    // By now it waits at the end, for half a minute.
    assert!(consumer.poll_timeout(Duration::from_millis(200)).await?.is_empty());
    consumer.seek("t", 0, 4).await?;
    let records = tokio::time::timeout(Duration::from_secs(20), some(&consumer)).await;
    assert_eq!(records.expect("it does not wait that long")[0].offset, 4);
    consumer.close().await
}

#[tokio::test]
async fn what_was_asked_for_before_a_seek_is_not_given_after_it() -> Result<()> {
    let broker = ScriptedBroker::builder().topic("t", 1).start().unwrap();
    (0..10u8).for_each(|_| _ = broker.append("t", 0, None, b"v"));
    broker.on(Kind::Consume).once().hold();
    let consumer = consumer(broker.address()).await?;
    broker.until_received(Kind::Consume, 1).await;
    consumer.seek("t", 0, 6).await?;
    broker.release();
    assert_eq!(offsets(&consumer, 4).await, [6, 7, 8, 9]);
    Ok(())
}

/// The position was noted that the records had, and reading went on there.
#[tokio::test]
async fn a_seek_is_not_undone_by_a_pace_of_records_from_before() -> Result<()> {
    let (broker, _) = broker(10).await?;
    let config = config(broker.address()).assign("t", vec![0]).max_poll_records(4).enable_auto_commit(false);
    let consumer = Consumer::new(config.build()).await?;
    for said in [None, Some(false), Some(true)] {
        consumer.seek("t", 0, 0).await?;
        let records = some(&consumer).await;
        consumer.seek("t", 0, 7).await?;
        let mut pace = consumer.pace(&records);
        assert_eq!(consumer.position("t", 0)?, Some(7));
        pace.reached(0, 1);
        match said {
            None => drop(pace),
            Some(false) => pace.finish(),
            Some(true) => pace.hand_out(),
        }
        assert_eq!(consumer.position("t", 0)?, Some(7));
        consumer.commit().await?;
        assert_eq!(consumer.committed("t", 0).await?, Some(7));
        assert_eq!(offsets(&consumer, 3).await, [7, 8, 9]);
    }
    consumer.close().await
}

#[tokio::test]
async fn a_commit_that_fails_by_itself_is_an_event_and_is_made_again() -> Result<()> {
    let broker = ScriptedBroker::builder().topic("t", 1).start().unwrap();
    broker.append("t", 0, None, b"v");
    broker.on(Kind::CommitOffset).once().answer(Reply::error("OFFSET_OUT_OF_RANGE: no"));
    let config = config(broker.address()).assign("t", vec![0]).max_poll_interval_ms(10);
    let consumer = Consumer::new(config.auto_commit_interval(Some(Duration::from_millis(1))).build()).await?;
    let mut events = consumer.events();
    values(&consumer, 1).await;
    let failed = |event| match event {
        ConsumerEvent::CommitFailed { error } => Some(error),
        _ => None,
    };
    let polling = async {
        loop {
            consumer.poll().await.unwrap();
        }
    };
    let error = tokio::select! {
        error = event(&mut events, failed) => error,
        () = polling => unreachable!("it has no end"),
    };
    assert_eq!(error.code(), ErrorCode::OffsetOutOfRange);
    soon("the commit", async {
        while broker.committed_offset(0, "tests", "t", 0) != Some(1) {
            consumer.poll().await.unwrap();
        }
    })
    .await;
    assert_eq!(consumer.stats().failed_commits, 1);
    Ok(())
}

/// The broker was away for a moment, and the next commit was not due for long.
// covers: F087 rust
#[tokio::test]
async fn a_commit_that_reaches_no_server_is_made_again_soon() -> Result<()> {
    let broker = ScriptedBroker::builder().topic("t", 1).start().unwrap();
    broker.append("t", 0, None, b"v");
    let config = config(broker.address()).assign("t", vec![0]).max_poll_interval_ms(10);
    let consumer = Consumer::new(config.auto_commit_interval(Some(Duration::from_secs(3600))).build()).await?;
    values(&consumer, 1).await;
    // As often as one call tries by itself.
    broker.on(Kind::CommitOffset).times(4).unexecuted().close_connection();
    consumer.commit_async()?;
    soon("the commit", async {
        while broker.committed_offset(0, "tests", "t", 0) != Some(1) {
            consumer.poll().await.unwrap();
        }
    })
    .await;
    assert_eq!(broker.unspent_rules(), 0);
    Ok(())
}

#[tokio::test]
async fn a_committed_offset_beyond_the_log_is_told_and_not_waited_for() -> Result<()> {
    let broker = ScriptedBroker::builder().topic("t", 1).start().unwrap();
    (0..3).for_each(|_| _ = broker.append("t", 0, None, b"v"));
    broker
        .on(Kind::GetOffset)
        .once()
        .answer_with(|_| Reply::response(&rivven_client::Response::Offset { offset: Some(9) }));
    let consumer = Consumer::unconnected(config(broker.address()).assign("t", vec![0]).build()?)?;
    let mut events = consumer.events();
    let truncated = |event| match event {
        ConsumerEvent::LogTruncated { position, latest, .. } => Some((position, latest)),
        _ => None,
    };
    assert_eq!(event(&mut events, truncated).await, (9, 3));
    broker.append("t", 0, None, b"next");
    assert_eq!(values(&consumer, 1).await, [b"next"]);
    Ok(())
}
