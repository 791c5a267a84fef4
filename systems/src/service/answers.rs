//! The last answers of a server, for questions that come again.

use alloc::collections::{BTreeMap, VecDeque};

use super::Call;
use crate::process::NodeId;
use crate::replica::{Outcome, StateMachine};

/// What a server has answered lately, by question.
///
/// A clerk that waits too long asks again, and its repetitions may lie behind
/// each other in a slow server's inbox long after the first was answered. None of
/// them must cost what the first did. An answer stays true for its question: what
/// was done is done, and a read was at work while its clerk waited.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Answers<M: StateMachine> {
    by_question: BTreeMap<(NodeId, Call), Outcome<M>>,
    /// The same questions, the oldest first.
    order: VecDeque<(NodeId, Call)>,
    most: usize,
}

impl<M: StateMachine> Answers<M> {
    /// Nothing yet, and later no more than so many.
    pub(super) fn remembering(most: usize) -> Self {
        Self {
            by_question: BTreeMap::new(),
            order: VecDeque::new(),
            most,
        }
    }

    pub(super) fn get(&self, question: (NodeId, Call)) -> Option<&Outcome<M>> {
        self.by_question.get(&question)
    }

    /// Keeps an answer, if it is one for good: to have been turned away says
    /// nothing about the next try.
    pub(super) fn remember(&mut self, question: (NodeId, Call), outcome: &Outcome<M>) {
        let is_final = outcome.acknowledged().is_some()
            || matches!(
                outcome,
                Outcome::Answered { .. } | Outcome::SessionExpired | Outcome::StaleSequence
            );
        if !is_final || self.most == 0 {
            return;
        }
        if self.order.len() == self.most
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_question.remove(&oldest);
        }
        if self.by_question.insert(question, outcome.clone()).is_none() {
            self.order.push_back(question);
        }
    }
}
