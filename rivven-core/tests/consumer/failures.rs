//! Connections that fail, brokers that come back, leaders that move, and quotas.

use std::time::Duration;

use rivven_client::{AutoOffsetReset, Client, Consumer, ConsumerConfigBuilder, ConsumerEvent, ErrorCode, Result};
use rivven_testkit::{FaultProxy, Faults, Kind, Plan, Reply, ScriptedBroker, TestBroker};

use super::{config, consumer, event, offsets, publish, soon};

fn broker() -> ScriptedBroker {
    ScriptedBroker::builder().topic("t", 1).start().unwrap()
}

// covers: F101 rust
#[tokio::test]
async fn a_lost_connection_is_made_anew_and_reading_goes_on() -> Result<()> {
    let broker = broker();
    let consumer = consumer(broker.address()).await?;
    for number in 0..5 {
        broker.append("t", 0, None, b"v");
        assert_eq!(offsets(&consumer, 1).await, [number]);
        if number % 2 == 0 { broker.close_connections(0) } else { broker.reset_connections(0) }
    }
    assert!(consumer.stats().reconnects > 0);
    consumer.close().await
}

// covers: F101 rust
#[tokio::test]
async fn a_broker_that_comes_back_is_read_on() -> Result<()> {
    let mut broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("t", Some(1)).await?;
    publish(&client, "t", 0, 0..100).await?;
    let config = config(broker.address()).assign("t", vec![0]).max_reconnect_attempts(1_000_000);
    let consumer = Consumer::new(config.build()).await?;
    assert_eq!(offsets(&consumer, 100).await.len(), 100);
    broker.restart().unwrap();
    let client = Client::connect(broker.address()).await?;
    publish(&client, "t", 0, 100..200).await?;
    assert_eq!(offsets(&consumer, 100).await, (100..200).collect::<Vec<_>>());
    consumer.close().await
}

// covers: F090 rust, F091 rust, F092 rust
#[tokio::test]
async fn attempts_that_are_used_up_are_an_error_and_the_next_poll_begins_anew() -> Result<()> {
    let broker = broker();
    broker.append("t", 0, None, b"v");
    let config = config(broker.address()).assign("t", vec![0]).max_reconnect_attempts(3);
    let consumer = Consumer::new(config.build()).await?;
    assert_eq!(offsets(&consumer, 1).await, [0]);
    broker.kill(0);
    for _ in 0..2 {
        let error = soon("the error", consumer.poll_timeout(super::PATIENCE)).await.unwrap_err();
        assert!(error.is_retriable() && error.code() != ErrorCode::TimedOut, "{error}");
    }
    broker.revive(0).unwrap();
    broker.append("t", 0, None, b"v");
    soon("the record", async {
        loop {
            match consumer.poll().await {
                Ok(records) if !records.is_empty() => return assert_eq!(records[0].offset, 1),
                _ => {}
            }
        }
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error_of_the_first_poll_too() -> Result<()> {
    let broker = broker();
    let address = broker.address();
    broker.kill(0);
    let config = config(address.clone()).assign("t", vec![0]).max_reconnect_attempts(2);
    let error = Consumer::new(config.clone().build()).await.map(drop).unwrap_err();
    assert!(error.is_retriable(), "{error}");
    let consumer = Consumer::unconnected(config.build()?)?;
    let error = soon("the error", consumer.poll_timeout(super::PATIENCE)).await.unwrap_err();
    assert!(error.to_string().contains(&address), "{error}");
    Ok(())
}

#[tokio::test]
async fn the_leader_is_followed() -> Result<()> {
    let broker = ScriptedBroker::builder().nodes(3).topic("t", 3).start().unwrap();
    let config = config(broker.address_of(0)).bootstrap_servers(broker.addresses().to_vec()).assign("t", vec![0, 1, 2]);
    let consumer = Consumer::new(config.build()).await?;
    for round in 0..4u32 {
        for partition in 0..3 {
            broker.append("t", partition, None, b"v");
            assert_eq!(offsets(&consumer, 1).await, [u64::from(round)]);
            broker.move_leader("t", partition, ((round + partition + 1) % 3) as usize);
        }
    }
    broker.kill(1);
    broker.fail_over(1);
    for partition in 0..3 {
        broker.append("t", partition, None, b"v");
        assert_eq!(offsets(&consumer, 1).await, [4]);
    }
    Ok(())
}

#[tokio::test]
async fn a_throttled_partition_pauses_and_the_others_go_on() -> Result<()> {
    let broker = ScriptedBroker::builder().topic("t", 2).start().unwrap();
    broker.append("t", 0, None, b"v");
    broker.on(Kind::Consume).partition(0).times(3).answer(Reply::throttled_ms(20));
    let config = config(broker.address()).assign("t", vec![0, 1]);
    let consumer = Consumer::unconnected(config.build()?)?;
    let mut events = consumer.events();
    let throttled = |event| match event {
        ConsumerEvent::Throttled { partition, pause } => Some((partition.partition, pause)),
        _ => None,
    };
    assert_eq!(event(&mut events, throttled).await, (0, Duration::from_millis(20)));
    broker.append("t", 1, None, b"v");
    let first = super::some(&consumer).await;
    assert_eq!(first.len() + if first.len() < 2 { super::some(&consumer).await.len() } else { 0 }, 2);
    assert_eq!(consumer.stats().throttled, 3);
    Ok(())
}

#[tokio::test]
async fn a_topic_that_does_not_exist_is_told_and_read_once_it_does() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let config = config(broker.address()).assign("later", vec![0]).max_poll_interval_ms(100);
    let consumer = Consumer::new(config.build()).await?;
    let error = soon("the reason", consumer.poll()).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::UnknownTopicOrPartition);
    let client = Client::connect(broker.address()).await?;
    client.create_topic("later", Some(1)).await?;
    publish(&client, "later", 0, 0..1).await?;
    soon("the record", async { while consumer.poll().await.map_or(true, |records| records.is_empty()) {} }).await;
    Ok(())
}

/// An answer that makes no sense ends its connection, and nothing of it is given.
#[tokio::test]
async fn whatever_a_connection_suffers_every_record_comes_once() -> Result<()> {
    let broker = broker();
    let rules: [fn(rivven_testkit::On<'_>); 7] = [
        |on| on.wrong_id(),
        |on| on.twice(),
        |on| on.truncate(20),
        |on| on.raw(vec![0xff; 64]),
        |on| on.close_connection(),
        |on| on.reset_connection(),
        |on| on.answer(Reply::response(&rivven_client::Response::Pong)),
    ];
    let consumer = consumer(broker.address()).await?;
    for (number, rule) in rules.into_iter().enumerate() {
        rule(broker.on(Kind::Consume).once());
        broker.append("t", 0, None, b"v");
        assert_eq!(offsets(&consumer, 1).await, [number as u64]);
    }
    consumer.close().await
}

#[tokio::test]
async fn a_connection_that_is_silent_is_given_up_in_time() -> Result<()> {
    let broker = broker();
    broker.append("t", 0, None, b"v");
    broker.on(Kind::Consume).once().drop_answer();
    let config = config(broker.address()).assign("t", vec![0]).request_timeout(Duration::from_millis(200));
    let consumer = Consumer::new(config.build()).await?;
    assert_eq!(offsets(&consumer, 1).await, [0]);
    Ok(())
}

#[tokio::test]
async fn through_a_bad_network_every_record_comes_once_and_in_order() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("t", Some(3)).await?;
    for partition in 0..3 {
        publish(&client, "t", partition, 0..2000).await?;
    }
    for (number, faults) in [
        Faults::default().cut_after(40_000),
        Faults::default().reset_after(30_000),
        Faults::default().half_close_after(30_000),
        Faults::default().split(7),
    ]
    .into_iter()
    .enumerate()
    {
        let proxy = FaultProxy::start(broker.address()).unwrap();
        proxy.set_plan(move |_| Plan::default().to_client(faults.clone()));
        let config = config(proxy.address()).assign("t", vec![0, 1, 2]).group_id(format!("g{number}"));
        let consumer =
            Consumer::new(config.max_reconnect_attempts(1_000_000).connections_per_broker(2).build()).await?;
        let mut next = [0u64; 3];
        while next.iter().sum::<u64>() < 6000 {
            for record in super::some(&consumer).await.views() {
                let expected = &mut next[record.partition as usize];
                assert_eq!(record.offset, *expected, "partition {} under {number}", record.partition);
                *expected += 1;
            }
        }
        drop(consumer);
    }
    Ok(())
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn a_consumer_logs_in_over_tls() -> Result<()> {
    let broker = TestBroker::builder().secure().user("alice", "Correct-Horse-7", &["admin"]).start().unwrap();
    let tls = rivven_client::TlsConfig::builder().ca_cert_path(broker.info().ca_cert.clone().unwrap()).build()?;
    let config = config(broker.address()).tls(tls, None).topic("t");
    let consumer = Consumer::new(config.clone().auth("alice", "Correct-Horse-7").build()).await?;
    let producer = rivven_client::ProducerConfig::builder()
        .bootstrap_servers(vec![broker.address().to_owned()])
        .tls(consumer.config().tls_config.clone().unwrap(), None)
        .auth("alice", "Correct-Horse-7");
    let producer = rivven_client::Producer::new(producer.build()).await?;
    producer.send("t", "secret").await?;
    assert_eq!(&super::values(&consumer, 1).await[0][..], b"secret");
    let refused = Consumer::new(config.auth("alice", "Wrong-Horse-7").build()).await.map(drop).unwrap_err();
    assert_eq!(refused.outcome(), rivven_client::Outcome::Rejected, "{refused}");
    assert!(!format!("{consumer:?} {refused:?}").contains("Horse"));
    Ok(())
}

#[tokio::test]
async fn a_broker_that_does_not_answer_is_told_long_before_the_request_times_out() -> Result<()> {
    let broker = broker();
    broker.append("t", 0, None, b"v");
    broker.on(Kind::Consume).once().hold();
    let config = config(broker.address()).assign("t", vec![0]).max_poll_interval_ms(100);
    let consumer = Consumer::new(config.build()).await?;
    let mut events = consumer.events();
    let stalled = |event| match event {
        ConsumerEvent::Stalled { partition, since, .. } => Some((partition.partition, since)),
        _ => None,
    };
    let (partition, since) = event(&mut events, stalled).await;
    assert!(partition == 0 && since >= Duration::from_millis(300), "{since:?}");
    broker.release();
    assert_eq!(offsets(&consumer, 1).await, [0]);
    Ok(())
}

/// The broker takes three connections and closes every further one without a byte.
#[tokio::test]
async fn a_broker_that_takes_few_connections_is_read_by_those() -> Result<()> {
    let broker = ScriptedBroker::builder().topic("t", 8).max_connections(4).start().unwrap();
    let config = config(broker.address()).assign("t", (0..8).collect()).max_reconnect_attempts(1_000_000);
    let consumer = Consumer::unconnected(config.build()?)?;
    let mut events = consumer.events();
    let mut next = [0; 8];
    for round in 0..3 {
        (0..8).for_each(|partition| _ = broker.append("t", partition, None, b"v"));
        while next.iter().any(|offset| *offset <= round) {
            for record in super::some(&consumer).await.views() {
                assert_eq!(record.offset, next[record.partition as usize]);
                next[record.partition as usize] += 1;
            }
        }
    }
    let fewer = |event| match event {
        ConsumerEvent::FewerConnections { connections, .. } => Some(connections),
        _ => None,
    };
    assert!(event(&mut events, fewer).await < 8);
    Ok(())
}

/// A consumer of both partitions of `t`, whose first one has more records than are polled.
async fn with_much_to_poll(broker: &ScriptedBroker, config: ConsumerConfigBuilder) -> Result<Consumer> {
    (0..1000).for_each(|_| _ = broker.append("t", 0, None, b"v"));
    Consumer::new(config.assign("t", vec![0, 1]).max_poll_records(1).build()).await
}

/// Waits for something that happens while nobody polls.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    soon(what, async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_partition_that_cannot_be_read_is_told_while_others_have_records() -> Result<()> {
    let broker = ScriptedBroker::builder().topic("t", 2).start().unwrap();
    let found = Reply::response(&rivven_client::Response::Offset { offset: Some(0) });
    broker.on(Kind::GetOffset).partition(0).answer(found);
    let config = config(broker.address()).auto_offset_reset(AutoOffsetReset::Error);
    let consumer = with_much_to_poll(&broker, config).await?;
    until("both", || consumer.stats().errors > 0 && consumer.stats().records_waiting > 10).await;
    assert!(consumer.poll_now().is_none(), "a poll that may fail is to be made");
    assert_eq!(consumer.poll().await.unwrap_err().code(), ErrorCode::NoOffset);
    assert_eq!(offsets(&consumer, 2).await, [0, 1], "once");
    assert!(consumer.poll_now().is_some());
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_gone_is_told_and_tried_again_while_others_have_records() -> Result<()> {
    let broker = ScriptedBroker::builder().nodes(2).topic("t", 2).start().unwrap();
    let config = config(broker.address_of(0)).auto_offset_reset(AutoOffsetReset::Earliest).max_reconnect_attempts(2);
    let consumer = with_much_to_poll(&broker, config).await?;
    until("a request", || broker.requests_of(Kind::Consume).iter().any(|request| request.node == 1)).await;
    broker.kill(1);
    until("both", || consumer.stats().errors > 1 && consumer.stats().records_waiting > 10).await;
    let error = soon("the error", async {
        loop {
            assert!(consumer.stats().records_waiting > 0);
            if let Err(error) = consumer.poll().await {
                return error;
            }
            broker.append("t", 0, None, b"v");
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(error.is_retriable(), "{error}");
    broker.revive(1).unwrap();
    broker.append("t", 1, None, b"v");
    soon("the other partition", async {
        loop {
            match consumer.poll().await {
                Ok(records) if records.iter().any(|record| record.partition == 1) => return,
                _ => tokio::task::yield_now().await,
            }
            broker.append("t", 0, None, b"v");
        }
    })
    .await;
    Ok(())
}
