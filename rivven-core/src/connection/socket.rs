//! A TCP socket with the measures that this protocol needs.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

/// A connected TCP socket: no Nagle delay, and no signal when the peer is gone.
#[derive(Debug)]
pub(crate) struct Socket {
    tcp: TcpStream,
}

impl Socket {
    pub(crate) fn new(tcp: TcpStream) -> io::Result<Self> {
        tcp.set_nodelay(true)?;
        Ok(Socket { tcp })
    }

    /// Asks the kernel to acknowledge at once what has arrived so far.
    ///
    /// The broker writes the length of a frame and its body in two pieces with
    /// Nagle's algorithm on: the body waits for the acknowledgement of the
    /// length, which the kernel would otherwise delay by 40 ms. So does any
    /// answer that follows another one closely. The option does not last, so it
    /// is set after every read that leaves a frame incomplete or answers due.
    /// Only Linux has it; a failure costs time, nothing else.
    pub(crate) fn acknowledge_now(&self) {
        #[cfg(target_os = "linux")]
        let _ = SockRef::from(&self.tcp).set_tcp_quickack(true);
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    /// Writes by `sendmsg` with `MSG_NOSIGNAL`.
    ///
    /// tokio's own vectored write is `writev`, which raises SIGPIPE when the
    /// peer has closed: it would kill a C program that left the signal at its
    /// default.
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.tcp.poll_write_ready(cx))?;
            let sent = self
                .tcp
                .try_io(Interest::WRITABLE, || SockRef::from(&self.tcp).send_vectored_with_flags(bufs, NO_SIGNAL));
            match sent {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                result => return Poll::Ready(result),
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
const NO_SIGNAL: i32 = libc::MSG_NOSIGNAL;

/// Where the flag does not exist, the standard library sets `SO_NOSIGPIPE` (macOS) or there is no such signal.
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
const NO_SIGNAL: i32 = 0;

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    // covers: F018 rust
    #[tokio::test]
    async fn small_writes_are_not_held_back() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        assert!(!tcp.nodelay().unwrap(), "it is off where nobody sets it");
        assert!(Socket::new(tcp).unwrap().tcp.nodelay().unwrap());
    }
}
