//! A small world at one instant.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use snowglobe_systems::invariants::{ClusterView, NodeView, Violation};
use snowglobe_systems::process::{InvocationId, NodeId, Process};

use super::{Network, Setting, Shared};

/// What runs on the nodes of a setting.
pub(super) type ProcessOf<S> = <S as Setting>::Process;
/// What its nodes say to each other.
pub(super) type MessageOf<S> = <ProcessOf<S> as Process>::Message;

/// One node: what it is, what its disk holds, and which of its timers are armed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Member<P: Process> {
    /// Its process; none while it is down.
    pub process: Option<P>,
    /// What it would come back with after a crash now.
    pub durable: P::Durable,
    /// Its armed timers in ascending order; none while it is down.
    pub armed: Vec<P::Timer>,
}

impl<P: Process> Member<P> {
    /// A node before its first start.
    pub(super) fn new() -> Self {
        Self {
            process: None,
            durable: P::Durable::default(),
            armed: Vec::new(),
        }
    }
}

/// How far a client has come with its operations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Progress {
    /// How many it has asked for.
    pub made: u8,
    /// The calls without an answer, and whom they were made to.
    pub open: Vec<(InvocationId, NodeId)>,
    /// A node that it waited for went down: nobody will answer, and it asks for nothing more.
    pub gave_up: bool,
}

/// What was taken from the budgets so far; see [`Bounds`](super::Bounds).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Spent {
    /// Timeout expirations.
    pub timeouts: u8,
    /// Firings of periodic timers.
    pub beats: u8,
    /// Nodes that went down.
    pub crashes: u8,
    /// Messages that arrived and stayed under way.
    pub duplicates: u8,
    /// Pairs of nodes that lost sight of each other.
    pub cuts: u8,
}

/// A small world at one instant.
pub struct State<S: Setting> {
    /// In the order of their names.
    pub nodes: Vec<Shared<Member<S::Process>>>,
    /// What is under way.
    pub network: Network<MessageOf<S>>,
    /// What the invariants remember of the past.
    pub invariants: Shared<S::Invariants>,
    /// What clients saw, as far as it matters.
    pub judge: Shared<S::Judge>,
    /// How far the clients have come.
    pub clients: Vec<Progress>,
    /// How many calls were made; numbers the next.
    pub calls: u64,
    /// What the budgets have lost.
    pub spent: Spent,
    /// Nodes that do not see each other, the smaller name first, in ascending order.
    /// What they send is lost; what is under way between them is held.
    pub cut: Vec<(NodeId, NodeId)>,
    /// The promise that is broken here; nothing follows such a state.
    pub broken: Option<Arc<Violation>>,
    /// It is broken not here but on the way forward from here, when nothing goes
    /// wrong any more.
    pub ahead: bool,
    /// After how many steps it was reached first. Not a part of what it is: no
    /// promise and no action looks at it.
    pub depth: u32,
}

/// Two nodes, the smaller name first.
pub(super) fn pair(one: NodeId, other: NodeId) -> (NodeId, NodeId) {
    (one.min(other), one.max(other))
}

impl<S: Setting> State<S> {
    /// Whether two nodes do not see each other.
    #[must_use]
    pub fn is_cut(&self, one: NodeId, other: NodeId) -> bool {
        self.cut.contains(&pair(one, other))
    }

    /// The process of a node, while it is up.
    #[must_use]
    pub fn process(&self, node: NodeId) -> Option<&S::Process> {
        self.nodes[node.position()].process.as_ref()
    }
}

impl<S: Setting> ClusterView<S::Process> for State<S> {
    fn len(&self) -> usize {
        self.nodes.len()
    }

    fn node(&self, id: NodeId) -> NodeView<'_, S::Process> {
        let member = &self.nodes[id.position()];
        NodeView {
            process: member.process.as_ref(),
            durable: &member.durable,
        }
    }
}

/// All nodes, one of them in the middle of a step.
pub(super) struct MidStep<'a, P: Process> {
    pub(super) nodes: &'a [Shared<Member<P>>],
    pub(super) node: NodeId,
    /// The node as it will be.
    pub(super) process: Option<&'a P>,
    /// Its disk as it is yet.
    pub(super) durable: &'a P::Durable,
}

impl<P: Process> ClusterView<P> for MidStep<'_, P> {
    fn len(&self) -> usize {
        self.nodes.len()
    }

    fn node(&self, id: NodeId) -> NodeView<'_, P> {
        if id == self.node {
            return NodeView {
                process: self.process,
                durable: self.durable,
            };
        }
        let member = &self.nodes[id.position()];
        NodeView {
            process: member.process.as_ref(),
            durable: &member.durable,
        }
    }
}

impl<S: Setting> Clone for State<S> {
    fn clone(&self) -> Self {
        Self {
            nodes: self.nodes.clone(),
            network: self.network.clone(),
            invariants: self.invariants.clone(),
            judge: self.judge.clone(),
            clients: self.clients.clone(),
            calls: self.calls,
            spent: self.spent,
            cut: self.cut.clone(),
            broken: self.broken.clone(),
            ahead: self.ahead,
            depth: self.depth,
        }
    }
}

impl<S: Setting> PartialEq for State<S> {
    fn eq(&self, other: &Self) -> bool {
        self.nodes == other.nodes
            && self.network == other.network
            && self.invariants == other.invariants
            && self.judge == other.judge
            && self.clients == other.clients
            && self.calls == other.calls
            && self.spent == other.spent
            && self.cut == other.cut
            && self.broken == other.broken
            && self.ahead == other.ahead
    }
}

impl<S: Setting> Hash for State<S> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let Self {
            nodes,
            network,
            invariants,
            judge,
            clients,
            calls,
            spent,
            cut,
            broken,
            ahead,
            depth: _,
        } = self;
        nodes.hash(hasher);
        network.hash(hasher);
        invariants.hash(hasher);
        judge.hash(hasher);
        clients.hash(hasher);
        calls.hash(hasher);
        spent.hash(hasher);
        cut.hash(hasher);
        broken.hash(hasher);
        ahead.hash(hasher);
    }
}

/// What somebody wants to see who looks at a state: a line for each node, each
/// message and whatever else there is.
impl<S: Setting> fmt::Display for State<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, member) in self.nodes.iter().enumerate() {
            let armed: Vec<String> = member
                .armed
                .iter()
                .map(|timer| S::timer_words(*timer))
                .collect();
            let words = match &member.process {
                Some(process) => S::process_words(process),
                None => "down".to_owned(),
            };
            let node = NodeId::at(place);
            writeln!(f, "{node}  {words}  timers: {}", armed.join(", "))?;
        }
        for flight in self.network.flights() {
            let words = S::message_words(&flight.message);
            write!(f, "{}->{}  {words}", flight.from, flight.to)?;
            match flight.copies {
                1 => writeln!(f)?,
                copies => writeln!(f, "  x{copies}")?,
            }
        }
        for (client, progress) in self.clients.iter().enumerate() {
            for (invocation, node) in &progress.open {
                writeln!(f, "client {client} waits for {node} to answer {invocation}")?;
            }
        }
        for (one, other) in &self.cut {
            writeln!(f, "{one} and {other} do not see each other")?;
        }
        if let Some(violation) = &self.broken {
            writeln!(f, "broken  {violation}")?;
        }
        let Spent {
            timeouts,
            beats,
            crashes,
            duplicates,
            cuts,
        } = self.spent;
        write!(
            f,
            "spent  {timeouts} timeouts, {beats} beats, {crashes} crashes, \
             {duplicates} duplicates, {cuts} cuts"
        )
    }
}

/// As it is displayed: stateright's explorer shows states so.
impl<S: Setting> fmt::Debug for State<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
