//! A process inside another one, and the promises of the inner over a world of the outer.
//!
//! A node of a large system may be one of several things, or contain several.
//! What such a [`Part`] promises was written for a world that consists of
//! nothing else. A [`PartView`] shows it just that: a node without the part
//! looks as if it were down, with an empty disk.
//!
//! ```text
//! fn after_effects(&mut self, cluster: &impl ClusterView<Whole>, node: NodeId) -> ... {
//!     part::after_effects::<Server, _>(&mut self.servers, cluster, node)
//! }
//! ```

use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use crate::invariants::{ClusterView, Invariants, NodeView, Violation};
use crate::process::{Effect, NodeId, Process};

/// A process that nodes of the process `W`, the whole, may contain.
pub trait Part<W: Process>: Process {
    /// The part in a node; `None` where it has none.
    fn of(node: &W) -> Option<&Self>;
    /// The part of a disk that is this part's; `None` where it has none. A disk
    /// that nothing was written to may belong to any part, or to none.
    fn durable_of(durable: &W::Durable) -> Option<&Self::Durable>;
    /// An effect of the whole, as the part left it; `None` if it is not one of
    /// this part's, or if no invariant of the part ever looks at it.
    fn effect_of(effect: &Effect<W>) -> Option<Effect<Self>>;
}

/// A world of wholes, as the invariants of a part see it.
pub struct PartView<'a, V, W, Q: Process> {
    whole: &'a V,
    /// What the disk of a node without this part holds.
    empty: Q::Durable,
    of: PhantomData<fn() -> W>,
}

impl<'a, V: ClusterView<W>, W: Process, Q: Part<W>> PartView<'a, V, W, Q> {
    /// The part `Q` of each node of a world.
    #[must_use]
    pub fn new(whole: &'a V) -> Self {
        Self {
            whole,
            empty: Q::Durable::default(),
            of: PhantomData,
        }
    }
}

impl<V: ClusterView<W>, W: Process, Q: Part<W>> ClusterView<Q> for PartView<'_, V, W, Q> {
    fn len(&self) -> usize {
        self.whole.len()
    }

    fn node(&self, id: NodeId) -> NodeView<'_, Q> {
        let NodeView { process, durable } = self.whole.node(id);
        NodeView {
            process: process.and_then(Q::of),
            durable: Q::durable_of(durable).unwrap_or(&self.empty),
        }
    }
}

impl<V, W, Q: Process> fmt::Debug for PartView<'_, V, W, Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartView").finish_non_exhaustive()
    }
}

/// Shows a part's invariants the effects of a step, before they are executed.
/// Does nothing if the node has no such part.
///
/// # Errors
/// The first broken promise of the part.
pub fn before_effects<Q: Part<W>, W: Process>(
    invariants: &mut impl Invariants<Q>,
    cluster: &impl ClusterView<W>,
    node: NodeId,
    effects: &[Effect<W>],
) -> Result<(), Violation> {
    if !is_in::<Q, W>(cluster, node) {
        return Ok(());
    }
    let effects: Vec<Effect<Q>> = effects.iter().filter_map(Q::effect_of).collect();
    invariants.before_effects(&PartView::new(cluster), node, &effects)
}

/// Shows a part's invariants a node after the effects of its step were
/// executed. Does nothing if the node has no such part.
///
/// # Errors
/// The first broken promise of the part.
pub fn after_effects<Q: Part<W>, W: Process>(
    invariants: &mut impl Invariants<Q>,
    cluster: &impl ClusterView<W>,
    node: NodeId,
) -> Result<(), Violation> {
    match is_in::<Q, W>(cluster, node) {
        true => invariants.after_effects(&PartView::new(cluster), node),
        false => Ok(()),
    }
}

/// Shows a part's invariants a node that comes back from a crash, before its
/// first step. Does nothing if the node has no such part.
///
/// # Errors
/// The first broken promise of the part.
pub fn after_restart<Q: Part<W>, W: Process>(
    invariants: &mut impl Invariants<Q>,
    cluster: &impl ClusterView<W>,
    node: NodeId,
) -> Result<(), Violation> {
    match is_in::<Q, W>(cluster, node) {
        true => invariants.after_restart(&PartView::new(cluster), node),
        false => Ok(()),
    }
}

fn is_in<Q: Part<W>, W: Process>(cluster: &impl ClusterView<W>, node: NodeId) -> bool {
    cluster.node(node).process.and_then(Q::of).is_some()
}
