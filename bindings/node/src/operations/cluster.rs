//! Operations on the cluster as a whole.

use napi_derive::napi;
use rivven_bridge::Stats;
use rivven_client::ops::{GetClusterMetadata, Ping};

use crate::client::NativeClient;
use crate::failure::Failure;

#[napi]
#[allow(unreachable_pub, reason = "the macro exports only what is pub")]
impl NativeClient {
    /// Asks for a sign of life.
    #[napi]
    pub fn ping(&self, token: i64) -> Option<Failure> {
        self.submit(token, &Ping)
    }

    /// Asks for the brokers and the leaders of topics.
    #[napi]
    pub fn get_cluster_metadata(&self, token: i64, topics: Vec<String>) -> Option<Failure> {
        self.submit(token, &GetClusterMetadata { topics: &topics })
    }

    /// Asks for the servers of the client and their connections.
    #[napi]
    pub fn stats(&self, token: i64) -> Option<Failure> {
        self.submit(token, &Stats)
    }
}
