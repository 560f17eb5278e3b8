//! The decoders, each with what must hold for any input.

use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::{Bytes, BytesMut};
use fastrand::Rng;
use rivven_client::compression::{Compressor, decode_value, needs_escape};
use rivven_client::protocol::{
    DecodeError, DecodeErrorKind, Frame, FrameDecoder, HEADER_LEN, MAX_RESPONSE_SIZE, Received, Records, Request,
    Response,
};
use rivven_client::{CompressionType, Decompression};

use crate::counting::allocated_by;

/// Allocated bytes per byte of a message, at most, freed ones included.
///
/// The worst are many topics with a short name and no partition in a
/// `GroupDescription`: a map entry of 72 bytes takes four on the wire, and the
/// tables that the map outgrows count as well.
const MAX_AMPLIFICATION: usize = 96;

/// Allocated bytes that do not depend on the size of the message: the first
/// table of a map.
const MAX_BASE: usize = 16 * 1024;

/// Allocated bytes that make a buffer shared. Nothing else is allocated for a
/// frame.
const MAX_SHARED: usize = 64;

/// Allocated bytes per byte of a view of records, at most: 16 for each record,
/// which takes six or more.
const MAX_INDEX: usize = 3;

/// A decoder.
#[derive(Debug)]
pub struct Target {
    /// Name of the target, of its test and of its corpus.
    pub name: &'static str,
    /// Decodes an input; panics if something does not hold.
    pub run: fn(&[u8]),
}

/// Requests, as the client decodes its own to describe them.
pub const REQUEST: Target = Target { name: "request", run: request };

/// Responses, decoded as a whole.
pub const RESPONSE: Target = Target { name: "response", run: response };

/// Responses whose records are read where they lie.
pub const RECORDS: Target = Target { name: "records", run: records };

/// A stream that frames are cut out of.
pub const FRAMES: Target = Target { name: "frames", run: frames };

/// Values that may be compression frames.
pub const VALUES: Target = Target { name: "values", run: values };

/// Decodes within bounds: of memory, and of where an error can be.
fn bounded<T>(
    payload: &Bytes,
    allowed: usize,
    decode: impl FnOnce(&Bytes) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    let (result, allocated) = allocated_by(|| decode(payload));
    assert!(allocated <= allowed, "{allocated} bytes allocated for {}", payload.len());
    if let Err(error) = &result {
        assert!(error.offset <= payload.len(), "{error}");
    }
    result
}

/// What a message that is decoded as a whole may allocate.
fn allowed(payload: &Bytes) -> usize {
    MAX_BASE + MAX_AMPLIFICATION * payload.len()
}

fn request(input: &[u8]) {
    let payload = Bytes::copy_from_slice(input);
    let Ok(request) = bounded(&payload, allowed(&payload), Request::decode) else { return };
    assert!(!request.describe().is_empty());
    // What exceeds a limit of the broker is decoded, but not encoded.
    let Ok(frame) = request.encode() else { return };
    assert_eq!(frame.request(), Ok(request));
    assert!(frame.payload().len() <= payload.len(), "the shortest form is encoded");
}

fn response(input: &[u8]) {
    let payload = Bytes::copy_from_slice(input);
    let Ok(response) = bounded(&payload, allowed(&payload), Response::decode) else { return };
    let encoded = response.encode();
    assert!(encoded.len() <= payload.len(), "the shortest form is encoded");
    assert_eq!(Response::decode(&encoded), Ok(response));
}

fn records(input: &[u8]) {
    let payload = Bytes::copy_from_slice(input);
    match (bounded(&payload, MAX_SHARED + MAX_INDEX * payload.len(), Records::decode), Response::decode(&payload)) {
        (Ok(Some(records)), Ok(Response::Messages { messages })) => {
            assert_eq!(records.len(), messages.len());
            assert!(messages.iter().cloned().map(Some).eq((0..messages.len()).map(|i| records.message(i))));
            for (record, message) in records.iter().zip(&messages) {
                assert_eq!((record.offset, record.partition), (message.offset, message.partition));
                assert_eq!((record.key, record.value), (message.key.as_deref(), &message.value[..]));
                assert_eq!(record.timestamp, message.timestamp);
            }
        }
        (Ok(None), Ok(other)) => assert_ne!(other.name(), "Messages"),
        (Ok(None), Err(error)) => assert_ne!(error.message, "Messages"),
        (Err(lazy), Err(full)) => assert_eq!((lazy.kind, lazy.offset), (full.kind, full.offset)),
        (lazy, full) => panic!("{lazy:?} differs from {full:?}"),
    }
}

/// The frames of a stream, and what is wrong with it after them.
type Cut = (Vec<Frame>, Option<DecodeErrorKind>);

fn frames(input: &[u8]) {
    let expected = cut_by_hand(input);
    let mut hasher = DefaultHasher::new();
    input.hash(&mut hasher);
    let mut rng = Rng::with_seed(hasher.finish());
    for longest in [1, 7, input.len()] {
        assert_eq!(cut_in_pieces(input, || rng.usize(0..=longest).max(1)), expected);
    }
}

/// Receives the stream in pieces. A broken stream is broken for good.
fn cut_in_pieces(mut stream: &[u8], mut len: impl FnMut() -> usize) -> Cut {
    let decoder = FrameDecoder::default();
    let (mut buffer, mut frames) = (BytesMut::new(), Vec::new());
    while !stream.is_empty() {
        let (piece, rest) = stream.split_at(len().min(stream.len()));
        buffer.extend_from_slice(piece);
        stream = rest;
        loop {
            let before = buffer.len();
            let (received, allocated) = allocated_by(|| decoder.decode(&mut buffer));
            assert!(allocated <= MAX_SHARED, "{allocated} bytes allocated for a frame");
            match received {
                Ok(Received::Frame(frame)) => frames.push(frame),
                Ok(Received::NeedMore(missing)) => {
                    assert!(missing > 0 && missing <= MAX_RESPONSE_SIZE);
                    assert_eq!(buffer.len(), before, "nothing is taken");
                    break;
                }
                Err(error) => return (frames, Some(error.kind)),
            }
        }
    }
    (frames, None)
}

/// The same, written once more in the plainest way.
fn cut_by_hand(mut stream: &[u8]) -> Cut {
    let mut frames = Vec::new();
    while let Some(length) = stream.first_chunk::<4>() {
        let size = u32::from_be_bytes(*length) as usize;
        if size > MAX_RESPONSE_SIZE {
            return (frames, Some(DecodeErrorKind::FrameTooLarge { size, max: MAX_RESPONSE_SIZE }));
        }
        if size < 5 {
            return (frames, Some(DecodeErrorKind::FrameTooShort(size)));
        }
        match stream.get(4) {
            Some(0) => {}
            Some(&format) => return (frames, Some(DecodeErrorKind::UnknownFormat(format))),
            None => break,
        }
        if stream.len() < 4 + size {
            break;
        }
        let (frame, rest) = stream.split_at(4 + size);
        frames.push(Frame {
            correlation_id: u32::from_be_bytes(frame[5..HEADER_LEN].try_into().unwrap()),
            payload: Bytes::copy_from_slice(&frame[HEADER_LEN..]),
        });
        stream = rest;
    }
    (frames, None)
}

/// Values up to this size are compressed again.
const MAX_RECOMPRESSED: usize = 64 * 1024;

fn values(input: &[u8]) {
    let value = Bytes::copy_from_slice(input);
    let decode = |how| {
        let (result, allocated) = allocated_by(|| decode_value(value.clone(), how));
        assert!(allocated <= allowed_for_value(input), "{allocated} bytes allocated for {}", input.len());
        result
    };
    assert_eq!(decode(Decompression::Never).unwrap(), input);
    let auto = decode(Decompression::Auto).unwrap();
    let always = decode(Decompression::Always);
    if auto != input {
        assert!(needs_escape(input));
        assert_eq!(always.as_ref().unwrap(), &auto);
    }
    survives(input, CompressionType::None);
    let Ok(content) = always else { return };
    if content.len() <= MAX_RECOMPRESSED {
        for compression in [CompressionType::Lz4, CompressionType::Snappy, CompressionType::Zstd] {
            survives(&content, compression);
        }
    }
}

/// What the data of a frame can expand to, 256 MiB at most, and the text of an error.
fn allowed_for_value(input: &[u8]) -> usize {
    let expansion = match input.first().map(|flags| flags & 7) {
        Some(1) => 255,
        Some(2) => 32 * 1024,
        Some(3) => 22,
        _ => 0,
    };
    MAX_BASE + (expansion * input.len()).min(256 * 1024 * 1024)
}

/// What a producer writes is read back as it was.
fn survives(value: &[u8], compression: CompressionType) {
    let mut out = Vec::new();
    Compressor::new(compression).unwrap().encode(value).append_to(&mut out);
    assert_eq!(decode_value(out.into(), Decompression::Auto).unwrap(), value);
}
