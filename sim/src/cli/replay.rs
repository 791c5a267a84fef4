//! `snowglobe run` and `snowglobe replay`: one run, as closely as wanted.

use std::fs;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::Registry;

use super::arguments::{ReplayArguments, RunArguments};
use super::{Failed, Format, Show, environment, gravest, print};
use crate::campaign::{Finding, Trial};
use crate::registry::{Registered, Systems};
use crate::report::account;
use crate::report::failure::Again;
use crate::report::timeline::{Selection, Timeline};
use crate::report::weather::drawn;
use crate::scenarios::file::{Scenario, ScenarioError};
use crate::scenarios::swarm::Size;
use crate::scenarios::weather::Weather;
use crate::scenarios::{Histories, How, RunReport, Verdict};
use crate::seed::{Seed, SeedRange};

/// How much of a failing run's timeline is shown unasked.
const LAST_LINES: usize = 20;

pub(super) fn run(systems: Systems, arguments: &RunArguments) -> Result<u8, Failed> {
    let faults = arguments.shaken.faults.as_str();
    let weather = Weather::read(faults).map_err(Failed::usage)?;
    let system = systems.find(&arguments.system)?;
    let seed = match arguments.seed {
        None => environment("SNOWGLOBE_SEED")?.unwrap_or(Seed(0)),
        Some(seed) => seed,
    };
    let source = Source {
        system,
        scenario: system.draw_in(seed, &weather),
        again: match faults {
            "default" => Again::Seed,
            other => Again::Weather(other.to_owned()),
        },
    };
    if arguments.scenario {
        let mut scenario = source.scenario;
        scenario.comment = drawn(&scenario, Size::of(&scenario, &weather));
        print(&scenario.to_toml())?;
        return Ok(0);
    }
    let selection = arguments.trace.then(Selection::default);
    let how = Show {
        engine: arguments.driven.engine,
        format: arguments.printed.format,
    };
    show(&source, selection, how)
}

pub(super) fn replay(systems: Systems, arguments: &ReplayArguments) -> Result<u8, Failed> {
    let mut scenarios = Vec::new();
    for what in &arguments.what {
        scenarios.extend(resolve(systems, what, arguments.system.as_deref())?);
    }
    let how = Show {
        engine: arguments.driven.engine,
        format: arguments.printed.format,
    };
    if arguments.digest {
        return digests(&scenarios, how);
    }
    if let Some(file) = &arguments.history {
        let [source] = scenarios.as_slice() else {
            return Err(Failed::usage("--history is for a single run"));
        };
        return with_history(source, file, how);
    }
    let node = arguments.node.as_deref().map(node).transpose()?;
    let narrowed = arguments.until.is_some() || node.is_some();
    let selection = (arguments.trace || narrowed).then_some(Selection {
        until: arguments.until,
        node,
        last: None,
    });
    let codes: Vec<u8> = scenarios
        .iter()
        .map(|source| show(source, selection.clone(), how))
        .collect::<Result<_, _>>()?;
    Ok(gravest(codes))
}

/// A scenario, and where it is from.
pub(super) struct Source {
    pub(super) system: &'static dyn Registered,
    pub(super) scenario: Scenario,
    pub(super) again: Again,
}

impl Source {
    fn drawn(system: &'static dyn Registered, seed: Seed) -> Self {
        Self {
            system,
            scenario: system.draw(seed),
            again: Again::Seed,
        }
    }
}

/// The scenarios that one word of the command line stands for.
pub(super) fn resolve(
    systems: Systems,
    what: &str,
    system: Option<&str>,
) -> Result<Vec<Source>, Failed> {
    if Path::new(what).exists() || Path::new(what).extension().is_some_and(|e| e == "toml") {
        let read = Scenario::read(Path::new(what)).map_err(|error| match error {
            ScenarioError::Unreadable { .. } => Failed::tool(error),
            ScenarioError::Malformed(_) => Failed::usage(error),
        });
        let scenario = read?;
        return Ok(vec![Source {
            system: systems.find(&scenario.system)?,
            scenario,
            again: Again::File(PathBuf::from(what)),
        }]);
    }
    let seeds: Vec<Seed> = match what.parse::<SeedRange>() {
        Ok(range) => range.iter().collect(),
        Err(_) => vec![what.parse().map_err(|error| {
            Failed::usage(format!("{what:?} is no file that exists, and {error}"))
        })?],
    };
    let system = match (system, systems.all()) {
        (Some(name), _) => systems.find(name)?,
        (None, [only]) => *only,
        (None, _) => {
            let names: Vec<&str> = systems.all().iter().map(|it| it.name()).collect();
            return Err(Failed::usage(format!(
                "a seed alone does not tell its system; add --system {}",
                names.join(" or --system ")
            )));
        }
    };
    let drawn = seeds.into_iter().map(|seed| Source::drawn(system, seed));
    Ok(drawn.collect())
}

fn node(text: &str) -> Result<u64, Failed> {
    text.strip_prefix('n')
        .and_then(|number| number.parse().ok())
        .filter(|number| *number > 0)
        .ok_or_else(|| Failed::usage(format!("{text:?} is not a node; write it as n2")))
}

fn digests(sources: &[Source], how: Show) -> Result<u8, Failed> {
    let mut codes = Vec::new();
    for Source {
        system, scenario, ..
    } in sources
    {
        let report = system.run_as(scenario, how.kept(Histories::OfFailures))?;
        let verdict = report.verdict.word();
        let line = format!(
            "{} {} {} {verdict}\n",
            scenario.system, scenario.seed, report.digest
        );
        print(&line)?;
        codes.push(code_of(&report));
    }
    Ok(gravest(codes))
}

/// Runs a scenario, writes its history, and prints its account.
fn with_history(source: &Source, file: &Path, how: Show) -> Result<u8, Failed> {
    let scenario = &source.scenario;
    let report = source.system.run_as(scenario, how.kept(Histories::All))?;
    let Some(history) = &report.history else {
        let system = &scenario.system;
        return Err(Failed::usage(format!("{system} writes no history")));
    };
    fs::write(file, history)
        .map_err(|error| Failed::tool(format!("{}: {error}", file.display())))?;
    tell(&report, source, how.format)?;
    Ok(code_of(&report))
}

/// Runs a scenario, prints its timeline as far as wanted, and its account.
fn show(source: &Source, selection: Option<Selection>, how: Show) -> Result<u8, Failed> {
    let scenario = &source.scenario;
    let system = source.system;
    system.check(scenario)?;
    let nodes = system.size(scenario)?;
    let run = || system.run_as(scenario, how.kept(Histories::OfFailures));
    let report = match (how.format, selection) {
        (Format::Human, Some(selection)) => {
            print(&format!("{}\n", Timeline::heading(nodes)))?;
            traced(source, selection, how)?
        }
        (Format::Human, None) => {
            let report = run()?;
            if matches!(report.verdict, Verdict::Broke(_)) {
                // How it ended is what one wants to see next.
                print(&format!("{}\n", Timeline::heading(nodes)))?;
                traced(source, the_end(), how)?;
            }
            report
        }
        (Format::Json, _) => run()?,
    };
    tell(&report, source, how.format)?;
    Ok(code_of(&report))
}

impl Show {
    fn kept(self, histories: Histories) -> How {
        let engine = self.engine;
        How { engine, histories }
    }
}

fn tell(report: &RunReport, source: &Source, format: Format) -> Result<(), Failed> {
    match format {
        Format::Human => print(&account::human(report, &source.again)),
        Format::Json => print(&format!("{:#}\n", account::json(report))),
    }
}

fn traced(source: &Source, selection: Selection, how: Show) -> Result<RunReport, Failed> {
    let out = BufWriter::new(io::stdout());
    let Source {
        system, scenario, ..
    } = source;
    let nodes = system.size(scenario)?;
    let (timeline, rest) = Timeline::new(nodes, selection, Box::new(out));
    let subscriber = Registry::default().with(timeline);
    let run = || system.run_as(scenario, how.kept(Histories::OfFailures));
    let report = tracing::subscriber::with_default(subscriber, run)?;
    match rest.finish() {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        result => result?,
    }
    Ok(report)
}

fn code_of(report: &RunReport) -> u8 {
    match &report.verdict {
        Verdict::Held => 0,
        Verdict::CannotRecover if report.scenario.expect.is_met(&report.verdict) => 0,
        Verdict::CannotRecover | Verdict::Broke(_) => {
            Finding::of(&Trial::Ran(report.clone())).map_or(1, |it| it.exit_code())
        }
    }
}

/// The selection for the end of a failing run.
fn the_end() -> Selection {
    Selection {
        last: Some(LAST_LINES),
        ..Selection::default()
    }
}
