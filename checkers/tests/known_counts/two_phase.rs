//! Two-phase commit, after Gray and Lamport ("Consensus on transaction commit", 2006):
//! a transaction is committed if all resource managers are prepared, and may be
//! aborted at any time before.
//!
//! Nothing tells a manager when to make up its mind. The node called outside wants
//! everything at once: that each resource manager prepares and that it refuses, that
//! the transaction is committed and that it is aborted. Which of its wishes arrives
//! first decides, and the others are obsolete then.
//!
//! In stateright's example messages are never removed from a set, and who hears
//! one again does nothing new. Here a message is gone when it arrives, and one set
//! stands for the other: a decision was sent if the transaction manager has decided, and
//! who said `Prepared` remembers it. What makes the match exact is one of our reductions:
//! what comes too late is obsolete, so what is under way to somebody follows from his
//! state and from that of the sender.

use std::collections::BTreeSet;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};
use snowglobe_checkers::explore::{
    Alike, Bounds, Client, Property, PropertyKind, Setting, Symmetry, TimerKind,
};
use snowglobe_systems::invariants::{ClusterView, Invariants, Violation};
use snowglobe_systems::process::{Effect, Effects, Input, NoDisk, NodeId, Process};
use snowglobe_systems::renaming::{Renamed, Renaming};

use super::register::NoTimer;

/// What is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Message {
    /// From outside, to a resource manager.
    Prepare,
    Refuse,
    /// From outside, to the transaction manager.
    Finish(Decision),
    /// From a resource manager.
    Prepared,
    /// From the transaction manager.
    Decided(Decision),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Decision {
    Commit,
    Abort,
}

/// How far a resource manager is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Stage {
    Working,
    Prepared,
    Done(Decision),
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Manager {
    Resource {
        stage: Stage,
        /// Whether it has ever said that it is prepared.
        said: bool,
        transaction: NodeId,
    },
    Transaction {
        resources: u16,
        prepared: BTreeSet<NodeId>,
        decided: Option<Decision>,
    },
    Outside,
}

impl Process for Manager {
    /// How many resource managers there are. They come first, then the
    /// transaction manager, and then the outside.
    type Config = u16;
    type Message = Message;
    type Timer = NoTimer;
    type Operation = ();
    type Outcome = ();
    type Durable = NoDisk;

    fn start(id: NodeId, resources: &u16, _: NoDisk, effects: &mut Effects<Self>) -> Self {
        let transaction = NodeId(resources + 1);
        if id < transaction {
            return Self::Resource {
                stage: Stage::Working,
                said: false,
                transaction,
            };
        }
        if id == transaction {
            return Self::Transaction {
                resources: *resources,
                prepared: BTreeSet::new(),
                decided: None,
            };
        }
        for resource in (1..=*resources).map(NodeId) {
            send(effects, resource, Message::Prepare);
            send(effects, resource, Message::Refuse);
        }
        send(effects, transaction, Message::Finish(Decision::Commit));
        send(effects, transaction, Message::Finish(Decision::Abort));
        Self::Outside
    }

    fn step(&mut self, input: Input<Self>, effects: &mut Effects<Self>) {
        let Input::Receive { from, message } = input else {
            return;
        };
        match self {
            Self::Resource {
                stage,
                said,
                transaction,
            } => {
                let says = resource_hears(stage, message);
                if let Some(message) = says {
                    *said = true;
                    send(effects, *transaction, message);
                }
            }
            Self::Transaction {
                resources,
                prepared,
                decided,
            } => {
                let all = (1..=*resources).map(NodeId);
                match message {
                    Message::Prepared if decided.is_none() => {
                        prepared.insert(from);
                    }
                    Message::Finish(decision)
                        if decided.is_none()
                            && (decision == Decision::Abort
                                || all.clone().eq(prepared.iter().copied())) =>
                    {
                        *decided = Some(decision);
                        all.for_each(|to| send(effects, to, Message::Decided(decision)));
                    }
                    _ => {}
                }
            }
            Self::Outside => {}
        }
    }
}

/// What a resource manager does about a message, and what it says to the transaction manager.
fn resource_hears(stage: &mut Stage, message: Message) -> Option<Message> {
    match (&stage, message) {
        (Stage::Working, Message::Prepare) => {
            *stage = Stage::Prepared;
            return Some(Message::Prepared);
        }
        (Stage::Working, Message::Refuse) => *stage = Stage::Done(Decision::Abort),
        (Stage::Working | Stage::Prepared, Message::Decided(decision)) => {
            *stage = Stage::Done(decision);
        }
        _ => {}
    }
    None
}

fn send(effects: &mut Effects<Manager>, to: NodeId, message: Message) {
    effects.push(Effect::Send { to, message });
}

/// Nobody has committed what another has aborted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Consistent;

const CONSISTENT: &str = "consistent";

/// How far each resource manager is.
pub(crate) fn stages(cluster: &impl ClusterView<Manager>) -> Vec<Stage> {
    let nodes = (0..cluster.len()).map(|place| cluster.node(NodeId::at(place)));
    nodes
        .filter_map(|node| match node.process {
            Some(Manager::Resource { stage, .. }) => Some(*stage),
            _ => None,
        })
        .collect()
}

impl Invariants<Manager> for Consistent {
    fn settled(
        &mut self,
        cluster: &impl ClusterView<Manager>,
        node: NodeId,
    ) -> Result<(), Violation> {
        let stages = stages(cluster);
        let is = |decision| stages.contains(&Stage::Done(decision));
        match is(Decision::Commit) && is(Decision::Abort) {
            true => Err(Violation::new(CONSISTENT, [node], "one outcome", "both")),
            false => Ok(()),
        }
    }
}

/// Resource managers that are alike, and a transaction.
#[derive(Clone, Debug)]
pub(crate) struct TwoPhase<I = Consistent> {
    bounds: Bounds,
    configs: Vec<u16>,
    alike: Alike,
    invariants: PhantomData<fn() -> I>,
}

impl<I> TwoPhase<I> {
    pub(crate) fn new(resources: u16) -> Self {
        Self {
            bounds: Bounds {
                messages: u8::MAX,
                ..Bounds::default()
            },
            configs: vec![resources; usize::from(resources) + 2],
            alike: Alike((1..=resources).map(NodeId).collect()),
            invariants: PhantomData,
        }
    }
}

impl<I: Invariants<Manager> + Renamed> Setting for TwoPhase<I> {
    type Process = Manager;
    type Invariants = I;
    type Judge = ();

    const NAME: &'static str = "two-phase commit";

    fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    fn configs(&self) -> &[u16] {
        &self.configs
    }

    fn clients(&self) -> &[Client<()>] {
        &[]
    }

    fn properties(&self) -> Vec<Property> {
        let name = CONSISTENT;
        let kind = PropertyKind::State;
        vec![Property { name, kind }]
    }

    fn timer_kind(&self, timer: NoTimer) -> Option<TimerKind> {
        match timer {}
    }

    fn symmetry(&self) -> Option<&dyn Symmetry<Manager, I>> {
        Some(&self.alike)
    }

    fn shape(&self, _: &impl ClusterView<Manager>) -> String {
        String::new()
    }

    fn is_well(&self, _: &impl ClusterView<Manager>, _: &[NodeId]) -> Result<(), String> {
        Ok(())
    }
}

impl Renamed for Manager {
    fn renamed(&self, renaming: &Renaming) -> Self {
        let mut renamed = self.clone();
        if let Self::Transaction { prepared, .. } = &mut renamed {
            *prepared = prepared.iter().map(|node| renaming.of(*node)).collect();
        }
        renamed
    }
}

impl Renamed for Message {
    fn renamed(&self, _: &Renaming) -> Self {
        *self
    }
}

impl Renamed for Consistent {
    fn renamed(&self, _: &Renaming) -> Self {
        Self
    }
}
