//! Futures dropped at random moments, thousands of times, on connections that misbehave.
//!
//! Afterwards every answer that did come is checked against its question.

use std::future::Future;
use std::time::Duration;

use rivven_client::{Client, ErrorCode};
use rivven_testkit::{FaultProxy, Plan, ScriptedBroker, TestBroker};

const LANES: u64 = 8;
const ROUNDS: u64 = 500;
const RECORDS: u64 = 200;

/// A small generator, so that a failure can be repeated.
fn random(round: u64, lane: u64, step: u64) -> u64 {
    let mut x = (round * LANES + lane).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ step.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^= x >> 30;
    x = x.wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 27)
}

/// Asks for one record and checks that the answer holds that one.
async fn ask(client: &Client, offset: u64) -> Result<(), ErrorCode> {
    let records = client.consume("questions", 0, offset, 1).await.map_err(|error| error.code())?;
    assert_eq!(records.len(), 1);
    assert_eq!((records[0].offset, &records[0].value[..]), (offset, answer_to(offset).as_bytes()));
    Ok(())
}

fn answer_to(offset: u64) -> String {
    format!("answer {offset} {}", "x".repeat(offset as usize * 13 % 700))
}

/// The output of a future, or `None` if it was dropped: without patience after its first poll.
async fn with_patience<T>(patience: Option<Duration>, future: impl Future<Output = T>) -> Option<T> {
    match patience {
        Some(patience) => tokio::time::timeout(patience, future).await.ok(),
        None => tokio::select! {
            biased;
            output = future => Some(output),
            () = std::future::ready(()) => None,
        },
    }
}

/// Runs the rounds against the server at `address` and counts what was answered, dropped and failed.
async fn run(address: String) -> (u64, u64, u64) {
    let (mut answered, mut dropped, mut failed) = (0, 0, 0);
    let mut client = None;
    for round in 0..ROUNDS {
        let connected = match client.take().filter(|client: &Client| !client.is_poisoned()) {
            Some(client) => client,
            None => match Client::connect_with_timeout(&address, Duration::from_secs(10)).await {
                Ok(client) => client,
                Err(_) => continue,
            },
        };
        let lanes: Vec<_> = (0..LANES)
            .map(|lane| {
                let (client, offset) = (connected.clone(), random(round, lane, 1) % RECORDS);
                let patience = match random(round, lane, 2) % 4 {
                    0 => Some(Duration::from_secs(20)),
                    1 => None,
                    _ => Some(Duration::from_micros(random(round, lane, 3) % 3_000)),
                };
                tokio::spawn(async move { with_patience(patience, ask(&client, offset)).await })
            })
            .collect();
        for lane in lanes {
            match lane.await.unwrap() {
                Some(Ok(())) => answered += 1,
                Some(Err(code)) => {
                    assert!(matches!(code, ErrorCode::ConnectionLost | ErrorCode::MalformedResponse), "{code:?}");
                    failed += 1;
                }
                None => dropped += 1,
            }
        }
        client = Some(connected);
    }
    (answered, dropped, failed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_connections_with_random_faults() {
    let answers: Vec<String> = (0..RECORDS).map(answer_to).collect();
    let answers: Vec<&str> = answers.iter().map(String::as_str).collect();
    let broker = ScriptedBroker::builder().topic("questions", 1).records("questions", 0, &answers).start().unwrap();
    let proxy = FaultProxy::start(broker.address()).unwrap();
    proxy.set_plan(Plan::random);
    let (answered, dropped, failed) = run(proxy.address().to_string()).await;
    assert!(answered > 200 && dropped > 200 && failed > 0, "answered {answered}, dropped {dropped}, failed {failed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_the_real_broker() {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await.unwrap();
    client.create_topic("questions", Some(1)).await.unwrap();
    let records: Vec<_> = (0..RECORDS).map(|offset| (None::<&str>, answer_to(offset))).collect();
    client.publish_batch("questions", Some(0), &records).await.unwrap();
    let (answered, dropped, failed) = run(broker.address().to_owned()).await;
    assert!(answered > 500 && dropped > 500, "answered {answered}, dropped {dropped}");
    assert_eq!(failed, 0, "dropped futures harm nobody");
}
