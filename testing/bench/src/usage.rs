//! What this process has used.

use std::io;
use std::mem::MaybeUninit;
use std::time::{Duration, Instant};

use crate::allocations;

/// The use of the processor and of memory since the process began.
#[derive(Debug, Clone, Copy)]
struct Usage {
    /// The time on all processors, in user and kernel mode.
    cpu: Duration,
    /// The most memory that was resident at once, in bytes.
    peak_rss: u64,
}

impl Usage {
    /// What has been used until now.
    fn now() -> io::Result<Self> {
        let mut usage = MaybeUninit::<libc::rusage>::uninit();
        // SAFETY: the pointer is valid for one `rusage`, which the call fills.
        if unsafe { libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()) } != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the call has succeeded, so the value is filled.
        let usage = unsafe { usage.assume_init() };
        let cpu = duration(usage.ru_utime) + duration(usage.ru_stime);
        Ok(Usage { cpu, peak_rss: usage.ru_maxrss as u64 * RSS_UNIT })
    }
}

/// Linux counts in KiB, macOS in bytes.
const RSS_UNIT: u64 = if cfg!(target_os = "macos") { 1 } else { 1024 };

fn duration(time: libc::timeval) -> Duration {
    Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000)
}

/// The clocks of a scenario under way.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    cpu: Duration,
    allocations: u64,
    start: Instant,
}

impl Stopwatch {
    /// Begins to measure.
    pub(crate) fn start() -> io::Result<Self> {
        Ok(Stopwatch { cpu: Usage::now()?.cpu, allocations: allocations::count(), start: Instant::now() })
    }

    /// What has been spent since.
    pub(crate) fn stop(self) -> io::Result<Spent> {
        let seconds = self.start.elapsed().as_secs_f64();
        let (usage, allocations) = (Usage::now()?, allocations::count() - self.allocations);
        let cpu = usage.cpu - self.cpu;
        Ok(Spent { seconds, cpu, allocations: Some(allocations), peak_rss: usage.peak_rss })
    }
}

/// What a scenario has cost the process of the client.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spent {
    /// The time that went by.
    pub(crate) seconds: f64,
    /// The time on all processors, in user and kernel mode.
    pub(crate) cpu: Duration,
    /// The allocations, where they are counted.
    pub(crate) allocations: Option<u64>,
    /// The most memory that was resident at once since the process began, in bytes.
    pub(crate) peak_rss: u64,
}
