//! The named steps of idempotent and transactional publishing, written once upon a client's `call`.

/// Expands, inside the `impl` of a client with the methods `call` and `begun`, to one method for each step.
macro_rules! transaction_methods {
    () => {
        /// Gives a producer an identity that nobody has had, or takes over that of a previous one, whose epoch rises.
        ///
        /// Do not take over an identity after the broker may have restarted: it counts from 1 again and may have given
        /// the identity to another producer.
        ///
        /// # Errors
        ///
        /// Those of the connection.
        pub async fn init_producer_id(&self, previous: Option<u64>) -> $crate::Result<$crate::ProducerState> {
            let request = match previous {
                Some(_) => $crate::ops::InitProducerId { previous },
                None => $crate::ops::InitProducerId::of_random_id(),
            };
            self.call(&request).await.map($crate::ProducerState::new)
        }

        /// Appends a record once, however often it is sent; gives `(offset, partition, was_duplicate)`.
        ///
        /// The key decides the partition; without one it is that with the fewest records of this producer. An unknown
        /// topic is created. After an error of unknown outcome the same record may be published again: it has the
        /// same number and is not written twice. Another record is refused until
        /// [`abandon`](crate::ProducerState::abandon) was called.
        ///
        /// # Errors
        ///
        /// As `publish_to_partition`; `INVALID_STATE` for another record after an unknown outcome;
        /// `UNKNOWN_PRODUCER_ID` if the broker has forgotten the identity or given it to another producer;
        /// `OUT_OF_ORDER_SEQUENCE` if it misses an earlier number. After these two only `abandon` helps.
        pub async fn publish_idempotent<K: AsRef<[u8]>>(
            &self,
            topic: impl AsRef<str>,
            key: Option<K>,
            value: impl AsRef<[u8]>,
            producer: &mut $crate::ProducerState,
        ) -> $crate::Result<(u64, u32, bool)> {
            let key = key.as_ref().map(K::as_ref);
            self.publish_once(topic.as_ref(), None, key, value.as_ref(), producer).await
        }

        /// Appends a record once like [`publish_idempotent`](Self::publish_idempotent), to a partition.
        ///
        /// # Errors
        ///
        /// As [`publish_idempotent`](Self::publish_idempotent).
        pub async fn publish_idempotent_to_partition<K: AsRef<[u8]>>(
            &self,
            topic: impl AsRef<str>,
            partition: u32,
            key: Option<K>,
            value: impl AsRef<[u8]>,
            producer: &mut $crate::ProducerState,
        ) -> $crate::Result<(u64, u32, bool)> {
            let key = key.as_ref().map(K::as_ref);
            self.publish_once(topic.as_ref(), Some(partition), key, value.as_ref(), producer).await
        }

        async fn publish_once(
            &self,
            topic: &str,
            partition: Option<u32>,
            key: Option<&[u8]>,
            value: &[u8],
            producer: &mut $crate::ProducerState,
        ) -> $crate::Result<(u64, u32, bool)> {
            let partition = match producer.again(topic, partition, key, value)?.or(partition) {
                Some(partition) => partition,
                None => {
                    let count = self.partition_count(topic).await.map_err($crate::Error::before_request)?;
                    let by_key = key.map(|key| $crate::partition_of_key(key, count));
                    by_key.or_else(|| producer.least_used(0..count)).unwrap_or(0)
                }
            };
            if producer.is_abandoned() {
                producer.renew(self.call(&$crate::ops::InitProducerId::of_random_id()).await?);
            }
            let record = producer.number(topic, partition, key, value);
            let publish = $crate::ops::IdempotentPublish {
                topic,
                partition,
                key,
                value,
                producer_id: producer.producer_id,
                producer_epoch: producer.producer_epoch,
                sequence: record.sequence,
            };
            let result = self.call(&publish).await;
            let published = producer.settle(record, result, |published| published.duplicate && !published.repeated)?;
            Ok((published.offset, published.partition, published.duplicate))
        }

        /// The number of partitions of a topic, which is created if there is none.
        async fn partition_count(&self, topic: &str) -> $crate::Result<u32> {
            let (ask, create) =
                ($crate::ops::GetMetadata { topic }, $crate::ops::CreateTopic { name: topic, partitions: None });
            $crate::methods::partitions_of_created(|| self.call(&ask), || self.call(&create)).await
        }

        /// Begins a transaction of a producer, which the broker aborts once it is idle for the timeout, 60 s if none is given.
        ///
        /// For a transaction that looks after its steps by itself see
        /// [`Producer::begin_transaction`](crate::Producer::begin_transaction).
        ///
        /// # Errors
        ///
        /// `INVALID_TXN_STATE` if it is open already, or the producer's identity was abandoned;
        /// `CONCURRENT_TRANSACTIONS` if the producer has another one open; `TOO_MANY_TRANSACTIONS`: a broker takes five;
        /// `PRODUCER_FENCED` if it is open under another epoch.
        pub async fn begin_transaction(
            &self,
            txn_id: impl AsRef<str>,
            producer: &$crate::ProducerState,
            timeout: Option<std::time::Duration>,
        ) -> $crate::Result<()> {
            let txn = producer.within(txn_id.as_ref());
            let now = std::time::Instant::now();
            producer.check_usable("begin", txn.txn_id)?;
            self.begun.may_begin(txn, now)?;
            self.call(&$crate::ops::BeginTransaction { txn, timeout }).await?;
            self.begun.began(txn, timeout, now);
            Ok(())
        }

        /// Adds partitions to a transaction, to which it may write then; gives how many were named.
        ///
        /// # Errors
        ///
        /// `INVALID_TXN_ID` if this client has not begun the transaction with this producer, or it has ended;
        /// `TRANSACTION_TIMED_OUT`; `PRODUCER_FENCED`; `INVALID_ARGUMENT` if none is named.
        pub async fn add_partitions_to_txn<T: AsRef<str>>(
            &self,
            txn_id: impl AsRef<str>,
            producer: &$crate::ProducerState,
            partitions: &[(T, u32)],
        ) -> $crate::Result<usize> {
            let txn = producer.within(txn_id.as_ref());
            let now = std::time::Instant::now();
            producer.check_usable("add partitions to", txn.txn_id)?;
            self.begun.may_go_on("add partitions to", txn, now)?;
            let count = self.call(&$crate::ops::AddPartitionsToTxn { txn, partitions }).await?;
            self.begun.added(txn, partitions, now);
            Ok(count)
        }

        /// Appends a record within a transaction; gives `(offset, partition, sequence)`.
        ///
        /// The key decides the partition, which has to be one that was added; without a key it is that of the added
        /// ones of the topic with the fewest records of this producer. An error of unknown outcome is dealt with as in
        /// [`publish_idempotent`](Self::publish_idempotent), or by aborting the transaction.
        ///
        /// # Errors
        ///
        /// `PARTITION_NOT_IN_TXN`; those of [`add_partitions_to_txn`](Self::add_partitions_to_txn) and
        /// [`publish_idempotent`](Self::publish_idempotent).
        pub async fn publish_transactional<K: AsRef<[u8]>>(
            &self,
            txn_id: impl AsRef<str>,
            topic: impl AsRef<str>,
            key: Option<K>,
            value: impl AsRef<[u8]>,
            producer: &mut $crate::ProducerState,
        ) -> $crate::Result<(u64, u32, i32)> {
            let (topic, key) = (topic.as_ref(), key.as_ref().map(K::as_ref));
            self.publish_in_transaction(txn_id.as_ref(), topic, None, key, value.as_ref(), producer).await
        }

        /// Appends a record within a transaction like [`publish_transactional`](Self::publish_transactional), to a
        /// partition that was added.
        ///
        /// # Errors
        ///
        /// As [`publish_transactional`](Self::publish_transactional).
        pub async fn publish_transactional_to_partition<K: AsRef<[u8]>>(
            &self,
            txn_id: impl AsRef<str>,
            topic: impl AsRef<str>,
            partition: u32,
            key: Option<K>,
            value: impl AsRef<[u8]>,
            producer: &mut $crate::ProducerState,
        ) -> $crate::Result<(u64, u32, i32)> {
            let (topic, key) = (topic.as_ref(), key.as_ref().map(K::as_ref));
            self.publish_in_transaction(txn_id.as_ref(), topic, Some(partition), key, value.as_ref(), producer).await
        }

        async fn publish_in_transaction(
            &self,
            txn_id: &str,
            topic: &str,
            partition: Option<u32>,
            key: Option<&[u8]>,
            value: &[u8],
            producer: &mut $crate::ProducerState,
        ) -> $crate::Result<(u64, u32, i32)> {
            let txn = producer.within(txn_id);
            producer.check_usable("publish in", txn_id)?;
            let added = self.begun.partitions("publish in", txn, topic, std::time::Instant::now())?;
            let partition = match producer.again(topic, partition, key, value)?.or(partition) {
                Some(partition) => Some(partition),
                None if added.is_empty() => None,
                None => match key {
                    Some(key) => {
                        let count = self.partition_count(topic).await.map_err($crate::Error::before_request)?;
                        Some($crate::partition_of_key(key, count))
                    }
                    None => producer.least_used(added.iter().copied()),
                },
            };
            let Some(partition) = partition.filter(|partition| added.contains(partition)) else {
                return Err($crate::transaction::not_added(txn_id, topic, partition));
            };
            let now = std::time::Instant::now();
            let record = producer.number(topic, partition, key, value);
            let sequence = record.sequence;
            let publish = $crate::ops::TransactionalPublish { txn, topic, partition, key, value, sequence };
            let result = self.call(&publish).await;
            // The answer does not tell a duplicate.
            let published = producer.settle(record, result, |_| false)?;
            self.begun.touched(txn, now);
            Ok((published.offset, published.partition, published.sequence))
        }

        /// Stores the next offsets that a group is to read together with a transaction: they count once it is committed.
        ///
        /// # Errors
        ///
        /// `INVALID_ARGUMENT` for a negative offset or none at all, `INVALID_GROUP_ID`; those of
        /// [`add_partitions_to_txn`](Self::add_partitions_to_txn).
        pub async fn add_offsets_to_txn<T: AsRef<str>>(
            &self,
            txn_id: impl AsRef<str>,
            producer: &$crate::ProducerState,
            group: impl AsRef<str>,
            offsets: &[(T, u32, i64)],
        ) -> $crate::Result<()> {
            let (txn, group) = (producer.within(txn_id.as_ref()), group.as_ref());
            let now = std::time::Instant::now();
            producer.check_usable("add offsets to", txn.txn_id)?;
            self.begun.may_go_on("add offsets to", txn, now)?;
            self.call(&$crate::ops::AddOffsetsToTxn { txn, group, offsets }).await?;
            self.begun.touched(txn, now);
            Ok(())
        }

        /// Commits a transaction: its records and offsets count.
        ///
        /// # Errors
        ///
        /// `INVALID_TXN_ID` if the broker has no such open transaction, also because it was committed before;
        /// `TRANSACTION_TIMED_OUT`: the broker aborts it; `PRODUCER_FENCED`. An error whose outcome is unknown leaves
        /// open whether it was committed; see `docs/transactions.md` for how to find out.
        pub async fn commit_transaction(
            &self,
            txn_id: impl AsRef<str>,
            producer: &$crate::ProducerState,
        ) -> $crate::Result<()> {
            let txn = producer.within(txn_id.as_ref());
            producer.check_usable("commit", txn.txn_id)?;
            self.begun.may_end("commit", txn, std::time::Instant::now())?;
            let result = self.call(&$crate::ops::CommitTransaction { txn }).await;
            self.begun.ended(txn, &result);
            result
        }

        /// Aborts a transaction: its records and offsets do not count.
        ///
        /// # Errors
        ///
        /// As [`commit_transaction`](Self::commit_transaction).
        pub async fn abort_transaction(
            &self,
            txn_id: impl AsRef<str>,
            producer: &$crate::ProducerState,
        ) -> $crate::Result<()> {
            let txn = producer.within(txn_id.as_ref());
            self.begun.may_end("abort", txn, std::time::Instant::now())?;
            let result = self.call(&$crate::ops::AbortTransaction { txn }).await;
            self.begun.ended(txn, &result);
            result
        }
    };
}
pub(crate) use transaction_methods;
