//! Servers that are called directly, and what servers and clerks do not listen to.

use snowglobe_systems::kv::{Message, Node, Operation, Outcome};
use snowglobe_systems::process::{InvocationId, NodeId, Process as _};
use snowglobe_systems::raft::{self, LogIndex, Term, TimeoutNow};
use snowglobe_systems::replica;
use snowglobe_systems::service::{Call, Config, Timer};

use crate::cluster::{Cluster, Envelope};
use crate::story::{ANN, BOB, N1, N2, N3, World, server, world, world_led_by_n1};

fn transfer(world: &mut World, from: NodeId, to: NodeId) -> InvocationId {
    world.invoke(from, Operation::TransferLeadership { to })
}

#[test]
fn a_cluster_needs_no_clerks() {
    let mut world: World = Cluster::new(3, Config::Server(server()));
    world.elect(N1);
    let write = world.append(N1, "a");
    assert_eq!(world.outcome(write), None, "not before others have it");
    world.settle();
    world.assert_done(write);
    let read = world.get(N1);
    world.settle();
    world.assert_read(read, "a");
    assert!(world.sessions(N1).is_empty(), "nobody asked for a session");
    assert_eq!(world.node(N1).to_string(), "L t1 i2/2");
    world.assert_held();
}

#[test]
fn a_server_called_twice_writes_twice() {
    let mut world = world_led_by_n1();
    world.append(N1, "a");
    world.append(N1, "a");
    world.settle();
    assert_eq!(world.text(N1), "aa");
    world.assert_held();
}

#[test]
fn a_follower_sends_callers_away() {
    let mut world = world_led_by_n1();
    let calls = [
        world.append(N2, "a"),
        world.get(N2),
        transfer(&mut world, N2, N3),
    ];
    let elsewhere = Outcome::NotHere { hint: Some(N1) };
    for call in calls {
        assert_eq!(world.outcome(call), Some(&elsewhere));
    }
    assert!(world.bag.is_empty(), "nothing happens");
}

#[test]
fn a_server_without_a_leader_has_no_hint() {
    let mut world = world();
    let call = world.append(N1, "a");
    let nowhere = Outcome::NotHere { hint: None };
    assert_eq!(world.outcome(call), Some(&nowhere));
}

#[test]
fn a_leader_that_is_deposed_knows_nothing_of_its_pending_writes() {
    let mut world = world_led_by_n1();
    let write = world.append(N1, "a");
    let read = world.get(N1);
    world.bag.clear();
    world.cut(N1);
    world.elect(N2);
    assert_eq!(world.outcome(write), None);
    assert_eq!(world.replica(N1).pending(), 2);
    world.heal();
    world.heartbeat(N2);
    assert_eq!(world.outcome(write), Some(&Outcome::Indeterminate));
    let elsewhere = Outcome::NotHere { hint: Some(N2) };
    assert_eq!(
        world.outcome(read),
        Some(&elsewhere),
        "a read changes nothing"
    );
    assert_eq!(world.replica(N1).pending(), 0);
    world.assert_held();
}

#[test]
fn a_leader_that_hears_nobody_gives_its_callers_up() {
    let mut world = world_led_by_n1();
    let write = world.append(N1, "a");
    world.bag.clear();
    for _ in 0..2 {
        world.timeout(N1, Timer::Raft(raft::Timer::QuorumCheck));
    }
    assert!(!world.leads(N1));
    assert_eq!(world.outcome(write), Some(&Outcome::Indeterminate));
    // It may still happen: who has it may win.
    world.elect(N1);
    assert_eq!(world.text(N1), "a");
    world.assert_held();
}

#[test]
fn a_leader_hands_over_to_a_peer() {
    let mut world = world_led_by_n1();
    let call = transfer(&mut world, N1, N2);
    assert_eq!(world.outcome(call), Some(&Outcome::TransferStarted));
    let busy = transfer(&mut world, N1, N3);
    assert_eq!(world.outcome(busy), Some(&Outcome::TransferRefused));
    world.settle();
    assert!(world.leads(N2) && !world.leads(N1));
    world.append_now(ANN, "a");
    assert_eq!(world.clerk(ANN).target(), N2, "Ann found out");
    world.assert_held();
}

#[test]
fn a_leader_hands_over_to_no_clerk_and_not_to_itself() {
    let mut world = world_led_by_n1();
    for to in [ANN, N1] {
        let call = transfer(&mut world, N1, to);
        assert_eq!(world.outcome(call), Some(&Outcome::TransferRefused));
    }
    assert!(world.leads(N1));
}

#[test]
fn during_a_transfer_clerks_wait_and_then_find_the_successor() {
    let mut world = world_led_by_n1();
    world.append_now(ANN, "a");
    transfer(&mut world, N1, N2);
    let call = world.append(ANN, "b");
    world.settle_until_answered(ANN, call);
    world.assert_done(call);
    assert!(world.leads(N2));
    assert_eq!(world.text(N2), "ab");
    world.assert_held();
}

#[test]
fn a_server_forgets_its_callers_when_it_crashes() {
    let mut world = world_led_by_n1();
    let write = world.append(N1, "a");
    world.crash(N1);
    world.restart(N1);
    world.elect(N1);
    world.settle();
    assert_eq!(world.text(N1), "a", "it was on n1's disk");
    assert_eq!(world.outcome(write), None, "whoever called is not known");
    world.assert_held();
}

#[test]
fn nodes_do_not_listen_to_what_is_not_for_their_kind() {
    let mut world = world_led_by_n1();
    let call = Call {
        invocation: InvocationId(7),
        question: 1,
    };
    let session = replica::SessionId(LogIndex(1));
    let order = TimeoutNow { term: Term(9) };
    let raft = || Message::Raft(raft::Message::TimeoutNow(order.clone()));
    let ask = Message::Ask {
        call,
        operation: replica::Operation::OpenSession,
        relay: false,
    };
    let tell = Message::Tell {
        call,
        outcome: replica::Outcome::SessionOpened { session },
        relayed: false,
    };
    for (from, to, message) in [
        (N1, ANN, raft()),
        (BOB, ANN, ask),
        (ANN, N1, tell),
        (ANN, N2, raft()),
    ] {
        let before: Node = world.node(to).clone();
        world.bag.push_back(Envelope { from, to, message });
        world.deliver(0);
        assert_eq!(world.node(to), &before);
        assert!(world.bag.is_empty(), "and {to} does not answer");
    }
    // Nor is a timer of the other kind ever set.
    assert!(world.timers(ANN).is_empty());
    world.assert_held();
}

/// The world asks, to let faults hit leaders.
#[test]
fn a_server_leads_if_its_raft_does_and_a_clerk_never() {
    let world = world_led_by_n1();
    let leaders: Vec<NodeId> = world
        .names()
        .into_iter()
        .filter(|node| world.node(*node).leads())
        .collect();
    assert_eq!(leaders, [N1]);
}
