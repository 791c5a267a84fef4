//! Users who call clerks, one call at a time each.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use snowglobe_checkers::history::ClientId;
use snowglobe_checkers::linearizability::specifications::{TextInput, TextOutput};
use snowglobe_systems::kv::{self, Outcome};
use snowglobe_systems::process::{InvocationId, NodeId};

use super::book::{Answer, Book};
use super::{KvOptions, KvWorld, Watched, clerks, leads};
use crate::draw::{Draw, Purpose, Streams};
use crate::scenarios::file::Scenario;
use crate::scenarios::{Settled, Workload};
use crate::world::Incarnation;

/// What a user does after the chaos.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Errand {
    /// The chaos goes on: calls without end.
    Roaming,
    /// One more append to its own key is demanded.
    LastAppend,
    /// It reads its own key.
    LastGet,
    /// It reads one of the keys that all share.
    LookAround,
    /// Everything demanded was done.
    Done,
}

/// A call that is not answered.
#[derive(Debug)]
struct Busy {
    invocation: InvocationId,
    key: Arc<str>,
    /// What it was on when it called.
    errand: Errand,
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
    busy: Option<Busy>,
    errand: Errand,
    /// Tells the alarm that counts from those that were overtaken.
    alarm: u32,
}

/// All users, and an operator who moves the leadership about.
#[derive(Debug)]
pub struct Users {
    book: Book,
    users: Vec<User>,
    shared: Vec<Arc<str>>,
    options: KvOptions,
    servers: usize,
    operator: Draw,
    settling: bool,
}

const BEGINNING: Range<Duration> = Duration::from_millis(5)..Duration::from_millis(60);
/// How often a user looks whether its clerk is still there.
const LOOKS_AFTER: Duration = Duration::from_millis(50);
const BETWEEN_TRANSFERS: Range<Duration> = Duration::from_millis(300)..Duration::from_secs(4);
const OPERATOR: u64 = 1 << 60;

impl Users {
    pub(super) fn new(scenario: &Scenario, options: &KvOptions) -> Self {
        let streams = Streams::new(scenario.seed);
        let mut book = Book::new();
        let per_clerk = usize::from(options.users_per_clerk);
        let clerks = clerks(scenario.nodes, options);
        let users = clerks
            .flat_map(|clerk| std::iter::repeat_n(clerk, per_clerk))
            .enumerate()
            .map(|(number, clerk)| User {
                draw: streams.open(Purpose::Workload(number as u16)),
                clerk,
                name: book.name(),
                own: format!("own{number}").into(),
                written: 0,
                seen: BTreeMap::new(),
                busy: None,
                errand: Errand::Roaming,
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
            servers: scenario.nodes,
            operator: streams.open(Purpose::Workload(u16::MAX)),
            settling: false,
        }
    }

    /// How many calls were answered.
    #[must_use]
    pub fn answers(&self) -> u64 {
        self.book.answers()
    }

    fn ring_for(&mut self, world: &mut KvWorld, number: usize, after: Duration) {
        let user = &mut self.users[number];
        user.alarm += 1;
        world.alarm(after, (number as u64) << 32 | u64::from(user.alarm));
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
        self.call(world, number);
    }

    /// Nobody will answer: the user goes on under another name.
    fn forget(&mut self, number: usize) {
        let user = &mut self.users[number];
        user.busy = None;
        user.name = self.book.name();
    }

    fn call(&mut self, world: &mut KvWorld, number: usize) {
        let Some((key, input)) = self.wish(number) else {
            return;
        };
        let user = &mut self.users[number];
        let asked = self.book.ask(world, user.clerk, user.name, &key, input);
        user.busy = asked.map(|invocation| Busy {
            invocation,
            key,
            errand: user.errand,
            life: world.incarnation(user.clerk),
        });
        self.ring_for(world, number, LOOKS_AFTER);
    }

    /// What a user wants next, if anything.
    fn wish(&mut self, number: usize) -> Option<(Arc<str>, TextInput)> {
        let user = &mut self.users[number];
        match user.errand {
            Errand::Roaming => {}
            Errand::LastAppend => {
                return Some((user.own.clone(), user.append(number, &self.options)));
            }
            Errand::LastGet => return Some((user.own.clone(), TextInput::Get)),
            Errand::LookAround => {
                let key = &self.shared[number % self.shared.len()];
                return Some((key.clone(), TextInput::Get));
            }
            Errand::Done => return None,
        }
        let options = &self.options;
        let own = user.draw.below(100) < u64::from(options.own_in_100);
        let hot = user.draw.below(100) < u64::from(options.hot_in_100);
        let any = user.draw.index(self.shared.len());
        let get = user.draw.below(100) < u64::from(options.gets_in_100);
        let kind = *user.draw.weighted(&[(4, 0), (3, 1), (2, 2), (1, 3)]);
        if own {
            let input = match get {
                true => TextInput::Get,
                false => user.append(number, options),
            };
            return Some((user.own.clone(), input));
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
        Some((key, input))
    }

    /// A user's call was answered: think, then go on.
    fn answered(&mut self, world: &mut KvWorld, number: usize, answer: Answer) {
        let user = &mut self.users[number];
        let Some(busy) = user.busy.take() else {
            return;
        };
        match answer {
            Answer::Maybe => {
                world.mark("user.told_maybe");
                self.forget(number);
            }
            Answer::Output(output) => {
                if let TextOutput::Value(value) = output {
                    user.seen.insert(busy.key, value);
                }
                user.errand = match user.errand {
                    errand if errand != busy.errand => errand,
                    Errand::LastAppend => Errand::LastGet,
                    Errand::LastGet => Errand::LookAround,
                    Errand::LookAround => Errand::Done,
                    errand => errand,
                };
            }
        }
        let think = Duration::from_millis(1 + self.options.think_ms);
        let user = &mut self.users[number];
        let pause = match user.errand {
            Errand::Roaming => user.draw.duration(Duration::from_millis(1)..think),
            _ => Duration::from_millis(1),
        };
        self.ring_for(world, number, pause);
    }

    fn ask_for_transfer(&mut self, world: &mut KvWorld) {
        let to = NodeId::at(self.operator.below(self.servers as u64) as usize);
        let leads = |id: &NodeId| *id != to && world.process(*id).is_some_and(leads);
        if let Some(leader) = world.node_ids().find(leads) {
            world.mark("user.transfer_asked");
            world.invoke(leader, kv::Operation::TransferLeadership { to });
        }
        let pause = self.operator.duration(BETWEEN_TRANSFERS);
        world.alarm(pause, OPERATOR);
    }

    fn missing(&self, world: &KvWorld) -> String {
        let waiting = self.users.iter().enumerate();
        let waiting = waiting.filter(|(_, user)| user.errand != Errand::Done).map(
            |(number, user)| match &user.busy {
                Some(busy) => {
                    let call = busy.invocation;
                    format!("u{number} waits for {call} at {}", user.clerk)
                }
                None => format!("u{number} has yet to {:?}", user.errand),
            },
        );
        waiting.chain(cluster(world)).collect::<Vec<_>>().join("; ")
    }
}

/// Everybody in a few words.
pub(super) fn cluster(world: &KvWorld) -> impl Iterator<Item = String> {
    world.node_ids().map(|id| match world.process(id) {
        Some(process) => format!("{id} {process}"),
        None => format!("{id} down"),
    })
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
}

impl Workload<kv::Node, Watched> for Users {
    fn begin(&mut self, world: &mut KvWorld) {
        for number in 0..self.users.len() {
            let pause = self.users[number].draw.duration(BEGINNING);
            self.ring_for(world, number, pause);
        }
        if self.options.transfers {
            let pause = self.operator.duration(BETWEEN_TRANSFERS);
            world.alarm(pause, OPERATOR);
        }
    }

    fn alarm(&mut self, world: &mut KvWorld, token: u64) {
        match token {
            OPERATOR if self.settling => {}
            OPERATOR => self.ask_for_transfer(world),
            _ => {
                let (number, alarm) = ((token >> 32) as usize, token as u32);
                if self.users[number].alarm == alarm {
                    self.act(world, number);
                }
            }
        }
    }

    fn returned(&mut self, world: &mut KvWorld, invocation: InvocationId, outcome: Outcome) {
        let Some(answer) = self.book.told(world, invocation, outcome) else {
            return;
        };
        let waits = |user: &User| {
            let busy = user.busy.as_ref();
            busy.is_some_and(|busy| busy.invocation == invocation)
        };
        if let Some(number) = self.users.iter().position(waits) {
            self.answered(world, number, answer);
        }
    }

    fn history(&self) -> Option<String> {
        Some(self.book.lines())
    }

    fn settle(&mut self, _world: &mut KvWorld) {
        // Whoever waits goes on waiting: its clerk still asks.
        self.settling = true;
        for user in &mut self.users {
            user.errand = Errand::LastAppend;
        }
    }

    fn settled(&mut self, world: &mut KvWorld) -> Settled {
        if self.users.iter().any(|user| user.errand != Errand::Done) {
            return Settled::NotYet(self.missing(world));
        }
        self.book.close(world);
        Settled::Yes
    }
}
