//! A tiny job of MapReduce: a store, a coordinator, workers, two splits.
//!
//! It begins when all nodes have just started, since the first pings decide who
//! does what. The work of a task takes its time and then is done, which costs
//! nothing; pings are beats, and so scarce that most workers speak only when they have
//! something to say. A coordinator that looks twice without hearing of a worker takes it for dead.

use std::sync::Arc;

use snowglobe_systems::invariants::{ClusterView, Invariants, Violation};
use snowglobe_systems::mapreduce::applications::WordCount;
use snowglobe_systems::mapreduce::invariants::MapReduceInvariants;
use snowglobe_systems::mapreduce::{
    App, Attempt, Config, Coordinator, Job, Location, Message, Node, Operation, Order, Report,
    Role, Split, Status, Timer, Tuning, Write, marks, sequentially,
};
use snowglobe_systems::process::{Effect, NodeId};

use crate::explore::{Bounds, Client, Property, PropertyKind, Scope, Setting, TimerKind};

/// The nodes of a job.
#[derive(Clone, Debug)]
pub struct JobSetting {
    bounds: Bounds,
    configs: Vec<Config>,
    clients: Vec<Client<Operation>>,
    /// The parts of the output that the job must come to.
    expected: Vec<String>,
}

/// How many parts of the output are done, as the last who asked was told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Told {
    reduced: usize,
}

/// What the system promises, and that what becomes visible is right.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct JobInvariants(MapReduceInvariants);

impl From<MapReduceInvariants> for JobInvariants {
    fn from(promises: MapReduceInvariants) -> Self {
        Self(promises)
    }
}

/// After how many looks of the coordinator a silent worker is taken for dead.
const SILENT_CHECKS: u32 = 1;

impl JobSetting {
    /// The nodes are what their configurations say. One client asks the
    /// coordinator how the job stands, again and again.
    #[must_use]
    pub fn new(bounds: Bounds, mut configs: Vec<Config>) -> Self {
        for config in &mut configs {
            config.tuning.silent_checks = SILENT_CHECKS;
        }
        let asks = Client {
            at: vec![configs[0].coordinator],
            operations: vec![Operation::Status; usize::from(bounds.operations)],
            waits: true,
        };
        Self {
            bounds,
            clients: vec![asks],
            expected: sequentially(&configs[0].job).outputs,
            configs,
        }
    }

    /// Nodes that are tuned as their configurations say, in a world that is there
    /// already; no client asks for anything more.
    #[must_use]
    pub fn tuned(bounds: Bounds, configs: Vec<Config>) -> Self {
        Self {
            bounds,
            clients: Vec::new(),
            expected: sequentially(&configs[0].job).outputs,
            configs,
        }
    }
}

impl Setting for JobSetting {
    type Process = Node;
    type Invariants = JobInvariants;
    type Judge = Told;

    const NAME: &'static str = "mapreduce";

    fn scopes() -> Vec<Scope> {
        let base = Bounds {
            terms: 3,
            messages: 3,
            timeouts: 0,
            beats: 2,
            ..Bounds::default()
        };
        let scope = |name, change| Scope::of(name, 2, &base, change);
        vec![
            scope("calm", |bounds| bounds.operations = 1),
            scope("duplicate", |bounds| bounds.duplicates = 1),
            scope("two crashes", |bounds| {
                bounds.crashes = 2;
                bounds.beats = 1;
                bounds.messages = 1;
            }),
            scope("partitions", |bounds| {
                bounds.crashes = 1;
                bounds.beats = 1;
                bounds.messages = 2;
            })
            .tuned(&[("partitions", 2)]),
            scope("crash", |bounds| bounds.crashes = 1),
            scope("silence", |bounds| bounds.timeouts = 2),
            scope("backup", |bounds| {
                bounds.timeouts = 2;
                bounds.messages = 2;
            })
            .tuned(&[("lag_ms", 250)]),
        ]
    }

    fn usual_scope() -> &'static str {
        "calm"
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
        use PropertyKind::{History, State, Step};
        let all = [
            ("published-once", State),
            ("done-is-on-disk", State),
            ("done-is-visible", State),
            ("ledger-is-on-disk", State),
            ("life-is-on-disk", State),
            ("nobody-leaves-early", State),
            ("map-attempts-only-rise", Step),
            ("lost-stays-lost", Step),
            ("the-dead-have-nothing", Step),
            ("the-dead-get-no-task", Step),
            ("attempt-is-one-execution", Step),
            ("skipped-after-two-crashes", Step),
            (OUTPUT_IS_RIGHT, Step),
            (DONE_FOR_EVER, History),
        ];
        all.map(|(name, kind)| Property { name, kind }).to_vec()
    }

    fn marks(&self) -> Vec<&'static str> {
        let mut expected = vec![marks::MAPPED, marks::REDUCED, marks::LEFT];
        if self.bounds.timeouts > SILENT_CHECKS as u8 {
            expected.extend([marks::TAKEN_FOR_DEAD, marks::MAP_LOST]);
        }
        if self.bounds.crashes > 0 {
            expected.extend([marks::REBORN, marks::ADOPTED]);
        }
        let workers = self.configs.len().saturating_sub(2);
        let lags_at_once = self.configs[0].tuning.lag_checks == Some(1);
        if self.bounds.timeouts > 1 && workers > 1 && lags_at_once {
            expected.extend([marks::BACKUP, marks::BACKUP_WON]);
        }
        expected
    }

    /// Lives of the coordinator and of workers are counted, and so are these.
    fn is_within(&self, process: &Node) -> bool {
        let lives = match process {
            Node::Store(_) => 0,
            Node::Coordinator(coordinator) => coordinator.ledger().epoch,
            Node::Worker(worker) => worker.disk().life.0,
        };
        u64::from(lives) <= self.bounds.terms
    }

    fn timer_kind(&self, timer: Timer) -> Option<TimerKind> {
        Some(match timer {
            Timer::Ping => TimerKind::Beat,
            Timer::Check | Timer::Retry => TimerKind::Timeout,
            Timer::Work | Timer::Back => TimerKind::Due,
        })
    }

    fn read_operation(&self, words: &str) -> Option<Operation> {
        (words == "status").then_some(Operation::Status)
    }

    fn called(&self, _judge: &mut Told, _client: usize, _operation: &Operation) {}

    fn returned(
        &self,
        judge: &mut Told,
        _client: usize,
        outcome: &Option<Status>,
    ) -> Result<(), Violation> {
        let Some(status) = outcome else {
            return Ok(());
        };
        let before = judge.reduced;
        judge.reduced = status.reduces.2;
        match judge.reduced < before {
            false => Ok(()),
            true => Err(Violation::new(
                DONE_FOR_EVER,
                [],
                format!("{before} parts of the output to be done for ever"),
                format!("{} are", judge.reduced),
            )),
        }
    }

    /// What is done, who is at what, and which parts are visible.
    fn shape(&self, cluster: &impl ClusterView<Node>) -> String {
        let nodes = (0..cluster.len()).map(|place| cluster.node(NodeId::at(place)));
        let shapes = nodes.map(|node| match node.process {
            None => "down".to_owned(),
            Some(Node::Store(store)) => format!("{:?}", store.files().keys()),
            Some(Node::Coordinator(coordinator)) => coordinator_shape(coordinator),
            Some(Node::Worker(worker)) => {
                let has = worker.disk().outputs.keys();
                format!("{} {} {has:?}", worker.disk().life, worker.at())
            }
        });
        shapes.collect::<Vec<_>>().join(" ")
    }

    /// A worker, if there is another.
    fn dispensable(&self) -> Vec<Vec<NodeId>> {
        let is_worker = |place: &usize| matches!(self.configs[*place].role, Role::Worker { .. });
        let workers = (0..self.configs.len()).filter(is_worker);
        let workers: Vec<NodeId> = workers.map(NodeId::at).collect();
        match workers.len() {
            0 | 1 => Vec::new(),
            _ => workers.into_iter().map(|worker| vec![worker]).collect(),
        }
    }

    /// The job is done, its output is that of a sequential run, and all workers
    /// have left.
    fn is_well(&self, cluster: &impl ClusterView<Node>, away: &[NodeId]) -> Result<(), String> {
        let nodes = (0..cluster.len()).map(NodeId::at);
        for node in nodes.filter(|node| !away.contains(node)) {
            match cluster.node(node).process {
                None => return Err(format!("{node} is down")),
                Some(Node::Store(store)) => {
                    let files = store.files().values().map(|file| &*file.text);
                    if !files.eq(self.expected.iter().map(String::as_str)) {
                        return Err(format!("the output is not {:?}", self.expected));
                    }
                }
                Some(Node::Coordinator(coordinator)) if !coordinator.is_done() => {
                    return Err(format!("the job is not done: {}", coordinator.status()));
                }
                Some(Node::Worker(worker)) if !worker.has_left() => {
                    return Err(format!("{node} has not left"));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn message_words(message: &Message) -> String {
        message_words(message)
    }

    fn timer_words(timer: Timer) -> String {
        match timer {
            Timer::Check => "check".to_owned(),
            Timer::Ping => "ping".to_owned(),
            Timer::Retry => "retry".to_owned(),
            Timer::Back => "back".to_owned(),
            Timer::Work => "work".to_owned(),
        }
    }

    fn operation_words(operation: &Operation) -> String {
        match operation {
            Operation::Status => "status".to_owned(),
        }
    }

    fn process_words(process: &Node) -> String {
        process.to_string()
    }
}

const OUTPUT_IS_RIGHT: &str = "output-is-right";
const DONE_FOR_EVER: &str = "done-for-ever";

impl Invariants<Node> for JobInvariants {
    fn stepped(
        &mut self,
        cluster: &impl ClusterView<Node>,
        node: NodeId,
        effects: &[Effect<Node>],
    ) -> Result<(), Violation> {
        self.0.stepped(cluster, node, effects)
    }

    fn executed(
        &mut self,
        cluster: &impl ClusterView<Node>,
        node: NodeId,
        effect: &Effect<Node>,
    ) -> Result<(), Violation> {
        if let Some(Node::Store(store)) = cluster.node(node).process {
            is_right(node, store.job(), effect)?;
        }
        self.0.executed(cluster, node, effect)
    }

    fn settled(&mut self, cluster: &impl ClusterView<Node>, node: NodeId) -> Result<(), Violation> {
        self.0.settled(cluster, node)
    }

    fn crashed(
        &mut self,
        cluster: &impl ClusterView<Node>,
        node: NodeId,
        prevented: &[Effect<Node>],
    ) {
        self.0.crashed(cluster, node, prevented);
    }

    fn started(&mut self, cluster: &impl ClusterView<Node>, node: NodeId) -> Result<(), Violation> {
        self.0.started(cluster, node)
    }
}

/// What becomes visible is what a sequential run of the job comes to.
fn is_right(node: NodeId, job: &Job, effect: &Effect<Node>) -> Result<(), Violation> {
    let Effect::Persist(Write::File(partition, file)) = effect else {
        return Ok(());
    };
    let expected = sequentially(job).outputs;
    let expected = expected.get(usize::from(partition.0)).map(String::as_str);
    match expected == Some(&*file.text) {
        true => Ok(()),
        false => Err(Violation::new(
            OUTPUT_IS_RIGHT,
            [node],
            format!("{expected:?} as {partition}"),
            format!("{:?} of {}", file.text, file.attempt),
        )),
    }
}

fn coordinator_shape(coordinator: &Coordinator) -> String {
    let ledger = coordinator.ledger();
    let maps = ledger.maps.iter();
    let maps: Vec<_> = maps.map(|(map, done)| (map, done.by)).collect();
    let at_work: Vec<_> = coordinator
        .at_work()
        .map(|(worker, task, _)| (worker, task))
        .collect();
    let reduces = ledger.reduces.keys();
    format!("{} {maps:?} {reduces:?} {at_work:?}", ledger.epoch)
}

fn message_words(message: &Message) -> String {
    match message {
        Message::Ping {
            life,
            newest,
            report,
        } => {
            let newest = newest.map_or_else(|| "none".to_owned(), |it| it.to_string());
            format!("Ping life {life} newest {newest} {}", report_words(report))
        }
        Message::Order { life, order } => format!("Order life {life} {}", order_words(order)),
        Message::Read { map } => format!("Read {map}"),
        Message::Text { map, .. } => format!("Text {map}"),
        Message::Fetch {
            attempt,
            map,
            partition,
        } => format!("Fetch {map} {attempt} {partition}"),
        Message::Piece {
            attempt,
            map,
            partition,
            ..
        } => format!("Piece {map} {attempt} {partition}"),
        Message::Gone { attempt, map } => format!("Gone {map} {attempt}"),
        Message::Publish {
            partition, attempt, ..
        } => format!("Publish {partition} {attempt}"),
        Message::Published {
            partition, attempt, ..
        } => format!("Published {partition} {attempt}"),
    }
}

fn report_words(report: &Report) -> String {
    match report {
        Report::Idle => "idle".to_owned(),
        Report::Busy {
            task,
            attempt,
            missing,
            store_is_silent,
        } => {
            let waits = if *store_is_silent { ", no store" } else { "" };
            format!("busy {task} {attempt} missing {missing:?}{waits}")
        }
        Report::Mapped { map, attempt, .. } => format!("mapped {map} {attempt}"),
        Report::Reduced {
            partition,
            attempt,
            published,
            ..
        } => format!("reduced {partition} {attempt} as {published}"),
        Report::Crashed {
            task,
            attempt,
            record,
        } => format!("crashed {task} {attempt} at {record}"),
    }
}

fn order_words(order: &Order) -> String {
    let places = |locations: &[Location]| {
        let places = locations.iter();
        let words = places.map(|it| format!("{} {} at {}", it.map, it.attempt, it.node));
        words.collect::<Vec<_>>().join(", ")
    };
    let given = |task: &dyn std::fmt::Display, attempt: &Attempt| format!("{task} {attempt}");
    match order {
        Order::Wait => "wait".to_owned(),
        Order::Map { map, attempt, .. } => given(map, attempt),
        Order::Reduce {
            partition,
            attempt,
            locations,
            ..
        } => format!("{} of {}", given(partition, attempt), places(locations)),
        Order::GoOn { attempt, locations } if locations.is_empty() => format!("go on {attempt}"),
        Order::GoOn { attempt, locations } => format!("go on {attempt} {}", places(locations)),
        Order::Drop { attempt } => format!("drop {attempt}"),
        Order::BeginAnew => "begin anew".to_owned(),
        Order::Leave => "leave".to_owned(),
    }
}

/// Two splits of a line each, the first of which is on the first worker's disk.
#[must_use]
pub fn tiny_splits(first_worker: NodeId) -> Arc<[Split]> {
    let split = |file: &str, text: &str, hosts| Split {
        file: file.into(),
        offset: 0,
        text: text.into(),
        hosts,
    };
    let first = split("one", "a b a\n", vec![first_worker]);
    [first, split("two", "b\n", Vec::new())].into()
}

/// A store, a coordinator, and so many workers, who count words.
#[must_use]
pub fn configs(workers: usize, partitions: u16) -> Vec<Config> {
    let job = Arc::new(Job {
        app: App::new("wc", WordCount),
        splits: tiny_splits(NodeId(3)),
        partitions,
    });
    let config = |role| Config {
        job: job.clone(),
        role,
        store: NodeId(1),
        coordinator: NodeId(2),
        tuning: Tuning {
            lag_checks: None,
            ..Tuning::default()
        },
    };
    let worker = config(Role::Worker { slowness: 1 });
    let mut configs = vec![config(Role::Store), config(Role::Coordinator)];
    configs.resize(configs.len() + workers, worker);
    configs
}
