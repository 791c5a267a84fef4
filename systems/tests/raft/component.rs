//! Raft as a component, without a replica around it.

use snowglobe_systems::ledger::Record;
use snowglobe_systems::process::NodeId;
use snowglobe_systems::raft::{
    AppendEntries, Config, Durable, Event, LogIndex, Message, Output, Position, Raft, RequestVote,
    Round, Term, Timer, Voters, Write,
};

/// Keeps what Raft writes; it says nothing to anybody, being alone.
#[derive(Default)]
struct Alone(Vec<Write<Record>>);

impl Output<Record> for Alone {
    fn persist(&mut self, write: Write<Record>) {
        self.0.push(write);
    }
    fn send(&mut self, _: NodeId, _: Message<Record>) {}
    fn set_timer(&mut self, _: Timer) {}
    fn cancel_timer(&mut self, _: Timer) {}
    fn mark(&mut self, _: &'static str) {}
}

/// A host that takes its snapshots slowly may come with one when a newer is there.
#[test]
fn a_snapshot_that_comes_late_is_left_alone() {
    let mut out = Alone::default();
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
        raft.propose(Record::of(value), &mut out).expect("it leads");
    }
    while let Some(event) = raft.poll() {
        assert!(matches!(event, Event::Apply { .. }));
    }
    let data = || std::sync::Arc::from([7].as_slice());
    assert!(raft.compact(LogIndex(8), data(), &mut out));
    let writes = out.0.len();
    for late in [3, 8] {
        assert!(!raft.compact(LogIndex(late), data(), &mut out));
    }
    assert_eq!(out.0.len(), writes, "nothing is written");
    assert_eq!(raft.covered(), LogIndex(8));
}

/// n1 of three, which has heard of nobody.
fn one_of_three(out: &mut Alone) -> Raft<Record> {
    let (voters, config) = (Voters::first(3), Config::default());
    Raft::start(NodeId(1), voters, &config, Durable::default(), out)
}

#[test]
fn whoever_is_no_member_is_not_heard() {
    let mut out = Alone::default();
    let mut raft = one_of_three(&mut out);
    // A server that was given the wrong peers, and a message that came back.
    for stranger in [NodeId(9), NodeId(1)] {
        let message = Message::RequestVote(RequestVote {
            term: Term(7),
            last: Position::default(),
            transfer: false,
        });
        raft.receive(stranger, message, &mut out);
        assert_eq!(raft.term(), Term(0), "{stranger}");
    }
    assert!(out.0.is_empty(), "{:?}", out.0);
}

#[test]
fn a_heartbeat_of_a_known_leader_is_nothing_to_write_down() {
    let mut out = Alone::default();
    let mut raft = one_of_three(&mut out);
    let heartbeat = |round| {
        Message::AppendEntries(AppendEntries {
            term: Term(1),
            previous: Position::default(),
            entries: Vec::new(),
            commit: LogIndex(0),
            round: Round(round),
        })
    };
    raft.receive(NodeId(2), heartbeat(1), &mut out);
    assert_eq!(out.0.len(), 1, "the term: {:?}", out.0);
    raft.receive(NodeId(2), heartbeat(2), &mut out);
    assert_eq!(out.0.len(), 1, "{:?}", out.0);
}
