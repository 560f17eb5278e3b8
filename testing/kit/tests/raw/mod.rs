//! A connection that sends and receives frames as they are told.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use rivven_client::protocol::header;
use rivven_client::{Request, Response};

/// A connection to a broker without any client.
pub(crate) struct Raw(TcpStream);

impl Raw {
    pub(crate) fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
        stream.set_nodelay(true).unwrap();
        Raw(stream)
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    pub(crate) fn send(&mut self, id: u32, request: &Request) {
        let frame = request.encode().unwrap();
        self.write(&[&frame.header(id)[..], frame.payload()].concat());
    }

    /// Sends a request and takes its answer.
    pub(crate) fn ask(&mut self, request: &Request) -> Response {
        self.send(77, request);
        let (id, payload) = self.frame().expect("the connection ended");
        assert_eq!(id, 77);
        Response::decode(&payload.into()).unwrap()
    }

    /// The id and the payload of the next frame; none at the end of the connection.
    pub(crate) fn frame(&mut self) -> Option<(u32, Vec<u8>)> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).ok()?;
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let id = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        assert_eq!(head, header(id, length - 5));
        let mut payload = vec![0; length - 5];
        self.0.read_exact(&mut payload).unwrap();
        Some((id, payload))
    }

    /// Everything until the end of the connection.
    #[allow(dead_code, reason = "not every test needs all of it")]
    pub(crate) fn rest(&mut self) -> io::Result<Vec<u8>> {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).map(|_| rest)
    }
}
