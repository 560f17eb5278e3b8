//! A blocking socket that speaks the protocol, and nothing else.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use rivven_client::protocol::{HEADER_LEN, MAX_MESSAGE_SIZE, RequestFrame, Response};
use socket2::SockRef;

/// Bytes of the length field of a frame.
const LENGTH_LEN: usize = 4;

/// How long an answer may take; requests wait for all before them, each record some milliseconds.
const TIMEOUT: Duration = Duration::from_secs(120);

/// A connection without handshake.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    /// A frame on its way out: kept for its memory.
    out: Vec<u8>,
    last_sent: u32,
    last_received: u32,
}

impl Socket {
    pub(super) fn connect(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).with_context(|| format!("connect to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        Ok(Socket { stream, out: Vec::new(), last_sent: 0, last_received: 0 })
    }

    /// Writes a request with the next id.
    pub(super) fn send(&mut self, request: &RequestFrame) -> Result<()> {
        self.last_sent += 1;
        self.out.clear();
        self.out.extend_from_slice(&request.header(self.last_sent));
        self.out.extend_from_slice(request.payload());
        self.stream.write_all(&self.out).context("write a request")
    }

    /// Waits for the answer to the oldest request.
    pub(super) fn receive(&mut self) -> Result<Response> {
        let mut head = [0; HEADER_LEN];
        self.stream.read_exact(&mut head[..LENGTH_LEN]).context("read an answer")?;
        self.acknowledge_at_once()?;
        self.stream.read_exact(&mut head[LENGTH_LEN..]).context("read an answer")?;
        let [l0, l1, l2, l3, _, i0, i1, i2, i3] = head;
        let length = u32::from_be_bytes([l0, l1, l2, l3]) as usize;
        let payload_len = (LENGTH_LEN + length).checked_sub(HEADER_LEN).filter(|len| *len <= MAX_MESSAGE_SIZE);
        let mut payload = vec![0; payload_len.with_context(|| format!("an answer of {length} bytes"))?];
        self.stream.read_exact(&mut payload).context("read an answer")?;
        self.last_received += 1;
        let id = u32::from_be_bytes([i0, i1, i2, i3]);
        match Response::decode(&Bytes::from(payload))? {
            Response::Error { message } => bail!("the broker has answered: {message}"),
            response => {
                ensure!(id == self.last_received, "an answer to request {id} instead of {}", self.last_received);
                Ok(response)
            }
        }
    }

    /// The broker writes the length and the rest apart and waits, by Nagle's algorithm, until the first is
    /// acknowledged: 44 ms later, or now.
    fn acknowledge_at_once(&self) -> Result<()> {
        #[cfg(target_os = "linux")]
        SockRef::from(&self.stream).set_tcp_quickack(true)?;
        Ok(())
    }
}
