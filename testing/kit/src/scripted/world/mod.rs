//! What the nodes of a scripted broker know and how they answer, without any I/O.

mod admin;
mod groups;
mod log;
mod producers;
mod publish;
mod read;
mod transactions;

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rivven_client::PROTOCOL_VERSION;
use rivven_client::protocol::{MessageData, Request, Response, check_topic_name};

use super::script::Script;
use groups::Groups;
use log::Topics;
use producers::Producers;
use read::Offsets;
use transactions::Transactions;

/// How far an answer is.
#[derive(Debug)]
pub(crate) enum Step {
    /// It is complete.
    Done(Response),
    /// It comes when something changes, at the latest at this time: ask again then.
    WaitUntil(Instant),
}

/// A step towards an answer, or the text of an error.
pub(super) type Answer = Result<Step, String>;

fn answer(response: Response) -> Answer {
    Ok(Step::Done(response))
}

/// A request under way.
#[derive(Debug)]
pub(crate) struct Call {
    /// The node that is asked.
    pub(super) node: usize,
    /// When it was asked.
    pub(super) asked: Instant,
    /// The present time.
    pub(super) now: Instant,
    /// What a member of a group saw when it began to wait.
    waits_since: Option<u64>,
}

impl Call {
    pub(crate) fn new(node: usize) -> Self {
        let now = Instant::now();
        Call { node, asked: now, now, waits_since: None }
    }
}

/// A node of the cluster, with what it keeps for itself.
#[derive(Debug)]
pub(crate) struct Node {
    pub(super) id: String,
    /// Where clients are told to connect.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) alive: bool,
    producers: Producers,
    transactions: Transactions,
    groups: Groups,
    offsets: Offsets,
}

impl Node {
    pub(crate) fn new(id: String, host: String, port: u16) -> Self {
        Node {
            id,
            host,
            port,
            alive: true,
            producers: Producers::default(),
            transactions: Transactions::default(),
            groups: Groups::default(),
            offsets: Offsets::default(),
        }
    }

    /// Forgets what a broker keeps in memory only.
    fn forget(&mut self) {
        self.producers = Producers::default();
        self.transactions = Transactions::default();
        self.groups = Groups::default();
    }
}

/// Everything that the nodes know.
#[derive(Debug)]
pub(crate) struct World {
    pub(super) nodes: Vec<Node>,
    topics: Topics,
    quotas: BTreeMap<(String, Option<String>), HashMap<String, u64>>,
    default_partitions: u32,
    auto_create: bool,
    sync_timeout: Duration,
}

impl World {
    pub(crate) fn new(script: &Script, nodes: Vec<Node>) -> Self {
        let mut world = World {
            nodes,
            topics: Topics::default(),
            quotas: BTreeMap::new(),
            default_partitions: script.default_partitions,
            auto_create: script.auto_create.unwrap_or(script.nodes == 1),
            sync_timeout: Duration::from_millis(script.sync_timeout_ms),
        };
        for (name, partitions) in &script.topics {
            world.topics.create(name, *partitions, world.nodes.len());
        }
        for preload in &script.records {
            for value in &preload.values {
                let (key, value) = (preload.key.as_ref().map(|key| key.clone().into()), value.clone().into());
                world.append(&preload.topic, preload.partition, key, value);
            }
        }
        world
    }

    /// Takes the next step towards an answer.
    pub(crate) fn answer(&mut self, call: &mut Call, request: &Request) -> Step {
        call.now = Instant::now();
        let answered = self.dispatch(call, request);
        answered.unwrap_or_else(|message| Step::Done(Response::Error { message }))
    }

    fn dispatch(&mut self, call: &mut Call, request: &Request) -> Answer {
        use Request::*;
        match request {
            Ping => answer(Response::Pong),
            Handshake { protocol_version, .. } => answer(handshake(*protocol_version)),
            Publish { .. }
            | PublishBatch { .. }
            | IdempotentPublish { .. }
            | IdempotentPublishBatch { .. }
            | TransactionalPublish { .. } => self.publish(call, request),
            Consume { .. }
            | GetOffsetBounds { .. }
            | GetOffsetForTimestamp { .. }
            | CommitOffset { .. }
            | GetOffset { .. }
            | ListGroups
            | DescribeGroup { .. }
            | DeleteGroup { .. } => self.read(call, request),
            InitProducerId { .. }
            | BeginTransaction { .. }
            | AddPartitionsToTxn { .. }
            | AddOffsetsToTxn { .. }
            | CommitTransaction { .. }
            | AbortTransaction { .. } => self.transact(call, request),
            JoinGroup { .. } | SyncGroup { .. } | Heartbeat { .. } | LeaveGroup { .. } => self.group(call, request),
            Authenticate { .. } | SaslAuthenticate { .. } | ScramClientFirst { .. } | ScramClientFinal { .. } => {
                Err("UNSUPPORTED: Use authenticated endpoint for authentication".into())
            }
            _ => self.admin(request),
        }
    }

    /// Creates a topic that is published to, where that is allowed.
    fn ensure_topic(&mut self, name: &str) -> Result<(), String> {
        check_topic_name(name).map_err(|error| format!("INVALID_TOPIC_NAME: {error}"))?;
        if self.auto_create {
            self.topics.create(name, self.default_partitions, self.nodes.len());
        }
        self.topics.get(name).map(drop).ok_or_else(|| format!("UNKNOWN_TOPIC_OR_PARTITION: {name}"))
    }

    /// Refuses what only the leader may do.
    fn check_leader(&self, call: &Call, topic: &str, partition: u32) -> Result<(), String> {
        match self.topics.partition(topic, partition) {
            Some(log) if log.leader != call.node => {
                let leader = &self.nodes[log.leader].id;
                Err(format!("NOT_LEADER_FOR_PARTITION: {topic}/{partition}. Leader is node '{leader}'"))
            }
            _ => Ok(()),
        }
    }

    /// Makes a node the leader of a partition; false if there is no such partition.
    pub(super) fn move_leader(&mut self, topic: &str, partition: u32, node: usize) -> bool {
        let log = self.topics.partition_mut(topic, partition);
        log.map(|log| log.leader = node).is_some()
    }

    /// Gives all partitions of a node to the next living one.
    pub(super) fn fail_over(&mut self, node: usize) {
        let count = self.nodes.len();
        let next = (1..count).map(|step| (node + step) % count).find(|next| self.nodes[*next].alive);
        let Some(next) = next else { return };
        let partitions = self.topics.iter_mut().flat_map(|(_, topic)| &mut topic.partitions);
        partitions.filter(|log| log.leader == node).for_each(|log| log.leader = next);
    }

    /// Notes that a node has died, or that it is back, without what was in its memory.
    pub(super) fn set_alive(&mut self, node: usize, alive: bool) {
        self.nodes[node].alive = alive;
        self.nodes[node].forget();
    }

    /// Appends a record behind the back of all clients, and creates the topic if need be.
    pub(super) fn append(&mut self, topic: &str, partition: u32, key: Option<Bytes>, value: Bytes) -> u64 {
        self.log(topic, partition).append(key, value, None)
    }

    /// Appends what only occupies an offset.
    pub(super) fn append_marker(&mut self, topic: &str, partition: u32) -> u64 {
        self.log(topic, partition).append_marker()
    }

    /// Appends a record under any offset.
    pub(super) fn append_at(&mut self, topic: &str, partition: u32, offset: u64, value: Bytes) {
        self.log(topic, partition).append_out_of_order(offset, value);
    }

    fn log(&mut self, topic: &str, partition: u32) -> &mut log::Partition {
        let nodes = self.nodes.len();
        self.topics.create(topic, self.default_partitions.max(partition + 1), nodes);
        let found = self.topics.get_mut(topic).expect("it has just been created");
        found.grow(partition + 1, nodes);
        &mut found.partitions[partition as usize]
    }

    /// All records of a partition.
    pub(super) fn records(&self, topic: &str, partition: u32) -> Vec<MessageData> {
        let log = self.topics.partition(topic, partition);
        log.map_or_else(Vec::new, |log| log.all(partition))
    }

    /// The offset that a group has committed with a node.
    pub(super) fn committed_offset(&self, node: usize, group: &str, topic: &str, partition: u32) -> Option<u64> {
        self.nodes[node].offsets.get(group, topic, partition)
    }

    /// Ends a membership as an expired session does; false if there is none.
    pub(super) fn expire_member(&mut self, group: &str, member: &str) -> bool {
        self.nodes.iter_mut().any(|node| node.groups.remove(group, member))
    }
}

fn handshake(client: u32) -> Response {
    let compatible = client == PROTOCOL_VERSION;
    let message = match compatible {
        true => "OK".to_owned(),
        false => format!("Version mismatch: client={client}, server={PROTOCOL_VERSION}"),
    };
    Response::HandshakeResult { server_version: PROTOCOL_VERSION, compatible, message }
}
