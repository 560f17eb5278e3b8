//! Under what batches are numbered.

/// A producer id, and how often it was taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    pub(crate) id: u64,
    pub(crate) epoch: u16,
}

/// An identity that may be used.
///
/// It belongs to one topic: what the broker knows of an id is by partition numbers, whatever the topic. No id is ever
/// used again, so a broker that has forgotten it does not take what comes under it for something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) identity: Identity,
    /// Higher than those of the topic's identities before.
    pub(crate) serial: u64,
}
