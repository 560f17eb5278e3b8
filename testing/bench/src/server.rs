//! The broker that is measured against.

use anyhow::{Context, Result};
use rivven_testkit::TestBroker;

/// A broker of somebody else's, or one that ends with this value.
#[derive(Debug)]
pub(crate) enum Server {
    /// It runs already, at this address.
    Given(String),
    /// The real broker, started for this.
    Started(TestBroker),
}

impl Server {
    /// The one at the address, or a new one.
    pub(crate) fn at(address: Option<&str>) -> Result<Self> {
        match address {
            Some(address) => Ok(Server::Given(address.to_owned())),
            None => TestBroker::start().map(Server::Started).context("start the real broker"),
        }
    }

    /// `host:port`.
    pub(crate) fn address(&self) -> &str {
        match self {
            Server::Given(address) => address,
            Server::Started(broker) => broker.address(),
        }
    }
}
