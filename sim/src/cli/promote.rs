//! `snowglobe promote`: a failure becomes a story of the corpus.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use super::arguments::PromoteArguments;
use super::{Failed, print};
use crate::registry::Systems;
use crate::scenarios::file::{Expectation, Scenario, ScenarioError};
use crate::text::program;

pub(super) fn promote(known: Systems, arguments: &PromoteArguments) -> Result<u8, Failed> {
    let mut scenario = Scenario::read(&arguments.file).map_err(|error| match error {
        ScenarioError::Unreadable { .. } => Failed::tool(error),
        ScenarioError::Malformed(_) => Failed::usage(error),
    })?;
    let system = known.find(&scenario.system)?;
    let verdict = system.run(&scenario)?.verdict;
    let broken = match &scenario.expect {
        Expectation::Violates(property) => property.clone(),
        Expectation::Held | Expectation::CannotRecover => {
            return Err(Failed::usage(format!(
                "{} shows no failure: it expects {}",
                arguments.file.display(),
                scenario.expect
            )));
        }
    };
    let name = match &arguments.name {
        Some(name) => name.clone(),
        None => format!("{broken}-{:x}", scenario.seed.0),
    };
    if name.contains(['/', '\\']) || name.starts_with('.') {
        return Err(Failed::usage(format!("{name:?} is not the name of a file")));
    }
    let folder = arguments.corpus.join(&scenario.system);
    let path = folder.join(format!("{name}.toml"));
    let why = arguments.because.as_deref().unwrap_or(&scenario.comment);
    scenario.comment = format!("{}\nIt broke {broken}.", why.trim());
    scenario.expect = Expectation::Held;
    // What the nodes came to when it broke is not what they come to when it holds.
    if let Some(scripted) = &mut scenario.scripted {
        scripted.reaches = None;
    }
    write_new(&path, &scenario.to_brief_toml())?;
    print(&format!("{}\n", path.display()))?;
    if verdict.property() == Some(broken.as_str()) {
        let name = program();
        let _ = writeln!(
            std::io::stderr(),
            "{name}: it still breaks {broken}; `{name} verify` fails until that is mended"
        );
    }
    Ok(0)
}

/// Writes a file that is not there yet.
fn write_new(path: &Path, text: &str) -> Result<(), Failed> {
    let refused = |error: std::io::Error| {
        Failed::tool(format!(
            "cannot write {}: {error}; give another --name",
            path.display()
        ))
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(refused)?;
    }
    let mut file = fs::File::create_new(path).map_err(refused)?;
    file.write_all(text.as_bytes()).map_err(refused)
}
