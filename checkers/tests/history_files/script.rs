//! Histories to be found in files: made up as clients would make them, and
//! followed by a reader that is too simple to be wrong.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use snowglobe_checkers::history::{ClientId, Event, Happening, History, Moment, Operation, Value};
use snowglobe_checkers::linearizability::specifications::{
    CasInput, CasOutput, KeyedInput, TextInput, TextOutput,
};

/// An operation of the store.
pub(crate) type StoreInput = KeyedInput<Arc<str>, TextInput>;
/// An operation of the register.
pub(crate) type RegisterInput = CasInput<Value>;
/// An answer of the register.
pub(crate) type RegisterOutput = CasOutput<Value>;

/// How an operation ends.
#[derive(Clone, Debug)]
pub(crate) enum Ending<O> {
    Answered(O),
    Failed,
    Lost,
    /// It does not.
    Open,
}

/// What a client does when its turn comes: it begins an operation, or ends the
/// one that it began.
#[derive(Clone, Debug)]
pub(crate) struct Turn<I, O> {
    client: u32,
    /// How much time has passed.
    passed: u64,
    input: I,
    ending: Ending<O>,
}

/// The events of some turns, in the order of time.
pub(crate) fn events<I: Clone, O: Clone>(turns: &[Turn<I, O>]) -> Vec<Event<I, O>> {
    let mut open = BTreeMap::<u32, Ending<O>>::new();
    let mut events = Vec::new();
    let mut now = 0;
    for turn in turns {
        now += turn.passed;
        let what = match open.remove(&turn.client) {
            None => {
                open.insert(turn.client, turn.ending.clone());
                Happening::Invoke(turn.input.clone())
            }
            Some(Ending::Answered(output)) => Happening::Answer(output),
            Some(Ending::Failed) => Happening::Failed,
            Some(Ending::Lost) => Happening::Lost,
            Some(Ending::Open) => {
                open.insert(turn.client, Ending::Open);
                continue;
            }
        };
        events.push(Event {
            client: ClientId(turn.client),
            at: Moment(now),
            what,
        });
    }
    events
}

/// The same events, one at each moment from 1.
pub(crate) fn one_at_a_time<I, O>(events: Vec<Event<I, O>>) -> Vec<Event<I, O>> {
    let at = (1..).map(Moment);
    let timed = events.into_iter().zip(at);
    timed.map(|(event, at)| Event { at, ..event }).collect()
}

/// The history of some events, in which all goes as it should.
pub(crate) fn followed<I: Clone, O: Clone>(events: &[Event<I, O>]) -> History<I, O> {
    let highest = events.iter().map(|event| event.client.0).max();
    let mut operations: Vec<Operation<I, O>> = Vec::new();
    let mut failed = Vec::new();
    let mut fresh = highest.unwrap_or(0);
    let mut names = BTreeMap::<ClientId, ClientId>::new();
    for event in events {
        let client = *names.entry(event.client).or_insert(event.client);
        let last = operations
            .iter()
            .rposition(|operation| operation.client == client);
        match (&event.what, last) {
            (Happening::Invoke(input), _) => operations.push(Operation {
                client,
                called: event.at,
                input: input.clone(),
                returned: None,
            }),
            (Happening::Answer(output), Some(last)) => {
                operations[last].returned = Some((event.at, output.clone()));
            }
            (Happening::Failed, Some(last)) => failed.push(last),
            (Happening::Lost, Some(_)) => {
                fresh += 1;
                names.insert(event.client, ClientId(fresh));
            }
            (_, None) => panic!("a client that has not called has no answer"),
        }
    }
    let happened = (0..operations.len()).filter(|place| !failed.contains(place));
    let operations = happened.map(|place| operations[place].clone()).collect();
    History::new(operations).expect("each client does one thing at a time")
}

fn turns<I, O>(
    operation: impl Strategy<Value = (I, Ending<O>)>,
) -> impl Strategy<Value = Vec<Turn<I, O>>>
where
    I: std::fmt::Debug,
    O: std::fmt::Debug,
{
    let turn = (0_u32..4, 0_u64..3, operation).prop_map(|(client, passed, (input, ending))| Turn {
        client,
        passed,
        input,
        ending,
    });
    vec(turn, 0..40)
}

/// Mostly answered.
fn ending<O: Clone + std::fmt::Debug + 'static>(
    output: impl Strategy<Value = O> + 'static,
) -> impl Strategy<Value = Ending<O>> {
    prop_oneof![
        8 => output.prop_map(Ending::Answered),
        2 => Just(Ending::Failed),
        2 => Just(Ending::Lost),
        1 => Just(Ending::Open),
    ]
}

/// Texts that tempt a reader to stumble.
fn text() -> impl Strategy<Value = Arc<str>> + Clone {
    let some = [
        "",
        "x",
        "x 0 1 y",
        "\"",
        "\\",
        "\n\t\r",
        "ö€\u{1f600}",
        ":get",
        "#_",
        "}",
        "nil",
    ];
    select(some.to_vec()).prop_map(Arc::from)
}

/// Of a store with all its operations: what JSON can say.
pub(crate) fn of_a_store() -> impl Strategy<Value = Vec<Turn<StoreInput, TextOutput>>> {
    let input = prop_oneof![
        Just(TextInput::Get),
        text().prop_map(TextInput::Put),
        text().prop_map(TextInput::Append),
        Just(TextInput::Delete),
        (text(), text()).prop_map(|(from, to)| TextInput::Cas { from, to }),
    ];
    let output = prop_oneof![
        text().prop_map(TextOutput::Value),
        Just(TextOutput::Done),
        Just(TextOutput::Swapped),
        Just(TextOutput::Kept),
    ];
    let input = (text(), input).prop_map(|(key, input)| KeyedInput { key, input });
    turns((input, ending(output)))
}

/// Of a store as its log has it: answers belong to their questions.
pub(crate) fn of_a_logged_store() -> impl Strategy<Value = Vec<Turn<StoreInput, TextOutput>>> {
    let operation = prop_oneof![
        (
            Just(TextInput::Get),
            ending(text().prop_map(TextOutput::Value))
        ),
        (
            text().prop_map(TextInput::Put),
            ending(Just(TextOutput::Done))
        ),
        (
            text().prop_map(TextInput::Append),
            ending(Just(TextOutput::Done))
        ),
    ];
    let operation =
        (text(), operation).prop_map(|(key, (input, ending))| (KeyedInput { key, input }, ending));
    turns(operation)
}

/// Of a register as its log has it.
pub(crate) fn of_a_register() -> impl Strategy<Value = Vec<Turn<RegisterInput, RegisterOutput>>> {
    let number = || any::<i64>().prop_map(Value::Number);
    let held = || prop_oneof![1 => Just(Value::Nothing), 3 => number()];
    let swap = (held(), number()).prop_map(|(from, to)| CasInput::Cas { from, to });
    // A swap that failed is answered.
    let swapped = prop_oneof![
        Just(Ending::Answered(CasOutput::Swapped)),
        Just(Ending::Answered(CasOutput::Kept)),
        Just(Ending::Lost),
    ];
    let seen = held().prop_map(CasOutput::Value);
    turns(prop_oneof![
        (Just(CasInput::Read), ending(seen)),
        (
            number().prop_map(CasInput::Write),
            ending(Just(CasOutput::Written))
        ),
        (swap, swapped),
    ])
}
