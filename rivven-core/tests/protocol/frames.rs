//! Cutting frames out of a stream.

use bytes::{Bytes, BytesMut};
use rivven_client::protocol::{DecodeErrorKind, Frame, FrameDecoder, HEADER_LEN, MAX_RESPONSE_SIZE, Received, header};

use crate::counting::allocated_by;
use crate::vectors::responses;

fn kind(received: &[u8]) -> DecodeErrorKind {
    let mut buffer = BytesMut::from(received);
    let (result, allocated) = allocated_by(|| FrameDecoder::default().decode(&mut buffer));
    assert_eq!(allocated, 0, "nothing is reserved for a bad frame");
    let error = result.unwrap_err();
    assert_eq!(error.message, "frame");
    error.kind
}

/// However the stream is fragmented, the same frames come out, and never more
/// is asked for than the current frame needs.
#[test]
fn frames_come_out_of_any_fragmentation() {
    let vectors = responses();
    let mut stream = Vec::new();
    for (id, vector) in (1..).zip(&vectors) {
        stream.extend_from_slice(&header(id, vector.payload.len()));
        stream.extend_from_slice(&vector.payload);
    }
    for step in [1, 2, 3, 5, 8, 13, 100, stream.len()] {
        let mut buffer = BytesMut::new();
        let mut frames = Vec::new();
        for chunk in stream.chunks(step) {
            buffer.extend_from_slice(chunk);
            while let Received::Frame(frame) = FrameDecoder::default().decode(&mut buffer).unwrap() {
                frames.push(frame);
            }
        }
        assert!(buffer.is_empty());
        let expected = (1..)
            .zip(&vectors)
            .map(|(correlation_id, vector)| Frame { correlation_id, payload: vector.payload.clone() });
        assert!(expected.eq(frames), "in steps of {step}");
    }
}

#[test]
fn the_missing_bytes_are_exact() {
    let frame = [&header(9, 3)[..], b"abc"].concat();
    for len in 0..frame.len() {
        let mut buffer = BytesMut::from(&frame[..len]);
        let missing = if len < 4 { 4 - len } else { frame.len() - len };
        let received = FrameDecoder::default().decode(&mut buffer);
        assert_eq!(received, Ok(Received::NeedMore(missing)), "after {len} bytes");
        assert_eq!(buffer.len(), len, "nothing is taken");
    }
}

#[test]
fn an_empty_payload_is_a_frame() {
    let mut buffer = BytesMut::from(&header(1, 0)[..]);
    let frame = Frame { correlation_id: 1, payload: Bytes::new() };
    assert_eq!(FrameDecoder::default().decode(&mut buffer), Ok(Received::Frame(frame)));
}

#[test]
fn the_size_limit_is_exact() {
    let max = MAX_RESPONSE_SIZE;
    let largest = header(1, max + 4 - HEADER_LEN);
    let mut buffer = BytesMut::from(&largest[..]);
    let received = FrameDecoder::default().decode(&mut buffer);
    assert_eq!(received, Ok(Received::NeedMore(max + 4 - HEADER_LEN)));

    let size = max + 1;
    assert_eq!(kind(&(size as u32).to_be_bytes()), DecodeErrorKind::FrameTooLarge { size, max });
    let size = u32::MAX as usize;
    assert_eq!(kind(&[0xff; 4]), DecodeErrorKind::FrameTooLarge { size, max });
}

#[test]
fn a_length_short_of_its_header_is_refused() {
    for size in 0..5 {
        assert_eq!(kind(&[0, 0, 0, size]), DecodeErrorKind::FrameTooShort(size.into()));
    }
}

/// The format is refused as soon as it is there, before the rest is awaited.
#[test]
fn only_postcard_is_accepted() {
    for format in 1..=255 {
        assert_eq!(kind(&[0, 0, 1, 0, format]), DecodeErrorKind::UnknownFormat(format));
    }
}

/// A length such as the first bytes of a TLS alert or of an HTTP answer.
#[test]
fn other_protocols_are_refused_at_once() {
    assert!(matches!(kind(b"HTTP"), DecodeErrorKind::FrameTooLarge { .. }));
    assert!(matches!(kind(&[0x15, 3, 3, 0, 2]), DecodeErrorKind::FrameTooLarge { .. }));
}
