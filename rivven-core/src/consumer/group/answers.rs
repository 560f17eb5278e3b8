//! What the broker says, as a member understands it.

use super::step::Answer;
use crate::error::{Error, ErrorCode, Outcome};
use crate::ops::{Assignment, GroupMembership};

/// A heartbeat's answer in a group whose leader has synced.
const STABLE: i32 = 0;
/// And in one whose leader has not.
const UNSETTLED: i32 = 27;

pub(super) fn of_join(result: Result<GroupMembership, Error>) -> Answer {
    match result {
        Ok(GroupMembership { generation, leader, members, .. }) => Answer::Joined { generation, leader, members },
        Err(error) => of_error(&error),
    }
}

pub(super) fn of_sync(result: Result<Assignment, Error>) -> Answer {
    result.map_or_else(|error| of_error(&error), Answer::Synced)
}

pub(super) fn of_heartbeat(result: Result<i32, Error>) -> Answer {
    match result {
        Ok(STABLE) => Answer::Stable,
        Ok(UNSETTLED) => Answer::Unsettled,
        // This broker knows no other number; whatever it means, the membership is not what it was.
        Ok(_) => Answer::Unknown,
        Err(error) => of_error(&error),
    }
}

pub(super) fn of_leave(result: Result<(), Error>) -> Answer {
    result.map_or_else(|error| of_error(&error), |()| Answer::Left)
}

fn of_error(error: &Error) -> Answer {
    match error.code() {
        ErrorCode::UnknownMemberId | ErrorCode::UnknownGroup => Answer::Unknown,
        ErrorCode::InconsistentGroupProtocol => Answer::Inconsistent,
        // Without the number the member can only begin anew.
        ErrorCode::IllegalGeneration => {
            expected_in(&error.to_string()).map_or(Answer::Unknown, |expected| Answer::Moved { expected })
        }
        _ if error.outcome() == Outcome::Unknown => Answer::Lost,
        _ => Answer::Refused,
    }
}

/// `ILLEGAL_GENERATION: expected <n>, got <m>`
fn expected_in(text: &str) -> Option<u32> {
    let (_, rest) = text.split_once("expected ")?;
    rest.split_once(',')?.0.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Detail;

    fn refused(text: &str) -> Answer {
        of_heartbeat(Err(Error::from_broker(text, "Heartbeat", "heartbeat to group g", &"a:1".into())))
    }

    #[test]
    fn answers_are_told_apart_as_a_member_needs_it() {
        let moved = refused("HEARTBEAT_FAILED: ILLEGAL_GENERATION: expected 12, got 3");
        assert_eq!(moved, Answer::Moved { expected: 12 });
        assert_eq!(refused("HEARTBEAT_FAILED: ILLEGAL_GENERATION: other words"), Answer::Unknown);
        assert_eq!(refused("HEARTBEAT_FAILED: UNKNOWN_MEMBER_ID: 'm' in group 'g'"), Answer::Unknown);
        assert_eq!(refused("HEARTBEAT_FAILED: UNKNOWN_GROUP: 'g'"), Answer::Unknown);
        assert_eq!(refused("RATE_LIMIT_EXCEEDED: too many"), Answer::Refused);
        assert_eq!(of_heartbeat(Ok(16)), Answer::Unknown);
    }

    #[test]
    fn what_may_have_been_executed_is_not_taken_for_refused() {
        let lost = Detail::from("no answer").with_code(ErrorCode::TimedOut).with_outcome(Outcome::Unknown);
        assert_eq!(of_leave(Err(Error::TimeoutWithMessage(lost))), Answer::Lost);
        let unsent = Detail::from("no connection").with_code(ErrorCode::TimedOut).with_outcome(Outcome::NotSent);
        assert_eq!(of_leave(Err(Error::TimeoutWithMessage(unsent))), Answer::Refused);
    }
}
