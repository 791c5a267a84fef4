//! Where the steps that a search took lead from the states of nodes.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::local::LocalStep;
use super::super::state::Member;
use super::super::{Setting, Shared, SmallWorld};
use super::pairs::Pairs;

/// Where the steps that a search took lead, from each state that stands for others.
pub(super) struct Graph<S: Setting>(Vec<Vec<Shared<Member<S::Process>>>>);

impl<S: Setting> Graph<S> {
    pub(super) fn of(
        world: &SmallWorld<S>,
        pairs: &mut Pairs<S>,
        all: &[Arc<LocalStep<S::Process>>],
    ) -> Self {
        let mut steps: Vec<Vec<_>> = Vec::new();
        for step in all {
            for after in step.reached() {
                if *after == step.before {
                    continue;
                }
                let (state, numbers) = pairs.standing_for(world, step.node, &step.before);
                steps.resize(pairs.states(), Vec::new());
                for number in numbers {
                    let after = world.member_by(after, number);
                    if !steps[state].contains(&after) {
                        steps[state].push(after);
                    }
                }
            }
        }
        Self(steps)
    }

    /// Follows messages through all that their receivers can come to. Those that
    /// change something there are of use in all states on the way. How many
    /// pairs were looked at.
    pub(super) fn look_again(
        &self,
        world: &SmallWorld<S>,
        pairs: &mut Pairs<S>,
        beginning: &BTreeSet<usize>,
    ) -> u64 {
        // By pair: those from which the node comes to it in a step, once it was looked at.
        let mut parents: Vec<Option<Vec<usize>>> = vec![None; pairs.len()];
        let mut waiting = Vec::new();
        for pair in beginning {
            parents[*pair] = Some(Vec::new());
            waiting.push(*pair);
        }
        let mut looked_at = 0;
        let mut of_use = Vec::new();
        while let Some(pair) = waiting.pop() {
            looked_at += 1;
            if !pairs.stutters(world, pair) || pairs.is_of_use(pair) {
                of_use.push(pair);
                continue;
            }
            let state = pairs.state(pair);
            for after in self.0.get(state).into_iter().flatten() {
                let next = pairs.follow(world, pair, after);
                parents.resize(pairs.len(), None);
                parents[next]
                    .get_or_insert_with(|| {
                        waiting.push(next);
                        Vec::new()
                    })
                    .push(pair);
            }
        }
        while let Some(pair) = of_use.pop() {
            pairs.take_up(pair);
            let parents = parents[pair].iter().flatten();
            of_use.extend(parents.filter(|parent| !pairs.is_of_use(**parent)));
        }
        looked_at
    }
}
