//! What a setting calls spent changes nothing, now or later.

use snowglobe_checkers::explore::{Action, Event, Flight, Reductions, Setting, SmallWorld, State};
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

#[test]
fn what_is_spent_changes_nothing_and_stays_spent() {
    let mut looked_at = 0;
    for (name, bounds) in variants() {
        let world = plain(raft(bounds));
        let setting = world.setting();
        for state in reached(&world) {
            let flights = state.network.flights().iter();
            let spent: Vec<_> = flights
                .filter(|flight| is_spent(setting, &state, flight))
                .collect();
            if spent.is_empty() {
                continue;
            }
            looked_at += spent.len();
            for flight in &spent {
                changes_nothing(&world, &state, flight);
            }
            for (action, next) in following(&world, &state) {
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
    }
    assert!(
        looked_at > 1000,
        "only {looked_at} spent messages were seen"
    );
}

fn is_same<M: PartialEq>(one: &Flight<M>, other: &Flight<M>) -> bool {
    (one.from, one.to) == (other.from, other.to) && one.message == other.message
}
