//! The names of situations worth reaching; a campaign reports those it never reached.

/// A candidate won.
pub const LEADER_ELECTED: &str = "raft.leader_elected";
/// A pre-candidate was refused, so that it did not disturb a working leader.
pub const PRE_VOTE_REJECTED: &str = "raft.pre_vote_rejected";
/// A candidate's election timer fired before anybody won.
pub const VOTE_SPLIT: &str = "raft.vote_split";
/// A node came back from a crash and remembered whom it had voted for.
pub const RESTART_WITH_VOTE: &str = "raft.restart_with_vote";
/// A leader saw a higher term.
pub const LEADER_STEPS_DOWN_ON_HIGHER_TERM: &str = "raft.leader_steps_down_on_higher_term";
/// A leader had not heard from a majority between two checks.
pub const LEADER_STEPS_DOWN_WITHOUT_QUORUM: &str = "raft.leader_steps_down_without_quorum";
/// A follower removed entries that conflicted with the leader's.
pub const CONFLICT_TRUNCATED: &str = "raft.conflict_truncated";
/// A leader skipped a whole conflicting term of a follower.
pub const CONFLICT_BACKUP_BY_TERM: &str = "raft.conflict_backup_by_term";
/// A follower refused an append of a deposed leader.
pub const STALE_APPEND_IGNORED: &str = "raft.stale_append_ignored";
/// A leader found that messages to a follower were lost, and sent again.
pub const PIPELINE_LOSS_REPAIRED: &str = "raft.pipeline_loss_repaired";
/// A commit covered an entry of an older term along with one of the leader's own.
pub const OLDER_TERM_ENTRY_COMMITTED_INDIRECTLY: &str =
    "raft.older_term_entry_committed_indirectly";
/// A node replaced a prefix of its own log with a snapshot.
pub const LOG_COMPACTED: &str = "raft.log_compacted";
/// A leader began to send a snapshot.
pub const SNAPSHOT_SENT: &str = "raft.snapshot_sent";
/// A follower took over a leader's snapshot.
pub const SNAPSHOT_INSTALLED: &str = "raft.snapshot_installed";
/// A leader sent a chunk of a snapshot again.
pub const SNAPSHOT_CHUNK_RESUMED: &str = "raft.snapshot_chunk_resumed";
/// A follower was offered a snapshot that it already covers.
pub const SNAPSHOT_STALE_IGNORED: &str = "raft.snapshot_stale_ignored";
/// A majority confirmed the leadership for a batch of reads.
pub const READ_CONFIRMED: &str = "raft.read_confirmed";
/// A read had to wait for the first commit of its leader's term.
pub const READ_WAITED_FOR_NOOP: &str = "raft.read_waited_for_noop";
/// A leader was deposed with reads pending.
pub const READ_FAILED: &str = "raft.read_failed";
/// The target of a leadership transfer was elected.
pub const TRANSFER_COMPLETED: &str = "raft.transfer_completed";
/// A leader gave up a leadership transfer that took too long.
pub const TRANSFER_ABANDONED: &str = "raft.transfer_abandoned";
/// A repeated write was answered from its session's memory and not applied again.
pub const SESSION_DUPLICATE_ANSWERED: &str = "raft.session_duplicate_answered";
/// The least recently used session made room for a new one.
pub const SESSION_EVICTED: &str = "raft.session_evicted";
/// A session ended that nobody had used for long.
pub const SESSION_IDLED_OUT: &str = "raft.session_idled_out";
/// A write named a session that does not, or no longer, exist.
pub const SESSION_EXPIRED: &str = "raft.session_expired";
/// A write came with a sequence number below its session's last.
pub const SESSION_STALE_SEQUENCE: &str = "raft.session_stale_sequence";
/// A leader with too much under way turned a call away.
pub const BUSY: &str = "raft.busy";

/// All of them.
pub const MARKS: &[&str] = &[
    LEADER_ELECTED,
    PRE_VOTE_REJECTED,
    VOTE_SPLIT,
    RESTART_WITH_VOTE,
    LEADER_STEPS_DOWN_ON_HIGHER_TERM,
    LEADER_STEPS_DOWN_WITHOUT_QUORUM,
    CONFLICT_TRUNCATED,
    CONFLICT_BACKUP_BY_TERM,
    STALE_APPEND_IGNORED,
    PIPELINE_LOSS_REPAIRED,
    OLDER_TERM_ENTRY_COMMITTED_INDIRECTLY,
    LOG_COMPACTED,
    SNAPSHOT_SENT,
    SNAPSHOT_INSTALLED,
    SNAPSHOT_CHUNK_RESUMED,
    SNAPSHOT_STALE_IGNORED,
    READ_CONFIRMED,
    READ_WAITED_FOR_NOOP,
    READ_FAILED,
    TRANSFER_COMPLETED,
    TRANSFER_ABANDONED,
    SESSION_DUPLICATE_ANSWERED,
    SESSION_EVICTED,
    SESSION_IDLED_OUT,
    SESSION_EXPIRED,
    SESSION_STALE_SEQUENCE,
    BUSY,
];
