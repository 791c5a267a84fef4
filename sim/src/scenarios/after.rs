//! Runs that are stopped after some step, and what is done with them then.

use snowglobe_checkers::explore::FoundWorld;
use snowglobe_systems::invariants::Invariants;
use snowglobe_systems::process::{InvocationId, NodeId, Process};

use crate::world::{Broken, Director, World};

/// One director until the world has taken so many steps, then another.
///
/// The second begins in a world that is frozen and plain, as
/// [`World::make_plain`] leaves it. The first is never heard of again.
#[derive(Clone, Debug)]
pub(crate) struct After<D, E> {
    step: u64,
    first: D,
    then: E,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    First,
    Then,
}

impl<D, E> After<D, E> {
    pub(crate) fn new(step: u64, first: D, then: E) -> Self {
        Self {
            step,
            first,
            then,
            stage: Stage::First,
        }
    }

    /// The second, when the run is over.
    pub(crate) fn into_then(self) -> E {
        self.then
    }

    /// There is nothing to go on from.
    fn cannot(&self, why: String) -> Broken {
        Broken::Script {
            number: 0,
            step: format!("after_step = {}", self.step),
            why,
        }
    }
}

impl<P, I, D, E> Director<P, I> for After<D, E>
where
    P: Process,
    I: Invariants<P>,
    D: Director<P, I> + Clone,
    E: Director<P, I> + Clone,
{
    fn prepare(&mut self, world: &mut World<P, I>) {
        self.first.prepare(world);
    }

    fn begin(&mut self, world: &mut World<P, I>) {
        world.freeze_after(self.step);
        self.first.begin(world);
    }

    fn alarm(&mut self, world: &mut World<P, I>, token: u64) {
        match self.stage {
            Stage::First if world.is_frozen() => {}
            Stage::First => self.first.alarm(world, token),
            Stage::Then => self.then.alarm(world, token),
        }
    }

    fn returned(&mut self, world: &mut World<P, I>, invocation: InvocationId, outcome: P::Outcome) {
        match self.stage {
            Stage::First if !world.is_frozen() => self.first.returned(world, invocation, outcome),
            Stage::First => {}
            Stage::Then => self.then.returned(world, invocation, outcome),
        }
    }

    fn told(&mut self, world: &mut World<P, I>, node: NodeId, outcome: P::Outcome) {
        match self.stage {
            Stage::First if !world.is_frozen() => self.first.told(world, node, outcome),
            Stage::First => {}
            Stage::Then => self.then.told(world, node, outcome),
        }
    }

    fn is_over(&mut self, world: &mut World<P, I>) -> bool {
        match self.stage {
            Stage::First if world.is_frozen() => match world.make_plain() {
                Ok(()) => {
                    self.stage = Stage::Then;
                    self.then.begin(world);
                    // It is asked at once: in a frozen world nothing else need ever happen.
                    self.then.is_over(world)
                }
                Err(why) => {
                    world.breaks(self.cannot(why));
                    true
                }
            },
            Stage::First => {
                let over = self.first.is_over(world);
                if over && world.breakage().is_none() {
                    let why = format!("the run has only {} steps", world.counters().steps);
                    world.breaks(self.cannot(why));
                }
                over
            }
            Stage::Then => self.then.is_over(world),
        }
    }
}

/// Takes a copy of the world, and ends the run.
#[derive(Clone, Debug)]
pub(crate) struct Look<P: Process, I> {
    /// The copy, when the run is over.
    pub(crate) found: Option<FoundWorld<P, I>>,
}

impl<P: Process, I: Invariants<P>> Director<P, I> for Look<P, I> {
    fn begin(&mut self, world: &mut World<P, I>) {
        self.found = Some(world.found());
    }

    fn alarm(&mut self, _world: &mut World<P, I>, _token: u64) {}

    fn returned(&mut self, _: &mut World<P, I>, _: InvocationId, _: P::Outcome) {}

    fn is_over(&mut self, _world: &mut World<P, I>) -> bool {
        true
    }
}
