//! Raft as a component, without a replica around it.

use snowglobe_systems::ledger::Record;
use snowglobe_systems::process::{Effect, Effects, NodeId};
use snowglobe_systems::raft::{
    AppendEntries, Config, Durable, LogId, LogIndex, Message, Raft, RequestVote, Round, Term,
    Timer, Voters, Write,
};

type Out = Effects<Raft<Record>>;

/// What Raft wrote.
fn writes(out: &Out) -> Vec<&Write<Record>> {
    let effects = out.as_slice().iter();
    let writes = effects.filter_map(|effect| match effect {
        Effect::Persist(write) => Some(write),
        _ => None,
    });
    writes.collect()
}

/// A host that takes its snapshots slowly may come with one when a newer is there.
#[test]
fn a_snapshot_that_comes_late_is_left_alone() {
    let mut out = Out::new();
    let durable = Durable::default();
    let mut raft = Raft::start(
        NodeId(1),
        Voters::first(1),
        &Config::default(),
        durable,
        &mut out,
    );
    raft.timeout(Timer::Election, &mut out);
    for value in 0..9 {
        raft.propose(Record::of(value)).expect("it leads");
    }
    raft.flush(&mut out);
    let appended = |write: &&&Write<Record>| matches!(write, Write::Append { .. });
    assert_eq!(
        writes(&out).iter().filter(appended).count(),
        1,
        "the no-op among them"
    );
    assert_eq!(
        (raft.applied(), raft.written()),
        (LogIndex(10), LogIndex(10))
    );
    let data = || std::sync::Arc::from([7].as_slice());
    assert!(raft.compact(LogIndex(8), data(), &mut out));
    let written = writes(&out).len();
    for late in [3, 8] {
        assert!(!raft.compact(LogIndex(late), data(), &mut out));
    }
    assert_eq!(writes(&out).len(), written, "nothing is written");
    assert_eq!(raft.covered(), LogIndex(8));
}

/// n1 of three, which has heard of nobody.
fn one_of_three(out: &mut Out) -> Raft<Record> {
    let (voters, config) = (Voters::first(3), Config::default());
    Raft::start(NodeId(1), voters, &config, Durable::default(), out)
}

#[test]
fn whoever_is_no_member_is_not_heard() {
    let mut out = Out::new();
    let mut raft = one_of_three(&mut out);
    // A server that was given the wrong peers, and a message that came back.
    for stranger in [NodeId(9), NodeId(1)] {
        let message = Message::RequestVote(RequestVote {
            term: Term(7),
            last: LogId::default(),
            transfer: false,
        });
        raft.receive(stranger, message, &mut out);
        assert_eq!(raft.term(), Term(0), "{stranger}");
    }
    assert!(writes(&out).is_empty(), "{out:?}");
}

#[test]
fn a_heartbeat_of_a_known_leader_is_nothing_to_write_down() {
    let mut out = Out::new();
    let mut raft = one_of_three(&mut out);
    let heartbeat = |round| {
        Message::AppendEntries(AppendEntries {
            term: Term(1),
            previous: LogId::default(),
            entries: Vec::new(),
            commit: LogIndex(0),
            round: Round(round),
        })
    };
    raft.receive(NodeId(2), heartbeat(1), &mut out);
    assert_eq!(writes(&out).len(), 1, "the term: {out:?}");
    raft.receive(NodeId(2), heartbeat(2), &mut out);
    assert_eq!(writes(&out).len(), 1, "{out:?}");
}
