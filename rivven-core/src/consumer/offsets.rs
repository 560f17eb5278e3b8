//! Which offsets of a partition the program has, which of them it is done with, and which are committed.

/// The offsets of one partition. All are those of the next record to read.
#[derive(Debug, Default)]
pub(super) struct Offsets {
    /// What the next poll goes on with.
    position: Option<u64>,
    /// What the program is done with, as far as that is known: it has polled again since.
    processed: Option<u64>,
    /// What the program itself says it is done with; from then on nothing else is committed.
    stored: Option<u64>,
    /// What was committed last, or found committed.
    committed: Option<u64>,
    /// Whether a commit was begun since, of which it is not known what came of it.
    in_doubt: bool,
    /// Up to where a stream is done, and up to where it has given records, that took them before the last ones were taken.
    held: Option<(u64, u64)>,
}

impl Offsets {
    /// Reading begins, there being such an offset committed or none.
    pub(super) fn begin(&mut self, position: u64, committed: Option<u64>) {
        *self = Offsets { position: Some(position), committed, ..Offsets::default() };
    }

    pub(super) fn position(&self) -> Option<u64> {
        self.position
    }

    pub(super) fn committed(&self) -> Option<u64> {
        self.committed
    }

    /// Records up to this offset are handed to the program.
    pub(super) fn hand_out(&mut self, next: u64) {
        self.position = Some(next);
    }

    /// A stream has given records up to an offset, and the program is done with those below another.
    pub(super) fn streamed(&mut self, processed: u64, given: u64) {
        (self.processed, self.position) = (Some(processed), Some(given));
    }

    /// A stream that took records earlier is no further than this.
    pub(super) fn hold(&mut self, held: Option<(u64, u64)>) {
        self.held = held;
    }

    /// Records from this offset on are given back.
    pub(super) fn rewind(&mut self, at: u64) {
        (self.position, self.processed) = (Some(at), self.processed.map(|processed| processed.min(at)));
    }

    /// The program asks for more, so it is done with all that it has.
    pub(super) fn all_processed(&mut self) {
        self.processed = self.position;
    }

    /// The program goes on elsewhere, on purpose: that is what it wants to find again.
    pub(super) fn seek(&mut self, position: u64) {
        (self.position, self.processed, self.stored) = (Some(position), Some(position), None);
    }

    /// The program says itself what it is done with.
    pub(super) fn store(&mut self, next: u64) {
        self.stored = Some(next);
    }

    /// What is to be committed when the program asks for it.
    pub(super) fn to_commit(&self) -> Option<u64> {
        let position = |position: u64| self.held.map_or(position, |(_, given)| position.min(given));
        self.unless_committed(self.stored.or(self.position.map(position)))
    }

    /// What is to be committed without being asked.
    pub(super) fn to_auto_commit(&self) -> Option<u64> {
        let processed = |processed: u64| self.held.map_or(processed, |(done, _)| processed.min(done));
        self.unless_committed(self.stored.or(self.processed.map(processed)))
    }

    fn unless_committed(&self, offset: Option<u64>) -> Option<u64> {
        offset.filter(|offset| self.in_doubt || self.committed != Some(*offset))
    }

    /// A commit is begun.
    pub(super) fn commits(&mut self) {
        self.in_doubt = true;
    }

    pub(super) fn has_committed(&mut self, offset: u64) {
        (self.committed, self.in_doubt) = (Some(offset), false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun() -> Offsets {
        let mut offsets = Offsets::default();
        offsets.begin(5, None);
        offsets
    }

    #[test]
    fn what_a_poll_gave_is_committed_by_itself_once_another_poll_is_made() {
        let mut offsets = begun();
        assert_eq!(offsets.to_auto_commit(), None);
        offsets.hand_out(8);
        assert_eq!((offsets.to_auto_commit(), offsets.to_commit()), (None, Some(8)));
        offsets.all_processed();
        offsets.hand_out(9);
        assert_eq!(offsets.to_auto_commit(), Some(8));
        offsets.has_committed(8);
        assert_eq!((offsets.to_auto_commit(), offsets.to_commit()), (None, Some(9)));
    }

    #[test]
    fn a_stored_offset_takes_the_place_of_what_polls_gave() {
        let mut offsets = begun();
        offsets.hand_out(8);
        offsets.all_processed();
        offsets.store(6);
        assert_eq!((offsets.to_auto_commit(), offsets.to_commit()), (Some(6), Some(6)));
        offsets.has_committed(6);
        offsets.hand_out(20);
        offsets.all_processed();
        assert_eq!((offsets.to_auto_commit(), offsets.to_commit()), (None, None));
    }

    #[test]
    fn where_the_program_seeks_to_is_committed_even_if_it_lies_behind() {
        let mut offsets = begun();
        offsets.hand_out(8);
        offsets.has_committed(8);
        offsets.store(7);
        offsets.seek(2);
        assert_eq!((offsets.to_auto_commit(), offsets.to_commit(), offsets.position()), (Some(2), Some(2), Some(2)));
    }

    #[test]
    fn what_was_committed_before_is_committed_again_while_another_commit_is_in_doubt() {
        let mut offsets = Offsets::default();
        offsets.begin(5, Some(5));
        offsets.hand_out(8);
        offsets.commits();
        offsets.seek(5);
        assert_eq!((offsets.to_commit(), offsets.committed()), (Some(5), Some(5)));
        offsets.has_committed(5);
        assert_eq!(offsets.to_commit(), None);
    }
}
