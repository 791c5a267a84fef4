//! A run that is under way, and can be copied.

use snowglobe_systems::invariants::Invariants;
use snowglobe_systems::process::Process;

use super::due::{Advance, Until};
use super::engine::Finished;
use super::{Blueprint, Director, World};

/// A world and its director, as far as they have come. Nothing outside drives it, so that a
/// copy of it is a run of its own: both go on to the same end, unless somebody changes one.
#[derive(Clone)]
pub struct Session<P: Process, I: Invariants<P>, D> {
    world: World<P, I>,
    director: D,
    is_over: bool,
}

impl<P: Process, I: Invariants<P>, D: Director<P, I>> Session<P, I, D> {
    /// Starts all nodes, and lets the director begin.
    pub fn open(blueprint: Blueprint<P::Config>, invariants: I, director: D) -> Self {
        Self::of(World::new(blueprint, invariants), director)
    }

    /// The same, and what happens to the nodes is written down; see
    /// [`World::take_record`].
    pub fn recorded(blueprint: Blueprint<P::Config>, invariants: I, director: D) -> Self {
        let mut world = World::new(blueprint, invariants);
        world.keep_record();
        Self::of(world, director)
    }

    fn of(world: World<P, I>, director: D) -> Self {
        let mut session = Self {
            world,
            director,
            is_over: false,
        };
        session.director.prepare(&mut session.world);
        session.world.start_all();
        session.director.begin(&mut session.world);
        session
    }

    /// Goes on until its processes have taken so many steps, or a few more if the last of them
    /// come together; or until the run is over. Whether it is.
    ///
    /// # Panics
    /// When nothing will ever happen any more, and the run is not over.
    pub fn run_to_step(&mut self, step: u64) -> bool {
        if !self.is_over {
            let advance = self.world.advance(Until::steps(step), &mut self.director);
            self.is_over = advance == Advance::Over;
        }
        self.is_over
    }

    /// The world as it is now.
    #[must_use]
    pub fn world(&self) -> &World<P, I> {
        &self.world
    }

    /// The same, to be changed: a fault more, a call more. It is another run from then on.
    pub fn world_mut(&mut self) -> &mut World<P, I> {
        &mut self.world
    }

    /// Goes on to the end.
    ///
    /// # Panics
    /// When nothing will ever happen any more, and the run is not over.
    #[must_use]
    pub fn finish(mut self) -> (Finished, D) {
        self.run_to_step(u64::MAX);
        (self.world.finish(), self.director)
    }
}
