//! What a storyteller sees of a cluster.

use snowglobe_systems::ledger::Ledger;
use snowglobe_systems::process::NodeId;
use snowglobe_systems::raft::Term;
use snowglobe_systems::replica::Replica;

use super::words::Sentence;
use crate::quorum;
use crate::raft::RaftWorld;
use snowglobe::scenarios::story::{unlike, within_bound};
use snowglobe::world::Broken;

fn up(world: &RaftWorld) -> impl Iterator<Item = &Replica<Ledger>> {
    world.node_ids().filter_map(|id| world.process(id))
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
    match quorum::rafts(world).find(|(_, raft)| raft.role().is_leader()) {
        None => Ok(()),
        Some((id, raft)) => Err(unlike(
            "no leader".to_owned(),
            format!("{id} leads {}", raft.term()),
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

/// Everybody in a few words.
pub(super) fn cluster(world: &RaftWorld) -> String {
    let nodes = world.node_ids().map(|id| match world.process(id) {
        Some(process) => format!("{id} {process}"),
        None => format!("{id} down"),
    });
    nodes.collect::<Vec<_>>().join(", ")
}
