//! What small worlds of services have in common: servers, each with a replica,
//! and clerks on nodes of their own.
//!
//! Clerks ask the servers in the order of their names, so servers are told apart
//! and no symmetry is made use of.

use snowglobe_systems::invariants::ClusterView;
use snowglobe_systems::process::NodeId;
use snowglobe_systems::raft::{Raft, Term, marks as raft_marks};
use snowglobe_systems::replica::{self, Replica, Request, StateMachine};
use snowglobe_systems::service::{ClerkConfig, Config, Message, Node, Operation, Timer};

use super::raft;
use crate::explore::{Bounds, Property, PropertyKind, TimerKind};

/// Of a run that is told step by step, a judge keeps at most so many ways to explain what clients
/// were told: each answer is held against all of them.
pub(super) const WIDEST_RUN: usize = 256;

/// Whether a judge of a store hears of an operation: a transfer of the leadership asks the store
/// nothing.
pub(super) fn is_judged<M: StateMachine>(operation: &Operation<M>) -> bool {
    !matches!(operation, Operation::TransferLeadership { .. })
}

/// Fits the tuning of a node to bounds.
pub(super) fn tune(config: &mut Config, bounds: &Bounds) {
    match config {
        Config::Server(server) => tune_server(server, bounds),
        // Without a clock it does not matter how long somebody waits.
        Config::Clerk(clerk) => clerk.doublings = 0,
    }
}

pub(super) fn tune_server(server: &mut replica::Config, bounds: &Bounds) {
    let after = usize::from(bounds.snapshot_after);
    server.snapshot_after_entries = (after > 0).then_some(after);
    server.snapshot_after_bytes = None;
    server.raft.compaction_tail_entries = 0;
    // A server that remembers whom it answered what is another one after each answer.
    server.remembered_answers = 0;
}

pub(super) fn is_clerk(config: &Config) -> bool {
    matches!(config, Config::Clerk(_))
}

/// The nodes that are servers.
pub(super) fn servers(configs: &[Config]) -> impl Iterator<Item = NodeId> {
    let places = 0..configs.len();
    places
        .filter(|place| !is_clerk(&configs[*place]))
        .map(NodeId::at)
}

/// The nodes that are clerks.
pub(super) fn clerks(configs: &[Config]) -> impl Iterator<Item = NodeId> {
    let places = 0..configs.len();
    places
        .filter(|place| is_clerk(&configs[*place]))
        .map(NodeId::at)
}

/// What a service promises, whatever it replicates.
pub(super) fn properties() -> impl Iterator<Item = Property> {
    let own = [
        ("session-never-goes-back", PropertyKind::Step),
        ("write-applied-once", PropertyKind::State),
    ];
    let own = own.map(|(name, kind)| Property { name, kind });
    raft::properties().chain(own)
}

/// The marks that a service must reach within bounds, where it is explored from
/// when a server leads, and clients read too.
pub(super) fn marks(bounds: &Bounds) -> Vec<&'static str> {
    let mut marks = vec![];
    if bounds.timeouts >= 2 && bounds.terms >= 2 {
        marks.push(raft_marks::LEADER_ELECTED);
    }
    if bounds.crashes > 0 {
        marks.push(raft_marks::RESTART_WITH_VOTE);
    }
    if bounds.operations >= 2 {
        marks.push(raft_marks::READ_CONFIRMED);
    }
    marks
}

pub(super) fn is_within<M: StateMachine>(process: &Node<M>, bounds: &Bounds) -> bool {
    let term = process.replica().map(|replica| replica.raft().term());
    term.is_none_or(|term| term <= Term(bounds.terms))
}

pub(super) fn timer_kind(timer: Timer) -> Option<TimerKind> {
    match timer {
        Timer::Raft(timer) => raft::timer_kind(timer),
        Timer::Patience { .. } => Some(TimerKind::Timeout),
        Timer::BackOff { .. } => Some(TimerKind::Beat),
        // Sessions that nobody uses are not the subject here.
        Timer::Idle { .. } => None,
    }
}

pub(super) fn timer_words(timer: Timer) -> String {
    match timer {
        Timer::Raft(timer) => raft::timer_words(timer).to_owned(),
        Timer::Patience { slot, .. } => format!("patience of lane {slot}"),
        Timer::BackOff { slot, .. } => format!("back-off of lane {slot}"),
        Timer::Idle { slot } => format!("idle lane {slot}"),
    }
}

pub(super) fn message_words<M: StateMachine>(message: &Message<M>) -> String {
    match message {
        Message::Raft(message) => message.to_string(),
        Message::Ask {
            call,
            operation,
            relay,
        } => {
            let relay = if *relay { " or pass on" } else { "" };
            format!("Ask {call} {operation:?}{relay}")
        }
        Message::Relay {
            clerk,
            call,
            operation,
        } => format!("Relay {clerk} {call} {operation:?}"),
        Message::Relayed {
            clerk,
            call,
            outcome,
        } => format!("Relayed {clerk} {call} {outcome:?}"),
        Message::Tell {
            call,
            outcome,
            relayed,
        } => {
            let relayed = if *relayed { " passed on" } else { "" };
            format!("Tell {call} {outcome:?}{relayed}")
        }
    }
}

/// The Raft of a server; none while it is down.
fn raft_of<M: StateMachine>(
    cluster: &impl ClusterView<Node<M>>,
    server: NodeId,
) -> Option<&Raft<Request<M::Command>>> {
    let process = cluster.node(server).process;
    process.and_then(Node::replica).map(Replica::raft)
}

pub(super) fn shape<M: StateMachine>(
    servers: impl Iterator<Item = NodeId>,
    cluster: &impl ClusterView<Node<M>>,
) -> String {
    let shapes = servers.map(|server| raft::shape(raft_of(cluster, server)));
    let mut shapes: Vec<String> = shapes.collect();
    shapes.sort();
    shapes.join(" ")
}

pub(super) fn is_well<M: StateMachine>(
    servers: impl Iterator<Item = NodeId>,
    cluster: &impl ClusterView<Node<M>>,
    away: &[NodeId],
) -> Result<(), String> {
    let there = servers.filter(|server| !away.contains(server));
    raft::is_well(there.map(|server| raft_of(cluster, server)))
}

/// So many servers, and clerks that ask them, with the usual tuning.
pub(super) fn configs(servers: usize, clerks: usize) -> Vec<Config> {
    let server = Config::Server(replica::Config::of(servers));
    let clerk = Config::Clerk(ClerkConfig::of((0..servers).map(NodeId::at)));
    let mut configs = vec![server; servers];
    configs.resize(servers + clerks, clerk);
    configs
}
