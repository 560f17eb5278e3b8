//! Which connections of a server a request may use.

use crate::protocol::Purpose;

/// One group of connections of a server.
///
/// There is one for each purpose, unless the pool is smaller than that: then
/// purposes share, those that block their connection last of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Lane(u8);

impl Lane {
    /// The lane of a purpose in a pool of so many connections.
    pub(super) fn of(purpose: Purpose, pool_size: usize) -> Self {
        Lane(match (purpose, pool_size) {
            (_, 0..=1) => 0,
            (Purpose::Produce | Purpose::Metadata, 2..=3) => 0,
            (Purpose::Fetch | Purpose::Group, 2) | (Purpose::Fetch, 3) => 1,
            (Purpose::Group, 3) => 2,
            (Purpose::Metadata, _) => 0,
            (Purpose::Fetch, _) => 1,
            (Purpose::Group, _) => 2,
            (Purpose::Produce, _) => 3,
        })
    }

    /// The lanes of a pool of so many connections.
    pub(super) fn all(pool_size: usize) -> impl Iterator<Item = Lane> {
        (0..pool_size.clamp(1, 4) as u8).map(Lane)
    }
}

/// How many requests a connection carries before another one is opened beside it.
///
/// The broker commits each record of a connection in turn, so writers and
/// readers gain from every connection; other requests take microseconds.
pub(super) fn busy_at(purpose: Purpose) -> usize {
    match purpose {
        Purpose::Produce | Purpose::Fetch => 1,
        Purpose::Group => 8,
        Purpose::Metadata => 64,
    }
}

/// How many requests a connection takes before callers have to wait for their turn.
///
/// Beyond some depth writers gain nothing from waiting at the broker rather
/// than here, where another connection may take them.
pub(super) fn full_at(purpose: Purpose) -> usize {
    match purpose {
        Purpose::Produce | Purpose::Fetch => 16,
        Purpose::Group | Purpose::Metadata => usize::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_share_only_in_small_pools() {
        let all = [Purpose::Metadata, Purpose::Fetch, Purpose::Group, Purpose::Produce];
        for size in 1..=12 {
            let mut lanes: Vec<_> = all.iter().map(|purpose| Lane::of(*purpose, size).0).collect();
            lanes.sort_unstable();
            lanes.dedup();
            let expected: Vec<u8> = Lane::all(size).map(|lane| lane.0).collect();
            assert_eq!(lanes, expected, "{size}");
        }
    }
}
