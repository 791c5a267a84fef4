//! What keeps a search small hides nothing.

use std::collections::BTreeSet;

use snowglobe_checkers::explore::{Bounds, Order, Reductions};
use snowglobe_systems::raft::marks;

use super::{election, explore, variants};

/// All ways to switch the reductions, all of them off first.
fn switched() -> impl Iterator<Item = Reductions> {
    (0..8).map(|bits: u8| Reductions {
        symmetry: bits & 1 != 0,
        obsolete: bits & 2 != 0,
        stuttering: bits & 4 != 0,
    })
}

/// The marks that are reached; that every promise is kept, the search has seen.
fn marks(bounds: &Bounds, reductions: Reductions) -> BTreeSet<&'static str> {
    let outcome = explore(bounds, reductions, Order::Breadth, 1);
    outcome.account.marks.into_keys().collect()
}

#[test]
fn whichever_reductions_are_on_the_verdict_and_the_marks_are_the_same() {
    for (name, bounds) in variants() {
        let all = marks(&bounds, Reductions::NONE);
        assert!(all.contains(marks::LEADER_ELECTED), "{name}: {all:?}");
        for reductions in switched() {
            assert_eq!(marks(&bounds, reductions), all, "{name}, {reductions:?}");
        }
    }
}

#[test]
fn each_reduction_makes_the_search_smaller() {
    // Under a cap, what arrives makes room even where it changes nothing.
    let bounds = Bounds {
        messages: Bounds::NO_CAP,
        ..election()
    };
    let states = |reductions| super::distinct(&bounds, reductions);
    let all = Reductions::default();
    let whole = states(all);
    for (name, without) in [
        (
            "symmetry",
            Reductions {
                symmetry: false,
                ..all
            },
        ),
        (
            "obsolete messages",
            Reductions {
                obsolete: false,
                ..all
            },
        ),
        (
            "stuttering",
            Reductions {
                stuttering: false,
                ..all
            },
        ),
    ] {
        let more = states(without);
        assert!(
            whole < more,
            "{name}: {more} states without, {whole} with it"
        );
    }
}
