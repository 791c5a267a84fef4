//! What arrived while a process could not take it.

use std::collections::VecDeque;
use std::fmt;

use snowglobe_systems::process::{Input, Priority, Process};

use crate::draw::Draw;

/// Inputs that wait, the urgent before the deferred, in order of arrival among equals.
pub(super) struct Inbox<P: Process> {
    urgent: VecDeque<Input<P>>,
    deferred: VecDeque<Input<P>>,
}

impl<P: Process> Inbox<P> {
    /// An input arrives and has to wait.
    pub(super) fn push(&mut self, input: Input<P>) {
        match P::priority(&input) {
            Priority::Urgent => self.urgent.push_back(input),
            Priority::Deferred => self.deferred.push_back(input),
        }
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

    /// The next deferred one; only when nothing urgent waits.
    pub(super) fn pop_deferred(&mut self) -> Option<Input<P>> {
        self.deferred.pop_front()
    }
}

impl<P: Process> Default for Inbox<P> {
    fn default() -> Self {
        Self {
            urgent: VecDeque::new(),
            deferred: VecDeque::new(),
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
