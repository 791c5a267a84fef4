//! How many states two-phase commit has, and how many of them differ in more than
//! who has which name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use snowglobe_checkers::explore::{Order, Reductions, SearchEngine, SmallWorld, State, search};
use snowglobe_systems::digest::Digest;
use snowglobe_systems::process::NodeId;

use super::two_phase::{Consistent, Decision, Manager, Stage, TwoPhase, stages};
use super::{distinct, has_states};

/// What matches stateright's set of messages; see [`two_phase`](super::two_phase).
const PLAIN: Reductions = Reductions {
    symmetry: false,
    obsolete: true,
    stuttering: true,
};

/// All that is to say of a resource manager: how far it is, whether it has
/// ever said that it is prepared, and whether that was heard.
type Resource = (Stage, bool, bool);
/// The transaction's end, and all resource managers in the order of their names.
type Plain = (Option<Decision>, Vec<Resource>);

/// A state in the fewest words.
fn plain(state: &State<TwoPhase>) -> Plain {
    let stages = stages(state);
    let transaction = state.process(NodeId::at(stages.len()));
    let Some(Manager::Transaction {
        prepared, decided, ..
    }) = transaction
    else {
        panic!("the transaction manager is up");
    };
    let resources = stages.into_iter().enumerate().map(|(place, stage)| {
        let resource = NodeId::at(place);
        let said = matches!(
            state.process(resource),
            Some(Manager::Resource { said: true, .. })
        );
        (stage, said, prepared.contains(&resource))
    });
    (*decided, resources.collect())
}

/// All states, by a plain walk without the search and without symmetry.
fn reached(resources: u16) -> Vec<State<TwoPhase>> {
    let world = Arc::new(SmallWorld::new(
        TwoPhase::<Consistent>::new(resources),
        PLAIN,
    ));
    // It finds out what is obsolete.
    search(&world, Order::Breadth, 1, |_| true);
    let mut seen: BTreeMap<u64, Vec<State<TwoPhase>>> = BTreeMap::new();
    let mut all = vec![world.start()];
    let mut place = 0;
    while let Some(state) = all.get(place).cloned() {
        place += 1;
        let mut actions = Vec::new();
        world.actions(&state, &mut actions);
        for action in actions {
            let Some(next) = world.successor(&state, &action) else {
                continue;
            };
            let known = seen.entry(Digest::of(&next)).or_default();
            if !known.contains(&next) {
                known.push(next.clone());
                all.push(next);
            }
        }
    }
    all
}

/// All orders of some values.
fn orders<T: Copy>(values: &[T]) -> Vec<Vec<T>> {
    let Some((first, rest)) = values.split_first() else {
        return vec![Vec::new()];
    };
    let insert = |order: Vec<T>| {
        (0..=order.len()).map(move |place| {
            let mut longer = order.clone();
            longer.insert(place, *first);
            longer
        })
    };
    orders(rest).into_iter().flat_map(insert).collect()
}

#[test]
fn three_resource_managers_have_288_states() {
    has_states(&TwoPhase::<Consistent>::new(3), PLAIN, 288);
}

#[test]
fn five_resource_managers_have_8_832_states() {
    has_states(&TwoPhase::<Consistent>::new(5), PLAIN, 8_832);
}

#[test]
fn seven_resource_managers_have_296_448_states() {
    let found = distinct(
        TwoPhase::<Consistent>::new(7),
        PLAIN,
        (SearchEngine::Packed, Order::Depth, 2),
    );
    assert_eq!(found, 296_448);
}

#[test]
fn a_transaction_may_be_committed_by_all_and_aborted_by_all() {
    let all = reached(3);
    assert_eq!(all.len(), 288);
    for decision in [Decision::Commit, Decision::Abort] {
        let everywhere = |state| stages(state) == [Stage::Done(decision); 3];
        assert!(all.iter().any(everywhere), "{decision:?} by all");
    }
}

/// No two states mean the same, so a state is a plain state and the other way round.
#[test]
fn a_state_is_what_is_said_and_done() {
    let all = reached(5);
    let plain: BTreeSet<Plain> = all.iter().map(plain).collect();
    assert_eq!(plain.len(), all.len());
}

/// The least of all orders of the resource managers, found by trying them all,
/// stands for all states that differ in nothing but their names.
#[test]
fn of_all_states_that_differ_in_names_only_exactly_one_is_explored() {
    for (resources, expected) in [(1, 12), (2, 34), (3, 80), (4, 166), (5, 314)] {
        let forms: BTreeSet<Plain> = reached(resources)
            .iter()
            .map(plain)
            .map(|(decided, resources)| {
                let least = orders(&resources).into_iter().min();
                (decided, least.expect("there is an order"))
            })
            .collect();
        assert_eq!(forms.len(), expected, "{resources} resource managers");
        let setting = TwoPhase::<Consistent>::new(resources);
        has_states(&setting, Reductions::default(), expected);
    }
}

/// Where stateright's example makes use of symmetry it counts 665 states of five
/// resource managers. It puts them in the order of their stages alone and leaves
/// those of one stage as they are, whatever was said and heard of them, so one
/// state has several forms. There are 1,092 such forms, and each of the 314 states
/// that really differ has one at least. A search in that form goes on
/// from the first state of each form only, so it need not meet all of them:
/// it ends between the two, depending on the order in which it looks.
#[test]
fn a_form_that_sorts_by_stage_alone_is_no_canonical_one() {
    let forms: BTreeSet<Plain> = reached(5)
        .iter()
        .map(plain)
        .map(|(decided, mut resources)| {
            resources.sort_by_key(|(stage, _, _)| *stage);
            (decided, resources)
        })
        .collect();
    assert_eq!(forms.len(), 1_092);
}
