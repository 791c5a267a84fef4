//! The weather in words: what a seed draws.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use crate::faults::FaultFamily;
use crate::scenarios::file::Scenario;
use crate::scenarios::swarm::Size;

/// What a scenario was drawn with: its size, and by family of faults how many there are and
/// how long they last. Lines without marks of a comment.
#[must_use]
pub fn drawn(scenario: &Scenario, size: Size) -> String {
    let Scenario { nodes, .. } = scenario;
    let mut text = format!("Drawn: {} size, {nodes} nodes", size.word());
    if let Some(scripted) = &scenario.scripted {
        let _ = write!(text, ", {} steps", scripted.steps.len());
    } else {
        let (chaos, settle) = (scenario.chaos, scenario.settle);
        let _ = write!(
            text,
            ", faults within {chaos:?}, recovery within {settle:?}"
        );
    }
    text.push_str(".\n");
    let mut by_family: BTreeMap<FaultFamily, Vec<Option<Duration>>> = BTreeMap::new();
    for incident in &scenario.faults {
        let lasts = incident.until.map(|until| until.since(incident.at));
        by_family
            .entry(incident.fault.family())
            .or_default()
            .push(lasts);
    }
    for (family, lengths) in by_family {
        let _ = write!(text, "{:29} {:>4}", family.name(), lengths.len());
        let lengths = || lengths.iter().flatten();
        if let (Some(least), Some(most)) = (lengths().min(), lengths().max()) {
            let _ = match least == most {
                true => write!(text, "  for {most:?}"),
                false => write!(text, "  for {least:?} to {most:?}"),
            };
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn what_is_drawn_says_its_size_and_counts_its_faults() {
        let mut scenario = Scenario::calm("raft", 3, Seed(1));
        let faults = [
            "1s..3s pause n1",
            "2s..2.5s pause n2",
            "4s..5s crash n1 losing unsynced",
        ];
        scenario.faults = faults.map(|fault| fault.parse().expect("a fault")).into();
        let text = drawn(&scenario, Size::Usual);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("Drawn: usual size, 3 nodes, faults within "));
        assert_eq!(lines[1], "crashes and restarts             1  for 1s");
        assert_eq!(
            lines[2],
            "paused processes                 2  for 500ms to 2s"
        );
    }
}
