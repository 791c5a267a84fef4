//! What drives a world: simulated time that passes, and parcels that are carried.
//!
//! The world decides when everything happens, so every engine produces the same digest.

#[cfg(madsim)]
mod driven;
#[cfg(madsim)]
mod madsim;

#[cfg(madsim)]
use std::sync::{Arc, Mutex};

use snowglobe_checkers::explore::StatesDigest;
use snowglobe_systems::invariants::Invariants;
use snowglobe_systems::process::Process;

#[cfg(madsim)]
use self::driven::Run;
#[cfg(madsim)]
use super::World;
use super::session::Session;
use super::trace::TraceDigest;
use super::{Blueprint, Breakage, Counters, Director, Marks};
use crate::faults::{FamilySet, Incident};
use crate::time::SimTime;

/// Who drives a world. madsim is there if `--cfg madsim` is among the flags of the compiler.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Engine {
    /// madsim: every node has a socket of its own, and messages travel from one to the other.
    #[cfg(madsim)]
    #[default]
    Madsim,
    /// A plain loop.
    #[cfg_attr(not(madsim), default)]
    Direct,
}

impl Engine {
    /// All that there are.
    pub const ALL: &'static [Self] = &[
        #[cfg(madsim)]
        Self::Madsim,
        Self::Direct,
    ];

    /// What it is, in a line.
    #[must_use]
    pub const fn about(self) -> &'static str {
        match self {
            #[cfg(madsim)]
            Self::Madsim => "messages travel over the simulated sockets of madsim",
            Self::Direct => "a plain loop, faster and without sockets",
        }
    }

    /// Its name on the command line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            #[cfg(madsim)]
            Self::Madsim => "madsim",
            Self::Direct => "direct",
        }
    }
}

/// What is known of a run when it is over.
#[derive(Clone, Debug)]
pub struct Finished {
    /// What broke, if anything did.
    pub breakage: Option<Breakage>,
    /// The digest over all events and the final states.
    pub digest: TraceDigest,
    /// The digest of the final states alone.
    pub states: StatesDigest,
    /// The simulated time at the end.
    pub at: SimTime,
    /// What was counted.
    pub counters: Counters,
    /// The marks that were reached.
    pub marks: Marks,
    /// How many events were traced.
    pub events: u64,
    /// Every fault that happened, in the order of time.
    pub struck: Vec<Incident>,
    /// The families of the faults that changed anything.
    pub effective: FamilySet,
}

/// Runs a world until its director says that it is over, or something breaks.
///
/// Call it on a fresh thread: madsim's determinism ends where thread-local
/// state of an earlier run begins.
pub fn run<P, I, D>(blueprint: Blueprint<P::Config>, director: D) -> (Finished, D)
where
    P: Process,
    I: Invariants<P>,
    D: Director<P, I>,
{
    run_watched(blueprint, I::default(), director)
}

/// As [`run`], watched over by invariants that already know something.
pub fn run_watched<P, I, D>(
    blueprint: Blueprint<P::Config>,
    invariants: I,
    director: D,
) -> (Finished, D)
where
    P: Process,
    I: Invariants<P>,
    D: Director<P, I>,
{
    run_on(Engine::default(), blueprint, invariants, director)
}

/// As [`run_watched`], and says who drives it.
pub fn run_on<P, I, D>(
    engine: Engine,
    blueprint: Blueprint<P::Config>,
    invariants: I,
    director: D,
) -> (Finished, D)
where
    P: Process,
    I: Invariants<P>,
    D: Director<P, I>,
{
    match engine {
        Engine::Direct => Session::open(blueprint, invariants, director).finish(),
        #[cfg(madsim)]
        Engine::Madsim => {
            let seed = blueprint.seed;
            let run = Run::new(World::new(blueprint, invariants), director);
            let run = Arc::new(Mutex::new(run));
            let finished = madsim::drive(seed, run.clone());
            let director = run.lock().expect("nobody panics with it").take_director();
            (finished, director)
        }
    }
}
