//! A clerk: finds the group of a key, and in it the leader, and never lets a
//! write happen twice.
//!
//! Inside are a clerk of the controller and one for each group. Those find
//! leaders and ask again; this one knows which group to ask, and turns to
//! another when the shard has moved.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::group::Group;
use super::part::{ControllerPart, Durable, GroupPart, pass_on};
use super::session_slot::{BITS_OF_COUNT, SessionSlot, Stage, Wanted};
use super::{Answer, ClerkConfig, Message, Node, Operation, Outcome, Response, Timer, marks};
use crate::kv;
use crate::process::{Effects, Input, InvocationId, NodeId, Process};
use crate::service;
use crate::shardctrler::{self, Configuration, GroupId, Query, Shard};
use crate::vec_map::VecMap;

/// Asks the groups on behalf of clients.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Clerk {
    id: NodeId,
    config: Arc<ClerkConfig>,
    /// A clerk of the controller.
    controller: ControllerPart,
    /// The unanswered query to the controller.
    question: Option<InvocationId>,
    questions: u64,
    /// The newest configuration that it knows of.
    configuration: Configuration,
    /// A clerk for each group that it has asked, with as many slots as this one.
    groups: VecMap<GroupId, GroupPart>,
    slots: Vec<SessionSlot>,
    /// Calls that found all slots taken, in the order of their arrival.
    waiting: VecDeque<(InvocationId, Wanted)>,
}

impl Clerk {
    pub(super) fn start(id: NodeId, config: &ClerkConfig, effects: &mut Effects<Node>) -> Self {
        let mut inner = Effects::new();
        let controller_config = service::Config::Clerk(config.asking());
        let nothing = Durable::Nothing.of_controller();
        let controller = ControllerPart::start(id, &controller_config, nothing, &mut inner);
        pass_on(inner, effects, Timer::Controller);
        Self {
            id,
            config: Arc::new(config.clone()),
            controller,
            question: None,
            questions: 0,
            configuration: Configuration::first(0),
            groups: VecMap::new(),
            slots: (0..config.group.lanes.max(1))
                .map(|_| SessionSlot::default())
                .collect(),
            waiting: VecDeque::new(),
        }
    }

    pub(super) fn step(&mut self, input: Input<Node>, effects: &mut Effects<Node>) {
        match input {
            Input::Receive { from, message } => match message {
                Message::Controller(message) => {
                    self.controller_step(Input::Receive { from, message }, effects);
                }
                Message::Group(message) => {
                    if let Some(group) = self.group_of(from, &message) {
                        self.group_step(group, Input::Receive { from, message }, effects);
                    }
                }
                Message::Shard(_) | Message::Peer(_) => {}
            },
            Input::Timeout(timer) => match timer {
                Timer::Controller(timer) => self.controller_step(Input::Timeout(timer), effects),
                Timer::Asking(group, timer) => {
                    self.group_step(group, Input::Timeout(timer), effects);
                }
                Timer::Rest { slot } => self.seek(usize::from(slot), effects),
                // Shards expire them sooner or later; the fate of a write under an expired
                // session is unknown.
                Timer::Idle { slot } => {
                    if self.slots[usize::from(slot)].let_go() {
                        effects.mark(service::marks::SESSION_LET_GO);
                    }
                }
                Timer::Doubt { slot } => {
                    if self.asks(usize::from(slot)).is_some() {
                        effects.set_timer(timer, &self.config.doubt);
                        self.ask_controller(usize::from(slot), effects);
                    }
                }
                Timer::Group(_) | Timer::Poll | Timer::HandOver => {}
            },
            Input::Invoke {
                invocation,
                operation,
            } => self.invoke(invocation, operation, effects),
        }
    }

    fn invoke(
        &mut self,
        invocation: InvocationId,
        operation: Operation,
        effects: &mut Effects<Node>,
    ) {
        let wanted = match operation {
            Operation::Keys(operation) => Wanted::of(operation),
            Operation::Controller(_) => {
                let outcome = shardctrler::Outcome::NotHere { hint: None };
                return effects.reply(invocation, Outcome::Controller(outcome));
            }
        };
        let Some(wanted) = wanted else {
            return effects.reply(invocation, Outcome::Keys(kv::Outcome::TransferRefused));
        };
        match self.slots.iter().position(|slot| slot.pending.is_none()) {
            Some(number) => self.begin(number, invocation, wanted, effects),
            None => {
                effects.mark(service::marks::WAITED_FOR_LANE);
                self.waiting.push_back((invocation, wanted));
            }
        }
    }

    fn begin(
        &mut self,
        number: usize,
        invocation: InvocationId,
        wanted: Wanted,
        effects: &mut Effects<Node>,
    ) {
        self.slots[number].begin(invocation, wanted);
        self.seek(number, effects);
    }

    /// The shard of a slot's call, and the group that owns it, as far as known.
    fn owner(&self, number: usize) -> Option<(Shard, GroupId)> {
        let pending = self.slots[number].pending.as_ref()?;
        let shard = self.configuration.shard_of(&pending.wanted.key().0)?;
        Some((shard, self.configuration.owner(shard)?))
    }

    /// The group that a slot waits for, and the call of that group's clerk.
    fn asks(&self, number: usize) -> Option<(GroupId, InvocationId)> {
        match self.slots[number].call()? {
            (_, Stage::Asking { group, call }) => Some((group, call)),
            (_, Stage::Resting) => None,
        }
    }

    /// Asks the group that owns the shard, or the controller who does.
    fn seek(&mut self, number: usize, effects: &mut Effects<Node>) {
        if self.slots[number].pending.is_none() || self.asks(number).is_some() {
            return;
        }
        let Some((shard, group)) = self.owner(number) else {
            if !self.configuration.owners.is_empty() {
                effects.mark(marks::NO_OWNER);
            }
            return self.rest(number, effects);
        };
        let pending = self.slots[number].pending.as_ref();
        let asked = pending.and_then(|pending| pending.asked);
        if asked.is_some_and(|asked| asked != group) {
            effects.mark(marks::MOVED_ON);
        }
        let Some(call) = self.slots[number].ask(shard, group) else {
            return;
        };
        self.ready(group, effects);
        let slot = number as u8;
        effects.set_timer(Timer::Doubt { slot }, &self.config.doubt);
        let input = Input::Invoke {
            invocation: call.name,
            operation: call.operation,
        };
        self.group_step(group, input, effects);
    }

    /// The shard has moved, or its owner is unknown.
    fn rest(&mut self, number: usize, effects: &mut Effects<Node>) {
        let slot = number as u8;
        if let Some(pending) = &mut self.slots[number].pending {
            pending.stage = Stage::Resting;
            effects.cancel_timer(Timer::Doubt { slot });
            effects.set_timer(Timer::Rest { slot }, &self.config.rest);
            self.ask_controller(number, effects);
        }
    }

    /// Sees to it that there is a clerk for a group.
    fn ready(&mut self, group: GroupId, effects: &mut Effects<Node>) {
        if self.groups.contains_key(&group) {
            return;
        }
        let servers = self.configuration.groups.get(&group);
        let config = service::Config::Clerk(service::ClerkConfig {
            servers: servers.into_iter().flatten().copied().collect(),
            ..self.config.group.clone()
        });
        let mut inner = Effects::new();
        let nothing = Durable::Nothing.of_group();
        let clerk = GroupPart::start(self.id, &config, nothing, &mut inner);
        pass_on(inner, effects, |timer| Timer::Asking(group, timer));
        self.groups.insert(group, clerk);
    }

    /// The group whose clerk an answer is for.
    fn group_of(&self, from: NodeId, message: &service::Message<Group>) -> Option<GroupId> {
        let service::Message::Tell { call, .. } = message else {
            return None;
        };
        let named = self
            .slots
            .iter()
            .find(|slot| slot.waits_for(call.invocation));
        let asked = named.and_then(|slot| match slot.call() {
            Some((_, Stage::Asking { group, .. })) => Some(group),
            _ => None,
        });
        // An answer to an abandoned call goes to the clerk of the server's group.
        let of_server = || {
            let groups = self.configuration.groups.iter();
            let mut groups = groups.filter(|(_, servers)| servers.contains(&from));
            groups.next().map(|(group, _)| *group)
        };
        asked
            .or_else(of_server)
            .filter(|group| self.groups.contains_key(group))
    }

    fn group_step(&mut self, group: GroupId, input: Input<GroupPart>, effects: &mut Effects<Node>) {
        let Some(clerk) = self.groups.get_mut(&group) else {
            return;
        };
        let mut inner = Effects::new();
        clerk.step(input, &mut inner);
        for (call, outcome) in pass_on(inner, effects, |timer| Timer::Asking(group, timer)) {
            let slot = self.slots.iter().position(|slot| slot.waits_for(call));
            if let Some(number) = slot {
                self.told(number, outcome, effects);
            }
        }
    }

    /// A group answered a slot's call.
    fn told(
        &mut self,
        number: usize,
        outcome: service::Outcome<Group>,
        effects: &mut Effects<Node>,
    ) {
        let shard = self.owner_asked(number);
        let slot = &mut self.slots[number];
        match outcome {
            service::Outcome::Written(Response::Opened(session)) => {
                slot.opened(session);
                self.rest_no_more(number);
                self.seek(number, effects);
            }
            service::Outcome::Written(Response::Done { response, again }) => {
                let moved = slot.pending.as_ref().is_some_and(|pending| pending.moved);
                if again {
                    effects.mark(marks::FOUND_DONE);
                }
                if again && moved {
                    effects.mark(marks::FOUND_DONE_ELSEWHERE);
                }
                self.answered(number, kv::Outcome::Written(response), effects);
            }
            service::Outcome::Answered(Answer::Got(answer)) => {
                self.answered(number, kv::Outcome::Answered(answer), effects);
            }
            service::Outcome::Written(
                Response::NotOurs | Response::NotYet | Response::WrongShard,
            )
            | service::Outcome::Answered(Answer::NotOurs | Answer::NotYet) => {
                self.rest(number, effects);
            }
            // A try may have been applied before the session ended. To ask
            // again under a new one could make it happen twice.
            service::Outcome::Written(Response::Expired | Response::Stale)
            | service::Outcome::Indeterminate => {
                effects.mark(service::marks::SESSION_LOST);
                if let Some(shard) = shard {
                    slot.closed(shard);
                }
                self.answered(number, kv::Outcome::Indeterminate, effects);
            }
            service::Outcome::Written(Response::Taken | Response::OutOfPlace)
            | service::Outcome::NotHere { .. }
            | service::Outcome::Busy
            | service::Outcome::TransferStarted
            | service::Outcome::TransferRefused => {
                panic!("a group's clerk answers what it was asked, not {outcome:?}")
            }
        }
    }

    /// The shard of a slot's call. Their number is settled once a group has one.
    fn owner_asked(&self, number: usize) -> Option<Shard> {
        let pending = self.slots[number].pending.as_ref()?;
        self.configuration.shard_of(&pending.wanted.key().0)
    }

    /// A slot goes on at once.
    fn rest_no_more(&mut self, number: usize) {
        if let Some(pending) = &mut self.slots[number].pending {
            pending.stage = Stage::Resting;
        }
    }

    fn answered(&mut self, number: usize, outcome: kv::Outcome, effects: &mut Effects<Node>) {
        let slot = number as u8;
        effects.cancel_timer(Timer::Doubt { slot });
        if let Some(pending) = self.slots[number].pending.take() {
            effects.reply(pending.invocation, Outcome::Keys(outcome));
            if matches!(pending.wanted, Wanted::Write(_)) {
                effects.set_timer(Timer::Idle { slot }, self.config.group.idle);
            }
        }
        if let Some((invocation, wanted)) = self.waiting.pop_front() {
            self.begin(number, invocation, wanted, effects);
        }
    }

    /// Asks for the newest configuration on behalf of a slot, unless the last question
    /// is open.
    fn ask_controller(&mut self, number: usize, effects: &mut Effects<Node>) {
        let pending = self.slots[number].pending.as_ref();
        let (Some(pending), None) = (pending, self.question) else {
            return;
        };
        // The controller answers a question that it knows as it answered it before. No
        // client's call comes twice, so neither does a question that is named by one,
        // though the count begins anew in each life.
        self.questions = (self.questions + 1) % (1 << BITS_OF_COUNT);
        let invocation = InvocationId(pending.invocation.0 << BITS_OF_COUNT | self.questions);
        self.question = Some(invocation);
        let input = Input::Invoke {
            invocation,
            operation: service::Operation::Read(Query::NEWEST),
        };
        self.controller_step(input, effects);
    }

    fn controller_step(&mut self, input: Input<ControllerPart>, effects: &mut Effects<Node>) {
        let mut inner = Effects::new();
        self.controller.step(input, &mut inner);
        for (invocation, outcome) in pass_on(inner, effects, Timer::Controller) {
            if self.question == Some(invocation) {
                self.question = None;
            }
            if let shardctrler::Outcome::Answered(configuration) = outcome
                && configuration.number >= self.configuration.number
                && configuration != self.configuration
            {
                self.learn(configuration, effects);
            }
        }
    }

    /// Calls to a group that no longer owns the shard move to its new owner.
    fn learn(&mut self, configuration: Configuration, effects: &mut Effects<Node>) {
        effects.mark(marks::CONFIGURATION_LEARNED);
        let before = core::mem::replace(&mut self.configuration, configuration);
        let servers = |of: &Configuration, group| of.groups.get(&group).cloned();
        for number in 0..self.slots.len() {
            let Some((group, call)) = self.asks(number) else {
                continue;
            };
            let owner = self.owner(number).map(|(_, owner)| owner);
            let other_servers = servers(&self.configuration, group) != servers(&before, group);
            if owner != Some(group) || other_servers {
                effects.mark(marks::GROUP_GIVEN_UP);
                self.give_up(group, call, effects);
                self.rest_no_more(number);
            }
        }
        let stale =
            |group: &GroupId| servers(&self.configuration, *group) != servers(&before, *group);
        let stale: Vec<GroupId> = self.groups.keys().copied().filter(stale).collect();
        for group in stale {
            self.groups.remove(&group);
        }
        for number in 0..self.slots.len() {
            self.seek(number, effects);
        }
    }

    fn give_up(&mut self, group: GroupId, call: InvocationId, effects: &mut Effects<Node>) {
        if let Some(clerk) = self.groups.get_mut(&group) {
            let mut inner = Effects::new();
            clerk.cancel(call, &mut inner);
            pass_on(inner, effects, |timer| Timer::Asking(group, timer));
        }
    }

    /// The newest configuration that it knows of.
    #[must_use]
    pub fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    /// The clerk of the controller inside.
    #[must_use]
    pub fn controller(&self) -> &shardctrler::Node {
        &self.controller
    }

    /// The clerks inside, each of the group that it asks.
    #[must_use]
    pub fn groups(&self) -> &VecMap<GroupId, service::Node<Group>> {
        &self.groups
    }

    /// Its slots.
    #[must_use]
    pub fn slots(&self) -> &[SessionSlot] {
        &self.slots
    }
}

impl fmt::Display for Clerk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "clerk at {}", self.configuration.number)?;
        for (invocation, stage) in self.slots.iter().filter_map(SessionSlot::call) {
            match stage {
                Stage::Asking { group, .. } => write!(f, ", {invocation} at {group}")?,
                Stage::Resting => write!(f, ", {invocation} rests")?,
            }
        }
        Ok(())
    }
}
