//! Raft as a component, without a replica around it.

use snowglobe_systems::ledger::Record;
use snowglobe_systems::process::NodeId;
use snowglobe_systems::raft::{
    Config, Durable, Event, LogIndex, Message, Output, Raft, Timer, Voters, Write,
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
