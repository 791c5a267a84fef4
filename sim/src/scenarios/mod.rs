//! What is shaken: per system a cluster, a workload, and what must hold.
//!
//! A system implements [`System`]; as an [`Entry`](crate::registry::Entry) among the
//! [`Systems`](crate::registry::Systems) of a binary it has every command.

pub(crate) mod after;
mod calls;
pub mod file;
mod judged;
mod opened;
mod options;
pub mod properties;
pub mod ranges;
pub mod recovery;
pub mod script;
pub mod shake;
mod small;
pub mod story;
pub mod swarm;
pub(crate) mod timeless;
pub mod transcript;
pub mod weather;

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use snowglobe_checkers::explore::{Bounds, Setting, StatesDigest};
use snowglobe_systems::invariants::{Invariants, Violation};
use snowglobe_systems::process::{InvocationId, NodeId, Process};
use thiserror::Error;

use self::file::Scenario;
use crate::draw::Draw;
use crate::faults::{FamilySet, Incident, Membership};
use crate::time::SimTime;
use crate::world::engine::Engine;
use crate::world::trace::TraceDigest;
use crate::world::{Breakage, Broken, Counters, Director, Marks, World};

pub use self::calls::Calls;
pub use self::opened::UnderWay;
pub(crate) use self::opened::{Directed, DirectorOf, Opened, director, report_of};
pub(crate) use self::options::{options_from, options_of_scope, small_options};
pub use self::recovery::{Recovery, RecoveryBound};
pub use self::shake::Shake;
pub use self::small::{Small, SmallCluster};

/// A system that can be shaken.
pub trait System: Sized + 'static {
    /// The process that runs on every node.
    type Process: Process;
    /// What must hold over all nodes.
    type Invariants: Invariants<Self::Process>;
    /// Its tuning and workload, as a table of a scenario file.
    type Options: Serialize + DeserializeOwned + Clone + Default + Send + 'static;
    /// What its clients do.
    type Workload: Workload<Self::Process, Self::Invariants>;

    /// The name by which commands and files know it.
    const NAME: &'static str;
    /// What it is, in a line.
    const ABOUT: &'static str;
    /// How many nodes a cluster may have, least and most.
    const NODES: (usize, usize) = (1, 9);

    /// What `snowglobe history --spec` calls the object that its histories are
    /// of, if it writes any down.
    const OBJECT: &'static str = "kv";

    /// The marks of a system whose marks are few; see [`marks`](Self::marks).
    const MARKS: &'static [&'static str] = &[];

    /// What its workload watches over beside its small world's properties; for a
    /// [`Small`] one, all that its invariants promise.
    const PROPERTIES: &'static [&'static str] = &[];

    /// Every mark that its processes or its workload can reach; a campaign names those that
    /// it never reached.
    fn marks() -> Vec<&'static str> {
        Self::MARKS.to_vec()
    }
    /// Draws tuning and workload for a cluster of a size. Unless said otherwise all runs have
    /// the default.
    fn draw_options(_draw: &mut Draw, _nodes: usize) -> Self::Options {
        Self::Options::default()
    }
    /// The same run with many nodes, many clients, or many of whatever it has, as one
    /// seed in many is drawn.
    fn enlarged(_draw: &mut Draw, nodes: usize, options: Self::Options) -> (usize, Self::Options) {
        (nodes, options)
    }
    /// The same run with as much work as the chaos lasts for, where a workload has an end.
    fn fitted(options: Self::Options, _nodes: usize, _chaos: Duration) -> Self::Options {
        options
    }
    /// The same workload at a pace at which an hour of it can be run, if it can last
    /// that long at all.
    fn lasting(_options: &Self::Options) -> Option<Self::Options> {
        None
    }
    /// Within what time after a majority is healed everybody must be served: 30 s, and
    /// more where so much was drawn that the work alone may take as long.
    fn settle(_options: &Self::Options) -> Duration {
        Duration::from_secs(30)
    }
    /// Within what time after enough is healed everybody is served at the latest; what
    /// takes longer is a finding. Unless said otherwise, ten times what it mostly takes.
    fn recovery_bound(scenario: &Scenario, _options: &Self::Options) -> RecoveryBound {
        RecoveryBound::usual(scenario)
    }
    /// Which numbers its options may be, each by its name; any, where nothing is said.
    const RANGES: ranges::Ranges = &[];
    /// Whether tuning and workload make sense together; each number is in its range.
    ///
    /// # Errors
    /// A line that names the option that does not fit, and says what would.
    fn check_options(_options: &Self::Options) -> Result<(), String> {
        Ok(())
    }
    /// Who is who: which nodes must keep a majority, and which are clients. A
    /// cluster of some nodes is one group and has no clients, unless said otherwise.
    fn membership(nodes: usize, _options: &Self::Options) -> Membership {
        Membership::one_group(nodes)
    }
    /// One configuration per member.
    fn configs(nodes: usize, options: &Self::Options) -> Vec<<Self::Process as Process>::Config>;
    /// The clients of a shaken run.
    fn workload(scenario: &Scenario, options: &Self::Options) -> Self::Workload;
    /// The director of a told scenario, if the system can tell stories.
    ///
    /// # Errors
    /// A line that names the sentence that is not understood.
    fn storyteller(
        _scenario: &Scenario,
        _options: &Self::Options,
    ) -> Result<Box<dyn Director<Self::Process, Self::Invariants>>, String> {
        Err(format!(
            "{} tells no stories: its files have `faults`, or `steps`",
            Self::NAME
        ))
    }
}

/// The options of a system that has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoOptions {}

/// A system that has a small world, in which every step can be told by name.
pub trait Modelled: System {
    /// Who is there, who asks for what, and what is too much.
    type Setting: Setting<Process = Self::Process>;

    /// Tuning and workload, where a small world is explored within bounds.
    fn small_options(_bounds: &Bounds) -> Self::Options {
        Self::Options::default()
    }

    /// Whether a small world can be made with these options, beside what is
    /// refused everywhere.
    ///
    /// # Errors
    /// A line that names the option that does not fit.
    fn check_small_options(_options: &Self::Options) -> Result<(), String> {
        Ok(())
    }

    /// The small world of a cluster. Its nodes may differ from those of a shaken
    /// run: it says itself how many there are, and how they are tuned.
    fn setting(nodes: usize, options: &Self::Options, bounds: &Bounds) -> Self::Setting;

    /// The small world around a state of a shaken or told run: its nodes are
    /// those of the run, tuned as they are there.
    fn setting_around(nodes: usize, options: &Self::Options, bounds: &Bounds) -> Self::Setting;

    /// What a run's invariants hold, for those of the setting.
    fn promises(invariants: &Self::Invariants) -> <Self::Setting as Setting>::Invariants;

    /// The term that a node has on its disk, or whatever else
    /// [`Bounds::terms`] bounds.
    fn term(durable: &<Self::Process as Process>::Durable) -> u64;

    /// Why clients of a setting cannot judge what they are told in the middle of
    /// a run, if they cannot.
    const NOT_ASKED_AROUND: Option<&'static str> = None;
}

/// What the clients of a shaken run do, and what they may conclude from the answers. A copy goes
/// on as the original does, and shares nothing with it.
pub trait Workload<P: Process, I: Invariants<P>>: Clone + Send + 'static {
    /// The run begins.
    fn begin(&mut self, world: &mut World<P, I>);
    /// An alarm of this workload rang.
    fn alarm(&mut self, world: &mut World<P, I>, token: u64);
    /// A call was answered.
    fn returned(&mut self, world: &mut World<P, I>, invocation: InvocationId, outcome: P::Outcome);
    /// A node said something that answers no call.
    fn told(&mut self, _world: &mut World<P, I>, _node: NodeId, _outcome: P::Outcome) {}
    /// The faults are over for enough of the nodes; from now on everybody must make
    /// progress. Those who are `well` have no excuse: whatever they lag behind, they
    /// must catch up.
    fn settle(&mut self, world: &mut World<P, I>, well: &[NodeId]);
    /// What clients asked and were told, as lines that `snowglobe history` reads,
    /// if that was written down.
    fn history(&self) -> Option<String> {
        None
    }
    /// The run is about to end, however it ends: the last look at what clients
    /// saw. What is wrong there goes before anything that did not come.
    fn last_look(&mut self, _world: &mut World<P, I>) {}
    /// Whether the demanded progress was made. It is asked often.
    fn settled(&mut self, world: &mut World<P, I>) -> bool;
    /// What is missing of the demanded progress, and what each node waits for, in words.
    fn missing(&self, world: &World<P, I>) -> String;
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every property held, and the demanded progress was made.
    Held,
    /// Every property held; progress could not be demanded, since too many
    /// disks are damaged for any majority to recover.
    CannotRecover,
    /// Something broke.
    Broke(Breakage),
}

impl Verdict {
    /// One word for it: `held`, `cannot-recover`, or the property that broke.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            Self::Held => "held",
            Self::CannotRecover => "cannot-recover",
            Self::Broke(_) => self.property().unwrap_or("broke"),
        }
    }

    /// The name of the property that broke, if one did.
    #[must_use]
    pub fn property(&self) -> Option<&str> {
        match self {
            Self::Held | Self::CannotRecover => None,
            Self::Broke(breakage) => Some(match &breakage.broken {
                Broken::Safety(violation) | Broken::Liveness(violation) => violation.property,
                Broken::Illegal(illegal) => illegal.violation.property,
                Broken::Undecided { .. } => "history-undecided",
                Broken::Panic { .. } => "no-panic",
                Broken::OutOfSteps { .. } => "step-budget",
                Broken::Script { .. } => "step-can-be-taken",
                Broken::Elsewhere { .. } => "reaches",
            }),
        }
    }
}

/// The account of one run.
#[derive(Clone, Debug)]
pub struct RunReport {
    /// What was run.
    pub scenario: Scenario,
    /// What it came to.
    pub verdict: Verdict,
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
    /// How it recovered, if progress was demanded and made.
    pub recovery: Option<Recovery>,
    /// The families of the faults that changed anything.
    pub effective: FamilySet,
    /// The faults of its schedule, or those that its story told of.
    pub struck: Vec<Incident>,
    /// What clients asked and were told, if that was written down and is kept;
    /// see [`Workload::history`].
    pub history: Option<String>,
}

/// How a scenario is run. Nothing of it changes what happens in the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct How {
    /// Which engine drives the run.
    pub engine: Engine,
    /// Whether its history is kept.
    pub histories: Histories,
}

/// Which runs' histories are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Histories {
    /// Only those of runs that broke something.
    #[default]
    OfFailures,
    /// All.
    All,
}

/// Why a scenario cannot be run at all.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum CannotRun {
    /// No such system.
    #[error(
        "there is no system {0:?}; `{program} list` names those there are",
        program = crate::text::program()
    )]
    UnknownSystem(String),
    /// The cluster is impossible.
    #[error("{system} runs on {least} to {most} nodes, not {nodes}")]
    ImpossibleCluster {
        /// The system.
        system: &'static str,
        /// The fewest nodes it runs on.
        least: usize,
        /// The most.
        most: usize,
        /// What was asked.
        nodes: usize,
    },
    /// A fault or a sentence speaks of a node that is not there.
    #[error("{0}")]
    Unfit(String),
}

/// A liveness violation: what was demanded, and what came.
#[must_use]
pub fn stuck(property: &'static str, expected: String, found: String) -> Broken {
    Broken::Liveness(Violation::new(property, [], expected, found))
}
