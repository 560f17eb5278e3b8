//! What the broker logs, on standard error.

use std::fmt::Debug;
use std::io;

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt};

/// Starts logging at the level, or with the filter, that `directives` give.
pub(crate) fn start(directives: &str) -> anyhow::Result<()> {
    tracing_subscriber::registry()
        .with(EnvFilter::try_new(directives)?)
        .with(LeaveOutExpected)
        .with(fmt::layer().with_writer(io::stderr).with_ansi(false))
        .init();
    Ok(())
}

/// Drops warnings about what is meant to be so; every run would show them.
struct LeaveOutExpected;

impl<S: Subscriber> Layer<S> for LeaveOutExpected {
    fn event_enabled(&self, event: &Event<'_>, _context: Context<'_, S>) -> bool {
        let mut message = Message::default();
        event.record(&mut message);
        !message.is_expected()
    }
}

/// The text of an event.
#[derive(Default)]
struct Message(String);

impl Message {
    fn is_expected(&self) -> bool {
        // A clean stop cancels the tasks that sleep or wait for a client.
        let cancelled = self.0.contains("task panicked") && self.0.ends_with("was cancelled");
        cancelled
            || self.0.starts_with("Client authentication DISABLED")
            || self.0.starts_with("No cluster_auth_token configured")
    }
}

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}
