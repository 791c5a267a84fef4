//! Which failures are the same failure.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::summary::Finding;
use super::trial::Trial;
use crate::scenarios::Verdict;

/// What failures of one cause have in common, as far as a run shows it: what broke, and what
/// looked wrong first. It does not depend on the seed, and on the revision of the code only where
/// it names the place of a panic.
///
/// Two mistakes that break the same promise, and look wrong first in the same way, have the same
/// fingerprint: the second shows once the first is mended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Of a failing run of a system.
    #[must_use]
    pub fn of(system: &str, trial: &Trial, finding: &Finding) -> Self {
        let Trial::Ran(report) = trial else {
            let what = match finding {
                Finding::Hang(_) | Finding::TimedOut(_) => "hangs".to_owned(),
                other => without_numbers(&other.to_string()),
            };
            return Self(format!("{what}, in {system}"));
        };
        Self(match (&report.verdict, finding) {
            (_, Finding::Panic(message)) => format!("panic: {}", without_numbers(message)),
            // What is stuck and where says nothing of why.
            (_, Finding::Liveness(property)) => format!("{property}, in {system}"),
            (Verdict::Broke(breakage), _) => {
                let property = report.verdict.word();
                let first = breakage.suspicion.as_ref().map(|it| it.violation.property);
                match first.filter(|first| *first != property) {
                    Some(first) => format!("{property}, after {first}"),
                    None => property.to_owned(),
                }
            }
            (Verdict::Held | Verdict::CannotRecover, _) => finding.to_string(),
        })
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A message whose numbers are left out, but for the place in the code that it names.
fn without_numbers(message: &str) -> String {
    let (words, place) = match message.rsplit_once(" (") {
        Some((words, place)) if place.contains(".rs:") => (words, format!(" ({place}")),
        _ => (message, String::new()),
    };
    let mut text = String::new();
    for word in words.split_inclusive(|it: char| !it.is_ascii_digit()) {
        text.push_str(word.trim_start_matches(|it: char| it.is_ascii_digit()));
    }
    text + &place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_known_by_its_place_and_not_by_its_numbers() {
        let one = "index out of bounds: the len is 3 but the index is 17 (systems/src/log.rs:40:9)";
        let other =
            "index out of bounds: the len is 4 but the index is 4 (systems/src/log.rs:40:9)";
        assert_eq!(without_numbers(one), without_numbers(other));
        assert!(without_numbers(one).ends_with("(systems/src/log.rs:40:9)"));
        assert_ne!(
            without_numbers(one),
            without_numbers(&one.replace(":40:", ":41:"))
        );
    }
}
