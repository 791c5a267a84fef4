//! The third engine: a plain loop. A test owns the nodes, a bag of messages
//! and the armed timers, and decides what happens next. Invariants are
//! checked after every step.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use snowglobe_systems::invariants::{ClusterView, Invariants, NodeView, Violation};
use snowglobe_systems::process::{
    self, Delay, Durable, Effect, Effects, Input, InvocationId, NodeId, Process,
};
use snowglobe_systems::vec_map::VecMap;
use snowglobe_systems::vec_set::VecSet;

/// A message on its way.
#[derive(Clone, Debug)]
pub(crate) struct Envelope<P: Process> {
    pub(crate) from: NodeId,
    pub(crate) to: NodeId,
    pub(crate) message: P::Message,
}

/// A node with its disk and its armed timers.
pub(crate) struct Node<P: Process> {
    pub(crate) process: Option<P>,
    durable: P::Durable,
    timers: VecSet<P::Timer>,
    /// After how long each would fire that was ever set.
    delays: VecMap<P::Timer, Delay>,
}

pub(crate) struct Nodes<P: Process>(pub(crate) Vec<Node<P>>);

impl<P: Process> ClusterView<P> for Nodes<P> {
    fn len(&self) -> usize {
        self.0.len()
    }
    fn node(&self, id: NodeId) -> NodeView<'_, P> {
        let node = &self.0[id.position()];
        NodeView {
            process: node.process.as_ref(),
            durable: &node.durable,
        }
    }
}

/// What a test drives.
pub(crate) struct Cluster<P: Process, I> {
    /// By the node's position.
    pub(crate) configs: Vec<P::Config>,
    pub(crate) nodes: Nodes<P>,
    /// What they remember of all steps so far.
    pub(crate) invariants: I,
    /// Sent and not yet delivered, in the order of sending.
    pub(crate) bag: VecDeque<Envelope<P>>,
    /// What clients were told.
    pub(crate) outcomes: VecMap<InvocationId, P::Outcome>,
    /// Every mark so far.
    pub(crate) marks: VecSet<&'static str>,
    /// Nodes that no message reaches or leaves.
    cut: VecSet<NodeId>,
    pub(crate) invocations: u64,
    /// The node that steps next crashes after so many of its effects.
    crash_after: Option<usize>,
    /// The first broken promise.
    pub(crate) violation: Option<Violation>,
    /// The names of all broken promises: the loop goes on after the first.
    pub(crate) broken: Vec<&'static str>,
}

impl<P: Process, I: Invariants<P>> Cluster<P, I> {
    /// Boots the nodes `n1` to `n<count>`, all alike.
    pub(crate) fn new(count: usize, config: P::Config) -> Self {
        Self::of(vec![config; count])
    }

    /// Boots one node for each configuration, in their order.
    pub(crate) fn of(configs: Vec<P::Config>) -> Self {
        let node = || Node {
            process: None,
            durable: P::Durable::default(),
            timers: VecSet::new(),
            delays: VecMap::new(),
        };
        let mut cluster = Self {
            nodes: Nodes(configs.iter().map(|_| node()).collect()),
            configs,
            invariants: I::default(),
            bag: VecDeque::new(),
            outcomes: VecMap::new(),
            marks: VecSet::new(),
            cut: VecSet::new(),
            invocations: 0,
            crash_after: None,
            violation: None,
            broken: Vec::new(),
        };
        for node in cluster.names() {
            cluster.restart(node);
        }
        cluster
    }

    pub(crate) fn names(&self) -> Vec<NodeId> {
        (0..self.nodes.0.len()).map(NodeId::at).collect()
    }

    pub(crate) fn is_up(&self, node: NodeId) -> bool {
        self.nodes.0[node.position()].process.is_some()
    }

    /// A node that is up.
    pub(crate) fn node(&self, node: NodeId) -> &P {
        self.nodes.0[node.position()]
            .process
            .as_ref()
            .unwrap_or_else(|| panic!("{node} is down"))
    }

    pub(crate) fn durable(&self, node: NodeId) -> &P::Durable {
        &self.nodes.0[node.position()].durable
    }

    pub(crate) fn durable_mut(&mut self, node: NodeId) -> &mut P::Durable {
        &mut self.nodes.0[node.position()].durable
    }

    /// The range from which the delay of an armed timer was drawn.
    pub(crate) fn delay(&self, node: NodeId, timer: P::Timer) -> Range<Duration> {
        assert!(self.timers(node).contains(&timer), "{timer:?} is not armed");
        self.nodes.0[node.position()].delays[&timer].range()
    }

    pub(crate) fn timers(&self, node: NodeId) -> &VecSet<P::Timer> {
        &self.nodes.0[node.position()].timers
    }

    /// Fires a timer, if it is armed; says whether it was.
    pub(crate) fn timeout(&mut self, node: NodeId, timer: P::Timer) -> bool {
        let armed = self.nodes.0[node.position()].timers.remove(&timer);
        if armed {
            self.step(node, Input::Timeout(timer));
        }
        armed
    }

    /// Calls a node.
    pub(crate) fn invoke(&mut self, node: NodeId, operation: P::Operation) -> InvocationId {
        let invocation = InvocationId(self.invocations);
        self.invocations += 1;
        self.step(
            node,
            Input::Invoke {
                invocation,
                operation,
            },
        );
        invocation
    }

    /// Delivers the message at a place in the bag, unless its way is cut.
    pub(crate) fn deliver(&mut self, place: usize) {
        let Some(envelope) = self.bag.remove(place) else {
            return;
        };
        let Envelope { from, to, message } = envelope;
        if self.is_up(to) && !self.cut.contains(&from) && !self.cut.contains(&to) {
            self.step(to, Input::Receive { from, message });
        }
    }

    /// Delivers everything, in order of sending, until nothing is on its way.
    pub(crate) fn settle(&mut self) {
        for _ in 0..100_000 {
            if self.bag.is_empty() {
                return;
            }
            self.deliver(0);
        }
        panic!("the cluster does not come to rest");
    }

    /// Loses every message that `lost` names.
    pub(crate) fn lose(&mut self, lost: impl Fn(&Envelope<P>) -> bool) {
        self.bag.retain(|envelope| !lost(envelope));
    }

    /// Puts a second copy of a message at the end of the bag.
    pub(crate) fn duplicate(&mut self, place: usize) {
        if let Some(envelope) = self.bag.get(place).cloned() {
            self.bag.push_back(envelope);
        }
    }

    pub(crate) fn cut(&mut self, node: NodeId) {
        self.cut.insert(node);
    }

    pub(crate) fn heal(&mut self) {
        self.cut.clear();
    }

    pub(crate) fn crash(&mut self, node: NodeId) {
        self.crash_with(node, &[]);
    }

    fn crash_with(&mut self, id: NodeId, prevented: &[Effect<P>]) {
        let node = &mut self.nodes.0[id.position()];
        node.process = None;
        node.timers.clear();
        self.invariants.crashed(&self.nodes, id, prevented);
    }

    /// Lets the node that steps next crash after so many of its effects.
    pub(crate) fn crash_next_step_after(&mut self, effects: usize) {
        self.crash_after = Some(effects);
    }

    /// Takes [`Cluster::crash_next_step_after`] back, if no step came.
    pub(crate) fn crash_no_more(&mut self) {
        self.crash_after = None;
    }

    /// Starts a node from its disk. Does nothing if it is up.
    pub(crate) fn restart(&mut self, node: NodeId) {
        if self.is_up(node) {
            return;
        }
        let mut effects = Effects::new();
        let durable = self.durable(node).clone();
        let process = process::boot(node, &self.configs[node.position()], durable, &mut effects);
        self.nodes.0[node.position()].process = Some(process);
        let restarted = self.invariants.started(&self.nodes, node);
        self.check(restarted);
        self.execute(node, effects.drain().collect());
    }

    fn step(&mut self, node: NodeId, input: Input<P>) {
        let Some(process) = self.nodes.0[node.position()].process.as_mut() else {
            return;
        };
        let mut effects = Effects::new();
        process::take(process, input, &mut effects);
        let stepped = self
            .invariants
            .stepped(&self.nodes, node, effects.as_slice());
        self.check(stepped);
        self.execute(node, effects.drain().collect());
    }

    /// Does what a node wants done.
    pub(crate) fn execute(&mut self, id: NodeId, effects: Vec<Effect<P>>) {
        let allowed = self.crash_after.take();
        for (count, effect) in effects.iter().enumerate() {
            if allowed == Some(count) {
                return self.crash_with(id, &effects[count..]);
            }
            self.execute_one(id, effect.clone());
            let executed = self.invariants.executed(&self.nodes, id, effect);
            self.check(executed);
        }
        let settled = self.invariants.settled(&self.nodes, id);
        self.check(settled);
        if allowed.is_some() {
            self.crash(id);
        }
    }

    fn execute_one(&mut self, id: NodeId, effect: Effect<P>) {
        let node = &mut self.nodes.0[id.position()];
        match effect {
            Effect::Persist(write) => node.durable.apply(&write),
            Effect::Send { to, message } => {
                assert_ne!(to, id, "nobody sends to itself");
                let from = id;
                self.bag.push_back(Envelope { from, to, message });
            }
            Effect::SetTimer { timer, delay } => {
                node.timers.insert(timer);
                node.delays.insert(timer, delay);
            }
            Effect::CancelTimer(timer) => {
                node.timers.remove(&timer);
            }
            Effect::Return {
                invocation,
                outcome,
            } => {
                let earlier = self.outcomes.insert(invocation, outcome);
                assert!(earlier.is_none(), "{invocation} is answered twice");
            }
            Effect::Tell(_) => {}
            Effect::Mark(mark) => {
                self.marks.insert(mark);
            }
        }
    }

    fn check(&mut self, result: Result<(), Violation>) {
        if let Err(violation) = result {
            self.broken.push(violation.property);
            self.violation.get_or_insert(violation);
        }
    }
}
