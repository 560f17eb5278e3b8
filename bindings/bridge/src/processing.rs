//! Records on their way to the program's handlers, which run on its own threads.

use std::sync::{Arc, Weak};

use rivven_client::{Consumer, ConsumerRecord, Detail, Error, ErrorCode, ProcessReport, Result};
use tokio::sync::{Notify, oneshot};

use crate::answer::Answer;
use crate::interest::Interest;
use crate::queue::{Completion, Queue};
use crate::reading::Reading;

/// A record that a handler of the program is to work on.
///
/// Dropping it without saying what came of it gives the whole processing up.
#[derive(Debug)]
pub struct Handling {
    /// The record.
    pub record: ConsumerRecord,
    told: oneshot::Sender<Result<(), String>>,
}

impl Handling {
    /// The program is done with the record, or its handler failed, for a reason that is given as a text.
    pub fn settle(self, result: Result<(), String>) {
        // One that is not waited for any more has been given to others.
        let _ = self.told.send(result);
    }
}

/// Records being worked on; dropping it gives those back that are not done.
pub type Processing = Interest;

/// Where handlings go.
#[derive(Clone)]
pub(crate) struct Handlers {
    queue: Weak<Queue>,
    token: u64,
    /// Told when a handling is dropped that nothing was said of.
    dropped: Arc<Notify>,
}

impl Handlers {
    pub(crate) fn new(queue: &Arc<Queue>, token: u64) -> Self {
        Handlers { queue: Arc::downgrade(queue), token, dropped: Arc::default() }
    }

    /// Hands a record over, and waits for what comes of it.
    async fn handle(self, record: ConsumerRecord) -> Result<(), String> {
        let (told, result) = oneshot::channel();
        if let Some(queue) = self.queue.upgrade() {
            queue.push(Completion { token: self.token, result: Ok(Answer::Handling(Handling { record, told })) });
        }
        if let Ok(result) = result.await {
            return result;
        }
        // It has not failed: nobody is there to say so.
        self.dropped.notify_one();
        std::future::pending().await
    }
}

/// Processes until that ends, or is given up.
pub(crate) async fn process(
    (core, reading): (Arc<Consumer>, Arc<Reading>),
    handlers: Handlers,
    given_up: oneshot::Receiver<()>,
) -> Result<ProcessReport> {
    let _alone = reading.alone().await?;
    let dropped = Arc::clone(&handlers.dropped);
    tokio::select! {
        report = core.process(move |record| handlers.clone().handle(record)) => report,
        _ = given_up => Err(was_given_up()),
        () = dropped.notified() => Err(was_given_up()),
    }
}

fn was_given_up() -> Error {
    let text = "process was given up by the program: what was not done is read again";
    Error::Other(Detail::from(text).with_code(ErrorCode::WokenUp))
}
