//! Bills two orders together or not at all; then bills all orders of a topic, each once.
//!
//! Usage: `transactions <broker address>`

use std::sync::atomic::{AtomicUsize, Ordering};

use rivven_client::{Client, Consumer, ConsumerConfig, Producer, ProducerConfig, transform};

const ORDERS: usize = 300;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9092".to_owned());
    let client = Client::connect(&address).await?;
    let there = client.list_topics().await?;
    for (topic, partitions) in [("orders-billed-rust", 3), ("invoices-rust", 1)] {
        if !there.iter().any(|name| name == topic) {
            client.create_topic(topic, Some(partitions)).await?;
        }
    }
    for number in 0..ORDERS as u32 {
        let order = format!("order {number}");
        client.publish_to_partition("orders-billed-rust", number % 3, None::<&str>, order).await?;
    }
    together(&address).await?;
    let billed = client.consume_read_committed("invoices-rust", 0, 0, 10_000).await?.len();
    println!("{billed} invoices are committed");
    each_once(&address).await?;
    let billed = client.consume_read_committed("invoices-rust", 0, 0, 10_000).await?.len() - billed;
    println!("{billed} orders are billed");
    Ok(())
}

async fn together(address: &str) -> anyhow::Result<()> {
    // [transaction
    let config = ProducerConfig::builder().bootstrap_servers(vec![address.to_owned()]).transactional_id("bills-rust");
    let producer = Producer::new(config.build()).await?;

    let transaction = producer.begin_transaction().await?;
    transaction.send("invoices-rust", "invoice 1").await?;
    transaction.send_with_key("invoices-rust", Some("vip"), "invoice 2").await?;
    transaction.commit().await?;

    let transaction = producer.begin_transaction().await?;
    transaction.send("invoices-rust", "a mistake").await?;
    transaction.abort().await?;
    // transaction]
    Ok(producer.close().await?)
}

async fn each_once(address: &str) -> anyhow::Result<()> {
    // [transform
    let config = ConsumerConfig::builder()
        .bootstrap_server(address)
        .group_id("billing-rust")
        .topic("orders-billed-rust")
        .auto_commit_interval(None);
    let consumer = Consumer::new(config.build()).await?;
    let config = ProducerConfig::builder().bootstrap_servers(vec![address.to_owned()]).transactional_id("billing-rust");
    let producer = Producer::new(config.build()).await?;

    let billed = AtomicUsize::new(0);
    transform(&consumer, &producer, async |orders, transaction| {
        for order in orders.views() {
            drop(transaction.enqueue("invoices-rust", order.key, order.value)?);
        }
        if billed.fetch_add(orders.len(), Ordering::Relaxed) + orders.len() >= ORDERS {
            consumer.wakeup();
        }
        Ok::<_, rivven_client::Error>(())
    })
    .await?;
    // transform]
    consumer.close().await?;
    Ok(producer.close().await?)
}
