//! Values that are written once: judged by their zones, in near-linear time.
//!
//! If every operation either overwrites or claims the one state in which it is
//! legal, and no state is written twice or is the initial one, then each read
//! belongs to one write, and together they must follow one another without
//! another write between: they are a *cluster*. Cluster `a` must come before
//! cluster `b` if something of `a` returns before something of `b` is called. Let
//! `first` be the first return in a cluster and `last` the last call; then `a`
//! must precede `b` if `a.first < b.last`. Gibbons and Korach ("Testing shared
//! memories", 1997) show that an order exists if and only if no read returns before
//! its write is called and no two clusters must precede each other. A cluster
//! with `first < last` fills the zone between them (forward); any other may
//! shrink to a point (backward). So forward zones must be disjoint, and no
//! backward zone may lie within a forward one.

use super::machine::StateId;
use super::problem::{LeavesAt, NEVER, Problem, Step};

/// What the zones say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Zones {
    /// Here is an order of steps.
    Order(Vec<u32>),
    /// This step has an answer that nothing can have given it in time.
    AtOnce(u32),
    /// Two clusters must precede each other.
    Crossed,
    /// The precondition does not hold.
    NotUnique,
}

/// A write and its reads.
#[derive(Clone, Copy, Debug)]
struct Cluster {
    state: StateId,
    /// The window of its first return, counted from 1; the initial state was there before all.
    first: u64,
    /// The window of its last call, counted from 1.
    last: u64,
}

impl Cluster {
    const fn is_forward(&self) -> bool {
        self.first < self.last
    }

    /// Where it goes among the others: a backward one after every forward one
    /// that must precede it, and before the next.
    const fn place(&self) -> (u64, bool) {
        if self.is_forward() {
            (self.first, true)
        } else {
            (self.last, false)
        }
    }
}

/// Judges a partition of values that are written once.
pub(super) fn judge(problem: &Problem) -> Zones {
    let Some(writers) = writers(problem) else {
        return Zones::NotUnique;
    };
    let calls = call_windows(problem);
    let mut clusters: Vec<Cluster> = writers
        .iter()
        .enumerate()
        .map(|(state, writer)| {
            let state = StateId(state as u32);
            match writer {
                Some(writer) => Cluster {
                    state,
                    first: returns(&problem.steps[*writer as usize]),
                    last: calls[*writer as usize],
                },
                None => Cluster {
                    state,
                    first: if state == problem.initial {
                        0
                    } else {
                        u64::MAX
                    },
                    last: 0,
                },
            }
        })
        .collect();
    for (place, step) in problem.steps.iter().enumerate() {
        let Some(state) = step.needs() else { continue };
        let early = match writers[state.place()] {
            Some(writer) => returns(step) < calls[writer as usize],
            None => state != problem.initial,
        };
        if early {
            return Zones::AtOnce(place as u32);
        }
        let cluster = &mut clusters[state.place()];
        cluster.first = cluster.first.min(returns(step));
        cluster.last = cluster.last.max(calls[place]);
    }
    // A write that need not have happened and that nobody read, and numbers that no step names.
    clusters.retain(|cluster| cluster.first != u64::MAX);
    clusters.sort_unstable_by_key(|cluster| (cluster.place(), cluster.last));
    if is_crossed(&clusters) {
        return Zones::Crossed;
    }
    Zones::Order(order(problem, &writers, &clusters))
}

/// Of each state its writer, if the precondition holds.
fn writers(problem: &Problem) -> Option<Vec<Option<u32>>> {
    let mut writers = vec![None; problem.named_states as usize];
    for (place, step) in problem.steps.iter().enumerate() {
        let reads = step.needs().is_some() && step.observes();
        match step.leaves {
            LeavesAt::Fixed(state) if step.overwrites() => {
                let before = writers[state.place()].replace(place as u32);
                if before.is_some() || state == problem.initial {
                    return None;
                }
            }
            _ if reads => {}
            _ => return None,
        }
    }
    Some(writers)
}

fn returns(step: &Step) -> u64 {
    if step.returns == NEVER {
        u64::MAX
    } else {
        u64::from(step.returns) + 1
    }
}

/// For each step, the window in which it is called, counted from 1.
fn call_windows(problem: &Problem) -> Vec<u64> {
    let mut windows = Vec::with_capacity(problem.steps.len());
    for (window, called) in problem.called.iter().enumerate() {
        windows.resize(*called as usize, window as u64 + 1);
    }
    windows.resize(problem.steps.len(), problem.called.len() as u64 + 1);
    windows
}

/// Whether two clusters must precede each other, given that they are sorted by their places.
fn is_crossed(clusters: &[Cluster]) -> bool {
    // The end of the last forward zone that begins before this cluster's place;
    // the zones are disjoint up to there, so no earlier one ends later.
    let mut until = 0;
    for cluster in clusters {
        // A forward zone must begin where the last one ends, or later; a
        // backward zone must not end before that.
        if cluster.first < until {
            return true;
        }
        if cluster.is_forward() {
            until = cluster.last;
        }
    }
    false
}

/// Each write, then its reads in the order of their calls.
fn order(problem: &Problem, writers: &[Option<u32>], clusters: &[Cluster]) -> Vec<u32> {
    // Of each state, its readers in a chain that ends with the first.
    let mut latest = vec![NEVER; writers.len()];
    let mut earlier = vec![NEVER; problem.steps.len()];
    for (place, step) in problem.steps.iter().enumerate() {
        if let Some(state) = step.needs() {
            earlier[place] = std::mem::replace(&mut latest[state.place()], place as u32);
        }
    }
    let mut order = Vec::with_capacity(problem.steps.len());
    for cluster in clusters {
        let state = cluster.state.place();
        order.extend(writers[state]);
        let start = order.len();
        let mut reader = latest[state];
        while reader != NEVER {
            order.push(reader);
            reader = earlier[reader as usize];
        }
        order[start..].reverse();
    }
    order
}
