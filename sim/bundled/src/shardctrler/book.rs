//! What operators asked and what they were told, judged while it grows.

use std::fmt;

use snowglobe_checkers::history::{ClientId, Moment};
use snowglobe_checkers::linearizability::{
    Budget, Options, Unknown, Verdict, Watch, WatchError, check, explain,
};
use snowglobe_systems::invariants::Violation;
use snowglobe_systems::process::{InvocationId, NodeId};
use snowglobe_systems::shardctrler::{Configuration, Number, Operation, Outcome};
use snowglobe_systems::vec_map::VecMap;

use super::ControllerWorld;
use super::object::{Ask, ShardControl, Told};
use snowglobe::world::{Broken, IllegalHistory};

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

const OPERATORS: ShardControl<'static> = ShardControl::BY_OPERATORS;

/// Writes down what operators ask and are told, and breaks the run at the first
/// answer after which the history is found to have no order.
#[derive(Clone)]
pub(super) struct Book {
    watch: Watch<ShardControl<'static>>,
    /// Who asked, and will be told.
    asked: VecMap<InvocationId, ClientId>,
    /// The next unused client id. An operator whose call is lost goes on under a new one.
    next_client: u32,
}

/// What becomes of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is done.
    Told(Told),
    /// It may have happened, or not; the operator goes on under a new name.
    Indeterminate,
}

impl fmt::Debug for Book {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut book = f.debug_struct("Book");
        book.field("asked", &self.asked).finish_non_exhaustive()
    }
}

impl Book {
    pub(super) fn new() -> Self {
        Self {
            watch: Watch::new(),
            asked: VecMap::new(),
            next_client: 0,
        }
    }

    /// A name that nobody has.
    pub(super) fn name(&mut self) -> ClientId {
        self.next_client += 1;
        ClientId(self.next_client - 1)
    }

    /// An operator calls a clerk. `None` if that is down.
    pub(super) fn ask(
        &mut self,
        world: &mut ControllerWorld,
        clerk: NodeId,
        client: ClientId,
        ask: Ask,
    ) -> Option<InvocationId> {
        let moment = Moment(world.now().0);
        let invocation = world.invoke(clerk, operation(&ask))?;
        self.watch
            .call(&OPERATORS, client, moment, ask)
            .expect("an operator has one call at a time, and time does not go back");
        self.asked.insert(invocation, client);
        Some(invocation)
    }

    /// A call was answered. `None` if it was not one of an operator's, or if it
    /// was the answer that broke the run.
    pub(super) fn told(
        &mut self,
        world: &mut ControllerWorld,
        invocation: InvocationId,
        outcome: Outcome,
    ) -> Option<Answer> {
        let client = self.asked.remove(&invocation)?;
        let told = match outcome {
            Outcome::Written(response) => Told::Done(response),
            Outcome::Answered(configuration) => Told::Shown(configuration),
            Outcome::Indeterminate => return Some(Answer::Indeterminate),
            Outcome::Busy
            | Outcome::NotHere { .. }
            | Outcome::TransferStarted
            | Outcome::TransferRefused => {
                let expected = "a clerk to ask until it is answered";
                let found = format!("it answers {invocation} with {outcome:?}");
                let violation = Violation::new("clerk-asks-on", [], expected, found);
                world.breaks(Broken::Safety(violation));
                return None;
            }
        };
        let moment = Moment(world.now().0);
        let taken = self
            .watch
            .answer(&OPERATORS, client, moment, told.clone(), &BRIEF);
        self.judge(world, taken).then_some(Answer::Told(told))
    }

    /// Judges all that is written down. Whether it has an order.
    pub(super) fn close(&mut self, world: &mut ControllerWorld) -> bool {
        let looked = self.watch.look(&OPERATORS, &BRIEF);
        self.judge(world, looked)
    }

    fn judge(&self, world: &mut ControllerWorld, result: Result<(), WatchError<()>>) -> bool {
        match result {
            Ok(()) => true,
            Err(WatchError::Illegal { key: () }) => {
                world.breaks(Broken::Illegal(Box::new(self.illegal())));
                false
            }
            Err(WatchError::Unknown { .. }) => {
                self.explains_what_was_made(world) || self.judge_at_length(world)
            }
            Err(WatchError::NotAHistory(why)) => panic!("the book is kept in order: {why}"),
        }
    }

    /// Whether the operations have an order, however long that takes to find out.
    fn judge_at_length(&self, world: &mut ControllerWorld) -> bool {
        let options = Options {
            budget: BUDGET,
            ..Options::default()
        };
        match check(&OPERATORS, &self.watch.whole(), &options) {
            Verdict::Linearizable(_) => true,
            Verdict::Illegal(_) => {
                world.breaks(Broken::Illegal(Box::new(self.illegal())));
                false
            }
            Verdict::Unknown(Unknown { ended, .. }) => {
                let why = format!("the operations: the budget of {ended:?} ended");
                world.breaks(Broken::Undecided { why });
                false
            }
        }
    }

    /// Whether what operators asked and were told has an order that makes the configurations
    /// which the replicas have made.
    fn explains_what_was_made(&self, world: &ControllerWorld) -> bool {
        let invariants = world.invariants();
        let made = (0..).map_while(|number| invariants.configuration(Number(number)).cloned());
        let made: Vec<Configuration> = made.collect();
        let control = ShardControl { made: &made };
        let options = Options {
            budget: BUDGET,
            ..Options::default()
        };
        let history = self.watch.whole();
        check(&control, &history, &options).is_linearizable()
    }

    fn illegal(&self) -> IllegalHistory {
        let explanation = self.watch.history(&()).and_then(|history| {
            let budget = explained(history.len());
            let options = Options {
                budget,
                ..Options::default()
            };
            explain(&OPERATORS, history, &(), &options)
        });
        IllegalHistory::explained(None, explanation.as_ref())
    }
}

/// An explanation is many searches, and people wait for it. One that finds an
/// order looks at little more than each operation once. One of a core is dear,
/// since what was taken out of it may have happened at any time.
fn explained(operations: usize) -> Budget<'static> {
    Budget {
        nodes: 1_000 + 2 * operations as u64,
        ..BUDGET
    }
}

fn operation(ask: &Ask) -> Operation {
    match ask {
        Ask::Change(command) => Operation::Write(command.clone()),
        Ask::Look(query) => Operation::Read(*query),
    }
}
