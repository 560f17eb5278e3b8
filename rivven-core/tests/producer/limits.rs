//! Bounds of memory and time, and the ends of a producer.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use rivven_client::{Error, ErrorCode, Outcome, Producer, Result};
use rivven_testkit::{FaultProxy, Kind, ScriptedBroker, TestBroker};

use super::{config, producer, soon};

fn broker() -> ScriptedBroker {
    ScriptedBroker::builder().topic("t", 1).start().unwrap()
}

// covers: F073 rust
#[tokio::test]
async fn a_stalled_broker_fills_the_memory_and_nothing_is_lost() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let proxy = FaultProxy::start(broker.address()).unwrap();
    let config = config(proxy.address()).buffer_memory(100_000).batch_size(4000).max_block(Duration::from_millis(50));
    let producer = Arc::new(Producer::new(config.build()).await?);
    producer.refresh_metadata("t").await?;
    proxy.stall();
    let mut deliveries = Vec::new();
    let full = loop {
        match producer.enqueue("t", None::<&str>, format!("{:06}", deliveries.len())) {
            Ok(delivery) => deliveries.push(delivery),
            Err(error) => break error,
        }
    };
    assert_eq!((full.code(), full.outcome(), full.is_retriable()), (ErrorCode::QueueFull, Outcome::NotSent, true));
    assert!(producer.stats().bytes_buffered <= 100_000);
    let waited = soon("send", producer.send("t", "late")).await.unwrap_err();
    assert_eq!(waited.code(), ErrorCode::QueueFull);
    let count = deliveries.len();
    proxy.resume();
    for delivery in deliveries {
        soon("a delivery", delivery).await?;
    }
    assert_eq!(producer.stats().records_delivered, count as u64);
    assert_eq!(producer.stats().bytes_buffered, 0);
    Ok(())
}

/// Who waits for room gets it in the order of coming.
#[tokio::test]
async fn senders_wait_for_room_and_get_it() -> Result<()> {
    let broker = broker();
    let config = config(broker.address()).buffer_memory(20_000).batch_size(2000);
    let producer = Arc::new(Producer::new(config.build()).await?);
    let sends = (0..200).map(|number| {
        let producer = Arc::clone(&producer);
        tokio::spawn(async move { producer.send("t", format!("{number:0500}")).await })
    });
    for send in sends.collect::<Vec<_>>() {
        soon("a send", send).await.unwrap()?;
    }
    assert_eq!(broker.records("t", 0).len(), 200);
    Ok(())
}

// covers: F073 rust
#[tokio::test]
async fn what_would_wait_too_long_is_refused() -> Result<()> {
    let broker = broker();
    let config = config(broker.address())
        .request_timeout(Duration::from_millis(900))
        .delivery_timeout(Duration::from_secs(1))
        .max_block(Duration::from_secs(20))
        .batch_size(1);
    let producer = Arc::new(Producer::new(config.build()).await?);
    broker.on(Kind::PublishBatch).delay(Duration::from_millis(10));
    producer.refresh_metadata("t").await?;
    producer.send("t", "first").await?;
    let mut taken = Vec::new();
    let full = loop {
        match producer.enqueue("t", None::<&str>, "v") {
            Ok(delivery) => taken.push(delivery),
            Err(error) => break error,
        }
        assert!(taken.len() < 5000, "half a second of records is refused at last");
    };
    assert_eq!(full.code(), ErrorCode::QueueFull);
    assert!(full.to_string().contains("delivery.timeout.ms"), "{full}");
    soon("a send that waits for its turn", producer.send("t", "late")).await?;
    for delivery in taken {
        soon("a delivery", delivery).await?;
    }
    Ok(())
}

#[tokio::test]
async fn the_delivery_timeout_bounds_everything() -> Result<()> {
    let broker = broker();
    let config = config(broker.address())
        .request_timeout(Duration::from_millis(300))
        .delivery_timeout(Duration::from_millis(500))
        .connection_timeout(Duration::from_millis(300));
    let producer = Producer::new(config.build()).await?;
    producer.refresh_metadata("t").await?;
    broker.on(Kind::PublishBatch).drop_answer();
    let error = soon("a delivery", producer.send("t", "v")).await.unwrap_err();
    assert_eq!((error.code(), error.outcome()), (ErrorCode::TimedOut, Outcome::Unknown), "{error}");
    broker.kill(0);
    let unsent = producer.enqueue("t", None::<&str>, "w")?;
    soon("flush", producer.flush()).await?;
    let error = soon("a delivery", unsent).await.unwrap_err();
    assert_eq!((error.code(), error.outcome()), (ErrorCode::TimedOut, Outcome::NotSent), "{error}");
    let early = producer.enqueue("unknown", None::<&str>, "w")?;
    assert_eq!(soon("a delivery", early).await.unwrap_err().code(), ErrorCode::TimedOut);
    assert_eq!(producer.stats().pending(), 0);
    Ok(())
}

// covers: F056 rust
#[tokio::test]
async fn close_is_bounded_and_says_what_was_left() -> Result<()> {
    let broker = broker();
    let producer = producer(broker.address()).await?;
    producer.refresh_metadata("t").await?;
    broker.on(Kind::PublishBatch).drop_answer();
    let first = producer.enqueue("t", None::<&str>, "under way")?;
    broker.until_received(Kind::PublishBatch, 1).await;
    let second = producer.enqueue("t", None::<&str>, "waits")?;
    let error = soon("close", producer.close_within(Duration::from_millis(100))).await.unwrap_err();
    assert_eq!((error.code(), error.outcome()), (ErrorCode::TimedOut, Outcome::Unknown));
    assert!(error.to_string().contains("2 records not delivered (t/0: 2)"), "{error}");
    assert_eq!(soon("a delivery", second).await.unwrap_err().outcome(), Outcome::NotSent);
    assert_eq!(soon("a delivery", first).await.unwrap_err().outcome(), Outcome::Unknown);
    assert_eq!(producer.enqueue("t", None::<&str>, "late").map(drop).unwrap_err().code(), ErrorCode::Closed);
    soon("a second close", producer.close()).await
}

/// It once waited for the answer to a question that nobody had any more.
#[tokio::test]
async fn close_does_not_wait_for_what_is_asked_of_a_topic() -> Result<()> {
    let broker = broker();
    let producer = producer(broker.address()).await?;
    broker.on(Kind::GetMetadata).drop_answer();
    let early = producer.enqueue("t", None::<&str>, "v")?;
    broker.until_received(Kind::GetMetadata, 1).await;
    producer.purge();
    assert_eq!(soon("a delivery", early).await.unwrap_err().code(), ErrorCode::Purged);
    tokio::time::timeout(Duration::from_secs(20), producer.close()).await.expect("close ends before its limit")
}

#[tokio::test]
async fn a_dropped_producer_delivers_in_the_background() -> Result<()> {
    let broker = broker();
    let producer = Producer::new(config(broker.address()).linger_ms(10_000).build()).await?;
    let delivery = producer.enqueue("t", None::<&str>, "v")?;
    drop(producer);
    assert!(soon("a delivery", delivery).await.is_ok());
    Ok(())
}

#[tokio::test]
async fn purge_gives_up_what_waits_and_nothing_else() -> Result<()> {
    let broker = broker();
    let producer = producer(broker.address()).await?;
    producer.refresh_metadata("t").await?;
    broker.on(Kind::PublishBatch).once().hold();
    let under_way = producer.enqueue("t", None::<&str>, "under way")?;
    broker.until_received(Kind::PublishBatch, 1).await;
    let waiting = producer.enqueue("t", None::<&str>, "waits")?;
    assert_eq!(producer.purge(), 1);
    assert_eq!(soon("a delivery", waiting).await.unwrap_err().code(), ErrorCode::Purged);
    broker.release();
    soon("a delivery", under_way).await?;
    assert_eq!(broker.records("t", 0).len(), 1);
    Ok(())
}

/// Records are handed over by threads that know nothing of tokio, and awaited there.
#[test]
fn records_are_handed_over_and_awaited_outside_of_the_runtime() {
    let broker = broker();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let producer = runtime.block_on(producer(broker.address())).unwrap();
    let topic = producer.topic("t");
    let delivered = futures_util::FutureExt::now_or_never;
    let delivery = topic.enqueue(None::<&str>, "v").unwrap();
    let metadata = futures_lite_block_on(delivery).unwrap();
    assert_eq!(metadata.partition, 0);
    assert!(delivered(producer.flush()).is_some(), "nothing is left");
    broker.on(Kind::PublishBatch).drop_answer();
    let lost = topic.enqueue(None::<&str>, "w").unwrap();
    runtime.shutdown_timeout(Duration::from_secs(5));
    let error = futures_lite_block_on(lost).unwrap_err();
    assert_eq!(error.code(), ErrorCode::RuntimeGone);
    let refused: Error = topic.enqueue(None::<&str>, "x").map(drop).unwrap_err();
    assert!(matches!(refused.code(), ErrorCode::Closed | ErrorCode::RuntimeGone), "{refused}");
}

/// Waits for a future on this thread, without any runtime.
fn futures_lite_block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut future = std::pin::pin!(future);
    loop {
        if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut std::task::Context::from_waker(&waker)) {
            return output;
        }
        std::thread::park();
    }
}

#[tokio::test]
async fn records_that_cannot_be_sent_are_refused_at_once() -> Result<()> {
    let broker = broker();
    let producer = producer(broker.address()).await?;
    let too_large = producer.enqueue("t", None::<&str>, vec![0; 11 << 20]).map(drop).unwrap_err();
    assert_eq!((too_large.code(), too_large.outcome()), (ErrorCode::RequestTooLarge, Outcome::NotSent));
    let bad_name = producer.send("no/topic", "v").await.unwrap_err();
    assert_eq!(bad_name.code(), ErrorCode::InvalidTopic);
    let strict = Producer::new(config(broker.address()).allow_auto_create_topics(false).build()).await?;
    let unknown = soon("a delivery", strict.send("absent", "v")).await.unwrap_err();
    assert_eq!(unknown.code(), ErrorCode::UnknownTopicOrPartition);
    let own = |_: &str, _: Option<&[u8]>, _: &[u8], partitions: u32| Some(partitions);
    let odd = Producer::new(config(broker.address()).partitioner(own).build()).await?;
    odd.refresh_metadata("t").await?;
    assert_eq!(odd.send("t", "v").await.unwrap_err().code(), ErrorCode::InvalidPartition);
    Ok(())
}

/// Records that come while the others are given up must not be taken for those of a runtime that has gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_does_not_exist_spoils_nothing_for_others() -> Result<()> {
    let broker = broker();
    let producer = Arc::new(Producer::new(config(broker.address()).allow_auto_create_topics(false).build()).await?);
    let hasty = {
        let producer = Arc::clone(&producer);
        std::thread::spawn(move || -> Vec<_> {
            (0..20_000).filter_map(|_| producer.enqueue("absent", None::<&str>, "v").ok()).collect()
        })
    };
    let deliveries = tokio::task::spawn_blocking(|| hasty.join().unwrap()).await.unwrap();
    for delivery in deliveries {
        let error = soon("a delivery", delivery).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::UnknownTopicOrPartition, "{error}");
    }
    soon("a delivery", producer.send("t", "v")).await.map(drop)
}

/// After a broker had taken no more connections for a while, all partitions stayed on the one that it had taken.
#[tokio::test]
async fn connections_that_were_refused_for_a_while_are_used_again() -> Result<()> {
    const CONNECTIONS: usize = 3;
    let broker = ScriptedBroker::builder().topic("t", 6).start().unwrap();
    let producer = Producer::new(config(broker.address()).connections_per_broker(CONNECTIONS).build()).await?;
    producer.refresh_metadata("t").await?;
    broker.on(Kind::Connect).after(1).close_connection();
    let send_to_all = async || {
        for partition in 0..6 {
            soon("a delivery", producer.send_to_partition("t", partition, None::<&str>, "value")).await?;
        }
        Ok::<_, Error>(())
    };
    send_to_all().await?;
    broker.clear_rules();
    let used_again = async {
        loop {
            broker.clear_requests();
            send_to_all().await?;
            let requests = broker.requests_of(Kind::PublishBatch);
            let used: HashSet<_> = requests.iter().map(|request| request.connection).collect();
            if used.len() == CONNECTIONS {
                return Ok::<_, Error>(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    soon("the use of all connections", used_again).await?;
    for partition in 0..6 {
        assert_eq!(broker.records("t", partition).len() as u64, producer.stats().records_delivered / 6);
    }
    Ok(())
}

#[tokio::test]
async fn refused_connections_are_gone_without() -> Result<()> {
    let broker = TestBroker::builder().max_connections_per_ip(4).default_partitions(8).start().unwrap();
    let producer = Producer::new(config(broker.address()).connections_per_broker(8).build()).await?;
    let topic = producer.topic("t");
    let deliveries: Vec<_> =
        (0..800u32).map(|record| topic.enqueue_to_partition(record % 8, None::<&str>, "v")).collect::<Result<_>>()?;
    for delivery in deliveries {
        soon("a delivery", delivery).await?;
    }
    Ok(())
}
