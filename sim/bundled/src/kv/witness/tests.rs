//! Each suspicion arises where it should, and not where it should not.

use snowglobe_systems::kv::{Answer, Get, Value};
use snowglobe_systems::process::{self, Effects, Input, Process};
use snowglobe_systems::raft::{Content, Durable, Entry, Timer};
use snowglobe_systems::replica::{Config, Replica};
use snowglobe_systems::vec_map::VecMap;

use super::*;
use crate::users::applied_after;

const N1: NodeId = NodeId(1);
const CALL: InvocationId = InvocationId(7);

fn append(value: &str) -> Command {
    Command::Append {
        key: "x".into(),
        value: value.into(),
    }
}

/// A replica without others that has applied these appends.
fn replica(values: &[&str]) -> Replica<Store> {
    let mut effects = Effects::new();
    applied(&Config::of(1), values, &mut effects)
}

/// The same, however it is configured.
fn applied(
    config: &Config,
    values: &[&str],
    effects: &mut Effects<Replica<Store>>,
) -> Replica<Store> {
    let mut replica = Replica::start(N1, config, Durable::default(), effects);
    process::take(&mut replica, Input::Timeout(Timer::Election), effects);
    for (number, value) in values.iter().enumerate() {
        let operation = replica::Operation::Write {
            session: None,
            command: append(value),
        };
        let invocation = InvocationId(number as u64);
        let input = Input::Invoke {
            invocation,
            operation,
        };
        process::take(&mut replica, input, effects);
    }
    replica
}

/// What the log that a witness followed comes to in the eyes of a replica.
fn followed(log: &[&str], state: &[&str]) -> Option<&'static str> {
    let (log, state) = (replica(log), replica(state));
    let entries = applied_after(LogIndex(0), &log, &Durable::default(), &VecMap::new());
    let entries = entries.expect("nothing was compacted");
    let result = FollowedLog::default().follow(N1, &state, &entries);
    result.err().map(|violation| violation.property)
}

#[test]
fn a_state_must_follow_its_log() {
    assert_eq!(followed(&["u0.1 ", "u0.2 "], &["u0.1 ", "u0.2 "]), None);
    let lost = followed(&["u0.1 ", "u0.2 "], &["u0.1 "]);
    assert_eq!(lost, Some("state-follows-log"));
}

#[test]
fn a_value_that_names_its_call_is_appended_once() {
    let twice = ["u0.1 ", "u1.1 ", "u0.1 "];
    assert_eq!(followed(&twice, &twice), Some("appended-once"));
    // A story may say the same twice.
    assert_eq!(followed(&["13", "13"], &["13", "13"]), None);
}

#[test]
fn an_entry_that_is_gone_is_noticed() {
    let (compacted, written) = {
        let mut config = Config::of(1);
        config.snapshot_after_entries = Some(1);
        config.raft.compaction_tail_entries = 0;
        let mut effects = Effects::new();
        let mut replica = Replica::<Store>::start(N1, &config, Durable::default(), &mut effects);
        for _ in 0..3 {
            process::take(&mut replica, Input::Timeout(Timer::Election), &mut effects);
            let operation = replica::Operation::Write {
                session: None,
                command: append("u0.1 "),
            };
            let invocation = InvocationId(0);
            process::take(
                &mut replica,
                Input::Invoke {
                    invocation,
                    operation,
                },
                &mut effects,
            );
        }
        (replica, appended(effects.as_slice()))
    };
    let mut log = FollowedLog::default();
    let in_this_step = applied_after(log.end(), &compacted, &Durable::default(), &written);
    assert_eq!(
        in_this_step.map(|entries| entries.len()),
        Some(written.len())
    );
    assert_eq!(
        applied_after(log.end(), &compacted, &Durable::default(), &VecMap::new()),
        None
    );
    log.start_anew(&compacted);
    assert_eq!(log.end(), compacted.raft().applied());
    let rest = applied_after(log.end(), &compacted, &Durable::default(), &VecMap::new());
    assert_eq!(rest, Some(Vec::new()));
}

fn answered(at: u64) -> replica::Outcome<Store> {
    replica::Outcome::Answered {
        at: LogIndex(at),
        answer: Answer(None),
    }
}

/// A witness of a read that was first asked when `i40` had been acknowledged.
fn witness_of_a_read() -> Witness {
    let mut witness = Witness {
        acknowledged: LogIndex(40),
        ..Witness::default()
    };
    let query = Get { key: "x".into() };
    witness.asks(CALL, &replica::Operation::Read { query });
    witness
}

#[test]
fn an_answer_must_not_be_older_than_its_question() {
    let mut witness = witness_of_a_read();
    assert_eq!(witness.tells(N1, CALL, &answered(40)), Ok(()));
    let stale = witness.tells(N1, CALL, &answered(39));
    let stale = stale.expect_err("i40 was known");
    assert_eq!(stale.property, "fresh-answer");
    assert!(stale.found.contains("as of i39"), "{stale}");
    // Nobody waits for the answer to another call.
    let other = InvocationId(8);
    assert_eq!(witness.tells(N1, other, &answered(1)), Ok(()));
}

#[test]
fn a_clerk_answers_with_what_it_was_told() {
    let mut witness = witness_of_a_read();
    witness.tells(N1, CALL, &answered(41)).expect("fresh");
    witness.returns(CALL, &Outcome::Answered(Answer(Some(Value::from("1")))));
    assert_eq!(witness.suspicion, None);
    assert_eq!(witness.acknowledged, LogIndex(41));

    let mut witness = witness_of_a_read();
    witness.returns(CALL, &Outcome::Indeterminate);
    assert_eq!(witness.suspicion, None, "nobody knows, and it says so");

    let mut witness = witness_of_a_read();
    witness.returns(CALL, &Outcome::Answered(Answer(None)));
    let suspicion = witness.suspicion.expect("no server said so");
    assert_eq!(suspicion.property, "own-answer");
}

#[test]
fn a_write_is_told_its_own_place() {
    let mut witness = Witness::default();
    let write = (SessionId(LogIndex(1)), Sequence(1));
    let operation = replica::Operation::Write {
        session: Some(write),
        command: append("u0.1 "),
    };
    witness.asks(CALL, &operation);
    let place = |witness: &Witness, at| witness.has_its_place(N1, CALL, LogIndex(at));
    assert_eq!(place(&witness, 1), Ok(()), "nothing was followed so far");
    let entries = applied_after(
        LogIndex(0),
        &replica(&[]),
        &Durable::default(),
        &VecMap::new(),
    );
    let entries = entries.expect("nothing was compacted");
    let followed = witness.log.follow(N1, &replica(&[]), &entries);
    followed.expect("a no-op");
    let wrong = place(&witness, 1).expect_err("a no-op is there");
    assert_eq!(wrong.property, "own-place");
    witness.log.put_down(write);
    assert_eq!(place(&witness, 1), Ok(()));
}

#[test]
fn entries_without_commands_are_followed_too() {
    let replica = replica(&[]);
    let entries = applied_after(LogIndex(0), &replica, &Durable::default(), &VecMap::new());
    let entries = entries.expect("nothing was compacted");
    assert!(matches!(
        entries[..],
        [Entry {
            content: Content::Noop,
            ..
        }]
    ));
    let mut log = FollowedLog::default();
    log.follow(N1, &replica, &entries).expect("a no-op");
    assert_eq!(log.end(), LogIndex(1));
}

/// A replica that has applied these appends and kept none of them but in its snapshot, and what
/// its last step appended.
fn compacted(values: &[&str]) -> (Replica<Store>, Placed<Store>) {
    let mut config = Config::of(1);
    config.snapshot_after_entries = Some(1);
    config.raft.compaction_tail_entries = 0;
    let mut effects = Effects::new();
    let replica = applied(&config, values, &mut effects);
    (replica, appended(effects.as_slice()))
}

/// A witness of a node that is in the middle of a step in which it applies all that it has.
fn witness_of_a_step(replica: &Replica<Store>, appended: &Placed<Store>) -> Witness {
    let mut witness = Witness::default();
    let disk = Durable::default();
    witness
        .unsettled
        .begins(N1, LogIndex(0), replica, &disk, appended);
    witness
}

fn known(witness: &Witness) -> Option<usize> {
    witness.log.changes_of(&"x".into()).map(<[_]>::len)
}

#[test]
fn what_a_step_applies_counts_once_and_when_it_can_be_known() {
    let (replica, appended) = compacted(&["u0.1 ", "u0.2 "]);
    let mut witness = witness_of_a_step(&replica, &appended);
    assert_eq!(known(&witness), Some(0), "a crash may undo it");
    let step = witness.unsettled.take(N1);
    witness.follow(N1, Some(&replica), step.as_ref());
    assert_eq!(known(&witness), Some(2));
    assert_eq!(witness.unsettled.take(N1), None);
    assert_eq!(witness.suspicion, None);
}

#[test]
fn what_a_node_comes_back_with_it_had_begun() {
    let (replica, appended) = compacted(&["u0.1 ", "u0.2 "]);
    let mut witness = witness_of_a_step(&replica, &appended);
    witness.unsettled.goes_down(N1);
    assert_eq!(witness.unsettled.take(N1), None);
    let begun = witness.unsettled.comes_back(N1);
    witness.follow(N1, Some(&replica), begun.as_ref());
    assert_eq!(known(&witness), Some(2));

    // Of a snapshot out of nowhere nothing is known.
    let mut witness = Witness::default();
    witness.follow(N1, Some(&replica), None);
    assert_eq!(known(&witness), None);
}

#[test]
fn a_snapshot_may_be_out_of_a_step_that_is_not_over() {
    let (replica, appended) = compacted(&["u0.1 ", "u0.2 "]);
    let mut witness = witness_of_a_step(&replica, &appended);
    witness.follow(NodeId(2), Some(&replica), None);
    assert_eq!(known(&witness), Some(2));
    // The step itself adds nothing then.
    let step = witness.unsettled.take(N1);
    witness.follow(N1, Some(&replica), step.as_ref());
    assert_eq!(known(&witness), Some(2));
}
