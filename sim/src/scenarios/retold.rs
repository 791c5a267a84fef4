//! What happened in a run, told once more step by step.
//!
//! The nodes of a run are made to take the same steps in a frozen world, all of them or some: a
//! message that is not delivered is one that was lost, and what cannot happen any more is left
//! out. What did happen is a script like any other. How clients were served is judged as the
//! small world of the system judges it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use snowglobe_checkers::explore::{Bounds, Setting, Step, StepInput, naming};
use snowglobe_systems::invariants::Invariants;
use snowglobe_systems::process::{InvocationId, NodeId, Process};

use super::file::{Expectation, Scenario, Scripted};
use super::script::{PAUSE, Script};
use super::{Modelled, RunReport, report_of};
use crate::faults::{CrashMoment, Fault, Nodes};
use crate::world::disk::CrashMode;
use crate::world::network::LinkQuality;
use crate::world::session::Session;
use crate::world::{Director, Happening, Sent, What, World};

/// What happened in a run, one thing after the other, as it can be told in a frozen world.
pub trait Retelling: Send {
    /// How many things happened.
    fn len(&self) -> usize;
    /// Whether nothing did.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Those of them on which the last depends: what happened before it on its node, what that
    /// node had been sent, and so on.
    fn causes_of_last(&self) -> Vec<usize>;
    /// Lets those of them happen that can, in their order.
    fn tell(&self, which: &[usize]) -> Retold;
    /// The script of them, and what it comes to.
    ///
    /// # Errors
    /// What of it has no words.
    fn script(&self, which: &[usize]) -> Result<RunReport, String>;
}

/// What came of some of the things that had happened.
#[derive(Clone, Debug)]
pub struct Retold {
    /// Those that could happen.
    pub taken: Vec<usize>,
    /// What they came to.
    pub report: RunReport,
}

/// A run of a system that is over.
pub(crate) struct Past<S: Modelled> {
    /// The run, told by its script.
    scenario: Scenario,
    configs: Vec<<S::Process as Process>::Config>,
    setting: S::Setting,
    happened: Arc<[Happening<S::Process>]>,
}

impl<S: Modelled> Past<S> {
    /// What happened in a run of a scenario, on nodes that were configured so.
    pub(crate) fn new(
        scenario: &Scenario,
        options: &S::Options,
        configs: Vec<<S::Process as Process>::Config>,
        happened: Vec<Happening<S::Process>>,
    ) -> Self {
        let own = scenario
            .scripted
            .as_ref()
            .filter(|it| it.after_step.is_none());
        let bounds = own.map_or_else(Bounds::default, |it| it.bounds.clone());
        let setting = match own {
            Some(_) => S::setting(scenario.nodes, options, &bounds),
            None => S::setting_around(scenario.nodes, options, &bounds),
        };
        Self {
            scenario: Scenario {
                faults: Vec::new(),
                story: Vec::new(),
                links: LinkQuality::default(),
                sync: Default::default(),
                batch: 1,
                scripted: Some(Scripted {
                    after_step: own.is_none().then_some(0),
                    steps: Vec::new(),
                    bounds,
                    reaches: None,
                }),
                ..scenario.clone()
            },
            configs,
            setting,
            happened: happened.into(),
        }
    }

    fn run(&self, which: &[usize], words: Option<&[bool]>) -> (RunReport, Teller<S::Setting>) {
        let teller = Teller {
            script: Script::of_a_run(self.setting.clone(), Vec::new()),
            happened: self.happened.clone(),
            which: which.to_vec(),
            next: 0,
            taken: Vec::new(),
            under_way: BTreeMap::new(),
            newest: 0,
            delivered: Vec::new(),
            written: words.map(|stays| Written {
                stays: stays.to_vec(),
                steps: Vec::new(),
            }),
            wordless: None,
            is_over: false,
        };
        let blueprint = self.scenario.blueprint(self.configs.clone());
        let session = Session::open(blueprint, S::Invariants::default(), teller);
        let (finished, teller) = session.finish();
        (report_of(self.scenario.clone(), finished, None), teller)
    }
}

impl<S: Modelled> Retelling for Past<S> {
    fn len(&self) -> usize {
        self.happened.len()
    }

    fn causes_of_last(&self) -> Vec<usize> {
        let last = self.happened.len().checked_sub(1);
        let mut is_cause = vec![false; self.happened.len()];
        let mut nodes = BTreeSet::new();
        if let Some(last) = last {
            nodes.insert(self.happened[last].node);
        }
        for place in (0..self.happened.len()).rev() {
            let happening = &self.happened[place];
            // Of a node that matters later, all that happened before matters, too.
            is_cause[place] |= nodes.contains(&happening.node);
            if !is_cause[place] {
                continue;
            }
            nodes.insert(happening.node);
            if let What::Delivered {
                sent: Some(Sent { by: Some(by), .. }),
                ..
            } = happening.what
            {
                is_cause[by] = true;
            }
        }
        (0..is_cause.len())
            .filter(|place| is_cause[*place])
            .collect()
    }

    fn tell(&self, which: &[usize]) -> Retold {
        let (report, teller) = self.run(which, None);
        Retold {
            taken: teller.taken,
            report,
        }
    }

    fn script(&self, which: &[usize]) -> Result<RunReport, String> {
        let (_, teller) = self.run(which, None);
        // A message that is delivered once more later stays under way.
        let mut later = BTreeSet::new();
        let delivered = teller.delivered.iter().rev();
        let mut stays: Vec<bool> = delivered.map(|number| !later.insert(*number)).collect();
        stays.reverse();
        let (mut report, teller) = self.run(&teller.taken, Some(&stays));
        if let Some(why) = teller.wordless {
            return Err(why);
        }
        let written = teller.written.expect("words were asked for");
        let scripted = report
            .scenario
            .scripted
            .as_mut()
            .expect("a past is a script");
        scripted.steps = written.steps;
        scripted.reaches = Some(report.states);
        report.scenario.expect = match report.verdict.property() {
            Some(property) => Expectation::Violates(property.to_owned()),
            None => Expectation::Held,
        };
        Ok(report)
    }
}

/// The steps of a script that is being written.
#[derive(Clone, Debug)]
struct Written {
    /// Of each delivery, in their order: whether a copy of its message stays under way.
    stays: Vec<bool>,
    steps: Vec<Step>,
}

/// Lets things happen in a frozen world.
#[derive(Clone, Debug)]
struct Teller<S: Setting> {
    /// Judges what clients are told.
    script: Script<S>,
    happened: Arc<[Happening<S::Process>]>,
    /// What is to happen, and how far that has come.
    which: Vec<usize>,
    next: usize,
    taken: Vec<usize>,
    /// By receiver, sender and name: the number of a message.
    under_way: BTreeMap<(NodeId, NodeId, Sent), u64>,
    /// The number of the newest message that has a name.
    newest: u64,
    /// The numbers of the messages that were delivered. Unless words are written, a copy of each
    /// stays under way.
    delivered: Vec<u64>,
    written: Option<Written>,
    /// What happened that has no words.
    wordless: Option<String>,
    is_over: bool,
}

type WorldOf<S, I> = World<<S as Setting>::Process, I>;

impl<S: Setting> Teller<S> {
    /// Names what is under way since something happened.
    fn name_sent<I: Invariants<S::Process>>(&mut self, world: &WorldOf<S, I>, by: Option<usize>) {
        let mut counts: BTreeMap<(NodeId, NodeId), usize> = BTreeMap::new();
        for held in world.held_since(self.newest) {
            let earlier = counts.entry((held.to, held.from)).or_default();
            let name = Sent {
                by,
                earlier: *earlier,
            };
            *earlier += 1;
            self.under_way
                .insert((held.to, held.from, name), held.number);
            self.newest = held.number;
        }
    }

    /// Lets the next thing happen that can. Whether there is one.
    fn go_on<I: Invariants<S::Process>>(&mut self, world: &mut WorldOf<S, I>) -> bool {
        while let Some(place) = self.which.get(self.next).copied() {
            self.next += 1;
            let happened = self.happened.clone();
            let happening = &happened[place];
            if let Some(step) = self.happens(world, happening) {
                self.taken.push(place);
                if let Some(written) = &mut self.written {
                    written.steps.push(step);
                }
                return true;
            }
        }
        false
    }

    /// Lets something happen, if it can. The step that says so; its words are left out where
    /// nobody writes them down.
    fn happens<I: Invariants<S::Process>>(
        &mut self,
        world: &mut WorldOf<S, I>,
        happening: &Happening<S::Process>,
    ) -> Option<Step> {
        let node = happening.node;
        let is_up = world.process(node).is_some();
        let crash_after = happening.crash_after;
        let choices = happening.needed_choices();
        match &happening.what {
            What::Crashed if is_up => {
                crash(world, node);
                return Some(Step::Crash(node));
            }
            What::Restarted if !is_up => {
                world.chooses(node, &choices);
                self.script.arm(world, node, crash_after);
                world.apply_fault(&Fault::Restart(Nodes::one(node)));
                return Some(Step::Restart {
                    node,
                    choices,
                    crash_after,
                });
            }
            What::Crashed | What::Restarted => return None,
            _ if !is_up => return None,
            _ => {}
        }
        let given = self.prepared(world, happening)?;
        world.chooses(node, &choices);
        self.script.arm(world, node, crash_after);
        let input = self.gives(world, node, given);
        Some(Step::Input {
            input,
            choices,
            crash_after,
        })
    }

    /// What a node is to be given, if it is there to be given.
    fn prepared<I: Invariants<S::Process>>(
        &mut self,
        world: &WorldOf<S, I>,
        happening: &Happening<S::Process>,
    ) -> Option<Given<S>> {
        let node = happening.node;
        Some(match &happening.what {
            What::Timeout(timer) => {
                let armed = world.armed_timers(node).contains(timer);
                armed.then_some(Given::Timeout(*timer))?
            }
            What::Invoked(operation) => {
                let words = S::operation_words(operation);
                match self.script.asks(node, &words) {
                    Ok((client, asked)) if asked == *operation => Given::Call(client, asked),
                    _ => {
                        // What cannot be written down may be told all the same.
                        self.wordless.get_or_insert(format!(
                            "a script cannot say `invoke {node} {words}` yet: its setting does not \
                             read those words"
                        ));
                        Given::Call(self.script.nobody_yet(), operation.clone())
                    }
                }
            }
            What::Delivered {
                from,
                sent,
                message,
            } => {
                let named = sent.and_then(|sent| self.under_way.get(&(node, *from, sent)));
                let is_there = |number: &&u64| {
                    let since = world.held_since(**number - 1);
                    since.first().is_some_and(|held| held.number == **number)
                };
                let number = named.filter(is_there).copied();
                let says_the_same = || {
                    let mut same: Vec<u64> = world
                        .held()
                        .filter(|it| (it.from, it.to) == (*from, node) && it.message == *message)
                        .map(|it| it.number)
                        .collect();
                    same.sort_by_key(|number| self.delivered.contains(number));
                    same.first().copied()
                };
                Given::Message(*from, number.or_else(says_the_same)?)
            }
            What::Crashed | What::Restarted => return None,
        })
    }

    /// Gives a node what it is to be given.
    fn gives<I: Invariants<S::Process>>(
        &mut self,
        world: &mut WorldOf<S, I>,
        node: NodeId,
        given: Given<S>,
    ) -> StepInput {
        let writes = self.written.is_some();
        let words = |words: &dyn Fn() -> String| if writes { words() } else { String::new() };
        match given {
            Given::Timeout(timer) => {
                world.fire(node, timer);
                StepInput::Timeout {
                    node,
                    timer: words(&|| S::timer_words(timer)),
                }
            }
            Given::Call(client, operation) => {
                let words = words(&|| S::operation_words(&operation));
                self.script.call(world, node, client, operation);
                StepInput::Invoke {
                    node,
                    operation: words,
                }
            }
            Given::Message(from, number) => {
                let place = self.delivered.len();
                let stays = self
                    .written
                    .as_ref()
                    .is_none_or(|written| written.stays[place]);
                let (message, which) = match writes {
                    true => named::<S, I>(world, from, node, number),
                    false => (String::new(), 1),
                };
                world.deliver_held(number, stays);
                self.delivered.push(number);
                StepInput::Deliver {
                    from,
                    to: node,
                    message,
                    which,
                    stays,
                }
            }
        }
    }

    /// A step had fewer effects than it was to crash after: the node goes down behind them.
    fn crash_behind<I: Invariants<S::Process>>(&mut self, world: &mut WorldOf<S, I>) {
        let armed = self.script.crashes();
        let Some(node) = armed.filter(|node| world.disarm(*node).is_some()) else {
            return;
        };
        crash(world, node);
        if let Some(written) = &mut self.written {
            if let Some(Step::Input { crash_after, .. } | Step::Restart { crash_after, .. }) =
                written.steps.last_mut()
            {
                *crash_after = None;
            }
            written.steps.push(Step::Crash(node));
        }
    }
}

/// What a node is given.
enum Given<S: Setting> {
    Timeout(<S::Process as Process>::Timer),
    /// By a client.
    Call(usize, <S::Process as Process>::Operation),
    /// By a node: the message of this number.
    Message(NodeId, u64),
}

impl<P: Process> Happening<P> {
    /// What must be said of its choices: a step takes the first possibility anyway.
    fn needed_choices(&self) -> Vec<u32> {
        let needed = self.choices.iter().rposition(|choice| *choice != 0);
        self.choices[..needed.map_or(0, |last| last + 1)].to_vec()
    }
}

fn crash<P: Process, I: Invariants<P>>(world: &mut World<P, I>, node: NodeId) {
    world.apply_fault(&Fault::Crash {
        nodes: Nodes::one(node),
        mode: CrashMode::Lose,
        moment: CrashMoment::AtOnce,
    });
}

/// How a message that is under way is named.
fn named<S: Setting, I: Invariants<S::Process>>(
    world: &WorldOf<S, I>,
    from: NodeId,
    to: NodeId,
    number: u64,
) -> (String, usize) {
    let between = world
        .held()
        .filter(|held| (held.from, held.to) == (from, to));
    let (numbers, texts): (Vec<u64>, Vec<String>) = between
        .map(|held| (held.number, S::message_words(&held.message)))
        .unzip();
    let place = numbers.iter().position(|it| *it == number);
    let place = place.expect("what is delivered is under way");
    (texts[place].clone(), naming::which_of(place, &texts))
}

impl<S: Setting, I: Invariants<S::Process>> Director<S::Process, I> for Teller<S> {
    fn prepare(&mut self, world: &mut WorldOf<S, I>) {
        world.start_without_choice();
    }

    fn begin(&mut self, world: &mut WorldOf<S, I>) {
        world.freeze();
        world.alarm(PAUSE, 0);
    }

    fn alarm(&mut self, world: &mut WorldOf<S, I>, _token: u64) {
        self.name_sent(world, self.taken.last().copied());
        self.crash_behind(world);
        // A step that cannot choose as it did is another one: what follows shows what it is worth.
        let _ = self.script.settle(world, None);
        match self.go_on(world) {
            true => world.alarm(PAUSE, 0),
            false => self.is_over = true,
        }
    }

    fn returned(
        &mut self,
        world: &mut WorldOf<S, I>,
        invocation: InvocationId,
        outcome: <S::Process as Process>::Outcome,
    ) {
        self.script.returned(world, invocation, outcome);
    }

    fn is_over(&mut self, _world: &mut WorldOf<S, I>) -> bool {
        self.is_over
    }
}
