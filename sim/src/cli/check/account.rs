//! What an exploration came to, for people and for programs.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};
use snowglobe_checkers::explore::{ActionKind, Order, PropertyKind};

use super::{Ended, Saved};
use crate::campaign::exploration::{Exploration, Found, Plan};
use crate::report::grouped;
use crate::time::format_duration;

/// All that is told of an exploration.
pub(super) struct Told<'a> {
    pub(super) system: &'static str,
    pub(super) plan: &'a Plan,
    pub(super) exploration: &'a Exploration,
    pub(super) took: Duration,
    /// The most memory that was taken, in bytes, if that is known.
    pub(super) memory: Option<u64>,
    pub(super) ended: Option<Ended>,
    pub(super) saved: Option<&'a Saved>,
}

impl Told<'_> {
    /// In lines.
    pub(super) fn human(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: &str| {
            let _ = writeln!(text, "  {name:<10} {value}");
        };
        line("world", &self.world());
        self.states(&mut line);
        self.promises(&mut line);
        self.seen(&mut line);
        let mut head = match &self.exploration.finding {
            Some(found) => self.failure(found),
            None => String::new(),
        };
        let _ = writeln!(head, "{}", self.verdict());
        head + &text
    }

    fn verdict(&self) -> String {
        let exploration = self.exploration;
        let what = match (&exploration.finding, self.ended) {
            (Some(found), _) => format!("broken: {}", found.violation.property),
            (None, None) if exploration.is_vacuous() => {
                "inconclusive: exhausted, but not all that should happen did".to_owned()
            }
            (None, None) => "held, and the space is exhausted".to_owned(),
            (None, Some(Ended::Interrupted)) => "interrupted".to_owned(),
            (None, Some(Ended::Time)) => "inconclusive: the time was up".to_owned(),
            (None, Some(Ended::Memory)) => "inconclusive: the memory was full".to_owned(),
        };
        format!("check {}  {what}", self.system)
    }

    /// The bounds that are not zero.
    fn world(&self) -> String {
        let bounds = &self.plan.bounds;
        let budgets = [
            ("terms", bounds.terms),
            ("operations", u64::from(bounds.operations)),
            ("timeouts", u64::from(bounds.timeouts)),
            ("beats", u64::from(bounds.beats)),
            ("crashes", u64::from(bounds.crashes)),
            ("duplicates", u64::from(bounds.duplicates)),
            ("cuts", u64::from(bounds.cuts)),
            ("messages", u64::from(bounds.messages)),
            ("snapshot after", u64::from(bounds.snapshot_after)),
        ];
        let mut words = format!("{} nodes", self.plan.nodes);
        for (name, value) in budgets.iter().filter(|(_, value)| *value > 0) {
            let _ = write!(words, ", {name} {value}");
        }
        if bounds.in_order {
            words.push_str(", links in order");
        }
        words
    }

    fn states(&self, line: &mut impl FnMut(&str, &str)) {
        let Exploration {
            headway,
            local_steps,
            complete_to,
            ..
        } = self.exploration;
        let seconds = self.took.as_secs_f64().max(0.001);
        line(
            "states",
            &format!(
                "{} distinct of {} generated, depth {}, {} left to look at",
                grouped(headway.distinct as u64),
                grouped(headway.generated as u64),
                headway.depth,
                grouped(headway.queued as u64)
            ),
        );
        let memory = self.memory.map_or_else(String::new, |bytes| {
            format!(", at most {} MiB", grouped(bytes >> 20))
        });
        line(
            "took",
            &format!(
                "{}, {} states/s on {} thread{}{memory}",
                format_duration(Duration::from_millis(self.took.as_millis() as u64)),
                grouped((headway.distinct as f64 / seconds) as u64),
                self.plan.threads,
                if self.plan.threads == 1 { "" } else { "s" },
            ),
        );
        line(
            "steps",
            &format!(
                "{} different steps of single nodes",
                grouped(*local_steps as u64)
            ),
        );
        let odds = headway.collision_odds();
        line(
            "collisions",
            &format!("two states were taken for one with odds of {odds:.1e} at most"),
        );
        if self.exploration.exhausted || self.exploration.finding.is_some() {
            return;
        }
        line(
            "complete",
            &match (complete_to, self.plan.order) {
                (Some(depth), _) => format!("every state within {depth} steps was looked at"),
                (None, Order::Depth) => "to no depth: states were looked at depth first".to_owned(),
                (None, Order::Breadth) => {
                    "to a depth that is known with --threads 1 only".to_owned()
                }
            },
        );
    }

    fn promises(&self, line: &mut impl FnMut(&str, &str)) {
        let how = match (&self.exploration.finding, self.exploration.exhausted) {
            (None, true) => "in every state",
            _ => "in the states seen",
        };
        for (kind, title) in [
            (PropertyKind::State, "states"),
            (PropertyKind::Step, "steps"),
            (PropertyKind::History, "histories"),
        ] {
            let of_kind = self
                .exploration
                .properties
                .iter()
                .filter(|it| it.kind == kind);
            let names: Vec<&str> = of_kind.map(|property| property.name).collect();
            if names.is_empty() {
                continue;
            }
            let how = match kind {
                PropertyKind::State => how.to_owned(),
                PropertyKind::Step => how.replace("state", "step"),
                PropertyKind::History => "in every history".to_owned(),
            };
            for (place, words) in wrapped(&names).into_iter().enumerate() {
                match place {
                    0 => line(title, &format!("{how}: {words}")),
                    _ => line("", &words),
                }
            }
        }
        if let Some(one_in) = self.plan.sample_one_in {
            line(
                "recovery",
                &format!(
                    "from {} states (1 in {one_in}): one fair schedule without faults leads to a \
                     leader that all follow, and to all answers",
                    grouped(self.exploration.account.sampled)
                ),
            );
        }
    }

    fn seen(&self, line: &mut impl FnMut(&str, &str)) {
        let account = &self.exploration.account;
        let taken = ActionKind::ALL.iter().filter_map(|kind| {
            let count = *account.actions.get(kind).unwrap_or(&0);
            (count > 0).then(|| format!("{} {}", kind.name(), grouped(count)))
        });
        line("actions", &taken.collect::<Vec<_>>().join(", "));
        line(
            "left out",
            &format!(
                "{} messages lost to the cap, {} void for good; {} steps that change nothing, {} beyond the bounds",
                grouped(account.lost),
                grouped(account.spent),
                grouped(account.idle),
                grouped(account.beyond)
            ),
        );
        let marks: Vec<&str> = account.marks.keys().copied().collect();
        for (place, words) in wrapped(&marks).into_iter().enumerate() {
            line(if place == 0 { "marks" } else { "" }, &words);
        }
        let never: Vec<&str> = self
            .exploration
            .never_taken
            .iter()
            .map(|kind| kind.name())
            .chain(self.exploration.never_reached.iter().copied())
            .collect();
        line(
            "never",
            match never.is_empty() {
                true => "nothing that these bounds should let happen",
                false => "",
            },
        );
        for words in wrapped(&never) {
            line("", &words);
        }
    }

    fn failure(&self, found: &Found) -> String {
        let mut text = String::new();
        let steps = found
            .scenario
            .scripted
            .as_ref()
            .map(|it| it.steps.as_slice());
        let steps = steps.unwrap_or_default();
        let _ = writeln!(text, "FAIL {}  after {} steps", self.system, steps.len());
        let mut line = |name: &str, value: &str| {
            let _ = writeln!(text, "  {name:<9} {value}");
        };
        let violation = &found.violation;
        line("property", violation.property);
        line("saw", &violation.found);
        line("but", &format!("expected {}", violation.expected));
        for (place, step) in steps.iter().enumerate() {
            line(
                if place == 0 { "steps" } else { "" },
                &format!("{:>3}  {step}", place + 1),
            );
        }
        for (place, words) in found.end.lines().enumerate() {
            line(if place == 0 { "end" } else { "" }, words);
        }
        if let Some(saved) = self.saved {
            line("saved", &saved.path.display().to_string());
            line(
                "replayed",
                &match &saved.replays {
                    Ok(()) => "the simulated world comes to the same".to_owned(),
                    Err(what) => format!("the simulated world comes to something else: {what}"),
                },
            );
            line(
                "replay",
                &format!("snowglobe replay {}", saved.path.display()),
            );
        }
        text
    }

    /// For programs.
    pub(super) fn json(&self) -> Value {
        let exploration = self.exploration;
        let account = &exploration.account;
        let actions: serde_json::Map<String, Value> = account
            .actions
            .iter()
            .map(|(kind, count)| (kind.name().to_owned(), json!(count)))
            .collect();
        json!({
            "system": self.system,
            "nodes": self.plan.nodes,
            "bounds": self.plan.bounds,
            "exhausted": exploration.exhausted,
            "vacuous": exploration.is_vacuous(),
            "ended": self.ended.map(|ended| format!("{ended:?}").to_lowercase()),
            "complete_to": exploration.complete_to,
            "generated": exploration.headway.generated,
            "distinct": exploration.headway.distinct,
            "queued": exploration.headway.queued,
            "depth": exploration.headway.depth,
            "local_steps": exploration.local_steps,
            "collision_odds": exploration.headway.collision_odds(),
            "seconds": self.took.as_secs_f64(),
            "memory": self.memory,
            "properties": exploration.properties.iter().map(|it| it.name).collect::<Vec<_>>(),
            "recovery": {
                "one_in": self.plan.sample_one_in,
                "from": account.sampled,
            },
            "actions": actions,
            "marks": account.marks,
            "lost": account.lost,
            "never_taken": exploration.never_taken.iter().map(|it| it.name()).collect::<Vec<_>>(),
            "never_reached": exploration.never_reached,
            "finding": exploration.finding.as_ref().map(|found| json!({
                "property": found.violation.property,
                "expected": found.violation.expected,
                "found": found.violation.found,
                "steps": found.scenario.scripted.as_ref().map(|scripted| {
                    scripted.steps.iter().map(ToString::to_string).collect::<Vec<_>>()
                }),
                "saved": self.saved.map(|saved| saved.path.display().to_string()),
                "replays": self.saved.map(|saved| saved.replays.is_ok()),
            })),
        })
    }
}

/// Names in lines that fit a terminal.
fn wrapped(names: &[&str]) -> Vec<String> {
    const WIDTH: usize = 84;
    let mut lines: Vec<String> = Vec::new();
    for name in names {
        match lines.last_mut() {
            Some(line) if line.len() + name.len() + 2 <= WIDTH => {
                line.push_str(", ");
                line.push_str(name);
            }
            _ => lines.push((*name).to_owned()),
        }
    }
    lines
}
