//! Exploration held to numbers that others have found.
//!
//! The examples of stateright come with the number of their distinct states. Here
//! the same protocols are written as processes and explored by our own search.
//! The same number means that both see the same set of states: one state too
//! many, or one that goes missing, and it differs.
//!
//! What a state is there, and so here: the servers, the clients, a bag of
//! messages under way, and the whole past of the clients as far as it can matter.
//! A client is a node. It calls when it starts, and again in the very step in which
//! it is answered, so calls are not steps of their own. A delivery that changes
//! nothing and makes nobody speak is not taken, and the message stays under way:
//! that is what our [`Reductions::stuttering`] does, and the only reduction that
//! is switched on for equal counts. Two-phase commit is no model of actors there,
//! and has its own reasons; see [`two_phase`].

mod actor_model;
mod blamed;
mod history;
mod paxos;
mod quorum;
mod register;
mod setting;
mod single_copy;
mod two_phase;
mod two_phase_commit;

use std::sync::Arc;

use snowglobe_checkers::explore::{
    Order, Outcome, Reductions, SearchEngine, Setting, SmallWorld, search_by,
};

/// What stateright's actor model leaves out as well, and nothing else.
const AS_STATERIGHT: Reductions = Reductions {
    symmetry: false,
    obsolete: false,
    stuttering: true,
};

/// A engine, an order, and a number of threads.
type Way = (SearchEngine, Order, usize);

/// Every way in which a search can be made.
const WAYS: [Way; 8] = [
    (SearchEngine::Packed, Order::Breadth, 1),
    (SearchEngine::Packed, Order::Breadth, 2),
    (SearchEngine::Packed, Order::Depth, 1),
    (SearchEngine::Packed, Order::Depth, 2),
    (SearchEngine::Stateright, Order::Breadth, 1),
    (SearchEngine::Stateright, Order::Breadth, 2),
    (SearchEngine::Stateright, Order::Depth, 1),
    (SearchEngine::Stateright, Order::Depth, 2),
];

fn explore<S: Setting>(
    setting: S,
    reductions: Reductions,
    (engine, order, threads): Way,
) -> Outcome<S> {
    let world = Arc::new(SmallWorld::new(setting, reductions));
    search_by(engine, &world, order, threads, |_| true)
}

/// The number of distinct states of a setting that keeps its promises.
fn distinct<S: Setting>(setting: S, reductions: Reductions, way: Way) -> usize {
    let outcome = explore(setting, reductions, way);
    if let Some(counterexample) = &outcome.counterexample {
        panic!("{counterexample:#?}");
    }
    assert!(outcome.exhausted, "nothing is left to look at");
    outcome.headway.distinct
}

/// A setting has so many states, in whatever order they are looked at.
fn has_states<S: Setting>(setting: &S, reductions: Reductions, expected: usize) {
    for way in WAYS {
        let found = distinct(setting.clone(), reductions, way);
        assert_eq!(found, expected, "{} by {way:?}", S::NAME);
    }
}

/// The steps of the first violation that a search in the order of depth finds.
fn steps_to_violation<S: Setting>(setting: S) -> Vec<String> {
    let outcome = explore(
        setting,
        AS_STATERIGHT,
        (SearchEngine::Packed, Order::Breadth, 1),
    );
    let counterexample = outcome.counterexample.expect("a promise is broken");
    counterexample
        .steps
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// Paxos with three servers and some clients as actors of stateright's own
/// model, for the benchmark.
#[allow(dead_code, reason = "the benchmark needs it")]
pub(crate) fn paxos_as_actors(clients: u16) -> actor_model::Hosts<paxos::Paxos> {
    actor_model::hosts::<paxos::Paxos>(3, clients)
}

/// The same as a process of ours.
#[allow(dead_code, reason = "the benchmark needs it")]
pub(crate) fn paxos_as_process(
    clients: u16,
) -> SmallWorld<setting::RegisterSetting<paxos::Paxos, history::Observer<history::Whole>>> {
    SmallWorld::new(setting::RegisterSetting::new(3, clients), AS_STATERIGHT)
}
