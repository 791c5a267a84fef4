//! The worlds in which canaries begin, and what nodes say and write in them.

use snowglobe_systems::ledger::Record;
use snowglobe_systems::process::{Durable as _, Effect, NodeId};
use snowglobe_systems::raft::{
    AppendEntries, AppendEntriesReply, AppendResult, LogIndex, Message, Round, Snapshot, Term,
    Timer, Write,
};
use snowglobe_systems::replica::{Config, Request};

use crate::canary::Said;
use crate::cluster::{Cluster, Envelope};
use crate::story::{N1, N2, N3, Node, World, entry, log_id, world};
use crate::tableau::{Disk, Words};

/// n1 leads t1, and its no-op is committed.
pub(super) fn led() -> World {
    let mut world = world(3);
    world.elect(N1);
    world.settle();
    world
}

/// And a write is on all disks. Only n1 knows that it is committed.
pub(super) fn written() -> World {
    wrote(1)
}

pub(super) fn wrote(value: u64) -> World {
    let mut world = led();
    world.write(N1, value);
    world.settle();
    assert_eq!((world.commit(N1), world.commit(N2)), (2, 1));
    world
}

/// The write is on all disks, and nobody knows that it is: the answers are lost.
pub(super) fn unanswered() -> World {
    let mut world = led();
    world.write(N1, 1);
    world.deliver_until(|world| {
        world.last(N2).index == world.last(N3).index && world.last(N3).index == LogIndex(2)
    });
    world.bag.clear();
    assert_eq!(world.commit(N1), 1);
    world
}

/// Everybody knows that the write is committed.
pub(super) fn known() -> World {
    let mut world = written();
    world.heartbeat(N1);
    assert_eq!(world.commit(N2), 2);
    world
}

/// n3 leads t2, and has its no-op where n1 has a write in the other worlds.
pub(super) fn led_by_n3() -> World {
    let mut world = led();
    world.elect(N3);
    world.heartbeat(N3);
    assert_eq!((world.term(N3), world.commit(N2)), (2, 2));
    world
}

/// Six writes, a snapshot at least every four entries, and so long a tail before it.
pub(super) fn compacted(snapshots: bool, tail: usize) -> World {
    let mut config = Config::of(3);
    config.snapshot_after_entries = snapshots.then_some(4);
    config.raft.compaction_tail_entries = tail;
    let mut world: World = Cluster::new(3, config);
    world.elect(N1);
    for value in 0..6 {
        world.write(N1, value);
        world.settle();
    }
    world.heartbeat(N1);
    world.heartbeat(N1);
    world.assert_held();
    world
}

/// A node that begins another life with its disk changed.
pub(super) fn reborn(mut world: World, id: NodeId, change: impl FnOnce(&mut Disk)) -> World {
    world.assert_held();
    world.crash(id);
    change(world.durable_mut(id));
    world.restart(id);
    world
}

/// n2 knows that the write is committed, and n1 is cut off.
pub(super) fn known_but_lost() -> World {
    let mut world = unanswered();
    let message = append(2, 2);
    // What n1 would say if it had heard the answers.
    let (from, to) = (N1, N2);
    world.bag.push_back(Envelope { from, to, message });
    world.deliver(0);
    world.bag.clear();
    world.violation = None;
    assert_eq!(world.commit(N2), 2);
    world
}

/// n2 has just won t2, and nobody has heard so.
pub(super) fn won_by_n2(mut world: World) -> World {
    world.timeout(N3, Timer::Election);
    world.bag.clear();
    world.timeout(N2, Timer::Election);
    world.deliver_until(|world| world.leads(N2));
    world
}

/// The bytes of a snapshot of a world in which some value was written.
pub(super) fn state_of(value: u64) -> Vec<u8> {
    let mut config = Config::of(1);
    config.snapshot_after_entries = Some(1);
    let mut world: World = Cluster::new(1, config);
    world.elect(N1);
    world.write(N1, value);
    let snapshot = world.durable(N1).snapshot.as_ref();
    snapshot.expect("it was taken").data.to_vec()
}

/// n3 begins from a snapshot at i2.
pub(super) fn n3_begins_at(data: &[u8], term: u64) -> World {
    reborn(world(3), N3, |disk| {
        (disk.term, disk.vote) = (Term(term), None);
        if term == 1 {
            disk.vote = Some(N1);
        }
        let last = log_id(2, term);
        let data = data.into();
        let snapshot = Snapshot { last, data };
        let base = last;
        disk.apply(&Write::Snapshot { snapshot, base });
    })
}

/// The first promise that was broken in a world.
pub(super) fn first(world: &World) -> Said {
    world.violation.clone().map_or(Ok(()), Err)
}

pub(super) fn append(previous: u64, commit: u64) -> Words {
    Message::AppendEntries(AppendEntries {
        term: Term(1),
        previous: log_id(previous, 1),
        entries: vec![],
        commit: LogIndex(commit),
        round: Round(0),
    })
}

pub(super) fn matched(index: u64) -> Words {
    Message::AppendEntriesReply(AppendEntriesReply {
        term: Term(1),
        asked_in: Term(1),
        round: Round(0),
        result: AppendResult::Matched(LogIndex(index)),
    })
}

pub(super) fn writes(first: u64, terms: &[u64]) -> Effect<Node> {
    let entries = terms.iter().map(|term| entry(*term, 7)).collect();
    let first = LogIndex(first);
    Effect::Persist(Write::Append { first, entries })
}

pub(super) fn hard_state(term: u64, vote: NodeId) -> Effect<Node> {
    let (term, vote) = (Term(term), Some(vote));
    Effect::Persist(Write::HardState { term, vote })
}

pub(super) fn snapshot_write(last: u64, base: u64) -> Effect<Node> {
    let (last, base) = (log_id(last, 1), log_id(base, 1));
    let data = [].as_slice().into();
    let snapshot = Snapshot { last, data };
    Effect::Persist(Write::Snapshot { snapshot, base })
}

pub(super) fn snapshot_of(last: u64) -> Write<Request<Record>> {
    let last = log_id(last, 1);
    let data = [].as_slice().into();
    let snapshot = Snapshot { last, data };
    let base = last;
    Write::Snapshot { snapshot, base }
}
