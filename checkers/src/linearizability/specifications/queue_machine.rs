//! Queues as far as somebody can still look into them.
//!
//! Each state knows how many values were taken out, and so how many still may be: no answer will
//! ever show what stands behind those. Queues that differ only there are one state; else a queue
//! at the end of a history, into which many put and from which nobody takes, has as many states
//! as its values have orders.
//!
//! And a value that was put in once and taken out once tells when it was in front.
//! So it must not be put behind a value that was taken out only after it
//! had been taken, nor behind one that nobody takes, nor where nobody will come to. A search that
//! finds that out when the value is put in need not find out when it is taken.

use std::collections::{BTreeMap, VecDeque};

use hashbrown::HashTable;
use snowglobe_systems::digest::Digest;

use super::queue::{QueueInput, QueueOutput};
use crate::history::Moment;
use crate::linearizability::machine::{Machine, Numbering, StateId};
use crate::linearizability::specification::Timed;

/// A value, by its number.
type Number = u32;

/// What an operation does.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Enqueue(Number),
    Dequeue(Number),
    /// Found nothing.
    Empty,
    /// Takes whatever there is.
    Steal,
    /// The answer belongs to another question, or nobody ever put that value in.
    Nonsense,
}

/// The states of one queue.
pub(super) struct QueueMachine<'a, V> {
    deeds: Vec<Deed>,
    /// What is known of each value.
    values: Vec<Taken>,
    names: Vec<&'a V>,
    numbers: BTreeMap<&'a V, Number>,
    /// How many values may be taken out at most.
    exits: u32,
    /// Whether operations are pending that may take any value.
    thieves: bool,
    /// The states, one behind the other: how many were taken and whether more stands behind, then
    /// the values in reach.
    words: Vec<u32>,
    /// Where each state begins; at the end, where the next will.
    starts: Vec<u32>,
    known: HashTable<u32>,
    /// From a state and an operation to a state, [`NOWHERE`] where there is none.
    steps: HashTable<(u32, u32, u32)>,
}

const NOWHERE: u32 = u32::MAX;

/// When a value was taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    /// Never, as far as answers tell.
    Never,
    /// By an operation that was called and answered then.
    Once(Moment, Moment),
    /// It was put in, or taken out, more than once.
    Unclear,
}

impl<'a, V: Ord> QueueMachine<'a, V> {
    pub(super) fn new(operations: &[Timed<'a, QueueInput<V>, QueueOutput<V>>]) -> Self {
        let mut machine = Self {
            deeds: Vec::with_capacity(operations.len()),
            values: Vec::new(),
            names: Vec::new(),
            numbers: BTreeMap::new(),
            exits: 0,
            thieves: false,
            words: Vec::new(),
            starts: vec![0],
            known: HashTable::new(),
            steps: HashTable::new(),
        };
        for operation in operations {
            if let QueueInput::Enqueue(value) = operation.input {
                machine.meet(value);
            }
        }
        for operation in operations {
            let deed = machine.deed(operation);
            machine.deeds.push(deed);
        }
        machine
    }

    fn meet(&mut self, value: &'a V) {
        let next = self.names.len() as Number;
        let number = *self.numbers.entry(value).or_insert(next);
        if number == next {
            self.names.push(value);
            self.values.push(Taken::Never);
        } else {
            self.values[number as usize] = Taken::Unclear;
        }
    }

    fn deed(&mut self, operation: &Timed<'a, QueueInput<V>, QueueOutput<V>>) -> Deed {
        let returned = operation.returned;
        match (operation.input, returned.map(|(_, output)| output)) {
            (QueueInput::Enqueue(value), None | Some(QueueOutput::Done)) => {
                Deed::Enqueue(self.numbers[value])
            }
            (QueueInput::Dequeue, None) => {
                self.exits += 1;
                self.thieves = true;
                Deed::Steal
            }
            (QueueInput::Dequeue, Some(QueueOutput::Empty)) => Deed::Empty,
            (QueueInput::Dequeue, Some(QueueOutput::Value(value))) => {
                self.exits += 1;
                let Some(number) = self.numbers.get(value).copied() else {
                    return Deed::Nonsense;
                };
                let taken = &mut self.values[number as usize];
                *taken = match (*taken, returned) {
                    (Taken::Never, Some((at, _))) => Taken::Once(operation.called, at),
                    _ => Taken::Unclear,
                };
                Deed::Dequeue(number)
            }
            _ => Deed::Nonsense,
        }
    }

    /// How many were taken, whether more stands behind, and the values in reach.
    fn content(&self, id: u32) -> (u32, bool, &[Number]) {
        let (start, end) = (self.starts[id as usize], self.starts[id as usize + 1]);
        let (first, front) = (
            self.words[start as usize],
            &self.words[start as usize + 1..end as usize],
        );
        (first >> 1, first & 1 != 0, front)
    }

    /// Whether a value that is put behind these is taken out too early for one of them.
    fn is_too_late(&self, ahead: &[Number], value: Number) -> bool {
        let Taken::Once(_, returned) = self.values[value as usize] else {
            return false;
        };
        ahead
            .iter()
            .any(|ahead| match self.values[*ahead as usize] {
                Taken::Once(called, _) => returned < called,
                Taken::Never => !self.thieves,
                Taken::Unclear => false,
            })
    }

    /// The state that follows.
    fn follow(&mut self, from: u32, deed: Deed) -> u32 {
        let (taken, more, front) = self.content(from);
        // How far into it somebody may still come.
        let reach = self.exits.saturating_sub(taken) as usize;
        match deed {
            Deed::Enqueue(value) => {
                let in_reach = front.len() < reach && !more;
                let must_leave = matches!(self.values[value as usize], Taken::Once(..));
                if self.is_too_late(front, value) || (must_leave && !in_reach) {
                    return NOWHERE;
                }
                let mut front = front.to_vec();
                if in_reach {
                    front.push(value);
                }
                self.intern(taken, !in_reach, &front)
            }
            Deed::Dequeue(value) if front.first() == Some(&value) => {
                let rest = front[1..].to_vec();
                self.intern(taken + 1, more, &rest)
            }
            Deed::Steal if !front.is_empty() => {
                let rest = front[1..].to_vec();
                self.intern(taken + 1, more, &rest)
            }
            Deed::Steal => from,
            Deed::Empty if front.is_empty() && !more => from,
            Deed::Dequeue(_) | Deed::Empty | Deed::Nonsense => NOWHERE,
        }
    }

    fn intern(&mut self, taken: u32, more: bool, front: &[Number]) -> u32 {
        let first = taken << 1 | u32::from(more);
        let digest = digest(first, front);
        let Self {
            words,
            starts,
            known,
            ..
        } = self;
        let words_of =
            |id: u32| &words[starts[id as usize] as usize..starts[id as usize + 1] as usize];
        let is_it = |id: &u32| {
            let words = words_of(*id);
            words[0] == first && words[1..] == *front
        };
        if let Some(id) = known.find(digest, is_it) {
            return *id;
        }
        let id = starts.len() as u32 - 1;
        words.push(first);
        words.extend_from_slice(front);
        starts.push(words.len() as u32);
        let (words, starts) = (&*words, &*starts);
        known.insert_unique(digest, id, |id| {
            let words = &words[starts[*id as usize] as usize..starts[*id as usize + 1] as usize];
            self::digest(words[0], &words[1..])
        });
        id
    }
}

fn digest(first: u32, front: &[Number]) -> u64 {
    let mut digest = Digest::new();
    digest.word(u64::from(first));
    for pair in front.chunks(2) {
        let second = pair
            .get(1)
            .map_or(u64::MAX << 32, |second| u64::from(*second) << 32);
        digest.word(u64::from(pair[0]) | second);
    }
    digest.value()
}

fn digest_of_step(from: u32, operation: u32) -> u64 {
    let mut digest = Digest::new();
    digest.word(u64::from(from) << 32 | u64::from(operation));
    digest.value()
}

impl<V: Clone + Ord> Numbering<VecDeque<V>> for QueueMachine<'_, V> {
    fn number(&mut self, state: &VecDeque<V>) -> StateId {
        // Only the empty one is ever asked for; what nobody puts in has no number.
        let front: Vec<_> = (state.iter())
            .filter_map(|value| self.numbers.get(value).copied())
            .collect();
        StateId(self.intern(0, false, &front))
    }

    fn state(&self, id: StateId) -> Option<VecDeque<V>> {
        let (_, more, front) = self.content(id.0);
        let name = |number: &Number| self.names[*number as usize].clone();
        (!more).then(|| front.iter().map(name).collect())
    }
}

impl<V: Ord> Machine for QueueMachine<'_, V> {
    fn step(&mut self, from: StateId, operation: usize, next: &mut Vec<StateId>) {
        let (from, place) = (from.0, operation as u32);
        let digest = digest_of_step(from, place);
        let same = |(state, step, _): &(u32, u32, u32)| (*state, *step) == (from, place);
        let to = match self.steps.find(digest, same) {
            Some((_, _, to)) => *to,
            None => {
                let to = self.follow(from, self.deeds[operation]);
                let rehash = |(state, step, _): &(u32, u32, u32)| digest_of_step(*state, *step);
                self.steps.insert_unique(digest, (from, place, to), rehash);
                to
            }
        };
        if to != NOWHERE {
            next.push(StateId(to));
        }
    }

    fn bytes(&self) -> usize {
        (self.words.capacity() + self.starts.capacity()) * size_of::<u32>()
            + self.known.allocation_size()
            + self.steps.allocation_size()
    }
}
