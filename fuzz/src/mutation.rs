//! Small damage to valid input.

use std::ops::Range;

use fastrand::Rng;
use rivven_client::protocol::put_varint;

/// Changes that one input gets, at most.
const MAX_CHANGES: usize = 5;

/// Longest piece that is inserted or removed, in bytes.
const MAX_PIECE: usize = 24;

/// Bytes at the edges of what a tag, a varint or UTF-8 allows.
const EDGES: [u8; 8] = [0x00, 0x01, 0x02, 0x7f, 0x80, 0x81, 0xc0, 0xff];

/// Makes a few small changes to `input`. Foreign pieces come from `other`.
///
/// Mostly the result still begins like a valid input, so that decoders get far
/// into it.
pub fn mutate(rng: &mut Rng, input: &mut Vec<u8>, other: &[u8]) {
    for _ in 0..rng.usize(1..=MAX_CHANGES) {
        change(rng, input, other);
    }
}

fn change(rng: &mut Rng, input: &mut Vec<u8>, other: &[u8]) {
    let at = rng.usize(0..=input.len());
    match rng.u8(0..10) {
        0 => overwrite(input, at, |_| rng.u8(..)),
        1 => overwrite(input, at, |byte| byte ^ 1 << rng.u8(0..8)),
        2 => overwrite(input, at, |_| EDGES[rng.usize(..EDGES.len())]),
        3 => insert(input, at, &[EDGES[rng.usize(..EDGES.len())]]),
        4 => insert(input, at, &number(rng)),
        5 => lengthen(input, at),
        6 => drop(input.drain(piece(rng, input.len()))),
        7 => input.truncate(at),
        8 => {
            let own = input[piece(rng, input.len())].to_vec();
            insert(input, at, &own);
        }
        _ => insert(input, at, &other[piece(rng, other.len())]),
    }
}

fn overwrite(input: &mut [u8], at: usize, with: impl FnOnce(u8) -> u8) {
    if let Some(byte) = input.get_mut(at) {
        *byte = with(*byte);
    }
}

fn insert(input: &mut Vec<u8>, at: usize, piece: &[u8]) {
    input.splice(at..at, piece.iter().copied());
}

/// Makes a varint that ends here one byte longer than need be.
fn lengthen(input: &mut Vec<u8>, at: usize) {
    if at < input.len() && input[at] < 0x80 {
        input[at] |= 0x80;
        input.insert(at + 1, 0);
    }
}

/// A varint of any length.
fn number(rng: &mut Rng) -> Vec<u8> {
    let mut varint = Vec::new();
    put_varint(&mut varint, rng.u64(..) >> rng.u32(0..64));
    varint
}

fn piece(rng: &mut Rng, len: usize) -> Range<usize> {
    let start = rng.usize(0..=len);
    start..rng.usize(start..=len.min(start + MAX_PIECE))
}
