//! The connections of a server, which can be ended from outside.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long a peer may go on sending to a connection that was closed.
const LINGER: Duration = Duration::from_secs(5);

/// How a connection is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// In the ordinary way, so that what was written arrives.
    Close,
    /// By a reset.
    Reset,
}

/// The connections of a server by number, each a task.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    live: Mutex<HashMap<u64, Live>>,
}

#[derive(Debug)]
struct Live {
    end: watch::Sender<Option<End>>,
    task: JoinHandle<()>,
}

/// What a connection is told by: when to end, and how.
#[derive(Debug)]
pub(crate) struct Ending(watch::Receiver<Option<End>>);

impl Ending {
    /// Waits until the connection is to end.
    pub(crate) async fn wanted(&mut self) -> End {
        match self.0.wait_for(Option::is_some).await {
            Ok(end) => end.unwrap_or(End::Close),
            Err(_) => End::Close,
        }
    }
}

impl Connections {
    /// Starts the task of a connection, to be called on the runtime that is to run it.
    pub(crate) fn spawn<F>(self: &Arc<Self>, number: u64, serve: impl FnOnce(Ending) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (end, ending) = watch::channel(None);
        let serving = serve(Ending(ending));
        let connections = Arc::clone(self);
        // The task removes itself, so it must not do so before it is in the map.
        let mut live = self.lock();
        let task = tokio::spawn(async move {
            serving.await;
            connections.lock().remove(&number);
        });
        live.insert(number, Live { end, task });
    }

    /// Ends the connections that are `chosen` and returns when they are gone.
    pub(crate) async fn end(&self, how: End, chosen: impl Fn(u64) -> bool) {
        let ended: Vec<Live> = self.lock().extract_if(|number, _| chosen(*number)).map(|(_, live)| live).collect();
        for live in &ended {
            let _ = live.end.send(Some(how));
        }
        for live in ended {
            let _ = live.task.await;
        }
    }

    /// Number of connections.
    pub(crate) fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends a connection; what was written to it before arrives unless it is reset.
///
/// A socket that is closed with bytes unread resets the connection, and the
/// reset overtakes what the peer has not read yet. So the rest is read first.
pub(crate) async fn finish(mut stream: TcpStream, how: End) {
    match how {
        End::Reset => {
            let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        }
        End::Close => {
            let _ = stream.shutdown().await;
            tokio::spawn(timeout(LINGER, async move {
                let mut rest = [0; 4096];
                while stream.read(&mut rest).await.is_ok_and(|count| count > 0) {}
            }));
        }
    }
}

/// Has the kernel acknowledge at once what has arrived, where it can.
///
/// The broker writes a frame in two pieces with Nagle's algorithm on, so a
/// delayed acknowledgement costs 40 ms.
pub(crate) fn acknowledge_now(stream: &impl std::os::fd::AsFd) {
    #[cfg(target_os = "linux")]
    let _ = SockRef::from(stream).set_tcp_quickack(true);
}
