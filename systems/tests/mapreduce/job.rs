//! A job is done, whatever happens to those who do it.

use snowglobe_systems::mapreduce::applications::{BadRecords, InvertedIndex, Sort, WordCount};
use snowglobe_systems::mapreduce::{App, Config, Durable, Life, Operation, Role, Tuning};

use crate::cluster::Cluster;
use crate::story::{COORDINATOR, STORE, W1, W2, World, is_published, job_of, word_count, world};

#[test]
fn every_application_comes_to_what_a_sequential_run_does() {
    let bad = BadRecords {
        inner: App::new("wc", WordCount),
        seed: 4,
        one_in: 4,
    };
    for app in [
        App::new("wc", WordCount),
        App::new("indexer", InvertedIndex),
        App::new("sort", Sort),
        App::new("bad", bad),
    ] {
        let job = job_of(app);
        let mut world = world(&job);
        world.finish();
        world.assert_is_as_if_sequential(&job);
    }
}

#[test]
fn records_that_crash_the_code_are_left_out_and_no_others() {
    let job = job_of(App::new(
        "bad",
        BadRecords {
            inner: App::new("wc", WordCount),
            seed: 4,
            one_in: 4,
        },
    ));
    let mut world = world(&job);
    world.finish();
    assert!(
        world.outcome().skipped >= 3,
        "{:?}",
        world.outcome().skipped
    );
    assert!(world.marks.contains("record.skipped"));
}

#[test]
fn workers_leave_when_all_is_done_and_not_before() {
    let mut world = world(&word_count());
    world.go_on();
    assert!(!world.worker(W1).has_left());
    world.finish();
    world.go_on();
    assert!(world.worker(W1).has_left() && world.worker(W2).has_left());
    assert!(world.marks.contains("worker.left"));
    world.assert_held();
}

#[test]
fn what_a_dead_worker_had_done_is_done_again() {
    let job = word_count();
    let mut world = world(&job);
    while world.worker(W1).disk().outputs.is_empty() {
        world.go_on();
    }
    world.cut(W1);
    world.silence_is_noticed();
    world.go_on();
    assert!(world.marks.contains("map.lost_with_its_worker"));
    let ledger = world.coordinator().ledger();
    assert!(ledger.maps.values().all(|done| done.by.node == W2));
    world.finish();
    world.assert_is_as_if_sequential(&job);
}

#[test]
fn whoever_was_taken_for_dead_begins_another_life() {
    let job = word_count();
    let mut world = world(&job);
    world.go_on();
    world.cut(W1);
    world.silence_is_noticed();
    world.heal();
    world.go_on();
    assert_eq!(world.worker(W1).disk().life, Life(2));
    assert!(world.marks.contains("worker.came_back"));
    world.finish();
    world.assert_is_as_if_sequential(&job);
}

#[test]
fn a_coordinator_that_restarts_goes_on_where_it_was() {
    let job = word_count();
    let mut world = world(&job);
    for _ in 0..30 {
        world.crash(COORDINATOR);
        world.go_on();
        let before = world.durable(COORDINATOR).clone();
        world.restart(COORDINATOR);
        assert_ne!(world.durable(COORDINATOR), &before, "it began another life");
        world.go_on();
    }
    world.finish();
    world.assert_is_as_if_sequential(&job);
}

#[test]
fn an_output_is_visible_once_though_the_store_says_so_to_nobody() {
    let job = word_count();
    let mut world = world(&job);
    for _ in 0..30 {
        world.lose(is_published);
        for worker in [W1, W2] {
            let timers: Vec<_> = world.timers(worker).iter().copied().collect();
            for timer in timers {
                world.timeout(worker, timer);
            }
        }
        while let Some(place) = world.bag.iter().position(|it| !is_published(it)) {
            world.deliver(place);
        }
    }
    world.lose(is_published);
    assert!(!world.coordinator().is_done());
    world.crash(STORE);
    world.restart(STORE);
    world.finish();
    world.assert_is_as_if_sequential(&job);
}

#[test]
fn messages_that_come_twice_change_nothing() {
    let job = word_count();
    let mut world = world(&job);
    for _ in 0..60 {
        for place in 0..world.bag.len() {
            world.duplicate(place);
        }
        world.go_on();
    }
    world.finish();
    world.assert_is_as_if_sequential(&job);
}

/// A step may end after any of its effects; whoever goes down comes back at once.
#[test]
fn a_crash_between_any_two_effects_does_no_harm() {
    let job = word_count();
    for effects in 0..4 {
        let mut world = world(&job);
        for round in 0..40 {
            let node = [COORDINATOR, W1, STORE, W2][round % 4];
            world.crash_next_step_after(effects);
            world.go_on();
            world.crash_no_more();
            world.restart(node);
            for down in world.names() {
                world.restart(down);
            }
        }
        world.finish();
        world.assert_is_as_if_sequential(&job);
    }
}

#[test]
fn only_the_coordinator_knows_how_the_job_stands() {
    let mut world = world(&word_count());
    let asked = [STORE, COORDINATOR, W1].map(|node| world.invoke(node, Operation::Status));
    assert_eq!(world.outcomes[&asked[0]], None);
    assert_eq!(world.outcomes[&asked[2]], None);
    let status = world.outcomes[&asked[1]].clone().expect("it knows");
    assert_eq!(status.maps, (4, 0, 0));
    assert_eq!(
        status.to_string(),
        "maps 0 done, 0 running, 4 idle; reduces 0 done, 0 running, 2 idle; workers 0 alive, 0 dead"
    );
}

#[test]
fn a_visible_part_that_changes_is_found_out() {
    let mut world = world(&word_count());
    world.finish();
    world.assert_held();
    let Durable::Store(files) = world.durable_mut(STORE) else {
        panic!("the store has files");
    };
    let (_, file) = files.iter_mut().next().expect("a part");
    file.attempt.number += 1;
    world.crash(STORE);
    world.restart(STORE);
    let violation = world.violation.as_ref().expect("it is found");
    assert_eq!(violation.property, "published-once");
}

#[test]
fn stores_speak_only_when_they_are_asked() {
    let config = Config {
        job: word_count().into(),
        role: Role::Store,
        store: STORE,
        coordinator: COORDINATOR,
        tuning: Tuning::default(),
    };
    let world: World = Cluster::new(4, config);
    assert!(world.bag.is_empty());
    assert!(
        world
            .names()
            .into_iter()
            .all(|store| world.timers(store).is_empty())
    );
}
