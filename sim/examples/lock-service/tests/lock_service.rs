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

#[test]
fn the_missing_fence_shrinks_to_a_page() {
    let seed = testing::finds(&lock_service::MISTAKEN, "tokens-never-go-back", 1000);
    let scenario = testing::steps_of(&lock_service::MISTAKEN, seed);
    let steps = &scenario.scripted.as_ref().expect("it has steps").steps;
    // Two are granted the lock, the lease of the first ends, and it writes last.
    assert!((9..=12).contains(&steps.len()), "{steps:#?}");
    let report = snowglobe::registry::Registered::run_here(
        &lock_service::MISTAKEN,
        &scenario.to_brief_toml().parse().expect("what is written is read"),
        Default::default(),
    );
    let verdict = report.expect("it makes sense").verdict;
    assert_eq!(verdict.property(), Some("tokens-never-go-back"));
}
