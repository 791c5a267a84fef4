//! The commands that changed each key, in the order in which they were applied.

use std::collections::{BTreeMap, BTreeSet};

use snowglobe_checkers::linearizability::specifications::TextInput;
use snowglobe_systems::kv::{Command, Key};

/// What the log has done to each key, as far as all of it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Changes {
    of: BTreeMap<Key, Vec<TextInput>>,
    /// Keys that something unknown has changed.
    unknown: BTreeSet<Key>,
    /// Whether entries were applied that nobody has seen.
    have_gaps: bool,
}

impl Changes {
    /// A command has changed its key.
    pub(crate) fn push(&mut self, key: &Key, command: TextInput) {
        self.of.entry(key.clone()).or_default().push(command);
    }

    /// It is not known how a key came to its value.
    pub(crate) fn lose(&mut self, key: &Key) {
        self.unknown.insert(key.clone());
        self.of.remove(key);
    }

    /// It is not known how any key came to its value.
    pub(crate) fn lose_all(&mut self) {
        self.of.clear();
        self.have_gaps = true;
    }

    /// All that has ever changed a key; `None` where not all of it is known.
    pub(crate) fn of(&self, key: &Key) -> Option<&[TextInput]> {
        let is_known = !self.have_gaps && !self.unknown.contains(key);
        is_known.then(|| self.of.get(key).map_or(&[][..], Vec::as_slice))
    }
}

/// A command as the specification knows it.
pub(crate) fn in_words(command: &Command) -> TextInput {
    match command {
        Command::Put { value, .. } => TextInput::Put(value.0.clone()),
        Command::Append { value, .. } => TextInput::Append(value.0.clone()),
        Command::Delete { .. } => TextInput::Delete,
        Command::Cas { from, to, .. } => TextInput::Cas {
            from: from.0.clone(),
            to: to.0.clone(),
        },
    }
}
