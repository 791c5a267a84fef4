//! The weather in words: what a seed draws, and what a campaign had.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::json;

use super::grouped;
use crate::campaign::WeatherSummary;
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

/// What a campaign's runs of a system had, as lines of its summary.
#[must_use]
pub fn summed_up(weather: &WeatherSummary) -> String {
    let mut text = String::new();
    let sizes = weather.sizes.iter();
    let sizes: Vec<String> = sizes
        .map(|(size, runs)| format!("{} {}", grouped(*runs), size.word()))
        .collect();
    if !sizes.is_empty() {
        let _ = writeln!(text, "  sizes      {}", sizes.join(", "));
    }
    let mut families: Vec<_> = weather.families.iter().collect();
    families.sort_by_key(|(_, of_family)| std::cmp::Reverse(of_family.runs));
    for (family, of_family) in families {
        let _ = write!(
            text,
            "  faults     {family:30} in {:>7} runs, effective in {:>7}",
            grouped(of_family.runs),
            grouped(of_family.effective)
        );
        match weather.exclusive_marks(*family) {
            0 => text.push('\n'),
            1 => text.push_str(", 1 exclusive mark\n"),
            marks => drop(writeln!(text, ", {marks} exclusive marks")),
        }
    }
    text
}

type Map = serde_json::Map<String, serde_json::Value>;

/// The same as JSON: the sizes, and the families.
#[must_use]
pub fn as_json(weather: &WeatherSummary) -> (serde_json::Value, serde_json::Value) {
    let sizes = weather.sizes.iter();
    let sizes: Map = sizes
        .map(|(size, runs)| (size.word().to_owned(), json!(runs)))
        .collect();
    let families = weather.families.iter().map(|(family, of_family)| {
        let counts = json!({
            "runs": of_family.runs,
            "effective": of_family.effective,
            "exclusive_marks": weather.exclusive_marks(*family),
        });
        (family.word().to_owned(), counts)
    });
    (sizes.into(), families.collect::<Map>().into())
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
