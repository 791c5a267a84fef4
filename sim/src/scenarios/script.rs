//! Scripted scenarios: one step after the other, and nothing else happens.
//!
//! The steps are those of [`Step`], as a model checker writes them down or a
//! person does. The world is frozen, so messages stay under way until a step
//! delivers them, timers fire when a step says so, and nodes crash where a step
//! tells them to. What the checker saw is what the world does: the same code,
//! the same invariants, and messages that travel as bytes.
//!
//! A step that cannot be taken ends the run, for then it is not the run that
//! was meant. So does, at the end, another state of the nodes than the one that
//! the file says it [`reaches`](super::file::Scripted::reaches).
//!
//! A file that says [`after_step`](super::file::Scripted::after_step) is run as
//! its faults or its story say until so many steps were taken. Then the world
//! freezes, and the script goes on from there; see [`World::make_plain`].

mod looking;

use std::time::Duration;

use snowglobe_checkers::explore::{RECOVERS, Setting, StatesDigest, Step, StepInput, UNDECIDED};
use snowglobe_systems::invariants::{Invariants, Violation};
use snowglobe_systems::process::{InvocationId, NodeId, Process};

use self::looking::{exactly_named, operation_named, parcel_named, timer_named};
use super::file::{Expectation, Scenario};
use crate::faults::{CrashMoment, Fault, Nodes};
use crate::world::disk::CrashMode;
use crate::world::engine::Finished;
use crate::world::{Breakage, Broken, Director, Incarnation, World};

/// The world of a setting, whoever watches over it.
type WorldOf<S, I> = World<<S as Setting>::Process, I>;
type OperationOf<S> = <<S as Setting>::Process as Process>::Operation;
type OutcomeOf<S> = <<S as Setting>::Process as Process>::Outcome;

/// From one step to the next. A message needs 2 ms to arrive, so whatever a step
/// does is done before the next one.
pub(in crate::scenarios) const PAUSE: Duration = Duration::from_millis(10);

/// A call that was not answered yet.
#[derive(Clone, Debug)]
struct Call {
    invocation: InvocationId,
    client: usize,
    node: NodeId,
    /// The life of the node that it was made to.
    incarnation: Incarnation,
    /// Whether the judge was told of it.
    is_judged: bool,
}

/// Takes the steps of a script.
#[derive(Clone, Debug)]
pub struct Script<S: Setting> {
    setting: S,
    steps: Vec<Step>,
    next: usize,
    /// Who crashes within the step that is being taken, and after how many effects.
    crashes: Option<(NodeId, u32)>,
    judge: S::Judge,
    /// By client: how many of its operations it asked for.
    asked: Vec<usize>,
    calls: Vec<Call>,
    /// What clients are told is judged no more: it is too much to find out.
    gave_up: bool,
    is_of_a_run: bool,
    over: bool,
}

impl<S: Setting> Script<S> {
    /// The judge of its clients, with all that it heard.
    #[must_use]
    pub fn into_judge(self) -> S::Judge {
        self.judge
    }

    /// A director that takes these steps.
    #[must_use]
    pub fn new(setting: S, steps: Vec<Step>) -> Self {
        Self {
            asked: vec![0; setting.clients().len()],
            setting,
            steps,
            next: 0,
            crashes: None,
            judge: S::Judge::default(),
            calls: Vec::new(),
            gave_up: false,
            is_of_a_run: false,
            over: false,
        }
    }

    /// The same, of steps that a run has taken: there are many clients, and what they are told is
    /// judged for as long as that is not too much.
    #[must_use]
    pub fn of_a_run(setting: S, steps: Vec<Step>) -> Self {
        Self {
            judge: setting.judge_of_a_run(),
            is_of_a_run: true,
            ..Self::new(setting, steps)
        }
    }

    /// Takes a step, or says why it cannot be taken.
    fn take<I: Invariants<S::Process>>(
        &mut self,
        world: &mut WorldOf<S, I>,
        step: &Step,
    ) -> Result<(), String> {
        match step {
            Step::Input {
                input,
                choices,
                crash_after,
            } => {
                must_be_up(world, input.node())?;
                world.chooses(input.node(), choices);
                self.arm(world, input.node(), *crash_after);
                self.give(world, input)?;
            }
            Step::Crash(node) => {
                must_be_up(world, *node)?;
                world.apply_fault(&Fault::Crash {
                    nodes: Nodes::one(*node),
                    mode: CrashMode::Lose,
                    moment: CrashMoment::AtOnce,
                });
            }
            Step::Restart {
                node,
                choices,
                crash_after,
            } => {
                if world.process(*node).is_some() {
                    return Err(format!("{node} is up"));
                }
                world.chooses(*node, choices);
                self.arm(world, *node, *crash_after);
                world.apply_fault(&Fault::Restart(Nodes::one(*node)));
            }
            Step::Cut(one, other) => world.cut(*one, *other),
            Step::Hold(one, other) => world.part(*one, *other),
            Step::Mend(one, other) => world.mend(*one, *other),
            Step::DemandRecovery { without } => self.demand_recovery(world, without),
        }
        Ok(())
    }

    /// All calls must be answered by now, and the world must be well, whoever is away.
    fn demand_recovery<I: Invariants<S::Process>>(
        &self,
        world: &mut WorldOf<S, I>,
        away: &[NodeId],
    ) {
        let mut calls = self.calls.iter();
        let missing = match calls.find(|call| !away.contains(&call.node)) {
            Some(call) => Err(format!("{} is without an answer", call.invocation)),
            None => self.setting.is_well(&world.cluster(), away),
        };
        if let Err(missing) = missing {
            let expected = "a world that recovers once nothing goes wrong any more";
            let violation = Violation::new(RECOVERS, [], expected, missing);
            world.breaks(Broken::Liveness(violation));
        }
    }

    /// Who is to crash within the step that was taken.
    pub(in crate::scenarios) fn crashes(&self) -> Option<NodeId> {
        self.crashes.map(|(node, _)| node)
    }

    pub(in crate::scenarios) fn arm<I: Invariants<S::Process>>(
        &mut self,
        world: &mut WorldOf<S, I>,
        node: NodeId,
        crash_after: Option<usize>,
    ) {
        if let Some(effects) = crash_after {
            let effects = u32::try_from(effects).unwrap_or(u32::MAX);
            world.crash_after(node, effects);
            self.crashes = Some((node, effects));
        }
    }

    fn give<I: Invariants<S::Process>>(
        &mut self,
        world: &mut WorldOf<S, I>,
        input: &StepInput,
    ) -> Result<(), String> {
        match input {
            StepInput::Timeout { node, timer } => {
                let timer = timer_named::<S, I>(world, *node, timer)?;
                world.fire(*node, timer);
            }
            StepInput::Deliver {
                from,
                to,
                message,
                which,
                stays,
            } => {
                if world.is_cut(*from, *to) {
                    return Err(format!("{from} and {to} do not see each other"));
                }
                let number = parcel_named::<S, I>(world, (*from, *to), message, *which)?;
                world.deliver_held(number, *stays);
            }
            StepInput::Invoke { node, operation } => {
                let (client, operation) = self.asks(*node, operation)?;
                self.call(world, *node, client, operation);
            }
        }
        Ok(())
    }

    /// Who asks a node for what, by its words: a client whose turn it is to ask for that; or,
    /// where the setting can read it, somebody who has asked for nothing else.
    pub(in crate::scenarios) fn asks(
        &self,
        node: NodeId,
        words: &str,
    ) -> Result<(usize, OperationOf<S>), String> {
        let open = self.open_at(node);
        match exactly_named::<S>(&open, words) {
            Some(asked) => Ok(asked),
            None => match self.setting.read_operation(words) {
                Some(operation) => Ok((self.nobody_yet(), operation)),
                None => operation_named::<S>(open, words),
            },
        }
    }

    /// A client that is none of the setting's, and waits for nothing.
    pub(in crate::scenarios) fn nobody_yet(&self) -> usize {
        let own = self.setting.clients().len();
        let is_free = |client: &usize| self.calls.iter().all(|call| call.client != *client);
        (own..).find(is_free).expect("there is no end of clients")
    }

    /// What clients may ask of a node now, and who.
    fn open_at(&self, node: NodeId) -> Vec<(usize, &OperationOf<S>)> {
        let clients = self.setting.clients().iter().enumerate();
        let open = clients.filter(|(place, client)| {
            let waits = client.waits && self.calls.iter().any(|call| call.client == *place);
            client.at.contains(&node) && !waits
        });
        open.filter_map(|(place, client)| Some((place, client.operations.get(self.asked[place])?)))
            .collect()
    }

    pub(in crate::scenarios) fn call<I: Invariants<S::Process>>(
        &mut self,
        world: &mut WorldOf<S, I>,
        node: NodeId,
        client: usize,
        operation: OperationOf<S>,
    ) {
        if let Some(asked) = self.asked.get_mut(client) {
            *asked += 1;
        }
        let is_judged = !self.gave_up && self.setting.is_judged(&operation);
        if is_judged {
            self.setting.called(&mut self.judge, client, &operation);
        }
        let incarnation = world.incarnation(node);
        if let Some(invocation) = world.invoke(node, operation) {
            self.calls.push(Call {
                invocation,
                client,
                node,
                incarnation,
                is_judged,
            });
        }
    }

    /// Looks at what the last step has done, before the next one.
    pub(in crate::scenarios) fn settle<I: Invariants<S::Process>>(
        &mut self,
        world: &mut WorldOf<S, I>,
        left: Option<u32>,
    ) -> Result<(), String> {
        if let Some(why) = world.chose_otherwise() {
            return Err(why);
        }
        let (setting, judge, gave_up) = (&self.setting, &mut self.judge, self.gave_up);
        self.calls.retain(|call| {
            let lives = world.process(call.node).is_some()
                && world.incarnation(call.node) == call.incarnation;
            if !lives && call.is_judged && !gave_up {
                setting.abandoned(judge, call.client);
            }
            lives
        });
        match (self.crashes.take(), left) {
            (Some((node, effects)), Some(left)) => Err(format!(
                "{node} is up, since its step has only {} effects",
                effects - left
            )),
            _ => Ok(()),
        }
    }

    /// All steps were taken. What was not judged to the end is not known to be right.
    pub(in crate::scenarios) fn ends<I: Invariants<S::Process>>(&self, world: &mut WorldOf<S, I>) {
        if self.gave_up {
            let why = "clients were told so much at once that it is too much to judge";
            world.breaks(Broken::Undecided {
                why: why.to_owned(),
            });
        }
    }

    fn not_taken(&self, place: usize, why: String) -> Broken {
        Broken::Script {
            number: place + 1,
            step: self.steps[place].to_string(),
            why,
        }
    }
}

impl<S: Setting, I: Invariants<S::Process>> Director<S::Process, I> for Script<S> {
    fn prepare(&mut self, world: &mut WorldOf<S, I>) {
        world.start_without_choice();
    }

    fn begin(&mut self, world: &mut WorldOf<S, I>) {
        world.phase("script");
        world.freeze();
        world.alarm(PAUSE, 0);
    }

    fn alarm(&mut self, world: &mut WorldOf<S, I>, _token: u64) {
        let left = self.crashes.and_then(|(node, _)| world.disarm(node));
        if let Err(why) = self.settle(world, left) {
            return world.breaks(self.not_taken(self.next - 1, why));
        }
        let Some(step) = self.steps.get(self.next).cloned() else {
            self.over = true;
            return self.ends(world);
        };
        // A timeline shows the step above what comes of it.
        world.phase(&step.to_string());
        self.next += 1;
        match self.take(world, &step) {
            Ok(()) => world.alarm(PAUSE, 0),
            Err(why) => world.breaks(self.not_taken(self.next - 1, why)),
        }
    }

    fn returned(
        &mut self,
        world: &mut WorldOf<S, I>,
        invocation: InvocationId,
        outcome: OutcomeOf<S>,
    ) {
        let place = self
            .calls
            .iter()
            .position(|call| call.invocation == invocation);
        if let Some(place) = place {
            let call = self.calls.remove(place);
            if !call.is_judged || self.gave_up {
                return;
            }
            let judged = self
                .setting
                .returned(&mut self.judge, call.client, &outcome);
            match judged {
                Err(violation) if violation.property == UNDECIDED && self.is_of_a_run => {
                    self.gave_up = true;
                }
                Err(violation) => world.breaks(Broken::Safety(violation)),
                Ok(()) => {}
            }
        }
    }

    fn is_over(&mut self, _world: &mut WorldOf<S, I>) -> bool {
        self.over
    }
}

fn must_be_up<P, I>(world: &World<P, I>, node: NodeId) -> Result<(), String>
where
    P: Process,
    I: Invariants<P>,
{
    match world.process(node) {
        Some(_) => Ok(()),
        None => Err(format!("{node} is down")),
    }
}

/// Holds the end of a run against what its file says that it reaches.
///
/// A run that comes to the expected end among other states did not go the way
/// that was meant, and its end is worth nothing. A broken promise that nobody
/// expected is worth more than that, and stays the verdict.
pub fn held_against_its_file(finished: &mut Finished, scenario: &Scenario) {
    let scripted = scenario.scripted.as_ref();
    let Some(expected) = scripted.and_then(|scripted| scripted.reaches) else {
        return;
    };
    let found: StatesDigest = finished.states;
    let may_be_meant = match &finished.breakage {
        None => true,
        Some(breakage) => match (&breakage.broken, &scenario.expect) {
            (Broken::Safety(violation), Expectation::Violates(property)) => {
                violation.property == property
            }
            _ => false,
        },
    };
    if may_be_meant && found != expected {
        finished.breakage = Some(Breakage {
            broken: Broken::Elsewhere { expected, found },
            at: finished.at,
            step: finished.counters.steps,
            suspicion: None,
        });
    }
}
