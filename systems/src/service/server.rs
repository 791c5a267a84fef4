//! A server: a replica, and a note of who asked what.

use super::answers::Answers;
use super::{Call, Message, Node, Operation, Outcome, Timer, marks};
use crate::embeds::Said;
use crate::process::{Durable, Effect, Effects, Input, InvocationId, NodeId, Process};
use crate::replica::{self, Replica, StateMachine};
use crate::vec_map::VecMap;

/// A replica that clerks reach over the network.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Server<M: StateMachine> {
    replica: Replica<M>,
    /// Who asked, by the replica's invocation. A call leaves with its answer; the replica
    /// answers every call while it runs, and bounds their number.
    asked: VecMap<InvocationId, Asker>,
    /// The calls of clerks among them. A repeated question joins the try in progress: as an
    /// entry of its own it would cost a sync, and clerks that retry faster than a disk
    /// syncs would never be served.
    under_way: VecMap<(NodeId, Call), InvocationId>,
    answers: Answers<M>,
    /// How many calls the replica got in this life; their numbers are the server's own.
    calls: u64,
}

/// Who waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Asker {
    /// A clerk, on its node.
    Clerk(NodeId, Call),
    /// A clerk, through another server.
    Through {
        /// The server.
        server: NodeId,
        /// The clerk.
        clerk: NodeId,
        call: Call,
    },
    /// Somebody who called this server directly.
    Here(InvocationId),
}

impl Asker {
    /// Which question of which clerk it is.
    fn question(self) -> Option<(NodeId, Call)> {
        match self {
            Self::Clerk(clerk, call) | Self::Through { clerk, call, .. } => Some((clerk, call)),
            Self::Here(_) => None,
        }
    }
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
            asked: VecMap::new(),
            under_way: VecMap::new(),
            answers: Answers::remembering(config.remembered_answers),
            calls: 0,
        };
        server.pass_on(inner, effects);
        server
    }

    pub(super) fn step(&mut self, input: Input<Replica<M>>, effects: &mut Effects<Node<M>>) {
        let mut inner = Effects::new();
        self.replica.step(input, &mut inner);
        self.pass_on(inner, effects);
    }

    pub(super) fn flush(&mut self, effects: &mut Effects<Node<M>>) {
        let mut inner = Effects::new();
        self.replica.flush(&mut inner);
        self.pass_on(inner, effects);
    }

    /// A clerk asks. If it cannot reach the leader, perhaps this server can: no election
    /// replaces a leader that its own followers hear, however many clerks do not.
    pub(super) fn ask(
        &mut self,
        from: NodeId,
        call: Call,
        operation: replica::Operation<M>,
        relay: bool,
        effects: &mut Effects<Node<M>>,
    ) {
        let raft = self.replica.raft();
        let leader = raft.leader().filter(|leader| *leader != raft.id());
        match leader.filter(|_| relay) {
            Some(leader) => {
                effects.mark(marks::RELAYED);
                let clerk = from;
                effects.push(Effect::Send {
                    to: leader,
                    message: Message::Relay {
                        clerk,
                        call,
                        operation,
                    },
                });
            }
            None => self.call_once(Asker::Clerk(from, call), operation, effects),
        }
    }

    /// Another server relays a clerk's question. It is not relayed further: the sender
    /// learns that this server does not lead.
    pub(super) fn relay(
        &mut self,
        server: NodeId,
        clerk: NodeId,
        call: Call,
        operation: replica::Operation<M>,
        effects: &mut Effects<Node<M>>,
    ) {
        let asker = Asker::Through {
            server,
            clerk,
            call,
        };
        self.call_once(asker, operation, effects);
    }

    /// Calls the replica, unless it is at the same question already, or has
    /// answered it. The answer goes the way that the newest try came.
    fn call_once(
        &mut self,
        asker: Asker,
        operation: replica::Operation<M>,
        effects: &mut Effects<Node<M>>,
    ) {
        let question = asker.question();
        let recalled = question.and_then(|it| self.answers.recall(it, &operation, &self.replica));
        if let Some(outcome) = recalled {
            effects.mark(marks::ANSWERED_AGAIN);
            return effects.push(answer_to(asker, outcome));
        }
        let under_way = question.and_then(|it| self.under_way.get(&it));
        match under_way {
            Some(invocation) => {
                effects.mark(marks::JOINED);
                self.asked.insert(*invocation, asker);
            }
            None => self.call(asker, operation, effects),
        }
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
        if let Some(question) = asker.question() {
            self.under_way.insert(question, invocation);
        }
        let input = Input::Invoke {
            invocation,
            operation,
        };
        self.step(input, effects);
    }

    /// Passes on what the replica wants done, and answers in its place.
    fn pass_on(&mut self, inner: Effects<Replica<M>>, effects: &mut Effects<Node<M>>) {
        effects.pass_on(inner, Timer::Raft, |said, effects| match said {
            Said::Returned(invocation, outcome) => {
                effects.push(self.answer(invocation, outcome));
            }
            Said::Told(_) => unreachable!("a replica says nothing unasked"),
        });
    }

    fn answer(
        &mut self,
        invocation: InvocationId,
        outcome: replica::Outcome<M>,
    ) -> Effect<Node<M>> {
        let asker = self.asked.remove(&invocation);
        let asker = asker.expect("a replica answers each call once");
        if let Some(question) = asker.question() {
            self.under_way.remove(&question);
            self.answers.remember(question, &outcome, &self.replica);
        }
        answer_to(asker, outcome)
    }

    /// The replica inside.
    #[must_use]
    pub fn replica(&self) -> &Replica<M> {
        &self.replica
    }
}

/// Tells an asker what became of its call, the way that the call came.
fn answer_to<M: StateMachine>(asker: Asker, outcome: replica::Outcome<M>) -> Effect<Node<M>> {
    match asker {
        Asker::Clerk(to, call) => Effect::Send {
            to,
            message: Message::Tell {
                call,
                outcome,
                relayed: false,
            },
        },
        Asker::Through {
            server,
            clerk,
            call,
        } => Effect::Send {
            to: server,
            message: Message::Relayed {
                clerk,
                call,
                outcome,
            },
        },
        Asker::Here(invocation) => Effect::Return {
            invocation,
            outcome: directly(outcome),
        },
    }
}

/// The outcome of a call without a session.
fn directly<M: StateMachine>(outcome: replica::Outcome<M>) -> Outcome<M> {
    match outcome {
        replica::Outcome::Written { response, .. } => Outcome::Written(response),
        replica::Outcome::Answered { answer, .. } => Outcome::Answered(answer),
        replica::Outcome::NotLeader { hint } => Outcome::NotHere { hint },
        replica::Outcome::TransferStarted => Outcome::TransferStarted,
        replica::Outcome::TransferRefused => Outcome::TransferRefused,
        replica::Outcome::Busy => Outcome::Busy,
        replica::Outcome::SessionOpened { .. }
        | replica::Outcome::Unknown
        | replica::Outcome::SessionExpired
        | replica::Outcome::StaleSequence => Outcome::Indeterminate,
    }
}

/// A server's record is its replica's.
pub(super) type Write<M> = <ReplicaDurable<M> as Durable>::Write;
