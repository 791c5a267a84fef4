//! Small histories: what an object would have answered, here and there spoilt.

use std::collections::BTreeMap;

use proptest::prelude::*;
use snowglobe_checkers::history::{ClientId, History, Moment, Operation};
use snowglobe_checkers::linearizability::Specification;

use crate::objects::{Input, Object, Output};

/// One operation before it has times and an answer.
#[derive(Clone, Debug)]
pub(crate) struct Plan<O: Object> {
    client: u32,
    /// How long the client rests before it.
    rest: u64,
    /// How long it takes.
    takes: u64,
    /// When in that time it happens.
    happens: u64,
    /// Among what happens in one moment, who goes first; even before what its client did before.
    turn: u8,
    input: Input<O>,
    fate: Fate<O>,
}

#[derive(Clone, Debug)]
enum Fate<O: Object> {
    Answered,
    /// Gives this answer, right or wrong.
    Spoilt(Output<O>),
    /// Happens, and is never answered.
    Lost,
    /// Never happens, and is never answered.
    Vanished,
}

pub(crate) fn plans<O: Object>(object: &O) -> impl Strategy<Value = Vec<Plan<O>>> + use<O> {
    let fate = prop_oneof![
        12 => Just(Fate::Answered),
        1 => object.output().prop_map(Fate::Spoilt),
        1 => Just(Fate::Lost),
        1 => Just(Fate::Vanished),
    ];
    let fine = (0..4u32, (0..3u64, 0..5u64, 0..5u64));
    // A clock so coarse that clients do several things in one moment.
    let coarse = (0..3u32, (0..2u64, 0..2u64, 0..2u64));
    let of = |when: BoxedStrategy<(u32, (u64, u64, u64))>| {
        prop::collection::vec(plan(object, when, fate.clone()), 1..9)
    };
    prop_oneof![2 => of(fine.boxed()), 1 => of(coarse.boxed())]
}

fn plan<O: Object, F: Strategy<Value = Fate<O>>>(
    object: &O,
    when: BoxedStrategy<(u32, (u64, u64, u64))>,
    fate: F,
) -> impl Strategy<Value = Plan<O>> + use<O, F> {
    let turn = prop_oneof![3 => Just(0u8), 1 => 0..3u8];
    (when, turn, object.input(), fate).prop_map(
        |((client, (rest, takes, happens)), turn, input, fate)| Plan {
            client,
            rest,
            takes,
            happens: happens.min(takes),
            turn,
            input,
            fate,
        },
    )
}

/// Lets the plans happen one by one, each at its own moment.
pub(crate) fn realize<O: Object>(object: &O, plans: &[Plan<O>]) -> History<Input<O>, Output<O>> {
    let mut free = BTreeMap::<u32, u64>::new();
    let mut names = BTreeMap::<u32, u32>::new();
    // By the moment at which they happen.
    let mut timed = Vec::new();
    for (place, plan) in plans.iter().enumerate() {
        let called = free.get(&plan.client).copied().unwrap_or(0) + plan.rest;
        free.insert(plan.client, called + plan.takes);
        // A client that gave up goes on under a new name.
        let life = names.entry(plan.client).or_insert(0);
        let client = ClientId(plan.client + 10 * *life);
        if matches!(plan.fate, Fate::Lost | Fate::Vanished) {
            *life += 1;
        }
        timed.push((called + plan.happens, place, called, client, plan));
    }
    timed.sort_by_key(|(at, place, .., plan)| (*at, plan.turn, *place));
    let specification = object.specification();
    let mut states = BTreeMap::<<O::Specification as Specification>::Key, _>::new();
    let mut operations = Vec::new();
    for (place, (_, planned, called, client, plan)) in timed.into_iter().enumerate() {
        let input = object.named(plan.input.clone(), place);
        let state = states
            .entry(specification.key(&input))
            .or_insert_with(|| specification.initial());
        let (next, output) = object.answer(state, &input);
        if !matches!(plan.fate, Fate::Vanished) {
            *state = next;
        }
        let returned = match &plan.fate {
            Fate::Answered => Some(output),
            Fate::Spoilt(output) => Some(output.clone()),
            Fate::Lost | Fate::Vanished => None,
        };
        operations.push((
            planned,
            Operation {
                client,
                called: Moment(called),
                input,
                returned: returned.map(|output| (Moment(called + plan.takes), output)),
            },
        ));
    }
    // What a client does in one moment stays in its order.
    operations.sort_by_key(|(planned, _)| *planned);
    let operations = operations
        .into_iter()
        .map(|(_, operation)| operation)
        .collect();
    History::new(operations).expect("each client does one thing at a time")
}
