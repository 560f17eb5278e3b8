//! The real broker, started as a program of its own.

mod builder;
pub(crate) mod program;

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tempfile::TempDir;

pub use builder::{Mtls, TestBrokerBuilder};
use program::Hosted;

/// How long a broker may take to end after its standard input has.
///
/// It promises four seconds.
const END_TIMEOUT: Duration = Duration::from_secs(6);

/// The published broker on a loopback port, in a process that ends with this value.
///
/// The program is the one that the environment variable `RIVVEN_TEST_BROKER`
/// names, or else that of `testing/broker`, which is built if it is missing.
///
/// ```no_run
/// use rivven_testkit::TestBroker;
///
/// let mut broker = TestBroker::builder().default_partitions(1).start()?;
/// println!("listens on {}", broker.address());
/// broker.kill()?;
/// broker.restart()?; // the same address and the same data
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct TestBroker {
    options: TestBrokerBuilder,
    info: BrokerInfo,
    // Before the folder, which is removed when the process has ended.
    process: Option<Process>,
    _temporary: Option<TempDir>,
}

/// What the program says about a broker.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct BrokerInfo {
    /// `host:port` to connect to.
    pub address: String,
    /// Port for clients.
    pub port: u16,
    /// Port of the broker's HTTP interface; the secure server has none.
    pub api_port: Option<u16>,
    /// Process id.
    pub pid: u32,
    /// Folder of the broker's data.
    pub data_dir: PathBuf,
    /// Whether clients must speak TLS; if not, there are no certificates.
    pub tls: bool,
    /// Certificate of the authority that clients should trust, in PEM.
    pub ca_cert: Option<PathBuf>,
    /// A client certificate of that authority, in PEM.
    pub client_cert: Option<PathBuf>,
    /// Private key of the client certificate, in PEM.
    pub client_key: Option<PathBuf>,
    /// Certificate of an authority that signed none of these, in PEM.
    pub other_ca_cert: Option<PathBuf>,
}

impl TestBroker {
    /// Starts a broker with default options, without security.
    ///
    /// # Errors
    ///
    /// Those of [`TestBrokerBuilder::start`].
    pub fn start() -> io::Result<Self> {
        Self::builder().start()
    }

    /// Options for a broker that is not started yet.
    pub fn builder() -> TestBrokerBuilder {
        TestBrokerBuilder::default()
    }

    fn launch(mut options: TestBrokerBuilder) -> io::Result<Self> {
        // The data has to survive a kill, so the folder is not left to the program.
        let temporary = match options.data_dir {
            Some(_) => None,
            None => Some(tempfile::Builder::new().prefix("rivven-test-broker-").tempdir()?),
        };
        if let Some(dir) = &temporary {
            options.data_dir = Some(dir.path().to_owned());
        }
        let (process, info): (_, BrokerInfo) = Process::start(&program::BROKER, options.args())?;
        options.port = Some(info.port);
        Ok(TestBroker { options, info, process: Some(process), _temporary: temporary })
    }

    /// `host:port` to connect to; the same after a restart.
    pub fn address(&self) -> &str {
        &self.info.address
    }

    /// Port for clients; the same after a restart.
    pub fn port(&self) -> u16 {
        self.info.port
    }

    /// Folder of the broker's data.
    pub fn data_dir(&self) -> &Path {
        &self.info.data_dir
    }

    /// Everything the program said when it was started last.
    pub fn info(&self) -> &BrokerInfo {
        &self.info
    }

    /// Kills the broker, so that it loses what a crash loses.
    ///
    /// Returns when the process is gone; does nothing if it already is.
    ///
    /// # Errors
    ///
    /// What the operating system reports.
    pub fn kill(&mut self) -> io::Result<()> {
        match self.process.take() {
            Some(mut process) => process.kill().map(drop),
            None => Ok(()),
        }
    }

    /// Stops the broker cleanly, so that everything it acknowledged is on disk.
    ///
    /// Returns when the process is gone, after one second or so if clients are
    /// connected; does nothing if it already is.
    ///
    /// # Errors
    ///
    /// What the operating system reports, or that the broker failed to stop cleanly.
    pub fn terminate(&mut self) -> io::Result<()> {
        let Some(mut process) = self.process.take() else { return Ok(()) };
        match process.terminate()? {
            status if status.success() => Ok(()),
            status => Err(io::Error::other(format!("the test broker did not stop cleanly: {status}"))),
        }
    }

    /// Starts the broker again on the same port and data, after a clean stop if it still runs.
    ///
    /// # Errors
    ///
    /// Those of [`TestBroker::terminate`] and [`TestBrokerBuilder::start`].
    pub fn restart(&mut self) -> io::Result<()> {
        self.terminate()?;
        let (process, info) = Process::start(&program::BROKER, self.options.args())?;
        self.process = Some(process);
        self.info = info;
        Ok(())
    }
}

/// A program, running.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
}

impl Process {
    /// Starts a program and waits for its line.
    pub(crate) fn start<T: DeserializeOwned>(program: &Hosted, args: Vec<OsString>) -> io::Result<(Self, T)> {
        let mut child =
            Command::new(program.find()?).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take();
        let mut process = Process { child, stdin };
        let mut line = String::new();
        if let Some(stdout) = stdout {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        if line.is_empty() {
            return Err(program.not_started(process.child.wait()?));
        }
        Ok((process, serde_json::from_str(&line)?))
    }

    fn kill(&mut self) -> io::Result<ExitStatus> {
        self.child.kill()?;
        self.child.wait()
    }

    fn terminate(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.child.try_wait()? {
            return Ok(status);
        }
        let pid = libc::pid_t::try_from(self.child.id()).map_err(io::Error::other)?;
        // SAFETY: no pointers are passed, and the id is still that of the child,
        // which has not been waited for.
        if unsafe { libc::kill(pid, libc::SIGTERM) } != 0 {
            return Err(io::Error::last_os_error());
        }
        self.child.wait()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stdin = None;
        let deadline = Instant::now() + END_TIMEOUT;
        // Nothing can be done about an error here; it ends the wait.
        while let Ok(None) = self.child.try_wait() {
            if Instant::now() > deadline {
                let _ = self.kill();
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}
