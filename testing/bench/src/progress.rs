//! How far a scenario is: a bar on a terminal, nothing elsewhere.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar on standard error that counts up to `total`.
///
/// It is drawn four times a second, by a thread of its own, so that counting
/// costs a scenario next to nothing.
pub(crate) fn bar(title: &str, total: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix:20} {wide_bar} {pos}/{len} {elapsed:>4}");
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(4));
    bar.set_style(style.expect("the template is valid"));
    bar.set_prefix(title.to_owned());
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}
