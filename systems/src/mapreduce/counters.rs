//! Counters of the user's (4.9).

use crate::vec_map::VecMap;
use alloc::string::String;

use serde::{Deserialize, Serialize};

/// Amounts under names. Those of a task are added up once, however often it
/// was executed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Counters(VecMap<String, u64>);

impl Counters {
    /// Adds to one of them.
    pub fn add(&mut self, name: &str, amount: u64) {
        match self.0.get_mut(name) {
            Some(count) => *count += amount,
            None => drop(self.0.insert(name.into(), amount)),
        }
    }

    /// Adds all of another's.
    pub fn add_all(&mut self, other: &Self) {
        other
            .iter()
            .for_each(|(name, amount)| self.add(name, amount));
    }

    /// All of them, by their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(name, amount)| (name.as_str(), *amount))
    }
}
