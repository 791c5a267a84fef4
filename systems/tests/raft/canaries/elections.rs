//! Votes, terms and leaders, and what a leader believes of its followers.

use snowglobe_systems::raft::Timer;

use super::worlds::{compacted, first, hard_state, led, led_by_n3, reborn, unanswered, written};
use crate::canary::Canary;
use crate::story::{N1, N2, N3, world};
use crate::tableau::Tableau;

/// Votes, terms and leaders.
pub(super) const ELECTIONS: &[Canary] = &[
    ("election-safety", "two lead t1", || {
        let mut other = world(3);
        other.elect(N2);
        Tableau::of(&led()).with(N2, &other).stepped(N2, &[])
    }),
    ("elected-by-majority", "nobody voted", || {
        Tableau::of(&led()).unaware().stepped(N1, &[])
    }),
    ("leader-completeness", "n3 leads without i2@t1", || {
        Tableau::of(&written())
            .with(N3, &led_by_n3())
            .stepped(N3, &[])
    }),
    ("stands-after-pre-vote", "nobody would vote for it", || {
        let mut other = world(3);
        other.timeout(N3, Timer::Election);
        other.deliver_until(|world| world.is_candidate(N3));
        Tableau::of(&world(3)).with(N3, &other).stepped(N3, &[])
    }),
    ("one-vote-per-term", "it wants another", || {
        Tableau::of(&led()).stepped(N2, &[hard_state(1, N3)])
    }),
    ("one-vote-per-term", "it wants an older term", || {
        Tableau::of(&led()).stepped(N2, &[hard_state(0, N1)])
    }),
    ("one-vote-per-term", "it has written another", || {
        Tableau::of(&led()).executed(N2, &hard_state(1, N3))
    }),
    (
        "one-vote-per-term",
        "it has another at the end of a step",
        || {
            let mut other = world(3);
            other.elect(N3);
            Tableau::of(&led()).with(N2, &other).settled(N2)
        },
    ),
    ("vote-survives-crash", "the disk forgot it", || {
        first(&reborn(led(), N2, |disk| disk.vote = None))
    }),
    ("vote-survives-crash", "the disk has another", || {
        first(&reborn(led(), N2, |disk| disk.vote = Some(N3)))
    }),
    ("state-survives-crash", "the disk forgot the term", || {
        Tableau::of(&led()).with(N2, &world(3)).started(N2)
    }),
    (
        "state-survives-crash",
        "the disk forgot the snapshot",
        || {
            let other = compacted(false, 0);
            Tableau::of(&compacted(true, 0))
                .with(N2, &other)
                .started(N2)
        },
    ),
    ("term-never-decreases", "n2 is in t0 again", || {
        Tableau::of(&led()).with(N2, &world(3)).settled(N2)
    }),
];

/// What a leader believes of its followers.
pub(super) const BELIEFS: &[Canary] = &[
    ("match-was-acknowledged", "nobody has said so", || {
        Tableau::of(&led()).with(N1, &written()).stepped(N1, &[])
    }),
    ("round-was-echoed", "nobody has said so", || {
        let mut later = led();
        later.read(N1);
        later.settle();
        Tableau::of(&led()).with(N1, &later).stepped(N1, &[])
    }),
    ("leader-never-forgets", "what it knew of a log", || {
        Tableau::of(&written())
            .with(N1, &unanswered())
            .stepped(N1, &[])
    }),
    ("leader-never-forgets", "a round", || {
        let mut later = led();
        later.read(N1);
        later.settle();
        Tableau::of(&later).with(N1, &led()).stepped(N1, &[])
    }),
];
