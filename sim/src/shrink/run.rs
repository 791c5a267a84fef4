//! Leaving out of a run what the broken promise does not need.
//!
//! First the run ends where it breaks. Then incidents go, whole halves of them at first;
//! what is left of links and disks that are not plain; options that are not the usual ones;
//! clients and nodes; and at last incidents are shortened. Draws are keyed by their causes, so
//! that what is left out shifts none of the others. That is done again until nothing more goes.

use std::time::Duration;

use snowglobe_systems::process::NodeId;
use toml::{Table, Value};

use super::Attempts;
use super::list::thinned;
use crate::scenarios::file::{DEFAULT_CHECKPOINT_BYTES, Scenario};
use crate::time::SimTime;
use crate::world::network::LinkQuality;

/// Times in a shrunk file are multiples of this.
const GRAIN: Duration = Duration::from_millis(10);

/// An incident is halved at most so often.
const HALVINGS: u32 = 8;

/// What the name of an option ends with whose number counts no things: less of it is not
/// simpler.
const UNITS: [&str; 4] = ["_ms", "_bytes", "_entries", "_in_100"];

impl Attempts<'_> {
    /// Makes the run smaller until no single thing more can be left out. Whether it came that far.
    pub(super) fn shrink_run(&mut self) -> bool {
        self.attempt(|it| it.comment.clear());
        loop {
            let before = self.best().clone();
            self.end_where_it_breaks();
            self.thin_schedule();
            self.thin_story();
            self.make_plain();
            self.make_usual();
            self.have_fewer_things();
            self.have_fewer_nodes();
            self.shorten_incidents();
            if *self.best() == before || !self.goes_on() {
                break;
            }
        }
        let is_complete = self.goes_on();
        self.say_only_what_is_unusual();
        is_complete
    }

    /// Options that are as usual need not be said, if the system takes what is not said so.
    fn say_only_what_is_unusual(&mut self) {
        let usual = self.system.default_options();
        self.attempt(|it| {
            it.options = std::mem::take(&mut it.options)
                .into_iter()
                .filter(|(name, value)| usual.get(name) != Some(value))
                .collect();
        });
    }

    /// The chaos lasts no longer than it must.
    fn end_where_it_breaks(&mut self) {
        let grain = GRAIN.as_nanos() as u64;
        let end = |at: SimTime| Duration::from_nanos((at.0 / grain + 1) * grain);
        let breaks = end(self.breakage().at);
        self.attempt(|it| end_at(it, breaks.min(it.chaos)));
        // What broke while progress was demanded may break after a shorter chaos as well.
        for part in [8, 4, 2] {
            while self.best().chaos > GRAIN * part
                && self.attempt(|it| end_at(it, end(SimTime::START + it.chaos / part)))
            {
            }
        }
    }

    fn thin_schedule(&mut self) {
        let faults = self.best().faults.clone();
        thinned(faults, |fewer| {
            let tried = self.attempt(|it| it.faults = fewer.to_vec());
            tried.then(|| self.best().faults.clone())
        });
    }

    fn thin_story(&mut self) {
        let story = self.best().story.clone();
        thinned(story, |fewer| {
            // Without any sentence it would be another kind of run.
            let tried = !fewer.is_empty() && self.attempt(|it| it.story = fewer.to_vec());
            tried.then(|| self.best().story.clone())
        });
    }

    /// Links and disks are as in a file that says nothing of them.
    fn make_plain(&mut self) {
        let plain = LinkQuality::default();
        self.attempt(|it| it.links = plain.clone());
        self.attempt(|it| it.links.loss = plain.loss);
        self.attempt(|it| it.links.duplicate = plain.duplicate);
        self.attempt(|it| {
            it.links.reorder = plain.reorder;
            it.links.held_back = plain.held_back.clone();
        });
        self.attempt(|it| it.links.latency = plain.latency.clone());
        self.attempt(|it| it.sync = Duration::ZERO..Duration::ZERO);
        self.attempt(|it| it.checkpoint_bytes = DEFAULT_CHECKPOINT_BYTES);
        self.attempt(|it| it.batch = 1);
    }

    /// Options are the usual ones.
    fn make_usual(&mut self) {
        let usual = self.system.default_options();
        self.attempt(|it| it.options = usual.clone());
        for name in names(&self.best().options) {
            self.attempt(|it| {
                match usual.get(&name) {
                    Some(value) => it.options.insert(name.clone(), value.clone()),
                    None => it.options.remove(&name),
                };
            });
        }
    }

    /// There is less of all that can be counted: clients, keys, groups, shards.
    fn have_fewer_things(&mut self) {
        for name in names(&self.best().options) {
            if UNITS.iter().any(|unit| name.ends_with(unit)) {
                continue;
            }
            while let Some(Value::Integer(number)) = self.best().options.get(&name).cloned() {
                let fewer = [0, 1, 2, number / 4, number / 2, number - 1];
                let fewer = fewer.into_iter().filter(|it| (0..number).contains(it));
                let mut fewer = fewer.map(Value::Integer);
                if !fewer.any(|it| self.attempt(|to| drop(to.options.insert(name.clone(), it)))) {
                    break;
                }
            }
        }
    }

    fn have_fewer_nodes(&mut self) {
        let nodes = self.best().nodes;
        for fewer in 1..nodes {
            // Clients come after the servers, and have lower numbers now.
            let gone = nodes - fewer;
            let name = |id: NodeId| match id.position() {
                place if place < fewer => Some(id),
                place if place < nodes => None,
                place => Some(NodeId::at(place - gone)),
            };
            let change = |it: &mut Scenario, renames: bool| {
                it.nodes = fewer;
                if renames {
                    it.faults = it
                        .faults
                        .iter()
                        .filter_map(|it| it.renamed(&name))
                        .collect();
                }
            };
            if [true, false]
                .into_iter()
                .any(|renames| self.attempt(|it| change(it, renames)))
            {
                return;
            }
        }
    }

    /// Incidents are over sooner.
    fn shorten_incidents(&mut self) {
        for place in 0..self.best().faults.len() {
            for _ in 0..HALVINGS {
                let shortened = self.attempt(|it| {
                    let incident = &mut it.faults[place];
                    if let Some(until) = &mut incident.until {
                        let half = until.since(incident.at) / 2;
                        *until = incident.at + half.max(GRAIN).min(until.since(incident.at));
                    }
                });
                if !shortened {
                    break;
                }
            }
        }
    }
}

/// Nothing begins after the chaos is over.
fn end_at(scenario: &mut Scenario, chaos: Duration) {
    scenario.chaos = chaos;
    let end = SimTime::START + chaos;
    scenario.faults.retain(|incident| incident.at < end);
}

fn names(options: &Table) -> Vec<String> {
    options.keys().cloned().collect()
}
