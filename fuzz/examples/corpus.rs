//! Writes the corpora: `cargo run --example corpus`.
//!
//! They are the golden vectors, and a few inputs that no broker sends.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use rivven_client::protocol::{MessageData, Response, header};
use serde_json::Value;

fn main() {
    for (message, file) in [("request", "requests.json"), ("response", "responses.json")] {
        let vectors = vectors(file);
        for vector in &vectors {
            write(message, &name(vector), &unhex(vector, "hex"));
        }
        let stream = vectors.iter().flat_map(|vector| unhex(vector, "frame_hex"));
        write("frames", &format!("{message}s"), &stream.collect::<Vec<u8>>());
    }
    for vector in vectors("responses.json").iter().filter(|vector| vector["name"] == "Messages") {
        write("records", &name(vector), &unhex(vector, "hex"));
    }
    nested_claims();
    records();
    frames();
    values();
}

fn write(target: &str, name: &str, input: &[u8]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), input).unwrap();
}

fn vectors(file: &str) -> Vec<Value> {
    serde_json::from_str(&read(file)).unwrap()
}

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../testing/vectors").join(file)).unwrap()
}

/// Discriminant, name and case of a vector, as the name of a file.
fn name(vector: &Value) -> String {
    let title = format!("{} {}", vector["name"].as_str().unwrap(), vector["case"].as_str().unwrap());
    format!("{:02}-{}", vector["discriminant"].as_u64().unwrap(), dashed(&title))
}

/// The words of a title with dashes between them.
fn dashed(title: &str) -> String {
    let words: Vec<&str> = title.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.join("-")
}

fn unhex(vector: &Value, key: &str) -> Vec<u8> {
    let digits = vector[key].as_str().unwrap();
    (0..digits.len()).step_by(2).map(|i| u8::from_str_radix(&digits[i..i + 2], 16).unwrap()).collect()
}

/// Lists within lists that each claim all that remains: the most memory that
/// can be asked for before the data runs out.
fn nested_claims() {
    // No controller, no brokers, 85 topics of three bytes each: no name, not
    // internal, 50 partitions of five bytes each: number 0, no leader, 127
    // empty replicas, and not enough data.
    let cluster = [&[11, 0, 0, 85, 0, 0, 50, 0, 0, 127][..], &[0; 247]].concat();
    write("response", "nested-claims", &cluster);
    // No group, generation 0, no member, 127 assignments of two bytes each: no
    // member, 120 topics of two bytes each: no name, 127 partitions.
    let sync = [&[35, 0, 0, 0, 127, 0, 120, 0, 127][..], &[0; 250]].concat();
    write("request", "nested-claims", &sync);
}

/// Answers with more records than the vectors have, and with headers.
fn records() {
    let record = |offset| MessageData {
        offset,
        partition: 3,
        key: (offset % 3 > 0).then(|| Bytes::from(vec![b'k'; offset as usize])),
        value: Bytes::from(format!("value {offset}")),
        timestamp: -(offset as i64),
        headers: (0..offset % 4).map(|n| (format!("header-{n}"), Bytes::from_static(b"\0\xff"))).collect(),
    };
    write("records", "twenty", &Response::Messages { messages: (0..20).map(record).collect() }.encode());
    write("records", "empty-records", &[&[4, 100][..], &[0; 600]].concat());
    write("records", "another-answer", &Response::Pong.encode());
}

/// Streams that end early, or are something else.
fn frames() {
    let one = [&header(1, 3)[..], b"abc"].concat();
    write("frames", "cut", &one[..one.len() - 1]);
    write("frames", "empty-payload", &[&header(u32::MAX, 0)[..], &one].concat());
    write("frames", "format", &[&one[..], &[0, 0, 0, 6, 1, 0, 0, 0, 7, 13]].concat());
    write("frames", "too-short", &[&one[..], &[0, 0, 0, 4, 0, 0, 0, 0]].concat());
    write("frames", "too-large", &[&one[..], &[6, 0x40, 0, 1]].concat());
    write("frames", "largest", &[6, 0x40, 0, 0, 0, 0, 0, 0, 1, 13]);
    write("frames", "http", b"HTTP/1.1 400 Bad Request\r\n\r\n");
    write("frames", "tls-alert", &[0x15, 3, 3, 0, 2, 2, 40]);
}

/// The frames of the golden vectors, and values that are none.
fn values() {
    let vectors: Value = serde_json::from_str(&read("compression.json")).unwrap();
    for vector in vectors["frames"].as_array().unwrap() {
        let checksum = if vector["checksum"] == true { "checked" } else { "unchecked" };
        let title =
            format!("{} {} {checksum}", vector["algorithm"].as_str().unwrap(), vector["input"].as_str().unwrap());
        write("values", &dashed(&title), &unhex(vector, "frame_hex"));
        if vector.get("forced_frame_hex").is_some() {
            write("values", &dashed(&format!("{title} forced")), &unhex(vector, "forced_frame_hex"));
        }
    }
    for (i, vector) in vectors["must_reject"].as_array().unwrap().iter().enumerate() {
        write("values", &format!("reject-{i}"), &unhex(vector, "frame_hex"));
    }
    write("values", "plain", b" a value that begins with a space");
}
