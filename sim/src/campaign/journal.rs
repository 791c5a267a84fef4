//! What a campaign writes down as it goes: a line of JSON for its beginning, for each failure, for
//! each half minute, and for its end. Lines are only ever added.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::Plan;
use super::summary::{Failure, Summary};
use super::worker::locked;

/// The version of the lines' format; each line has it.
const VERSION: u32 = 1;
/// The name of the file within the folder of a campaign.
const NAME: &str = "journal.jsonl";

/// The file that lines are added to.
pub(super) struct Journal(Mutex<File>);

impl Journal {
    /// Opens the journal of a folder, or begins it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        let path = folder.join(NAME);
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .read(true)
            .open(path)?;
        // Whoever was killed may have left a part of a line.
        if file.seek(SeekFrom::End(0))? > 0 {
            let mut last = [0];
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                file.write_all(b"\n")?;
            }
        }
        Ok(Self(Mutex::new(file)))
    }

    /// Adds a line. What must not be lost is on the disk then.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn add(&self, line: &Value, must_stay: bool) -> io::Result<()> {
        let mut file = locked(&self.0);
        file.write_all(format!("{line}\n").as_bytes())?;
        match must_stay {
            true => file.sync_data(),
            false => Ok(()),
        }
    }
}

fn line(event: &str, mut told: Value) -> Value {
    let own = told.as_object_mut().expect("what is told has names");
    own.insert("v".to_owned(), json!(VERSION));
    own.insert("event".to_owned(), json!(event));
    told
}

/// A campaign begins, or goes on after so many runs.
pub(super) fn begins(plan: &Plan, runs_before: u64) -> Value {
    let systems: Vec<&str> = plan.systems.iter().map(|system| system.name()).collect();
    line(
        "begin",
        json!({
            "systems": systems,
            "from": plan.seeds.range.start().to_string(),
            "partition": plan.seeds.partition.to_string(),
            "identity": plan.identity,
            "runs_before": runs_before,
        }),
    )
}

/// A run failed; `is_new` if no other one like it had.
pub(super) fn failed(failure: &Failure, is_new: bool) -> Value {
    let (system, seed) = (&failure.system, failure.seed.to_string());
    let fingerprint = failure.fingerprint.to_string();
    if failure.saved.is_none() {
        let told = json!({ "system": system, "seed": seed, "fingerprint": fingerprint });
        return line("failed", told);
    }
    line(
        "failed",
        json!({
            "system": system,
            "seed": seed,
            "fingerprint": fingerprint,
            "new": is_new,
            "finding": failure.finding.to_string(),
            "saved": failure.saved,
            "smallest": failure.smallest,
            "steps": failure.steps,
        }),
    )
}

/// A while has passed.
pub(super) fn goes_on(summary: &Summary) -> Value {
    line("status", counts(summary))
}

/// The campaign is over.
pub(super) fn ends(summary: &Summary, interrupted: bool) -> Value {
    let mut told = counts(summary);
    told["interrupted"] = json!(interrupted);
    told["blind"] = json!(summary.blind_spots());
    told["exit_code"] = json!(summary.exit_code());
    line("end", told)
}

fn counts(summary: &Summary) -> Value {
    let systems = summary.systems.values();
    json!({
        "seconds": summary.took.as_secs(),
        "runs": summary.runs(),
        "failed": summary.failed(),
        "distinct": summary.failures.len(),
        "marks": summary.marks_reached(),
        "simulated_s": systems.map(|it| it.simulated.as_secs()).sum::<u64>(),
    })
}
