//! The producer ids that a producer was given.

use std::collections::HashSet;

/// Under what a batch is numbered: the answer to `InitProducerId`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    pub(crate) id: u64,
    pub(crate) epoch: u16,
}

/// An identity that may be used, and how many were granted until then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) identity: Identity,
    pub(crate) serial: u64,
}

/// All identities of one producer at one broker, over all of its topics.
///
/// The broker keeps ids in memory and counts from 1 again after a restart, and
/// its state of an id knows partition numbers but not topics. So an id that
/// this producer had before must never be used again: another topic, or another
/// partition that has not noticed the restart, may still send under it. Such an
/// id is thrown away, and the next one asked for.
///
/// An id thrown away is known to the broker again, though. A batch that was
/// stored before the restart and is re-sent as number 0 is then stored twice and
/// looks new. Hence `is_suspect`, which [`Sequence`](super::Sequence) heeds.
#[derive(Debug, Default)]
pub(crate) struct Identities {
    used: HashSet<u64>,
    granted: u64,
    asking: usize,
    /// Identities up to this serial number are from before a restart.
    outdated: u64,
}

impl Identities {
    /// Notes that `InitProducerId{None}` is about to be sent; call it before that, each time.
    pub(crate) fn asked(&mut self) {
        self.asking += 1;
    }

    /// Notes the identity that was answered; `None` if it must not be used: ask again.
    pub(crate) fn answered(&mut self, identity: Identity) -> Option<Grant> {
        self.asking -= 1;
        if !self.used.insert(identity.id) {
            self.outdated = self.granted;
            return None;
        }
        self.granted += 1;
        Some(Grant { identity, serial: self.granted })
    }

    /// Notes that no answer came; the broker may have made an id nevertheless.
    pub(crate) fn failed(&mut self) {
        self.asking -= 1;
        self.outdated = self.granted;
    }

    /// Whether the broker may have forgotten what it knew of this identity and yet accept its id.
    ///
    /// It may if an id was asked for since, and is not known to be another one.
    /// An answer that follows from that reaches the client after the request
    /// was noted here, so looking when the answer comes is early enough.
    pub(crate) fn is_suspect(&self, grant: Grant) -> bool {
        self.asking > 0 || grant.serial <= self.outdated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(identities: &mut Identities, id: u64) -> Option<Grant> {
        identities.asked();
        identities.answered(Identity { id, epoch: 0 })
    }

    #[test]
    fn an_id_is_used_once_and_coming_back_shows_a_restart() {
        let mut identities = Identities::default();
        let first = grant(&mut identities, 1).unwrap();
        assert!(!identities.is_suspect(first));
        assert_eq!(grant(&mut identities, 1), None);
        let second = grant(&mut identities, 2).unwrap();
        assert!(second.serial > first.serial);
        assert!(identities.is_suspect(first) && !identities.is_suspect(second));
    }

    #[test]
    fn nothing_is_certain_while_an_id_is_asked_for_or_after_its_answer_was_lost() {
        let mut identities = Identities::default();
        let first = grant(&mut identities, 7).unwrap();
        identities.asked();
        assert!(identities.is_suspect(first));
        assert!(identities.answered(Identity { id: 8, epoch: 0 }).is_some() && !identities.is_suspect(first));
        identities.asked();
        identities.failed();
        assert!(identities.is_suspect(first));
    }
}
