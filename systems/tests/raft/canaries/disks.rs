//! What is on disk, and what is said of it.

use snowglobe_systems::raft::{
    InstallSnapshotReply, LogIndex, Message, Received, RequestVote, RequestVoteReply, Term,
};

use super::worlds::{append, compacted, led, matched, written};
use crate::canary::Canary;
use crate::story::{N1, N2, N3, entry, log_id};
use crate::tableau::{Disk, Tableau};

/// What is on disk, and what is said of it.
pub(super) const DISKS: &[Canary] = &[
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
        let compact = |disk: &mut Disk| disk.log.compact_to(log_id(1, 1));
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
            last: log_id(1, 1),
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
            last: log_id(3, 1),
            received: Received::All,
        });
        Tableau::of(&written()).said(N2, N1, message)
    }),
];
