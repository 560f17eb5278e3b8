//! Writing records.

use bytes::Bytes;
use rivven_client::protocol::{BatchRecord, Request, Response};

use super::log::TransactionNumber;
use super::producers::{Identity, Verdict};
use super::{Answer, Call, World, answer};

/// A topic and one of its partitions.
type Place<'a> = (&'a str, u32);

impl World {
    pub(super) fn publish(&mut self, call: &Call, request: &Request) -> Answer {
        use Request::*;
        match request {
            Publish { topic, partition, key, value, .. } => {
                let place = self.place(call, topic, *partition, key.as_deref(), 1)?;
                let offset = self.write(place, key, value, None)?;
                answer(Response::Published { offset, partition: place.1 })
            }
            PublishBatch { topic, partition, records, .. } => self.publish_batch(call, topic, *partition, records),
            IdempotentPublish {
                topic,
                partition,
                key,
                value,
                producer_id: id,
                producer_epoch: epoch,
                sequence,
                ..
            } => {
                let who = Identity { id: *id, epoch: *epoch, sequence: *sequence };
                let place = self.place(call, topic, *partition, key.as_deref(), 1)?;
                self.publish_as(call, who, place, key, value)
            }
            IdempotentPublishBatch {
                topic,
                partition,
                records,
                producer_id: id,
                producer_epoch: epoch,
                base_sequence: sequence,
                ..
            } => {
                let who = Identity { id: *id, epoch: *epoch, sequence: *sequence };
                self.publish_batch_as(call, who, topic, *partition, records)
            }
            TransactionalPublish {
                txn_id,
                topic,
                partition,
                key,
                value,
                producer_id: id,
                producer_epoch: epoch,
                sequence,
                ..
            } => {
                let who = Identity { id: *id, epoch: *epoch, sequence: *sequence };
                let place = self.place(call, topic, *partition, key.as_deref(), 1)?;
                self.publish_in_transaction(call, who, txn_id, place, key, value)
            }
            _ => Err("INTERNAL_ERROR: Unexpected request type".into()),
        }
    }

    fn publish_as(
        &mut self,
        call: &Call,
        who: Identity,
        place: Place<'_>,
        key: &Option<Bytes>,
        value: &Bytes,
    ) -> Answer {
        let partition = place.1;
        let verdict = self.nodes[call.node].producers.check(who, partition, "expected sequence")?;
        let (offset, duplicate) = match verdict {
            Verdict::Duplicate(offset) => (offset, true),
            Verdict::New => (self.write_as(call, who, place, key, value, None)?, false),
        };
        answer(Response::IdempotentPublished { offset, partition, duplicate })
    }

    fn publish_batch(&mut self, call: &Call, topic: &str, partition: Option<u32>, records: &[BatchRecord]) -> Answer {
        let Some(first) = records.first() else {
            return answer(Response::PublishedBatch { base_offset: 0, partition: 0, record_count: 0 });
        };
        let place = self.place(call, topic, partition, first.key.as_deref(), records.len() as u64)?;
        let partition = place.1;
        let base_offset = self.topics.partition(topic, partition).map_or(0, |log| log.latest);
        for record in records {
            self.write(place, &record.key, &record.value, None)?;
        }
        answer(Response::PublishedBatch { base_offset, partition, record_count: records.len() as u32 })
    }

    fn publish_batch_as(
        &mut self,
        call: &Call,
        who: Identity,
        topic: &str,
        partition: Option<u32>,
        records: &[BatchRecord],
    ) -> Answer {
        let record_count = records.len() as u32;
        let Some(first) = records.first() else {
            let (base_offset, partition, duplicate) = (0, 0, false);
            return answer(Response::IdempotentPublishedBatch { base_offset, partition, record_count, duplicate });
        };
        let place = self.place(call, topic, partition, first.key.as_deref(), records.len() as u64)?;
        let partition = place.1;
        // Only the first sequence is checked, whatever the rest overlaps with.
        let verdict = self.nodes[call.node].producers.check(who, partition, "expected")?;
        let (base_offset, duplicate) = match verdict {
            Verdict::Duplicate(offset) => (offset, true),
            Verdict::New => {
                let base_offset = self.topics.partition(topic, partition).map_or(0, |log| log.latest);
                for (index, record) in (0..).zip(records) {
                    let who = Identity { sequence: who.sequence.wrapping_add(index), ..who };
                    self.write_as(call, who, place, &record.key, &record.value, None)?;
                }
                (base_offset, false)
            }
        };
        answer(Response::IdempotentPublishedBatch { base_offset, partition, record_count, duplicate })
    }

    fn publish_in_transaction(
        &mut self,
        call: &Call,
        who: Identity,
        txn_id: &str,
        (topic, partition): Place<'_>,
        key: &Option<Bytes>,
        value: &Bytes,
    ) -> Answer {
        let node = &mut self.nodes[call.node];
        let offset = match node.producers.check(who, partition, "expected")? {
            // Before the transaction is looked at: that is the broker's order.
            Verdict::Duplicate(offset) => offset,
            Verdict::New => {
                let number = node.transactions.publish(who.id, who.epoch, txn_id, topic, partition, call.now)?;
                self.write_as(call, who, (topic, partition), key, value, Some(number))?
            }
        };
        answer(Response::TransactionalPublished { offset, partition, sequence: who.sequence })
    }

    /// Where records go, once the topic exists and the node leads the partition.
    fn place<'a>(
        &mut self,
        call: &Call,
        name: &'a str,
        partition: Option<u32>,
        key: Option<&[u8]>,
        records: u64,
    ) -> Result<Place<'a>, String> {
        self.ensure_topic(name)?;
        let topic = self.topics.get_mut(name).ok_or("UNKNOWN_TOPIC_OR_PARTITION")?;
        let partition = partition.unwrap_or_else(|| topic.choose(key, records));
        if partition >= topic.count() {
            let count = topic.count();
            return Err(format!(
                "INVALID_PARTITION: {partition} does not exist for topic '{name}' ({count} partitions)"
            ));
        }
        self.check_leader(call, name, partition)?;
        Ok((name, partition))
    }

    fn write_as(
        &mut self,
        call: &Call,
        who: Identity,
        place: Place<'_>,
        key: &Option<Bytes>,
        value: &Bytes,
        transaction: Option<TransactionNumber>,
    ) -> Result<u64, String> {
        let offset = self.write(place, key, value, transaction)?;
        self.nodes[call.node].producers.accept(who, place.1, offset);
        Ok(offset)
    }

    fn write(
        &mut self,
        (topic, partition): Place<'_>,
        key: &Option<Bytes>,
        value: &Bytes,
        transaction: Option<TransactionNumber>,
    ) -> Result<u64, String> {
        let log = self.topics.partition_mut(topic, partition).ok_or("UNKNOWN_TOPIC_OR_PARTITION")?;
        Ok(log.append(key.clone(), value.clone(), transaction))
    }
}
