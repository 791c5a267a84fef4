//! A queue into which each value is put once: its values leave in the order in which they came.
//!
//! If one value is put in before another is, or taken out before another is, in real time, it is
//! the earlier of the two; and what is taken out is earlier than what stays. An order of the values
//! that agrees with all of that gives an order of the operations, which is tried; where it is
//! wrong, only a search can tell. If those rules go round in a circle, there is none (Henzinger, Sezgin
//! and Vafeiadis, "Aspect-oriented linearizability proofs", 2013; Bouajjani and others, "On reducing
//! linearizability to state reachability", 2015).

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Debug;
use std::hash::Hash;

use super::queue::{QueueInput, QueueOutput};
use crate::history::Moment;
use crate::linearizability::specification::{Decision, Timed};
use crate::linearizability::timeline::Timeline;

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
    if passages.order(operations, false).is_none() {
        return Decision::Impossible;
    }
    let Some(values) = passages.order(operations, true) else {
        return sure;
    };
    match passages.operations(operations, &values) {
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

    /// The values in an order that agrees with real time; with those that stay, or without.
    fn order<V>(&self, operations: &[Call<'_, V>], with_rest: bool) -> Option<Vec<u32>> {
        let mut timeline = Timeline::new(self.all.len());
        let gone = timeline.point();
        let (mut entries, mut exits) = (Vec::new(), Vec::new());
        for (value, passage) in self.all.iter().enumerate() {
            let value = value as u32;
            match passage.exit {
                Some(_) => {
                    timeline.arrow(value, gone);
                    exits.push((value, passage.span_of_exit(operations)));
                }
                None if with_rest => timeline.arrow(gone, value),
                None => continue,
            }
            entries.push((value, passage.span_of_entry(operations)));
        }
        if exits
            .iter()
            .any(|(_, (called, returned))| returned.is_some_and(|at| at < *called))
        {
            return None;
        }
        timeline.in_time(&entries);
        timeline.in_time(&exits);
        let end = |value: u32| self.all[value as usize].span_of_entry(operations).1;
        timeline.order(|value| end(value).map_or(u64::MAX, |at| at.0))
    }

    /// The operations in an order in which the values come and leave so.
    fn operations<V>(&self, operations: &[Call<'_, V>], values: &[u32]) -> Option<Vec<u32>> {
        let mut timeline = Timeline::new(operations.len());
        let row: Vec<Passage> = values
            .iter()
            .map(|value| self.all[*value as usize])
            .collect();
        let mut in_order: Vec<u32> = self.empties.clone();
        for (place, passage) in row.iter().enumerate() {
            in_order.push(passage.entry);
            if let Some(next) = row.get(place + 1) {
                timeline.arrow(passage.entry, next.entry);
            }
            if let Some(exit) = passage.exit {
                in_order.push(exit);
                timeline.arrow(passage.entry, exit);
                if let Some(next) = row.get(place + 1).and_then(|next| next.exit) {
                    timeline.arrow(exit, next);
                }
            }
        }
        self.empty_between(operations, &row, &mut timeline)?;
        let spans: Vec<_> = (in_order.iter())
            .map(|place| {
                let operation = &operations[*place as usize];
                (
                    *place,
                    (operation.called, operation.returned.map(|(at, _)| at)),
                )
            })
            .collect();
        timeline.in_time(&spans);
        let happened: std::collections::BTreeSet<u32> = in_order.into_iter().collect();
        let mut order = timeline.order(u64::from)?;
        order.retain(|place| happened.contains(place));
        Some(order)
    }

    /// Puts those that found nothing as early as they can be: when the last value that had come or
    /// gone for certain is gone.
    fn empty_between<V>(
        &self,
        operations: &[Call<'_, V>],
        row: &[Passage],
        timeline: &mut Timeline,
    ) -> Option<()> {
        // By the moment at which a value has come for certain, how many values have by then.
        let mut come: Vec<(Moment, usize)> = (row.iter().enumerate())
            .filter_map(|(place, passage)| Some((passage.span_of_entry(operations).1?, place + 1)))
            .collect();
        come.sort_unstable();
        let mut most = 0;
        for (_, count) in &mut come {
            most = most.max(*count);
            *count = most;
        }
        for empty in &self.empties {
            let called = operations[*empty as usize].called;
            let before = come.partition_point(|(at, _)| *at < called);
            let count = before.checked_sub(1).map_or(0, |last| come[last].1);
            if let Some(last) = count.checked_sub(1) {
                timeline.arrow(row[last].exit?, *empty);
            }
            if let Some(next) = row.get(count) {
                timeline.arrow(*empty, next.entry);
            }
        }
        Some(())
    }
}

impl Passage {
    /// From when to when it came: not after it left.
    fn span_of_entry<V>(self, operations: &[Call<'_, V>]) -> (Moment, Option<Moment>) {
        let entry = &operations[self.entry as usize];
        let left = self
            .exit
            .and_then(|exit| operations[exit as usize].returned);
        let ends = [entry.returned.map(|(at, _)| at), left.map(|(at, _)| at)];
        (entry.called, ends.into_iter().flatten().min())
    }

    /// From when to when it left: not before it came.
    fn span_of_exit<V>(self, operations: &[Call<'_, V>]) -> (Moment, Option<Moment>) {
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
