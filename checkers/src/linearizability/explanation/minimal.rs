//! The smallest part that is still illegal.
//!
//! An observer may always be taken out: if what remains is illegal, so was the
//! whole. Any other operation may only be weakened to a pending one, because what
//! it did may be what others saw; if the rest is illegal even then, it is illegal
//! whether or not that operation happened, and so it may be left out of the picture.

use std::collections::BTreeSet;

use super::Trial;
use super::prefix::Prefix;
use crate::history::OperationIndex;
use crate::linearizability::cuts::Cuts;
use crate::linearizability::problem::{Member, compile};
use crate::linearizability::refutation::{self, Impossible};
use crate::linearizability::specification::{Leaves, Specification};

/// How many configurations one attempt may look at. An attempt that takes
/// longer counts as one that failed: then the core is not known to be minimal.
const NODES: u64 = 20_000;

/// How many operations and configurations all attempts may look at.
const ALL: u64 = 20_000_000;

/// A part of the history that is illegal.
pub(super) struct Core {
    pub(super) operations: Vec<OperationIndex>,
    /// Whether nothing can be taken out.
    pub(super) minimal: bool,
}

/// What is still in.
struct Kept {
    member: Member,
    observes: bool,
}

/// Takes out what can be taken out: large parts first, then single operations
/// until none can go.
pub(super) fn core<S: Specification>(trial: &Trial<'_, S>, prefix: &Prefix) -> Core {
    let mut kept: Vec<Kept> = prefix
        .members
        .iter()
        .map(|member| Kept {
            member: *member,
            observes: observes(trial, *member),
        })
        .filter(|kept| !(kept.observes && kept.member.weakened))
        .collect();
    let small = trial.with_limits(NODES, ALL);
    if let Some(suspects) = suspects(trial, prefix) {
        let attempt = without(&kept, |index| !suspects.contains(&index));
        if small.is_illegal(&attempt) == Some(true) {
            keep_only(&mut kept, &attempt);
        }
    }
    let mut size = kept.len().next_power_of_two() / 2;
    let minimal = loop {
        let (changed, clear) = pass(&small, &mut kept, size.max(1));
        if size <= 1 && !changed {
            break clear;
        }
        size /= 2;
    };
    Core {
        operations: kept
            .iter()
            .filter(|kept| !kept.is_out())
            .map(|kept| kept.member.index)
            .collect(),
        minimal,
    }
}

impl Kept {
    /// Whether it answered nothing from the start, so that nothing can be taken from it.
    const fn is_out(&self) -> bool {
        self.member.weakened
    }
}

fn observes<S: Specification>(trial: &Trial<'_, S>, member: Member) -> bool {
    let input = &trial.history.operation(member.index).input;
    let claims = trial
        .specification
        .claims(input, member.output(trial.history));
    claims.leaves == Leaves::Same
}

/// Tries to do without each run of this many operations that are still in. Says
/// whether anything went, and whether every attempt came to an end.
fn pass<S: Specification>(trial: &Trial<'_, S>, kept: &mut Vec<Kept>, size: usize) -> (bool, bool) {
    let (mut changed, mut clear) = (false, true);
    let whole: Vec<OperationIndex> = kept
        .iter()
        .filter(|kept| !kept.is_out())
        .map(|kept| kept.member.index)
        .collect();
    for run in whole.chunks(size) {
        if trial.is_over() {
            return (false, false);
        }
        let (first, last) = (run[0], run[run.len() - 1]);
        let attempt = without(kept, |index| (first..=last).contains(&index));
        match trial.is_illegal(&attempt) {
            Some(true) => {
                changed = true;
                keep_only(kept, &attempt);
            }
            Some(false) => {}
            None => clear = false,
        }
    }
    (changed, clear)
}

/// What remains when these operations are taken out: observers go, others are weakened.
fn without(kept: &[Kept], out: impl Fn(OperationIndex) -> bool) -> Vec<Member> {
    kept.iter()
        .filter_map(|kept| {
            let goes = out(kept.member.index) && !kept.is_out();
            match (goes, kept.observes) {
                (false, _) => Some(kept.member),
                (true, true) => None,
                (true, false) => Some(Member {
                    weakened: true,
                    ..kept.member
                }),
            }
        })
        .collect()
}

/// Keeps what an attempt left, as it left it.
fn keep_only(kept: &mut Vec<Kept>, attempt: &[Member]) {
    let mut rest = attempt.iter().peekable();
    kept.retain_mut(|kept| {
        let stays = rest.next_if(|member| member.index == kept.member.index);
        stays.is_some_and(|member| {
            kept.member = *member;
            true
        })
    });
}

/// If the broken answer is impossible in itself: that operation, the one that
/// overwrote what it saw, and all that could have led to it. A core found
/// among these is told in one sentence.
fn suspects<S: Specification>(
    trial: &Trial<'_, S>,
    prefix: &Prefix,
) -> Option<BTreeSet<OperationIndex>> {
    let mut machine = trial.machine(&prefix.members);
    let problem = compile(
        trial.specification,
        trial.history,
        &prefix.members,
        &mut *machine,
        &Cuts::NONE,
    );
    let broken = |step: u32| problem.sources[step as usize] == prefix.broken;
    let (step, why) = refutation::all(&problem).find(|(step, _)| broken(*step))?;
    let needed = problem.steps[step as usize].needs()?;
    let makers = (0..problem.steps.len() as u32)
        .filter(|maker| problem.steps[*maker as usize].makes() == Some(needed));
    let by = match why {
        Impossible::Overwritten { by, .. } => Some(by),
        Impossible::NeverMade | Impossible::MadeLater => None,
    };
    let steps = makers.chain(by).chain([step]);
    Some(steps.map(|step| problem.sources[step as usize]).collect())
}
