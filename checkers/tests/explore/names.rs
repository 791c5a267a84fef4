//! Of all states that differ in names only, exactly one stands for all.

use snowglobe_checkers::explore::{Member, Reductions, Setting, Shared, SmallWorld, State};
use snowglobe_systems::process::NodeId;
use snowglobe_systems::renaming::Renaming;

use super::{Distinct, distinct, raft, reached, variants};

const WITHOUT_SYMMETRY: Reductions = Reductions {
    symmetry: false,
    obsolete: true,
    stuttering: true,
};

/// All permutations of three nodes.
fn renamings() -> impl Iterator<Item = Renaming> {
    [
        [1, 2, 3],
        [1, 3, 2],
        [2, 1, 3],
        [2, 3, 1],
        [3, 1, 2],
        [3, 2, 1],
    ]
    .into_iter()
    .map(|names| Renaming::new(names.map(NodeId).to_vec()))
}

/// The whole state under other names, put together anew.
fn renamed<S: Setting>(setting: &S, state: &State<S>, renaming: &Renaming) -> State<S> {
    let symmetry = setting.symmetry().expect("its nodes are alike");
    let mut renamed = state.clone();
    for (place, member) in state.nodes.iter().enumerate() {
        let new = renaming.of(NodeId::at(place));
        let process = member.process.as_ref();
        renamed.nodes[new.position()] = Shared::new(Member {
            process: process.map(|process| symmetry.process(process, renaming)),
            durable: symmetry.durable(&member.durable, renaming),
            armed: member.armed.clone(),
        });
    }
    renamed.network = state.network.map(|flight| {
        let message = symmetry.message(&flight.message, renaming);
        let (from, to) = (renaming.of(flight.from), renaming.of(flight.to));
        (from, to, Shared::new(message))
    });
    renamed.invariants = Shared::new(symmetry.invariants(&state.invariants, renaming));
    for client in &mut renamed.clients {
        for (_, node) in &mut client.open {
            *node = renaming.of(*node);
        }
    }
    for (one, other) in &mut renamed.cut {
        let (a, b) = (renaming.of(*one), renaming.of(*other));
        (*one, *other) = (a.min(b), a.max(b));
    }
    renamed.cut.sort_unstable();
    renamed
}

#[test]
fn with_symmetry_the_search_finds_one_state_for_all_that_differ_in_names() {
    for (name, bounds) in variants() {
        let (_, all) = reached(raft(bounds.clone()), WITHOUT_SYMMETRY);
        let world = SmallWorld::new(raft(bounds.clone()), Reductions::default());
        let mut canonical = Distinct::new();
        for state in all {
            canonical.insert(world.canonical(state));
        }
        let searched = distinct(&bounds, Reductions::default());
        assert_eq!(canonical.len(), searched, "{name}");
    }
}

#[test]
fn whatever_its_names_a_state_has_the_same_canonical_form() {
    for (name, bounds) in variants() {
        let (_, all) = reached(raft(bounds.clone()), WITHOUT_SYMMETRY);
        let world = SmallWorld::new(raft(bounds), Reductions::default());
        // Every seventh state: names are traded in all six ways in each.
        for state in all.iter().step_by(7) {
            let canonical = world.canonical(state.clone());
            for renaming in renamings() {
                let other = renamed(world.setting(), state, &renaming);
                let other = world.canonical(other);
                assert!(
                    other == canonical,
                    "{name}: {state:#?}\nunder {renaming:?} is\n{other:#?}\nand not\n{canonical:#?}"
                );
            }
        }
    }
}

#[test]
fn a_canonical_form_is_the_state_under_some_names() {
    for (name, bounds) in variants() {
        let (_, all) = reached(raft(bounds.clone()), WITHOUT_SYMMETRY);
        let world = SmallWorld::new(raft(bounds), Reductions::default());
        for state in all.iter().step_by(7) {
            let canonical = world.canonical(state.clone());
            let mut names = renamings();
            let is_it = names.any(|names| renamed(world.setting(), state, &names) == canonical);
            assert!(
                is_it,
                "{name}: {canonical:#?}\nis no renaming of\n{state:#?}"
            );
        }
    }
}

/// What may follow a state does not depend on the names in it: the renamed
/// world has the renamed future.
#[test]
fn what_follows_a_renamed_state_is_what_follows_the_state_renamed() {
    for (name, bounds) in variants() {
        let (plain, all) = reached(raft(bounds.clone()), WITHOUT_SYMMETRY);
        let world = SmallWorld::new(raft(bounds), Reductions::default());
        let future = |state: &State<_>| {
            let mut future = Distinct::new();
            for (_, next) in super::following(&plain, state) {
                future.insert(world.canonical(next));
            }
            future
        };
        for state in all.iter().step_by(31) {
            let mine = future(state);
            for renaming in renamings().skip(1) {
                let other = future(&renamed(world.setting(), state, &renaming));
                assert!(other.is(&mine), "{name}: {state:#?} under {renaming:?}");
            }
        }
    }
}
