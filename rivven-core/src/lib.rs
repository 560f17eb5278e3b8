//! Client for the Rivven event streaming platform.
//!
//! [`Client`] is one connection to one broker; [`PipelinedClient`] one that many
//! tasks share, written to in batches; [`ResilientClient`] keeps a list of
//! brokers behind the same operations and replaces what fails. All are cheap to
//! clone, safe to share between tasks and driven by tokio.
//!
//! ```no_run
//! # async fn run() -> rivven_client::Result<()> {
//! use rivven_client::Client;
//!
//! let client = Client::connect("127.0.0.1:9092").await?;
//! client.create_topic("orders", Some(3)).await?;
//! let offset = client.publish_to_partition("orders", 0, Some("key"), "value").await?;
//! for record in client.consume("orders", 0, offset, 100).await? {
//!     println!("{}: {:?}", record.offset, record.value);
//! }
//! # Ok(())
//! # }
//! ```

mod auth;
mod client;
mod cluster;
pub mod compression;
mod config;
mod connection;
mod consumer;
mod error;
mod methods;
pub mod ops;
mod pipelined;
mod producer;
pub mod protocol;
mod record_metadata;
mod resilience;
mod resilient;
#[cfg(feature = "schema-registry")]
mod schema_registry;
mod transaction;

pub use auth::{AuthMechanism, AuthSession};
pub use client::Client;
pub use cluster::{ResilientStats, ServerStats, StateChange, StateChanges};
pub use compression::{CompressionType, Decompression};
pub use config::{
    AuthConfig, AutoOffsetReset, ConsumerAuthConfig, ConsumerConfig, ConsumerConfigBuilder, Kind, OnFailure,
    PipelineAuthConfig, PipelineConfig, PipelineConfigBuilder, ProcessConfig, ProducerAuthConfig, ProducerConfig,
    ProducerConfigBuilder, Properties, Property, ResilientAuthConfig, ResilientClientConfig,
    ResilientClientConfigBuilder, Scope,
};
#[cfg(feature = "tls")]
pub use config::{TlsConfig, TlsConfigBuilder};
pub use consumer::{
    Assignor, Consumer, ConsumerEvent, ConsumerEvents, ConsumerRecord, ConsumerRecords, ConsumerStatsSnapshot,
    IntoRecords, Pace, PartitionRecords, PartitionStats, ProcessReport, RebalanceListener, RecordStream, RecordView,
    TopicPartition,
};
pub use error::{Detail, Error, ErrorCode, Outcome, Result};
pub use ops::AlterTopicConfigResult;
pub use pipelined::{PipelineStatsSnapshot, PipelinedClient};
pub use producer::{
    Deliveries, Delivery, DeliveryReport, DeliveryReports, Partitioner, Partitioning, Producer, ProducerServerStats,
    ProducerStatsSnapshot, TopicHandle, partition_of_key,
};
pub use protocol::{
    BrokerInfo, DeleteRecordsResult, MAX_MESSAGE_SIZE, MessageData, Operation, PROTOCOL_VERSION, PartitionMetadata,
    Request, Response, TopicConfigEntry, TopicMetadata,
};
pub use record_metadata::{OFFSET_UNKNOWN, RecordMetadata};
pub use resilience::CircuitState;
pub use resilient::{Answering, ResilientClient};
#[cfg(feature = "schema-registry")]
pub use schema_registry::{MAX_CHUNK_SIZE, MAX_RESPONSE_SIZE, Schema, SchemaType};
pub use transaction::{ProducerState, Transaction, TransformReport, Transformer, transform};
