//! Sends orders by a producer and counts what became of them.
//!
//! Usage: `producer <broker address>`

use rivven_client::{Producer, ProducerConfig};

const ORDERS: usize = 1000;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9092".to_owned());
    // [producer
    let config = ProducerConfig::builder().bootstrap_servers(vec![address]).linger_ms(5);
    let producer = Producer::new(config.build()).await?;

    // One record, and where it went.
    let first = producer.send_with_key("orders-rust", Some("customer-1"), "order 0").await?;
    println!("the first is at {}/{}", first.topic, first.partition);

    // Many of them: each is handed over at once, and what became of it is looked at later.
    let orders = producer.topic("orders-rust");
    let deliveries: Result<Vec<_>, _> =
        (1..ORDERS).map(|number| orders.enqueue(None::<&str>, format!("order {number}"))).collect();
    let (mut delivered, mut failed) = (1, 0);
    for delivery in deliveries? {
        match delivery.await {
            Ok(_) => delivered += 1,
            Err(error) => {
                eprintln!("an order is not delivered: {error}");
                failed += 1;
            }
        }
    }
    // producer]
    println!("{delivered} orders are delivered, {failed} are not");
    Ok(producer.close().await?)
}
