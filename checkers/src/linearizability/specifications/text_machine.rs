//! Texts as places in the sorted list of what was seen.
//!
//! What tells two texts apart is what somebody got, or compared with. A text that
//! begins no such *sighting* can never become one by being appended to, so all
//! such texts are one state: unseen. Any other text is named by the first
//! sighting that it begins and by its length; appending narrows the range of
//! sightings, and no text is ever built.

use std::sync::Arc;

use hashbrown::HashTable;
use snowglobe_systems::digest::Digest;

use super::text::{TextInput, TextOutput};
use crate::linearizability::machine::{Machine, Numbering, StateId};

/// The text that begins no sighting.
const UNSEEN: StateId = StateId(0);
/// No text at all, for an object that tells that from an empty one.
const MISSING: StateId = StateId(1);
/// The number of the first beginning.
const FIRST: u32 = 2;

/// A text that begins the sightings from `first` to before `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Beginning {
    first: u32,
    end: u32,
    /// In bytes.
    length: u32,
}

impl Beginning {
    /// The range follows from its start and the length.
    fn digest(self) -> u64 {
        let mut digest = Digest::new();
        digest.word(u64::from(self.first) << 32 | u64::from(self.length));
        digest.value()
    }
}

/// The states of one text.
pub(super) struct TextMachine<'a> {
    operations: Vec<(&'a TextInput, Option<&'a TextOutput>)>,
    /// Sorted, each once.
    sightings: Vec<&'a [u8]>,
    /// By number, from [`FIRST`] on.
    beginnings: Vec<Beginning>,
    numbers: HashTable<u32>,
}

impl<'a> TextMachine<'a> {
    pub(super) fn new(operations: Vec<(&'a TextInput, Option<&'a TextOutput>)>) -> Self {
        let mut sightings: Vec<&[u8]> = operations
            .iter()
            .filter_map(|(input, output)| match (input, output) {
                (TextInput::Get, Some(TextOutput::Value(seen))) => Some(seen),
                (TextInput::Cas { from, .. }, _) => Some(from),
                _ => None,
            })
            .map(|seen| seen.as_bytes())
            .collect();
        sightings.sort_unstable();
        sightings.dedup();
        Self {
            operations,
            sightings,
            beginnings: Vec::new(),
            numbers: HashTable::new(),
        }
    }

    fn beginning(&self, id: StateId) -> Option<Beginning> {
        let place = id.0.checked_sub(FIRST)?;
        self.beginnings.get(place as usize).copied()
    }

    /// What remains of a text's sightings when `more` is appended to it.
    fn narrow(&self, from: Beginning, more: &[u8]) -> Option<Beginning> {
        let length = from.length as usize;
        let range = &self.sightings[from.first as usize..from.end as usize];
        let skipped = range.partition_point(|seen| &seen[length..] < more);
        let kept = range[skipped..].partition_point(|seen| seen[length..].starts_with(more));
        let first = from.first + skipped as u32;
        (kept > 0).then_some(Beginning {
            first,
            end: first + kept as u32,
            length: (length + more.len()) as u32,
        })
    }

    fn intern(&mut self, beginning: Option<Beginning>) -> StateId {
        let Some(beginning) = beginning else {
            return UNSEEN;
        };
        let Self {
            beginnings,
            numbers,
            ..
        } = self;
        let digest = beginning.digest();
        let found = numbers.find(digest, |number| beginnings[*number as usize] == beginning);
        let number = found.copied().unwrap_or_else(|| {
            let number = beginnings.len() as u32;
            beginnings.push(beginning);
            numbers.insert_unique(digest, number, |number| {
                beginnings[*number as usize].digest()
            });
            number
        });
        StateId(number + FIRST)
    }
}

impl TextMachine<'_> {
    fn empty(&self) -> Beginning {
        Beginning {
            first: 0,
            end: self.sightings.len() as u32,
            length: 0,
        }
    }
}

impl Numbering<Option<Arc<str>>> for TextMachine<'_> {
    fn number(&mut self, state: &Option<Arc<str>>) -> StateId {
        match state {
            Some(text) => self.number(text),
            None => MISSING,
        }
    }

    fn state(&self, id: StateId) -> Option<Option<Arc<str>>> {
        match id {
            MISSING => Some(None),
            _ => self.state(id).map(Some),
        }
    }
}

impl Numbering<Arc<str>> for TextMachine<'_> {
    fn number(&mut self, state: &Arc<str>) -> StateId {
        self.intern(self.narrow(self.empty(), state.as_bytes()))
    }

    fn state(&self, id: StateId) -> Option<Arc<str>> {
        let beginning = self.beginning(id)?;
        let seen = self.sightings[beginning.first as usize];
        // A text may begin another in the middle of a character.
        let text = String::from_utf8_lossy(&seen[..beginning.length as usize]);
        Some(text.into())
    }
}

impl Machine for TextMachine<'_> {
    fn step(&mut self, from: StateId, operation: usize, next: &mut Vec<StateId>) {
        // All else is claimed in full, or an answer that belongs to another question.
        if let (TextInput::Append(more), None | Some(TextOutput::Done)) = self.operations[operation]
        {
            // What is appended to nothing is all that there is.
            let beginning = match from {
                MISSING => Some(self.empty()),
                _ => self.beginning(from),
            };
            let longer = beginning.and_then(|from| self.narrow(from, more.as_bytes()));
            next.push(self.intern(longer));
        }
    }

    fn may_lead(&self, from: StateId, to: StateId) -> bool {
        if from == MISSING || to == MISSING {
            return from == MISSING;
        }
        match (self.beginning(from), self.beginning(to)) {
            (Some(from), Some(to)) => {
                from.first <= to.first && to.first < from.end && from.length <= to.length
            }
            // What is unseen stays unseen; everything may become unseen.
            (None, Some(_)) => false,
            (_, None) => true,
        }
    }

    fn is_unseen(&self, state: StateId) -> bool {
        state == UNSEEN
    }

    fn bytes(&self) -> usize {
        self.sightings.capacity() * size_of::<&[u8]>()
            + self.beginnings.capacity() * size_of::<Beginning>()
            + self.numbers.allocation_size()
    }
}
