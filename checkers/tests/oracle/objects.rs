//! Objects whose histories are judged twice.

use std::fmt::Debug;
use std::sync::Arc;

use proptest::prelude::*;
use snowglobe_checkers::linearizability::Specification;
use snowglobe_checkers::linearizability::specifications::{
    CasInput, CasOutput, CasRegister, KeyValue, Keyed, KeyedInput, Register, RegisterInput,
    RegisterOutput, TextInput, TextOutput,
};

pub(crate) type Input<O> = <<O as Object>::Specification as Specification>::Input;
pub(crate) type Output<O> = <<O as Object>::Specification as Specification>::Output;
pub(crate) type State<O> = <<O as Object>::Specification as Specification>::State;

/// An object that really answers, beside its specification.
pub(crate) trait Object: Debug + Clone {
    type Specification: Specification<Key: Send + Sync, Input: Sync, Output: Sync> + Sync;
    fn specification(&self) -> &Self::Specification;
    fn input(&self) -> BoxedStrategy<Input<Self>>;
    fn output(&self) -> BoxedStrategy<Output<Self>>;
    /// What it does and says.
    fn answer(&self, state: &State<Self>, input: &Input<Self>) -> (State<Self>, Output<Self>);
    /// The input of the operation with this number.
    fn named(&self, input: Input<Self>, _place: usize) -> Input<Self> {
        input
    }
}

fn keyed<I: Debug + Clone + 'static>(
    input: impl Strategy<Value = I> + 'static,
) -> BoxedStrategy<KeyedInput<u8, I>> {
    let key = prop_oneof![5 => Just(0u8), 1 => Just(1u8)];
    (key, input)
        .prop_map(|(key, input)| KeyedInput { key, input })
        .boxed()
}

#[derive(Clone, Debug)]
pub(crate) struct Registers {
    specification: Keyed<u8, Register<u8>>,
    unique: bool,
}

impl Registers {
    pub(crate) fn few_values() -> Self {
        Self {
            specification: Keyed::new(Register { initial: 0 }),
            unique: false,
        }
    }
    pub(crate) fn unique_values() -> Self {
        Self {
            unique: true,
            ..Self::few_values()
        }
    }
}

impl Object for Registers {
    type Specification = Keyed<u8, Register<u8>>;
    fn specification(&self) -> &Self::Specification {
        &self.specification
    }
    fn input(&self) -> BoxedStrategy<Input<Self>> {
        keyed(prop_oneof![
            Just(RegisterInput::Read),
            (0..3u8).prop_map(RegisterInput::Write)
        ])
    }
    fn output(&self) -> BoxedStrategy<Output<Self>> {
        prop_oneof![
            9 => (0..5u8).prop_map(RegisterOutput::Value),
            1 => Just(RegisterOutput::Written)
        ]
        .boxed()
    }
    fn answer(&self, state: &u8, input: &Input<Self>) -> (u8, Output<Self>) {
        match input.input {
            RegisterInput::Read => (*state, RegisterOutput::Value(*state)),
            RegisterInput::Write(value) => (value, RegisterOutput::Written),
        }
    }
    fn named(&self, mut input: Input<Self>, place: usize) -> Input<Self> {
        if let RegisterInput::Write(value) = &mut input.input
            && self.unique
        {
            *value = place as u8 + 1;
        }
        input
    }
}

#[derive(Clone, Debug)]
pub(crate) struct CasRegisters;

impl Object for CasRegisters {
    type Specification = Keyed<u8, CasRegister<u8>>;
    fn specification(&self) -> &Self::Specification {
        const { &Keyed::new(CasRegister { initial: 0 }) }
    }
    fn input(&self) -> BoxedStrategy<Input<Self>> {
        keyed(prop_oneof![
            Just(CasInput::Read),
            (0..3u8).prop_map(CasInput::Write),
            (0..3u8, 0..3u8).prop_map(|(from, to)| CasInput::Cas { from, to })
        ])
    }
    fn output(&self) -> BoxedStrategy<Output<Self>> {
        prop_oneof![
            3 => (0..4u8).prop_map(CasOutput::Value),
            1 => Just(CasOutput::Swapped),
            1 => Just(CasOutput::Kept),
            1 => Just(CasOutput::Written)
        ]
        .boxed()
    }
    fn answer(&self, state: &u8, input: &Input<Self>) -> (u8, Output<Self>) {
        match &input.input {
            CasInput::Read => (*state, CasOutput::Value(*state)),
            CasInput::Write(value) => (*value, CasOutput::Written),
            CasInput::Cas { from, to } if from == state => (*to, CasOutput::Swapped),
            CasInput::Cas { .. } => (*state, CasOutput::Kept),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Texts;

fn text() -> impl Strategy<Value = Arc<str>> {
    prop_oneof![Just("a"), Just("b"), Just("ab"), Just("")].prop_map(Arc::from)
}

impl Object for Texts {
    type Specification = KeyValue;
    fn specification(&self) -> &KeyValue {
        &KeyValue::EMPTY
    }
    fn input(&self) -> BoxedStrategy<Input<Self>> {
        let input = prop_oneof![
            4 => Just(TextInput::Get),
            1 => text().prop_map(TextInput::Put),
            4 => text().prop_map(TextInput::Append),
            1 => Just(TextInput::Delete),
            1 => (text(), text()).prop_map(|(from, to)| TextInput::Cas { from, to })
        ];
        let key = prop_oneof![5 => Just("x"), 1 => Just("y")].prop_map(Arc::from);
        (key, input)
            .prop_map(|(key, input)| KeyedInput { key, input })
            .boxed()
    }
    fn output(&self) -> BoxedStrategy<Output<Self>> {
        prop_oneof![
            6 => prop::collection::vec(text(), 0..3)
                .prop_map(|parts| TextOutput::Value(parts.concat().into())),
            1 => Just(TextOutput::Swapped),
            1 => Just(TextOutput::Kept),
            1 => Just(TextOutput::Done)
        ]
        .boxed()
    }
    fn answer(&self, state: &Arc<str>, input: &Input<Self>) -> (Arc<str>, Output<Self>) {
        match &input.input {
            TextInput::Get => (state.clone(), TextOutput::Value(state.clone())),
            TextInput::Put(text) => (text.clone(), TextOutput::Done),
            TextInput::Append(more) => (format!("{state}{more}").into(), TextOutput::Done),
            TextInput::Delete => (Arc::from(""), TextOutput::Done),
            TextInput::Cas { from, to } if from == state => (to.clone(), TextOutput::Swapped),
            TextInput::Cas { .. } => (state.clone(), TextOutput::Kept),
        }
    }
}

/// A stack whose specification claims nothing at all.
#[derive(Clone, Debug)]
pub(crate) struct Stacks;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum StackInput {
    Push(u8),
    Pop,
    Top,
}

impl Specification for Stacks {
    type State = Vec<u8>;
    type Input = StackInput;
    type Output = Option<u8>;
    type Key = ();
    type Next = Option<Vec<u8>>;
    fn initial(&self) -> Vec<u8> {
        Vec::new()
    }
    fn key(&self, _: &StackInput) {}
    fn step(
        &self,
        state: &Vec<u8>,
        input: &StackInput,
        output: Option<&Option<u8>>,
    ) -> Option<Vec<u8>> {
        let (next, right) = Object::answer(self, state, input);
        output.is_none_or(|output| *output == right).then_some(next)
    }
}

impl Object for Stacks {
    type Specification = Self;
    fn specification(&self) -> &Self {
        self
    }
    fn input(&self) -> BoxedStrategy<StackInput> {
        prop_oneof![
            3 => (0..3u8).prop_map(StackInput::Push),
            2 => Just(StackInput::Pop),
            1 => Just(StackInput::Top)
        ]
        .boxed()
    }
    fn output(&self) -> BoxedStrategy<Option<u8>> {
        prop::option::of(0..3u8).boxed()
    }
    fn answer(&self, state: &Vec<u8>, input: &StackInput) -> (Vec<u8>, Option<u8>) {
        let mut next = state.clone();
        match input {
            StackInput::Push(value) => {
                next.push(*value);
                (next, None)
            }
            StackInput::Pop => {
                let top = next.pop();
                (next, top)
            }
            StackInput::Top => (next, state.last().copied()),
        }
    }
}

/// A register whose writes may add one to what they were told.
#[derive(Clone, Debug)]
pub(crate) struct Sloppy;

impl Specification for Sloppy {
    type State = u8;
    type Input = RegisterInput<u8>;
    type Output = RegisterOutput<u8>;
    type Key = ();
    type Next = Vec<u8>;
    fn initial(&self) -> u8 {
        0
    }
    fn key(&self, _: &RegisterInput<u8>) {}
    fn step(
        &self,
        state: &u8,
        input: &RegisterInput<u8>,
        output: Option<&RegisterOutput<u8>>,
    ) -> Vec<u8> {
        match (input, output) {
            (RegisterInput::Write(value), None | Some(RegisterOutput::Written)) => {
                vec![*value, value + 1]
            }
            (RegisterInput::Read, None) => vec![*state],
            (RegisterInput::Read, Some(RegisterOutput::Value(seen))) if seen == state => {
                vec![*state]
            }
            _ => Vec::new(),
        }
    }
}

impl Object for Sloppy {
    type Specification = Self;
    fn specification(&self) -> &Self {
        self
    }
    fn input(&self) -> BoxedStrategy<RegisterInput<u8>> {
        prop_oneof![
            Just(RegisterInput::Read),
            (0..3u8).prop_map(RegisterInput::Write)
        ]
        .boxed()
    }
    fn output(&self) -> BoxedStrategy<RegisterOutput<u8>> {
        (0..4u8).prop_map(RegisterOutput::Value).boxed()
    }
    fn answer(&self, state: &u8, input: &RegisterInput<u8>) -> (u8, RegisterOutput<u8>) {
        match input {
            RegisterInput::Read => (*state, RegisterOutput::Value(*state)),
            RegisterInput::Write(value) => (value + (state % 2), RegisterOutput::Written),
        }
    }
}
