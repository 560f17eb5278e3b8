//! What goes wrong on the way to a broker, and with it.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use rivven_testkit::{FaultProxy, Faults, Plan, Seeded, TestBroker};
use tokio::task::block_in_place;
use tokio::time::sleep;

/// How long connections are made on which an answer is altered.
const ALTERED: Duration = Duration::from_secs(1);

/// Something that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The broker is stopped by SIGTERM and started again.
    Restart,
    /// The broker is killed by SIGKILL and started again.
    Kill,
    /// All connections are closed.
    Cut,
    /// All connections are reset.
    Reset,
    /// Nothing passes for some time; connections stay open.
    Stall(Duration),
    /// All connections are closed, and those made from now on are slow or cut by chance, with this seed.
    Rough(u64),
    /// All connections are closed, and one answer on each that is made in the next second is altered where that shows.
    Corrupt(u64),
}

impl Fault {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Fault::Restart => "SIGTERM",
            Fault::Kill => "SIGKILL",
            Fault::Cut => "cut",
            Fault::Reset => "reset",
            Fault::Stall(_) => "stall",
            Fault::Rough(_) => "rough connections",
            Fault::Corrupt(_) => "altered answers",
        }
    }

    /// So many faults but for kills: each kind in turn, with random times up to `longest` for stalls.
    pub fn mixed(count: usize, longest: Duration, seed: u64) -> Vec<Fault> {
        let mut random = Seeded::new(seed);
        let stall = |random: &mut Seeded| Duration::from_millis(random.between(50, longest.as_millis() as u64));
        let fault = |index: usize| match index % 5 {
            0 => Fault::Cut,
            1 => Fault::Restart,
            2 => Fault::Stall(stall(&mut random)),
            3 => Fault::Reset,
            _ => Fault::Rough(random.next_u64() >> 1),
        };
        (0..count).map(fault).collect()
    }

    /// Lets it happen; returns when it is over, though connections may stay rough until the next fault.
    ///
    /// # Errors
    ///
    /// That the broker could not be stopped or started.
    pub async fn happen(self, broker: &mut TestBroker, proxy: &FaultProxy) -> io::Result<()> {
        proxy.set_plan(|_| Plan::default());
        match self {
            Fault::Restart => block_in_place(|| broker.restart())?,
            Fault::Kill => block_in_place(|| broker.kill().and_then(|()| broker.restart()))?,
            Fault::Cut => proxy.cut_all(),
            Fault::Reset => proxy.reset_all(),
            Fault::Stall(time) => {
                proxy.stall();
                sleep(time).await;
                proxy.resume();
            }
            Fault::Corrupt(seed) => {
                proxy.set_plan(move |connection| {
                    let mut random = Seeded::new(seed.wrapping_add(connection));
                    // The number by which an answer belongs to a request; nothing guards the rest.
                    let (frame, at) = (random.between(1, 20), random.between(5, 8));
                    Plan::default().to_client(Faults::default().corrupt_frame(frame, at, 0xff))
                });
                proxy.cut_all();
                sleep(ALTERED).await;
                proxy.set_plan(|_| Plan::default());
            }
            Fault::Rough(seed) => {
                proxy.set_plan(move |connection| Plan::random(seed.wrapping_add(connection)));
                proxy.cut_all();
            }
        }
        Ok(())
    }

    /// Lets connections that are made from now on be good ones.
    pub(crate) fn end(self, proxy: &FaultProxy) {
        if let Fault::Rough(_) = self {
            proxy.set_plan(|_| Plan::default());
        }
    }
}

/// How many of each there are.
pub fn counted(faults: &[Fault]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for fault in faults {
        *counts.entry(fault.name().to_owned()).or_default() += 1;
    }
    counts
}
