//! The part of a scenario file that says step by step what happens.

use snowglobe_checkers::explore::{Bounds, StatesDigest, Step};

use super::{ScenarioError, malformed, word};

/// What happens in a scripted scenario, and to whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scripted {
    /// After so many steps of the run that the faults or the story of the file
    /// make, the world freezes, and what follows begins; if there is none, right
    /// after the first boot.
    pub after_step: Option<u64>,
    /// One step after the other; nothing happens that none of them names.
    pub steps: Vec<Step>,
    /// The small world that the steps are taken in: it says what clients ask for.
    pub bounds: Bounds,
    /// The states in which the last step leaves the nodes, if the file says so.
    pub reaches: Option<StatesDigest>,
}

/// Puts together what a file says. `others` are its keys that say what happens otherwise.
pub(super) fn read(
    steps: Option<&[String]>,
    after_step: Option<u64>,
    bounds: Option<Bounds>,
    reaches: Option<&str>,
    others: &[(&str, bool)],
) -> Result<Option<Scripted>, ScenarioError> {
    // With `after_step` the others say what comes before.
    let present = [("steps", steps.is_some() && after_step.is_none())];
    let present = present.iter().chain(others).filter(|(_, given)| *given);
    let keys: Vec<&str> = present.map(|(key, _)| *key).collect();
    if let [first, second, ..] = keys[..] {
        let why = format!(
            "there are `{second}` as well; a file has `steps`, `story` or `faults`, and `steps` \
             beside another with `after_step` only"
        );
        return Err(malformed(first, why));
    }
    let Some(steps) = steps else {
        if after_step.is_some() {
            return Err(malformed("after_step", "it is of no use without `steps`"));
        }
        return match (bounds, reaches) {
            (None, None) => Ok(None),
            (Some(_), _) => Err(malformed("bounds", "they are of no use without `steps`")),
            (None, Some(_)) => Err(malformed("reaches", "it is of no use without `steps`")),
        };
    };
    let steps = steps.iter().enumerate().map(|(place, line)| {
        line.parse::<Step>()
            .map_err(|why| malformed("steps", format!("step {}: {why}", place + 1)))
    });
    Ok(Some(Scripted {
        after_step,
        steps: steps.collect::<Result<_, _>>()?,
        bounds: bounds.unwrap_or_default(),
        reaches: reaches.map(|text| word("reaches", text)).transpose()?,
    }))
}

#[cfg(test)]
mod tests {
    use super::super::Scenario;

    const SCRIPT: &str = "\
# Nobody is elected without a majority.
system = \"raft\"
nodes = 3
seed = \"7\"
steps = [\"timeout n1 election\", \"crash n2\", \"deliver n1->n3 PreVote (2nd)\"]
reaches = \"0x0123456789abcdef\"
[bounds]
operations = 2
";

    #[test]
    fn a_script_goes_to_a_scenario_and_back() {
        let scenario: Scenario = SCRIPT.parse().expect("the file is right");
        let scripted = scenario.scripted.as_ref().expect("there are steps");
        assert_eq!(scripted.steps.len(), 3);
        assert_eq!(scripted.bounds.operations, 2);
        assert_eq!(scripted.bounds.terms, 1, "what is left out has its default");
        let again: Scenario = scenario.to_toml().parse().expect("what is written is read");
        assert_eq!(again, scenario);
        let none = SCRIPT.replace("[\"timeout n1 election\", ", "[] #");
        let none: Scenario = none.parse().expect("a script may have no steps");
        assert_eq!(none.scripted.map(|scripted| scripted.steps), Some(vec![]));
    }

    #[test]
    fn a_script_may_go_on_from_a_story_or_from_faults() {
        for before in ["story = [\"wait 1s\"]", "faults = [\"1s heal\"]"] {
            let text = SCRIPT.replace("[bounds]", &format!("{before}\nafter_step = 40\n[bounds]"));
            let scenario: Scenario = text.parse().expect("the file is right");
            let scripted = scenario.scripted.as_ref().expect("there are steps");
            assert_eq!(scripted.after_step, Some(40));
            assert_eq!(scripted.steps.len(), 3);
            let again: Scenario = scenario.to_toml().parse().expect("what is written is read");
            assert_eq!(again, scenario);
        }
    }

    #[test]
    fn a_wrong_script_is_told_where() {
        for ((from, to), says) in [
            (("crash n2", "smash n2"), "step 2: \"smash n2\""),
            (("timeout n1 election", "timeout n0 election"), "step 1"),
            (("operations", "operation"), "line 8"),
            (("\"0x0123", "\"0123"), "reaches"),
            (("[bounds]", "story = [\"wait 1s\"]\n[bounds]"), "`story`"),
            (("[bounds]", "faults = [\"1s heal\"]\n[bounds]"), "`faults`"),
            (("steps", "story"), "bounds"),
            (("steps", "after_step = 3\nstory"), "after_step"),
        ] {
            let text = SCRIPT.replace(from, to);
            let error = text.parse::<Scenario>().expect_err(&text).to_string();
            assert!(error.contains(says), "{error:?} should say {says:?}");
            assert_eq!(error.lines().count(), 1, "{error:?}");
        }
    }
}
