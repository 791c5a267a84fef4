//! Invariants over one node, or over all disks at one instant.

use alloc::format;

use super::{RaftHost, Seen, disk_of};
use crate::digest::Digest;
use crate::invariants::{ClusterView, Violation};
use crate::process::NodeId;
use crate::raft::{Command, Durable, LogIndex, Raft, Term};

/// Whether a disk holds an entry, by itself or in its snapshot.
pub(super) fn holds<C: Command>(disk: &Durable<C>, index: LogIndex, term: Term) -> bool {
    disk.log.base().index > index || disk.log.term_at(index) == Some(term)
}

pub(super) fn check_majority<P: RaftHost>(
    cluster: &impl ClusterView<P>,
    voters: &[NodeId],
    index: LogIndex,
    term: Term,
) -> Result<(), Violation> {
    let held = |voter: &&NodeId| holds(disk_of::<P>(cluster.node(**voter).durable), index, term);
    let holders = voters.iter().filter(held).count();
    if holders > voters.len() / 2 {
        return Ok(());
    }
    Err(Violation::new(
        "committed-on-majority",
        voters.iter().filter(held).copied(),
        format!("{index}@{term}, committed, on the disks of more than half of {voters:?}"),
        format!("it on {holders}"),
    ))
}

/// What a node vouches for must be on its disk when its step ends.
pub(super) fn check_persisted<C: Command>(
    node: NodeId,
    now: &Seen,
    disk: &Durable<C>,
) -> Result<(), Violation> {
    let same = disk.term == now.term
        && disk.vote == now.vote
        && disk.log.last() == now.last
        && disk.log.base() == now.base
        && disk.covered() == now.covered;
    if same {
        return Ok(());
    }
    Err(Violation::new(
        "state-is-persisted",
        [node],
        format!(
            "term {}, vote {:?}, log {} to {} on the disk of {node}, as in its memory",
            now.term, now.vote, now.base, now.last
        ),
        format!(
            "term {}, vote {:?}, log {} to {}",
            disk.term,
            disk.vote,
            disk.log.base(),
            disk.log.last()
        ),
    ))
}

pub(super) fn check_forward(node: NodeId, seen: &Seen, now: &Seen) -> Result<(), Violation> {
    let violation =
        |property, expected, found| Err(Violation::new(property, [node], expected, found));
    if now.term < seen.term {
        return violation(
            "term-never-decreases",
            format!("{node} at {} or later", seen.term),
            format!("{}", now.term),
        );
    }
    if now.commit < seen.commit
        || now.applied < seen.applied
        || now.covered < seen.covered
        || now.base.index < seen.base.index
    {
        return violation(
            "progress-never-undone",
            format!(
                "{node} with commit, applied, snapshot and base index at or after {}, {}, {} and {}",
                seen.commit, seen.applied, seen.covered, seen.base.index
            ),
            format!(
                "{}, {}, {} and {}",
                now.commit, now.applied, now.covered, now.base.index
            ),
        );
    }
    let ordered = now.base.index <= now.covered
        && now.covered <= now.applied
        && now.applied <= now.commit
        && now.commit <= now.last.index;
    if !ordered {
        return violation(
            "indices-ordered",
            format!("on {node}: base <= snapshot <= applied <= commit <= last index"),
            format!(
                "{}, {}, {}, {}, {}",
                now.base.index, now.covered, now.applied, now.commit, now.last.index
            ),
        );
    }
    if seen.leads && now.leads && seen.term == now.term && now.last.index < seen.last.index {
        return violation(
            "leader-append-only",
            format!(
                "the log of {node}, leader of {}, up to {}",
                now.term, seen.last
            ),
            format!("it ends at {}", now.last),
        );
    }
    Ok(())
}

pub(super) fn check_survived(node: NodeId, seen: &Seen, now: &Seen) -> Result<(), Violation> {
    if now.term < seen.term || now.covered < seen.covered {
        return Err(Violation::new(
            "state-survives-crash",
            [node],
            format!(
                "{node} at {} with a snapshot at {} or later",
                seen.term, seen.covered
            ),
            format!("{} with {}", now.term, now.covered),
        ));
    }
    if now.term == seen.term && seen.vote.is_some() && now.vote != seen.vote {
        return Err(Violation::new(
            "vote-survives-crash",
            [node],
            format!(
                "{node} to remember its vote for {:?} in {}",
                seen.vote, seen.term
            ),
            format!("{:?}", now.vote),
        ));
    }
    Ok(())
}

/// A leader counts replicas only of entries of its own term (paper, 5.4.2).
pub(super) fn check_commit_rule<C: Command>(raft: &Raft<C>) -> Result<(), Violation> {
    let term = raft.log().term_at(raft.commit());
    if !raft.role().is_leader() || term.is_none_or(|term| term == raft.term()) {
        return Ok(());
    }
    Err(Violation::new(
        "commit-own-term",
        [raft.id()],
        format!(
            "{}, leader of {}, to count replicas of entries of its term",
            raft.id(),
            raft.term()
        ),
        format!("it commits {} of {:?}", raft.commit(), term),
    ))
}

/// A snapshot must hold all of the state that it stands for.
pub(super) fn check_snapshot<P: RaftHost>(
    node: NodeId,
    process: &P,
    raft: &Raft<P::Command>,
) -> Result<(), Violation> {
    let Some(snapshot) = raft.snapshot() else {
        return Ok(());
    };
    if raft.applied() != snapshot.last.index {
        return Ok(());
    }
    let state = process.encode_state();
    if *state == *snapshot.data {
        return Ok(());
    }
    Err(Violation::new(
        "snapshot-is-the-state",
        [node],
        format!(
            "the state of {node} at {} to be its snapshot's",
            snapshot.last
        ),
        format!(
            "state {:016x} of {} bytes, snapshot {:016x} of {} bytes",
            Digest::of(state.as_slice()),
            state.len(),
            Digest::of(&*snapshot.data),
            snapshot.data.len()
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raft::LogId;

    fn seen() -> Seen {
        Seen {
            term: Term(2),
            base: LogId::new(LogIndex(3), Term(1)),
            covered: LogIndex(5),
            applied: LogIndex(7),
            commit: LogIndex(9),
            last: LogId::new(LogIndex(11), Term(2)),
            ..Seen::default()
        }
    }

    /// What is applied goes back together with what is committed wherever a whole node goes back,
    /// so that no canary can tell the two apart.
    #[test]
    fn each_index_that_goes_back_by_itself_is_noticed() {
        let changes: [fn(&mut Seen); 4] = [
            |now| now.commit = LogIndex(8),
            |now| now.applied = LogIndex(6),
            |now| now.covered = LogIndex(4),
            |now| now.base.index = LogIndex(2),
        ];
        assert_eq!(check_forward(NodeId(1), &seen(), &seen()), Ok(()));
        for change in changes {
            let mut now = seen();
            change(&mut now);
            let violation = check_forward(NodeId(1), &seen(), &now).expect_err("it went back");
            assert_eq!(violation.property, "progress-never-undone", "{now:?}");
        }
    }

    #[test]
    fn each_index_that_is_out_of_order_is_noticed() {
        let changes: [fn(&mut Seen); 4] = [
            |now| now.base.index = LogIndex(6),
            |now| now.covered = LogIndex(8),
            |now| now.applied = LogIndex(10),
            |now| now.commit = LogIndex(12),
        ];
        for change in changes {
            let mut now = seen();
            change(&mut now);
            let violation = check_forward(NodeId(1), &seen(), &now).expect_err("out of order");
            assert_eq!(violation.property, "indices-ordered", "{now:?}");
        }
    }

    #[test]
    fn indices_may_be_equal() {
        let at = LogIndex(5);
        let now = Seen {
            base: LogId::new(at, Term(1)),
            covered: at,
            applied: at,
            commit: at,
            last: LogId::new(at, Term(1)),
            ..Seen::default()
        };
        assert_eq!(check_forward(NodeId(1), &now, &now), Ok(()));
    }
}
