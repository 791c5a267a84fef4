//! A set to which each value is added once, and from which none is removed: what was seen says of
//! each addition whether it came before.
//!
//! Additions of different values commute, and reads leave nothing behind. So an order is right if
//! each addition comes before the operations that saw its value and after those that did not;
//! which is known of each pair. There is one if and only if these pairs and the order of real time do
//! not go round in a circle. Reads of all must show sets of which each holds the one before.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::hash::Hash;

use super::set::{SetInput, SetOutput};
use crate::linearizability::specification::{Decision, Timed};
use crate::linearizability::timeline::Timeline;

type Call<'a, V> = Timed<'a, SetInput<V>, SetOutput<V>>;

/// Decides, where that is what the set is.
pub(super) fn decide<V: Clone + Eq + Ord + Hash + Debug>(operations: &[Call<'_, V>]) -> Decision {
    match Growing::of(operations) {
        Ok(growing) => growing.decide(operations),
        Err(decision) => decision,
    }
}

/// What happened to a set that only grows.
struct Growing<'a, V> {
    /// By value, which operation adds it.
    additions: BTreeMap<&'a V, u32>,
    /// Reads of all, by how much they saw.
    reads: Vec<(&'a BTreeSet<V>, u32)>,
    /// Questions for one value, and what was seen.
    questions: Vec<(&'a V, bool, u32)>,
}

impl<'a, V: Clone + Eq + Ord + Hash + Debug> Growing<'a, V> {
    fn of(operations: &[Call<'a, V>]) -> Result<Self, Decision> {
        let mut growing = Self {
            additions: BTreeMap::new(),
            reads: Vec::new(),
            questions: Vec::new(),
        };
        for (place, operation) in operations.iter().enumerate() {
            let place = place as u32;
            match (
                operation.input,
                operation.returned.map(|(_, output)| output),
            ) {
                (SetInput::Add(value), None | Some(SetOutput::Done)) => {
                    if growing.additions.insert(value, place).is_some() {
                        return Err(Decision::Undecided);
                    }
                }
                (SetInput::Contains(_) | SetInput::ReadAll, None) => {}
                (SetInput::Contains(value), Some(SetOutput::Is(seen))) => {
                    growing.questions.push((value, *seen, place));
                }
                (SetInput::ReadAll, Some(SetOutput::All(seen))) => {
                    growing.reads.push((seen, place));
                }
                _ => return Err(Decision::Undecided),
            }
        }
        growing
            .reads
            .sort_by_key(|(seen, place)| (seen.len(), *place));
        Ok(growing)
    }

    fn decide(&self, operations: &[Call<'_, V>]) -> Decision {
        let mut timeline = Timeline::new(operations.len());
        let mut seen = BTreeSet::new();
        if self.reads_grow(&mut timeline, &mut seen).is_none()
            || self.questions_fit(&mut timeline, &mut seen).is_none()
        {
            return Decision::Impossible;
        }
        let happened = |place: u32| {
            let operation = &operations[place as usize];
            operation.returned.is_some() || seen.contains(&place)
        };
        let spans: Vec<_> = (0..operations.len() as u32)
            .filter(|place| happened(*place))
            .map(|place| {
                let operation = &operations[place as usize];
                (
                    place,
                    (operation.called, operation.returned.map(|(at, _)| at)),
                )
            })
            .collect();
        timeline.in_time(&spans);
        match timeline.order(u64::from) {
            None => Decision::Impossible,
            Some(mut order) => {
                order.retain(|place| happened(*place));
                match is_right(operations, &order) {
                    true => Decision::Order(order),
                    false => Decision::Undecided,
                }
            }
        }
    }

    /// Puts each addition between the reads that did not see it and those that did; `None` if
    /// the reads do not grow, or saw what nobody added.
    fn reads_grow(&self, timeline: &mut Timeline, seen: &mut BTreeSet<u32>) -> Option<()> {
        let mut smaller: Option<(&BTreeSet<V>, u32)> = None;
        let mut unseen: BTreeSet<u32> = self.additions.values().copied().collect();
        for group in self
            .reads
            .chunk_by(|(one, _), (other, _)| one.len() == other.len())
        {
            let (all, _) = group[0];
            let grows = smaller.is_none_or(|(smaller, _)| smaller.is_subset(all));
            if !grows || group.iter().any(|(other, _)| *other != all) {
                return None;
            }
            // What is new comes after the reads before, and before these.
            let (before, after, end) = (timeline.point(), timeline.point(), timeline.point());
            if let Some((_, end)) = smaller {
                timeline.arrow(end, before);
            }
            for value in all {
                let addition = *self.additions.get(value)?;
                if unseen.remove(&addition) {
                    timeline.arrow(before, addition);
                    timeline.arrow(addition, after);
                    seen.insert(addition);
                }
            }
            timeline.arrow(before, after);
            for (_, read) in group {
                timeline.arrow(after, *read);
                timeline.arrow(*read, end);
            }
            smaller = Some((all, end));
        }
        if let Some((_, end)) = smaller {
            for addition in unseen {
                timeline.arrow(end, addition);
            }
        }
        Some(())
    }

    fn questions_fit(&self, timeline: &mut Timeline, seen: &mut BTreeSet<u32>) -> Option<()> {
        for (value, is_there, question) in &self.questions {
            match (self.additions.get(value), *is_there) {
                (Some(addition), true) => {
                    seen.insert(*addition);
                    timeline.arrow(*addition, *question);
                }
                (Some(addition), false) => timeline.arrow(*question, *addition),
                (None, true) => return None,
                (None, false) => {}
            }
        }
        Some(())
    }
}

/// Whether a set answers so.
fn is_right<V: Ord>(operations: &[Call<'_, V>], order: &[u32]) -> bool {
    let mut set = BTreeSet::new();
    order.iter().all(|place| {
        let operation = &operations[*place as usize];
        match (
            operation.input,
            operation.returned.map(|(_, output)| output),
        ) {
            (SetInput::Add(value), _) => set.insert(value),
            (SetInput::Contains(value), Some(SetOutput::Is(seen))) => set.contains(value) == *seen,
            (SetInput::ReadAll, Some(SetOutput::All(seen))) => seen.iter().eq(set.iter().copied()),
            _ => false,
        }
    })
}
