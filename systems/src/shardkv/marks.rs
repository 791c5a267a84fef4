//! Situations that groups and clerks can come into, worth counting.

/// A group turned to the next configuration.
pub const TURNED: &str = "group.turned_to_next";
/// A group could not turn to the next configuration, since it takes away a shard that has not arrived.
pub const TURN_HELD_BACK: &str = "group.turn_held_back";
/// A group took a shard that had arrived.
pub const SHARD_INSTALLED: &str = "group.shard_installed";
/// A shard arrived at a server that did not know the configuration which gives it to the group.
pub const SHARD_EARLY: &str = "group.shard_came_early";
/// A shard arrived at a server that does not lead.
pub const SHARD_AT_FOLLOWER: &str = "group.shard_at_follower";
/// A shard arrived that the group had had before.
pub const SHARD_AGAIN: &str = "group.shard_came_again";
/// A shard was handed over once more, since nobody answered.
pub const HANDED_OVER_AGAIN: &str = "group.handed_over_again";
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
    SHARD_FORGOTTEN,
    HANDED_OVER_AFTER_LEAVING,
    SHARD_LEFT_TWICE,
    SERVED_WHILE_AWAITING,
    WRONG_GROUP,
    NOT_YET,
    CONFIGURATION_LEARNED,
    MOVED_ON,
    GROUP_GIVEN_UP,
    FOUND_DONE,
    FOUND_DONE_ELSEWHERE,
    NO_OWNER,
];
