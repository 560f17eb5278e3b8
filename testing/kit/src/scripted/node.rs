//! The address of a node: listening, dead, or listening again.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinHandle;

use super::connection::Connection;
use super::login::Session;
use super::shared::Shared;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// The address of a node.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) address: SocketAddr,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Bound, so that nobody else takes the port, but connections are refused.
    Shut(TcpSocket),
    Open(JoinHandle<()>),
    /// Between the two, or after a failure.
    Lost,
}

impl Door {
    /// Takes a free loopback port, which refuses connections at first.
    pub(super) fn new() -> io::Result<Self> {
        let socket = bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        Ok(Door { address: socket.local_addr()?, state: State::Shut(socket) })
    }

    /// What stands in for the address of a node while that is shut.
    pub(super) fn lost() -> Self {
        Door { address: SocketAddr::from(([127, 0, 0, 1], 0)), state: State::Lost }
    }

    /// Begins to accept connections for a node; nothing to do if it does.
    pub(super) fn open(&mut self, node: usize, shared: Arc<Shared>) -> io::Result<()> {
        let socket = match std::mem::replace(&mut self.state, State::Lost) {
            State::Shut(socket) => socket,
            State::Lost => bind(self.address)?,
            open @ State::Open(_) => {
                self.state = open;
                return Ok(());
            }
        };
        let listener = socket.listen(BACKLOG)?;
        self.state = State::Open(tokio::spawn(accept(listener, node, shared)));
        Ok(())
    }

    /// Refuses connections from now on.
    pub(super) async fn shut(&mut self) -> io::Result<()> {
        if let State::Open(task) = std::mem::replace(&mut self.state, State::Lost) {
            task.abort();
            let _ = task.await;
        }
        self.state = State::Shut(bind(self.address)?);
        Ok(())
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // Connections of the past may still hold the port.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

async fn accept(listener: TcpListener, node: usize, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let number = shared.accepted.fetch_add(1, Ordering::Relaxed);
        let session = Session::Anonymous;
        let connection = Connection { stream, node, number, session, shared: Arc::clone(&shared) };
        shared.connections[node].spawn(number, |ending| connection.serve(ending));
    }
}
