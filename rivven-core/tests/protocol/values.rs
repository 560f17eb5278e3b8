//! How test values of every wire type are made: from the JSON of a golden
//! vector, or at random.

use std::collections::HashMap;
use std::hash::Hash;

use arbtest::arbitrary::{Arbitrary, Result, Unstructured};
use bytes::Bytes;
use rivven_client::protocol::{
    BatchRecord, BrokerInfo, DeleteRecordsResult, MAX_WIRE_NAME, MessageData, PartitionMetadata, QuotaAlteration,
    QuotaEntry, TopicConfigDescription, TopicConfigEntry, TopicConfigValue, TopicMetadata,
};
use serde_json::Value;

/// Elements of a random list, at most.
const MAX_RANDOM_LIST: usize = 5;

/// A type that a field of a message can have.
pub(crate) trait TestValue: Sized {
    /// Reads the value as the vectors write it.
    fn from_json(json: &Value) -> Self;

    /// Makes a random value.
    fn random(u: &mut Unstructured<'_>) -> Result<Self>;
}

macro_rules! numbers {
    ($($ty:ty: $as:ident),*) => {$(
        impl TestValue for $ty {
            fn from_json(json: &Value) -> Self {
                json.$as().unwrap().try_into().unwrap()
            }

            /// Small, any, or extreme: all lengths of a varint.
            fn random(u: &mut Unstructured<'_>) -> Result<Self> {
                Ok(match u.int_in_range(0..=3)? {
                    0 => <$ty>::MAX,
                    1 => <$ty>::MIN,
                    _ => <$ty>::arbitrary(u)?.wrapping_shr(u.int_in_range(0..=63)?),
                })
            }
        }
    )*};
}

numbers! { u8: as_u64, u16: as_u64, u32: as_u64, u64: as_u64, usize: as_u64, i32: as_i64, i64: as_i64 }

impl TestValue for bool {
    fn from_json(json: &Value) -> Self {
        json.as_bool().unwrap()
    }

    fn random(u: &mut Unstructured<'_>) -> Result<Self> {
        u.arbitrary()
    }
}

impl TestValue for String {
    fn from_json(json: &Value) -> Self {
        json.as_str().unwrap().to_owned()
    }

    fn random(u: &mut Unstructured<'_>) -> Result<Self> {
        let len = u.int_in_range(0..=60)?;
        (0..len).map(|_| u.arbitrary::<char>()).collect()
    }
}

impl TestValue for Bytes {
    fn from_json(json: &Value) -> Self {
        unhex(json.as_str().unwrap())
    }

    /// As long as a name may be: the mechanism of a login is held to that.
    fn random(u: &mut Unstructured<'_>) -> Result<Self> {
        let len = u.int_in_range(0..=MAX_WIRE_NAME)?;
        let len = len.min(u.len());
        Ok(Bytes::copy_from_slice(u.bytes(len)?))
    }
}

impl<T: TestValue> TestValue for Option<T> {
    fn from_json(json: &Value) -> Self {
        (!json.is_null()).then(|| T::from_json(json))
    }

    fn random(u: &mut Unstructured<'_>) -> Result<Self> {
        Ok(if u.arbitrary()? { Some(T::random(u)?) } else { None })
    }
}

impl<T: TestValue> TestValue for Vec<T> {
    fn from_json(json: &Value) -> Self {
        json.as_array().unwrap().iter().map(T::from_json).collect()
    }

    fn random(u: &mut Unstructured<'_>) -> Result<Self> {
        let len = u.int_in_range(0..=MAX_RANDOM_LIST)?;
        (0..len).map(|_| T::random(u)).collect()
    }
}

impl<K: TestValue + Eq + Hash, V: TestValue> TestValue for HashMap<K, V> {
    /// JSON knows only strings as keys.
    fn from_json(json: &Value) -> Self {
        let key = |text: &String| {
            let number = text.parse::<u64>().map(Value::from);
            K::from_json(&number.unwrap_or_else(|_| Value::from(text.as_str())))
        };
        let entries = json.as_object().unwrap().iter();
        entries.map(|(k, v)| (key(k), V::from_json(v))).collect()
    }

    fn random(u: &mut Unstructured<'_>) -> Result<Self> {
        let len = u.int_in_range(0..=MAX_RANDOM_LIST)?;
        (0..len).map(|_| Ok((K::random(u)?, V::random(u)?))).collect()
    }
}

macro_rules! tuples {
    ($(($($ty:ident $index:tt),*))*) => {$(
        impl<$($ty: TestValue),*> TestValue for ($($ty,)*) {
            fn from_json(json: &Value) -> Self {
                ($($ty::from_json(&json[$index]),)*)
            }

            fn random(u: &mut Unstructured<'_>) -> Result<Self> {
                Ok(($($ty::random(u)?,)*))
            }
        }
    )*};
}

tuples! { (A 0, B 1) (A 0, B 1, C 2) }

macro_rules! structures {
    ($($Name:ident { $($field:ident),* })*) => {$(
        impl TestValue for $Name {
            fn from_json(json: &Value) -> Self {
                $Name { $($field: TestValue::from_json(&json[stringify!($field)])),* }
            }

            fn random(u: &mut Unstructured<'_>) -> Result<Self> {
                Ok($Name { $($field: TestValue::random(u)?),* })
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

/// Decodes hexadecimal digits.
pub(crate) fn unhex(digits: &str) -> Bytes {
    let byte = |i| u8::from_str_radix(&digits[i..i + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(byte).collect()
}
