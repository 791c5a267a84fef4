//! Beliefs that no leader of this house comes to: each promise is broken once by hand.

use super::*;
use crate::ledger::{Ledger, Record};
use crate::process::Effects;
use crate::raft::{Config, Durable, PreVoteReply, RequestVoteReply, Timer, Voters};
use crate::replica::{Replica, Request};

const N1: NodeId = NodeId(1);
const N2: NodeId = NodeId(2);
const N3: NodeId = NodeId(3);

/// n1 of three has just been elected in t1: its no-op is at i1, and not committed.
fn new_leader() -> Raft<Request<Record>> {
    let mut effects = Effects::<Replica<Ledger>>::new();
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
fn beliefs(matched: u64, round: u64, reads: ReadProgress) -> Beliefs {
    let peer = |id| Believed {
        id,
        matched: LogIndex(matched),
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

fn broken(result: Result<(), Violation>) -> &'static str {
    result.expect_err("a broken promise").property
}

#[test]
fn a_leader_that_knows_something_when_its_term_begins_is_noticed() {
    let raft = new_leader();
    let none = reads(0, 0, 0);
    assert!(beliefs(0, 0, none).begins_anew(&raft).is_ok());
    for known in [beliefs(1, 0, none), beliefs(0, 1, none)] {
        assert_eq!(broken(known.begins_anew(&raft)), "leader-begins-anew");
    }
}

#[test]
fn a_leader_that_forgets_is_noticed() {
    let raft = new_leader();
    let none = reads(0, 0, 0);
    let goes_on = |matched, round| {
        beliefs(2, 2, none).goes_on_as(&beliefs(matched, round, none), &raft, leadership(&raft))
    };
    assert!(goes_on(2, 3).is_ok());
    assert_eq!(broken(goes_on(1, 2)), "leader-never-forgets");
    assert_eq!(broken(goes_on(2, 1)), "leader-never-forgets");
}

#[test]
fn a_read_that_joins_a_round_that_has_begun_is_noticed() {
    let raft = new_leader();
    let goes_on = |now| {
        let before = beliefs(0, 0, reads(0, 1, 1));
        before.goes_on_as(&beliefs(0, 0, now), &raft, leadership(&raft))
    };
    assert!(goes_on(reads(0, 2, 2)).is_ok());
    assert_eq!(broken(goes_on(reads(0, 2, 1))), "read-round-follows-read");
}

#[test]
fn a_read_that_nobody_confirmed_is_noticed() {
    let raft = new_leader();
    let before = beliefs(0, 0, reads(0, 1, 1));
    let now = beliefs(0, 0, reads(1, 1, 1));
    let confirmed = before.goes_on_as(&now, &raft, leadership(&raft));
    assert_eq!(broken(confirmed), "read-confirmed-by-majority");
}

#[test]
fn a_read_before_the_no_op_is_committed_is_noticed() {
    let raft = new_leader();
    assert_eq!(raft.commit(), LogIndex::ZERO);
    // All have echoed round 0, which proves who leads, and not what is committed.
    let confirmed = is_confirmed(&raft, leadership(&raft), Round(0));
    assert_eq!(broken(confirmed), "read-after-own-commit");
}

#[test]
fn a_peer_that_is_sent_what_is_not_there_is_noticed() {
    let raft = new_leader();
    let told = Answers::default();
    assert!(was_told(&raft, &Peer::new(N2, LogIndex(2)), told).is_ok());
    for next in [LogIndex::ZERO, LogIndex(3)] {
        let told = was_told(&raft, &Peer::new(N2, next), told);
        assert_eq!(broken(told), "next-follows-match");
    }
}
