//! A server of a group: a replica, and what its leader does for the group.
//!
//! A leader asks the controller for the next configuration, hands over the shards that it
//! took away, and takes those that arrive. All of it goes through the log; a leader's
//! volatile state costs its successor only the time to rebuild it.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::courier::Route;
use super::group::{Arrival, Group};
use super::leader_state::{ASKED_AT_ONCE, LeaderState};
use super::part::{ControllerPart, Durable, GroupPart, pass_on};
use super::peers::Favour;
use super::shard_transfer::send;
use super::{
    Answer, Command, Message, Node, Operation, Outcome, Peer, Response, ServerConfig, Timer,
    Transfer, TransferId, marks,
};
use crate::kv;
use crate::process::{Effect, Effects, Input, InvocationId, NodeId, Process};
use crate::raft::Raft;
use crate::replica::{self, Replica, Request};
use crate::service;
use crate::shardctrler::{self, Configuration, GroupId, Number, Query, Shard};
use crate::vec_map::VecMap;

/// A server of a group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Server {
    pub(super) config: Arc<ServerConfig>,
    pub(super) group: GroupId,
    /// The servers of its group, whatever any configuration says.
    pub(super) members: Vec<NodeId>,
    /// All of them but this one.
    pub(super) peers: Vec<NodeId>,
    pub(super) replica: GroupPart,
    /// A clerk of the controller.
    pub(super) controller: ControllerPart,
    /// The favours it does for its leader, oldest first.
    pub(super) favours: Vec<Favour>,
    /// The leader's state; `None` while it does not lead.
    pub(super) leader_state: Option<LeaderState>,
    /// What the replica was asked. It answers every call while it runs.
    asked: VecMap<InvocationId, Asked>,
    /// Whether this step has applied a configuration or a shard. False between steps:
    /// otherwise a group of one would do all that it knows of in one step, with no state
    /// visible in between.
    has_taken: bool,
    /// How many calls its parts got in this life.
    calls: u64,
}

/// A question to the controller is named by the term and a count of calls, which
/// lasts for years.
const BITS_OF_COUNT: u32 = 40;

/// What the replica was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Asked {
    /// To apply the next configuration.
    ApplyConfig,
    /// To take a shard in.
    Install {
        id: TransferId,
        /// Who handed it over, and waits to be told.
        from: Route,
    },
    /// To delete a shard.
    Forget { shard: Shard, number: Number },
    /// To hand its leadership over, by somebody who called this server.
    Transfer(InvocationId),
}

impl Server {
    pub(super) fn start(
        id: NodeId,
        config: &ServerConfig,
        durable: Durable,
        effects: &mut Effects<Node>,
    ) -> Self {
        let mut inner = Effects::new();
        let replica_config = service::Config::Server(config.replica.clone());
        let replica = GroupPart::start(id, &replica_config, durable.of_group(), &mut inner);
        pass_on(inner, effects, Timer::Group);
        let mut inner = Effects::new();
        let controller_config = service::Config::Clerk(config.asking());
        let nothing = Durable::Nothing.of_controller();
        let controller = ControllerPart::start(id, &controller_config, nothing, &mut inner);
        pass_on(inner, effects, Timer::Controller);
        Self {
            config: Arc::new(config.clone()),
            group: config.group,
            members: config.replica.voters.nodes().to_vec(),
            peers: config
                .replica
                .voters
                .nodes()
                .iter()
                .copied()
                .filter(|node| *node != id)
                .collect(),
            replica,
            controller,
            favours: Vec::new(),
            leader_state: None,
            asked: VecMap::new(),
            has_taken: false,
            calls: 0,
        }
    }

    pub(super) fn step(&mut self, input: Input<Node>, effects: &mut Effects<Node>) {
        match input {
            Input::Receive { from, message } => match message {
                Message::Group(message) => {
                    self.replica_step(Input::Receive { from, message }, effects);
                }
                Message::Controller(message) => {
                    self.controller_step(Input::Receive { from, message }, effects);
                }
                Message::Shard(transfer) => {
                    let route = Route {
                        server: from,
                        via: None,
                    };
                    self.transfer(route, transfer, effects);
                }
                Message::Peer(message) => self.peer(from, message, effects),
            },
            Input::Timeout(timer) => match timer {
                Timer::Group(timer) => self.replica_step(Input::Timeout(timer), effects),
                Timer::Controller(timer) => self.ask_again(timer, effects),
                Timer::Poll => {
                    effects.set_timer(Timer::Poll, &self.config.poll);
                    self.seek_help(effects);
                    self.ask_for_next(effects);
                }
                Timer::HandOver => self.offer_again(effects),
                Timer::Asking(..)
                | Timer::Rest { .. }
                | Timer::Idle { .. }
                | Timer::Doubt { .. } => {}
            },
            Input::Invoke {
                invocation,
                operation,
            } => self.invoke(invocation, operation, effects),
        }
        self.attend(effects);
    }

    fn invoke(
        &mut self,
        invocation: InvocationId,
        operation: Operation,
        effects: &mut Effects<Node>,
    ) {
        match operation {
            Operation::Keys(kv::Operation::TransferLeadership { to }) => {
                let operation = service::Operation::TransferLeadership { to };
                self.ask_replica(Asked::Transfer(invocation), operation, effects);
            }
            // Only a clerk knows under which session to ask, and whom.
            Operation::Keys(_) => {
                let hint = self.raft().leader();
                effects.reply(invocation, Outcome::Keys(kv::Outcome::NotHere { hint }));
            }
            Operation::Controller(_) => {
                let outcome = shardctrler::Outcome::NotHere { hint: None };
                effects.reply(invocation, Outcome::Controller(outcome));
            }
        }
    }

    pub(super) fn next_call(&mut self) -> InvocationId {
        self.calls += 1;
        InvocationId(self.calls)
    }

    /// Names a question to the controller, as nobody in this group has named one.
    ///
    /// The controller answers a question that it knows as it answered it before. A count
    /// alone begins anew in each life, and who came back would be told the past, poll by
    /// poll. But only a leader asks, or lets others ask, and no term is led twice.
    pub(super) fn next_question(&mut self) -> InvocationId {
        let term = self.raft().term();
        InvocationId(term.0 << BITS_OF_COUNT | self.next_call().0)
    }

    fn ask_replica(
        &mut self,
        asked: Asked,
        operation: service::Operation<Group>,
        effects: &mut Effects<Node>,
    ) {
        let invocation = self.next_call();
        self.asked.insert(invocation, asked);
        let input = Input::Invoke {
            invocation,
            operation,
        };
        self.replica_step(input, effects);
    }

    /// Proposes something, unless the same is under way.
    pub(super) fn propose(&mut self, asked: Asked, command: Command, effects: &mut Effects<Node>) {
        if !self.is_asked(asked) {
            self.ask_replica(asked, service::Operation::Write(command), effects);
        }
    }

    /// Whether the replica was asked the same and has not answered.
    pub(super) fn is_asked(&self, asked: Asked) -> bool {
        self.asked.values().any(|other| other.is_same_as(asked))
    }

    fn replica_step(&mut self, input: Input<GroupPart>, effects: &mut Effects<Node>) {
        let mut inner = Effects::new();
        self.replica.step(input, &mut inner);
        self.replica_did(inner, effects);
    }

    /// Does what was put off. What the replica applies then may be a reason to propose more.
    pub(super) fn flush(&mut self, effects: &mut Effects<Node>) {
        loop {
            let mut inner = Effects::new();
            self.replica.flush(&mut inner);
            if inner.as_slice().is_empty() {
                return;
            }
            self.replica_did(inner, effects);
            self.attend(effects);
        }
    }

    fn replica_did(&mut self, inner: Effects<GroupPart>, effects: &mut Effects<Node>) {
        let met = inner
            .as_slice()
            .iter()
            .filter_map(|effect| self.met(effect));
        met.for_each(|mark| effects.mark(mark));
        for (invocation, outcome) in pass_on(inner, effects, Timer::Group) {
            let asked = self.asked.remove(&invocation);
            let asked = asked.expect("a replica answers each call once");
            self.answered(asked, outcome, effects);
        }
    }

    /// What a clerk that is about to be answered met with.
    fn met(&self, effect: &Effect<GroupPart>) -> Option<&'static str> {
        let Effect::Send {
            message: service::Message::Tell { outcome, .. },
            ..
        } = effect
        else {
            return None;
        };
        match outcome {
            replica::Outcome::Written { response, .. } => match response {
                Response::NotOurs => Some(marks::WRONG_GROUP),
                Response::NotYet => Some(marks::NOT_YET),
                Response::WrongShard => Some(marks::WRONG_SHARD),
                _ => self
                    .machine()
                    .awaits_any()
                    .then_some(marks::SERVED_WHILE_AWAITING),
            },
            replica::Outcome::Answered { answer, .. } => match answer {
                Answer::NotOurs => Some(marks::WRONG_GROUP),
                Answer::NotYet => Some(marks::NOT_YET),
                Answer::Got(_) => self
                    .machine()
                    .awaits_any()
                    .then_some(marks::SERVED_WHILE_AWAITING),
            },
            _ => None,
        }
    }

    fn answered(
        &mut self,
        asked: Asked,
        outcome: service::Outcome<Group>,
        effects: &mut Effects<Node>,
    ) {
        let is_taken = matches!(outcome, service::Outcome::Written(Response::Taken));
        self.has_taken |= is_taken;
        match asked {
            Asked::ApplyConfig if is_taken => {
                effects.mark(marks::TURNED);
                if self.has_outgoing_of_one_shard() {
                    effects.mark(marks::SHARD_LEFT_TWICE);
                }
                self.withdraw_superseded(effects);
                self.call_back_early(effects);
                // Configurations may have passed unnoticed.
                self.ask_for_next(effects);
            }
            Asked::Install { id, from } => {
                if is_taken {
                    effects.mark(marks::SHARD_INSTALLED);
                }
                if self.machine().arrival(id.shard, id.number) == Arrival::Installed {
                    send(from, Transfer::Received { id }, effects);
                }
            }
            Asked::Forget { .. } if is_taken => effects.mark(marks::SHARD_FORGOTTEN),
            Asked::ApplyConfig | Asked::Forget { .. } => {}
            Asked::Transfer(invocation) => {
                let outcome = match outcome {
                    service::Outcome::TransferStarted => kv::Outcome::TransferStarted,
                    service::Outcome::NotHere { hint } => kv::Outcome::NotHere { hint },
                    _ => kv::Outcome::TransferRefused,
                };
                effects.reply(invocation, Outcome::Keys(outcome));
            }
        }
    }

    fn has_outgoing_of_one_shard(&self) -> bool {
        let shards = || self.machine().outgoing().keys().map(|(shard, _)| shard);
        shards()
            .zip(shards().skip(1))
            .any(|(one, next)| one == next)
    }

    pub(super) fn controller_step(
        &mut self,
        input: Input<ControllerPart>,
        effects: &mut Effects<Node>,
    ) {
        let mut inner = Effects::new();
        self.controller.step(input, &mut inner);
        for (invocation, outcome) in pass_on(inner, effects, Timer::Controller) {
            let favour = self.take_favour(invocation);
            let leader_state = self.leader_state.as_mut();
            let asked = leader_state.and_then(|leader_state| leader_state.told(invocation));
            let shardctrler::Outcome::Answered(configuration) = outcome else {
                continue;
            };
            if let Some(Favour { leader: to, .. }) = favour {
                let message = Message::Peer(Peer::Tell { configuration });
                effects.push(Effect::Send { to, message });
            } else if let Some(asked) = asked {
                self.learned(asked, configuration, effects);
            }
        }
    }

    /// Asks the controller for the next configuration, unless it is known.
    pub(super) fn ask_for_next(&mut self, effects: &mut Effects<Node>) {
        self.mark_if_held_back(effects);
        let next = self.machine().configuration().number.next();
        self.ask_for(next, effects);
    }

    /// Asks for what comes after all that is known, if that is of use.
    pub(super) fn ask_further_on(&mut self, effects: &mut Effects<Node>) {
        if let Some(number) = self.further_on() {
            self.ask_for(number, effects);
        }
    }

    /// The configuration after all known ones, if this group cannot apply the next one and
    /// no known server answers of a group that it owes a shard. It may wait for something
    /// that that group cannot give before it gets what it is owed, and a later
    /// configuration may name the right servers.
    pub(super) fn further_on(&self) -> Option<Number> {
        let (leader_state, machine) = (self.leader_state.as_ref()?, self.machine());
        let newest = leader_state.newest()?.number;
        let mut owed = machine.outgoing().values();
        let is_held_back = newest > machine.configuration().number;
        let is_of_use = is_held_back && owed.any(|owed| !leader_state.reaches(owed.to));
        is_of_use.then(|| newest.next())
    }

    fn mark_if_held_back(&self, effects: &mut Effects<Node>) {
        let next = self.machine().configuration().number.next();
        let known = self
            .leader_state
            .as_ref()
            .and_then(|leader_state| leader_state.known(next));
        if known.is_some_and(|known| !self.machine().can_apply_config(self.group, known)) {
            effects.mark(marks::TURN_HELD_BACK);
        }
    }

    fn ask_for(&mut self, number: Number, effects: &mut Effects<Node>) {
        let call = self.next_question();
        match &mut self.leader_state {
            Some(leader_state) if leader_state.lacks(number) => leader_state.asks(call, number),
            Some(_) | None => return,
        }
        let input = Input::Invoke {
            invocation: call,
            operation: service::Operation::Read(Query::of(number)),
        };
        self.controller_step(input, effects);
    }

    /// The controller told a configuration: the one that it was asked for, or
    /// the newest if that is not there yet.
    fn learned(
        &mut self,
        asked: Number,
        configuration: Configuration,
        effects: &mut Effects<Node>,
    ) {
        let current = self.machine().configuration().number;
        let is_behind = configuration.number == asked;
        if let Some(leader_state) = &mut self.leader_state {
            leader_state.keep(configuration, current);
        }
        self.mark_if_held_back(effects);
        let mut next = asked;
        for _ in 1..ASKED_AT_ONCE {
            next = next.next();
            if is_behind {
                self.ask_for(next, effects);
            }
        }
    }

    /// Proposes the next configuration, if it is known and can be applied. One at a time:
    /// each may require shards to move.
    fn propose_next_config(&mut self, effects: &mut Effects<Node>) {
        let (group, machine) = (self.group, self.machine());
        let next = machine.configuration().number.next();
        let known = self
            .leader_state
            .as_ref()
            .and_then(|leader_state| leader_state.known(next));
        let known = known.filter(|known| machine.can_apply_config(group, known));
        let Some(configuration) = known.cloned() else {
            return;
        };
        let command = Command::ApplyConfig {
            group,
            configuration,
        };
        self.propose(Asked::ApplyConfig, command, effects);
    }

    /// Creates or drops the leader's state, and hands over new outgoing shards.
    fn attend(&mut self, effects: &mut Effects<Node>) {
        let leads = self.raft().role().is_leader();
        match (&self.leader_state, leads) {
            (None, true) => {
                self.withdraw_favours(effects);
                self.leader_state = Some(LeaderState::default());
                effects.set_timer(Timer::Poll, &self.config.poll);
                effects.set_timer(Timer::HandOver, &self.config.hand_over);
            }
            (Some(_), false) => self.resign(effects),
            (None, false) | (Some(_), true) => {}
        }
        if !self.has_taken {
            self.propose_next_config(effects);
        }
        self.has_taken = false;
        let machine = replica_of(&self.replica).machine();
        if let Some(leader_state) = &mut self.leader_state {
            for (shard, number) in leader_state.not_yet_handed(machine.outgoing()) {
                self.hand_over(shard, number, effects);
            }
        }
    }

    fn resign(&mut self, effects: &mut Effects<Node>) {
        effects.cancel_timer(Timer::Poll);
        effects.cancel_timer(Timer::HandOver);
        let leader_state = self.leader_state.take();
        for question in leader_state.iter().flat_map(LeaderState::open_questions) {
            self.withdraw(question, effects);
        }
    }

    /// Its group.
    #[must_use]
    pub fn group(&self) -> GroupId {
        self.group
    }

    /// Its replica.
    #[must_use]
    pub fn replica(&self) -> &Replica<Group> {
        replica_of(&self.replica)
    }

    /// The part of it that serves the group's clerks.
    #[must_use]
    pub fn service(&self) -> &service::Node<Group> {
        &self.replica
    }

    /// What its group agreed on, so far as it knows.
    #[must_use]
    pub fn machine(&self) -> &Group {
        self.replica().machine()
    }

    /// The Raft inside.
    #[must_use]
    pub fn raft(&self) -> &Raft<Request<Command>> {
        self.replica().raft()
    }
}

pub(super) fn replica_of(part: &GroupPart) -> &Replica<Group> {
    part.replica().expect("a server's part has a replica")
}

impl Asked {
    /// Whether both are the same request; who handed a shard over makes no difference.
    fn is_same_as(self, other: Self) -> bool {
        let installs = |asked| match asked {
            Self::Install { id, .. } => Some(id),
            Self::ApplyConfig | Self::Forget { .. } | Self::Transfer(_) => None,
        };
        self == other || installs(self).is_some() && installs(self) == installs(other)
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine = self.machine();
        write!(
            f,
            "{} {} {}",
            self.group,
            self.replica,
            machine.configuration().number
        )?;
        let holdings = machine.holdings().iter();
        for (shard, _) in holdings.filter(|(_, holding)| holding.is_awaited()) {
            write!(f, ", awaits {shard}")?;
        }
        for ((shard, number), owed) in machine.outgoing() {
            write!(f, ", owes {shard} of {number} to {}", owed.to)?;
        }
        Ok(())
    }
}
