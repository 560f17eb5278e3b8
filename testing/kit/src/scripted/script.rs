//! The script of a broker, as plain data.

use std::collections::BTreeMap;
use std::io;

use serde::{Deserialize, Serialize};

use super::ScriptedBroker;
use super::rule::Rule;

/// What a [`ScriptedBroker`] is to be; the options of its builder, and what its program reads.
///
/// Everything has a default: one node, no topics, no users, no rules.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Script {
    /// Number of nodes, each with an address of its own.
    pub nodes: usize,
    /// Topics with their numbers of partitions.
    pub topics: BTreeMap<String, u32>,
    /// Records that are there from the start.
    pub records: Vec<Preload>,
    /// Partitions of a topic that is created without a number.
    pub default_partitions: u32,
    /// Whether publishing creates a topic; by default if there is one node.
    pub auto_create: Option<bool>,
    /// Users with their passwords; if there are any, clients have to log in.
    pub users: BTreeMap<String, String>,
    /// How SCRAM logins go.
    pub scram: Scram,
    /// How long a login lasts, in milliseconds.
    pub session_ms: u64,
    /// How long a member of a group waits for the leader, in milliseconds.
    pub sync_timeout_ms: u64,
    /// Largest length field of a request or an answer.
    pub max_frame: usize,
    /// Connections per node; more are closed at once. None for no limit.
    pub max_connections: Option<usize>,
    /// The host that clients are told to connect to.
    pub advertised_host: String,
    /// What is done to which requests.
    pub rules: Vec<Rule>,
}

/// Records that are there from the start.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preload {
    /// The topic; it is created if need be.
    pub topic: String,
    /// The partition.
    #[serde(default)]
    pub partition: u32,
    /// The key of each record.
    #[serde(default)]
    pub key: Option<String>,
    /// The values in order.
    pub values: Vec<String>,
}

/// How SCRAM logins go.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scram {
    /// Iterations that the server demands; any number.
    pub iterations: u32,
    /// What is wrong with the server's messages.
    pub tamper: Option<Tamper>,
}

/// What is wrong with the messages of a SCRAM login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tamper {
    /// The server's signature is not that of someone who knows the password.
    WrongSignature,
    /// The final message holds neither a signature nor an error, although a session is given.
    NoSignature,
    /// The final message is empty, although a session is given.
    EmptyFinal,
    /// The nonce does not begin with that of the client.
    ForeignNonce,
    /// The nonce is that of the client, without a part of the server's.
    EchoedNonce,
    /// The salt is no base64.
    BadSalt,
    /// There is no salt.
    NoSalt,
    /// The number of iterations is no number.
    BadIterations,
}

impl Default for Script {
    fn default() -> Self {
        Script {
            nodes: 1,
            topics: BTreeMap::new(),
            records: Vec::new(),
            default_partitions: 3,
            auto_create: None,
            users: BTreeMap::new(),
            scram: Scram::default(),
            session_ms: 3_600_000,
            sync_timeout_ms: 30_000,
            max_frame: rivven_client::MAX_MESSAGE_SIZE,
            max_connections: None,
            advertised_host: "127.0.0.1".into(),
            rules: Vec::new(),
        }
    }
}

impl Default for Scram {
    fn default() -> Self {
        // The least that clients accept, for the sake of speed; the real broker demands 600 000.
        Scram { iterations: 4096, tamper: None }
    }
}

impl Script {
    /// The script in a JSON text.
    ///
    /// # Errors
    ///
    /// What is wrong with the text.
    pub fn from_json(text: &str) -> io::Result<Self> {
        serde_json::from_str(text).map_err(io::Error::other)
    }

    /// Sets the number of nodes; 1 by default.
    pub fn nodes(mut self, nodes: usize) -> Self {
        self.nodes = nodes;
        self
    }

    /// Adds a topic.
    pub fn topic(mut self, name: &str, partitions: u32) -> Self {
        self.topics.insert(name.to_owned(), partitions);
        self
    }

    /// Adds records without keys to a partition.
    pub fn records(mut self, topic: &str, partition: u32, values: &[&str]) -> Self {
        let values = values.iter().map(|&value| value.to_owned()).collect();
        self.records.push(Preload { topic: topic.to_owned(), partition, key: None, values });
        self
    }

    /// Sets the partitions of a topic that is created without a number; 3 by default.
    pub fn default_partitions(mut self, partitions: u32) -> Self {
        self.default_partitions = partitions;
        self
    }

    /// Lets publishing create topics, as a broker alone does by default.
    pub fn with_auto_create(mut self) -> Self {
        self.auto_create = Some(true);
        self
    }

    /// Lets publishing to an unknown topic fail, as a cluster does by default.
    pub fn without_auto_create(mut self) -> Self {
        self.auto_create = Some(false);
        self
    }

    /// Adds a user; clients then have to log in.
    pub fn user(mut self, name: &str, password: &str) -> Self {
        self.users.insert(name.to_owned(), password.to_owned());
        self
    }

    /// Sets the iterations that a SCRAM login takes; 4096 by default.
    pub fn scram_iterations(mut self, iterations: u32) -> Self {
        self.scram.iterations = iterations;
        self
    }

    /// Makes something wrong with SCRAM logins.
    pub fn scram_tamper(mut self, tamper: Tamper) -> Self {
        self.scram.tamper = Some(tamper);
        self
    }

    /// Sets how long a login lasts, in milliseconds; an hour by default.
    pub fn session_ms(mut self, session_ms: u64) -> Self {
        self.session_ms = session_ms;
        self
    }

    /// Sets how long a member of a group waits for the leader, in milliseconds; 30 000 by default.
    pub fn sync_timeout_ms(mut self, timeout_ms: u64) -> Self {
        self.sync_timeout_ms = timeout_ms;
        self
    }

    /// Sets the largest length field of requests and answers; 10 MiB by default.
    pub fn max_frame(mut self, bytes: usize) -> Self {
        self.max_frame = bytes;
        self
    }

    /// Sets how many connections a node serves; more are closed at once.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = Some(connections);
        self
    }

    /// Sets the host that clients are told to connect to; 127.0.0.1 by default.
    pub fn advertised_host(mut self, host: &str) -> Self {
        self.advertised_host = host.to_owned();
        self
    }

    /// Adds a rule; on a broker that runs, [`ScriptedBroker::on`] does.
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Starts the broker.
    ///
    /// # Errors
    ///
    /// What the operating system reports; that there are no nodes.
    pub fn start(self) -> io::Result<ScriptedBroker> {
        ScriptedBroker::launch(self)
    }
}
