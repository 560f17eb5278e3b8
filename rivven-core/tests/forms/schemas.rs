//! The registration of schemas.

use rivven_client::{Client, MAX_CHUNK_SIZE, MAX_RESPONSE_SIZE, SchemaType};
use rivven_testkit::TestRegistry;

use crate::{Done, broker, resilient};

const AVRO: &str = r#"{"type":"record","name":"User","fields":[{"name":"id","type":"long"}]}"#;

// covers: F112 rust
// covers: F113 rust
#[tokio::test]
async fn a_schema_is_registered_and_read_by_either_client() -> Done {
    let (broker, registry) = (broker(), TestRegistry::start().unwrap());
    let mut client = Client::connect(broker.address()).await?;
    let url = registry.url().to_owned();
    let id: u32 = client.register_schema(&url, "users-value", "AVRO", AVRO).await?;
    let resilient = resilient(&broker);
    assert_eq!(resilient.register_schema(url.as_str(), "users-value", SchemaType::Avro, String::from(AVRO)).await?, id);
    let proto = "syntax = \"proto3\";\nmessage User {\n  int64 id = 1;\n}\n";
    client.register_schema(&url, "users-proto", "PROTOBUF", proto).await?;
    client.register_schema(&url, "users-json", "JSON", r#"{"type":"object"}"#).await?;
    assert_eq!(client.get_schema(&url, id).await?.schema_type, SchemaType::Avro);
    let latest = client.get_schema_version(&url, "users-value", None).await?;
    let first = client.get_schema_version(url, String::from("users-value"), Some(1)).await?;
    assert_eq!((latest.id, first.version), (Some(id), Some(1)));
    assert_eq!((MAX_CHUNK_SIZE, MAX_RESPONSE_SIZE), (16 << 20, 16 << 20));
    Ok(())
}
