//! Finds loopback ports that nobody uses.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::Range;

/// Where ports are taken from.
///
/// Below the range the kernel hands out by itself (from 32768 on Linux, from
/// 49152 elsewhere). A port of that range can become the *source* port of some
/// connection as soon as it is released, and a client that keeps on dialling a
/// stopped broker there may even connect to itself; both would keep a broker
/// from coming back on its port.
const RANGE: Range<u16> = 20_000..32_000;

const TRIES: usize = 200;

/// The ports of one broker.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    /// Port for clients.
    pub(crate) client: u16,
    /// Port of the HTTP interface, if the broker has one.
    pub(crate) api: Option<u16>,
}

impl Ports {
    /// Chooses free ports, except for `client` if it is given.
    pub(crate) fn choose(client: Option<u16>, with_api: bool) -> io::Result<Self> {
        // Both listeners live until both ports are known, so they differ.
        let (client, _listener) = match client {
            Some(port) => (port, None),
            None => free_port().map(|(port, listener)| (port, Some(listener)))?,
        };
        let api = match with_api {
            true => Some(free_port()?.0),
            false => None,
        };
        Ok(Self { client, api })
    }

    /// The address clients connect to.
    pub(crate) fn client_address(&self) -> SocketAddr {
        loopback(self.client)
    }
}

/// An address of this machine only.
pub(crate) fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn free_port() -> io::Result<(u16, TcpListener)> {
    (0..TRIES)
        .map(|_| fastrand::u16(RANGE))
        .find_map(|port| Some((port, TcpListener::bind(loopback(port)).ok()?)))
        .ok_or_else(|| io::Error::new(io::ErrorKind::AddrInUse, "found no free loopback port"))
}
