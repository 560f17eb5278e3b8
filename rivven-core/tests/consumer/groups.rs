//! Partitions that are divided among the members of a group.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use rivven_client::{
    Assignor, Client, Consumer, ConsumerConfigBuilder, ConsumerEvent, ErrorCode, RebalanceListener, Result,
    TopicPartition,
};
use rivven_testkit::{FaultProxy, Kind, Reply, ScriptedBroker, TestBroker};

use super::{config, event, publish, some, soon};

/// A configuration with which others are soon heard of, and missed.
fn member(server: impl Into<String>) -> ConsumerConfigBuilder {
    config(server).topic("t").session_timeout_ms(1500).heartbeat_interval_ms(100)
}

/// A broker with the topic `t`.
async fn broker(partitions: u32) -> Result<(TestBroker, Client)> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("t", Some(partitions)).await?;
    Ok((broker, client))
}

fn numbers(consumer: &Consumer) -> Vec<u32> {
    consumer.assignments().iter().map(|place| place.partition).collect()
}

/// Polls consumers until it is so; gives the offsets that each partition gave.
async fn poll_until(consumers: &[&Consumer], what: &str, is_so: impl Fn() -> bool) -> Vec<(u32, u64)> {
    let mut read = Vec::new();
    soon(what, async {
        while !is_so() {
            for consumer in consumers {
                let records = consumer.poll_timeout(Duration::from_millis(20)).await.unwrap();
                read.extend(records.views().map(|record| (record.partition, record.offset)));
            }
        }
    })
    .await;
    read
}

/// Polls consumers until they have given so many records, and gives their partitions and offsets.
async fn read_all(consumers: &[&Consumer], count: usize) -> Vec<(u32, u64)> {
    let mut read = Vec::new();
    soon("the records", async {
        while read.len() < count {
            for consumer in consumers {
                let records = consumer.poll_timeout(Duration::from_millis(20)).await.unwrap();
                read.extend(records.views().map(|record| (record.partition, record.offset)));
            }
        }
    })
    .await;
    read
}

// covers: F097 rust
#[tokio::test]
async fn members_divide_the_partitions_and_each_record_is_read_once() -> Result<()> {
    let (broker, client) = broker(6).await?;
    let (one, other) = (Consumer::new(member(broker.address()).build()).await?, member(broker.address()));
    poll_until(&[&one], "all partitions", || numbers(&one).len() == 6).await;
    for partition in 0..6 {
        publish(&client, "t", partition, 0..10).await?;
    }
    let mut read = read_all(&[&one], 60).await;
    let other = Consumer::new(other.build()).await?;
    let halves = || numbers(&one).len() == 3 && numbers(&other).len() == 3;
    read.extend(poll_until(&[&one, &other], "two halves", halves).await);
    assert_eq!((numbers(&one).len(), numbers(&other).len()), (3, 3));
    let both: BTreeSet<u32> = numbers(&one).into_iter().chain(numbers(&other)).collect();
    assert_eq!(both, (0..6).collect());
    for partition in 0..6 {
        publish(&client, "t", partition, 10..20).await?;
    }
    read.extend(read_all(&[&one, &other], 60).await);
    one.close().await?;
    read.extend(poll_until(&[&other], "the rest", || numbers(&other).len() == 6).await);
    for partition in 0..6 {
        publish(&client, "t", partition, 20..21).await?;
    }
    read.extend(read_all(&[&other], 6).await);
    let each: BTreeSet<_> = read.iter().copied().collect();
    assert_eq!((read.len(), each.len()), (126, 126), "nothing twice between clean changes");
    other.close().await
}

// covers: F093 rust, F095 rust
#[tokio::test]
async fn a_member_that_is_cut_off_loses_its_partitions_to_others_and_comes_back() -> Result<()> {
    let (broker, client) = broker(2).await?;
    publish(&client, "t", 0, 0..1).await?;
    let proxy = FaultProxy::start(broker.address()).unwrap();
    let cut_off = Consumer::new(member(proxy.address()).enable_auto_commit(false).build()).await?;
    let mut events = cut_off.events();
    poll_until(&[&cut_off], "all partitions", || numbers(&cut_off).len() == 2).await;
    let other = Consumer::new(member(broker.address()).build()).await?;
    poll_until(&[&cut_off, &other], "a half each", || numbers(&cut_off).len() == 1 && numbers(&other).len() == 1).await;
    proxy.stall();
    poll_until(&[&other], "the other half", || numbers(&other).len() == 2).await;
    assert_eq!(cut_off.assignments(), [], "nothing is read that others may read");
    let late = cut_off.commit_offsets(&[("t", 0, 1)]).await.unwrap_err();
    assert_eq!(late.code(), ErrorCode::NotAssigned);
    proxy.resume();
    soon("a half", async {
        while numbers(&cut_off).len() != 1 || numbers(&other).len() != 1 {
            // The first polls may say what became of requests that were stalled.
            let _ = cut_off.poll_timeout(Duration::from_millis(20)).await;
            let _ = other.poll_timeout(Duration::from_millis(20)).await;
        }
    })
    .await;
    let lost = |event| matches!(event, ConsumerEvent::Lost { .. }).then_some(());
    event(&mut events, lost).await;
    cut_off.close().await?;
    other.close().await
}

// covers: F094 rust
#[tokio::test]
async fn a_member_that_does_not_let_go_is_not_waited_for_longer_than_the_rebalance_timeout() -> Result<()> {
    let (broker, client) = broker(2).await?;
    publish(&client, "t", 0, 0..3).await?;
    let slow = Consumer::new(member(broker.address()).rebalance_timeout_ms(500).build()).await?;
    poll_until(&[&slow], "all partitions", || numbers(&slow).len() == 2).await;
    let other = Consumer::new(member(broker.address()).rebalance_timeout_ms(500).build()).await?;
    // Its heartbeats go on, but nobody polls it any more.
    poll_until(&[&other], "all partitions", || numbers(&other).len() == 2).await;
    assert_eq!(slow.assignments(), []);
    assert_eq!(slow.commit_offsets(&[("t", 0, 1)]).await.unwrap_err().code(), ErrorCode::NotAssigned);
    poll_until(&[&slow, &other], "a half each", || numbers(&slow).len() == 1 && numbers(&other).len() == 1).await;
    Ok(())
}

/// They were announced, and nobody polled until they were others' already.
#[tokio::test]
async fn partitions_that_were_lost_before_a_poll_took_them_on_are_not_kept() -> Result<()> {
    let broker = ScriptedBroker::builder().topic("t", 2).start().unwrap();
    let slow = Consumer::new(member(broker.address()).rebalance_timeout_ms(500).build()).await?;
    let notes = Notes::default();
    slow.set_rebalance_listener(notes.clone());
    slow.poll_timeout(Duration::ZERO).await?;
    // It sends heartbeats once it has its part.
    soon("a heartbeat", broker.until_received(Kind::Heartbeat, 1)).await;
    let other = Consumer::new(member(broker.address()).rebalance_timeout_ms(500).build()).await?;
    poll_until(&[&other], "all partitions", || numbers(&other).len() == 2).await;
    poll_until(&[&slow, &other], "a half each", || numbers(&slow).len() == 1 && numbers(&other).len() == 1).await;
    assert_ne!(numbers(&slow), numbers(&other));
    assert_eq!(notes.0.lock().unwrap()[..2], ["assigned t/0 t/1", "lost t/0 t/1"]);
    Ok(())
}

#[tokio::test]
async fn partitions_that_the_program_chooses_do_not_go_with_those_that_the_group_takes_away() -> Result<()> {
    let broker = ScriptedBroker::builder().topic("t", 2).start().unwrap();
    let consumer = Consumer::new(member(broker.address()).rebalance_timeout_ms(300).build()).await?;
    poll_until(&[&consumer], "all partitions", || numbers(&consumer).len() == 2).await;
    consumer.unsubscribe()?;
    consumer.assign(&[TopicPartition::new("t", 0)])?;
    // Nobody polls, so it leaves when the others would not wait for it any longer.
    soon("the end of the membership", broker.until_received(Kind::LeaveGroup, 1)).await;
    assert_eq!(numbers(&consumer), [0]);
    broker.append("t", 0, None, b"v");
    assert_eq!(read_all(&[&consumer], 1).await, [(0, 0)]);
    Ok(())
}

#[tokio::test]
async fn a_program_that_does_not_poll_loses_its_partitions_and_is_told_by_the_next_poll() -> Result<()> {
    // In the second case they are lost before it is too late for the program.
    for rebalance_timeout_ms in [30_000, 200] {
        let (broker, client) = broker(2).await?;
        publish(&client, "t", 0, 0..3).await?;
        let member = || member(broker.address()).rebalance_timeout_ms(rebalance_timeout_ms);
        let late = Consumer::new(member().max_processing_interval(Duration::from_millis(1500)).build()).await?;
        let notes = Notes::default();
        late.set_rebalance_listener(notes.clone());
        let mut events = late.events();
        poll_until(&[&late], "all partitions", || numbers(&late).len() == 2).await;
        let other = Consumer::new(member().build()).await?;
        poll_until(&[&other], "all partitions", || numbers(&other).len() == 2).await;
        event(&mut events, |event| matches!(event, ConsumerEvent::PollTooLate { .. }).then_some(())).await;
        assert_eq!(late.poll().await.unwrap_err().code(), ErrorCode::PollTooLate);
        poll_until(&[&late, &other], "a half each", || numbers(&late).len() == 1 && numbers(&other).len() == 1).await;
        assert_eq!(notes.0.lock().unwrap()[..2], ["assigned t/0 t/1", "lost t/0 t/1"]);
        soon("close", late.close()).await?;
    }
    Ok(())
}

/// It was to find itself in no group any more, and nobody was to wait for it.
#[tokio::test]
async fn a_program_that_does_not_poll_while_the_broker_forgets_its_group_joins_again() -> Result<()> {
    let (mut broker, _) = broker(2).await?;
    let late = member(broker.address()).max_reconnect_attempts(1_000_000);
    let late = Consumer::new(late.max_processing_interval(Duration::from_millis(2500)).build()).await?;
    let mut events = late.events();
    poll_until(&[&late], "all partitions", || numbers(&late).len() == 2).await;
    broker.restart().unwrap();
    event(&mut events, |event| matches!(event, ConsumerEvent::PollTooLate { .. }).then_some(())).await;
    // It knows only now that these are not its own any more.
    assert_eq!(late.poll().await.unwrap_err().code(), ErrorCode::PollTooLate);
    poll_until(&[&late], "all partitions again", || numbers(&late).len() == 2).await;
    soon("close", late.close()).await
}

/// Its poll has begun, and goes on only when somebody awaits it.
#[tokio::test]
async fn a_stream_that_nobody_comes_back_to_does_not_count_as_a_program_that_polls() -> Result<()> {
    let (broker, _) = broker(2).await?;
    let late = member(broker.address()).max_processing_interval(Duration::from_millis(700));
    let late = Consumer::new(late.build()).await?;
    let mut stream = late.stream();
    soon("all partitions", async {
        while numbers(&late).len() < 2 {
            let next = tokio::time::timeout(Duration::from_millis(20), stream.next()).await;
            assert!(next.is_err(), "there is no record: {next:?}");
        }
    })
    .await;
    let other = Consumer::new(member(broker.address()).build()).await?;
    poll_until(&[&other], "all partitions", || numbers(&other).len() == 2).await;
    let error = soon("the error", stream.next()).await.unwrap().unwrap_err();
    assert_eq!(error.code(), ErrorCode::PollTooLate);
    Ok(())
}

#[tokio::test]
async fn a_broker_that_is_restarted_is_joined_again() -> Result<()> {
    let (mut broker, client) = broker(4).await?;
    let patient = || member(broker.address()).max_reconnect_attempts(1_000_000);
    let (one, other) = (Consumer::new(patient().build()).await?, Consumer::new(patient().build()).await?);
    let halves = || numbers(&one).len() == 2 && numbers(&other).len() == 2;
    poll_until(&[&one, &other], "two halves", halves).await;
    drop(client);
    let rebalances = one.stats().rebalances;
    broker.restart().unwrap();
    poll_until(&[&one, &other], "a new group", || one.stats().rebalances >= rebalances + 2 && halves()).await;
    let client = Client::connect(broker.address()).await?;
    for partition in 0..4 {
        publish(&client, "t", partition, 0..1).await?;
    }
    let read: BTreeSet<_> = read_all(&[&one, &other], 4).await.into_iter().collect();
    assert_eq!(read, (0..4).map(|partition| (partition, 0)).collect());
    Ok(())
}

/// Notes what it is told.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn add(&self, what: &str, partitions: &[TopicPartition]) {
        let partitions: Vec<_> = partitions.iter().map(ToString::to_string).collect();
        self.0.lock().unwrap().push(format!("{what} {}", partitions.join(" ")));
    }
}

#[async_trait]
impl RebalanceListener for Notes {
    async fn on_partitions_assigned(&self, partitions: &[TopicPartition]) {
        self.add("assigned", partitions);
    }

    async fn on_partitions_revoked(&self, partitions: &[TopicPartition]) {
        self.add("revoked", partitions);
    }

    async fn on_partitions_lost(&self, partitions: &[TopicPartition]) {
        self.add("lost", partitions);
    }
}

// covers: F099 rust
#[tokio::test]
async fn members_that_want_different_topics_are_given_those_and_told_of_each_change() -> Result<()> {
    let (broker, client) = broker(2).await?;
    client.create_topic("u", Some(1)).await?;
    let notes = Notes::default();
    let one = member(broker.address()).partition_assignment_strategy(Assignor::Sticky);
    let one = Consumer::new(one.build()).await?;
    one.set_rebalance_listener(notes.clone());
    poll_until(&[&one], "all partitions", || numbers(&one).len() == 2).await;
    let other = config(broker.address()).topic("u").session_timeout_ms(1500).heartbeat_interval_ms(100);
    let other = Consumer::new(other.build()).await?;
    let of_u = [TopicPartition::new("u", 0)];
    poll_until(&[&one, &other], "a topic each", || other.assignments() == of_u && numbers(&one).len() == 2).await;
    one.subscribe(&["u"])?;
    let only_one = || one.assignments().len() + other.assignments().len() == 1;
    poll_until(&[&one, &other], "one topic", || one.stats().rebalances >= 5 && only_one()).await;
    one.unsubscribe()?;
    poll_until(&[&other], "the topic", || other.assignments() == of_u).await;
    let told = notes.0.lock().unwrap().clone();
    assert_eq!(&told[..4], ["assigned t/0 t/1", "revoked t/0 t/1", "assigned t/0 t/1", "revoked t/0 t/1"]);
    one.close().await?;
    other.close().await
}

/// They wait to be polled when the program chooses other topics, and the group learns of it later.
#[tokio::test]
async fn records_of_topics_that_are_not_subscribed_to_any_more_are_not_given() -> Result<()> {
    let (broker, client) = broker(1).await?;
    client.create_topic("u", Some(1)).await?;
    publish(&client, "t", 0, 0..3).await?;
    let consumer = Consumer::new(member(broker.address()).max_poll_records(1).build()).await?;
    read_all(&[&consumer], 1).await;
    consumer.subscribe(&["u"])?;
    publish(&client, "u", 0, 0..1).await?;
    let records = some(&consumer).await;
    assert_eq!((&*records[0].topic, records[0].offset), ("u", 0));
    assert_eq!(client.get_offset("tests", "t", 0).await?, Some(1));
    consumer.subscribe(&["t", "u"])?;
    let records = some(&consumer).await;
    assert_eq!((&*records[0].topic, records[0].offset), ("t", 1));
    // What is chosen by the program itself is wanted, whatever the group was told last.
    consumer.subscribe(&["u"])?;
    consumer.unsubscribe()?;
    consumer.assign(&[TopicPartition::new("t", 0)])?;
    let records = some(&consumer).await;
    assert_eq!((&*records[0].topic, records[0].offset), ("t", 2));
    consumer.close().await
}

/// Two streams of one consumer: the one had them in hand when the other one learned that they were another's.
#[tokio::test]
async fn a_stream_gives_nothing_of_partitions_that_were_given_back() -> Result<()> {
    let (broker, client) = broker(1).await?;
    publish(&client, "t", 0, 0..3).await?;
    let consumer = Consumer::new(member(broker.address()).build()).await?;
    let (mut one, mut other) = (consumer.stream(), consumer.stream());
    assert_eq!(soon("a record", one.next()).await.unwrap()?.offset, 0);
    client.create_topic("u", Some(1)).await?;
    consumer.subscribe(&["u"])?;
    publish(&client, "u", 0, 0..1).await?;
    assert_eq!(&*soon("a record", other.next()).await.unwrap()?.topic, "u");
    assert_eq!(one.try_next().map(|record| record.offset), None);
    drop((one, other));
    consumer.close().await
}

// covers: F099 rust
#[tokio::test]
async fn a_consumer_that_unsubscribes_and_is_closed_tells_of_its_partitions() -> Result<()> {
    let (broker, client) = broker(2).await?;
    publish(&client, "t", 0, 0..1).await?;
    let consumer = Consumer::new(member(broker.address()).build()).await?;
    let notes = Notes::default();
    consumer.set_rebalance_listener(notes.clone());
    read_all(&[&consumer], 1).await;
    consumer.unsubscribe()?;
    soon("close", consumer.close()).await?;
    assert_eq!(*notes.0.lock().unwrap(), ["assigned t/0 t/1", "revoked t/0 t/1"]);
    assert_eq!(client.get_offset("tests", "t", 0).await?, Some(1));
    Ok(())
}

#[tokio::test]
async fn a_rebalance_is_no_failure() -> Result<()> {
    let (broker, _) = broker(4).await?;
    let (one, other) = (Consumer::new(member(broker.address()).build()).await?, member(broker.address()));
    poll_until(&[&one], "all partitions", || numbers(&one).len() == 4).await;
    let other = Consumer::new(other.build()).await?;
    poll_until(&[&one, &other], "two halves", || numbers(&one).len() == 2 && numbers(&other).len() == 2).await;
    one.close().await?;
    poll_until(&[&other], "the rest", || numbers(&other).len() == 4).await;
    other.close().await?;
    for stats in [one.stats(), other.stats()] {
        assert_eq!((stats.errors, stats.last_error.map(|error| error.to_string())), (0, None));
    }
    Ok(())
}

/// Gives a member that may go on the time to do so.
struct Slow(Arc<ScriptedBroker>);

#[async_trait]
impl RebalanceListener for Slow {
    async fn on_partitions_assigned(&self, _: &[TopicPartition]) {}

    async fn on_partitions_revoked(&self, _: &[TopicPartition]) {
        let joined = self.0.until_received(Kind::JoinGroup, 1);
        let _ = tokio::time::timeout(Duration::from_millis(300), joined).await;
    }
}

/// The group had asked for the partitions already, and no poll had been told.
#[tokio::test]
async fn close_gives_partitions_back_that_the_group_waits_for_once_all_is_committed() -> Result<()> {
    let broker = Arc::new(ScriptedBroker::builder().topic("t", 1).topic("u", 1).start().unwrap());
    broker.append("t", 0, None, b"v");
    let consumer = Consumer::new(member(broker.address()).build()).await?;
    consumer.set_rebalance_listener(Slow(Arc::clone(&broker)));
    read_all(&[&consumer], 1).await;
    broker.clear_requests();
    broker.on(Kind::JoinGroup).hold();
    consumer.subscribe(&["t", "u"])?;
    // The second one at the latest is sent by a member that waits for its consumer to let go.
    soon("heartbeats", broker.until_received(Kind::Heartbeat, 2)).await;
    soon("close", consumer.close()).await?;
    assert_eq!(broker.committed_offset(0, "tests", "t", 0), Some(1));
    broker.release();
    Ok(())
}

/// The commit behind that was under way.
#[tokio::test]
async fn a_listener_is_told_once_of_what_a_poll_has_told_it_that_was_given_up() -> Result<()> {
    for closes in [false, true] {
        let broker = ScriptedBroker::builder().topic("t", 1).topic("u", 1).start().unwrap();
        broker.append("t", 0, None, b"v");
        let consumer = Consumer::new(member(broker.address()).build()).await?;
        let notes = Notes::default();
        consumer.set_rebalance_listener(notes.clone());
        read_all(&[&consumer], 1).await;
        broker.on(Kind::CommitOffset).once().hold();
        consumer.subscribe(&["u"])?;
        tokio::select! {
            polled = consumer.poll_timeout(super::PATIENCE) => unreachable!("the commit is held: {polled:?}"),
            () = soon("the commit", broker.until_received(Kind::CommitOffset, 1)) => {}
        }
        broker.release();
        let of_u = [TopicPartition::new("u", 0)];
        match closes {
            true => soon("close", consumer.close()).await?,
            false => _ = poll_until(&[&consumer], "the other topic", || consumer.assignments() == of_u).await,
        }
        let told = notes.0.lock().unwrap().clone();
        let expected: &[_] =
            if closes { &["assigned t/0", "revoked t/0"] } else { &["assigned t/0", "revoked t/0", "assigned u/0"] };
        assert_eq!(told, expected);
    }
    Ok(())
}

// covers: F092 rust
#[tokio::test]
async fn a_broker_that_is_gone_is_the_error_of_a_poll_after_so_many_attempts_and_not_before() -> Result<()> {
    let broker = ScriptedBroker::builder().topic("t", 1).start().unwrap();
    let gone = Consumer::new(member(broker.address()).max_reconnect_attempts(3).build()).await?;
    let patient = Consumer::new(member(broker.address()).max_reconnect_attempts(1_000_000).build()).await?;
    poll_until(&[&gone, &patient], "the partition", || numbers(&gone).len() + numbers(&patient).len() == 1).await;
    broker.kill(0);
    let error = soon("the error", gone.poll_timeout(super::PATIENCE)).await.unwrap_err();
    assert!(error.is_retriable(), "{error}");
    soon("an empty poll", patient.poll_timeout(Duration::from_millis(500))).await?;
    broker.revive(0).unwrap();
    soon("the partition", async {
        while numbers(&gone).len() + numbers(&patient).len() != 1 || gone.stats().rebalances < 3 {
            let _ = gone.poll_timeout(Duration::from_millis(20)).await;
            patient.poll_timeout(Duration::from_millis(20)).await.unwrap();
        }
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn what_the_broker_refuses_to_a_member_is_the_error_of_a_poll() -> Result<()> {
    let broker = ScriptedBroker::builder().topic("t", 1).start().unwrap();
    broker.append("t", 0, None, b"v");
    broker.on(Kind::JoinGroup).answer(Reply::error("AUTHORIZATION_FAILED: no access to group tests"));
    let consumer = Consumer::new(member(broker.address()).build()).await?;
    let refused = soon("the error", consumer.poll_timeout(Duration::from_millis(300))).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::AuthorizationFailed);
    broker.clear_rules();
    soon("the partition", async {
        while numbers(&consumer).is_empty() {
            let _ = consumer.poll_timeout(Duration::from_millis(20)).await;
        }
    })
    .await;
    consumer.close().await
}
