//! What a user would write: the protocol holds, and the tools see the mistake.

use snowglobe::testing;

#[test]
fn it_holds() {
    testing::fuzz(&two_phase_commit::SYSTEM, 300);
}

#[test]
fn the_lost_patience_is_found() {
    testing::finds(&two_phase_commit::MISTAKEN, "all-or-nothing", 1000);
}

#[test]
fn every_schedule_of_a_small_cluster_holds_and_the_mistake_is_found_there() {
    testing::check(&two_phase_commit::SYSTEM);
    testing::check_finds(&two_phase_commit::MISTAKEN, "all-or-nothing");
}
