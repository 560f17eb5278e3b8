//! The pool: how many connections there are, and who gets them.

use std::time::Duration;

use futures_util::future::join_all;
use rivven_client::ops::Ping;
use rivven_client::{ErrorCode, Outcome, ResilientClient, Result};
use rivven_testkit::{Kind, ScriptedBroker, TestBroker};

use crate::{client, config, until};

fn broker() -> ScriptedBroker {
    ScriptedBroker::builder().topic("t", 2).start().unwrap()
}

// covers: F010 rust, F035 rust
#[tokio::test]
async fn a_long_poll_holds_up_nobody() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = client(&[broker.address().to_owned()]);
    client.create_topic("t", Some(1)).await?;
    let poll = client.consume_long_poll("t", 0, 0, 10, None, 30_000);
    let others = async {
        until("the poll is under way", async || client.stats().await.active_connections == 1).await;
        client.ping().await?;
        assert!(client.consume("t", 0, 0, 10).await?.is_empty());
        client.commit_offset("g", "t", 0, 0).await?;
        assert_eq!(client.stats().await.active_connections, 1, "the poll is still under way");
        client.publish_to_partition("t", 0, None::<&str>, "v").await
    };
    let (polled, written) = tokio::join!(poll, others);
    assert_eq!((polled?[0].value.as_ref(), written?), (&b"v"[..], 0));
    Ok(())
}

// covers: F021 rust, F035 rust
#[tokio::test]
async fn no_more_connections_are_opened_than_allowed() -> Result<()> {
    for size in [1, 2, 3, 4, 6] {
        let broker = broker();
        let client = ResilientClient::new(config(&[broker.address()]).pool_size_per_server(size).build());
        let writes = join_all((0..100).map(|_| client.publish_to_partition("t", 0, None::<&str>, "v")));
        let reads = join_all((0..100).map(|_| client.consume("t", 0, 0, 10)));
        let commits = join_all((0..100).map(|_| client.commit_offset("g", "t", 0, 0)));
        let pings = join_all((0..100).map(|_| client.ping()));
        let (writes, reads, commits, pings) = tokio::join!(writes, reads, commits, pings);
        writes.into_iter().try_for_each(|write| write.map(drop))?;
        reads.into_iter().try_for_each(|read| read.map(drop))?;
        commits.into_iter().chain(pings).collect::<Result<()>>()?;
        assert!(broker.open_connections(0) <= size, "{} of {size}", broker.open_connections(0));
        assert!(broker.connections() <= size as u64);
    }
    Ok(())
}

#[tokio::test]
async fn waiting_callers_are_served_in_order() -> Result<()> {
    let broker = broker();
    let client = ResilientClient::new(config(&[broker.address()]).pool_size_per_server(1).build());
    client.ping().await?;
    broker.on(Kind::Consume).once().hold();
    // Each is polled once in turn, so that they wait in this order.
    let polls = (0..20u64).map(|offset| client.consume_long_poll("t", 0, offset, 1, None, 1));
    let polls = join_all(polls);
    let release = async {
        broker.until_received(Kind::Consume, 1).await;
        broker.release();
    };
    let (polls, ()) = tokio::join!(polls, release);
    polls.into_iter().try_for_each(|poll| poll.map(drop))?;
    let offsets: Vec<_> =
        broker.requests_of(Kind::Consume).iter().map(|received| format!("{:?}", received.request)).collect();
    let expected: Vec<_> = (0..20).map(|offset| format!("offset: {offset},")).collect();
    assert_eq!(offsets.len(), 20);
    assert!(offsets.iter().zip(&expected).all(|(request, offset)| request.contains(offset)), "{offsets:?}");
    Ok(())
}

#[tokio::test]
async fn a_caller_that_gets_no_connection_in_time_is_told_so() -> Result<()> {
    let broker = broker();
    let config = config(&[broker.address()]).pool_size_per_server(1).request_timeout(Duration::from_millis(200));
    let client = ResilientClient::new(config.build());
    broker.on(Kind::Consume).hold();
    let poll = tokio::spawn({
        let client = client.clone();
        async move { client.consume_long_poll("t", 0, 0, 1, None, 20_000).await }
    });
    broker.until_received(Kind::Consume, 1).await;
    let error = client.ping().await.unwrap_err();
    assert_eq!((error.code(), error.outcome()), (ErrorCode::PoolExhausted, Outcome::NotSent), "{error}");
    broker.release();
    poll.await.unwrap()?;
    client.ping().await
}

#[tokio::test]
async fn a_long_poll_that_was_given_up_leaves_no_blocked_connection_behind() -> Result<()> {
    let broker = broker();
    let client = ResilientClient::new(config(&[broker.address()]).pool_size_per_server(1).build());
    for _ in 0..5 {
        let poll = client.consume_long_poll("t", 0, 0, 1, None, 30_000);
        tokio::time::timeout(Duration::from_millis(20), poll).await.unwrap_err();
        client.ping().await?;
    }
    Ok(())
}

// covers: F031 rust, F035 rust
#[tokio::test]
async fn idle_connections_are_closed_but_for_one_which_is_kept_alive() -> Result<()> {
    let broker = TestBroker::builder().idle_timeout(Duration::from_secs(2)).start().unwrap();
    let config = config(&[broker.address().to_owned()])
        .idle_timeout(Duration::from_millis(300))
        .health_check_enabled(true)
        .health_check_interval(Duration::from_millis(100));
    let client = ResilientClient::new(config.build());
    client.create_topic("t", Some(1)).await?;
    let writes = (0..50).map(|_| client.publish_to_partition("t", 0, None::<&str>, "v"));
    join_all(writes).await.into_iter().try_for_each(|write| write.map(drop))?;
    client.commit_offset("g", "t", 0, 0).await?;
    assert!(client.stats().await.available_connections > 2);
    until("one is left", async || client.stats().await.available_connections == 1).await;
    // Longer than the broker tolerates a silent connection.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let stats = client.stats().await;
    assert_eq!(stats.available_connections + stats.active_connections, 1);
    client.ping().await
}

// covers: F030 rust, F035 rust
#[tokio::test]
async fn connections_are_replaced_when_their_time_is_over_and_no_call_notices() -> Result<()> {
    let broker = broker();
    let config = config(&[broker.address()])
        .max_connection_lifetime(Duration::from_millis(200))
        .health_check_enabled(true)
        .health_check_interval(Duration::from_millis(20))
        .max_retries(0);
    let client = ResilientClient::new(config.build());
    let mut calls = 0;
    while broker.connections() < 5 {
        client.ping().await?;
        client.publish_to_partition("t", 0, None::<&str>, "v").await?;
        calls += 1;
    }
    assert!(calls > 0 && broker.open_connections(0) <= 4);
    Ok(())
}

#[tokio::test]
async fn a_thousand_callers_share_the_connections() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = client(&[broker.address().to_owned()]);
    let pings = join_all((0..1000).map(|_| client.call(&Ping))).await;
    pings.into_iter().collect::<Result<Vec<()>>>()?;
    client.create_topic("t", Some(4)).await?;
    let writes =
        join_all((0..1000u32).map(|number| client.publish_to_partition("t", number % 4, None::<&str>, "v"))).await;
    writes.into_iter().collect::<Result<Vec<u64>>>()?;
    let stats = client.stats().await;
    assert_eq!(stats.active_connections, 0);
    assert!((2..=10).contains(&stats.available_connections), "{stats:?}");
    for partition in 0..4 {
        assert_eq!(client.get_offset_bounds("t", partition).await?, (0, 250));
    }
    Ok(())
}

#[tokio::test]
async fn a_refused_connection_lowers_the_number_and_fails_no_call() -> Result<()> {
    let broker = TestBroker::builder().max_connections_per_ip(2).start().unwrap();
    let client = client(&[broker.address().to_owned()]);
    client.create_topic("t", Some(1)).await?;
    let writes = join_all((0..100).map(|_| client.publish_to_partition("t", 0, None::<&str>, "v"))).await;
    writes.into_iter().collect::<Result<Vec<u64>>>()?;
    Ok(())
}

/// All connections were held by those who read, another one was lost by chance before it could be used, and then nobody
/// else ever got one.
#[tokio::test]
async fn a_connection_that_is_lost_at_its_beginning_keeps_nobody_waiting() -> Result<()> {
    let broker = broker();
    let client = client(&[broker.address()]);
    broker.on(Kind::Consume).hold();
    let poll = tokio::spawn({
        let client = client.clone();
        async move { client.consume_long_poll("t", 0, 0, 1, None, 20_000).await }
    });
    broker.until_received(Kind::Consume, 1).await;
    broker.on(Kind::Handshake).once().close_connection();
    client.ping().await?;
    broker.release();
    poll.await.unwrap().map(drop)
}

#[tokio::test]
async fn closing_ends_every_connection_and_every_wait() -> Result<()> {
    let broker = broker();
    let client = client(&[broker.address()]);
    client.publish_to_partition("t", 0, None::<&str>, "v").await?;
    client.ping().await?;
    client.close(Duration::from_secs(5)).await;
    until("all connections are closed", async || broker.open_connections(0) == 0).await;
    assert_eq!(client.ping().await.unwrap_err().code(), ErrorCode::Closed);
    assert_eq!(client.stats().await.available_connections, 0);
    Ok(())
}

#[tokio::test]
async fn a_client_that_is_dropped_leaves_nothing_behind() -> Result<()> {
    let broker = broker();
    for _ in 0..20 {
        let client = ResilientClient::new(config(&[broker.address()]).health_check_enabled(true).build());
        client.ping().await?;
        client.publish_to_partition("t", 0, None::<&str>, "v").await?;
    }
    until("all connections are closed", async || broker.open_connections(0) == 0).await;
    Ok(())
}

#[tokio::test]
async fn where_every_connection_is_in_use_no_other_server_is_asked() -> Result<()> {
    let (first, second) = (broker(), broker());
    let config = config(&[first.address(), second.address()])
        .pool_size_per_server(1)
        .request_timeout(Duration::from_millis(200));
    let client = ResilientClient::new(config.build());
    first.on(Kind::Consume).hold();
    let poll = tokio::spawn({
        let client = client.clone();
        async move { client.consume_long_poll("t", 0, 0, 1, None, 20_000).await }
    });
    first.until_received(Kind::Consume, 1).await;
    let error = client.ping().await.unwrap_err();
    assert_eq!((error.code(), error.outcome()), (ErrorCode::PoolExhausted, Outcome::NotSent), "{error}");
    assert_eq!(second.connections(), 0, "it may hold other data");
    first.release();
    poll.await.unwrap().map(drop)
}

/// A connection that was begun before a login, and ready after it, was once used without it.
#[tokio::test]
async fn a_connection_that_a_login_overtook_is_not_used() -> Result<()> {
    let broker = ScriptedBroker::builder().topic("t", 1).user("alice", "Correct-Horse-7").start().unwrap();
    let client = ResilientClient::new(config(&[broker.address()]).build());
    client.connect().await?;
    broker.on(Kind::Handshake).once().hold();
    let read = tokio::spawn({
        let client = client.clone();
        async move { client.consume("t", 0, 0, 1).await }
    });
    broker.until_received(Kind::Handshake, 2).await;
    client.authenticate_scram("alice", "Correct-Horse-7").await?;
    broker.release();
    assert!(read.await.unwrap()?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_call_that_began_before_closing_may_still_open_its_connection() -> Result<()> {
    let broker = broker();
    let client = client(&[broker.address()]);
    client.ping().await?;
    // Its purpose has no connection yet.
    let publish = client.call(&rivven_client::ops::Publish { topic: "t", partition: Some(0), key: None, value: b"v" });
    let (closed, published) = tokio::join!(client.close(Duration::from_secs(5)), publish);
    let () = closed;
    published?;
    assert_eq!(broker.records("t", 0).len(), 1);
    Ok(())
}

/// Each attempt to connect succeeds, so nothing slows down the next one: without
/// a limit a call would make thousands of connections until its time is over.
#[tokio::test]
async fn a_server_that_greets_and_closes_is_not_dialled_for_ever() {
    let broker = broker();
    broker.on(Kind::Handshake).then_close().delay(Duration::ZERO);
    // A ping may be read before the connection is closed.
    broker.on(Kind::Ping).close_connection();
    let client = ResilientClient::new(config(&[broker.address()]).max_retries(1).build());
    let error = client.ping().await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::ConnectionLost, "{error}");
    assert!(broker.connections() <= 8, "{} connections", broker.connections());
}
