//! What the broker has: as it can be read, and as it lies on its disk.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::Path;

use rivven_client::{Client, MessageData, Result};

use crate::ledger::Stored;
use crate::value;

/// The most records of one answer.
const AT_ONCE: u32 = 5000;

/// Everything that a partition holds.
///
/// # Errors
///
/// Why it could not be read.
pub async fn whole(client: &Client, topic: &str, partition: u32) -> Result<Vec<Stored>> {
    let (mut next, latest) = client.get_offset_bounds(topic, partition).await?;
    let mut stored = Vec::new();
    while next < latest {
        let records = client.consume(topic, partition, next, AT_ONCE).await?;
        stored.extend(records.iter().map(|record| (record.offset, value::number_of(&record.value))));
        // A log that was not damaged has something at every offset; what is missing the ledger finds.
        next = stored.last().map_or(next, |(offset, _)| *offset).max(next) + 1;
    }
    Ok(stored)
}

/// What readers of what is committed see of a partition.
///
/// # Errors
///
/// Why it could not be read.
pub async fn committed(client: &Client, topic: &str, partition: u32) -> Result<Vec<MessageData>> {
    let (mut next, latest) = client.get_offset_bounds(topic, partition).await?;
    let mut records = Vec::new();
    while next < latest {
        let batch = client.consume_read_committed(topic, partition, next, 1000).await?;
        // Nothing comes where all that was read is hidden: it is passed one by one.
        next = batch.last().map_or(next + 1, |last| last.offset.max(next) + 1);
        records.extend(batch);
    }
    Ok(records)
}

/// The numbers of the records that any fetch from a damaged partition gives.
///
/// # Errors
///
/// Why it could not be read.
pub async fn reachable(client: &Client, topic: &str, partition: u32) -> Result<HashSet<u64>> {
    let (mut next, latest) = client.get_offset_bounds(topic, partition).await?;
    let mut numbers = HashSet::new();
    while next < latest {
        let records = client.consume(topic, partition, next, AT_ONCE).await?;
        numbers.extend(records.iter().filter_map(|record| value::number_of(&record.value)));
        // After a crash offsets go back within an answer, and an answer may have nothing new.
        next = records.iter().map(|record| record.offset).max().unwrap_or(next).max(next) + 1;
    }
    Ok(numbers)
}

/// The numbers of the records whose values lie in the log files of a partition.
///
/// # Errors
///
/// Why they could not be read.
pub fn on_disk(data: &Path, topic: &str, partition: u32) -> io::Result<HashSet<u64>> {
    let mut numbers = HashSet::new();
    for entry in fs::read_dir(data.join(topic).join(format!("partition-{partition}")))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "log") {
            numbers.extend(value::numbers_within(&fs::read(path)?));
        }
    }
    Ok(numbers)
}
