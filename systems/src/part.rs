//! A process inside another one, and the promises of the inner over a world of the outer.
//!
//! A node of a large system may be one of several things, or contain several.
//! What such a [`Part`] promises was written for a world that consists of
//! nothing else. A [`PartView`] shows it just that: a node without the part
//! looks as if it were down, with an empty disk.
//!
//! ```text
//! fn settled(&mut self, cluster: &impl ClusterView<Whole>, node: NodeId) -> ... {
//!     part::settled::<Server, _>(&mut self.servers, cluster, node)
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

/// Tells a part's invariants that a node has booted. Does nothing if the node
/// has no such part.
///
/// # Errors
/// The first broken promise of the part.
pub fn started<Q: Part<W>, W: Process>(
    invariants: &mut impl Invariants<Q>,
    cluster: &impl ClusterView<W>,
    node: NodeId,
) -> Result<(), Violation> {
    match is_in::<Q, W>(cluster, node) {
        true => invariants.started(&PartView::new(cluster), node),
        false => Ok(()),
    }
}

/// Tells a part's invariants of a step, with those of its effects that are the
/// part's. Does nothing if the node has no such part.
///
/// # Errors
/// The first broken promise of the part.
pub fn stepped<Q: Part<W>, W: Process>(
    invariants: &mut impl Invariants<Q>,
    cluster: &impl ClusterView<W>,
    node: NodeId,
    effects: &[Effect<W>],
) -> Result<(), Violation> {
    if !is_in::<Q, W>(cluster, node) {
        return Ok(());
    }
    let effects = effects_of::<Q, W>(effects);
    invariants.stepped(&PartView::new(cluster), node, &effects)
}

/// Tells a part's invariants of an effect that was executed, if it is the
/// part's. Does nothing if the node has no such part.
///
/// # Errors
/// The first broken promise of the part.
pub fn executed<Q: Part<W>, W: Process>(
    invariants: &mut impl Invariants<Q>,
    cluster: &impl ClusterView<W>,
    node: NodeId,
    effect: &Effect<W>,
) -> Result<(), Violation> {
    match Q::effect_of(effect).filter(|_| is_in::<Q, W>(cluster, node)) {
        Some(effect) => invariants.executed(&PartView::new(cluster), node, &effect),
        None => Ok(()),
    }
}

/// Tells a part's invariants that all effects of a node's step were executed.
/// Does nothing if the node has no such part.
///
/// # Errors
/// The first broken promise of the part.
pub fn settled<Q: Part<W>, W: Process>(
    invariants: &mut impl Invariants<Q>,
    cluster: &impl ClusterView<W>,
    node: NodeId,
) -> Result<(), Violation> {
    match is_in::<Q, W>(cluster, node) {
        true => invariants.settled(&PartView::new(cluster), node),
        false => Ok(()),
    }
}

/// Tells a part's invariants that a node went down. Whether it had the part can
/// no longer be seen: whoever has never seen the node has nothing to forget.
pub fn crashed<Q: Part<W>, W: Process>(
    invariants: &mut impl Invariants<Q>,
    cluster: &impl ClusterView<W>,
    node: NodeId,
    prevented: &[Effect<W>],
) {
    let prevented = effects_of::<Q, W>(prevented);
    invariants.crashed(&PartView::new(cluster), node, &prevented);
}

fn effects_of<Q: Part<W>, W: Process>(effects: &[Effect<W>]) -> Vec<Effect<Q>> {
    effects.iter().filter_map(Q::effect_of).collect()
}

fn is_in<Q: Part<W>, W: Process>(cluster: &impl ClusterView<W>, node: NodeId) -> bool {
    cluster.node(node).process.and_then(Q::of).is_some()
}
