//! Lets what happened in a run happen once more in a frozen world.

use std::collections::BTreeMap;
use std::sync::Arc;

use snowglobe_checkers::explore::{Setting, Step, StepInput, naming};
use snowglobe_systems::invariants::Invariants;
use snowglobe_systems::process::{InvocationId, NodeId, Process};

use crate::faults::{CrashMoment, Fault, Nodes};
use crate::scenarios::script::{PAUSE, Script};
use crate::world::disk::CrashMode;
use crate::world::{Director, NodeEvent, NodeEventKind, Sent, World};

/// The steps of a script that is being written.
#[derive(Clone, Debug)]
pub(super) struct Written {
    /// Of each delivery, in their order: whether a copy of its message stays under way.
    stays: Vec<bool>,
    pub(super) steps: Vec<Step>,
}

/// Lets things happen in a frozen world.
#[derive(Clone, Debug)]
pub(super) struct Replayer<S: Setting> {
    /// Judges what clients are told.
    script: Script<S>,
    happened: Arc<[NodeEvent<S::Process>]>,
    /// What is to happen, and how far that has come.
    which: Vec<usize>,
    next: usize,
    pub(super) taken: Vec<usize>,
    /// By receiver, sender and name: the number of a message.
    under_way: BTreeMap<(NodeId, NodeId, Sent), u64>,
    /// The number of the newest message that has a name.
    newest: u64,
    /// The numbers of the messages that were delivered. Unless words are written, a copy of each
    /// stays under way.
    pub(super) delivered: Vec<u64>,
    pub(super) written: Option<Written>,
    /// What happened that has no words.
    pub(super) wordless: Option<String>,
    is_over: bool,
}

type WorldOf<S, I> = World<<S as Setting>::Process, I>;

impl<S: Setting> Replayer<S> {
    /// Lets those of some events happen that can. Words are written where it is said of each
    /// delivery whether a copy of its message stays under way.
    pub(super) fn new(
        setting: S,
        happened: Arc<[NodeEvent<S::Process>]>,
        which: Vec<usize>,
        stays: Option<Vec<bool>>,
    ) -> Self {
        Self {
            script: Script::of_a_run(setting, Vec::new()),
            happened,
            which,
            next: 0,
            taken: Vec::new(),
            under_way: BTreeMap::new(),
            newest: 0,
            delivered: Vec::new(),
            written: stays.map(|stays| Written {
                stays,
                steps: Vec::new(),
            }),
            wordless: None,
            is_over: false,
        }
    }

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
            let event = &happened[place];
            if let Some(step) = self.happens(world, event) {
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
        event: &NodeEvent<S::Process>,
    ) -> Option<Step> {
        let node = event.node;
        let is_up = world.process(node).is_some();
        let crash_after = event.crash_after;
        let choices = event.needed_choices();
        match &event.what {
            NodeEventKind::Crashed if is_up => {
                crash(world, node);
                return Some(Step::Crash(node));
            }
            NodeEventKind::Restarted if !is_up => {
                world.chooses(node, &choices);
                self.script.arm(world, node, crash_after);
                world.apply_fault(&Fault::Restart(Nodes::one(node)));
                return Some(Step::Restart {
                    node,
                    choices,
                    crash_after,
                });
            }
            NodeEventKind::Crashed | NodeEventKind::Restarted => return None,
            _ if !is_up => return None,
            _ => {}
        }
        let given = self.prepared(world, event)?;
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
        event: &NodeEvent<S::Process>,
    ) -> Option<Given<S>> {
        let node = event.node;
        Some(match &event.what {
            NodeEventKind::Timeout(timer) => {
                let armed = world.armed_timers(node).contains(timer);
                armed.then_some(Given::Timeout(*timer))?
            }
            NodeEventKind::Invoked(operation) => {
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
            NodeEventKind::Delivered {
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
            NodeEventKind::Crashed | NodeEventKind::Restarted => return None,
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

impl<P: Process> NodeEvent<P> {
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

impl<S: Setting, I: Invariants<S::Process>> Director<S::Process, I> for Replayer<S> {
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
            false => {
                self.is_over = true;
                self.script.ends(world);
            }
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
