//! Operations that do the same in every state are of one class.

use hashbrown::HashTable;
use snowglobe_systems::digest::Digest;

use super::problem::{LeavesAt, LegalIn, Member, Step};
use super::specification::Specification;
use crate::history::History;

/// Gives each step its class. Returns, for each class, the place of one of its
/// operations among the members of the partition.
///
/// What is claimed in full is compared by its claims; the rest by input and output.
pub(super) fn assign<S: Specification>(
    history: &History<S::Input, S::Output>,
    members: &[Member],
    steps: &mut [Step],
    places: &[u32],
) -> Vec<u32> {
    let operation = |place: u32| {
        let member = &members[place as usize];
        (
            &history.operation(member.index).input,
            member.output(history),
        )
    };
    // Of each class, the first step.
    let mut firsts: Vec<u32> = Vec::new();
    let mut known = HashTable::<u32>::new();
    for step in 0..steps.len() {
        let here = (&steps[step], operation(places[step]));
        let there = |class: u32| {
            let first = firsts[class as usize] as usize;
            (&steps[first], operation(places[first]))
        };
        let digest = digest(here);
        if let Some(class) = known.find(digest, |class| alike(here, there(*class))) {
            steps[step].class = *class;
            continue;
        }
        let class = firsts.len() as u32;
        let rehash = |class: &u32| {
            if *class as usize == firsts.len() {
                digest
            } else {
                self::digest(there(*class))
            }
        };
        known.insert_unique(digest, class, rehash);
        firsts.push(step as u32);
        steps[step].class = class;
    }
    firsts
        .into_iter()
        .map(|step| places[step as usize])
        .collect()
}

/// A step, with its input and output.
type Here<'a, I, O> = (&'a Step, (&'a I, Option<&'a O>));

fn is_claimed(step: &Step) -> bool {
    step.legal != LegalIn::Depends && step.leaves != LeavesAt::Depends
}

fn digest<I: std::hash::Hash, O: std::hash::Hash>((step, operation): Here<'_, I, O>) -> u64 {
    if is_claimed(step) {
        Digest::of(&(step.legal, step.leaves))
    } else {
        Digest::of(&operation)
    }
}

fn alike<I: Eq, O: Eq>(here: Here<'_, I, O>, there: Here<'_, I, O>) -> bool {
    let claimed = is_claimed(here.0);
    if claimed != is_claimed(there.0) {
        return false;
    }
    if claimed {
        (here.0.legal, here.0.leaves) == (there.0.legal, there.0.leaves)
    } else {
        here.1 == there.1
    }
}
