//! Looks whether what a search left out is obsolete.
//!
//! Let a *pair* be the state of a node and a message for it. A message is obsolete in a
//! state if its delivery changes nothing there, nor in any state that the node can come
//! to from there by steps that the search took, crashes and restarts among them. Then
//! the search missed nothing, although these are the steps of a search that left things
//! out: by induction over what happens in a world where nothing is left out, each
//! of its states is one that the search has seen, but for obsolete messages. To deliver one
//! of those changes nothing; every other step is one that the search took; and what
//! was obsolete before it is obsolete after it. How many messages may be under way makes no
//! difference, since what is left out is late and does not count
//! ([`Flight::late`](super::Flight)), where it is kept, either.
//!
//! A search cannot know all this while it goes on. It looks a few steps ahead, supposes
//! that what changes nothing there is obsolete, and has itself corrected: every
//! now and then, and when it has come to its end, all pairs that were left out are
//! followed through all that their nodes can come to. Where a later step contradicts, the
//! messages are of use: the search begins anew and keeps them. The last search is
//! one that nothing contradicts. What it leaves out depends on neither threads nor time:
//! the searches before it saw less than it sees, and what is late depends on the state of the
//! receiver alone.
//!
//! A step that changes nothing may still be heard of by invariants. So whatever is left out is
//! shown to a copy of them the first time, the second, the fourth, and so on; what
//! they remember is taken from then on.
//!
//! Under symmetry reduction, a pair stands for all that differ in names only.

mod graph;
mod pairs;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use self::graph::Graph;
use self::pairs::Pairs;
use super::local::{Answer, Cause, LocalStep};
use super::{Setting, SmallWorld};

/// What a search left out, and what was looked at to see that it missed nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Certificate {
    /// How many pairs of a node's state and a message were left out.
    pub left_out: u64,
    /// How many pairs were looked at: these, and their messages in all states that
    /// the nodes can come to from there.
    pub looked_at: u64,
    /// How many pairs were left out at first, and taken up again since they are of use.
    pub taken_up: u64,
    /// How often the search began, until nothing had to be taken up.
    pub rounds: u64,
}

/// What is known of all that was left out, whichever search found it out.
pub(super) struct Known<S: Setting> {
    pairs: Mutex<Pairs<S>>,
    /// Invariants hear of a step that was left out before.
    is_contradicted: AtomicBool,
}

impl<S: Setting> Default for Known<S> {
    fn default() -> Self {
        Self {
            pairs: Mutex::new(Pairs::default()),
            is_contradicted: AtomicBool::new(false),
        }
    }
}

impl<S: Setting> Known<S> {
    fn lock(&self) -> MutexGuard<'_, Pairs<S>> {
        let pairs = self.pairs.lock();
        pairs.expect("nothing panics while it looks at pairs")
    }

    /// Invariants hear of a step that was left out before.
    pub(super) fn contradict(&self) {
        self.is_contradicted.store(true, Ordering::Relaxed);
    }
}

/// What one look at all that was left out came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    /// Pairs that are left out and that nothing contradicts.
    pub(super) left_out: u64,
    /// Pairs that were looked at.
    pub(super) looked_at: u64,
    /// Pairs that are taken up again.
    pub(super) taken_up: u64,
    /// Whether anything that was left out has to be looked at after all.
    pub(super) is_contradicted: bool,
}

impl<S: Setting> SmallWorld<S> {
    /// What becomes of the message that a step delivers, and that would change nothing now.
    pub(super) fn judge_delivery(&self, step: &LocalStep<S::Process>) -> Answer {
        let mut pairs = self.known.lock();
        match pairs.delivered_by(self, step) {
            Some(pair) if pairs.look_ahead(self, pair) => Answer::InTime,
            Some(pair) if pairs.is_of_use(pair) => Answer::Late,
            _ => Answer::LeftOut,
        }
    }

    /// The message that a step delivers is of use: the invariants hear of it.
    pub(super) fn is_heard(&self, step: &LocalStep<S::Process>) {
        let mut pairs = self.known.lock();
        if let Some(pair) = pairs.delivered_by(self, step) {
            pairs.is_heard(pair);
        }
    }

    /// Looks whether what was left out so far is obsolete, as far as it is known
    /// what nodes can come to. What is not is of use from now on.
    pub(super) fn look_again(&self) -> Look {
        let all = self.locals.all();
        let is_left_out =
            |step: &&Arc<LocalStep<S::Process>>| self.reductions.obsolete && step.is_left_out();
        let left_out: Vec<_> = all.iter().filter(is_left_out).collect();
        let mut pairs = self.known.lock();
        let left_out: Vec<_> = left_out
            .into_iter()
            .filter_map(|step| Some((step, pairs.delivered_by(self, step)?)))
            .collect();
        // Under their names that stand for others, many are the same.
        let beginning: BTreeSet<usize> = left_out.iter().map(|(_, pair)| *pair).collect();
        let graph = Graph::of(self, &mut pairs, &all);
        let looked_at = graph.look_again(self, &mut pairs, &beginning);
        for (step, pair) in &left_out {
            if pairs.is_of_use(*pair) {
                step.take_up();
            }
        }
        let of_use = beginning.iter().filter(|pair| pairs.is_of_use(**pair));
        let taken_up = of_use.count() as u64;
        Look {
            left_out: beginning.len() as u64 - taken_up,
            looked_at,
            taken_up,
            is_contradicted: taken_up > 0
                || self.known.is_contradicted.swap(false, Ordering::Relaxed),
        }
    }
}

impl<S: Setting> Pairs<S> {
    /// The pair of a step that delivers a message.
    fn delivered_by(
        &mut self,
        world: &SmallWorld<S>,
        step: &LocalStep<S::Process>,
    ) -> Option<usize> {
        match &step.cause {
            Cause::Receive(from, message) => {
                Some(self.pair(world, step.node, &step.before, *from, message))
            }
            _ => None,
        }
    }
}
