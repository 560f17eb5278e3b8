//! A descriptor that can be made readable from any thread.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// An eventfd on Linux, a pipe elsewhere: readable from `raise` to `clear`.
#[derive(Debug)]
pub struct Descriptor {
    read: OwnedFd,
    #[cfg(not(target_os = "linux"))]
    write: OwnedFd,
}

impl Descriptor {
    #[cfg(target_os = "linux")]
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: no pointers are involved.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was just opened and has no other owner.
        Ok(Descriptor { read: unsafe { OwnedFd::from_raw_fd(fd) } })
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn new() -> io::Result<Self> {
        let mut ends = [0; 2];
        // SAFETY: the array has room for the two descriptors.
        if unsafe { libc::pipe(ends.as_mut_ptr()) } != 0 {
            return Err(io::Error::last_os_error());
        }
        for end in ends {
            // SAFETY: both descriptors were just opened.
            unsafe {
                libc::fcntl(end, libc::F_SETFL, libc::O_NONBLOCK);
                libc::fcntl(end, libc::F_SETFD, libc::FD_CLOEXEC);
            }
        }
        // SAFETY: the descriptors were just opened and have no other owner.
        Ok(unsafe { Descriptor { read: OwnedFd::from_raw_fd(ends[0]), write: OwnedFd::from_raw_fd(ends[1]) } })
    }

    /// Makes the descriptor readable; a full pipe or counter is readable already.
    pub(crate) fn raise(&self) {
        #[cfg(target_os = "linux")]
        let fd = self.read.as_raw_fd();
        #[cfg(not(target_os = "linux"))]
        let fd = self.write.as_raw_fd();
        let one = 1u64.to_ne_bytes();
        // SAFETY: eight bytes are valid to read; the descriptor is open.
        unsafe { libc::write(fd, one.as_ptr().cast(), one.len()) };
    }

    /// Waits until the descriptor is readable or the time is over; a signal of the system may end it early.
    pub(crate) fn wait(&self, limit: Option<Duration>) {
        // Rounded up, so that the rest of a millisecond is not spent in turning round.
        let milliseconds = |limit: Duration| limit.as_nanos().div_ceil(1_000_000);
        let limit = limit.map_or(-1, |limit| libc::c_int::try_from(milliseconds(limit)).unwrap_or(libc::c_int::MAX));
        let mut poll = libc::pollfd { fd: self.read.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one valid pollfd is given.
        unsafe { libc::poll(&raw mut poll, 1, limit) };
    }

    /// Makes the descriptor unreadable again.
    pub(crate) fn clear(&self) {
        let mut buffer = [0u8; 64];
        // SAFETY: the buffer is valid to write; the descriptor is open and non-blocking.
        while unsafe { libc::read(self.read.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) }
            == buffer.len() as isize
        {}
    }
}

impl AsRawFd for Descriptor {
    fn as_raw_fd(&self) -> RawFd {
        self.read.as_raw_fd()
    }
}
