//! Workers that hear nothing, and workers that nobody answers.

use std::time::Duration;

use snowglobe_systems::mapreduce::applications::{Unruly, WordCount};
use snowglobe_systems::mapreduce::{
    App, Attempt, MapId, Message, Partition, Report, Timer, Tuning,
};

use crate::story::{STORE, W1, W2, World, job_of, word_count, world};

#[test]
fn a_worker_that_is_down_hears_nothing_until_it_is_back() {
    let unruly = Unruly {
        inner: App::new("wc", WordCount),
        seed: 4,
        down_in_100: 100,
        slow_in_100: 0,
        slow: Duration::ZERO,
        executions: 1,
    };
    let job = job_of(App::new("unruly", unruly));
    let mut world = world(&job);
    world.settle();
    world.timeout(W1, Timer::Work);
    assert_eq!(world.worker(W1).at(), "down");
    world.bag.clear();
    let (epoch, number) = (1, 1);
    let fetch = Message::Fetch {
        attempt: Attempt { epoch, number },
        map: MapId(0),
        partition: Partition(0),
    };
    world.say(W2, W1, fetch.clone());
    assert!(world.bag.is_empty(), "it does not say that this is gone");
    world.timeout(W1, Timer::Back);
    world.bag.clear();
    world.say(W2, W1, fetch);
    assert!(matches!(world.bag[0].message, Message::Gone { .. }));
    world.finish();
    world.assert_is_as_if_sequential(&job);
}

/// What the worker's next ping says of the store.
fn says_that_the_store_is_silent(world: &mut World) -> bool {
    world.bag.clear();
    world.timeout(W1, Timer::Ping);
    match &world.bag[0].message {
        Message::Ping {
            report: Report::Busy {
                store_is_silent, ..
            },
            ..
        } => *store_is_silent,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_worker_says_that_the_store_is_silent_after_so_many_tries() {
    let mut world = world(&word_count());
    world.settle_but(|envelope| envelope.to == STORE);
    for _ in 0..Tuning::default().tries {
        assert!(!says_that_the_store_is_silent(&mut world));
        world.timeout(W1, Timer::Retry);
    }
    assert!(says_that_the_store_is_silent(&mut world));
    world.assert_held();
}
