//! A broker, or a cluster of them, that does what a test tells it to.

mod connection;
mod error_texts;
mod kind;
mod login;
mod node;
mod on;
mod receive;
mod reply;
mod rule;
mod script;
mod shared;
pub(crate) mod world;

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use rivven_client::protocol::MessageData;

use crate::net::{End, Host};
pub use error_texts::ERROR_TEXTS;
pub use kind::Kind;
use node::Door;
pub use on::On;
pub use reply::{Hex, Reply};
pub use rule::{Action, Answerer, Rule};
pub use script::{Preload, Scram, Script, Tamper};
pub use shared::ReceivedRequest;
use shared::{Shared, lock};
use world::{Node, World};

/// A broker in this process that answers as the real one does, unless a rule says otherwise; it ends with this value.
///
/// It may have several nodes, each on a loopback port of its own, which share
/// the logs of all partitions. Nodes and connections are numbered from 0; the
/// node ids are `node-0`, `node-1` and so on, and partition p is led by node
/// p modulo the number of nodes at first. As in the real cluster, producer ids,
/// transactions, groups and committed offsets are each node's own.
///
/// ```
/// use rivven_testkit::{Kind, Reply, ScriptedBroker};
/// use std::time::Duration;
///
/// let broker = ScriptedBroker::builder().nodes(3).topic("orders", 6).start()?;
/// broker.on(Kind::Publish).times(2).answer(Reply::error("WAL_ERROR: disk full"));
/// broker.on(Kind::Consume).after(3).once().delay(Duration::from_secs(1));
/// broker.on(Kind::Ping).node(1).once().drop_answer();
/// broker.move_leader("orders", 4, 2);
/// broker.kill(0);
/// # std::io::Result::Ok(())
/// ```
pub struct ScriptedBroker {
    shared: Arc<Shared>,
    doors: Arc<Mutex<Vec<Door>>>,
    addresses: Vec<String>,
    host: Host,
}

impl ScriptedBroker {
    /// Starts a broker of one node, without topics and rules.
    ///
    /// # Errors
    ///
    /// What the operating system reports.
    pub fn start() -> io::Result<Self> {
        Self::builder().start()
    }

    /// The script of a broker that is not started yet.
    pub fn builder() -> Script {
        Script::default()
    }

    fn launch(mut script: Script) -> io::Result<Self> {
        if script.nodes == 0 {
            return Err(io::Error::other("a broker needs at least one node"));
        }
        script.auto_create.get_or_insert(script.nodes == 1);
        let host = Host::start("scripted-broker")?;
        let count = script.nodes;
        let doors = host.run(async move { (0..count).map(|_| Door::new()).collect::<io::Result<Vec<Door>>>() })?;
        let node = |(index, door): (usize, &Door)| {
            Node::new(format!("node-{index}"), script.advertised_host.clone(), door.address.port())
        };
        let nodes = doors.iter().enumerate().map(node).collect();
        let world = World::new(&script, nodes);
        let addresses = doors.iter().map(|door| door.address.to_string()).collect();
        let broker = ScriptedBroker {
            shared: Arc::new(Shared::new(script, world)),
            doors: Arc::new(Mutex::new(doors)),
            addresses,
            host,
        };
        for node in 0..count {
            broker.open(node)?;
        }
        Ok(broker)
    }

    /// `host:port` of the first node.
    pub fn address(&self) -> String {
        self.address_of(0)
    }

    /// `host:port` of a node; the same after [`revive`](Self::revive).
    ///
    /// # Panics
    ///
    /// If there is no such node, as all methods that take one.
    pub fn address_of(&self, node: usize) -> String {
        self.addresses[node].clone()
    }

    /// `host:port` of every node.
    pub fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// Begins a rule for requests of a kind.
    pub fn on(&self, kind: Kind) -> On<'_> {
        On::new(self, Some(kind))
    }

    /// Begins a rule for all requests.
    pub fn on_any(&self) -> On<'_> {
        On::new(self, None)
    }

    /// Adds a rule.
    pub fn add_rule(&self, rule: Rule) {
        lock(&self.shared.rules).add(rule);
    }

    /// Removes all rules.
    pub fn clear_rules(&self) {
        lock(&self.shared.rules).clear();
    }

    /// How many rules have not yet concerned as many requests as they are to; those without a number never count.
    pub fn unspent_rules(&self) -> usize {
        lock(&self.shared.rules).unspent()
    }

    /// Lets all answers go that are held at present.
    pub fn release(&self) {
        self.shared.release();
    }

    /// All requests so far, in order.
    ///
    /// One is in the list as soon as it has been carried out, or as it waits for records, for others or for a rule.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.shared.received().clone()
    }

    /// The requests of a kind so far.
    pub fn requests_of(&self, kind: Kind) -> Vec<ReceivedRequest> {
        self.shared.received().iter().filter(|received| received.kind() == kind).cloned().collect()
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.shared.received().clear();
    }

    /// Waits until so many requests of a kind have come; on any runtime.
    pub async fn until_received(&self, kind: Kind, count: usize) {
        self.shared.until_received(kind, count).await;
    }

    /// Blocks the thread until so many requests of a kind have come; false after the timeout.
    ///
    /// Not for a runtime whose only thread the client needs too.
    pub fn wait_received(&self, kind: Kind, count: usize, timeout: Duration) -> bool {
        let shared = Arc::clone(&self.shared);
        self.host.run(async move { tokio::time::timeout(timeout, shared.until_received(kind, count)).await.is_ok() })
    }

    /// Number of connections that were accepted so far.
    pub fn connections(&self) -> u64 {
        self.shared.accepted.load(Ordering::Relaxed)
    }

    /// Number of connections to a node that are open.
    pub fn open_connections(&self, node: usize) -> usize {
        self.shared.connections[node].count()
    }

    /// Closes all connections to a node, which goes on listening; returns when they are closed.
    pub fn close_connections(&self, node: usize) {
        self.end_connections(node, End::Close);
    }

    /// Resets all connections to a node, which goes on listening; returns when they are reset.
    pub fn reset_connections(&self, node: usize) {
        self.end_connections(node, End::Reset);
    }

    fn end_connections(&self, node: usize, how: End) {
        let connections = Arc::clone(&self.shared.connections[node]);
        self.host.run(async move { connections.end(how, |_| true).await });
    }

    /// Ends a node: connections are closed, new ones refused, and what it had in memory is lost.
    ///
    /// Its partitions have no leader until they are given to another node or it
    /// is back. Returns when that is done.
    pub fn kill(&self, node: usize) {
        self.shared.change(|world| world.set_alive(node, false));
        let (doors, connections) = (Arc::clone(&self.doors), Arc::clone(&self.shared.connections[node]));
        let mut door = std::mem::replace(&mut lock(&doors)[node], Door::lost());
        let door = self.host.run(async move {
            let _ = door.shut().await;
            connections.end(End::Close, |_| true).await;
            door
        });
        lock(&doors)[node] = door;
    }

    /// Brings a node back on its port; logs and committed offsets are still there.
    ///
    /// # Errors
    ///
    /// That somebody else has taken the port.
    pub fn revive(&self, node: usize) -> io::Result<()> {
        self.shared.change(|world| world.set_alive(node, true));
        self.open(node)
    }

    fn open(&self, node: usize) -> io::Result<()> {
        let (doors, shared) = (Arc::clone(&self.doors), Arc::clone(&self.shared));
        self.host.run(async move { lock(&doors)[node].open(node, shared) })
    }

    /// Makes a node the leader of a partition; false if there is no such partition.
    pub fn move_leader(&self, topic: &str, partition: u32, node: usize) -> bool {
        self.shared.change(|world| world.move_leader(topic, partition, node))
    }

    /// Gives all partitions of a node to the next living one.
    pub fn fail_over(&self, node: usize) {
        self.shared.change(|world| world.fail_over(node));
    }

    /// Tells clients another address of a node, that of a proxy for instance.
    pub fn advertise(&self, node: usize, host: &str, port: u16) {
        let mut world = self.shared.world();
        world.nodes[node].host = host.to_owned();
        world.nodes[node].port = port;
    }

    /// Ends all logins; the next request on each connection is refused.
    pub fn expire_sessions(&self) {
        self.shared.logins.expire();
    }

    /// Ends a membership as an expired session does; false if there is none.
    pub fn expire_member(&self, group: &str, member: &str) -> bool {
        self.shared.change(|world| world.expire_member(group, member))
    }

    /// Appends a record, whoever leads the partition, and gives its offset.
    pub fn append(&self, topic: &str, partition: u32, key: Option<&[u8]>, value: &[u8]) -> u64 {
        let (key, value) = (key.map(Bytes::copy_from_slice), Bytes::copy_from_slice(value));
        self.shared.change(|world| world.append(topic, partition, key, value))
    }

    /// Appends the end of a transaction, which takes an offset and is not shown to consumers.
    pub fn append_marker(&self, topic: &str, partition: u32) -> u64 {
        self.shared.change(|world| world.append_marker(topic, partition))
    }

    /// Appends a record under an offset out of order, as the real broker does after a crash.
    pub fn append_at(&self, topic: &str, partition: u32, offset: u64, value: &[u8]) {
        let value = Bytes::copy_from_slice(value);
        self.shared.change(|world| world.append_at(topic, partition, offset, value));
    }

    /// The records of a partition.
    pub fn records(&self, topic: &str, partition: u32) -> Vec<MessageData> {
        self.shared.world().records(topic, partition)
    }

    /// The offset that a group has committed with a node.
    pub fn committed_offset(&self, node: usize, group: &str, topic: &str, partition: u32) -> Option<u64> {
        self.shared.world().committed_offset(node, group, topic, partition)
    }

    /// Lets the broker serve until the process ends.
    pub fn detach(self) {
        std::mem::forget(self);
    }
}

impl std::fmt::Debug for ScriptedBroker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScriptedBroker").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}
