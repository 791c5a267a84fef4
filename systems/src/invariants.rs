//! What must hold over all nodes, at one instant and over time.
//!
//! An [`Invariants`] value is an observer: it is told of each step, of each
//! effect that is executed and of each crash, and sees every node's state. It keeps what
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

/// The invariants of a system, as an observer of what happens.
///
/// It is told what happens when it happens, in this order, by every engine:
///
/// 1. [`started`](Self::started) or [`stepped`](Self::stepped): a node booted,
///    or took an input. Its memory is new; nothing that it wants done is done.
/// 2. [`executed`](Self::executed), once for each effect, right after it: a
///    write is on disk, a message is on its way, an answer is given. A slow disk
///    may let any time pass before the next, in which other nodes go on.
/// 3. [`settled`](Self::settled): all effects of that step were executed.
///
/// A crash may come after any of them: then [`crashed`](Self::crashed) says
/// which effects will never be executed, and nothing more is told of that step.
///
/// A promise about what others can notice belongs into `executed`; one about
/// the memory of a node into `stepped`; one that compares memory with disk into
/// `settled`. None must be written:
///
/// ```
/// # use snowglobe_systems::invariants::{ClusterView, Invariants, Violation};
/// # use snowglobe_systems::process::{Effect, NodeId, Process};
/// /// Nobody says a number that is not on its own disk.
/// #[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
/// struct RememberedFirst;
///
/// # trait Counts { fn highest(&self) -> u64; }
/// impl<P: Process<Message = u64>> Invariants<P> for RememberedFirst
/// where
///     P::Durable: Counts,
/// {
///     fn executed(
///         &mut self,
///         cluster: &impl ClusterView<P>,
///         node: NodeId,
///         effect: &Effect<P>,
///     ) -> Result<(), Violation> {
///         let on_disk = cluster.node(node).durable.highest();
///         match effect {
///             Effect::Send { message, .. } if *message > on_disk => Err(Violation::new(
///                 "remembered-first",
///                 [node],
///                 format!("{node} to say {on_disk} at most, as on its disk"),
///                 format!("{message}"),
///             )),
///             _ => Ok(()),
///         }
///     }
/// }
/// ```
pub trait Invariants<P: Process>:
    Clone + Eq + Hash + Debug + Default + Send + Sync + 'static
{
    /// `node` has booted, for the first time or after a crash, from what its
    /// disk held. None of the effects of its start is executed yet.
    ///
    /// # Errors
    /// The first broken promise.
    fn started(&mut self, _cluster: &impl ClusterView<P>, _node: NodeId) -> Result<(), Violation> {
        Ok(())
    }

    /// `node` has taken a step, and wants these effects. None is executed yet, and a crash
    /// may prevent any of them: what is checked here must hold of the intended effect.
    ///
    /// # Errors
    /// The first broken promise.
    fn stepped(
        &mut self,
        _cluster: &impl ClusterView<P>,
        _node: NodeId,
        _effects: &[Effect<P>],
    ) -> Result<(), Violation> {
        Ok(())
    }

    /// An effect of the last step of `node` was executed: `cluster` shows the
    /// disk with it.
    ///
    /// # Errors
    /// The first broken promise.
    fn executed(
        &mut self,
        _cluster: &impl ClusterView<P>,
        _node: NodeId,
        _effect: &Effect<P>,
    ) -> Result<(), Violation> {
        Ok(())
    }

    /// All effects of the last step of `node` were executed.
    ///
    /// # Errors
    /// The first broken promise.
    fn settled(&mut self, _cluster: &impl ClusterView<P>, _node: NodeId) -> Result<(), Violation> {
        Ok(())
    }

    /// `node` went down. The effects in `prevented` were not executed and never
    /// will be; only if the first is a write, the disk may still turn out to
    /// hold it. What is remembered of the node and cannot matter any more may be
    /// forgotten here, so that pasts that can no longer be told apart are one.
    fn crashed(&mut self, _cluster: &impl ClusterView<P>, _node: NodeId, _prevented: &[Effect<P>]) {
    }

    /// The first suspicious moment that violates nothing by itself. A later violation is
    /// reported together with it: it may be where the trouble began.
    fn suspicion(&self) -> Option<&Violation> {
        None
    }
}

/// No invariants; for a system that is judged by what its clients see alone.
impl<P: Process> Invariants<P> for () {}

/// What is kept only for a violation's message, such as who was first to say something.
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

/// A violation: what was expected, what was found, and where.
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
