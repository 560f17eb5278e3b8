//! The runs of `rivven-soak producer`, small enough for every day.

use std::env;
use std::time::Duration;

use anyhow::Result;
use rivven_soak::runs::{PRESETS, Size, disturbed, killed, preset};

/// A few thousand records, as many as the machine has time for, with the seed of `RIVVEN_SOAK_SEED`.
fn small(faults: usize) -> Size {
    let seed = env::var("RIVVEN_SOAK_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    eprintln!("RIVVEN_SOAK_SEED={seed}");
    Size { records: 3000, faults, seed }
}

// covers: F074 rust, F076 rust
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_acknowledged_is_read_back() -> Result<()> {
    disturbed(small(5), false).await?.check()
}

// covers: F070 rust
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_an_idempotent_producer_is_acknowledged_is_read_back() -> Result<()> {
    disturbed(small(5), true).await?.check()
}

// covers: F074 rust
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_acknowledged_is_on_the_disk_of_a_broker_that_is_killed() -> Result<()> {
    killed(small(2)).await?.check()
}

// covers: F058 rust, F061 rust
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_presets_work_at_full_speed() -> Result<()> {
    for name in PRESETS {
        preset(name, Duration::from_secs(60), 2000).await?.check_undisturbed()?;
    }
    Ok(())
}
