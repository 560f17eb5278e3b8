//! The package, its features, and how values and names are given.

use bytes::Bytes;
use rivven_client::{Client, ErrorCode, ResilientClient, ResilientClientConfig};

use crate::{Done, broker};

// covers: F001 rust
#[test]
fn the_package_is_of_the_series_that_programs_ask_for() {
    let manifest = include_str!("../../Cargo.toml");
    assert!(manifest.contains("name = \"rivven-client\"") && manifest.contains("name = \"rivven_client\""));
    assert!(env!("CARGO_PKG_VERSION").starts_with("0.2."));
    assert!(manifest.contains("\ntls = ["), "TLS is a feature");
}

// covers: F002 rust
#[test]
fn the_default_features_are_compression_and_the_schema_registry() {
    let manifest: String = include_str!("../../Cargo.toml").split_whitespace().collect();
    assert!(manifest.contains("default=[\"compression\",\"schema-registry\",]"));
}

// covers: F002 rust
#[cfg(feature = "compression")]
#[test]
fn there_are_three_codecs_and_gzip_is_refused() {
    use rivven_client::CompressionType;
    use rivven_client::compression::Compressor;
    for codec in [CompressionType::None, CompressionType::Snappy, CompressionType::Lz4, CompressionType::Zstd] {
        assert!(Compressor::new(codec).is_ok(), "{codec:?}");
    }
    assert_eq!(Compressor::new(CompressionType::Gzip).unwrap_err().code(), ErrorCode::Unsupported);
}

// covers: F003 rust
#[tokio::test]
async fn values_and_names_are_given_in_any_form() -> Done {
    let broker = broker();
    let mut client = Client::connect(broker.address()).await?;
    let topic = String::from("forms");
    client.create_topic(&topic, Some(1)).await?;
    client.publish("forms", b"value").await?;
    client.publish(&topic, "value").await?;
    client.publish(topic.clone(), String::from("value")).await?;
    client.publish(topic.as_str(), b"value".to_vec()).await?;
    client.publish(&topic, Bytes::from_static(b"value")).await?;
    client.publish(&topic, &b"value"[..]).await?;
    let batch = client.consume(&topic, 0, 0, 100).await?;
    assert_eq!(batch.len(), 6);
    assert!(batch.iter().all(|message| message.value == "value"));
    Ok(())
}

// covers: F003 rust
#[tokio::test]
async fn a_build_without_result_shows_its_invalid_value_at_the_first_call() {
    let config: ResilientClientConfig = ResilientClientConfig::builder().build();
    let client = ResilientClient::new(config);
    assert_eq!(client.ping().await.unwrap_err().code(), ErrorCode::InvalidConfig);
    assert_eq!(client.connect().await.unwrap_err().code(), ErrorCode::InvalidConfig);
}
