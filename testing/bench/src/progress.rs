//! How far a scenario is: a bar on a terminal, nothing elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// How often a bar is drawn.
const PERIOD: Duration = Duration::from_millis(250);

/// A bar that is drawn until this is dropped.
#[derive(Debug)]
pub(crate) struct Bar {
    bar: ProgressBar,
    ended: Arc<AtomicBool>,
    drawer: Option<JoinHandle<()>>,
}

/// Shows on standard error how far `count` is on its way to `total`.
///
/// The scenario only counts; looking at it now and then is a thread's affair.
pub(crate) fn bar(title: &str, count: Arc<AtomicU64>, total: u64) -> Bar {
    let bar = drawn(ProgressBar::new(total), title, "{prefix:20} {wide_bar} {pos}/{len} {elapsed:>4}");
    let ended = Arc::new(AtomicBool::new(false));
    let (shown, end) = (bar.clone(), Arc::clone(&ended));
    let drawer = thread::spawn(move || {
        while !end.load(Ordering::Acquire) {
            shown.set_position(count.load(Ordering::Relaxed).min(total));
            thread::park_timeout(PERIOD);
        }
    });
    Bar { bar, ended, drawer: Some(drawer) }
}

/// Shows on standard error that another program is at work.
pub(crate) fn spinner(title: &str) -> Bar {
    let bar = drawn(ProgressBar::new_spinner(), title, "{spinner} {prefix} {elapsed}");
    bar.enable_steady_tick(PERIOD);
    Bar { bar, ended: Arc::default(), drawer: None }
}

fn drawn(bar: ProgressBar, title: &str, template: &str) -> ProgressBar {
    bar.set_style(ProgressStyle::with_template(template).expect("the template is valid"));
    bar.with_prefix(title.to_owned())
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        if let Some(drawer) = self.drawer.take() {
            drawer.thread().unpark();
            // It only draws; a panic of it would have been printed.
            let _ = drawer.join();
        }
        self.bar.finish_and_clear();
    }
}
