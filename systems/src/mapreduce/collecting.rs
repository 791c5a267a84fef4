//! What a reducer has of its part, and what it still seeks.

use crate::vec_map::VecMap;
use crate::vec_set::VecSet;
use alloc::vec::Vec;
use core::mem;

use super::{Attempt, Location, MapId, SharedRun};

/// How many workers are asked at a time: more would only wait at this one's door.
const ASKED_AT_ONCE: usize = 8;

/// What a reducer has of its part, and what it still seeks. Each map is in one
/// place: its run is here, or nobody has said where it is, or it is sought.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Collecting {
    tries: u8,
    /// What is here. A run is that of any execution of its map: all leave the same.
    runs: VecMap<MapId, SharedRun>,
    /// Those that were not done when this reducer was told where all are; it must ask.
    unknown: VecSet<MapId>,
    /// Where the others are, and how often they were asked for there.
    sought: VecMap<MapId, (Location, u8)>,
    /// Those of the sought ones that can be asked for.
    free: VecSet<MapId>,
    /// Those that were asked for, and may still come.
    waits: VecSet<MapId>,
    /// Those that are not where they are sought, or cannot be reached there.
    missing: VecSet<MapId>,
}

impl Collecting {
    /// Nothing is here, and nobody has said where anything is.
    pub(super) fn new(maps: impl Iterator<Item = MapId>, tries: u8) -> Self {
        Self {
            tries,
            runs: VecMap::new(),
            unknown: maps.collect(),
            sought: VecMap::new(),
            free: VecSet::new(),
            waits: VecSet::new(),
            missing: VecSet::new(),
        }
    }

    /// Whom to ask next, so that a few are asked at a time.
    pub(super) fn next_to_ask(&mut self) -> Vec<Location> {
        let mut next = Vec::new();
        while self.can_ask()
            && let Some(map) = self.free.pop_first()
            && let Some((location, asked)) = self.sought.get_mut(&map)
        {
            *asked = asked.saturating_add(1);
            self.waits.insert(map);
            next.push(*location);
        }
        next
    }

    /// Whether somebody more could be asked.
    pub(super) fn can_ask(&self) -> bool {
        self.waits.len() < ASKED_AT_ONCE && !self.free.is_empty()
    }

    /// A run has come, perhaps from where it was sought before.
    pub(super) fn got(&mut self, map: MapId, run: SharedRun) {
        let is_awaited = self.unknown.remove(&map) || self.sought.remove(&map).is_some();
        if is_awaited {
            self.free.remove(&map);
            self.waits.remove(&map);
            self.missing.remove(&map);
            self.runs.insert(map, run);
        }
    }

    /// A run is not where it was expected.
    pub(super) fn gone(&mut self, map: MapId, attempt: Attempt) {
        let known = self.sought.get(&map);
        if known.is_some_and(|(location, _)| location.attempt == attempt) {
            self.free.remove(&map);
            self.waits.remove(&map);
            self.missing.insert(map);
        }
    }

    /// A timeout: no answer for a while.
    pub(super) fn ask_again(&mut self) {
        for map in mem::take(&mut self.waits) {
            match self.sought.get(&map) {
                Some((_, asked)) if *asked >= self.tries => self.missing.insert(map),
                Some(_) => self.free.insert(map),
                None => continue,
            };
        }
    }

    /// The coordinator knows the current locations. What is missing is fetched from there, even
    /// if that is an older execution than the last one tried: it may be all that there is.
    pub(super) fn moved(&mut self, locations: &[Location]) {
        for location in locations {
            let map = location.map;
            let is_other = match self.sought.get(&map) {
                Some((known, _)) if self.missing.contains(&map) => {
                    known.attempt != location.attempt
                }
                Some((known, _)) => known.attempt < location.attempt,
                None => self.unknown.remove(&map),
            };
            if is_other {
                self.waits.remove(&map);
                self.missing.remove(&map);
                self.free.insert(map);
                self.sought.insert(map, (*location, 0));
            }
        }
    }

    /// What could not be had, with the execution that was sought, if any was known.
    pub(super) fn missing(&self) -> Vec<(MapId, Option<Attempt>)> {
        let sought = |map: &MapId| self.sought.get(map).map(|(location, _)| location.attempt);
        let lacking = self.unknown.iter().chain(&self.missing);
        let mut missing: Vec<_> = lacking.map(|map| (*map, sought(map))).collect();
        missing.sort_unstable();
        missing
    }

    /// Whether the runs of all maps are here.
    pub(super) fn is_complete(&self) -> bool {
        self.unknown.is_empty() && self.sought.is_empty()
    }

    pub(super) fn take(&mut self) -> VecMap<MapId, SharedRun> {
        mem::take(&mut self.runs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::NodeId;

    fn location(map: u32, number: u32) -> Location {
        let attempt = Attempt { epoch: 1, number };
        Location {
            map: MapId(map),
            attempt,
            node: NodeId(9),
        }
    }

    #[test]
    fn a_run_is_asked_for_as_often_as_the_tries_and_then_missing() {
        let mut collecting = Collecting::new([MapId(0)].into_iter(), 3);
        assert_eq!(collecting.missing(), [(MapId(0), None)]);
        collecting.moved(&[location(0, 1)]);
        for _ in 0..3 {
            assert_eq!(collecting.next_to_ask(), [location(0, 1)]);
            assert!(collecting.missing().is_empty());
            collecting.ask_again();
        }
        assert!(collecting.next_to_ask().is_empty());
        let sought = Some(location(0, 1).attempt);
        assert_eq!(collecting.missing(), [(MapId(0), sought)]);
        // Where it is now it is asked for as often again.
        collecting.moved(&[location(0, 2)]);
        assert_eq!(collecting.next_to_ask(), [location(0, 2)]);
        collecting.ask_again();
        assert!(collecting.missing().is_empty());
    }

    #[test]
    fn a_few_are_asked_at_a_time() {
        let maps = ASKED_AT_ONCE as u32 + 2;
        let mut collecting = Collecting::new((0..maps).map(MapId), 3);
        let locations: Vec<_> = (0..maps).map(|map| location(map, 1)).collect();
        collecting.moved(&locations);
        assert_eq!(collecting.next_to_ask().len(), ASKED_AT_ONCE);
        assert!(!collecting.can_ask());
        collecting.gone(MapId(0), location(0, 1).attempt);
        assert!(collecting.can_ask());
        assert_eq!(collecting.next_to_ask(), [location(maps - 2, 1)]);
    }
}
