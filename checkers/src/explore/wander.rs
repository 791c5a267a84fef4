//! A walk without a clock: of all that may happen next something does, some kinds of
//! it more often than others.
//!
//! Where a clock runs, a message is late by some seconds at most, and a timer fires
//! when it is due. Here a message may be delivered a thousand steps after it was sent,
//! and a timer fire before anything has come: whatever a schedule can do, a walk can,
//! and soon does.

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use snowglobe_systems::digest::Digest;
use snowglobe_systems::process::NodeId;

use super::absence::Absence;
use super::counterexample::{Counterexample, Script};
use super::doubt::is_doubt;
use super::local::Cause;
use super::transition::Rules;
use super::{Action, Event, Setting, SmallWorld, State, StatesDigest, TimerKind};

/// How often what kind of thing happens, compared with the others that can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weights {
    /// A message arrives.
    pub deliver: u32,
    /// One arrives that was late already.
    pub deliver_late: u32,
    /// A timeout expires.
    pub timeout: u32,
    /// A periodic timer fires.
    pub beat: u32,
    /// A client calls.
    pub invoke: u32,
    /// A node goes down between two steps.
    pub crash: u32,
    /// A node comes back.
    pub restart: u32,
    /// Two nodes lose sight of each other, or see each other again.
    pub cut: u32,
    /// Of a hundred steps, how many are cut short by a crash.
    pub crash_inside_in_100: u32,
    /// Of a hundred messages that arrive, how many stay under way.
    pub stay_in_100: u32,
    /// Of a hundred times that something happens to one of several nodes, how often it is
    /// not the one that is passed over where that can be helped.
    pub passed_over_in_100: u32,
}

/// A walk that may be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wander {
    /// Feeds every choice.
    pub seed: u64,
    /// What it likes.
    pub weights: Weights,
    /// The node that is often passed over; by its place, if there is one.
    pub passed_over: usize,
    /// It is no longer than this.
    pub steps: usize,
}

/// What a walk draws among: things of one kind.
struct Choices<S: Setting> {
    weight: u32,
    actions: Vec<Action<S::Process>>,
}

struct Dice(ChaCha8Rng);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        (self.0.next_u64() % limit as u64) as usize
    }

    fn in_100(&mut self, share: u32) -> bool {
        self.below(100) < share as usize
    }
}

impl<S: Setting> SmallWorld<S> {
    /// Walks without a clock, and at the end lets the world recover.
    ///
    /// What is broken then is shortened to what breaks it.
    #[must_use]
    pub fn wander(&self, wander: &Wander) -> Script {
        let mut dice = Dice(ChaCha8Rng::seed_from_u64(wander.seed));
        let (mut state, mut actions) = (self.start.clone(), Vec::new());
        while actions.len() < wander.steps && state.broken.is_none() {
            let Some((action, next)) = self.next_of(&state, wander, &mut dice) else {
                break;
            };
            if next.broken.as_deref().is_some_and(is_doubt) {
                // What is too much to judge is no step that anybody can go on from.
                break;
            }
            actions.push(action);
            state = next;
        }
        if state.broken.is_none() {
            self.left_alone(&mut state);
        }
        let found = match (&state.broken, state.ahead) {
            (None, _) => {
                return Script {
                    steps: self.script(&actions),
                    reaches: StatesDigest::of(&state),
                    broken: None,
                };
            }
            (Some(_), true) => {
                let named = self.follow(&actions);
                Counterexample::ahead(self, actions, &state, &named)
            }
            (Some(_), false) => Counterexample::along(self, &self.shortened(actions)),
        };
        Script {
            steps: found.steps,
            reaches: found.reaches,
            broken: Some(found.violation),
        }
    }

    /// Whether a world recovers that nothing more happens to: with everybody, and
    /// without some.
    fn left_alone(&self, state: &mut State<S>) {
        if !self.setting.can_recover(state) {
            return;
        }
        let absence = self.absence_for(Digest::of(state));
        let broken = [Some(&Absence::NOBODY), absence]
            .into_iter()
            .flatten()
            .find_map(|absence| self.recovery(state, absence).state.broken.clone());
        if let Some(broken) = broken.filter(|broken| !is_doubt(broken)) {
            state.broken = Some(Arc::clone(&broken));
            state.ahead = true;
        }
    }

    /// Something that happens next; nothing if nothing can.
    fn next_of(
        &self,
        state: &State<S>,
        wander: &Wander,
        dice: &mut Dice,
    ) -> Option<(Action<S::Process>, State<S>)> {
        let mut choices = self.choices(state, &wander.weights);
        loop {
            let all: u64 = choices.iter().map(|kind| u64::from(kind.weight)).sum();
            if all == 0 {
                return None;
            }
            let mut place = dice.0.next_u64() % all;
            let kind = choices
                .iter_mut()
                .find(|kind| match place.checked_sub(u64::from(kind.weight)) {
                    Some(rest) => {
                        place = rest;
                        false
                    }
                    None => true,
                })
                .expect("the place is within the sum");
            let action = take_one(kind, wander, dice);
            if kind.actions.is_empty() {
                kind.weight = 0;
            }
            let action = self.varied(state, action, &wander.weights, dice);
            if let Some(next) = self.successor_under(Rules::Bounded, state, &action) {
                return Some((action, next));
            }
        }
    }

    /// All that may happen, kind by kind; steps are taken as a whole.
    fn choices(&self, state: &State<S>, weights: &Weights) -> Vec<Choices<S>> {
        let mut choices = Vec::new();
        let mut add = |weight: u32, actions: Vec<Action<S::Process>>| {
            let weight = if actions.is_empty() { 0 } else { weight };
            choices.push(Choices { weight, actions });
        };
        let up = |node: NodeId| state.process(node).is_some();
        for (late, weight) in [(false, weights.deliver), (true, weights.deliver_late)] {
            let flights = state.network.deliverable().filter(|flight| {
                flight.late == late && up(flight.to) && !state.is_cut(flight.from, flight.to)
            });
            let events = flights.map(|flight| Event::Deliver {
                from: flight.from,
                to: flight.to,
                message: flight.message.clone(),
                stays: false,
            });
            add(weight, events.map(whole).collect());
        }
        let (beats, timeouts) = self.timers(state);
        add(weights.timeout, timeouts);
        add(weights.beat, beats);
        let mut invocations = Vec::new();
        self.each_invocation(state, |event| invocations.push(whole(event)));
        add(weights.invoke, invocations);
        let nodes = || (0..state.nodes.len()).map(NodeId::at);
        if state.spent.crashes < self.setting.bounds().crashes {
            let may_crash = nodes().filter(|node| up(*node) && self.setting.may_crash(*node));
            add(weights.crash, may_crash.map(Action::Crash).collect());
        }
        let restarts = nodes()
            .filter(|node| !up(*node))
            .map(|node| Action::Restart {
                node,
                choices: Vec::new(),
                crash_after: None,
            });
        add(weights.restart, restarts.collect());
        let mut cuts = Vec::new();
        self.cuts(state, &mut cuts);
        add(weights.cut, cuts);
        choices
    }

    /// The timers that may fire: those that say that time has passed, and the others.
    #[expect(clippy::type_complexity, reason = "two lists of the same")]
    fn timers(&self, state: &State<S>) -> (Vec<Action<S::Process>>, Vec<Action<S::Process>>) {
        let mut all = (Vec::new(), Vec::new());
        self.each_timeout(state, |event, kind| match kind {
            TimerKind::Timeout => all.1.push(whole(event)),
            TimerKind::Beat | TimerKind::Due => all.0.push(whole(event)),
        });
        all
    }

    /// The same, but it may be cut short by a crash, or leave a copy of its message.
    fn varied(
        &self,
        state: &State<S>,
        action: Action<S::Process>,
        weights: &Weights,
        dice: &mut Dice,
    ) -> Action<S::Process> {
        let mut event = match action {
            Action::Input { event, .. } => event,
            Action::Restart { node, .. } => return self.restarted(state, node, dice),
            other => return other,
        };
        let bounds = self.setting.bounds();
        if let Event::Deliver { stays, .. } = &mut event {
            let may_stay = state.spent.duplicates < bounds.duplicates;
            *stays = may_stay && dice.in_100(weights.stay_in_100);
        }
        let crashes = dice.in_100(weights.crash_inside_in_100);
        let mut ways = Vec::new();
        self.with_crashes(state, event.clone(), &mut ways);
        if crashes {
            return ways.swap_remove(dice.below(ways.len()));
        }
        let is_whole = |way: &Action<_>| {
            matches!(
                way,
                Action::Input {
                    crash_after: None,
                    ..
                }
            )
        };
        ways.retain(is_whole);
        match ways.len() {
            1 => ways.swap_remove(0),
            many => ways.swap_remove(dice.below(many)),
        }
    }

    /// A node comes back, and chooses what it may at its start.
    fn restarted(&self, state: &State<S>, node: NodeId, dice: &mut Dice) -> Action<S::Process> {
        let member = &state.nodes[node.position()];
        let steps = self.alternatives(node, member, &Cause::Start);
        let place = match steps.len() {
            1 => 0,
            many => dice.below(many),
        };
        Action::Restart {
            node,
            choices: steps[place].choices.clone(),
            crash_after: None,
        }
    }
}

/// A step that is taken as a whole.
fn whole<P: snowglobe_systems::process::Process>(event: Event<P>) -> Action<P> {
    Action::Input {
        event,
        choices: Vec::new(),
        crash_after: None,
    }
}

/// Takes one of some things of a kind; another than that of the node that is passed
/// over, if there is one and the dice say so.
fn take_one<S: Setting>(
    kind: &mut Choices<S>,
    wander: &Wander,
    dice: &mut Dice,
) -> Action<S::Process> {
    let mut place = dice.below(kind.actions.len());
    let passed_over = NodeId::at(wander.passed_over);
    if dice.in_100(wander.weights.passed_over_in_100) {
        let is_other = |action: &Action<S::Process>| match action {
            Action::Input { event, .. } => event.node() != passed_over,
            _ => true,
        };
        let length = kind.actions.len();
        let other = (0..length).map(|offset| (place + offset) % length);
        let other = other
            .into_iter()
            .find(|place| is_other(&kind.actions[*place]));
        place = other.unwrap_or(place);
    }
    kind.actions.swap_remove(place)
}
