//! What a storyteller sees of a cluster.

use snowglobe_systems::invariants::Violation;
use snowglobe_systems::ledger::Ledger;
use snowglobe_systems::process::NodeId;
use snowglobe_systems::raft::Term;
use snowglobe_systems::replica::Replica;

use super::words::Sentence;
use crate::scenarios::raft::{RaftWorld, leads};
use crate::world::Broken;

/// The leader of the highest term among those that are up and reach a
/// majority. Others may lead in their own eyes, and nobody cares.
pub(super) fn leader(world: &RaftWorld) -> Option<(NodeId, Term)> {
    world
        .node_ids()
        .filter(|id| world.is_running(*id))
        .filter_map(|id| {
            let process = world.process(id)?;
            leads(process).then(|| (process.raft().term(), id))
        })
        .filter(|(_, id)| within_reach(world, *id).count() > world.size() / 2)
        .max()
        .map(|(term, id)| (id, term))
}

/// Everybody that is up, and to whom messages of a node go and come back; itself too.
pub(super) fn within_reach(world: &RaftWorld, of: NodeId) -> impl Iterator<Item = NodeId> {
    world.node_ids().filter(move |id| {
        let network = world.network();
        let joined = *id == of || !network.is_cut(of, *id) && !network.is_cut(*id, of);
        world.is_running(*id) && joined
    })
}

/// Whether a node leads, and everybody in its reach is in its term and follows it.
pub(super) fn is_followed_by_all(world: &RaftWorld) -> bool {
    let Some((leader, term)) = leader(world) else {
        return false;
    };
    within_reach(world, leader)
        .filter_map(|id| world.process(id))
        .all(|process| process.raft().term() == term && process.raft().leader() == Some(leader))
}

/// Everybody that has voted for another in its term, and knows no leader of it.
pub(super) fn voters(world: &RaftWorld) -> Vec<NodeId> {
    let has_voted = |id: &NodeId| {
        world.process(*id).is_some_and(|process| {
            let raft = process.raft();
            raft.leader().is_none() && raft.vote().is_some_and(|vote| vote != *id)
        })
    };
    world.node_ids().filter(has_voted).collect()
}

fn up(world: &RaftWorld) -> impl Iterator<Item = &Replica<Ledger>> {
    world.node_ids().filter_map(|id| world.process(id))
}

/// How many nodes are up and within reach of the leader.
pub(super) fn in_reach_of_leader(world: &RaftWorld) -> usize {
    leader(world).map_or(world.size(), |(leader, _)| {
        within_reach(world, leader).count()
    })
}

/// How many nodes have applied the value at a position.
pub(super) fn have_applied(world: &RaftWorld, position: u64) -> usize {
    up(world)
        .filter(|process| process.machine().totals().count >= position)
        .count()
}

pub(super) fn most_applied(world: &RaftWorld) -> u64 {
    up(world)
        .map(|process| process.machine().totals().count)
        .max()
        .unwrap_or_default()
}

/// Whether everybody up has applied the same, at least `floor` values, and
/// nobody's log holds more.
pub(super) fn all_agree(world: &RaftWorld, floor: u64) -> bool {
    let mut states = up(world).map(|process| {
        let raft = process.raft();
        let applied_all = raft.applied() == raft.log().last().index;
        (process.machine().totals(), raft.log().last(), applied_all)
    });
    let Some(first) = states.next() else {
        return false;
    };
    first.2 && first.0.count >= floor && states.all(|state| state == first)
}

pub(super) fn nobody_leads(world: &RaftWorld) -> Result<(), Broken> {
    match up(world).find(|process| leads(process)) {
        None => Ok(()),
        Some(process) => Err(unlike(
            "no leader".to_owned(),
            format!("{} leads {}", process.raft().id(), process.raft().term()),
        )),
    }
}

pub(super) fn stays(was: Option<(NodeId, Term)>, is: Option<(NodeId, Term)>) -> Result<(), Broken> {
    let words = |leader: Option<(NodeId, Term)>| match leader {
        Some((id, term)) => format!("{id} leads {term}"),
        None => "nobody leads".to_owned(),
    };
    match was == is && was.is_some() {
        true => Ok(()),
        false => Err(unlike(
            format!("the leader to stay as it was: {}", words(was)),
            words(is),
        )),
    }
}

pub(super) fn nothing_new(was: u64, is: u64) -> Result<(), Broken> {
    match was == is {
        true => Ok(()),
        false => Err(unlike(
            format!("nothing to be applied after {was} values"),
            format!("{is} values"),
        )),
    }
}

/// What is so or not so at this moment.
pub(super) fn holds_now(world: &RaftWorld, sentence: &Sentence) -> Result<(), Broken> {
    match sentence {
        Sentence::LogHolds(most) => {
            let longest = up(world).map(|it| it.raft().log().len()).max().unwrap_or(0);
            within_bound(longest, *most, "entries in a log")
        }
        Sentence::DiskHolds(most) => {
            let fullest = world.node_ids().map(|id| world.disk_bytes(id)).max();
            within_bound(fullest.unwrap_or(0), *most, "bytes on a disk")
        }
        Sentence::HasSnapshot => match up(world).all(|it| it.raft().snapshot().is_some()) {
            true => Ok(()),
            false => Err(unlike(
                "a snapshot on every node".to_owned(),
                cluster(world),
            )),
        },
        _ => Ok(()),
    }
}

fn within_bound(found: usize, most: usize, what: &str) -> Result<(), Broken> {
    match found <= most {
        true => Ok(()),
        false => Err(unlike(format!("at most {most} {what}"), found.to_string())),
    }
}

pub(super) fn unlike(expected: String, found: String) -> Broken {
    Broken::Safety(Violation::new("story", [], expected, found))
}

/// Everybody in a few words.
pub(super) fn cluster(world: &RaftWorld) -> String {
    let nodes = world.node_ids().map(|id| match world.process(id) {
        Some(process) => format!("{id} {process}"),
        None => format!("{id} down"),
    });
    nodes.collect::<Vec<_>>().join(", ")
}
