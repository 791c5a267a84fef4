//! What becomes of a small world when something happens.

use std::sync::Arc;

use snowglobe_systems::invariants::{Invariants, Violation};
use snowglobe_systems::process::{Choice, Effect, InvocationId, NodeId, Process};

use super::left_out::News;
use super::local::{Cause, LocalStep};
use super::network::Fate;
use super::state::{Member, pair};
use super::survey::Tally;
use super::{Action, Event, Setting, Shared, SmallWorld, State, TimerKind};

/// What limits what may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rules {
    /// What a budget does not allow does not happen, and what the reductions leave
    /// out does not either. Only a whole search knows what it may leave out.
    Search,
    /// What a budget does not allow does not happen.
    Bounded,
    /// Everything may happen, as often as it likes, and nothing is lost.
    Unbounded,
}

/// The most outcomes that the choices of one step may have.
const MOST_ALTERNATIVES: usize = 256;

/// How a step is taken.
pub(super) struct Course {
    /// What limits it.
    pub(super) rules: Rules,
    /// What it counts beside itself.
    pub(super) tally: Tally,
}

impl Course {
    pub(super) fn under(rules: Rules) -> Self {
        let tally = Tally::default();
        Self { rules, tally }
    }
}

impl<S: Setting> SmallWorld<S> {
    /// The world after something happened; `None` where it cannot happen, or
    /// where a reduction leaves it out.
    pub fn successor(&self, state: &State<S>, action: &Action<S::Process>) -> Option<State<S>> {
        self.successor_under(Rules::Search, state, action)
    }

    pub(super) fn successor_under(
        &self,
        rules: Rules,
        state: &State<S>,
        action: &Action<S::Process>,
    ) -> Option<State<S>> {
        let mut course = Course::under(rules);
        let next = self.counted_successor(&mut course, state, action);
        self.survey.tally(course.tally);
        next
    }

    /// As [`successor_under`](Self::successor_under); what the step counts is left in `course`.
    pub(super) fn counted_successor(
        &self,
        course: &mut Course,
        state: &State<S>,
        action: &Action<S::Process>,
    ) -> Option<State<S>> {
        let rules = course.rules;
        if state.broken.is_some() || (rules != Rules::Unbounded && !self.affords(state, action)) {
            return None;
        }
        let mut next = state.clone();
        next.depth += 1;
        match action {
            Action::Input {
                event,
                choices,
                crash_after,
            } => {
                self.input(course, state, &mut next, event, (choices, *crash_after))?;
            }
            Action::Restart {
                node,
                choices,
                crash_after,
            } => {
                let member = &state.nodes[node.position()];
                if member.process.is_some() {
                    return None;
                }
                let step = self.local(*node, member, Cause::Start, choices);
                let taken = Taken {
                    node: *node,
                    step: &step,
                    crash_after: *crash_after,
                    armed: Vec::new(),
                    restarts: true,
                };
                self.execute(course, &mut next, &taken)?;
            }
            Action::Crash(node) => {
                let member = &state.nodes[node.position()];
                member.process.as_ref()?;
                next.spent.crashes = next.spent.crashes.saturating_add(1);
                let step = self.local(*node, member, Cause::Crash, &[]);
                if rules != Rules::Unbounded {
                    step.take(None);
                }
                let news = self.replace(course, &mut next, *node, step.after.clone());
                self.forget_crashed(&mut next, *node, &[]);
                self.abandon_calls(&mut next, *node);
                self.say_nothing(&next, &news);
            }
            Action::Cut(one, other) => {
                next.hold(*one, *other)?;
                let ends = pair(*one, *other);
                next.network
                    .retain(|flight| pair(flight.from, flight.to) != ends);
            }
            Action::Hold(one, other) => next.hold(*one, *other)?,
            Action::Mend(one, other) => {
                let place = next.cut.binary_search(&pair(*one, *other)).ok()?;
                next.cut.remove(place);
            }
        }
        Some(next)
    }

    /// Whether what is left of the budgets is enough.
    fn affords(&self, state: &State<S>, action: &Action<S::Process>) -> bool {
        let bounds = self.setting.bounds();
        let spent = &state.spent;
        let crash =
            |crash_after: &Option<usize>| crash_after.is_none() || spent.crashes < bounds.crashes;
        match action {
            Action::Input {
                event, crash_after, ..
            } => {
                let event = match event {
                    Event::Deliver { stays, .. } => !stays || spent.duplicates < bounds.duplicates,
                    Event::Timeout { timer, .. } => match self.setting.timer_kind(*timer) {
                        Some(TimerKind::Timeout) => spent.timeouts < bounds.timeouts,
                        Some(TimerKind::Beat) => spent.beats < bounds.beats,
                        Some(TimerKind::Due) => true,
                        None => false,
                    },
                    Event::Invoke { .. } => true,
                };
                event && crash(crash_after)
            }
            Action::Crash(node) => self.setting.may_crash(*node) && spent.crashes < bounds.crashes,
            Action::Restart { crash_after, .. } => crash(crash_after),
            Action::Cut(..) | Action::Hold(..) => spent.cuts < bounds.cuts,
            Action::Mend(..) => true,
        }
    }

    /// A node takes a step.
    fn input(
        &self,
        course: &mut Course,
        state: &State<S>,
        next: &mut State<S>,
        event: &Event<S::Process>,
        (choices, crash_after): (&[u32], Option<usize>),
    ) -> Option<()> {
        let node = event.node();
        let member = &state.nodes[node.position()];
        member.process.as_ref()?;
        let step = self.local_of(state, event, choices)?;
        let mut armed = member.armed.clone();
        match event {
            Event::Deliver {
                from,
                to,
                message,
                stays,
            } => {
                if *stays {
                    next.spent.duplicates = next.spent.duplicates.saturating_add(1);
                } else {
                    next.network.take(*from, *to, message);
                }
            }
            Event::Timeout { timer, .. } => {
                armed.retain(|other| other != timer);
                match self.setting.timer_kind(*timer) {
                    Some(TimerKind::Timeout) => {
                        next.spent.timeouts = next.spent.timeouts.saturating_add(1);
                    }
                    Some(TimerKind::Beat) => {
                        next.spent.beats = next.spent.beats.saturating_add(1);
                    }
                    Some(TimerKind::Due) | None => {}
                }
            }
            Event::Invoke { client, .. } => self.called(next, *client, node),
        }
        if self.passes_over(course, state, event, &step) {
            return None;
        }
        let taken = Taken {
            node,
            step: &step,
            crash_after,
            armed,
            restarts: false,
        };
        self.execute(course, next, &taken)
    }

    /// The step that a node takes and that chooses so, if it can be taken now.
    pub(super) fn local_of(
        &self,
        state: &State<S>,
        event: &Event<S::Process>,
        choices: &[u32],
    ) -> Option<Arc<LocalStep<S::Process>>> {
        let node = event.node();
        let member = &state.nodes[node.position()];
        let cause = self.cause_of(state, event)?;
        Some(self.local(node, member, cause, choices))
    }

    /// What makes a node take a step, if it can be taken now.
    pub(super) fn cause_of(
        &self,
        state: &State<S>,
        event: &Event<S::Process>,
    ) -> Option<Cause<S::Process>> {
        let member = &state.nodes[event.node().position()];
        Some(match event {
            Event::Deliver {
                from, to, message, ..
            } => {
                if state.is_cut(*from, *to) || !state.network.holds(*from, *to, message) {
                    return None;
                }
                Cause::Receive(*from, message.clone())
            }
            Event::Timeout { timer, .. } => {
                member.armed.binary_search(timer).ok()?;
                Cause::Timeout(*timer)
            }
            Event::Invoke { client, .. } => {
                let who = &self.setting.clients()[*client];
                let progress = &state.clients[*client];
                let operation = who.operations.get(usize::from(progress.made))?;
                if progress.gave_up || (who.waits && !progress.open.is_empty()) {
                    return None;
                }
                let invocation = InvocationId(state.calls + 1);
                Cause::Invoke(invocation, operation.clone())
            }
        })
    }

    pub(super) fn local(
        &self,
        node: NodeId,
        member: &Shared<Member<S::Process>>,
        cause: Cause<S::Process>,
        choices: &[u32],
    ) -> Arc<LocalStep<S::Process>> {
        self.locals.get(&self.setting, node, member, cause, choices)
    }

    /// All steps that a node may take for one cause: they differ in what they choose.
    ///
    /// # Panics
    /// If there are more than anybody will explore.
    pub(super) fn alternatives(
        &self,
        node: NodeId,
        member: &Shared<Member<S::Process>>,
        cause: &Cause<S::Process>,
    ) -> Vec<Arc<LocalStep<S::Process>>> {
        let mut all = vec![self.local(node, member, cause.clone(), &[])];
        let mut last = all[0].effects.chosen();
        while let Some(choices) = Choice::following(last) {
            assert!(
                all.len() < MOST_ALTERNATIVES,
                "choices-are-few: one step of {node} has more than {MOST_ALTERNATIVES} outcomes"
            );
            all.push(self.local(node, member, cause.clone(), &choices));
            last = all[all.len() - 1].effects.chosen();
        }
        all
    }

    /// Counts the marks of a step that was not seen before.
    pub(super) fn count_marks(&self, step: &LocalStep<S::Process>) {
        for effect in step.effects.as_slice() {
            if let Effect::Mark(mark) = effect {
                self.survey.mark(mark);
            }
        }
    }

    fn called(&self, next: &mut State<S>, client: usize, node: NodeId) {
        let progress = &mut next.clients[client];
        let operation = &self.setting.clients()[client].operations[usize::from(progress.made)];
        next.calls += 1;
        progress.made += 1;
        progress.open.push((InvocationId(next.calls), node));
        let mut judge = (*next.judge).clone();
        self.setting.called(&mut judge, client, operation);
        next.judge = Shared::new(judge);
    }

    /// A node goes down, and with it the calls that it was to answer. Calls that
    /// were open when the world was found belong to nobody whom the setting knows.
    fn abandon_calls(&self, next: &mut State<S>, node: NodeId) {
        for client in 0..next.clients.len() {
            let progress = &mut next.clients[client];
            let before = progress.open.len();
            progress.open.retain(|(_, asked)| *asked != node);
            if progress.open.len() < before {
                progress.gave_up = true;
                if client >= self.setting.clients().len() {
                    continue;
                }
                let mut judge = (*next.judge).clone();
                self.setting.abandoned(&mut judge, client);
                next.judge = Shared::new(judge);
            }
        }
    }

    /// Shows the step to the invariants and executes its effects, in the order
    /// and with the looks that the simulated world has. `None` where the setting
    /// does not let the node go there.
    fn execute(
        &self,
        course: &mut Course,
        next: &mut State<S>,
        taken: &Taken<'_, S::Process>,
    ) -> Option<()> {
        let Taken {
            node,
            step,
            crash_after,
            restarts,
            ..
        } = *taken;
        let rules = course.rules;
        if let Some(message) = &step.panic {
            let found = message.clone();
            let violation = Violation::new("no-panic", [node], "a process that goes on", found);
            self.breaks_before(next, taken, violation);
            return Some(());
        }
        if rules != Rules::Unbounded && !step.is_within {
            course.tally.beyond += 1;
            return None;
        }
        if rules != Rules::Unbounded {
            if step.is_news() {
                self.count_marks(step);
            }
            let crash = |effects| step.crashes.iter().position(|(place, _)| *place == effects);
            step.take(crash_after.and_then(crash));
        }
        // On a way that is being shortened the same input may have fewer effects.
        if crash_after.is_some_and(|effects| effects > step.effects.as_slice().len()) {
            return None;
        }
        let mut invariants = (*next.invariants).clone();
        let before = next.nodes[node.position()].clone();
        let told = step.tell(
            &next.nodes,
            (node, restarts),
            &before.durable,
            crash_after,
            &mut invariants,
        );
        if let Err((executed, violation)) = told {
            let member = step.member_after(&before.durable, &taken.armed, executed);
            next.nodes[node.position()] = Shared::new(member);
            next.broken = Some(Arc::new(violation));
            return Some(());
        }
        let executed = crash_after.unwrap_or(step.effects.as_slice().len());
        let member = match crash_after {
            None => step.after.clone(),
            Some(effects) => {
                next.spent.crashes = next.spent.crashes.saturating_add(1);
                let point = step.crashes.iter().find(|(place, _)| *place == effects)?;
                point.1.clone()
            }
        };
        let mut news = self.replace(course, next, node, member);
        self.send_all(course, next, step, executed, &mut news);
        let after = match crash_after {
            None => Self::settle(next, step, &mut invariants),
            Some(_) => Ok(()),
        };
        self.remember(next, invariants);
        let told = after.and_then(|()| self.return_all(next, node, step, executed));
        if let Err(violation) = told {
            next.broken = Some(Arc::new(violation));
        }
        if crash_after.is_some() {
            let prevented = &step.effects.as_slice()[executed..];
            self.forget_crashed(next, node, prevented);
            self.abandon_calls(next, node);
        }
        self.say_nothing(next, &news);
        Some(())
    }

    /// Shows the invariants the end of a step.
    fn settle(
        next: &mut State<S>,
        step: &LocalStep<S::Process>,
        invariants: &mut S::Invariants,
    ) -> Result<(), Violation> {
        let place = step.node.position();
        let kept = std::mem::replace(&mut next.nodes[place], step.shown.clone());
        let settled = invariants.settled(next, step.node);
        next.nodes[place] = kept;
        settled
    }

    /// What a step sends goes out together or not at all: to lose the last
    /// messages only would tell their receivers from the others.
    fn send_all(
        &self,
        course: &mut Course,
        next: &mut State<S>,
        step: &LocalStep<S::Process>,
        executed: usize,
        news: &mut News<S>,
    ) {
        let fits = self.has_room(course.rules, next);
        for (place, to, message) in &step.sent {
            if *place >= executed || next.is_cut(step.node, *to) {
                continue;
            }
            let link = (step.node, *to);
            match self.fate(
                course.rules,
                &next.nodes[to.position()],
                link,
                message,
                news,
            ) {
                Fate::LeftOut => course.tally.obsolete += 1,
                _ if !fits => course.tally.lost += 1,
                fate => {
                    let is_late = fate == Fate::Late;
                    next.network.send(step.node, *to, message.clone(), is_late);
                }
            }
        }
    }

    fn forget_crashed(&self, next: &mut State<S>, node: NodeId, prevented: &[Effect<S::Process>]) {
        let mut invariants = (*next.invariants).clone();
        invariants.crashed(next, node, prevented);
        self.remember(next, invariants);
    }

    /// Keeps what the invariants remember, and the old value where it is the same.
    fn remember(&self, next: &mut State<S>, invariants: S::Invariants) {
        if invariants != *next.invariants {
            next.invariants = Shared::new(invariants);
        }
    }

    /// A promise is broken before any effect of the step was executed.
    fn breaks_before(
        &self,
        next: &mut State<S>,
        taken: &Taken<'_, S::Process>,
        violation: Violation,
    ) {
        let before = &next.nodes[taken.node.position()];
        let member = Member {
            process: taken.step.after.process.clone(),
            durable: before.durable.clone(),
            armed: taken.armed.clone(),
        };
        next.nodes[taken.node.position()] = Shared::new(member);
        next.broken = Some(Arc::new(violation));
    }

    /// Tells the clients what they were answered by the executed effects.
    fn return_all(
        &self,
        next: &mut State<S>,
        node: NodeId,
        step: &LocalStep<S::Process>,
        executed: usize,
    ) -> Result<(), Violation> {
        for effect in &step.effects.as_slice()[..executed] {
            let Effect::Return {
                invocation,
                outcome,
            } = effect
            else {
                continue;
            };
            let call = (*invocation, node);
            let waits = |progress: &super::Progress| progress.open.contains(&call);
            let Some(client) = next.clients.iter().position(waits) else {
                let expected = "at most one answer to a call, by the node it was made to";
                let found = format!("{node} answers {invocation} as well");
                return Err(Violation::new("one-answer", [node], expected, found));
            };
            next.clients[client].open.retain(|open| *open != call);
            if client >= self.setting.clients().len() {
                continue;
            }
            let mut judge = (*next.judge).clone();
            let verdict = self.setting.returned(&mut judge, client, outcome);
            next.judge = Shared::new(judge);
            verdict?;
        }
        Ok(())
    }
}

impl<S: Setting> State<S> {
    /// Two nodes lose sight of each other; `None` if they had already.
    fn hold(&mut self, one: NodeId, other: NodeId) -> Option<()> {
        let ends = pair(one, other);
        let place = self.cut.binary_search(&ends).err()?;
        self.cut.insert(place, ends);
        self.spent.cuts = self.spent.cuts.saturating_add(1);
        Some(())
    }
}

/// A step that a node is about to take.
struct Taken<'a, P: Process> {
    node: NodeId,
    step: &'a LocalStep<P>,
    crash_after: Option<usize>,
    /// The timers that are armed before any effect is executed.
    armed: Vec<P::Timer>,
    restarts: bool,
}
