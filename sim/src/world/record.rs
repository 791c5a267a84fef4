//! What happened to the nodes of a run, one thing after the other.
//!
//! Of the world around them nothing is written down: a message that was lost is one that is never
//! delivered, and a cut, a slow disk or a clock shows in what happens and in what does not. So the
//! same things can be made to happen in a [frozen](super::frozen) world.

use std::collections::{BTreeMap, VecDeque};

use snowglobe_systems::invariants::Invariants;
use snowglobe_systems::process::{Choice, Durable, Effect, Input, NodeId, Process};

use super::World;

/// Something that happened to a node.
#[derive(Clone, Debug)]
pub struct NodeEvent<P: Process> {
    /// The node.
    pub node: NodeId,
    /// What happened to it.
    pub what: NodeEventKind<P>,
    /// What its step chose.
    pub choices: Vec<u32>,
    /// It went down when so many effects of its step were executed.
    pub crash_after: Option<usize>,
    /// How many effects its step has.
    effects: usize,
}

/// What happened to a node.
#[derive(Clone, Debug)]
pub enum NodeEventKind<P: Process> {
    /// A message arrived, and it took a step.
    Delivered {
        /// The sender.
        from: NodeId,
        /// Which of its messages it was, if it is known.
        sent: Option<Sent>,
        /// What it said.
        message: P::Message,
    },
    /// A timer fired, and it took a step.
    Timeout(P::Timer),
    /// A client called, and it took a step.
    Invoked(P::Operation),
    /// It went down between two steps.
    Crashed,
    /// It came back.
    Restarted,
}

/// Names a message by the step that sent it, so that it has the same name where it says
/// something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sent {
    /// The place of the event that made its sender take the step; the first boot, if none.
    pub by: Option<usize>,
    /// How many messages that step had sent to the same receiver before it.
    pub earlier: usize,
}

/// Writes down what happens.
#[derive(Clone, Debug)]
pub(super) struct Record<P: Process> {
    happened: Vec<NodeEvent<P>>,
    /// By node: the place of what made it take its last step, and how many messages that
    /// step has sent to each receiver.
    steps: Vec<(Option<usize>, BTreeMap<NodeId, usize>)>,
    /// By the number of a message: which it is.
    sent: BTreeMap<u64, Sent>,
    /// What arrived and waits for its receiver to take it: from, to, number, and what it says.
    arrived: Vec<(NodeId, NodeId, u64, P::Message)>,
    /// Steps that a crash interrupted, until their node comes back.
    interrupted: BTreeMap<NodeId, Interrupted<P>>,
}

impl<P: Process> Record<P> {
    pub(super) fn new(nodes: usize) -> Self {
        Self {
            happened: Vec::new(),
            steps: vec![(None, BTreeMap::new()); nodes],
            sent: BTreeMap::new(),
            arrived: Vec::new(),
            interrupted: BTreeMap::new(),
        }
    }

    /// A message goes out.
    pub(super) fn sends(&mut self, from: NodeId, to: NodeId, number: u64) {
        let (by, sent) = &mut self.steps[from.position()];
        let count = sent.entry(to).or_default();
        let earlier = *count;
        *count += 1;
        let by = *by;
        self.sent.insert(number, Sent { by, earlier });
    }

    /// A message comes to a node that will take it sooner or later.
    pub(super) fn arrives(&mut self, from: NodeId, to: NodeId, number: u64, message: &P::Message) {
        self.arrived.push((from, to, number, message.clone()));
    }

    /// A node takes a step.
    pub(super) fn takes(&mut self, node: NodeId, input: &Input<P>) {
        let what = match input {
            Input::Receive { from, message } => NodeEventKind::Delivered {
                from: *from,
                sent: self.take_arrived(*from, node, message),
                message: message.clone(),
            },
            Input::Timeout(timer) => NodeEventKind::Timeout(*timer),
            Input::Invoke { operation, .. } => NodeEventKind::Invoked(operation.clone()),
        };
        self.note(node, what);
    }

    fn take_arrived(&mut self, from: NodeId, to: NodeId, message: &P::Message) -> Option<Sent> {
        let is_it =
            |it: &(NodeId, NodeId, u64, P::Message)| (it.0, it.1) == (from, to) && it.3 == *message;
        let place = self.arrived.iter().position(is_it)?;
        let (_, _, number, _) = self.arrived.swap_remove(place);
        self.sent.get(&number).copied()
    }

    /// A node comes back.
    pub(super) fn restarts(&mut self, node: NodeId, durable: &P::Durable) {
        self.settle_crash(node, durable);
        self.note(node, NodeEventKind::Restarted);
    }

    fn note(&mut self, node: NodeId, what: NodeEventKind<P>) {
        self.steps[node.position()] = (Some(self.happened.len()), BTreeMap::new());
        self.happened.push(NodeEvent {
            node,
            what,
            choices: Vec::new(),
            crash_after: None,
            effects: 0,
        });
    }

    /// The step of a node is worked out.
    pub(super) fn worked_out(&mut self, node: NodeId, effects: usize, chosen: &[Choice]) {
        let (Some(place), _) = self.steps[node.position()] else {
            return;
        };
        let event = &mut self.happened[place];
        event.effects = effects;
        event.choices = chosen.iter().map(|choice| choice.taken).collect();
    }

    /// A node goes down whose disk keeps this for sure, while these effects of its last step were
    /// not executed.
    pub(super) fn goes_down(
        &mut self,
        node: NodeId,
        durable: &P::Durable,
        left: Option<&VecDeque<Effect<P>>>,
    ) {
        self.arrived.retain(|it| it.1 != node);
        match (self.steps[node.position()].0, left) {
            (Some(place), Some(left)) => {
                let event = &mut self.happened[place];
                event.crash_after = Some(event.effects.saturating_sub(left.len()));
                let writes = left.iter().enumerate();
                let writes = writes.filter_map(|(place, effect)| match effect {
                    Effect::Persist(write) => Some((place, write.clone())),
                    _ => None,
                });
                let crash = Interrupted {
                    place,
                    durable: durable.clone(),
                    writes: writes.collect(),
                };
                self.interrupted.insert(node, crash);
            }
            _ => self.note(node, NodeEventKind::Crashed),
        }
    }

    /// What a disk holds when a node comes back shows which writes outlived the crash: they may
    /// have reached it although nobody knew.
    fn settle_crash(&mut self, node: NodeId, found: &P::Durable) {
        let Some(crash) = self.interrupted.remove(&node) else {
            return;
        };
        let mut durable = crash.durable;
        if durable == *found {
            return;
        }
        for (executed, write) in &crash.writes {
            durable.apply(write);
            if durable == *found {
                let event = &mut self.happened[crash.place];
                let before = event.crash_after.unwrap_or_default();
                event.crash_after = Some(before + executed + 1);
                return;
            }
        }
    }
}

/// A step that a crash interrupted.
#[derive(Clone, Debug)]
struct Interrupted<P: Process> {
    /// Of what made the node take it.
    place: usize,
    /// What the disk keeps for sure.
    durable: P::Durable,
    /// The writes that were not executed, each by its place among the effects that were not.
    writes: Vec<(usize, <P::Durable as Durable>::Write)>,
}

impl<P: Process, I: Invariants<P>> World<P, I> {
    /// From now on, what happens to the nodes is written down.
    pub fn keep_record(&mut self) {
        self.record = Some(Box::new(Record::new(self.nodes.len())));
    }

    /// What happened to the nodes since then, in the order of time.
    pub fn take_record(&mut self) -> Vec<NodeEvent<P>> {
        self.record.take().map_or_else(Vec::new, |it| it.happened)
    }
}
