//! What arrived while a process could not take it.

use std::collections::VecDeque;
use std::fmt;

use snowglobe_systems::process::{Input, Priority, Process};

use crate::draw::Draw;

/// How many steps may go before a deferred input that waits. A process too slow for
/// all that is urgent would otherwise never take on any work, and as a leader go on
/// proving that it lives.
const STEPS_BEFORE_DEFERRED: u32 = 4;

/// Inputs that wait, the urgent before the deferred, in order of arrival among equals.
#[derive(Clone)]
pub(super) struct Inbox<P: Process> {
    urgent: VecDeque<Input<P>>,
    deferred: VecDeque<Input<P>>,
    /// How many steps went before the first of the deferred while it waited.
    passed_over: u32,
}

impl<P: Process> Inbox<P> {
    /// An input arrives and has to wait.
    pub(super) fn push(&mut self, input: Input<P>) {
        match P::priority(&input) {
            Priority::Urgent => self.urgent.push_back(input),
            Priority::Deferred => self.deferred.push_back(input),
        }
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.urgent.is_empty() && self.deferred.is_empty()
    }

    /// Whether anything urgent waits.
    pub(super) fn has_urgent(&self) -> bool {
        !self.urgent.is_empty()
    }

    /// Whether there is more than one urgent.
    pub(super) fn has_several_urgent(&self) -> bool {
        self.urgent.len() > 1
    }

    /// Forgets in what order the urgent ones arrived.
    pub(super) fn shuffle_urgent(&mut self, draw: &mut Draw) {
        draw.shuffle(self.urgent.make_contiguous());
    }

    /// The next urgent one.
    pub(super) fn pop_urgent(&mut self) -> Option<Input<P>> {
        self.urgent.pop_front()
    }

    /// The next deferred one; only when nothing urgent waits, or it is
    /// [its turn](Self::is_turn_of_deferred).
    pub(super) fn pop_deferred(&mut self) -> Option<Input<P>> {
        self.passed_over = 0;
        self.deferred.pop_front()
    }

    /// Whether enough has gone before the next deferred one.
    pub(super) fn is_turn_of_deferred(&self) -> bool {
        self.passed_over >= STEPS_BEFORE_DEFERRED
    }

    /// Another step is taken before what is deferred.
    pub(super) fn goes_before_deferred(&mut self) {
        if !self.deferred.is_empty() {
            self.passed_over += 1;
        }
    }
}

impl<P: Process> Default for Inbox<P> {
    fn default() -> Self {
        Self {
            urgent: VecDeque::new(),
            deferred: VecDeque::new(),
            passed_over: 0,
        }
    }
}

impl<P: Process> fmt::Debug for Inbox<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox")
            .field("urgent", &self.urgent)
            .field("deferred", &self.deferred)
            .finish()
    }
}
