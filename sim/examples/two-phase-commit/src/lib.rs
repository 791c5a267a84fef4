//! Two-phase commit: n1 asks all others to prepare, and decides when all have voted.
//!
//! Who has voted yes must wait for the decision, however long that takes. The mistake is to
//! lose patience and abort: `TwoPhaseCommit<true>`.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use snowglobe::prelude::*;

const COORDINATOR: NodeId = NodeId(1);

/// A transaction.
type Tx = u64;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum State {
    Prepared,
    Committed,
    Aborted,
}

/// What a node's disk holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Log(BTreeMap<Tx, State>);

impl Durable for Log {
    type Write = (Tx, State);
    fn apply(&mut self, (tx, state): &Self::Write) {
        self.0.insert(*tx, *state);
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Node {
    id: NodeId,
    config: Config,
    log: Log,
    /// Of the coordinator: who waits for a decision, and who has voted yes.
    open: BTreeMap<Tx, (InvocationId, BTreeSet<NodeId>)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Message {
    Prepare(Tx),
    Vote(Tx, bool),
    Decided(Tx, State),
    /// What was decided?
    Ask(Tx),
}

impl Process for Node {
    type Config = Config;
    type Message = Message;
    type Timer = ();
    type Operation = ();
    type Outcome = State;
    type Durable = Log;

    fn start(id: NodeId, config: &Config, log: Log, effects: &mut Effects<Self>) -> Self {
        let (config, open) = (config.clone(), BTreeMap::new());
        let mut node = Self { id, config, log, open };
        if id == COORDINATOR {
            // Nobody was told of what is not decided: it is aborted.
            for tx in node.prepared() {
                node.decide(tx, State::Aborted, effects);
            }
        }
        effects.push(Effect::SetTimer(()));
        node
    }

    fn step(&mut self, input: Input<Self>, effects: &mut Effects<Self>) {
        match input {
            Input::Invoke { invocation, .. } => {
                let tx = self.log.0.last_key_value().map_or(1, |(last, _)| last + 1);
                self.put(tx, State::Prepared, effects);
                self.open.insert(tx, (invocation, BTreeSet::new()));
                self.tell_all(&Message::Prepare(tx), effects);
            }
            Input::Receive { from, message } => self.receive(from, message, effects),
            Input::Timeout(()) => {
                for tx in self.prepared() {
                    match self.id {
                        COORDINATOR => self.tell_all(&Message::Prepare(tx), effects),
                        _ if self.config.impatient => self.put(tx, State::Aborted, effects),
                        _ => send(COORDINATOR, Message::Ask(tx), effects),
                    }
                }
                effects.push(Effect::SetTimer(()));
            }
        }
    }

    fn delay(config: &Config, (): ()) -> Range<Duration> {
        Duration::from_millis(config.patience_ms)..Duration::from_millis(2 * config.patience_ms)
    }
}

impl Node {
    fn receive(&mut self, from: NodeId, message: Message, effects: &mut Effects<Self>) {
        match message {
            Message::Prepare(tx) => {
                // Now and then one of them cannot do it.
                let can = (tx + u64::from(self.id.0)) % 4 > 0;
                let vote = if can { State::Prepared } else { State::Aborted };
                if !self.log.0.contains_key(&tx) {
                    self.put(tx, vote, effects);
                }
                send(from, Message::Vote(tx, can), effects);
            }
            Message::Vote(tx, yes) => match self.open.get_mut(&tx) {
                Some(_) if !yes => self.decide(tx, State::Aborted, effects),
                Some((_, votes)) => {
                    votes.insert(from);
                    if votes.len() + 1 == self.config.nodes {
                        self.decide(tx, State::Committed, effects);
                    }
                }
                None => self.receive(from, Message::Ask(tx), effects),
            },
            Message::Ask(tx) => match self.log.0.get(&tx) {
                Some(State::Prepared) | None => {}
                Some(decided) => send(from, Message::Decided(tx, *decided), effects),
            },
            Message::Decided(tx, state) => {
                if self.log.0.get(&tx) == Some(&State::Prepared) {
                    self.put(tx, state, effects);
                }
            }
        }
    }

    fn decide(&mut self, tx: Tx, state: State, effects: &mut Effects<Self>) {
        self.put(tx, state, effects);
        self.tell_all(&Message::Decided(tx, state), effects);
        if let Some((invocation, _)) = self.open.remove(&tx) {
            effects.mark(if state == State::Committed { "tx.committed" } else { "tx.aborted" });
            effects.reply(invocation, state);
        }
    }

    fn put(&mut self, tx: Tx, state: State, effects: &mut Effects<Self>) {
        self.log.apply(&(tx, state));
        effects.push(Effect::Persist((tx, state)));
    }

    fn prepared(&self) -> Vec<Tx> {
        let prepared = self.log.0.iter().filter(|(_, state)| **state == State::Prepared);
        prepared.map(|(tx, _)| *tx).collect()
    }

    fn tell_all(&self, message: &Message, effects: &mut Effects<Self>) {
        for other in (1..self.config.nodes).map(NodeId::at) {
            send(other, message.clone(), effects);
        }
    }
}

fn send(to: NodeId, message: Message, effects: &mut Effects<Node>) {
    effects.push(Effect::Send { to, message });
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
        let Effect::Persist((tx, state)) = effect else {
            return Ok(());
        };
        let opposite = match state {
            State::Committed => State::Aborted,
            State::Aborted => State::Committed,
            State::Prepared => return Ok(()),
        };
        let others = (0..cluster.len()).map(NodeId::at);
        let known = |id: &NodeId| cluster.node(*id).durable.0.get(tx) == Some(&opposite);
        match others.into_iter().find(known) {
            None => Ok(()),
            Some(other) => Err(Violation::new(
                "all-or-nothing",
                [node, other],
                format!("transaction {tx} to end the same way everywhere"),
                format!("{node} has {state:?} where {other} has {opposite:?}"),
            )),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    nodes: usize,
    impatient: bool,
    pub patience_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { nodes: 0, impatient: false, patience_ms: 200 }
    }
}

/// With patience, as it must be, or without.
pub struct TwoPhaseCommit<const IMPATIENT: bool>;

pub const SYSTEM: Entry<TwoPhaseCommit<false>> = Entry::MODELLED;
pub const MISTAKEN: Entry<TwoPhaseCommit<true>> = Entry::MODELLED;

impl<const IMPATIENT: bool> System for TwoPhaseCommit<IMPATIENT> {
    type Process = Node;
    type Invariants = AllOrNothing;
    type Options = Config;
    type Workload = Calls<Node>;

    const NAME: &'static str = if IMPATIENT { "impatient-commit" } else { "commit" };
    const ABOUT: &'static str = "two-phase commit";
    const NODES: (usize, usize) = (3, 7);
    const PROPERTIES: &'static [&'static str] = &["all-or-nothing"];

    fn marks() -> Vec<&'static str> {
        vec!["tx.committed", "tx.aborted"]
    }

    fn membership(nodes: usize, _: &Config) -> Membership {
        Membership::groups([1], nodes - 1).whose_clients_write()
    }

    fn configs(nodes: usize, options: &Config) -> Vec<Config> {
        let config = Config { nodes, impatient: IMPATIENT, ..options.clone() };
        vec![config; nodes]
    }

    fn workload(scenario: &Scenario, _: &Config) -> Calls<Node> {
        Calls::new(scenario, [COORDINATOR], |_, _| ())
    }
}

impl<const IMPATIENT: bool> Small for TwoPhaseCommit<IMPATIENT> {
    fn clients(_: usize, _: &Config, _: &Bounds) -> Vec<Client<()>> {
        vec![Client { at: vec![COORDINATOR], operations: vec![()], waits: true }]
    }
}
