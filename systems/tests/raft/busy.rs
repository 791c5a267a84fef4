//! How much a leader takes on at a time, and that it is turned away beyond that.

use snowglobe_systems::ledger::Record;
use snowglobe_systems::process::InvocationId;
use snowglobe_systems::raft::marks;
use snowglobe_systems::replica::{Config, Operation, Outcome};

use crate::cluster::Cluster;
use crate::story::{N1, N2, World};

/// Three nodes with other limits, and n1 leads.
fn world_with(limits: impl FnOnce(&mut Config)) -> World {
    let mut config = Config::of(3);
    limits(&mut config);
    let mut world: World = Cluster::new(3, config);
    world.elect(N1);
    world
}

fn write_of(world: &mut World, bytes: usize) -> InvocationId {
    let command = Record {
        value: 1,
        padding: vec![0; bytes],
    };
    let session = None;
    world.invoke(N1, Operation::Write { session, command })
}

fn is_busy(world: &World, call: InvocationId) -> bool {
    world.outcome(call) == Some(&Outcome::Busy)
}

#[test]
fn no_more_writes_are_taken_than_may_wait() {
    let mut world = world_with(|config| config.max_pending_entries = 2);
    let calls = [1, 2, 3].map(|value| world.write(N1, value));
    assert_eq!(
        calls.map(|call| is_busy(&world, call)),
        [false, false, true]
    );
    assert!(world.marks.contains(marks::BUSY));
    world.settle();
    assert!(world.is_written(calls[0]) && world.is_written(calls[1]));
    let later = world.write(N1, 4);
    world.settle();
    assert!(world.is_written(later));
    world.assert_held();
}

#[test]
fn no_more_bytes_are_taken_than_may_wait() {
    let mut world = world_with(|config| config.max_pending_bytes = 1000);
    let calls = [400, 700, 1].map(|bytes| write_of(&mut world, bytes));
    assert_eq!(
        calls.map(|call| is_busy(&world, call)),
        [false, false, true]
    );
    world.settle();
    let later = write_of(&mut world, 1);
    world.settle();
    assert!(world.is_written(later));
    world.assert_held();
}

#[test]
fn no_more_reads_are_taken_than_may_wait() {
    let mut world = world_with(|config| config.max_pending_reads = 2);
    let calls = [(); 3].map(|()| world.read(N1));
    assert_eq!(
        calls.map(|call| is_busy(&world, call)),
        [false, false, true]
    );
    world.settle();
    let later = world.read(N1);
    assert!(!is_busy(&world, later));
    world.assert_held();
}

/// It says who leads, and so where there may be room.
#[test]
fn whoever_does_not_lead_is_never_busy() {
    let mut world = world_with(|config| config.max_pending_entries = 1);
    let first = world.write(N1, 1);
    // n2 has the entry, and does not know that it is committed.
    world.deliver(0);
    let second = world.write(N2, 2);
    assert!(!is_busy(&world, first));
    let elsewhere = Outcome::NotLeader { hint: Some(N1) };
    assert_eq!(world.outcome(second), Some(&elsewhere));
}
