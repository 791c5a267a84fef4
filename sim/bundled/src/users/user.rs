//! One user: what it writes, what it likes to call, and what it remembers.

use std::collections::VecDeque;
use std::sync::Arc;

use snowglobe_checkers::history::ClientId;
use snowglobe_checkers::linearizability::specifications::{TextInput, TextOutput};
use snowglobe_systems::process::{InvocationId, NodeId};
use snowglobe_systems::vec_map::VecMap;

use super::chain::Chain;
use super::{Errand, Habits};
use snowglobe::draw::Draw;
use snowglobe::time::SimTime;
use snowglobe::world::Incarnation;

/// A call that is not answered.
#[derive(Clone, Debug)]
pub(super) struct Busy {
    pub(super) invocation: InvocationId,
    pub(super) key: Arc<str>,
    pub(super) input: TextInput,
    /// Whether it was an order.
    pub(super) ordered: bool,
    /// The life of the clerk that took it: another one knows nothing of it.
    pub(super) life: Incarnation,
    /// When it was called.
    pub(super) since: SimTime,
}

#[derive(Clone, Debug)]
pub(super) struct User {
    /// Its place among all users.
    number: usize,
    pub(super) draw: Draw,
    pub(super) clerk: NodeId,
    /// Its name in the history, for as long as its calls are answered.
    pub(super) name: ClientId,
    pub(super) own: Arc<str>,
    /// Numbers its values.
    written: u64,
    /// What it last saw of each key, for its compare-and-swaps.
    pub(super) seen: VecMap<Arc<str>, Arc<str>>,
    pub(super) chain: Chain,
    /// What it must call next; a call whose answer does not come is made again.
    pub(super) orders: VecDeque<(Arc<str>, TextInput)>,
    pub(super) busy: Option<Busy>,
    pub(super) errand: Errand,
    /// Tells the alarm that counts from those that were overtaken.
    pub(super) alarm: u32,
}

impl User {
    pub(super) fn new(
        number: usize,
        clerk: NodeId,
        name: ClientId,
        draw: Draw,
        errand: Errand,
    ) -> Self {
        Self {
            number,
            draw,
            clerk,
            name,
            own: format!("own{number}").into(),
            written: 0,
            seen: VecMap::new(),
            chain: Chain::default(),
            orders: VecDeque::new(),
            busy: None,
            errand,
            alarm: 0,
        }
    }

    /// A value that nobody else ever writes: it names its user and its number,
    /// so that a lost or repeated append is visible at a glance.
    fn value(&mut self, habits: &Habits) -> Arc<str> {
        self.written += 1;
        let padding = "x".repeat(habits.value_bytes);
        format!("u{}.{}{padding} ", self.number, self.written).into()
    }

    pub(super) fn append(&mut self, habits: &Habits) -> TextInput {
        TextInput::Append(self.value(habits))
    }

    /// What it likes to call.
    pub(super) fn whim(&mut self, habits: &Habits, shared: &[Arc<str>]) -> (Arc<str>, TextInput) {
        let only_reads = self.number < usize::from(habits.readers);
        let own = self.draw.below(100) < u64::from(habits.own_in_100) && !only_reads;
        let hot = self.draw.below(100) < u64::from(habits.hot_in_100);
        let any = self.draw.index(shared.len());
        let get = self.draw.below(100) < u64::from(habits.gets_in_100) || only_reads;
        let kind = *self.draw.weighted(&[(4, 0), (3, 1), (2, 2), (1, 3)]);
        if own {
            let input = match get {
                true => TextInput::Get,
                false => self.append(habits),
            };
            return (self.own.clone(), input);
        }
        let key = shared[if hot { 0 } else { any }].clone();
        let input = match (get, kind) {
            (true, _) => TextInput::Get,
            (false, 0) => self.append(habits),
            (false, 1) => TextInput::Put(self.value(habits)),
            (false, 2) => {
                let from = self.seen.get(&key).cloned().unwrap_or_default();
                let for_same = self.draw.below(100) < u64::from(habits.swaps_same_in_100);
                let to = match for_same {
                    true => from.clone(),
                    false => self.value(habits),
                };
                TextInput::Cas { from, to }
            }
            (false, _) => TextInput::Delete,
        };
        (key, input)
    }

    /// Its call is done.
    pub(super) fn learn(&mut self, output: TextOutput) {
        let Some(busy) = self.busy.take() else {
            return;
        };
        if busy.ordered {
            self.orders.pop_front();
        }
        match (output, busy.input) {
            (TextOutput::Value(value), _) => {
                self.seen.insert(busy.key, value);
            }
            (_, TextInput::Append(value)) if busy.key == self.own => self.chain.certainly(value),
            _ => {}
        }
    }

    /// Whether it has called a compare-and-swap that changes nothing.
    pub(super) fn swaps_for_the_same(&self) -> bool {
        let input = self.busy.as_ref().map(|busy| &busy.input);
        matches!(input, Some(TextInput::Cas { from, to }) if from == to)
    }

    /// Nobody will answer its call.
    pub(super) fn forget(&mut self, habits: &Habits) {
        if let Some(busy) = self.busy.take()
            && let TextInput::Append(value) = busy.input
        {
            if busy.key == self.own {
                self.chain.perhaps(value);
            }
            if busy.ordered {
                // The same value once more could rightly stand there twice.
                let anew = self.append(habits);
                self.orders[0].1 = anew;
            }
        }
    }

    /// Whether what it last saw of its own key holds all that it appended for
    /// certain, once and in order; if not, what is wrong.
    pub(super) fn check_chain(&self) -> Result<(), String> {
        let seen = self.seen.get(&self.own).map_or("", |value| &**value);
        self.chain
            .check(seen)
            .map_err(|why| format!("u{}: {why}", self.number))
    }

    /// Whether it waits for an answer, or has orders left.
    pub(super) fn is_busy(&self) -> bool {
        self.busy.is_some() || !self.orders.is_empty()
    }

    /// What it waits for, in a few words.
    pub(super) fn waits(&self) -> String {
        let number = self.number;
        match &self.busy {
            Some(busy) => format!("u{number} waits for {} at {}", busy.invocation, self.clerk),
            None => format!("u{number} has {} calls to make", self.orders.len()),
        }
    }
}

/// Whether a value is one of those that name their user and their number, so
/// that nobody ever writes it twice.
pub(crate) fn names_its_call(value: &str) -> bool {
    let number = |text: &str| text.parse::<u64>().is_ok();
    let named = value
        .strip_prefix('u')
        .and_then(|rest| rest.split_once('.'));
    named.is_some_and(|(user, rest)| number(user) && number(rest.trim_end_matches([' ', 'x'])))
}
