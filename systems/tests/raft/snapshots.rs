//! Compaction, and nodes that are too far behind for the log.

use snowglobe_systems::process::NodeId;
use snowglobe_systems::raft::{InstallSnapshot, Message, ProgressState, Role, Term, Timer, marks};
use snowglobe_systems::replica::Config;
use snowglobe_systems::vec_set::VecSet;

use crate::cluster::{Cluster, Envelope};
use crate::story::{N1, N2, N3, Node, World, log_id};

/// Snapshots after four entries, sent eight bytes at a time.
fn compacting(count: usize) -> World {
    let mut config = Config::of(count);
    config.snapshot_after_entries = Some(4);
    config.raft.snapshot_chunk_bytes = 8;
    config.raft.snapshot_window_bytes = 8;
    config.raft.compaction_tail_entries = 0;
    Cluster::new(count, config)
}

fn is_chunk(envelope: &Envelope<Node>) -> bool {
    matches!(envelope.message, Message::InstallSnapshot(_))
}

/// n3 misses more than the log of n1 still holds.
fn n3_left_behind() -> World {
    let mut world = compacting(3);
    world.elect(N1);
    world.cut(N3);
    for value in 0..20 {
        world.write(N1, value);
        world.settle();
    }
    world.heal();
    world
}

fn assert_caught_up(world: &World, node: NodeId) {
    assert_eq!(world.count(node), 20);
    assert!(world.marks.contains(marks::SNAPSHOT_INSTALLED));
    world.assert_held();
}

#[test]
fn the_log_stays_short_and_survives_with_its_snapshot() {
    let mut world = compacting(1);
    world.elect(N1);
    for value in 0..50 {
        world.write(N1, value);
        assert!(world.node(N1).raft().log().len() <= 4);
    }
    // Twice: what is written after a restart must not erase the snapshot.
    for _ in 0..2 {
        world.crash(N1);
        world.restart(N1);
        world.elect(N1);
    }
    assert_eq!(world.count(N1), 50);
    assert!(world.marks.contains(marks::LOG_COMPACTED));
    world.assert_held();
}

#[test]
fn a_node_far_behind_gets_the_snapshot_in_chunks() {
    let mut world = n3_left_behind();
    world.timeout(N1, Timer::Heartbeat);
    let mut chunks = 0;
    while !world.bag.is_empty() {
        chunks += usize::from(is_chunk(&world.bag[0]));
        world.deliver(0);
    }
    assert!(chunks > 2, "{chunks}");
    assert_caught_up(&world, N3);
    assert_eq!(world.last(N3), world.last(N1));
    let write = world.write(N1, 99);
    world.cut(N2);
    world.settle();
    assert!(world.is_written(write), "n3 counts again");
}

#[test]
fn a_lost_chunk_is_sent_again_with_a_heartbeat() {
    let mut world = n3_left_behind();
    let mut lost = false;
    for _ in 0..10 {
        world.timeout(N1, Timer::Heartbeat);
        while !world.bag.is_empty() {
            if is_chunk(&world.bag[0]) && !lost {
                world.deliver(0);
                world.settle_until_chunk();
                world.lose(is_chunk);
                lost = true;
            }
            world.deliver(0);
        }
    }
    assert!(world.marks.contains(marks::SNAPSHOT_CHUNK_RESUMED));
    assert_caught_up(&world, N3);
}

#[test]
fn a_follower_that_crashes_amid_the_chunks_starts_anew() {
    let mut world = n3_left_behind();
    world.timeout(N1, Timer::Heartbeat);
    for _ in 0..2 {
        world.settle_until_chunk();
        world.deliver_chunk();
    }
    world.crash(N3);
    world.restart(N3);
    for _ in 0..4 {
        world.heartbeat(N1);
    }
    assert!(world.marks.contains(marks::SNAPSHOT_CHUNK_RESUMED));
    assert_caught_up(&world, N3);
}

#[test]
fn chunks_may_come_further_apart_than_elections() {
    let mut world = n3_left_behind();
    world.timeout(N1, Timer::Heartbeat);
    let mut chunks = 0;
    while !world.marks.contains(marks::SNAPSHOT_INSTALLED) {
        world.settle_until_chunk();
        chunks += 1;
        assert!(chunks < 20, "n3 begins anew with every chunk");
        // It gives the leader up, whom the others still hear, and waits on.
        world.timeout(N3, Timer::Election);
        assert_eq!(world.node(N3).raft().role().letter(), 'P');
        world.deliver_chunk();
    }
    assert!(chunks > 2, "{chunks}");
    assert!(!world.marks.contains(marks::SNAPSHOT_CHUNK_RESUMED));
    world.settle();
    assert_caught_up(&world, N3);
}

#[test]
fn duplicated_chunks_do_no_harm() {
    let mut world = n3_left_behind();
    world.timeout(N1, Timer::Heartbeat);
    let mut delivered = 0;
    while !world.bag.is_empty() {
        if delivered < 200 {
            world.duplicate(0);
        }
        world.deliver(0);
        delivered += 1;
    }
    assert_caught_up(&world, N3);
}

#[test]
fn a_snapshot_of_the_past_is_ignored() {
    let mut world = n3_left_behind();
    world.timeout(N1, Timer::Heartbeat);
    world.settle_until_chunk();
    let Some(Message::InstallSnapshot(chunk)) = world
        .bag
        .iter()
        .map(|e| e.message.clone())
        .find(|message| matches!(message, Message::InstallSnapshot(_)))
    else {
        panic!("a chunk is on its way");
    };
    world.settle();
    let before = world.node(N3).clone();
    world.bag.push_back(Envelope {
        from: N1,
        to: N3,
        message: Message::InstallSnapshot(InstallSnapshot {
            done: true,
            ..chunk
        }),
    });
    world.deliver(0);
    assert!(world.marks.contains(marks::SNAPSHOT_STALE_IGNORED));
    assert_eq!(world.node(N3), &before);
    world.settle();
    world.assert_held();
}

#[test]
fn a_snapshot_older_than_what_is_applied_is_ignored() {
    let mut config = Config::of(3);
    config.snapshot_after_entries = None;
    let mut world: World = Cluster::new(3, config);
    world.elect(N1);
    for value in 0..6 {
        world.write(N1, value);
    }
    world.settle();
    world.heartbeat(N1);
    let before = world.node(N3).clone();
    // Late, from a time when the leader thought that n3 had nothing.
    let message = Message::InstallSnapshot(InstallSnapshot {
        term: Term(1),
        last: log_id(3, 1),
        offset: 0,
        chunk: [0, 0].as_slice().into(),
        done: true,
    });
    let (from, to) = (N1, N3);
    world.bag.push_back(Envelope { from, to, message });
    world.deliver(0);
    assert_eq!(world.node(N3), &before);
    world.assert_held();
}

#[test]
fn a_newer_snapshot_does_not_interrupt_the_one_on_its_way() {
    let mut world = n3_left_behind();
    world.timeout(N1, Timer::Heartbeat);
    world.settle_until_chunk();
    let sent_at = world.node(N1).raft().log().base();
    for value in 0..10 {
        world.write(N1, value);
        let others: Vec<_> = world
            .bag
            .iter()
            .map(|e| e.to != N3 && e.from != N3)
            .collect();
        for (place, _) in others.iter().enumerate().rev().filter(|(_, other)| **other) {
            world.deliver(place);
        }
        while let Some(place) = world.bag.iter().position(|e| e.to == N1 && e.from == N2) {
            world.deliver(place);
        }
    }
    assert!(world.node(N1).raft().log().base().index > sent_at.index);
    for _ in 0..3 {
        world.settle();
        world.heartbeat(N1);
    }
    assert_eq!(world.count(N3), 30);
    world.assert_held();
}

#[test]
fn a_snapshot_keeps_what_follows_it_only_in_the_same_history() {
    for same in [true, false] {
        let mut world = compacting(1);
        world.crash_all();
        world.plant(N1, 3, &[1, 1, if same { 1 } else { 2 }, 2, 2]);
        let mut donor = world.durable(N1).clone();
        world.restart(N1);
        use snowglobe_systems::process::Durable;
        let snapshot = snowglobe_systems::raft::Snapshot {
            last: log_id(3, 1),
            data: [0, 0].as_slice().into(),
        };
        let base = snapshot.last;
        donor.apply(&snowglobe_systems::raft::Write::Snapshot { snapshot, base });
        assert_eq!(donor.log.len(), if same { 2 } else { 0 });
        assert_eq!(donor.log.base(), log_id(3, 1));
        assert_eq!(donor.log.is_empty(), !same);
    }
}

#[test]
fn a_crash_between_any_two_effects_of_an_installation_is_harmless() {
    for effects in 0..8 {
        let mut world = n3_left_behind();
        world.timeout(N1, Timer::Heartbeat);
        loop {
            world.settle_until_chunk();
            let last = world
                .bag
                .iter()
                .any(|e| matches!(&e.message, Message::InstallSnapshot(chunk) if chunk.done));
            if last {
                break;
            }
            world.deliver_chunk();
        }
        world.crash_next_step_after(effects);
        world.deliver_chunk();
        world.restart(N3);
        for _ in 0..4 {
            world.heartbeat(N1);
        }
        assert_eq!(world.count(N3), 20, "after {effects} effects");
        world.assert_held();
    }
}

#[test]
fn a_full_window_to_a_node_that_never_answers_becomes_a_snapshot() {
    let mut config = Config::of(3);
    config.snapshot_after_entries = Some(2);
    config.raft.max_in_flight_entries = 4;
    let mut world: World = Cluster::new(3, config);
    world.elect(N1);
    world.write(N1, 0);
    world.settle();
    for value in 1..30 {
        world.write(N1, value);
        world.lose(|envelope| envelope.to == N3);
        world.settle();
    }
    assert_eq!(world.count(N1), 30);
    for _ in 0..3 {
        world.heartbeat(N1);
    }
    assert_eq!(world.count(N3), 30);
    let Role::Leader(leader) = world.node(N1).raft().role() else {
        panic!("n1 leads");
    };
    assert!(
        leader
            .peers()
            .iter()
            .all(|peer| matches!(peer.state(), ProgressState::Pipeline(_)))
    );
    world.assert_held();
}

impl World {
    /// Delivers everything but chunks, until one is on its way.
    fn settle_until_chunk(&mut self) {
        while let Some(place) = self.bag.iter().position(|envelope| !is_chunk(envelope)) {
            self.deliver(place);
        }
    }

    fn deliver_chunk(&mut self) {
        let place = self.bag.iter().position(is_chunk);
        self.deliver(place.expect("a chunk is on its way"));
    }
}

/// As [`compacting`], with a tail of the log that outlasts a short absence.
fn with_tail(entries: usize) -> World {
    let mut config = Config::of(3);
    config.snapshot_after_entries = Some(4);
    config.raft.compaction_tail_entries = entries;
    Cluster::new(3, config)
}

#[test]
fn a_short_absence_is_made_up_for_out_of_the_tail() {
    for (tail, snapshots) in [(32, false), (2, true)] {
        let mut world = with_tail(tail);
        world.elect(N1);
        world.cut(N3);
        for value in 0..20 {
            world.write(N1, value);
            world.settle();
        }
        assert!(world.node(N1).raft().log().len() <= tail + 5);
        world.heal();
        for _ in 0..4 {
            world.heartbeat(N1);
        }
        assert_eq!(world.count(N3), 20);
        assert_eq!(
            world.marks.contains(marks::SNAPSHOT_SENT),
            snapshots,
            "{tail}"
        );
        world.assert_held();
    }
}

#[test]
fn a_tail_survives_a_restart_with_the_snapshot() {
    let mut world = with_tail(3);
    world.elect(N1);
    for value in 0..20 {
        world.write(N1, value);
        world.settle();
    }
    world.heartbeat(N1);
    let base = world.node(N2).raft().log().base();
    assert!(base.index < world.node(N2).raft().covered());
    world.crash(N2);
    world.restart(N2);
    let raft = world.node(N2).raft();
    assert_eq!(raft.log().base(), base);
    assert_eq!(
        raft.applied(),
        raft.covered(),
        "the tail is not applied again"
    );
    world.heartbeat(N1);
    assert_eq!(world.count(N2), 20);
    world.assert_held();
}

#[test]
fn entries_that_are_not_applied_do_not_call_for_a_snapshot() {
    let mut config = Config::of(3);
    config.snapshot_after_bytes = Some(150);
    config.raft.max_batch_entries = 1;
    config.raft.compaction_tail_entries = 0;
    let mut world: World = Cluster::new(3, config);
    world.elect(N1);
    for node in [N2, N3] {
        world.cut(node);
    }
    for value in 0..40 {
        world.write(N1, value);
    }
    world.settle();
    assert!(
        !world.marks.contains(marks::LOG_COMPACTED),
        "nothing is applied"
    );
    world.heal();
    // Commits come one by one now, with most of the burst behind each.
    let mut snapshots = 0;
    for _ in 0..3 {
        world.timeout(N1, Timer::Heartbeat);
        while !world.bag.is_empty() {
            let before = world.node(N1).raft().covered();
            world.deliver(0);
            snapshots += u32::from(world.node(N1).raft().covered() > before);
        }
    }
    assert_eq!(world.count(N1), 40);
    assert!(
        (2..=8).contains(&snapshots),
        "{snapshots} snapshots of 40 entries"
    );
    world.assert_held();
}

#[test]
fn chunks_fill_the_window_and_may_overtake_each_other() {
    let mut config = Config::of(3);
    config.snapshot_after_entries = Some(4);
    config.raft.snapshot_chunk_bytes = 8;
    config.raft.snapshot_window_bytes = 32;
    config.raft.compaction_tail_entries = 0;
    let mut world: World = Cluster::new(3, config);
    world.elect(N1);
    world.cut(N3);
    for value in 0..20 {
        world.write(N1, value);
        world.settle();
    }
    world.heal();
    world.timeout(N1, Timer::Heartbeat);
    world.settle_until_chunk();
    let under_way = |world: &World| world.bag.iter().filter(|it| is_chunk(it)).count();
    assert_eq!(under_way(&world), 4, "as many as fit into the window");
    // Whatever was sent last arrives first.
    while !world.bag.is_empty() {
        world.deliver(world.bag.len() - 1);
        assert!(under_way(&world) <= 4);
    }
    world.heartbeat(N1);
    assert_caught_up(&world, N3);
    assert!(
        !world.marks.contains(marks::SNAPSHOT_CHUNK_RESUMED),
        "none was lost"
    );
}

#[test]
fn a_transfer_that_is_slower_than_its_leader_compacts_ends() {
    let mut world = n3_left_behind();
    world.timeout(N1, Timer::Heartbeat);
    let mut value = 20;
    let mut chunks = 0;
    while !world.marks.contains(marks::SNAPSHOT_INSTALLED) {
        world.settle_until_chunk();
        let held: Vec<_> = world
            .bag
            .iter()
            .filter(|it| is_chunk(it))
            .cloned()
            .collect();
        world.lose(is_chunk);
        // The leader takes another snapshot while each chunk is on its way.
        for _ in 0..6 {
            world.write(N1, value);
            value += 1;
            world.settle();
        }
        world.bag.extend(held);
        world.deliver_chunk();
        chunks += 1;
        assert!(chunks < 50, "it ends");
    }
    assert!(chunks > 3, "{chunks}");
    for _ in 0..6 {
        world.heartbeat(N1);
    }
    assert_eq!(world.count(N3), value);
    world.assert_held();
}

#[test]
fn what_follows_a_snapshot_on_its_way_is_not_compacted_away_meanwhile() {
    let mut config = Config::of(3);
    config.snapshot_after_entries = Some(4);
    config.raft.snapshot_chunk_bytes = 8;
    config.raft.snapshot_window_bytes = 8;
    config.raft.compaction_tail_entries = 2;
    let mut world: World = Cluster::new(3, config);
    world.elect(N1);
    world.cut(N3);
    let mut value = 0;
    while value < 20 {
        world.write(N1, value);
        value += 1;
        world.settle();
    }
    world.heal();
    world.timeout(N1, Timer::Heartbeat);
    let mut transfers = VecSet::new();
    // The load never ends, and each chunk takes as long as six writes.
    for _ in 0..60 {
        world.settle_until_chunk();
        let held: Vec<_> = world.bag.drain(..).collect();
        for _ in 0..6 {
            world.write(N1, value);
            value += 1;
            world.settle_until_chunk();
        }
        world.bag.extend(held);
        for envelope in &world.bag {
            if let Message::InstallSnapshot(chunk) = &envelope.message {
                transfers.insert(chunk.last.index);
            }
        }
        if world.bag.iter().any(is_chunk) {
            world.deliver_chunk();
        }
    }
    assert_eq!(transfers.len(), 1, "one is enough: {transfers:?}");
    world.heartbeat(N1);
    assert_eq!(world.count(N3), value);
    // Nobody lacks anything any more.
    for _ in 0..6 {
        world.write(N1, value);
        value += 1;
        world.settle();
    }
    assert!(world.node(N1).raft().log().len() <= 2 + 5);
    world.assert_held();
}

#[test]
fn a_node_that_never_takes_its_snapshot_holds_no_more_than_the_tail_may_take() {
    let mut config = Config::of(3);
    config.snapshot_after_entries = Some(4);
    config.raft.compaction_tail_entries = 2;
    config.raft.compaction_tail_bytes = 300;
    config.raft.max_in_flight_entries = 4;
    let mut world: World = Cluster::new(3, config);
    world.elect(N1);
    world.cut(N3);
    let mut longest = 0;
    for value in 0..200 {
        world.write(N1, value);
        world.settle();
        if value % 10 == 0 {
            world.heartbeat(N1);
        }
        longest = longest.max(world.node(N1).raft().log().bytes());
    }
    assert!(world.marks.contains(marks::SNAPSHOT_SENT));
    assert!(longest < 400, "{longest}");
    world.assert_held();
}
