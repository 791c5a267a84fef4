//! A setting that is explored: where it begins, and what may happen next.

use std::sync::atomic::{AtomicBool, Ordering};

use snowglobe_systems::digest::Digest;
use snowglobe_systems::invariants::Invariants;
use snowglobe_systems::process::{Effect, NodeId, Process};

use super::absence::Absence;
use super::canonical::Names;
use super::certificate::Known;
use super::doubt::LOOK_ONE_IN;
use super::forward::{Calm, End};
use super::local::{Cause, LocalSteps};
use super::state::{Member, MessageOf, Progress, Spent};
use super::survey::Survey;
use super::transition::{Course, Rules};
use super::{Action, ActionKind, Event, Network, Reductions, Setting, Shared, State, TimerKind};

/// A setting that is explored: where it begins, and what may happen next.
pub struct SmallWorld<S: Setting> {
    pub(super) setting: S,
    pub(super) reductions: Reductions,
    /// Where exploration begins.
    pub(super) start: State<S>,
    /// All nodes have just started, or the world is as it was found.
    booted: State<S>,
    /// What was under way then, in the order in which it was sent.
    pub(super) sent_at_boot: Vec<Sent<S>>,
    /// What led from there to where exploration begins.
    pub(super) prologue: Vec<Action<S::Process>>,
    pub(super) locals: LocalSteps<S::Process>,
    /// What is known of messages that were left out.
    pub(super) known: Known<S>,
    pub(super) names: Names<S>,
    pub(super) survey: Survey,
    /// Who may be away while it is seen whether the world can still recover.
    pub(super) absences: Vec<Absence>,
    /// From one in so many states the world is run forward, to see whether it can still recover.
    pub(super) sample_one_in: Option<u64>,
    /// After so many steps nothing more happens.
    depth: Option<u32>,
    /// A broken promise does not end a search.
    goes_on: bool,
    /// Some node had more than one possibility when it booted first, of which it took the first.
    starts_choose: bool,
    /// Nothing more is explored.
    pub(super) stopped: AtomicBool,
}

/// A message with its sender and its receiver.
pub(super) type Sent<S> = (NodeId, NodeId, Shared<MessageOf<S>>);

/// How many calm steps a setting may take until it is ready to be explored.
const LONGEST_PROLOGUE: usize = 10_000;

impl<S: Setting> SmallWorld<S> {
    /// A world in which all nodes have just started, or are ready, if the
    /// setting says when they are.
    ///
    /// # Panics
    /// If the setting is never ready, or breaks a promise before it is.
    #[must_use]
    pub fn new(setting: S, reductions: Reductions) -> Self {
        let start = Self::boot_state(&setting);
        let mut world = Self {
            names: Names::new(&setting),
            absences: Absence::all(&setting),
            setting,
            reductions,
            booted: start.clone(),
            sent_at_boot: Vec::new(),
            start,
            prologue: Vec::new(),
            locals: LocalSteps::default(),
            known: Known::default(),
            survey: Survey::new(),
            sample_one_in: None,
            depth: None,
            goes_on: false,
            starts_choose: false,
            stopped: AtomicBool::new(false),
        };
        world.boot();
        world.get_ready();
        // What happened before does not count as explored.
        world.survey = Survey::new();
        world.locals = LocalSteps::default();
        for member in &mut world.start.nodes {
            *member = world.locals.values.member(member);
        }
        world
    }

    /// A world that begins in a state that was reached elsewhere.
    #[must_use]
    pub fn beginning_in(setting: S, reductions: Reductions, start: State<S>) -> Self {
        Self {
            names: Names::new(&setting),
            absences: Absence::all(&setting),
            setting,
            reductions,
            booted: start.clone(),
            sent_at_boot: Vec::new(),
            start,
            prologue: Vec::new(),
            locals: LocalSteps::default(),
            known: Known::default(),
            survey: Survey::new(),
            sample_one_in: None,
            depth: None,
            goes_on: false,
            starts_choose: false,
            stopped: AtomicBool::new(false),
        }
    }

    /// Runs the world forward from one in so many states, to see whether it can still recover.
    #[must_use]
    pub fn sampling(mut self, one_in: Option<u64>) -> Self {
        self.sample_one_in = one_in;
        self
    }

    /// Lets nothing more happen after so many steps. A state does not tell how
    /// many led to it: only a search in the order of depth, on one thread, sees
    /// every state within them.
    #[must_use]
    pub fn within(mut self, depth: u32) -> Self {
        self.depth = Some(depth);
        self
    }

    /// Lets a search go on when a promise is broken, until it has seen everything but what lies
    /// behind states that break one: then the shortest way is told to each promise that is
    /// broken. stateright's search ends all the same.
    #[must_use]
    pub fn going_on(mut self) -> Self {
        self.goes_on = true;
        self
    }

    /// Whether a broken promise does not end a search.
    pub(super) fn goes_on(&self) -> bool {
        self.goes_on
    }

    /// Whether nodes could have booted otherwise: at its first boot a node takes the first
    /// possibility of what it chooses, and no state is seen that another one leads to.
    #[must_use]
    pub fn could_begin_otherwise(&self) -> bool {
        self.starts_choose
    }

    /// Whether any step was worked out that answers a client.
    #[must_use]
    pub fn answers(&self) -> bool {
        let is_answer = |effect: &Effect<S::Process>| matches!(effect, Effect::Return { .. });
        let steps = self.locals.all();
        steps
            .iter()
            .any(|step| step.effects.as_slice().iter().any(is_answer))
    }

    /// Keeps the shapes of all states and steps.
    #[must_use]
    pub fn surveying_shapes(mut self) -> Self {
        self.survey = Survey::with_shapes();
        self
    }

    /// The setting.
    #[must_use]
    pub fn setting(&self) -> &S {
        &self.setting
    }

    /// What was seen so far.
    #[must_use]
    pub fn survey(&self) -> &Survey {
        &self.survey
    }

    /// Where exploration begins.
    #[must_use]
    pub fn start(&self) -> State<S> {
        self.beginning()
    }

    /// How many different steps of single nodes were worked out.
    #[must_use]
    pub fn local_steps(&self) -> usize {
        self.locals.len()
    }

    /// Lets all searches of this world end soon: nothing more is explored.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Whether it was stopped.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    pub(super) fn boot_state(setting: &S) -> State<S> {
        for config in setting.configs() {
            if let Err(error) = S::Process::check(config) {
                panic!("the configurations of {} make sense: {error}", S::NAME);
            }
        }
        let member = Shared::new(Member::new());
        State {
            nodes: vec![member; setting.configs().len()],
            network: Network::new(setting.bounds().in_order),
            invariants: Shared::new(S::Invariants::default()),
            judge: Shared::new(S::Judge::default()),
            clients: vec![Progress::default(); setting.clients().len()],
            calls: 0,
            spent: Spent::default(),
            cut: Vec::new(),
            broken: None,
            ahead: false,
            depth: 0,
        }
    }

    /// Where a search begins: what is obsolete already is left out.
    pub(super) fn beginning(&self) -> State<S> {
        let mut start = self.start.clone();
        let mut course = Course::under(Rules::Search);
        for place in 0..start.nodes.len() {
            let member = start.nodes[place].clone();
            let news = self.replace(&mut course, &mut start, NodeId::at(place), member);
            self.say_nothing(&start, &news);
        }
        self.survey.tally(course.tally);
        start
    }

    /// The world right after the first boot of every node, or as it was found.
    pub(super) fn booted(&self) -> State<S> {
        self.booted.clone()
    }

    /// The first boot of every node, one after the other.
    fn boot(&mut self) {
        for place in 0..self.start.nodes.len() {
            let node = NodeId::at(place);
            let step = self.local(node, &self.start.nodes[place], Cause::Start, &[]);
            let mut chosen = step.effects.chosen().iter();
            self.starts_choose |= chosen.any(|choice| choice.of > 1);
            let mut invariants = (*self.start.invariants).clone();
            let mut next = self.start.clone();
            next.nodes[place] = Shared::new(Member {
                durable: self.start.nodes[place].durable.clone(),
                ..(*step.after).clone()
            });
            let before = &self.start.nodes[place].durable;
            let told = step.tell(&next.nodes, (node, true), before, None, &mut invariants);
            next.nodes[place] = step.after.clone();
            let told = told.map_err(|(_, violation)| violation);
            if let Err(violation) = told.and_then(|()| invariants.settled(&next, node)) {
                panic!("a world that just boots keeps its promises: {violation}");
            }
            for (_, to, message) in &step.sent {
                next.network.send(node, *to, message.clone(), false);
                self.sent_at_boot.push((node, *to, message.clone()));
            }
            next.invariants = Shared::new(invariants);
            self.start = next;
        }
        self.booted = self.start.clone();
    }

    fn get_ready(&mut self) {
        let early = self.setting.early_calls();
        if early.is_empty() && self.setting.is_ready(&self.start) {
            return;
        }
        let mut calm = Calm::new(self, self.start.clone());
        let is_well = |state: &State<S>| self.setting.is_well(state, &[]).is_ok();
        calm.repair(&Absence::NOBODY);
        for client in early {
            let well = calm.run(LONGEST_PROLOGUE, |state| {
                state.network.is_empty() && is_well(state)
            });
            let is_answered = |state: &State<S>| state.clients[client].open.is_empty();
            let called = well == End::There && calm.call(client);
            let answered = called && calm.run(LONGEST_PROLOGUE, is_answered) == End::There;
            assert!(answered, "{}: client {client} is answered", S::NAME);
        }
        let ready = calm.run(LONGEST_PROLOGUE, |state| {
            state.network.is_empty() && self.setting.is_ready(state)
        });
        assert_eq!(ready, End::There, "the setting of {} gets ready", S::NAME);
        let (mut start, prologue) = calm.finish();
        assert!(start.broken.is_none(), "{:?}", start.broken);
        start.spent = Spent::default();
        start.depth = 0;
        self.start = start;
        self.prologue = prologue;
    }

    /// Everything that may happen next, in an order that depends on the state alone.
    pub fn actions(&self, state: &State<S>, actions: &mut Vec<Action<S::Process>>) {
        if state.broken.is_some() || self.is_far(state.depth) {
            return;
        }
        self.deliveries(state, actions);
        self.timeouts(state, actions);
        self.invocations(state, actions);
        self.crashes(state, actions);
        self.cuts(state, actions);
    }

    /// Whether nothing more happens so many steps from the start.
    pub(super) fn is_far(&self, steps: u32) -> bool {
        self.depth.is_some_and(|depth| steps >= depth)
    }

    /// Every message that may arrive next.
    pub(super) fn deliveries(&self, state: &State<S>, actions: &mut Vec<Action<S::Process>>) {
        let duplicates = state.spent.duplicates < self.setting.bounds().duplicates;
        for flight in state.network.deliverable() {
            if state.process(flight.to).is_none() || state.is_cut(flight.from, flight.to) {
                continue;
            }
            for stays in [false, true] {
                if stays && !duplicates {
                    continue;
                }
                let event = Event::Deliver {
                    from: flight.from,
                    to: flight.to,
                    message: flight.message.clone(),
                    stays,
                };
                self.with_crashes(state, event, actions);
            }
        }
    }

    fn timeouts(&self, state: &State<S>, actions: &mut Vec<Action<S::Process>>) {
        self.each_timeout(state, |event, _| self.with_crashes(state, event, actions));
    }

    /// Every timer that may fire, and which budget it is taken from.
    pub(super) fn each_timeout(
        &self,
        state: &State<S>,
        mut take: impl FnMut(Event<S::Process>, TimerKind),
    ) {
        let bounds = self.setting.bounds();
        for (place, member) in state.nodes.iter().enumerate() {
            for timer in &member.armed {
                let Some(kind) = self.setting.timer_kind(*timer) else {
                    continue;
                };
                let affordable = match kind {
                    TimerKind::Timeout => state.spent.timeouts < bounds.timeouts,
                    TimerKind::Beat => state.spent.beats < bounds.beats,
                    TimerKind::Due => true,
                };
                if affordable {
                    let event = Event::Timeout {
                        node: NodeId::at(place),
                        timer: *timer,
                    };
                    take(event, kind);
                }
            }
        }
    }

    fn invocations(&self, state: &State<S>, actions: &mut Vec<Action<S::Process>>) {
        self.each_invocation(state, |event| self.with_crashes(state, event, actions));
    }

    /// Every call that may be made.
    pub(super) fn each_invocation(
        &self,
        state: &State<S>,
        mut take: impl FnMut(Event<S::Process>),
    ) {
        for (client, who) in self.setting.clients().iter().enumerate() {
            if usize::from(state.clients[client].made) == who.operations.len() {
                continue;
            }
            for node in &who.at {
                if state.process(*node).is_some() {
                    take(Event::Invoke {
                        client,
                        node: *node,
                    });
                }
            }
        }
    }

    /// A step as a whole, and with a crash between any two of its effects.
    pub(super) fn with_crashes(
        &self,
        state: &State<S>,
        event: Event<S::Process>,
        actions: &mut Vec<Action<S::Process>>,
    ) {
        let Some(cause) = self.cause_of(state, &event) else {
            // Whoever takes it finds out that it cannot be taken.
            let (choices, crash_after) = (Vec::new(), None);
            return actions.push(Action::Input {
                event,
                choices,
                crash_after,
            });
        };
        let node = event.node();
        let affordable = state.spent.crashes < self.setting.bounds().crashes;
        for step in self.alternatives(node, &state.nodes[node.position()], &cause) {
            let may_crash = affordable && step.is_within && step.panic.is_none();
            for (effects, _) in step.crashes.iter().filter(|_| may_crash) {
                actions.push(Action::Input {
                    event: event.clone(),
                    choices: step.choices.clone(),
                    crash_after: Some(*effects),
                });
            }
            actions.push(Action::Input {
                event: event.clone(),
                choices: step.choices.clone(),
                crash_after: None,
            });
        }
    }

    fn crashes(&self, state: &State<S>, actions: &mut Vec<Action<S::Process>>) {
        let affordable = state.spent.crashes < self.setting.bounds().crashes;
        for (place, member) in state.nodes.iter().enumerate() {
            let node = NodeId::at(place);
            if member.process.is_some() {
                if affordable && self.setting.may_crash(node) {
                    actions.push(Action::Crash(node));
                }
                continue;
            }
            for step in self.alternatives(node, member, &Cause::Start) {
                for (effects, _) in step.crashes.iter().filter(|_| affordable) {
                    actions.push(Action::Restart {
                        node,
                        choices: step.choices.clone(),
                        crash_after: Some(*effects),
                    });
                }
                actions.push(Action::Restart {
                    node,
                    choices: step.choices.clone(),
                    crash_after: None,
                });
            }
        }
    }

    pub(super) fn cuts(&self, state: &State<S>, actions: &mut Vec<Action<S::Process>>) {
        for (one, other) in &state.cut {
            actions.push(Action::Mend(*one, *other));
        }
        if state.spent.cuts == self.setting.bounds().cuts {
            return;
        }
        for one in 0..state.nodes.len() {
            for other in one + 1..state.nodes.len() {
                let (one, other) = (NodeId::at(one), NodeId::at(other));
                if !state.is_cut(one, other) {
                    actions.push(Action::Cut(one, other));
                    actions.push(Action::Hold(one, other));
                }
            }
        }
    }

    /// The kind of an action, for the account.
    #[must_use]
    pub fn kind(&self, action: &Action<S::Process>) -> ActionKind {
        match action {
            Action::Input {
                crash_after: Some(_),
                ..
            }
            | Action::Restart {
                crash_after: Some(_),
                ..
            } => ActionKind::CrashBetweenEffects,
            Action::Input { event, .. } => match event {
                Event::Deliver { stays: false, .. } => ActionKind::Deliver,
                Event::Deliver { stays: true, .. } => ActionKind::Duplicate,
                Event::Timeout { timer, .. } => match self.setting.timer_kind(*timer) {
                    Some(TimerKind::Timeout) => ActionKind::Timeout,
                    _ => ActionKind::Beat,
                },
                Event::Invoke { .. } => ActionKind::Invoke,
            },
            Action::Crash(_) => ActionKind::Crash,
            Action::Restart { .. } => ActionKind::Restart,
            Action::Cut(..) => ActionKind::Cut,
            Action::Hold(..) => ActionKind::Hold,
            Action::Mend(..) => ActionKind::Mend,
        }
    }

    /// What a search does with an action: the next state in its canonical form,
    /// judged also by what is looked at in a sample.
    pub(super) fn explore(
        &self,
        state: &State<S>,
        action: &Action<S::Process>,
    ) -> Option<State<S>> {
        let next = self.successor_under(Rules::Search, state, action)?;
        self.survey.action(self.kind(action));
        let mut next = self.canonical(next);
        if next.broken.is_none() {
            let digest = Digest::of(&next);
            self.look_closely(&mut next, digest);
        }
        Some(next)
    }

    /// In a sample of the states, chosen by a digest: whether names matter, and whether the
    /// world can recover from there. What is wrong is a property of the state. It is in its
    /// canonical form.
    pub(super) fn look_closely(&self, state: &mut State<S>, digest: u64) {
        state.broken = self.names_matter(state, digest);
        if state.broken.is_none()
            && let Some(one_in) = self.sample_one_in
            && digest.is_multiple_of(one_in)
            && self.setting.can_recover(state)
        {
            self.survey.sampled();
            // Who stays away is decided by the state alone: whoever tells of it has nothing else.
            state.broken = self.cannot_recover(state, Digest::of(state));
            state.ahead = state.broken.is_some();
        }
    }

    /// Whether a state is in the sample; see [`look_closely`](Self::look_closely).
    pub(super) fn is_in_sample(&self, digest: u64) -> bool {
        let recovers = self
            .sample_one_in
            .is_some_and(|one_in| digest.is_multiple_of(one_in));
        recovers || digest.is_multiple_of(LOOK_ONE_IN)
    }
}
