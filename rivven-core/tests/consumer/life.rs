//! Polls that are ended, consumers that are closed, and what happens meanwhile.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use rivven_client::{
    Client, Consumer, ConsumerEvent, ErrorCode, RebalanceListener, RecordStream, Result, TopicPartition,
};
use rivven_testkit::{FaultProxy, Kind, Reply, ScriptedBroker, Sink, SinkOptions, TestBroker};
use tokio::sync::Notify;

use super::{PATIENCE, config, consumer, event, offsets, some, soon};

fn broker() -> ScriptedBroker {
    ScriptedBroker::builder().topic("t", 2).start().unwrap()
}

/// A poll that waits for records for ever, in a task of its own.
fn waiting(consumer: &Arc<Consumer>) -> tokio::task::JoinHandle<Result<rivven_client::ConsumerRecords>> {
    let consumer = Arc::clone(consumer);
    tokio::spawn(async move { consumer.poll_timeout(Duration::from_secs(3600)).await })
}

// covers: F100 rust
#[tokio::test]
async fn a_poll_that_waits_is_woken_from_any_thread() -> Result<()> {
    let broker = broker();
    let consumer = Arc::new(consumer(broker.address()).await?);
    let polling = waiting(&consumer);
    broker.until_received(Kind::Consume, 1).await;
    let other = Arc::clone(&consumer);
    std::thread::spawn(move || other.wakeup()).join().unwrap();
    let error = soon("the poll", polling).await.unwrap().unwrap_err();
    assert_eq!((error.code(), error.is_retriable()), (ErrorCode::WokenUp, true));
    consumer.wakeup();
    let error = consumer.poll_timeout(Duration::ZERO).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::WokenUp, "the next one, if none waits");
    broker.append("t", 0, None, b"v");
    assert_eq!(offsets(&consumer, 1).await, [0]);
    Ok(())
}

// covers: F100 rust
#[tokio::test]
async fn polls_wait_for_each_other_and_share_what_comes() -> Result<()> {
    let broker = broker();
    let consumer = Arc::new(consumer(broker.address()).await?);
    let (first, second) = (waiting(&consumer), waiting(&consumer));
    broker.append("t", 0, None, b"one");
    let all = async { tokio::join!(first, second) };
    tokio::pin!(all);
    // Whichever has its turn gets the first record.
    assert!(tokio::time::timeout(Duration::from_millis(100), &mut all).await.is_err());
    broker.append("t", 0, None, b"two");
    let (first, second) = soon("both", all).await;
    let mut got = [first.unwrap()?[0].offset, second.unwrap()?[0].offset];
    got.sort_unstable();
    assert_eq!(got, [0, 1]);
    Ok(())
}

// covers: F100 rust
#[tokio::test]
async fn a_consumer_is_closed_from_any_task_and_its_poll_ends() -> Result<()> {
    let broker = broker();
    let consumer = Arc::new(consumer(broker.address()).await?);
    let polling = waiting(&consumer);
    broker.until_received(Kind::Consume, 1).await;
    soon("close", consumer.close()).await?;
    assert_eq!(soon("the poll", polling).await.unwrap().unwrap_err().code(), ErrorCode::Closed);
    assert_eq!(consumer.poll().await.unwrap_err().code(), ErrorCode::Closed);
    assert_eq!(consumer.commit().await.unwrap_err().code(), ErrorCode::Closed);
    assert_eq!(consumer.seek("t", 0, 0).await.unwrap_err().code(), ErrorCode::Closed);
    assert_eq!(consumer.subscribe(&["t"]).unwrap_err().code(), ErrorCode::Closed);
    soon("another close", consumer.close()).await?;
    assert!(consumer.events().next().await.is_none());
    soon("its connections", async {
        while broker.open_connections(0) > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn close_ends_within_its_time_and_says_that_offsets_may_be_lost() -> Result<()> {
    let broker = broker();
    broker.append("t", 0, None, b"v");
    let consumer = consumer(broker.address()).await?;
    offsets(&consumer, 1).await;
    broker.on(Kind::CommitOffset).hold();
    let error = soon("close", consumer.close_timeout(Duration::from_millis(100))).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::TimedOut);
    broker.release();
    Ok(())
}

/// More often than one call tries by itself.
#[tokio::test]
async fn close_commits_again_what_fails_for_now() -> Result<()> {
    let broker = broker();
    broker.append("t", 0, None, b"v");
    let consumer = consumer(broker.address()).await?;
    offsets(&consumer, 1).await;
    broker.on(Kind::CommitOffset).times(20).unexecuted().close_connection();
    soon("close", consumer.close_timeout(PATIENCE)).await?;
    assert_eq!(broker.committed_offset(0, "tests", "t", 0), Some(1));
    Ok(())
}

#[tokio::test]
async fn close_says_why_the_last_offsets_may_not_be_committed() -> Result<()> {
    let broker = broker();
    broker.append("t", 0, None, b"v");
    let consumer = consumer(broker.address()).await?;
    offsets(&consumer, 1).await;
    broker.on(Kind::CommitOffset).answer(Reply::error("THROTTLED: wait"));
    let error = soon("close", consumer.close_timeout(Duration::from_secs(2))).await.unwrap_err();
    assert!(error.to_string().contains("THROTTLED"), "{error}");
    Ok(())
}

/// The broker cannot be told, and notices by itself.
#[tokio::test]
async fn close_is_no_failure_where_everything_is_committed_and_nobody_hears_of_the_end() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let proxy = FaultProxy::start(broker.address()).unwrap();
    Client::connect(broker.address()).await?.publish("t", b"v").await?;
    let consumer = Consumer::new(config(proxy.address()).topics(vec!["t".into()]).build()).await?;
    offsets(&consumer, 1).await;
    consumer.commit().await?;
    proxy.stall();
    soon("close", consumer.close_timeout(Duration::from_millis(300))).await
}

#[tokio::test]
async fn dropping_a_consumer_ends_its_connections_and_commits() -> Result<()> {
    let broker = broker();
    broker.append("t", 0, None, b"v");
    let consumer = consumer(broker.address()).await?;
    offsets(&consumer, 1).await;
    drop(consumer);
    soon("the end", async {
        while broker.open_connections(0) > 0 || broker.committed_offset(0, "tests", "t", 0) != Some(1) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    Ok(())
}

/// A poll may be given up at any moment.
#[tokio::test]
async fn a_poll_that_is_dropped_loses_nothing() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("t", Some(1)).await?;
    let consumer = consumer(broker.address()).await?;
    let writing = tokio::spawn(async move {
        for number in 0..200u8 {
            client.publish_to_partition("t", 0, None::<&str>, [0xff, number]).await.unwrap();
        }
    });
    let mut next = 0;
    while next < 200 {
        let Ok(records) = tokio::time::timeout(Duration::from_micros(700), consumer.poll()).await else { continue };
        for record in records?.views() {
            assert_eq!(record.offset, next);
            next += 1;
        }
    }
    soon("writing", writing).await.unwrap();
    Ok(())
}

#[tokio::test]
async fn without_topics_and_partitions_there_is_nothing_to_poll() -> Result<()> {
    let broker = broker();
    let consumer = Consumer::new(config(broker.address()).build()).await?;
    assert_eq!(soon("the error", consumer.poll()).await.unwrap_err().code(), ErrorCode::InvalidState);
    consumer.assign(&[TopicPartition::new("t", 0)])?;
    assert!(consumer.poll_timeout(Duration::from_millis(10)).await?.is_empty());
    broker.append("t", 1, None, b"v");
    consumer.assign(&[TopicPartition::new("t", 1)])?;
    assert_eq!(some(&consumer).await[0].partition, 1);
    assert_eq!(consumer.assignments(), [TopicPartition::new("t", 1)]);
    let error = consumer.assign(&[TopicPartition::new("no/topic", 1)]).unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidTopic);
    Ok(())
}

/// Notes the order of what happens.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn add(&self, what: &str, partitions: &[TopicPartition]) {
        let all: Vec<_> = partitions.iter().map(ToString::to_string).collect();
        self.0.lock().unwrap().push(format!("{what} {}", all.join(" ")));
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// Commits as the last thing before partitions go.
struct Listener {
    notes: Notes,
    consumer: Mutex<Option<std::sync::Weak<Consumer>>>,
}

#[async_trait]
impl RebalanceListener for Listener {
    async fn on_partitions_revoked(&self, partitions: &[TopicPartition]) {
        let consumer = self.consumer.lock().unwrap().as_ref().and_then(std::sync::Weak::upgrade);
        if let Some(consumer) = consumer {
            let committed = consumer.commit().await.is_ok();
            self.notes.add(&format!("committed {committed}"), &[]);
        }
        self.notes.add("revoked", partitions);
    }

    async fn on_partitions_assigned(&self, partitions: &[TopicPartition]) {
        self.notes.add("assigned", partitions);
    }
}

// covers: F099 rust
#[tokio::test]
async fn the_listener_is_told_within_polls_and_can_commit() -> Result<()> {
    let broker = broker();
    broker.append("t", 0, None, b"v");
    let notes = Notes::default();
    let config = config(broker.address()).topic("t").enable_auto_commit(false);
    let consumer = Arc::new(Consumer::new(config.build()).await?);
    let own = Mutex::new(Some(Arc::downgrade(&consumer)));
    consumer.set_rebalance_listener(Listener { notes: notes.clone(), consumer: own });
    let mut events = consumer.events();
    assert_eq!(notes.all(), [""; 0], "nothing is told before a poll");
    assert_eq!(offsets(&consumer, 1).await, [0]);
    assert_eq!(notes.all(), ["assigned t/0 t/1"]);
    consumer.unsubscribe()?;
    assert_eq!(consumer.poll().await.unwrap_err().code(), ErrorCode::InvalidState);
    assert_eq!(notes.all(), ["assigned t/0 t/1", "committed true ", "revoked t/0 t/1"]);
    assert_eq!(broker.committed_offset(0, "tests", "t", 0), Some(1));
    let late = consumer.commit_offsets(&[("t", 0, 0)]).await;
    assert!(late.is_ok(), "without a subscription any offset can be committed");
    consumer.subscribe(&["t"])?;
    assert_eq!(consumer.commit_offsets(&[("t", 0, 0)]).await.unwrap_err().code(), ErrorCode::NotAssigned);
    let assigned = |event| match event {
        ConsumerEvent::Assigned { partitions } => Some(partitions.len()),
        _ => None,
    };
    assert_eq!(event(&mut events, assigned).await, 2);
    soon("the partitions", async {
        while consumer.assignments().is_empty() {
            consumer.poll_timeout(Duration::from_millis(10)).await.unwrap();
        }
    })
    .await;
    consumer.close().await?;
    assert_eq!(notes.all().len(), 6, "at the end they are given back: {:?}", notes.all());
    assert_eq!(consumer.stats().rebalances, 3);
    Ok(())
}

/// Is told of its partitions within a poll, and answers when it is let.
#[derive(Clone, Default)]
struct Gate {
    entered: Arc<Notify>,
    open: Arc<Notify>,
}

#[async_trait]
impl RebalanceListener for Gate {
    async fn on_partitions_revoked(&self, _: &[TopicPartition]) {}

    async fn on_partitions_assigned(&self, _: &[TopicPartition]) {
        self.entered.notify_one();
        self.open.notified().await;
    }
}

/// A consumer with a stream whose poll is left while it tells the listener of its partitions.
async fn left_in_the_middle(broker: &ScriptedBroker) -> Result<(Consumer, RecordStream, Gate)> {
    let consumer = Consumer::new(config(broker.address()).topic("t").build()).await?;
    let gate = Gate::default();
    consumer.set_rebalance_listener(gate.clone());
    let mut stream = consumer.stream();
    soon("the listener", async {
        tokio::select! {
            record = stream.next() => unreachable!("the listener is not done: {record:?}"),
            () = gate.entered.notified() => {}
        }
    })
    .await;
    Ok((consumer, stream, gate))
}

#[tokio::test]
async fn a_stream_that_is_left_in_the_middle_of_a_rebalance_does_not_keep_its_consumer_from_ending() -> Result<()> {
    let broker = broker();
    let (consumer, mut stream, _gate) = left_in_the_middle(&broker).await?;
    soon("close", consumer.close_timeout(Duration::from_secs(10))).await?;
    assert!(soon("the end", stream.next()).await.is_none());
    Ok(())
}

#[tokio::test]
async fn a_stream_that_is_left_in_the_middle_of_a_rebalance_does_not_keep_others_from_polling() -> Result<()> {
    let broker = broker();
    broker.append("t", 0, None, b"v");
    let (consumer, _stream, gate) = left_in_the_middle(&broker).await?;
    // The poll of the stream could go on, and nobody comes back for it.
    gate.open.notify_one();
    // The other one tells the listener again.
    let opening = async {
        gate.entered.notified().await;
        gate.open.notify_one();
    };
    let (read, ()) = tokio::join!(offsets(&consumer, 1), opening);
    assert_eq!(read, [0]);
    Ok(())
}

#[tokio::test]
async fn a_program_that_does_not_poll_is_told() -> Result<()> {
    let broker = broker();
    let config = config(broker.address()).assign("t", vec![0]).max_processing_interval(Duration::from_millis(100));
    let consumer = Consumer::new(config.build()).await?;
    let mut events = consumer.events();
    consumer.poll_timeout(Duration::ZERO).await?;
    let late = |event| match event {
        ConsumerEvent::PollTooLate { since } => Some(since),
        _ => None,
    };
    assert!(event(&mut events, late).await >= Duration::from_millis(100));
    Ok(())
}

/// They had taken all memory, and what they held was not asked for by anybody.
#[tokio::test]
async fn paused_partitions_leave_their_memory_to_others_and_go_on_where_they_were() -> Result<()> {
    let sink = Sink::start(SinkOptions { records: 2000, partitions: 4, ..SinkOptions::default() }).unwrap();
    let config = config(sink.address()).assign("t", vec![0, 1, 2]).max_poll_records(30);
    let config = config.enable_auto_commit(false).max_poll_interval_ms(300).fetch_buffer_memory(400_000);
    let consumer = Consumer::new(config.build()).await?;
    let mut next = [0u64; 4];
    let mut read = async |consumer: &Consumer| {
        for record in some(consumer).await.views() {
            assert_eq!(record.offset, next[record.partition as usize], "partition {}", record.partition);
            next[record.partition as usize] += 1;
        }
        next
    };
    // What a first answer is expected to need is not free any more.
    soon("as much as there is memory for", async {
        while consumer.stats().bytes_held <= 350_000 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    // Some of what has come is taken.
    read(&consumer).await;
    let mut events = consumer.events();
    consumer.assign(&(0..4).map(|partition| TopicPartition::new("t", partition)).collect::<Vec<_>>())?;
    let waits =
        |event| matches!(event, ConsumerEvent::Stalled { partition, .. } if partition.partition == 3).then_some(());
    event(&mut events, waits).await;
    (0..3).try_for_each(|partition| consumer.pause("t", partition))?;
    while read(&consumer).await[3] < 2000 {}
    (0..3).try_for_each(|partition| consumer.resume("t", partition))?;
    while read(&consumer).await != [2000; 4] {}
    consumer.close().await
}

/// Its next answer was expected to be as large as the last one, and nobody else was let ask meanwhile.
#[tokio::test]
async fn a_partition_at_its_end_leaves_the_memory_to_others() -> Result<()> {
    let broker = broker();
    let config = config(broker.address()).assign("t", vec![0, 1]).fetch_buffer_memory(150_000);
    let consumer = Consumer::new(config.build()).await?;
    for partition in [0, 1] {
        (0..400).for_each(|_| _ = broker.append("t", partition, None, &[7; 1000]));
        let mut read = 0;
        soon("all of one partition", async {
            while read < 400 {
                read += some(&consumer).await.len();
            }
        })
        .await;
    }
    consumer.close().await
}

/// What the program keeps counts, down to a slice of it.
#[tokio::test]
async fn records_are_held_up_to_the_limit_and_no_further() -> Result<()> {
    let sink = Sink::start(SinkOptions { records: 100_000, partitions: 4, ..SinkOptions::default() }).unwrap();
    let limit = 400_000;
    let config = config(sink.address()).assign("t", vec![0, 1, 2, 3]).fetch_buffer_memory(limit);
    let consumer = Consumer::new(config.enable_auto_commit(false).max_poll_interval_ms(300).build()).await?;
    let mut kept = Vec::new();
    let error = soon("the limit", async {
        loop {
            match consumer.poll().await {
                Ok(records) => kept.extend(records.iter().map(|record| record.value.clone())),
                Err(error) => return error,
            }
        }
    })
    .await;
    assert_eq!(error.code(), ErrorCode::QueueFull);
    let held = consumer.stats().bytes_held as usize;
    // Each partition may have one answer under way that turns out larger than the one before.
    assert!(held > limit / 2 && held < limit + 4 * 250_000, "{held} bytes");
    kept.truncate(1);
    assert!(!some(&consumer).await.is_empty(), "what was dropped makes room");
    drop(kept);
    // Kept until it is looked, or all that has come may have been dropped again.
    let records = some(&consumer).await;
    let detached = records[0].detach();
    let all = consumer.stats().bytes_held;
    drop(records);
    assert!(all > 0 && !detached.value.is_empty());
    consumer.close().await?;
    let stats = consumer.stats();
    assert_eq!((stats.bytes_held, stats.records_waiting), (0, 0), "the rest goes with the consumer");
    Ok(())
}

#[tokio::test]
async fn an_idle_consumer_asks_seldom() -> Result<()> {
    let broker = ScriptedBroker::builder().topic("t", 12).start().unwrap();
    let config = config(broker.address()).assign("t", (0..12).collect()).fetch_max_wait(Duration::from_secs(1));
    let consumer = Consumer::new(config.build()).await?;
    assert!(consumer.poll_timeout(PATIENCE / 20).await?.is_empty());
    let asked = broker.requests_of(Kind::Consume).len();
    assert!(asked <= 12 * 4, "{asked} requests in three seconds");
    Ok(())
}
