//! The key/value service: servers, clerks on nodes of their own, and one key.
//!
//! Exploration begins when a server leads. Clients append to the key and get it,
//! and what they are told must be linearizable. Clerks ask the servers in the
//! order of their names, so servers are told apart and no symmetry is made use of.

use std::sync::Arc;

use snowglobe_systems::invariants::{ClusterView, Violation};
use snowglobe_systems::kv::{
    Command, Get, Invariants, Key, Message, Node, Operation, Outcome, Response, Value,
};
use snowglobe_systems::process::NodeId;
use snowglobe_systems::service::{Config, Timer};

use super::{asked, raft, service};
use crate::explore::{
    Bounds, Client, Property, PropertyKind, Scope, Setting, TimerKind, UNDECIDED, Workload,
};
use crate::history::ClientId;
use crate::linearizability::specifications::{KeyValue, KeyedInput, TextInput, TextOutput};
use crate::linearizability::{Online, OnlineError};

/// A cluster of servers and its clerks.
#[derive(Clone, Debug)]
pub struct KvSetting {
    bounds: Bounds,
    configs: Vec<Config>,
    clients: Vec<Client<Operation>>,
}

/// What clients saw, as far as it matters for what they may see next.
pub type Judge = Online<Arc<str>, Arc<str>, Question>;

/// What a store is asked.
type Question = KeyedInput<Arc<str>, TextInput>;

/// The one key that all clients use.
pub(in crate::models) const KEY: &str = "x";

impl KvSetting {
    /// The nodes are what their configurations say. Each clerk has a client; they
    /// share the operations out among them, and each appends and gets in turn.
    #[must_use]
    pub fn new(bounds: Bounds, mut configs: Vec<Config>) -> Self {
        for config in &mut configs {
            service::tune(config, &bounds);
        }
        Self::tuned(bounds, configs)
    }

    /// As [`new`](Self::new), with nodes that are tuned as their configurations
    /// say, whatever the bounds do.
    #[must_use]
    pub fn tuned(bounds: Bounds, configs: Vec<Config>) -> Self {
        let clerks: Vec<NodeId> = service::clerks(&configs).collect();
        let clients = clerks
            .iter()
            .enumerate()
            .map(|(client, clerk)| Client {
                at: vec![*clerk],
                operations: operations(client, clerks.len(), &bounds),
                waits: true,
            })
            .collect();
        Self {
            bounds,
            configs,
            clients,
        }
    }
}

/// What a client asks for, of the operations of all clients.
fn operations(client: usize, clients: usize, bounds: &Bounds) -> Vec<Operation> {
    let own = (client..usize::from(bounds.operations)).step_by(clients);
    own.enumerate()
        .map(|(number, place)| match bounds.workload {
            Workload::Swaps => put_or_swap(place),
            Workload::Usual if (client + number).is_multiple_of(2) => append(place),
            _ => Operation::Read(Get {
                key: Key::from(KEY),
            }),
        })
        .collect()
}

fn append(place: usize) -> Operation {
    let letter = char::from(b'a' + (place % 26) as u8).to_string();
    Operation::Write(Command::Append {
        key: Key::from(KEY),
        value: Value::from(letter.as_str()),
    })
}

/// A value is put; then, in turn, it is swapped for the same one, and read.
fn put_or_swap(place: usize) -> Operation {
    let (key, value) = (Key::from(KEY), Value::from("a"));
    match place {
        0 => Operation::Write(Command::Put { key, value }),
        place if place % 2 == 1 => Operation::Write(Command::Cas {
            key,
            from: value.clone(),
            to: value,
        }),
        _ => Operation::Read(Get { key }),
    }
}

impl Setting for KvSetting {
    type Process = Node;
    type Invariants = Invariants;
    type Judge = Judge;

    const NAME: &'static str = "kv";

    fn scopes() -> Vec<Scope> {
        let base = Bounds {
            terms: 2,
            clients: 2,
            operations: 2,
            timeouts: 1,
            messages: 2,
            ..Bounds::default()
        };
        let scope = |name, change| Scope::of(name, 3, &base, change);
        vec![
            scope("swap", |bounds| {
                bounds.operations = 4;
                bounds.workload = Workload::Swaps;
                bounds.duplicates = 1;
            })
            .of_size(1),
            scope("duplicate", |bounds| {
                bounds.duplicates = 1;
                bounds.timeouts = 0;
            }),
            scope("crash", |bounds| bounds.crashes = 1),
            scope("election", |bounds| bounds.timeouts = 2),
            scope("snapshot", |bounds| {
                bounds.crashes = 1;
                bounds.snapshot_after = 1;
            }),
        ]
    }

    fn workloads() -> &'static [Workload] {
        &[Workload::Usual, Workload::Reads, Workload::Swaps]
    }

    fn usual_scope() -> &'static str {
        "crash"
    }

    fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    fn configs(&self) -> &[Config] {
        &self.configs
    }

    fn clients(&self) -> &[Client<Operation>] {
        &self.clients
    }

    fn properties(&self) -> Vec<Property> {
        let own = Property {
            name: LINEARIZABLE,
            kind: PropertyKind::History,
        };
        service::properties().chain([own]).collect()
    }

    fn marks(&self) -> Vec<&'static str> {
        service::marks(&self.bounds)
    }

    fn is_within(&self, process: &Node) -> bool {
        service::is_within(process, &self.bounds)
    }

    fn is_ready(&self, cluster: &impl ClusterView<Node>) -> bool {
        self.is_well(cluster, &[]).is_ok()
    }

    fn timer_kind(&self, timer: Timer) -> Option<TimerKind> {
        service::timer_kind(timer)
    }

    /// Clerks keep nothing, so a crash of one is a client that gives up.
    fn may_crash(&self, node: NodeId) -> bool {
        matches!(self.configs[node.position()], Config::Server(_))
    }

    fn read_operation(&self, words: &str) -> Option<Operation> {
        asked::store(words)
    }

    fn is_judged(&self, operation: &Operation) -> bool {
        service::is_judged(operation)
    }

    fn judge_of_a_run(&self) -> Judge {
        Judge::with_limit(service::WIDEST_RUN)
    }

    fn called(&self, judge: &mut Judge, client: usize, operation: &Operation) {
        called(judge, client, operation);
    }

    fn returned(
        &self,
        judge: &mut Judge,
        client: usize,
        outcome: &Outcome,
    ) -> Result<(), Violation> {
        returned(judge, client, outcome)
    }

    fn abandoned(&self, judge: &mut Judge, client: usize) {
        abandoned(judge, client);
    }

    fn shape(&self, cluster: &impl ClusterView<Node>) -> String {
        service::shape(service::servers(&self.configs), cluster)
    }

    fn dispensable(&self) -> Vec<Vec<NodeId>> {
        raft::minorities(&service::servers(&self.configs).collect::<Vec<_>>())
    }

    fn is_well(&self, cluster: &impl ClusterView<Node>, away: &[NodeId]) -> Result<(), String> {
        service::is_well(service::servers(&self.configs), cluster, away)
    }

    fn message_words(message: &Message) -> String {
        service::message_words(message)
    }

    fn timer_words(timer: Timer) -> String {
        service::timer_words(timer)
    }

    fn operation_words(operation: &Operation) -> String {
        asked::of_store(operation)
    }

    fn process_words(process: &Node) -> String {
        process.to_string()
    }
}

pub(super) const LINEARIZABLE: &str = "linearizable";

pub(super) fn called(judge: &mut Judge, client: usize, operation: &Operation) {
    let (client, question) = (ClientId(client as u32), question(operation));
    judge
        .call(&KeyValue::EMPTY, client, question)
        .expect("a client asks for one thing at a time");
}

pub(super) fn returned(
    judge: &mut Judge,
    client: usize,
    outcome: &Outcome,
) -> Result<(), Violation> {
    let client = ClientId(client as u32);
    let told = match reply(outcome) {
        Some(output) => judge.answer(&KeyValue::EMPTY, client, &output),
        None => judge.abandon(&KeyValue::EMPTY, client),
    };
    told.map_err(|error| {
        let expected = "an answer that one store could give";
        let found = match error {
            OnlineError::Illegal { client } => {
                format!("{outcome:?} told to {client}, and nothing explains it")
            }
            other => return undecided(&other),
        };
        Violation::new(LINEARIZABLE, [], expected, found)
    })
}

/// What a judge says that gives up.
pub(super) fn undecided(error: &OnlineError) -> Violation {
    let expected = "few enough ways to explain what clients were told";
    Violation::new(UNDECIDED, [], expected, error.to_string())
}

pub(super) fn abandoned(judge: &mut Judge, client: usize) {
    judge
        .abandon(&KeyValue::EMPTY, ClientId(client as u32))
        .expect("only who waits gives up");
}

/// What a client asks, as the store's specification knows it.
fn question(operation: &Operation) -> Question {
    let (key, input) = match operation {
        Operation::Read(get) => (get.key.0.clone(), TextInput::Get),
        Operation::Write(command) => {
            let text = |value: &Value| value.0.clone();
            let input = match command {
                Command::Put { value, .. } => TextInput::Put(text(value)),
                Command::Append { value, .. } => TextInput::Append(text(value)),
                Command::Delete { .. } => TextInput::Delete,
                Command::Cas { from, to, .. } => TextInput::Cas {
                    from: text(from),
                    to: text(to),
                },
            };
            (command.key().0.clone(), input)
        }
        Operation::TransferLeadership { .. } => panic!("no client here asks for a transfer"),
    };
    KeyedInput { key, input }
}

/// What a client is told; `None` where it is not told what became of it.
fn reply(outcome: &Outcome) -> Option<TextOutput> {
    Some(match outcome {
        Outcome::Written(Response::Done) => TextOutput::Done,
        Outcome::Written(Response::Swapped) => TextOutput::Swapped,
        Outcome::Written(Response::Kept) => TextOutput::Kept,
        Outcome::Answered(answer) => {
            let value = answer.0.as_ref().map(|value| value.0.clone());
            TextOutput::Value(value.unwrap_or_else(|| "".into()))
        }
        Outcome::Indeterminate
        | Outcome::Busy
        | Outcome::NotHere { .. }
        | Outcome::TransferStarted
        | Outcome::TransferRefused => return None,
    })
}

/// So many servers, and clerks that ask them, with the usual tuning.
#[must_use]
pub fn configs(servers: usize, clerks: usize) -> Vec<Config> {
    service::configs(servers, clerks)
}
