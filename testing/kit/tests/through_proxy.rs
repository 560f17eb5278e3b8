//! A client behind the proxy, in front of a scripted and of the real broker.

use std::time::{Duration, Instant};

use rivven_client::Client;
use rivven_testkit::{FaultProxy, Faults, Kind, Plan, ScriptedBroker, TestBroker};

const SOON: Duration = Duration::from_secs(20);

/// Publishes and reads back, as far as the connection allows.
async fn exchange(address: String) -> rivven_client::Result<()> {
    let client = Client::connect_with_timeout(address, SOON).await?;
    client.set_request_timeout(SOON);
    for _ in 0..5 {
        let offset = client.publish_to_partition("orders", 0, None::<&str>, [7; 2000]).await?;
        assert_eq!(client.consume("orders", 0, offset, 1).await?[0].value, [7; 2000][..]);
    }
    Ok(())
}

#[tokio::test]
async fn a_client_does_not_mind_how_bytes_are_cut() {
    let broker = ScriptedBroker::start().unwrap();
    let proxy = FaultProxy::start(broker.address()).unwrap();
    for faults in [Faults::default().split(1), Faults::default().split(9), Faults::default().coalesce_ms(5)] {
        proxy.set_plan(move |_| Plan::default().to_broker(faults.clone()).to_client(faults.clone()));
        exchange(proxy.address()).await.unwrap();
    }
}

#[tokio::test]
async fn random_plans_end_in_success_or_an_error() {
    let broker = ScriptedBroker::start().unwrap();
    let proxy = FaultProxy::start(broker.address()).unwrap();
    proxy.set_plan(Plan::random);
    let (mut good, mut bad) = (0, 0);
    for _ in 0..40 {
        let start = Instant::now();
        match exchange(proxy.address()).await {
            Ok(()) => good += 1,
            Err(_) => bad += 1,
        }
        assert!(start.elapsed() < SOON, "{:?} takes the time of a timeout", Plan::random(proxy.connections() - 1));
    }
    assert!(good > 0 && bad > 0, "{good} {bad}");
}

#[tokio::test]
async fn an_answer_that_was_corrupted_poisons_the_connection() {
    let broker = ScriptedBroker::start().unwrap();
    let proxy = FaultProxy::start(broker.address()).unwrap();
    // Frame 0 answers the handshake; the discriminant of the next answer becomes that of no message.
    proxy.set_plan(|_| Plan::default().to_client(Faults::default().corrupt_frame(1, 9, 0x7f)));
    let client = Client::connect_with_timeout(proxy.address(), SOON).await.unwrap();
    assert_eq!(client.ping().await.unwrap_err().code(), rivven_client::ErrorCode::MalformedResponse);
    assert_eq!(broker.requests_of(Kind::Ping).len(), 1);
}

#[tokio::test]
async fn the_proxy_costs_no_delayed_acknowledgements() {
    let broker = TestBroker::start().unwrap();
    let proxy = FaultProxy::start(broker.address()).unwrap();
    let client = Client::connect_with_timeout(proxy.address(), SOON).await.unwrap();
    let mut times = Vec::new();
    for _ in 0..51 {
        let start = Instant::now();
        client.ping().await.unwrap();
        times.push(start.elapsed());
    }
    times.sort();
    // A delayed acknowledgement makes every single one of them 40 ms.
    assert!(times[10] < Duration::from_millis(20), "{times:?}");
}
