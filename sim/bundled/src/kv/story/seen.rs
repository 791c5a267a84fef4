//! What a storyteller sees of the servers.

use snowglobe_systems::kv::{Key, Node, Store};
use snowglobe_systems::process::Process;
use snowglobe_systems::replica::Replica;

use super::SUBMISSIONS;
use super::words::Sentence;
use crate::kv::KvWorld;
use snowglobe::scenarios::story::{unlike, within_bound};
use snowglobe::world::Broken;

fn up(world: &KvWorld) -> impl Iterator<Item = &Replica<Store>> {
    world
        .node_ids()
        .filter_map(|id| world.process(id).and_then(Node::replica))
}

/// Whether every server that is up has applied the same, and nothing is left to apply.
pub(super) fn servers_agree(world: &KvWorld) -> bool {
    let mut states = up(world).map(|replica| {
        let raft = replica.raft();
        let rest = raft.log().last().index.since(raft.applied());
        (raft.applied(), replica.machine(), rest)
    });
    let Some(first) = states.next() else {
        return false;
    };
    first.2 == 0 && states.all(|state| state == first)
}

/// What is so or not so at this moment.
pub(super) fn holds_now(world: &KvWorld, sentence: &Sentence) -> Result<(), Broken> {
    match sentence {
        Sentence::RaftStateHolds(most) => {
            let states = world.node_ids().map(|id| raft_state(world.durable(id)));
            within_bound(states.max().unwrap_or(0), *most, "bytes of raft state")
        }
        Sentence::SnapshotHolds(most) => {
            let sizes = up(world).filter_map(|it| Some(it.raft().snapshot()?.data.len()));
            within_bound(sizes.max().unwrap_or(0), *most, "bytes in a snapshot")
        }
        Sentence::HasSnapshot(wanted) => {
            match up(world).find(|it| it.raft().snapshot().is_some() != *wanted) {
                None => Ok(()),
                Some(other) => Err(unlike(
                    match wanted {
                        true => "a snapshot on every server".to_owned(),
                        false => "no snapshot on any server".to_owned(),
                    },
                    format!("{other}"),
                )),
            }
        }
        Sentence::NoSubmissionApplied => {
            let key = Key::from(SUBMISSIONS);
            match up(world).find_map(|it| it.machine().get(&key)) {
                None => Ok(()),
                Some(applied) => Err(unlike(
                    "no submission to be applied".to_owned(),
                    applied.to_owned(),
                )),
            }
        }
        _ => Ok(()),
    }
}

/// What a server has persisted besides its snapshot, in encoded bytes.
fn raft_state(durable: &<Node as Process>::Durable) -> usize {
    let all = postcard::to_allocvec(durable).expect("plain data is encoded");
    let snapshot = durable.snapshot.as_ref().map_or(0, |it| it.data.len());
    all.len() - snapshot
}
