//! What docs/getting-started.md shows: `guide <server> <another> <server with TLS> <CA file> <password of alice>`.
//!
//! The first server may be down: the second one is tried then.

use std::process::ExitCode;
use std::time::Duration;

use rivven_client::{ErrorCode, ResilientClient, ResilientClientConfig, TlsConfig};

const TOPIC: &str = "guide-rust";

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let Ok([first, second, address, ca_file, password]) = <[String; 5]>::try_from(arguments) else {
        eprintln!("usage: guide <server> <another> <server with TLS> <CA file> <password of alice>");
        return Ok(ExitCode::from(2));
    };
    records(first, second).await?;
    login(address, ca_file, password).await?;
    Ok(ExitCode::SUCCESS)
}

async fn records(first: String, second: String) -> anyhow::Result<()> {
    // [connect
    let config =
        ResilientClientConfig::builder().servers(vec![first, second]).request_timeout(Duration::from_secs(10)).build();
    let client = ResilientClient::new(config);
    client.connect().await?; // or leave it out: the first call connects
    // connect]

    // [topic
    let partitions = client.create_topic(TOPIC, Some(3)).await?;
    assert_eq!(partitions, 3);
    // topic]

    // [publish
    client.publish_to_partition(TOPIC, 0, Some("oslo"), "-3").await?; // to a partition
    client.publish_batch(TOPIC, Some(0), &[(Some("rome"), "14"), (Some("cairo"), "22")]).await?; // many
    client.publish(TOPIC, Some(b"lima"), "19").await?; // where the key leads
    // publish]

    // [consume
    let (earliest, _next) = client.get_offset_bounds(TOPIC, 0).await?;
    for record in client.consume(TOPIC, 0, earliest, 2).await? {
        let key = record.key.unwrap_or_default();
        println!("{} {} {}", record.offset, key.escape_ascii(), record.value.escape_ascii());
    }
    // consume]

    // [errors
    match client.create_topic(TOPIC, Some(3)).await {
        Err(error) if error.code() == ErrorCode::TopicAlreadyExists => println!("{}", error.code().name()),
        Err(error) if error.is_retriable() => println!("try again: {error}"),
        result => anyhow::bail!("not expected: {result:?}"),
    }
    // errors]
    client.close(Duration::from_secs(5)).await;
    Ok(())
}

async fn login(address: String, ca_file: String, password: String) -> anyhow::Result<()> {
    // [login
    let config = ResilientClientConfig::builder()
        .servers(vec![address])
        .tls(TlsConfig::builder().ca_cert_path(ca_file).build()?, None)
        .auth("alice", password) // by SCRAM-SHA-256: the password is never sent
        .build();
    let client = ResilientClient::new(config);
    println!("{} topics", client.list_topics().await?.len());
    // login]
    client.close(Duration::from_secs(5)).await;
    Ok(())
}
