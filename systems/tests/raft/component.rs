//! Raft as a component, without a replica around it.

use snowglobe_systems::ledger::Record;
use snowglobe_systems::process::{self, Effect, Effects, Input, InvocationId, NodeId};
use snowglobe_systems::raft::{
    AppendEntries, AppendEntriesReply, AppendResult, Attempt, Config, Durable, Event, LogId,
    LogIndex, Message, NotLeader, Operation, Outcome, PreVoteReply, Raft, ReadId, RequestVote,
    RequestVoteReply, Round, Setup, Term, Timer, TransferError, Voters, Write,
};

type Out = Effects<Raft<Record>>;

/// What Raft wrote.
fn writes(out: &Out) -> Vec<&Write<Record>> {
    let effects = out.as_slice().iter();
    let writes = effects.filter_map(|effect| match effect {
        Effect::Persist(write) => Some(write),
        _ => None,
    });
    writes.collect()
}

/// A host that takes its snapshots slowly may come with one when a newer is there.
#[test]
fn a_snapshot_that_comes_late_is_left_alone() {
    let mut out = Out::new();
    let durable = Durable::default();
    let mut raft = Raft::start(
        NodeId(1),
        Voters::first(1),
        &Config::default(),
        durable,
        &mut out,
    );
    assert!(!process::Process::leads(&raft));
    raft.timeout(Timer::Election, &mut out);
    assert!(process::Process::leads(&raft));
    for value in 0..9 {
        raft.propose(Record::of(value)).expect("it leads");
    }
    raft.flush(&mut out);
    let appended = |write: &&&Write<Record>| matches!(write, Write::Append { .. });
    assert_eq!(
        writes(&out).iter().filter(appended).count(),
        1,
        "the no-op among them"
    );
    assert_eq!(
        (raft.applied(), raft.written()),
        (LogIndex(10), LogIndex(10))
    );
    let data = || std::sync::Arc::from([7].as_slice());
    assert!(raft.compact(LogIndex(8), data(), &mut out));
    let written = writes(&out).len();
    for late in [3, 8] {
        assert!(!raft.compact(LogIndex(late), data(), &mut out));
    }
    assert_eq!(writes(&out).len(), written, "nothing is written");
    assert_eq!(raft.covered(), LogIndex(8));
}

/// n1 of three, which has heard of nobody.
fn one_of_three(out: &mut Out) -> Raft<Record> {
    let (voters, config) = (Voters::first(3), Config::default());
    Raft::start(NodeId(1), voters, &config, Durable::default(), out)
}

#[test]
fn whoever_is_no_member_is_not_heard() {
    let mut out = Out::new();
    let mut raft = one_of_three(&mut out);
    // A server that was given the wrong peers, and a message that came back.
    for stranger in [NodeId(9), NodeId(1)] {
        let message = Message::RequestVote(RequestVote {
            term: Term(7),
            last: LogId::default(),
            transfer: false,
        });
        raft.receive(stranger, message, &mut out);
        assert_eq!(raft.term(), Term(0), "{stranger}");
    }
    assert!(writes(&out).is_empty(), "{out:?}");
}

#[test]
fn a_heartbeat_of_a_known_leader_is_nothing_to_write_down() {
    let mut out = Out::new();
    let mut raft = one_of_three(&mut out);
    let heartbeat = |round| {
        Message::AppendEntries(AppendEntries {
            term: Term(1),
            previous: LogId::default(),
            entries: Vec::new(),
            commit: LogIndex(0),
            round: Round(round),
        })
    };
    raft.receive(NodeId(2), heartbeat(1), &mut out);
    assert_eq!(writes(&out).len(), 1, "the term: {out:?}");
    raft.receive(NodeId(2), heartbeat(2), &mut out);
    assert_eq!(writes(&out).len(), 1, "{out:?}");
}

/// n1 of three, which leads t1; its no-op is on all disks.
fn leader_of_three() -> Raft<Record> {
    let mut out = Out::new();
    let mut raft = one_of_three(&mut out);
    raft.timeout(Timer::Election, &mut out);
    let would = PreVoteReply {
        term: Term(0),
        asked_in: Term(0),
        attempt: Attempt(1),
        granted: true,
    };
    raft.receive(NodeId(2), Message::PreVoteReply(would), &mut out);
    let does = RequestVoteReply {
        term: Term(1),
        granted: true,
    };
    raft.receive(NodeId(2), Message::RequestVoteReply(does), &mut out);
    raft.flush(&mut out);
    for peer in [NodeId(2), NodeId(3)] {
        acknowledge(&mut raft, peer, 1, &mut out);
    }
    raft.flush(&mut out);
    assert!(raft.role().is_leader());
    assert_eq!(raft.commit(), LogIndex(1));
    raft
}

/// A follower says that it holds everything up to an index.
fn acknowledge(raft: &mut Raft<Record>, from: NodeId, index: u64, out: &mut Out) {
    let reply = AppendEntriesReply {
        term: Term(1),
        asked_in: Term(1),
        round: Round(0),
        result: AppendResult::Matched(LogIndex(index)),
    };
    raft.receive(from, Message::AppendEntriesReply(reply), out);
}

/// How many entries each message brings, in the order of sending.
fn sent(out: &Out) -> Vec<(NodeId, usize, Round)> {
    let effects = out.as_slice().iter();
    let sent = effects.filter_map(|effect| match effect {
        Effect::Send {
            to,
            message: Message::AppendEntries(append),
        } => Some((*to, append.entries.len(), append.round)),
        _ => None,
    });
    sent.collect()
}

#[test]
fn what_a_batch_proposes_is_one_record_and_one_message_to_each_peer() {
    let mut raft = leader_of_three();
    let mut out = Out::new();
    for value in 0..5 {
        raft.propose(Record::of(value)).expect("it leads");
    }
    raft.read(&mut out).expect("it leads");
    raft.read(&mut out).expect("it leads");
    assert_eq!(out, Out::new(), "all of it is put off");
    assert_eq!(
        (raft.written(), raft.log().last().index),
        (LogIndex(1), LogIndex(6))
    );
    raft.flush(&mut out);
    let [Write::Append { first, entries }] = writes(&out)[..] else {
        panic!("{out:?}");
    };
    assert_eq!((*first, entries.len()), (LogIndex(2), 5));
    // The round that both reads wait for goes with the entries.
    let expected = [NodeId(2), NodeId(3)].map(|peer| (peer, 5, Round(1)));
    assert_eq!(sent(&out), expected);
    assert!(
        matches!(out.as_slice()[0], Effect::Persist(_)),
        "first of all"
    );
    let mut again = Out::new();
    raft.flush(&mut again);
    assert_eq!(again, Out::new(), "nothing is left");
}

#[test]
fn what_is_not_written_is_neither_sent_nor_counted() {
    let mut raft = leader_of_three();
    let mut out = Out::new();
    raft.propose(Record::of(1)).expect("it leads");
    // Messages and timers of the same batch come before the flush.
    acknowledge(&mut raft, NodeId(2), 1, &mut out);
    raft.timeout(Timer::Heartbeat, &mut out);
    assert!(writes(&out).is_empty(), "{out:?}");
    assert!(sent(&out).iter().all(|(_, entries, _)| *entries == 0));
    assert_eq!(raft.commit(), LogIndex(1));
}

#[test]
fn a_leader_that_is_deposed_writes_what_it_put_off() {
    let mut raft = leader_of_three();
    let mut out = Out::new();
    raft.propose(Record::of(1)).expect("it leads");
    let newer = Message::RequestVoteReply(RequestVoteReply {
        term: Term(2),
        granted: false,
    });
    raft.receive(NodeId(3), newer, &mut out);
    assert!(!raft.role().is_leader());
    let [Write::Append { .. }, Write::HardState { .. }] = writes(&out)[..] else {
        panic!("{out:?}");
    };
    assert_eq!(raft.written(), raft.log().last().index);
}

/// Asks a node that is driven as a process, and hands back its answer and what it says unasked.
fn ask(
    raft: &mut Raft<Record>,
    operation: Operation<Record>,
) -> (Outcome<Record>, Vec<Outcome<Record>>) {
    let input = Input::Invoke {
        invocation: InvocationId(1),
        operation,
    };
    let mut out = Out::new();
    process::take(raft, input, &mut out);
    let (mut answers, mut told) = (Vec::new(), Vec::new());
    for effect in out {
        match effect {
            Effect::Return { outcome, .. } => answers.push(outcome),
            Effect::Tell(outcome) => told.push(outcome),
            _ => {}
        }
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    (answers.remove(0), told)
}

#[test]
fn raft_is_a_process_by_itself() {
    let setup = Setup {
        voters: Voters::first(1),
        config: Config::default(),
    };
    let mut out = Out::new();
    let mut raft: Raft<Record> = process::boot(NodeId(1), &setup, Durable::default(), &mut out);
    let (refused, told) = ask(&mut raft, Operation::Propose(Record::of(7)));
    assert_eq!(refused, Outcome::Proposed(Err(NotLeader { hint: None })));
    assert!(told.is_empty());
    process::take(&mut raft, Input::Timeout(Timer::Election), &mut out);

    let place = LogId::new(LogIndex(2), Term(1));
    let (proposed, told) = ask(&mut raft, Operation::Propose(Record::of(7)));
    assert_eq!(proposed, Outcome::Proposed(Ok(place)));
    let [Outcome::Event(Event::Apply { index, .. })] = &told[..] else {
        panic!("{told:?}");
    };
    assert_eq!(*index, place.index);
    let (read, told) = ask(&mut raft, Operation::Read);
    assert_eq!(read, Outcome::Reads(Ok(ReadId(0))));
    assert_eq!(told, [Outcome::Event(Event::ReadReady(ReadId(0)))]);
    let to = NodeId(1);
    let (transfer, _) = ask(&mut raft, Operation::TransferLeadership { to });
    assert_eq!(transfer, Outcome::Transfers(Err(TransferError::NotAPeer)));
    let snapshot = Operation::Compact {
        index: place.index,
        data: [7].as_slice().into(),
    };
    assert_eq!(ask(&mut raft, snapshot.clone()).0, Outcome::Compacted(true));
    assert_eq!(ask(&mut raft, snapshot).0, Outcome::Compacted(false));
    assert_eq!(raft.covered(), place.index);
}
