//! Scenario files: one format, TOML, for every failure and every story.
//!
//! A file is the whole of a run: with the same binary it replays to the same
//! trace. What a file leaves out has a plain default; what it names and this
//! version does not know is an error, never ignored.
//!
//! What happens is said by `faults` with their times, by a `story`, or by
//! `steps` that leave nothing to chance. With `after_step = N` the `steps` stand
//! beside one of the others: the run goes its way until its processes have
//! taken N steps, then the world freezes and the `steps` are taken.

mod scripted;

use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use snowglobe_checkers::explore::Bounds;
use thiserror::Error;

use super::Verdict;
use super::swarm::step_budget;
use crate::draw::PerMillion;
use crate::faults::Incident;
use crate::seed::Seed;
use crate::time::{format_duration, parse_duration};
use crate::world::Blueprint;
use crate::world::network::LinkQuality;

pub use self::scripted::Scripted;

/// What a run of a file must come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// Every property holds.
    Held,
    /// Every property holds, and too many disks are damaged to demand progress.
    CannotRecover,
    /// The named property is broken, as by a planted bug.
    Violates(String),
}

impl Expectation {
    /// Whether a run came to what was expected.
    #[must_use]
    pub fn is_met(&self, verdict: &Verdict) -> bool {
        match self {
            Self::Held => *verdict == Verdict::Held,
            Self::CannotRecover => *verdict == Verdict::CannotRecover,
            Self::Violates(property) => verdict.property() == Some(property),
        }
    }
}

impl std::fmt::Display for Expectation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Held => f.write_str("held"),
            Self::CannotRecover => f.write_str("cannot-recover"),
            Self::Violates(property) => write!(f, "violates:{property}"),
        }
    }
}

/// One scenario, ready to run.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// The comment on top of the file, without the marks of a comment.
    pub comment: String,
    /// The name of the system.
    pub system: String,
    /// How many nodes the cluster has.
    pub nodes: usize,
    /// Feeds every draw that the file does not fix.
    pub seed: Seed,
    /// What must come of it.
    pub expect: Expectation,
    /// How long faults and workload last before progress is demanded.
    pub chaos: Duration,
    /// The bound on the progress after that.
    pub settle: Duration,
    /// What goes wrong, and when.
    pub faults: Vec<Incident>,
    /// What happens one after the other, in a told scenario; empty in a shaken one.
    pub story: Vec<String>,
    /// What happens step by step, if all of it is said; then nothing else does,
    /// or nothing else from some step of the run on.
    pub scripted: Option<Scripted>,
    /// The quality of every link, until a fault changes it.
    pub links: LinkQuality,
    /// How long a sync takes, until a fault changes it.
    pub sync: Range<Duration>,
    /// The growth of a write-ahead log that leads to a checkpoint, in bytes.
    pub checkpoint_bytes: usize,
    /// How many inputs that waited for a node it takes at most before it does at once what they
    /// put off: writes of many proposals with one sync. From 1 to [`MOST_BATCHED`].
    pub batch: u64,
    /// What the system itself adds: its tuning and its workload.
    pub options: toml::Table,
}

/// Why a file is not a scenario.
#[derive(Debug, Error)]
pub enum ScenarioError {
    /// It could not be read.
    #[error("cannot read {path}: {source}; check the path")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is not what the format asks for.
    #[error("{0}")]
    Malformed(String),
}

/// The file as it is written. Every word of it is a string or a number; the
/// typed values are made from it in one place.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    system: String,
    nodes: usize,
    seed: String,
    #[serde(default = "held")]
    expect: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    chaos: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    settle: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    faults: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    story: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after_step: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    steps: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reaches: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bounds: Option<Bounds>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    links: Option<WrittenLinks>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    disk: Option<WrittenDisk>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    batch: Option<u64>,
    #[serde(default, skip_serializing_if = "toml::Table::is_empty")]
    options: toml::Table,
}

#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenLinks {
    latency: Option<String>,
    loss: Option<String>,
    duplicate: Option<String>,
    reorder: Option<String>,
    held_back: Option<String>,
}

#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenDisk {
    sync: Option<String>,
    checkpoint_bytes: Option<usize>,
}

/// Forgets a value that is the same as another.
fn leave_out<T: PartialEq>(value: &mut Option<T>, same: &Option<T>) {
    value.take_if(|it| same.as_ref() == Some(it));
}

impl WrittenLinks {
    fn leave_out(&mut self, same: &Self) {
        leave_out(&mut self.latency, &same.latency);
        leave_out(&mut self.loss, &same.loss);
        leave_out(&mut self.duplicate, &same.duplicate);
        leave_out(&mut self.reorder, &same.reorder);
        leave_out(&mut self.held_back, &same.held_back);
    }
}

impl WrittenDisk {
    fn leave_out(&mut self, same: &Self) {
        leave_out(&mut self.sync, &same.sync);
        leave_out(&mut self.checkpoint_bytes, &same.checkpoint_bytes);
    }
}

fn held() -> String {
    "held".to_owned()
}

/// The longest batch that a file may ask for.
pub const MOST_BATCHED: u64 = 1024;

/// Faults and workload last this long in a file that does not say.
pub const DEFAULT_CHAOS: Duration = Duration::from_secs(10);
/// Progress is demanded within this time in a file that does not say.
pub const DEFAULT_SETTLE: Duration = Duration::from_secs(30);
/// The growth of a write-ahead log that leads to a checkpoint, in a file that does not say.
pub const DEFAULT_CHECKPOINT_BYTES: usize = 16 * 1024;

impl Scenario {
    /// The world that it asks for, with one configuration per node.
    #[must_use]
    pub fn blueprint<C>(&self, configs: Vec<C>) -> Blueprint<C> {
        Blueprint {
            seed: self.seed,
            configs,
            links: self.links.clone(),
            sync: self.sync.clone(),
            checkpoint_bytes: self.checkpoint_bytes,
            batch: self.batch,
            faults: self.faults.clone(),
            step_budget: step_budget(self),
        }
    }

    /// A scenario without faults or words of its own.
    #[must_use]
    pub fn calm(system: &str, nodes: usize, seed: Seed) -> Self {
        Self {
            comment: String::new(),
            system: system.to_owned(),
            nodes,
            seed,
            expect: Expectation::Held,
            chaos: DEFAULT_CHAOS,
            settle: DEFAULT_SETTLE,
            faults: Vec::new(),
            story: Vec::new(),
            scripted: None,
            links: LinkQuality::default(),
            sync: Duration::ZERO..Duration::ZERO,
            checkpoint_bytes: DEFAULT_CHECKPOINT_BYTES,
            batch: 1,
            options: toml::Table::new(),
        }
    }

    /// Reads a scenario file.
    ///
    /// # Errors
    /// When the file cannot be read, or is not a scenario; the message names
    /// the file, and the line where there is one.
    pub fn read(path: &Path) -> Result<Self, ScenarioError> {
        let text = std::fs::read_to_string(path).map_err(|source| ScenarioError::Unreadable {
            path: path.display().to_string(),
            source,
        })?;
        text.parse().map_err(|error: ScenarioError| {
            ScenarioError::Malformed(format!("{}: {error}", path.display()))
        })
    }

    /// The file of this scenario.
    #[must_use]
    pub fn to_toml(&self) -> String {
        self.file_of(&self.written())
    }

    /// The same, without what goes without saying: what a file that does not say it means
    /// anyway, and times where a script says all that happens.
    #[must_use]
    pub fn to_brief_toml(&self) -> String {
        let mut written = self.written();
        let plain = Self::calm("", 0, self.seed).written();
        let is_script = self.scripted.is_some() && self.faults.is_empty() && self.story.is_empty();
        written
            .chaos
            .take_if(|it| is_script || plain.chaos.as_ref() == Some(it));
        written
            .settle
            .take_if(|it| is_script || plain.settle.as_ref() == Some(it));
        leave_out(&mut written.batch, &plain.batch);
        if let (Some(links), Some(plain)) = (&mut written.links, &plain.links) {
            links.leave_out(plain);
        }
        if let (Some(disk), Some(plain)) = (&mut written.disk, &plain.disk) {
            disk.leave_out(plain);
        }
        written.links.take_if(|it| *it == WrittenLinks::default());
        written.disk.take_if(|it| *it == WrittenDisk::default());
        written.bounds.take_if(|it| *it == Bounds::default());
        self.file_of(&written)
    }

    fn file_of(&self, written: &Written) -> String {
        let mut text = String::new();
        for line in self.comment.lines() {
            let _ = writeln!(text, "{}", format!("# {line}").trim_end());
        }
        let body = toml::to_string_pretty(written).expect("plain data is always TOML");
        text + &body
    }

    fn written(&self) -> Written {
        let links = &self.links;
        let scripted = self.scripted.as_ref();
        Written {
            system: self.system.clone(),
            nodes: self.nodes,
            seed: self.seed.to_string(),
            expect: self.expect.to_string(),
            chaos: Some(format_duration(self.chaos)),
            settle: Some(format_duration(self.settle)),
            faults: self.faults.iter().map(ToString::to_string).collect(),
            story: self.story.clone(),
            after_step: scripted.and_then(|it| it.after_step),
            steps: scripted.map(|it| it.steps.iter().map(ToString::to_string).collect()),
            reaches: scripted.and_then(|it| it.reaches.map(|digest| digest.to_string())),
            bounds: scripted.map(|it| it.bounds.clone()),
            links: Some(WrittenLinks {
                latency: Some(format_range(&links.latency)),
                loss: Some(links.loss.to_string()),
                duplicate: Some(links.duplicate.to_string()),
                reorder: Some(links.reorder.to_string()),
                held_back: Some(format_range(&links.held_back)),
            }),
            disk: Some(WrittenDisk {
                sync: Some(format_range(&self.sync)),
                checkpoint_bytes: Some(self.checkpoint_bytes),
            }),
            batch: Some(self.batch),
            options: self.options.clone(),
        }
    }
}

impl FromStr for Scenario {
    type Err = ScenarioError;

    fn from_str(text: &str) -> Result<Self, ScenarioError> {
        let written: Written = toml::from_str(text)
            .map_err(|error| ScenarioError::Malformed(first_line_of(text, &error)))?;
        let links = written.links.unwrap_or_default();
        let disk = written.disk.unwrap_or_default();
        let base = LinkQuality::default();
        let faults = each(&written.faults, "faults")?;
        let scripted = scripted::read(
            written.steps.as_deref(),
            written.after_step,
            written.bounds,
            written.reaches.as_deref(),
            &[
                ("story", !written.story.is_empty()),
                ("faults", !faults.is_empty()),
            ],
        )?;
        Ok(Self {
            comment: comment_of(text),
            system: written.system,
            nodes: written.nodes,
            seed: word("seed", &written.seed)?,
            expect: expectation(&written.expect)?,
            chaos: duration_or("chaos", written.chaos.as_deref(), DEFAULT_CHAOS)?,
            settle: duration_or("settle", written.settle.as_deref(), DEFAULT_SETTLE)?,
            faults: in_order(faults)?,
            story: written.story,
            scripted,
            links: LinkQuality {
                latency: range_or("links.latency", links.latency.as_deref(), base.latency)?,
                loss: share_or("links.loss", links.loss.as_deref())?,
                duplicate: share_or("links.duplicate", links.duplicate.as_deref())?,
                reorder: share_or("links.reorder", links.reorder.as_deref())?,
                held_back: range_or(
                    "links.held_back",
                    links.held_back.as_deref(),
                    base.held_back,
                )?,
            },
            sync: range_or(
                "disk.sync",
                disk.sync.as_deref(),
                Duration::ZERO..Duration::ZERO,
            )?,
            checkpoint_bytes: disk.checkpoint_bytes.unwrap_or(DEFAULT_CHECKPOINT_BYTES),
            batch: batch(written.batch)?,
            options: written.options,
        })
    }
}

fn batch(written: Option<u64>) -> Result<u64, ScenarioError> {
    match written.unwrap_or(1) {
        batch @ 1..=MOST_BATCHED => Ok(batch),
        other => Err(malformed(
            "batch",
            format!("is {other}; give 1 to {MOST_BATCHED}"),
        )),
    }
}

fn malformed(key: &str, why: impl std::fmt::Display) -> ScenarioError {
    ScenarioError::Malformed(format!("{key}: {why}"))
}

fn word<T: FromStr<Err: std::fmt::Display>>(key: &str, text: &str) -> Result<T, ScenarioError> {
    text.parse().map_err(|why| malformed(key, why))
}

fn each(lines: &[String], key: &str) -> Result<Vec<Incident>, ScenarioError> {
    lines
        .iter()
        .map(|line| word(&format!("{key}: {line:?}"), line))
        .collect()
}

/// The agenda serves equal times in the order of the file; a line that stands
/// before an earlier one is more likely a mistake than meant.
fn in_order(faults: Vec<Incident>) -> Result<Vec<Incident>, ScenarioError> {
    match faults.windows(2).find(|pair| pair[0].at > pair[1].at) {
        None => Ok(faults),
        Some(pair) => Err(malformed(
            "faults",
            format!(
                "{:?} stands after a later one; put them in the order of time",
                pair[1].to_string()
            ),
        )),
    }
}

fn expectation(text: &str) -> Result<Expectation, ScenarioError> {
    match text.split_once(':') {
        None if text == "held" => Ok(Expectation::Held),
        None if text == "cannot-recover" => Ok(Expectation::CannotRecover),
        Some(("violates", property)) if !property.is_empty() => {
            Ok(Expectation::Violates(property.to_owned()))
        }
        _ => Err(malformed(
            "expect",
            format!("{text:?} is not \"held\", \"cannot-recover\" or \"violates:PROPERTY\""),
        )),
    }
}

fn duration_or(
    key: &str,
    text: Option<&str>,
    otherwise: Duration,
) -> Result<Duration, ScenarioError> {
    text.map_or(Ok(otherwise), |text| {
        parse_duration(text).map_err(|why| malformed(key, why))
    })
}

fn share_or(key: &str, text: Option<&str>) -> Result<PerMillion, ScenarioError> {
    text.map_or(Ok(PerMillion::ZERO), |text| word(key, text))
}

fn range_or(
    key: &str,
    text: Option<&str>,
    otherwise: Range<Duration>,
) -> Result<Range<Duration>, ScenarioError> {
    text.map_or(Ok(otherwise), |text| {
        parse_range(text).map_err(|why| malformed(key, why))
    })
}

/// A range of durations, as in `2ms..5ms`.
///
/// # Errors
/// A line that says what is accepted.
pub fn parse_range(text: &str) -> Result<Range<Duration>, String> {
    let (low, high) = text
        .split_once("..")
        .ok_or_else(|| format!("{text:?} is not a range; write it as 2ms..5ms"))?;
    let low = parse_duration(low.trim()).map_err(|why| why.to_string())?;
    let high = parse_duration(high.trim()).map_err(|why| why.to_string())?;
    if low > high {
        return Err(format!("{text:?} ends before it begins"));
    }
    Ok(low..high)
}

/// The range in words that [`parse_range`] reads.
#[must_use]
pub fn format_range(range: &Range<Duration>) -> String {
    format!(
        "{}..{}",
        format_duration(range.start),
        format_duration(range.end)
    )
}

/// The comment lines at the top.
fn comment_of(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .take_while(|line| line.starts_with('#'))
        .map(|line| line.trim_start_matches('#').trim())
        .collect();
    lines.join("\n")
}

/// TOML's errors span several lines; a user gets one, with the line number.
fn first_line_of(text: &str, error: &toml::de::Error) -> String {
    let line = error.span().map_or(1, |span| {
        text[..span.start.min(text.len())].matches('\n').count() + 1
    });
    let message = error.message().lines().next().unwrap_or("not TOML");
    format!("line {line}: {message}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORY: &str = "\
# A comment says why.
# In two lines.
system = \"raft\"
nodes = 3
seed = \"7\"
faults = [\"1.20s crash n1 losing unsynced\", \"2s restart n1\"]
[links]
loss = \"10%\"
";

    #[test]
    fn a_file_goes_to_a_scenario_and_back() {
        let scenario: Scenario = STORY.parse().expect("the file is right");
        assert_eq!(scenario.comment, "A comment says why.\nIn two lines.");
        assert_eq!(scenario.seed, Seed(7));
        assert_eq!(scenario.faults.len(), 2);
        let again: Scenario = scenario.to_toml().parse().expect("what is written is read");
        assert_eq!(again, scenario);
    }

    #[test]
    fn a_wrong_file_is_told_where() {
        for (change, says) in [
            (("nodes = 3", "nodes = three"), "line 4"),
            (("seed = \"7\"", "seed = \"x\""), "seed"),
            (("nodes = 3", "nodes = 3\ncolour = 1"), "colour"),
            (("1.20s", "3s"), "order of time"),
            (("loss = \"10%\"", "loss = \"many\""), "links.loss"),
        ] {
            let text = STORY.replace(change.0, change.1);
            let error = text.parse::<Scenario>().expect_err(&text).to_string();
            assert!(error.contains(says), "{error:?} should say {says:?}");
            assert_eq!(error.lines().count(), 1, "{error:?}");
        }
    }
}
