//! Reads all orders of a topic, commits how far it came, and counts them.
//!
//! Usage: `consumer <broker address>`

use std::collections::HashSet;

use rivven_client::{Client, Consumer, ConsumerConfig};

const ORDERS: usize = 1000;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9092".to_owned());
    let client = Client::connect(&address).await?;
    client.create_topic("orders-read-rust", Some(3)).await?;
    for number in 0..ORDERS as u32 {
        let order = format!("order {number}");
        client.publish_to_partition("orders-read-rust", number % 3, None::<&str>, order).await?;
    }
    // [consumer
    let config = ConsumerConfig::builder()
        .bootstrap_servers(vec![address])
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
    Ok(consumer.close().await?)
}
