//! A world and its director, as whoever drives them sees them.

use snowglobe_systems::invariants::Invariants;
use snowglobe_systems::process::{NodeId, Process};

use super::super::due::{Advance, Until};
use super::super::network::Parcel;
use super::super::sockets::Errand;
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
        world.sockets.attach();
        director.prepare(world);
        world.start_all();
        director.begin(world);
    }

    fn advance(&mut self, until: Until) -> Advance {
        let (world, director) = self.director();
        world.advance(until, director)
    }

    fn errands(&mut self) -> Vec<Errand> {
        self.world.sockets.errands()
    }

    fn bring(&mut self, parcel: Parcel) {
        let now = self.world.now();
        self.world.sockets.bring(parcel, now);
    }

    fn parcels_to(&self, node: NodeId) -> Vec<Parcel> {
        self.world.agenda.parcels_to(node).cloned().collect()
    }

    fn finish(&mut self) -> Finished {
        self.world.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use snowglobe_systems::process::{Effect, Effects, Input, NoDisk};

    use super::*;
    use crate::seed::Seed;
    use crate::time::SimTime;
    use crate::world::Blueprint;
    use crate::world::disk::CrashMode;
    use crate::world::network::LinkQuality;

    /// The first node says a number to the second when it starts.
    #[derive(Clone, Debug, PartialEq, Eq, Hash)]
    struct Talker {
        heard: Option<u8>,
    }

    impl Process for Talker {
        type Config = ();
        type Message = u8;
        type Timer = ();
        type Operation = ();
        type Outcome = ();
        type Durable = NoDisk;

        fn start(id: NodeId, (): &(), _: NoDisk, effects: &mut Effects<Self>) -> Self {
            if id == NodeId(1) {
                let (to, message) = (NodeId(2), 7);
                effects.push(Effect::Send { to, message });
            }
            Self { heard: None }
        }

        fn step(&mut self, input: Input<Self>, _: &mut Effects<Self>) {
            if let Input::Receive { message, .. } = input {
                self.heard = Some(message);
            }
        }
    }

    /// Lets a second pass.
    #[derive(Clone, Default)]
    struct Second(bool);

    impl Director<Talker, ()> for Second {
        fn begin(&mut self, world: &mut World<Talker, ()>) {
            world.alarm(Duration::from_secs(1), 0);
        }
        fn alarm(&mut self, _: &mut World<Talker, ()>, _: u64) {
            self.0 = true;
        }
        fn returned(
            &mut self,
            _: &mut World<Talker, ()>,
            _: snowglobe_systems::process::InvocationId,
            (): (),
        ) {
        }
        fn is_over(&mut self, _: &mut World<Talker, ()>) -> bool {
            self.0
        }
    }

    /// A run that has begun, and the parcel that it asks to be carried.
    fn begun() -> (Run<Talker, (), Second>, Parcel) {
        let blueprint = Blueprint {
            seed: Seed(1),
            configs: vec![(); 2],
            links: LinkQuality::default(),
            sync: Duration::ZERO..Duration::ZERO,
            checkpoint_bytes: 4096,
            faults: Vec::new(),
            batch: 1,
            step_budget: 100,
        };
        let mut run = Run::new(World::new(blueprint, ()), Second::default());
        run.begin();
        let errands = run.errands();
        let [Errand::Carry(parcel)] = &errands[..] else {
            panic!("one message is sent: {errands:?}");
        };
        (run, parcel.clone())
    }

    fn heard(run: &Run<Talker, (), Second>) -> Option<u8> {
        run.world.process(NodeId(2)).and_then(|node| node.heard)
    }

    #[test]
    fn the_world_waits_for_what_is_still_in_a_socket() {
        let (mut run, parcel) = begun();
        for _ in 0..3 {
            assert_eq!(run.advance(Until::END), Advance::ForParcel);
            assert_eq!(heard(&run), None);
        }
        run.bring(parcel);
        assert_eq!(run.advance(Until::END), Advance::Over);
        assert_eq!(heard(&run), Some(7));
    }

    #[test]
    fn what_arrives_is_what_came_out_of_the_socket() {
        let (mut run, mut parcel) = begun();
        parcel.bytes = Arc::new(vec![8]);
        run.bring(parcel);
        assert_eq!(run.advance(Until::END), Advance::Over);
        assert_eq!(heard(&run), Some(8));
    }

    #[test]
    fn nobody_waits_for_what_finds_nobody_there() {
        let (mut run, _) = begun();
        run.world.crash(NodeId(2), CrashMode::Lose);
        assert!(matches!(run.errands()[..], [Errand::Kill(NodeId(2))]));
        assert_eq!(run.advance(Until::END), Advance::Over);
        assert_eq!(run.world.counters().dropped, 1);
    }

    #[test]
    fn a_new_socket_must_be_brought_what_is_on_its_way() {
        let (mut run, parcel) = begun();
        run.world.crash(NodeId(2), CrashMode::Lose);
        run.world.start(NodeId(2));
        let again: Vec<u64> = run
            .parcels_to(NodeId(2))
            .iter()
            .map(|it| it.ticket)
            .collect();
        assert_eq!(again, [parcel.ticket]);
        assert_eq!(run.advance(Until::END), Advance::ForParcel);
    }

    #[test]
    fn a_copy_of_the_world_belongs_to_no_engine() {
        let (run, _) = begun();
        let mut copy = Run::new(run.world.clone(), Second::default());
        assert_eq!(
            copy.advance(Until::time(SimTime::from_millis(500))),
            Advance::Until(SimTime::from_millis(1000))
        );
        assert_eq!(heard(&copy), Some(7));
    }
}
