//! What a setting calls spent changes nothing, now or later.

use snowglobe_checkers::explore::{
    Action, Bounds, Event, Flight, Reductions, Setting, SmallWorld, State,
};
use snowglobe_checkers::models::kv::{self, KvSetting};
use snowglobe_checkers::models::shardctrler::{self, ControllerSetting};
use snowglobe_checkers::models::shardkv::{self, ShardkvSetting};
use snowglobe_systems::invariants::ClusterView;
use snowglobe_systems::process::Process;

use super::{following, raft, reached, variants};

/// Nothing is let go and nothing is passed over, but for names.
fn plain<S: Setting>(setting: S) -> SmallWorld<S> {
    SmallWorld::new(setting, Reductions::NONE)
}

type FlightOf<S> = Flight<<<S as Setting>::Process as Process>::Message>;

fn is_spent<S: Setting>(setting: &S, state: &State<S>, flight: &FlightOf<S>) -> bool {
    setting.is_spent(state.node(flight.to), flight.from, &flight.message)
}

fn delivery<S: Setting>(flight: &FlightOf<S>) -> Action<S::Process> {
    Action::Input {
        event: Event::Deliver {
            from: flight.from,
            to: flight.to,
            message: flight.message.clone(),
            stays: false,
        },
        crash_after: None,
    }
}

/// A spent message is delivered: it is gone, and all else is as it was.
fn changes_nothing<S: Setting>(world: &SmallWorld<S>, state: &State<S>, flight: &FlightOf<S>) {
    let may_arrive = state.network.deliverable().any(|other| other == flight);
    if state.process(flight.to).is_none() || !may_arrive {
        return;
    }
    let action = delivery::<S>(flight);
    let after = world.successor(state, &action).expect("it is under way");
    let same = after.nodes == state.nodes
        && after.invariants == state.invariants
        && after.judge == state.judge
        && after.clients == state.clients
        && after.network.len() + 1 == state.network.len()
        && after.broken.is_none();
    assert!(same, "{action:?} makes of\n{state:#?}\nthis:\n{after:#?}");
}

/// Looks at all that is called spent in any state: it changes nothing, and is
/// spent in all that may follow. How much there was.
fn stays_spent<S: Setting>(name: &str, world: &SmallWorld<S>) -> usize {
    let setting = world.setting();
    let mut looked_at = 0;
    for state in reached(world) {
        let flights = state.network.flights().iter();
        let spent: Vec<_> = flights
            .filter(|flight| is_spent(setting, &state, flight))
            .collect();
        if spent.is_empty() {
            continue;
        }
        looked_at += spent.len();
        for flight in &spent {
            changes_nothing(world, &state, flight);
        }
        for (action, next) in following(world, &state) {
            let still = next.network.flights().iter();
            let still = still.filter(|flight| spent.iter().any(|old| is_same(old, flight)));
            for flight in still {
                assert!(
                    is_spent(setting, &next, flight),
                    "{name}: {flight:?} is spent no more after {action:?} in\n{state:#?}"
                );
            }
        }
    }
    looked_at
}

#[test]
fn what_is_spent_changes_nothing_and_stays_spent() {
    let variants = variants().into_iter();
    let looked_at: usize = variants
        .map(|(name, bounds)| stays_spent(name, &plain(raft(bounds))))
        .sum();
    assert!(
        looked_at > 1000,
        "only {looked_at} spent messages were seen"
    );
}

/// Clerks wait in vain, ask twice, and are answered twice.
fn of_services() -> Bounds {
    Bounds {
        terms: 1,
        operations: 2,
        timeouts: 1,
        duplicates: 1,
        messages: 2,
        ..Bounds::default()
    }
}

#[test]
fn what_is_spent_of_a_service_stays_spent() {
    let store = KvSetting::new(of_services(), kv::configs(2, 1));
    let looked_at = stays_spent("kv", &plain(store));
    assert!(looked_at > 100, "only {looked_at} were seen");
    let controller = ControllerSetting::new(of_services(), shardctrler::configs(2, 1));
    let looked_at = stays_spent("shardctrler", &plain(controller));
    assert!(looked_at > 100, "only {looked_at} were seen");
}

#[test]
fn what_is_spent_of_groups_stays_spent() {
    let groups = ShardkvSetting::new(of_services(), shardkv::configs(1));
    let looked_at = stays_spent("shardkv", &plain(groups));
    assert!(looked_at > 100, "only {looked_at} were seen");
}

fn is_same<M: PartialEq>(one: &Flight<M>, other: &Flight<M>) -> bool {
    (one.from, one.to) == (other.from, other.to) && one.message == other.message
}
