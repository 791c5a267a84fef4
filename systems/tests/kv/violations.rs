//! The service's invariants can fail: each story breaks something by hand.

use snowglobe_systems::invariants::{ClusterView, Invariants as _, NodeView, Violation};
use snowglobe_systems::kv::{Invariants, Message, Node, Response, Store};
use snowglobe_systems::process::{Durable, Effect, InvocationId, NodeId};
use snowglobe_systems::raft::{self, InstallSnapshot, LogId, LogIndex, Snapshot, Term, Write};
use snowglobe_systems::replica::{
    self, Applied, LastWrite, Sequence, Session, SessionId, SessionLimits,
};
use snowglobe_systems::service::Call;
use snowglobe_systems::vec_map::VecMap;

use crate::cluster::Envelope;
use crate::story::{ANN, N1, N2, N3, World, world, world_led_by_n1};

const SESSION: SessionId = SessionId(LogIndex(2));

fn broken(world: &World) -> &Violation {
    world.violation.as_ref().expect("a broken promise")
}

fn log_id(index: u64) -> LogId {
    LogId::new(LogIndex(index), Term(1))
}

/// A snapshot of a replica whose only session wrote its last write at an index.
pub(crate) fn snapshot(last: u64, sequence: u64, index: u64) -> Snapshot {
    let last_write = LastWrite {
        sequence: Sequence(sequence),
        result: Applied {
            log_id: log_id(index),
            response: Response::Done,
        },
    };
    let session = Session {
        used: LogIndex(index),
        last_write: Some(last_write),
    };
    let sessions = VecMap::from([(SESSION, session)]);
    let data = postcard::to_allocvec(&(Store::default(), sessions, SessionLimits::default()))
        .expect("encodes");
    Snapshot {
        last: log_id(last),
        data: data.into(),
    }
}

/// Gives a node a snapshot as its whole past; it is down then.
pub(crate) fn plant(world: &mut World, node: NodeId, snapshot: &Snapshot) {
    world.crash(node);
    let durable = world.durable_mut(node);
    durable.term = Term(1);
    durable.apply(&Write::Snapshot {
        snapshot: snapshot.clone(),
        base: snapshot.last,
    });
}

/// n2, which has a snapshot on its disk, sends it to n1, which has another.
pub(crate) fn world_where_n1_goes_from_to(old: &Snapshot, new: &Snapshot) -> World {
    let mut world = world();
    plant(&mut world, N1, old);
    world.restart(N1);
    world.assert_held();
    for node in [N2, N3] {
        plant(&mut world, node, new);
    }
    let message = Message::Raft(raft::Message::InstallSnapshot(InstallSnapshot {
        term: Term(1),
        last: new.last,
        offset: 0,
        chunk: new.data.clone(),
        done: true,
    }));
    let (from, to) = (N2, N1);
    world.bag.push_back(Envelope { from, to, message });
    world.deliver(0);
    assert_eq!(world.replica(N1).raft().applied(), new.last.index);
    world
}

/// The first write of a session was applied at i3 on n1, and at i4 on n2.
pub(crate) fn world_with_a_write_at_two_places() -> World {
    let mut world = world();
    plant(&mut world, N1, &snapshot(5, 1, 3));
    plant(&mut world, N2, &snapshot(6, 1, 4));
    world.restart(N1);
    world.assert_held();
    world.restart(N2);
    world
}

#[test]
fn a_write_at_two_places_on_two_nodes_is_noticed() {
    assert_eq!(
        broken(&world_with_a_write_at_two_places()).to_string(),
        "write-applied-once: expected write #1 of s2 to be applied at i3@t1, as on n1, \
         found n2 applied it at i4@t1 on [n1, n2]"
    );
}

#[test]
fn a_write_that_one_node_applies_again_is_noticed() {
    let world = world_where_n1_goes_from_to(&snapshot(5, 1, 3), &snapshot(9, 1, 8));
    let violation = broken(&world);
    assert_eq!(violation.property, "write-applied-once");
    assert_eq!(violation.nodes, [N1, N1]);
}

#[test]
fn a_session_that_goes_back_is_noticed() {
    let world = world_where_n1_goes_from_to(&snapshot(5, 4, 5), &snapshot(9, 3, 8));
    assert_eq!(
        broken(&world).to_string(),
        "session-never-goes-back: expected s2 at #4 or later on n1, found it at #3 on [n1]"
    );
}

#[test]
fn a_session_that_goes_on_is_as_promised() {
    let world = world_where_n1_goes_from_to(&snapshot(5, 1, 3), &snapshot(9, 3, 8));
    world.assert_held();
}

#[test]
fn a_node_behind_the_others_is_as_promised() {
    let mut world = world();
    plant(&mut world, N1, &snapshot(9, 3, 8));
    plant(&mut world, N2, &snapshot(5, 1, 3));
    world.restart(N1);
    world.restart(N2);
    world.assert_held();
}

#[test]
fn after_a_crash_a_replica_may_begin_anew() {
    let mut world = world_led_by_n1();
    for text in ["a", "b", "c"] {
        world.append_now(ANN, text);
    }
    world.crash(N1);
    world.restart(N1);
    assert!(
        world.sessions(N1).is_empty(),
        "it does not know what is committed"
    );
    world.elect(N2);
    world.heartbeat(N2);
    assert_eq!(world.sessions(N1), world.sessions(N2));
    assert_eq!(world.text(N1), "abc");
    world.assert_held();
}

#[test]
fn what_raft_promises_is_watched_too() {
    let mut world = world_led_by_n1();
    world.crash(N2);
    world.durable_mut(N2).vote = None;
    world.restart(N2);
    assert_eq!(broken(&world).property, "vote-survives-crash");
}

/// All nodes of a world, for invariants of one's own.
struct View<'a>(&'a World);

impl ClusterView<Node> for View<'_> {
    fn len(&self) -> usize {
        self.0.names().len()
    }
    fn node(&self, id: NodeId) -> NodeView<'_, Node> {
        NodeView {
            process: self.0.is_up(id).then(|| self.0.node(id)),
            durable: self.0.durable(id),
        }
    }
}

#[test]
fn a_clerk_that_is_told_too_early_is_noticed() {
    let mut world = world_led_by_n1();
    world.append_now(ANN, "a");
    let told = |index| Effect::Send {
        to: ANN,
        message: Message::Tell {
            call: Call {
                invocation: InvocationId(0),
                question: 1,
            },
            outcome: replica::Outcome::Written {
                index: LogIndex(index),
                term: Term(1),
                response: Response::Done,
            },
            relayed: false,
        },
    };
    let look = |index| Invariants::default().executed(&View(&world), N1, &told(index));
    assert_eq!(look(3), Ok(()), "it was applied there");
    let violation = look(4).expect_err("nothing was applied there");
    assert_eq!(violation.property, "acknowledged-is-applied");
}
