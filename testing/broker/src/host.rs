//! The life of the hosted broker: start, announce, serve, stop.

use std::future::{Future, poll_fn};
use std::ops::DerefMut;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tokio::task::spawn_blocking;
use tokio::time::{interval, timeout};

use crate::announcement::Announcement;
use crate::args::{Args, Switch};
use crate::broker::{Broker, Epilogue, Stop};
use crate::certificates::{Certificates, ServerCertificate};
use crate::endings::{Ending, Endings};
use crate::ports::Ports;
use crate::sockets;

/// How often ports are chosen anew when others were quicker to take them.
const START_ATTEMPTS: usize = 5;

/// How long a broker that has opened its data may take to listen.
const LISTEN_TIMEOUT: Duration = Duration::from_secs(5);

/// How long tasks may take to notice that they have been cancelled.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(1);

/// How often sockets are looked at while waiting for a change.
const LOOK_INTERVAL: Duration = Duration::from_millis(2);

/// Hosts a broker until a signal comes or standard input ends.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    // The broker has a runtime of its own. This one outlives it, see `stop`.
    let control = Builder::new_current_thread().enable_all().build()?;
    control.block_on(async {
        // Watched first, so that an early signal leaves no folder behind.
        let mut endings = Endings::watch()?;
        let home = Home::open(args)?;
        host(args, &home, &mut endings).await
    })
}

async fn host(args: &Args, home: &Home, endings: &mut Endings) -> anyhow::Result<()> {
    let mut hosted = tokio::select! {
        hosted = start(args, home) => hosted?,
        _ = endings.next() => return Ok(()),
    };
    let certificates = home.certificates.as_ref();
    Announcement::new(hosted.ports, &home.data_dir, certificates).print().context("write to standard output")?;
    let ending = tokio::select! {
        result = hosted.serve() => bail!(stopped_by_itself(result)),
        ending = endings.next() => ending,
    };
    match ending {
        // Nobody will see the data again, so nothing has to be flushed.
        Ending::EndOfInput if home.is_temporary() => hosted.runtime.end().await,
        Ending::EndOfInput => hosted.stop(Patience::END_OF_INPUT).await?,
        Ending::Signal => hosted.stop(Patience::SIGNAL).await?,
    }
    Ok(())
}

/// Starts a broker, on other ports if those chosen first are taken.
async fn start(args: &Args, home: &Home) -> anyhow::Result<Hosted> {
    let mut attempt = 1;
    loop {
        let ports = Ports::choose(args.port, !args.secure)?;
        let mut hosted = Hosted::open(args, home, ports).await?;
        match hosted.until_listening().await {
            Ok(()) => return Ok(hosted),
            Err(error) if attempt == START_ATTEMPTS => {
                let port = ports.client;
                return Err(error.context(format!("listen on port {port}")));
            }
            Err(_) => hosted.runtime.end().await,
        }
        attempt += 1;
    }
}

/// The folder of the data and what else lies in it.
struct Home {
    data_dir: PathBuf,
    certificates: Option<Certificates>,
    temporary: Option<TempDir>,
}

impl Home {
    fn open(args: &Args) -> anyhow::Result<Self> {
        let (data_dir, temporary) = match &args.data_dir {
            Some(dir) => (std::path::absolute(dir)?, None),
            None => {
                let dir = tempfile::Builder::new().prefix("rivven-test-broker-").tempdir()?;
                (dir.path().to_owned(), Some(dir))
            }
        };
        let certificates = match args.secure && args.security.tls == Switch::On {
            true => Some(make_certificates(args, &data_dir)?),
            false => None,
        };
        Ok(Self { data_dir, certificates, temporary })
    }

    fn is_temporary(&self) -> bool {
        self.temporary.is_some()
    }
}

fn make_certificates(args: &Args, data_dir: &Path) -> anyhow::Result<Certificates> {
    let server = ServerCertificate { sans: &args.security.sans, expired: args.security.expired_cert };
    // The broker takes folders of its data for topics unless they begin so.
    Certificates::make(&data_dir.join("_certificates"), server).context("make certificates")
}

/// A broker under way.
struct Hosted {
    runtime: BrokerRuntime,
    serving: Pin<Box<dyn Future<Output = anyhow::Result<()>>>>,
    stop: Stop,
    epilogue: Epilogue,
    ports: Ports,
}

impl Hosted {
    /// Opens the data; the broker listens once [`Hosted::serve`] is polled.
    async fn open(args: &Args, home: &Home, ports: Ports) -> anyhow::Result<Self> {
        let runtime = BrokerRuntime::new()?;
        let certificates = home.certificates.as_ref();
        let opening = Box::pin(Broker::open(args, ports, &home.data_dir, certificates));
        let broker = runtime.run(opening).await.context("open the broker")?;
        Ok(Self {
            runtime,
            stop: broker.stop(),
            epilogue: broker.epilogue(&home.data_dir),
            serving: Box::pin(broker.serve()),
            ports,
        })
    }

    /// Serves clients until the broker fails; may be dropped and called again.
    async fn serve(&mut self) -> anyhow::Result<()> {
        self.runtime.run(self.serving.as_mut()).await
    }

    /// Serves until the broker has been seen to listen on all its ports.
    async fn until_listening(&mut self) -> anyhow::Result<()> {
        let ports = self.ports;
        let listening = async move {
            let mut looks = interval(LOOK_INTERVAL);
            loop {
                looks.tick().await;
                let api = ports.api.map_or(Ok(true), sockets::is_listening);
                if sockets::is_listening(ports.client)? && api? {
                    return anyhow::Ok(());
                }
            }
        };
        tokio::select! {
            result = self.serve() => Err(stopped_by_itself(result)),
            result = timeout(LISTEN_TIMEOUT, listening) => {
                result.context("the broker does not listen")?
            }
        }
    }

    /// Stops the broker so that what it has acknowledged is on disk.
    ///
    /// Left alone it waits 10 s for clients to close their connections, and in
    /// its first minute of life 5 s for a task that sleeps, before it flushes.
    /// So its input is ended, its runtime is shut down once all connections are
    /// gone, and the rest of its shutdown, which is the flush, runs on the
    /// runtime of the caller.
    async fn stop(self, patience: Patience) -> anyhow::Result<()> {
        timeout(patience.stop, self.stop_and_flush(patience.drain))
            .await
            .with_context(|| format!("the broker did not stop within {:?}", patience.stop))?
    }

    async fn stop_and_flush(self, drain: Duration) -> anyhow::Result<()> {
        (self.stop)();
        let port = self.ports.client;
        let runtime = self.runtime;
        let end_tasks = async {
            // Connections that outlast the limit are cut off with the runtime.
            let _ = timeout(drain, drained(port)).await;
            runtime.end().await;
        };
        let (result, ()) = tokio::join!(self.serving, end_tasks);
        result.context("stop the broker")?;
        self.epilogue.finish()
    }
}

/// How long a stop may take.
struct Patience {
    /// For requests under way; enough for writes, while a long poll is cut off.
    drain: Duration,
    /// For everything.
    stop: Duration,
}

impl Patience {
    const SIGNAL: Self = Self { drain: Duration::from_secs(1), stop: Duration::from_secs(30) };

    /// The clients have most likely gone with the launcher.
    const END_OF_INPUT: Self = Self { drain: Duration::from_millis(200), stop: Duration::from_secs(4) };
}

/// Waits until there are no connections to `port`.
async fn drained(port: u16) {
    let mut looks = interval(LOOK_INTERVAL);
    loop {
        looks.tick().await;
        if let Ok(0) = sockets::end_input(port) {
            return;
        }
    }
}

fn stopped_by_itself(result: anyhow::Result<()>) -> anyhow::Error {
    match result {
        Ok(()) => anyhow!("the broker stopped by itself"),
        Err(error) => error,
    }
}

/// The runtime of the broker's tasks.
struct BrokerRuntime(Option<Runtime>);

impl BrokerRuntime {
    fn new() -> anyhow::Result<Self> {
        let runtime = Builder::new_multi_thread().enable_all().build()?;
        Ok(Self(Some(runtime)))
    }

    /// Polls `future` so that what it spawns goes to this runtime.
    async fn run<T>(&self, mut future: Pin<impl DerefMut<Target: Future<Output = T>>>) -> T {
        let handle = self.0.as_ref().map(Runtime::handle);
        poll_fn(|cx| {
            let _context = handle.map(|handle| handle.enter());
            future.as_mut().poll(cx)
        })
        .await
    }

    /// Cancels all tasks and waits until they are gone.
    async fn end(mut self) {
        let Some(runtime) = self.0.take() else { return };
        // Fails only if the closure panics, and then there is no runtime left.
        let _ = spawn_blocking(|| runtime.shutdown_timeout(CANCEL_TIMEOUT)).await;
    }
}

impl Drop for BrokerRuntime {
    fn drop(&mut self) {
        // A plain drop would block, which is refused within a runtime.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
