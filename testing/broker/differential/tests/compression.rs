//! Frames of compressed values: what one side writes the other reads.

use bytes::Bytes;
use fastrand::Rng;
use rivven_client::compression::{Compressor, decode_value};
use rivven_client::{CompressionType, Decompression};
use rivven_core::compression::{CompressionAlgorithm, CompressionConfig, Compressor as Published};

const PAIRS: [(CompressionType, CompressionAlgorithm); 4] = [
    (CompressionType::None, CompressionAlgorithm::None),
    (CompressionType::Lz4, CompressionAlgorithm::Lz4),
    (CompressionType::Snappy, CompressionAlgorithm::Snappy),
    (CompressionType::Zstd, CompressionAlgorithm::Zstd),
];

/// Values of every size class: below what is worth compressing, at its limits, and over several blocks of a codec.
const SIZES: [usize; 8] = [0, 1, 63, 64, 65, 1_000, 70_000, 1_000_000];

/// For each size a value that can be compressed, one that hardly can, and one that cannot.
fn values() -> Vec<Vec<u8>> {
    let mut rng = Rng::with_seed(7);
    let mut value = |size: usize, letters: u8| (0..size).map(|_| rng.u8(..=letters)).collect::<Vec<u8>>();
    SIZES.iter().flat_map(|&size| [1, 200, u8::MAX].map(|letters| value(size, letters))).collect()
}

/// Whether a frame is far shorter than its value, as one of few different bytes is by every codec.
fn is_compressed(frame: &[u8], value: &[u8]) -> bool {
    frame.len() < value.len() / 2
}

fn published(algorithm: CompressionAlgorithm, adaptive: bool, checksum: bool) -> Published {
    let config = CompressionConfig { algorithm, adaptive, checksum, ..CompressionConfig::default() };
    Published::with_config(config)
}

#[test]
fn the_published_reader_reads_our_frames() {
    let reader = Published::new();
    for (compression, _) in PAIRS.iter().filter(|(compression, _)| *compression != CompressionType::None) {
        let mut compressor = Compressor::new(*compression).unwrap();
        for value in values() {
            let (mut frame, size) = (Vec::new(), value.len());
            compressor.encode(&value).append_to(&mut frame);
            let read = reader.decompress(&frame).unwrap_or_else(|error| panic!("{compression:?}, {size}: {error}"));
            assert!(read == value, "{compression:?}: a value of {size} bytes is read as another");
        }
        let (mut frame, value) = (Vec::new(), [b'a'; 10_000]);
        compressor.encode(&value).append_to(&mut frame);
        assert!(is_compressed(&frame, &value), "{compression:?} compresses");
    }
}

/// Without compression only what could be taken for a frame is put into one.
#[test]
fn the_published_reader_reads_what_we_escape() {
    for value in values() {
        let mut frame = Vec::new();
        Compressor::new(CompressionType::Lz4).unwrap().encode(&value).append_to(&mut frame);
        let mut escaped = Vec::new();
        let mut none = Compressor::new(CompressionType::None).unwrap();
        let encoded = none.encode(&frame);
        assert!(!encoded.is_plain(), "a frame that is sent as a value has to be escaped");
        encoded.append_to(&mut escaped);
        assert!(Published::new().decompress(&escaped).unwrap() == frame, "a frame is read as another");
    }
}

#[test]
fn our_reader_reads_the_published_frames() {
    for (_, algorithm) in PAIRS {
        for (adaptive, checksum) in [(true, true), (true, false), (false, true), (false, false)] {
            let writer = published(algorithm, adaptive, checksum);
            for value in values() {
                let (frame, size) = (writer.compress(&value).unwrap(), value.len());
                let what = format!("{algorithm:?}, adaptive {adaptive}, checksum {checksum}, {size} bytes");
                let read = decode_value(Bytes::clone(&frame), Decompression::Always);
                let read = read.unwrap_or_else(|error| panic!("{what}: {error}"));
                assert!(read == value, "{what}: it is read as another");
                // Nothing at all is written as a frame of one byte, without a checksum.
                if checksum && size > 0 {
                    let found = decode_value(frame, Decompression::Auto).unwrap();
                    assert!(found == value, "{what}: the checksum tells that it is a frame");
                }
            }
            let value = [b'a'; 10_000];
            let compresses = is_compressed(&writer.compress(&value).unwrap(), &value);
            assert_eq!(compresses, algorithm != CompressionAlgorithm::None || adaptive, "{algorithm:?} compresses");
        }
    }
}
