//! Clients and servers of one register, all of them nodes.

use std::fmt::Debug;
use std::hash::Hash;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use snowglobe_checkers::linearizability::specifications::RegisterOutput;
use snowglobe_systems::process::{Durable, Effect, Effects, Input, NodeId, Process};

/// What a register holds; 0 before the first write.
pub(crate) type Value = u16;

/// The n-th call of a client (1-based).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Request(pub(crate) NodeId, pub(crate) u16);

/// What clients and servers say to each other, and servers among themselves.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Message<I> {
    Write(Request, Value),
    Read(Request),
    Written(Request),
    Holds(Request, Value),
    /// Between servers.
    Inner(I),
}

/// What a server wants sent.
pub(crate) type Mail<I> = Vec<(NodeId, Message<I>)>;

/// A server of a register.
pub(crate) trait Register: Clone + Eq + Hash + Debug + Send + Sync + 'static {
    const NAME: &'static str;
    /// What servers say among themselves.
    type Inner: Clone + Ord + Hash + Debug + Send + Sync + Serialize + DeserializeOwned + 'static;

    fn new(id: NodeId, servers: u16) -> Self;
    fn receive(
        &mut self,
        from: NodeId,
        message: Message<Self::Inner>,
        mail: &mut Mail<Self::Inner>,
    );
}

/// The servers other than this one.
pub(crate) fn peers(id: NodeId, servers: u16) -> impl Iterator<Item = NodeId> {
    (1..=servers).map(NodeId).filter(move |peer| *peer != id)
}

/// How many servers are more than half of them.
pub(crate) fn majority(servers: u16) -> usize {
    usize::from(servers) / 2 + 1
}

/// A client: it writes a value of its own, and then reads at the next server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Client {
    id: NodeId,
    servers: u16,
    /// The call that it waits for, if it does.
    open: Option<Request>,
}

impl Client {
    /// The servers come first among the nodes. The first client asks the first
    /// of them, the second client the second, and each goes on to the next.
    fn server(&self, call: u16) -> NodeId {
        let place = usize::from(self.id.0 - self.servers - 1 + call - 1);
        NodeId::at(place % usize::from(self.servers))
    }

    fn start<I>(&mut self) -> (NodeId, Message<I>) {
        let request = Request(self.id, 1);
        self.open = Some(request);
        let value = self.id.0 - self.servers;
        (self.server(1), Message::Write(request, value))
    }

    fn receive<I>(&mut self, message: &Message<I>) -> Option<(RegisterOutput<Value>, Mail<I>)> {
        match message {
            Message::Written(request) if self.open == Some(*request) => {
                let next = Request(self.id, 2);
                self.open = Some(next);
                let ask = (self.server(2), Message::Read(next));
                Some((RegisterOutput::Written, vec![ask]))
            }
            Message::Holds(request, value) if self.open == Some(*request) => {
                self.open = None;
                Some((RegisterOutput::Value(*value), Vec::new()))
            }
            _ => None,
        }
    }
}

/// A node: a server, or a client of theirs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Party<R> {
    Server(R),
    Client(Client),
}

/// How many nodes are servers: the first so many.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) servers: u16,
}

/// A disk on which clients note what they are told. Nobody goes down here, so
/// nobody reads it, and nothing of it has to be kept: the observers look at
/// the notes while they are being written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Notes;

impl Durable for Notes {
    type Write = RegisterOutput<Value>;
    fn apply(&mut self, _: &Self::Write) {}
}

/// No timer is ever set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum NoTimer {}

impl<R: Register> Process for Party<R> {
    type Config = Config;
    type Message = Message<R::Inner>;
    type Timer = NoTimer;
    type Operation = ();
    type Outcome = ();
    type Durable = Notes;

    fn start(id: NodeId, config: &Config, _: Notes, effects: &mut Effects<Self>) -> Self {
        if id.0 <= config.servers {
            return Self::Server(R::new(id, config.servers));
        }
        let mut client = Client {
            id,
            servers: config.servers,
            open: None,
        };
        let (to, message) = client.start();
        effects.push(Effect::Send { to, message });
        Self::Client(client)
    }

    fn step(&mut self, input: Input<Self>, effects: &mut Effects<Self>) {
        let Input::Receive { from, message } = input else {
            return;
        };
        let mut mail = Vec::new();
        match self {
            Self::Server(server) => server.receive(from, message, &mut mail),
            Self::Client(client) => {
                if let Some((answer, next)) = client.receive(&message) {
                    effects.push(Effect::Persist(answer));
                    mail = next;
                }
            }
        }
        for (to, message) in mail {
            effects.push(Effect::Send { to, message });
        }
    }
}
