//! The explorer itself, looked at through a small world of Raft: orders and threads
//! do not matter, reductions hide nothing, names decide nothing, and every
//! budget bites.
//!
//! Where it can, a test does not ask the search: it walks through all states
//! itself, with no more than [`SmallWorld::actions`] and [`SmallWorld::successor`].

mod actions;
mod bell;
mod budgets;
mod canaries;
mod comparison;
mod fickle;
mod going_on;
mod letter;
mod names;
mod probe;
mod recovery;
mod reductions;
mod sleeper;
mod wander;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use snowglobe_checkers::explore::{
    Account, Action, Bounds, Event, Order, Outcome, Reductions, SearchEngine, Setting, SmallWorld,
    State, search, search_by,
};
use snowglobe_checkers::models::raft::{RaftSetting, configs};
use snowglobe_systems::digest::Digest;

/// Three nodes that elect a leader, without accidents.
fn election() -> Bounds {
    Bounds {
        terms: 1,
        timeouts: 2,
        messages: 2,
        ..Bounds::default()
    }
}

/// The same election, with one accident or one more freedom each.
fn variants() -> [(&'static str, Bounds); 8] {
    let plain = election();
    let with = |change: fn(&mut Bounds)| {
        let mut bounds = plain.clone();
        change(&mut bounds);
        bounds
    };
    [
        ("plain", plain.clone()),
        ("two terms", with(|bounds| bounds.terms = 2)),
        ("a crash", with(|bounds| bounds.crashes = 1)),
        ("a duplicate", with(|bounds| bounds.duplicates = 1)),
        ("a cut", with(|bounds| bounds.cuts = 1)),
        ("a beat", with(|bounds| bounds.beats = 1)),
        ("an operation", with(|bounds| bounds.operations = 1)),
        ("links in order", with(|bounds| bounds.in_order = true)),
    ]
}

fn raft(bounds: Bounds) -> RaftSetting {
    RaftSetting::new(bounds, configs(3))
}

fn explore(
    bounds: &Bounds,
    reductions: Reductions,
    order: Order,
    threads: usize,
) -> Outcome<RaftSetting> {
    let world = Arc::new(SmallWorld::new(raft(bounds.clone()), reductions));
    let outcome = search(&world, order, threads, |_| true);
    if let Some(counterexample) = &outcome.counterexample {
        panic!("{counterexample:#?}");
    }
    assert!(outcome.exhausted, "nothing is left to look at");
    outcome
}

fn distinct(bounds: &Bounds, reductions: Reductions) -> usize {
    explore(bounds, reductions, Order::Breadth, 1)
        .headway
        .distinct
}

/// Everything that may follow a state, with what leads there.
fn following<S: Setting>(
    world: &SmallWorld<S>,
    state: &State<S>,
) -> Vec<(Action<S::Process>, State<S>)> {
    let mut actions = Vec::new();
    world.actions(state, &mut actions);
    let taken = actions.into_iter().filter_map(|action| {
        let next = world.successor(state, &action)?;
        Some((action, next))
    });
    taken.collect()
}

/// Different states: two with the same digest are still compared.
struct Distinct<S: Setting>(BTreeMap<u64, Vec<State<S>>>);

impl<S: Setting> Distinct<S> {
    fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Whether it is a new one.
    fn insert(&mut self, state: State<S>) -> bool {
        let known = self.0.entry(Digest::of(&state)).or_default();
        let is_new = !known.contains(&state);
        if is_new {
            known.push(state);
        }
        is_new
    }

    /// Whether they are exactly these.
    fn is(&self, other: &Self) -> bool {
        let mine = self.0.iter();
        let known = |(digest, states): (&u64, &Vec<State<S>>)| {
            let its = other.0.get(digest);
            its.is_some_and(|its| states.iter().all(|state| its.contains(state)))
        };
        self.len() == other.len() && mine.into_iter().all(known)
    }

    fn len(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }
}

/// All states that can be reached, in the order in which a plain walk comes to
/// them. None is put into its canonical form. What is obsolete, a search has to
/// find out first.
fn reached<S: Setting>(setting: S, reductions: Reductions) -> (Arc<SmallWorld<S>>, Vec<State<S>>) {
    let world = Arc::new(SmallWorld::new(setting, reductions));
    search(&world, Order::Breadth, 1, |_| true);
    let mut seen = Distinct::new();
    let mut all = Vec::new();
    let mut waiting = VecDeque::from([world.start()]);
    seen.insert(world.start());
    while let Some(state) = waiting.pop_front() {
        for (_, next) in following(&world, &state) {
            if seen.insert(next.clone()) {
                waiting.push_back(next);
            }
        }
        all.push(state);
    }
    (world, all)
}

#[test]
fn orders_and_threads_find_the_same_states() {
    let bounds = Bounds {
        crashes: 1,
        operations: 1,
        ..election()
    };
    let alone = explore(&bounds, Reductions::default(), Order::Breadth, 1);
    for (order, threads) in [(Order::Breadth, 2), (Order::Depth, 1), (Order::Depth, 2)] {
        let other = explore(&bounds, Reductions::default(), order, threads);
        let (one, two) = (alone.headway, other.headway);
        assert_eq!(one.distinct, two.distinct, "{order:?} by {threads}");
        // Each state is looked at once, so all that follows is generated as often.
        assert_eq!(one.generated, two.generated, "{order:?} by {threads}");
        assert_eq!(alone.account, other.account, "{order:?} by {threads}");
    }
}

/// stateright keeps whole states by their fingerprints, and the other engine rows of numbers:
/// both look at the same states, and find the same of them.
#[test]
fn both_engines_see_the_same() {
    let ways = [(Order::Breadth, 1), (Order::Depth, 2)];
    for (name, bounds) in variants() {
        for reductions in [Reductions::default(), Reductions::NONE] {
            for (order, threads) in ways {
                let [packed, other] =
                    [SearchEngine::Packed, SearchEngine::Stateright].map(|engine| {
                        let world = Arc::new(SmallWorld::new(raft(bounds.clone()), reductions));
                        search_by(engine, &world, order, threads, |_| true)
                    });
                let way = format!("{name} {reductions:?} {order:?} by {threads}");
                assert!(packed.exhausted && other.exhausted, "{way}");
                let (one, two) = (packed.headway, other.headway);
                assert_eq!(one.distinct, two.distinct, "{way}");
                let marks = |outcome: &Outcome<RaftSetting>| -> Vec<&'static str> {
                    outcome.account.marks.keys().copied().collect()
                };
                assert_eq!(marks(&packed), marks(&other), "{way}");
                if packed.certificate.rounds == other.certificate.rounds {
                    assert_eq!(one.generated, two.generated, "{way}");
                    // Each looks closely at a sample of its own, there also under other names.
                    let looked = packed.account.clone();
                    let other = Account {
                        marks: looked.marks.clone(),
                        sampled: looked.sampled,
                        orbits: looked.orbits,
                        worked_out_again: looked.worked_out_again,
                        ..other.account
                    };
                    assert_eq!(looked, other, "{way}");
                    assert!(
                        one.distinct < 10_000 || looked.worked_out_again > 0,
                        "{way}"
                    );
                }
                // stateright's threads do not wait for each other at each depth.
                if (order, threads) == (Order::Breadth, 1) {
                    assert_eq!(one.depth, two.depth, "{way}");
                }
                assert_eq!(one.queued, 0, "{way}");
            }
        }
    }
}

/// However many threads there are, a search that is stopped knows how deep it came: from there on
/// it counts as many states as one that looks no further.
#[test]
fn a_stopped_search_knows_how_deep_it_came() {
    // It would take minutes to look at all of it.
    let bounds = Bounds {
        terms: 2,
        messages: 4,
        crashes: 1,
        operations: 1,
        ..election()
    };
    let world = |depth| {
        let world = SmallWorld::new(raft(bounds.clone()), Reductions::NONE);
        Arc::new(world.within(depth))
    };
    for threads in [1, 2, 4] {
        let mut looks = 0;
        let outcome = search(&world(u32::MAX), Order::Breadth, threads, |_| {
            looks += 1;
            looks < 3
        });
        assert!(!outcome.exhausted, "it is larger than that");
        let depth = outcome.complete_to.expect("states were looked at in order");
        let within = search(&world(depth as u32), Order::Breadth, 1, |_| true);
        assert!(within.headway.distinct <= outcome.headway.distinct);
    }
}

#[test]
fn a_plain_walk_comes_to_as_many_states_as_the_search() {
    let (_, all) = reached(raft(election()), Reductions::NONE);
    assert_eq!(all.len(), distinct(&election(), Reductions::NONE));
}

/// A leader that beats twice says the same twice. Both are under way, both count
/// where few may be, and when one arrives the other does not.
#[test]
fn two_messages_that_say_the_same_are_two() {
    let bounds = Bounds {
        timeouts: 1,
        beats: 2,
        messages: 4,
        ..Bounds::default()
    };
    let (world, all) = reached(raft(bounds), Reductions::NONE);
    let mut pairs = 0;
    for state in all {
        for flight in state.network.flights() {
            let (from, to, message) = (flight.from, flight.to, flight.message.clone());
            let event = Event::Deliver {
                from,
                to,
                message,
                stays: false,
            };
            let action = Action::Input {
                event,
                choices: Vec::new(),
                crash_after: None,
            };
            let next = world.successor(&state, &action).expect("it is under way");
            let left = next.network.flights().iter().find(|other| {
                (other.from, other.to) == (from, to) && other.message == flight.message
            });
            let copies = left.map_or(0, |left| left.copies);
            assert_eq!(copies, flight.copies - 1, "{state:#?}");
            pairs += usize::from(flight.copies == 2);
        }
    }
    assert!(pairs > 0, "nobody said the same twice");
}
