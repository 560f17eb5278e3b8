//! Configuration: the keys, values as strings, and the typed configurations.

mod keys;
mod properties;
mod resilient;

pub use keys::{Kind, Property, Scope};
pub use properties::Properties;
pub use resilient::{ResilientClientConfig, ResilientClientConfigBuilder};
