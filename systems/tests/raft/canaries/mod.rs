//! A canary for each promise of Raft, and for each case of it.

mod commits;
mod disks;
mod elections;
mod logs;
mod worlds;

use self::worlds::{compacted, known, led, led_by_n3, unanswered, written};
use crate::canary;

#[test]
fn every_promise_has_a_canary() {
    let all = [
        elections::ELECTIONS,
        elections::BELIEFS,
        logs::LOGS,
        disks::DISKS,
        commits::COMMITS,
    ]
    .concat();
    let private = ["raft/invariants/leadership/tests.rs"];
    canary::check(&["raft/invariants"], &private, &all);
}

/// None of the moments is broken by itself.
#[test]
fn the_worlds_of_the_canaries_hold() {
    for world in [
        led(),
        written(),
        unanswered(),
        known(),
        led_by_n3(),
        compacted(true, 2),
    ] {
        world.assert_held();
    }
}
