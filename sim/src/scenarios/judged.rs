//! What callers were told, judged by a sequential specification while it grows.

use std::sync::Arc;

use serde::Serialize;
use snowglobe_checkers::history::{ClientId, History, Moment, Operation, json_lines};
use snowglobe_checkers::linearizability::specifications::KeyedInput;
use snowglobe_checkers::linearizability::{
    Budget, Options, Specification, Watch, WatchError, explain,
};
use snowglobe_systems::process::Process;

use super::calls::Judgement;
use crate::time::SimTime;
use crate::world::{Broken, IllegalHistory};

/// Hears what callers ask and are told, and says whether that can be.
pub(super) trait Judge<P: Process>: Send {
    /// Another one like it.
    fn copy(&self) -> Box<dyn Judge<P>>;
    /// A caller calls.
    fn called(&mut self, caller: usize, at: SimTime, operation: &P::Operation);
    /// A caller is answered.
    fn returned(&mut self, caller: usize, at: SimTime, outcome: &P::Outcome) -> Judgement;
    /// A caller will never be answered.
    fn lost(&mut self, caller: usize);
    /// Nothing more comes.
    fn close(&mut self) -> Judgement;
    /// The whole history, a line of JSON for each operation.
    fn lines(&self) -> String;
}

impl<P: Process> Clone for Box<dyn Judge<P>> {
    fn clone(&self) -> Self {
        (**self).copy()
    }
}

/// A judge by a sequential specification.
#[derive(Clone)]
pub(super) struct Judged<P: Process, S: Specification> {
    specification: S,
    input: fn(&P::Operation) -> S::Input,
    output: fn(&P::Outcome) -> Option<S::Output>,
    watch: Watch<S>,
    /// Under which name each caller asks. One whose call is lost goes on under a new one.
    names: Vec<ClientId>,
    next_name: u32,
}

/// An explanation is many searches, and people wait for it.
const EXPLAINED: Budget<'static> = Budget {
    nodes: 100_000,
    ..Budget::DEFAULT
};

impl<P: Process, S: Specification> Judged<P, S> {
    pub(super) fn new(
        specification: S,
        input: fn(&P::Operation) -> S::Input,
        output: fn(&P::Outcome) -> Option<S::Output>,
    ) -> Self {
        Self {
            specification,
            input,
            output,
            watch: Watch::new(),
            names: Vec::new(),
            next_name: 0,
        }
    }

    /// The name of a caller.
    fn name(&mut self, caller: usize) -> ClientId {
        while self.names.len() <= caller {
            let name = self.fresh();
            self.names.push(name);
        }
        self.names[caller]
    }

    /// A name that nobody has.
    fn fresh(&mut self) -> ClientId {
        self.next_name += 1;
        ClientId(self.next_name - 1)
    }

    fn judgement(&self, result: Result<(), WatchError<S::Key>>) -> Judgement {
        match result {
            Ok(()) => Ok(()),
            Err(WatchError::Illegal { key }) => Err(self.illegal(&key)),
            Err(WatchError::Unknown { key, ended }) => Err(Broken::Undecided {
                why: format!("the operations of {key:?}: the budget of {ended:?} ended"),
            }),
            Err(WatchError::NotAHistory(why)) => panic!("a caller has one call at a time: {why}"),
        }
    }

    fn illegal(&self, key: &S::Key) -> Broken {
        let options = Options {
            budget: EXPLAINED,
            ..Options::default()
        };
        let history = self.watch.history(key);
        let explanation =
            history.and_then(|history| explain(&self.specification, history, key, &options));
        let key = self.specification.describe_key(key);
        let object = (!key.is_empty()).then(|| format!("key {key}"));
        let illegal = IllegalHistory::explained(object.as_deref(), explanation.as_ref());
        Broken::Illegal(Box::new(illegal))
    }
}

impl<P, S> Judge<P> for Judged<P, S>
where
    P: Process,
    S: Specification<Input: Serialize + Send, Output: Serialize + Send, Key: Send>
        + Clone
        + Send
        + 'static,
{
    fn copy(&self) -> Box<dyn Judge<P>> {
        Box::new(self.clone())
    }

    fn called(&mut self, caller: usize, at: SimTime, operation: &P::Operation) {
        let (name, input) = (self.name(caller), (self.input)(operation));
        let taken = self
            .watch
            .call(&self.specification, name, Moment(at.0), input);
        taken.expect("a caller has one call at a time, and time does not go back");
    }

    fn returned(&mut self, caller: usize, at: SimTime, outcome: &P::Outcome) -> Judgement {
        let Some(output) = (self.output)(outcome) else {
            self.lost(caller);
            return Ok(());
        };
        let name = self.name(caller);
        let (specification, moment) = (&self.specification, Moment(at.0));
        let taken = self
            .watch
            .answer(specification, name, moment, output, &Budget::DEFAULT);
        self.judgement(taken)
    }

    fn lost(&mut self, caller: usize) {
        self.name(caller);
        self.names[caller] = self.fresh();
    }

    fn close(&mut self) -> Judgement {
        let looked = self.watch.look(&self.specification, &Budget::DEFAULT);
        self.judgement(looked)
    }

    fn lines(&self) -> String {
        let whole = self.watch.whole();
        let operations = whole.operations().iter().map(|operation| {
            let key = self.specification.key(&operation.input);
            Operation {
                client: operation.client,
                called: operation.called,
                input: KeyedInput {
                    key: self.specification.describe_key(&key).into(),
                    input: operation.input.clone(),
                },
                returned: operation.returned.clone(),
            }
        });
        let keyed: History<KeyedInput<Arc<str>, S::Input>, S::Output> =
            History::new(operations.collect()).expect("it is a history already");
        let mut bytes = Vec::new();
        json_lines::write(&keyed, &mut bytes).expect("what is asked and told has a form in JSON");
        String::from_utf8(bytes).expect("JSON is text")
    }
}
