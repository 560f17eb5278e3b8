//! Servers that do what no client should have to meet.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rivven_client::PROTOCOL_VERSION;
use rivven_client::protocol::{FrameDecoder, Received, Request, Response, header};
use socket2::{Domain, SockAddr, SockRef, Socket, Type};

/// What a [`MisbehavingServer`] does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misbehaviour {
    /// Answers `HTTP/1.1 400 Bad Request` to whatever comes.
    Http,
    /// Answers with a TLS alert record.
    TlsAlert,
    /// Answers with a frame length of 4 GiB - 1.
    Promise4Gb,
    /// Closes every connection at once, without a byte.
    CloseAtOnce,
    /// Answers the handshake, cuts the next answer in the middle and closes.
    CloseMidFrame,
    /// Answers the handshake and resets the connection when more bytes come.
    Reset,
    /// Accepts and never answers.
    Silent,
    /// Answers handshakes and pings and nothing else.
    Stall,
    /// Listens with a full accept queue, so that connecting takes for ever.
    Unreachable,
    /// Answers the handshake, then under a wrong correlation id.
    WrongId,
    /// Answers the handshake, then with a payload that cannot be decoded.
    Garbage,
    /// Answers the handshake by "not compatible".
    Incompatible,
    /// Answers the handshake by an error of id 0, as a broker does that cannot parse a request.
    RefuseUnparsed,
}

impl Misbehaviour {
    /// Every misbehaviour with the name by which the program knows it.
    pub const ALL: &'static [(&'static str, Misbehaviour)] = &[
        ("http", Misbehaviour::Http),
        ("tls-alert", Misbehaviour::TlsAlert),
        ("promise-4gb", Misbehaviour::Promise4Gb),
        ("close-at-once", Misbehaviour::CloseAtOnce),
        ("close-mid-frame", Misbehaviour::CloseMidFrame),
        ("reset", Misbehaviour::Reset),
        ("silent", Misbehaviour::Silent),
        ("stall", Misbehaviour::Stall),
        ("unreachable", Misbehaviour::Unreachable),
        ("wrong-id", Misbehaviour::WrongId),
        ("garbage", Misbehaviour::Garbage),
        ("incompatible", Misbehaviour::Incompatible),
        ("refuse-unparsed", Misbehaviour::RefuseUnparsed),
    ];
}

/// A server on a loopback port of its own; it serves until the process ends.
#[derive(Debug)]
pub struct MisbehavingServer {
    address: SocketAddr,
    /// What keeps the accept queue full.
    _fillers: Vec<Socket>,
    _listener: Option<Socket>,
}

impl MisbehavingServer {
    /// Starts a server.
    ///
    /// # Errors
    ///
    /// What the operating system reports.
    pub fn start(misbehaviour: Misbehaviour) -> io::Result<Self> {
        if misbehaviour == Misbehaviour::Unreachable {
            return Self::unreachable();
        }
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A connection that fails has met its fate, which is what the test is about.
                thread::spawn(move || serve(stream, misbehaviour));
            }
        });
        Ok(MisbehavingServer { address, _fillers: Vec::new(), _listener: None })
    }

    /// `host:port` to connect to.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Linux drops connection requests while the accept queue is full.
    fn unreachable() -> io::Result<Self> {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        listener.bind(&SockAddr::from(SocketAddr::from(([127, 0, 0, 1], 0))))?;
        listener.listen(0)?;
        let local = listener.local_addr()?;
        let mut fillers = Vec::new();
        loop {
            let filler = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            let outcome = filler.connect_timeout(&local, Duration::from_millis(200));
            fillers.push(filler);
            match outcome {
                Ok(()) => continue,
                Err(error) if error.kind() == io::ErrorKind::TimedOut => break,
                Err(error) => return Err(error),
            }
        }
        let address = local.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok(MisbehavingServer { address, _fillers: fillers, _listener: Some(listener) })
    }
}

fn serve(stream: TcpStream, misbehaviour: Misbehaviour) -> io::Result<()> {
    let mut peer = Peer { stream, received: BytesMut::new() };
    match misbehaviour {
        Misbehaviour::CloseAtOnce => return Ok(()),
        Misbehaviour::Http => return peer.answer_raw(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
        Misbehaviour::TlsAlert => return peer.answer_raw(&[0x15, 3, 3, 0, 2, 2, 40]),
        Misbehaviour::Promise4Gb => return peer.answer_raw(&[0xff; 9]),
        Misbehaviour::Silent => return peer.swallow(),
        _ => {}
    }
    peer.greet(misbehaviour)?;
    loop {
        peer.misbehave(misbehaviour)?;
    }
}

struct Peer {
    stream: TcpStream,
    received: BytesMut,
}

impl Peer {
    fn greet(&mut self, misbehaviour: Misbehaviour) -> io::Result<()> {
        let (id, _) = self.request()?;
        match misbehaviour {
            Misbehaviour::RefuseUnparsed => {
                self.answer(0, &Response::Error { message: "INVALID_REQUEST: Serialization error: test".into() })
            }
            _ => {
                let compatible = misbehaviour != Misbehaviour::Incompatible;
                let message = if compatible { "OK" } else { "Version mismatch: client=2, server=9" };
                let server_version = if compatible { PROTOCOL_VERSION } else { 9 };
                self.answer(id, &Response::HandshakeResult { server_version, compatible, message: message.into() })
            }
        }
    }

    fn misbehave(&mut self, misbehaviour: Misbehaviour) -> io::Result<()> {
        if misbehaviour == Misbehaviour::Reset {
            return self.reset();
        }
        let (id, request) = self.request()?;
        match misbehaviour {
            Misbehaviour::CloseMidFrame => {
                self.stream.write_all(&header(id, 100))?;
                self.stream.write_all(&[4; 20])?;
                Err(io::ErrorKind::ConnectionAborted.into())
            }
            Misbehaviour::WrongId => self.answer(id.wrapping_add(1000), &Response::Pong),
            Misbehaviour::Garbage => self.send(id, &Bytes::from_static(&[0xff; 5])),
            _ if request == Request::Ping => self.answer(id, &Response::Pong),
            _ => Ok(()),
        }
    }

    /// Closes with a reset as soon as bytes are there, most of them unread.
    fn reset(&mut self) -> io::Result<()> {
        self.stream.read_exact(&mut [0])?;
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO))?;
        Err(io::ErrorKind::ConnectionReset.into())
    }

    fn request(&mut self) -> io::Result<(u32, Request)> {
        loop {
            match FrameDecoder::default().decode(&mut self.received).map_err(io::Error::other)? {
                Received::Frame(frame) => {
                    let request = Request::decode(&frame.payload).map_err(io::Error::other)?;
                    return Ok((frame.correlation_id, request));
                }
                Received::NeedMore(_) => self.receive()?,
            }
        }
    }

    fn receive(&mut self) -> io::Result<()> {
        let mut buffer = [0; 4096];
        match self.stream.read(&mut buffer)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                self.received.extend_from_slice(&buffer[..count]);
                Ok(())
            }
        }
    }

    fn answer(&mut self, id: u32, response: &Response) -> io::Result<()> {
        self.send(id, &response.encode())
    }

    fn send(&mut self, id: u32, payload: &Bytes) -> io::Result<()> {
        self.stream.write_all(&header(id, payload.len()))?;
        self.stream.write_all(payload)
    }

    fn answer_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.receive()?;
        self.stream.write_all(bytes)?;
        self.swallow()
    }

    /// Reads until the client closes.
    fn swallow(&mut self) -> io::Result<()> {
        while self.receive().is_ok() {
            self.received.clear();
        }
        Ok(())
    }
}
