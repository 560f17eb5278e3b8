//! What becomes of the records that a producer was given: by batch, or each by its delivery.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures_util::stream::{FuturesUnordered, StreamExt};
use rivven_client::{Delivery, DeliveryReport, DeliveryReports};
use tokio::sync::Notify;

/// One record in so many has its latency measured.
pub(crate) const SAMPLED: u64 = 1000;

/// Counts what the producer reports batch by batch.
#[derive(Debug, Default)]
pub(crate) struct Batches {
    delivered: AtomicU64,
    error: OnceLock<String>,
    arrived: Notify,
}

impl DeliveryReports for Batches {
    fn settled(&self, report: DeliveryReport) {
        match report.error() {
            None => drop(self.delivered.fetch_add(report.len() as u64, Ordering::Release)),
            Some(error) => drop(self.error.set(error.to_string())),
        }
        self.arrived.notify_one();
    }
}

/// Sees every report of one caller's records, and measures the latency of some.
#[derive(Debug)]
pub(crate) struct Reports {
    /// Where they come by batch.
    batches: Option<Arc<Batches>>,
    /// Where each is looked at: those that are not settled, and the number of those that are.
    each: VecDeque<Delivery>,
    delivered: u64,
    /// The sampled ones, and when they were handed over; partitions settle in any order.
    sampled: Vec<(Instant, Delivery)>,
    /// Their latencies.
    pub(crate) latencies: Vec<Duration>,
}

impl Reports {
    /// Takes the reports of `batches`, or else of each record that is [`add`](Reports::add)ed.
    pub(crate) fn new(batches: Option<Arc<Batches>>) -> Self {
        let (each, sampled) = (VecDeque::new(), Vec::new());
        Reports { batches, each, delivered: 0, sampled, latencies: Vec::new() }
    }

    /// Whether each record is looked at, and not its batch.
    pub(crate) fn each_is_awaited(&self) -> bool {
        self.batches.is_none()
    }

    /// Waits for the delivery of a record that was handed over; `start` if it is sampled.
    #[inline]
    pub(crate) fn add(&mut self, delivery: Option<Delivery>, start: Option<Instant>) {
        match (delivery, start) {
            (Some(delivery), Some(start)) => self.sampled.push((start, delivery)),
            (Some(delivery), None) if self.batches.is_none() => self.each.push_back(delivery),
            // It is reported with its batch.
            _ => {}
        }
    }

    /// Looks at what has been settled meanwhile.
    pub(crate) fn look(&mut self) -> Result<()> {
        for index in (0..self.sampled.len()).rev() {
            if let Some(result) = self.sampled[index].1.result() {
                result?;
                self.latencies.push(self.sampled.swap_remove(index).0.elapsed());
                self.delivered += 1;
            }
        }
        while let Some(result) = self.each.front().and_then(Delivery::result) {
            result?;
            self.each.pop_front();
            self.delivered += 1;
        }
        Ok(())
    }

    /// Waits until so many records are settled, which is all.
    pub(crate) async fn wait_for(&mut self, records: u64) -> Result<()> {
        let elapsed = async |(start, delivery): (Instant, Delivery)| {
            delivery.await?;
            anyhow::Ok(start.elapsed())
        };
        let mut sampled: FuturesUnordered<_> = self.sampled.drain(..).map(elapsed).collect();
        while let Some(latency) = sampled.next().await {
            self.latencies.push(latency?);
            self.delivered += 1;
        }
        while let Some(delivery) = self.each.pop_front() {
            delivery.await?;
            self.delivered += 1;
        }
        let Some(batches) = &self.batches else {
            return (self.delivered == records).then_some(()).context("some deliveries were not looked at");
        };
        while batches.delivered.load(Ordering::Acquire) < records {
            if let Some(error) = batches.error.get() {
                bail!("records were not delivered: {error}");
            }
            batches.arrived.notified().await;
        }
        Ok(())
    }
}
