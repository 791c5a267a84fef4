//! Users who call clerks, one call at a time each.

mod chain;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use snowglobe_checkers::history::ClientId;
use snowglobe_checkers::linearizability::specifications::{TextInput, TextOutput};
use snowglobe_systems::kv::Outcome;
use snowglobe_systems::process::{InvocationId, NodeId};

use self::chain::Chain;
use super::book::{Answer, Book};
use super::{KvOptions, KvWorld, clerks};
use crate::draw::{Draw, Purpose, Streams};
use crate::scenarios::file::Scenario;
use crate::world::Incarnation;

/// What a user is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Errand {
    /// It calls whatever it likes, without end.
    Roaming,
    /// It calls what it was ordered to, and nothing else.
    Ordered,
}

/// A call that is not answered.
#[derive(Debug)]
struct Busy {
    invocation: InvocationId,
    key: Arc<str>,
    input: TextInput,
    /// Whether it was an order.
    ordered: bool,
    /// The life of the clerk that took it: another one knows nothing of it.
    life: Incarnation,
}

#[derive(Debug)]
struct User {
    draw: Draw,
    clerk: NodeId,
    /// Its name in the history, for as long as its calls are answered.
    name: ClientId,
    own: Arc<str>,
    /// Numbers its values.
    written: u64,
    /// What it last saw of each key, for its compare-and-swaps.
    seen: BTreeMap<Arc<str>, Arc<str>>,
    chain: Chain,
    /// What it must call next; a call whose answer does not come is made again.
    orders: VecDeque<(Arc<str>, TextInput)>,
    busy: Option<Busy>,
    errand: Errand,
    /// Tells the alarm that counts from those that were overtaken.
    alarm: u32,
}

/// All users, and the book of what they asked and were told.
#[derive(Debug)]
pub(super) struct Users {
    book: Book,
    users: Vec<User>,
    shared: Vec<Arc<str>>,
    options: KvOptions,
}

/// How often a user looks whether its clerk is still there.
const LOOKS_AFTER: Duration = Duration::from_millis(50);

impl Users {
    pub(super) fn new(scenario: &Scenario, options: &KvOptions, errand: Errand) -> Self {
        let streams = Streams::new(scenario.seed);
        let mut book = Book::new();
        let per_clerk = usize::from(options.users_per_clerk);
        let clerks = clerks(scenario.nodes, options);
        let users = clerks
            .flat_map(|clerk| std::iter::repeat_n(clerk, per_clerk))
            .enumerate()
            .map(|(number, clerk)| User {
                // The first stream is a story's own.
                draw: streams.open(Purpose::Workload(number as u16 + 1)),
                clerk,
                name: book.name(),
                own: format!("own{number}").into(),
                written: 0,
                seen: BTreeMap::new(),
                chain: Chain::default(),
                orders: VecDeque::new(),
                busy: None,
                errand,
                alarm: 0,
            })
            .collect();
        Self {
            book,
            users,
            shared: (0..options.keys)
                .map(|key| format!("k{key}").into())
                .collect(),
            options: options.clone(),
        }
    }

    pub(super) fn book(&mut self) -> &mut Book {
        &mut self.book
    }

    /// The whole history, as lines.
    pub(super) fn lines(&self) -> String {
        self.book.lines()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.users.len()
    }

    /// How many calls were answered.
    pub(super) fn answers(&self) -> u64 {
        self.book.answers()
    }

    /// From now on all users are about this.
    pub(super) fn turn_to(&mut self, world: &mut KvWorld, errand: Errand) {
        for number in 0..self.users.len() {
            self.users[number].errand = errand;
            if errand == Errand::Roaming {
                self.wake(world, number);
            }
        }
    }

    /// A user must call this, when it has called all that it was ordered to before.
    pub(super) fn order(
        &mut self,
        world: &mut KvWorld,
        number: usize,
        key: &Arc<str>,
        input: TextInput,
    ) {
        self.users[number].orders.push_back((key.clone(), input));
        self.wake(world, number);
    }

    fn wake(&mut self, world: &mut KvWorld, number: usize) {
        if self.users[number].busy.is_none() {
            let longest = Duration::from_millis(1 + self.options.think_ms.min(50));
            let draw = &mut self.users[number].draw;
            let pause = draw.duration(Duration::from_millis(1)..longest);
            self.ring_for(world, number, pause);
        }
    }

    /// A user must append a new value to a key, its own if none is named.
    pub(super) fn order_append(
        &mut self,
        world: &mut KvWorld,
        number: usize,
        key: Option<&Arc<str>>,
    ) {
        let key = key.unwrap_or(&self.users[number].own).clone();
        let input = self.users[number].append(number, &self.options);
        self.order(world, number, &key, input);
    }

    /// A user must get its own key.
    pub(super) fn order_own_get(&mut self, world: &mut KvWorld, number: usize) {
        let own = self.users[number].own.clone();
        self.order(world, number, &own, TextInput::Get);
    }

    /// A user must get one of the keys that all share.
    pub(super) fn order_shared_get(&mut self, world: &mut KvWorld, number: usize) {
        let key = self.shared[number % self.shared.len()].clone();
        self.order(world, number, &key, TextInput::Get);
    }

    /// Whether a user waits for an answer, or has orders left.
    pub(super) fn is_busy(&self, number: usize) -> bool {
        let user = &self.users[number];
        user.busy.is_some() || !user.orders.is_empty()
    }

    /// What a user last saw of a key.
    pub(super) fn seen(&self, number: usize, key: &Arc<str>) -> Option<&str> {
        self.users[number].seen.get(key).map(|value| &**value)
    }

    /// Whether what a user last saw of its own key holds all that it appended
    /// for certain, once and in order; if not, what is wrong.
    pub(super) fn check_chain(&self, number: usize) -> Result<(), String> {
        let user = &self.users[number];
        let seen = user.seen.get(&user.own).map_or("", |value| &**value);
        user.chain
            .check(seen)
            .map_err(|why| format!("u{number}: {why}"))
    }

    /// Everybody who waits, in a few words.
    pub(super) fn who_waits(&self) -> impl Iterator<Item = String> {
        let busy = (0..self.users.len()).filter(|number| self.is_busy(*number));
        busy.map(|number| {
            let user = &self.users[number];
            match &user.busy {
                Some(busy) => {
                    let call = busy.invocation;
                    format!("u{number} waits for {call} at {}", user.clerk)
                }
                None => format!("u{number} has {} calls to make", user.orders.len()),
            }
        })
    }

    fn ring_for(&mut self, world: &mut KvWorld, number: usize, after: Duration) {
        let user = &mut self.users[number];
        user.alarm += 1;
        world.alarm(after, (number as u64 + 1) << 32 | u64::from(user.alarm));
    }

    /// An alarm of a user rang.
    pub(super) fn alarm(&mut self, world: &mut KvWorld, token: u64) {
        let (number, alarm) = ((token >> 32) as usize - 1, token as u32);
        if self.users[number].alarm == alarm {
            self.act(world, number);
        }
    }

    /// Lets a user act, or find out that its call is lost.
    fn act(&mut self, world: &mut KvWorld, number: usize) {
        let user = &mut self.users[number];
        if let Some(busy) = &user.busy {
            if world.incarnation(user.clerk) == busy.life {
                return self.ring_for(world, number, LOOKS_AFTER);
            }
            world.mark("user.lost_its_clerk");
            self.forget(number);
        }
        let user = &self.users[number];
        let ordered = user.orders.front().cloned();
        let is_ordered = ordered.is_some();
        let wish = match (ordered, user.errand) {
            (Some(order), _) => order,
            (None, Errand::Roaming) => self.whim(number),
            (None, Errand::Ordered) => return,
        };
        self.call(world, number, wish, is_ordered);
    }

    /// Nobody will answer: the user goes on under another name.
    fn forget(&mut self, number: usize) {
        let user = &mut self.users[number];
        if let Some(busy) = user.busy.take()
            && let TextInput::Append(value) = busy.input
        {
            if busy.key == user.own {
                user.chain.perhaps(value);
            }
            if busy.ordered {
                // The same value once more could rightly stand there twice.
                let anew = user.append(number, &self.options);
                user.orders[0].1 = anew;
            }
        }
        user.name = self.book.name();
    }

    fn call(
        &mut self,
        world: &mut KvWorld,
        number: usize,
        (key, input): (Arc<str>, TextInput),
        ordered: bool,
    ) {
        let user = &mut self.users[number];
        let (clerk, name) = (user.clerk, user.name);
        let asked = self.book.ask(world, clerk, name, &key, input.clone());
        user.busy = asked.map(|invocation| Busy {
            invocation,
            key,
            input,
            ordered,
            life: world.incarnation(clerk),
        });
        self.ring_for(world, number, LOOKS_AFTER);
    }

    /// What a user likes to call.
    fn whim(&mut self, number: usize) -> (Arc<str>, TextInput) {
        let options = &self.options;
        let user = &mut self.users[number];
        let only_reads = number < usize::from(options.readers);
        let own = user.draw.below(100) < u64::from(options.own_in_100) && !only_reads;
        let hot = user.draw.below(100) < u64::from(options.hot_in_100);
        let any = user.draw.index(self.shared.len());
        let get = user.draw.below(100) < u64::from(options.gets_in_100) || only_reads;
        let kind = *user.draw.weighted(&[(4, 0), (3, 1), (2, 2), (1, 3)]);
        if own {
            let input = match get {
                true => TextInput::Get,
                false => user.append(number, options),
            };
            return (user.own.clone(), input);
        }
        let key = self.shared[if hot { 0 } else { any }].clone();
        let input = match (get, kind) {
            (true, _) => TextInput::Get,
            (false, 0) => user.append(number, options),
            (false, 1) => TextInput::Put(user.value(number, options)),
            (false, 2) => TextInput::Cas {
                from: user.seen.get(&key).cloned().unwrap_or_default(),
                to: user.value(number, options),
            },
            (false, _) => TextInput::Delete,
        };
        (key, input)
    }

    /// A call was answered, to whomever it belongs. Whose it was.
    pub(super) fn returned(
        &mut self,
        world: &mut KvWorld,
        invocation: InvocationId,
        outcome: Outcome,
    ) -> Option<usize> {
        let answer = self.book.told(world, invocation, outcome)?;
        let waits = |user: &User| {
            let busy = user.busy.as_ref();
            busy.is_some_and(|busy| busy.invocation == invocation)
        };
        let number = self.users.iter().position(waits)?;
        self.answered(world, number, answer);
        Some(number)
    }

    /// A user's call was answered: think, then go on.
    fn answered(&mut self, world: &mut KvWorld, number: usize, answer: Answer) {
        match answer {
            Answer::Maybe => {
                world.mark("user.told_maybe");
                self.forget(number);
            }
            Answer::Output(output) => {
                world.mark("user.answered");
                self.users[number].learn(output);
            }
        }
        let user = &mut self.users[number];
        let pause = match user.orders.is_empty() {
            true => Duration::from_millis(1 + self.options.think_ms),
            false => Duration::from_millis(2),
        };
        let pause = user.draw.duration(Duration::from_millis(1)..pause);
        self.ring_for(world, number, pause);
    }
}

/// Whether a value is one of those that name their user and their number, so
/// that nobody ever writes it twice.
pub(super) fn names_its_call(value: &str) -> bool {
    let number = |text: &str| text.parse::<u64>().is_ok();
    let named = value
        .strip_prefix('u')
        .and_then(|rest| rest.split_once('.'));
    named.is_some_and(|(user, rest)| number(user) && number(rest.trim_end_matches([' ', 'x'])))
}

impl User {
    /// A value that nobody else ever writes: it names its user and its number,
    /// so that a lost or repeated append is visible at a glance.
    fn value(&mut self, number: usize, options: &KvOptions) -> Arc<str> {
        self.written += 1;
        let padding = "x".repeat(options.value_bytes);
        format!("u{number}.{}{padding} ", self.written).into()
    }

    fn append(&mut self, number: usize, options: &KvOptions) -> TextInput {
        TextInput::Append(self.value(number, options))
    }

    /// Its call is done.
    fn learn(&mut self, output: TextOutput) {
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
}
