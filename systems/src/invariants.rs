//! What must hold over all nodes, at one instant and over time.
//!
//! An [`Invariants`] value is an observer: after each step it is shown the
//! node that moved, the effects it left, and every node's state. It keeps what
//! it must remember (who led which term, what was committed where), so that
//! each look costs as much as what changed. It is a plain value, so that a
//! model checker can keep it in its states.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Debug};
use core::hash::{Hash, Hasher};

use crate::process::{Effect, NodeId, Process};

/// One node as an invariant sees it.
#[derive(Clone, Copy, Debug)]
pub struct NodeView<'a, P: Process> {
    /// Its state, or `None` while it is down.
    pub process: Option<&'a P>,
    /// What its disk would give back after a crash now.
    pub durable: &'a P::Durable,
}

/// All nodes at one instant, in the order of their names.
pub trait ClusterView<P: Process> {
    /// How many nodes there are.
    fn len(&self) -> usize;
    /// One of them.
    fn node(&self, id: NodeId) -> NodeView<'_, P>;
    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What a system promises, as an observer of its steps.
pub trait Invariants<P: Process>:
    Clone + Eq + Hash + Debug + Default + Send + Sync + 'static
{
    /// Looks at `node` before the effects of its step are executed. Here the
    /// disks do not yet hold what this step persists.
    ///
    /// # Errors
    /// The first broken promise.
    fn before_effects(
        &mut self,
        cluster: &impl ClusterView<P>,
        node: NodeId,
        effects: &[Effect<P>],
    ) -> Result<(), Violation>;

    /// Looks at `node` after the effects of its step were executed, in full.
    ///
    /// # Errors
    /// The first broken promise.
    fn after_effects(
        &mut self,
        cluster: &impl ClusterView<P>,
        node: NodeId,
    ) -> Result<(), Violation>;

    /// A node went down. What is remembered of it and cannot matter any more may
    /// be forgotten, so that pasts that can no longer be told apart are one.
    fn after_crash(&mut self, _cluster: &impl ClusterView<P>, _node: NodeId) {}

    /// Looks at `node` when it comes back from a crash, before its first step.
    ///
    /// # Errors
    /// The first broken promise.
    fn after_restart(
        &mut self,
        cluster: &impl ClusterView<P>,
        node: NodeId,
    ) -> Result<(), Violation>;

    /// The first moment that looked wrong and breaks no promise by itself. What
    /// breaks later is told together with it: it may be where the trouble began.
    fn suspicion(&self) -> Option<&Violation> {
        None
    }
}

/// What is kept for the words of a violation only, as who was first to say something.
///
/// It decides nothing: no check looks at it but to print it. What happens next
/// is the same whatever it holds, and so all values of it are equal, and add
/// nothing to a hash. A model checker then does not take two states for
/// different that differ in nothing else.
#[derive(Clone, Copy, Debug, Default)]
pub struct ForReport<T>(pub T);

impl<T> PartialEq for ForReport<T> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<T> Eq for ForReport<T> {}

/// Equal values must have equal hashes, and all are equal.
impl<T> Hash for ForReport<T> {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

/// A broken promise: what was expected, what was found, and where.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Violation {
    /// The short name of the promise, as in `election-safety`.
    pub property: &'static str,
    /// What should have been.
    pub expected: String,
    /// What was.
    pub found: String,
    /// The nodes that contradict each other, or the one that contradicts the past.
    pub nodes: Vec<NodeId>,
}

impl Violation {
    /// A violation of `property` on `nodes`.
    pub fn new(
        property: &'static str,
        nodes: impl IntoIterator<Item = NodeId>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self {
            property,
            expected: expected.into(),
            found: found.into(),
            nodes: nodes.into_iter().collect(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: expected {}, found {}",
            self.property, self.expected, self.found
        )?;
        if !self.nodes.is_empty() {
            write!(f, " on {:?}", self.nodes)?;
        }
        Ok(())
    }
}

impl Debug for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
