//! How much may be under way to a peer at a time.

use snowglobe_systems::raft::Message;
use snowglobe_systems::replica::Config;

use crate::cluster::Cluster;
use crate::story::{N1, World, carries_entries};

#[test]
fn the_pipeline_does_not_wait_and_its_window_is_bounded() {
    let mut config = Config::of(3);
    config.raft.max_in_flight_entries = 5;
    config.raft.max_batch_entries = 4;
    let mut world: World = Cluster::new(3, config);
    world.elect(N1);
    for value in 0..12 {
        world.write(N1, value);
    }
    assert_eq!(
        world.sent("AppendEntries"),
        10,
        "five to each, one at a time"
    );
    world.deliver(0);
    let batch = world.bag.len();
    world.deliver(batch - 1);
    let largest = world
        .bag
        .iter()
        .filter_map(|envelope| match &envelope.message {
            Message::AppendEntries(message) => Some(message.entries.len()),
            _ => None,
        });
    assert!(largest.max() <= Some(4));
    world.settle();
    assert_eq!(world.commit(N1), 13);
    world.assert_held();
}

/// The first message of a window is lost, so that all others will be refused.
fn world_with_a_loss() -> World {
    let mut config = Config::of(2);
    config.raft.max_batch_entries = 1;
    let mut world: World = Cluster::new(2, config);
    world.elect(N1);
    for value in 0..60 {
        world.write(N1, value);
    }
    world.bag.remove(0);
    world
}

/// After a refusal no answer makes room for more than one message beside the one that it
/// acknowledges.
#[test]
fn a_window_opens_narrow_after_a_refusal() {
    let mut world = world_with_a_loss();
    let mut most = 0;
    let entries = |world: &World| world.bag.iter().filter(|it| carries_entries(it)).count();
    while !world.bag.is_empty() {
        let before = entries(&world);
        world.deliver(0);
        most = most.max(entries(&world).saturating_sub(before));
    }
    assert_eq!(world.commit(N1), 61);
    // The first answer after the refusal opens the window.
    assert_eq!(most, 4, "with one answer");
    world.assert_held();
}

#[test]
fn a_narrow_window_widens_with_each_acknowledgement() {
    let mut world = world_with_a_loss();
    world.settle();
    for value in 0..30 {
        world.write(N1, value);
    }
    let sent = world.bag.iter().filter(|it| carries_entries(it)).count();
    assert_eq!(sent, 30);
}
