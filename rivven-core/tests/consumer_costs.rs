//! What reading allocates. The allocator counts for this whole program, so it is alone here.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use rivven_client::{Consumer, ConsumerConfig, Result};
use rivven_testkit::{Sink, SinkOptions};

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    /// How often this thread has allocated; the broker runs on another one.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is handed to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(memory, layout, size) }
    }
}

/// Reads so many records by views, and gives the bytes of their values and the number of allocations.
async fn read(consumer: &Consumer, records: usize) -> Result<(usize, usize)> {
    let before = ALLOCATIONS.get();
    let (mut read, mut bytes) = (0, 0);
    while read < records {
        for record in consumer.poll().await?.views() {
            read += 1;
            bytes += record.value.len();
        }
    }
    Ok((bytes, ALLOCATIONS.get() - before))
}

#[tokio::test]
async fn a_record_that_is_read_by_batch_allocates_nothing() -> Result<()> {
    let sink = Sink::start(SinkOptions { records: 100_000, partitions: 4, ..SinkOptions::default() }).unwrap();
    let config = ConsumerConfig::builder().bootstrap_server(sink.address()).assign("t", vec![0, 1, 2, 3]);
    let consumer = Consumer::new(config.enable_auto_commit(false).max_poll_records(2000).build()).await?;
    // By then answers are as large as they become.
    read(&consumer, 200_000).await?;
    let (bytes, allocations) = read(&consumer, 150_000).await?;
    assert!(bytes >= 15_000_000);
    // Each poll and each answer has some, whatever the number of its records.
    assert!(allocations < 150_000 / 50, "{allocations} allocations");
    Ok(())
}
