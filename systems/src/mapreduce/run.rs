//! What a map leaves on its worker's disk: for each part of the output a run of
//! keys in ascending order, with their values.

use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

use hashbrown::HashTable;
use serde::{Deserialize, Serialize};

use super::{Application, Partition, Values};
use crate::digest::Digest;

/// Keys in ascending order, each once, with their values; all in two pieces of
/// memory, since there are as many keys as the input has words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Run {
    /// Each key, followed by its values.
    text: String,
    /// For each key its length, the number of its values, and their lengths.
    lengths: Vec<u32>,
}

/// One key of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group<'a> {
    /// The key.
    pub key: &'a str,
    /// All values, one behind the other.
    text: &'a str,
    /// How long each of them is.
    lengths: &'a [u32],
}

impl<'a> Group<'a> {
    /// The values.
    pub fn values(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let mut rest = self.text;
        self.lengths.iter().map(move |length| {
            let (value, after) = rest.split_at(*length as usize);
            rest = after;
            value
        })
    }
}

impl Run {
    /// Adds a key after all others, which are less.
    fn push<'a>(&mut self, key: &str, values: impl ExactSizeIterator<Item = &'a str>) {
        self.text.push_str(key);
        self.lengths.push(key.len() as u32);
        self.lengths.push(values.len() as u32);
        for value in values {
            self.text.push_str(value);
            self.lengths.push(value.len() as u32);
        }
    }

    /// All keys, in ascending order.
    pub fn groups(&self) -> impl Iterator<Item = Group<'_>> {
        let (mut text, mut lengths) = (self.text.as_str(), self.lengths.as_slice());
        core::iter::from_fn(move || {
            let (key_length, rest) = lengths.split_first()?;
            let (count, rest) = rest.split_first()?;
            let (of_values, rest) = rest.split_at(*count as usize);
            let (key, after) = text.split_at(*key_length as usize);
            let all = of_values.iter().map(|length| *length as usize).sum();
            let (values, after) = after.split_at(all);
            (text, lengths) = (after, rest);
            Some(Group {
                key,
                text: values,
                lengths: of_values,
            })
        })
    }

    /// How many bytes it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.text.len() + size_of_val(self.lengths.as_slice())
    }
}

/// Collects what a map emits, by key.
#[derive(Debug, Default)]
pub(super) struct Collector {
    /// Places in `keys`, by the digest of the key.
    places: HashTable<u32>,
    keys: Vec<Collected>,
}

/// One key with what was emitted for it.
#[derive(Debug)]
struct Collected {
    key: String,
    /// The value that came last, if it is short, and how often it came in a row
    /// since it was written down. Most maps say the same of a key again and again.
    last: Short,
    times: u32,
    /// All values, one behind the other, but for those last ones.
    text: String,
    /// Where each of them ends.
    ends: Vec<u32>,
}

/// A short value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Short {
    bytes: [u8; Self::MOST],
    length: u8,
}

impl Short {
    const MOST: usize = 15;

    fn of(value: &str) -> Option<Self> {
        let mut bytes = [0; Self::MOST];
        bytes
            .get_mut(..value.len())?
            .copy_from_slice(value.as_bytes());
        Some(Self {
            bytes,
            length: value.len() as u8,
        })
    }

    fn as_str(&self) -> &str {
        let bytes = &self.bytes[..usize::from(self.length)];
        core::str::from_utf8(bytes).expect("it was made of a text")
    }
}

/// How many values of a key are kept before they are combined.
const COMBINED_AT: u32 = 1024;

impl Collected {
    fn push(&mut self, value: &str) {
        match Short::of(value) {
            Some(short) if short == self.last && self.times > 0 => self.times += 1,
            Some(short) => {
                self.write_down();
                (self.last, self.times) = (short, 1);
            }
            None => {
                self.write_down();
                self.text.push_str(value);
                self.ends.push(self.text.len() as u32);
            }
        }
    }

    /// Puts the last values to the others.
    fn write_down(&mut self) {
        for _ in 0..mem::take(&mut self.times) {
            self.text.push_str(self.last.as_str());
            self.ends.push(self.text.len() as u32);
        }
    }

    fn count(&self) -> u32 {
        self.ends.len() as u32 + self.times
    }

    fn value(&self, place: usize) -> &str {
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start as usize..self.ends[place] as usize]
    }

    fn values(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.ends.len()).map(|place| self.value(place))
    }

    fn combine(&mut self, code: &dyn Application) {
        let last = core::iter::repeat_n(self.last.as_str(), self.times as usize);
        let values: Vec<&str> = self.values().chain(last).collect();
        if let Some(value) = code.combine(&self.key, &Values(&values)) {
            self.text.clear();
            self.ends.clear();
            self.times = 0;
            self.push(&value);
        }
    }
}

impl Collector {
    /// Takes a pair, and makes one value of many where the application can.
    pub(super) fn take(&mut self, code: &dyn Application, key: &str, value: &str) {
        let keys = &self.keys;
        let hash = Digest::of(key);
        let is_it = |place: &u32| keys[*place as usize].key == key;
        let place = match self.places.find(hash, is_it) {
            Some(place) => *place as usize,
            None => {
                let place = self.keys.len();
                let rehash = |place: &u32| Digest::of(keys[*place as usize].key.as_str());
                self.places.insert_unique(hash, place as u32, rehash);
                self.keys.push(Collected {
                    key: key.into(),
                    last: Short {
                        bytes: [0; Short::MOST],
                        length: 0,
                    },
                    times: 0,
                    text: String::new(),
                    ends: Vec::new(),
                });
                place
            }
        };
        let collected = &mut self.keys[place];
        collected.push(value);
        // One value that stands for many is followed by as many again.
        if collected.count() == COMBINED_AT {
            collected.combine(code);
        }
    }

    /// The runs of all parts of the output.
    pub(super) fn into_runs(self, code: &dyn Application, partitions: u16) -> Vec<Run> {
        let mut runs = Vec::new();
        runs.resize_with(usize::from(partitions), Run::default);
        let mut keys = self.keys;
        keys.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        for mut collected in keys {
            if collected.count() > 1 {
                collected.combine(code);
            }
            collected.write_down();
            let Partition(place) = code.partition(&collected.key, partitions);
            runs[usize::from(place)].push(&collected.key, collected.values());
        }
        for run in &mut runs {
            run.text.shrink_to_fit();
            run.lengths.shrink_to_fit();
        }
        runs
    }
}
