//! What a proxy does to a connection, as plain data.

use serde::{Deserialize, Serialize};

use crate::seed::Seeded;

/// What happens to one connection; nothing by default.
///
/// In JSON every part may be left out:
///
/// ```
/// use rivven_testkit::{Faults, Plan};
///
/// let plan: Plan = serde_json::from_str(r#"{"to_client": {"split": 1, "cut_after": 100}}"#)?;
/// assert_eq!(plan, Plan::default().to_client(Faults::default().split(1).cut_after(100)));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Plan {
    /// What happens to the bytes from the client to the broker.
    pub to_broker: Faults,
    /// What happens to the bytes from the broker to the client.
    pub to_client: Faults,
}

/// What happens to the bytes in one direction; nothing by default.
///
/// The parts are applied in the order of the fields. Those with `_after` happen
/// once, as soon as so many bytes have been forwarded; after 0 bytes means at
/// the start of the connection.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Bytes that are altered.
    pub corrupt: Vec<Corruption>,
    /// Milliseconds that every byte is late.
    pub delay_ms: u64,
    /// Milliseconds of silence until which bytes are gathered, to be forwarded at once; 0 for not at all.
    pub coalesce_ms: u64,
    /// Largest piece, in bytes, that is written at once; the sizes are random unless it is 1. 0 for any.
    pub split: usize,
    /// Milliseconds between two pieces of `split`.
    pub split_pause_ms: u64,
    /// Seed of the sizes of `split`.
    pub seed: u64,
    /// Most bytes per second; 0 for no limit.
    pub throttle: u64,
    /// Nothing more is forwarded until the proxy is told to resume.
    pub stall_after: Option<u64>,
    /// The receiver sees the end of the stream; the other direction goes on.
    pub half_close_after: Option<u64>,
    /// Both connections are closed.
    pub cut_after: Option<u64>,
    /// Both connections are reset.
    pub reset_after: Option<u64>,
}

/// A byte that is altered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Corruption {
    /// Number of the frame, from 0, in which `at` counts; without it, `at` counts in the whole stream.
    #[serde(default)]
    pub frame: Option<u64>,
    /// Position of the byte, from 0. The payload of a frame begins at 9.
    pub at: u64,
    /// Bits that are flipped.
    #[serde(default = "all_bits")]
    pub xor: u8,
}

fn all_bits() -> u8 {
    0xff
}

impl Plan {
    /// This plan with other faults towards the broker.
    pub fn to_broker(mut self, faults: Faults) -> Self {
        self.to_broker = faults;
        self
    }

    /// This plan with other faults towards the client.
    pub fn to_client(mut self, faults: Faults) -> Self {
        self.to_client = faults;
        self
    }

    /// A plan chosen by `seed`: mostly mild, one connection in two is ended at some time.
    ///
    /// It holds no corruption and no stall, since a client cannot notice the one
    /// within a value and the other ends by a call only.
    pub fn random(seed: u64) -> Self {
        let mut seeded = Seeded::new(seed);
        let to_broker = Faults::random(&mut seeded);
        Plan { to_broker, to_client: Faults::random(&mut seeded) }
    }
}

impl Faults {
    fn random(seeded: &mut Seeded) -> Self {
        let mut faults = Faults { seed: seeded.next_u64(), ..Faults::default() };
        match seeded.between(0, 5) {
            0 => faults.split = seeded.between(1, 9) as usize,
            1 => faults.delay_ms = seeded.between(1, 20),
            2 => faults.coalesce_ms = seeded.between(1, 10),
            3 => faults.throttle = seeded.between(50_000, 5_000_000),
            _ => {}
        }
        if seeded.one_in(4) {
            // Small numbers as often as large ones: the first frames matter most.
            let most = 1 << seeded.between(4, 20);
            let after = Some(seeded.between(0, most));
            match seeded.between(0, 2) {
                0 => faults.cut_after = after,
                1 => faults.reset_after = after,
                _ => faults.half_close_after = after,
            }
        }
        faults
    }

    /// Alters the byte at `at` of the stream.
    pub fn corrupt(mut self, at: u64, xor: u8) -> Self {
        self.corrupt.push(Corruption { frame: None, at, xor });
        self
    }

    /// Alters the byte at `at` of a frame, both counted from 0.
    pub fn corrupt_frame(mut self, frame: u64, at: u64, xor: u8) -> Self {
        self.corrupt.push(Corruption { frame: Some(frame), at, xor });
        self
    }

    /// Makes every byte late.
    pub fn delay_ms(mut self, delay_ms: u64) -> Self {
        self.delay_ms = delay_ms;
        self
    }

    /// Gathers bytes until none came for so long.
    pub fn coalesce_ms(mut self, quiet_ms: u64) -> Self {
        self.coalesce_ms = quiet_ms;
        self
    }

    /// Forwards in pieces of at most `most` bytes.
    pub fn split(mut self, most: usize) -> Self {
        self.split = most;
        self
    }

    /// Waits between two pieces, so that the receiver sees them apart.
    pub fn split_pause_ms(mut self, pause_ms: u64) -> Self {
        self.split_pause_ms = pause_ms;
        self
    }

    /// Forwards so many bytes per second at most.
    pub fn throttle(mut self, bytes_per_second: u64) -> Self {
        self.throttle = bytes_per_second;
        self
    }

    /// Stalls after so many bytes.
    pub fn stall_after(mut self, bytes: u64) -> Self {
        self.stall_after = Some(bytes);
        self
    }

    /// Ends this direction after so many bytes.
    pub fn half_close_after(mut self, bytes: u64) -> Self {
        self.half_close_after = Some(bytes);
        self
    }

    /// Closes both connections after so many bytes.
    pub fn cut_after(mut self, bytes: u64) -> Self {
        self.cut_after = Some(bytes);
        self
    }

    /// Resets both connections after so many bytes.
    pub fn reset_after(mut self, bytes: u64) -> Self {
        self.reset_after = Some(bytes);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::Plan;

    #[test]
    fn a_seed_gives_one_plan_and_seeds_give_many() {
        assert_eq!(Plan::random(3), Plan::random(3));
        let plans: Vec<Plan> = (0..100).map(Plan::random).collect();
        assert!(plans.iter().any(|plan| plan.to_client.cut_after.is_some()));
        assert!(plans.iter().any(|plan| plan.to_broker.split > 0));
        assert!(plans.iter().any(|plan| *plan == Plan::default() || plan.to_client.throttle > 0));
    }

    #[test]
    fn a_plan_survives_json_and_refuses_what_it_does_not_know() {
        let plan = Plan::random(9);
        assert_eq!(serde_json::from_str::<Plan>(&serde_json::to_string(&plan).unwrap()).unwrap(), plan);
        assert!(serde_json::from_str::<Plan>(r#"{"to_client": {"cut": 1}}"#).is_err());
    }
}
