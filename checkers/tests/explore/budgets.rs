//! Every budget bites: more of it leads to more, and none of it to none.

use snowglobe_checkers::explore::{ActionKind, Bounds, Reductions};

use super::{distinct, election, following, raft, reached};

/// A budget, and how to give so much of it.
type Budget = (&'static str, fn(&mut Bounds, u8));

const BUDGETS: [Budget; 8] = [
    ("terms", |bounds, much| bounds.terms = u64::from(much) + 1),
    ("operations", |bounds, much| bounds.operations = much),
    ("timeouts", |bounds, much| bounds.timeouts = much),
    ("beats", |bounds, much| bounds.beats = much),
    ("crashes", |bounds, much| bounds.crashes = much),
    ("duplicates", |bounds, much| bounds.duplicates = much),
    ("cuts", |bounds, much| bounds.cuts = much),
    ("messages", |bounds, much| bounds.messages = much),
];

#[test]
fn more_of_a_budget_leads_to_more_states() {
    for (name, give) in BUDGETS {
        let [none, one] = [0, 1].map(|much| {
            let mut bounds = election();
            give(&mut bounds, much);
            distinct(&bounds, Reductions::default())
        });
        assert!(
            none < one,
            "{name}: {none} states with none, {one} with more"
        );
    }
}

#[test]
fn of_what_there_is_no_budget_for_nothing_happens() {
    use ActionKind as Kind;
    let kinds_without: [(Budget, &[Kind]); 5] = [
        (BUDGETS[1], &[Kind::Invoke]),
        (BUDGETS[2], &[Kind::Timeout]),
        (
            BUDGETS[4],
            &[Kind::Crash, Kind::CrashBetweenEffects, Kind::Restart],
        ),
        (BUDGETS[5], &[Kind::Duplicate]),
        (BUDGETS[6], &[Kind::Cut, Kind::Mend]),
    ];
    let happens = |bounds: &Bounds| {
        let (world, all) = reached(raft(bounds.clone()), Reductions::default());
        let mut happens = std::collections::BTreeSet::new();
        for state in all {
            let next = following(&world, &state);
            happens.extend(next.iter().map(|(action, _)| world.kind(action)));
        }
        happens
    };
    for ((name, give), kinds) in kinds_without {
        let mut with = election();
        give(&mut with, 1);
        let mut without = with.clone();
        give(&mut without, 0);
        let (with, without) = (happens(&with), happens(&without));
        for kind in kinds {
            assert!(with.contains(kind), "{name}: {kind:?} happens");
            assert!(!without.contains(kind), "{name}: {kind:?} never happens");
        }
    }
}

/// What was taken from a budget is never more than there was.
#[test]
fn no_state_has_spent_more_than_there_is() {
    let bounds = Bounds {
        crashes: 1,
        duplicates: 1,
        ..election()
    };
    let (_, all) = reached(raft(bounds.clone()), Reductions::default());
    for state in &all {
        let spent = state.spent;
        assert!(spent.timeouts <= bounds.timeouts && spent.crashes <= bounds.crashes);
        assert!(spent.duplicates <= bounds.duplicates && spent.cuts == 0 && spent.beats == 0);
    }
    let last_of_each = |spent: fn(&snowglobe_checkers::explore::Spent) -> u8, budget: u8| {
        all.iter().any(|state| spent(&state.spent) == budget)
    };
    assert!(last_of_each(|spent| spent.timeouts, bounds.timeouts));
    assert!(last_of_each(|spent| spent.crashes, bounds.crashes));
    assert!(last_of_each(|spent| spent.duplicates, bounds.duplicates));
}
