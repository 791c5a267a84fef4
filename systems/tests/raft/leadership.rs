//! What a leader may believe: late answers count for nothing, and each promise
//! about it is broken once by hand.

use snowglobe_systems::invariants::{ClusterView, NodeView};
use snowglobe_systems::raft::{
    AppendEntriesReply, AppendResult, LogIndex, Message, Round, Term, Timer,
};

use crate::cluster::Envelope;
use crate::story::{N1, N2, N3, Node, World, world};

/// All nodes of a world, as invariants see them.
pub(crate) struct Nodes<'a>(pub(crate) &'a World);

impl ClusterView<Node> for Nodes<'_> {
    fn len(&self) -> usize {
        self.0.names().len()
    }
    fn node(&self, id: snowglobe_systems::process::NodeId) -> NodeView<'_, Node> {
        NodeView {
            process: self.0.is_up(id).then(|| self.0.node(id)),
            durable: self.0.durable(id),
        }
    }
}

fn answers(world: &mut World, from: snowglobe_systems::process::NodeId, reply: AppendEntriesReply) {
    world.bag.push_front(Envelope {
        from,
        to: N1,
        message: Message::AppendEntriesReply(reply),
    });
    world.deliver(0);
}

/// n1 leads t1, is deposed, and leads t2; what was said to it in t1 is still on its way.
fn n1_leads_again() -> (World, Envelope<Node>) {
    let mut world = world(3);
    world.elect(N1);
    world.read(N1);
    // n2 hears the round of t1 late, when it is in t2 already.
    let late = |envelope: &Envelope<Node>| {
        envelope.to == N2 && matches!(envelope.message, Message::AppendEntries(_))
    };
    let place = world.bag.iter().position(late).expect("a round began");
    let round = world.bag.remove(place).expect("it is there");
    world.bag.clear();
    for _ in 0..2 {
        world.timeout(N1, Timer::QuorumCheck);
    }
    assert!(!world.leads(N1));
    world.elect(N1);
    assert_eq!(world.term(N1), 2);
    world.bag.push_back(round);
    world.deliver(0);
    let stale = world.bag.pop_back().expect("a refusal");
    (world, stale)
}

#[test]
fn an_answer_to_an_earlier_leadership_proves_nothing() {
    let (mut world, stale) = n1_leads_again();
    // n1 is cut off, and asks itself: only a round of t2 can prove that it leads.
    let read = world.read(N1);
    world.bag.clear();
    world.bag.push_back(stale);
    world.deliver(0);
    assert_eq!(world.outcome(read), None, "nobody has answered in t2");
    world.assert_held();
}

#[test]
fn an_answer_to_an_earlier_leadership_is_no_sign_of_life() {
    let (mut world, stale) = n1_leads_again();
    world.timeout(N1, Timer::QuorumCheck);
    world.bag.clear();
    world.bag.push_back(stale);
    world.deliver(0);
    world.timeout(N1, Timer::QuorumCheck);
    assert!(
        !world.leads(N1),
        "nobody was heard in t2 since the last check"
    );
    world.assert_held();
}

#[test]
fn a_grant_of_an_earlier_try_does_not_count() {
    let mut world = world(3);
    world.timeout(N1, Timer::Election);
    world.deliver(0);
    world.bag.retain(|envelope| envelope.to == N1);
    let late = world.bag.pop_back().expect("n2 would vote for it");
    world.timeout(N1, Timer::Election);
    world.bag.clear();
    world.bag.push_back(late);
    world.deliver(0);
    assert!(
        !world.is_candidate(N1),
        "nobody has answered the second try"
    );
    world.assert_held();
}

/// Tries are numbered anew in each life, so that a late grant may count for a later one. It promises
/// nothing, and is no broken promise.
#[test]
fn a_grant_of_an_earlier_life_may_count() {
    let mut world = world(3);
    world.timeout(N1, Timer::Election);
    world.deliver(0);
    world.bag.retain(|envelope| envelope.to == N1);
    let late = world.bag.pop_back().expect("n2 would vote for it");
    world.crash(N1);
    world.restart(N1);
    world.timeout(N1, Timer::Election);
    world.bag.clear();
    world.bag.push_back(late);
    world.deliver(0);
    assert!(world.is_candidate(N1));
    world.assert_held();
}

/// However much a leader was told, nothing of it is remembered when it leads no more: what is told
/// in a term counts in that term alone, and a state that remembers it is another state.
#[test]
fn what_a_leader_was_told_is_forgotten_with_its_leadership() {
    let told = |rounds: usize| {
        let mut world = world(3);
        world.elect(N1);
        world.heartbeat(N1);
        for _ in 0..rounds {
            world.read(N1);
            world.settle();
        }
        world
    };
    let depose = |world: &mut World| {
        for _ in 0..2 {
            world.timeout(N1, Timer::QuorumCheck);
        }
        assert!(!world.leads(N1));
    };
    let (mut one, mut other) = (told(1), told(3));
    assert_ne!(one.invariants, other.invariants, "rounds were echoed");
    depose(&mut one);
    depose(&mut other);
    assert_eq!(one.invariants, other.invariants);
}

fn reply(term: u64, round: u64, matched: u64) -> AppendEntriesReply {
    AppendEntriesReply {
        term: Term(term),
        asked_in: Term(term),
        round: Round(round),
        result: AppendResult::Matched(LogIndex(matched)),
    }
}

#[test]
fn a_round_that_nobody_echoed_is_noticed() {
    let mut world = world(3);
    world.elect(N1);
    world.read(N1);
    world.bag.clear();
    answers(&mut world, N2, reply(1, 1, 1));
    assert_eq!(world.broken[0], "round-was-echoed");
}

#[test]
fn a_match_that_nobody_acknowledged_is_noticed() {
    let mut world = world(3);
    world.elect(N1);
    world.write(N1, 1);
    world.bag.clear();
    answers(&mut world, N3, reply(1, 0, 2));
    assert_eq!(world.broken[0], "match-was-acknowledged");
    assert!(
        world.broken.contains(&"committed-on-majority"),
        "{:?}",
        world.broken
    );
}

#[test]
fn a_tail_that_was_not_replaced_is_not_acknowledged() {
    let mut world = world(3);
    world.crash(N3);
    world.plant(N3, 1, &[1, 1]);
    for node in [N1, N2] {
        world.crash(node);
        world.plant(node, 1, &[1]);
        world.restart(node);
    }
    world.elect(N1);
    world.write(N1, 7);
    world.settle();
    // n3 has an entry of t1 where n1 has its no-op of t2, and says that they agree.
    let view = Nodes(&world);
    let effect = snowglobe_systems::process::Effect::Send {
        to: N1,
        message: Message::AppendEntriesReply(reply(2, 0, 2)),
    };
    let mut disk = world.durable(N3).clone();
    disk.term = Term(2);
    let forged = Forged(&view, &disk);
    let mut invariants = world.invariants.clone();
    let told = snowglobe_systems::invariants::Invariants::<Node>::executed(
        &mut invariants,
        &forged,
        N3,
        &effect,
    );
    assert_eq!(
        told.expect_err("not the same entry").property,
        "persist-before-send"
    );
}

/// A world in which n3 has another disk.
struct Forged<'a>(
    &'a Nodes<'a>,
    &'a <Node as snowglobe_systems::process::Process>::Durable,
);

impl ClusterView<Node> for Forged<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }
    fn node(&self, id: snowglobe_systems::process::NodeId) -> NodeView<'_, Node> {
        match id {
            N3 => NodeView {
                process: Some(self.0.0.node(N1)),
                durable: self.1,
            },
            other => self.0.node(other),
        }
    }
}
