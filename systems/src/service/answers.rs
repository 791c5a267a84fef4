//! The last answers of a server, to answer repeated questions.

use alloc::collections::VecDeque;

use super::Call;
use crate::process::NodeId;
use crate::replica::{Operation, Outcome, Replica, SessionId, StateMachine};
use crate::vec_map::VecMap;

/// What a server has answered lately, by question.
///
/// A clerk that waits too long asks again, and its repetitions may lie behind
/// each other in a slow server's inbox long after the first was answered. None of
/// them must cost what the first did. An answer stays true for its question: what
/// was done is done, and a read was at work while its clerk waited.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Answers<M: StateMachine> {
    by_question: VecMap<(NodeId, Call), Outcome<M>>,
    /// The same questions, the oldest first.
    order: VecDeque<(NodeId, Call)>,
    /// Sessions that are open, by the question that opened each. They are no more than
    /// the log allows. Forgotten while it lives, one would be opened again and again.
    opened: VecMap<(NodeId, Call), SessionId>,
    most: usize,
}

impl<M: StateMachine> Answers<M> {
    /// Empty, with a capacity.
    pub(super) fn remembering(most: usize) -> Self {
        Self {
            by_question: VecMap::new(),
            order: VecDeque::new(),
            opened: VecMap::new(),
            most,
        }
    }

    /// What a question is answered with that was answered before: as remembered here, or as
    /// the sessions of the replica tell.
    pub(super) fn recall(
        &self,
        question: (NodeId, Call),
        operation: &Operation<M>,
        replica: &Replica<M>,
    ) -> Option<Outcome<M>> {
        if self.most == 0 {
            return None;
        }
        if let Some(outcome) = self.by_question.get(&question) {
            return Some(outcome.clone());
        }
        let opened = self.opened.get(&question).copied();
        let alive = opened.filter(|session| replica.sessions().get(*session).is_some());
        alive
            .map(|session| Outcome::SessionOpened { session })
            .or_else(|| replica.recall(operation))
    }

    /// Keeps an answer, if it is one for good: to have been turned away says
    /// nothing about the next try.
    pub(super) fn remember(
        &mut self,
        question: (NodeId, Call),
        outcome: &Outcome<M>,
        replica: &Replica<M>,
    ) {
        if self.most == 0 {
            return;
        }
        match outcome {
            Outcome::SessionOpened { session } => {
                let sessions = replica.sessions();
                self.opened
                    .retain(|_, session| sessions.get(*session).is_some());
                self.opened.insert(question, *session);
            }
            outcome => self.keep(question, outcome),
        }
    }

    fn keep(&mut self, question: (NodeId, Call), outcome: &Outcome<M>) {
        let is_final = outcome.acknowledged().is_some()
            || matches!(
                outcome,
                Outcome::Answered { .. } | Outcome::SessionExpired | Outcome::StaleSequence
            );
        if !is_final {
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
