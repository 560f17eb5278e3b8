//! Publishes three records and reads them back.
//!
//! Usage: `quickstart <broker address>`

// [readme
use rivven_client::Client;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9092".into());
    let topic = "quickstart-rust";

    let client = Client::connect(address).await?;
    if !client.list_topics().await?.iter().any(|name| name == topic) {
        client.create_topic(topic, Some(3)).await?;
    }
    let records = [(Some("oslo"), "-3"), (Some("rome"), "14"), (Some("cairo"), "22")];
    let (first, ..) = client.publish_batch(topic, Some(0), &records).await?;
    for record in client.consume(topic, 0, first, 3).await? {
        let key = record.key.unwrap_or_default();
        println!("{} {} {}", record.offset, key.escape_ascii(), record.value.escape_ascii());
    }
    client.close().await;
    Ok(())
}
// readme]
