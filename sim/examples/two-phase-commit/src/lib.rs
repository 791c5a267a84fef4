//! Two-phase commit: n1 asks all others to prepare, and decides when all have voted.
//!
//! Whoever has voted yes must wait for the decision. The mistake, `TwoPhaseCommit<true>`, is to
//! lose patience and abort.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use snowglobe::prelude::*;

const COORDINATOR: NodeId = NodeId(1);

/// What a node's disk holds: each transaction that it knows of, and whether that is committed;
/// `None` while it is prepared and not decided.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Log(BTreeMap<u64, Option<bool>>);

impl Durable for Log {
    type Write = (u64, Option<bool>);
    fn apply(&mut self, (tx, committed): &Self::Write) {
        self.0.insert(*tx, *committed);
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Node {
    id: NodeId,
    config: (usize, bool),
    log: Log,
    /// Of the coordinator: who waits for a decision, and who has voted yes.
    open: BTreeMap<u64, (InvocationId, BTreeSet<NodeId>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Message {
    Prepare(u64),
    Vote(u64, bool),
    Decided(u64, bool),
}

const DELAY: Range<Duration> = Duration::from_millis(200)..Duration::from_millis(400);

impl Process for Node {
    /// How many nodes there are, and whether they lose their patience.
    type Config = (usize, bool);
    type Message = Message;
    type Timer = ();
    type Operation = ();
    type Outcome = bool;
    type Durable = Log;

    fn start(id: NodeId, &config: &Self::Config, log: Log, effects: &mut Effects<Self>) -> Self {
        let mut node = Self { id, config, log, open: BTreeMap::new() };
        if id == COORDINATOR {
            // Nobody was told of what is not decided: it is aborted.
            for tx in node.prepared() {
                node.decide(tx, false, effects);
            }
        }
        effects.set_timer((), DELAY);
        node
    }

    fn step(&mut self, input: Input<Self>, effects: &mut Effects<Self>) {
        match input {
            Input::Invoke { invocation, .. } => {
                let tx = self.log.0.last_key_value().map_or(1, |(last, _)| last + 1);
                self.put(tx, None, effects);
                self.open.insert(tx, (invocation, BTreeSet::new()));
                self.tell_all(Message::Prepare(tx), effects);
            }
            Input::Receive { from, message } => self.receive(from, message, effects),
            Input::Timeout(()) => {
                for tx in self.prepared() {
                    match self.id {
                        COORDINATOR => self.tell_all(Message::Prepare(tx), effects),
                        _ if self.config.1 => self.put(tx, Some(false), effects),
                        _ => send(COORDINATOR, Message::Vote(tx, true), effects),
                    }
                }
                effects.set_timer((), DELAY);
            }
        }
    }
}

impl Node {
    fn receive(&mut self, from: NodeId, message: Message, effects: &mut Effects<Self>) {
        match message {
            Message::Prepare(tx) => {
                // Now and then one of them cannot do it.
                let can = (tx + u64::from(self.id.0)) % 5 > 0;
                if !self.log.0.contains_key(&tx) {
                    self.put(tx, if can { None } else { Some(false) }, effects);
                }
                send(from, Message::Vote(tx, can), effects);
            }
            Message::Vote(tx, yes) => match (self.log.0.get(&tx), self.open.get_mut(&tx)) {
                (Some(None), Some((_, votes))) => {
                    votes.insert(from);
                    if !yes || votes.len() + 1 == self.config.0 {
                        self.decide(tx, yes, effects);
                    }
                }
                (Some(Some(commit)), _) => send(from, Message::Decided(tx, *commit), effects),
                _ => {}
            },
            Message::Decided(tx, commit) if self.log.0.get(&tx) == Some(&None) => {
                self.put(tx, Some(commit), effects);
            }
            Message::Decided(..) => {}
        }
    }

    fn decide(&mut self, tx: u64, commit: bool, effects: &mut Effects<Self>) {
        self.put(tx, Some(commit), effects);
        self.tell_all(Message::Decided(tx, commit), effects);
        if let Some((invocation, _)) = self.open.remove(&tx) {
            effects.reply(invocation, commit);
        }
    }

    fn put(&mut self, tx: u64, committed: Option<bool>, effects: &mut Effects<Self>) {
        self.log.apply(&(tx, committed));
        effects.persist((tx, committed));
    }

    fn prepared(&self) -> Vec<u64> {
        self.log.0.iter().filter(|known| known.1.is_none()).map(|known| *known.0).collect()
    }

    fn tell_all(&self, message: Message, effects: &mut Effects<Self>) {
        (1..self.config.0).for_each(|place| send(NodeId::at(place), message, effects));
    }
}

fn send(to: NodeId, message: Message, effects: &mut Effects<Node>) {
    effects.send(to, message);
}

/// What one node has committed, no other has aborted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct AllOrNothing;

impl Invariants<Node> for AllOrNothing {
    fn executed(
        &mut self,
        cluster: &impl ClusterView<Node>,
        node: NodeId,
        effect: &Effect<Node>,
    ) -> Result<(), Violation> {
        let Effect::Persist((tx, Some(committed))) = effect else { return Ok(()) };
        let known = |id: &NodeId| cluster.node(*id).durable.0.get(tx) == Some(&Some(!committed));
        (0..cluster.len()).map(NodeId::at).find(known).map_or(Ok(()), |other| {
            let expected = format!("transaction {tx} to end the same way everywhere");
            let found = format!("{node} and {other} disagree; committed at {node}: {committed}");
            Err(Violation::new("all-or-nothing", [node, other], expected, found))
        })
    }
}

/// With patience, as it must be, or without.
pub struct TwoPhaseCommit<const IMPATIENT: bool>;

pub const SYSTEM: Entry<TwoPhaseCommit<false>> = Entry::MODELLED;
pub const MISTAKEN: Entry<TwoPhaseCommit<true>> = Entry::MODELLED;

impl<const IMPATIENT: bool> System for TwoPhaseCommit<IMPATIENT> {
    type Process = Node;
    type Invariants = AllOrNothing;
    type Options = NoOptions;
    type Workload = Calls<Node>;

    const NAME: &'static str = if IMPATIENT { "impatient-commit" } else { "commit" };
    const ABOUT: &'static str = "two-phase commit";
    const NODES: (usize, usize) = (3, 7);
    const PROPERTIES: &'static [&'static str] = &["all-or-nothing"];

    /// Nobody can be done without.
    fn membership(nodes: usize, _: &NoOptions) -> Membership {
        Membership::groups(vec![1; nodes], 0)
    }

    fn configs(nodes: usize, _: &NoOptions) -> Vec<(usize, bool)> {
        vec![(nodes, IMPATIENT); nodes]
    }

    fn workload(scenario: &Scenario, _: &NoOptions) -> Calls<Node> {
        Calls::new(scenario, [COORDINATOR], |_, _| ())
    }
}

impl<const IMPATIENT: bool> Small for TwoPhaseCommit<IMPATIENT> {
    fn clients(_: usize, _: &NoOptions, _: &Bounds) -> Vec<Client<()>> {
        vec![Client::of(COORDINATOR, [()])]
    }
}
