//! Words in which the stories are told.

use snowglobe_systems::ledger::{Ledger, Record, Total};
use snowglobe_systems::process::{InvocationId, NodeId};
use snowglobe_systems::raft::invariants::RaftInvariants;
use snowglobe_systems::raft::{Entry, LogId, LogIndex, Message, Role, Term, Timer};
use snowglobe_systems::replica::{Config, Operation, Outcome, Replica, Request};

use crate::cluster::{Cluster, Envelope};

pub(crate) type Node = Replica<Ledger>;
pub(crate) type World = Cluster<Node, RaftInvariants>;

pub(crate) const N1: NodeId = NodeId(1);
pub(crate) const N2: NodeId = NodeId(2);
pub(crate) const N3: NodeId = NodeId(3);
pub(crate) const N4: NodeId = NodeId(4);
pub(crate) const N5: NodeId = NodeId(5);

pub(crate) fn world(count: usize) -> World {
    Cluster::new(count, Config::of(count))
}

/// Three nodes: n1 committed a write with n2 while n3 was cut off, and is down.
pub(crate) fn n3_missed_a_committed_write() -> World {
    let mut world = world(3);
    world.elect(N1);
    world.cut(N3);
    world.write(N1, 1);
    world.settle();
    world.heal();
    world.crash(N1);
    world
}

/// An entry with a number in it, as a replica logs a write without a session.
pub(crate) fn entry(term: u64, value: u64) -> Entry<Request<Record>> {
    let command = Record::of(value);
    Entry::command(Term(term), Request::Write { command })
}

pub(crate) fn log_id(index: u64, term: u64) -> LogId {
    LogId::new(LogIndex(index), Term(term))
}

impl World {
    /// Nothing promised was broken.
    pub(crate) fn assert_held(&self) {
        if let Some(violation) = &self.violation {
            panic!("{violation}");
        }
    }

    /// Fires the election timers of all nodes that are up, with nothing heard
    /// in between, so that nobody knows a leader, and then lets `node` win.
    pub(crate) fn elect(&mut self, node: NodeId) {
        for other in self.names() {
            if self.is_up(other) && other != node {
                self.timeout(other, Timer::Election);
            }
        }
        self.bag.clear();
        self.timeout(node, Timer::Election);
        self.settle();
        assert!(self.leads(node), "{node} wins: {}", self.node(node));
        self.assert_held();
    }

    /// Delivers messages in order of sending until something is so.
    pub(crate) fn deliver_until(&mut self, so: impl Fn(&Self) -> bool) {
        while !so(self) {
            assert!(!self.bag.is_empty(), "it never comes about");
            self.deliver(0);
        }
    }

    pub(crate) fn leads(&self, node: NodeId) -> bool {
        self.is_up(node) && self.node(node).raft().role().is_leader()
    }

    pub(crate) fn is_candidate(&self, node: NodeId) -> bool {
        matches!(self.node(node).raft().role(), Role::Candidate { .. })
    }

    pub(crate) fn term(&self, node: NodeId) -> u64 {
        self.node(node).raft().term().0
    }

    pub(crate) fn commit(&self, node: NodeId) -> u64 {
        self.node(node).raft().commit().0
    }

    pub(crate) fn last(&self, node: NodeId) -> LogId {
        self.node(node).raft().log().last()
    }

    pub(crate) fn count(&self, node: NodeId) -> u64 {
        self.node(node).machine().totals().count
    }

    pub(crate) fn write(&mut self, node: NodeId, value: u64) -> InvocationId {
        let command = Record::of(value);
        self.invoke(
            node,
            Operation::Write {
                session: None,
                command,
            },
        )
    }

    pub(crate) fn read(&mut self, node: NodeId) -> InvocationId {
        self.invoke(node, Operation::Read { query: Total })
    }

    pub(crate) fn outcome(&self, invocation: InvocationId) -> Option<&Outcome<Ledger>> {
        self.outcomes.get(&invocation)
    }

    pub(crate) fn is_written(&self, invocation: InvocationId) -> bool {
        matches!(self.outcome(invocation), Some(Outcome::Written { .. }))
    }

    /// Lets a leader's heartbeat go round, so that everybody knows the commit index.
    pub(crate) fn heartbeat(&mut self, leader: NodeId) {
        assert!(self.timeout(leader, Timer::Heartbeat), "{leader} leads");
        self.settle();
    }

    /// Gives a node that is down a term and a log, as if it had lived through them.
    pub(crate) fn plant(&mut self, node: NodeId, term: u64, log_terms: &[u64]) {
        assert!(!self.is_up(node), "a log is planted while the node is down");
        let entries: Vec<_> = log_terms
            .iter()
            .zip(1..)
            .map(|(term, index)| entry(*term, 100 * *term + index))
            .collect();
        let durable = self.durable_mut(node);
        durable.term = Term(term);
        durable.log.replace_from(LogIndex(1), &entries);
    }

    /// The terms of a node's log, from its first entry on.
    pub(crate) fn log_terms(&self, node: NodeId) -> Vec<u64> {
        let log = self.node(node).raft().log();
        log.iter().map(|(_, entry)| entry.term.0).collect()
    }

    pub(crate) fn crash_all(&mut self) {
        for node in self.names() {
            self.crash(node);
        }
    }

    pub(crate) fn restart_all(&mut self) {
        for node in self.names() {
            self.restart(node);
        }
    }

    pub(crate) fn sent(&self, name: &str) -> usize {
        self.bag
            .iter()
            .filter(|envelope| envelope.message.name() == name)
            .count()
    }
}

/// Whether a message carries entries.
pub(crate) fn carries_entries(envelope: &Envelope<Node>) -> bool {
    matches!(&envelope.message, Message::AppendEntries(message) if !message.entries.is_empty())
}
