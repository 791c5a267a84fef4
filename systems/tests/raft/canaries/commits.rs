//! What is committed, and who may say so.

use snowglobe_systems::process::Durable as _;
use snowglobe_systems::raft::LogIndex;

use super::worlds::{
    append, compacted, first, known, known_but_lost, led, led_by_n3, n3_begins_at, reborn,
    snapshot_of, state_of, unanswered, won_by_n2, written, wrote,
};
use crate::canary::Canary;
use crate::story::{N1, N2, N3, world};
use crate::tableau::{Disk, Tableau};
use crate::violations::acknowledges;

/// What is committed, and who may say so.
pub(super) const COMMITS: &[Canary] = &[
    ("commit-own-term", "an entry of t1 is counted in t2", || {
        // n2 leads t2, and has learned in t1 already, or not, that i2 is committed.
        let (knew, did_not) = (won_by_n2(known_but_lost()), won_by_n2(unanswered()));
        Tableau::of(&did_not).with(N2, &knew).stepped(N2, &[])
    }),
    (
        "committed-on-majority",
        "what is said to be committed",
        || {
            Tableau::of(&unanswered())
                .with(N1, &written())
                .with(N2, &led())
                .with(N3, &led())
                .said(N1, N2, append(1, 2))
        },
    ),
    ("committed-on-majority", "after a crash", || {
        let lost = |disk: &mut Disk| disk.log.replace_from(LogIndex(2), &[]);
        Tableau::of(&written())
            .disk(N1, lost)
            .disk(N2, lost)
            .started(N3)
    }),
    (
        "committed-survives",
        "the disk forgot what its node knew",
        || {
            first(&reborn(known(), N2, |disk| {
                disk.log.replace_from(LogIndex(2), &[])
            }))
        },
    ),
    (
        "commit-is-known",
        "a leader says more than it knows",
        || Tableau::of(&led()).said(N1, N2, append(1, 2)),
    ),
    (
        "commit-is-known",
        "a follower knows before any leader",
        || Tableau::of(&unanswered()).with(N2, &known()).settled(N2),
    ),
    (
        "state-machine-safety",
        "two entries are committed at i2",
        || {
            Tableau::of(&written())
                .with(N2, &led_by_n3())
                .stepped(N2, &[])
        },
    ),
    ("same-state-everywhere", "at the end of a step", || {
        let mut other = wrote(9);
        other.heartbeat(N1);
        Tableau::of(&written()).with(N2, &other).settled(N2)
    }),
    ("same-state-everywhere", "with nothing applied", || {
        let mut other = wrote(9);
        other.heartbeat(N1);
        let other = won_by_n2(other);
        Tableau::of(&known()).with(N2, &other).settled(N2)
    }),
    ("same-state-everywhere", "on the way there", || {
        let mut other = led();
        other.write(N1, 9);
        other.write(N1, 8);
        other.settle();
        assert_eq!(other.commit(N2), 1, "it applies both in one step");
        other.heartbeat(N1);
        // Nobody has seen the state after i3, and a snapshot says that it is committed.
        let covers_i3 = |disk: &mut Disk| disk.apply(&snapshot_of(3));
        let mut tableau = Tableau::of(&written()).with(N2, &other);
        tableau = tableau.disk(N3, covers_i3);
        tableau.settled(N2)
    }),
    ("same-state-everywhere", "at the start of a life", || {
        let other = n3_begins_at(&state_of(9), 1);
        Tableau::of(&written()).with(N3, &other).started(N3)
    }),
    ("same-snapshot-everywhere", "two snapshots at i2", || {
        let mut one = Tableau::of(&world(3)).with(N3, &n3_begins_at(&state_of(1), 1));
        one.started(N3)?;
        one.with(N3, &n3_begins_at(&state_of(9), 1)).started(N3)
    }),
    (
        "snapshot-of-committed",
        "of t2, and i2@t1 is committed",
        || {
            let other = n3_begins_at(&state_of(1), 2);
            Tableau::of(&written()).with(N3, &other).started(N3)
        },
    ),
    (
        "snapshot-is-the-state",
        "it says more than the state",
        || {
            let more = [state_of(1), vec![0]].concat();
            Tableau::of(&n3_begins_at(&more, 1)).unaware().started(N3)
        },
    ),
    (
        "acknowledged-is-applied",
        "an entry that is not there",
        || Tableau::of(&written()).executed(N1, &acknowledges(3, 1)),
    ),
    ("acknowledged-is-committed", "another entry", || {
        Tableau::of(&written()).executed(N1, &acknowledges(2, 7))
    }),
    (
        "acknowledged-is-committed",
        "what no leader has committed",
        || {
            // The entry itself is compacted, so that its place is all there is.
            let mut tableau = Tableau::of(&compacted(true, 0)).unaware();
            tableau.executed(N1, &acknowledges(2, 1))
        },
    ),
];
