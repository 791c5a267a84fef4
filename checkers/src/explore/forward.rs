//! A world that is run forward calmly: everything that is sent arrives, and
//! nothing goes wrong any more.

use std::sync::Arc;

use snowglobe_systems::invariants::Violation;
use snowglobe_systems::process::NodeId;
use snowglobe_systems::vec_set::VecSet;

use super::absence::Absence;
use super::transition::Rules;
use super::{Action, Event, Setting, SmallWorld, State, TimerKind, TimerOf};

/// How many calm steps a world may take to recover.
const LONGEST_RECOVERY: usize = 4000;
/// A timeout expires after this many rounds of periodic timers: it is longer.
const BEATS_PER_TIMEOUT: usize = 3;

/// A fair schedule from a state on: nodes come back, links are mended, every
/// message arrives, and every armed timer fires again and again, one at a time.
pub(super) struct Calm<'a, S: Setting> {
    world: &'a SmallWorld<S>,
    state: State<S>,
    taken: Vec<Action<S::Process>>,
    /// How often time has passed.
    round: usize,
    /// The long timer that fired last; the next one behind it is next.
    last: Option<(NodeId, TimerOf<S>)>,
    seen: Option<Seen<S>>,
}

/// An instant that the run may come back to.
struct Seen<S: Setting> {
    state: State<S>,
    phase: usize,
    last: Option<(NodeId, TimerOf<S>)>,
    /// After so many rounds a later one takes its place: twice as many as before.
    until: usize,
}

/// Why a calm run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It came to where it was to come.
    There,
    /// A promise is broken.
    Broken,
    /// No timer is armed and no message under way: nothing will ever happen again.
    Dead,
    /// It came to a state for the second time, with the same timers to come: so it
    /// will again and again.
    Circles,
    /// It was not there after as many steps as it may take.
    TooLong,
}

impl<'a, S: Setting> Calm<'a, S> {
    pub(super) fn new(world: &'a SmallWorld<S>, state: State<S>) -> Self {
        Self {
            world,
            state,
            taken: Vec::new(),
            round: 0,
            last: None,
            seen: None,
        }
    }

    /// The state that was reached, and what led there.
    pub(super) fn finish(self) -> (State<S>, Vec<Action<S::Process>>) {
        (self.state, self.taken)
    }

    /// Runs until this is so, or a promise is broken; not for longer than so
    /// many steps.
    pub(super) fn run(&mut self, longest: usize, is_over: impl Fn(&State<S>) -> bool) -> End {
        self.seen = None;
        loop {
            if is_over(&self.state) {
                return End::There;
            }
            if self.state.broken.is_some() {
                return End::Broken;
            }
            if self.taken.len() > longest {
                return End::TooLong;
            }
            if self.deliver_all(longest, &is_over) {
                continue;
            }
            if self.has_been_here() {
                return End::Circles;
            }
            if !self.let_time_pass() {
                return End::Dead;
            }
        }
    }

    /// Mends links and starts nodes, but for those who stay away.
    pub(super) fn repair(&mut self, absence: &Absence) {
        for (one, other) in self.state.cut.clone() {
            self.take(Action::Mend(one, other));
        }
        let nodes = || (0..self.state.nodes.len()).map(NodeId::at);
        let (away, there): (VecSet<NodeId>, Vec<NodeId>) = {
            let there = nodes().filter(|node| !absence.has(*node));
            (absence.nodes.iter().copied().collect(), there.collect())
        };
        let starts = nodes().filter(|node| !absence.are_down || !away.contains(node));
        for node in starts.collect::<Vec<_>>() {
            self.take(Action::Restart {
                node,
                choices: Vec::new(),
                crash_after: None,
            });
        }
        for node in away {
            if absence.are_down {
                self.take(Action::Crash(node));
                continue;
            }
            for other in &there {
                self.take(Action::Cut(node, *other));
            }
        }
    }

    fn take(&mut self, action: Action<S::Process>) -> bool {
        match self
            .world
            .successor_under(Rules::Unbounded, &self.state, &action)
        {
            Some(next) => {
                self.state = next;
                self.taken.push(action);
                true
            }
            None => false,
        }
    }

    /// A client asks the first node that it may call for its next operation.
    pub(super) fn call(&mut self, client: usize) -> bool {
        let node = self.world.setting.clients()[client].at[0];
        let action = self.choosing(Event::Invoke { client, node });
        self.take(action)
    }

    /// Delivers what is under way now. Whether anything was.
    fn deliver_all(&mut self, longest: usize, is_over: &impl Fn(&State<S>) -> bool) -> bool {
        let flights = self.state.network.flights().to_vec();
        let mut delivered = false;
        for flight in flights {
            if self.taken.len() > longest || is_over(&self.state) {
                return true;
            }
            let event = Event::Deliver {
                from: flight.from,
                to: flight.to,
                message: flight.message.clone(),
                stays: false,
            };
            let action = self.choosing(event);
            if self.take(action) {
                delivered = true;
            } else {
                // It changes nothing, so it is as well out of the way.
                let network = &mut self.state.network;
                network.take(flight.from, flight.to, &flight.message);
            }
        }
        delivered
    }

    /// All timers of the short kind fire; now and then one of the long kind.
    /// Whether any was armed.
    fn let_time_pass(&mut self) -> bool {
        self.round += 1;
        let armed: Vec<_> = (0..self.state.nodes.len())
            .flat_map(|place| {
                let armed = self.state.nodes[place].armed.iter();
                armed.map(move |timer| (NodeId::at(place), *timer))
            })
            .collect();
        let kind = |timer| self.world.setting.timer_kind(timer);
        let of_kind = |wanted: &[TimerKind]| {
            let all = armed.iter().copied();
            all.filter(|(_, timer)| kind(*timer).is_some_and(|kind| wanted.contains(&kind)))
                .collect::<Vec<_>>()
        };
        let beats = of_kind(&[TimerKind::Beat, TimerKind::Due]);
        let timeouts = of_kind(&[TimerKind::Timeout]);
        for (node, timer) in &beats {
            self.fire(*node, *timer);
        }
        let is_time = beats.is_empty() || self.round.is_multiple_of(BEATS_PER_TIMEOUT);
        if is_time && let Some(first) = timeouts.first() {
            let is_next =
                |timer: &&(NodeId, TimerOf<S>)| self.last.is_none_or(|last| **timer > last);
            let (node, timer) = *timeouts.iter().find(is_next).unwrap_or(first);
            self.last = Some((node, timer));
            self.fire(node, timer);
        }
        !(beats.is_empty() && timeouts.is_empty())
    }

    fn fire(&mut self, node: NodeId, timer: TimerOf<S>) {
        let action = self.choosing(Event::Timeout { node, timer });
        self.take(action);
    }

    /// A step that chooses, if it does, otherwise than those before: to whom always the same
    /// happens is not treated fairly.
    fn choosing(&self, event: Event<S::Process>) -> Action<S::Process> {
        let node = event.node();
        let member = &self.state.nodes[node.position()];
        let choices = match self.world.cause_of(&self.state, &event) {
            None => Vec::new(),
            Some(cause) => {
                let steps = self.world.alternatives(node, member, &cause);
                steps[self.taken.len() % steps.len()].choices.clone()
            }
        };
        Action::Input {
            event,
            choices,
            crash_after: None,
        }
    }

    /// Whether all is as it was when time passed at some instant before, so that
    /// the same will follow. What was spent does not matter to a calm run.
    fn has_been_here(&mut self) -> bool {
        let phase = self.round % BEATS_PER_TIMEOUT;
        if let Some(seen) = &mut self.seen {
            seen.state.spent = self.state.spent;
            if (seen.phase, seen.last) == (phase, self.last) && seen.state == self.state {
                return true;
            }
            if self.round < seen.until {
                return false;
            }
        }
        self.seen = Some(Seen {
            state: self.state.clone(),
            phase,
            last: self.last,
            until: 2 * self.round.max(1),
        });
        false
    }
}

/// Where a calm run led that was to end well.
pub(super) struct Forward<S: Setting> {
    /// The last state; broken if the world did not recover.
    pub(super) state: State<S>,
    pub(super) taken: Vec<Action<S::Process>>,
}

impl<S: Setting> SmallWorld<S> {
    /// What is wrong if the world cannot recover from a state under one fair
    /// schedule without further faults; nor, under another, while some stay away
    /// whom it must do without. Who stays away from which state is all the same every time.
    ///
    /// That is less than liveness, which speaks of all fair schedules: it finds
    /// wedges, from which nothing leads out, and livelocks that repeat under
    /// this one.
    pub(super) fn cannot_recover(&self, state: &State<S>, digest: u64) -> Option<Arc<Violation>> {
        let tries = [Some(&Absence::NOBODY), self.absence_for(digest)];
        let mut broken = tries
            .into_iter()
            .flatten()
            .map(|absence| self.recovery(state, absence).state.broken);
        broken.find_map(|broken| broken)
    }

    /// Runs the world forward from a state.
    pub(super) fn recovery(&self, state: &State<S>, absence: &Absence) -> Forward<S> {
        let mut calm = Calm::new(self, state.clone());
        calm.repair(absence);
        let is_well = |state: &State<S>| self.what_is_missing(state, absence).is_none();
        let end = calm.run(LONGEST_RECOVERY, is_well);
        let (mut state, taken) = calm.finish();
        if end != End::There && state.broken.is_none() {
            state.broken = Some(Arc::new(self.not_recovered(&state, absence, end)));
        }
        Forward { state, taken }
    }

    /// What is missing in a state that should be well without some.
    pub(super) fn what_is_missing(&self, state: &State<S>, absence: &Absence) -> Option<String> {
        let mut open = state.clients.iter().flat_map(|client| &client.open);
        if let Some((invocation, _)) = open.find(|(_, node)| !absence.has(*node)) {
            return Some(format!("{invocation} is without an answer"));
        }
        self.setting.is_well(state, &absence.nodes).err()
    }

    fn not_recovered(&self, state: &State<S>, absence: &Absence, end: End) -> Violation {
        let missing = self.what_is_missing(state, absence);
        let missing = missing.unwrap_or_else(|| "nothing".to_owned());
        let found = match end {
            End::Dead => format!("{missing}, and nothing more will happen"),
            End::Circles => format!("{missing}, and the same happens again and again"),
            _ => format!("{missing} after {LONGEST_RECOVERY} steps"),
        };
        Violation::new(RECOVERS, [], absence.expectation(), found)
    }
}

/// The promise that a world can recover.
pub const RECOVERS: &str = "recovers";
