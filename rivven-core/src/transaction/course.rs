//! How a commit is brought to an end that is known, as far as there is a way.
//!
//! A state machine without I/O and clocks. The broker refuses a second commit in the same words as one of a transaction
//! that never was, so after a lost answer it has to be found out what became of the first:
//!
//! - Commit once more. That succeeds if the first one never arrived.
//! - Otherwise the transaction is gone: committed, or over its time, or lost with the broker's memory. While its time is
//!   not over, a broker that still knows the producer has not restarted, so it was committed. To learn that, the last
//!   record is sent again, with the number that it had: the broker looks at numbers before it looks at transactions,
//!   and answers that it has the record. Where offsets were part of the transaction they have to agree.
//! - A broker that has restarted may have stored the offsets that were part of the transaction: they are stored by a
//!   commit only.

/// What came of asking for the commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Committed {
    /// It is committed.
    Done,
    /// The broker has no such open transaction.
    Gone,
    /// The broker says that it is over its time, and keeps it as dead.
    Dead,
    /// It refused, for another reason that stays.
    Refused,
    /// The request was not executed for certain.
    NotExecuted,
    /// Nothing is known of it.
    Unknown,
}

/// What came of sending the last record once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Probed {
    /// The broker knows the producer.
    Known,
    /// It does not.
    Forgotten,
    /// There was no answer.
    Unanswered,
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Ask for the commit; after a pause if it was asked for before.
    Commit,
    /// Send the last record once more.
    Probe,
    /// Look whether the offsets are stored.
    AskOffsets,
    /// It has ended.
    End(Verdict),
}

/// How a commit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Committed,
    /// Nothing of it counts; the transaction is gone at the broker.
    Gone,
    /// Nothing of it counts, and the broker keeps it as dead.
    Dead,
    /// It was refused, and may be aborted.
    Refused,
    Unknown,
}

/// The course of one commit.
#[derive(Debug)]
pub(super) struct Course {
    /// Whether there is a record to send again.
    can_probe: bool,
    /// Whether stored offsets would tell: they were others before.
    offsets_tell: bool,
    /// Whether an earlier attempt may have been executed.
    unknown: bool,
}

impl Course {
    pub(super) fn new(can_probe: bool, offsets_tell: bool) -> Self {
        Course { can_probe, offsets_tell, unknown: false }
    }

    /// Notes the answer to the commit; `in_time` if the broker cannot have found the transaction over its time yet.
    pub(super) fn committed(&mut self, answer: Committed, in_time: bool) -> Step {
        match answer {
            Committed::Done => Step::End(Verdict::Committed),
            Committed::Gone if !self.unknown => Step::End(Verdict::Gone),
            Committed::Dead if !self.unknown => Step::End(Verdict::Dead),
            Committed::Refused if !self.unknown => Step::End(Verdict::Refused),
            // It is still there, so no attempt has committed it.
            Committed::Dead => Step::End(Verdict::Dead),
            Committed::Gone | Committed::Refused => self.find_out(in_time),
            Committed::NotExecuted | Committed::Unknown => {
                self.unknown |= answer == Committed::Unknown;
                match (in_time, self.unknown) {
                    (true, _) => Step::Commit,
                    (false, true) => self.look_at_offsets(),
                    // Nobody has asked for the commit, and the broker aborts it by itself.
                    (false, false) => Step::End(Verdict::Gone),
                }
            }
        }
    }

    fn find_out(&self, in_time: bool) -> Step {
        if in_time && self.can_probe { Step::Probe } else { self.look_at_offsets() }
    }

    fn look_at_offsets(&self) -> Step {
        if self.offsets_tell { Step::AskOffsets } else { Step::End(Verdict::Unknown) }
    }

    /// Notes what the probe showed; `in_time` as above, when the answer had come.
    pub(super) fn probed(&self, answer: Probed, in_time: bool) -> Step {
        match answer {
            // Offsets tell more: after a restart another producer may have got the identity.
            Probed::Known if in_time && !self.offsets_tell => Step::End(Verdict::Committed),
            Probed::Unanswered if in_time => Step::Probe,
            Probed::Known | Probed::Forgotten | Probed::Unanswered => self.look_at_offsets(),
        }
    }

    /// Notes whether the offsets of the transaction are stored; `None` if that could not be learnt.
    pub(super) fn offsets(&self, stored: Option<bool>) -> Step {
        // That they are not may be the work of a broker that lost them.
        Step::End(if stored == Some(true) { Verdict::Committed } else { Verdict::Unknown })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_answer_is_final_if_there_is_one() {
        for (answer, verdict) in [
            (Committed::Done, Verdict::Committed),
            (Committed::Gone, Verdict::Gone),
            (Committed::Dead, Verdict::Dead),
            (Committed::Refused, Verdict::Refused),
        ] {
            assert_eq!(Course::new(true, true).committed(answer, true), Step::End(verdict));
        }
    }

    #[test]
    fn after_a_lost_answer_the_broker_is_asked_whether_it_still_knows_the_producer() {
        let mut course = Course::new(true, false);
        assert_eq!(course.committed(Committed::Unknown, true), Step::Commit);
        assert_eq!(course.committed(Committed::Gone, true), Step::Probe);
        assert_eq!(course.probed(Probed::Unanswered, true), Step::Probe);
        assert_eq!(course.probed(Probed::Known, true), Step::End(Verdict::Committed));
        assert_eq!(course.probed(Probed::Known, false), Step::End(Verdict::Unknown), "it may have been too late");
        assert_eq!(course.probed(Probed::Forgotten, true), Step::End(Verdict::Unknown));
    }

    #[test]
    fn stored_offsets_prove_a_commit_and_their_absence_proves_nothing() {
        let mut course = Course::new(false, true);
        course.committed(Committed::Unknown, true);
        assert_eq!(course.committed(Committed::Gone, true), Step::AskOffsets);
        assert_eq!(course.offsets(Some(true)), Step::End(Verdict::Committed));
        assert_eq!(course.offsets(Some(false)), Step::End(Verdict::Unknown));
        assert_eq!(course.offsets(None), Step::End(Verdict::Unknown));
    }

    #[test]
    fn it_ends_when_the_time_is_over() {
        let mut course = Course::new(true, false);
        assert_eq!(course.committed(Committed::NotExecuted, true), Step::Commit);
        assert_eq!(course.committed(Committed::NotExecuted, false), Step::End(Verdict::Gone));
        assert_eq!(course.committed(Committed::Unknown, false), Step::End(Verdict::Unknown));
        assert_eq!(course.committed(Committed::Dead, false), Step::End(Verdict::Dead));
    }
}
