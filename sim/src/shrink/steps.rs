//! Telling a failure step by step, with as few of them as it takes.

use super::Attempts;
use super::list::thinned;
use crate::scenarios::file::{Scenario, ScenarioError};
use crate::scenarios::{Histories, RunReport};
use crate::text::grouped;

/// A script that is not as short as it gets is of use up to so many steps.
const MOST_READ: usize = 500;

impl Attempts<'_> {
    /// The smallest run as steps, with as few of them as it takes.
    ///
    /// # Errors
    /// Why it cannot be told so.
    pub(super) fn shrink_to_steps(&mut self) -> Result<RunReport, String> {
        if self.goal.is_liveness {
            return Err("what does not come in time depends on time; see the run".to_owned());
        }
        let transcript = self
            .system
            .transcribe(self.best())
            .map_err(|why| why.to_string())?;
        let all: Vec<usize> = (0..transcript.len()).collect();
        let whole = transcript.replay(&all);
        self.tries += 1;
        if !self.goal.is_broken(&whole.report) {
            let (steps, word) = (
                grouped(transcript.len() as u64),
                whole.report.verdict.word(),
            );
            let why = match self.best().batch {
                1 => "",
                _ => "; it needs that nodes put work off in batches, and no step says that",
            };
            return Err(format!(
                "replayed step by step, its {steps} steps come to: {word}{why}"
            ));
        }
        let mut tries = 0;
        let mut breaks = |which: &[usize]| {
            let goes_on = (self.spent)() < 1.0;
            goes_on.then_some(())?;
            tries += 1;
            let told = transcript.replay(which);
            self.goal.is_broken(&told.report).then_some(told.taken)
        };
        let causes = breaks(&transcript.causes_of_last());
        let fewest = thinned(causes.unwrap_or(whole.taken), breaks);
        self.tries += tries;
        let is_complete = (self.spent)() < 1.0;
        if !is_complete && fewest.len() > MOST_READ {
            return Err(format!(
                "the budget ended when {} steps were left, more than anybody reads",
                grouped(fewest.len() as u64)
            ));
        }
        self.as_written(transcript.script(&fewest)?)
    }

    /// What the file of a script comes to, read and run as anybody would.
    fn as_written(&self, script: RunReport) -> Result<RunReport, String> {
        let file = script.scenario.to_brief_toml();
        let read: Scenario = file.parse().map_err(|why: ScenarioError| why.to_string())?;
        let run = self.system.open(&read).map_err(|why| why.to_string())?;
        let report = run.finish(Histories::OfFailures);
        match self.goal.is_broken(&report) {
            true => Ok(report),
            false => Err(format!(
                "written down, they come to: {}",
                report.verdict.word()
            )),
        }
    }
}
