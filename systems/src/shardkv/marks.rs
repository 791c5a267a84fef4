//! Situations that groups and clerks can come into, worth counting.

/// A group applied the next configuration.
pub const TURNED: &str = "group.turned_to_next";
/// A group could not apply the next configuration, since it takes away a shard that has not
/// arrived.
pub const TURN_HELD_BACK: &str = "group.turn_held_back";
/// A group took a shard that had arrived.
pub const SHARD_INSTALLED: &str = "group.shard_installed";
/// A shard arrived at a server that did not know the configuration which gives it to the group.
pub const SHARD_EARLY: &str = "group.shard_came_early";
/// A shard arrived at a server that does not lead.
pub const SHARD_AT_FOLLOWER: &str = "group.shard_at_follower";
/// A shard arrived that the group had had before.
pub const SHARD_AGAIN: &str = "group.shard_came_again";
/// A shard was offered once more, since nobody had said that it was received.
pub const HANDED_OVER_AGAIN: &str = "group.handed_over_again";
/// A shard was handed to a server that it was not meant for.
pub const SHARD_MISDIRECTED: &str = "group.shard_misdirected";
/// A server that does not lead passed on to its leader what another group's server said.
pub const PASSED_TO_LEADER: &str = "group.passed_to_leader";
/// A leader let another server of its group send to a group that it cannot reach, or answer one.
pub const SENT_THROUGH_MEMBER: &str = "group.sent_through_member";
/// A leader that the controller did not answer let another server of its group ask.
pub const HELP_SOUGHT: &str = "group.let_member_ask_controller";
/// A leader learned from another server what the controller had told that one.
pub const HELPED: &str = "group.told_by_member";
/// A group deleted a shard that its new owner has.
pub const SHARD_FORGOTTEN: &str = "group.shard_forgotten";
/// A group that had left handed a shard over.
pub const HANDED_OVER_AFTER_LEAVING: &str = "group.handed_over_after_leaving";
/// A shard was taken away from a group while it still had to hand over an earlier state of it.
pub const SHARD_LEFT_TWICE: &str = "group.shard_left_twice";
/// A client was served while another shard of the group had not arrived.
pub const SERVED_WHILE_AWAITING: &str = "group.served_while_awaiting";
/// A client was turned away from a group that does not own the shard.
pub const WRONG_GROUP: &str = "group.not_ours";
/// A client was turned away since the shard had not arrived.
pub const NOT_YET: &str = "group.not_yet";
/// A write was rejected since the client assigns its key to another shard.
pub const WRONG_SHARD: &str = "group.wrong_shard";

/// A clerk learned of a new configuration.
pub const CONFIGURATION_LEARNED: &str = "clerk.configuration_learned";
/// A clerk asked one group, and then another one for the same call.
pub const MOVED_ON: &str = "clerk.moved_to_other_group";
/// A clerk gave up waiting for a group, since the shard had moved.
pub const GROUP_GIVEN_UP: &str = "clerk.group_given_up";
/// A write turned out to be done already.
pub const FOUND_DONE: &str = "clerk.write_found_done";
/// A write that a clerk had asked of one group turned out to be done already at another.
pub const FOUND_DONE_ELSEWHERE: &str = "clerk.write_found_done_elsewhere";
/// A clerk found that nobody owns the shard.
pub const NO_OWNER: &str = "clerk.no_owner";

/// All of them.
pub const MARKS: &[&str] = &[
    TURNED,
    TURN_HELD_BACK,
    SHARD_INSTALLED,
    SHARD_EARLY,
    SHARD_AT_FOLLOWER,
    SHARD_AGAIN,
    HANDED_OVER_AGAIN,
    SHARD_MISDIRECTED,
    PASSED_TO_LEADER,
    SENT_THROUGH_MEMBER,
    HELP_SOUGHT,
    HELPED,
    SHARD_FORGOTTEN,
    HANDED_OVER_AFTER_LEAVING,
    SHARD_LEFT_TWICE,
    SERVED_WHILE_AWAITING,
    WRONG_GROUP,
    NOT_YET,
    WRONG_SHARD,
    CONFIGURATION_LEARNED,
    MOVED_ON,
    GROUP_GIVEN_UP,
    FOUND_DONE,
    FOUND_DONE_ELSEWHERE,
    NO_OWNER,
];
