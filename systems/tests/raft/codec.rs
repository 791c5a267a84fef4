//! Every message and every record survives its encoding.

use snowglobe_systems::ledger::Record;
use snowglobe_systems::process::NodeId;
use snowglobe_systems::raft::{
    AppendEntries, AppendEntriesReply, AppendResult, Attempt, Conflict, Entry, InstallSnapshot,
    InstallSnapshotReply, LogIndex, Message, PreVote, PreVoteReply, Received, RequestVote,
    RequestVoteReply, Round, Snapshot, Term, TimeoutNow, Write,
};
use snowglobe_systems::replica::{Request, Sequence, SessionId};

use crate::story::{N1, entry, log_id, world};

type Payload = Request<Record>;

fn session_write() -> Entry<Payload> {
    Entry::command(
        Term(3),
        Request::SessionWrite {
            session: SessionId(LogIndex(5)),
            sequence: Sequence(2),
            command: Record {
                value: u64::MAX,
                padding: vec![0, 1, 255],
            },
        },
    )
}

fn messages() -> Vec<Message<Payload>> {
    let term = Term(3);
    let last = log_id(7, 2);
    let reply = |result| {
        Message::AppendEntriesReply(AppendEntriesReply {
            term,
            asked_in: Term(3),
            round: Round(9),
            result,
        })
    };
    let received = |received| {
        Message::InstallSnapshotReply(InstallSnapshotReply {
            term,
            asked_in: Term(3),
            last,
            received,
        })
    };
    vec![
        Message::PreVote(PreVote {
            term,
            last,
            attempt: Attempt(2),
        }),
        Message::PreVoteReply(PreVoteReply {
            term,
            asked_in: Term(2),
            attempt: Attempt(2),
            granted: true,
        }),
        Message::RequestVote(RequestVote {
            term,
            last,
            transfer: true,
        }),
        Message::RequestVoteReply(RequestVoteReply {
            term,
            granted: false,
        }),
        Message::AppendEntries(AppendEntries {
            term,
            previous: last,
            entries: vec![Entry::noop(term), entry(3, 1), session_write()],
            commit: LogIndex(6),
            round: Round(4),
        }),
        reply(AppendResult::Matched(LogIndex(7))),
        reply(AppendResult::StaleTerm),
        reply(AppendResult::Conflict {
            previous: LogIndex(7),
            found: Conflict::TooShort { last: LogIndex(3) },
        }),
        reply(AppendResult::Conflict {
            previous: LogIndex(7),
            found: Conflict::OtherTerm {
                term: Term(1),
                first: LogIndex(2),
            },
        }),
        Message::InstallSnapshot(InstallSnapshot {
            term,
            last,
            offset: 300,
            chunk: [1, 2, 3].as_slice().into(),
            done: true,
        }),
        received(Received::Bytes(300)),
        received(Received::All),
        Message::TimeoutNow(TimeoutNow { term }),
    ]
}

#[test]
fn messages_survive_their_encoding_and_name_themselves() {
    for message in messages() {
        let bytes = postcard::to_allocvec(&message).expect("encodes");
        let back: Message<Payload> = postcard::from_bytes(&bytes).expect("decodes");
        assert_eq!(back, message);
        assert!(format!("{message}").starts_with(message.name()));
        assert_eq!(message.term(), Term(3));
    }
}

#[test]
fn records_and_disks_survive_their_encoding() {
    let writes: Vec<Write<Payload>> = vec![
        Write::HardState {
            term: Term(1),
            vote: Some(NodeId(2)),
        },
        Write::Append {
            first: LogIndex(4),
            entries: vec![session_write(), Entry::noop(Term(3))],
        },
        Write::Snapshot {
            snapshot: Snapshot {
                last: log_id(9, 3),
                data: [9, 9].as_slice().into(),
            },
            base: log_id(7, 2),
        },
    ];
    for write in writes {
        let bytes = postcard::to_allocvec(&write).expect("encodes");
        let back: Write<Payload> = postcard::from_bytes(&bytes).expect("decodes");
        assert_eq!(back, write);
    }
    let mut world = world(1);
    world.elect(N1);
    world.write(N1, 3);
    let disk = world.durable(N1);
    let bytes = postcard::to_allocvec(disk).expect("encodes");
    assert_eq!(&postcard::from_bytes(&bytes), &Ok(disk.clone()));
}

#[test]
fn the_short_names_are_the_fields_own() {
    assert_eq!(format!("{} {:?}", Term(3), LogIndex(7)), "t3 i7");
    assert_eq!(format!("{}", log_id(7, 3)), "i7@t3");
    assert_eq!(format!("{}", SessionId(LogIndex(5))), "s5");
    let mut world = world(1);
    world.elect(N1);
    assert_eq!(format!("{}", world.node(N1)), "L t1 i1/1");
}

#[test]
fn sizes_are_close_to_the_encoding() {
    for entry in [Entry::noop(Term(3)), entry(3, 1), session_write()] {
        let bytes = postcard::to_allocvec(&entry).expect("encodes");
        let size = entry.size();
        assert!(
            bytes.len() <= size + 8 && size <= bytes.len() + 16,
            "{size}"
        );
    }
}
