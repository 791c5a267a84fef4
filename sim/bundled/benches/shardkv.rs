//! The figures of the sharded key/value service, printed with what they mean.
//!
//! `cargo bench -p snowglobe-bundled --bench shardkv` prints all of them; a name behind
//! `--` (`moving`, `faults`) prints one. Nothing here passes or fails: the
//! machine is noisy, and a ratio within one run says more than a time.

use snowglobe_bundled::SYSTEMS;
use std::time::Duration;

use snowglobe::campaign::stopwatch::Stopwatch;
use snowglobe::draw::{Draw, Purpose, Streams};
use snowglobe::scenarios::file::Scenario;
use snowglobe::scenarios::weather::Weather;
use snowglobe::scenarios::{System, Verdict, swarm};
use snowglobe::seed::Seed;
use snowglobe::text::grouped;
use snowglobe::time::SimTime;
use snowglobe::world::engine;
use snowglobe::world::{Blueprint, Director};
use snowglobe_bundled::shardkv::{ShardkvOptions, ShardkvSystem, ShardkvWorld, Watched};
use snowglobe_systems::kv::{self, Get, Key, Value};
use snowglobe_systems::process::{InvocationId, NodeId};
use snowglobe_systems::shardctrler::{self, Command, Configuration, GroupId, Partitioner, Shard};
use snowglobe_systems::vec_map::VecMap;
use snowglobe_systems::vec_set::VecSet;

use snowglobe_systems::shardkv::{Holding, Node, Operation, Outcome};

fn main() {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
    if wants("moving") {
        moving();
    }
    if wants("faults") {
        faults();
    }
}

const GROUPS: u32 = 4;
const SERVERS: usize = 3;
const SHARDS: u16 = 60;
const CLIENTS: usize = 40;
/// An operation counts as served in time if it takes no longer.
const IN_TIME: Duration = Duration::from_millis(100);

/// How a rebalance of four groups looks to clients.
fn moving() {
    println!(
        "moving: {GROUPS} groups of {SERVERS}, {SHARDS} shards, {CLIENTS} clients that do not think, no faults"
    );
    println!("  a group leaves and comes back, ten times; links of 2 to 5 ms\n");
    println!(
        "  {:>14} {:>10} {:>10} {:>14} {:>12} {:>12} {:>12}",
        "bytes in shard", "moves", "moves/s", "longest away", "moving", "staying", "wall ms/s"
    );
    for bytes in [0, 1_000, 30_000] {
        let stopwatch = Stopwatch::start();
        let seen = rebalance(bytes);
        let took = stopwatch.elapsed().as_secs_f64() * 1000.0;
        println!(
            "  {:>14} {:>10} {:>10.0} {:>11.0} ms {:>10.2} % {:>10.2} % {:>12.1}",
            grouped(bytes as u64),
            seen.moves,
            seen.moves as f64 / seen.away.as_secs_f64(),
            seen.longest.as_secs_f64() * 1000.0,
            seen.moving.share(),
            seen.staying.share(),
            took / seen.simulated.as_secs_f64(),
        );
    }
    println!("\n  moves/s: shards moved per simulated second of all rebalances together");
    println!(
        "  moving, staying: operations within {IN_TIME:?} during a rebalance, by whether it moves their shard"
    );
    println!("  wall ms/s: wall-clock milliseconds per simulated second, on one core\n");
}

/// What share of operations was served in time.
#[derive(Clone, Copy, Debug, Default)]
struct Served {
    in_time: u64,
    all: u64,
}

impl Served {
    fn count(&mut self, took: Duration) {
        self.all += 1;
        self.in_time += u64::from(took <= IN_TIME);
    }

    fn share(self) -> f64 {
        100.0 * self.in_time as f64 / self.all.max(1) as f64
    }
}

/// What was seen of all rebalances.
#[derive(Clone, Debug, Default)]
struct Seen {
    moves: usize,
    /// The time in which some shard was on its way.
    away: Duration,
    longest: Duration,
    moving: Served,
    staying: Served,
    simulated: Duration,
}

fn options() -> ShardkvOptions {
    ShardkvOptions {
        groups: GROUPS as u8,
        shards: SHARDS,
        clerks: CLIENTS as u8,
        max_raft_state: 0,
        snapshot_chunk_bytes: Some(65536),
        ..ShardkvOptions::default()
    }
}

fn rebalance(bytes: usize) -> Seen {
    let options = options();
    let configs = ShardkvSystem::configs(SERVERS, &options);
    let calm = Scenario::calm("shardkv", SERVERS, Seed(7));
    let blueprint = Blueprint {
        seed: calm.seed,
        configs,
        links: calm.links,
        sync: calm.sync,
        checkpoint_bytes: calm.checkpoint_bytes,
        faults: Vec::new(),
        batch: 1,
        step_budget: 50_000_000,
    };
    let director = Rebalance::new(bytes, &options);
    let (finished, director) = engine::run::<Node, Watched, _>(blueprint, director);
    assert_eq!(finished.breakage, None);
    Seen {
        simulated: Duration::from_nanos(finished.at.0),
        ..director.seen
    }
}

/// What happens now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The groups join.
    Joining,
    /// Every shard gets its bytes.
    Filling(usize),
    /// Nothing moves.
    Calm,
    /// The configuration was asked to change, and shards are on their way.
    Moving,
    Over,
}

/// Lets a group leave and come back while clients call.
#[derive(Clone)]
struct Rebalance {
    bytes: usize,
    clients: Vec<Client>,
    operator: NodeId,
    keys: Vec<Key>,
    phase: Phase,
    rounds_left: usize,
    /// When the change was asked for, and who owned what before.
    began: SimTime,
    before: Vec<Option<GroupId>>,
    operator_call: Option<InvocationId>,
    draw: Draw,
    seen: Seen,
}

#[derive(Clone)]
struct Client {
    node: NodeId,
    call: Option<(InvocationId, Shard, SimTime)>,
}

const TURN: u64 = 1;

impl Rebalance {
    fn new(bytes: usize, options: &ShardkvOptions) -> Self {
        let servers = usize::from(options.controllers) + GROUPS as usize * SERVERS;
        let operator = NodeId::at(servers);
        let clients = (servers + 1..servers + 1 + CLIENTS).map(|place| Client {
            node: NodeId::at(place),
            call: None,
        });
        Self {
            bytes,
            clients: clients.collect(),
            operator,
            keys: keys(),
            phase: Phase::Joining,
            rounds_left: 20,
            began: SimTime::START,
            before: Vec::new(),
            operator_call: None,
            draw: Streams::new(Seed(7)).open(Purpose::Workload(0)),
            seen: Seen::default(),
        }
    }

    fn change(&mut self, world: &mut ShardkvWorld, command: Command) {
        let operation = Operation::Controller(shardctrler::Operation::Write(command));
        self.operator_call = world.invoke(self.operator, operation);
    }

    /// The newest configuration that any server of the controller shows.
    fn newest(world: &ShardkvWorld) -> Configuration {
        let controllers = world
            .node_ids()
            .filter_map(|id| world.process(id)?.controller());
        let machines = controllers.filter_map(|node| Some(node.replica()?.machine().newest()));
        let newest = machines.max_by_key(|configuration| configuration.number);
        newest.expect("nobody crashes").clone()
    }

    fn join_all(options: &ShardkvOptions) -> Command {
        let first = usize::from(options.controllers);
        let servers = |group: u32| {
            let from = first + (group as usize - 1) * SERVERS;
            (from..from + SERVERS).map(NodeId::at).collect()
        };
        Command::Join {
            groups: (1..=GROUPS)
                .map(|group| (GroupId(group), servers(group)))
                .collect(),
        }
    }

    /// A client appends to a random shard, or gets it.
    fn call(&mut self, world: &mut ShardkvWorld, number: usize) {
        let shard = Shard(self.draw.below(u64::from(SHARDS)) as u16);
        let key = self.keys[usize::from(shard.0)].clone();
        let operation = match self.draw.below(2) {
            0 => kv::Operation::Read(Get { key }),
            _ => kv::Operation::Write(kv::Command::Put {
                key: Key::from(format!("{}/", &*key.0).as_str()),
                value: Value::from("x"),
            }),
        };
        let shard = match &operation {
            kv::Operation::Write(command) => Partitioner::default()
                .shard_of(&command.key().0, usize::from(SHARDS))
                .expect("there are shards"),
            _ => shard,
        };
        let now = world.now();
        let client = &mut self.clients[number];
        let call = world.invoke(client.node, Operation::Keys(operation));
        client.call = call.map(|call| (call, shard, now));
    }

    /// Whether every group has what it owns, and owes nothing.
    fn is_settled(world: &ShardkvWorld, newest: &Configuration) -> bool {
        let mut furthest: VecMap<GroupId, _> = VecMap::new();
        for id in world.node_ids() {
            if let Some(server) = world.process(id).and_then(Node::server) {
                let applied = server.raft().applied();
                let known = furthest.entry(server.group()).or_insert((applied, server));
                if known.0 < applied {
                    *known = (applied, server);
                }
            }
        }
        furthest.iter().all(|(group, (_, server))| {
            let machine = server.machine();
            let serves =
                |shard| matches!(machine.holdings().get(&shard), Some(Holding::Serving(_)));
            machine.configuration().number == newest.number
                && newest.shards_of(*group).all(serves)
                && machine.outgoing().is_empty()
        })
    }

    fn begin_round(&mut self, world: &mut ShardkvWorld, options: &ShardkvOptions) {
        let newest = Self::newest(world);
        self.before.clone_from(&newest.owners);
        self.began = world.now();
        let all = newest.groups.len() == GROUPS as usize;
        let command = match all {
            true => Command::Leave {
                groups: VecSet::from([GroupId(1)]),
            },
            false => Self::join_all(options),
        };
        self.change(world, command);
        self.phase = Phase::Moving;
    }

    fn end_round(&mut self, world: &ShardkvWorld, newest: &Configuration) {
        let owners = self.before.iter().zip(&newest.owners);
        let took = between(self.began, world.now());
        self.seen.moves += owners.filter(|(before, after)| before != after).count();
        self.seen.away += took;
        self.seen.longest = self.seen.longest.max(took);
        self.rounds_left -= 1;
    }

    fn moves(&self, newest: &Configuration, shard: Shard) -> bool {
        let place = usize::from(shard.0);
        self.before.get(place) != newest.owners.get(place)
    }
}

fn between(from: SimTime, to: SimTime) -> Duration {
    Duration::from_nanos(to.0 - from.0)
}

fn keys() -> Vec<Key> {
    let find = |shard: u16| {
        let mut names = (0_u32..).map(|number| Key::from(format!("k{number}").as_str()));
        names.find(|key| {
            Partitioner::default().shard_of(&key.0, usize::from(SHARDS)) == Some(Shard(shard))
        })
    };
    (0..SHARDS).filter_map(find).collect()
}

impl Director<Node, Watched> for Rebalance {
    fn begin(&mut self, world: &mut ShardkvWorld) {
        world.alarm(Duration::from_secs(2), TURN);
    }

    fn alarm(&mut self, world: &mut ShardkvWorld, _: u64) {
        let options = options();
        match self.phase {
            Phase::Joining => self.change(
                world,
                Command::Divide {
                    shards: SHARDS,
                    partitioner: Partitioner::default(),
                },
            ),
            Phase::Calm if self.rounds_left == 0 => self.phase = Phase::Over,
            Phase::Calm => self.begin_round(world, &options),
            Phase::Moving => {
                let newest = Self::newest(world);
                if self.operator_call.is_none() && Self::is_settled(world, &newest) {
                    self.end_round(world, &newest);
                    self.phase = Phase::Calm;
                    return world.alarm(Duration::from_secs(1), TURN);
                }
            }
            Phase::Filling(_) | Phase::Over => {}
        }
        if self.phase == Phase::Moving {
            world.alarm(Duration::from_millis(1), TURN);
        }
    }

    fn returned(&mut self, world: &mut ShardkvWorld, invocation: InvocationId, _: Outcome) {
        if self.operator_call == Some(invocation) {
            self.operator_call = None;
            if self.phase == Phase::Joining {
                self.phase = Phase::Filling(0);
                let join = Self::join_all(&options());
                self.change(world, join);
            } else if self.phase == Phase::Filling(0) {
                self.fill(world, 0);
            }
            return;
        }
        if let Phase::Filling(place) = self.phase {
            self.clients[0].call = None;
            return self.fill(world, place + 1);
        }
        let of_call = |client: &Client| client.call.is_some_and(|call| call.0 == invocation);
        let Some(number) = self.clients.iter().position(of_call) else {
            return;
        };
        let (_, shard, asked) = self.clients[number].call.take().expect("it was just found");
        if self.phase == Phase::Moving {
            let newest = Self::newest(world);
            let took = between(asked, world.now());
            match self.moves(&newest, shard) {
                true => self.seen.moving.count(took),
                false => self.seen.staying.count(took),
            }
        }
        if self.phase != Phase::Over {
            self.call(world, number);
        }
    }

    fn is_over(&mut self, _: &mut ShardkvWorld) -> bool {
        self.phase == Phase::Over
    }
}

impl Rebalance {
    /// Gives a shard its bytes, and lets clients begin when all have them.
    fn fill(&mut self, world: &mut ShardkvWorld, place: usize) {
        self.phase = Phase::Filling(place);
        match self.keys.get(place) {
            Some(key) => {
                let value = "x".repeat(self.bytes);
                let put = kv::Command::Put {
                    key: key.clone(),
                    value: Value::from(value.as_str()),
                };
                let operation = Operation::Keys(kv::Operation::Write(put));
                world.invoke(self.clients[0].node, operation);
            }
            None => {
                self.phase = Phase::Calm;
                for number in 0..self.clients.len() {
                    self.call(world, number);
                }
                world.alarm(Duration::from_secs(1), TURN);
            }
        }
    }
}

/// What a simulated second costs under the faults of a campaign.
fn faults() {
    const SEEDS: u64 = 200;
    println!("faults: {SEEDS} seeds as a campaign draws them, one core");
    for _ in 0..3 {
        let stopwatch = Stopwatch::start();
        let (mut answered, mut simulated) = (0, Duration::ZERO);
        for seed in 0..SEEDS {
            let scenario = swarm::draw::<ShardkvSystem>(Seed(seed), &Weather::default());
            let report = SYSTEMS.run(&scenario);
            let report = report.expect("it can be run");
            assert!(!matches!(report.verdict, Verdict::Broke(_)), "{seed} holds");
            answered += report.counters.returned;
            simulated += Duration::from_nanos(report.at.0);
        }
        let took = stopwatch.elapsed().as_secs_f64();
        println!("  operations {:>14.0} per s", answered as f64 / took);
        println!(
            "  simulated  {:>14.0} s per s, {:.1} ms per simulated s\n",
            simulated.as_secs_f64() / took,
            1000.0 * took / simulated.as_secs_f64()
        );
    }
}
