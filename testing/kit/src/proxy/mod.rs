//! A proxy between client and broker that does to their connections what a network may do.

mod edit;
mod gate;
mod plan;
mod pump;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::net::{Connections, End, Ending, Host, finish};
use edit::Editor;
use gate::Gate;
pub use plan::{Corruption, Faults, Plan};
use pump::Pump;

/// Chooses the plan of a connection by its number.
type Chooser = Arc<dyn Fn(u64) -> Plan + Send + Sync>;

/// Alters frames on their way.
type Tamper = Arc<dyn Fn(&mut FrameInTransit<'_>) + Send + Sync>;

/// A proxy on a loopback port of its own; it ends with this value.
///
/// ```
/// use rivven_testkit::{Faults, FaultProxy, Plan};
///
/// # let broker = rivven_testkit::ScriptedBroker::start()?;
/// let proxy = FaultProxy::start(broker.address())?;
/// proxy.set_plan(|connection| match connection {
///     0 => Plan::default().to_client(Faults::default().cut_after(40)),
///     _ => Plan::default(),
/// });
/// println!("connect to {}", proxy.address());
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    host: Host,
}

/// The direction in which bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the broker.
    ToBroker,
    /// From the broker to the client.
    ToClient,
}

/// A frame on its way, for a function that alters it.
#[derive(Debug)]
pub struct FrameInTransit<'a> {
    /// Number of the connection, from 0.
    pub connection: u64,
    /// Where the frame is going.
    pub direction: Direction,
    /// Number of the frame in its direction, from 0.
    pub number: u64,
    /// The whole frame, its length field included; the payload begins at 9.
    pub bytes: &'a mut Vec<u8>,
}

struct Shared {
    upstream: Mutex<String>,
    chooser: Mutex<Chooser>,
    tamper: Mutex<Option<Tamper>>,
    gate: watch::Sender<Gate>,
    connections: Arc<Connections>,
    accepted: AtomicU64,
    to_broker: AtomicU64,
    to_client: AtomicU64,
}

impl FaultProxy {
    /// Starts a proxy to the broker at `host:port`, without faults.
    ///
    /// # Errors
    ///
    /// What the operating system reports.
    pub fn start(upstream: impl Into<String>) -> io::Result<Self> {
        let host = Host::start("fault-proxy")?;
        let listener = host.run(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            upstream: Mutex::new(upstream.into()),
            chooser: Mutex::new(Arc::new(|_| Plan::default())),
            tamper: Mutex::new(None),
            gate: watch::channel(Gate::default()).0,
            connections: Arc::default(),
            accepted: AtomicU64::new(0),
            to_broker: AtomicU64::new(0),
            to_client: AtomicU64::new(0),
        });
        host.spawn(accept(listener, Arc::clone(&shared)));
        Ok(FaultProxy { address, shared, host })
    }

    /// `host:port` to connect to.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Sends connections made from now on to another broker.
    pub fn set_upstream(&self, upstream: impl Into<String>) {
        *lock(&self.shared.upstream) = upstream.into();
    }

    /// Sets how the plan of a connection is chosen by its number, from 0; for those made from now on.
    pub fn set_plan(&self, choose: impl Fn(u64) -> Plan + Send + Sync + 'static) {
        *lock(&self.shared.chooser) = Arc::new(choose);
    }

    /// Sets a function that may alter every frame; for connections made from now on.
    ///
    /// A frame is then held back until it is complete, and must have a true length.
    pub fn set_tamper(&self, tamper: impl Fn(&mut FrameInTransit<'_>) + Send + Sync + 'static) {
        *lock(&self.shared.tamper) = Some(Arc::new(tamper));
    }

    /// Forwards nothing any more until [`resume`](Self::resume); connections stay open.
    pub fn stall(&self) {
        Gate::stall(&self.shared.gate);
    }

    /// Forwards again, also what a plan has stalled.
    pub fn resume(&self) {
        Gate::resume(&self.shared.gate);
    }

    /// Closes all connections; returns when they are closed.
    pub fn cut_all(&self) {
        self.end_all(End::Close);
    }

    /// Resets all connections; returns when they are reset.
    pub fn reset_all(&self) {
        self.end_all(End::Reset);
    }

    fn end_all(&self, how: End) {
        let connections = Arc::clone(&self.shared.connections);
        self.host.run(async move { connections.end(how, |_| true).await });
    }

    /// Number of connections that were accepted so far.
    pub fn connections(&self) -> u64 {
        self.shared.accepted.load(Ordering::Relaxed)
    }

    /// Number of connections that are open.
    pub fn open_connections(&self) -> usize {
        self.shared.connections.count()
    }

    /// Bytes forwarded to the broker so far.
    pub fn bytes_to_broker(&self) -> u64 {
        self.shared.to_broker.load(Ordering::Relaxed)
    }

    /// Bytes forwarded to clients so far.
    pub fn bytes_to_client(&self) -> u64 {
        self.shared.to_client.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("upstream", &self.upstream).finish_non_exhaustive()
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        let number = shared.accepted.fetch_add(1, Ordering::Relaxed);
        let serving = Arc::clone(&shared);
        shared.connections.spawn(number, |ending| serve(client, number, serving, ending));
    }
}

/// Forwards between a client and a broker until either ends, or someone ends both.
async fn serve(mut client: TcpStream, number: u64, shared: Arc<Shared>, mut ending: Ending) {
    let upstream = lock(&shared.upstream).clone();
    let Ok(mut broker) = TcpStream::connect(upstream).await else {
        return finish(client, End::Reset).await;
    };
    let _ = (client.set_nodelay(true), broker.set_nodelay(true));
    let end = tokio::select! {
        biased;
        end = ending.wanted() => end,
        end = forward(&mut client, &mut broker, number, &shared) => end,
    };
    finish(client, end).await;
    finish(broker, end).await;
}

async fn forward(client: &mut TcpStream, broker: &mut TcpStream, number: u64, shared: &Shared) -> End {
    let plan = lock(&shared.chooser).clone()(number);
    let tamper = lock(&shared.tamper).clone();
    let ((from_client, to_client), (from_broker, to_broker)) = (client.split(), broker.split());
    let editor = |direction, faults: &Faults| Editor::new(number, direction, faults.corrupt.clone(), tamper.clone());
    let outward = editor(Direction::ToBroker, &plan.to_broker);
    let inward = editor(Direction::ToClient, &plan.to_client);
    let gate = || shared.gate.subscribe();
    let outward = Pump::new((from_client, to_broker), plan.to_broker, outward, gate(), &shared.to_broker);
    let inward = Pump::new((from_broker, to_client), plan.to_client, inward, gate(), &shared.to_client);
    match tokio::try_join!(outward.run(), inward.run()) {
        Ok(_) => End::Close,
        Err(end) => end,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
