//! Writes a year of hourly temperatures to a topic, reads them back, and works
//! out the mean of each month from what was read.
//!
//! Usage: `temperatures <broker address> <topic> <csv file>`

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use bytes::Bytes;
use rivven_client::{Client, Consumer, ConsumerConfig, Producer, ProducerConfig, TopicPartition};
use serde::{Deserialize, Serialize};
use serde_json::json;

const PINGS: usize = 200;
const PARTITIONS: u32 = 12;

/// A row of the file.
#[derive(Deserialize)]
struct Row {
    temp: f64,
    date: String,
}

/// The value of a record.
#[derive(Serialize, Deserialize)]
struct Reading {
    time: String,
    fahrenheit: f64,
}

/// The values of each key, a month such as `2010-01`, in their order.
type Months = BTreeMap<String, Vec<Bytes>>;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let Ok([address, topic, file]) = <[String; 3]>::try_from(arguments) else {
        eprintln!("usage: temperatures <broker address> <topic> <csv file>");
        return Ok(ExitCode::from(2));
    };

    let client = Client::connect(&address).await?;
    let ping_ms = median_ping(&client).await?;
    client.create_topic(&topic, Some(PARTITIONS)).await?;

    let start = Instant::now();
    let written = load(Path::new(&file))?;
    produce(&address, &topic, &written).await?;
    let read = consume(&address, &topic).await?;
    let checks = [
        ("count", count(&read) == count(&written)),
        ("order", read == written),
        ("content", sorted_values(&read) == sorted_values(&written)),
    ];
    let means = monthly_means(&read)?;
    let seconds = start.elapsed().as_secs_f64();
    client.close().await;

    let result = json!({
        "language": "rust",
        "records": count(&read),
        "seconds": seconds,
        "ping_ms": ping_ms,
        "checks": BTreeMap::from(checks),
        "means": means,
    });
    println!("result {result}");
    Ok(if checks.iter().all(|(_, holds)| *holds) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The median time of a ping, in milliseconds.
async fn median_ping(client: &Client) -> anyhow::Result<f64> {
    let mut times = Vec::with_capacity(PINGS);
    for _ in 0..PINGS {
        let start = Instant::now();
        client.ping().await?;
        times.push(start.elapsed().as_micros() as f64 / 1000.0);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[PINGS / 2])
}

/// Makes the records from the rows of the file.
fn load(file: &Path) -> anyhow::Result<Months> {
    let mut months = Months::new();
    for row in csv::Reader::from_path(file)?.into_deserialize() {
        let Row { temp, date } = row?;
        let month = date.get(..7).with_context(|| format!("no date: {date}"))?.replace('/', "-");
        let value = serde_json::to_vec(&Reading { time: date, fahrenheit: temp })?;
        months.entry(month).or_default().push(value.into());
    }
    Ok(months)
}

/// Sends the records of each month by its key, and says after each month how many are delivered.
async fn produce(address: &str, topic: &str, months: &Months) -> anyhow::Result<()> {
    let config = ProducerConfig::builder().bootstrap_servers(vec![address.to_owned()]).linger_ms(5);
    let producer = Producer::new(config.build()).await?;
    let topic = producer.topic(topic);
    let mut months_sent = Vec::new();
    for (month, values) in months {
        let sent: Result<Vec<_>, _> = values.iter().map(|value| topic.enqueue(Some(month), value)).collect();
        months_sent.push(sent?);
    }
    let mut written = 0;
    for deliveries in months_sent {
        written += deliveries.len();
        for delivery in deliveries {
            delivery.await?;
        }
        println!("written {written}");
    }
    Ok(producer.close().await?)
}

/// Reads all partitions from their beginning to their end, as the only member of a group.
async fn consume(address: &str, topic: &str) -> anyhow::Result<Months> {
    let config =
        ConsumerConfig::builder().bootstrap_server(address).group_id(topic).topic(topic).report_partition_end(true);
    let consumer = Consumer::new(config.build()).await?;
    let mut months = Months::new();
    let mut ended = BTreeSet::<TopicPartition>::new();
    while ended.len() < PARTITIONS as usize {
        let records = consumer.poll().await?;
        for record in &records {
            let month = String::from_utf8(record.key.as_deref().unwrap_or_default().to_vec())?;
            months.entry(month).or_default().push(record.value.clone());
        }
        ended.extend(records.ended().iter().cloned());
        println!("read {}", count(&months));
    }
    consumer.close().await?;
    Ok(months)
}

/// The mean of each month, rounded to two decimals.
fn monthly_means(months: &Months) -> anyhow::Result<BTreeMap<&str, f64>> {
    let mut means = BTreeMap::new();
    for (month, values) in months {
        let mut sum = 0.0;
        for value in values {
            sum += serde_json::from_slice::<Reading>(value)?.fahrenheit;
        }
        means.insert(month.as_str(), (sum / values.len() as f64 * 100.0).round() / 100.0);
    }
    Ok(means)
}

fn count(months: &Months) -> usize {
    months.values().map(Vec::len).sum()
}

fn sorted_values(months: &Months) -> Vec<&Bytes> {
    let mut values: Vec<_> = months.values().flatten().collect();
    values.sort();
    values
}
