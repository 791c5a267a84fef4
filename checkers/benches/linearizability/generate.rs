//! Histories of any size, drawn from a seed: what a right object would have answered.

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use snowglobe_checkers::history::{ClientId, History, Moment, Operation};
use snowglobe_checkers::linearizability::specifications::{
    KeyedInput, RegisterInput, RegisterOutput, TextInput, TextOutput,
};

pub(crate) type Registers = History<KeyedInput<u32, RegisterInput<u32>>, RegisterOutput<u32>>;
pub(crate) type Texts = History<KeyedInput<Arc<str>, TextInput>, TextOutput>;

/// How long and how wide a history is.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) operations: u32,
    pub(crate) keys: u32,
    pub(crate) clients: u32,
    /// Of these many operations one is never answered; 0 for none.
    pub(crate) one_pending_in: u32,
}

/// A call before it is known what it answers.
struct Call {
    client: u32,
    called: u64,
    happens: u64,
    returns: Option<u64>,
}

fn below(random: &mut ChaCha8Rng, bound: u64) -> u64 {
    random.next_u64() % bound
}

/// Calls of clients that each do one thing at a time, by the moment at which they happen.
fn calls(shape: Shape, random: &mut ChaCha8Rng) -> Vec<Call> {
    let mut free = vec![0u64; shape.clients as usize];
    let mut name: Vec<u32> = (0..shape.clients).collect();
    let mut calls: Vec<Call> = (0..shape.operations)
        .map(|place| {
            let client = (place % shape.clients) as usize;
            let called = free[client] + 1 + below(random, 20);
            let takes = 10 + below(random, 1000);
            free[client] = called + takes;
            let pending =
                shape.one_pending_in > 0 && below(random, u64::from(shape.one_pending_in)) == 0;
            let call = Call {
                client: name[client],
                called,
                happens: called + below(random, takes),
                returns: (!pending).then_some(called + takes),
            };
            if pending {
                name[client] += shape.clients;
            }
            call
        })
        .collect();
    calls.sort_by_key(|call| call.happens);
    calls
}

fn operation<I, O>(call: &Call, input: I, output: O) -> Operation<I, O> {
    Operation {
        client: ClientId(call.client),
        called: Moment(call.called),
        input,
        returned: call.returns.map(|at| (Moment(at), output)),
    }
}

/// Puts and gets of numbers; `values` of them, or as many as there are puts.
pub(crate) fn registers(shape: Shape, values: Option<u32>, seed: u64) -> Registers {
    let random = &mut ChaCha8Rng::seed_from_u64(seed);
    let mut held = vec![0; shape.keys as usize];
    let mut next = 0;
    let operations = calls(shape, random)
        .iter()
        .map(|call| {
            let key = below(random, u64::from(shape.keys)) as u32;
            let held = &mut held[key as usize];
            let (input, output) = if below(random, 2) == 0 {
                next += 1;
                *held = match values {
                    Some(values) => 1 + below(random, u64::from(values)) as u32,
                    None => next,
                };
                (RegisterInput::Write(*held), RegisterOutput::Written)
            } else {
                (RegisterInput::Read, RegisterOutput::Value(*held))
            };
            operation(call, KeyedInput { key, input }, output)
        })
        .collect();
    History::new(operations).expect("each client does one thing at a time")
}

/// Gets and appends in equal parts, and one put in eighteen.
pub(crate) fn texts(shape: Shape, seed: u64) -> Texts {
    let random = &mut ChaCha8Rng::seed_from_u64(seed);
    let keys: Vec<Arc<str>> = (0..shape.keys).map(|key| key.to_string().into()).collect();
    let mut held = vec![String::new(); shape.keys as usize];
    let operations = calls(shape, random)
        .iter()
        .enumerate()
        .map(|(place, call)| {
            let key = below(random, u64::from(shape.keys)) as usize;
            let token = format!("x {} {place} y", call.client);
            let held = &mut held[key];
            let (input, output) = match below(random, 18) {
                0 => {
                    *held = token.clone();
                    (TextInput::Put(token.into()), TextOutput::Done)
                }
                1..9 => {
                    held.push_str(&token);
                    (TextInput::Append(token.into()), TextOutput::Done)
                }
                _ => (TextInput::Get, TextOutput::Value(held.as_str().into())),
            };
            let key = keys[key].clone();
            operation(call, KeyedInput { key, input }, output)
        })
        .collect();
    History::new(operations).expect("each client does one thing at a time")
}

/// Adds operations that come one after another when everything else is over.
pub(crate) fn then<I: Clone, O: Clone>(
    history: &History<I, O>,
    last: impl IntoIterator<Item = (I, O)>,
) -> History<I, O> {
    let mut operations = history.operations().to_vec();
    let ends = operations.iter().filter_map(Operation::returned_at).max();
    let mut now = ends.map_or(0, |at| at.0);
    for (input, output) in last {
        operations.push(Operation {
            client: ClientId(u32::MAX),
            called: Moment(now + 1),
            input,
            returned: Some((Moment(now + 2), output)),
        });
        now += 3;
    }
    History::new(operations).expect("each client does one thing at a time")
}

/// Changes the answer of the last read of a history that is not the last operation of all.
pub(crate) fn spoil_last_read(history: &Registers, seen: u32) -> Registers {
    let mut operations = history.operations().to_vec();
    let last = operations
        .iter_mut()
        .rev()
        .filter(|operation| matches!(operation.input.input, RegisterInput::Read))
        .find_map(|operation| operation.returned.as_mut());
    if let Some((_, output)) = last {
        *output = RegisterOutput::Value(seen);
    }
    History::new(operations).expect("as before")
}
