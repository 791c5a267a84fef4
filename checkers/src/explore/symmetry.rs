//! Symmetry reduction: nodes that are interchangeable.

use std::fmt::Debug;

use snowglobe_systems::invariants::Invariants;
use snowglobe_systems::process::{NodeId, Process};
use snowglobe_systems::renaming::{Renamed, Renaming};

/// How a world looks when some of its nodes have traded names.
///
/// Sound where the process treats all of these names alike: for every state, input
/// and renaming, the step of the renamed node with the renamed input is the
/// renamed step.
pub trait Symmetry<P: Process, I: Invariants<P>>: Debug + Send + Sync {
    /// The nodes that the system does not tell apart.
    fn alike(&self) -> &[NodeId];
    /// A node under other names.
    fn process(&self, process: &P, renaming: &Renaming) -> P;
    /// A disk under other names.
    fn durable(&self, durable: &P::Durable, renaming: &Renaming) -> P::Durable;
    /// A message under other names.
    fn message(&self, message: &P::Message, renaming: &Renaming) -> P::Message;
    /// What is remembered of the past, under other names.
    fn invariants(&self, invariants: &I, renaming: &Renaming) -> I;
}

/// Nodes that are alike, of a system that says how to rename all it has.
#[derive(Clone, Debug)]
pub struct Alike(pub Vec<NodeId>);

impl<P, I> Symmetry<P, I> for Alike
where
    P: Process + Renamed,
    P::Durable: Renamed,
    P::Message: Renamed,
    I: Invariants<P> + Renamed,
{
    fn alike(&self) -> &[NodeId] {
        &self.0
    }
    fn process(&self, process: &P, renaming: &Renaming) -> P {
        process.renamed(renaming)
    }
    fn durable(&self, durable: &P::Durable, renaming: &Renaming) -> P::Durable {
        durable.renamed(renaming)
    }
    fn message(&self, message: &P::Message, renaming: &Renaming) -> P::Message {
        message.renamed(renaming)
    }
    fn invariants(&self, invariants: &I, renaming: &Renaming) -> I {
        invariants.renamed(renaming)
    }
}
