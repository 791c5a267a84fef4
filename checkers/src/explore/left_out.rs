//! What a search leaves out, and what it looks at when it does.
//!
//! A message whose arrival changes nothing, neither now nor in any state that its
//! receiver can still come to, is obsolete, and left out as soon as it is. A
//! search supposes that a message is, and looks again when it has seen what the
//! receiver can come to; see [`certificate`](super::certificate).

use std::sync::Arc;

use snowglobe_systems::invariants::Invariants;
use snowglobe_systems::process::NodeId;

use super::local::{Answer, Cause, LocalStep};
use super::network::Fate;
use super::state::{Member, MessageOf};
use super::transition::{Course, Rules};
use super::{Bounds, Event, Setting, Shared, SmallWorld, State, TimerKind};

/// Deliveries that are left out, of which it is looked what the invariants hear.
pub(super) type News<S> = Vec<Arc<LocalStep<<S as Setting>::Process>>>;

impl<S: Setting> SmallWorld<S> {
    /// A node is another one now, and what is under way to it may be obsolete.
    pub(super) fn replace(
        &self,
        course: &mut Course,
        next: &mut State<S>,
        node: NodeId,
        member: Shared<Member<S::Process>>,
    ) -> News<S> {
        let mut news = Vec::new();
        next.nodes[node.position()] = member;
        let State { nodes, network, .. } = next;
        let gone = network.sort_out(node, |flight| {
            let link = (flight.from, flight.to);
            self.fate(
                course.rules,
                &nodes[node.position()],
                link,
                &flight.message,
                &mut news,
            )
        });
        course.tally.obsolete += gone as u64;
        news
    }

    /// What becomes of a message while its receiver is as it is.
    pub(super) fn fate(
        &self,
        rules: Rules,
        receiver: &Shared<Member<S::Process>>,
        (from, to): (NodeId, NodeId),
        message: &Shared<MessageOf<S>>,
        news: &mut News<S>,
    ) -> Fate {
        if rules == Rules::Unbounded {
            return Fate::InTime;
        }
        let cause = Cause::Receive(from, message.clone());
        let step = self.local(to, receiver, cause, &[]);
        if !step.is_idle {
            return Fate::InTime;
        }
        // Where nothing counts, it is all the same whether a message is late.
        let late = match self.has_no_cap() {
            true => Fate::InTime,
            false => Fate::Late,
        };
        match step.ask(|| self.judge_delivery(&step)) {
            Answer::InTime => return Fate::InTime,
            Answer::Late => return late,
            Answer::LeftOut if rules != Rules::Search || !self.reductions.obsolete => return late,
            Answer::LeftOut => {}
        }
        if step.is_left_out_again() {
            news.push(step);
        }
        Fate::LeftOut
    }

    /// Whether there is room for what a step sends.
    pub(super) fn has_room(&self, rules: Rules, next: &State<S>) -> bool {
        rules == Rules::Unbounded || self.fits(next.network.in_time())
    }

    /// Whether there is room beside so many messages that are in time.
    pub(super) fn fits(&self, in_time: usize) -> bool {
        self.has_no_cap() || in_time < usize::from(self.setting.bounds().messages)
    }

    /// Whether anything is left out at all.
    pub(super) fn leaves_out(&self) -> bool {
        self.reductions.obsolete || self.reductions.stuttering
    }

    fn has_no_cap(&self) -> bool {
        self.setting.bounds().messages == Bounds::NO_CAP
    }

    /// Whether a step that changes nothing is not taken. What arrives makes room under the
    /// cap, and way for what comes behind it on links that keep the order, whether it
    /// changes anything or not; else it may as well stay under way.
    pub(super) fn passes_over(
        &self,
        course: &mut Course,
        state: &State<S>,
        event: &Event<S::Process>,
        step: &LocalStep<S::Process>,
    ) -> bool {
        let makes_way = matches!(event, Event::Deliver { stays: false, .. })
            && (self.setting.bounds().in_order || !self.has_no_cap());
        let is_left_out = self.reductions.stuttering && course.rules != Rules::Unbounded;
        if !step.is_idle || makes_way || !is_left_out || step.is_heard() {
            return false;
        }
        if step.is_news() {
            self.count_marks(step);
        }
        if step.is_left_out_again() && self.hears_of(state, step) {
            step.hear();
            if step.was_left_out_before() {
                self.known.contradict();
            }
            return false;
        }
        course.tally.stuttering += 1;
        true
    }

    /// What a node may do by itself, as far as the bounds allow it at all.
    pub(super) fn steps_alone(
        &self,
        node: NodeId,
        member: &Shared<Member<S::Process>>,
    ) -> Vec<Arc<LocalStep<S::Process>>> {
        let bounds = self.setting.bounds();
        if member.process.is_none() {
            return self.alternatives(node, member, &Cause::Start);
        }
        let may_fire = |timer: &super::TimerOf<S>| match self.setting.timer_kind(*timer) {
            Some(TimerKind::Timeout) => bounds.timeouts > 0,
            Some(TimerKind::Beat) => bounds.beats > 0,
            Some(TimerKind::Due) => true,
            None => false,
        };
        let timers = member.armed.iter().filter(|timer| may_fire(timer));
        let timers =
            timers.flat_map(|timer| self.alternatives(node, member, &Cause::Timeout(*timer)));
        let timers = timers.filter(|step| step.is_within && step.panic.is_none());
        let mut steps: Vec<_> = timers.collect();
        if bounds.crashes > 0 && self.setting.may_crash(node) {
            steps.push(self.local(node, member, Cause::Crash, &[]));
        }
        steps
    }

    /// Looks whether the invariants hear nothing of deliveries that are left out.
    pub(super) fn say_nothing(&self, state: &State<S>, news: &News<S>) {
        for step in news {
            if step.is_news() {
                self.count_marks(step);
            }
            if self.hears_of(state, step) {
                self.is_heard(step);
            }
        }
    }

    /// Whether the invariants remember something of a step that changes nothing else.
    fn hears_of(&self, state: &State<S>, step: &LocalStep<S::Process>) -> bool {
        if step.before.process.is_none() {
            return false;
        }
        let mut invariants = (*state.invariants).clone();
        let durable = &step.before.durable;
        let told = step.tell(
            &state.nodes,
            (step.node, false),
            durable,
            None,
            &mut invariants,
        );
        let told = told.map_err(|(_, violation)| violation);
        let told = told.and_then(|()| invariants.settled(state, step.node));
        told.is_err() || invariants != *state.invariants
    }
}
