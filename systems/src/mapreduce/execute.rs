//! Executes maps and reduces, and a whole job sequentially.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::run::Collector;
use super::{Counters, Crash, Emit, Group, Job, Lines, MapId, Record, Run, Split, Values};
use crate::vec_map::VecMap;
use crate::vec_set::VecSet;

/// A record at which the code crashed: a line by its number in the split, or a
/// key by its number in the partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BadRecord(pub u32);

/// What a map left.
#[derive(Clone, Debug)]
pub(super) struct Mapped {
    /// One for each part of the output.
    pub(super) runs: Vec<Run>,
    pub(super) counters: Counters,
}

/// The records of a split, numbered from 0.
fn records(split: &Split) -> impl Iterator<Item = (u32, Record<'_>)> {
    let mut offset = split.offset;
    let lines = split.text.split_inclusive('\n').enumerate();
    lines.map(move |(number, line)| {
        let record = Record {
            file: &split.file,
            offset,
            line: line.strip_suffix('\n').unwrap_or(line),
        };
        offset += line.len() as u64;
        (number as u32, record)
    })
}

/// Executes a map.
///
/// # Errors
/// The record at which the code crashed.
pub(super) fn map(job: &Job, split: &Split, skipped: &VecSet<u32>) -> Result<Mapped, BadRecord> {
    let code = job.app.code();
    let mut collector = Collector::default();
    let mut counters = Counters::default();
    for (number, record) in records(split) {
        if skipped.contains(&number) {
            continue;
        }
        let mut emit = Emit {
            pair: &mut |key, value| collector.take(code, key, value),
            counters: &mut counters,
        };
        code.map(&record, &mut emit)
            .map_err(|Crash| BadRecord(number))?;
    }
    Ok(Mapped {
        runs: collector.into_runs(code, job.partitions),
        counters,
    })
}

/// Executes a reduce over the runs of all maps.
///
/// # Errors
/// The key at which the code crashed, by its number.
pub(super) fn reduce(
    job: &Job,
    runs: &VecMap<MapId, Arc<Run>>,
    skipped: &VecSet<u32>,
) -> Result<(String, Counters), BadRecord> {
    let code = job.app.code();
    let mut groups: Vec<Group<'_>> = runs.values().flat_map(|run| run.groups()).collect();
    // Equal keys stay in the order of their maps.
    groups.sort_by(|one, other| one.key.cmp(other.key));
    let (mut text, mut counters) = (String::new(), Counters::default());
    for (number, same) in groups
        .chunk_by(|one, other| one.key == other.key)
        .enumerate()
    {
        if skipped.contains(&(number as u32)) {
            continue;
        }
        let values: Vec<&str> = same.iter().flat_map(Group::values).collect();
        let mut lines = Lines {
            text: &mut text,
            counters: &mut counters,
        };
        code.reduce(same[0].key, &Values(&values), &mut lines)
            .map_err(|Crash| BadRecord(number as u32))?;
    }
    Ok((text, counters))
}

/// What a job must come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// The parts of the output.
    pub outputs: Vec<String>,
    /// The counters of all tasks together.
    pub counters: Counters,
    /// How many records crash the code, and are left out.
    pub skipped: usize,
}

/// The files of a job, each in one piece again, and where it begins.
fn files(job: &Job) -> Vec<(&str, u64, String)> {
    let mut files: Vec<(&str, u64, String)> = Vec::new();
    for split in job.splits.iter() {
        match files.last_mut() {
            Some((file, _, text)) if *file == &*split.file => text.push_str(&split.text),
            _ => files.push((&split.file, split.offset, (&*split.text).into())),
        }
    }
    files
}

/// Runs a job in one piece: no combiner, no workers, no splits, and every record
/// on its own. It shares nothing with the executions above but the application.
#[must_use]
pub fn sequentially(job: &Job) -> Expected {
    let code = job.app.code();
    let mut expected = Expected::default();
    let mut parts: Vec<BTreeMap<String, Vec<String>>> = Vec::new();
    parts.resize_with(usize::from(job.partitions), BTreeMap::new);
    for (file, mut offset, text) in files(job) {
        for line in text.split_terminator('\n') {
            let record = Record { file, offset, line };
            offset += line.len() as u64 + 1;
            let mut pairs: Vec<(String, String)> = Vec::new();
            let mut counters = Counters::default();
            let mut emit = Emit {
                pair: &mut |key, value| pairs.push((key.into(), value.into())),
                counters: &mut counters,
            };
            if code.map(&record, &mut emit).is_err() {
                expected.skipped += 1;
                continue;
            }
            expected.counters.add_all(&counters);
            for (key, value) in pairs {
                let part = code.partition(&key, job.partitions);
                parts[usize::from(part.0)]
                    .entry(key)
                    .or_default()
                    .push(value);
            }
        }
    }
    for part in parts {
        let mut output = String::new();
        for (key, values) in part {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            let (mut text, mut counters) = (String::new(), Counters::default());
            let mut lines = Lines {
                text: &mut text,
                counters: &mut counters,
            };
            if code.reduce(&key, &Values(&values), &mut lines).is_err() {
                expected.skipped += 1;
                continue;
            }
            output += &text;
            expected.counters.add_all(&counters);
        }
        expected.outputs.push(output);
    }
    expected
}
