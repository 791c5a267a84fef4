//! Handing over the leadership.

use snowglobe_systems::process::NodeId;
use snowglobe_systems::raft::{Message, Timer, marks};
use snowglobe_systems::replica::{Operation, Outcome};

use crate::story::{N1, N2, N3, World, world};

fn hand_over(
    world: &mut World,
    from: NodeId,
    to: NodeId,
) -> Option<Outcome<snowglobe_systems::ledger::Ledger>> {
    let call = world.invoke(from, Operation::TransferLeadership { to });
    world.outcome(call).cloned()
}

#[test]
fn the_target_takes_over_at_once_and_has_everything() {
    let mut world = world(3);
    world.elect(N1);
    world.cut(N2);
    let write = world.write(N1, 1);
    world.settle();
    assert!(world.is_written(write));
    world.heal();
    assert_eq!(
        hand_over(&mut world, N1, N2),
        Some(Outcome::TransferStarted)
    );
    assert_eq!(world.sent("TimeoutNow"), 0, "n2 lacks an entry");
    world.heartbeat(N1);
    assert!(world.leads(N2));
    assert!(world.marks.contains(marks::TRANSFER_COMPLETED));
    assert_eq!(world.count(N2), 1);
    assert!(!world.timers(N1).contains(&Timer::Transfer));
    world.assert_held();
}

#[test]
fn proposals_are_refused_until_the_leader_gives_up() {
    let mut world = world(3);
    world.elect(N1);
    hand_over(&mut world, N1, N3);
    world.bag.clear();
    let refused = world.write(N1, 1);
    assert_eq!(
        world.outcome(refused),
        Some(&Outcome::NotLeader { hint: Some(N3) })
    );
    assert!(world.timeout(N1, Timer::Transfer));
    assert!(world.marks.contains(marks::TRANSFER_ABANDONED));
    let write = world.write(N1, 2);
    world.settle();
    assert!(world.is_written(write));
    world.assert_held();
}

#[test]
fn a_lost_order_is_repeated() {
    let mut world = world(3);
    world.elect(N1);
    hand_over(&mut world, N1, N3);
    world.lose(|envelope| matches!(envelope.message, Message::TimeoutNow(_)));
    world.heartbeat(N1);
    assert!(world.leads(N3));
}

#[test]
fn an_order_of_an_older_term_is_obsolete() {
    let mut world = world(3);
    world.elect(N1);
    hand_over(&mut world, N1, N3);
    let late = std::mem::take(&mut world.bag);
    world.elect(N2);
    world.bag = late;
    world.settle();
    assert!(world.leads(N2));
    assert_eq!(world.term(N3), 2);
}

#[test]
fn nonsense_is_refused() {
    let mut world = world(3);
    world.elect(N1);
    assert_eq!(
        hand_over(&mut world, N1, N1),
        Some(Outcome::TransferRefused)
    );
    assert_eq!(
        hand_over(&mut world, N1, NodeId(9)),
        Some(Outcome::TransferRefused)
    );
    assert_eq!(
        hand_over(&mut world, N2, N3),
        Some(Outcome::NotLeader { hint: Some(N1) })
    );
    hand_over(&mut world, N1, N2);
    assert_eq!(
        hand_over(&mut world, N1, N3),
        Some(Outcome::TransferRefused)
    );
}
