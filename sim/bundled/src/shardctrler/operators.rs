//! Operators who call clerks, one call at a time each.

mod whim;

use std::collections::VecDeque;
use std::time::Duration;

use snowglobe_checkers::history::ClientId;
use snowglobe_systems::process::{InvocationId, NodeId};
use snowglobe_systems::shardctrler::{Command, Configuration, GroupId, Outcome, Query, Response};
use snowglobe_systems::vec_map::VecMap;

use super::book::{Answer, Book};
use super::object::{Ask, Told, asked};
use super::shaken::own_group;
use super::{ControllerOptions, ControllerWorld, MOST_GROUPS, clerks};
use snowglobe::draw::{Draw, Purpose, Streams};
use snowglobe::scenarios::file::Scenario;
use snowglobe::world::Incarnation;

/// What an operator is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Errand {
    /// It calls whatever it likes, without end.
    Roaming,
    /// It calls what it was ordered to, and nothing else.
    Ordered,
}

/// A call that is not answered.
#[derive(Clone, Debug)]
struct Busy {
    invocation: InvocationId,
    ask: Ask,
    /// Whether it was an order.
    ordered: bool,
    /// The life of the clerk that took it: another one knows nothing of it.
    life: Incarnation,
}

#[derive(Clone, Debug)]
struct Operator {
    draw: Draw,
    clerk: NodeId,
    /// Its name in the history, for as long as its calls are answered.
    name: ClientId,
    /// What it was told last when it changed something.
    response: Option<Response>,
    /// What it was shown last.
    shown: Option<Configuration>,
    /// What it must call next; a call whose answer does not come is made again,
    /// since calls are idempotent.
    orders: VecDeque<Ask>,
    busy: Option<Busy>,
    errand: Errand,
    /// Tells the alarm that counts from those that were overtaken.
    alarm: u32,
}

/// All operators, and the book of what they asked and were told.
#[derive(Clone, Debug)]
pub(super) struct Operators {
    book: Book,
    operators: Vec<Operator>,
    options: ControllerOptions,
}

/// How often an operator looks whether its clerk is still there.
const LOOKS_AFTER: Duration = Duration::from_millis(50);

impl Operators {
    pub(super) fn new(scenario: &Scenario, options: &ControllerOptions) -> Self {
        let streams = Streams::new(scenario.seed);
        let mut book = Book::new();
        let per_clerk = usize::from(options.users_per_clerk);
        let operators = clerks(scenario.nodes, options)
            .flat_map(|clerk| std::iter::repeat_n(clerk, per_clerk))
            .enumerate()
            .map(|(number, clerk)| Operator {
                // The first stream is a story's own.
                draw: streams.open(Purpose::Workload(number as u16 + 1)),
                clerk,
                name: book.name(),
                response: None,
                shown: None,
                orders: VecDeque::new(),
                busy: None,
                errand: Errand::Ordered,
                alarm: 0,
            })
            .collect();
        Self {
            book,
            operators,
            options: options.clone(),
        }
    }

    pub(super) fn book(&mut self) -> &mut Book {
        &mut self.book
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.operators.len()
    }

    /// From now on all operators are about this.
    pub(super) fn turn_to(&mut self, world: &mut ControllerWorld, errand: Errand) {
        for number in 0..self.operators.len() {
            self.operators[number].errand = errand;
            if errand == Errand::Roaming {
                self.wake(world, number);
            }
        }
    }

    /// An operator must call this, when it has called all that it was ordered to before.
    pub(super) fn order(&mut self, world: &mut ControllerWorld, number: usize, ask: Ask) {
        self.operators[number].orders.push_back(ask);
        self.wake(world, number);
    }

    fn wake(&mut self, world: &mut ControllerWorld, number: usize) {
        if self.operators[number].busy.is_none() {
            let longest = Duration::from_millis(1 + self.options.think_ms.min(50));
            let draw = &mut self.operators[number].draw;
            let pause = draw.duration(Duration::from_millis(1)..longest);
            self.ring_for(world, number, pause);
        }
    }

    /// Whether an operator waits for an answer, or has orders left.
    pub(super) fn is_busy(&self, number: usize) -> bool {
        let operator = &self.operators[number];
        operator.busy.is_some() || !operator.orders.is_empty()
    }

    /// What an operator was told last when it changed something.
    pub(super) fn response(&self, number: usize) -> Option<Response> {
        self.operators[number].response
    }

    /// What an operator was shown last.
    pub(super) fn shown(&self, number: usize) -> Option<&Configuration> {
        self.operators[number].shown.as_ref()
    }

    /// Everybody who waits, in a few words.
    pub(super) fn who_waits(&self) -> impl Iterator<Item = String> {
        let busy = (0..self.operators.len()).filter(|number| self.is_busy(*number));
        busy.map(|number| {
            let operator = &self.operators[number];
            match &operator.busy {
                Some(busy) => format!(
                    "u{number} waits for {} {} at {}",
                    busy.invocation,
                    asked(&busy.ask),
                    operator.clerk
                ),
                None => format!("u{number} has {} calls to make", operator.orders.len()),
            }
        })
    }

    fn ring_for(&mut self, world: &mut ControllerWorld, number: usize, after: Duration) {
        let operator = &mut self.operators[number];
        operator.alarm += 1;
        world.alarm(after, (number as u64 + 1) << 32 | u64::from(operator.alarm));
    }

    /// An alarm of an operator rang.
    pub(super) fn alarm(&mut self, world: &mut ControllerWorld, token: u64) {
        let (number, alarm) = ((token >> 32) as usize - 1, token as u32);
        if self.operators[number].alarm == alarm {
            self.act(world, number);
        }
    }

    /// Lets an operator act, or find out that its call is lost.
    fn act(&mut self, world: &mut ControllerWorld, number: usize) {
        let operator = &mut self.operators[number];
        if let Some(busy) = &operator.busy {
            if world.incarnation(operator.clerk) == busy.life {
                return self.ring_for(world, number, LOOKS_AFTER);
            }
            world.mark("operator.lost_its_clerk");
            self.forget(number);
        }
        let operator = &mut self.operators[number];
        let order = operator.orders.front().cloned();
        let ordered = order.is_some();
        let ask = match (order, operator.errand) {
            (Some(order), _) => order,
            (None, Errand::Roaming) => {
                whim::draw(&mut operator.draw, &self.options, operator.shown.as_ref())
            }
            (None, Errand::Ordered) => return,
        };
        let (clerk, name) = (operator.clerk, operator.name);
        let invocation = self.book.ask(world, clerk, name, ask.clone());
        self.operators[number].busy = invocation.map(|invocation| Busy {
            invocation,
            ask,
            ordered,
            life: world.incarnation(clerk),
        });
        self.ring_for(world, number, LOOKS_AFTER);
    }

    /// Nobody will answer: the operator goes on under another name.
    fn forget(&mut self, number: usize) {
        let operator = &mut self.operators[number];
        operator.busy = None;
        operator.name = self.book.name();
    }

    /// A call was answered, to whomever it belongs.
    pub(super) fn returned(
        &mut self,
        world: &mut ControllerWorld,
        invocation: InvocationId,
        outcome: Outcome,
    ) {
        let Some(answer) = self.book.told(world, invocation, outcome) else {
            return;
        };
        let waits = |operator: &Operator| {
            let busy = operator.busy.as_ref();
            busy.is_some_and(|busy| busy.invocation == invocation)
        };
        if let Some(number) = self.operators.iter().position(waits) {
            self.answered(world, number, answer);
        }
    }

    /// An operator's call was answered: think, then go on.
    fn answered(&mut self, world: &mut ControllerWorld, number: usize, answer: Answer) {
        match answer {
            Answer::Indeterminate => {
                world.mark("operator.told_maybe");
                self.forget(number);
            }
            Answer::Told(told) => self.operators[number].learn(world, told),
        }
        let operator = &mut self.operators[number];
        let pause = match operator.orders.is_empty() {
            true => Duration::from_millis(1 + self.options.think_ms),
            false => Duration::from_millis(2),
        };
        let pause = operator.draw.duration(Duration::from_millis(1)..pause);
        self.ring_for(world, number, pause);
    }
}

impl Operator {
    /// Its call is done.
    fn learn(&mut self, world: &mut ControllerWorld, told: Told) {
        let Some(busy) = self.busy.take() else {
            return;
        };
        if busy.ordered {
            self.orders.pop_front();
        }
        world.mark("operator.answered");
        if let Some(mark) = mark(&busy.ask, &told) {
            world.mark(mark);
        }
        match told {
            Told::Done(response) => self.response = Some(response),
            Told::Shown(configuration) => self.shown = Some(configuration),
        }
    }
}

/// What an answer is worth counting as.
fn mark(ask: &Ask, told: &Told) -> Option<&'static str> {
    Some(match (ask, told) {
        (_, Told::Done(Response::Refused(_))) => "operator.refused",
        (_, Told::Done(Response::Unchanged(_))) => "operator.changed_nothing",
        (Ask::Change(Command::Divide { .. }), _) => "operator.divided",
        (Ask::Change(Command::Join { .. }), _) => "operator.joined",
        (Ask::Change(Command::Leave { .. }), _) => "operator.left",
        (Ask::Change(Command::Move { .. }), _) => "operator.moved",
        (Ask::Look(Query { number: None }), _) => "operator.saw_the_newest",
        (Ask::Look(Query { number: Some(it) }), Told::Shown(shown)) if shown.number == *it => {
            "operator.saw_by_number"
        }
        (Ask::Look(_), _) => "operator.asked_beyond_the_newest",
    })
}

/// A command that lets groups join, each with its servers.
pub(super) fn join(groups: impl IntoIterator<Item = GroupId>, variant: u8) -> Command {
    let with_servers = |group| (group, servers(group, variant));
    let groups: VecMap<_, _> = groups.into_iter().map(with_servers).collect();
    Command::Join { groups }
}

/// Lets groups of operators' own join, each given by its operator and its place
/// among that one's; there are so many operators.
pub(super) fn join_own(
    groups: impl IntoIterator<Item = (usize, usize)>,
    operators: usize,
) -> Command {
    let with_servers = |(number, place)| {
        let name = FIRST_OWN_SERVER + place * operators + number;
        (own_group(number, place), vec![NodeId::at(name)])
    };
    let groups: VecMap<_, _> = groups.into_iter().map(with_servers).collect();
    Command::Join { groups }
}

/// What has a server of its own: so many groups of operators' own, in all.
pub(super) const MOST_OWN_IN_ALL: usize = 255 - FIRST_OWN_SERVER;
const FIRST_OWN_SERVER: usize = MOST_GROUPS as usize * VARIANTS * EACH;

/// How many servers a group has that operators name at random.
const EACH: usize = 3;
/// How many sets of servers a group may have that nobody else has.
const VARIANTS: usize = 2;
/// The servers of the next group.
pub(super) const OF_ANOTHER: u8 = VARIANTS as u8;

/// The servers of a group; they run nowhere, and the controller only knows
/// their names. Another variant is other servers.
fn servers(group: GroupId, variant: u8) -> Vec<NodeId> {
    let (group, variant) = match variant {
        OF_ANOTHER => (group.0 as usize + 1, 0),
        variant => (group.0 as usize, usize::from(variant)),
    };
    let place = (group - 1) % MOST_GROUPS as usize;
    let first = (place * VARIANTS + variant) * EACH;
    (first..first + EACH).map(NodeId::at).collect()
}
