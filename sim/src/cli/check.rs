//! `snowglobe check`: every schedule of a small cluster.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use snowglobe_checkers::explore::{Bounds, Order, Reductions, Scope, SearchEngine, Walks};
use snowglobe_systems::digest::Digest;

use self::account::Told;
use self::bounds::{BoundArguments, named_value};
use self::teller::Teller;
use super::arguments::{HOW_FAR, OUTPUT, Printed, WHAT, Workers};
use super::history::Bytes;
use super::{Failed, Format, catch_interrupts, must_be_writable, print, workers};
use crate::campaign::memory;
use crate::campaign::stopwatch::Stopwatch;
use crate::explore::{Around, Exploration, Found, Plan};
use crate::registry::{Registered, Systems};
use crate::scenarios::Verdict;
use crate::scenarios::file::Scenario;
use crate::seed::Seed;

mod account;
mod bounds;
mod teller;

#[derive(Debug, clap::Args)]
pub(super) struct CheckArguments {
    /// The system; `snowglobe list` names them.
    #[arg(required_unless_present = "from")]
    system: Option<String>,
    /// Begins in the middle of a run of this scenario, and looks at what else
    /// could happen there.
    #[arg(
        long,
        value_name = "FILE",
        requires = "step",
        conflicts_with_all = [
            "system", "nodes", "scope", "order", "walks", "jobs", "symmetry",
            "recover_one_in", "explore", "coverage", "clients", "snapshot_after",
        ], help_heading = WHAT)]
    from: Option<PathBuf>,
    /// After how many steps of the run.
    #[arg(long, requires = "from", help_heading = WHAT)]
    step: Option<u64>,
    /// How many steps from there are looked at.
    #[arg(long, default_value_t = 6, value_name = "STEPS", requires = "from", help_heading = WHAT)]
    depth: u32,
    /// How many nodes the cluster has, clients not counted [default: as many as
    /// the scope has].
    #[arg(long, help_heading = WHAT)]
    nodes: Option<usize>,
    /// One of the system's models instead of all of them.
    #[arg(long, help_heading = WHAT)]
    scope: Option<String>,
    #[command(flatten)]
    bounds: BoundArguments,
    /// Tunes the nodes: an option of the system's scenario files, as in
    /// snapshot_chunk_bytes=64; more than one may be given.
    #[arg(long = "option", value_name = "NAME=VALUE", value_parser = named_value, conflicts_with = "from", help_heading = WHAT)]
    options: Vec<(String, toml::Value)>,
    /// In which order states are looked at: what is near first, so that findings
    /// are short, or what was reached last, which takes stateright less memory.
    #[arg(long, value_enum, default_value = "breadth", help_heading = HOW_FAR)]
    order: SearchOrder,
    /// Who keeps the states: as rows of numbers, which are compared in full, or stateright,
    /// which compares fingerprints of 64 bits. Both look at the same ones.
    #[arg(long, value_enum, default_value = "packed", help_heading = HOW_FAR)]
    engine: EngineName,
    /// Takes so many random walks instead of looking at every state, where there
    /// are too many; at least 1.
    #[arg(
        long,
        conflicts_with_all = ["order", "engine", "explore"],
        value_parser = clap::value_parser!(u64).range(1..), help_heading = HOW_FAR)]
    walks: Option<u64>,
    /// Feeds the choices of random walks.
    #[arg(long, default_value = "0", requires = "walks", help_heading = HOW_FAR)]
    seed: Seed,
    #[command(flatten)]
    workers: Workers,
    /// Symmetry reduction: states that differ only in the names of nodes count as one.
    #[arg(long, value_enum, default_value = "on", help_heading = HOW_FAR)]
    symmetry: Switch,
    /// Leaves out stuttering steps and obsolete messages.
    #[arg(long, value_enum, default_value = "on", help_heading = HOW_FAR)]
    reductions: Switch,
    /// From one in so many states a fair schedule is run forward, to see whether it
    /// recovers; 0 for none.
    #[arg(long, default_value_t = 256, value_name = "STATES", help_heading = HOW_FAR)]
    recover_one_in: u64,
    /// How much memory to take, about.
    #[arg(long, default_value = "4GiB", help_heading = HOW_FAR)]
    memory: Bytes,
    /// How long to go on, on the wall clock [default: to the end].
    #[arg(long = "for", value_parser = super::arguments::duration, help_heading = HOW_FAR)]
    span: Option<Duration>,
    /// Serves the states for a web browser instead, as in 127.0.0.1:3000.
    #[arg(long, value_name = "ADDRESS", help_heading = OUTPUT)]
    explore: Option<std::net::SocketAddr>,
    /// Explores the usual scope, or the given one, and tells how much of it so
    /// many seeds of the simulation see; at least 1.
    #[arg(
        long,
        value_name = "SEEDS",
        conflicts_with_all = ["explore", "walks"],
        value_parser = clap::value_parser!(u64).range(1..), help_heading = HOW_FAR)]
    coverage: Option<u64>,
    /// Goes on when a promise is broken, and tells the shortest way to each that is; what lies
    /// behind a broken state is not looked at.
    #[arg(
        long = "continue",
        conflicts_with_all = ["walks", "explore", "coverage", "from"],
        help_heading = HOW_FAR)]
    goes_on: bool,
    /// Where a finding is written.
    #[arg(long, default_value = "seeds/found", help_heading = OUTPUT)]
    found: PathBuf,
    #[command(flatten)]
    printed: Printed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum SearchOrder {
    /// What is reached in fewer steps first.
    #[value(alias = "bfs")]
    Breadth,
    /// What was reached last first.
    #[value(alias = "dfs")]
    Depth,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum EngineName {
    /// Rows of numbers: exact, and small.
    Packed,
    /// Whole states, and fingerprints.
    Stateright,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Switch {
    /// Yes.
    On,
    /// No.
    Off,
}

pub(super) fn check(systems: Systems, arguments: &CheckArguments) -> Result<u8, Failed> {
    if let Some(file) = &arguments.from {
        return look_around(systems, arguments, file);
    }
    let system = arguments.system.as_deref().unwrap_or_default();
    let system = systems.find(system)?;
    let scopes = scopes(systems, arguments, system)?;
    if let Some(address) = arguments.explore {
        let plan = plan(arguments, &scopes[0])?;
        let line = format!("{} at http://{address}; Ctrl-C ends it\n", system.name());
        let _ = std::io::stderr().write_all(line.as_bytes());
        return Ok(system.small_world()?.serve(&plan, address).map(|()| 0)?);
    }
    if let Some(seeds) = arguments.coverage {
        return cover(arguments, system, &scopes[0], seeds);
    }
    must_be_writable(&arguments.found, "--found")?;
    let interrupted = catch_interrupts();
    let mut teller = Teller::new(arguments);
    let model = system.small_world()?;
    let mut worlds = Vec::new();
    let mut ended = None;
    for scope in scopes {
        let plan = plan(arguments, &scope)?;
        teller.begin(scope.name);
        let watch = Stopwatch::start();
        let exploration = model.explore(&plan, &mut |headway| {
            teller.tell(headway);
            ended = ended.or_else(|| why_end(arguments, interrupted, teller.watch));
            ended.is_none()
        })?;
        let broken = exploration.finding.is_some() && !arguments.goes_on;
        let over = ended.is_some() || broken || exploration.doubt.is_some();
        worlds.push(World {
            name: scope.name,
            around: None,
            plan,
            exploration,
            took: watch.elapsed(),
        });
        if over {
            break;
        }
    }
    teller.bar.finish_and_clear();
    conclude(arguments, system, &worlds, ended)
}

/// What could happen around a state of a run, beside what did.
fn look_around(systems: Systems, arguments: &CheckArguments, file: &Path) -> Result<u8, Failed> {
    let scenario = Scenario::read(file).map_err(Failed::usage)?;
    let system = systems.find(&scenario.system)?;
    let of_file = |error| Failed::usage(format!("{}: {error}", file.display()));
    system.check(&scenario).map_err(of_file)?;
    let around = Around {
        step: arguments.step.unwrap_or_default(),
        depth: arguments.depth,
    };
    let scope = Scope {
        name: "around",
        nodes: scenario.nodes,
        bounds: arguments.bounds.within(Bounds {
            timeouts: 2,
            beats: 1,
            crashes: 1,
            ..Bounds::default()
        }),
        options: &[],
    };
    let plan = Plan {
        threads: 1,
        sample_one_in: None,
        ..plan(arguments, &scope)?
    };
    must_be_writable(&arguments.found, "--found")?;
    let interrupted = catch_interrupts();
    let mut teller = Teller::new(arguments);
    let mut ended = None;
    teller.begin(scope.name);
    let watch = Stopwatch::start();
    let exploration =
        system
            .small_world()?
            .explore_around(&scenario, &around, &plan, &mut |headway| {
                teller.tell(headway);
                ended = ended.or_else(|| why_end(arguments, interrupted, teller.watch));
                ended.is_none()
            });
    let exploration = exploration.map_err(of_file)?;
    let worlds = [World {
        name: scope.name,
        around: Some(around),
        plan,
        exploration,
        took: watch.elapsed(),
    }];
    teller.bar.finish_and_clear();
    conclude(arguments, system, &worlds, ended)
}

/// Writes a finding down, if there is one, and tells what was seen.
fn conclude(
    arguments: &CheckArguments,
    system: &dyn Registered,
    worlds: &[World],
    ended: Option<Ended>,
) -> Result<u8, Failed> {
    let found = findings(worlds);
    let saved = found
        .into_iter()
        .map(|found| Ok((found, save(system, found, &arguments.found)?)))
        .collect::<Result<_, Failed>>()?;
    let told = Told {
        system: system.name(),
        worlds,
        memory: memory::peak(),
        ended,
        found: saved,
        goes_on: arguments.goes_on,
    };
    match arguments.printed.format {
        Format::Human => print(&told.human())?,
        Format::Json => print(&format!("{:#}\n", told.json()))?,
    }
    Ok(told.exit_code())
}

/// All that is broken, each promise once: by the shortest way there, the shortest first.
fn findings(worlds: &[World]) -> Vec<&Found> {
    let mut found: Vec<&Found> = worlds
        .iter()
        .flat_map(|world| world.exploration.findings())
        .collect();
    found.sort_by_key(|found| found.steps().len());
    let mut known = BTreeSet::new();
    found.retain(|found| known.insert(found.violation.property));
    found
}

/// How much of a small world seeds of the simulation see.
fn cover(
    arguments: &CheckArguments,
    system: &dyn Registered,
    scope: &Scope,
    seeds: u64,
) -> Result<u8, Failed> {
    let plan = plan(arguments, scope)?;
    let interrupted = catch_interrupts();
    let watch = Stopwatch::start();
    let mut ended = None;
    let coverage = system.small_world()?.cover(&plan, seeds, &mut |_| {
        ended = ended.or_else(|| why_end(arguments, interrupted, watch));
        ended.is_none()
    })?;
    let Some(coverage) = coverage else {
        return match ended {
            Some(Ended::Interrupted) => Ok(130),
            _ => Err(Failed {
                code: 20,
                why: "the budget ended before it was known what there is to see".to_owned(),
            }),
        };
    };
    print(&match arguments.printed.format {
        Format::Human => account::coverage(system.name(), &plan, &coverage),
        Format::Json => format!("{:#}\n", account::coverage_as_json(&coverage)),
    })?;
    Ok(0)
}

/// Why a search must not go on, if it must not.
fn why_end(
    arguments: &CheckArguments,
    interrupted: &AtomicBool,
    watch: Stopwatch,
) -> Option<Ended> {
    let late = |span: Duration| watch.elapsed() >= span;
    if interrupted.load(Ordering::Relaxed) {
        Some(Ended::Interrupted)
    } else if arguments.span.is_some_and(late) {
        Some(Ended::Time)
    } else if memory::resident().is_some_and(|used| used > arguments.memory.0) {
        Some(Ended::Memory)
    } else {
        None
    }
}

/// The small worlds that are meant: those that the system has, or the one that
/// the command line describes.
fn scopes(
    systems: Systems,
    arguments: &CheckArguments,
    system: &dyn Registered,
) -> Result<Vec<Scope>, Failed> {
    let mut scopes = system.scopes();
    if scopes.is_empty() {
        let with = systems
            .all()
            .iter()
            .filter(|system| !system.scopes().is_empty());
        let with: Vec<&str> = with.map(|system| system.name()).collect();
        return Err(Failed::usage(format!(
            "{} has no small world to explore; there is one for {}",
            system.name(),
            with.join(", ")
        )));
    }
    if let Some(name) = &arguments.scope {
        let names: Vec<&str> = scopes.iter().map(|scope| scope.name).collect();
        let why = format!("there is no scope {name:?}; there are {}", names.join(", "));
        scopes.retain(|scope| scope.name == name);
        if scopes.is_empty() {
            return Err(Failed::usage(why));
        }
    }
    let usual = system.small_world()?.usual_scope();
    if arguments.bounds.are_given()
        || arguments.nodes.is_some()
        || !arguments.options.is_empty()
        || arguments.explore.is_some()
        || arguments.coverage.is_some()
    {
        let is_usual = |scope: &Scope| scope.name == usual;
        let usual = scopes.iter().position(is_usual).unwrap_or(0);
        scopes.swap(0, usual);
        scopes.truncate(1);
        let bounds = arguments.bounds.within(scopes[0].bounds.clone());
        scopes[0] = Scope {
            name: "given",
            nodes: arguments.nodes.unwrap_or(scopes[0].nodes),
            bounds,
            options: scopes[0].options,
        };
    }
    let empty = |scope: &Scope| scope.bounds.messages == 0 || scope.bounds.clients == 0;
    if scopes.iter().any(empty) {
        return Err(Failed::usage(
            "without messages or clients nothing happens; give at least 1 of each",
        ));
    }
    Ok(scopes)
}

/// How the nodes of a world are tuned, where it is not as in the system's others.
fn options_of(arguments: &CheckArguments, scope: &Scope) -> toml::Table {
    let own = scope.options.iter();
    let own = own.map(|(name, value)| ((*name).to_owned(), toml::Value::Integer(*value)));
    own.chain(arguments.options.iter().cloned()).collect()
}

fn plan(arguments: &CheckArguments, scope: &Scope) -> Result<Plan, Failed> {
    if arguments.goes_on && arguments.engine == EngineName::Stateright {
        let why = "stateright's search ends with the first broken promise; leave out --continue";
        return Err(Failed::usage(why));
    }
    let on = |switch| switch == Switch::On;
    Ok(Plan {
        nodes: scope.nodes,
        bounds: scope.bounds.clone(),
        options: options_of(arguments, scope),
        order: match arguments.order {
            SearchOrder::Breadth => Order::Breadth,
            SearchOrder::Depth => Order::Depth,
        },
        engine: match arguments.engine {
            EngineName::Packed => SearchEngine::Packed,
            EngineName::Stateright => SearchEngine::Stateright,
        },
        walks: arguments.walks.map(|count| Walks {
            seed: arguments.seed.0,
            count,
        }),
        threads: workers(arguments.workers)?,
        reductions: Reductions {
            symmetry: on(arguments.symmetry),
            obsolete: on(arguments.reductions),
            stuttering: on(arguments.reductions),
        },
        sample_one_in: (arguments.recover_one_in > 0).then_some(arguments.recover_one_in),
        goes_on: arguments.goes_on,
    })
}

/// A small world that was explored.
struct World {
    name: &'static str,
    /// Where in a run it begins, if it does.
    around: Option<Around>,
    plan: Plan,
    exploration: Exploration,
    took: Duration,
}

/// Why a search ended before it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Interrupted,
    Time,
    Memory,
}

/// A finding on disk.
#[derive(Debug)]
struct Saved {
    path: PathBuf,
    /// The simulated world came to the same, or what it came to instead.
    replays: Result<(), String>,
}

/// Writes a finding down, and replays it in the simulated world.
fn save(system: &dyn Registered, found: &Found, folder: &Path) -> Result<Saved, Failed> {
    let scenario = &found.scenario;
    let text = scenario.to_toml();
    let name = format!(
        "{}-check-{:08x}.toml",
        scenario.system,
        Digest::of(&text) >> 32
    );
    let path = folder.join(name);
    fs::write(&path, text).map_err(|error| {
        let path = path.display();
        Failed::tool(format!(
            "cannot write {path}: {error}; give another folder with --found"
        ))
    })?;
    let report = system.run(scenario)?;
    let same = report.verdict.property() == Some(found.violation.property);
    let replays = match &report.verdict {
        Verdict::Broke(_) if same => Ok(()),
        verdict => Err(verdict.word().to_owned()),
    };
    Ok(Saved { path, replays })
}
