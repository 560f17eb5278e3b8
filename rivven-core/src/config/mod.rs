//! Configuration: the keys, values as strings, and the typed configurations.

mod auth;
mod consumer;
mod keys;
mod pipeline;
mod producer;
mod properties;
mod resilient;
#[cfg(feature = "tls")]
mod tls;

pub use auth::AuthConfig;
pub use consumer::{
    AutoOffsetReset, ConsumerAuthConfig, ConsumerConfig, ConsumerConfigBuilder, OnFailure, ProcessConfig,
};
pub use keys::{Kind, Property, Scope};
pub use pipeline::{PipelineAuthConfig, PipelineConfig, PipelineConfigBuilder};
pub use producer::{ProducerAuthConfig, ProducerConfig, ProducerConfigBuilder};
pub use properties::Properties;
pub use resilient::{ResilientAuthConfig, ResilientClientConfig, ResilientClientConfigBuilder};
#[cfg(feature = "tls")]
pub use tls::{TlsConfig, TlsConfigBuilder};
