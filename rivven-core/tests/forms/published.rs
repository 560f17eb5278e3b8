//! What programs for the published crate take from the root.

use std::collections::HashMap;

use bytes::Bytes;
use rivven_client::{
    AlterTopicConfigResult, AuthSession, BrokerInfo, Client, DeleteRecordsResult, MAX_MESSAGE_SIZE, MessageData,
    PROTOCOL_VERSION, PartitionMetadata, RecordMetadata, Request, Response, Result, TopicConfigEntry, TopicMetadata,
};

use crate::{Done, broker};

/// The names are types that a program can spell out in its own signatures.
type Names = (
    Option<AlterTopicConfigResult>,
    Option<AuthSession>,
    Option<DeleteRecordsResult>,
    Option<RecordMetadata>,
    Option<Request>,
    Option<Response>,
    Result<()>,
);

#[test]
fn the_types_are_at_the_root_and_their_fields_public() {
    let names: Names = (None, None, None, None, None, None, Ok(()));
    assert!(names.0.is_none() && names.6.is_ok());
    assert_eq!((MAX_MESSAGE_SIZE, PROTOCOL_VERSION), (10_485_760, 2));
    let message = MessageData {
        offset: 1,
        partition: 2,
        key: Some(Bytes::from_static(b"k")),
        value: Bytes::from_static(b"v"),
        timestamp: 3,
        headers: Vec::new(),
    };
    assert_eq!((message.offset, message.partition, message.timestamp), (1, 2, 3));
    let broker = BrokerInfo { node_id: "n".into(), host: "h".into(), port: 1, rack: None };
    let partition =
        PartitionMetadata { partition: 0, leader: Some("n".into()), replicas: vec![], isr: vec![], offline: false };
    let topic = TopicMetadata { name: "t".into(), is_internal: false, partitions: vec![partition] };
    assert_eq!((broker.port, topic.partitions[0].leader.as_deref()), (1, Some("n")));
    let entry = TopicConfigEntry { key: "retention.ms".into(), value: None };
    assert_eq!((entry.key.as_str(), entry.value), ("retention.ms", None));
}

#[cfg(feature = "schema-registry")]
#[test]
fn the_types_of_schemas_are_at_the_root() {
    assert_eq!(rivven_client::SchemaType::Avro.to_string(), "AVRO");
}

#[tokio::test]
async fn a_request_of_ones_own_is_sent_as_it_is() -> Done {
    let broker = broker();
    let client = Client::connect(broker.address()).await?;
    let create = Request::CreateTopic { name: String::from("events"), partitions: Some(1) };
    match client.call(&create).await? {
        Response::TopicCreated { name, partitions } => assert_eq!((name.as_str(), partitions), ("events", 1)),
        other => panic!("{other:?}"),
    }
    let publish = Request::Publish {
        topic: "events".to_string(),
        partition: Some(0),
        key: None,
        value: Bytes::from("value"),
        leader_epoch: None,
    };
    assert!(matches!(client.call(&publish).await?, Response::Published { offset: 0, partition: 0 }));
    Ok(())
}

// covers: F103 rust
// covers: F109 rust
// covers: F110 rust
#[tokio::test]
async fn results_have_the_published_types() -> Done {
    let broker = broker();
    let mut client = Client::connect(broker.address()).await?;
    let partitions: u32 = client.create_topic("events", Some(1)).await?;
    let metadata: (String, u32) = client.get_metadata("events").await?;
    let bounds: (u64, u64) = client.get_offset_bounds("events", 0).await?;
    assert_eq!((partitions, metadata.1, bounds), (1, 1, (0, 0)));
    client.commit_offset("readers", "events", 0, 0).await?;
    let group: HashMap<String, HashMap<u32, u64>> = client.describe_group("readers").await?;
    assert_eq!(group["events"][&0], 0);
    let results: Vec<Result<_>> = client.consume_pipelined(&[("events", 0, 0, 10, None)]).await;
    assert!(results[0].as_ref().is_ok_and(|batch| batch.is_empty()));
    let name = String::from("events");
    let borrowed: &[&String] = &[&name];
    assert_eq!(client.describe_topic_configs(borrowed).await?.len(), 1);
    Ok(())
}
