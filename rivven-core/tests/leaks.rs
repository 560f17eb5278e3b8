//! Clients that come and go leave nothing behind.
#![cfg(target_os = "linux")]

use std::future::Future;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use rivven_client::{Client, ResilientClient, ResilientClientConfig, Result};
use rivven_testkit::TestBroker;
use tokio::runtime::Handle;

/// How many clients live at a time; the broker takes 100 connections of one address.
const AT_A_TIME: usize = 20;
const WARM_UP: usize = 100;
const CLIENTS: usize = 1000;

/// What 2000 clients may leave in memory, in KiB.
///
/// A client has buffers of some 20 KiB and a task; one that stayed would cost
/// 40 MiB in all. The allocator itself may keep a few pages more than before.
const SLACK_KIB: u64 = 8 * 1024;

/// Long enough for anything on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What this process holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held {
    tasks: usize,
    descriptors: usize,
}

fn held() -> Held {
    let descriptors = std::fs::read_dir("/proc/self/fd").unwrap().count();
    Held { tasks: Handle::current().metrics().num_alive_tasks(), descriptors }
}

/// Physical memory of this process in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse().unwrap()
}

async fn basic(address: &str) -> Result<()> {
    let client = Client::connect(address).await?;
    client.ping().await?;
    // Half of them are closed, the others only dropped.
    if client.publish("t", "v").await? % 2 == 0 {
        client.close().await;
    }
    Ok(())
}

async fn resilient(address: &str) -> Result<()> {
    let client = ResilientClient::new(ResilientClientConfig::builder().servers(vec![address.to_owned()]).build());
    client.ping().await?;
    if client.publish("t", None, "v").await? % 2 == 0 {
        client.close(client.close_timeout()).await;
    }
    Ok(())
}

async fn many<F: Future<Output = Result<()>>>(count: usize, life: impl Fn() -> F) -> Result<()> {
    for _ in 0..count / AT_A_TIME {
        try_join_all((0..AT_A_TIME).map(|_| life())).await?;
    }
    Ok(())
}

/// Waits until no more is held than before: dropped clients end in the background.
async fn settled(before: Held) {
    let began = Instant::now();
    while held().tasks > before.tasks || held().descriptors > before.descriptors {
        assert!(began.elapsed() < PATIENCE, "{:?} is held, where {before:?} was", held());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_clients_leave_no_task_descriptor_or_memory() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let address = broker.address();
    let before = held();
    many(WARM_UP, || basic(address)).await?;
    many(WARM_UP, || resilient(address)).await?;
    settled(before).await;
    let memory = resident();
    many(CLIENTS, || basic(address)).await?;
    many(CLIENTS, || resilient(address)).await?;
    settled(before).await;
    let grown = resident().saturating_sub(memory);
    assert!(grown < SLACK_KIB, "{grown} KiB more than after the warm-up ({memory} KiB)");
    Ok(())
}
