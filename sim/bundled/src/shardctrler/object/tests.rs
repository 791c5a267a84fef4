//! The object does what the controller does, and nothing else is right.

use proptest::prelude::*;
use snowglobe_checkers::history::{ClientId, History, Moment, Operation};
use snowglobe_checkers::linearizability::{Budget, Options, check, claims_hold};
use snowglobe_systems::process::NodeId;
use snowglobe_systems::raft::LogIndex;
use snowglobe_systems::replica::StateMachine as _;
use snowglobe_systems::shardctrler::{Partitioner, Shard};

use super::*;

const CONTROL: ShardControl<'static> = ShardControl::BY_OPERATORS;

fn join(groups: &[u32]) -> Command {
    let servers = |group: &u32| (GroupId(*group), vec![NodeId(*group as u16)]);
    Command::Join {
        groups: groups.iter().map(servers).collect(),
    }
}

/// Groups some of which have a server in common.
fn join_sharing(groups: &[u32]) -> Command {
    let servers = |group: &u32| {
        let servers = [group % 4 + 1, *group];
        let servers = servers.map(|server| NodeId(server as u16));
        (GroupId(*group), servers.to_vec())
    };
    Command::Join {
        groups: groups.iter().map(servers).collect(),
    }
}

fn commands() -> impl Strategy<Value = Vec<Command>> {
    let some = || prop::collection::vec(1..6u32, 0..4);
    let leave = |groups: Vec<u32>| Command::Leave {
        groups: groups.into_iter().map(GroupId).collect(),
    };
    let shift = |(shard, to)| Command::Move {
        shard: Shard(shard),
        to: GroupId(to),
    };
    let nobody = [(GroupId(1), Vec::new())].into();
    let command = prop_oneof![
        4 => some().prop_map(|groups| join(&groups)),
        1 => some().prop_map(|groups| join_sharing(&groups)),
        3 => some().prop_map(leave),
        4 => (0..12u16, 1..6u32).prop_map(shift),
        1 => (0..14u16).prop_map(|shards| Command::Divide { shards, partitioner: [Partitioner::Hash, Partitioner::FirstByte][usize::from(shards % 2)] }),
        1 => Just(Command::Join { groups: nobody }),
    ];
    prop::collection::vec(command, 0..40)
}

proptest! {
    #[test]
    fn a_controller_is_such_an_object(commands in commands(), number in 0..50u64) {
        let mut controller = Controller::default();
        let mut past = CONTROL.initial();
        for command in commands {
            let told = Told::Done(controller.apply(LogIndex::ZERO, &command));
            let ask = Ask::Change(command);
            for told in [Some(&told), None] {
                prop_assert!(claims_hold(&CONTROL, &past, &ask, told));
            }
            let next = CONTROL.step(&past, &ask, Some(&told));
            prop_assert_eq!(&next, &CONTROL.step(&past, &ask, None));
            past = next.expect("it is the right answer");
            let query = Query::of(Number(number));
            let (shown, ask) = (Told::Shown(controller.query(&query)), Ask::Look(query));
            prop_assert!(claims_hold(&CONTROL, &past, &ask, Some(&shown)));
            prop_assert!(claims_hold(&CONTROL, &past, &ask, None));
            prop_assert_eq!(&CONTROL.step(&past, &ask, Some(&shown)), &Some(past.clone()));
        }
    }
}

fn after(commands: &[Command]) -> Past {
    commands
        .iter()
        .fold(Past::first(), |past, command| past.after(command).1)
}

#[test]
fn a_wrong_answer_leads_nowhere() {
    let past = after(&[join(&[1]), join(&[2])]);
    let step = |ask: &Ask, told: Told| CONTROL.step(&past, ask, Some(&told));
    let newest = Told::Shown(past.newest().clone());
    let first = Ask::Look(Query::of(Number(1)));
    assert_eq!(
        step(&first, newest.clone()),
        None,
        "the newest for the first"
    );
    assert!(step(&Ask::Look(Query::NEWEST), newest.clone()).is_some());
    let again = Ask::Change(join(&[1]));
    let done = |response| Told::Done(response);
    assert_eq!(step(&again, done(Response::Changed(Number(3)))), None);
    assert_eq!(step(&again, done(Response::Unchanged(Number(1)))), None);
    assert!(step(&again, done(Response::Unchanged(Number(2)))).is_some());
    assert_eq!(step(&again, newest), None, "the answer to another question");
}

#[test]
fn states_differ_by_their_past() {
    let leave = |group| Command::Leave {
        groups: [GroupId(group)].into(),
    };
    let one = after(&[join(&[1]), join(&[2]), leave(1)]);
    let other = after(&[join(&[2]), join(&[1]), leave(1)]);
    assert_eq!(one.newest(), other.newest());
    assert_ne!(one, other);
    assert_eq!(one, after(&[join(&[1]), join(&[2]), leave(1)]));
}

#[test]
fn a_long_past_is_let_go() {
    let mut past = Past::first();
    for number in 0..200_000 {
        past = past.after(&join(&[number % 7 + 1, 9])).1;
        past = past
            .after(&Command::Leave {
                groups: [GroupId(number % 7 + 1)].into(),
            })
            .1;
    }
    assert_eq!(past.newest().number, Number(400_000));
    drop(past);
}

#[test]
fn operations_are_told_in_words() {
    let words = |ask: &Ask, told: Option<&Told>| CONTROL.describe_operation(ask, told);
    let ask = Ask::Change(join(&[1, 2]));
    let done = Told::Done(Response::Changed(Number(4)));
    assert_eq!(words(&ask, Some(&done)), "join(g1, g2) -> v4");
    assert_eq!(words(&ask, None), "join(g1, g2)");
    let shown = Told::Shown(Configuration::first(2));
    let ask = Ask::Look(Query::of(Number(0)));
    assert_eq!(words(&ask, Some(&shown)), "query(v0) -> v0");
}

/// The same object, whose judge looks into every past.
struct Plain;

impl Specification for Plain {
    type State = Past;
    type Input = Ask;
    type Output = Told;
    type Key = ();
    type Next = Option<Past>;

    fn initial(&self) -> Past {
        CONTROL.initial()
    }
    fn key(&self, _: &Ask) {}
    fn step(&self, past: &Past, ask: &Ask, told: Option<&Told>) -> Option<Past> {
        CONTROL.step(past, ask, told)
    }
}

/// An operation of a history: what is asked, how long before and after it
/// happens it is called and answered, and what becomes of its answer.
type Played = (Ask, u64, u64, Fate);

#[derive(Clone, Copy, Debug)]
enum Fate {
    Told,
    /// Nobody knows what became of it, and it happened.
    Done,
    /// The same, and it did not.
    Lost,
    /// The answer is another one's.
    Swapped,
}

fn played() -> impl Strategy<Value = Vec<Played>> {
    let asks = prop_oneof![
        2 => (1..4u32).prop_map(|group| Ask::Change(join(&[group]))),
        1 => (1..4u32).prop_map(|group| Ask::Change(Command::Leave {
            groups: [GroupId(group)].into(),
        })),
        1 => (0..10u16, 1..4u32).prop_map(|(shard, to)| Ask::Change(Command::Move {
            shard: Shard(shard),
            to: GroupId(to),
        })),
        1 => Just(Ask::Look(Query::NEWEST)),
        1 => (0..6u64).prop_map(|number| Ask::Look(Query::of(Number(number)))),
    ];
    let fate = prop_oneof![
        12 => Just(Fate::Told),
        2 => Just(Fate::Done),
        2 => Just(Fate::Lost),
        1 => Just(Fate::Swapped),
    ];
    prop::collection::vec((asks, 0..40u64, 0..40u64, fate), 0..14)
}

/// Plays operations one after the other, each a client's only one. With what the controller
/// has made.
fn history(played: &[Played]) -> (History<Ask, Told>, Vec<Configuration>) {
    let mut controller = Controller::default();
    let mut last = Told::Done(Response::Unchanged(Number(0)));
    let operations = played
        .iter()
        .zip(0u32..)
        .map(|((ask, before, after, fate), place)| {
            let happens = 100 + u64::from(place) * 10;
            let told = match (ask, fate) {
                (_, Fate::Lost) => None,
                (Ask::Look(query), _) => Some(Told::Shown(controller.query(query))),
                (Ask::Change(command), _) => {
                    Some(Told::Done(controller.apply(LogIndex::ZERO, command)))
                }
            };
            let told = match (told, fate) {
                (Some(told), Fate::Told) => {
                    last = told.clone();
                    Some(told)
                }
                (Some(_), Fate::Swapped) => Some(last.clone()),
                _ => None,
            };
            Operation {
                client: ClientId(place),
                called: Moment(happens - before),
                input: ask.clone(),
                returned: told.map(|told| (Moment(happens + after + 1), told)),
            }
        });
    let mut operations: Vec<_> = operations.collect();
    operations.sort_by_key(|operation| operation.called);
    let newest = controller.newest().number.0;
    let made = (0..=newest).map(|number| controller.query(&Query::of(Number(number))));
    let history = History::new(operations).expect("each client calls once");
    (history, made.collect())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn pasts_that_are_left_out_could_not_have_been(played in played()) {
        let (history, made) = history(&played);
        let options = Options::default();
        let verdict = check(&CONTROL, &history, &options);
        let plain = check(&Plain, &history, &options);
        prop_assert_eq!(verdict.is_linearizable(), plain.is_linearizable());
        prop_assert_eq!(verdict.is_illegal(), plain.is_illegal());
        let honest = played.iter().all(|(_, _, _, fate)| !matches!(fate, Fate::Swapped));
        prop_assert!(!honest || verdict.is_linearizable());
        let explained = check(&ShardControl { made: &made }, &history, &options);
        prop_assert!(!honest || explained.is_linearizable());
        prop_assert!(!explained.is_linearizable() || plain.is_linearizable());
    }
}

const LOST: u32 = 100;

/// After a hundred crashes of clerks as many changes may have happened at any time, and some did.
/// What each would have led to after each change that was answered would fill the memory.
#[test]
fn changes_that_nobody_was_told_of_cost_little_where_others_made_the_numbers() {
    let called = |client, at, command: &Command| Operation {
        client: ClientId(client),
        called: Moment(at),
        input: Ask::Change(command.clone()),
        returned: None,
    };
    let lost: Vec<Command> = (0..LOST).map(|client| join(&[100 + client])).collect();
    let mut operations: Vec<_> = (0..)
        .zip(&lost)
        .map(|(client, command)| called(client, u64::from(client), command))
        .collect();
    let mut controller = Controller::default();
    for number in 0..1500_u64 {
        let at = 1000 + 10 * number;
        let answered = |input, told| Operation {
            client: ClientId(1000),
            called: Moment(at),
            input,
            returned: Some((Moment(at + 5), told)),
        };
        operations.push(match number % 15 {
            7 => {
                controller.apply(LogIndex::ZERO, &lost[number as usize / 15]);
                let query = Query::NEWEST;
                let shown = Told::Shown(controller.query(&query));
                answered(Ask::Look(query), shown)
            }
            _ => {
                let command = match number % 2 {
                    0 => Command::Leave {
                        groups: [GroupId(number as u32 % 7 + 1)].into(),
                    },
                    _ => join(&[number as u32 % 7 + 1]),
                };
                let told = Told::Done(controller.apply(LogIndex::ZERO, &command));
                answered(Ask::Change(command), told)
            }
        });
    }
    let history = History::new(operations).expect("each client has one call at a time");
    let options = Options {
        budget: Budget {
            bytes: 48 << 20,
            ..Budget::DEFAULT
        },
        ..Options::default()
    };
    assert!(check(&CONTROL, &history, &options).is_linearizable());
}
