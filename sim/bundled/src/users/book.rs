//! What users asked and what they were told, judged while it grows.

use std::fmt;
use std::sync::Arc;

use snowglobe_checkers::history::{ClientId, Moment, json_lines};
use snowglobe_checkers::linearizability::specifications::{KeyValue, KeyedInput, TextInput};
use snowglobe_checkers::linearizability::{
    Budget, Options, Unknown, Verdict, Watch, WatchError, check, explain,
};
use snowglobe_systems::invariants::Violation;
use snowglobe_systems::process::{InvocationId, NodeId};
use snowglobe_systems::vec_map::VecMap;

use super::{Answer, TextService, Watcher, applied};
use snowglobe::world::{Broken, IllegalHistory, World};

/// The object that the service must look like.
const STORE: KeyValue = KeyValue::EMPTY;

/// What the search over answers alone may cost before servers are asked what came to
/// pass: more than most runs need.
const BRIEF: Budget<'static> = Budget {
    nodes: 500_000,
    ..BUDGET
};

/// What it may cost if they do not know: far more than any run needs that holds.
const BUDGET: Budget<'static> = Budget {
    nodes: 20_000_000,
    bytes: 256 << 20,
    stop: None,
};

/// An explanation is many searches, and people wait for it.
const EXPLAINED: Budget<'static> = Budget {
    nodes: 100_000,
    ..BUDGET
};

/// Writes down what users ask and are told, and breaks the run at the first
/// answer after which the history is found to have no order.
#[derive(Clone)]
pub(super) struct Book {
    watch: Watch<KeyValue>,
    /// Who asked, and what they will be told.
    asked: VecMap<InvocationId, ClientId>,
    /// The next unused client id. A user whose call is lost goes on under a new one.
    next_client: u32,
    answers: u64,
}

impl fmt::Debug for Book {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Book")
            .field("asked", &self.asked)
            .field("answers", &self.answers)
            .finish_non_exhaustive()
    }
}

impl Book {
    pub(super) fn new() -> Self {
        Self {
            watch: Watch::new(),
            asked: VecMap::new(),
            next_client: 0,
            answers: 0,
        }
    }

    /// A name that nobody has.
    pub(super) fn name(&mut self) -> ClientId {
        self.next_client += 1;
        ClientId(self.next_client - 1)
    }

    /// How many calls were answered.
    pub(super) fn answers(&self) -> u64 {
        self.answers
    }

    /// A user calls a clerk, or a server. `None` if that is down.
    pub(super) fn ask<P: TextService, I: Watcher<P>>(
        &mut self,
        world: &mut World<P, I>,
        at: NodeId,
        client: ClientId,
        key: &Arc<str>,
        input: TextInput,
    ) -> Option<InvocationId> {
        let moment = Moment(world.now().0);
        let invocation = world.invoke(at, P::ask(key, &input))?;
        let input = KeyedInput {
            key: key.clone(),
            input,
        };
        self.watch
            .call(&STORE, client, moment, input)
            .expect("a user has one call at a time, and time does not go back");
        self.asked.insert(invocation, client);
        Some(invocation)
    }

    /// A call was answered. `None` if it was not one of a user's, or if it was
    /// the answer that broke the run.
    pub(super) fn told<P: TextService, I: Watcher<P>>(
        &mut self,
        world: &mut World<P, I>,
        invocation: InvocationId,
        outcome: P::Outcome,
    ) -> Option<Answer> {
        let client = self.asked.remove(&invocation)?;
        let output = match P::answer(outcome) {
            Ok(Answer::Output(output)) => output,
            Ok(Answer::Indeterminate) => return Some(Answer::Indeterminate),
            Err(outcome) => {
                let expected = "a clerk to ask until it is answered";
                let found = format!("it answers {invocation} with {outcome:?}");
                let violation = Violation::new("clerk-asks-on", [], expected, found);
                world.breaks(Broken::Safety(violation));
                return None;
            }
        };
        self.answers += 1;
        let moment = Moment(world.now().0);
        let taken = self
            .watch
            .answer(&STORE, client, moment, output.clone(), &BRIEF);
        self.judge(world, taken).then_some(Answer::Output(output))
    }

    /// The whole history, a line of JSON for each operation.
    pub(super) fn lines(&self) -> String {
        let mut bytes = Vec::new();
        json_lines::write(&self.watch.whole(), &mut bytes).expect("memory takes all bytes");
        String::from_utf8(bytes).expect("JSON is text")
    }

    /// Judges all that is written down. Whether it has an order.
    pub(super) fn close<P: TextService, I: Watcher<P>>(&mut self, world: &mut World<P, I>) -> bool {
        let looked = self.watch.look(&STORE, &BRIEF);
        self.judge(world, looked)
    }

    fn judge<P: TextService, I: Watcher<P>>(
        &self,
        world: &mut World<P, I>,
        result: Result<(), WatchError<Arc<str>>>,
    ) -> bool {
        match result {
            Ok(()) => true,
            Err(WatchError::Illegal { key }) => {
                world.breaks(Broken::Illegal(Box::new(self.illegal(&key))));
                false
            }
            Err(WatchError::Unknown { key, .. }) => {
                self.explains_what_was_made(world, &key) || self.judge_at_length(world, &key)
            }
            Err(WatchError::NotAHistory(why)) => panic!("the book is kept in order: {why}"),
        }
    }

    /// Whether the operations of a key have an order, however long that takes to find out.
    fn judge_at_length<P: TextService, I: Watcher<P>>(
        &self,
        world: &mut World<P, I>,
        key: &Arc<str>,
    ) -> bool {
        let history = self.watch.history(key).expect("it was looked at");
        let options = Options {
            budget: BUDGET,
            ..Options::default()
        };
        match check(&STORE, history, &options) {
            Verdict::Linearizable(_) => true,
            Verdict::Illegal(_) => {
                world.breaks(Broken::Illegal(Box::new(self.illegal(key))));
                false
            }
            Verdict::Unknown(Unknown { ended, .. }) => {
                let why = format!("the operations of key {key}: the budget of {ended:?} ended");
                world.breaks(Broken::Undecided { why });
                false
            }
        }
    }

    /// Whether what users of a key asked and were told has an order that makes what
    /// its servers have made.
    fn explains_what_was_made<P: TextService, I: Watcher<P>>(
        &self,
        world: &World<P, I>,
        key: &Arc<str>,
    ) -> bool {
        let changes = world.invariants().changes_of(key);
        changes
            .zip(self.watch.history(key))
            .is_some_and(|(changes, history)| {
                applied::have_order_that_makes(changes, history, BUDGET)
            })
    }

    /// The keys that were asked for, and whether what the servers made explains what users were told.
    #[cfg(test)]
    pub(super) fn explained<P: TextService, I: Watcher<P>>(
        &self,
        world: &World<P, I>,
    ) -> VecMap<Arc<str>, bool> {
        let whole = self.watch.whole();
        let keys = whole.operations().iter().map(|it| it.input.key.clone());
        keys.map(|key| (key.clone(), self.explains_what_was_made(world, &key)))
            .collect()
    }

    fn illegal(&self, key: &Arc<str>) -> IllegalHistory {
        let options = Options {
            budget: EXPLAINED,
            ..Options::default()
        };
        let history = self.watch.history(key);
        let explanation = history.and_then(|history| explain(&STORE, history, key, &options));
        IllegalHistory::explained(Some(&format!("key {key}")), explanation.as_ref())
    }
}
