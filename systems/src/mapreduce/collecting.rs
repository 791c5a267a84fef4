//! What a reducer has of its part, and what it still seeks.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::mem;

use super::{Attempt, Location, MapId, SharedRun};

/// How many workers are asked at a time: more would only wait at this one's door.
const ASKED_AT_ONCE: usize = 8;

/// What a reducer has of its part, and what it still seeks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Collecting {
    /// How many maps there are.
    maps: u32,
    tries: u8,
    /// What is here. A run is that of any execution of its map: all leave the same.
    runs: BTreeMap<MapId, SharedRun>,
    /// Where the others are. A map that is in neither was not done when this
    /// reducer was told; it must ask.
    sought: BTreeMap<MapId, Sought>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Sought {
    location: Location,
    /// How often it was asked for there.
    asked: u8,
    /// Whether it was asked for and may still come.
    waits: bool,
    /// Whether it is not there, or cannot be reached.
    missing: bool,
}

impl Sought {
    fn at(location: Location) -> Self {
        Self {
            location,
            asked: 0,
            waits: false,
            missing: false,
        }
    }
}

impl Collecting {
    pub(super) fn new(maps: usize, tries: u8, locations: &[Location]) -> Self {
        let sought = locations.iter().map(|it| (it.map, Sought::at(*it)));
        Self {
            maps: maps as u32,
            tries,
            runs: BTreeMap::new(),
            sought: sought.collect(),
        }
    }

    /// Whom to ask next, so that a few are asked at a time.
    pub(super) fn next_to_ask(&mut self) -> Vec<Location> {
        let waits = self.sought.values().filter(|it| it.waits).count();
        let free = self
            .sought
            .values_mut()
            .filter(|it| !it.waits && !it.missing);
        let next = free.take(ASKED_AT_ONCE.saturating_sub(waits));
        next.map(|it| {
            it.waits = true;
            it.asked = it.asked.saturating_add(1);
            it.location
        })
        .collect()
    }

    /// Whether somebody more could be asked.
    pub(super) fn can_ask(&self) -> bool {
        let waits = self.sought.values().filter(|it| it.waits).count();
        let mut free = self.sought.values().filter(|it| !it.waits && !it.missing);
        waits < ASKED_AT_ONCE && free.next().is_some()
    }

    /// A run has come.
    pub(super) fn got(&mut self, map: MapId, attempt: Attempt, run: SharedRun) {
        let known = self.sought.get(&map);
        if known.is_some_and(|it| it.location.attempt == attempt) {
            self.sought.remove(&map);
            self.runs.insert(map, run);
        }
    }

    /// A run is not where it was sought.
    pub(super) fn gone(&mut self, map: MapId, attempt: Attempt) {
        let known = self.sought.get_mut(&map);
        if let Some(sought) = known.filter(|it| it.location.attempt == attempt) {
            (sought.missing, sought.waits) = (true, false);
        }
    }

    /// Nobody answered for a while.
    pub(super) fn ask_again(&mut self) {
        let tries = self.tries;
        for sought in self.sought.values_mut().filter(|it| it.waits) {
            sought.waits = false;
            sought.missing = sought.asked >= tries;
        }
    }

    /// The coordinator knows better.
    pub(super) fn moved(&mut self, locations: &[Location]) {
        for location in locations {
            let known = self.sought.get(&location.map);
            let is_here = self.runs.contains_key(&location.map);
            if !is_here && known.is_none_or(|it| it.location.attempt < location.attempt) {
                self.sought.insert(location.map, Sought::at(*location));
            }
        }
    }

    /// What could not be had, with the execution that was sought, if any was known.
    pub(super) fn missing(&self) -> Vec<(MapId, Option<Attempt>)> {
        let others = (0..self.maps).map(MapId);
        let others = others.filter(|map| !self.runs.contains_key(map));
        others
            .filter_map(|map| match self.sought.get(&map) {
                Some(sought) => sought
                    .missing
                    .then_some((map, Some(sought.location.attempt))),
                None => Some((map, None)),
            })
            .collect()
    }

    /// Whether the runs of all maps are here.
    pub(super) fn is_complete(&self) -> bool {
        self.runs.len() == self.maps as usize
    }

    pub(super) fn take(&mut self) -> BTreeMap<MapId, SharedRun> {
        mem::take(&mut self.runs)
    }
}
