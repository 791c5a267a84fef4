//! What a run can break, by name.

use super::Registered;

/// What every system can break, whatever it promises itself: the world, the
/// directors and the campaigns watch over these.
pub const EVERYWHERE: &[&str] = &[
    "history-undecided",
    "linearizable",
    "no-hang",
    "no-panic",
    "one-answer",
    "progress",
    "reaches",
    "recovers",
    "recovers-in-time",
    "sound-disk-starts",
    "step-budget",
    "step-can-be-taken",
    "story",
];

/// Whether a system can break a property of this name.
///
/// # Errors
/// A line that names those that it can break.
pub(super) fn check(system: &dyn Registered, name: &str) -> Result<(), String> {
    let mut known = system.properties();
    if known.contains(&name) {
        return Ok(());
    }
    known.sort_unstable();
    known.dedup();
    Err(format!(
        "expect: {} has no property {name:?}; there is {}",
        system.name(),
        known.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use crate::scenarios;

    /// Each planted bug names the properties by which it is found.
    #[test]
    fn whatever_a_planted_bug_breaks_is_known() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("planted-bugs");
        let mut looked_at = 0;
        for file in fs::read_dir(folder).expect("the folder is there") {
            let path = file.expect("a file").path();
            let is_patch = path.extension().is_some_and(|it| it == "patch");
            let text = fs::read_to_string(&path).unwrap_or_default();
            let ways = text.lines().filter(|_| is_patch);
            let ways = ways.filter_map(|line| {
                let way = line
                    .strip_prefix("Fuzz: ")
                    .or(line.strip_prefix("Check: "))?;
                way.split_once(" by ")
            });
            for (system, properties) in ways {
                let system = scenarios::find(system).expect("a system");
                for property in properties.split(", ") {
                    let known = super::check(system, property);
                    assert_eq!(known, Ok(()), "{}", path.display());
                    looked_at += 1;
                }
            }
        }
        assert!(looked_at > 100, "{looked_at}");
    }

    #[test]
    fn what_nobody_promises_is_refused_with_what_there_is() {
        let system = scenarios::find("raft").expect("raft is registered");
        let why = super::check(system, "log-matchin").expect_err("a slip");
        assert!(why.contains("log-matching, "), "{why}");
    }
}
