//! Operations that end when nobody wants them any more.

use std::mem::ManuallyDrop;

use rivven_client::Result;
use tokio::sync::oneshot;

use crate::fork::ForkMark;

/// Somebody's interest in what is under way: dropping it ends that.
#[derive(Debug)]
pub struct Interest {
    going_on: ManuallyDrop<oneshot::Sender<()>>,
    mark: ForkMark,
}

impl Interest {
    /// The handle, and what ends when it is dropped.
    pub(crate) fn new() -> (Self, oneshot::Receiver<()>) {
        let (going_on, given_up) = oneshot::channel();
        (Interest { going_on: ManuallyDrop::new(going_on), mark: ForkMark::here() }, given_up)
    }

    /// The handle, and the wait, which ends when the handle is dropped.
    pub(crate) fn of<F>(wait: F) -> (Self, impl Future<Output = Result<()>> + Send + 'static)
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let (interest, given_up) = Interest::new();
        let waiting = async move {
            tokio::select! {
                biased;
                _ = given_up => Ok(()),
                ended = wait => ended,
            }
        };
        (interest, waiting)
    }
}

impl Drop for Interest {
    fn drop(&mut self) {
        if self.mark.is_here() {
            // SAFETY: it is dropped here only, and not used afterwards.
            unsafe { ManuallyDrop::drop(&mut self.going_on) };
        }
    }
}
