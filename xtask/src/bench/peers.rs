//! Programs that measure other clients, and what they publish to or read from.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::build;
use crate::install::install;
use crate::session::Session;

/// The folder of the programs in C, Python and JavaScript.
const FOLDER: &str = "testing/bench/native";

/// A program that `rivven-bench program` runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Peer {
    /// Copying and writing alone, in C.
    Floor,
    /// Our own library from C.
    Librivven,
    /// Our own package from Python.
    RivvenPython,
    /// librdkafka from C.
    Librdkafka,
    /// confluent-kafka from Python.
    ConfluentKafka,
    /// The published Rust client.
    Published,
    /// Our own client from Node.
    Node,
    /// Receiving alone, in C.
    ReadFloor,
    /// The consumers of the same.
    LibrivvenConsumer,
    RivvenPythonConsumer,
    LibrdkafkaConsumer,
    ConfluentKafkaConsumer,
    NodeConsumer,
}

/// A program that is ready to be run.
#[derive(Debug, Clone)]
pub(super) struct Program {
    /// The language in which the client is used.
    pub(super) language: &'static str,
    /// What it publishes to, as `rivven-bench program --against` takes it.
    pub(super) against: String,
    /// The program and its first arguments.
    pub(super) command: Vec<OsString>,
}

impl Peer {
    /// Builds or installs the program; the error says what is missing and how to get it.
    pub(super) fn prepare(self, session: &Session) -> Result<Program> {
        match self {
            Peer::Floor => floor(session, "floor").context("the floor is missing: install a C compiler"),
            Peer::ReadFloor => floor(session, "read-floor").context("the floor is missing: install a C compiler"),
            Peer::Librivven => librivven(session, "rivven"),
            Peer::LibrivvenConsumer => librivven(session, "rivven-consumer"),
            Peer::RivvenPython => rivven_python(session, "producer.py"),
            Peer::RivvenPythonConsumer => rivven_python(session, "consumer.py"),
            Peer::Librdkafka => librdkafka(session, "rdkafka"),
            Peer::LibrdkafkaConsumer => librdkafka(session, "rdkafka-consumer"),
            Peer::ConfluentKafka => confluent_kafka(session, "kafka.py"),
            Peer::ConfluentKafkaConsumer => confluent_kafka(session, "kafka-consumer.py"),
            Peer::Published => published(session).context("the published rivven-client cannot be built"),
            Peer::Node => node(session, "producer.mjs"),
            Peer::NodeConsumer => node(session, "consumer.mjs"),
        }
    }
}

fn floor(session: &Session, name: &str) -> Result<Program> {
    let program = compile(session, name, &[])?;
    Ok(Program { language: "c", against: "sink".into(), command: vec![program.into()] })
}

fn librivven(session: &Session, name: &str) -> Result<Program> {
    let prefix = session.scratch("prefix");
    session.once("installed librivven", || install(session, &prefix)).context("librivven cannot be built")?;
    let command = vec![compile(session, name, &build::native::static_flags(session, &prefix)?)?.into()];
    Ok(Program { language: "c", against: "sink".into(), command })
}

fn rivven_python(session: &Session, name: &str) -> Result<Program> {
    let script = session.root.join(FOLDER).join(name);
    let python = build::python::interpreter(session).context("the Python package cannot be built")?;
    let command = vec![python.into(), script.into()];
    Ok(Program { language: "python", against: "sink".into(), command })
}

fn librdkafka(session: &Session, name: &str) -> Result<Program> {
    let flags = librdkafka_flags(session)?;
    let command = vec![compile(session, name, &flags)?.into()];
    Ok(Program { language: "c", against: mock_cluster(session, &flags)?, command })
}

fn confluent_kafka(session: &Session, name: &str) -> Result<Program> {
    // The module has a librdkafka of its own; the mock cluster needs the one with headers.
    let against = mock_cluster(session, &librdkafka_flags(session)?)?;
    let folder = session.scratch("peers-venv");
    let python = folder.join("bin/python");
    if !python.exists() {
        build::python::create_environment(session, &folder)?;
    }
    let requirements = session.root.join(FOLDER).join("requirements.txt");
    let mut install = session.command(&python);
    install.args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(requirements);
    session
        .run("install confluent-kafka", &mut install)
        .context("confluent-kafka is missing: pip cannot install it")?;
    let script = session.root.join(FOLDER).join(name);
    Ok(Program { language: "python", against, command: vec![python.into(), script.into()] })
}

fn published(session: &Session) -> Result<Program> {
    let mut build = build::broker_cargo(session);
    build.args(["build", "--release", "--package", "rivven-published-bench"]);
    session.build("build the published client", "two to four minutes", &mut build)?;
    let program = session.root.join("testing/broker/target/release/rivven-published-bench");
    Ok(Program { language: "rust", against: "broker".into(), command: vec![program.into()] })
}

fn node(session: &Session, name: &str) -> Result<Program> {
    build::node::package(session).context("the Node package is missing: install Node 20 or later")?;
    let script = session.root.join(FOLDER).join(name);
    Ok(Program { language: "node", against: "sink".into(), command: vec!["node".into(), script.into()] })
}

/// What `--against` takes for librdkafka's mock cluster.
fn mock_cluster(session: &Session, flags: &[String]) -> Result<String> {
    Ok(format!("mock-cluster={}", compile(session, "mock-cluster", flags)?.display()))
}

fn librdkafka_flags(session: &Session) -> Result<Vec<String>> {
    let mut query = session.command("pkg-config");
    let flags = session.query(query.args(["--cflags", "--libs", "rdkafka"]));
    let flags = flags.context("librdkafka is missing: apt-get install librdkafka-dev pkg-config")?;
    Ok(flags.split_whitespace().map(str::to_owned).collect())
}

/// Compiles one of the programs in C.
fn compile(session: &Session, name: &str, flags: &[String]) -> Result<PathBuf> {
    let source = Path::new(FOLDER).join(name).with_extension("c");
    let folder = session.scratch("bin");
    std::fs::create_dir_all(&folder)?;
    let program = folder.join(format!("bench-{name}"));
    let mut compiler = session.command(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
    compiler.args(["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror"]).arg(source).arg("-o").arg(&program).args(flags);
    session.run(&format!("compile {name}"), &mut compiler)?;
    ensure!(program.exists(), "{} was not made", program.display());
    Ok(program)
}
