//! The inputs that ask for the most memory for their size.
//!
//! Mutations of small inputs hardly find them, so they are made by hand.

use rivven_client::protocol::put_varint;
use rivven_fuzz::{REQUEST, RESPONSE};

/// Bytes of an input, enough for what is allocated once not to matter.
const LEN: usize = 1 << 20;

/// A message out of its first bytes and the counts of lists that follow each
/// other, each within the first element of the one before. Zeros follow, which
/// are elements, but not enough.
fn nested(start: &[u8], lists: &[(usize, &[u8])]) -> Vec<u8> {
    let mut payload = start.to_vec();
    for (element_len, start_of_element) in lists {
        put_varint(&mut payload, ((LEN - 64) / element_len) as u64);
        payload.extend_from_slice(start_of_element);
    }
    payload.resize(LEN, 0);
    payload
}

/// Topics, their partitions and their replicas each claim all that remains.
#[test]
fn nested_claims_of_a_response() {
    let topic = (3, &[0, 0][..]);
    let partition = (5, &[0, 0][..]);
    (RESPONSE.run)(&nested(&[11, 0, 0], &[topic, partition, (1, &[])]));
}

/// Members, their topics and their partitions each claim all that remains.
#[test]
fn nested_claims_of_a_request() {
    (REQUEST.run)(&nested(&[35, 0, 0, 0], &[(2, &[0][..]), (2, &[0]), (1, &[])]));
}

/// A map with as many entries as there can be, which grows step by step.
#[test]
fn distinct_keys() {
    let mut payload = vec![15, 0];
    // One more than a table of 16384 places takes: the next one is twice that.
    let count = 16384 / 8 * 7 + 1;
    put_varint(&mut payload, count);
    for key in 0..count as u16 {
        payload.extend_from_slice(&[2, (key >> 7) as u8, (key & 0x7f) as u8, 0]);
    }
    (RESPONSE.run)(&payload);
}
