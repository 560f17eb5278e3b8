//! Frames in the real broker, read by a client.

use rivven_client::{Client, CompressionType, Decompression, ErrorCode, Outcome, Result};
use rivven_testkit::TestBroker;

use crate::written;

// covers: F009 rust
#[tokio::test]
async fn a_client_decodes_what_it_reads_as_it_is_told() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    let value = [b'v'; 500];
    let frame = written(&value, CompressionType::Zstd);
    client.create_topic("frames", Some(1)).await?;
    client.publish_to_partition("frames", 0, None::<&str>, &frame).await?;
    client.publish_to_partition("frames", 0, None::<&str>, "plain").await?;
    let read = async || client.consume("frames", 0, 0, 10).await;

    let records = read().await?;
    assert_eq!((&records[0].value[..], &records[1].value[..]), (&value[..], &b"plain"[..]));

    client.clone().set_decompression(Decompression::Never);
    let records = read().await?;
    assert_eq!((&records[0].value, &records[1].value[..]), (&frame, &b"plain"[..]));

    client.set_decompression(Decompression::Always);
    let error = read().await.unwrap_err();
    assert_eq!((error.code(), error.outcome()), (ErrorCode::Serialization, Outcome::Unknown));
    assert!(error.to_string().contains("partition 0, offset 1"), "{error}");
    assert!(!client.is_poisoned(), "the connection is in order");
    Ok(())
}
