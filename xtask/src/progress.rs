//! What is under way: spinners and bars on a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// How progress is shown; it goes to standard error.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Progress {
    animated: bool,
}

impl Progress {
    /// Animated on a terminal unless `plain` is wanted.
    pub(crate) fn new(plain: bool) -> Self {
        Progress { animated: !plain && std::io::stderr().is_terminal() }
    }

    /// Begins a task of unknown length, for which a hint may be given.
    pub(crate) fn task(self, title: &str, hint: &str) -> Task {
        let announced = if hint.is_empty() { title.to_owned() } else { format!("{title} ({hint})") };
        let spinner = self.animated.then(|| {
            let style = ProgressStyle::with_template("{spinner} {prefix} {elapsed:.dim} {wide_msg:.dim}");
            let spinner = ProgressBar::new_spinner().with_prefix(announced.clone());
            spinner.set_style(style.expect("the template is valid"));
            spinner.enable_steady_tick(Duration::from_millis(120));
            spinner
        });
        if spinner.is_none() {
            eprintln!("{announced} ...");
        }
        Task { title: title.to_owned(), start: Instant::now(), spinner }
    }

    /// Begins a phase of so many records.
    pub(crate) fn phase(self, title: String, total: u64) -> Phase {
        let bar = self.animated.then(|| {
            let style = ProgressStyle::with_template("{prefix:15} {wide_bar} {pos}/{len} {elapsed:>4}");
            let bar = ProgressBar::new(total).with_prefix(title.clone());
            bar.set_style(style.expect("the template is valid"));
            bar.enable_steady_tick(Duration::from_millis(250));
            bar
        });
        Phase { title, total, shown: 0, bar }
    }
}

/// A task under way, from [`Progress::task`].
#[derive(Debug)]
pub(crate) struct Task {
    title: String,
    start: Instant,
    spinner: Option<ProgressBar>,
}

impl Task {
    /// Shows the newest line of the task's output, on a terminal.
    pub(crate) fn note(&self, line: &str) {
        if let Some(spinner) = &self.spinner {
            spinner.set_message(line.to_owned());
        }
    }

    /// Says how the task ended and how long it took.
    pub(crate) fn end(self, success: bool) {
        if let Some(spinner) = self.spinner {
            spinner.finish_and_clear();
        }
        let verdict = if success { "done" } else { "FAILED" };
        eprintln!("{verdict:>6}  {} ({})", self.title, duration(self.start.elapsed()));
    }
}

/// A count on its way to a known total, from [`Progress::phase`].
#[derive(Debug)]
pub(crate) struct Phase {
    title: String,
    total: u64,
    /// The count of the last plain line.
    shown: u64,
    bar: Option<ProgressBar>,
}

impl Phase {
    /// Shows that the count stands at `count`; as plain lines, every quarter.
    pub(crate) fn set(&mut self, count: u64) {
        match &self.bar {
            Some(bar) => bar.set_position(count),
            None if count >= self.total || count - self.shown >= self.total / 4 => {
                eprintln!("{} {count} of {}", self.title, self.total);
                self.shown = count;
            }
            None => {}
        }
    }

    /// Leaves the bar as it stands.
    pub(crate) fn end(self) {
        if let Some(bar) = self.bar {
            bar.abandon();
        }
    }
}

/// A duration for people.
pub(crate) fn duration(time: Duration) -> String {
    match time.as_secs() {
        0..60 => format!("{:.1} s", time.as_secs_f64()),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}
