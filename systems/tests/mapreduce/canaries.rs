//! A canary for each promise of a job.

use snowglobe_systems::invariants::Invariants as _;
use snowglobe_systems::mapreduce::invariants::MapReduceInvariants;
use snowglobe_systems::mapreduce::{
    Counters, DoneMap, DoneReduce, Durable, Entry, File, Ledger, Life, MapOutput, Message, Node,
    Order, Partition, Report, TaskName, Write,
};
use snowglobe_systems::process::{Effect, NodeId};
use snowglobe_systems::vec_map::VecMap;
use snowglobe_systems::vec_set::VecSet;

use crate::canary::{self, Canary, Said};
use crate::story::{COORDINATOR, STORE, W1, W2, word_count, world};
use crate::violations::{
    M0, View, alive, attempt, given, ledger_with_a_map_of_w1, mapped, view_that_maps, work, worker,
};

const P0: Partition = Partition(0);

fn fresh() -> MapReduceInvariants {
    MapReduceInvariants::default()
}

fn order(order: Order, to: NodeId) -> Effect<Node> {
    let life = Life(1);
    let message = Message::Order { life, order };
    Effect::Send { to, message }
}

/// The store has a part of this text, by this execution.
fn stored(number: u32, text: &str) -> (View, Effect<Node>) {
    let file = File {
        attempt: attempt(number),
        counters: Counters::default(),
        text: text.into(),
    };
    let mut view = View::new();
    let files = VecMap::from([(P0, file.clone())]);
    view.0[STORE.position()].1 = Durable::Store(files);
    (view, Effect::Persist(Write::File(P0, file)))
}

fn stored_again(number: u32, text: &str) -> Said {
    let mut invariants = fresh();
    let (view, effect) = stored(1, "one\n");
    invariants.executed(&view, STORE, &effect)?;
    let (view, effect) = stored(number, text);
    invariants.executed(&view, STORE, &effect)
}

/// The store comes back with other files than before.
fn stored_anew(change: impl FnOnce(&mut VecMap<Partition, File>)) -> Said {
    let mut invariants = fresh();
    let (mut view, effect) = stored(1, "one\n");
    invariants.executed(&view, STORE, &effect)?;
    let Durable::Store(files) = &mut view.0[STORE.position()].1 else {
        panic!("the store has files");
    };
    change(files);
    invariants.started(&view, STORE)
}

/// Maps are taken for done by these executions, all of which are on the disk of w1.
fn done_by(numbers: &[u32]) -> Said {
    let mut view = View::new().with_ledger(alive());
    let mut invariants = fresh();
    for number in numbers {
        let output = MapOutput { runs: Vec::new() };
        view.disk(W1).outputs.insert((M0, attempt(*number)), output);
        invariants.executed(&view, COORDINATOR, &mapped(*number, worker(W1, 1)))?;
    }
    Ok(())
}

/// A map is done by w1, and an entry comes after which the ledger has w1 so.
fn with_w1(is_alive: bool, life: u32, entry: Entry) -> Said {
    let mut ledger = ledger_with_a_map_of_w1();
    let standing = ledger.workers.get_mut(&W1).expect("it is known");
    (standing.alive, standing.life) = (is_alive, Life(life));
    let mut view = View::new().with_ledger(ledger);
    let output = MapOutput { runs: Vec::new() };
    view.disk(W1).outputs.insert((M0, attempt(1)), output);
    let effect = Effect::Persist(Write::Entry(entry));
    fresh().executed(&view, COORDINATOR, &effect)
}

/// A record is left out that crashed in these executions, as a worker says.
fn left_out(crashed: &[u32]) -> Said {
    let view = View::new().with_ledger(alive());
    let mut invariants = fresh();
    for number in crashed {
        let report = Report::Crashed {
            task: TaskName::Map(M0),
            attempt: attempt(*number),
            record: 7,
        };
        let message = Message::Ping {
            life: Life(1),
            newest: None,
            report,
        };
        let to = COORDINATOR;
        invariants.executed(&view, W1, &Effect::Send { to, message })?;
    }
    let skipping = Order::Map {
        map: M0,
        attempt: attempt(9),
        earlier: 0,
        skipped: VecSet::from([7]),
    };
    invariants.executed(&view, COORDINATOR, &order(skipping, W1))
}

/// w1 begins to execute what it was given as the third execution, and these were given before.
fn begins(given_before: &[(u32, NodeId)]) -> Said {
    let view = view_that_maps(W1, 3);
    let mut invariants = fresh();
    for (number, to) in given_before {
        invariants.executed(&view, COORDINATOR, &given(*number, *to, 1))?;
    }
    invariants.executed(&view, W1, &work())
}

/// w1 speaks in its first life, and this one is on its disk.
fn speaks_in(life: u32) -> Said {
    let mut view = View::new();
    view.disk(W1).life = Life(life);
    let message = Message::Ping {
        life: Life(1),
        newest: None,
        report: Report::Idle,
    };
    let to = COORDINATOR;
    fresh().executed(&view, W1, &Effect::Send { to, message })
}

/// The coordinator gives an order, and its disk has a ledger that differs.
fn orders_with(change: impl FnOnce(&mut Ledger)) -> Said {
    let mut ledger = alive();
    let mut view = View::new().with_ledger(ledger.clone());
    let Durable::Coordinator(on_disk) = &view.0[COORDINATOR.position()].1 else {
        panic!("a ledger");
    };
    ledger.clone_from(on_disk);
    change(&mut ledger);
    view.0[COORDINATOR.position()].1 = Durable::Coordinator(ledger.into());
    fresh().executed(&view, COORDINATOR, &given(1, W1, 1))
}

const OUTPUT: &[Canary] = &[
    ("published-once", "another text", || {
        stored_again(1, "two\n")
    }),
    ("published-once", "of another execution", || {
        stored_again(2, "one\n")
    }),
    ("published-once", "another text after a restart", || {
        stored_anew(|files| files.get_mut(&P0).expect("a part").text = "two\n".into())
    }),
    ("published-once", "gone after a restart", || {
        stored_anew(VecMap::clear)
    }),
    ("published-once", "gone after a step", || {
        let mut invariants = fresh();
        let (mut view, effect) = stored(1, "one\n");
        invariants.executed(&view, STORE, &effect)?;
        view.0[STORE.position()].1 = Durable::Store(VecMap::new());
        invariants.settled(&view, STORE)
    }),
    ("done-is-visible", "nothing is there", || {
        reduced(&View::new().with_ledger(alive()), 1)
    }),
    ("done-is-visible", "that of another execution", || {
        reduced(&stored(2, "one\n").0.with_ledger(alive()), 1)
    }),
    ("nobody-leaves-early", "one part is missing", || {
        let mut world = world(&word_count());
        world.finish();
        world.go_on();
        world.assert_held();
        assert!(world.worker(W1).has_left());
        // As if nobody had ever seen a part.
        fresh().settled(&world.nodes, W1)
    }),
];

fn done_reduce(number: u32) -> DoneReduce {
    DoneReduce {
        attempt: attempt(number),
        counters: Counters::default(),
    }
}

/// A reduce is taken for done by an execution.
fn reduced(view: &View, number: u32) -> Said {
    let done = done_reduce(number);
    let effect = Effect::Persist(Write::Entry(Entry::Reduced(P0, done)));
    fresh().executed(view, COORDINATOR, &effect)
}

const MAPS: &[Canary] = &[
    ("done-is-on-disk", "nothing is there", || {
        let view = View::new().with_ledger(alive());
        fresh().executed(&view, COORDINATOR, &mapped(4, worker(W1, 1)))
    }),
    ("done-is-on-disk", "that of another execution", || {
        let mut view = View::new().with_ledger(alive());
        let output = MapOutput { runs: Vec::new() };
        view.disk(W1).outputs.insert((M0, attempt(5)), output);
        fresh().executed(&view, COORDINATOR, &mapped(4, worker(W1, 1)))
    }),
    ("map-attempts-only-rise", "an older one", || {
        done_by(&[5, 4])
    }),
    ("map-attempts-only-rise", "after a restart", || {
        let newest = |number| {
            let newest = VecMap::from([(M0, attempt(number))]);
            View::new().with_ledger(Ledger { newest, ..alive() })
        };
        let mut invariants = fresh();
        invariants.started(&newest(6), COORDINATOR)?;
        invariants.started(&newest(5), COORDINATOR)
    }),
    ("lost-stays-lost", "the same", || done_by(&[5, 5])),
    ("the-dead-have-nothing", "who dies", || {
        with_w1(false, 1, Entry::Dead(worker(W1, 1)))
    }),
    ("the-dead-have-nothing", "who begins another life", || {
        with_w1(true, 2, Entry::Heard(worker(W1, 2)))
    }),
    ("the-dead-have-nothing", "who is done when dead", || {
        let done = DoneMap {
            attempt: attempt(1),
            by: worker(W1, 1),
            bytes: 1,
        };
        with_w1(false, 1, Entry::Mapped(M0, done, Counters::default()))
    }),
];

const ORDERS: &[Canary] = &[
    ("the-dead-get-no-task", "who is dead", || {
        let mut ledger = alive();
        ledger.workers.get_mut(&W1).expect("it is known").alive = false;
        let view = View::new().with_ledger(ledger);
        fresh().executed(&view, COORDINATOR, &given(1, W1, 1))
    }),
    ("the-dead-get-no-task", "who has begun another life", || {
        let view = View::new().with_ledger(alive());
        fresh().executed(&view, COORDINATOR, &given(1, W1, 2))
    }),
    ("the-dead-get-no-task", "who is unknown", || {
        let view = View::new().with_ledger(Ledger::default());
        fresh().executed(&view, COORDINATOR, &given(1, W1, 1))
    }),
    ("the-dead-get-no-task", "a reduce", || {
        let reduce = Order::Reduce {
            partition: P0,
            attempt: attempt(1),
            earlier: 0,
            skipped: VecSet::new(),
            locations: Vec::new(),
        };
        let view = View::new().with_ledger(Ledger::default());
        fresh().executed(&view, COORDINATOR, &order(reduce, W1))
    }),
    ("attempt-is-one-execution", "given to two", || {
        let view = View::new().with_ledger(alive());
        let mut invariants = fresh();
        invariants.executed(&view, COORDINATOR, &given(3, W1, 1))?;
        invariants.executed(&view, COORDINATOR, &given(3, W2, 1))
    }),
    ("attempt-is-one-execution", "nobody has ordered it", || {
        begins(&[])
    }),
    ("attempt-is-one-execution", "it is another's", || {
        begins(&[(3, W2)])
    }),
    ("attempt-is-one-execution", "it is obeyed twice", || {
        let view = view_that_maps(W1, 3);
        let mut invariants = fresh();
        invariants.executed(&view, COORDINATOR, &given(3, W1, 1))?;
        invariants.executed(&view, W1, &work())?;
        invariants.executed(&view, W1, &work())
    }),
    ("skipped-after-two-crashes", "none", || left_out(&[])),
    ("skipped-after-two-crashes", "one", || left_out(&[1])),
    ("skipped-after-two-crashes", "one, said twice", || {
        left_out(&[1, 1])
    }),
    ("ledger-is-on-disk", "the epoch", || {
        orders_with(|ledger| ledger.epoch += 1)
    }),
    ("ledger-is-on-disk", "a worker", || {
        orders_with(|ledger| ledger.workers.clear())
    }),
    ("ledger-is-on-disk", "a map", || {
        orders_with(|ledger| {
            let done = DoneMap {
                attempt: attempt(1),
                by: worker(W1, 1),
                bytes: 1,
            };
            ledger.maps.insert(M0, done);
        })
    }),
    ("ledger-is-on-disk", "the newest execution of a map", || {
        orders_with(|ledger| {
            ledger.newest.insert(M0, attempt(1));
        })
    }),
    ("ledger-is-on-disk", "a reduce", || {
        orders_with(|ledger| {
            ledger.reduces.insert(P0, done_reduce(1));
        })
    }),
    ("ledger-is-on-disk", "a crash", || {
        orders_with(|ledger| {
            let crashed = VecSet::from([attempt(1)]);
            ledger.crashes.insert((TaskName::Map(M0), 7), crashed);
        })
    }),
    ("ledger-is-on-disk", "a worker's newer life", || {
        orders_with(|ledger| {
            let standing = ledger.workers.values_mut().next().expect("one is alive");
            standing.life.0 += 1;
        })
    }),
    ("life-is-on-disk", "it may begin this one again", || {
        speaks_in(0)
    }),
];

#[test]
fn every_promise_has_a_canary() {
    let all = [OUTPUT, MAPS, ORDERS].concat();
    canary::check(&["mapreduce"], &[], &all);
}

#[test]
fn what_is_right_is_let_through() {
    let visible = stored(1, "one\n").0.with_ledger(alive());
    let right = [
        ("the same text", stored_again(1, "one\n")),
        ("the same after a restart", stored_anew(|_| ())),
        ("it is visible", reduced(&visible, 1)),
        ("newer executions", done_by(&[4, 5])),
        ("who lives has a map", with_w1(true, 1, heard())),
        ("two crashes", left_out(&[1, 2])),
        ("it was ordered", begins(&[(3, W1)])),
        ("its life is on disk", speaks_in(1)),
        ("the ledger is on disk", orders_with(|_| ())),
    ];
    for (what, said) in right {
        assert_eq!(said, Ok(()), "{what}");
    }
}

fn heard() -> Entry {
    Entry::Heard(worker(W1, 1))
}
