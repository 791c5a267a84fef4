//! What the servers keep of their clients.

use snowglobe_systems::kv::{Command, Get, Response, Store};
use snowglobe_systems::process::NodeId;
use snowglobe_systems::raft::invariants::RaftInvariants;
use snowglobe_systems::raft::{LogIndex, Timer};
use snowglobe_systems::replica::{
    Config, Operation, Outcome, Replica, Sequence, Session, SessionId,
};

use crate::cluster::Cluster;

const ALONE: NodeId = NodeId(1);
const CLIENTS: usize = 100_000;

/// Room for a session, in bytes, in memory and in a snapshot.
const MOST: usize = 200;

#[test]
fn a_hundred_thousand_clients_take_little_and_their_reads_nothing() {
    let mut config = Config::of(1);
    config.max_sessions = CLIENTS;
    let mut world: Cluster<Replica<Store>, RaftInvariants> = Cluster::new(1, config);
    world.timeout(ALONE, Timer::Election);
    for _ in 0..CLIENTS {
        let call = world.invoke(ALONE, Operation::OpenSession);
        let Some(Outcome::SessionOpened { session }) = world.outcomes.remove(&call) else {
            panic!("a session is opened");
        };
        let command = Command::Put {
            key: "k".into(),
            value: "v".into(),
        };
        world.invoke(
            ALONE,
            Operation::Write {
                session: Some((session, Sequence(1))),
                command,
            },
        );
    }
    let sessions = world.node(ALONE).sessions().clone();
    assert_eq!(sessions.len(), CLIENTS);
    let encoded = postcard::to_allocvec(&sessions).expect("sessions are encoded");
    assert!(encoded.len() <= CLIENTS * MOST, "{}", encoded.len());
    let in_memory =
        size_of::<(SessionId, Session<Response>)>() + size_of::<(LogIndex, SessionId)>();
    // A B-tree is at least half full.
    assert!(2 * in_memory <= MOST, "{in_memory} bytes twice");
    let query = Get { key: "k".into() };
    for _ in 0..1000 {
        let query = query.clone();
        world.invoke(ALONE, Operation::Read { query });
    }
    assert_eq!(*world.node(ALONE).sessions(), sessions);
}
