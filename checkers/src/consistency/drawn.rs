//! Small random histories, for tests.

use std::fmt::Debug;

use proptest::collection::vec;
use proptest::prelude::*;

use crate::history::{ClientId, History, Moment, Operation};
use crate::linearizability::specifications::KeyedInput;

/// A client, a key, a question, its answer, and whether the answer came.
pub(super) type Drawn<Input, Output> = (u32, u8, Input, Output, bool);

/// Up to six operations of three clients on two keys; some have no answer.
pub(super) fn operations<I: Debug, O: Debug>(
    asked: impl Strategy<Value = (I, O)>,
) -> impl Strategy<Value = Vec<Drawn<I, O>>> {
    let one = (0u32..3, 0u8..2, asked, prop::bool::weighted(0.85)).prop_map(
        |(client, key, (input, output), answered)| (client, key, input, output, answered),
    );
    vec(one, 0..=6)
}

/// One call after the other; a client without an answer calls no more.
pub(super) fn history<K, Input, Output>(
    drawn: Vec<Drawn<Input, Output>>,
    key: impl Fn(u8) -> K,
) -> History<KeyedInput<K, Input>, Output> {
    let mut gone = Vec::new();
    let mut operations = Vec::new();
    for (at, (client, place, input, output, answered)) in (0..).step_by(2).zip(drawn) {
        if gone.contains(&client) {
            continue;
        }
        if !answered {
            gone.push(client);
        }
        operations.push(Operation {
            client: ClientId(client),
            called: Moment(at),
            input: KeyedInput {
                key: key(place),
                input,
            },
            returned: answered.then_some((Moment(at + 1), output)),
        });
    }
    History::new(operations).expect("one at a time")
}
