//! Users of any service of texts, who call clerks, one call at a time each.

mod applied;
mod book;
mod chain;
mod changes;
mod entries;
mod service;
mod story;
#[cfg(test)]
mod tests;
mod user;
#[cfg(test)]
mod witness_tests;

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use snowglobe_checkers::linearizability::specifications::{TextInput, TextOutput};
use snowglobe_systems::invariants::{Invariants, Violation};
use snowglobe_systems::process::{InvocationId, NodeId, Process};

use self::book::Book;
use self::user::{Busy, User};
use snowglobe::draw::{Purpose, Streams};
use snowglobe::seed::Seed;
use snowglobe::world::{Broken, World};

pub(super) use self::changes::{Changes, in_words};
#[cfg(test)]
pub(super) use self::entries::applied_after;
pub(super) use self::entries::{Applying, EntryOf, Placed, Unsettled, appended};
pub(super) use self::service::{Answer, Habits, TextService, Watcher};
pub(super) use self::story::{ToldUsers, UserSentence};
pub(super) use self::user::names_its_call;

/// What a user is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Errand {
    /// It calls whatever it likes, without end.
    Roaming,
    /// It calls what it was ordered to, and nothing else.
    Ordered,
}

/// All users, and the book of what they asked and were told.
#[derive(Clone, Debug)]
pub(super) struct Users {
    book: Book,
    users: Vec<User>,
    clerks: Vec<NodeId>,
    shared: Vec<Arc<str>>,
    habits: Habits,
}

/// Marks that users reach, whatever they call.
pub(super) const MARKS: &[&str] = &[
    "user.answered",
    "user.called_in_a_burst",
    "user.left_its_clerk",
    "user.lost_its_clerk",
    "user.swapped_for_the_same",
    TOLD_MAYBE,
];

/// A clerk did not know whether a call had happened.
pub(super) const TOLD_MAYBE: &str = "user.told_maybe";

/// How often a user looks whether its clerk is still there.
const LOOKS_AFTER: Duration = Duration::from_millis(50);

impl Users {
    /// The users of these clerks. Each draws from a stream of its own: the one
    /// after its number, since the first is a story's.
    pub(super) fn new(
        seed: Seed,
        habits: Habits,
        clerks: impl IntoIterator<Item = NodeId>,
        errand: Errand,
    ) -> Self {
        let streams = Streams::new(seed);
        let mut book = Book::new();
        let per_clerk = usize::from(habits.users_per_clerk);
        let clerks: Vec<NodeId> = clerks.into_iter().collect();
        let users = clerks
            .iter()
            .copied()
            .flat_map(|clerk| std::iter::repeat_n(clerk, per_clerk))
            .enumerate()
            .map(|(number, clerk)| {
                let draw = streams.open(Purpose::Workload(number as u16 + 1));
                User::new(number, clerk, book.name(), draw, errand)
            })
            .collect();
        Self {
            book,
            users,
            clerks,
            shared: (0..habits.keys)
                .map(|key| format!("k{key}").into())
                .collect(),
            habits,
        }
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

    /// Whether a user waits for an answer, or has orders left.
    pub(super) fn is_busy(&self, number: usize) -> bool {
        self.users[number].is_busy()
    }

    /// Whether nobody waits, and nobody has orders left.
    pub(super) fn are_at_rest(&self) -> bool {
        !self.users.iter().any(User::is_busy)
    }

    /// Everybody who waits, in a few words.
    pub(super) fn who_waits(&self) -> impl Iterator<Item = String> {
        let busy = self.users.iter().filter(|user| user.is_busy());
        busy.map(User::waits)
    }

    /// What a user last saw of a key.
    pub(super) fn seen(&self, number: usize, key: &Arc<str>) -> Option<&str> {
        self.users[number].seen.get(key).map(|value| &**value)
    }

    /// Whether every user last saw its own key hold all that it appended for
    /// certain, once and in order.
    pub(super) fn check_chains(&self) -> Result<(), Violation> {
        let broken = |found| {
            let expected = "each acknowledged append once and in order".to_owned();
            Violation::new("chain-is-whole", [], expected, found)
        };
        let mut users = self.users.iter();
        users.try_for_each(User::check_chain).map_err(broken)
    }

    /// Nobody will answer: the user goes on under another name.
    fn forget(&mut self, number: usize) {
        let user = &mut self.users[number];
        user.forget(&self.habits);
        user.name = self.book.name();
    }
}

/// What happens in a world.
impl Users {
    /// From now on all users are about this.
    pub(super) fn turn_to<P: TextService, I: Watcher<P>>(
        &mut self,
        world: &mut World<P, I>,
        errand: Errand,
    ) {
        for number in 0..self.users.len() {
            self.users[number].errand = errand;
            if errand == Errand::Roaming {
                self.wake(world, number);
            }
        }
    }

    /// A user must call this, when it has called all that it was ordered to before.
    pub(super) fn order<P: TextService, I: Watcher<P>>(
        &mut self,
        world: &mut World<P, I>,
        number: usize,
        key: &Arc<str>,
        input: TextInput,
    ) {
        self.users[number].orders.push_back((key.clone(), input));
        self.wake(world, number);
    }

    /// A user must append a new value to a key, its own if none is named.
    pub(super) fn order_append<P: TextService, I: Watcher<P>>(
        &mut self,
        world: &mut World<P, I>,
        number: usize,
        key: Option<&Arc<str>>,
    ) {
        let user = &mut self.users[number];
        let key = key.unwrap_or(&user.own).clone();
        let input = user.append(&self.habits);
        self.order(world, number, &key, input);
    }

    /// A user must get its own key.
    pub(super) fn order_own_get<P: TextService, I: Watcher<P>>(
        &mut self,
        world: &mut World<P, I>,
        number: usize,
    ) {
        let own = self.users[number].own.clone();
        self.order(world, number, &own, TextInput::Get);
    }

    /// The end of a shaken run: whoever waits goes on waiting, since its clerk
    /// still asks; then everybody appends once more and looks around.
    pub(super) fn settle<P: TextService, I: Watcher<P>>(&mut self, world: &mut World<P, I>) {
        self.turn_to(world, Errand::Ordered);
        for number in 0..self.users.len() {
            self.order_append(world, number, None);
            self.order_own_get(world, number);
            let shared = self.shared[number % self.shared.len()].clone();
            self.order(world, number, &shared, TextInput::Get);
        }
    }

    /// Whether everybody was served that [`Users::settle`] sent. What they saw
    /// breaks the run if it has no order, or if a chain is not whole.
    pub(super) fn settled<P: TextService + Display, I: Watcher<P>>(
        &mut self,
        world: &mut World<P, I>,
    ) -> bool {
        if !self.are_at_rest() {
            return false;
        }
        let chains = self.check_chains();
        if self.close(world)
            && let Err(broken) = chains
        {
            world.breaks(Broken::Safety(broken));
        }
        true
    }

    /// Judges all that users saw. Whether it has an order; the run is broken if not.
    pub(super) fn close<P: TextService, I: Watcher<P>>(&mut self, world: &mut World<P, I>) -> bool {
        self.book.close(world)
    }

    /// Everybody who waits, and every node, in a few words.
    pub(super) fn how_things_stand<P: Process + Display, I: Invariants<P>>(
        &self,
        world: &World<P, I>,
    ) -> String {
        let waiting = self.who_waits();
        let all: Vec<String> = waiting.chain(every_node(world)).collect();
        all.join("; ")
    }

    fn wake<P: TextService, I: Watcher<P>>(&mut self, world: &mut World<P, I>, number: usize) {
        if self.users[number].busy.is_none() {
            let longest = Duration::from_millis(1 + self.habits.think_ms.min(50));
            let draw = &mut self.users[number].draw;
            let pause = draw.duration(Duration::from_millis(1)..longest);
            self.ring_for(world, number, pause);
        }
    }

    fn ring_for<P: TextService, I: Watcher<P>>(
        &mut self,
        world: &mut World<P, I>,
        number: usize,
        after: Duration,
    ) {
        let user = &mut self.users[number];
        user.alarm += 1;
        world.alarm(after, (number as u64 + 1) << 32 | u64::from(user.alarm));
    }

    /// An alarm of a user rang; its token is above `u32::MAX`.
    pub(super) fn alarm<P: TextService, I: Watcher<P>>(
        &mut self,
        world: &mut World<P, I>,
        token: u64,
    ) {
        let (number, alarm) = ((token >> 32) as usize - 1, token as u32);
        if self.users[number].alarm == alarm {
            self.act(world, number);
        }
    }

    /// Lets a user act, or find out that its call is lost.
    fn act<P: TextService, I: Watcher<P>>(&mut self, world: &mut World<P, I>, number: usize) {
        let user = &mut self.users[number];
        if let Some(busy) = &user.busy {
            let waited = world.now().since(busy.since);
            let roams = user.errand == Errand::Roaming && !busy.ordered;
            if world.incarnation(user.clerk) != busy.life {
                world.mark("user.lost_its_clerk");
            } else if roams && self.habits.leave_after(waited) {
                world.mark("user.left_its_clerk");
                user.clerk = *user.draw.pick(&self.clerks);
            } else {
                return self.ring_for(world, number, LOOKS_AFTER);
            }
            self.forget(number);
        }
        let user = &mut self.users[number];
        let ordered = user.orders.front().cloned();
        let is_ordered = ordered.is_some();
        let wish = match (ordered, user.errand) {
            (Some(order), _) => order,
            (None, Errand::Roaming) => user.whim(&self.habits, &self.shared),
            (None, Errand::Ordered) => return,
        };
        self.call(world, number, wish, is_ordered);
    }

    fn call<P: TextService, I: Watcher<P>>(
        &mut self,
        world: &mut World<P, I>,
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
            since: world.now(),
        });
        self.ring_for(world, number, LOOKS_AFTER);
    }

    /// A call was answered, to whomever it belongs. Whose it was.
    pub(super) fn returned<P: TextService, I: Watcher<P>>(
        &mut self,
        world: &mut World<P, I>,
        invocation: InvocationId,
        outcome: P::Outcome,
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
    fn answered<P: TextService, I: Watcher<P>>(
        &mut self,
        world: &mut World<P, I>,
        number: usize,
        answer: Answer,
    ) {
        match answer {
            Answer::Indeterminate => {
                world.mark(TOLD_MAYBE);
                self.forget(number);
            }
            Answer::Output(output) => {
                world.mark("user.answered");
                let user = &mut self.users[number];
                if output == TextOutput::Swapped && user.swaps_for_the_same() {
                    world.mark("user.swapped_for_the_same");
                }
                user.learn(output);
            }
        }
        let user = &mut self.users[number];
        let rests = self.habits.rest_at(world.now());
        let pause = match (user.orders.is_empty(), rests) {
            (false, _) => Duration::from_millis(2),
            (true, None) => Duration::from_millis(1 + self.habits.think_ms),
            (true, Some(rest)) => {
                if rest.is_zero() {
                    world.mark("user.called_in_a_burst");
                }
                rest + Duration::from_millis(2)
            }
        };
        let least = rests.filter(|_| user.orders.is_empty()).unwrap_or_default();
        let pause = user.draw.duration(least + Duration::from_millis(1)..pause);
        self.ring_for(world, number, pause);
    }
}

/// Every node in a few words.
pub(super) fn every_node<P: Process + Display, I: Invariants<P>>(
    world: &World<P, I>,
) -> impl Iterator<Item = String> {
    world.node_ids().map(|id| match world.process(id) {
        Some(process) => format!("{id} {process}"),
        None => format!("{id} down"),
    })
}
