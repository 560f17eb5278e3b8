//! Random values of every type that a field can have.

use std::collections::HashMap;
use std::hash::Hash;

use bytes::Bytes;
use fastrand::Rng;
use rivven_client::protocol::{MAX_LIST_ENTRIES, MAX_SECRET, MAX_WIRE_NAME};

/// Elements of an ordinary list or map, at most.
const FEW: usize = 4;

/// Elements of a large one, at most: two bytes of a count, and more than
/// anything is reserved for.
const MANY: usize = 1500;

/// Bytes of a byte string, at most: three bytes of a length.
const MAX_BYTES: usize = 20_000;

/// Lengths around the limits of names and of login messages.
const EDGE_LENGTHS: [usize; 4] = [MAX_WIRE_NAME, MAX_WIRE_NAME + 1, MAX_SECRET, MAX_SECRET + 1];

/// Counts around the limit of lists.
const EDGE_COUNTS: [usize; 2] = [MAX_LIST_ENTRIES, MAX_LIST_ENTRIES + 1];

/// Where the random values of one message come from.
#[derive(Debug)]
pub struct Source<'a> {
    rng: &'a mut Rng,
    large: Large,
}

/// What may still become large. One value is enough: lists that are large and
/// nested would make messages of megabytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Large {
    Nothing,
    List,
    Edge,
}

impl<'a> Source<'a> {
    /// For a message within all limits. One in twenty has a large list.
    pub fn within_limits(rng: &'a mut Rng) -> Self {
        let large = if rng.u8(..20) == 0 { Large::List } else { Large::Nothing };
        Source { rng, large }
    }

    /// For a message of which at most one value is at its limit, or over it.
    pub fn at_limits(rng: &'a mut Rng) -> Self {
        Source { rng, large: Large::Edge }
    }

    /// Whether the next value is to be large, of the kind given.
    fn large(&mut self, kind: Large) -> bool {
        let large = self.large == kind && self.rng.u8(..3) == 0;
        if large {
            self.large = Large::Nothing;
        }
        large
    }

    fn count(&mut self) -> usize {
        if self.large(Large::Edge) {
            EDGE_COUNTS[self.rng.usize(..EDGE_COUNTS.len())]
        } else if self.large(Large::List) {
            self.rng.usize(FEW..=MANY)
        } else {
            self.rng.usize(..=FEW)
        }
    }

    /// A length at an edge, if it is the turn of one.
    fn edge_len(&mut self) -> Option<usize> {
        self.large(Large::Edge).then(|| EDGE_LENGTHS[self.rng.usize(..EDGE_LENGTHS.len())])
    }
}

/// A type that random values can be made of.
pub trait Random {
    /// Makes a value.
    fn random(source: &mut Source<'_>) -> Self;
}

macro_rules! numbers {
    ($($ty:ident),*) => {$(
        impl Random for $ty {
            /// Extreme, or of any magnitude: all lengths of a varint.
            fn random(source: &mut Source<'_>) -> Self {
                let rng = &mut source.rng;
                match rng.u8(..8) {
                    0 => $ty::MIN,
                    1 => $ty::MAX,
                    _ => rng.$ty(..) >> rng.u32(..$ty::BITS),
                }
            }
        }
    )*};
}

numbers! { u8, u16, u32, u64, usize, i32, i64 }

impl Random for bool {
    fn random(source: &mut Source<'_>) -> Self {
        source.rng.bool()
    }
}

impl Random for String {
    /// Empty, a name, or any text; no longer than a name may be.
    fn random(source: &mut Source<'_>) -> Self {
        if let Some(len) = source.edge_len() {
            return "n".repeat(len);
        }
        let rng = &mut source.rng;
        let mut text = String::new();
        let len = match rng.u8(..8) {
            0 => 0,
            1 => MAX_WIRE_NAME,
            _ => rng.usize(..40),
        };
        let ascii = rng.bool();
        while text.len() < len {
            text.push(if ascii { rng.alphanumeric() } else { rng.char(..) });
        }
        while text.len() > MAX_WIRE_NAME {
            text.pop();
        }
        text
    }
}

impl Random for Bytes {
    /// Mostly short: a count of zeros in random bits picks the length.
    fn random(source: &mut Source<'_>) -> Self {
        if let Some(len) = source.edge_len() {
            return vec![b'b'; len].into();
        }
        let rng = &mut source.rng;
        let max = [8, 8, 0, 300, 300, MAX_BYTES][rng.u32(..).trailing_zeros().min(5) as usize];
        let len = rng.usize(..=max);
        (0..len).map(|_| rng.u8(..)).collect()
    }
}

impl<T: Random> Random for Option<T> {
    fn random(source: &mut Source<'_>) -> Self {
        source.rng.bool().then(|| T::random(source))
    }
}

impl<T: Random> Random for Vec<T> {
    fn random(source: &mut Source<'_>) -> Self {
        (0..source.count()).map(|_| T::random(source)).collect()
    }
}

impl<K: Random + Eq + Hash, V: Random> Random for HashMap<K, V> {
    fn random(source: &mut Source<'_>) -> Self {
        (0..source.count()).map(|_| <(K, V)>::random(source)).collect()
    }
}

macro_rules! tuples {
    ($(($($ty:ident),*))*) => {$(
        impl<$($ty: Random),*> Random for ($($ty,)*) {
            fn random(source: &mut Source<'_>) -> Self {
                ($($ty::random(source),)*)
            }
        }
    )*};
}

tuples! { (A, B) (A, B, C) }
