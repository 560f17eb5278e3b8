//! Handing records over, and waiting for what becomes of them.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use rivven_client::{Delivery, ErrorCode, Producer};
use tokio::task::yield_now;
use tokio::time::{interval, sleep};

use crate::ledger::{Fate, Ledger};
use crate::value;

/// How often a run says how far it is.
const TELL: Duration = Duration::from_secs(10);

/// How long nothing may be delivered: longer than any fault, and than what follows from it.
const STUCK: Duration = Duration::from_secs(180);

/// How many records are handed over before other tasks have their turn.
const BURST: u64 = 100;

/// Hands over the records 0, 1, 2, ... to the partitions in turn, while `goes_on` of the next one.
pub(crate) async fn hand_over(
    producer: &Producer,
    topic: &str,
    partitions: u32,
    goes_on: impl Fn(u64) -> bool,
) -> Result<Vec<Delivery>> {
    let topic = producer.topic(topic);
    let mut deliveries = Vec::new();
    for number in (0..).take_while(|number| goes_on(*number)) {
        let partition = (number % u64::from(partitions)) as u32;
        let delivery = loop {
            match topic.enqueue_to_partition(partition, None::<&str>, value::of(number)) {
                Err(error) if error.code() == ErrorCode::QueueFull => {
                    // However long that takes: what waits has a time of its own.
                    let _ = topic.has_room(value::LEN).await;
                }
                taken => break taken?,
            }
        };
        deliveries.push(delivery);
        if number % BURST == 0 {
            yield_now().await;
        }
    }
    Ok(deliveries)
}

/// What became of every record.
pub(crate) async fn settled(partitions: u32, deliveries: Vec<Delivery>) -> Ledger {
    let mut fates = Vec::with_capacity(deliveries.len());
    for delivery in deliveries {
        fates.push(Fate::of(&delivery.await));
    }
    Ledger::new(partitions, fates)
}

/// Ends when so many records have been settled.
///
/// # Errors
///
/// If nothing goes on any more.
pub(crate) async fn progress(producer: &Producer, records: u64) -> Result<()> {
    let settled = || {
        let stats = producer.stats();
        stats.records_delivered + stats.records_failed
    };
    let (mut before, mut since) = (settled(), Instant::now());
    while before < records {
        sleep(Duration::from_millis(10)).await;
        let now = settled();
        if now > before {
            (before, since) = (now, Instant::now());
        } else if since.elapsed() > STUCK {
            bail!("nothing was delivered for {STUCK:?}, {now} records before: {:?}", producer.stats());
        }
    }
    Ok(())
}

/// Does the work, and says meanwhile how many records are settled.
pub(crate) async fn told<T>(run: &str, producer: &Producer, work: impl Future<Output = T>) -> T {
    let mut ticks = interval(TELL);
    ticks.tick().await;
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = ticks.tick() => {
                let stats = producer.stats();
                let (sent, done) = (stats.records_sent, stats.records_delivered + stats.records_failed);
                eprintln!("{run}: {done} of {sent} records settled, {} requests repeated", stats.retries);
            }
        }
    }
}
