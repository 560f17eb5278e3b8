//! The memory that records may hold until they are settled.

use tokio::sync::Semaphore;

/// The bytes of `buffer.memory`; those who wait for some get them in order.
#[derive(Debug)]
pub(super) struct Memory {
    free: Semaphore,
    size: usize,
}

impl Memory {
    pub(super) fn new(size: usize) -> Self {
        let size = size.min(Semaphore::MAX_PERMITS);
        Memory { free: Semaphore::new(size), size }
    }

    /// Takes so many bytes if they are free, and nobody waits for them.
    pub(super) fn try_take(&self, bytes: usize) -> bool {
        let Ok(count) = u32::try_from(bytes) else { return false };
        self.free.try_acquire_many(count).map(|taken| taken.forget()).is_ok()
    }

    /// Waits for so many bytes; more than there are in all are never given.
    pub(super) async fn take(&self, bytes: usize) {
        let count = u32::try_from(bytes).unwrap_or(u32::MAX);
        if let Ok(taken) = self.free.acquire_many(count).await {
            taken.forget();
        }
    }

    /// Gives back what was taken.
    pub(super) fn give(&self, bytes: usize) {
        self.free.add_permits(bytes);
    }

    /// The bytes that are taken.
    pub(super) fn used(&self) -> usize {
        self.size - self.free.available_permits()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn who_waits_is_served_in_order_and_not_overtaken() {
        let memory = Arc::new(Memory::new(100));
        assert!(memory.try_take(80));
        assert_eq!(memory.used(), 80);
        let mut waiters = Vec::new();
        let order = Arc::new(std::sync::Mutex::new(Vec::new()));
        for (number, bytes) in [90, 10].into_iter().enumerate() {
            let (memory, order) = (Arc::clone(&memory), Arc::clone(&order));
            waiters.push(tokio::spawn(async move {
                memory.take(bytes).await;
                order.lock().unwrap().push(number);
            }));
            tokio::task::yield_now().await;
        }
        assert!(!memory.try_take(1), "what is free belongs to the first who waits");
        memory.give(80);
        for waiter in waiters {
            waiter.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), [0, 1]);
        assert_eq!(memory.used(), 100);
    }
}
