//! The invariants can fail: each story breaks something by hand.

use snowglobe_systems::invariants::{Invariants, Violation};
use snowglobe_systems::process::Effect;
use snowglobe_systems::raft::{
    AppendEntries, Attempt, LogIndex, Message, PreVoteReply, RequestVoteReply, Round, Term, Timer,
};
use snowglobe_systems::replica::SessionLimits;

use crate::cluster::Envelope;
use crate::story::{N1, N2, N3, Node, World, entry, n3_missed_a_committed_write, position, world};

fn broken(world: &World) -> &Violation {
    world.violation.as_ref().expect("a broken promise")
}

#[test]
fn a_forged_vote_makes_two_leaders() {
    let mut world = world(3);
    for node in [N1, N2] {
        world.timeout(node, Timer::Election);
    }
    world.deliver_until(|world| world.is_candidate(N1) && world.is_candidate(N2));
    world.bag.clear();
    for to in [N1, N2] {
        let message = Message::RequestVoteReply(RequestVoteReply {
            term: Term(1),
            granted: true,
        });
        let from = N3;
        world.bag.push_back(Envelope { from, to, message });
        world.deliver(0);
        world.bag.clear();
    }
    // Each by itself is a leader whom nobody elected.
    assert_eq!(
        broken(&world).to_string(),
        "elected-by-majority: expected n1, leader of t1, to have the votes of 2, found 1 voted \
         for it on [n1]"
    );
    assert!(
        world.broken.contains(&"election-safety"),
        "{:?}",
        world.broken
    );
}

#[test]
fn a_lost_vote_is_noticed_at_the_restart() {
    let mut world = world(3);
    world.elect(N1);
    world.crash(N2);
    world.durable_mut(N2).vote = None;
    world.restart(N2);
    assert_eq!(broken(&world).property, "vote-survives-crash");
}

#[test]
fn a_lost_entry_is_noticed_at_the_restart() {
    let mut world = world(3);
    world.elect(N1);
    world.write(N1, 1);
    world.settle();
    world.heartbeat(N1);
    world.crash(N2);
    world.durable_mut(N2).log.replace_from(LogIndex(2), &[]);
    world.restart(N2);
    let violation = broken(&world);
    assert_eq!(violation.property, "committed-survives");
    assert!(violation.expected.contains("i2@t1"), "{violation}");
}

#[test]
fn a_disk_that_differs_from_memory_is_noticed() {
    let mut world = world(3);
    world.elect(N1);
    world.durable_mut(N1).term = Term(0);
    world.timeout(N1, Timer::Heartbeat);
    assert!(["persist-before-send", "state-is-persisted"].contains(&broken(&world).property));
}

#[test]
fn two_entries_with_one_name_are_noticed() {
    let mut world = world(3);
    world.elect(N1);
    for (to, value) in [(N2, 1), (N3, 2)] {
        let message = Message::AppendEntries(AppendEntries {
            term: Term(1),
            previous: position(1, 1),
            entries: vec![entry(1, value)],
            commit: LogIndex(1),
            round: Round(0),
        });
        world.bag.push_front(Envelope {
            from: N1,
            to,
            message,
        });
        world.deliver(0);
    }
    assert_eq!(broken(&world).property, "log-matching");
}

#[test]
fn a_commit_without_a_majority_is_noticed() {
    let mut world = world(3);
    world.elect(N1);
    let message = Message::AppendEntries(AppendEntries {
        term: Term(1),
        previous: position(1, 1),
        entries: vec![entry(1, 5)],
        commit: LogIndex(2),
        round: Round(0),
    });
    world.bag.push_back(Envelope {
        from: N1,
        to: N2,
        message,
    });
    world.deliver(0);
    assert_eq!(broken(&world).property, "commit-is-known");
}

/// Figure 8: the leader of t3 has counted replicas of an entry of t1, and tells
/// a follower that it is committed.
#[test]
fn an_append_that_says_more_than_its_leader_knows_is_noticed() {
    let mut world = world(3);
    world.elect(N1);
    world.settle();
    let message = Message::AppendEntries(AppendEntries {
        term: Term(1),
        previous: position(1, 1),
        entries: vec![],
        commit: LogIndex(2),
        round: Round(0),
    });
    let view = crate::leadership::Nodes(&world);
    let effect = Effect::Send { to: N2, message };
    let mut invariants = world.invariants.clone();
    let violation = Invariants::<Node>::executed(&mut invariants, &view, N1, &effect);
    assert_eq!(
        violation.expect_err("n1 knows i1 only").property,
        "commit-is-known"
    );
}

#[test]
fn a_leader_that_lacks_a_committed_entry_is_noticed() {
    let mut world = n3_missed_a_committed_write();
    // n3 never had the write, but is told that n2 would vote for it, and does.
    world.timeout(N3, Timer::Election);
    world.bag.clear();
    let forged = [
        Message::PreVoteReply(PreVoteReply {
            term: Term(1),
            asked_in: Term(1),
            attempt: Attempt(1),
            granted: true,
        }),
        Message::RequestVoteReply(RequestVoteReply {
            term: Term(2),
            granted: true,
        }),
    ];
    for message in forged {
        let (from, to) = (N2, N3);
        world.bag.push_front(Envelope { from, to, message });
        world.deliver(0);
    }
    assert!(world.leads(N3));
    assert_eq!(broken(&world).property, "stands-after-pre-vote");
    assert!(
        world.broken.contains(&"leader-completeness"),
        "{:?}",
        world.broken
    );
}

#[test]
fn a_snapshot_that_lost_its_contents_is_noticed() {
    let mut config = snowglobe_systems::replica::Config::of(1);
    config.snapshot_after_entries = Some(2);
    let mut world: World = crate::cluster::Cluster::new(1, config);
    world.elect(N1);
    for value in 0..5 {
        world.write(N1, value);
    }
    world.assert_held();
    world.crash(N1);
    let empty = postcard::to_allocvec(&(
        snowglobe_systems::ledger::Ledger::default(),
        snowglobe_systems::replica::Sessions::<snowglobe_systems::ledger::Place>::default(),
        SessionLimits::default(),
    ));
    let snapshot = world.durable_mut(N1).snapshot.as_mut().expect("a snapshot");
    snapshot.data = empty.expect("encodes").into();
    world.restart(N1);
    assert_eq!(broken(&world).property, "same-snapshot-everywhere");
}
