//! A hundred thousand damaged answers through live connections.
//!
//! Whatever a server sends, a client gives an answer or a typed error, in time,
//! and its memory does not grow.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use rivven_client::protocol::{FrameDecoder, Received, Request, Response, header};
use rivven_client::{Client, Error, ErrorCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const ANSWERS: usize = 100_000;

/// Memory that the allocator may keep back after the warm-up, in KiB.
const SLACK_KIB: usize = 24 * 1024;

/// The payloads of the golden answers, in all 42 kinds.
fn golden() -> Vec<Vec<u8>> {
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("../../testing/vectors/responses.json")).unwrap();
    let payloads: Vec<Vec<u8>> = vectors
        .as_array()
        .unwrap()
        .iter()
        .map(|case| {
            let hex = case["hex"].as_str().unwrap();
            (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect()
        })
        .collect();
    let kinds: std::collections::HashSet<u8> = payloads.iter().map(|payload| payload[0]).collect();
    assert_eq!(kinds.len(), 42);
    payloads
}

/// A small generator, so that a failure can be repeated by its number.
fn random(number: usize, step: u64) -> usize {
    let mut x = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ step.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^= x >> 31;
    x = x.wrapping_mul(0x94d0_49bb_1331_11eb);
    (x ^ (x >> 29)) as usize
}

/// The answer of this number: a golden one with bytes changed, cut off or added.
fn damaged(golden: &[Vec<u8>], number: usize) -> Vec<u8> {
    let mut payload = golden[number % golden.len()].clone();
    for step in 0..1 + random(number, 0) as u64 % 3 {
        let at = random(number, 10 + step) % payload.len().max(1);
        match random(number, 20 + step) % 4 {
            0 => payload.truncate(at),
            1 => payload.extend_from_slice(&[random(number, 30 + step) as u8; 3]),
            2 if !payload.is_empty() => payload[at] = [0, 1, 0x7f, 0x80, 0xff][random(number, 40 + step) % 5],
            _ if !payload.is_empty() => payload[at] ^= 1 << (random(number, 50 + step) % 8),
            _ => {}
        }
    }
    payload
}

async fn serve(listener: TcpListener, sent: Arc<AtomicUsize>) {
    let golden = Arc::new(golden());
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(converse(stream, Arc::clone(&golden), Arc::clone(&sent)));
    }
}

async fn converse(mut stream: TcpStream, golden: Arc<Vec<Vec<u8>>>, sent: Arc<AtomicUsize>) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut received = BytesMut::new();
    loop {
        let frame = loop {
            match FrameDecoder::default().decode(&mut received).ok()? {
                Received::Frame(frame) => break frame,
                Received::NeedMore(_) if stream.read_buf(&mut received).await.ok()? == 0 => return None,
                Received::NeedMore(_) => {}
            }
        };
        let payload = match Request::decode(&frame.payload).ok()? {
            Request::Handshake { .. } => {
                Response::HandshakeResult { server_version: 2, compatible: true, message: "OK".into() }
                    .encode()
                    .to_vec()
            }
            _ => damaged(&golden, sent.fetch_add(1, Ordering::Relaxed)),
        };
        let mut answer = header(frame.correlation_id, payload.len()).to_vec();
        answer.extend_from_slice(&payload);
        stream.write_all(&answer).await.ok()?;
    }
}

async fn connect(address: SocketAddr) -> Client {
    let client = Client::connect(address.to_string()).await.unwrap();
    client.set_request_timeout(Duration::from_secs(20));
    client
}

fn resident_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

#[tokio::test]
async fn damaged_answers_give_typed_errors_and_cost_no_memory() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let sent = Arc::new(AtomicUsize::new(0));
    tokio::spawn(serve(listener, Arc::clone(&sent)));
    let (mut understood, mut refused, mut warm) = (0, 0, 0);
    let mut client = connect(address).await;
    while sent.load(Ordering::Relaxed) < ANSWERS {
        match client.call(&Request::ListTopics).await {
            Ok(_) | Err(Error::ServerError(_) | Error::AuthenticationFailed(_)) => understood += 1,
            Err(error) => {
                let number = sent.load(Ordering::Relaxed) - 1;
                assert_eq!(error.code(), ErrorCode::MalformedResponse, "answer {number}: {error}");
                refused += 1;
                client = connect(address).await;
            }
        }
        if warm == 0 && sent.load(Ordering::Relaxed) >= ANSWERS / 10 {
            warm = resident_kib();
        }
    }
    assert!(understood > ANSWERS / 20 && refused > ANSWERS / 4, "understood {understood}, refused {refused}");
    let now = resident_kib();
    assert!(now < warm + SLACK_KIB, "memory grew from {warm} to {now} KiB");
}
