//! Servers that do what no client should have to meet.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use rivven_client::protocol::{HEADER_LEN, header};
use rivven_client::{PROTOCOL_VERSION, Response};
use socket2::{Domain, SockAddr, SockRef, Socket, Type};

use crate::scripted::{Kind, Reply, ScriptedBroker};

/// Bytes of the smallest answer, a pong, so that any answer can be cut in the middle.
const SMALLEST_FRAME: usize = 10;

/// Bytes of the header of a frame that its length field counts.
const COUNTED_HEADER_LEN: u64 = 5;

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
    address: String,
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
        match misbehaviour {
            Misbehaviour::Unreachable => Self::unreachable(),
            Misbehaviour::Http | Misbehaviour::TlsAlert | Misbehaviour::Promise4Gb => Self::foreign(misbehaviour),
            Misbehaviour::Reset | Misbehaviour::Silent => Self::foreign(misbehaviour),
            _ => Self::scripted(misbehaviour),
        }
    }

    /// `host:port` to connect to.
    pub fn address(&self) -> String {
        self.address.clone()
    }

    fn at(address: String) -> Self {
        MisbehavingServer { address, _fillers: Vec::new(), _listener: None }
    }

    /// A server that does not look at what it gets.
    fn foreign(misbehaviour: Misbehaviour) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A connection that fails has met its fate, which is what the test is about.
                thread::spawn(move || serve(stream, misbehaviour));
            }
        });
        Ok(Self::at(address))
    }

    /// A broker that answers the handshake in some way and then misbehaves.
    fn scripted(misbehaviour: Misbehaviour) -> io::Result<Self> {
        let broker = ScriptedBroker::start()?;
        if misbehaviour == Misbehaviour::CloseAtOnce {
            broker.on(Kind::Connect).close_connection();
        }
        broker.on(Kind::Handshake).answer(match misbehaviour {
            Misbehaviour::Incompatible => greeting(9, "Version mismatch: client=2, server=9"),
            Misbehaviour::RefuseUnparsed => Reply::error("INVALID_REQUEST: Serialization error: test").with_id(0),
            _ => greeting(PROTOCOL_VERSION, "OK"),
        });
        match misbehaviour {
            Misbehaviour::CloseMidFrame => broker.on_any().truncate(SMALLEST_FRAME - 1),
            Misbehaviour::WrongId => broker.on_any().wrong_id(),
            Misbehaviour::Garbage => broker.on_any().answer(Reply::payload(&[0xff; 5][..])),
            _ => {
                broker.on(Kind::Ping).answer(Reply::response(&Response::Pong));
                broker.on_any().unexecuted().drop_answer();
            }
        }
        let address = broker.address();
        broker.detach();
        Ok(Self::at(address))
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
        let address = local.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?.to_string();
        Ok(MisbehavingServer { address, _fillers: fillers, _listener: Some(listener) })
    }
}

fn greeting(server_version: u32, message: &str) -> Reply {
    let compatible = server_version == PROTOCOL_VERSION;
    Reply::response(&Response::HandshakeResult { server_version, compatible, message: message.into() })
}

/// Serves a client that has not met a broker.
fn serve(mut stream: TcpStream, misbehaviour: Misbehaviour) -> io::Result<()> {
    match misbehaviour {
        Misbehaviour::Http => answer_raw(&mut stream, b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")?,
        Misbehaviour::TlsAlert => answer_raw(&mut stream, &[0x15, 3, 3, 0, 2, 2, 40])?,
        Misbehaviour::Promise4Gb => answer_raw(&mut stream, &[0xff; 9])?,
        Misbehaviour::Reset => return greet_and_reset(&mut stream),
        _ => {}
    }
    // Reads until the client closes.
    io::copy(&mut stream, &mut io::sink()).map(drop)
}

/// Answers whatever comes first.
fn answer_raw(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    let received = stream.read(&mut [0; 4096])?;
    if received == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    stream.write_all(bytes)
}

/// Answers the handshake and resets the connection as soon as more bytes come, most of them unread.
fn greet_and_reset(stream: &mut TcpStream) -> io::Result<()> {
    let mut head = [0; HEADER_LEN];
    stream.read_exact(&mut head)?;
    let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
    let id = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
    let payload = u64::from(length).saturating_sub(COUNTED_HEADER_LEN);
    io::copy(&mut stream.take(payload), &mut io::sink())?;
    let greeting = greeting(PROTOCOL_VERSION, "OK").encode();
    stream.write_all(&[&header(id, greeting.len())[..], &greeting].concat())?;
    stream.read_exact(&mut [0])?;
    SockRef::from(&*stream).set_linger(Some(Duration::ZERO))
}
