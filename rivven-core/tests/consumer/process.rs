//! Records worked on by handlers.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use rivven_client::{
    Client, Consumer, ConsumerConfigBuilder, ConsumerEvent, ConsumerRecord, ErrorCode, OnFailure, ProcessReport,
    RebalanceListener, Result, TopicPartition,
};
use rivven_testkit::{FaultProxy, Kind, Reply, ScriptedBroker, TestBroker};
use tokio::sync::{Barrier, Notify};
use tokio::task::JoinHandle;

use super::{all_values, config, event, publish, soon, value};

/// A broker with the topic `t`, and so many records in each of its partitions.
async fn broker(partitions: u32, records: u64) -> Result<(TestBroker, Client)> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("t", Some(partitions)).await?;
    for partition in 0..partitions {
        publish(&client, "t", partition, 0..records).await?;
    }
    Ok((broker, client))
}

/// A configuration that reads so many partitions of `t`, and pauses shortly.
fn reading(server: impl Into<String>, partitions: u32) -> ConsumerConfigBuilder {
    let config = config(server).assign("t", (0..partitions).collect());
    config.process_retry_backoff(Duration::from_millis(1)).process_retry_backoff_max(Duration::from_millis(2))
}

async fn consumer(config: ConsumerConfigBuilder) -> Result<Arc<Consumer>> {
    Consumer::new(config.build()).await.map(Arc::new)
}

/// What handlers were called with, until there have been enough calls.
struct Calls {
    consumer: Arc<Consumer>,
    values: Mutex<HashMap<u32, Vec<Vec<u8>>>>,
    left: AtomicU64,
}

impl Calls {
    fn new(consumer: &Arc<Consumer>, enough: u64) -> Arc<Self> {
        Arc::new(Calls { consumer: Arc::clone(consumer), values: Mutex::default(), left: AtomicU64::new(enough) })
    }

    /// Notes a call; the last one ends the processing.
    fn note(&self, record: &ConsumerRecord) {
        self.values.lock().unwrap().entry(record.partition).or_default().push(record.value.to_vec());
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.consumer.wakeup();
        }
    }

    fn values(&self, partition: u32) -> Vec<Vec<u8>> {
        self.values.lock().unwrap().get(&partition).cloned().unwrap_or_default()
    }
}

/// Handlers that stop at the second record until they may go on.
#[derive(Clone, Default)]
struct Gate {
    begun: Arc<Notify>,
    go_on: Arc<Notify>,
}

impl Gate {
    async fn pass(self, record: ConsumerRecord) -> std::result::Result<(), &'static str> {
        if record.offset == 1 {
            self.begun.notify_one();
            self.go_on.notified().await;
        }
        Ok(())
    }
}

/// Processes in a task, with a handler whose failures are texts.
fn spawn<F>(
    consumer: &Arc<Consumer>,
    handler: impl Fn(ConsumerRecord) -> F + Send + Sync + 'static,
) -> JoinHandle<Result<ProcessReport>>
where
    F: Future<Output = std::result::Result<(), &'static str>> + Send + 'static,
{
    let consumer = Arc::clone(consumer);
    tokio::spawn(async move { consumer.process(handler).await })
}

async fn ended(processing: JoinHandle<Result<ProcessReport>>) -> Result<ProcessReport> {
    soon("processing", processing).await.unwrap()
}

#[tokio::test]
async fn partitions_are_worked_on_side_by_side_and_each_in_its_order() -> Result<()> {
    let (broker, client) = broker(4, 50).await?;
    let consumer = consumer(reading(broker.address(), 4).process_concurrency(2).max_poll_records(30)).await?;
    let calls = Calls::new(&consumer, 200);
    let (at_work, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    // Two handlers have to be at work together for either to go on.
    let together = Arc::new(Barrier::new(2));
    let noted = Arc::clone(&calls);
    let peak = Arc::clone(&most);
    let processing = spawn(&consumer, move |record| {
        let (calls, at_work, peak) = (Arc::clone(&noted), Arc::clone(&at_work), Arc::clone(&peak));
        let together = Arc::clone(&together);
        async move {
            peak.fetch_max(at_work.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            if record.offset == 0 {
                together.wait().await;
            }
            tokio::task::yield_now().await;
            calls.note(&record);
            at_work.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        }
    });
    let report = ended(processing).await?;
    assert_eq!((report.processed, report.retries, report.skipped), (200, 0, 0));
    assert_eq!(most.load(Ordering::SeqCst), 2);
    for partition in 0..4 {
        assert_eq!(calls.values(partition), all_values(0..50));
        assert_eq!(client.get_offset("tests", "t", partition).await?, Some(50));
    }
    Ok(())
}

#[tokio::test]
async fn a_partition_whose_handler_takes_long_is_not_in_the_way_of_others() -> Result<()> {
    let (broker, client) = broker(2, 100).await?;
    let consumer = consumer(reading(broker.address(), 2).max_poll_records(10)).await?;
    let others_done = Arc::new(Notify::new());
    let calls = Calls::new(&consumer, 200);
    let noted = Arc::clone(&calls);
    let processing = spawn(&consumer, move |record| {
        let (calls, others_done) = (Arc::clone(&noted), Arc::clone(&others_done));
        async move {
            match (record.partition, record.offset) {
                (0, 3) => others_done.notified().await,
                (1, 99) => others_done.notify_one(),
                _ => {}
            }
            calls.note(&record);
            Ok(())
        }
    });
    ended(processing).await?;
    assert_eq!((calls.values(0), calls.values(1)), (all_values(0..100), all_values(0..100)));
    assert_eq!(client.get_offset("tests", "t", 0).await?, Some(100));
    Ok(())
}

#[tokio::test]
async fn a_record_that_fails_is_handled_again_before_the_next() -> Result<()> {
    let (broker, client) = broker(1, 5).await?;
    let consumer = consumer(reading(broker.address(), 1).process_retries(2)).await?;
    let calls = Calls::new(&consumer, 7);
    let noted = Arc::clone(&calls);
    let processing = spawn(&consumer, move |record| {
        noted.note(&record);
        let attempt = noted.values(0).iter().filter(|seen| ***seen == *record.value).count();
        async move { if record.offset == 2 && attempt < 3 { Err("not yet") } else { Ok(()) } }
    });
    let report = ended(processing).await?;
    assert_eq!((report.processed, report.retries), (5, 2));
    let order: Vec<_> = [0, 1, 2, 2, 2, 3, 4].map(|number| value(number).into_bytes()).into();
    assert_eq!(calls.values(0), order);
    assert_eq!(client.get_offset("tests", "t", 0).await?, Some(5));
    Ok(())
}

#[tokio::test]
async fn a_record_that_fails_every_time_or_panics_is_skipped_if_that_is_wanted() -> Result<()> {
    let (broker, client) = broker(1, 5).await?;
    let config = reading(broker.address(), 1).process_retries(1).process_on_failure(OnFailure::Skip);
    let consumer = consumer(config).await?;
    let calls = Calls::new(&consumer, 7);
    let noted = Arc::clone(&calls);
    let processing = spawn(&consumer, move |record| {
        noted.note(&record);
        assert_ne!(record.offset, 0, "a panic before there is a future");
        async move {
            assert_ne!(record.offset, 3, "a panic within it");
            Ok(())
        }
    });
    let report = ended(processing).await?;
    assert_eq!((report.processed, report.retries, report.skipped), (3, 2, 2));
    assert_eq!(client.get_offset("tests", "t", 0).await?, Some(5));
    Ok(())
}

#[tokio::test]
async fn a_record_that_fails_every_time_goes_to_the_dead_letter_topic() -> Result<()> {
    let (broker, client) = broker(1, 0).await?;
    client.create_topic("dead", Some(1)).await?;
    client.publish_with_key("t", Some("k"), "value 0").await?;
    client.publish("t", "value 1").await?;
    let consumer = consumer(reading(broker.address(), 1).process_retries(1).process_dead_letter_topic("dead")).await?;
    let calls = Calls::new(&consumer, 3);
    let noted = Arc::clone(&calls);
    let processing = spawn(&consumer, move |record| {
        noted.note(&record);
        async move { if record.offset == 0 { Err("no such customer") } else { Ok(()) } }
    });
    let report = ended(processing).await?;
    assert_eq!((report.processed, report.dead_lettered, report.skipped), (1, 1, 0));
    assert_eq!(client.get_offset("tests", "t", 0).await?, Some(2));
    let letters = client.consume("dead", 0, 0, 10).await?;
    assert_eq!((letters.len(), letters[0].key.as_deref()), (1, Some(&b"k"[..])));
    let letter = String::from_utf8(letters[0].value.to_vec()).unwrap();
    let (head, value) = letter.split_once("\n\n").unwrap();
    assert_eq!(value, "value 0");
    for line in ["topic: t", "partition: 0", "offset: 0", "group: tests", "attempts: 2", "error: no such customer"] {
        assert!(head.lines().any(|found| found == line), "{head}");
    }
    Ok(())
}

#[tokio::test]
async fn a_record_whose_dead_letter_is_not_delivered_stops_it() -> Result<()> {
    let broker = ScriptedBroker::builder().topic("t", 1).topic("dead", 1).start().unwrap();
    broker.append("t", 0, None, b"value");
    for kind in [Kind::Publish, Kind::PublishBatch] {
        broker.on(kind).answer(Reply::error("INVALID_TOPIC: no"));
    }
    let consumer = consumer(reading(broker.address(), 1).process_retries(0).process_dead_letter_topic("dead")).await?;
    let error = ended(spawn(&consumer, |_| async { Err("no such customer") })).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::ProcessingFailed);
    assert_eq!((broker.committed_offset(0, "tests", "t", 0).unwrap_or(0), consumer.position("t", 0)?), (0, Some(0)));
    Ok(())
}

#[tokio::test]
async fn by_default_a_record_that_fails_every_time_stops_it_and_is_the_next_one_afterwards() -> Result<()> {
    let (broker, client) = broker(2, 5).await?;
    let consumer = consumer(reading(broker.address(), 2).process_retries(0).enable_auto_commit(false)).await?;
    let processing = spawn(&consumer, |record| async move {
        if (record.partition, record.offset) == (0, 3) { Err("no such customer") } else { Ok(()) }
    });
    let error = ended(processing).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::ProcessingFailed);
    assert!(error.to_string().contains("t/0 at offset 3") && error.to_string().contains("no such customer"), "{error}");
    assert_eq!(client.get_offset("tests", "t", 0).await?, Some(3), "what is done is committed, asked for or not");
    assert_eq!(consumer.position("t", 0)?, Some(3));
    let left = 2 + 5 - client.get_offset("tests", "t", 1).await?.unwrap_or(0);
    let calls = Calls::new(&consumer, left);
    let noted = Arc::clone(&calls);
    let report = ended(spawn(&consumer, move |record| {
        noted.note(&record);
        async { Ok(()) }
    }));
    assert_eq!(report.await?.processed, left);
    assert_eq!(calls.values(0), all_values(3..5));
    Ok(())
}

#[tokio::test]
async fn close_waits_for_handlers_and_commits_what_they_did() -> Result<()> {
    let (broker, client) = broker(1, 5).await?;
    let consumer = consumer(reading(broker.address(), 1)).await?;
    let gate = Gate::default();
    let passing = gate.clone();
    let processing = spawn(&consumer, move |record| passing.clone().pass(record));
    soon("the handler", gate.begun.notified()).await;
    assert_eq!(consumer.process(|_| async { Ok::<_, String>(()) }).await.unwrap_err().code(), ErrorCode::InvalidState);
    let closing = consumer.close();
    tokio::pin!(closing);
    assert!(tokio::time::timeout(Duration::from_millis(50), &mut closing).await.is_err());
    gate.go_on.notify_one();
    soon("close", closing).await?;
    assert_eq!(ended(processing).await?.processed, 2, "no other one is begun with");
    assert_eq!(client.get_offset("tests", "t", 0).await?, Some(2));
    Ok(())
}

#[tokio::test]
async fn dropping_it_gives_back_what_is_not_done() -> Result<()> {
    let (broker, _client) = broker(1, 5).await?;
    let consumer = consumer(reading(broker.address(), 1)).await?;
    let begun = Arc::new(Notify::new());
    let told = Arc::clone(&begun);
    let processing = spawn(&consumer, move |record| {
        let told = Arc::clone(&told);
        async move {
            if record.offset == 2 {
                told.notify_one();
                std::future::pending::<()>().await;
            }
            Ok(())
        }
    });
    soon("the handler", begun.notified()).await;
    processing.abort();
    assert!(soon("the task", processing).await.is_err());
    let calls = Calls::new(&consumer, 3);
    let noted = Arc::clone(&calls);
    ended(spawn(&consumer, move |record| {
        noted.note(&record);
        async { Ok(()) }
    }))
    .await?;
    assert_eq!(calls.values(0), all_values(2..5));
    Ok(())
}

#[tokio::test]
async fn where_the_program_seeks_it_goes_on_there() -> Result<()> {
    let (broker, client) = broker(1, 10).await?;
    let consumer = consumer(reading(broker.address(), 1)).await?;
    let calls = Calls::new(&consumer, 5);
    let noted = Arc::clone(&calls);
    let processing = spawn(&consumer, move |record| {
        let calls = Arc::clone(&noted);
        async move {
            if record.offset == 1 {
                calls.consumer.seek("t", 0, 7).await.map_err(|_| "seek")?;
            }
            calls.note(&record);
            Ok(())
        }
    });
    ended(processing).await?;
    assert_eq!(calls.values(0), [all_values(0..2), all_values(7..10)].concat());
    assert_eq!(client.get_offset("tests", "t", 0).await?, Some(10));
    Ok(())
}

/// Notes what was done when partitions are taken away.
struct Revoked {
    done: Arc<AtomicU64>,
    done_then: Arc<Mutex<Option<u64>>>,
}

#[async_trait]
impl RebalanceListener for Revoked {
    async fn on_partitions_revoked(&self, _: &[TopicPartition]) {
        *self.done_then.lock().unwrap() = Some(self.done.load(Ordering::SeqCst));
    }

    async fn on_partitions_assigned(&self, _: &[TopicPartition]) {}
}

#[tokio::test]
async fn partitions_are_given_back_when_their_handlers_have_ended_and_what_was_done_is_committed() -> Result<()> {
    let (broker, client) = broker(1, 5).await?;
    let config = config(broker.address()).topic("t").enable_auto_commit(false);
    let consumer = consumer(config).await?;
    let (done, done_then) = (Arc::new(AtomicU64::new(0)), Arc::new(Mutex::new(None)));
    consumer.set_rebalance_listener(Revoked { done: Arc::clone(&done), done_then: Arc::clone(&done_then) });
    let gate = Gate::default();
    let passing = gate.clone();
    let processing = spawn(&consumer, move |record| {
        let (passing, done) = (passing.clone(), Arc::clone(&done));
        async move {
            passing.pass(record).await?;
            done.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
    });
    soon("the handler", gate.begun.notified()).await;
    consumer.unsubscribe()?;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(*done_then.lock().unwrap(), None);
    gate.go_on.notify_one();
    let error = ended(processing).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidState, "there is nothing to read any more");
    assert_eq!(*done_then.lock().unwrap(), Some(2));
    assert_eq!(client.get_offset("tests", "t", 0).await?, Some(2));
    Ok(())
}

#[tokio::test]
async fn handlers_that_take_too_long_do_not_keep_partitions_from_being_given_back() -> Result<()> {
    let (broker, client) = broker(1, 5).await?;
    let consumer = consumer(config(broker.address()).topic("t").rebalance_timeout_ms(2000)).await?;
    let gate = Gate::default();
    let passing = gate.clone();
    let processing = spawn(&consumer, move |record| passing.clone().pass(record));
    soon("the handler", gate.begun.notified()).await;
    consumer.unsubscribe()?;
    soon("the partition", async {
        while !consumer.assignments().is_empty() {
            tokio::task::yield_now().await
        }
    })
    .await;
    gate.go_on.notify_one();
    assert_eq!(ended(processing).await.unwrap_err().code(), ErrorCode::InvalidState);
    assert_eq!(client.get_offset("tests", "t", 0).await?, Some(1), "what was done before, and nothing afterwards");
    Ok(())
}

/// The group takes a member that it does not hear of for dead, and gives its partitions to others, while handlers work.
#[tokio::test]
async fn what_is_lost_while_handlers_work_goes_to_others_and_is_not_committed_afterwards() -> Result<()> {
    let (broker, client) = broker(1, 3).await?;
    let proxy = FaultProxy::start(broker.address()).unwrap();
    let member = |server: String| config(server).topic("t").session_timeout_ms(1500).heartbeat_interval_ms(100);
    let cut_off = consumer(member(proxy.address())).await?;
    let mut events = cut_off.events();
    let gate = Gate::default();
    let calls = Calls::new(&cut_off, u64::MAX);
    let (passing, noted) = (gate.clone(), Arc::clone(&calls));
    let processing = spawn(&cut_off, move |record| {
        noted.note(&record);
        passing.clone().pass(record)
    });
    soon("the handler", gate.begun.notified()).await;
    proxy.stall();
    let lost = |event| matches!(event, ConsumerEvent::Lost { .. }).then_some(());
    event(&mut events, lost).await;
    let other = consumer(member(broker.address().to_owned())).await?;
    let mut read = 0;
    soon("the records", async {
        while read < 3 {
            let records = other.poll().await.unwrap();
            read = records.views().map(|record| record.offset + 1).max().unwrap_or(read);
        }
    })
    .await;
    other.commit().await?;
    proxy.resume();
    gate.go_on.notify_one();
    cut_off.wakeup();
    let report = ended(processing).await?;
    let begun: Vec<_> = (0..2).map(|record| value(record).into_bytes()).collect();
    assert_eq!(calls.values(0), begun, "nothing more was begun with");
    assert_eq!(report.processed, 2);
    assert_eq!(client.get_offset("tests", "t", 0).await?, Some(3), "what the others have committed");
    cut_off.close().await?;
    other.close().await
}
