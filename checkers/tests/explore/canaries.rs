//! What a search looks at itself is looked at: in a small protocol, each look that
//! is switched off turns what it finds into "held".

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use snowglobe_checkers::explore::{
    Bounds, Client, NAMES_MATTER, Order, Outcome, Reductions, STEPS_DIFFER, Setting, SmallWorld,
    UNDECIDED, search,
};
use snowglobe_systems::process::NodeId;

use super::bell::{Bells, FORBIDDEN, Listener};
use super::fickle::Counters;
use super::letter::{Letters, TOO_LOUD};
use super::sleeper::{Kind, NOBODY_HEARS, Sleepers};

fn explore<S: Setting>(setting: S, threads: usize) -> Outcome<S> {
    let world = Arc::new(SmallWorld::new(setting, Reductions::default()));
    search(&world, Order::Breadth, threads, |_| true)
}

/// Without a step of its own a node never comes to hear, so nothing that can be
/// told ahead says that the word matters: only what it is sent wakes it.
fn asleep() -> Bounds {
    Bounds {
        timeouts: 0,
        ..Bounds::default()
    }
}

/// The word is left out at first, and heard when it is taken up again.
fn is_taken_up_again(setting: Sleepers) {
    let outcome = explore(setting, 1);
    let found = outcome.counterexample.expect("the word is heard");
    assert_eq!(found.violation.property, NOBODY_HEARS);
    assert!(outcome.certificate.taken_up > 0);
    assert!(outcome.certificate.rounds > 1);
}

#[test]
fn a_word_that_comes_too_early_is_taken_up_again() {
    is_taken_up_again(Sleepers::new(2, Kind::Plain, asleep()));
}

#[test]
fn a_word_that_matters_after_a_crash_is_taken_up_again() {
    let crashes = Bounds {
        crashes: 1,
        ..asleep()
    };
    is_taken_up_again(Sleepers::new(2, Kind::AfterCrash, crashes));
}

#[test]
fn a_word_that_matters_after_half_a_step_is_taken_up_again() {
    let crashes = Bounds {
        crashes: 1,
        ..Bounds::default()
    };
    is_taken_up_again(Sleepers::new(2, Kind::AfterHalf, crashes));
}

/// Of two interchangeable callers the search sees one wake the node, always the
/// same: what is known of it holds for the other.
#[test]
fn a_word_of_somebody_like_who_was_seen_is_taken_up_again() {
    for kind in [Kind::SameCaller, Kind::OtherCallers] {
        let setting = Sleepers::new(3, kind, Bounds::default());
        is_taken_up_again(setting.with_names_that_do_not_matter());
    }
}

/// What invariants hear of in the second world around a node, they are told there.
#[test]
fn what_is_left_out_is_shown_to_invariants_again() {
    let listener = Listener {
        forbids_at: 1,
        remembers_at: 9,
    };
    let found = explore(Bells::new(listener), 1).counterexample;
    assert_eq!(found.expect("it rings").violation.property, FORBIDDEN);
}

/// They are not shown the third world around it; but they hear of the fourth, and so
/// everything is looked at again.
#[test]
fn what_invariants_hear_of_was_left_out_before() {
    let listener = Listener {
        forbids_at: 2,
        remembers_at: 3,
    };
    let found = explore(Bells::new(listener), 1).counterexample;
    assert_eq!(found.expect("it rings").violation.property, FORBIDDEN);
}

/// The same of a message under way that is of no use any more, since its receiver has changed: that
/// it is left out is remembered of the receiver, and yet shown in the second world around it.
#[test]
fn what_is_left_out_under_way_is_shown_to_invariants_again() {
    let found = explore(Letters::new(), 1).counterexample;
    assert_eq!(found.expect("it rustles").violation.property, TOO_LOUD);
}

/// Invariants that are no function of what they are shown: what is remembered of a step is not
/// what it does when it is worked out once more.
#[test]
fn steps_that_come_out_otherwise_are_no_verdict() {
    let outcome = explore(Counters::new(), 1);
    let doubt = outcome.doubt.map(|doubt| doubt.property);
    assert_eq!(doubt, Some(STEPS_DIFFER));
    assert!(!outcome.exhausted && outcome.counterexample.is_none());
}

/// A thread that panics is not waited for, and whoever searches hears of it.
#[test]
fn a_panic_of_an_invariant_ends_the_search() {
    let listener = Listener {
        forbids_at: 9,
        remembers_at: 9,
    };
    for threads in [1, 2] {
        let bells = Bells::new(listener).with_crashes();
        let search = AssertUnwindSafe(|| explore(bells, threads));
        assert!(catch_unwind(search).is_err(), "nobody crashes, they say");
    }
}

/// Two nodes that are equal are kept as one; invariants are shown each as it is.
#[test]
fn invariants_are_shown_what_equality_does_not_see() {
    let outcome = explore(Sleepers::new(2, Kind::Hides, asleep()), 1);
    let found = outcome.counterexample.map(|found| found.violation);
    assert_eq!(found, None);
    assert!(outcome.exhausted);
}

/// Several threads find it in some order; told is always the same.
#[test]
fn whoever_finds_it_the_same_is_told() {
    let tired = Bounds {
        timeouts: 7,
        messages: 0,
        ..Bounds::default()
    };
    let told = |threads| {
        let outcome = explore(Sleepers::new(8, Kind::Tired, tired.clone()), threads);
        let found = outcome.counterexample.expect("the word is heard");
        found.steps.iter().map(ToString::to_string).collect()
    };
    let ways: BTreeSet<Vec<String>> = (0..12).map(|number| told(1 + 3 * (number % 2))).collect();
    assert_eq!(ways.len(), 1, "{ways:#?}");
}

/// Three nodes count, each as far as the budget goes: some thousand states.
fn counting(kind: Kind) -> Sleepers {
    let bounds = Bounds {
        timeouts: 24,
        messages: 0,
        ..Bounds::default()
    };
    Sleepers::new(4, kind, bounds).with_names_that_do_not_matter()
}

#[test]
fn nodes_that_are_not_alike_are_found_out() {
    let doubt = explore(counting(Kind::NotAlike), 1).doubt;
    assert_eq!(doubt.expect("they differ").property, NAMES_MATTER);
}

#[test]
fn a_judge_that_gives_up_is_no_verdict() {
    let asks = Client {
        at: vec![NodeId(1)],
        operations: vec![()],
        waits: true,
    };
    let setting = Sleepers {
        clients: vec![asks],
        ..counting(Kind::Plain)
    };
    let outcome = explore(setting, 1);
    let doubt = outcome.doubt.expect("the judge gives up");
    assert_eq!(doubt.property, UNDECIDED);
    assert!(!outcome.exhausted && outcome.counterexample.is_none());
}
