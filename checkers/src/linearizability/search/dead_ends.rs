//! The memo: configurations from which the search could not finish.
//!
//! A configuration is a window, the open operations that were linearized in it,
//! a state, and how many operations a write has covered (see `hidden` below).
//! Only dead ends are kept: the configurations of a search form no circles, so
//! one that is met again has been left for good, and a history that gives no
//! trouble keeps nothing at all.
//!
//! A dead end `d` also speaks for a configuration `c` of the same window and state if
//! everything that could follow `c` could follow `d`:
//!
//! - `d` has linearized no optional operation that `c` has not. A pending one
//!   need not happen, so having it in hand is an advantage. A required write
//!   that `c` has used is covered in `d`, by the next condition: `d` may drop it
//!   unseen when it must return.
//! - Every open write that is covered in `c` is covered in `d`.
//! - `d` has linearized every observer that `c` has: each is an obligation less.
//! - All other bits are equal.

use hashbrown::HashTable;
use snowglobe_systems::digest::Digest;

use crate::linearizability::problem::{Problem, Step};

const NONE: u32 = u32::MAX;

/// Where the search stands, apart from the mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub window: u32,
    pub state: u32,
    /// Operations called before this one are covered: a write was linearized
    /// since their call, so that they may have happened unseen just before it.
    pub covered: u32,
}

struct Entry {
    at: Position,
    /// The next one with the same window, state and exact bits.
    next: u32,
}

/// The dead ends met so far.
pub(super) struct DeadEnds<'a> {
    problem: &'a Problem,
    /// The first entry of each chain, by the digest of what the chain has in common.
    chains: HashTable<u32>,
    entries: Vec<Entry>,
    /// `words` for each entry.
    masks: Vec<u64>,
}

impl<'a> DeadEnds<'a> {
    pub(super) fn new(problem: &'a Problem) -> Self {
        Self {
            problem,
            chains: HashTable::new(),
            entries: Vec::new(),
            masks: Vec::new(),
        }
    }

    /// How much memory this takes.
    pub(super) fn bytes(&self) -> usize {
        self.chains.allocation_size()
            + self.entries.capacity() * size_of::<Entry>()
            + self.masks.capacity() * size_of::<u64>()
    }

    /// Whether this configuration cannot lead to the end.
    pub(super) fn contains(&self, at: Position, mask: &[u64]) -> bool {
        let mut entry = match self.chain(at, mask) {
            Some(head) => head,
            None => return false,
        };
        while entry != NONE {
            let Entry { at: dead, next } = &self.entries[entry as usize];
            if self.covers(dead, self.mask(entry), &at, mask) {
                return true;
            }
            entry = *next;
        }
        false
    }

    /// Remembers a dead end, and forgets those that it speaks for.
    pub(super) fn insert(&mut self, at: Position, mask: &[u64]) {
        let new = self.entries.len() as u32;
        let head = self.chain(at, mask);
        self.masks.extend_from_slice(mask);
        self.entries.push(Entry { at, next: NONE });
        let Some(head) = head else {
            let digest = self.digest(at, mask);
            let Self {
                problem,
                chains,
                entries,
                masks,
            } = self;
            chains.insert_unique(digest, new, |entry| {
                let start = *entry as usize * problem.slots.words;
                let mask = &masks[start..start + problem.slots.words];
                chain_digest(problem, entries[*entry as usize].at, mask)
            });
            return;
        };
        // The head stays where the table knows it; the new one follows it.
        let mut last = head;
        let mut entry = self.entries[head as usize].next;
        while entry != NONE {
            let next = self.entries[entry as usize].next;
            let spoken_for = {
                let old = &self.entries[entry as usize].at;
                self.covers(&at, mask, old, self.mask(entry))
            };
            if spoken_for {
                self.entries[last as usize].next = next;
            } else {
                last = entry;
            }
            entry = next;
        }
        self.entries[new as usize].next = self.entries[head as usize].next;
        self.entries[head as usize].next = new;
    }

    fn mask(&self, entry: u32) -> &[u64] {
        let start = entry as usize * self.problem.slots.words;
        &self.masks[start..start + self.problem.slots.words]
    }

    fn digest(&self, at: Position, mask: &[u64]) -> u64 {
        chain_digest(self.problem, at, mask)
    }

    /// The first entry of the chain that this configuration belongs to.
    fn chain(&self, at: Position, mask: &[u64]) -> Option<u32> {
        let same = |entry: &u32| {
            let dead = self.entries[*entry as usize].at;
            let exact = &self.problem.slots.exact;
            (dead.window, dead.state) == (at.window, at.state)
                && self
                    .mask(*entry)
                    .iter()
                    .zip(mask)
                    .zip(exact)
                    .all(|((dead, here), exact)| (dead ^ here) & exact == 0)
        };
        self.chains.find(self.digest(at, mask), same).copied()
    }

    /// Whether all that could follow `here` could follow `dead`, given that they are in one chain.
    fn covers(&self, dead: &Position, dead_mask: &[u64], here: &Position, mask: &[u64]) -> bool {
        let slots = &self.problem.slots;
        for word in 0..slots.words {
            let (dead, here) = (dead_mask[word], mask[word]);
            if dead & !here & slots.optional[word] != 0 || here & !dead & slots.observing[word] != 0
            {
                return false;
            }
        }
        self.covers_as_many(dead, here)
    }

    /// Whether every open write that is covered here is covered there.
    fn covers_as_many(&self, dead: &Position, here: &Position) -> bool {
        /// Looking further than this costs more than it saves.
        const FAR: u32 = 1 << 12;
        if dead.covered >= here.covered {
            return true;
        }
        let open =
            |step: &Step| step.is_total() && !step.is_pending() && step.returns >= here.window;
        here.covered - dead.covered <= FAR
            && !self.problem.steps[dead.covered as usize..here.covered as usize]
                .iter()
                .any(open)
    }
}

fn chain_digest(problem: &Problem, at: Position, mask: &[u64]) -> u64 {
    let mut digest = Digest::new();
    digest.word(u64::from(at.window) << 32 | u64::from(at.state));
    for (word, exact) in mask.iter().zip(&problem.slots.exact) {
        digest.word(word & exact);
    }
    digest.value()
}
