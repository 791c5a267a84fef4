//! A clerk: finds the leader, asks until it is answered, and never lets a
//! write happen twice.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::lane::{Lane, Stage, Wish};
use super::{Call, ClerkConfig, Message, Node, Operation, Outcome, Timer, marks};
use crate::process::{Effect, Effects, InvocationId, NodeId};
use crate::replica::{self, SessionId, StateMachine};

/// What an answer says besides what became of the call.
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
    /// Whether the target has passed a question on for it: it does not lead,
    /// but it reaches the leader, and this clerk perhaps does not.
    relays: bool,
    lanes: Vec<Lane<M>>,
    /// Calls that found all lanes taken, in the order of their arrival.
    waiting: VecDeque<(InvocationId, Wish<M>)>,
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
            lanes: (0..config.lanes).map(|_| Lane::default()).collect(),
            waiting: VecDeque::new(),
        }
    }

    pub(super) fn invoke(
        &mut self,
        invocation: InvocationId,
        operation: Operation<M>,
        effects: &mut Effects<Node<M>>,
    ) {
        let Some(wish) = Wish::of(operation) else {
            return effects.reply(invocation, Outcome::TransferRefused);
        };
        match self.free_lane(&wish) {
            Some(lane) => self.begin(lane, invocation, wish, effects),
            None => {
                effects.mark(marks::WAITED_FOR_LANE);
                self.waiting.push_back((invocation, wish));
            }
        }
    }

    /// A lane without a call; for a write one that has a session, if there is one.
    fn free_lane(&self, wish: &Wish<M>) -> Option<usize> {
        let is_free = |lane: &Lane<M>| lane.errand.is_none();
        let is_open = |lane: &Lane<M>| is_free(lane) && lane.session.is_some();
        let open = self.lanes.iter().position(is_open);
        let open = open.filter(|_| matches!(wish, Wish::Write(_)));
        open.or_else(|| self.lanes.iter().position(is_free))
    }

    fn begin(
        &mut self,
        lane: usize,
        invocation: InvocationId,
        wish: Wish<M>,
        effects: &mut Effects<Node<M>>,
    ) {
        self.lanes[lane].begin(invocation, wish);
        self.ask(lane, effects);
    }

    /// Asks the server that it takes for the leader.
    fn ask(&mut self, number: usize, effects: &mut Effects<Node<M>>) {
        let (target, lane) = (self.target, &mut self.lanes[number]);
        let operation = lane.operation();
        let (Some(errand), Some(operation)) = (&mut lane.errand, operation) else {
            return;
        };
        errand.stage = Stage::Asking(target);
        let call = Call {
            invocation: errand.invocation,
            question: errand.question,
        };
        let relay = self.relays || errand.waited > 0;
        effects.push(Effect::Send {
            to: target,
            message: Message::Ask {
                call,
                operation,
                relay,
            },
        });
        let patience = self.config.patience_after(errand.waited);
        let lane = number as u8;
        effects.set_timer(Timer::Patience { lane }, patience);
    }

    pub(super) fn timeout(&mut self, timer: Timer, effects: &mut Effects<Node<M>>) {
        match timer {
            Timer::Patience { lane } => {
                let number = usize::from(lane);
                if let Some(errand) = &mut self.lanes[number].errand
                    && let Stage::Asking(silent) = errand.stage
                {
                    effects.mark(marks::GAVE_UP_WAITING);
                    errand.waited = errand.waited.saturating_add(1);
                    // One lost message is no reason to look for another leader.
                    let once_more = self.trusted && self.target == silent && !errand.doubts;
                    errand.doubts = once_more;
                    if !once_more {
                        self.turn_from(silent);
                    }
                    self.ask(number, effects);
                }
            }
            Timer::BackOff { lane } => self.ask(usize::from(lane), effects),
            Timer::Idle { lane } => {
                let lane = &mut self.lanes[usize::from(lane)];
                // Servers forget it sooner or later; a write under a forgotten
                // session is one whose fate nobody knows.
                if !lane.is_writing() && lane.session.is_some() {
                    lane.closed();
                    effects.mark(marks::SESSION_LET_GO);
                }
            }
            Timer::Raft(_) => {}
        }
    }

    /// Goes on to the next server, unless somebody has already.
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
        let of_call = |lane: &Lane<M>| {
            let errand = lane.errand.as_ref();
            errand.is_some_and(|errand| errand.invocation == call.invocation)
        };
        let Some(number) = self.lanes.iter().position(of_call) else {
            return effects.mark(marks::ANSWER_IGNORED);
        };
        let errand = self.lanes[number].errand.as_ref();
        let is_late = errand.is_some_and(|errand| {
            errand.question != call.question || errand.stage != Stage::Asking(from)
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
            // What turned an earlier try away says nothing about this one.
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
                self.lanes[number].closed();
                self.answered(number, false, Outcome::Maybe, effects);
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
        if self.lanes[number].session.is_some() {
            // Each try may have opened one; the others idle out.
            return effects.mark(marks::ANSWER_IGNORED);
        }
        self.rest(number, effects);
        self.lanes[number].opened(session);
        if let Some(errand) = &mut self.lanes[number].errand {
            errand.question += 1;
            errand.busy = 0;
        }
        self.ask(number, effects);
    }

    /// The leader has too much under way. Whoever asks again soon makes it
    /// worse, so each time the rest is twice as long, and never the same for all.
    fn told_busy(&mut self, number: usize, effects: &mut Effects<Node<M>>) {
        effects.mark(marks::TOLD_BUSY);
        self.rest(number, effects);
        let lane = number as u8;
        if let Some(errand) = &mut self.lanes[number].errand {
            errand.busy = errand.busy.saturating_add(1);
            let back_off = self.config.back_off_after(errand.busy);
            effects.set_timer(Timer::BackOff { lane }, back_off);
        }
    }

    /// Somebody who does not lead says who may.
    fn turned_away(&mut self, number: usize, hint: Option<NodeId>, effects: &mut Effects<Node<M>>) {
        let Some(errand) = &self.lanes[number].errand else {
            return;
        };
        let (stage, redirected) = (errand.stage, errand.redirected);
        let Stage::Asking(asked) = stage else {
            return;
        };
        self.rest(number, effects);
        // A server that no configuration lists may lead, but no clerk does.
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
        if let Some(errand) = &mut self.lanes[number].errand {
            errand.redirected = at_once;
            errand.busy = 0;
        }
        if at_once {
            self.ask(number, effects);
        } else {
            let lane = number as u8;
            effects.set_timer(Timer::BackOff { lane }, self.config.back_off_after(0));
        }
    }

    /// Drops a call without an answer, for somebody who knows that nobody will
    /// give one, or who names its writes and can ask elsewhere.
    pub(super) fn cancel(&mut self, invocation: InvocationId, effects: &mut Effects<Node<M>>) {
        self.waiting.retain(|(waiting, _)| *waiting != invocation);
        let of_call = |lane: &Lane<M>| lane.call().is_some_and(|call| call.0 == invocation);
        let Some(number) = self.lanes.iter().position(of_call) else {
            return;
        };
        self.rest(number, effects);
        self.lanes[number].errand = None;
        self.take_next(number, effects);
    }

    /// Waits for nothing any more.
    fn rest(&mut self, number: usize, effects: &mut Effects<Node<M>>) {
        let lane = number as u8;
        if let Some(errand) = &mut self.lanes[number].errand {
            let timer = match errand.stage {
                Stage::Asking(_) => Timer::Patience { lane },
                Stage::Resting => Timer::BackOff { lane },
            };
            effects.cancel_timer(timer);
            errand.stage = Stage::Resting;
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
        let Some(errand) = self.lanes[number].errand.take() else {
            return;
        };
        effects.reply(errand.invocation, outcome);
        // Reads keep no session alive: servers do not know whose they are.
        if matches!(errand.wish, Wish::Write(_)) && self.lanes[number].session.is_some() {
            let lane = number as u8;
            effects.set_timer(Timer::Idle { lane }, self.config.idle);
        }
        self.take_next(number, effects);
    }

    /// A lane is free: whoever waits is next.
    fn take_next(&mut self, number: usize, effects: &mut Effects<Node<M>>) {
        if let Some((invocation, wish)) = self.waiting.pop_front() {
            self.begin(number, invocation, wish, effects);
        }
    }

    /// Whom it takes for the leader.
    #[must_use]
    pub fn target(&self) -> NodeId {
        self.target
    }

    /// Its lanes.
    #[must_use]
    pub fn lanes(&self) -> &[Lane<M>] {
        &self.lanes
    }
}

impl<M: StateMachine> fmt::Display for Clerk<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "clerk of {}", self.target)?;
        for (invocation, stage) in self.lanes.iter().filter_map(Lane::call) {
            match stage {
                Stage::Asking(server) => write!(f, ", {invocation} at {server}")?,
                Stage::Resting => write!(f, ", {invocation} rests")?,
            }
        }
        Ok(())
    }
}
