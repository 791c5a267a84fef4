//! Which sessions are open is decided by the log alone.

use proptest::prelude::*;
use snowglobe_systems::kv::{Message, Store};
use snowglobe_systems::process::InvocationId;
use snowglobe_systems::raft::{self, Content, LogIndex};
use snowglobe_systems::replica::{self, Request, Sequence, SessionId};
use snowglobe_systems::service::{Call, Config};
use snowglobe_systems::vec_map::VecMap;

use crate::cluster::{Cluster, Envelope};
use crate::story::{ANN, N1, N2, N3, World, append, cases, clerk, is_tell, server};

const MOST: usize = 3;
const IDLE: usize = 4;

/// What happens to the leader n2, and to n3, which is often out of reach.
#[derive(Clone, Debug)]
enum Deed {
    Open,
    /// A write with a number in the session that was opened so many sessions ago.
    Write(usize, u64),
    /// A write without a session.
    Plain,
    /// n2 crashes and leads again, with a no-op.
    LeadAnew,
    Cut,
    Heal,
    /// n3 comes back from its disk.
    Restart,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        3 => Just(Deed::Open),
        6 => (0..4usize, 1..4u64).prop_map(|(ago, number)| Deed::Write(ago, number)),
        2 => Just(Deed::Plain),
        1 => Just(Deed::LeadAnew),
        1 => Just(Deed::Cut),
        1 => Just(Deed::Heal),
        1 => Just(Deed::Restart),
    ]
}

/// n1 keeps its log from the start; n2, which leads, and n3 compact theirs.
fn world() -> World {
    let config = |snapshot_after_entries| {
        let mut server = server();
        server.max_sessions = MOST;
        server.session_idle_entries = Some(IDLE);
        server.snapshot_after_entries = snapshot_after_entries;
        server.raft.compaction_tail_entries = 0;
        Config::Server(server)
    };
    let clerk = Config::Clerk(clerk());
    let mut world = Cluster::of(vec![config(None), config(Some(1)), config(Some(2)), clerk]);
    world.elect(N2);
    world
}

/// n2 is asked as a clerk would ask; nobody waits for the answer.
fn ask(world: &mut World, operation: replica::Operation<Store>) {
    let call = Call {
        invocation: InvocationId(0),
        question: 1,
    };
    let message = Message::Ask {
        call,
        operation,
        relay: false,
    };
    let (from, to) = (ANN, N2);
    world.bag.push_front(Envelope { from, to, message });
    world.deliver(0);
    world.settle_servers();
    world.lose(is_tell);
}

fn write(world: &mut World, session: Option<(SessionId, u64)>) {
    let session = session.map(|(id, number)| (id, Sequence(number)));
    let command = append("x");
    ask(world, replica::Operation::Write { session, command });
}

fn heal(world: &mut World) {
    world.heal();
    for _ in 0..3 {
        world.heartbeat(N2);
    }
}

fn perform(world: &mut World, deed: &Deed) {
    match *deed {
        Deed::Open => ask(world, replica::Operation::OpenSession),
        Deed::Write(ago, number) => {
            let log = world.replica(N1).raft().log();
            let opened = log.iter().filter(|(_, entry)| match &entry.content {
                Content::Command(request) => matches!(**request, Request::OpenSession { .. }),
                Content::Noop => false,
            });
            let opened: Vec<_> = opened.map(|(index, _)| index).collect();
            // Before any was opened: one that never will be.
            let index = opened.iter().rev().nth(ago).copied();
            let session = SessionId(index.unwrap_or(LogIndex::ZERO));
            write(world, Some((session, number)));
        }
        Deed::Plain => write(world, None),
        Deed::LeadAnew => {
            world.crash(N2);
            world.restart(N2);
            world.elect(N2);
        }
        Deed::Cut => world.cut(N3),
        Deed::Heal => heal(world),
        Deed::Restart => {
            world.crash(N3);
            world.restart(N3);
        }
    }
}

/// The sessions after n1's log as a plain reading of it has them: the entry
/// that named each last, and the number of its last write.
fn by_the_log(world: &World) -> VecMap<u64, (u64, Option<u64>)> {
    let mut open = VecMap::<u64, (u64, Option<u64>)>::new();
    for (index, entry) in world.replica(N1).raft().log().iter() {
        let Content::Command(request) = &entry.content else {
            continue;
        };
        open.retain(|_, (used, _)| index.0 - *used <= IDLE as u64);
        match **request {
            Request::OpenSession { .. } => {
                if open.len() == MOST {
                    let oldest = open.iter().min_by_key(|(_, (used, _))| *used);
                    let oldest = *oldest.expect("there are some").0;
                    open.remove(&oldest);
                }
                open.insert(index.0, (index.0, None));
            }
            Request::SessionWrite {
                session, sequence, ..
            } => {
                if let Some((used, last)) = open.get_mut(&session.0.0) {
                    *used = index.0;
                    *last = (*last).max(Some(sequence.0));
                }
            }
            Request::Write { .. } => {}
        }
    }
    open
}

fn assert_agreed(world: &World) {
    let sessions = world.sessions(N1).iter().map(|(id, session)| {
        let last = session.last_write.as_ref();
        (id.0.0, (session.used.0, last.map(|write| write.sequence.0)))
    });
    assert_eq!(sessions.collect::<VecMap<_, _>>(), by_the_log(world));
    for server in [N2, N3] {
        assert_eq!(world.sessions(server), world.sessions(N1), "{server}");
        assert_eq!(world.sessions(server).digest(), world.sessions(N1).digest());
        assert_eq!(world.text(server), world.text(N1), "{server}");
    }
    world.assert_held();
}

#[test]
fn a_replica_out_of_a_snapshot_expires_the_same_sessions() {
    let mut world = world();
    world.cut(N3);
    ask(&mut world, replica::Operation::OpenSession);
    ask(&mut world, replica::Operation::OpenSession);
    let opened = world.open_sessions(N2);
    write(&mut world, Some((opened[1], 1)));
    heal(&mut world);
    assert!(world.marks.contains(raft::marks::SNAPSHOT_INSTALLED));
    assert_eq!(world.open_sessions(N3), opened, "both out of the snapshot");
    // n3 applies the entry that makes the older one too old by itself.
    for _ in 0..3 {
        write(&mut world, None);
    }
    heal(&mut world);
    assert!(world.marks.contains(raft::marks::SESSION_IDLED_OUT));
    assert_eq!(world.open_sessions(N3), [opened[1]]);
    assert_agreed(&world);
}

#[test]
fn an_entry_without_a_command_ends_no_session_by_itself() {
    let mut world = world();
    ask(&mut world, replica::Operation::OpenSession);
    for _ in 0..2 * IDLE {
        perform(&mut world, &Deed::LeadAnew);
    }
    assert_eq!(world.sessions(N2).len(), 1);
    write(&mut world, None);
    assert!(world.sessions(N2).is_empty(), "but it counts");
    heal(&mut world);
    assert_agreed(&world);
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn replicas_of_one_log_have_the_same_sessions(
        deeds in prop::collection::vec(deed(), 0..60),
    ) {
        let mut world = world();
        for deed in &deeds {
            perform(&mut world, deed);
        }
        heal(&mut world);
        assert_agreed(&world);
        // What they keep on disk says the same.
        for server in [N2, N3] {
            world.crash(server);
            world.restart(server);
        }
        world.elect(N2);
        write(&mut world, None);
        heal(&mut world);
        assert_agreed(&world);
    }
}
