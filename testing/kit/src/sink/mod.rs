//! A broker that keeps nothing: the other end of a benchmark.

mod answers;
mod connection;
mod fields;
mod supply;
mod tally;

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::scripted::Script;
use crate::scripted::world::{Node, World};
use connection::Connection;
use supply::Supply;
pub use supply::supplied_number;
use tally::Tally;
pub use tally::{PartitionReport, SinkReport, value_checksum};

/// Options of a [`Sink`].
#[derive(Debug, Clone)]
pub struct SinkOptions {
    /// Partitions of a topic that is created without a number; 12 by default.
    pub partitions: u32,
    /// Whether values begin with a number to check their order by; not by default.
    ///
    /// It has 8 bytes, little-endian: the number of the producer in the upper
    /// 16 bits, below it that of the record, which counts from 0 per producer
    /// and partition.
    pub sequenced: bool,
    /// Records that consumers find in every partition; none by default.
    pub records: u64,
    /// Bytes of their values, at least 8; 100 by default.
    pub record_size: usize,
}

impl Default for SinkOptions {
    fn default() -> Self {
        SinkOptions { partitions: 12, sequenced: false, records: 0, record_size: 100 }
    }
}

/// A broker that counts and checksums what it is given, and keeps nothing; it ends with this value.
///
/// Every topic exists. What is published is acknowledged at once; consumers get
/// records that are made up, whose values begin with 256 times their offset plus
/// 128 as 8 bytes, little-endian. Groups, producer ids and transactions are served too. There is
/// one thread per connection.
///
/// ```
/// use rivven_testkit::{Sink, SinkOptions};
///
/// let sink = Sink::start(SinkOptions { sequenced: true, ..SinkOptions::default() })?;
/// println!("connect to {}", sink.address());
/// assert_eq!(sink.report().records, 0);
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct Sink {
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// What the connections of a sink share.
#[derive(Debug)]
struct Shared {
    tally: Tally,
    sequenced: bool,
    partitions: u32,
    supply: Supply,
    /// Answers what needs no speed.
    world: Mutex<World>,
    ended: AtomicBool,
}

impl Sink {
    /// Starts a sink on a free loopback port.
    ///
    /// # Errors
    ///
    /// What the operating system reports.
    pub fn start(options: SinkOptions) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let SinkOptions { partitions, sequenced, records, record_size } = options;
        let script = Script::default().default_partitions(partitions);
        let node = Node::new("node-0".into(), address.ip().to_string(), address.port());
        let shared = Arc::new(Shared {
            tally: Tally::default(),
            sequenced,
            partitions,
            supply: Supply { records, record_size },
            world: Mutex::new(World::new(&script, vec![node])),
            ended: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || accept(&listener, &accepting));
        Ok(Sink { address, shared })
    }

    /// `host:port` to connect to.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// What has been received so far.
    pub fn report(&self) -> SinkReport {
        self.shared.tally.report()
    }

    /// Counts anew from now on; the numbers of records begin at 0 again, too.
    pub fn reset(&self) {
        self.shared.tally.reset();
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Release);
        // Only a connection ends the wait for one.
        let _ = TcpStream::connect(self.address);
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming().flatten() {
        if shared.ended.load(Ordering::Acquire) {
            return;
        }
        shared.tally.connections.fetch_add(1, Ordering::Relaxed);
        let connection = Connection::new(Arc::clone(shared));
        // How a connection ends is the client's affair; what could not be read has been counted.
        thread::spawn(move || connection.serve(stream));
    }
}
