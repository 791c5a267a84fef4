//! A clerk: finds the leader, asks until it is answered, and never lets a
//! write happen twice.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::session_slot::{SessionSlot, Stage, Wanted};
use super::{Call, ClerkConfig, Message, Node, Operation, Outcome, Timer, marks};
use crate::process::{Effect, Effects, InvocationId, NodeId};
use crate::replica::{self, SessionId, StateMachine};

/// The envelope of an answer: everything but the outcome.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    pub(super) from: NodeId,
    pub(super) call: Call,
    /// Whether it is another server's answer.
    pub(super) relayed: bool,
}

/// Asks servers on behalf of clients.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Clerk<M: StateMachine> {
    id: NodeId,
    config: Arc<ClerkConfig>,
    /// Whom it asks first: one of the servers, or one that they have named. A clerk may have
    /// been told part of a cluster only.
    target: NodeId,
    /// Whether the target answered as a leader does, or was named as the leader,
    /// and was not given up since.
    trusted: bool,
    /// Whether the target has relayed a question: it does not lead, but it reaches the
    /// leader, and this clerk perhaps does not.
    relays: bool,
    slots: Vec<SessionSlot<M>>,
    /// Calls that found all slots taken, in the order of their arrival.
    waiting: VecDeque<(InvocationId, Wanted<M>)>,
}

impl<M: StateMachine> Clerk<M> {
    pub(super) fn start(id: NodeId, config: &ClerkConfig) -> Self {
        // Clerks start with different servers, so that not all ask the same one.
        let first = id.position() % config.servers.len();
        Self {
            id,
            config: Arc::new(config.clone()),
            target: config.servers[first],
            trusted: false,
            relays: false,
            slots: (0..config.lanes).map(|_| SessionSlot::default()).collect(),
            waiting: VecDeque::new(),
        }
    }

    pub(super) fn invoke(
        &mut self,
        invocation: InvocationId,
        operation: Operation<M>,
        effects: &mut Effects<Node<M>>,
    ) {
        let Some(wanted) = Wanted::of(operation) else {
            return effects.reply(invocation, Outcome::TransferRefused);
        };
        match self.free_slot(&wanted) {
            Some(slot) => self.begin(slot, invocation, wanted, effects),
            None => {
                effects.mark(marks::WAITED_FOR_LANE);
                self.waiting.push_back((invocation, wanted));
            }
        }
    }

    /// A slot without a call; for a write one that has a session, if there is one.
    fn free_slot(&self, wanted: &Wanted<M>) -> Option<usize> {
        let is_free = |slot: &SessionSlot<M>| slot.pending.is_none();
        let is_open = |slot: &SessionSlot<M>| is_free(slot) && slot.session.is_some();
        let open = self.slots.iter().position(is_open);
        let open = open.filter(|_| matches!(wanted, Wanted::Write(_)));
        open.or_else(|| self.slots.iter().position(is_free))
    }

    fn begin(
        &mut self,
        slot: usize,
        invocation: InvocationId,
        wanted: Wanted<M>,
        effects: &mut Effects<Node<M>>,
    ) {
        self.slots[slot].begin(invocation, wanted);
        self.ask(slot, effects);
    }

    /// Asks the server that it takes for the leader.
    fn ask(&mut self, number: usize, effects: &mut Effects<Node<M>>) {
        let (target, slot) = (self.target, &mut self.slots[number]);
        let operation = slot.operation();
        let (Some(pending), Some(operation)) = (&mut slot.pending, operation) else {
            return;
        };
        pending.stage = Stage::Asking(target);
        let call = Call {
            invocation: pending.invocation,
            question: pending.question,
        };
        let relay = self.relays || pending.waited > 0;
        effects.push(Effect::Send {
            to: target,
            message: Message::Ask {
                call,
                operation,
                relay,
            },
        });
        let patience = self.config.patience_after(pending.waited);
        let slot = number as u8;
        effects.set_timer(Timer::Patience { slot }, patience);
    }

    pub(super) fn timeout(&mut self, timer: Timer, effects: &mut Effects<Node<M>>) {
        match timer {
            Timer::Patience { slot } => {
                let number = usize::from(slot);
                if let Some(pending) = &mut self.slots[number].pending
                    && let Stage::Asking(silent) = pending.stage
                {
                    effects.mark(marks::GAVE_UP_WAITING);
                    pending.waited = pending.waited.saturating_add(1);
                    // One lost message is no reason to look for another leader.
                    let once_more = self.trusted && self.target == silent && !pending.doubts;
                    pending.doubts = once_more;
                    if !once_more {
                        self.turn_from(silent);
                    }
                    self.ask(number, effects);
                }
            }
            Timer::BackOff { slot } => self.ask(usize::from(slot), effects),
            Timer::Idle { slot } => {
                let slot = &mut self.slots[usize::from(slot)];
                // Servers expire it sooner or later; the fate of a write under an expired
                // session is unknown.
                if !slot.is_writing() && slot.session.is_some() {
                    slot.closed();
                    effects.mark(marks::SESSION_LET_GO);
                }
            }
            Timer::Raft(_) => {}
        }
    }

    /// Moves on to the next server, unless that has happened already.
    fn turn_from(&mut self, server: NodeId) {
        if self.target != server {
            return;
        }
        self.trusted = false;
        self.relays = false;
        let servers = &self.config.servers;
        let place = servers.iter().position(|known| *known == server);
        let next = place.map_or(0, |place| (place + 1) % servers.len());
        self.target = servers[next];
    }

    pub(super) fn told(
        &mut self,
        answer: Answer,
        outcome: replica::Outcome<M>,
        effects: &mut Effects<Node<M>>,
    ) {
        let Answer {
            from,
            call,
            relayed,
        } = answer;
        let of_call = |slot: &SessionSlot<M>| {
            let pending = slot.pending.as_ref();
            pending.is_some_and(|pending| pending.invocation == call.invocation)
        };
        let Some(number) = self.slots.iter().position(of_call) else {
            return effects.mark(marks::ANSWER_IGNORED);
        };
        let pending = self.slots[number].pending.as_ref();
        let is_late = pending.is_some_and(|pending| {
            pending.question != call.question || pending.stage != Stage::Asking(from)
        });
        let leads = outcome.acknowledged().is_some()
            || matches!(outcome, replica::Outcome::Answered { .. });
        if leads && !(is_late && self.trusted) {
            // Only a leader says such things, or whoever reaches one, though a
            // late one may be deposed by now.
            self.target = from;
            self.trusted = true;
            self.relays = relayed;
        }
        match outcome {
            // Whichever try an answer is to, the call was under way when it was made.
            replica::Outcome::Written { response, .. } => {
                self.answered(number, is_late, Outcome::Written(response), effects);
            }
            replica::Outcome::Answered { answer, .. } => {
                self.answered(number, is_late, Outcome::Answered(answer), effects);
            }
            replica::Outcome::SessionOpened { session } => self.opened(number, session, effects),
            replica::Outcome::Busy if !is_late => self.told_busy(number, effects),
            // A rejection of an earlier try says nothing about this one.
            replica::Outcome::NotLeader { hint } if !is_late => {
                self.turned_away(number, hint, effects);
            }
            replica::Outcome::Unknown if !is_late => {
                effects.mark(marks::RETRIED_AFTER_UNKNOWN);
                self.turned_away(number, None, effects);
            }
            // A try may have been applied before the session ended. To ask
            // again under a new session could make it happen twice.
            replica::Outcome::SessionExpired | replica::Outcome::StaleSequence => {
                effects.mark(marks::SESSION_LOST);
                self.slots[number].closed();
                self.answered(number, false, Outcome::Indeterminate, effects);
            }
            replica::Outcome::NotLeader { .. }
            | replica::Outcome::Unknown
            | replica::Outcome::Busy
            | replica::Outcome::TransferStarted
            | replica::Outcome::TransferRefused => effects.mark(marks::ANSWER_IGNORED),
        }
    }

    /// The session is open: now the write itself.
    fn opened(&mut self, number: usize, session: SessionId, effects: &mut Effects<Node<M>>) {
        if self.slots[number].session.is_some() {
            // Each try may have opened one; the others idle out.
            return effects.mark(marks::ANSWER_IGNORED);
        }
        self.rest(number, effects);
        self.slots[number].opened(session);
        if let Some(pending) = &mut self.slots[number].pending {
            pending.question += 1;
            pending.busy = 0;
        }
        self.ask(number, effects);
    }

    /// The leader is overloaded. Retrying soon makes it worse: exponential back-off with
    /// jitter.
    fn told_busy(&mut self, number: usize, effects: &mut Effects<Node<M>>) {
        effects.mark(marks::TOLD_BUSY);
        self.rest(number, effects);
        let slot = number as u8;
        if let Some(pending) = &mut self.slots[number].pending {
            pending.busy = pending.busy.saturating_add(1);
            let back_off = self.config.back_off_after(pending.busy);
            effects.set_timer(Timer::BackOff { slot }, back_off);
        }
    }

    /// A server that does not lead may name the leader.
    fn turned_away(&mut self, number: usize, hint: Option<NodeId>, effects: &mut Effects<Node<M>>) {
        let Some(pending) = &self.slots[number].pending else {
            return;
        };
        let (stage, redirected) = (pending.stage, pending.redirected);
        let Stage::Asking(asked) = stage else {
            return;
        };
        self.rest(number, effects);
        // A server that no configuration lists may lead, but a clerk never does.
        let hint = hint.filter(|hint| *hint != asked && *hint != self.id);
        match hint {
            Some(leader) => {
                effects.mark(marks::REDIRECTED);
                self.target = leader;
                self.trusted = true;
                self.relays = false;
            }
            None => {
                effects.mark(marks::TRIED_NEXT);
                self.turn_from(asked);
            }
        }
        // Two servers that each take the other for the leader must not keep a
        // clerk running to and fro.
        let at_once = hint.is_some() && !redirected;
        if let Some(pending) = &mut self.slots[number].pending {
            pending.redirected = at_once;
            pending.busy = 0;
        }
        if at_once {
            self.ask(number, effects);
        } else {
            let slot = number as u8;
            effects.set_timer(Timer::BackOff { slot }, self.config.back_off_after(0));
        }
    }

    /// Cancels a call without replying: the caller knows that no answer will come, or names
    /// its writes itself and can ask elsewhere.
    pub(super) fn cancel(&mut self, invocation: InvocationId, effects: &mut Effects<Node<M>>) {
        self.waiting.retain(|(waiting, _)| *waiting != invocation);
        let of_call = |slot: &SessionSlot<M>| slot.call().is_some_and(|call| call.0 == invocation);
        let Some(number) = self.slots.iter().position(of_call) else {
            return;
        };
        self.rest(number, effects);
        self.slots[number].pending = None;
        self.take_next(number, effects);
    }

    /// Stops the timer of a call.
    fn rest(&mut self, number: usize, effects: &mut Effects<Node<M>>) {
        let slot = number as u8;
        if let Some(pending) = &mut self.slots[number].pending {
            let timer = match pending.stage {
                Stage::Asking(_) => Timer::Patience { slot },
                Stage::Resting => Timer::BackOff { slot },
            };
            effects.cancel_timer(timer);
            pending.stage = Stage::Resting;
        }
    }

    fn answered(
        &mut self,
        number: usize,
        is_late: bool,
        outcome: Outcome<M>,
        effects: &mut Effects<Node<M>>,
    ) {
        if is_late {
            effects.mark(marks::LATE_ANSWER_TAKEN);
        }
        self.rest(number, effects);
        let Some(pending) = self.slots[number].pending.take() else {
            return;
        };
        effects.reply(pending.invocation, outcome);
        // Reads keep no session alive: servers do not know which session they belong to.
        if matches!(pending.wanted, Wanted::Write(_)) && self.slots[number].session.is_some() {
            let slot = number as u8;
            effects.set_timer(Timer::Idle { slot }, self.config.idle);
        }
        self.take_next(number, effects);
    }

    /// A slot is free: whoever waits is next.
    fn take_next(&mut self, number: usize, effects: &mut Effects<Node<M>>) {
        if let Some((invocation, wanted)) = self.waiting.pop_front() {
            self.begin(number, invocation, wanted, effects);
        }
    }

    /// Whom it takes for the leader.
    #[must_use]
    pub fn target(&self) -> NodeId {
        self.target
    }

    /// Its slots.
    #[must_use]
    pub fn slots(&self) -> &[SessionSlot<M>] {
        &self.slots
    }
}

impl<M: StateMachine> fmt::Display for Clerk<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "clerk of {}", self.target)?;
        for (invocation, stage) in self.slots.iter().filter_map(SessionSlot::call) {
            match stage {
                Stage::Asking(server) => write!(f, ", {invocation} at {server}")?,
                Stage::Resting => write!(f, ", {invocation} rests")?,
            }
        }
        Ok(())
    }
}
