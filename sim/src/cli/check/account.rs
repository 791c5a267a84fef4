//! What explorations came to, for people and for programs.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use snowglobe_checkers::explore::{ActionKind, Bounds, Order, Packing, PropertyKind, Workload};
use snowglobe_systems::invariants::Violation;

mod json;

pub(super) use self::json::coverage_as_json;
use super::super::gravest;
use super::{Ended, Saved, World};
use crate::explore::coverage::Coverage;
use crate::explore::{Around, Found, Plan};
use crate::text::{grouped, program};

/// All that is told of explorations.
pub(super) struct Told<'a> {
    pub(super) system: &'static str,
    /// In the order in which they were explored; only the last may be unfinished, and, unless the
    /// search went on, broken.
    pub(super) worlds: &'a [World],
    /// The most memory that was taken, in bytes, if that is known.
    pub(super) memory: Option<u64>,
    pub(super) ended: Option<Ended>,
    /// All that is broken, and where it is written down.
    pub(super) found: Vec<(&'a Found, Saved)>,
    /// A broken promise did not end the search.
    pub(super) goes_on: bool,
}

impl Told<'_> {
    fn finding(&self) -> Option<&Found> {
        self.found.first().map(|(found, _)| *found)
    }

    fn is_vacuous(&self) -> bool {
        self.worlds
            .iter()
            .any(|world| world.exploration.is_vacuous())
    }

    fn is_exhausted(&self) -> bool {
        self.worlds.iter().all(|world| world.exploration.exhausted)
    }

    /// What ended the search without a verdict, if something did.
    fn doubt(&self) -> Option<&Violation> {
        self.worlds.last()?.exploration.doubt.as_ref()
    }

    /// Where in a run it began, if it did.
    fn around(&self) -> Option<Around> {
        self.worlds.last()?.around
    }

    /// Whether states were only visited at random.
    fn walks(&self) -> bool {
        self.worlds.iter().any(|world| world.plan.walks.is_some())
    }

    /// The documented exit code.
    pub(super) fn exit_code(&self) -> u8 {
        let codes = self.found.iter().map(|(found, saved)| match saved.replays {
            Ok(()) => found.exit_code(),
            Err(_) => 21,
        });
        let code = gravest(codes);
        match self.ended {
            _ if code > 0 => code,
            Some(Ended::Interrupted) => 130,
            // Walks promise nothing, so having taken them all is all there is.
            None if self.walks() && self.doubt().is_none() => 0,
            _ if self.is_exhausted() && !self.is_vacuous() => 0,
            _ => 20,
        }
    }

    fn verdict(&self) -> String {
        let what = match (self.finding(), self.ended) {
            (Some(_), _) => {
                let found = self.found.iter();
                let names: Vec<&str> = found.map(|(found, _)| found.violation.property).collect();
                format!("broken: {}", names.join(", "))
            }
            (None, Some(Ended::Interrupted)) => "interrupted".to_owned(),
            (None, Some(Ended::Time)) => "inconclusive: the time was up".to_owned(),
            (None, Some(Ended::Memory)) => "inconclusive: the memory was full".to_owned(),
            (None, None) if self.doubt().is_some() => {
                let doubt = self.doubt().map_or("", |doubt| doubt.property);
                format!("inconclusive: {doubt}")
            }
            (None, None) if self.walks() => "held on every walk; nothing was exhausted".to_owned(),
            (None, None) if self.is_vacuous() => {
                "inconclusive: exhausted, but not all that should happen did".to_owned()
            }
            (None, None) => match self.around() {
                Some(around) => format!(
                    "held; every state within {} steps of step {} was looked at",
                    around.depth, around.step
                ),
                None => "held; every state of every scope was looked at".to_owned(),
            },
        };
        format!("check {}  {what}", self.system)
    }

    /// In lines.
    pub(super) fn human(&self) -> String {
        let failures = self.found.iter();
        let mut text: String = failures
            .map(|(found, saved)| self.failure(found, saved))
            .collect();
        let _ = writeln!(text, "{}", self.verdict());
        self.table(&mut text);
        let mut line = |name: &str, value: &str| {
            let _ = writeln!(text, "  {name:<13} {value}");
        };
        self.reach(&mut line);
        match self.goes_on {
            true => self.verdicts(&mut line),
            false => self.promises(&mut line),
        }
        self.recovery(&mut line);
        self.seen(&mut line);
        text
    }

    /// A row for each world.
    fn table(&self, text: &mut String) {
        let names = self.worlds.iter().map(|world| world.name.len());
        let width = names.max().unwrap_or(0).max(12);
        let _ = writeln!(
            text,
            "  {:<width$} {:>11} {:>12} {:>6} {:>8} {:>9}  bounds",
            "scope", "distinct", "generated", "depth", "seconds", "states/s"
        );
        for world in self.worlds {
            let headway = &world.exploration.headway;
            let seconds = world.took.as_secs_f64().max(0.001);
            let left = match (world.exploration.exhausted, headway.queued) {
                (true, _) | (_, 0) => String::new(),
                (false, queued) => format!("; {} left to look at", grouped(queued as u64)),
            };
            let _ = writeln!(
                text,
                "  {:<width$} {:>11} {:>12} {:>6} {:>8.1} {:>9}  {}{left}",
                world.name,
                grouped(headway.distinct as u64),
                grouped(headway.generated as u64),
                headway.depth,
                world.took.as_secs_f64(),
                grouped((headway.distinct as f64 / seconds) as u64),
                bounds(&world.plan, &world.exploration.bounds),
            );
        }
    }

    /// How sure it is, and what it took.
    fn reach(&self, line: &mut impl FnMut(&str, &str)) {
        let Some(last) = self.worlds.last() else {
            return;
        };
        if !last.exploration.exhausted && last.exploration.finding.is_none() && !self.walks() {
            line(
                "complete",
                &match (last.exploration.complete_to, last.plan.order) {
                    (Some(depth), _) => format!("every state within {depth} steps was looked at"),
                    (None, Order::Depth) => {
                        "to no depth: states were looked at depth first".to_owned()
                    }
                    (None, Order::Breadth) => {
                        "to a depth that stateright knows with --jobs 1 only".to_owned()
                    }
                },
            );
        }
        match self.packed() {
            Some(words) => {
                line("states", &words);
                if let Some(words) = self.remembered() {
                    line("steps", &words);
                }
            }
            None => {
                let worlds = self.worlds.iter();
                let odds = worlds.map(|world| world.exploration.headway.collision_odds());
                let odds: f64 = odds.sum();
                line(
                    "collisions",
                    &format!("hash-collision probability at most {odds:.1e}"),
                );
            }
        }
        if let Some(doubt) = self.doubt() {
            line(
                "doubt",
                &format!("{}; expected {}", doubt.found, doubt.expected),
            );
        }
        self.certificate(line);
        let threads = last.plan.threads;
        let memory = self.memory.map_or_else(String::new, |bytes| {
            format!(", at most {} MiB of memory", grouped(bytes >> 20))
        });
        let plural = if threads == 1 { "" } else { "s" };
        line("machine", &format!("{threads} thread{plural}{memory}"));
    }

    /// What the states took, if they were packed: all of them, and the parts of the scope that has
    /// most.
    fn packed(&self) -> Option<String> {
        let worlds = self.worlds.iter();
        let packed: Option<Vec<(usize, Packing)>> = worlds
            .map(|world| {
                let states = world.exploration.headway.distinct;
                world.exploration.packing.map(|packing| (states, packing))
            })
            .collect();
        let packed = packed?;
        let (_, largest) = packed.iter().max_by_key(|(states, _)| *states)?;
        let states: usize = packed.iter().map(|(states, _)| states).sum();
        let bytes: usize = packed.iter().map(|(_, packing)| packing.bytes).sum();
        let of = |count: usize, what: &str| format!("{} {what}", grouped(count as u64));
        let parts = [
            of(largest.parts.members, "states of a node"),
            of(largest.parts.messages, "messages"),
            of(largest.clusters, "clusters"),
            of(largest.bags, "bags"),
        ];
        let whose = if packed.len() == 1 {
            ""
        } else {
            " in the largest"
        };
        Some(format!(
            "compared in full, {} bytes each, made of {}{whose}",
            bytes.div_ceil(states.max(1)),
            parts.join(", ")
        ))
    }

    /// How much of what was taken had to be worked out, if steps were remembered, and how often
    /// it was looked whether they were remembered right.
    fn remembered(&self) -> Option<String> {
        let worlds = self.worlds.iter().map(|world| &world.exploration);
        let mut worked_out = 0;
        for world in worlds.clone() {
            worked_out += world.packing?.worked_out;
        }
        let again = worlds.map(|world| world.account.worked_out_again).sum();
        Some(format!(
            "{} steps worked out, the others remembered; checked in {} states",
            grouped(worked_out as u64),
            grouped(again)
        ))
    }

    /// What was left out, and looked at to see that nothing was missed.
    fn certificate(&self, line: &mut impl FnMut(&str, &str)) {
        let sum = |count: fn(&World) -> u64| self.worlds.iter().map(count).sum::<u64>();
        let left_out = sum(|world| world.exploration.certificate.left_out);
        let looked_at = sum(|world| world.exploration.certificate.looked_at);
        let taken_up = sum(|world| world.exploration.certificate.taken_up);
        let rounds = sum(|world| world.exploration.certificate.rounds);
        let anew = rounds.saturating_sub(self.worlds.len() as u64);
        if looked_at > 0 || anew > 0 {
            let words = [
                format!("{} (node state, message) pairs left out", grouped(left_out)),
                format!("{} checked", grouped(looked_at)),
                format!("{} reinstated", grouped(taken_up)),
                match anew {
                    1 => "1 search restarted".to_owned(),
                    anew => format!("{} searches restarted", grouped(anew)),
                },
            ];
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            paragraph(line, "certificate", &words);
        }
        let orbits = sum(|world| world.exploration.account.orbits);
        if orbits > 0 {
            let words = format!("{} states checked under a renaming", grouped(orbits));
            line("symmetry", &words);
        }
    }

    fn promises(&self, line: &mut impl FnMut(&str, &str)) {
        let Some(last) = self.worlds.last() else {
            return;
        };
        let each = match self.is_exhausted() && self.finding().is_none() {
            true => "every",
            false => "each seen",
        };
        for (kind, title) in [
            (PropertyKind::State, "state"),
            (PropertyKind::Step, "step"),
            (PropertyKind::History, "history"),
        ] {
            let of_kind = last
                .exploration
                .properties
                .iter()
                .filter(|it| it.kind == kind);
            let names: Vec<&str> = of_kind.map(|property| property.name).collect();
            paragraph(line, &format!("{each} {title}"), &names);
        }
    }

    /// What became of each promise.
    fn verdicts(&self, line: &mut impl FnMut(&str, &str)) {
        let Some(last) = self.worlds.last() else {
            return;
        };
        let broken = |name: &str| {
            let mut found = self.found.iter().map(|(found, _)| found);
            found.find(|found| found.violation.property == name)
        };
        let answered = self.worlds.iter().any(|world| world.exploration.answered);
        let promised = last.exploration.properties.iter();
        let mut all: Vec<(&str, PropertyKind)> = promised.map(|it| (it.name, it.kind)).collect();
        let known: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
        let others = self.found.iter().map(|(found, _)| found.violation.property);
        all.extend(
            others
                .filter(|name| !known.contains(name))
                .map(|name| (name, PropertyKind::State)),
        );
        let width = all.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (place, (name, kind)) in all.iter().enumerate() {
            let verdict = match broken(name) {
                Some(found) => format!("violated after {} steps", found.steps().len()),
                None if *kind == PropertyKind::History && !answered => {
                    "never tested: no client was answered".to_owned()
                }
                None if self.is_exhausted() && self.found.is_empty() => "held".to_owned(),
                // Nothing was looked at behind a state that breaks a promise.
                None => "held where it was looked".to_owned(),
            };
            let title = if place == 0 { "promises" } else { "" };
            line(title, &format!("{name:<width$}  {verdict}"));
        }
    }

    /// From how many states it was seen that the world recovers.
    fn recovery(&self, line: &mut impl FnMut(&str, &str)) {
        let Some(last) = self.worlds.last() else {
            return;
        };
        if let Some(one_in) = last.plan.sample_one_in.filter(|_| !self.walks()) {
            let worlds = self.worlds.iter();
            let sampled: u64 = worlds.map(|world| world.exploration.account.sampled).sum();
            let worlds = self.worlds.iter();
            let with_absence = worlds.filter(|world| world.exploration.absences > 0);
            let without: u64 = with_absence
                .map(|world| world.exploration.account.sampled)
                .sum();
            let sampled = grouped(sampled);
            let words = format!("{sampled} states (1 in {one_in}) recover under a fair schedule");
            line("recovery", &words);
            if without > 0 {
                let without = grouped(without);
                line(
                    "",
                    &format!("{without} of them also while some nodes are down or cut off"),
                );
            }
        }
    }

    fn seen(&self, line: &mut impl FnMut(&str, &str)) {
        let sum = |count: fn(&World) -> u64| grouped(self.worlds.iter().map(count).sum());
        let taken: Vec<String> = ActionKind::ALL
            .iter()
            .filter_map(|kind| {
                let counts = self.worlds.iter().map(|world| {
                    let actions = &world.exploration.account.actions;
                    *actions.get(kind).unwrap_or(&0)
                });
                let count: u64 = counts.sum();
                (count > 0).then(|| format!("{} {}", kind.name(), grouped(count)))
            })
            .collect();
        let taken: Vec<&str> = taken.iter().map(String::as_str).collect();
        paragraph(line, "actions", &taken);
        let left_out = [
            format!(
                "{} messages lost to the cap",
                sum(|it| it.exploration.account.lost)
            ),
            format!(
                "{} obsolete messages",
                sum(|it| it.exploration.account.obsolete)
            ),
            format!(
                "{} stuttering steps",
                sum(|it| it.exploration.account.stuttering)
            ),
            format!(
                "{} steps beyond the bounds",
                sum(|it| it.exploration.account.beyond)
            ),
        ];
        let left_out: Vec<&str> = left_out.iter().map(String::as_str).collect();
        paragraph(line, "left out", &left_out);
        let mut worlds = self.worlds.iter();
        if worlds.any(|world| world.exploration.could_begin_otherwise) {
            line(
                "",
                "what nodes might choose at their first boot, but for the first possibility",
            );
        }
        let marks: BTreeSet<&str> = self
            .worlds
            .iter()
            .flat_map(|world| world.exploration.account.marks.keys().copied())
            .collect();
        paragraph(line, "marks", &marks.into_iter().collect::<Vec<_>>());
        let mut complete = true;
        for world in self.worlds {
            let kinds = world.exploration.never_taken.iter().map(|kind| kind.name());
            let never: Vec<&str> = kinds
                .chain(world.exploration.never_reached.iter().copied())
                .collect();
            if !never.is_empty() && self.finding().is_none() {
                complete = false;
                line("never", &format!("in {}: {}", world.name, never.join(", ")));
            }
        }
        if complete && self.finding().is_none() && self.around().is_none() {
            line("reached", "everything reachable within the bounds");
        }
    }

    fn failure(&self, found: &Found, saved: &Saved) -> String {
        let mut text = String::new();
        let steps = found.steps();
        let _ = writeln!(text, "FAIL {}  after {} steps", self.system, steps.len());
        let mut line = |name: &str, value: &str| {
            let _ = writeln!(text, "  {name:<9} {value}");
        };
        let violation = &found.violation;
        line("property", violation.property);
        line("saw", &violation.found);
        line("but", &format!("expected {}", violation.expected));
        for (place, step) in steps.iter().enumerate() {
            let name = if place == 0 { "steps" } else { "" };
            line(name, &format!("{:>3}  {step}", place + 1));
        }
        for (place, words) in found.end.lines().enumerate() {
            line(if place == 0 { "end" } else { "" }, words);
        }
        line("saved", &saved.path.display().to_string());
        line(
            "replayed",
            &match &saved.replays {
                Ok(()) => "reproduced in the simulated world".to_owned(),
                Err(what) => format!("diverged in the simulated world: {what}"),
            },
        );
        line(
            "replay",
            &format!("{} replay {}", program(), saved.path.display()),
        );
        text
    }
}

/// How much fuzzing sees, in lines.
pub(super) fn coverage(system: &str, plan: &Plan, coverage: &Coverage) -> String {
    let mut text = format!(
        "coverage {system}  {}\n  {} shapes of states and {} of steps are known\n",
        bounds(plan, &plan.bounds),
        grouped(coverage.states as u64),
        grouped(coverage.steps as u64),
    );
    let _ = writeln!(text, "  {:>10}  {:>16}  {:>16}", "seeds", "states", "steps");
    for row in &coverage.rows {
        let share = |seen: usize, all: usize| {
            let percent = 100.0 * seen as f64 / all.max(1) as f64;
            format!("{} ({percent:.1}%)", grouped(seen as u64))
        };
        let _ = writeln!(
            text,
            "  {:>10}  {:>16}  {:>16}",
            grouped(row.seeds),
            share(row.states, coverage.states),
            share(row.steps, coverage.steps)
        );
    }
    text
}

/// The bounds that are not zero, and how the nodes are tuned, where they are not as usual.
fn bounds(plan: &Plan, bounds: &Bounds) -> String {
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
    let mut words = format!("nodes {}", plan.nodes);
    for (name, value) in budgets.iter().filter(|(_, value)| *value > 0) {
        let _ = write!(words, ", {name} {value}");
    }
    if bounds.workload != Workload::Usual {
        let _ = write!(words, ", workload {}", bounds.workload.name());
    }
    if bounds.in_order {
        words.push_str(", links in order");
    }
    for (name, value) in &plan.options {
        let _ = write!(words, ", {name} = {value}");
    }
    words
}

/// Names in lines that fit a terminal; nothing if there are none.
fn paragraph(line: &mut impl FnMut(&str, &str), title: &str, names: &[&str]) {
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
    for (place, words) in lines.iter().enumerate() {
        line(if place == 0 { title } else { "" }, words);
    }
}
