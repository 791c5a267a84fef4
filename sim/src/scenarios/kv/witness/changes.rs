//! The commands that changed each key, in the order in which they were applied.

use std::collections::{BTreeMap, BTreeSet};

use snowglobe_checkers::linearizability::specifications::TextInput;
use snowglobe_systems::kv::Key;

/// What the log has done to each key, as far as all of it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Changes {
    of: BTreeMap<Key, Vec<TextInput>>,
    /// Keys that something unknown has changed.
    unknown: BTreeSet<Key>,
    /// Whether entries were applied that nobody has seen.
    have_gaps: bool,
}

impl Changes {
    /// A command has changed its key.
    pub(super) fn push(&mut self, key: &Key, command: TextInput) {
        self.of.entry(key.clone()).or_default().push(command);
    }

    /// It is not known how a key came to its value.
    pub(super) fn lose(&mut self, key: &Key) {
        self.unknown.insert(key.clone());
        self.of.remove(key);
    }

    /// It is not known how any key came to its value.
    pub(super) fn lose_all(&mut self) {
        self.of.clear();
        self.have_gaps = true;
    }

    /// All that has ever changed a key; `None` where not all of it is known.
    pub(super) fn of(&self, key: &Key) -> Option<&[TextInput]> {
        let is_known = !self.have_gaps && !self.unknown.contains(key);
        is_known.then(|| self.of.get(key).map_or(&[][..], Vec::as_slice))
    }
}
