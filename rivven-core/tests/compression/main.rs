//! Tests of the compression frame: golden vectors, hostile frames, random values.

#[cfg(feature = "compression")]
mod client;
#[cfg(feature = "compression")]
mod hostile;
#[cfg(feature = "compression")]
mod properties;
#[cfg(feature = "compression")]
mod vectors;
#[cfg(not(feature = "compression"))]
mod without_codecs;

use bytes::Bytes;
use rivven_client::CompressionType;
use rivven_client::compression::Compressor;

/// What a producer writes in place of a value.
fn written(value: &[u8], compression: CompressionType) -> Bytes {
    let mut out = Vec::new();
    Compressor::new(compression).unwrap().encode(value).append_to(&mut out);
    out.into()
}
