//! Idempotent and transactional publishing against the real broker, and against others for what that cannot do.

mod idempotent;
mod steps;
mod transforming;
mod whole;

use std::time::Duration;

use rivven_client::{Client, ErrorCode, Result};

/// Long enough for anything on a busy machine, short enough to notice that it never comes.
const PATIENCE: Duration = Duration::from_secs(60);

/// The future's output, which has to come.
async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("{what} does not end"))
}

/// The values of a partition that are shown to those who read what is committed.
async fn committed(client: &Client, topic: &str, partition: u32) -> Result<Vec<String>> {
    let records = client.consume_read_committed(topic, partition, 0, 10_000).await?;
    Ok(records.iter().map(|record| String::from_utf8_lossy(&record.value).into_owned()).collect())
}

fn code<T: std::fmt::Debug>(result: Result<T>) -> ErrorCode {
    result.expect_err("it is a misuse").code()
}
