//! What a map leaves on its worker's disk: for each part of the output a run of
//! keys in ascending order, with their values.

use alloc::string::String;
use alloc::vec::Vec;

use hashbrown::HashTable;
use serde::{Deserialize, Serialize};

use super::{Application, Partition, Values};
use crate::digest::Digest;

/// One key with values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Group {
    /// The key.
    pub key: String,
    /// All values, one behind the other.
    text: String,
    /// Where each value ends. Ascending; the last is the length of the text.
    ends: Vec<u32>,
}

/// Keys in ascending order, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Run(pub Vec<Group>);

impl Group {
    fn of(key: &str) -> Self {
        Self {
            key: key.into(),
            text: String::new(),
            ends: Vec::new(),
        }
    }

    /// Adds a value.
    fn push(&mut self, value: &str) {
        self.text.push_str(value);
        self.ends.push(self.text.len() as u32);
    }

    /// The values.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        let starts = core::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .map(|(start, end)| &self.text[start as usize..*end as usize])
    }
}

impl Run {
    /// About how many bytes it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let groups = self.0.iter();
        let bytes = groups.map(|group| group.key.len() + group.text.len() + 4 * group.ends.len());
        bytes.sum()
    }
}

/// Collects what a map emits, by key.
#[derive(Debug, Default)]
pub(super) struct Collector {
    /// Places in `groups`, by the digest of the key.
    places: HashTable<u32>,
    groups: Vec<Group>,
}

/// How many values of a key are kept before they are combined.
const COMBINED_AT: usize = 64;

impl Collector {
    /// Takes a pair, and makes one value of many where the application can.
    pub(super) fn take(&mut self, code: &dyn Application, key: &str, value: &str) {
        let groups = &self.groups;
        let hash = Digest::of(key);
        let is_it = |place: &u32| groups[*place as usize].key == key;
        let place = match self.places.find(hash, is_it) {
            Some(place) => *place as usize,
            None => {
                let place = self.groups.len();
                let rehash = |place: &u32| Digest::of(groups[*place as usize].key.as_str());
                self.places.insert_unique(hash, place as u32, rehash);
                self.groups.push(Group::of(key));
                place
            }
        };
        let group = &mut self.groups[place];
        group.push(value);
        if group.ends.len() == COMBINED_AT {
            combine(code, group);
        }
    }

    /// The runs of all parts of the output.
    pub(super) fn into_runs(self, code: &dyn Application, partitions: u16) -> Vec<Run> {
        let mut runs = Vec::new();
        runs.resize_with(usize::from(partitions), Run::default);
        for mut group in self.groups {
            if group.ends.len() > 1 {
                combine(code, &mut group);
            }
            let Partition(place) = code.partition(&group.key, partitions);
            runs[usize::from(place)].0.push(group);
        }
        for run in &mut runs {
            run.0.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        }
        runs
    }
}

fn combine(code: &dyn Application, group: &mut Group) {
    let values: Vec<&str> = group.values().collect();
    if let Some(value) = code.combine(&group.key, &Values(&values)) {
        group.text.clear();
        group.ends.clear();
        group.push(&value);
    }
}
