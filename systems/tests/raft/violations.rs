//! The invariants can fail: each story breaks something by hand.

use snowglobe_systems::invariants::{ClusterView, Invariants, NodeView, Violation};
use snowglobe_systems::ledger::Place;
use snowglobe_systems::process::{Effect, InvocationId, NodeId};
use snowglobe_systems::raft::invariants::RaftInvariants;
use snowglobe_systems::raft::{
    AppendEntries, Attempt, LogIndex, Message, PreVoteReply, RequestVoteReply, Round, Term, Timer,
    Write,
};
use snowglobe_systems::replica::{Outcome, SessionLimits};

use crate::cluster::Envelope;
use crate::story::{N1, N2, N3, Node, World, entry, log_id, n3_missed_a_committed_write, world};

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
            previous: log_id(1, 1),
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
        previous: log_id(1, 1),
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
        previous: log_id(1, 1),
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

/// Only the leader and n2 know that the write is committed. It must stay on n3's disk all the same.
#[test]
fn an_entry_that_others_know_to_be_committed_is_not_replaced_unseen() {
    let mut world = world(3);
    world.elect(N1);
    world.write(N1, 1);
    world.settle();
    assert_eq!((world.last(N3).index, world.commit(N3)), (LogIndex(2), 1));
    let overwrite = Effect::Persist(Write::Append {
        first: LogIndex(2),
        entries: vec![entry(2, 9)],
    });
    let view = crate::leadership::Nodes(&world);
    let mut invariants = world.invariants.clone();
    let violation = Invariants::<Node>::stepped(&mut invariants, &view, N3, &[overwrite]);
    assert_eq!(
        violation.expect_err("it was committed").property,
        "committed-never-replaced"
    );
}

pub(crate) fn acknowledges(index: u64, term: u64) -> Effect<Node> {
    Effect::Return {
        invocation: InvocationId(1),
        outcome: Outcome::Written {
            index: LogIndex(index),
            term: Term(term),
            response: Place(1),
        },
    }
}

#[test]
fn an_answer_for_another_entry_than_the_committed_is_noticed() {
    let mut world = world(3);
    world.elect(N1);
    world.write(N1, 1);
    world.settle();
    let view = crate::leadership::Nodes(&world);
    let told = |effect| {
        let mut invariants = world.invariants.clone();
        Invariants::<Node>::executed(&mut invariants, &view, N1, &effect)
    };
    assert_eq!(told(acknowledges(2, 1)), Ok(()));
    let violation = told(acknowledges(2, 7)).expect_err("i2 is of t1");
    assert_eq!(violation.property, "acknowledged-is-committed");
    let violation = told(acknowledges(3, 1)).expect_err("there is no i3");
    assert_eq!(violation.property, "acknowledged-is-applied");
}

/// Whoever has seen no leader commit an entry takes nobody's word for it.
#[test]
fn an_answer_for_an_entry_that_nobody_has_committed_is_noticed() {
    let mut config = snowglobe_systems::replica::Config::of(1);
    config.snapshot_after_entries = Some(2);
    config.raft.compaction_tail_entries = 0;
    let mut world: World = crate::cluster::Cluster::new(1, config);
    world.elect(N1);
    for value in 0..5 {
        world.write(N1, value);
    }
    let view = crate::leadership::Nodes(&world);
    let mut unaware = RaftInvariants::default();
    let told = Invariants::<Node>::executed(&mut unaware, &view, N1, &acknowledges(1, 1));
    assert_eq!(
        told.expect_err("nobody was seen to commit it").property,
        "acknowledged-is-committed"
    );
}

/// n1 as it is in one world, and n2 as it is in another.
struct Mixed<'a>(&'a World, &'a World);

impl ClusterView<Node> for Mixed<'_> {
    fn len(&self) -> usize {
        3
    }
    fn node(&self, id: NodeId) -> NodeView<'_, Node> {
        let world = if id == N1 { self.0 } else { self.1 };
        NodeView {
            process: Some(world.node(id)),
            durable: world.durable(id),
        }
    }
}

#[test]
fn two_states_after_the_same_entry_are_noticed() {
    let write = |value| {
        let mut world = world(3);
        world.elect(N1);
        world.write(N1, value);
        world.settle();
        world
    };
    let (one, mut other) = (write(5), write(6));
    other.heartbeat(N1);
    let mut invariants = one.invariants.clone();
    let mixed = Mixed(&one, &other);
    let violation = Invariants::<Node>::settled(&mut invariants, &mixed, N2);
    assert_eq!(
        violation.expect_err("other values").property,
        "same-state-everywhere"
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
        snowglobe_systems::replica::Sessions::<Place>::default(),
        SessionLimits::default(),
    ));
    let snapshot = world.durable_mut(N1).snapshot.as_mut().expect("a snapshot");
    snapshot.data = empty.expect("encodes").into();
    world.restart(N1);
    assert_eq!(broken(&world).property, "same-snapshot-everywhere");
}
