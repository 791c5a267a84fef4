//! What a user would write: the service holds, and the tools see the mistake.

use snowglobe::testing;

#[test]
fn it_holds() {
    testing::fuzz(&lock_service::SYSTEM, 300);
}

#[test]
fn the_missing_fence_is_found() {
    testing::finds(&lock_service::MISTAKEN, "tokens-never-go-back", 1000);
}

#[test]
fn every_schedule_of_a_small_cluster_holds_and_the_mistake_is_found_there() {
    testing::check(&lock_service::SYSTEM);
    testing::check_finds(&lock_service::MISTAKEN, "tokens-never-go-back");
}
