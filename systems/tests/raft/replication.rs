//! Entries on their way, and what becomes of conflicts.

use snowglobe_systems::ledger::Record;
use snowglobe_systems::process::NodeId;
use snowglobe_systems::raft::{
    AppendEntries, AppendEntriesReply, AppendResult, Conflict, LogIndex, Message, Round, Term,
    Timer, marks,
};
use snowglobe_systems::replica::{Operation, Outcome};

use crate::cluster::Envelope;
use crate::story::{N1, N2, N3, N4, N5, World, carries_entries, log_id, world};

#[test]
fn a_write_is_answered_when_a_majority_has_it() {
    let mut world = world(3);
    world.elect(N1);
    world.cut(N3);
    let write = world.write(N1, 7);
    assert!(!world.is_written(write));
    world.settle();
    assert!(world.is_written(write));
    assert_eq!(world.count(N2), 0, "n2 hears of the commit later");
    world.heartbeat(N1);
    assert_eq!(world.count(N2), 1);
    world.heal();
    world.heartbeat(N1);
    assert_eq!(
        world.count(N3),
        1,
        "a refused heartbeat tells what n3 lacks"
    );
    world.assert_held();
}

#[test]
fn each_command_goes_to_each_peer_once() {
    let mut world = world(3);
    world.elect(N1);
    let mut commands = 0;
    for value in 0..10 {
        world.invoke(
            N1,
            Operation::Write {
                session: None,
                command: Record {
                    value,
                    padding: vec![0; 5000],
                },
            },
        );
        if value % 3 == 0 {
            world.timeout(N1, Timer::Heartbeat);
        }
        commands += world.bag.iter().filter(|e| carries_entries(e)).count();
        while let Some(place) = world.bag.iter().position(carries_entries) {
            world.deliver(place);
        }
        world.settle();
    }
    assert_eq!(commands, 20);
    assert_eq!(world.commit(N1), 11);
}

#[test]
fn what_is_lost_from_the_pipeline_is_found_by_the_next_heartbeat() {
    let mut world = world(3);
    world.elect(N1);
    for value in 0..4 {
        world.write(N1, value);
    }
    // The second entry to each is lost, the others arrive.
    world.bag.remove(2);
    world.bag.remove(2);
    world.settle();
    assert_eq!(world.commit(N1), 5, "a gap is refused and filled at once");
    world.write(N1, 9);
    world.bag.clear();
    world.settle();
    assert_eq!(world.commit(N1), 5);
    world.heartbeat(N1);
    assert_eq!(world.commit(N1), 6);
    assert!(world.marks.contains(marks::PIPELINE_LOSS_REPAIRED));
    world.assert_held();
}

#[test]
fn late_and_duplicated_messages_do_no_harm() {
    let mut world = world(3);
    world.elect(N1);
    for value in 0..6 {
        world.write(N1, value);
    }
    for place in 0..world.bag.len() {
        world.duplicate(place);
    }
    while !world.bag.is_empty() {
        let last = world.bag.len() - 1;
        world.deliver(if last.is_multiple_of(3) { 0 } else { last });
    }
    world.heartbeat(N1);
    for node in [N1, N2, N3] {
        assert_eq!(world.count(node), 6);
    }
    assert!(!world.marks.contains(marks::CONFLICT_TRUNCATED));
    world.assert_held();
}

#[test]
fn the_logs_of_figure_7_converge() {
    // The paper's seven logs, figure 7: the leader's, and those of (a) to (f).
    let leader = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
    let followers: [&[u64]; 6] = [
        &[1, 1, 1, 4, 4, 5, 5, 6, 6],
        &[1, 1, 1, 4],
        &[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
        &[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
        &[1, 1, 1, 4, 4, 4, 4],
        &[1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
    ];
    let mut world = world(7);
    world.crash_all();
    world.plant(N1, 7, &leader);
    for (name, log) in world.names().into_iter().skip(1).zip(followers) {
        world.plant(name, 7, log);
    }
    world.restart_all();
    world.elect(N1);
    world.heartbeat(N1);
    for node in world.names() {
        assert_eq!(world.log_terms(node), [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 8]);
        assert_eq!(world.commit(node), 11);
    }
    assert!(world.marks.contains(marks::CONFLICT_TRUNCATED));
    assert!(world.marks.contains(marks::CONFLICT_BACKUP_BY_TERM));
    assert!(
        world
            .marks
            .contains(marks::OLDER_TERM_ENTRY_COMMITTED_INDIRECTLY)
    );
    world.assert_held();
}

#[test]
fn a_long_conflicting_term_is_skipped_at_once() {
    let mut world = world(3);
    world.crash_all();
    world.plant(N1, 3, &[1, 3]);
    world.plant(N2, 3, &[1, 3]);
    let mut long = vec![1];
    long.extend([2; 200]);
    world.plant(N3, 2, &long);
    world.restart_all();
    world.elect(N1);
    assert_eq!(world.last(N3), log_id(3, 4));
    let mut refusals = 0;
    world.crash(N3);
    world.plant(N3, 4, &long);
    world.restart(N3);
    world.timeout(N1, Timer::Heartbeat);
    while !world.bag.is_empty() {
        let conflict = format!("{}", world.bag[0].message).contains("conflict");
        refusals += usize::from(conflict);
        world.deliver(0);
    }
    assert!(refusals <= 2, "{refusals} refusals for 200 entries");
}

/// So that the leader skips that term, and no term before it.
#[test]
fn a_refusal_names_the_first_entry_of_the_conflicting_term() {
    let mut world = world(3);
    world.crash(N2);
    world.plant(N2, 3, &[1, 1, 2, 2, 2]);
    world.restart(N2);
    let message = Message::AppendEntries(AppendEntries {
        term: Term(4),
        previous: log_id(4, 3),
        entries: Vec::new(),
        commit: LogIndex(0),
        round: Round(0),
    });
    let (from, to) = (N1, N2);
    world.bag.push_back(Envelope { from, to, message });
    world.deliver(0);
    let Message::AppendEntriesReply(reply) = &world.bag[0].message else {
        panic!("{:?}", world.bag[0]);
    };
    let found = Conflict::OtherTerm {
        term: Term(2),
        first: LogIndex(3),
    };
    let previous = LogIndex(4);
    assert_eq!(reply.result, AppendResult::Conflict { previous, found });
}

#[test]
fn an_older_entry_on_a_majority_is_not_committed_by_counting() {
    // Figure 8 of the paper, (a) to (e).
    let mut world = world(5);
    world.crash_all();
    // n5 led t3 with n3 and n4, and has heard of t4 since.
    for node in [N1, N2] {
        world.plant(node, 3, &[1, 2]);
    }
    for node in [N3, N4] {
        world.plant(node, 3, &[1]);
    }
    world.plant(N5, 4, &[1, 3]);
    for node in [N1, N2, N3, N4] {
        world.restart(node);
    }
    // (c) n1 leads again and copies i2@t2 to a majority, but not its no-op.
    world.elect_without_noop(N1, &[N2, N3]);
    assert_eq!(world.last(N3), log_id(2, 2));
    assert!(
        world.commit(N1) < 2,
        "i2@t2 is on three of five and not committed"
    );
    // (d) n1 crashes and n5 wins with i2@t3, and overwrites i2.
    world.crash(N1);
    world.bag.clear();
    world.restart(N5);
    world.crash(N2);
    world.elect(N5);
    world.settle();
    assert_eq!(world.log_terms(N3)[..2], [1, 3]);
    world.assert_held();
}

#[test]
fn a_deposed_leaders_write_is_unknown_and_its_entry_is_replaced() {
    let mut world = world(5);
    world.elect(N1);
    world.cut(N1);
    let lost = world.write(N1, 1);
    world.settle();
    for node in [N3, N4, N5] {
        world.timeout(node, Timer::Election);
    }
    world.bag.clear();
    world.timeout(N2, Timer::Election);
    world.settle();
    let kept = world.write(N2, 2);
    world.settle();
    world.heal();
    world.heartbeat(N2);
    assert_eq!(world.outcome(lost), Some(&Outcome::Unknown));
    assert!(world.is_written(kept));
    world.heartbeat(N2);
    assert_eq!(world.count(N1), 1);
    assert!(world.marks.contains(marks::CONFLICT_TRUNCATED));
    world.assert_held();
}

#[test]
fn a_deposed_leaders_append_is_refused() {
    let mut world = world(3);
    world.elect(N1);
    world.write(N1, 1);
    let late = std::mem::take(&mut world.bag);
    world.elect(N2);
    world.bag = late;
    world.deliver(1);
    assert!(world.marks.contains(marks::STALE_APPEND_IGNORED));
    world.settle();
    assert_eq!(world.term(N1), 2);
    world.assert_held();
}

#[test]
fn an_answer_to_an_older_term_counts_for_nothing() {
    let mut world = world(3);
    world.elect(N1);
    world.cut(N2);
    world.cut(N3);
    for value in 0..5 {
        world.write(N1, value);
    }
    world.settle();
    world.heal();
    world.elect(N2);
    world.elect(N1);
    let before = world.commit(N1);
    world.write(N1, 9);
    world.bag.clear();
    // In t1 n1's log was longer than it is now.
    let message = Message::AppendEntriesReply(AppendEntriesReply {
        term: Term(1),
        asked_in: Term(1),
        round: Round(0),
        result: AppendResult::Matched(LogIndex(6)),
    });
    let (from, to) = (N3, N1);
    world.bag.push_back(Envelope { from, to, message });
    world.deliver(0);
    assert_eq!(world.commit(N1), before);
    world.assert_held();
}

#[test]
fn entries_survive_the_crash_of_everybody() {
    let mut world = world(3);
    world.elect(N1);
    for value in 0..5 {
        world.write(N1, value);
    }
    world.settle();
    world.crash_all();
    world.restart_all();
    world.elect(N2);
    world.heartbeat(N2);
    for node in [N1, N2, N3] {
        assert_eq!(world.count(node), 5);
        assert!(!world.durable(node).log.is_empty());
    }
    world.assert_held();
}

#[test]
fn a_crash_between_any_two_effects_of_a_leader_loses_nothing_acknowledged() {
    for effects in 0..12 {
        let mut world = world(3);
        world.elect(N1);
        let first = world.write(N1, 1);
        world.settle();
        assert!(world.is_written(first));
        world.crash_next_step_after(effects);
        world.write(N1, 2);
        world.settle();
        world.restart(N1);
        world.elect(N2);
        world.heartbeat(N2);
        assert!(world.count(N2) >= 1);
        world.assert_held();
    }
}

impl World {
    /// Lets a node win among `others`, and reach them with what it has but
    /// for its no-op.
    fn elect_without_noop(&mut self, node: NodeId, others: &[NodeId]) {
        self.timeout(node, Timer::Election);
        self.deliver_until(|world| world.leads(node));
        for _ in 0..50 {
            self.lose(|envelope| !others.contains(&envelope.to) && envelope.to != node);
            for envelope in &mut self.bag {
                if let Message::AppendEntries(message) = &mut envelope.message {
                    let own = message.term;
                    message.entries.retain(|entry| entry.term != own);
                }
            }
            self.deliver(0);
        }
    }
}
