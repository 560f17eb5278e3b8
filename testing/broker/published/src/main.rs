//! Measures the published client as `rivven-bench program` wants it, against the real broker.
//!
//! `--call produce`: many callers each await their delivery; `latency`: one does, with the settings for that;
//! `ping`: one request after the other; `consume`: all that there is, by one `consume` call after another.

use std::collections::HashMap;
use std::env;
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rivven_client::{Client, Producer, ProducerConfig};
use tokio::task::JoinSet;

/// The version in Cargo.toml.
const CLIENT: &str = "published rivven-client 0.0.22";

/// Callers that await a delivery each, so that batches can form; the client has no call that does not wait.
const CALLERS: u64 = 1000;

/// Different values, as rivven-bench has them.
const POOL: u64 = 1024;

/// Bytes of the number that a value begins with, little-endian.
const NUMBER_LEN: usize = 8;

/// The options that rivven-bench gives.
struct Options(HashMap<String, String>);

impl Options {
    fn parse() -> Result<Self> {
        let mut options = HashMap::new();
        let mut arguments = env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let (name, value) = match argument.split_once('=') {
                Some((name, value)) => (name.to_owned(), value.to_owned()),
                None => (argument.clone(), arguments.next().with_context(|| format!("{argument} needs a value"))?),
            };
            options.insert(name, value);
        }
        Ok(Options(options))
    }

    fn text(&self, name: &str) -> Result<&str> {
        self.0.get(name).map(String::as_str).with_context(|| format!("{name} is missing"))
    }

    fn number(&self, name: &str) -> Result<u64> {
        self.text(name)?.parse().with_context(|| format!("{name} takes a number"))
    }
}

/// The values, as rivven-bench makes them.
struct Values {
    pool: Vec<Vec<u8>>,
}

impl Values {
    fn new(options: &Options) -> Result<Self> {
        let size = options.number("--record-bytes")? as usize;
        let mut state = options.number("--seed")?;
        let mut bytes = Vec::with_capacity(POOL as usize * size + NUMBER_LEN);
        while bytes.len() < POOL as usize * size {
            bytes.extend_from_slice(&split_mix(&mut state).to_le_bytes());
        }
        Ok(Values { pool: bytes.chunks_exact(size).take(POOL as usize).map(<[u8]>::to_vec).collect() })
    }

    fn get(&self, number: u64) -> Vec<u8> {
        let mut value = self.pool[(number % POOL) as usize].clone();
        value[..NUMBER_LEN].copy_from_slice(&(number << 8 | 0x80).to_le_bytes());
        value
    }
}

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse()?;
    match options.text("--call")? {
        "produce" => produce(&options).await,
        "latency" => latency(&options).await,
        "ping" => ping(&options).await,
        "consume" => consume(&options).await,
        other => bail!("--call is neither produce, latency, ping nor consume but {other}"),
    }
}

async fn produce(options: &Options) -> Result<()> {
    let config = ProducerConfig::builder()
        .bootstrap_servers(vec![options.text("--address")?.to_owned()])
        .batch_size(65536)
        .linger_ms(5)
        .build()?;
    let producer = Arc::new(Producer::new(config).await?);
    let (topic, records) = (Arc::new(options.text("--topic")?.to_owned()), options.number("--records")?);
    let (values, next) = (Arc::new(Values::new(options)?), Arc::new(AtomicU64::new(0)));
    let (start, cpu) = (Instant::now(), usage().0);
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (producer, topic) = (Arc::clone(&producer), Arc::clone(&topic));
        let (values, next) = (Arc::clone(&values), Arc::clone(&next));
        callers.spawn(async move {
            let mut latencies = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= records {
                    return anyhow::Ok(latencies);
                }
                let sent = Instant::now();
                producer.send(topic.as_str(), values.get(number)).await?;
                latencies.push(sent.elapsed());
            }
        });
    }
    let mut latencies = Vec::new();
    while let Some(caller) = callers.join_next().await {
        latencies.extend(caller??);
    }
    finish(start, cpu, CLIENT.to_owned() + " Producer, 1000 callers", latencies.len(), &latencies);
    Ok(())
}

async fn latency(options: &Options) -> Result<()> {
    let config = ProducerConfig::builder()
        .bootstrap_servers(vec![options.text("--address")?.to_owned()])
        .linger_ms(0)
        .build()?;
    let producer = Producer::new(config).await?;
    let topic = options.text("--topic")?;
    let values = Values::new(options)?;
    let mut latencies = Vec::new();
    let (start, cpu) = (Instant::now(), usage().0);
    for number in 0..options.number("--records")? {
        let (value, sent) = (values.get(number), Instant::now());
        producer.send(topic, value).await?;
        latencies.push(sent.elapsed());
    }
    finish(start, cpu, CLIENT.to_owned() + " Producer", latencies.len(), &latencies);
    Ok(())
}

async fn ping(options: &Options) -> Result<()> {
    let mut client = Client::connect(options.text("--address")?).await?;
    let mut latencies = Vec::new();
    let (start, cpu) = (Instant::now(), usage().0);
    for _ in 0..options.number("--records")? {
        let sent = Instant::now();
        client.ping().await?;
        latencies.push(sent.elapsed());
    }
    finish(start, cpu, CLIENT.to_owned() + " Client, 1 in flight", latencies.len(), &latencies);
    Ok(())
}

/// Reads one partition after another; the latencies are those of calls.
async fn consume(options: &Options) -> Result<()> {
    let mut client = Client::connect(options.text("--address")?).await?;
    let (topic, partitions) = (options.text("--topic")?, options.number("--partitions")?);
    let (each, most) = (options.number("--records")? / partitions, options.number("--most")?);
    let (mut latencies, mut read) = (Vec::new(), 0);
    let (start, cpu) = (Instant::now(), usage().0);
    for partition in 0..partitions as u32 {
        let mut next = 0;
        while next < each {
            let asked = Instant::now();
            let messages = client.consume(topic, partition, next, most as u32).await?;
            latencies.push(asked.elapsed());
            let Some(last) = messages.last() else { bail!("records are missing from {next} on") };
            next = last.offset + 1;
            read += messages.len();
        }
    }
    finish(start, cpu, format!("{CLIENT} Client, {most} at once"), read, &latencies);
    Ok(())
}

/// Prints the result, which ends what is measured.
fn finish(start: Instant, cpu: Duration, client: String, records: usize, latencies: &[Duration]) {
    let (seconds, (end_cpu, peak_rss)) = (start.elapsed().as_secs_f64(), usage());
    let nanoseconds: Vec<_> = latencies.iter().map(|latency| latency.as_nanos() as u64).collect();
    println!(
        "{}",
        serde_json::json!({
            "client": client,
            "records": records,
            "seconds": seconds,
            "cpu_ns": (end_cpu - cpu).as_nanos() as u64,
            "peak_rss_bytes": peak_rss,
            "allocations": null,
            "latencies_ns": nanoseconds,
        })
    );
}

/// The time of this process on all processors, and the most memory that was resident, in bytes.
fn usage() -> (Duration, u64) {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the pointer is valid for one `rusage`; all zeros is a value of it, too, should the call fail.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
        usage.assume_init()
    };
    let time = |time: libc::timeval| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000);
    (time(usage.ru_utime) + time(usage.ru_stime), usage.ru_maxrss as u64 * 1024)
}
