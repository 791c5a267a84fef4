//! A queue into which each value is put once: its values leave in the order in which they came.
//!
//! If one value is put in before another is, or taken out before another is, in real time, it is
//! the earlier of the two; and what is taken out is earlier than what stays. Who found nothing
//! looked at a moment at which no value was there for certain, between its last possible arrival
//! and its first possible departure; the first such moment is tried. An order of the values and
//! of those that found nothing, that agrees with all of that, gives an order of the operations,
//! which is tried; where it is wrong, only a search can tell. If those rules go round in a circle, there is none (Henzinger, Sezgin
//! and Vafeiadis, "Aspect-oriented linearizability proofs", 2013; Bouajjani and others, "On reducing
//! linearizability to state reachability", 2015).

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Debug;
use std::hash::Hash;

use super::queue::{QueueInput, QueueOutput};
use crate::history::Moment;
use crate::linearizability::specification::{Decision, Timed};
use crate::linearizability::timeline::{Span, Timeline};

type Call<'a, V> = Timed<'a, QueueInput<V>, QueueOutput<V>>;

/// Decides, where that is what the queue is and the tried order is right.
pub(super) fn decide<V: Clone + Eq + Ord + Hash + Debug>(operations: &[Call<'_, V>]) -> Decision {
    let passages = match Passages::of(operations) {
        Ok(passages) => passages,
        Err(decision) => return decision,
    };
    // What stays may have been taken by one that was never answered.
    let sure = match passages.thieves {
        true => Decision::Undecided,
        false => Decision::Impossible,
    };
    let leave = Scope {
        rest: false,
        empties: &[],
    };
    if passages.order(operations, leave).is_none() {
        return Decision::Impossible;
    }
    let all = Scope {
        rest: true,
        empties: &[],
    };
    if passages.order(operations, all).is_none() {
        return sure;
    }
    let Some(moments) = passages.moments_of_empties(operations) else {
        return sure;
    };
    let tried = Scope {
        rest: true,
        empties: &moments,
    };
    let order = passages.order(operations, tried);
    match order.and_then(|order| passages.operations(operations, &order, &moments)) {
        Some(order) if is_right(operations, &order) => Decision::Order(order),
        _ => Decision::Undecided,
    }
}

/// The way of one value: the places of the operations that put it in and took it out.
#[derive(Clone, Copy, Debug)]
struct Passage {
    entry: u32,
    exit: Option<u32>,
}

/// What an order is of, beside the values that left.
#[derive(Clone, Copy)]
struct Scope<'a> {
    /// Those that stay, too.
    rest: bool,
    /// And those that found nothing, at these moments.
    empties: &'a [Moment],
}

struct Passages {
    all: Vec<Passage>,
    /// Dequeues that found nothing.
    empties: Vec<u32>,
    /// Whether there are dequeues without an answer.
    thieves: bool,
}

impl Passages {
    fn of<V: Ord>(operations: &[Call<'_, V>]) -> Result<Self, Decision> {
        let mut values = BTreeMap::new();
        for (place, operation) in operations.iter().enumerate() {
            if let QueueInput::Enqueue(value) = operation.input {
                let entry = place as u32;
                if values
                    .insert(value, Passage { entry, exit: None })
                    .is_some()
                {
                    return Err(Decision::Undecided);
                }
            }
        }
        let (mut empties, mut thieves) = (Vec::new(), false);
        for (place, operation) in operations.iter().enumerate() {
            let place = place as u32;
            match (
                operation.input,
                operation.returned.map(|(_, output)| output),
            ) {
                (QueueInput::Enqueue(_), None | Some(QueueOutput::Done)) => {}
                (QueueInput::Dequeue, None) => thieves = true,
                (QueueInput::Dequeue, Some(QueueOutput::Empty)) => empties.push(place),
                (QueueInput::Dequeue, Some(QueueOutput::Value(value))) => {
                    let passage = values.get_mut(value).ok_or(Decision::Impossible)?;
                    if passage.exit.replace(place).is_some() {
                        return Err(Decision::Impossible);
                    }
                }
                _ => return Err(Decision::Undecided),
            }
        }
        // Who puts in what nobody takes, and is not answered, need not have done so.
        let matters = |passage: &Passage| {
            passage.exit.is_some() || operations[passage.entry as usize].returned.is_some()
        };
        Ok(Self {
            all: values.into_values().filter(matters).collect(),
            empties,
            thieves,
        })
    }

    /// The values, and behind their numbers those that found nothing, in an order that agrees with
    /// real time.
    fn order<V>(&self, operations: &[Call<'_, V>], scope: Scope<'_>) -> Option<Vec<u32>> {
        let mut timeline = Timeline::new(self.all.len() + scope.empties.len());
        let gone = timeline.point();
        let (mut entries, mut exits, mut empties) = (Vec::new(), Vec::new(), Vec::new());
        for (value, passage) in self.all.iter().enumerate() {
            let value = value as u32;
            match passage.exit {
                Some(_) => {
                    timeline.arrow(value, gone);
                    exits.push((value, passage.span_of_exit(operations)));
                }
                None if scope.rest => timeline.arrow(gone, value),
                None => continue,
            }
            entries.push((value, passage.span_of_entry(operations)));
        }
        let is_late =
            |(_, (called, returned)): &(u32, Span)| returned.is_some_and(|at| at < *called);
        if exits.iter().any(is_late) {
            return None;
        }
        for (place, at) in scope.empties.iter().enumerate() {
            let empty = (self.all.len() + place) as u32;
            timeline.arrow(empty, gone);
            empties.push((empty, (*at, Some(*at))));
        }
        let ends = |spans: &[(u32, Span)]| -> Vec<_> {
            let ends = spans.iter().map(|(thing, (_, at))| Some(((*at)?, *thing)));
            ends.flatten().collect()
        };
        let begins = |spans: &[(u32, Span)]| -> Vec<_> {
            spans.iter().map(|(thing, (at, _))| (*at, *thing)).collect()
        };
        timeline.before(ends(&entries), begins(&empties));
        timeline.before(ends(&empties), begins(&exits));
        timeline.in_time(&entries);
        timeline.in_time(&exits);
        timeline.in_time(&empties);
        let deadlines: BTreeMap<u32, u64> = (entries.iter().chain(&empties))
            .map(|(thing, (_, at))| (*thing, at.map_or(u64::MAX, |at| at.0)))
            .collect();
        timeline.order(|thing| deadlines.get(&thing).copied().unwrap_or(u64::MAX))
    }

    /// For each operation that found nothing, the first moment of its time at which no value was
    /// there for certain; `None` if one has none.
    fn moments_of_empties<V>(&self, operations: &[Call<'_, V>]) -> Option<Vec<Moment>> {
        // From the moment after which a value had come to the one before which it had not left.
        let mut stays: Vec<(Moment, Moment)> = (self.all.iter())
            .filter_map(|passage| {
                let come = passage.span_of_entry(operations).1?;
                let left = match passage.exit {
                    Some(_) => passage.span_of_exit(operations).0,
                    None => Moment(u64::MAX),
                };
                (come < left).then_some((come, left))
            })
            .collect();
        stays.sort_unstable();
        let mut covered: Vec<(Moment, Moment)> = Vec::new();
        for (come, left) in stays {
            match covered.last_mut() {
                Some((_, until)) if come < *until => *until = left.max(*until),
                _ => covered.push((come, left)),
            }
        }
        let first_free = |(called, returned): Span| {
            let before = covered.partition_point(|(come, _)| *come < called);
            let until = before.checked_sub(1).map_or(called, |last| covered[last].1);
            let at = called.max(until);
            returned.is_none_or(|returned| at <= returned).then_some(at)
        };
        (self.empties.iter())
            .map(|empty| first_free(span(&operations[*empty as usize])))
            .collect()
    }

    /// The operations in an order in which the values come and leave so.
    fn operations<V>(
        &self,
        operations: &[Call<'_, V>],
        order: &[u32],
        moments: &[Moment],
    ) -> Option<Vec<u32>> {
        let mut timeline = Timeline::new(operations.len());
        let mut happened = Vec::with_capacity(operations.len());
        // What came last, what left last, and who found nothing since.
        let (mut entry, mut exit, mut empty) = (None, None, None);
        for thing in order {
            let Some(passage) = self.all.get(*thing as usize) else {
                let next = self.empties[*thing as usize - self.all.len()];
                happened.push(next);
                for before in [exit, empty].into_iter().flatten() {
                    timeline.arrow(before, next);
                }
                empty = Some(next);
                continue;
            };
            happened.push(passage.entry);
            for before in [entry, empty].into_iter().flatten() {
                timeline.arrow(before, passage.entry);
            }
            entry = Some(passage.entry);
            if let Some(next) = passage.exit {
                happened.push(next);
                for before in [exit, entry].into_iter().flatten() {
                    timeline.arrow(before, next);
                }
                exit = Some(next);
            }
        }
        let mut spans: BTreeMap<u32, Span> = (happened.iter())
            .map(|place| (*place, span(&operations[*place as usize])))
            .collect();
        spans.extend(
            (self.empties.iter().zip(moments)).map(|(place, at)| (*place, (*at, Some(*at)))),
        );
        timeline.in_time(&spans.into_iter().collect::<Vec<_>>());
        let mut is_there = vec![false; operations.len()];
        happened
            .iter()
            .for_each(|place| is_there[*place as usize] = true);
        let mut order = timeline.order(u64::from)?;
        order.retain(|place| is_there[*place as usize]);
        Some(order)
    }
}

/// When an operation was called, and when it returned.
fn span<V>(operation: &Call<'_, V>) -> Span {
    (operation.called, operation.returned.map(|(at, _)| at))
}

impl Passage {
    /// From when to when it came: not after it left.
    fn span_of_entry<V>(self, operations: &[Call<'_, V>]) -> Span {
        let entry = &operations[self.entry as usize];
        let left = self
            .exit
            .and_then(|exit| operations[exit as usize].returned);
        let ends = [entry.returned.map(|(at, _)| at), left.map(|(at, _)| at)];
        (entry.called, ends.into_iter().flatten().min())
    }

    /// From when to when it left: not before it came.
    fn span_of_exit<V>(self, operations: &[Call<'_, V>]) -> Span {
        let came = operations[self.entry as usize].called;
        let exit = self.exit.map(|exit| &operations[exit as usize]);
        let called = exit.map_or(came, |exit| exit.called.max(came));
        (
            called,
            exit.and_then(|exit| exit.returned).map(|(at, _)| at),
        )
    }
}

/// Whether a queue answers so.
fn is_right<V: Eq>(operations: &[Call<'_, V>], order: &[u32]) -> bool {
    let mut queue = VecDeque::new();
    order.iter().all(|place| {
        let operation = &operations[*place as usize];
        match (
            operation.input,
            operation.returned.map(|(_, output)| output),
        ) {
            (QueueInput::Enqueue(value), _) => {
                queue.push_back(value);
                true
            }
            (QueueInput::Dequeue, Some(QueueOutput::Value(value))) => {
                queue.pop_front() == Some(value)
            }
            (QueueInput::Dequeue, Some(QueueOutput::Empty)) => queue.is_empty(),
            (QueueInput::Dequeue, _) => false,
        }
    })
}
