//! Reads all orders of a topic, commits how far it came, and counts them; then has each of them shipped.
//!
//! Usage: `consumer <broker address>`

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rivven_client::{Client, Consumer, ConsumerConfig, ConsumerRecord};

const ORDERS: usize = 1000;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9092".to_owned());
    let client = Client::connect(&address).await?;
    if !client.list_topics().await?.iter().any(|name| name == "orders-read-rust") {
        client.create_topic("orders-read-rust", Some(3)).await?;
    }
    for number in 0..ORDERS as u32 {
        let order = format!("order {number}");
        client.publish_to_partition("orders-read-rust", number % 3, None::<&str>, order).await?;
    }
    // [consumer
    let config = ConsumerConfig::builder()
        .bootstrap_servers(vec![address.clone()])
        .group_id("billing-rust")
        .topic("orders-read-rust")
        .report_partition_end(true)
        .build()?;
    let consumer = Consumer::new(config).await?;

    // All that there is: until each of the three partitions has come to its end.
    let (mut orders, mut ended) = (0, HashSet::new());
    while ended.len() < 3 {
        let records = consumer.poll().await?;
        for record in &records {
            assert!(record.value.starts_with(b"order"), "{}/{} at {}", record.topic, record.partition, record.offset);
            orders += 1;
        }
        ended.extend(records.ended().to_vec());
        consumer.commit().await?;
    }
    // consumer]
    println!("{orders} orders are read");
    consumer.close().await?;
    ship_all(address).await
}

async fn ship(order: &[u8]) -> anyhow::Result<()> {
    anyhow::ensure!(order.starts_with(b"order"), "this is no order");
    Ok(())
}

async fn ship_all(address: String) -> anyhow::Result<()> {
    // [process
    let config = ConsumerConfig::builder()
        .bootstrap_servers(vec![address])
        .group_id("shipping-rust")
        .topic("orders-read-rust")
        .process_retries(2)
        .process_dead_letter_topic("orders-failed-rust")
        .build()?;
    let consumer = Arc::new(Consumer::new(config).await?);
    let (shipping, shipped) = (Arc::clone(&consumer), Arc::new(AtomicUsize::new(0)));
    let handler = move |record: ConsumerRecord| {
        let (shipping, shipped) = (Arc::clone(&shipping), Arc::clone(&shipped));
        async move {
            ship(&record.value).await?;
            if shipped.fetch_add(1, Ordering::Relaxed) + 1 == ORDERS {
                shipping.wakeup();
            }
            anyhow::Ok(())
        }
    };
    let report = consumer.process(handler).await?;
    // process]
    println!("{} orders are shipped", report.processed);
    Ok(consumer.close().await?)
}
