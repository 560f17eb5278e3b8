//! Memory of large answers that are done with, for the next ones.
//!
//! Memory that is asked of the system anew comes page by page, at a price like that of receiving what it is for.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};

use crate::protocol::HEADER_LEN;

/// Smaller answers gain nothing.
const SMALLEST: usize = 64 * 1024;

/// The most that is kept.
const LIMIT: usize = 2 * 1024 * 1024;

/// Buffers of one connection.
#[derive(Debug, Default)]
pub(crate) struct Spares(Mutex<Vec<BytesMut>>);

impl Spares {
    fn lock(&self) -> MutexGuard<'_, Vec<BytesMut>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the memory of an answer, if nobody else uses it and there is room.
    pub(crate) fn give(&self, payload: Bytes) {
        let size = payload.len() + HEADER_LEN;
        if size < SMALLEST {
            return;
        }
        let Ok(mut buffer) = payload.try_into_mut() else { return };
        buffer.clear();
        // The answer began behind its header.
        if !buffer.try_reclaim(size) {
            return;
        }
        let mut kept = self.lock();
        if kept.iter().map(BytesMut::capacity).sum::<usize>() + buffer.capacity() <= LIMIT {
            kept.push(buffer);
        }
    }

    /// An empty buffer with room for so many bytes.
    pub(super) fn take(&self, size: usize) -> Option<BytesMut> {
        let mut kept = self.lock();
        let place = kept.iter().position(|buffer| buffer.capacity() >= size)?;
        Some(kept.swap_remove(place))
    }

    /// Gives everything back to the system, as no large answers are expected.
    pub(crate) fn clear(&self) {
        let kept = std::mem::take(&mut *self.lock());
        drop(kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer as it is cut out of what was received.
    fn answer(size: usize) -> Bytes {
        let mut input = BytesMut::zeroed(HEADER_LEN + size);
        let _header = input.split_to(HEADER_LEN);
        input.freeze()
    }

    #[test]
    fn the_memory_of_an_answer_is_used_again_when_nobody_else_does() {
        let (spares, payload) = (Spares::default(), answer(100_000));
        let _slice = payload.slice(5..6);
        spares.give(payload);
        assert!(spares.take(1).is_none(), "a slice of it lives");
        spares.give(answer(10));
        assert!(spares.take(1).is_none(), "it is small");
        let payload = answer(100_000);
        let start = payload.as_ptr() as usize - HEADER_LEN;
        spares.give(payload);
        assert!(spares.take(200_000).is_none(), "it is too small");
        let buffer = spares.take(100_000 + HEADER_LEN).unwrap();
        assert!(buffer.is_empty() && buffer.as_ptr() as usize == start);
    }

    #[test]
    fn no_more_than_the_limit_is_kept() {
        let spares = Spares::default();
        (0..5).for_each(|_| spares.give(answer(LIMIT / 3)));
        assert!(spares.take(1).is_some() && spares.take(1).is_some() && spares.take(1).is_none());
        spares.give(answer(LIMIT / 3));
        spares.clear();
        assert!(spares.take(1).is_none());
    }
}
