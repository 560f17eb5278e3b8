//! The same value as a field of either crate.

use std::collections::HashMap;
use std::hash::Hash;

use bytes::Bytes;
use rivven_client::protocol as client;
use rivven_protocol as published;

use crate::random::{Random, Source};

/// A type of the client's codec, and the one that the published crate has for
/// the same field.
pub trait Mirror<Published> {
    /// The value as the published crate has it.
    fn published(&self) -> Published;

    /// The client's value for a published one.
    fn client(published: &Published) -> Self;
}

macro_rules! equal {
    ($($ty:ty),*) => {$(
        impl Mirror<$ty> for $ty {
            fn published(&self) -> $ty {
                self.clone()
            }

            fn client(published: &$ty) -> Self {
                published.clone()
            }
        }
    )*};
}

equal! { bool, u8, u16, u32, u64, usize, i32, i64, String, Bytes }

/// Values of record headers.
impl Mirror<Vec<u8>> for Bytes {
    fn published(&self) -> Vec<u8> {
        self.to_vec()
    }

    fn client(published: &Vec<u8>) -> Self {
        Bytes::copy_from_slice(published)
    }
}

impl<C: Mirror<P>, P> Mirror<Option<P>> for Option<C> {
    fn published(&self) -> Option<P> {
        self.as_ref().map(C::published)
    }

    fn client(published: &Option<P>) -> Self {
        published.as_ref().map(C::client)
    }
}

impl<C: Mirror<P>, P> Mirror<Vec<P>> for Vec<C> {
    fn published(&self) -> Vec<P> {
        self.iter().map(C::published).collect()
    }

    fn client(published: &Vec<P>) -> Self {
        published.iter().map(C::client).collect()
    }
}

impl<CK, CV, PK, PV> Mirror<HashMap<PK, PV>> for HashMap<CK, CV>
where
    CK: Mirror<PK> + Eq + Hash,
    CV: Mirror<PV>,
    PK: Eq + Hash,
{
    fn published(&self) -> HashMap<PK, PV> {
        self.iter().map(|(key, value)| (key.published(), value.published())).collect()
    }

    fn client(published: &HashMap<PK, PV>) -> Self {
        published.iter().map(|(key, value)| (CK::client(key), CV::client(value))).collect()
    }
}

macro_rules! tuples {
    ($(($($client:ident $published:ident $index:tt),*))*) => {$(
        impl<$($client: Mirror<$published>, $published),*> Mirror<($($published,)*)> for ($($client,)*) {
            fn published(&self) -> ($($published,)*) {
                ($(self.$index.published(),)*)
            }

            fn client(published: &($($published,)*)) -> Self {
                ($($client::client(&published.$index),)*)
            }
        }
    )*};
}

tuples! { (CA PA 0, CB PB 1) (CA PA 0, CB PB 1, CC PC 2) }

macro_rules! structures {
    ($($Name:ident { $($field:ident),* })*) => {$(
        impl Mirror<published::$Name> for client::$Name {
            fn published(&self) -> published::$Name {
                let client::$Name { $($field),* } = self;
                published::$Name { $($field: $field.published()),* }
            }

            fn client(published: &published::$Name) -> Self {
                let published::$Name { $($field),* } = published;
                client::$Name { $($field: Mirror::client($field)),* }
            }
        }

        impl Random for client::$Name {
            fn random(source: &mut Source<'_>) -> Self {
                client::$Name { $($field: Random::random(source)),* }
            }
        }
    )*};
}

structures! {
    MessageData { offset, partition, key, value, timestamp, headers }
    BatchRecord { key, value }
    BrokerInfo { node_id, host, port, rack }
    TopicMetadata { name, is_internal, partitions }
    PartitionMetadata { partition, leader, replicas, isr, offline }
    QuotaAlteration { entity_type, entity_name, quota_key, quota_value }
    QuotaEntry { entity_type, entity_name, quotas }
    TopicConfigEntry { key, value }
    TopicConfigValue { value, is_default, is_read_only, is_sensitive }
    TopicConfigDescription { topic, configs }
    DeleteRecordsResult { partition, low_watermark, error }
}
