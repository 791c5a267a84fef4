//! How the servers of a group stand in for a leader that is partly cut off.
//!
//! Only a leader asks the controller, hands shards over and takes them in. A healthy leader
//! may be the one server that cannot reach the controller, or another group: then the
//! others do it on its behalf and report to it, since everything must go through its log.

use core::mem;

use super::courier::Route;
use super::leader_state::ASKED_AT_ONCE;
use super::part::pass_on;
use super::server::Server;
use super::{Message, Node, Peer, Timer, Transfer, marks};
use crate::process::{Effect, Effects, Input, InvocationId, NodeId};
use crate::service;
use crate::shardctrler::{Configuration, Number, Query};

/// A question to the controller for a leader that does not reach it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Favour {
    call: InvocationId,
    pub(super) leader: NodeId,
    number: Number,
    /// How many tries are left. A favour that is not renewed stops: the leader may know by
    /// now, or have chosen another helper, and the controller is busy enough.
    tries: u8,
    /// The timer that fired when no tries were left. An answer may still be on its way,
    /// and counts.
    rests: Option<service::Timer>,
}

/// How often a favour is asked unless the leader asks for it again.
const TRIES: u8 = 6;

impl Server {
    /// Another server of the group says something.
    pub(super) fn peer(&mut self, from: NodeId, message: Peer, effects: &mut Effects<Node>) {
        if !self.peers.contains(&from) {
            return;
        }
        match message {
            Peer::Ask { number, question } => {
                self.ask_for_leader(from, number, question, effects);
            }
            Peer::Tell { configuration } => self.heard_from_helper(configuration, effects),
            Peer::Outgoing { to, transfer } => {
                if !self.members.contains(&to) {
                    let message = Message::Shard(transfer);
                    effects.push(Effect::Send { to, message });
                }
            }
            // The relaying server took this one for the leader. If it does not lead, nobody
            // answers, and the sender retries.
            Peer::Incoming {
                from: server,
                transfer,
            } => {
                if self.leader_state.is_some() {
                    let via = Some(from);
                    self.transfer(Route { server, via }, transfer, effects);
                }
            }
        }
    }

    /// Passes on what another group's server says. The leader's answer comes back the same way.
    pub(super) fn pass_to_leader(
        &self,
        route: Route,
        transfer: Transfer,
        effects: &mut Effects<Node>,
    ) {
        let leader = self.raft().leader();
        if let Some(to) = leader.filter(|leader| self.peers.contains(leader)) {
            effects.mark(marks::PASSED_TO_LEADER);
            let from = route.server;
            let message = Message::Peer(Peer::Incoming { from, transfer });
            effects.push(Effect::Send { to, message });
        }
    }

    /// Lets another server ask the controller, if that does not answer this one.
    pub(super) fn seek_help(&mut self, effects: &mut Effects<Node>) {
        let next = self.machine().configuration().number.next();
        let number = self.further_on().unwrap_or(next);
        let leader_state = self.leader_state.as_mut();
        let helper = leader_state.and_then(|leader_state| leader_state.helper(number, &self.peers));
        if let Some(to) = helper {
            effects.mark(marks::HELP_SOUGHT);
            let question = self.next_question();
            let message = Message::Peer(Peer::Ask { number, question });
            effects.push(Effect::Send { to, message });
        }
    }

    /// The leader wants to know a configuration. One question for each is enough, and is
    /// asked for as long as the leader wants to know.
    fn ask_for_leader(
        &mut self,
        leader: NodeId,
        number: Number,
        question: InvocationId,
        effects: &mut Effects<Node>,
    ) {
        let is_same = |favour: &&mut Favour| (favour.leader, favour.number) == (leader, number);
        if let Some(favour) = self.favours.iter_mut().find(is_same) {
            favour.tries = TRIES;
            if let Some(timer) = favour.rests.take() {
                self.controller_step(Input::Timeout(timer), effects);
            }
            return;
        }
        if self.favours.len() == ASKED_AT_ONCE {
            let oldest = self.favours.remove(0);
            self.withdraw(oldest.call, effects);
        }
        self.favours.push(Favour {
            call: question,
            leader,
            number,
            tries: TRIES,
            rests: None,
        });
        let input = Input::Invoke {
            invocation: question,
            operation: service::Operation::Read(Query::of(number)),
        };
        self.controller_step(input, effects);
    }

    /// The controller timed out. Only what is still wanted is asked again.
    pub(super) fn ask_again(&mut self, timer: service::Timer, effects: &mut Effects<Node>) {
        if let Some(place) = self.favour_of(timer) {
            let favour = &mut self.favours[place];
            if favour.tries == 0 {
                favour.rests = Some(timer);
                return;
            }
            favour.tries -= 1;
        }
        self.controller_step(Input::Timeout(timer), effects);
    }

    /// This server leads and asks for itself: old favours would be in the way.
    pub(super) fn withdraw_favours(&mut self, effects: &mut Effects<Node>) {
        for favour in mem::take(&mut self.favours) {
            self.withdraw(favour.call, effects);
        }
    }

    /// Which favour a timer of the clerk of the controller is for.
    fn favour_of(&self, timer: service::Timer) -> Option<usize> {
        let service::Timer::Patience { slot, .. } = timer else {
            return None;
        };
        let slots = self.controller.clerk()?.slots();
        let (call, _) = slots[usize::from(slot)].call()?;
        self.favours.iter().position(|favour| favour.call == call)
    }

    /// The controller has answered a question that was another server's.
    pub(super) fn take_favour(&mut self, call: InvocationId) -> Option<Favour> {
        let place = self.favours.iter().position(|favour| favour.call == call)?;
        Some(self.favours.remove(place))
    }

    fn heard_from_helper(&mut self, configuration: Configuration, effects: &mut Effects<Node>) {
        let current = self.machine().configuration().number;
        if let Some(leader_state) = &mut self.leader_state {
            effects.mark(marks::HELPED);
            leader_state.helped();
            leader_state.keep(configuration, current);
        }
        self.withdraw_superseded(effects);
    }

    /// Forgets questions whose answers came another way.
    pub(super) fn withdraw_superseded(&mut self, effects: &mut Effects<Node>) {
        let current = self.machine().configuration().number;
        let leader_state = self.leader_state.as_mut();
        let superseded = leader_state.map(|leader_state| leader_state.take_superseded(current));
        for question in superseded.into_iter().flatten() {
            self.withdraw(question, effects);
        }
    }

    /// Asks the controller no longer.
    pub(super) fn withdraw(&mut self, question: InvocationId, effects: &mut Effects<Node>) {
        let mut inner = Effects::new();
        self.controller.cancel(question, &mut inner);
        pass_on(inner, effects, Timer::Controller);
    }
}
