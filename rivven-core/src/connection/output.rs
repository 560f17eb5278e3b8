//! The bytes on their way to the socket.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};

use crate::protocol::{HEADER_LEN, RequestFrame};

/// Payloads up to this size are copied together, larger ones are written from where they are.
///
/// One `sendmsg` of many small requests costs less than one slice for each.
const COPY_LIMIT: usize = 2 * 1024;

/// The most slices given to one write; Linux accepts 1024.
const MAX_SLICES: usize = 64;

/// Some bytes to write, the first of which may have been written.
#[derive(Debug)]
enum Chunk {
    /// Small requests together, or the payload of a large one.
    Bytes(Bytes),
    /// What stands before a large payload; it needs no memory of its own.
    Header { bytes: [u8; HEADER_LEN], written: usize },
}

impl Chunk {
    fn rest(&self) -> &[u8] {
        match self {
            Chunk::Bytes(bytes) => bytes,
            Chunk::Header { bytes, written } => &bytes[*written..],
        }
    }

    fn advance(&mut self, count: usize) {
        match self {
            Chunk::Bytes(bytes) => bytes.advance(count),
            Chunk::Header { written, .. } => *written += count,
        }
    }
}

/// A queue of encoded requests, some bytes of which may have been written.
#[derive(Debug)]
pub(super) struct Output {
    chunks: VecDeque<Chunk>,
    tail: BytesMut,
}

impl Output {
    /// An empty queue with so many bytes of room for small requests.
    pub(super) fn with_room(bytes: usize) -> Self {
        Output { chunks: VecDeque::new(), tail: BytesMut::with_capacity(bytes) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.chunks.is_empty() && self.tail.is_empty()
    }

    /// Appends a request under its correlation id.
    pub(super) fn push(&mut self, frame: &RequestFrame, correlation_id: u32) {
        let (header, payload) = (frame.header(correlation_id), frame.payload());
        if payload.len() <= COPY_LIMIT {
            self.tail.extend_from_slice(&header);
            self.tail.extend_from_slice(payload);
        } else {
            self.seal();
            self.chunks.push_back(Chunk::Header { bytes: header, written: 0 });
            self.chunks.push_back(Chunk::Bytes(payload.clone()));
        }
    }

    fn seal(&mut self) {
        if !self.tail.is_empty() {
            self.chunks.push_back(Chunk::Bytes(self.tail.split().freeze()));
        }
    }

    /// The next bytes to write, oldest first.
    pub(super) fn slices<'a>(&'a mut self, into: &mut [IoSlice<'a>; MAX_SLICES]) -> usize {
        self.seal();
        let count = self.chunks.len().min(MAX_SLICES);
        for (slice, chunk) in into.iter_mut().zip(&self.chunks) {
            *slice = IoSlice::new(chunk.rest());
        }
        count
    }

    /// An array to pass to [`Output::slices`].
    pub(super) fn no_slices<'a>() -> [IoSlice<'a>; MAX_SLICES] {
        [IoSlice::new(&[]); MAX_SLICES]
    }

    /// Drops the first `bytes` bytes: they were written.
    pub(super) fn advance(&mut self, mut bytes: usize) {
        while bytes > 0 {
            let Some(first) = self.chunks.front_mut() else { return };
            let step = bytes.min(first.rest().len());
            first.advance(step);
            bytes -= step;
            if first.rest().is_empty() {
                self.chunks.pop_front();
            }
        }
    }
}
