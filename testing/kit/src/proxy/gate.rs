//! What holds the bytes of all connections back.

use tokio::sync::watch;

/// Whether bytes may pass.
#[derive(Debug, Default)]
pub(super) struct Gate {
    stalled: bool,
    /// How often the proxy was told to resume.
    resumed: u64,
}

impl Gate {
    /// Holds everything back; when this returns nothing is being written.
    pub(super) fn stall(gate: &watch::Sender<Gate>) {
        gate.send_modify(|gate| gate.stalled = true);
    }

    /// Lets everything pass, also what a plan has stalled.
    pub(super) fn resume(gate: &watch::Sender<Gate>) {
        gate.send_modify(|gate| {
            gate.stalled = false;
            gate.resumed += 1;
        });
    }

    /// Waits until bytes may pass.
    pub(super) async fn open(gate: &mut watch::Receiver<Gate>) {
        // The proxy is gone if it fails, and the connections with it.
        let _ = gate.wait_for(|gate| !gate.stalled).await;
    }

    /// Waits until the proxy is told to resume.
    pub(super) async fn resumed(gate: &mut watch::Receiver<Gate>) {
        let before = gate.borrow().resumed;
        let _ = gate.wait_for(|gate| gate.resumed > before).await;
    }

    pub(super) fn is_stalled(&self) -> bool {
        self.stalled
    }
}
