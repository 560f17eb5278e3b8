//! The memory of a producer whose broker has stalled. It is measured for the whole process, so it is alone here.

use std::fs;
use std::time::Duration;

use rivven_client::{ErrorCode, Producer, ProducerConfig, Result};
use rivven_testkit::{FaultProxy, Sink, SinkOptions};

const MIB: u64 = 1 << 20;

/// What the process has in memory, in bytes: the second number of `statm`, in pages of 4 KiB.
fn resident() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

// covers: F073 rust
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stall_costs_no_more_than_the_buffer_and_loses_nothing() -> Result<()> {
    let sink = Sink::start(SinkOptions { sequenced: true, ..SinkOptions::default() }).unwrap();
    let proxy = FaultProxy::start(sink.address()).unwrap();
    let config = ProducerConfig::builder()
        .bootstrap_servers(vec![proxy.address()])
        .batch_size(65536)
        .linger_ms(5)
        .buffer_memory(32 << 20)
        // On a busy machine the first records take long, and what waits is bounded by this time, too.
        .delivery_timeout(Duration::from_secs(24 * 3600))
        .request_timeout(Duration::from_secs(60));
    let producer = Producer::new(config.build()).await?;
    producer.refresh_metadata("t").await?;
    let topic = producer.topic("t");
    // By then it is known how fast the broker is, so that its memory is the bound and not its time.
    for partition in 0..12 {
        producer.send_to_partition("t", partition, None::<&str>, 0u64.to_le_bytes()).await?;
    }
    proxy.stall();
    let before = resident();
    let (mut numbers, mut refused) = ([1u64; 12], 0);
    for record in 0.. {
        let partition: usize = record % 12;
        let mut value = [0xff; 100];
        value[..8].copy_from_slice(&numbers[partition].to_le_bytes());
        match topic.enqueue_to_partition(partition as u32, None::<&str>, value) {
            Ok(delivery) => {
                drop(delivery);
                numbers[partition] += 1;
            }
            Err(error) => {
                assert_eq!(error.code(), ErrorCode::QueueFull);
                refused += 1;
                if refused == 1000 {
                    break;
                }
            }
        }
    }
    let sent: u64 = numbers.iter().sum();
    let grown = resident().saturating_sub(before);
    assert!(sent > 200_000, "{sent} records fit into 32 MiB");
    assert!(grown * 10 <= 32 * MIB * 13 + 200 * MIB, "{} MiB for 32 MiB of records", grown / MIB);
    proxy.resume();
    tokio::time::timeout(Duration::from_secs(60), producer.flush()).await.expect("flush ends")?;
    let (report, stats) = (sink.report(), producer.stats());
    assert_eq!((stats.records_delivered, stats.records_failed, stats.pending()), (sent, 0, 0));
    assert_eq!((report.records, report.order_violations, report.missing), (sent, 0, 0), "{report:?}");
    producer.close().await
}
