//! A canary for each promise of Raft, and for each case of it.

use snowglobe_systems::ledger::{Place, Record};
use snowglobe_systems::process::{Durable as _, Effect, InvocationId, NodeId};
use snowglobe_systems::raft::{
    AppendEntries, AppendEntriesReply, AppendResult, InstallSnapshotReply, LogIndex, Message,
    Received, RequestVote, RequestVoteReply, Round, Snapshot, Term, Timer, Write,
};
use snowglobe_systems::replica::{Config, Outcome, Request};

use crate::canary::{self, Canary, Said};
use crate::cluster::{Cluster, Envelope};
use crate::story::{N1, N2, N3, Node, World, entry, position, world};
use crate::tableau::{Disk, Tableau, Words};

/// n1 leads t1, and its no-op is committed.
fn led() -> World {
    let mut world = world(3);
    world.elect(N1);
    world.settle();
    world
}

/// And a write is on all disks. Only n1 knows that it is committed.
fn written() -> World {
    wrote(1)
}

fn wrote(value: u64) -> World {
    let mut world = led();
    world.write(N1, value);
    world.settle();
    assert_eq!((world.commit(N1), world.commit(N2)), (2, 1));
    world
}

/// The write is on all disks, and nobody knows that it is: the answers are lost.
fn unanswered() -> World {
    let mut world = led();
    world.write(N1, 1);
    world.deliver_until(|world| {
        world.last(N2).index == world.last(N3).index && world.last(N3).index == LogIndex(2)
    });
    world.bag.clear();
    assert_eq!(world.commit(N1), 1);
    world
}

/// Everybody knows that the write is committed.
fn known() -> World {
    let mut world = written();
    world.heartbeat(N1);
    assert_eq!(world.commit(N2), 2);
    world
}

/// n3 leads t2, and has its no-op where n1 has a write in the other worlds.
fn led_by_n3() -> World {
    let mut world = led();
    world.elect(N3);
    world.heartbeat(N3);
    assert_eq!((world.term(N3), world.commit(N2)), (2, 2));
    world
}

/// Six writes, a snapshot at least every four entries, and so long a tail before it.
fn compacted(snapshots: bool, tail: usize) -> World {
    let mut config = Config::of(3);
    config.snapshot_after_entries = snapshots.then_some(4);
    config.raft.compaction_tail_entries = tail;
    let mut world: World = Cluster::new(3, config);
    world.elect(N1);
    for value in 0..6 {
        world.write(N1, value);
        world.settle();
    }
    world.heartbeat(N1);
    world.heartbeat(N1);
    world.assert_held();
    world
}

/// A node that begins another life with its disk changed.
fn reborn(mut world: World, id: NodeId, change: impl FnOnce(&mut Disk)) -> World {
    world.assert_held();
    world.crash(id);
    change(world.durable_mut(id));
    world.restart(id);
    world
}

/// The first promise that was broken in a world.
fn first(world: &World) -> Said {
    world.violation.clone().map_or(Ok(()), Err)
}

fn append(previous: u64, commit: u64) -> Words {
    Message::AppendEntries(AppendEntries {
        term: Term(1),
        previous: position(previous, 1),
        entries: vec![],
        commit: LogIndex(commit),
        round: Round(0),
    })
}

fn matched(index: u64) -> Words {
    Message::AppendEntriesReply(AppendEntriesReply {
        term: Term(1),
        asked_in: Term(1),
        round: Round(0),
        result: AppendResult::Matched(LogIndex(index)),
    })
}

fn writes(first: u64, terms: &[u64]) -> Effect<Node> {
    let entries = terms.iter().map(|term| entry(*term, 7)).collect();
    let first = LogIndex(first);
    Effect::Persist(Write::Append { first, entries })
}

fn hard_state(term: u64, vote: NodeId) -> Effect<Node> {
    let (term, vote) = (Term(term), Some(vote));
    Effect::Persist(Write::HardState { term, vote })
}

fn snapshot_write(last: u64, base: u64) -> Effect<Node> {
    let (last, base) = (position(last, 1), position(base, 1));
    let data = [].as_slice().into();
    let snapshot = Snapshot { last, data };
    Effect::Persist(Write::Snapshot { snapshot, base })
}

fn snapshot_of(last: u64) -> Write<Request<Record>> {
    let last = position(last, 1);
    let data = [].as_slice().into();
    let snapshot = Snapshot { last, data };
    let base = last;
    Write::Snapshot { snapshot, base }
}

fn acknowledges(index: u64, term: u64) -> Effect<Node> {
    Effect::Return {
        invocation: InvocationId(1),
        outcome: Outcome::Written {
            index: LogIndex(index),
            term: Term(term),
            response: Place(1),
        },
    }
}

/// The bytes of a snapshot of a world in which some value was written.
fn state_of(value: u64) -> Vec<u8> {
    let mut config = Config::of(1);
    config.snapshot_after_entries = Some(1);
    let mut world: World = Cluster::new(1, config);
    world.elect(N1);
    world.write(N1, value);
    let snapshot = world.durable(N1).snapshot.as_ref();
    snapshot.expect("it was taken").data.to_vec()
}

/// n3 begins from a snapshot at i2.
fn n3_begins_at(data: &[u8], term: u64) -> World {
    reborn(world(3), N3, |disk| {
        (disk.term, disk.vote) = (Term(term), None);
        if term == 1 {
            disk.vote = Some(N1);
        }
        let last = position(2, term);
        let data = data.into();
        let snapshot = Snapshot { last, data };
        let base = last;
        disk.apply(&Write::Snapshot { snapshot, base });
    })
}

/// Votes, terms and leaders.
const ELECTIONS: &[Canary] = &[
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

/// What goes to a log, and stays there.
const LOGS: &[Canary] = &[
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
            let world = led_by_n3();
            Tableau::of(&world).stepped(N2, &[writes(3, &[2, 1])])
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
        "a log that ends before its snapshot",
        || {
            let world = reborn(world(3), N3, |disk| {
                let (last, data) = (position(2, 0), state_of(1).into());
                disk.snapshot = Some(Snapshot { last, data });
            });
            Tableau::of(&crate::story::world(3))
                .with(N3, &world)
                .settled(N3)
        },
    ),
];

/// What is on disk, and what is said of it.
const DISKS: &[Canary] = &[
    ("state-is-persisted", "the term", || {
        Tableau::of(&led())
            .disk(N2, |disk| disk.term = Term(0))
            .settled(N2)
    }),
    ("state-is-persisted", "the vote", || {
        Tableau::of(&led())
            .disk(N2, |disk| disk.vote = None)
            .settled(N2)
    }),
    ("state-is-persisted", "the end of the log", || {
        let shorter = |disk: &mut Disk| disk.log.replace_from(LogIndex(2), &[]);
        Tableau::of(&written()).disk(N2, shorter).settled(N2)
    }),
    ("state-is-persisted", "the base of the log", || {
        let compact = |disk: &mut Disk| disk.log.compact_to(position(1, 1));
        Tableau::of(&written()).disk(N2, compact).settled(N2)
    }),
    ("state-is-persisted", "the snapshot", || {
        let forget = |disk: &mut Disk| disk.snapshot = None;
        Tableau::of(&compacted(true, 9))
            .disk(N2, forget)
            .settled(N2)
    }),
    ("state-is-persisted", "at the start of a life", || {
        Tableau::of(&led())
            .disk(N2, |disk| disk.term = Term(9))
            .started(N2)
    }),
    ("persist-before-send", "a term", || {
        let mut tableau = Tableau::of(&led()).disk(N1, |disk| disk.term = Term(0));
        tableau.said(N1, N2, append(1, 1))
    }),
    ("persist-before-send", "the vote of a candidate", || {
        let mut tableau = Tableau::of(&led()).disk(N1, |disk| disk.vote = None);
        let message = Message::RequestVote(RequestVote {
            term: Term(1),
            last: position(1, 1),
            transfer: false,
        });
        tableau.said(N1, N2, message)
    }),
    ("persist-before-send", "a vote that is granted", || {
        let mut tableau = Tableau::of(&led()).disk(N2, |disk| disk.vote = Some(N3));
        let term = Term(1);
        let granted = true;
        tableau.said(
            N2,
            N1,
            Message::RequestVoteReply(RequestVoteReply { term, granted }),
        )
    }),
    ("persist-before-send", "an entry", || {
        Tableau::of(&written()).said(N2, N1, matched(3))
    }),
    (
        "persist-before-send",
        "another entry than the leader's",
        || {
            let other = |disk: &mut Disk| disk.log.replace_from(LogIndex(2), &[entry(0, 1)]);
            Tableau::of(&written())
                .disk(N2, other)
                .said(N2, N1, matched(2))
        },
    ),
    ("persist-before-send", "a snapshot", || {
        let message = Message::InstallSnapshotReply(InstallSnapshotReply {
            term: Term(1),
            asked_in: Term(1),
            last: position(3, 1),
            received: Received::All,
        });
        Tableau::of(&written()).said(N2, N1, message)
    }),
];

/// What is committed, and who may say so.
const COMMITS: &[Canary] = &[
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

/// What a leader believes of its followers.
const BELIEFS: &[Canary] = &[
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

/// n2 knows that the write is committed, and n1 is cut off.
fn known_but_lost() -> World {
    let mut world = unanswered();
    let message = append(2, 2);
    // What n1 would say if it had heard the answers.
    let (from, to) = (N1, N2);
    world.bag.push_back(Envelope { from, to, message });
    world.deliver(0);
    world.bag.clear();
    world.violation = None;
    assert_eq!(world.commit(N2), 2);
    world
}

/// n2 has just won t2, and nobody has heard so.
fn won_by_n2(mut world: World) -> World {
    world.timeout(N3, Timer::Election);
    world.bag.clear();
    world.timeout(N2, Timer::Election);
    world.deliver_until(|world| world.leads(N2));
    world
}

#[test]
fn every_promise_has_a_canary() {
    let all = [ELECTIONS, LOGS, DISKS, COMMITS, BELIEFS].concat();
    let private = ["raft/invariants/leadership/tests.rs"];
    canary::check(&["raft/invariants"], &private, &all);
}

/// None of the moments is broken by itself.
#[test]
fn the_worlds_of_the_canaries_hold() {
    for world in [
        led(),
        written(),
        unanswered(),
        known(),
        led_by_n3(),
        compacted(true, 2),
    ] {
        world.assert_held();
    }
}
