//! What the connection task reads and writes.

use tokio::io::{AsyncRead, AsyncWrite};

use super::socket::Socket;

/// A byte stream to a server.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Whether what passes is encrypted.
    const ENCRYPTED: bool = false;

    /// Asks for the rest of an incomplete frame without delay, where that can be asked.
    fn acknowledge_now(&self) {}
}

impl Stream for Socket {
    fn acknowledge_now(&self) {
        Socket::acknowledge_now(self);
    }
}
