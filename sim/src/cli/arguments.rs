//! What the command line takes: every option under its heading, with two examples for each verb.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use snowglobe_checkers::history::Value;

use super::{Format, check, fuzz, history};
use crate::draw::PerMillion;
use crate::seed::{Partition, Seed, SeedRange};
use crate::time::{SimTime, parse_duration};
use crate::world::engine::Engine;

const EXIT_CODES: &str = "\
Exit codes:
  0    held: every property that was checked
  1    the tool itself failed, or a history cannot be read
  2    usage: the command, a file or a seed makes no sense, or a script does not fit the code
  4    nothing selected
  10   a safety property is broken
  11   stuck: demanded progress did not come, or a run did not end
  12   a panic in a system
  13   a history is not linearizable
  20   inconclusive: the budget ended first, a run timed out, or a required mark was never reached
  21   not trustworthy: two processes diverged, or the campaign is blind
  130  interrupted";

const RUN: &str = "\
Examples:
  run raft --seed 42 --trace           one run, with a line per event
  run kv --seed 0x2a --scenario        the scenario that the seed draws, as a file";
const FUZZ: &str = "\
Examples:
  fuzz raft kv --for 10m               ten minutes, split between two systems
  fuzz --seeds 0..50000 --partition 1/3 --require-marks
                                       a night in CI, on the first of three machines";
const MERGE: &str = "\
Examples:
  merge night-1 night-2 night-3        what three machines found, as one campaign
  merge night-* --page night.md        and as a page for the summary of a CI job";
const PROMOTE: &str = "\
Examples:
  promote seeds/found/raft-2a.small.toml --name stale-round
                                       becomes seeds/raft/stale-round.toml
  promote found.toml --because 'An answer to an older round confirmed a read.'
                                       with what it shows in its first line";
const REPLAY: &str = "\
Examples:
  replay seeds/found/raft-2a.toml --trace
                                       a failure, with its whole timeline
  replay 0..100 --system raft --digest a line for each of a hundred seeds";
const SHRINK: &str = "\
Examples:
  shrink seeds/found/raft-2a.toml      as small as a minute allows, beside the file
  shrink 0x2a --system kv --budget 10m --out small
                                       a failing seed, into another folder";
const VERIFY: &str = "\
Examples:
  verify                               every scenario in seeds/
  verify seeds/raft --engine direct    those of one system, without sockets";
const CHECK: &str = "\
Examples:
  check raft --crashes 2               one model, with one crash more than usual
  check --from seeds/found/kv-2a.toml --step 8000 --depth 8
                                       what else could have happened there";
const HISTORY: &str = "\
Examples:
  history calls.jsonl --spec kv        is it linearizable?
  history jepsen.log --spec cas-register --explain
                                       and if not, why?";

pub(super) const WHAT: &str = "What to run";
pub(super) const HOW_FAR: &str = "How far";
const FAULTS: &str = "Faults";
pub(super) const OUTPUT: &str = "Output";

/// A sealed little world for distributed systems: shake it with a seed, and
/// every flake falls the same way twice.
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Names the systems, the kinds of faults, and the marks.
    List(Printed),
    /// Runs one seed of one system.
    #[command(after_help = RUN)]
    Run(RunArguments),
    /// Runs randomized fault-injection tests over many seeds.
    #[command(after_help = FUZZ)]
    Fuzz(FuzzArguments),
    /// Adds up what several machines found in a night.
    #[command(after_help = MERGE)]
    Merge(MergeArguments),
    /// Makes a failure a story of the corpus, which must hold from then on.
    #[command(after_help = PROMOTE)]
    Promote(PromoteArguments),
    /// Runs scenario files or seeds again, to the same trace.
    #[command(after_help = REPLAY)]
    Replay(ReplayArguments),
    /// Makes failures small: the same promise broken, and as little else as possible.
    #[command(after_help = SHRINK)]
    Shrink(ShrinkArguments),
    /// Runs the corpus: every scenario must come out as it says.
    #[command(after_help = VERIFY)]
    Verify(VerifyArguments),
    /// Explores every schedule of a small cluster.
    #[command(after_help = CHECK)]
    Check(check::CheckArguments),
    /// Judges a recorded history: is it linearizable, and if not, why?
    #[command(after_help = HISTORY)]
    History(HistoryArguments),
    /// Prints a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Printed {
    /// How to print.
    #[arg(long, value_enum, default_value = "human", help_heading = OUTPUT)]
    pub(super) format: Format,
}

#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Driven {
    /// Which engine drives the run; both produce the same digest.
    #[arg(long, value_enum, default_value_t, help_heading = WHAT)]
    pub(super) engine: Engine,
}

#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Workers {
    /// Worker threads [default: SNOWGLOBE_JOBS, or one per core].
    #[arg(short, long, short_alias = 't', alias = "threads", help_heading = HOW_FAR)]
    pub(super) jobs: Option<usize>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Shaken {
    /// The fault profile: calm, default, harsh, or a file.
    #[arg(
        long,
        default_value = "default",
        value_name = "calm|default|harsh|FILE",
        help_heading = FAULTS
    )]
    pub(super) faults: String,
}

#[derive(Debug, clap::Args)]
pub(super) struct RunArguments {
    /// The system; `snowglobe list` names them.
    pub(super) system: String,
    /// Draws everything: cluster, links, faults, workload [default: SNOWGLOBE_SEED, or 0].
    #[arg(long, help_heading = WHAT)]
    pub(super) seed: Option<Seed>,
    #[command(flatten)]
    pub(super) driven: Driven,
    #[command(flatten)]
    pub(super) shaken: Shaken,
    /// Prints a live timeline: a line per event, a column per node.
    #[arg(long, help_heading = OUTPUT)]
    pub(super) trace: bool,
    /// Prints the scenario that the seed draws, as a file, and runs nothing.
    #[arg(long, conflicts_with = "trace", help_heading = OUTPUT)]
    pub(super) scenario: bool,
    #[command(flatten)]
    pub(super) printed: Printed,
}

#[derive(Debug, clap::Args)]
pub(super) struct FuzzArguments {
    /// The systems; all of them if none is named.
    pub(super) systems: Vec<String>,
    /// The seeds, as A..B; B is the first that is left out [default: SNOWGLOBE_SEEDS, if set].
    #[arg(long, conflicts_with_all = ["span", "from", "until_quiet"], help_heading = WHAT)]
    pub(super) seeds: Option<SeedRange>,
    /// This machine's share of the seeds, as 1/3.
    #[arg(long, default_value = "1/1", help_heading = WHAT)]
    pub(super) partition: Partition,
    /// The first seed of a campaign that goes by time [default: of the commit and the day].
    #[arg(long, help_heading = WHAT)]
    pub(super) from: Option<Seed>,
    /// Goes on with the campaign that was interrupted in the same folder.
    #[arg(
        long,
        conflicts_with_all = ["systems", "seeds", "from", "span", "until_quiet"],
        help_heading = WHAT
    )]
    pub(super) resume: bool,
    #[command(flatten)]
    pub(super) driven: Driven,
    /// How long to go on, on the wall clock [default: 30s].
    #[arg(long = "for", value_parser = duration, help_heading = HOW_FAR)]
    pub(super) span: Option<Duration>,
    /// Stops when nothing new was seen for so long: no other failure, and no other mark.
    #[arg(long, value_parser = duration, help_heading = HOW_FAR)]
    pub(super) until_quiet: Option<Duration>,
    #[command(flatten)]
    pub(super) workers: Workers,
    /// Stops after this many failures that differ.
    #[arg(long, default_value_t = 10, help_heading = HOW_FAR)]
    pub(super) max_distinct: usize,
    /// Stops after this many failing runs, whether they differ or not.
    #[arg(long, conflicts_with = "fail_fast", help_heading = HOW_FAR)]
    pub(super) max_fail: Option<usize>,
    /// Stops after the first failing run.
    #[arg(long, help_heading = HOW_FAR)]
    pub(super) fail_fast: bool,
    /// How long each failure may take to become smaller; 0s leaves it as it was found.
    #[arg(long, default_value = "20s", value_parser = duration, help_heading = HOW_FAR)]
    pub(super) shrink: Duration,
    /// Failures that are counted and fail no campaign, each with a reason; if there is such a file.
    #[arg(long, value_name = "FILE", default_value = "seeds/known.toml", help_heading = WHAT)]
    pub(super) known: PathBuf,
    /// A single run that takes longer on the wall clock counts as one that hangs.
    #[arg(long, default_value = "60s", value_parser = duration, help_heading = HOW_FAR)]
    pub(super) watchdog: Duration,
    /// Repeats this share of the passing runs in a second process; any divergence is a
    /// finding.
    #[arg(
        long,
        default_value = "1",
        value_name = "PERCENT",
        value_parser = percent,
        help_heading = HOW_FAR
    )]
    pub(super) double_check: PerMillion,
    /// Exits with 20 if any mark was never reached.
    #[arg(long, help_heading = HOW_FAR)]
    pub(super) require_marks: bool,
    #[command(flatten)]
    pub(super) shaken: Shaken,
    /// Where failing scenarios are written.
    #[arg(long, alias = "found", value_name = "DIR", default_value = "seeds/found", help_heading = OUTPUT)]
    pub(super) out: PathBuf,
    /// How to print.
    #[arg(long, value_enum, default_value = "human", help_heading = OUTPUT)]
    pub(super) format: fuzz::Printed,
}

#[derive(Debug, clap::Args)]
pub(super) struct MergeArguments {
    /// The folders of the campaigns: what `fuzz --out` was told.
    #[arg(required = true, value_name = "DIR")]
    pub(super) folders: Vec<PathBuf>,
    /// Writes a page in Markdown into this file, too.
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub(super) page: Option<PathBuf>,
    #[command(flatten)]
    pub(super) printed: Printed,
}

#[derive(Debug, clap::Args)]
pub(super) struct PromoteArguments {
    /// The failure; a small one is a better story.
    pub(super) file: PathBuf,
    /// What the file is called [default: by what broke, and the seed].
    #[arg(long, help_heading = OUTPUT)]
    pub(super) name: Option<String>,
    /// What it shows, as a comment on top of the file [default: the comment that it has].
    #[arg(long, value_name = "TEXT", help_heading = OUTPUT)]
    pub(super) because: Option<String>,
    /// The corpus; there is a folder for each system.
    #[arg(long, value_name = "DIR", default_value = "seeds", help_heading = OUTPUT)]
    pub(super) corpus: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(super) struct ReplayArguments {
    /// Scenario files, seeds, or ranges of seeds as A..B.
    #[arg(required = true)]
    pub(super) what: Vec<String>,
    /// The system that seeds belong to; needed once there is more than one.
    #[arg(long, help_heading = WHAT)]
    pub(super) system: Option<String>,
    #[command(flatten)]
    pub(super) driven: Driven,
    /// Prints the whole timeline; without it, the end of a failing one.
    #[arg(long, help_heading = OUTPUT)]
    pub(super) trace: bool,
    /// Ends the timeline at this simulated time.
    #[arg(long, help_heading = OUTPUT)]
    pub(super) until: Option<SimTime>,
    /// Shows one node's events, as in n2.
    #[arg(long, help_heading = OUTPUT)]
    pub(super) node: Option<String>,
    /// Prints one line per run: system, seed, digest, verdict.
    #[arg(long, conflicts_with_all = ["trace", "until", "node"], help_heading = OUTPUT)]
    pub(super) digest: bool,
    /// Writes what clients asked and were told into this file, for `snowglobe
    /// history`; for a single run.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["trace", "until", "node", "digest"],
        help_heading = OUTPUT
    )]
    pub(super) history: Option<PathBuf>,
    #[command(flatten)]
    pub(super) printed: Printed,
}

#[derive(Debug, clap::Args)]
pub(super) struct ShrinkArguments {
    /// Files of failures, or failing seeds.
    #[arg(required = true)]
    pub(super) what: Vec<String>,
    /// The system that a seed is of.
    #[arg(long, help_heading = WHAT)]
    pub(super) system: Option<String>,
    /// What a smaller failure has in common with the whole one: the property that broke, or also
    /// what looked wrong first.
    #[arg(long, value_enum, default_value = "property", help_heading = WHAT)]
    pub(super) keep: super::shrink::Kept,
    /// How long to go on with each, on the wall clock.
    #[arg(long, default_value = "60s", value_parser = duration, help_heading = HOW_FAR)]
    pub(super) budget: Duration,
    /// Where the small ones are written [default: beside the file, or seeds/found].
    #[arg(long, value_name = "DIR", help_heading = OUTPUT)]
    pub(super) out: Option<PathBuf>,
    #[command(flatten)]
    pub(super) printed: Printed,
}

#[derive(Debug, clap::Args)]
pub(super) struct VerifyArguments {
    /// Files, or folders of them.
    #[arg(default_value = "seeds")]
    pub(super) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) driven: Driven,
    #[command(flatten)]
    pub(super) workers: Workers,
    #[command(flatten)]
    pub(super) printed: Printed,
}

#[derive(Debug, clap::Args)]
pub(super) struct HistoryArguments {
    /// The file; - is standard input.
    pub(super) file: PathBuf,
    /// What the calls were made to. There may be many of it, each under a key of its own.
    #[arg(long, value_enum, default_value = "auto", help_heading = WHAT)]
    pub(super) spec: history::Object,
    /// The format of the file.
    #[arg(long, value_enum, default_value = "auto", help_heading = WHAT)]
    pub(super) from: history::FileFormat,
    /// What a register or a counter holds at first [default: nothing, or 0].
    #[arg(long, value_name = "VALUE", value_parser = history::initial, help_heading = WHAT)]
    pub(super) initial: Option<Value>,
    /// What it says of a compare-and-swap in a Jepsen history that it failed.
    #[arg(long, value_enum, default_value = "did-not-happen", help_heading = WHAT)]
    pub(super) failed_cas: history::FailedCas,
    /// Whether a key/value store shows a missing key as an empty text [default: as its answers
    /// show].
    #[arg(
        long,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_name = "true|false",
        help_heading = WHAT
    )]
    pub(super) missing_is_empty: Option<bool>,
    /// How long to judge, on the wall clock; reading does not count.
    #[arg(long, default_value = "60s", value_parser = duration, help_heading = HOW_FAR)]
    pub(super) budget: Duration,
    /// How much memory to take, about.
    #[arg(long, default_value = "2GiB", help_heading = HOW_FAR)]
    pub(super) memory: history::Bytes,
    #[command(flatten)]
    pub(super) workers: Workers,
    /// Explains why a history is not linearizable, and how weak it is.
    #[arg(long, help_heading = OUTPUT)]
    pub(super) explain: bool,
    /// Prints an order that shows that a history is linearizable.
    #[arg(long, help_heading = OUTPUT)]
    pub(super) order: bool,
    #[command(flatten)]
    pub(super) printed: Printed,
}

fn percent(text: &str) -> Result<PerMillion, String> {
    let words = format!("{}%", text.trim_end_matches('%'));
    match words.parse() {
        Ok(share) if share <= PerMillion::ALWAYS => Ok(share),
        _ => Err("give 0 to 100 percent, as in 1 or 0.5".to_owned()),
    }
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}
