//! One direction of one connection.

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, sleep_until};

use super::edit::Editor;
use super::gate::Gate;
use super::plan::Faults;
use crate::net::{End, acknowledge_now};
use crate::seed::Seeded;

/// Bytes that may wait between the two sockets before no more are read.
const MOST_WAITING: usize = 1 << 20;

/// What is read at once.
const READ_SIZE: usize = 64 << 10;

/// How many portions a second's worth of a throttled direction is forwarded in.
const PORTIONS_PER_SECOND: u64 = 100;

/// Bytes that wait to be forwarded, and until when.
struct Waiting {
    due: Instant,
    bytes: Bytes,
}

/// Forwards the bytes of one direction, with its faults.
pub(super) struct Pump<'a> {
    from: ReadHalf<'a>,
    to: WriteHalf<'a>,
    faults: Faults,
    editor: Editor,
    gate: watch::Receiver<Gate>,
    /// Counts what is forwarded by all connections.
    total: &'a AtomicU64,
    seeded: Seeded,
    waiting: VecDeque<Waiting>,
    forwarded: u64,
    /// When a throttled direction may go on.
    free_at: Instant,
    /// Whether the receiver has been told that nothing more comes.
    ended: bool,
}

impl<'a> Pump<'a> {
    pub(super) fn new(
        (from, to): (ReadHalf<'a>, WriteHalf<'a>),
        faults: Faults,
        editor: Editor,
        gate: watch::Receiver<Gate>,
        total: &'a AtomicU64,
    ) -> Self {
        let seeded = Seeded::new(faults.seed);
        let waiting = VecDeque::new();
        Pump {
            from,
            to,
            faults,
            editor,
            gate,
            total,
            seeded,
            waiting,
            forwarded: 0,
            free_at: Instant::now(),
            ended: false,
        }
    }

    /// Forwards until the source ends, or says how the connection is to end before.
    pub(super) async fn run(mut self) -> Result<(), End> {
        self.trigger().await?;
        let mut source_ended = false;
        while !(source_ended && self.waiting.is_empty()) {
            let mut buffer = BytesMut::with_capacity(READ_SIZE);
            let has_room = self.waiting.iter().map(|waiting| waiting.bytes.len()).sum::<usize>() < MOST_WAITING;
            let due = self.waiting.front().map(|waiting| waiting.due);
            tokio::select! {
                biased;
                () = until(due) => self.forward_next().await?,
                count = self.from.read_buf(&mut buffer), if has_room && !source_ended => {
                    source_ended = count.map_err(|_| End::Reset)? == 0;
                    acknowledge_now(self.from.as_ref());
                    let onward = if source_ended { self.editor.rest() } else { self.editor.edit(buffer) };
                    self.wait_with(onward);
                }
            }
        }
        self.end().await
    }

    /// Queues bytes until they are due.
    fn wait_with(&mut self, bytes: Bytes) {
        let Faults { delay_ms, coalesce_ms, .. } = self.faults;
        let due = Instant::now() + Duration::from_millis(delay_ms + coalesce_ms);
        match self.waiting.back_mut() {
            Some(last) if coalesce_ms > 0 => {
                last.bytes = [&last.bytes[..], &bytes].concat().into();
                last.due = due;
            }
            _ if bytes.is_empty() => {}
            _ => self.waiting.push_back(Waiting { due, bytes }),
        }
    }

    async fn forward_next(&mut self) -> Result<(), End> {
        let Some(Waiting { mut bytes, .. }) = self.waiting.pop_front() else { return Ok(()) };
        while !bytes.is_empty() && !self.ended {
            let size = self.next_size(bytes.len());
            self.throttle(size).await;
            self.write(bytes.split_to(size)).await?;
            self.trigger().await?;
            self.pause(!bytes.is_empty()).await;
        }
        Ok(())
    }

    /// How much of `available` is written at once: never past something that is to happen.
    fn next_size(&mut self, available: usize) -> usize {
        let mut size = available as u64;
        if self.faults.split > 0 {
            size = size.min(self.seeded.between(1, self.faults.split as u64));
        }
        if self.faults.throttle > 0 {
            size = size.min((self.faults.throttle / PORTIONS_PER_SECOND).max(1));
        }
        let Faults { stall_after, half_close_after, cut_after, reset_after, .. } = self.faults;
        for position in [stall_after, half_close_after, cut_after, reset_after].into_iter().flatten() {
            if position > self.forwarded {
                size = size.min(position - self.forwarded);
            }
        }
        size as usize
    }

    /// Does what is to happen at the present position.
    async fn trigger(&mut self) -> Result<(), End> {
        let now = Some(self.forwarded);
        if self.faults.stall_after == now {
            self.faults.stall_after = None;
            Gate::resumed(&mut self.gate).await;
        }
        if self.faults.cut_after == now {
            return Err(End::Close);
        }
        if self.faults.reset_after == now {
            return Err(End::Reset);
        }
        if self.faults.half_close_after == now {
            self.end().await?;
        }
        Ok(())
    }

    /// Tells the receiver that nothing more comes; what still comes is dropped.
    async fn end(&mut self) -> Result<(), End> {
        if !self.ended {
            self.ended = true;
            // The receiver may be gone, which is what this is about.
            let _ = self.to.shutdown().await;
        }
        Ok(())
    }

    async fn write(&mut self, mut bytes: Bytes) -> Result<(), End> {
        while !bytes.is_empty() {
            Gate::open(&mut self.gate).await;
            self.to.writable().await.map_err(|_| End::Reset)?;
            let gate = self.gate.borrow();
            if gate.is_stalled() {
                continue;
            }
            // As long as the gate is borrowed no stall can begin.
            match self.to.try_write(&bytes) {
                Ok(count) => {
                    self.forwarded += count as u64;
                    self.total.fetch_add(count as u64, Ordering::Relaxed);
                    let _ = bytes.split_to(count);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return Err(End::Reset),
            }
        }
        Ok(())
    }

    async fn throttle(&mut self, size: usize) {
        if self.faults.throttle == 0 {
            return;
        }
        sleep_until(self.free_at).await;
        let duration = Duration::from_secs_f64(size as f64 / self.faults.throttle as f64);
        self.free_at = Instant::now().max(self.free_at) + duration;
    }

    /// Lets the receiver take a piece before the next one comes.
    async fn pause(&self, more: bool) {
        match self.faults.split_pause_ms {
            _ if self.faults.split == 0 || !more => {}
            0 => yield_now().await,
            pause => sleep(Duration::from_millis(pause)).await,
        }
    }
}

/// Waits until `due`; for ever without.
async fn until(due: Option<Instant>) {
    match due {
        Some(due) if due > Instant::now() => sleep_until(due).await,
        Some(_) => {}
        None => pending().await,
    }
}
