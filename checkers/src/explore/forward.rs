//! A world that is run forward calmly: everything that is sent arrives, and
//! nothing goes wrong any more.

use std::sync::Arc;

use snowglobe_systems::invariants::Violation;
use snowglobe_systems::process::NodeId;

use super::transition::Rules;
use super::{Action, Event, Setting, SmallWorld, State, TimerKind};

/// How many calm steps a world may take to recover.
const LONGEST_RECOVERY: usize = 4000;
/// One timer that means that somebody waited in vain fires after so many
/// rounds of those that mean that time has passed: it is longer.
const BEATS_PER_TIMEOUT: usize = 3;

/// A fair schedule from a state on: nodes come back, links are mended, every
/// message arrives, and every armed timer fires again and again, one at a time.
pub(super) struct Calm<'a, S: Setting> {
    world: &'a SmallWorld<S>,
    state: State<S>,
    taken: Vec<Action<S::Process>>,
    /// Counts the timeouts that fired; the next one is another node's.
    timeouts: usize,
    /// No timer is armed and no message under way: nothing will ever happen again.
    dead: bool,
}

impl<'a, S: Setting> Calm<'a, S> {
    pub(super) fn new(world: &'a SmallWorld<S>, state: State<S>) -> Self {
        Self {
            world,
            state,
            taken: Vec::new(),
            timeouts: 0,
            dead: false,
        }
    }

    /// The state that was reached, and what led there.
    pub(super) fn finish(self) -> (State<S>, Vec<Action<S::Process>>) {
        (self.state, self.taken)
    }

    /// Runs until this is so, or a promise is broken; not for longer than so
    /// many steps. Whether it is so.
    pub(super) fn run(&mut self, longest: usize, is_over: impl Fn(&State<S>) -> bool) -> bool {
        self.repair();
        let mut round = 0;
        loop {
            if is_over(&self.state) {
                return true;
            }
            if self.state.broken.is_some() || self.dead || self.taken.len() > longest {
                return false;
            }
            if !self.deliver_all(longest, &is_over) {
                round += 1;
                self.let_time_pass(round);
            }
        }
    }

    fn repair(&mut self) {
        for (one, other) in self.state.cut.clone() {
            self.take(Action::Mend(one, other));
        }
        for place in 0..self.state.nodes.len() {
            self.take(Action::Restart {
                node: NodeId::at(place),
                crash_after: None,
            });
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
        self.take(Action::Input {
            event: Event::Invoke { client, node },
            crash_after: None,
        })
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
            let action = Action::Input {
                event,
                crash_after: None,
            };
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
    fn let_time_pass(&mut self, round: usize) {
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
        if (beats.is_empty() || round.is_multiple_of(BEATS_PER_TIMEOUT)) && !timeouts.is_empty() {
            let (node, timer) = timeouts[self.timeouts % timeouts.len()];
            self.timeouts += 1;
            self.fire(node, timer);
        }
        self.dead = beats.is_empty() && timeouts.is_empty();
    }

    fn fire(&mut self, node: NodeId, timer: super::TimerOf<S>) {
        self.take(Action::Input {
            event: Event::Timeout { node, timer },
            crash_after: None,
        });
    }
}

impl<S: Setting> SmallWorld<S> {
    /// What is wrong if the world cannot recover from a state under one fair
    /// schedule without further faults.
    ///
    /// That is less than liveness, which speaks of all fair schedules: it finds
    /// wedges, from which nothing leads out, and livelocks that repeat under
    /// this one.
    pub(super) fn cannot_recover(&self, state: &State<S>) -> Option<Arc<Violation>> {
        self.recovery(state).0.broken
    }

    /// Runs the world forward from a state; the state where it ends, broken if
    /// it did not recover, and what led there.
    pub(super) fn recovery(&self, state: &State<S>) -> (State<S>, Vec<Action<S::Process>>) {
        let mut calm = Calm::new(self, state.clone());
        let answered = |state: &State<S>| {
            let mut clients = state.clients.iter();
            clients.all(|client| client.open.is_empty())
        };
        let is_well = |state: &State<S>| answered(state) && self.setting.is_well(state).is_ok();
        let recovered = calm.run(LONGEST_RECOVERY, is_well);
        let (mut state, taken) = calm.finish();
        if !recovered && state.broken.is_none() {
            state.broken = Some(Arc::new(self.not_recovered(&state)));
        }
        (state, taken)
    }

    /// What is missing in a state that should be well.
    pub(super) fn not_recovered(&self, state: &State<S>) -> Violation {
        let missing = match self.setting.is_well(state) {
            Err(missing) => missing,
            Ok(()) => "a call is without an answer".to_owned(),
        };
        let expected = "a world that recovers once nothing goes wrong any more";
        Violation::new(RECOVERS, [], expected, missing)
    }
}

/// The promise that a world can recover.
pub const RECOVERS: &str = "recovers";
