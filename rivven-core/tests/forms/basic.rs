//! The basic client.

use std::time::Duration;

use rivven_client::{Client, Decompression, ErrorCode, MessageData};

use crate::{Done, broker};

// covers: F004 rust
#[tokio::test]
async fn connecting_takes_an_address_in_any_form() -> Done {
    let broker = broker();
    let mut client = Client::connect(broker.address()).await?;
    client.ping().await?;
    Client::connect(&format!("localhost:{}", broker.port())).await?.ping().await?;
    Client::connect(format!("127.0.0.1:{}", broker.port())).await?.ping().await?;
    Client::connect_with_timeout(broker.address(), Duration::from_secs(5)).await?.ping().await?;
    // Nobody listens there, but the address was understood.
    let error = Client::connect(format!("[::1]:{}", broker.port())).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::ConnectionFailed);
    Ok(())
}

// covers: F006 rust
#[tokio::test]
async fn the_handshake_is_automatic_and_may_be_repeated() -> Done {
    let broker = broker();
    let mut client = Client::connect(broker.address()).await?;
    client.handshake("my-app").await?;
    client.handshake(String::from("my-app")).await?;
    client.ping().await?;
    Ok(())
}

// covers: F007 rust
#[tokio::test]
async fn a_record_without_partition_creates_its_topic() -> Done {
    let broker = broker();
    let mut client = Client::connect(broker.address()).await?;
    let offset: u64 = client.publish("unheard-of", b"value").await?;
    assert_eq!(offset, 0);
    let (name, partitions) = client.get_metadata("unheard-of").await?;
    assert_eq!(name, "unheard-of");
    let mut found = 0;
    for partition in 0..partitions {
        found += client.consume("unheard-of", partition, 0, 10).await?.len();
    }
    assert_eq!(found, 1);
    Ok(())
}

// covers: F008 rust
#[tokio::test]
async fn keys_partitions_and_batches() -> Done {
    let broker = broker();
    let mut client = Client::connect(broker.address()).await?;
    client.create_topic("orders", Some(2)).await?;
    let key = String::from("customer-1");
    let first: u64 = client.publish_with_key("orders", Some(b"customer-1"), b"created").await?;
    assert_eq!(client.publish_with_key("orders", Some(&key), "paid").await?, first + 1);
    assert_eq!(client.publish_with_key("orders", Some(key.into_bytes()), "sent").await?, first + 2);
    client.publish_with_key("orders", None::<Vec<u8>>, "no key").await?;
    client.create_topic("one", Some(1)).await?;
    assert_eq!(client.publish_to_partition("one", 0, Some(b"k"), b"a").await?, 0);
    assert_eq!(client.publish_to_partition("one", 0, None::<&[u8]>, String::from("b")).await?, 1);
    let (base_offset, partition, count): (u64, u32, u32) =
        client.publish_batch("one", Some(0), &[(Some("k"), "c"), (None, "d")]).await?;
    assert_eq!((base_offset, partition, count), (2, 0, 2));
    let records: Vec<(Option<Vec<u8>>, Vec<u8>)> = vec![(None, b"e".to_vec())];
    assert_eq!(client.publish_batch("one", None, &records).await?, (4, 0, 1));
    let batch = client.consume("one", 0, 0, 10).await?;
    let values: Vec<_> = batch.iter().map(|message| message.value.as_ref()).collect();
    assert_eq!(values, [b"a", b"b", b"c", b"d", b"e"]);
    Ok(())
}

// covers: F009 rust
#[tokio::test]
async fn a_batch_is_used_like_a_vector_of_messages() -> Done {
    let broker = broker();
    let mut client = Client::connect(broker.address()).await?;
    client.create_topic("events", Some(1)).await?;
    for (key, value) in [("k1", "v1"), ("k2", "v2"), ("k3", "v3")] {
        client.publish_to_partition("events", 0, Some(key), value).await?;
    }
    let batch = client.consume("events", 0, 1, 100).await?;
    assert_eq!((batch.len(), batch.is_empty()), (2, false));
    assert_eq!(batch[0].offset, 1);
    assert_eq!(batch.last().map(|message| message.offset), Some(2));
    assert_eq!(batch.first().and_then(|message| message.key.clone()).as_deref(), Some(&b"k2"[..]));
    assert_eq!(batch.iter().map(|message| message.partition).max(), Some(0));
    for message in &batch {
        assert!(message.timestamp > 0 && message.headers.is_empty());
    }
    let slice: &[MessageData] = &batch;
    assert_eq!(slice.len(), 2);
    let mut values = Vec::new();
    for message in batch {
        let MessageData { offset, partition, key, value, timestamp, headers } = message;
        let _ = (offset, partition, key, timestamp, headers);
        values.push(String::from_utf8(value.to_vec())?);
    }
    assert_eq!(values, ["v2", "v3"]);
    assert!(client.consume("events", 0, 3, 100).await?.is_empty());
    client.set_decompression(Decompression::Never);
    assert_eq!(client.consume("events", 0, 0, 1).await?[0].value, "v1");
    Ok(())
}

// covers: F010 rust
#[tokio::test]
async fn reading_with_isolation_waiting_and_many_partitions() -> Done {
    let broker = broker();
    let mut client = Client::connect(broker.address()).await?;
    client.create_topic("events", Some(2)).await?;
    client.publish_to_partition("events", 0, None::<Vec<u8>>, "a").await?;
    client.publish_to_partition("events", 1, None::<Vec<u8>>, "b").await?;
    assert_eq!(client.consume_with_isolation("events", 0, 0, 10, Some(1)).await?.len(), 1);
    assert_eq!(client.consume_with_isolation("events", 0, 0, 10, None).await?.len(), 1);
    assert_eq!(client.consume_read_committed("events", 0, 0, 10).await?.len(), 1);
    assert_eq!(client.consume_long_poll("events", 0, 0, 10, None, 1000).await?.len(), 1);
    assert!(client.consume_long_poll("events", 0, 1, 10, Some(0), 20).await?.is_empty());
    let fetches: [(&str, u32, u64, u32, Option<u8>); 3] =
        [("events", 0, 0, 10, None), ("events", 1, 0, 10, Some(1)), ("nothing", 0, 0, 10, None)];
    let results = client.consume_pipelined(&fetches).await;
    assert_eq!(results.len(), 3);
    assert_eq!(results[0].as_ref().map(|batch| batch.len()).ok(), Some(1));
    assert_eq!(results[1].as_ref().map(|batch| batch.len()).ok(), Some(1));
    assert!(results[2].is_err());
    Ok(())
}

// covers: F011 rust
#[tokio::test]
async fn a_timeout_poisons_the_connection_and_that_is_visible() -> Done {
    let broker = broker();
    let mut client = Client::connect(broker.address()).await?;
    client.ping().await?;
    assert!(!client.is_poisoned() && !client.is_tls());
    client.create_topic("events", Some(1)).await?;
    client.set_request_timeout(Duration::from_millis(1));
    // The broker keeps the connection busy with the poll, so the ping behind it has no answer in time.
    let poll = client.clone();
    let poll = async move { poll.consume_long_poll("events", 0, 0, 1, None, 5000).await };
    let (poll, ping) = tokio::join!(poll, client.ping());
    assert_eq!(ping.unwrap_err().code(), ErrorCode::TimedOut);
    assert!(poll.is_err() && client.is_poisoned());
    assert!(client.ping().await.is_err(), "a poisoned client stays so");
    Ok(())
}
