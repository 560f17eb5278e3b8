//! Records to be read: how they come to be on a server, and whether what arrives is they.

use std::time::Duration;

use anyhow::{Result, ensure};
use rivven_client::{ErrorCode, Producer, ProducerConfig};
use rivven_testkit::supplied_number;

use crate::scenario::Workload;
use crate::values::NUMBER_LEN;

/// One value in so many is compared as a whole; of the others the number and the length.
const SAMPLED: u64 = 1000;

/// How long the records may take to be published: the real broker writes one after another.
const PATIENCE: Duration = Duration::from_secs(3600);

/// How much room a producer waits for where it has none, in bytes.
const ROOM: usize = 1024 * 1024;

/// Records of which each partition has as many.
///
/// As those of the sink each begins with a number that tells its offset, and the rest is letters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Supply {
    pub(crate) partitions: u32,
    /// Records of a partition.
    pub(crate) each: u64,
    pub(crate) record_bytes: usize,
}

impl Supply {
    /// So many records, or a few more, so that all partitions have as many.
    pub(crate) fn new(records: u64, workload: &Workload) -> Self {
        let Workload { partitions, record_bytes, .. } = *workload;
        Supply { partitions, each: records.div_ceil(partitions.into()), record_bytes: record_bytes as usize }
    }

    /// The records of all partitions.
    pub(crate) fn records(&self) -> u64 {
        self.each * u64::from(self.partitions)
    }

    /// Publishes them to an empty topic.
    pub(crate) async fn publish(&self, address: &str, topic: &str) -> Result<()> {
        let config = ProducerConfig::builder().bootstrap_servers(vec![address.to_owned()]);
        let config = config.max_block(PATIENCE / 2).delivery_timeout(PATIENCE).build()?;
        let producer = Producer::new(config).await?;
        let topic = producer.topic(topic);
        let mut value = self.value(0);
        for offset in 0..self.each {
            value[..NUMBER_LEN].copy_from_slice(&supplied_number(offset).to_le_bytes());
            for partition in 0..self.partitions {
                while let Err(error) = topic.enqueue_tagged(Some(partition), None, &value, 0) {
                    ensure!(error.code() == ErrorCode::QueueFull, error);
                    topic.has_room(ROOM).await?;
                }
            }
        }
        producer.flush().await?;
        producer.close().await?;
        Ok(())
    }

    fn value(&self, offset: u64) -> Vec<u8> {
        let mut value = supplied_number(offset).to_le_bytes().to_vec();
        value.extend((b'a'..=b'z').cycle().take(self.record_bytes - NUMBER_LEN));
        value
    }
}

/// Records that have arrived.
#[derive(Debug)]
pub(crate) struct Arrivals {
    supply: Supply,
    value: Vec<u8>,
    /// The next offset of each partition.
    next: Vec<u64>,
    read: u64,
    /// The first record that was not the next one, or another one than was published.
    wrong: Option<(u32, u64)>,
}

impl Arrivals {
    pub(crate) fn new(supply: Supply) -> Self {
        let (value, next) = (supply.value(0), vec![0; supply.partitions as usize]);
        Arrivals { supply, value, next, read: 0, wrong: None }
    }

    /// Looks at a record.
    #[inline]
    pub(crate) fn take(&mut self, partition: u32, offset: u64, value: &[u8]) {
        let next = self.next.get_mut(partition as usize);
        let in_order = next.is_some_and(|next| std::mem::replace(next, offset + 1) == offset);
        let number = value.first_chunk::<NUMBER_LEN>();
        let same = value.len() == self.value.len() && number == Some(&supplied_number(offset).to_le_bytes());
        let sampled = offset.is_multiple_of(SAMPLED);
        self.read += 1;
        if !in_order || !same || (sampled && value[NUMBER_LEN..] != self.value[NUMBER_LEN..]) {
            self.wrong.get_or_insert((partition, offset));
        }
    }

    /// How many there are so far.
    pub(crate) fn read(&self) -> u64 {
        self.read
    }

    /// Whether there are as many as there should be.
    pub(crate) fn are_all(&self) -> bool {
        self.read >= self.supply.records()
    }

    /// Whether all have arrived, each once and in order.
    pub(crate) fn verify(&self) -> Result<()> {
        if let Some((partition, offset)) = self.wrong {
            anyhow::bail!("the record {offset} of partition {partition} is another one, or out of order");
        }
        let all = self.next.iter().all(|next| *next == self.supply.each);
        ensure!(all && self.read == self.supply.records(), "{} records have arrived: {:?}", self.read, self.next);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals() -> Arrivals {
        Arrivals::new(Supply { partitions: 2, each: 2, record_bytes: 20 })
    }

    #[test]
    fn records_have_to_arrive_once_in_order_and_as_they_were() {
        let mut all = arrivals();
        let value = |offset| all.supply.value(offset);
        let (zero, one) = (value(0), value(1));
        for partition in [1, 0] {
            all.take(partition, 0, &zero);
            all.take(partition, 1, &one);
        }
        assert!(all.verify().is_ok());
        all.take(0, 1, &one);
        assert!(all.verify().is_err(), "one more");
        let wrongs: [&[(u32, u64, &[u8])]; 4] =
            [&[(0, 1, &one)], &[(0, 0, &one)], &[(0, 0, &zero[..19])], &[(0, 0, &[&zero[..19], b"?"].concat())]];
        for wrong in wrongs {
            let mut some = arrivals();
            wrong.iter().for_each(|(partition, offset, value)| some.take(*partition, *offset, value));
            assert!(some.wrong.is_some());
        }
        assert!(arrivals().verify().is_err(), "none");
    }
}
