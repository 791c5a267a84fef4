//! A world and its director, as whoever drives them sees them.

use snowglobe_systems::invariants::Invariants;
use snowglobe_systems::process::{NodeId, Process};

use super::super::due::{Advance, Until};
use super::super::network::Parcel;
use super::super::outside::Errand;
use super::super::{Director, World};
use super::Finished;

/// A run, whatever the types of its system are: engines are compiled once.
pub(super) trait Driven: Send {
    /// How many nodes there are.
    fn size(&self) -> usize;
    /// Starts all nodes, and lets the director begin.
    fn begin(&mut self);
    /// Does what is due; see [`World::advance`].
    fn advance(&mut self, until: Until) -> Advance;
    /// What an engine with sockets must do now, in this order.
    fn errands(&mut self) -> Vec<Errand>;
    /// A parcel came out of its socket.
    fn bring(&mut self, parcel: Parcel);
    /// What is on its way to a node and has not arrived.
    fn parcels_to(&self, node: NodeId) -> Vec<Parcel>;
    /// Closes the books.
    fn finish(&mut self) -> Finished;
}

/// A world and its director.
pub(super) struct Run<P: Process, I: Invariants<P>, D> {
    world: World<P, I>,
    /// Taken out when the run is over.
    director: Option<D>,
}

impl<P: Process, I: Invariants<P>, D: Director<P, I>> Run<P, I, D> {
    pub(super) fn new(world: World<P, I>, director: D) -> Self {
        let director = Some(director);
        Self { world, director }
    }

    pub(super) fn take_director(&mut self) -> D {
        self.director.take().expect("it is taken once")
    }

    fn director(&mut self) -> (&mut World<P, I>, &mut D) {
        let director = self.director.as_mut();
        (&mut self.world, director.expect("the run is not over"))
    }
}

impl<P: Process, I: Invariants<P>, D: Director<P, I>> Driven for Run<P, I, D> {
    fn size(&self) -> usize {
        self.world.size()
    }

    fn begin(&mut self) {
        let (world, director) = self.director();
        world.is_carried();
        world.start_all();
        director.begin(world);
    }

    fn advance(&mut self, until: Until) -> Advance {
        let (world, director) = self.director();
        world.advance(until, director)
    }

    fn errands(&mut self) -> Vec<Errand> {
        let outside = self.world.outside.as_mut();
        outside.map_or_else(Vec::new, |it| std::mem::take(&mut it.errands))
    }

    fn bring(&mut self, parcel: Parcel) {
        let now = self.world.now();
        if let Some(outside) = &mut self.world.outside {
            outside.bring(parcel, now);
        }
    }

    fn parcels_to(&self, node: NodeId) -> Vec<Parcel> {
        self.world.agenda.parcels_to(node).cloned().collect()
    }

    fn finish(&mut self) -> Finished {
        self.world.finish()
    }
}
