//! Tuning under which the controller or its clerks could not work is refused, and the sentence
//! says what to write.

use core::time::Duration;

use snowglobe_systems::process::{NodeId, Process};
use snowglobe_systems::replica;
use snowglobe_systems::service::{ClerkConfig, Config};
use snowglobe_systems::shardctrler::Node;

type Change = fn(&mut ClerkConfig);

const REFUSED: &[(&str, Change)] = &[
    (
        "servers is 0, so that there is nobody to ask: give at least 1",
        |clerk| clerk.servers = [].into(),
    ),
    (
        "lanes is 0, so that no call would ever be made: give at least 1",
        |clerk| clerk.lanes = 0,
    ),
    (
        "patience is 0, so that its timer fires for ever without time passing: give at least 1ms",
        |clerk| clerk.patience = Duration::ZERO..Duration::ZERO,
    ),
    (
        "back_off runs backwards, from 60ms to 5ms: give the shorter delay first",
        |clerk| clerk.back_off = Duration::from_millis(60)..Duration::from_millis(5),
    ),
    (
        "idle is 0, so that its timer fires for ever without time passing: give at least 1ms",
        |clerk| clerk.idle = Duration::ZERO,
    ),
    (
        "doublings is 17, so that a clerk waits for days: give at most 16",
        |clerk| clerk.doublings = 17,
    ),
    (
        "back_off_doublings is 17, so that a clerk waits for days: give at most 16",
        |clerk| clerk.back_off_doublings = 17,
    ),
];

#[test]
fn a_clerk_that_could_not_ask_is_refused() {
    let clerk = ClerkConfig::of([NodeId(1)]);
    assert_eq!(Node::check(&Config::Clerk(clerk.clone())), Ok(()));
    for (sentence, change) in REFUSED {
        let mut clerk = clerk.clone();
        change(&mut clerk);
        let error = Node::check(&Config::Clerk(clerk)).expect_err(sentence);
        assert_eq!(error.to_string(), *sentence);
    }
}

#[test]
fn a_server_whose_replica_could_not_work_is_refused() {
    let mut server = replica::Config::of(3);
    assert_eq!(Node::check(&Config::Server(server.clone())), Ok(()));
    server.raft.max_batch_entries = 0;
    let error = Node::check(&Config::Server(server)).expect_err("it would send nothing");
    assert_eq!(error.setting, "max_batch_entries");
}
