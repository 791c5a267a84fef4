//! What ends a search without a verdict.

use std::hash::Hash;
use std::sync::Arc;

use snowglobe_systems::digest::Digest;
use snowglobe_systems::invariants::Violation;

use super::transition::{Course, Rules};
use super::{Setting, SmallWorld, State};

/// What a judge says that gives up: that nothing is known of an answer, neither that it
/// is right nor that it is wrong. [`Setting::returned`] may say so.
pub const UNDECIDED: &str = "undecided";

/// What the search says when names make a difference that the setting takes to be
/// alike: it may have missed anything.
pub const NAMES_MATTER: &str = "names-matter";

/// What the search says when what it remembered of a step is not what the step does: it may
/// have missed anything.
pub const STEPS_DIFFER: &str = "steps-differ";

/// Whether a search that comes to such a violation has come to no verdict.
pub(super) fn is_doubt(violation: &Violation) -> bool {
    [UNDECIDED, NAMES_MATTER, STEPS_DIFFER].contains(&violation.property)
}

/// From one in so many states it is looked whether names matter, and whether what was
/// remembered of steps is what they do.
pub(super) const LOOK_ONE_IN: u64 = 512;

impl<S: Setting> SmallWorld<S> {
    /// In a sample of the states: whether the state has the same canonical form
    /// under other names, and the same states follow it, but for names. What is
    /// wrong, if anything is. Each state of the sample is looked at under one of
    /// all other names, whichever its digest says: there may be hundreds.
    pub(super) fn names_matter(&self, state: &State<S>, digest: u64) -> Option<Arc<Violation>> {
        if self.renamings() == 1 || !digest.is_multiple_of(LOOK_ONE_IN) {
            return None;
        }
        self.survey.orbit();
        let others = self.renamings() - 1;
        let number = 1 + (digest / LOOK_ONE_IN) as usize % others;
        let other = self.under_names(state, number);
        let found = if self.canonical(other.clone()) != *state {
            "a state has two canonical forms"
        } else if self.futures(&other) != self.futures(state) {
            "what follows a state depends on the names in it"
        } else {
            return None;
        };
        let expected = "nodes that are alike";
        Some(Arc::new(Violation::new(NAMES_MATTER, [], expected, found)))
    }

    /// The digests of the canonical forms of all that may follow.
    fn futures(&self, state: &State<S>) -> Vec<u64> {
        let mut actions = Vec::new();
        self.actions(state, &mut actions);
        // It is no step of the search, and not counted as one.
        let mut course = Course::under(Rules::Search);
        let next = actions.iter();
        let next = next.filter_map(|action| self.counted_successor(&mut course, state, action));
        let mut digests: Vec<u64> = next
            .map(|mut next| {
                // The words of a violation may name nodes, and say which was met first.
                let is_broken = next.broken.take().map(|broken| broken.property);
                let mut digest = Digest::new();
                self.canonical(next).hash(&mut digest);
                is_broken.hash(&mut digest);
                digest.value()
            })
            .collect();
        digests.sort_unstable();
        digests.dedup();
        digests
    }
}
