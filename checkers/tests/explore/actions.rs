//! Whatever can happen does: for each kind of action there is something that
//! happens only by it, and that is found with room for it and not without.

use std::collections::BTreeSet;
use std::sync::Arc;

use snowglobe_checkers::explore::{ActionKind, Bounds, Order, Outcome, Reductions, search};

use super::probe::{FORBIDDEN, Forbidden, Probes, world};

/// What is forbidden, the kinds of action that it takes, the room for it, and what is too little.
struct Row {
    forbidden: Forbidden,
    takes: &'static [ActionKind],
    room: Bounds,
    too_little: Bounds,
}

/// Nothing happens but that what was sent at the boot arrives.
fn calm() -> Bounds {
    Bounds {
        timeouts: 0,
        messages: 8,
        ..Bounds::default()
    }
}

fn row(
    forbidden: Forbidden,
    takes: &'static [ActionKind],
    give: fn(&mut Bounds),
    take: fn(&mut Bounds),
) -> Row {
    let mut room = calm();
    give(&mut room);
    let mut too_little = room.clone();
    take(&mut too_little);
    Row {
        forbidden,
        takes,
        room,
        too_little,
    }
}

fn rows() -> Vec<Row> {
    use ActionKind as Kind;
    vec![
        row(
            Forbidden::Duplicate,
            &[Kind::Deliver, Kind::Duplicate],
            |room| room.duplicates = 1,
            |room| room.duplicates = 0,
        ),
        row(
            Forbidden::Timeout,
            &[Kind::Timeout],
            |room| room.timeouts = 1,
            |room| room.timeouts = 0,
        ),
        row(
            Forbidden::Beat,
            &[Kind::Beat],
            |room| room.beats = 1,
            |room| room.beats = 0,
        ),
        row(
            Forbidden::Call,
            &[Kind::Invoke],
            |room| room.operations = 1,
            |room| room.operations = 0,
        ),
        row(
            Forbidden::CrashBetweenSteps,
            &[Kind::Crash, Kind::Restart],
            |room| (room.beats, room.crashes) = (1, 1),
            |room| room.crashes = 0,
        ),
        row(
            Forbidden::CrashBetweenEffects,
            &[Kind::CrashBetweenEffects, Kind::Restart],
            |room| (room.beats, room.crashes) = (1, 1),
            |room| room.crashes = 0,
        ),
        // On links that keep the order nothing but a cut loses what was sent first.
        row(
            Forbidden::Loss,
            &[Kind::Cut, Kind::Mend],
            |room| (room.timeouts, room.cuts, room.in_order) = (1, 1, true),
            |room| room.cuts = 0,
        ),
        // A cut that loses what is sent meanwhile need not lose what was sent before.
        row(
            Forbidden::Gap,
            &[Kind::Hold, Kind::Mend],
            |room| (room.timeouts, room.cuts, room.in_order) = (2, 1, true),
            |room| room.cuts = 0,
        ),
        // On others what was sent last may arrive first.
        row(
            Forbidden::Loss,
            &[Kind::Deliver],
            |room| room.timeouts = 1,
            |room| room.in_order = true,
        ),
        // What is sent to a node that is down waits for it.
        row(
            Forbidden::WordToTheDead,
            &[Kind::Crash, Kind::Restart, Kind::Deliver],
            |room| (room.timeouts, room.crashes) = (1, 1),
            |room| room.crashes = 0,
        ),
    ]
}

fn explore(forbidden: Forbidden, bounds: &Bounds, reductions: Reductions) -> Outcome<Probes> {
    let world = Arc::new(world(forbidden, bounds, reductions));
    search(&world, Order::Breadth, 1, |_| true)
}

/// Whether it happens, with and without reductions.
fn happens(forbidden: Forbidden, bounds: &Bounds) -> bool {
    let found = [Reductions::NONE, Reductions::default()].map(|reductions| {
        let outcome = explore(forbidden, bounds, reductions);
        let found = outcome.counterexample.map(|it| it.violation.property);
        assert!(found.is_some() || outcome.exhausted, "{forbidden:?}");
        found == Some(FORBIDDEN)
    });
    assert_eq!(found[0], found[1], "{forbidden:?} within {bounds:?}");
    found[0]
}

#[test]
fn each_kind_of_action_leads_where_nothing_else_does() {
    let mut taken = BTreeSet::new();
    for row in rows() {
        assert!(happens(row.forbidden, &row.room), "{:?}", row.forbidden);
        assert!(
            !happens(row.forbidden, &row.too_little),
            "{:?}",
            row.forbidden
        );
        taken.extend(row.takes);
    }
    assert_eq!(taken, BTreeSet::from(ActionKind::ALL));
}

#[test]
fn what_is_sent_arrives() {
    assert!(happens(Forbidden::Delivery, &calm()));
    let full = Bounds {
        messages: 0,
        timeouts: 1,
        ..calm()
    };
    // There is no room for what is sent after the boot.
    assert!(!happens(Forbidden::Loss, &full));
}

/// What was lost for want of room still stands before what comes behind it, where
/// somebody follows the finding who loses nothing.
#[test]
fn what_is_found_on_a_full_link_can_be_followed() {
    let one_at_a_time = Bounds {
        timeouts: 2,
        messages: 1,
        in_order: true,
        ..Bounds::default()
    };
    assert!(happens(Forbidden::Gap, &one_at_a_time));
}

/// A timer that changes nothing is not let fire, unless somebody hears of it.
#[test]
fn what_invariants_hear_of_is_not_left_out() {
    let bounds = Bounds {
        timeouts: 3,
        beats: 1,
        ..calm()
    };
    for forbidden in [Forbidden::IdleTimer, Forbidden::Noise] {
        assert!(happens(forbidden, &bounds), "{forbidden:?}");
    }
}

/// They may hear of it in one world around the node and not in another.
#[test]
fn what_invariants_hear_of_only_later_is_not_left_out() {
    let bounds = Bounds {
        timeouts: 4,
        ..calm()
    };
    assert!(happens(Forbidden::IdleTimerLater, &bounds));
}
