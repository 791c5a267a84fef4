//! Who leads, whom it reaches, and who follows: in any world whose nodes elect
//! leaders. Several clusters may share one, and then one of them is asked
//! about by naming its voters.

#[cfg(test)]
mod tests;

use std::time::Duration;

use snowglobe_systems::invariants::Invariants;
use snowglobe_systems::process::NodeId;
use snowglobe_systems::raft::invariants::RaftHost;
use snowglobe_systems::raft::{Config, HasLeader, LeaderInfo, Raft, Term};
use snowglobe_systems::replica;

use snowglobe::world::World;

/// Every node that has a Raft and is up.
pub(super) fn rafts<P: RaftHost, I: Invariants<P>>(
    world: &World<P, I>,
) -> impl Iterator<Item = (NodeId, &Raft<P::Command>)> {
    world
        .node_ids()
        .filter_map(|id| Some((id, world.process(id)?.part()?)))
}

fn everybody<P: HasLeader, I: Invariants<P>>(world: &World<P, I>) -> Vec<NodeId> {
    world.node_ids().collect()
}

/// Where a node stands in its cluster, while it is up.
fn leader_info<P: HasLeader, I: Invariants<P>>(
    world: &World<P, I>,
    id: NodeId,
) -> Option<LeaderInfo<'_>> {
    world.process(id)?.leader_info()
}

/// Whether a node leads, in its own eyes.
pub(super) fn leads<P: HasLeader, I: Invariants<P>>(world: &World<P, I>, id: NodeId) -> bool {
    leader_info(world, id).is_some_and(|info| info.leads)
}

/// The leader of the highest term among those that are up and reach a majority
/// of their voters. Others may lead in their own eyes, and nobody cares.
pub(super) fn leader<P: HasLeader, I: Invariants<P>>(
    world: &World<P, I>,
) -> Option<(NodeId, Term)> {
    leader_among(world, &everybody(world))
}

/// As [`leader`], of the cluster of these voters.
pub(super) fn leader_among<P: HasLeader, I: Invariants<P>>(
    world: &World<P, I>,
    voters: &[NodeId],
) -> Option<(NodeId, Term)> {
    voters
        .iter()
        .copied()
        .filter(|id| world.is_running(*id))
        .filter_map(|id| Some((id, leader_info(world, id)?)))
        .filter(|(_, info)| info.leads)
        .filter(|(id, info)| within_reach(world, *id).count() >= info.voters.quorum())
        .map(|(id, info)| (info.term, id))
        .max()
        .map(|(term, id)| (id, term))
}

/// Every voter of a node's cluster that is up, and to whom messages of the node
/// go and come back; itself too.
pub(super) fn within_reach<P: HasLeader, I: Invariants<P>>(
    world: &World<P, I>,
    of: NodeId,
) -> impl Iterator<Item = NodeId> {
    let own = leader_info(world, of).map(|info| info.voters);
    world.node_ids().filter(move |id| {
        let network = world.network();
        let joined = *id == of || !network.is_cut(of, *id) && !network.is_cut(*id, of);
        let voters = || leader_info(world, *id).map(|info| info.voters);
        world.is_running(*id) && joined && own.is_some() && voters() == own
    })
}

/// How many voters are up and within reach of the leader; all nodes without one.
pub(super) fn in_reach_of_leader<P: HasLeader, I: Invariants<P>>(world: &World<P, I>) -> usize {
    leader(world).map_or(world.size(), |(leader, _)| {
        within_reach(world, leader).count()
    })
}

/// Whether a node leads, and everybody in its reach is in its term and follows it.
pub(super) fn is_followed_by_all<P: HasLeader, I: Invariants<P>>(world: &World<P, I>) -> bool {
    is_followed_by_all_among(world, &everybody(world))
}

/// As [`is_followed_by_all`], in the cluster of these voters.
pub(super) fn is_followed_by_all_among<P: HasLeader, I: Invariants<P>>(
    world: &World<P, I>,
    voters: &[NodeId],
) -> bool {
    let Some((leader, term)) = leader_among(world, voters) else {
        return false;
    };
    within_reach(world, leader)
        .filter_map(|id| leader_info(world, id))
        .all(|info| info.term == term && info.leader == Some(leader))
}

/// Everybody that has voted for another in its term, and knows no leader of it.
pub(super) fn voters<P: HasLeader, I: Invariants<P>>(world: &World<P, I>) -> Vec<NodeId> {
    voters_among(world, &everybody(world))
}

fn voters_among<P: HasLeader, I: Invariants<P>>(
    world: &World<P, I>,
    nodes: &[NodeId],
) -> Vec<NodeId> {
    let has_voted = |id: &NodeId| {
        leader_info(world, *id)
            .is_some_and(|info| info.leader.is_none() && info.vote.is_some_and(|vote| vote != *id))
    };
    nodes.iter().copied().filter(has_voted).collect()
}

/// Whom a name means that every story of a replicated system knows; `None` if
/// it is another one.
pub(super) fn who<P: HasLeader, I: Invariants<P>>(
    world: &World<P, I>,
    name: &str,
) -> Option<Vec<NodeId>> {
    who_among(world, name, &everybody(world))
}

/// As [`who`], in the cluster of these voters.
pub(super) fn who_among<P: HasLeader, I: Invariants<P>>(
    world: &World<P, I>,
    name: &str,
    nodes: &[NodeId],
) -> Option<Vec<NodeId>> {
    let leader = leader_among(world, nodes).map(|(id, _)| id);
    let followers = || {
        let leader = leader.into_iter();
        leader.flat_map(|leader| within_reach(world, leader).filter(move |id| *id != leader))
    };
    let leads = |id: &NodeId| world.is_running(*id) && leads(world, *id);
    match name {
        "leader" => Some(leader.into_iter().collect()),
        "followers" => Some(followers().collect()),
        "follower" => Some(followers().take(1).collect()),
        "leaders" => Some(nodes.iter().copied().filter(leads).collect()),
        "voters" => Some(voters_among(world, nodes)),
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

/// Who of those that are well lags behind the leader of its cluster, if anybody does.
/// A leader that is not among them may lack a link to some, and still be followed by
/// a majority: nobody replaces it, and those cannot catch up.
pub(super) fn lags<P: HasLeader, I: Invariants<P>>(
    world: &World<P, I>,
    well: &[NodeId],
) -> Option<String> {
    well.iter().copied().find_map(|id| {
        let own = leader_info(world, id)?;
        let votes = |id: &NodeId| leader_info(world, *id).is_some_and(|it| it.voters == own.voters);
        let voters: Vec<NodeId> = world.node_ids().filter(votes).collect();
        let Some((leader, _)) = leader_among(world, &voters) else {
            return Some(format!("{id} has no leader"));
        };
        if !well.contains(&leader) && within_reach(world, leader).all(|it| it != id) {
            return None;
        }
        let (applied, goal) = (own.applied, leader_info(world, leader)?.applied);
        (applied < goal).then(|| format!("{id} is at {applied}, and its leader {leader} at {goal}"))
    })
}

/// Sets the bounds of a replica that a scenario says; the others stay the library's.
pub(super) fn bound(
    config: &mut replica::Config,
    snapshot_chunk_bytes: Option<usize>,
    compaction_tail: Option<usize>,
    max_pending: Option<usize>,
) {
    if let Some(bytes) = snapshot_chunk_bytes {
        config.raft.snapshot_chunk_bytes = bytes;
        config.raft.snapshot_window_bytes = 4 * bytes;
    }
    if let Some(entries) = compaction_tail {
        config.raft.compaction_tail_entries = entries;
    }
    if let Some(entries) = max_pending {
        config.max_pending_entries = entries;
    }
}
