//! What all connections of a scripted broker share.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rivven_client::protocol::Request;
use tokio::sync::watch;

use super::kind::Kind;
use super::login::Logins;
use super::rule::{Decision, Event, Rules};
use super::world::{Step, World};
use crate::net::Connections;

/// A request that a scripted broker has received.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceivedRequest {
    /// Number of the node, from 0.
    pub node: usize,
    /// Number of the connection, from 0, in the order in which they were accepted.
    pub connection: u64,
    /// The correlation id.
    pub correlation_id: u32,
    /// The request.
    pub request: Request,
}

impl ReceivedRequest {
    /// The kind of the request.
    pub fn kind(&self) -> Kind {
        Kind::of(&self.request)
    }
}

pub(super) struct Shared {
    world: Mutex<World>,
    pub(super) rules: Mutex<Rules>,
    received: Mutex<Vec<ReceivedRequest>>,
    /// Rises whenever the world changes or a request comes.
    changed: watch::Sender<u64>,
    /// Rises whenever held answers are released.
    released: watch::Sender<u64>,
    pub(super) logins: Logins,
    /// The connections of each node.
    pub(super) connections: Vec<Arc<Connections>>,
    pub(super) accepted: AtomicU64,
    pub(super) max_frame: usize,
    max_connections: Option<usize>,
}

impl Shared {
    pub(super) fn new(script: super::Script, world: World) -> Self {
        Shared {
            connections: world.nodes.iter().map(|_| Arc::default()).collect(),
            world: Mutex::new(world),
            rules: Mutex::new(Rules::new(script.rules.clone())),
            received: Mutex::default(),
            changed: watch::channel(0).0,
            released: watch::channel(0).0,
            accepted: AtomicU64::new(0),
            max_frame: script.max_frame,
            max_connections: script.max_connections,
            logins: Logins::new(script),
        }
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.world)
    }

    /// Changes the world, unless the change has to wait, and tells everybody.
    pub(super) fn change<T: Change>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let outcome = change(&mut self.world());
        if outcome.has_changed() {
            self.notify();
        }
        outcome
    }

    fn notify(&self) {
        self.changed.send_modify(|changes| *changes += 1);
    }

    /// What tells of changes from now on.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    pub(super) fn decide(&self, event: &Event<'_>) -> Decision {
        lock(&self.rules).decide(event)
    }

    pub(super) fn record(&self, node: usize, connection: u64, correlation_id: u32, request: &Request) {
        let request = ReceivedRequest { node, connection, correlation_id, request: request.clone() };
        self.received().push(request);
        self.notify();
    }

    pub(super) fn received(&self) -> MutexGuard<'_, Vec<ReceivedRequest>> {
        lock(&self.received)
    }

    /// Waits until so many requests of a kind have come.
    pub(super) async fn until_received(&self, kind: Kind, count: usize) {
        let mut changes = self.changes();
        while self.received().iter().filter(|received| received.kind() == kind).count() < count {
            // The sender is part of this.
            let _ = changes.changed().await;
        }
    }

    /// Releases what is held at present.
    pub(super) fn release(&self) {
        self.released.send_modify(|released| *released += 1);
    }

    /// What tells of releases from now on.
    pub(super) fn releases(&self) -> watch::Receiver<u64> {
        self.released.subscribe()
    }

    /// Whether a node has more connections than it serves, the new one included.
    pub(super) fn is_full(&self, node: usize) -> bool {
        self.max_connections.is_some_and(|most| self.connections[node].count() > most)
    }
}

/// What comes of an attempt to change the world.
pub(super) trait Change {
    /// Whether the world may be another one now.
    fn has_changed(&self) -> bool {
        true
    }
}

impl Change for () {}
impl Change for bool {}
impl Change for u64 {}

impl Change for Step {
    /// A request that has to wait must not wake those that wait, or two of them would keep each other awake.
    fn has_changed(&self) -> bool {
        matches!(self, Step::Done(_))
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
