//! Idempotent and transactional publishing, as programs write it.

use std::time::Duration;

use rivven_client::{Client, ProducerState};

use crate::{Done, broker};

// covers: F114 rust, F115 rust
#[tokio::test]
async fn idempotent_publishing() -> Done {
    let broker = broker();
    let mut client = Client::connect(broker.address()).await?;
    client.create_topic("orders", Some(1)).await?;
    let mut producer = client.init_producer_id(None).await?;
    println!("{} {}", producer.producer_id, producer.producer_epoch);
    for expected in 0..3 {
        let sequence: i32 = producer.next_sequence;
        assert_eq!(sequence, expected);
        let (offset, partition, was_duplicate): (u64, u32, bool) =
            client.publish_idempotent("orders", None::<Vec<u8>>, b"value".to_vec(), &mut producer).await?;
        assert_eq!((offset, partition, was_duplicate), (expected as u64, 0, false));
    }
    client.publish_idempotent("orders", Some("key"), b"value", &mut producer).await?;
    client.publish_idempotent_to_partition("orders", 0, Some(b"key".to_vec()), "value", &mut producer).await?;
    producer.abandon();
    let state: &ProducerState = &producer;
    assert_eq!(state.next_sequence, 5);
    let client = &mut client;
    client.init_producer_id(Some(1)).await?;
    Ok(())
}

// covers: F116 rust, F117 rust, F118 rust, F119 rust, F120 rust
#[tokio::test]
async fn consume_transform_produce_by_single_calls() -> Done {
    let broker = broker();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("input", Some(1)).await?;
    client.create_topic("orders", Some(1)).await?;
    client.create_topic("payments", Some(2)).await?;
    client.publish("input", b"event").await?;

    let mut producer = client.init_producer_id(None).await?;
    client.begin_transaction("txn-1", &producer, None).await?;
    let count: usize = client.add_partitions_to_txn("txn-1", &producer, &[("orders", 0), ("payments", 1)]).await?;
    assert_eq!(count, 2);
    for record in &client.consume_read_committed("input", 0, 0, 10).await? {
        let (_, _, sequence): (u64, u32, i32) = client
            .publish_transactional("txn-1", "orders", record.key.clone(), record.value.clone(), &mut producer)
            .await?;
        assert_eq!(sequence, 0);
        client.publish_transactional("txn-1", "payments", None::<&[u8]>, b"paid", &mut producer).await?;
    }
    client.add_offsets_to_txn("txn-1", &producer, "group", &[("input", 0, 1i64)]).await?;
    client.commit_transaction("txn-1", &producer).await?;
    assert_eq!(client.get_offset("group", "input", 0).await?, Some(1));

    let timeout: Option<Duration> = Some(Duration::from_secs(30));
    client.begin_transaction(String::from("txn-2"), &producer, timeout).await?;
    client.abort_transaction("txn-2", &producer).await?;
    Ok(())
}
