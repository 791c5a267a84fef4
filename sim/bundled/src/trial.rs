//! Stories that are told in tests.

use snowglobe::scenarios::Verdict;
use snowglobe::scenarios::file::Scenario;
use snowglobe::seed::Seed;
use snowglobe::world::Broken;

use crate::SYSTEMS;

/// What a story of three nodes came to: nothing if it held, else what was
/// expected and what was found.
pub(crate) fn outcome(system: &str, story: &[&str]) -> Option<String> {
    outcome_of(&Scenario {
        story: story.iter().map(|line| (*line).to_owned()).collect(),
        ..Scenario::calm(system, 3, Seed(5))
    })
}

/// What a told scenario came to: nothing if it held, else what was expected
/// and what was found.
pub(crate) fn outcome_of(scenario: &Scenario) -> Option<String> {
    match SYSTEMS
        .run(scenario)
        .expect("the story is understood")
        .verdict
    {
        Verdict::Held => None,
        Verdict::Broke(breakage) => match breakage.broken {
            Broken::Safety(violation) | Broken::Liveness(violation) => {
                Some(format!("{}: {}", violation.expected, violation.found))
            }
            other => panic!("{other:?}"),
        },
        Verdict::CannotRecover => panic!("a story has no such end"),
    }
}

pub(crate) fn assert_fails(system: &str, story: &[&str], says: &str) {
    let told = outcome(system, story).unwrap_or_else(|| panic!("{story:?} holds"));
    assert!(
        told.contains(says),
        "{story:?} came to {told:?}, not {says:?}"
    );
}

pub(crate) fn assert_holds(system: &str, story: &[&str]) {
    assert_eq!(outcome(system, story), None, "{story:?}");
}
