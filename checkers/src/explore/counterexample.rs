//! How a promise comes to be broken: the way there, as short as it gets, and as
//! a script that anybody can follow.

use snowglobe_systems::digest::Digest;
use snowglobe_systems::invariants::Violation;

use super::absence::Absence;
use super::local::Cause;
use super::naming::which_of;
use super::small_world::Sent;
use super::state::pair;
use super::transition::Rules;
use super::{Action, Event, RECOVERS, Setting, SmallWorld, State, StatesDigest, Step, StepInput};

/// How a promise comes to be broken.
#[derive(Debug)]
pub struct Counterexample<S: Setting> {
    /// Which promise, and how.
    pub violation: Violation,
    /// What happened from the first boot on, or from the world that was found, in words.
    pub steps: Vec<Step>,
    /// Where it ended.
    pub end: State<S>,
    /// What all nodes have come to at the end.
    pub reaches: StatesDigest,
}

/// What happened in words, and what it came to.
#[derive(Clone, Debug)]
pub struct Script {
    /// From the first boot on.
    pub steps: Vec<Step>,
    /// What all nodes have come to at the end.
    pub reaches: StatesDigest,
    /// The promise that is broken there, if one is.
    pub broken: Option<Violation>,
}

impl<S: Setting> Counterexample<S> {
    /// From the states that a search went through, each in its canonical form.
    pub(super) fn of(world: &SmallWorld<S>, path: &[State<S>]) -> Self {
        let (actions, own) = world.with_own_names(path);
        match path.last().filter(|last| last.ahead) {
            Some(last) => Self::ahead(world, actions, last, &own),
            None => Self::along(world, &world.shortened(actions)),
        }
    }

    /// What happened before the world was run forward from a state without recovering;
    /// `named` is that state under the names that the nodes had at the beginning.
    pub(super) fn ahead(
        world: &SmallWorld<S>,
        before: Vec<Action<S::Process>>,
        found: &State<S>,
        named: &State<S>,
    ) -> Self {
        let mut last = found.clone();
        (last.broken, last.ahead) = (None, false);
        let tries = [Some(&Absence::NOBODY), world.absence_for(Digest::of(&last))];
        let mut tries = tries.into_iter().flatten();
        let forward = tries.find_map(|absence| {
            let forward = world.recovery(&last, absence);
            let broken = forward.state.broken.clone()?;
            Some((absence, forward.taken, broken))
        });
        let (absence, taken, broken) = forward.expect("what does not recover does not again");
        let absence = world.absence_under_own_names(named, absence);
        let mut actions = before;
        let own = world.follow(&actions);
        if broken.property != RECOVERS {
            actions.extend(world.under_own_names(named, taken));
            return Self::along(world, &world.shortened(actions));
        }
        let is_stuck = |state: &State<S>| {
            let broken = world.recovery(state, &absence).state.broken;
            let broken = broken.filter(|broken| broken.property == RECOVERS);
            broken.filter(|_| world.setting.can_recover(state))
        };
        // The order in which things happen on the way forward is that of names.
        let (taken, broken) = match is_stuck(&own) {
            None => (world.under_own_names(named, taken), broken),
            Some(broken) => {
                actions = world.shortened_while(actions, |state| is_stuck(state).is_some());
                let forward = world.recovery(&world.follow(&actions), &absence);
                (forward.taken, forward.state.broken.unwrap_or(broken))
            }
        };
        let mut told = taken.into_iter();
        actions.extend(told.by_ref().take(LONGEST_TOLD));
        // All may be well for an instant, between two timers that fire at once.
        while world
            .what_is_missing(&world.follow(&actions), &absence)
            .is_none()
            && let Some(next) = told.next()
        {
            actions.push(next);
        }
        let end = world.follow(&actions);
        let mut steps = world.script(&actions);
        let violation = Violation::new(RECOVERS, [], absence.expectation(), broken.found.clone());
        steps.push(Step::DemandRecovery {
            without: absence.nodes,
        });
        Self {
            violation,
            steps,
            reaches: StatesDigest::of(&end),
            end,
        }
    }

    /// From what happened, in the order in which it did, until a promise was broken.
    pub(super) fn along(world: &SmallWorld<S>, actions: &[Action<S::Process>]) -> Self {
        let end = world.follow(actions);
        let violation = end.broken.as_deref().expect("a promise is broken there");
        Self {
            violation: violation.clone(),
            steps: world.script(actions),
            reaches: StatesDigest::of(&end),
            end,
        }
    }
}

/// Of more actions than this, several are left out at once first.
const MANY: usize = 100;

/// How much is told of a run forward that ends nowhere.
const LONGEST_TOLD: usize = 100;

/// Whether a state is what a search found, but for two things that only it can
/// tell: the words of a violation, which speak of nodes under the names that they
/// had on its way, and what is broken ahead.
fn stands_for<S: Setting>(mut state: State<S>, found: &State<S>) -> bool {
    let property = |state: &State<S>| state.broken.as_ref().map(|broken| broken.property);
    let alike = match found.ahead {
        true => state.broken.is_none(),
        false => property(&state) == property(found),
    };
    state.broken.clone_from(&found.broken);
    state.ahead = found.ahead;
    alike && state == *found
}

impl<S: Setting> SmallWorld<S> {
    /// The actions that lead through these states, under the names that the
    /// nodes had at the beginning, and the last state under these.
    fn with_own_names(&self, path: &[State<S>]) -> (Vec<Action<S::Process>>, State<S>) {
        let mut state = self.beginning();
        let mut taken = Vec::new();
        for target in &path[1..] {
            let mut actions = Vec::new();
            self.actions(&state, &mut actions);
            let found = actions.into_iter().find_map(|action| {
                let next = self.successor(&state, &action)?;
                let canonical = self.canonical(next.clone());
                stands_for(canonical, target).then_some((action, next))
            });
            let (action, next) = found.expect("each state follows the one before it");
            taken.push(action);
            state = next;
        }
        (taken, state)
    }

    /// Where it begins, for whoever follows what a search found: whatever is under way
    /// may arrive next. On links that keep the order the search has lost or left out what
    /// stood before it; here it is still there.
    fn loose(mut state: State<S>) -> State<S> {
        state.network = state.network.loose();
        state
    }

    /// The state after some actions; those that cannot be taken are left out.
    pub(super) fn follow(&self, actions: &[Action<S::Process>]) -> State<S> {
        let mut state = Self::loose(self.start.clone());
        for action in actions {
            if let Some(next) = self.successor_under(Rules::Unbounded, &state, action) {
                state = next;
            }
        }
        state
    }

    /// Leaves out what the violation does not need.
    pub(super) fn shortened(&self, actions: Vec<Action<S::Process>>) -> Vec<Action<S::Process>> {
        let property = |state: &State<S>| state.broken.as_ref().map(|broken| broken.property);
        let broken = property(&self.follow(&actions));
        self.shortened_while(actions, |state| property(state) == broken)
    }

    /// Leaves out what it does not need that a state has some quality.
    fn shortened_while(
        &self,
        actions: Vec<Action<S::Process>>,
        is_so: impl Fn(&State<S>) -> bool,
    ) -> Vec<Action<S::Process>> {
        let mut shortest = actions;
        let mut at_once = match shortest.len() {
            0..=MANY => 1,
            many => many / 2,
        };
        while at_once > 0 {
            let mut place = shortest.len();
            while place > 0 {
                let end = place;
                place = place.saturating_sub(at_once);
                let mut fewer = shortest.clone();
                fewer.drain(place..end);
                let (state, taken) = self.try_to_follow(&fewer);
                if is_so(&state) {
                    shortest = taken;
                    place = place.min(shortest.len());
                }
            }
            at_once /= 2;
        }
        shortest
    }

    /// The state after those of some actions that can be taken, and these.
    fn try_to_follow(&self, actions: &[Action<S::Process>]) -> (State<S>, Vec<Action<S::Process>>) {
        let mut state = Self::loose(self.start.clone());
        let mut taken = Vec::new();
        for action in actions {
            if let Some(next) = self.successor_under(Rules::Unbounded, &state, action) {
                state = next;
                taken.push(action.clone());
            }
        }
        (state, taken)
    }

    /// What happened, from the first boot on, as steps that name messages by
    /// their words.
    pub(super) fn script(&self, actions: &[Action<S::Process>]) -> Vec<Step> {
        let mut scribe = Scribe {
            world: self,
            state: Self::loose(self.booted()),
            under_way: self.sent_at_boot.clone(),
        };
        let all = self.prologue.iter().chain(actions);
        all.filter_map(|action| scribe.write(action)).collect()
    }

    /// An action in words, as somebody reads it who looks at one state.
    pub fn words(&self, action: &Action<S::Process>) -> String {
        let step = |input, choices: &[u32], crash_after: &Option<usize>| {
            Step::Input {
                input,
                choices: choices.to_vec(),
                crash_after: *crash_after,
            }
            .to_string()
        };
        match action {
            Action::Input {
                event,
                choices,
                crash_after,
            } => match event {
                Event::Invoke { client, node } => {
                    let crash = Step::Restart {
                        node: *node,
                        choices: choices.clone(),
                        crash_after: *crash_after,
                    };
                    let crash = crash.to_string().replacen("restart", "invoke", 1);
                    format!("client {client}: {crash}")
                }
                Event::Deliver {
                    from,
                    to,
                    message,
                    stays,
                } => {
                    let input = StepInput::Deliver {
                        from: *from,
                        to: *to,
                        message: S::message_words(message),
                        which: 1,
                        stays: *stays,
                    };
                    step(input, choices, crash_after)
                }
                Event::Timeout { node, timer } => {
                    let timer = S::timer_words(*timer);
                    let input = StepInput::Timeout { node: *node, timer };
                    step(input, choices, crash_after)
                }
            },
            Action::Crash(node) => Step::Crash(*node).to_string(),
            Action::Restart {
                node,
                choices,
                crash_after,
            } => Step::Restart {
                node: *node,
                choices: choices.clone(),
                crash_after: *crash_after,
            }
            .to_string(),
            Action::Cut(one, other) => Step::Cut(*one, *other).to_string(),
            Action::Hold(one, other) => Step::Hold(*one, *other).to_string(),
            Action::Mend(one, other) => Step::Mend(*one, *other).to_string(),
        }
    }
}

/// Writes down what happens. It keeps all messages in the order of their
/// sending, also those that exploration has let go, because a script names a
/// message by its words and by its place among those that begin alike.
struct Scribe<'a, S: Setting> {
    world: &'a SmallWorld<S>,
    state: State<S>,
    under_way: Vec<Sent<S>>,
}

impl<S: Setting> Scribe<'_, S> {
    /// The words of an action, if it can be taken.
    fn write(&mut self, action: &Action<S::Process>) -> Option<Step> {
        let before = self.state.clone();
        let next = self
            .world
            .successor_under(Rules::Unbounded, &before, action)?;
        let step = self.name(&before, action);
        if let Action::Cut(one, other) = action {
            self.under_way
                .retain(|(from, to, _)| pair(*from, *to) != pair(*one, *other));
        }
        self.note_sent(&before, action);
        self.state = next;
        Some(step)
    }

    fn name(&mut self, before: &State<S>, action: &Action<S::Process>) -> Step {
        match action {
            Action::Input {
                event,
                choices,
                crash_after,
            } => Step::Input {
                input: self.name_event(before, event),
                choices: choices.clone(),
                crash_after: *crash_after,
            },
            Action::Crash(node) => Step::Crash(*node),
            Action::Restart {
                node,
                choices,
                crash_after,
            } => Step::Restart {
                node: *node,
                choices: choices.clone(),
                crash_after: *crash_after,
            },
            Action::Cut(one, other) => Step::Cut(*one, *other),
            Action::Hold(one, other) => Step::Hold(*one, *other),
            Action::Mend(one, other) => Step::Mend(*one, *other),
        }
    }

    fn name_event(&mut self, before: &State<S>, event: &Event<S::Process>) -> StepInput {
        let setting = &self.world.setting;
        match event {
            Event::Timeout { node, timer } => StepInput::Timeout {
                node: *node,
                timer: S::timer_words(*timer),
            },
            Event::Invoke { client, node } => {
                let made = usize::from(before.clients[*client].made);
                let operation = &setting.clients()[*client].operations[made];
                StepInput::Invoke {
                    node: *node,
                    operation: S::operation_words(operation),
                }
            }
            Event::Deliver {
                from,
                to,
                message,
                stays,
            } => {
                let words = S::message_words(message);
                let between = |place: &usize| {
                    let (its_from, its_to, _) = &self.under_way[*place];
                    (its_from, its_to) == (from, to)
                };
                let places: Vec<usize> = (0..self.under_way.len()).filter(between).collect();
                let all: Vec<String> = places
                    .iter()
                    .map(|place| S::message_words(&self.under_way[*place].2))
                    .collect();
                let same = |place: &usize| self.under_way[*place].2 == *message;
                let place = places.iter().position(same).expect("what arrives was sent");
                if !stays {
                    self.under_way.remove(places[place]);
                }
                StepInput::Deliver {
                    from: *from,
                    to: *to,
                    message: words,
                    which: which_of(place, &all),
                    stays: *stays,
                }
            }
        }
    }

    /// Notes what the step sends, whatever becomes of it.
    fn note_sent(&mut self, before: &State<S>, action: &Action<S::Process>) {
        let (node, step, crash_after) = match action {
            Action::Input {
                event,
                choices,
                crash_after,
            } => {
                let Some(step) = self.world.local_of(before, event, choices) else {
                    return;
                };
                (event.node(), step, *crash_after)
            }
            Action::Restart {
                node,
                choices,
                crash_after,
            } => {
                let member = &before.nodes[node.position()];
                let step = self.world.local(*node, member, Cause::Start, choices);
                (*node, step, *crash_after)
            }
            Action::Crash(_) | Action::Cut(..) | Action::Hold(..) | Action::Mend(..) => return,
        };
        let executed = crash_after.unwrap_or(usize::MAX);
        for (place, to, message) in &step.sent {
            if *place < executed && !before.is_cut(node, *to) {
                self.under_way.push((node, *to, message.clone()));
            }
        }
    }
}

impl<S: Setting> Clone for Counterexample<S> {
    fn clone(&self) -> Self {
        Self {
            violation: self.violation.clone(),
            steps: self.steps.clone(),
            end: self.end.clone(),
            reaches: self.reaches,
        }
    }
}
