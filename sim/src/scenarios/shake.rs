//! The director of a shaken run: chaos first, then a demand for progress.

pub mod ill;

use std::time::Duration;

use snowglobe_systems::invariants::Invariants;
use snowglobe_systems::process::{InvocationId, NodeId, Process};

use super::file::Scenario;
use super::recovery::{Recovery, RecoveryBound};
use super::{Workload, stuck};
use crate::draw::{Draw, Purpose, Streams};
use crate::faults::{FamilySet, Membership};
use crate::time::{SimTime, format_duration};
use crate::world::{Director, World};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Faults and workload run.
    Chaos,
    /// Enough is healed, the others' faults stay, and progress is demanded.
    Settling,
    /// It has not come within the time in which it mostly comes.
    Slow,
    /// Progress was made, or could not be demanded.
    Over,
}

/// A run that is slow goes on for so many times its `settle` before it counts as one
/// in which nothing will come any more.
const PATIENCE: u32 = 10;

/// Alarms from here on are the director's own; below they are the workload's.
const OWN_ALARMS: u64 = 1 << 63;
const CHAOS_IS_OVER: u64 = OWN_ALARMS;
const IS_SLOW: u64 = OWN_ALARMS | 1;
const PATIENCE_IS_OVER: u64 = OWN_ALARMS | 2;

/// Chaos, then a demand for progress.
#[derive(Clone, Debug)]
pub struct Shake<W> {
    workload: W,
    members: Membership,
    chaos: Duration,
    settle: Duration,
    bound: RecoveryBound,
    phase: Phase,
    could_recover: bool,
    healed_at: SimTime,
    recovery: Option<Recovery>,
    /// The families of faults that had an effect before that.
    effective: Option<FamilySet>,
    /// Chooses who is healed, and who stays ill in what way.
    draw: Draw,
}

impl<W> Shake<W> {
    /// A director for a scenario.
    pub fn new(scenario: &Scenario, members: Membership, workload: W) -> Self {
        let bound = RecoveryBound::usual(scenario);
        Self {
            workload,
            members,
            chaos: scenario.chaos,
            settle: scenario.settle,
            bound,
            phase: Phase::Chaos,
            could_recover: true,
            healed_at: SimTime::START,
            recovery: None,
            effective: None,
            draw: Streams::new(scenario.seed).open(Purpose::Faults),
        }
    }

    /// The same, with another bound on the time in which it recovers.
    #[must_use]
    pub fn bounded_by(self, bound: RecoveryBound) -> Self {
        Self { bound, ..self }
    }

    /// Whether a majority of the disks was sound enough to demand progress.
    #[must_use]
    pub fn could_recover(&self) -> bool {
        self.could_recover
    }

    /// How the run recovered, if it did.
    #[must_use]
    pub fn recovery(&self) -> Option<&Recovery> {
        self.recovery.as_ref()
    }

    /// The families of scheduled faults that had an effect; unknown in a run that broke
    /// before its schedule was over.
    #[must_use]
    pub fn effective(&self) -> Option<FamilySet> {
        self.effective
    }

    /// The workload, when the run is over.
    pub fn into_workload(self) -> W {
        self.workload
    }

    fn settle<P, I>(&mut self, world: &mut World<P, I>)
    where
        P: Process,
        I: Invariants<P>,
        W: Workload<P, I>,
    {
        self.effective = Some(world.effective());
        world.phase("settling: healed, progress is demanded");
        let Some(well) = ill::heal(world, &self.members, &mut self.draw) else {
            // A majority of the disks is damaged beyond what the system
            // promises to survive: it is right to stand still.
            world.mark("world.cannot_recover");
            self.workload.last_look(world);
            self.could_recover = false;
            self.phase = Phase::Over;
            return;
        };
        self.phase = Phase::Settling;
        self.healed_at = world.now();
        world.alarm(self.settle, IS_SLOW);
        let patience = (self.settle * PATIENCE).max(self.bound.within);
        world.alarm(patience, PATIENCE_IS_OVER);
        self.workload.settle(world, &well);
    }

    /// All of the demanded progress was made.
    fn recovered<P, I>(&mut self, world: &mut World<P, I>)
    where
        P: Process,
        I: Invariants<P>,
        W: Workload<P, I>,
    {
        self.workload.last_look(world);
        let took = world.now().since(self.healed_at);
        let slow = self.phase == Phase::Slow;
        self.phase = Phase::Over;
        let RecoveryBound { within, because } = &self.bound;
        let bound = *within;
        self.recovery = Some(Recovery { took, slow, bound });
        if took > *within {
            let within = format_duration(*within);
            world.breaks(stuck(
                "recovers-in-time",
                format!("recovery within {within} after healing: {because}"),
                format!("it took {}", format_duration(took)),
            ));
        }
    }

    /// Nothing will come any more.
    fn wedged<P, I>(&mut self, world: &mut World<P, I>)
    where
        P: Process,
        I: Invariants<P>,
        W: Workload<P, I>,
    {
        self.workload.last_look(world);
        let waited = format_duration(world.now().since(self.healed_at));
        let settle = format_duration(self.settle);
        let missing = self.workload.missing(world);
        world.breaks(stuck(
            "progress",
            format!("recovery within {settle} after healing"),
            format!("wedged, after {waited}: {missing}"),
        ));
    }
}

impl<P: Process, I: Invariants<P>, W: Workload<P, I>> Director<P, I> for Shake<W> {
    fn begin(&mut self, world: &mut World<P, I>) {
        world.phase("chaos");
        world.alarm(self.chaos, CHAOS_IS_OVER);
        self.workload.begin(world);
    }

    fn alarm(&mut self, world: &mut World<P, I>, token: u64) {
        let waits = matches!(self.phase, Phase::Settling | Phase::Slow);
        match token {
            CHAOS_IS_OVER => self.settle(world),
            IS_SLOW if waits && !self.workload.settled(world) => {
                world.phase("slow: the deadline is extended");
                self.phase = Phase::Slow;
            }
            PATIENCE_IS_OVER if waits && !self.workload.settled(world) => self.wedged(world),
            IS_SLOW | PATIENCE_IS_OVER => {}
            _ => self.workload.alarm(world, token),
        }
    }

    fn returned(&mut self, world: &mut World<P, I>, invocation: InvocationId, outcome: P::Outcome) {
        self.workload.returned(world, invocation, outcome);
    }

    fn told(&mut self, world: &mut World<P, I>, node: NodeId, outcome: P::Outcome) {
        self.workload.told(world, node, outcome);
    }

    fn history(&self) -> Option<String> {
        self.workload.history()
    }

    fn is_over(&mut self, world: &mut World<P, I>) -> bool {
        if matches!(self.phase, Phase::Settling | Phase::Slow) && self.workload.settled(world) {
            self.recovered(world);
        }
        self.phase == Phase::Over
    }
}
