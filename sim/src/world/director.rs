//! Who decides what clients ask, and when a run is over.

use snowglobe_systems::invariants::Invariants;
use snowglobe_systems::process::{InvocationId, NodeId, Process};

use super::World;

/// Decides what clients ask, and when the run is over.
///
/// It hears of alarms and answers in the moment in which they come; it acts through the
/// [`World`] it is given.
///
/// A copy of it goes on as the original does, in a copy of its world: it shares nothing with it.
pub trait Director<P: Process, I: Invariants<P>>: Copies<P, I> + Send + 'static {
    /// Called before the nodes start for the first time.
    fn prepare(&mut self, _world: &mut World<P, I>) {}
    /// Called once, before anything else happens. The nodes are already up.
    fn begin(&mut self, world: &mut World<P, I>);
    /// An alarm rang that [`World::alarm`] set.
    fn alarm(&mut self, world: &mut World<P, I>, token: u64);
    /// A call was answered.
    fn returned(&mut self, world: &mut World<P, I>, invocation: InvocationId, outcome: P::Outcome);
    /// A node said something that answers no call.
    fn told(&mut self, _world: &mut World<P, I>, _node: NodeId, _outcome: P::Outcome) {}
    /// Called at the end of every millisecond in which anything happened; `true` ends the run.
    fn is_over(&mut self, world: &mut World<P, I>) -> bool;
    /// What clients asked and were told, as lines that `snowglobe history` reads,
    /// if that was written down.
    fn history(&self) -> Option<String> {
        None
    }
}

/// A director that can be copied whatever its type is: every one that is [`Clone`].
pub trait Copies<P: Process, I: Invariants<P>> {
    /// Another one like it.
    fn copy(&self) -> Box<dyn Director<P, I>>;
}

impl<P: Process, I: Invariants<P>, D: Director<P, I> + Clone> Copies<P, I> for D {
    fn copy(&self) -> Box<dyn Director<P, I>> {
        Box::new(self.clone())
    }
}

impl<P: Process, I: Invariants<P>> Clone for Box<dyn Director<P, I>> {
    fn clone(&self) -> Self {
        (**self).copy()
    }
}

impl<P: Process, I: Invariants<P>> Director<P, I> for Box<dyn Director<P, I>> {
    fn prepare(&mut self, world: &mut World<P, I>) {
        (**self).prepare(world);
    }
    fn begin(&mut self, world: &mut World<P, I>) {
        (**self).begin(world);
    }
    fn alarm(&mut self, world: &mut World<P, I>, token: u64) {
        (**self).alarm(world, token);
    }
    fn returned(&mut self, world: &mut World<P, I>, invocation: InvocationId, outcome: P::Outcome) {
        (**self).returned(world, invocation, outcome);
    }
    fn told(&mut self, world: &mut World<P, I>, node: NodeId, outcome: P::Outcome) {
        (**self).told(world, node, outcome);
    }
    fn is_over(&mut self, world: &mut World<P, I>) -> bool {
        (**self).is_over(world)
    }
    fn history(&self) -> Option<String> {
        (**self).history()
    }
}
