//! How far a scenario is: a bar on a terminal, nothing elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// How often a bar is drawn.
const PERIOD: Duration = Duration::from_millis(250);

/// A bar that is drawn until this is dropped.
#[derive(Debug)]
pub(crate) struct Bar {
    bar: ProgressBar,
    drawer: JoinHandle<()>,
}

/// Shows on standard error how far `count` is on its way to `total`.
///
/// The scenario only counts; looking at it now and then is a task's affair.
pub(crate) fn bar(title: &str, count: Arc<AtomicU64>, total: u64) -> Bar {
    let style = ProgressStyle::with_template("{prefix:20} {wide_bar} {pos}/{len} {elapsed:>4}");
    let bar = ProgressBar::new(total);
    bar.set_style(style.expect("the template is valid"));
    bar.set_prefix(title.to_owned());
    let drawn = bar.clone();
    let drawer = tokio::spawn(async move {
        loop {
            drawn.set_position(count.load(Ordering::Relaxed).min(total));
            sleep(PERIOD).await;
        }
    });
    Bar { bar, drawer }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.drawer.abort();
        self.bar.finish_and_clear();
    }
}
