//! Configurations that make no sense are refused, and the sentence says what to write.

use std::time::Duration;

use snowglobe_systems::process::Process;
use snowglobe_systems::replica::Config;

use crate::story::Node;

type Change = fn(&mut Config);

const REFUSED: &[(&str, Change)] = &[
    (
        "max_batch_entries is 0, so that no entry would ever be sent: give at least 1",
        |config| {
            config.raft.max_batch_entries = 0;
        },
    ),
    (
        "max_batch_bytes is 0, so that no entry would ever be sent: give at least 1",
        |config| {
            config.raft.max_batch_bytes = 0;
        },
    ),
    (
        "max_in_flight_entries is 0, so that no entry would ever be sent: give at least 1",
        |config| {
            config.raft.max_in_flight_entries = 0;
        },
    ),
    (
        "max_in_flight_bytes is 0, so that no entry would ever be sent: give at least 1",
        |config| {
            config.raft.max_in_flight_bytes = 0;
        },
    ),
    (
        "snapshot_chunk_bytes is 0, so that no snapshot would ever arrive: give at least 1",
        |config| {
            config.raft.snapshot_chunk_bytes = 0;
        },
    ),
    (
        "snapshot_window_bytes is 0, so that no snapshot would ever arrive: give at least 1",
        |config| {
            config.raft.snapshot_window_bytes = 0;
        },
    ),
    (
        "election_timeout runs backwards, from 2s to 1s: give the shorter delay first",
        |config| {
            config.raft.election_timeout = Duration::from_secs(2)..Duration::from_secs(1);
        },
    ),
    (
        "heartbeat_interval is 0, so that its timer fires for ever without time passing: give at least 1ms",
        |config| config.raft.heartbeat_interval = Duration::ZERO,
    ),
    (
        "heartbeat_interval is 300ms, not shorter than the shortest election_timeout, so that \
         followers depose every leader: give less than 300ms",
        |config| config.raft.heartbeat_interval = Duration::from_millis(300),
    ),
    (
        "quorum_check_interval is 100ms, so that a leader steps down before its heartbeats can be \
         answered: give more than the heartbeat_interval of 100ms",
        |config| config.raft.quorum_check_interval = Duration::from_millis(100),
    ),
    (
        "max_sessions is 0, so that no session could be opened: give at least 1",
        |config| {
            config.max_sessions = 0;
        },
    ),
    (
        "session_idle_entries is 0, so that every session would end before it is used: give at least 1",
        |config| config.session_idle_entries = Some(0),
    ),
    (
        "max_pending_entries is 0, so that every call would be turned away as busy: give at least 1",
        |config| config.max_pending_entries = 0,
    ),
    (
        "max_pending_bytes is 0, so that every call would be turned away as busy: give at least 1",
        |config| config.max_pending_bytes = 0,
    ),
    (
        "max_pending_reads is 0, so that every call would be turned away as busy: give at least 1",
        |config| config.max_pending_reads = 0,
    ),
];

#[test]
fn nonsense_is_refused_with_the_setting_and_what_to_write() {
    assert_eq!(Node::check(&Config::of(3)), Ok(()));
    for (sentence, change) in REFUSED {
        let mut config = Config::of(3);
        change(&mut config);
        let error = Node::check(&config).expect_err(sentence);
        assert_eq!(error.to_string(), *sentence);
    }
}
