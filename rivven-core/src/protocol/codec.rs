//! How values lie on the wire.
//!
//! [`Encode`] is implemented by owned and borrowed values alike: whatever has
//! the same [`Form`](Encode::Form) has the same bytes. [`Decode`] makes the
//! owned value. A lone `u8` is neither, so that a list of `u8` can be a byte
//! string; the one raw byte of the protocol is optional and `Option<u8>` is.

use std::collections::HashMap;
use std::hash::Hash;

use bytes::Bytes;

use super::error::{DecodeError, EncodeError};
use super::limits::RequestLimits;
use super::primitives::{Reader, put_varint, unzigzag, varint_len, zigzag};

/// Most entries of a map for which room is made before they are read.
const MAX_RESERVED_ENTRIES: usize = 64;

/// A value that can be appended to a message.
pub trait Encode {
    /// The type that stands for the wire form: `String` for all strings,
    /// `Bytes` for all byte strings, `Vec`, `Option`, `HashMap` and tuples of
    /// forms for what is made of others. The form of a structure is the tuple
    /// of its fields.
    type Form;

    /// Number of bytes that [`encode`](Encode::encode) appends.
    fn encoded_len(&self) -> usize;

    /// Appends the value.
    fn encode(&self, out: &mut Vec<u8>);

    /// Compares the value with what the broker accepts in a request.
    fn check(&self, limits: &mut RequestLimits) -> Result<(), EncodeError> {
        let _ = limits;
        Ok(())
    }
}

/// An owned value that can be read from a message.
pub trait Decode: Sized {
    /// Least number of bytes that any value of the type takes.
    const MIN_LEN: usize;

    /// Most values of the type that a list may hold.
    const MAX_COUNT: usize = usize::MAX;

    /// Reads one value.
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError>;
}

/// The type of a field of a message, and how the field is borrowed.
pub trait Field {
    /// `&str` for a `String`, `&[u8]` for `Bytes`, anything that encodes to the
    /// same list for a `Vec`; numbers and flags are copied.
    type Borrowed<'a>: Encode
    where
        Self: 'a;

    /// Borrows the field.
    fn borrowed(&self) -> Self::Borrowed<'_>;
}

macro_rules! varints {
    ($($ty:ty: |$v:ident| $to:expr, |$w:ident| $from:expr;)*) => {$(
        impl Encode for $ty {
            type Form = $ty;

            fn encoded_len(&self) -> usize {
                let $v = *self;
                varint_len($to)
            }

            fn encode(&self, out: &mut Vec<u8>) {
                let $v = *self;
                put_varint(out, $to);
            }
        }

        impl Decode for $ty {
            const MIN_LEN: usize = 1;

            fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                // A varint of the type's width fits the type.
                let $w = reader.varint(<$ty>::BITS)?;
                Ok($from)
            }
        }
    )*};
}

varints! {
    u16: |v| u64::from(v), |w| w as u16;
    u32: |v| u64::from(v), |w| w as u32;
    u64: |v| v, |w| w;
    usize: |v| v as u64, |w| w as usize;
    i32: |v| zigzag(i64::from(v)), |w| unzigzag(w) as i32;
    i64: |v| zigzag(v), |w| unzigzag(w);
}

impl Encode for bool {
    type Form = bool;

    fn encoded_len(&self) -> usize {
        1
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
}

impl Decode for bool {
    const MIN_LEN: usize = 1;

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.tag()
    }
}

impl Encode for Option<u8> {
    type Form = Option<u8>;

    fn encoded_len(&self) -> usize {
        1 + usize::from(self.is_some())
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            None => out.push(0),
            Some(byte) => out.extend_from_slice(&[1, *byte]),
        }
    }
}

impl Decode for Option<u8> {
    const MIN_LEN: usize = 1;

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(if reader.tag()? { Some(reader.byte()?) } else { None })
    }
}

impl<T: Encode> Encode for Option<T> {
    type Form = Option<T::Form>;

    fn encoded_len(&self) -> usize {
        1 + self.as_ref().map_or(0, T::encoded_len)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.is_some()));
        if let Some(value) = self {
            value.encode(out);
        }
    }

    fn check(&self, limits: &mut RequestLimits) -> Result<(), EncodeError> {
        self.as_ref().map_or(Ok(()), |value| value.check(limits))
    }
}

impl<T: Decode> Decode for Option<T> {
    const MIN_LEN: usize = 1;

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(if reader.tag()? { Some(T::decode(reader)?) } else { None })
    }
}

impl Encode for str {
    type Form = String;

    fn encoded_len(&self) -> usize {
        varint_len(self.len() as u64) + self.len()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.len() as u64);
        out.extend_from_slice(self.as_bytes());
    }

    fn check(&self, limits: &mut RequestLimits) -> Result<(), EncodeError> {
        limits.name(self.len())
    }
}

impl Encode for [u8] {
    type Form = Bytes;

    fn encoded_len(&self) -> usize {
        varint_len(self.len() as u64) + self.len()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.len() as u64);
        out.extend_from_slice(self);
    }

    fn check(&self, limits: &mut RequestLimits) -> Result<(), EncodeError> {
        limits.bytes(self.len())
    }
}

impl<T: Encode> Encode for [T] {
    type Form = Vec<T::Form>;

    fn encoded_len(&self) -> usize {
        varint_len(self.len() as u64) + self.iter().map(T::encoded_len).sum::<usize>()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.len() as u64);
        self.iter().for_each(|item| item.encode(out));
    }

    fn check(&self, limits: &mut RequestLimits) -> Result<(), EncodeError> {
        limits.list(self.iter())
    }
}

/// Makes types encode as what they can be seen as.
macro_rules! encode_as {
    ($([$($generics:tt)*] $ty:ty => $target:ty, |$value:ident| $seen:expr;)*) => {$(
        impl<$($generics)*> Encode for $ty {
            type Form = <$target as Encode>::Form;

            fn encoded_len(&self) -> usize {
                let $value = self;
                <$target>::encoded_len($seen)
            }

            fn encode(&self, out: &mut Vec<u8>) {
                let $value = self;
                <$target>::encode($seen, out);
            }

            fn check(&self, limits: &mut RequestLimits) -> Result<(), EncodeError> {
                let $value = self;
                <$target>::check($seen, limits)
            }
        }
    )*};
}

encode_as! {
    [T: Encode + ?Sized] &T => T, |v| v;
    [] String => str, |v| v;
    [] Bytes => [u8], |v| v;
    [] Vec<u8> => [u8], |v| v;
    [const N: usize] [u8; N] => [u8], |v| v;
    [T: AsRef<[u8]>] AsBytes<T> => [u8], |v| v.0.as_ref();
    [T: Encode] Vec<T> => [T], |v| v;
    [T: Encode, const N: usize] [T; N] => [T], |v| v;
}

impl Decode for String {
    const MIN_LEN: usize = 1;

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.string().map(str::to_owned)
    }
}

impl Decode for Bytes {
    const MIN_LEN: usize = 1;

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.shared()
    }
}

impl<T: Decode> Decode for Vec<T> {
    const MIN_LEN: usize = 1;

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = reader.count(T::MIN_LEN, T::MAX_COUNT)?;
        // No more than the message has bytes is reserved ahead: lists within lists
        // would each claim the whole rest otherwise. A true list grows on.
        let mut items = Vec::with_capacity(count.min(reader.remaining() / size_of::<T>().max(1)));
        for _ in 0..count {
            items.push(T::decode(reader)?);
        }
        Ok(items)
    }
}

impl<K: Encode, V: Encode> Encode for HashMap<K, V> {
    type Form = HashMap<K::Form, V::Form>;

    fn encoded_len(&self) -> usize {
        let entries = self.iter().map(|entry| entry.encoded_len());
        varint_len(self.len() as u64) + entries.sum::<usize>()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.len() as u64);
        self.iter().for_each(|entry| entry.encode(out));
    }

    fn check(&self, limits: &mut RequestLimits) -> Result<(), EncodeError> {
        limits.list(self.iter())
    }
}

impl<K: Decode + Eq + Hash, V: Decode> Decode for HashMap<K, V> {
    const MIN_LEN: usize = 1;

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = reader.count(K::MIN_LEN + V::MIN_LEN, usize::MAX)?;
        // Entries with equal keys are on the wire, but never in the map: what a
        // peer claims must not size it.
        let mut map = HashMap::with_capacity(count.min(MAX_RESERVED_ENTRIES));
        for _ in 0..count {
            map.insert(K::decode(reader)?, V::decode(reader)?);
        }
        Ok(map)
    }
}

/// How types are borrowed as fields.
macro_rules! fields {
    ($([$($generics:tt)*] $ty:ty => $borrowed:ty, |$value:ident| $borrow:expr;)*) => {$(
        impl<$($generics)*> Field for $ty {
            type Borrowed<'a>
                = $borrowed
            where
                Self: 'a;

            fn borrowed(&self) -> Self::Borrowed<'_> {
                let $value = self;
                $borrow
            }
        }
    )*};
}

fields! {
    [] bool => bool, |v| *v;
    [] u16 => u16, |v| *v;
    [] u32 => u32, |v| *v;
    [] u64 => u64, |v| *v;
    [] usize => usize, |v| *v;
    [] i32 => i32, |v| *v;
    [] i64 => i64, |v| *v;
    [] Option<u8> => Option<u8>, |v| *v;
    [] String => &'a str, |v| v;
    [] Bytes => &'a [u8], |v| v;
    [T: Field] Option<T> => Option<T::Borrowed<'a>>, |v| v.as_ref().map(T::borrowed);
    [T: Encode] Vec<T> => &'a dyn Encode<Form = Vec<T::Form>>, |v| v;
    [K: Encode, V: Encode] HashMap<K, V> => &'a HashMap<K, V>, |v| v;
}

macro_rules! tuples {
    ($(($($ty:ident $index:tt),*))*) => {$(
        impl<$($ty: Encode),*> Encode for ($($ty,)*) {
            type Form = ($($ty::Form,)*);

            fn encoded_len(&self) -> usize {
                0 $(+ self.$index.encoded_len())*
            }

            fn encode(&self, out: &mut Vec<u8>) {
                $(self.$index.encode(out);)*
            }

            fn check(&self, limits: &mut RequestLimits) -> Result<(), EncodeError> {
                $(self.$index.check(limits)?;)*
                Ok(())
            }
        }

        impl<$($ty: Decode),*> Decode for ($($ty,)*) {
            const MIN_LEN: usize = 0 $(+ $ty::MIN_LEN)*;

            fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Ok(($($ty::decode(reader)?,)*))
            }
        }
    )*};
}

tuples! { (A 0, B 1) (A 0, B 1, C 2) (A 0, B 1, C 2, D 3) }

/// Encodes the items of an iterator as a list; made by [`list`].
#[derive(Debug, Clone)]
pub struct List<I>(I);

/// A list out of borrowed items, wherever they lie.
///
/// The iterator is cloned and walked three times: to check, to measure and to
/// write. Batch records, for instance, are items of `(Option<&[u8]>, &[u8])`.
pub fn list<I>(items: I) -> List<I::IntoIter>
where
    I: IntoIterator<IntoIter: ExactSizeIterator + Clone, Item: Encode>,
{
    List(items.into_iter())
}

impl<I> Encode for List<I>
where
    I: ExactSizeIterator<Item: Encode> + Clone,
{
    type Form = Vec<<I::Item as Encode>::Form>;

    fn encoded_len(&self) -> usize {
        let items = self.0.clone().map(|item| item.encoded_len());
        varint_len(self.0.len() as u64) + items.sum::<usize>()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.0.len() as u64);
        self.0.clone().for_each(|item| item.encode(out));
    }

    fn check(&self, limits: &mut RequestLimits) -> Result<(), EncodeError> {
        limits.list(self.0.clone())
    }
}

/// Encodes anything that can be seen as bytes as a byte string.
#[derive(Debug, Clone, Copy)]
pub struct AsBytes<T>(pub T);
