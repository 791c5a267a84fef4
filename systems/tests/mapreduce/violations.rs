//! The invariants can fail: each test breaks something by hand.

use std::time::Duration;

use snowglobe_systems::invariants::{ClusterView, Invariants as _, NodeView, Violation};
use snowglobe_systems::mapreduce::invariants::MapReduceInvariants;
use snowglobe_systems::mapreduce::{
    Attempt, Config, Counters, DoneMap, Durable, Entry, File, Ledger, Life, MapId, MapOutput,
    Message, Node, Order, Partition, Report, Role, Standing, Timer, Tuning, Worker, WorkerDisk,
    Write,
};
use snowglobe_systems::process::{Effect, Effects, Input, NodeId, Process};
use snowglobe_systems::vec_map::VecMap;

use crate::story::{COORDINATOR, STORE, W1, W2, word_count, world};

pub(crate) const M0: MapId = MapId(0);
/// A worker begins its work.
pub(crate) fn work() -> Effect<Node> {
    Effect::SetTimer {
        timer: Timer::Work,
        delay: Duration::from_millis(1).into(),
    }
}

/// A store, a coordinator and two workers, each with whatever is on its disk.
pub(crate) struct View(pub(crate) Vec<(Node, Durable)>);

impl ClusterView<Node> for View {
    fn len(&self) -> usize {
        self.0.len()
    }
    fn node(&self, id: NodeId) -> NodeView<'_, Node> {
        let (process, durable) = &self.0[id.position()];
        let process = Some(process);
        NodeView { process, durable }
    }
}

fn config(role: Role) -> Config {
    Config {
        job: word_count().into(),
        role,
        store: STORE,
        coordinator: COORDINATOR,
        tuning: Tuning::default(),
    }
}

impl View {
    pub(crate) fn new() -> Self {
        let worker = Role::Worker { slowness: 1 };
        let roles = [Role::Store, Role::Coordinator, worker, worker];
        let nodes = roles.into_iter().enumerate().map(|(place, role)| {
            let mut effects = Effects::new();
            let id = NodeId::at(place);
            let node = Node::start(id, &config(role), Durable::Nothing, &mut effects);
            let mut durable = Durable::Nothing;
            for effect in effects.drain() {
                if let Effect::Persist(write) = effect {
                    snowglobe_systems::process::Durable::apply(&mut durable, &write);
                }
            }
            (node, durable)
        });
        Self(nodes.collect())
    }

    /// A node takes an input, and none of its effects is executed.
    fn step(&mut self, id: NodeId, input: Input<Node>) {
        self.0[id.position()].0.step(input, &mut Effects::new());
    }

    fn receive(&mut self, id: NodeId, message: Message) {
        let from = COORDINATOR;
        self.step(id, Input::Receive { from, message });
    }

    pub(crate) fn disk(&mut self, id: NodeId) -> &mut WorkerDisk {
        match &mut self.0[id.position()].1 {
            Durable::Worker(disk) => disk,
            other => panic!("{other:?} is no worker's"),
        }
    }

    /// A coordinator that starts from a ledger, which is on its disk.
    pub(crate) fn with_ledger(mut self, ledger: Ledger) -> Self {
        let durable = Durable::Coordinator(ledger.into());
        let config = config(Role::Coordinator);
        let mut effects = Effects::new();
        let node = Node::start(COORDINATOR, &config, durable, &mut effects);
        let on_disk = node.coordinator().expect("one").ledger().clone();
        self.0[COORDINATOR.position()] = (node, Durable::Coordinator(on_disk.into()));
        self
    }
}

pub(crate) fn attempt(number: u32) -> Attempt {
    Attempt { epoch: 1, number }
}

pub(crate) fn worker(node: NodeId, life: u32) -> Worker {
    let life = Life(life);
    Worker { node, life }
}

pub(crate) fn alive() -> Ledger {
    let standing = Standing {
        life: Life(1),
        alive: true,
        maps: [].into(),
    };
    Ledger {
        workers: VecMap::from([(W1, standing.clone()), (W2, standing)]),
        ..Ledger::default()
    }
}

pub(crate) fn mapped(number: u32, by: Worker) -> Effect<Node> {
    let done = DoneMap {
        attempt: attempt(number),
        by,
        bytes: 1,
    };
    Effect::Persist(Write::Entry(Entry::Mapped(M0, done, Counters::default())))
}

fn order_of(number: u32) -> Order {
    Order::Map {
        map: M0,
        attempt: attempt(number),
        earlier: 0,
        skipped: [].into(),
    }
}

pub(crate) fn given(number: u32, to: NodeId, life: u32) -> Effect<Node> {
    let (life, order) = (Life(life), order_of(number));
    let message = Message::Order { life, order };
    Effect::Send { to, message }
}

fn property(result: Result<(), Violation>) -> &'static str {
    result.expect_err("it is noticed").property
}

#[test]
fn a_visible_text_that_changes_under_the_same_name_is_noticed() {
    let mut world = world(&word_count());
    world.finish();
    world.assert_held();
    let Durable::Store(files) = world.durable_mut(STORE) else {
        panic!("the store has files");
    };
    let file = files.values_mut().next().expect("a part");
    // Whose it is stays as it was.
    file.text = format!("{}more\n", file.text).into();
    world.crash(STORE);
    world.restart(STORE);
    let violation = world.violation.as_ref().expect("it is found");
    assert_eq!(violation.property, "published-once");
}

#[test]
fn a_visible_text_that_is_overwritten_is_noticed() {
    let mut view = View::new();
    let mut invariants = MapReduceInvariants::default();
    let mut write = |text: &str| {
        let file = File {
            attempt: attempt(1),
            counters: Counters::default(),
            text: text.into(),
        };
        let files = VecMap::from([(Partition(0), file.clone())]);
        view.0[STORE.position()].1 = Durable::Store(files);
        let effect = Effect::Persist(Write::File(Partition(0), file));
        invariants.executed(&view, STORE, &effect)
    };
    assert_eq!(write("one\n"), Ok(()));
    assert_eq!(write("one\n"), Ok(()));
    assert_eq!(property(write("two\n")), "published-once");
}

#[test]
fn a_map_whose_output_was_overwritten_is_not_on_its_disk() {
    let mut view = View::new().with_ledger(alive());
    let output = || MapOutput { runs: Vec::new() };
    let look = |view: &View| {
        MapReduceInvariants::default().executed(view, COORDINATOR, &mapped(4, worker(W1, 1)))
    };
    assert_eq!(property(look(&view)), "done-is-on-disk");
    view.disk(W1).outputs.insert((M0, attempt(5)), output());
    let found = look(&view);
    assert_eq!(property(found), "done-is-on-disk", "a newer one is another");
    view.disk(W1).outputs.insert((M0, attempt(4)), output());
    assert_eq!(look(&view), Ok(()));
    view.disk(W1).outputs.clear();
    view.disk(W1).life = Life(2);
    assert_eq!(look(&view), Ok(()), "it has begun another life");
    view.0[W1.position()].1 = Durable::Nothing;
    assert_eq!(property(look(&view)), "done-is-on-disk");
}

/// Workers who have the first split, so that an order makes them execute it at once.
pub(crate) fn view_that_maps(node: NodeId, number: u32) -> View {
    let mut view = View::new().with_ledger(alive());
    let (life, order) = (Life(1), order_of(number));
    view.receive(node, Message::Order { life, order });
    let text = word_count().split(M0).text.clone();
    view.receive(node, Message::Text { map: M0, text });
    let executes = view.node(node).process.and_then(Node::worker);
    assert!(executes.is_some_and(|it| it.executes().is_some()));
    view
}

#[test]
fn an_execution_that_nobody_ordered_is_noticed() {
    let view = view_that_maps(W1, 3);
    let begins = |given_before: &[Effect<Node>]| {
        let mut invariants = MapReduceInvariants::default();
        for given in given_before {
            let told = invariants.executed(&view, COORDINATOR, given);
            assert_eq!(told, Ok(()), "orders alone look well");
        }
        invariants.executed(&view, W1, &work())
    };
    assert_eq!(begins(&[given(3, W1, 1)]), Ok(()));
    assert_eq!(property(begins(&[])), "attempt-is-one-execution");
    // It was ordered, and each order is another's.
    let to_another = begins(&[given(3, W2, 1)]);
    assert_eq!(property(to_another), "attempt-is-one-execution");
    assert_eq!(
        property(begins(&[given(4, W1, 1)])),
        "attempt-is-one-execution"
    );
}

#[test]
fn an_order_that_is_obeyed_twice_is_noticed() {
    let view = view_that_maps(W1, 3);
    let mut invariants = MapReduceInvariants::default();
    let told = invariants.executed(&view, COORDINATOR, &given(3, W1, 1));
    assert_eq!(told, Ok(()));
    assert_eq!(invariants.executed(&view, W1, &work()), Ok(()));
    let again = invariants.executed(&view, W1, &work());
    assert_eq!(property(again), "attempt-is-one-execution");
    invariants.crashed(&view, W1, &[]);
    assert_eq!(invariants.executed(&view, W1, &work()), Ok(()), "anew");
}

#[test]
fn the_attempt_of_a_map_only_rises() {
    let mut view = View::new().with_ledger(alive());
    for number in [4, 5, 6] {
        let output = MapOutput { runs: Vec::new() };
        view.disk(W1).outputs.insert((M0, attempt(number)), output);
    }
    let then = |number: u32| {
        let mut invariants = MapReduceInvariants::default();
        let first = invariants.executed(&view, COORDINATOR, &mapped(5, worker(W1, 1)));
        assert_eq!(first, Ok(()));
        invariants.executed(&view, COORDINATOR, &mapped(number, worker(W1, 1)))
    };
    assert_eq!(then(6), Ok(()));
    assert_eq!(property(then(4)), "map-attempts-only-rise");
    assert_eq!(property(then(5)), "lost-stays-lost");
}

#[test]
fn a_ledger_that_fell_back_over_a_restart_is_noticed() {
    let newest = |number| {
        let newest = VecMap::from([(M0, attempt(number))]);
        View::new().with_ledger(Ledger { newest, ..alive() })
    };
    let mut invariants = MapReduceInvariants::default();
    for number in [5, 5, 6] {
        assert_eq!(invariants.started(&newest(number), COORDINATOR), Ok(()));
    }
    let fell_back = invariants.started(&newest(5), COORDINATOR);
    assert_eq!(property(fell_back), "map-attempts-only-rise");
}

/// All live, and w1 has done a map.
pub(crate) fn ledger_with_a_map_of_w1() -> Ledger {
    let mut ledger = alive();
    let done = DoneMap {
        attempt: attempt(1),
        by: worker(W1, 1),
        bytes: 1,
    };
    ledger.maps.insert(M0, done);
    ledger
}

#[test]
fn a_map_of_a_dead_worker_is_noticed() {
    let mut ledger = ledger_with_a_map_of_w1();
    let dead = |ledger: Ledger| {
        let entry = Effect::Persist(Write::Entry(Entry::Dead(worker(W1, 1))));
        let view = View::new().with_ledger(ledger);
        MapReduceInvariants::default().executed(&view, COORDINATOR, &entry)
    };
    assert_eq!(dead(ledger.clone()), Ok(()), "it lives");
    ledger.workers.get_mut(&W1).expect("it is known").alive = false;
    assert_eq!(property(dead(ledger)), "the-dead-have-nothing");
}

#[test]
fn an_order_that_rests_on_what_is_not_on_disk_is_noticed() {
    let mut view = View::new().with_ledger(alive());
    let look =
        |view: &View| MapReduceInvariants::default().executed(view, COORDINATOR, &given(1, W1, 1));
    assert_eq!(look(&view), Ok(()));
    let mut older = alive();
    older.epoch = 0;
    view.0[COORDINATOR.position()].1 = Durable::Coordinator(older.into());
    assert_eq!(property(look(&view)), "ledger-is-on-disk");
    view.0[COORDINATOR.position()].1 = Durable::Nothing;
    assert_eq!(property(look(&view)), "ledger-is-on-disk");
}

#[test]
fn a_worker_that_speaks_in_a_life_that_it_may_begin_again_is_noticed() {
    let mut view = View::new();
    let ping = Effect::Send {
        to: COORDINATOR,
        message: Message::Ping {
            life: Life(1),
            newest: None,
            report: Report::Idle,
        },
    };
    let look = |view: &View| MapReduceInvariants::default().executed(view, W1, &ping);
    assert_eq!(look(&view), Ok(()));
    view.disk(W1).life = Life(0);
    assert_eq!(property(look(&view)), "life-is-on-disk");
}
