//! What goes to a log, and stays there.

use snowglobe_systems::process::Effect;
use snowglobe_systems::raft::{LogIndex, Snapshot, Term, Write};

use super::worlds::{
    compacted, known, led, reborn, snapshot_write, state_of, unanswered, won_by_n2, writes, written,
};
use crate::canary::Canary;
use crate::story::{N1, N2, N3, entry, log_id, world};
use crate::tableau::{Disk, Tableau};

/// What goes to a log, and stays there.
pub(super) const LOGS: &[Canary] = &[
    ("log-matching", "another entry of one name", || {
        Tableau::of(&written()).executed(N2, &writes(2, &[1]))
    }),
    ("log-matching", "after another", || {
        let after_t0 = |disk: &mut Disk| disk.log.replace_from(LogIndex(1), &[entry(0, 1)]);
        let same = Effect::Persist(Write::Append {
            first: LogIndex(2),
            entries: vec![entry(1, 1)],
        });
        Tableau::of(&written())
            .disk(N2, after_t0)
            .executed(N2, &same)
    }),
    ("log-matching", "behind a snapshot", || {
        // The log begins with an entry that everybody knows, after one that nobody knows.
        let other = reborn(world(3), N3, |disk| {
            (disk.term, disk.vote) = (Term(1), Some(N1));
            let (last, data) = (log_id(2, 1), state_of(1).into());
            disk.snapshot = Some(Snapshot { last, data });
            disk.log.compact_to(log_id(1, 0));
            disk.log.replace_from(LogIndex(2), &[entry(1, 1)]);
        });
        let known = Effect::Persist(Write::Append {
            first: LogIndex(2),
            entries: vec![entry(1, 1)],
        });
        let mut tableau = Tableau::of(&led()).with(N3, &other);
        tableau.executed(N2, &known)?;
        tableau.started(N3)
    }),
    ("leader-append-only", "it wants to replace", || {
        Tableau::of(&unanswered()).stepped(N1, &[writes(2, &[1])])
    }),
    ("leader-append-only", "its log has become shorter", || {
        Tableau::of(&unanswered()).with(N1, &led()).settled(N1)
    }),
    ("terms-ordered", "older than the one before", || {
        Tableau::of(&written()).stepped(N2, &[writes(3, &[0])])
    }),
    (
        "terms-ordered",
        "older than the one before it in the same write",
        || {
            // n3 is in t2, and its log ends in t1.
            let world = won_by_n2(unanswered());
            Tableau::of(&world).stepped(N3, &[writes(3, &[2, 1])])
        },
    ),
    ("terms-ordered", "of a term to come", || {
        Tableau::of(&written()).stepped(N2, &[writes(3, &[2])])
    }),
    ("committed-never-replaced", "it knows itself", || {
        Tableau::of(&written()).stepped(N1, &[writes(2, &[1])])
    }),
    ("committed-never-replaced", "only others know", || {
        Tableau::of(&written()).stepped(N3, &[writes(2, &[2])])
    }),
    (
        "committed-never-replaced",
        "a log that others know ends",
        || {
            let mut world = written();
            world.write(N1, 2);
            world.settle();
            Tableau::of(&world).stepped(N3, &[writes(2, &[1])])
        },
    ),
    ("committed-never-replaced", "with a gap", || {
        Tableau::of(&written()).stepped(N2, &[writes(4, &[1])])
    }),
    ("snapshot-moves-forward", "it covers no more", || {
        Tableau::of(&compacted(true, 0)).stepped(N2, &[snapshot_write(5, 5)])
    }),
    ("snapshot-moves-forward", "the log begins after it", || {
        Tableau::of(&compacted(true, 0)).stepped(N2, &[snapshot_write(6, 7)])
    }),
    (
        "snapshot-moves-forward",
        "the log begins before its base",
        || Tableau::of(&compacted(true, 0)).stepped(N2, &[snapshot_write(7, 1)]),
    ),
    ("progress-never-undone", "the commit index", || {
        Tableau::of(&known()).with(N2, &written()).settled(N2)
    }),
    ("progress-never-undone", "the snapshot", || {
        let other = compacted(false, 0);
        Tableau::of(&compacted(true, 9))
            .with(N2, &other)
            .settled(N2)
    }),
    ("progress-never-undone", "the base", || {
        let other = compacted(true, 2);
        Tableau::of(&compacted(true, 0))
            .with(N2, &other)
            .settled(N2)
    }),
    (
        "indices-ordered",
        "a log that begins after its snapshot",
        || {
            let world = reborn(world(3), N3, |disk| disk.log.compact_to(log_id(2, 0)));
            Tableau::of(&crate::story::world(3))
                .with(N3, &world)
                .settled(N3)
        },
    ),
    (
        "indices-ordered",
        "a log that ends before its snapshot",
        || {
            let world = reborn(world(3), N3, |disk| {
                let (last, data) = (log_id(2, 0), state_of(1).into());
                disk.snapshot = Some(Snapshot { last, data });
            });
            Tableau::of(&crate::story::world(3))
                .with(N3, &world)
                .settled(N3)
        },
    ),
];
