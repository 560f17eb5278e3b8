//! The server that is measured against, and whether it has received what it should.

use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, bail, ensure};
use rivven_client::Client;
use rivven_testkit::TestBroker;
use serde::Deserialize;

use crate::child;
use crate::progress;
use crate::supply::Supply;
use crate::values::Taken;

/// What is measured against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// The sink, in a process of its own.
    Sink,
    /// The real broker, started for this.
    Broker,
    /// A mock cluster of librdkafka: the program that hosts one.
    MockCluster(PathBuf),
    /// A broker of somebody else's.
    Address(String),
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "sink" => Ok(Target::Sink),
            "broker" => Ok(Target::Broker),
            _ => match text.split_once('=') {
                Some(("mock-cluster", program)) => Ok(Target::MockCluster(program.into())),
                _ if text.contains(':') => Ok(Target::Address(text.to_owned())),
                _ => Err("neither sink, broker, mock-cluster=PROGRAM nor HOST:PORT".to_owned()),
            },
        }
    }
}

/// A server with an empty topic; what was started for it ends with this value.
#[derive(Debug)]
pub(crate) struct Server {
    kind: Kind,
    topic: String,
    partitions: u32,
}

#[derive(Debug)]
enum Kind {
    Sink(child::Server),
    Broker(TestBroker),
    MockCluster(child::Server),
    Address(String),
}

/// What a sink has received.
#[derive(Debug, Deserialize)]
struct SinkReport {
    malformed: u64,
    records: u64,
    checksum: String,
    order_violations: u64,
    served: u64,
}

impl Server {
    /// Starts it, if it is not somebody else's, with an empty topic of so many partitions.
    pub(crate) fn start(target: &Target, partitions: u32) -> Result<Self> {
        Server::open(target, partitions, None)
    }

    /// The same with records in the topic.
    pub(crate) fn with_records(target: &Target, supply: Supply) -> Result<Self> {
        let server = Server::open(target, supply.partitions, Some(supply))?;
        if let Kind::Broker(_) | Kind::Address(_) = server.kind {
            let spinner = progress::spinner("publish what is to be read");
            runtime()?.block_on(supply.publish(server.address(), server.topic()))?;
            drop(spinner);
        }
        Ok(server)
    }

    fn open(target: &Target, partitions: u32, supply: Option<Supply>) -> Result<Self> {
        let topic = new_topic();
        let kind = match target {
            Target::Sink => Kind::Sink(child::Server::start(sink(partitions, supply)?)?),
            Target::Broker => Kind::Broker(TestBroker::start().context("start the real broker")?),
            Target::MockCluster(program) => {
                let mut command = Command::new(program);
                command.args(["--topic", &topic, "--partitions", &partitions.to_string()]);
                command.args(supply.map(options).into_iter().flatten());
                Kind::MockCluster(child::Server::start(command)?)
            }
            Target::Address(address) => Kind::Address(address.clone()),
        };
        let server = Server { kind, topic, partitions };
        if let Kind::Broker(_) | Kind::Address(_) = server.kind {
            server.create_topic()?;
        }
        Ok(server)
    }

    /// `host:port`.
    pub(crate) fn address(&self) -> &str {
        match &self.kind {
            Kind::Sink(sink) => sink.address(),
            Kind::Broker(broker) => broker.address(),
            Kind::MockCluster(cluster) => cluster.address(),
            Kind::Address(address) => address,
        }
    }

    /// The topic that is published to.
    pub(crate) fn topic(&self) -> &str {
        &self.topic
    }

    /// Compares what it has received with what was published; a mock cluster cannot be asked.
    ///
    /// A sink counts, adds up checksums and looks at the order, a broker only counts.
    pub(crate) fn verify(&mut self, published: Taken) -> Result<()> {
        match &mut self.kind {
            Kind::Sink(sink) => {
                let report: SinkReport = serde_json::from_value(sink.ask("report")?)?;
                report.verify(published)
            }
            Kind::Broker(_) | Kind::Address(_) => {
                let records = self.count()?;
                ensure!(records == published.records, "of {} records the broker has {records}", published.records);
                Ok(())
            }
            Kind::MockCluster(_) => Ok(()),
        }
    }

    /// Whether it can have given so many records; whoever has read them knows whether they are all.
    pub(crate) fn verify_reads(&mut self, records: u64) -> Result<()> {
        let Kind::Sink(sink) = &mut self.kind else { return Ok(()) };
        let SinkReport { served, malformed, .. } = serde_json::from_value(sink.ask("report")?)?;
        ensure!(served >= records, "the sink has given only {served} of {records} records");
        ensure!(malformed == 0, "the sink has received {malformed} requests that cannot be read");
        Ok(())
    }

    fn create_topic(&self) -> Result<()> {
        runtime()?.block_on(async {
            let client = Client::connect(self.address()).await?;
            client.create_topic(&self.topic, Some(self.partitions)).await?;
            Ok(())
        })
    }

    /// The records of all partitions.
    fn count(&self) -> Result<u64> {
        runtime()?.block_on(async {
            let client = Client::connect(self.address()).await?;
            let mut records = 0;
            for partition in 0..self.partitions {
                let (earliest, latest) = client.get_offset_bounds(&self.topic, partition).await?;
                records += latest - earliest;
            }
            Ok(records)
        })
    }
}

impl SinkReport {
    fn verify(&self, published: Taken) -> Result<()> {
        let Taken { records, checksum } = published;
        let SinkReport { malformed, order_violations, .. } = self;
        ensure!(self.records == records, "of {records} records the sink has received {}", self.records);
        ensure!(u64::from_str_radix(&self.checksum, 16)? == checksum, "the sink has received other values");
        ensure!(*order_violations == 0, "the sink has received {order_violations} records out of order");
        ensure!(*malformed == 0, "the sink has received {malformed} requests that cannot be read");
        Ok(())
    }
}

/// The sink beside this program, which cargo has built in the same profile, or the one that `RIVVEN_SINK` names.
fn sink(partitions: u32, supply: Option<Supply>) -> Result<Command> {
    let program = match env::var_os("RIVVEN_SINK") {
        Some(program) => PathBuf::from(program),
        None => env::current_exe()?.with_file_name("rivven-sink"),
    };
    if !program.exists() {
        bail!("there is no {}: cargo build --release --package rivven-testkit --bin rivven-sink", program.display());
    }
    let mut command = Command::new(program);
    command.args(["--sequenced", "--partitions", &partitions.to_string()]);
    command.args(supply.map(options).into_iter().flatten());
    Ok(command)
}

/// The options of a server that has records.
fn options(supply: Supply) -> [String; 2] {
    [format!("--records={}", supply.each), format!("--record-size={}", supply.record_bytes)]
}

/// A topic that no other run has published to.
fn new_topic() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("bench-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> SinkReport {
        SinkReport { malformed: 0, records: 2, checksum: "000000000000000a".into(), order_violations: 0, served: 0 }
    }

    #[test]
    fn a_report_has_to_agree_in_everything() {
        let published = Taken { records: 2, checksum: 10 };
        assert!(report().verify(published).is_ok());
        assert!(report().verify(Taken { records: 3, ..published }).is_err());
        assert!(report().verify(Taken { checksum: 11, ..published }).is_err());
        assert!(SinkReport { order_violations: 1, ..report() }.verify(published).is_err());
        assert!(SinkReport { malformed: 1, ..report() }.verify(published).is_err());
    }

    #[test]
    fn targets_are_told_apart() {
        assert_eq!("sink".parse(), Ok(Target::Sink));
        assert_eq!("mock-cluster=./m".parse(), Ok(Target::MockCluster("./m".into())));
        assert_eq!("localhost:9092".parse(), Ok(Target::Address("localhost:9092".into())));
        assert!("snik".parse::<Target>().is_err());
    }
}
