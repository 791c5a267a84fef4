//! Beliefs that no leader of this house comes to: each promise is broken once by hand.

use super::*;
use crate::ledger::Record;
use crate::process::Effects;
use crate::raft::{Config, Durable, PreVoteReply, RequestVoteReply, Timer, Voters};
use crate::replica::Request;

const N1: NodeId = NodeId(1);
const N2: NodeId = NodeId(2);
const N3: NodeId = NodeId(3);

/// n1 of three has just been elected in t1: its no-op is at i1, and not committed.
fn new_leader() -> Raft<Request<Record>> {
    let mut effects = Effects::new();
    let (voters, disk) = (Voters::first(3), Durable::default());
    let mut raft = Raft::start(N1, voters, &Config::default(), disk, &mut effects);
    raft.timeout(Timer::Election, &mut effects);
    let would = PreVoteReply {
        term: Term(0),
        asked_in: Term(0),
        attempt: Attempt(1),
        granted: true,
    };
    raft.receive(N2, Message::PreVoteReply(would), &mut effects);
    let does = RequestVoteReply {
        term: Term(1),
        granted: true,
    };
    raft.receive(N2, Message::RequestVoteReply(does), &mut effects);
    raft.flush(&mut effects);
    assert!(raft.role().is_leader());
    raft
}

fn leadership(raft: &Raft<Request<Record>>) -> &Leader {
    let Role::Leader(leader) = raft.role() else {
        panic!("n1 leads");
    };
    leader
}

/// What a leader of t1 believes that knows n2 and n3 at the same place.
fn beliefs(match_index: u64, round: u64, reads: ReadProgress) -> Beliefs {
    let peer = |id| Believed {
        id,
        match_index: LogIndex(match_index),
        round: Round(round),
    };
    Beliefs {
        term: Term(1),
        peers: [N2, N3].map(peer).into(),
        reads,
    }
}

fn reads(confirmed: u64, began: u64, round: u64) -> ReadProgress {
    ReadProgress {
        confirmed,
        began,
        round: Round(round),
    }
}

const NO_READS: (u64, u64, u64) = (0, 0, 0);

/// A leader that knew its peers so, and now knows them so.
fn goes_on(
    (match_index, round, was): (u64, u64, (u64, u64, u64)),
    (now_matched, now_round, is): (u64, u64, (u64, u64, u64)),
) -> Result<(), Violation> {
    let raft = new_leader();
    let of = |(confirmed, began, round)| reads(confirmed, began, round);
    let before = beliefs(match_index, round, of(was));
    let now = beliefs(now_matched, now_round, of(is));
    before.goes_on_as(&now, &raft, leadership(&raft))
}

fn begins(match_index: u64, round: u64) -> Result<(), Violation> {
    beliefs(match_index, round, reads(0, 0, 0)).begins_anew(&new_leader())
}

fn sends_next(index: u64) -> Result<(), Violation> {
    let told = Answers::default();
    was_told(&new_leader(), &Progress::new(N2, LogIndex(index)), told)
}

/// A promise, which case of it, and what breaks it.
type Canary = (&'static str, &'static str, fn() -> Result<(), Violation>);

/// Each promise of beliefs that no leader of this house comes to.
const CANARIES: &[Canary] = &[
    ("leader-begins-anew", "a log", || begins(1, 0)),
    ("leader-begins-anew", "a round", || begins(0, 1)),
    ("leader-never-forgets", "a log", || {
        goes_on((2, 2, NO_READS), (1, 2, NO_READS))
    }),
    ("leader-never-forgets", "a round", || {
        goes_on((2, 2, NO_READS), (2, 1, NO_READS))
    }),
    ("read-round-follows-read", "a round that has begun", || {
        goes_on((0, 0, (0, 1, 1)), (0, 0, (0, 2, 1)))
    }),
    ("read-confirmed-by-majority", "nobody has echoed", || {
        goes_on((0, 0, (0, 1, 1)), (0, 0, (1, 1, 1)))
    }),
    (
        "read-confirmed-by-majority",
        "the same, in a new round",
        || goes_on((0, 0, (0, 1, 1)), (0, 0, (2, 2, 2))),
    ),
    // All have echoed round 0, which proves who leads, and not what is committed.
    (
        "read-after-own-commit",
        "the no-op is not committed",
        || {
            let raft = new_leader();
            assert_eq!(raft.commit(), LogIndex::ZERO);
            is_confirmed(&raft, leadership(&raft), Round(0))
        },
    ),
    ("next-follows-match", "before the log", || sends_next(0)),
    ("next-follows-match", "past the log", || sends_next(3)),
];

#[test]
fn beliefs_that_no_leader_comes_to_are_noticed() {
    for (promise, case, moment) in CANARIES {
        match moment() {
            Ok(()) => panic!("{promise}, {case}: nobody notices"),
            Err(violation) => assert_eq!(violation.property, *promise, "{case}"),
        }
    }
}

#[test]
fn what_a_leader_may_believe_is_as_promised() {
    assert_eq!(begins(0, 0), Ok(()));
    assert_eq!(goes_on((2, 2, NO_READS), (2, 3, NO_READS)), Ok(()));
    assert_eq!(goes_on((0, 0, (0, 1, 1)), (0, 0, (0, 2, 2))), Ok(()));
    assert_eq!(sends_next(2), Ok(()));
}
