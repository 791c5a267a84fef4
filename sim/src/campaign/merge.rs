//! What several machines found in one night, or one machine in several, as one campaign.

use std::path::{Path, PathBuf};

use super::state::State;
use super::summary::{Summary, SystemSummary};
use crate::registry::Registered;

/// Several campaigns as one.
#[derive(Clone, Debug)]
pub struct Merged {
    /// What they add up to; its time is that of the longest.
    pub summary: Summary,
    /// The builds and weathers that they ran, each once.
    pub identities: Vec<String>,
    /// The folders of those that did not come to their end.
    pub unfinished: Vec<PathBuf>,
}

/// Adds up the campaigns of some folders.
///
/// # Errors
/// A line that names the folder in which there is none, or two with the same share of the same
/// seeds: their runs would count twice.
pub fn merge(folders: &[PathBuf], known: &[&'static dyn Registered]) -> Result<Merged, String> {
    let mut merged = Merged {
        summary: Summary::default(),
        identities: Vec::new(),
        unfinished: Vec::new(),
    };
    let mut shares: Vec<(State, &Path)> = Vec::new();
    for folder in folders {
        let state = State::read(folder)?;
        if let Some((_, other)) = shares.iter().find(|(other, _)| other.has_runs_of(&state)) {
            let (folder, other) = (folder.display(), other.display());
            return Err(format!(
                "{folder} and {other} have the same share of the same seeds; give each share once"
            ));
        }
        if !state.is_over() {
            merged.unfinished.push(folder.clone());
        }
        let systems = known.iter().copied();
        let systems: Vec<_> = systems.filter(|it| state.has(it.name())).collect();
        let mut summary = state.summary(&systems);
        // Wherever its machine had written them, they are here now.
        for failure in &mut summary.failures {
            move_to(folder, &mut failure.saved);
            move_to(folder, &mut failure.smallest);
        }
        merged.summary.merge(summary);
        let identity = state.identity().to_owned();
        if !merged.identities.contains(&identity) {
            merged.identities.push(identity);
        }
        shares.push((state, folder));
    }
    Ok(merged)
}

fn move_to(folder: &Path, file: &mut Option<PathBuf>) {
    if let Some(name) = file.as_deref().and_then(Path::file_name) {
        *file = Some(folder.join(name));
    }
}

impl Summary {
    /// Adds another campaign, which went on beside this one.
    fn merge(&mut self, other: Self) {
        self.took = self.took.max(other.took);
        self.repeated += other.repeated;
        self.repeated_in_vain += other.repeated_in_vain;
        for (name, system) in other.systems {
            self.systems.entry(name).or_default().merge(&system);
        }
        self.canary = self.canary.take().or(other.canary);
        for failure in other.failures {
            self.found(failure);
        }
    }
}

impl SystemSummary {
    fn merge(&mut self, other: &Self) {
        self.held += other.held;
        self.failed += other.failed;
        self.simulated += other.simulated;
        self.counters.add(&other.counters);
        self.events += other.events;
        for (mark, count) in &other.marks {
            *self.marks.entry(mark).or_default() += count;
        }
        self.recoveries.merge(&other.recoveries);
        self.weather.merge(&other.weather);
    }
}
