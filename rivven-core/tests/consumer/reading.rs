//! What was written is read, once and in order, of every partition its share.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use rivven_client::compression::Compressor;
use rivven_client::{
    AutoOffsetReset, Client, CompressionType, Consumer, Decompression, ErrorCode, Producer, ProducerConfig, Result,
    TopicPartition,
};
use rivven_testkit::{ScriptedBroker, Sink, SinkOptions, TestBroker};

use super::{all_values, config, consumer, offsets, publish, some, soon, values};

// covers: F081 rust
#[tokio::test]
async fn a_record_has_all_that_was_written_and_where_it_lies() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("t", Some(2)).await?;
    client.publish_to_partition("t", 1, Some("key"), "value").await?;
    client.publish_to_partition("t", 1, None::<&str>, "").await?;
    let consumer = Consumer::new(config(broker.address()).assign("t", vec![0, 1]).build()).await?;
    let records = some(&consumer).await;
    assert_eq!((records.len(), records.views().count(), records.iter().count()), (2, 2, 2));
    let (first, view) = (&records[0], records.views().next().unwrap());
    assert_eq!((&*first.topic, first.partition, first.offset), ("t", 1, 0));
    assert_eq!((first.key.as_deref(), &first.value[..]), (Some(&b"key"[..]), &b"value"[..]));
    assert!(first.timestamp > 1_600_000_000_000 && first.headers.is_empty());
    assert_eq!((view.topic, view.partition, view.offset, view.timestamp), ("t", 1, 0, first.timestamp));
    assert_eq!((view.key, view.value), (Some(&b"key"[..]), &b"value"[..]));
    assert_eq!((records[1].key.as_deref(), &records[1].value[..]), (None, &b""[..]));
    let owned: Vec<_> = records.clone().into_iter().collect();
    assert_eq!(owned, records.to_vec());
    assert_eq!(first.detach(), *first);
    assert!(!format!("{records:?} {first:?} {view:?}").contains("value\""), "records are not shown");
    soon("close", consumer.close()).await
}

// covers: F085 rust, F098 rust
#[tokio::test]
async fn many_records_of_many_partitions_come_in_the_order_of_each() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("t", Some(20)).await?;
    for partition in 0..20 {
        publish(&client, "t", partition, 0..100).await?;
    }
    let config = config(broker.address()).assign("t", (0..20).collect()).max_poll_records(30);
    let consumer = Consumer::new(config.build()).await?;
    let mut read: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
    while read.values().map(Vec::len).sum::<usize>() < 2000 {
        let records = some(&consumer).await;
        assert!(records.len() <= 30);
        records.views().for_each(|record| read.entry(record.partition).or_default().push(record.offset));
    }
    assert_eq!(read.len(), 20);
    assert!(read.values().all(|offsets| *offsets == (0..100).collect::<Vec<_>>()));
    let stats = consumer.stats();
    assert_eq!((stats.records, stats.records_fetched, stats.lag()), (2000, 2000, 0));
    consumer.close().await
}

/// A full partition must not keep the others waiting.
#[tokio::test]
async fn every_partition_has_its_share_of_a_poll() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("t", Some(3)).await?;
    publish(&client, "t", 0, 0..1500).await?;
    publish(&client, "t", 2, 0..10).await?;
    let config = config(broker.address()).assign("t", vec![0, 1, 2]).max_poll_records(10);
    let consumer = Consumer::new(config.build()).await?;
    let mut polls = 0;
    let mut seen = 0;
    while seen < 10 {
        let records = some(&consumer).await;
        let of_two = records.views().filter(|record| record.partition == 2).count();
        polls += u32::from(seen > 0 || of_two > 0);
        seen += of_two;
        assert!(polls <= 3, "the ten records come in two polls, or three if they arrive meanwhile");
    }
    consumer.close().await
}

#[tokio::test]
async fn a_hundred_thousand_records_are_read_in_order() -> Result<()> {
    let options = SinkOptions { records: 25_000, record_size: 100, partitions: 4, ..SinkOptions::default() };
    let sink = Sink::start(options).unwrap();
    let config = config(sink.address()).assign("t", vec![0, 1, 2, 3]).enable_auto_commit(false);
    let consumer = Consumer::new(config.build()).await?;
    let mut next = [0u64; 4];
    while next.iter().sum::<u64>() < 100_000 {
        for record in some(&consumer).await.views() {
            let expected = &mut next[record.partition as usize];
            let number = (*expected << 8 | 0x80).to_le_bytes();
            assert_eq!((record.offset, &record.value[..8]), (*expected, &number[..]));
            *expected += 1;
        }
    }
    Ok(())
}

// covers: F086 rust
#[tokio::test]
async fn a_poll_waits_for_a_record_and_gives_none_when_its_time_is_over() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("t", Some(1)).await?;
    let config = config(broker.address()).assign("t", vec![0]).max_poll_interval_ms(30);
    let consumer = Arc::new(Consumer::new(config.build()).await?);
    assert!(soon("an empty poll", consumer.poll()).await?.is_empty());
    assert!(soon("a poll without time", consumer.poll_timeout(Duration::ZERO)).await?.is_empty());
    let waiting = tokio::spawn({
        let consumer = Arc::clone(&consumer);
        async move { consumer.poll_timeout(Duration::from_secs(600)).await }
    });
    publish(&client, "t", 0, 7..8).await?;
    let records = soon("the poll that waits", waiting).await.unwrap()?;
    assert_eq!(&records[0].value[..], b"value 7");
    Ok(())
}

// covers: F098 rust
#[tokio::test]
async fn partitions_that_share_a_connection_are_all_read() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("t", Some(7)).await?;
    let config = config(broker.address()).assign("t", (0..7).collect()).connections_per_broker(2);
    let consumer = Consumer::new(config.fetch_max_wait(Duration::from_secs(1)).build()).await?;
    for round in 0..3 {
        for partition in 0..7 {
            publish(&client, "t", partition, round..round + 1).await?;
            let records = some(&consumer).await;
            assert_eq!((records.len(), records[0].partition, records[0].offset), (1, partition, round));
        }
    }
    consumer.close().await
}

#[tokio::test]
async fn the_end_of_each_partition_is_told_so_that_all_there_is_can_be_read() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("t", Some(3)).await?;
    publish(&client, "t", 0, 0..1200).await?;
    publish(&client, "t", 1, 0..500).await?;
    let config = config(broker.address()).assign("t", vec![0, 1, 2]).report_partition_end(true);
    let consumer = Consumer::new(config.build()).await?;
    let (mut read, mut ended) = (0, HashSet::new());
    while ended.len() < 3 {
        let records = soon("a poll", consumer.poll()).await?;
        read += records.len();
        ended.extend(records.ended().to_vec());
    }
    assert_eq!(read, 1700);
    assert_eq!(ended, (0..3).map(|partition| TopicPartition::new("t", partition)).collect());
    publish(&client, "t", 2, 0..1).await?;
    let records = some(&consumer).await;
    assert_eq!(records.len(), 1);
    let mut again = records.ended().to_vec();
    while again.is_empty() {
        again = soon("a poll", consumer.poll()).await?.ended().to_vec();
    }
    assert_eq!(again, [TopicPartition::new("t", 2)], "an end is told once, until there is more");
    Ok(())
}

#[tokio::test]
async fn ends_of_partitions_are_not_told_where_that_is_not_wanted() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("t", Some(2)).await?;
    let consumer = Consumer::new(config(broker.address()).assign("t", vec![0, 1]).build()).await?;
    for round in 0..3 {
        soon("the ends", async {
            let before = consumer.stats().empty_fetches;
            while consumer.stats().empty_fetches < before + 4 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        // With the time over, and with records.
        assert_eq!(consumer.poll_timeout(Duration::ZERO).await?.ended(), []);
        publish(&client, "t", 0, round..round + 1).await?;
        assert_eq!(some(&consumer).await.ended(), []);
    }
    Ok(())
}

// covers: F081 rust
#[tokio::test]
async fn a_stream_gives_records_one_by_one_and_what_it_did_not_give_is_polled() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("t", Some(1)).await?;
    publish(&client, "t", 0, 0..20).await?;
    let consumer = consumer(broker.address()).await?;
    let mut stream = consumer.stream();
    for number in 0..5 {
        let record = soon("a record", stream.next()).await.unwrap()?;
        assert_eq!(record.offset, number);
    }
    assert_eq!(consumer.position("t", 0)?, Some(5));
    drop(stream);
    assert_eq!(offsets(&consumer, 15).await, (5..20).collect::<Vec<_>>());
    let mut stream = consumer.stream();
    publish(&client, "t", 0, 20..21).await?;
    assert_eq!(soon("a record", stream.next()).await.unwrap()?.offset, 20);
    consumer.close().await?;
    assert!(soon("the end", stream.next()).await.is_none());
    Ok(())
}

/// Nothing is awaited, so the runtime has to have its turns otherwise.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_stream_gives_what_has_come_without_a_wait() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("t", Some(1)).await?;
    publish(&client, "t", 0, 0..20).await?;
    let config = config(broker.address()).group_id("tests").assign("t", vec![0]).max_poll_records(6);
    let consumer = Consumer::new(config.build()).await?;
    let mut stream = consumer.stream();
    let (mut read, start) = (Vec::new(), std::time::Instant::now());
    while read.len() < 20 {
        assert!(start.elapsed() < Duration::from_secs(60), "{read:?}");
        while stream.ready_now() {
            let taken = stream.take_ready(4);
            assert!(!taken.is_empty() && taken.len() <= 4);
            read.extend(taken.iter().map(|record| record.offset));
        }
    }
    assert_eq!(read, (0..20).collect::<Vec<_>>());
    assert!(!stream.ready_now() && stream.try_next().is_none());
    assert_eq!(consumer.position("t", 0)?, Some(20));
    consumer.close().await?;
    assert!(!stream.ready_now(), "a closed consumer gives nothing");
    assert_eq!(client.get_offset("tests", "t", 0).await?, Some(20), "the program has asked for more");
    Ok(())
}

#[tokio::test]
async fn a_program_that_takes_records_of_a_poll_one_by_one_says_how_far_it_has_come() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("t", Some(1)).await?;
    publish(&client, "t", 0, 0..20).await?;
    let consumer = consumer(broker.address()).await?;

    // Nothing was said: nothing is given.
    drop(consumer.pace(&some(&consumer).await));
    let records = some(&consumer).await;
    let mut pace = consumer.pace(&records);
    assert_eq!((records.len(), consumer.position("t", 0)?), (20, Some(0)));
    pace.reached(0, 7);
    pace.reached(9, 0);
    assert_eq!(consumer.position("t", 0)?, Some(8));
    consumer.commit().await?;
    assert_eq!(consumer.committed("t", 0).await?, Some(8));
    drop(pace);
    let records = some(&consumer).await;
    assert_eq!((records.len(), records[0].offset), (12, 8));
    consumer.pace(&records).finish();
    assert_eq!(consumer.position("t", 0)?, Some(20));

    // Another poll meanwhile says nothing of what this one has given.
    publish(&client, "t", 0, 20..22).await?;
    let (records, pace) = soon("a poll", consumer.poll_paced()).await?;
    assert_eq!(records[0].offset, 20);
    assert!(soon("a poll beside it", consumer.poll_timeout(Duration::ZERO)).await?.is_empty() || records.len() < 2);
    consumer.commit().await?;
    assert_eq!(consumer.committed("t", 0).await?, Some(20));
    drop(pace);
    let paced = async {
        loop {
            if let Some(paced) = consumer.poll_paced_now() {
                return paced;
            }
            tokio::task::yield_now().await;
        }
    };
    let (records, pace) = soon("records", paced).await;
    assert_eq!(records[0].offset, 20);
    drop(pace);

    // All at once they are as what a poll gave.
    let (records, pace) = soon("a poll", consumer.poll_paced_timeout(Duration::from_secs(10))).await?;
    assert_eq!((records[0].offset, consumer.position("t", 0)?), (20, Some(20)));
    pace.hand_out();
    let next = 20 + records.len() as u64;
    assert_eq!(consumer.position("t", 0)?, Some(next));
    consumer.commit().await?;
    assert_eq!(consumer.committed("t", 0).await?, Some(next));
    consumer.seek("t", 0, 20).await?;
    assert_eq!(offsets(&consumer, 2).await, [20, 21]);

    publish(&client, "t", 0, 22..25).await?;
    consumer.pace(&some(&consumer).await).reached(0, 22);
    let records = some(&consumer).await;
    let mut pace = consumer.pace(&records);
    pace.reached(0, 23);
    consumer.close().await?;
    drop(pace);
    assert_eq!(client.get_offset("tests", "t", 0).await?, Some(23), "the record in hand is not done");
    Ok(())
}

// covers: F082 rust
#[cfg(feature = "compression")]
#[tokio::test]
async fn values_are_decompressed_as_configured() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let producer = ProducerConfig::builder()
        .bootstrap_servers(vec![broker.address().to_owned()])
        .compression_type(CompressionType::Lz4);
    let producer = Producer::new(producer.build()).await?;
    let client = Client::connect(broker.address()).await?;
    client.create_topic("t", Some(1)).await?;
    let long = vec![b'x'; 2000];
    producer.send_batch("t", &[(None::<&str>, &long[..]), (None, b"short"), (None, &long)]).await?;
    client.publish_to_partition("t", 0, None::<&str>, "plain").await?;
    let read = |how| {
        let config = config(broker.address()).assign("t", vec![0]).decompression(how);
        async move { Consumer::new(config.enable_auto_commit(false).build()).await }
    };
    let auto = read(Decompression::Auto).await?;
    let expected = [long.clone(), b"short".to_vec(), long.clone(), b"plain".to_vec()];
    assert_eq!(values(&auto, 4).await, expected);
    auto.seek_to_beginning("t", 0).await?;
    let records = some(&auto).await;
    assert_eq!(records[2].value, long, "as values of their own, too");
    let never = read(Decompression::Never).await?;
    assert!(values(&never, 4).await[0].len() < 200);
    let always = read(Decompression::Always).await?;
    assert_eq!(values(&always, 3).await, expected[..3]);
    let error = soon("the error", always.poll()).await.unwrap_err();
    assert_eq!((error.code(), always.position("t", 0)?), (ErrorCode::Serialization, Some(3)));
    always.seek("t", 0, 4).await?;
    client.publish_to_partition("t", 0, None::<&str>, [0x20, 0, 0, 0, 0]).await?;
    assert_eq!(values(&always, 1).await, [b""]);
    Ok(())
}

/// A value that cannot be decompressed stops its partition, and the others are given as they are meant.
#[cfg(feature = "compression")]
#[tokio::test]
async fn partitions_beside_one_that_cannot_be_decompressed_are() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("t", Some(3)).await?;
    for partition in 0..3 {
        let last: &[u8] = if partition == 1 { &[0x20, 0, 0, 0, 0] } else { b"plain" };
        for value in [&[0x20, 0, 0, 0, 0], last] {
            client.publish_to_partition("t", partition, None::<&str>, value).await?;
        }
    }
    let config = config(broker.address()).assign("t", vec![0, 1, 2]).decompression(Decompression::Always);
    let consumer = Consumer::new(config.enable_auto_commit(false).build()).await?;
    // All answers are there, so that one poll takes all of them.
    soon("the records", async {
        while consumer.stats().records_fetched < 6 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(values(&consumer, 4).await, [b"", b"", b"", b""]);
    let mut failed = Vec::new();
    while failed.len() < 2 {
        let error = soon("the error", consumer.poll()).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::Serialization);
        failed.extend([0, 2].into_iter().filter(|partition| error.to_string().contains(&format!("t/{partition} "))));
    }
    failed.sort_unstable();
    assert_eq!(failed, [0, 2]);
    Ok(())
}

/// What one stream has in hand is not lost by what another one gives.
#[tokio::test]
async fn streams_beside_each_other_give_everything_and_commit_no_more_than_all_have_given() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("t", Some(1)).await?;
    publish(&client, "t", 0, 0..20).await?;
    let config = || config(broker.address()).assign("t", vec![0]).max_poll_records(10);
    let consumer = Consumer::new(config().build()).await?;
    let (mut first, mut second) = (consumer.stream(), consumer.stream());
    assert_eq!(soon("a record", first.next()).await.unwrap()?.offset, 0);
    for offset in 10..20 {
        assert_eq!(soon("a record", second.next()).await.unwrap()?.offset, offset);
    }
    consumer.commit().await?;
    assert_eq!(client.get_offset("tests", "t", 0).await?, Some(1), "the first one has nine more");
    drop(first);
    drop(second);
    assert_eq!(offsets(&consumer, 19).await, (1..20).collect::<Vec<_>>());
    // The other way round, and the last commit is the consumer's own.
    consumer.seek("t", 0, 0).await?;
    let (mut first, mut second) = (consumer.stream(), consumer.stream());
    for _ in 0..3 {
        soon("a record", first.next()).await.unwrap()?;
    }
    assert_eq!(soon("a record", second.next()).await.unwrap()?.offset, 10);
    drop(second);
    consumer.close().await?;
    assert_eq!(client.get_offset("tests", "t", 0).await?, Some(2), "of the third record nobody knows");
    drop(first);
    Ok(())
}

#[tokio::test]
async fn a_stream_that_is_dropped_undoes_no_seek() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("t", Some(1)).await?;
    publish(&client, "t", 0, 0..20).await?;
    let consumer = consumer(broker.address()).await?;
    let mut stream = consumer.stream();
    assert_eq!(soon("a record", stream.next()).await.unwrap()?.offset, 0);
    consumer.seek("t", 0, 15).await?;
    drop(stream);
    assert_eq!(offsets(&consumer, 5).await, (15..20).collect::<Vec<_>>());
    consumer.close().await
}

/// It had these records in hand, of which only the first one was given.
#[tokio::test]
async fn a_stream_gives_nothing_that_the_program_has_turned_from() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("t", Some(2)).await?;
    publish(&client, "t", 0, 0..20).await?;
    let consumer = consumer(broker.address()).await?;
    let mut stream = consumer.stream();
    let first = async |stream: &mut rivven_client::RecordStream| {
        let record = soon("a record", stream.next()).await.unwrap().unwrap();
        (record.partition, record.offset)
    };
    assert_eq!(first(&mut stream).await, (0, 0));
    consumer.seek("t", 0, 15).await?;
    assert_eq!(first(&mut stream).await, (0, 15));
    consumer.pause("t", 0)?;
    assert!(!stream.ready(Duration::from_millis(50)).await?, "it is paused");
    consumer.resume("t", 0)?;
    assert_eq!(first(&mut stream).await, (0, 16));
    publish(&client, "t", 1, 0..1).await?;
    consumer.assign(&[TopicPartition::new("t", 1)])?;
    assert_eq!(first(&mut stream).await, (1, 0));
    assert_eq!(client.get_offset("tests", "t", 0).await?, Some(16), "with the last one it was not done");
    consumer.assign(&[TopicPartition::new("t", 0)])?;
    assert_eq!(first(&mut stream).await, (0, 16));
    consumer.close().await?;
    assert!(!stream.ready_now() && stream.try_next().is_none());
    assert_eq!(client.get_offset("tests", "t", 0).await?, Some(16));
    Ok(())
}

#[tokio::test]
async fn streams_that_take_turns_wait_no_longer_than_they_are_to() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    Client::connect(broker.address()).await?.create_topic("t", Some(1)).await?;
    let consumer = consumer(broker.address()).await?;
    let (mut one, mut other) = (consumer.stream(), consumer.stream());
    let limit = Duration::from_millis(500);
    let (first, second) = soon("both", async { tokio::join!(one.ready(limit), other.ready(limit)) }).await;
    assert_eq!((first?, second?), (false, false));
    consumer.close().await
}

#[tokio::test]
async fn nothing_to_read_is_assigned_as_it_is_subscribed_to() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    Client::connect(broker.address()).await?.create_topic("t", Some(1)).await?;
    let consumer = consumer(broker.address()).await?;
    consumer.assign(&[])?;
    assert_eq!(consumer.poll().await.unwrap_err().code(), ErrorCode::InvalidState);
    consumer.subscribe(&["t"])?;
    consumer.close().await
}

/// A stream keeps its turn among polls while it waits; nobody may be there any more who awaits it.
#[tokio::test]
async fn a_stream_that_is_not_awaited_any_more_is_in_nobodys_way() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("t", Some(1)).await?;
    let config = config(broker.address()).assign("t", vec![0]).close_timeout(Duration::from_secs(600));
    let consumer = Consumer::new(config.max_poll_interval_ms(600_000).build()).await?;
    let mut stream = consumer.stream();
    let given_up = async |stream: &mut rivven_client::RecordStream| {
        let waited = tokio::time::timeout(Duration::from_millis(20), stream.next()).await;
        assert!(waited.is_err(), "there is no record");
    };
    given_up(&mut stream).await;
    publish(&client, "t", 0, 0..1).await?;
    assert_eq!(offsets(&consumer, 1).await, [0], "a poll beside it gets its turn");
    given_up(&mut stream).await;
    soon("close", consumer.close()).await?;
    assert_eq!(client.get_offset("tests", "t", 0).await?, Some(1));
    assert!(soon("the end", stream.next()).await.is_none());
    Ok(())
}

// covers: F087 rust
#[tokio::test]
async fn reading_begins_where_the_configuration_says() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("t", Some(1)).await?;
    publish(&client, "t", 0, 0..3).await?;
    let config = |reset, group: &str| {
        let config = config(broker.address()).assign("t", vec![0]).auto_offset_reset(reset).group_id(group);
        config.max_poll_interval_ms(200).build()
    };
    let latest = Consumer::new(config(AutoOffsetReset::Latest, "latest")).await?;
    // Once its position is known, what is written is read.
    soon("the position", async {
        while latest.position("t", 0).unwrap().is_none() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    publish(&client, "t", 0, 3..4).await?;
    assert_eq!(offsets(&latest, 1).await, [3]);
    let strict = Consumer::new(config(AutoOffsetReset::Error, "strict")).await?;
    for _ in 0..2 {
        assert_eq!(soon("the error", strict.poll()).await.unwrap_err().code(), ErrorCode::NoOffset);
    }
    strict.seek("t", 0, 2).await?;
    assert_eq!(offsets(&strict, 2).await, [2, 3]);
    client.commit_offset("strict", "t", 0, 1).await?;
    let committed = Consumer::new(config(AutoOffsetReset::Error, "strict")).await?;
    assert_eq!(offsets(&committed, 3).await, [1, 2, 3]);
    client.delete_records("t", &[(0, 2)]).await?;
    let earliest = Consumer::new(config(AutoOffsetReset::Earliest, "earliest")).await?;
    assert_eq!(offsets(&earliest, 2).await, [2, 3]);
    Ok(())
}

#[tokio::test]
async fn subscribed_topics_are_read_with_the_partitions_that_are_added() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("t", Some(1)).await?;
    client.create_topic("u", Some(1)).await?;
    publish(&client, "t", 0, 0..1).await?;
    publish(&client, "u", 0, 0..1).await?;
    let config = config(broker.address()).topic("t").metadata_refresh_interval(Duration::from_millis(100));
    let consumer = Consumer::new(config.build()).await?;
    assert_eq!(&*some(&consumer).await[0].topic, "t");
    client.create_partitions("t", 2).await?;
    publish(&client, "t", 1, 1..2).await?;
    assert_eq!(some(&consumer).await[0].partition, 1);
    consumer.subscribe(&["u", "later"])?;
    assert_eq!(&*some(&consumer).await[0].topic, "u");
    assert_eq!(consumer.assignments(), [TopicPartition::new("u", 0)]);
    let missing = soon("the reason", consumer.poll_timeout(Duration::from_millis(300))).await.unwrap_err();
    assert_eq!(missing.code(), ErrorCode::UnknownTopicOrPartition);
    client.create_topic("later", Some(1)).await?;
    client.publish("later", "at last").await?;
    loop {
        match soon("a poll", consumer.poll()).await {
            Ok(records) if !records.is_empty() => break assert_eq!(&records[0].value[..], b"at last"),
            Ok(_) => {}
            Err(error) => assert_eq!(error.code(), ErrorCode::UnknownTopicOrPartition),
        }
    }
    assert_eq!(consumer.assign(&[TopicPartition::new("t", 0)]).unwrap_err().code(), ErrorCode::InvalidState);
    consumer.unsubscribe()?;
    assert_eq!(soon("a poll", consumer.poll()).await.unwrap_err().code(), ErrorCode::InvalidState);
    assert_eq!(consumer.assignments(), []);
    consumer.assign(&[TopicPartition::new("t", 0)])?;
    assert_eq!(consumer.subscribe(&["t"]).unwrap_err().code(), ErrorCode::InvalidState);
    Ok(())
}

// covers: F100 rust
#[tokio::test]
async fn a_paused_partition_gives_nothing_until_it_is_resumed() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("t", Some(2)).await?;
    publish(&client, "t", 0, 0..3).await?;
    let consumer = Consumer::new(config(broker.address()).assign("t", vec![0, 1]).build()).await?;
    consumer.pause("t", 0)?;
    assert_eq!(consumer.paused(), [TopicPartition::new("t", 0)]);
    publish(&client, "t", 1, 0..2).await?;
    assert_eq!(offsets(&consumer, 2).await, [0, 1]);
    assert!(consumer.poll_timeout(Duration::from_millis(200)).await?.is_empty());
    consumer.resume("t", 0)?;
    assert_eq!(values(&consumer, 3).await, all_values(0..3));
    assert_eq!(consumer.pause("t", 9).unwrap_err().code(), ErrorCode::NotAssigned);
    Ok(())
}

// covers: F088 rust
#[tokio::test]
async fn records_of_aborted_transactions_are_hidden_where_that_is_wanted() -> Result<()> {
    let broker = rivven_testkit::ScriptedBroker::builder().topic("t", 1).start().unwrap();
    broker.append("t", 0, None, b"one");
    let read = |builder: rivven_client::ConsumerConfigBuilder| async move {
        Consumer::new(builder.assign("t", vec![0]).build()).await
    };
    let committed = read(config(broker.address()).read_committed()).await?;
    assert_eq!(offsets(&committed, 1).await, [0]);
    let levels = |broker: &rivven_testkit::ScriptedBroker| {
        let asked = broker.requests_of(rivven_testkit::Kind::Consume);
        let level = |request: &rivven_testkit::ReceivedRequest| match &request.request {
            rivven_client::Request::Consume { isolation_level, .. } => *isolation_level,
            _ => None,
        };
        asked.iter().map(level).collect::<HashSet<_>>()
    };
    assert_eq!(levels(&broker), HashSet::from([Some(1)]));
    Ok(())
}

/// Values that are short on the wire can have more than all memory.
// covers: F082 rust
#[tokio::test]
async fn a_poll_decompresses_no_more_than_memory_can_hold() -> Result<()> {
    const SIZE: usize = 64 << 20;
    let broker = ScriptedBroker::builder().topic("t", 1).start().unwrap();
    let mut framed = Vec::new();
    Compressor::new(CompressionType::Zstd)?.encode(&vec![0; SIZE]).append_to(&mut framed);
    for _ in 0..6 {
        broker.append("t", 0, None, &framed);
    }
    let consumer = Consumer::new(config(broker.address()).assign("t", vec![0]).build()).await?;
    let (mut next, mut polls) = (0, 0);
    while next < 6 {
        let records = some(&consumer).await;
        assert!(records.len() <= 4, "{} values at once", records.len());
        for record in records.views() {
            assert_eq!((record.offset, record.value.len()), (next, SIZE));
            next += 1;
        }
        polls += 1;
    }
    assert!(polls >= 2);
    soon("close", consumer.close()).await
}

// covers: F082 rust
#[tokio::test]
async fn times_without_end_are_taken() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("t", Some(1)).await?;
    publish(&client, "t", 0, 0..5).await?;
    let config = config(broker.address()).topics(vec!["t".into()]).group_id("patient");
    let config = config.max_processing_interval(Duration::MAX).metadata_refresh_interval(Duration::MAX);
    let config = config.request_timeout(Duration::MAX).auto_commit_interval(Some(Duration::MAX));
    let consumer = Consumer::new(config.close_timeout(Duration::MAX).build()).await?;
    assert_eq!(values(&consumer, 5).await, all_values(0..5));
    soon("close", consumer.close()).await
}
