//! Looks at the sockets of this process.
//!
//! The broker tells neither when it listens nor which connections it has. Both
//! can be seen in the table of open descriptors, and unlike a trial connection
//! that cannot be fooled by another process on the same port.

use std::fs;
use std::io;
use std::net::Shutdown;
use std::os::fd::{BorrowedFd, RawFd};

use socket2::SockRef;

/// Tells whether this process listens on `port`.
pub(crate) fn is_listening(port: u16) -> io::Result<bool> {
    Ok(descriptors()?.any(|fd| with_socket(fd, port, |socket| socket.peer_addr().is_err())))
}

/// Ends the incoming half of every connection to `port`; returns how many are open.
///
/// The broker still reads what has arrived, executes and answers it, then finds
/// the end of the stream and closes, as if the client had gone.
pub(crate) fn end_input(port: u16) -> io::Result<usize> {
    let open = descriptors()?.filter(|&fd| {
        with_socket(fd, port, |socket| {
            socket.peer_addr().is_ok() && {
                // Fails only if the connection has just gone, which is as good.
                let _ = socket.shutdown(Shutdown::Read);
                true
            }
        })
    });
    Ok(open.count())
}

fn descriptors() -> io::Result<impl Iterator<Item = RawFd>> {
    let entries: Vec<_> = fs::read_dir("/dev/fd")?.collect::<io::Result<_>>()?;
    Ok(entries.into_iter().filter_map(|entry| entry.file_name().to_str()?.parse().ok()))
}

/// Calls `look` if `fd` is an IP socket whose own port is `port`.
fn with_socket(fd: RawFd, port: u16, look: impl FnOnce(SockRef<'_>) -> bool) -> bool {
    // SAFETY: the number was open a moment ago. If its owner closes it in the
    // meantime, the system calls made through it fail or meet another
    // descriptor of this process; they neither close it nor touch memory.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    let socket = SockRef::from(&fd);
    let local = socket.local_addr().ok().and_then(|addr| addr.as_socket());
    local.is_some_and(|addr| addr.port() == port) && look(socket)
}
