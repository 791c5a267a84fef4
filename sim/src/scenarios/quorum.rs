//! Who leads, whom it reaches, and who follows: in any world whose nodes have
//! a Raft inside.

use std::time::Duration;

use snowglobe_systems::invariants::Invariants;
use snowglobe_systems::process::NodeId;
use snowglobe_systems::raft::invariants::RaftHost;
use snowglobe_systems::raft::{Config, Raft, Term};

use crate::world::World;

/// The Raft of a node, while it is up.
pub(super) fn raft<P: RaftHost, I: Invariants<P>>(
    world: &World<P, I>,
    id: NodeId,
) -> Option<&Raft<P::Command>> {
    world.process(id)?.raft()
}

/// Whether a node leads, in its own eyes.
pub(super) fn leads<P: RaftHost, I: Invariants<P>>(world: &World<P, I>, id: NodeId) -> bool {
    raft(world, id).is_some_and(|raft| raft.role().is_leader())
}

/// Every node that has a Raft and is up.
pub(super) fn rafts<P: RaftHost, I: Invariants<P>>(
    world: &World<P, I>,
) -> impl Iterator<Item = (NodeId, &Raft<P::Command>)> {
    world
        .node_ids()
        .filter_map(|id| Some((id, raft(world, id)?)))
}

/// The leader of the highest term among those that are up and reach a majority
/// of their voters. Others may lead in their own eyes, and nobody cares.
pub(super) fn leader<P: RaftHost, I: Invariants<P>>(world: &World<P, I>) -> Option<(NodeId, Term)> {
    rafts(world)
        .filter(|(id, raft)| world.is_running(*id) && raft.role().is_leader())
        .filter(|(id, raft)| within_reach(world, *id).count() > raft.voters().nodes().len() / 2)
        .map(|(id, raft)| (raft.term(), id))
        .max()
        .map(|(term, id)| (id, term))
}

/// Every voter that is up, and to whom messages of a node go and come back; itself too.
pub(super) fn within_reach<P: RaftHost, I: Invariants<P>>(
    world: &World<P, I>,
    of: NodeId,
) -> impl Iterator<Item = NodeId> {
    world.node_ids().filter(move |id| {
        let network = world.network();
        let joined = *id == of || !network.is_cut(of, *id) && !network.is_cut(*id, of);
        world.is_running(*id) && joined && raft(world, *id).is_some()
    })
}

/// How many voters are up and within reach of the leader; all nodes without one.
pub(super) fn in_reach_of_leader<P: RaftHost, I: Invariants<P>>(world: &World<P, I>) -> usize {
    leader(world).map_or(world.size(), |(leader, _)| {
        within_reach(world, leader).count()
    })
}

/// Whether a node leads, and everybody in its reach is in its term and follows it.
pub(super) fn is_followed_by_all<P: RaftHost, I: Invariants<P>>(world: &World<P, I>) -> bool {
    let Some((leader, term)) = leader(world) else {
        return false;
    };
    within_reach(world, leader)
        .filter_map(|id| raft(world, id))
        .all(|raft| raft.term() == term && raft.leader() == Some(leader))
}

/// Everybody that has voted for another in its term, and knows no leader of it.
pub(super) fn voters<P: RaftHost, I: Invariants<P>>(world: &World<P, I>) -> Vec<NodeId> {
    rafts(world)
        .filter(|(id, raft)| raft.leader().is_none() && raft.vote().is_some_and(|vote| vote != *id))
        .map(|(id, _)| id)
        .collect()
}

/// Whom a name means that every story of a replicated system knows; `None` if
/// it is another one.
pub(super) fn who<P: RaftHost, I: Invariants<P>>(
    world: &World<P, I>,
    name: &str,
) -> Option<Vec<NodeId>> {
    let leader = leader(world).map(|(id, _)| id);
    let followers = || {
        let leader = leader.into_iter();
        leader.flat_map(|leader| within_reach(world, leader).filter(move |id| *id != leader))
    };
    match name {
        "leader" => Some(leader.into_iter().collect()),
        "followers" => Some(followers().collect()),
        "follower" => Some(followers().take(1).collect()),
        "leaders" => Some(
            world
                .node_ids()
                .filter(|id| world.is_running(*id) && leads(world, *id))
                .collect(),
        ),
        "voters" => Some(voters(world)),
        _ => None,
    }
}

/// The names that [`who`] knows.
pub(super) const NAMES: [&str; 5] = ["leader", "followers", "follower", "leaders", "voters"];

/// Tunes elections: timeouts are drawn between the shortest and so much more,
/// and a leader tells that it lives three times as often.
pub(super) fn tune(config: &mut Config, shortest: Duration, spread: Duration) {
    config.election_timeout = shortest..shortest + spread;
    config.heartbeat_interval = shortest / 3;
    config.quorum_check_interval = shortest + spread;
    config.transfer_timeout = shortest + spread;
}
