//! The broker that is measured against.

use anyhow::{Context, Result};
use rivven_testkit::TestBroker;

/// A broker of somebody else's, or one that ends with this value.
#[derive(Debug)]
pub(crate) struct Server {
    address: String,
    _started: Option<TestBroker>,
}

impl Server {
    /// The one at the address, or else the real broker, started for this.
    pub(crate) fn at(address: Option<&str>) -> Result<Self> {
        if let Some(address) = address {
            return Ok(Server { address: address.to_owned(), _started: None });
        }
        let broker = TestBroker::start().context("start the real broker")?;
        Ok(Server { address: broker.address().to_owned(), _started: Some(broker) })
    }

    /// `host:port`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}
