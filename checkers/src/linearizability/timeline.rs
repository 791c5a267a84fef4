//! The order of real time, and what must be so beside it, as one graph.
//!
//! "Everything that returned before comes before everything that is called after" is a square
//! number of pairs. Moments say it with as many arrows as there are operations: each operation
//! comes before the moment after its return, each moment before the next, and before the
//! operations that are called then.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::history::Moment;

/// Things with arrows between them. Some are operations or what stands for them, others moments.
pub(super) struct Timeline {
    /// The arrows from each thing.
    after: Vec<Vec<u32>>,
    /// How many things there are beside the moments.
    things: usize,
}

/// A place in time: from a call to a return, if there is one.
pub(super) type Span = (Moment, Option<Moment>);

impl Timeline {
    /// So many things without any order.
    pub(super) fn new(things: usize) -> Self {
        Self {
            after: vec![Vec::new(); things],
            things,
        }
    }

    /// One comes before the other.
    pub(super) fn arrow(&mut self, from: u32, to: u32) {
        self.after[from as usize].push(to);
    }

    /// One more thing, of no place in time.
    pub(super) fn point(&mut self) -> u32 {
        self.after.push(Vec::new());
        self.after.len() as u32 - 1
    }

    /// Whatever returned before another was called comes before it. Once for each set of spans
    /// that are on one clock.
    pub(super) fn in_time(&mut self, spans: &[(u32, Span)]) {
        let returns = spans
            .iter()
            .filter_map(|(thing, (_, returned))| Some(((*returned)?, *thing)));
        let calls = spans.iter().map(|(thing, (called, _))| (*called, *thing));
        self.before(returns.collect(), calls.collect());
    }

    /// Each thing with an end comes before each that begins later than that.
    pub(super) fn before(&mut self, mut ends: Vec<(Moment, u32)>, mut begins: Vec<(Moment, u32)>) {
        ends.sort_unstable();
        begins.sort_unstable();
        let mut ends = ends.into_iter().peekable();
        let mut last = None;
        for (at, thing) in begins {
            let mut point = None;
            while let Some((_, ended)) = ends.next_if(|(end, _)| *end < at) {
                let point = *point.get_or_insert_with(|| self.point());
                self.arrow(ended, point);
            }
            if let Some(point) = point {
                if let Some(last) = last {
                    self.arrow(last, point);
                }
                last = Some(point);
            }
            if let Some(last) = last {
                self.arrow(last, thing);
            }
        }
    }

    /// The things in an order in which every arrow goes forward, those that are ranked lower first
    /// where there is a choice; `None` if the arrows go round in a circle.
    pub(super) fn order(&self, rank: impl Fn(u32) -> u64) -> Option<Vec<u32>> {
        let mut before = vec![0u32; self.after.len()];
        for thing in self.after.iter().flatten() {
            before[*thing as usize] += 1;
        }
        // What is no thing is passed at once.
        let ranked = |thing: u32| match (thing as usize) < self.things {
            true => (1, rank(thing), thing),
            false => (0, 0, thing),
        };
        let mut free: BinaryHeap<_> = (0..before.len() as u32)
            .filter(|thing| before[*thing as usize] == 0)
            .map(|thing| Reverse(ranked(thing)))
            .collect();
        let mut order = Vec::with_capacity(self.things);
        let mut passed = 0;
        while let Some(Reverse((_, _, thing))) = free.pop() {
            passed += 1;
            if (thing as usize) < self.things {
                order.push(thing);
            }
            for next in &self.after[thing as usize] {
                before[*next as usize] -= 1;
                if before[*next as usize] == 0 {
                    free.push(Reverse(ranked(*next)));
                }
            }
        }
        (passed == self.after.len()).then_some(order)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn moments_say_what_pairs_would(spans in prop::collection::vec((0..12u64, 0..6u64, any::<bool>()), 0..9)) {
            let spans: Vec<Span> = spans
                .into_iter()
                .map(|(at, takes, ends)| (Moment(at), ends.then_some(Moment(at + takes))))
                .collect();
            let mut timeline = Timeline::new(spans.len());
            let things: Vec<_> = spans.iter().enumerate().map(|(i, span)| (i as u32, *span)).collect();
            timeline.in_time(&things);
            // Whatever is preferred, an order keeps each pair; and each pair that time leaves
            // open can be had in either order.
            for first in 0..spans.len() {
                let order = timeline.order(|thing| u64::from(thing as usize != first));
                let order = order.expect("time does not go round");
                let place = |thing: usize| order.iter().position(|it| *it as usize == thing);
                for (one, (_, returned)) in spans.iter().enumerate() {
                    for (other, (called, _)) in spans.iter().enumerate() {
                        if returned.is_some_and(|at| at < *called) {
                            prop_assert!(place(one) < place(other));
                        }
                    }
                }
                let must_wait = |at: Moment| spans.iter().any(|(_, returned)| returned.is_some_and(|it| it < at));
                if !must_wait(spans[first].0) {
                    prop_assert_eq!(place(first), Some(0));
                }
            }
        }
    }

    #[test]
    fn a_circle_has_no_order() {
        let mut timeline = Timeline::new(2);
        timeline.arrow(0, 1);
        assert_eq!(timeline.order(|_| 0), Some(vec![0, 1]));
        timeline.arrow(1, 0);
        assert_eq!(timeline.order(|_| 0), None);
    }
}
