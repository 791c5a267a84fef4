//! The options that several systems have, with what they may be.

use snowglobe::scenarios::ranges::{
    BOUND, BOUND_FROM_1, IN_100, Named, SOME_MS, UP_TO_AN_HOUR_MS, VALUE_BYTES,
};

/// The options of elections.
pub(crate) const ELECTIONS: &[Named] = &[
    ("election_ms", SOME_MS),
    ("election_spread_ms", UP_TO_AN_HOUR_MS),
];

/// The options of a replicated log with snapshots.
pub(crate) const REPLICA: &[Named] = &[
    ("snapshot_chunk_bytes", BOUND_FROM_1),
    ("compaction_tail", BOUND),
    ("max_pending", BOUND_FROM_1),
];

/// The options of sessions that the log keeps.
pub(crate) const SESSIONS: &[Named] = &[
    ("max_sessions", 1..=100_000),
    ("session_idle_entries", BOUND),
];

/// The options of servers and clerks.
pub(crate) const SERVICE: &[Named] = &[
    ("clerks", 1..=120),
    ("users_per_clerk", 1..=255),
    ("lanes", 1..=255),
    ("think_ms", UP_TO_AN_HOUR_MS),
    ("patience_ms", SOME_MS),
    ("idle_ms", UP_TO_AN_HOUR_MS),
    ("patient_elections", 1..=255),
    ("max_raft_state", BOUND),
];

/// The options of users who get and put texts.
pub(crate) const TEXTS: &[Named] = &[
    ("readers", 0..=255),
    ("keys", 1..=255),
    ("hot_in_100", IN_100),
    ("own_in_100", IN_100),
    ("gets_in_100", IN_100),
    ("value_bytes", VALUE_BYTES),
    ("swaps_same_in_100", IN_100),
    ("leaves_after_ms", UP_TO_AN_HOUR_MS),
    ("bursts_ms", UP_TO_AN_HOUR_MS),
];
