//! A queue: `:enqueue`, `:dequeue` and `:drain`.

use std::io::BufRead;

use super::super::edn::{Form, Placed};
use super::super::malformed::Flaw;
use super::super::value::Value;
use super::super::{ClientId, History, Operation};
use super::reading::{self, Workload};
use super::told::Told;
use super::values::{flaw, form, listed, must_repeat, value};
use super::{KeyIn, Layout, Log};
use crate::linearizability::specifications::{KeyedInput, QueueInput, QueueOutput};

/// A queue of any values, empty at first.
struct Queue;

/// What a log calls: more than a queue knows.
#[derive(Clone, Debug)]
enum Call {
    Enqueue(Value),
    Dequeue,
    /// As many dequeues as it takes.
    Drain,
}

enum Answer {
    One(QueueOutput<Value>),
    /// What a drain took, in this order.
    Drained(Vec<Value>),
}

const LOST_DRAIN: &str = "a :drain without an answer may have taken any number of values, so that \
                          nobody can judge what is left: take this call out, or record each value \
                          that it took";

/// Reads the log of a queue. A drain that took three values is three dequeues of the same client,
/// of which nobody knows when in the drain's time they happened: they count as three clients'.
///
/// # Errors
/// When the bytes cannot be read, or are not such a log.
pub fn read(
    layout: Layout,
    key_in: KeyIn,
    from: impl BufRead,
) -> Log<QueueInput<Value>, QueueOutput<Value>> {
    let (history, tally) = reading::read(&Queue, layout, key_in, from)?;
    let is_open =
        |call: &&Called| matches!(call.input.input, Call::Drain) && call.returned.is_none();
    if let Some(drain) = history.operations.iter().find(is_open) {
        return Err(Flaw::of_line(LOST_DRAIN).on(drain.called.0).into());
    }
    let highest = (history.operations.iter()).map(|operation| operation.client.0);
    let mut fresh = highest.max().map_or(0, |highest| highest + 1);
    let mut operations = Vec::with_capacity(history.len());
    for operation in history.operations {
        take_apart(operation, &mut fresh, &mut operations);
    }
    let history = History::new(operations);
    let history = history.map_err(|error| Flaw::of_line(error.to_string()).on(1))?;
    Ok((history, tally))
}

type Called = Operation<KeyedInput<std::sync::Arc<str>, Call>, Answer>;
type Taken = Operation<KeyedInput<std::sync::Arc<str>, QueueInput<Value>>, QueueOutput<Value>>;

fn take_apart(operation: Called, fresh: &mut u32, into: &mut Vec<Taken>) {
    let Operation {
        client,
        called,
        input: KeyedInput { key, input },
        returned,
    } = operation;
    let taken = |client, input, returned| Operation {
        client,
        called,
        input: KeyedInput {
            key: key.clone(),
            input,
        },
        returned,
    };
    match (input, returned) {
        (Call::Drain, Some((at, Answer::Drained(values)))) => {
            for value in values {
                let output = Some((at, QueueOutput::Value(value)));
                into.push(taken(ClientId(*fresh), QueueInput::Dequeue, output));
                *fresh += 1;
            }
        }
        // One without an answer was refused.
        (Call::Drain, _) => {}
        (Call::Enqueue(value), returned) => {
            into.push(taken(client, QueueInput::Enqueue(value), one(returned)));
        }
        (Call::Dequeue, returned) => into.push(taken(client, QueueInput::Dequeue, one(returned))),
    }
}

fn one<At>(returned: Option<(At, Answer)>) -> Option<(At, QueueOutput<Value>)> {
    returned.and_then(|(at, answer)| match answer {
        Answer::One(output) => Some((at, output)),
        Answer::Drained(_) => None,
    })
}

impl Workload for Queue {
    type Input = Call;
    type Output = Answer;

    fn call(&self, told: &Told<'_>, placed: Option<&Placed<'_>>) -> Result<Call, Flaw> {
        match told.function {
            "enqueue" => match placed {
                Some(placed) => Ok(Call::Enqueue(value(&placed.form))),
                None => Err(told.flaw_of_function("this event has no :value")),
            },
            "dequeue" => Ok(Call::Dequeue),
            "drain" => Ok(Call::Drain),
            _ => Err(told.flaw_of_function("a queue knows :enqueue, :dequeue and :drain")),
        }
    }

    fn is_of(&self, call: &Call, function: &str) -> bool {
        let name = match call {
            Call::Enqueue(_) => "enqueue",
            Call::Dequeue => "dequeue",
            Call::Drain => "drain",
        };
        name == function
    }

    fn answer(
        &self,
        told: &Told<'_>,
        placed: Option<&Placed<'_>>,
        call: &Call,
    ) -> Result<Answer, Flaw> {
        match call {
            Call::Enqueue(called) => {
                must_repeat(told, placed, value(form(placed)) == *called)?;
                Ok(Answer::One(QueueOutput::Done))
            }
            Call::Dequeue => Ok(Answer::One(match form(placed) {
                Form::Nil => QueueOutput::Empty,
                form => QueueOutput::Value(value(form)),
            })),
            Call::Drain => match form(placed) {
                Form::Set(_) => Err(flaw(told, placed, "what a :drain took has an order")),
                _ => listed(told, placed).map(Answer::Drained),
            },
        }
    }

    fn lost(&self, told: &Told<'_>, call: &Call) -> Result<(), Flaw> {
        match call {
            Call::Drain => Err(told.flaw_of_function(LOST_DRAIN)),
            Call::Enqueue(_) | Call::Dequeue => Ok(()),
        }
    }
}
