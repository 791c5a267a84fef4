//! The shard controller: servers, and clerks on nodes of their own.
//!
//! Exploration begins when a server leads and there are [`SHARDS`] shards: the
//! first client said so, and has a session from then on. Clients let groups join
//! and leave, move a shard, and look at configurations. What they are told must
//! be linearizable.

use snowglobe_systems::invariants::{ClusterView, Violation};
use snowglobe_systems::process::NodeId;
use snowglobe_systems::raft::LogIndex;
use snowglobe_systems::replica::StateMachine as _;
use snowglobe_systems::service::{Config, Timer};
use snowglobe_systems::shardctrler::{
    Command, Configuration, Controller, ControllerInvariants, GroupId, Message, Node, Number,
    Operation, Outcome, Partitioner, Query, Response, Shard,
};
use snowglobe_systems::vec_map::VecMap;
use snowglobe_systems::vec_set::VecSet;

use super::{asked, raft, service};
use crate::explore::{Bounds, Client, Property, PropertyKind, Scope, Setting, TimerKind, Workload};
use crate::history::ClientId;
use crate::linearizability::{Online, OnlineError, Specification};

/// A controller's servers and its clerks.
#[derive(Clone, Debug)]
pub struct ControllerSetting {
    bounds: Bounds,
    configs: Vec<Config>,
    clients: Vec<Client<Operation>>,
}

/// What clients saw, as far as it matters for what they may see next.
pub type Judge = Online<(), Vec<Command>, Ask>;

/// How many shards there are when exploration begins.
pub const SHARDS: u16 = 2;

impl ControllerSetting {
    /// The nodes are what their configurations say. Each clerk has a client; they
    /// share the operations out among them, and each changes something and looks
    /// in turn.
    ///
    /// # Panics
    /// If there is no clerk.
    #[must_use]
    pub fn new(bounds: Bounds, mut configs: Vec<Config>) -> Self {
        for config in &mut configs {
            service::tune(config, &bounds);
        }
        let clerks: Vec<NodeId> = service::clerks(&configs).collect();
        let mut clients: Vec<Client<Operation>> = clerks
            .iter()
            .enumerate()
            .map(|(client, clerk)| Client {
                at: vec![*clerk],
                operations: operations(client, clerks.len(), &bounds),
                waits: true,
            })
            .collect();
        let divide = Operation::Write(Command::Divide {
            shards: SHARDS,
            partitioner: Partitioner::default(),
        });
        clients[0].operations.insert(0, divide);
        Self {
            bounds,
            configs,
            clients,
        }
    }

    /// Nodes that are tuned as their configurations say, in a world that is there
    /// already; no client asks for anything more.
    #[must_use]
    pub fn tuned(bounds: Bounds, configs: Vec<Config>) -> Self {
        Self {
            bounds,
            clients: Vec::new(),
            configs,
        }
    }
}

/// What a client asks for, of the operations of all clients.
fn operations(client: usize, clients: usize, bounds: &Bounds) -> Vec<Operation> {
    let writes = bounds.workload == Workload::Usual;
    let own = (client..usize::from(bounds.operations)).step_by(clients);
    own.enumerate()
        .map(
            |(number, place)| match writes && (client + number).is_multiple_of(2) {
                true => Operation::Write(change(place)),
                false => Operation::Read(look(place)),
            },
        )
        .collect()
}

fn change(place: usize) -> Command {
    let group = |number: u32| (GroupId(number), vec![NodeId(100 + number as u16)]);
    let join = |number| Command::Join {
        groups: VecMap::from([group(number)]),
    };
    match place % 8 {
        0 | 1 => join(1),
        2 | 3 => join(2),
        4 | 5 => Command::Move {
            shard: Shard(0),
            to: GroupId(2),
        },
        _ => Command::Leave {
            groups: VecSet::from([GroupId(1)]),
        },
    }
}

fn look(place: usize) -> Query {
    match place % 4 {
        0 | 1 => Query::NEWEST,
        _ => Query::of(Number(2)),
    }
}

impl Setting for ControllerSetting {
    type Process = Node;
    type Invariants = ControllerInvariants;
    type Judge = Judge;

    const NAME: &'static str = "shardctrler";

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
            scope("duplicate", |bounds| {
                bounds.duplicates = 1;
                bounds.clients = 1;
            }),
            scope("election", |bounds| {
                bounds.timeouts = 2;
                bounds.clients = 1;
            }),
            scope("operators", |bounds| {
                bounds.operations = 4;
                bounds.timeouts = 0;
            }),
            scope("crash", |bounds| bounds.crashes = 1),
        ]
    }

    fn workloads() -> &'static [Workload] {
        &[Workload::Usual, Workload::Reads]
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
        properties().chain([own]).collect()
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

    fn early_calls(&self) -> Vec<usize> {
        vec![0]
    }

    fn timer_kind(&self, timer: Timer) -> Option<TimerKind> {
        service::timer_kind(timer)
    }

    /// Clerks keep nothing, so a crash of one is a client that gives up.
    fn may_crash(&self, node: NodeId) -> bool {
        !service::is_clerk(&self.configs[node.position()])
    }

    fn read_operation(&self, words: &str) -> Option<Operation> {
        asked::controller(words)
    }

    fn is_judged(&self, operation: &Operation) -> bool {
        service::is_judged(operation)
    }

    fn judge_of_a_run(&self) -> Judge {
        Judge::with_limit(service::WIDEST_RUN)
    }

    fn called(&self, judge: &mut Judge, client: usize, operation: &Operation) {
        let ask = match operation {
            Operation::Write(command) => Ask::Change(command.clone()),
            Operation::Read(query) => Ask::Look(*query),
            Operation::TransferLeadership { .. } => panic!("no client here asks for a transfer"),
        };
        judge
            .call(&OneController, ClientId(client as u32), ask)
            .expect("a client asks for one thing at a time");
    }

    fn returned(
        &self,
        judge: &mut Judge,
        client: usize,
        outcome: &Outcome,
    ) -> Result<(), Violation> {
        let client = ClientId(client as u32);
        let told = match outcome {
            Outcome::Written(response) => {
                judge.answer(&OneController, client, &Told::Done(*response))
            }
            Outcome::Answered(configuration) => {
                judge.answer(&OneController, client, &Told::Shown(configuration.clone()))
            }
            Outcome::Indeterminate
            | Outcome::Busy
            | Outcome::NotHere { .. }
            | Outcome::TransferStarted
            | Outcome::TransferRefused => judge.abandon(&OneController, client),
        };
        told.map_err(|error| {
            let found = match error {
                OnlineError::Illegal { client } => {
                    format!("{outcome:?} told to {client}, and nothing explains it")
                }
                other => return super::kv::undecided(&other),
            };
            let expected = "an answer that one controller could give";
            Violation::new(LINEARIZABLE, [], expected, found)
        })
    }

    fn abandoned(&self, judge: &mut Judge, client: usize) {
        judge
            .abandon(&OneController, ClientId(client as u32))
            .expect("only who waits gives up");
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
        asked::of_controller(operation)
    }

    fn process_words(process: &Node) -> String {
        process.to_string()
    }
}

/// What the controller promises beside what its clients see.
pub(super) fn properties() -> impl Iterator<Item = Property> {
    use PropertyKind::{State, Step};
    let own = [
        ("configurations-agree", State),
        ("number-never-goes-back", Step),
        ("numbers-one-by-one", Step),
        ("owner-is-a-group", Step),
        ("group-has-servers", Step),
        ("division-is-settled", Step),
        ("shards-stay", Step),
        ("shards-are-even", Step),
        ("fewest-moves", Step),
    ];
    let own = own.map(|(name, kind)| Property { name, kind });
    service::properties().chain(own)
}

const LINEARIZABLE: &str = "linearizable";

/// A controller whose operations come one at a time.
///
/// What a command means it takes from the controller itself: here it is the
/// order that is judged, and that each command counts once. The meaning is
/// watched by the invariants, and judged by another object in the simulation.
#[derive(Clone, Copy, Debug)]
pub struct OneController;

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ask {
    /// A change.
    Change(Command),
    /// A look at a configuration.
    Look(Query),
}

/// What a client is told.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Told {
    /// What became of a change.
    Done(Response),
    /// A configuration.
    Shown(Configuration),
}

impl Specification for OneController {
    /// The commands that changed something: as many as there are configurations
    /// after the first.
    type State = Vec<Command>;
    type Input = Ask;
    type Output = Told;
    type Key = ();
    type Next = Option<Vec<Command>>;

    fn initial(&self) -> Vec<Command> {
        Vec::new()
    }

    fn key(&self, _: &Ask) {}

    fn step(&self, state: &Vec<Command>, ask: &Ask, told: Option<&Told>) -> Option<Vec<Command>> {
        let mut controller = Controller::default();
        for command in state {
            controller.apply(LogIndex(0), command);
        }
        let (right, next) = match ask {
            Ask::Look(query) => (Told::Shown(controller.query(query)), state.clone()),
            Ask::Change(command) => {
                let response = controller.apply(LogIndex(0), command);
                let mut next = state.clone();
                if matches!(response, Response::Changed(_)) {
                    next.push(command.clone());
                }
                (Told::Done(response), next)
            }
        };
        told.is_none_or(|told| *told == right).then_some(next)
    }
}

/// So many servers, and clerks that ask them, with the usual tuning.
#[must_use]
pub fn configs(servers: usize, clerks: usize) -> Vec<Config> {
    service::configs(servers, clerks)
}
