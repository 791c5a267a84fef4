//! Observers of what clients ask and are told.
//!
//! In stateright the history of the clients is a part of the state, and grows with
//! each answer in the step in which it arrives. An observer of steps is what
//! comes closest here: it is a part of the state too.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::hash::Hash;

use snowglobe_checkers::history::ClientId;
use snowglobe_checkers::linearizability::Online;
use snowglobe_checkers::linearizability::specifications::{
    Register as Specification, RegisterInput, RegisterOutput,
};
use snowglobe_systems::invariants::{ClusterView, Invariants, Violation};
use snowglobe_systems::process::{Effect, NodeId};

use super::register::{Message, Party, Register, Value};

type Question = RegisterInput<Value>;
type Answer = RegisterOutput<Value>;

pub(crate) const LINEARIZABLE: &str = "linearizable";

/// What is remembered of calls and answers.
pub(crate) trait Past: Clone + Eq + Hash + Debug + Default + Send + Sync + 'static {
    fn asks(&mut self, client: NodeId, question: Question);
    /// Whether what was told so far can come from one register.
    fn is_told(&mut self, client: NodeId, answer: &Answer) -> bool;
}

/// Reads what clients ask and are told off the effects of their steps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Observer<P>(P);

impl<R: Register, P: Past> Invariants<Party<R>> for Observer<P> {
    fn executed(
        &mut self,
        _: &impl ClusterView<Party<R>>,
        node: NodeId,
        effect: &Effect<Party<R>>,
    ) -> Result<(), Violation> {
        match effect {
            Effect::Persist(answer) if !self.0.is_told(node, answer) => {
                let expected = "answers of one register";
                let found = format!("{answer:?} after {:?}", self.0);
                return Err(Violation::new(LINEARIZABLE, [node], expected, found));
            }
            Effect::Send { message, .. } => match message {
                Message::Write(_, value) => self.0.asks(node, RegisterInput::Write(*value)),
                Message::Read(_) => self.0.asks(node, RegisterInput::Read),
                _ => {}
            },
            _ => {}
        }
        Ok(())
    }
}

/// One call of a client, and how many calls of each other client had been
/// answered when it was made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Call {
    question: Question,
    answered_before: BTreeMap<NodeId, usize>,
    answer: Option<Answer>,
}

/// Everything that was asked and told, and what came before what: as much as
/// stateright's tester keeps, no more and no less.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Whole(BTreeMap<NodeId, Vec<Call>>);

impl Past for Whole {
    fn asks(&mut self, client: NodeId, question: Question) {
        let others = self.0.iter().filter(|(other, _)| **other != client);
        let answered_before = others
            .map(|(other, calls)| {
                (
                    *other,
                    calls.iter().filter(|call| call.answer.is_some()).count(),
                )
            })
            .filter(|(_, answered)| *answered > 0)
            .collect();
        self.0.entry(client).or_default().push(Call {
            question,
            answered_before,
            answer: None,
        });
    }

    fn is_told(&mut self, client: NodeId, answer: &Answer) -> bool {
        let calls = self.0.get_mut(&client).expect("it has asked");
        let open = calls.last_mut().expect("it has asked");
        open.answer = Some(answer.clone());
        self.can_be_ordered(&BTreeMap::new(), 0)
    }
}

impl Whole {
    /// Whether the calls that are not yet done can follow, one after the other,
    /// when so many of each client are done and the register holds this. An
    /// open call may be done or not.
    fn can_be_ordered(&self, done: &BTreeMap<NodeId, usize>, holds: Value) -> bool {
        let done_by = |client: &NodeId| done.get(client).copied().unwrap_or(0);
        let next = self.0.iter().filter_map(|(client, calls)| {
            let call = calls.get(done_by(client))?;
            Some((*client, call))
        });
        let next: Vec<_> = next.collect();
        if next.iter().all(|(_, call)| call.answer.is_none()) {
            return true;
        }
        next.into_iter().any(|(client, call)| {
            let mut before = call.answered_before.iter();
            let in_time = before.all(|(other, answered)| done_by(other) >= *answered);
            let (fits, leaves) = match (&call.question, &call.answer) {
                (RegisterInput::Write(value), _) => (true, *value),
                (RegisterInput::Read, None) => (true, holds),
                (RegisterInput::Read, Some(answer)) => {
                    (*answer == RegisterOutput::Value(holds), holds)
                }
            };
            let mut done = done.clone();
            *done.entry(client).or_default() += 1;
            in_time && fits && self.can_be_ordered(&done, leaves)
        })
    }
}

/// Of the past, what can matter for the answers that are still to come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Frontier(Online<(), Value, Question>);

const REGISTER: Specification<Value> = Specification { initial: 0 };

impl Past for Frontier {
    fn asks(&mut self, client: NodeId, question: Question) {
        let client = ClientId(u32::from(client.0));
        let asked = self.0.call(&REGISTER, client, question);
        asked.expect("a client waits for its answer");
    }

    fn is_told(&mut self, client: NodeId, answer: &Answer) -> bool {
        let client = ClientId(u32::from(client.0));
        self.0.answer(&REGISTER, client, answer).is_ok()
    }
}

/// Claims that no server ever tells a client of a value: wrong, so that a search
/// says how soon one can.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct NothingIsChosen;

impl<R: Register> Invariants<Party<R>> for NothingIsChosen {
    fn executed(
        &mut self,
        _: &impl ClusterView<Party<R>>,
        node: NodeId,
        effect: &Effect<Party<R>>,
    ) -> Result<(), Violation> {
        let tells = |effect: &Effect<Party<R>>| match effect {
            Effect::Send { message, .. } => {
                matches!(message, Message::Holds(_, value) if *value > 0)
            }
            _ => false,
        };
        match tells(effect) {
            true => Err(Violation::new(
                "nothing-is-chosen",
                [node],
                "no value",
                "one",
            )),
            false => Ok(()),
        }
    }
}
