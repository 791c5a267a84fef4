//! Messages that come when nobody expects them any more, and nodes that wait for
//! somebody who will never speak.

use std::time::Duration;

use snowglobe_systems::mapreduce::{
    Attempt, Durable, Life, Location, MapId, Message, Order, Partition, Report, Run, TaskName,
    Timer, Tuning,
};
use snowglobe_systems::process::NodeId;

use crate::cluster::Envelope;
use crate::story::{COORDINATOR, STORE, W1, W2, World, quiet, word_count, world, world_of};

const M0: MapId = MapId(0);
const W3: NodeId = NodeId(5);

fn attempt(epoch: u32, number: u32) -> Attempt {
    Attempt { epoch, number }
}

fn location(attempt: Attempt, node: NodeId) -> Location {
    Location {
        map: M0,
        attempt,
        node,
    }
}

/// A report of a worker in its first life.
fn ping(newest: Option<Attempt>, report: Report) -> Message {
    let life = Life(1);
    Message::Ping {
        life,
        newest,
        report,
    }
}

fn mapped(attempt: Attempt) -> Message {
    let report = Report::Mapped {
        map: M0,
        attempt,
        counters: Default::default(),
        bytes: 1,
    };
    ping(Some(attempt), report)
}

fn order(order: Order) -> Message {
    let life = Life(1);
    Message::Order { life, order }
}

/// A worker collects the first part of the output and was sent to `sought`, in vain.
fn collecting(sought: Location) -> World {
    let mut world = quiet(&word_count());
    let reduce = Order::Reduce {
        partition: Partition(0),
        attempt: attempt(9, 9),
        earlier: 0,
        skipped: Default::default(),
        locations: vec![sought],
    };
    world.say(COORDINATOR, W1, order(reduce));
    assert_eq!(fetches(&world), [(sought.node, sought.attempt)]);
    let gone = Message::Gone {
        attempt: sought.attempt,
        map: M0,
    };
    world.say(sought.node, W1, gone);
    world.bag.clear();
    world
}

fn fetches(world: &World) -> Vec<(NodeId, Attempt)> {
    let fetch = |envelope: &Envelope<_>| match envelope.message {
        Message::Fetch { attempt, .. } => Some((envelope.to, attempt)),
        _ => None,
    };
    world.bag.iter().filter_map(fetch).collect()
}

#[test]
fn a_reducer_seeks_the_execution_that_it_is_told_of_though_it_is_older() {
    let mut world = collecting(location(attempt(3, 1), W2));
    let go_on = Order::GoOn {
        attempt: attempt(9, 9),
        locations: vec![location(attempt(2, 7), W3)],
    };
    world.say(COORDINATOR, W1, order(go_on));
    assert_eq!(fetches(&world), [(W3, attempt(2, 7))]);
}

#[test]
fn a_reducer_that_is_told_again_what_it_lacks_does_not_ask_again() {
    let sought = location(attempt(3, 1), W2);
    let mut world = collecting(sought);
    let go_on = Order::GoOn {
        attempt: attempt(9, 9),
        locations: vec![sought],
    };
    world.say(COORDINATOR, W1, order(go_on));
    assert_eq!(fetches(&world), []);
}

#[test]
fn a_run_that_comes_late_from_elsewhere_is_as_good() {
    let mut world = collecting(location(attempt(3, 1), W2));
    let piece = Message::Piece {
        attempt: attempt(3, 1),
        map: M0,
        partition: Partition(0),
        run: Run::default().into(),
    };
    let go_on = Order::GoOn {
        attempt: attempt(9, 9),
        locations: vec![location(attempt(3, 4), W3)],
    };
    world.say(COORDINATOR, W1, order(go_on));
    world.say(W2, W1, piece);
    world.bag.clear();
    world.timeout(W1, Timer::Retry);
    assert_eq!(fetches(&world), [], "it has that of the first one");
}

#[test]
fn a_map_that_was_lost_is_taken_of_a_newer_execution_only() {
    let mut world = quiet(&word_count());
    world.say(W1, COORDINATOR, mapped(attempt(1, 5)));
    let missing = Report::Busy {
        task: TaskName::Reduce(Partition(0)),
        attempt: attempt(1, 2),
        missing: vec![(M0, Some(attempt(1, 5)))],
        store_is_silent: false,
    };
    assert!(world.coordinator().ledger().maps.contains_key(&M0));
    world.say(W2, COORDINATOR, ping(Some(attempt(1, 2)), missing));
    for (worker, late) in [(W1, attempt(1, 5)), (W2, attempt(1, 4))] {
        world.say(worker, COORDINATOR, mapped(late));
        let maps = &world.coordinator().ledger().maps;
        assert!(maps.is_empty(), "{late} is not newer: {maps:?}");
    }
    world.say(W2, COORDINATOR, mapped(attempt(1, 6)));
    assert!(world.coordinator().ledger().maps.contains_key(&M0));
}

/// What workers were last told to do, by the last order of each.
fn last_order(world: &World, worker: NodeId) -> Order {
    let orders = world.bag.iter().rev().filter(|it| it.to == worker);
    let mut orders = orders.filter_map(|it| match &it.message {
        Message::Order { order, .. } => Some(order.clone()),
        _ => None,
    });
    orders.next().expect("an order")
}

fn ordered_map(world: &World, worker: NodeId) -> (MapId, Attempt) {
    match last_order(world, worker) {
        Order::Map { map, attempt, .. } => (map, attempt),
        other => panic!("{other:?} is no map"),
    }
}

#[test]
fn a_task_that_its_worker_never_heard_of_goes_to_another() {
    let mut world = quiet(&word_count());
    let idle = || ping(None, Report::Idle);
    world.say(W1, COORDINATOR, idle());
    let (map, first) = ordered_map(&world, W1);
    for _ in 0..8 {
        world.timeout(COORDINATOR, Timer::Check);
        world.say(W1, COORDINATOR, idle());
        assert_eq!(ordered_map(&world, W1), (map, first), "it is told again");
    }
    world.say(W2, COORDINATOR, idle());
    assert_ne!(ordered_map(&world, W2).0, map, "it may have heard it");
    world.timeout(COORDINATOR, Timer::Check);
    world.say(W1, COORDINATOR, idle());
    assert_eq!(ordered_map(&world, W1), (map, first), "and may hear it yet");
    assert!(world.marks.contains("worker.hears_nobody"));
    world.say(W2, COORDINATOR, mapped_by_last_order(&world, W2));
    assert_eq!(ordered_map(&world, W2).0, map);
    // It speaks of it at last: both are at it, and no third is given it.
    let report = Report::Busy {
        task: TaskName::Map(map),
        attempt: first,
        missing: Vec::new(),
        store_is_silent: false,
    };
    world.say(W1, COORDINATOR, ping(Some(first), report));
    assert!(matches!(last_order(&world, W1), Order::GoOn { .. }));
}

#[test]
fn a_reducer_that_never_hears_where_maps_have_moved_does_not_keep_its_task() {
    let mut world = quiet(&word_count());
    world.say(W1, COORDINATOR, ping(None, Report::Idle));
    while let Order::Map { .. } = last_order(&world, W1) {
        world.say(W1, COORDINATOR, mapped_by_last_order(&world, W1));
    }
    let Order::Reduce {
        partition, attempt, ..
    } = last_order(&world, W1)
    else {
        panic!("all maps are done");
    };
    // What it seeks was there once, and was done again since.
    let lacks = |missing| Report::Busy {
        task: TaskName::Reduce(partition),
        attempt,
        missing,
        store_is_silent: false,
    };
    let sought = Attempt {
        number: 0,
        ..attempt
    };
    let idle = |world: &World| world.coordinator().status().reduces.0;
    let before = idle(&world);
    for _ in 0..8 {
        world.timeout(COORDINATOR, Timer::Check);
        let report = lacks(vec![(M0, Some(sought))]);
        world.say(W1, COORDINATOR, ping(Some(attempt), report));
        let told = matches!(last_order(&world, W1), Order::GoOn { locations, .. } if !locations.is_empty());
        assert!(told, "it is told again");
        assert_eq!(idle(&world), before, "it may have heard it");
    }
    for _ in 0..2 {
        world.timeout(COORDINATOR, Timer::Check);
        let report = lacks(vec![(M0, Some(sought))]);
        world.say(W1, COORDINATOR, ping(Some(attempt), report));
    }
    assert_eq!(idle(&world), before + 1, "others may have it");
    assert!(world.marks.contains("worker.hears_nobody"));
    // It has heard it after all, and goes on.
    world.say(W1, COORDINATOR, ping(Some(attempt), lacks(Vec::new())));
    assert_eq!(idle(&world), before);
}

fn mapped_by_last_order(world: &World, worker: NodeId) -> Message {
    let (map, attempt) = ordered_map(world, worker);
    let report = Report::Mapped {
        map,
        attempt,
        counters: Default::default(),
        bytes: 1,
    };
    ping(Some(attempt), report)
}

#[test]
fn a_task_whose_worker_waits_for_the_store_goes_to_another() {
    let mut world = world(&word_count());
    let timers = |worker: NodeId, world: &mut World| {
        let armed: Vec<Timer> = world.timers(worker).iter().copied().collect();
        for timer in armed {
            world.timeout(worker, timer);
        }
        world.settle_but(|it| it.to == STORE && it.from == W1);
    };
    world.settle_but(|it| it.to == STORE && it.from == W1);
    let held = world.coordinator().at_work().next().expect("it is given");
    assert_eq!(held.0.node, W1);
    for _ in 0..20 {
        timers(W1, &mut world);
    }
    assert!(world.marks.contains("worker.waits_for_the_store"));
    for _ in 0..400 {
        if world.coordinator().is_done() {
            break;
        }
        timers(W2, &mut world);
        timers(W1, &mut world);
    }
    assert!(world.coordinator().is_done(), "the other one does it all");
}

#[test]
fn further_executions_of_what_lags_come_after_twice_as_long_each() {
    let tuning = Tuning {
        lag_checks: Some(2),
        silent_checks: 100,
        ..Tuning::default()
    };
    let mut job = word_count();
    job.splits = job.splits[..1].into();
    let workers: Vec<NodeId> = (3..7).map(NodeId).collect();
    let mut world = world_of(&job, workers.len(), &tuning);
    world.bag.clear();
    let mut given = Vec::new();
    for check in 0..20 {
        for worker in &workers {
            world.say(*worker, COORDINATOR, ping(None, Report::Idle));
            let is_map = matches!(last_order(&world, *worker), Order::Map { .. });
            if is_map && given.iter().all(|(known, _)| known != worker) {
                given.push((*worker, check));
            }
        }
        world.timeout(COORDINATOR, Timer::Check);
    }
    let checks: Vec<u32> = given.iter().map(|(_, check)| *check).collect();
    assert_eq!(checks, [0, 2, 2 + 4, 2 + 4 + 8]);
}

#[test]
fn crashes_count_once_for_each_execution() {
    let mut world = quiet(&word_count());
    let crash = |number| {
        let report = Report::Crashed {
            task: TaskName::Map(M0),
            attempt: attempt(1, number),
            record: 3,
        };
        ping(Some(attempt(1, number)), report)
    };
    for number in [7, 7, 8, 8, 9] {
        world.say(W1, COORDINATOR, crash(number));
    }
    let ledger = world.coordinator().ledger();
    let crashes = &ledger.crashes[&(TaskName::Map(M0), 3)];
    assert_eq!(crashes.len(), 2, "after that it is left out: {crashes:?}");
    assert!(ledger.skipped(TaskName::Map(M0)).contains(&3));
}

#[test]
fn what_an_earlier_execution_left_stays_for_those_who_were_sent_to_it() {
    let mut world = quiet(&word_count());
    for number in [1, 2] {
        let map = Order::Map {
            map: M0,
            attempt: attempt(1, number),
            earlier: 0,
            skipped: Default::default(),
        };
        world.say(COORDINATOR, W1, order(map));
        let text = Message::Text {
            map: M0,
            text: "to be\n".into(),
        };
        world.say(STORE, W1, text);
        // Six bytes take no time worth counting, but for a millisecond.
        let takes = Duration::from_millis(1)..Duration::from_micros(1250);
        assert_eq!(world.delay(W1, Timer::Work), takes);
        world.timeout(W1, Timer::Work);
    }
    let Durable::Worker(disk) = world.durable(W1) else {
        panic!("a worker's disk");
    };
    let kept: Vec<Attempt> = disk.outputs.keys().map(|(_, attempt)| *attempt).collect();
    assert_eq!(kept, [attempt(1, 1), attempt(1, 2)]);
    world.bag.clear();
    let fetch = Message::Fetch {
        attempt: attempt(1, 1),
        map: M0,
        partition: Partition(1),
    };
    world.say(W2, W1, fetch);
    assert!(matches!(world.bag[0].message, Message::Piece { .. }));
}
