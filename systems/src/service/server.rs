//! A server: a replica, and a note of who asked what.

use alloc::collections::BTreeMap;

use super::{Call, Message, Node, Operation, Outcome, Timer};
use crate::process::{Durable, Effect, Effects, Input, InvocationId, NodeId, Process};
use crate::replica::{self, Replica, StateMachine};

/// A replica that clerks reach over the network.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Server<M: StateMachine> {
    replica: Replica<M>,
    /// Whom the replica's answers are for. A call leaves with its answer; the
    /// replica answers every call while it runs.
    asked: BTreeMap<InvocationId, Asker>,
    /// How many calls the replica got in this life; their numbers are the server's own.
    calls: u64,
}

/// Who waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Asker {
    /// A clerk, on its node.
    Clerk(NodeId, Call),
    /// Somebody who called this server directly.
    Here(InvocationId),
}

type ReplicaDurable<M> = <Replica<M> as Process>::Durable;

impl<M: StateMachine> Server<M> {
    pub(super) fn start(
        id: NodeId,
        config: &replica::Config,
        durable: ReplicaDurable<M>,
        effects: &mut Effects<Node<M>>,
    ) -> Self {
        let mut inner = Effects::new();
        let mut server = Self {
            replica: Replica::start(id, config, durable, &mut inner),
            asked: BTreeMap::new(),
            calls: 0,
        };
        server.pass_on(&mut inner, effects);
        server
    }

    pub(super) fn step(&mut self, input: Input<Replica<M>>, effects: &mut Effects<Node<M>>) {
        let mut inner = Effects::new();
        self.replica.step(input, &mut inner);
        self.pass_on(&mut inner, effects);
    }

    /// A clerk asks.
    pub(super) fn ask(
        &mut self,
        from: NodeId,
        call: Call,
        operation: replica::Operation<M>,
        effects: &mut Effects<Node<M>>,
    ) {
        self.call(Asker::Clerk(from, call), operation, effects);
    }

    /// Somebody calls this very server.
    pub(super) fn invoke(
        &mut self,
        invocation: InvocationId,
        operation: Operation<M>,
        effects: &mut Effects<Node<M>>,
    ) {
        let operation = match operation {
            Operation::Write(command) => replica::Operation::Write {
                session: None,
                command,
            },
            Operation::Read(query) => replica::Operation::Read { query },
            Operation::TransferLeadership { to } => replica::Operation::TransferLeadership { to },
        };
        self.call(Asker::Here(invocation), operation, effects);
    }

    fn call(
        &mut self,
        asker: Asker,
        operation: replica::Operation<M>,
        effects: &mut Effects<Node<M>>,
    ) {
        self.calls += 1;
        let invocation = InvocationId(self.calls);
        self.asked.insert(invocation, asker);
        let input = Input::Invoke {
            invocation,
            operation,
        };
        self.step(input, effects);
    }

    /// Passes on what the replica wants done, in its order: it is the durability contract.
    fn pass_on(&mut self, inner: &mut Effects<Replica<M>>, effects: &mut Effects<Node<M>>) {
        for effect in inner.drain() {
            effects.push(match effect {
                Effect::Persist(write) => Effect::Persist(write),
                Effect::Send { to, message } => Effect::Send {
                    to,
                    message: Message::Raft(message),
                },
                Effect::SetTimer(timer) => Effect::SetTimer(Timer::Raft(timer)),
                Effect::CancelTimer(timer) => Effect::CancelTimer(Timer::Raft(timer)),
                Effect::Mark(mark) => Effect::Mark(mark),
                Effect::Return {
                    invocation,
                    outcome,
                } => self.answer(invocation, outcome),
            });
        }
    }

    fn answer(
        &mut self,
        invocation: InvocationId,
        outcome: replica::Outcome<M>,
    ) -> Effect<Node<M>> {
        let asker = self.asked.remove(&invocation);
        match asker.expect("a replica answers each call once") {
            Asker::Clerk(to, call) => Effect::Send {
                to,
                message: Message::Tell { call, outcome },
            },
            Asker::Here(invocation) => Effect::Return {
                invocation,
                outcome: directly(outcome),
            },
        }
    }

    /// The replica inside.
    #[must_use]
    pub fn replica(&self) -> &Replica<M> {
        &self.replica
    }
}

/// What somebody is told who called without a session.
fn directly<M: StateMachine>(outcome: replica::Outcome<M>) -> Outcome<M> {
    match outcome {
        replica::Outcome::Written { response, .. } => Outcome::Written(response),
        replica::Outcome::Answered { answer, .. } => Outcome::Answered(answer),
        replica::Outcome::NotLeader { hint } => Outcome::NotHere { hint },
        replica::Outcome::TransferStarted => Outcome::TransferStarted,
        replica::Outcome::TransferRefused => Outcome::TransferRefused,
        replica::Outcome::SessionOpened { .. }
        | replica::Outcome::Unknown
        | replica::Outcome::SessionExpired
        | replica::Outcome::StaleSequence => Outcome::Maybe,
    }
}

/// A server's record is its replica's.
pub(super) type Write<M> = <ReplicaDurable<M> as Durable>::Write;
