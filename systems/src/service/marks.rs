//! Situations that a clerk or its servers can come into, worth counting.

/// A clerk was told who leads, and asked there.
pub const REDIRECTED: &str = "clerk.redirected_to_leader";
/// A clerk was turned away by one that knew no leader, and tried the next.
pub const TRIED_NEXT: &str = "clerk.tried_next_server";
/// A clerk timed out waiting for an answer.
pub const GAVE_UP_WAITING: &str = "clerk.gave_up_waiting";
/// A clerk asked again after a server lost its leadership over its call.
pub const RETRIED_AFTER_UNKNOWN: &str = "clerk.retried_after_unknown";
/// The answer to an earlier try came after all.
pub const LATE_ANSWER_TAKEN: &str = "clerk.late_answer_taken";
/// An answer came to a call that was answered already.
pub const ANSWER_IGNORED: &str = "clerk.answer_ignored";
/// A session was gone when a write came under it.
pub const SESSION_LOST: &str = "clerk.session_lost";
/// A clerk let a session go that it had not used for long.
pub const SESSION_LET_GO: &str = "clerk.session_let_go";
/// A call waited for a slot to become free.
pub const WAITED_FOR_LANE: &str = "clerk.waited_for_lane";
/// A server passed a clerk's question on to the leader.
pub const RELAYED: &str = "server.relayed";
/// A question was asked again while a server was at it, and joined the earlier try.
pub const JOINED: &str = "server.joined_call_under_way";
/// A question came again that a server remembered having answered.
pub const ANSWERED_AGAIN: &str = "server.answered_again";
/// A clerk was told that a server is busy, and waited before it asked again.
pub const TOLD_BUSY: &str = "clerk.told_busy";

/// All of them.
pub const MARKS: &[&str] = &[
    REDIRECTED,
    TRIED_NEXT,
    GAVE_UP_WAITING,
    RETRIED_AFTER_UNKNOWN,
    LATE_ANSWER_TAKEN,
    ANSWER_IGNORED,
    SESSION_LOST,
    SESSION_LET_GO,
    WAITED_FOR_LANE,
    RELAYED,
    JOINED,
    ANSWERED_AGAIN,
    TOLD_BUSY,
];
