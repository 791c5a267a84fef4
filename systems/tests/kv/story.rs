//! Words in which the stories are told.

use proptest::test_runner::{Config as ProptestConfig, RngSeed};
use snowglobe_systems::kv::{
    Answer, Command, Get, Invariants, Key, Message, Node, Operation, Outcome, Response, Store,
};
use snowglobe_systems::process::{InvocationId, NodeId};
use snowglobe_systems::raft;
use snowglobe_systems::replica::{self, Applied, Replica, Sequence, SessionId, Sessions};
use snowglobe_systems::service::{Call, Clerk, ClerkConfig, Config, Timer};

use crate::cluster::{Cluster, Envelope};

pub(crate) type World = Cluster<Node, Invariants>;

pub(crate) const N1: NodeId = NodeId(1);
pub(crate) const N2: NodeId = NodeId(2);
pub(crate) const N3: NodeId = NodeId(3);
/// A clerk, who asks n1 first.
pub(crate) const ANN: NodeId = NodeId(4);
/// A clerk, who asks n2 first.
pub(crate) const BOB: NodeId = NodeId(5);
/// What nearly all stories write to.
pub(crate) const KEY: &str = "page";

/// A clerk's question on its way.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    pub(crate) to: NodeId,
    pub(crate) call: Call,
    pub(crate) operation: replica::Operation<Store>,
}

/// The same cases each time, unless the environment asks for a seed of its own.
pub(crate) fn cases() -> ProptestConfig {
    let asked = ProptestConfig::default();
    let rng_seed = match asked.rng_seed {
        RngSeed::Random => RngSeed::Fixed(1),
        RngSeed::Fixed(seed) => RngSeed::Fixed(seed),
    };
    ProptestConfig {
        failure_persistence: None,
        rng_seed,
        ..asked
    }
}

/// A server that knows repetitions by its log alone, unless a story says otherwise.
pub(crate) fn server() -> replica::Config {
    let mut config = replica::Config::of(3);
    config.remembered_answers = 0;
    config
}

pub(crate) fn clerk() -> ClerkConfig {
    ClerkConfig::of([N1, N2, N3])
}

/// The servers n1, n2 and n3, and the clerks Ann and Bob.
pub(crate) fn world() -> World {
    world_of(&server(), &clerk())
}

pub(crate) fn world_of(server: &replica::Config, clerk: &ClerkConfig) -> World {
    let servers = (0..3).map(|_| Config::Server(server.clone()));
    let clerks = (0..2).map(|_| Config::Clerk(clerk.clone()));
    Cluster::of(servers.chain(clerks).collect())
}

/// A world in which n1 leads and all servers know it.
pub(crate) fn world_led_by_n1() -> World {
    let mut world = world();
    world.elect(N1);
    world
}

pub(crate) fn append(text: &str) -> Command {
    Command::Append {
        key: KEY.into(),
        value: text.into(),
    }
}

pub(crate) fn get() -> Get {
    Get { key: KEY.into() }
}

pub(crate) fn is_ask(envelope: &Envelope<Node>) -> bool {
    matches!(envelope.message, Message::Ask { .. })
}

pub(crate) fn is_tell(envelope: &Envelope<Node>) -> bool {
    matches!(envelope.message, Message::Tell { .. })
}

pub(crate) fn is_raft(envelope: &Envelope<Node>) -> bool {
    matches!(
        envelope.message,
        Message::Raft(_) | Message::Relay { .. } | Message::Relayed { .. }
    )
}

/// Time, messages, crashes.
impl World {
    /// Nothing promised was broken.
    pub(crate) fn assert_held(&self) {
        if let Some(violation) = &self.violation {
            panic!("{violation}");
        }
    }

    /// Delivers the first message of a kind; says whether there was one.
    pub(crate) fn deliver_first(&mut self, kind: impl Fn(&Envelope<Node>) -> bool) -> bool {
        let place = self.bag.iter().position(kind);
        place.is_some_and(|place| {
            self.deliver(place);
            true
        })
    }

    /// Delivers what servers say to each other, and leaves the clerks' messages on their way.
    pub(crate) fn settle_servers(&mut self) {
        while self.deliver_first(is_raft) {}
    }

    /// Lets `node` win an election for which all servers that are up are ready.
    pub(crate) fn elect(&mut self, node: NodeId) {
        let election = Timer::Raft(raft::Timer::Election);
        for other in [N1, N2, N3] {
            if self.is_up(other) && other != node {
                self.timeout(other, election);
            }
        }
        self.lose(is_raft);
        self.timeout(node, election);
        self.settle_servers();
        assert!(self.leads(node), "{node} wins: {}", self.node(node));
        self.assert_held();
    }

    /// Lets a leader's heartbeat go round, so that all servers know the commit index.
    pub(crate) fn heartbeat(&mut self, leader: NodeId) {
        let heartbeat = Timer::Raft(raft::Timer::Heartbeat);
        assert!(self.timeout(leader, heartbeat), "{leader} leads");
        self.settle_servers();
    }

    /// A clerk has waited long enough for an answer in its only slot.
    pub(crate) fn lose_patience(&mut self, clerk: NodeId) {
        let armed = self.timers(clerk).iter().copied();
        let patience = armed
            .filter(|timer| matches!(timer, Timer::Patience { .. }))
            .collect::<Vec<_>>();
        assert_eq!(patience.len(), 1, "{clerk} waits for one answer");
        self.timeout(clerk, patience[0]);
    }

    /// A clerk has rested in its only slot.
    pub(crate) fn finish_rest(&mut self, clerk: NodeId) {
        let armed = self.timers(clerk).iter().copied();
        let rest = armed
            .filter(|timer| matches!(timer, Timer::BackOff { .. }))
            .collect::<Vec<_>>();
        assert_eq!(rest.len(), 1, "{clerk} rests");
        self.timeout(clerk, rest[0]);
    }

    /// Delivers everything, and lets a clerk's timers fire when nothing is on its way.
    pub(crate) fn settle_until_answered(&mut self, clerk: NodeId, call: InvocationId) {
        self.settle();
        for _ in 0..20 {
            if self.outcome(call).is_some() {
                return;
            }
            for timer in self.timers(clerk).clone() {
                self.timeout(clerk, timer);
            }
            self.settle();
        }
        panic!("{call} is never answered: {}", self.node(clerk));
    }

    pub(crate) fn crash_servers(&mut self) {
        for server in [N1, N2, N3] {
            self.crash(server);
        }
    }

    pub(crate) fn restart_all(&mut self) {
        for node in self.names() {
            self.restart(node);
        }
    }
}

/// Calls and their answers.
impl World {
    pub(crate) fn append(&mut self, node: NodeId, text: &str) -> InvocationId {
        self.invoke(node, Operation::Write(append(text)))
    }

    pub(crate) fn get(&mut self, node: NodeId) -> InvocationId {
        self.invoke(node, Operation::Read(get()))
    }

    /// Appends through a clerk with nothing in the way.
    pub(crate) fn append_now(&mut self, clerk: NodeId, text: &str) {
        let call = self.append(clerk, text);
        self.settle();
        self.assert_done(call);
    }

    pub(crate) fn outcome(&self, call: InvocationId) -> Option<&Outcome> {
        self.outcomes.get(&call)
    }

    pub(crate) fn assert_done(&self, call: InvocationId) {
        assert_eq!(self.outcome(call), Some(&Outcome::Written(Response::Done)));
    }

    pub(crate) fn assert_read(&self, call: InvocationId, text: &str) {
        let answer = Outcome::Answered(Answer(Some(text.into())));
        assert_eq!(self.outcome(call), Some(&answer));
    }

    /// The clerks' questions that are on their way, the oldest first.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        let asked = self.bag.iter().filter_map(|envelope| {
            let Message::Ask {
                call, operation, ..
            } = &envelope.message
            else {
                return None;
            };
            Some(Asked {
                to: envelope.to,
                call: *call,
                operation: operation.clone(),
            })
        });
        asked.collect()
    }

    /// The only question that is on its way.
    pub(crate) fn only_asked(&self) -> Asked {
        let mut asked = self.asked();
        assert_eq!(asked.len(), 1, "{asked:?}");
        asked.remove(0)
    }

    /// Lets a server tell a clerk what it never said.
    pub(crate) fn forge_tell(
        &mut self,
        (from, to): (NodeId, NodeId),
        call: Call,
        outcome: replica::Outcome<Store>,
    ) {
        let message = Message::Tell {
            call,
            outcome,
            relayed: false,
        };
        self.bag.push_front(Envelope { from, to, message });
        self.deliver(0);
    }
}

/// What can be seen from outside.
impl World {
    pub(crate) fn replica(&self, node: NodeId) -> &Replica<Store> {
        self.node(node).replica().expect("a server")
    }

    pub(crate) fn clerk(&self, node: NodeId) -> &Clerk<Store> {
        self.node(node).clerk().expect("a clerk")
    }

    pub(crate) fn leads(&self, node: NodeId) -> bool {
        self.is_up(node) && self.replica(node).raft().role().is_leader()
    }

    /// What is on the page, as far as a server knows.
    pub(crate) fn text(&self, node: NodeId) -> &str {
        let text = self.replica(node).machine().get(&Key::from(KEY));
        text.unwrap_or_default()
    }

    /// The session of a clerk's first slot, and the number of its last write.
    pub(crate) fn session(&self, clerk: NodeId) -> Option<(SessionId, Sequence)> {
        self.clerk(clerk).slots()[0].session()
    }

    pub(crate) fn sessions(&self, server: NodeId) -> &Sessions<Applied<Response>> {
        self.replica(server).sessions()
    }

    pub(crate) fn open_sessions(&self, server: NodeId) -> Vec<SessionId> {
        self.sessions(server).iter().map(|(id, _)| id).collect()
    }
}
