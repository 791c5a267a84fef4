//! Pairs of a node's state and a message for it, each under the names that stand
//! for all others.

use hashbrown::HashTable;
use snowglobe_systems::digest::Digest;
use snowglobe_systems::process::NodeId;

use super::super::local::Cause;
use super::super::state::{Member, MessageOf};
use super::super::{Setting, Shared, SmallWorld};

/// How many steps of a receiver alone are looked at before a message for it is left out
/// for the first time. Of a state that is new nobody knows what follows it, and
/// what most often makes a message matter again is that a timer fires, or that
/// the node crashes and comes back: without a look ahead searches begin anew ten times.
const LOOK_AHEAD: usize = 3;

type MemberOf<S> = Member<<S as Setting>::Process>;

/// All pairs that were ever met.
pub(super) struct Pairs<S: Setting> {
    /// Every state of a node that was met.
    met: HashTable<Met<S>>,
    /// Those of them that stand for others, each with the name of its node.
    states: Vec<(NodeId, Shared<MemberOf<S>>)>,
    /// By state: where it may come to by itself, once somebody has asked.
    alone: Vec<Option<Vec<Shared<MemberOf<S>>>>>,
    pairs: Vec<Pair<S>>,
    /// The places of pairs.
    places: HashTable<usize>,
}

/// A state of a node, and the one that stands for it.
struct Met<S: Setting> {
    node: NodeId,
    member: Shared<MemberOf<S>>,
    standing: usize,
    /// The renamings that lead there.
    numbers: Vec<usize>,
}

struct Pair<S: Setting> {
    /// The state of the receiver, among those that stand for others.
    state: usize,
    from: NodeId,
    message: Shared<MessageOf<S>>,
    /// Whether the delivery changes nothing, if somebody has looked.
    stutters: Option<bool>,
    /// The delivery changes something, here or in what the node comes to by steps that
    /// a search took.
    is_of_use: bool,
}

impl<S: Setting> Default for Pairs<S> {
    fn default() -> Self {
        Self {
            met: HashTable::new(),
            states: Vec::new(),
            alone: Vec::new(),
            pairs: Vec::new(),
            places: HashTable::new(),
        }
    }
}

impl<S: Setting> Met<S> {
    fn key(node: NodeId, member: &Shared<MemberOf<S>>) -> u64 {
        let mut digest = Digest::new();
        digest.word(u64::from(node.0));
        digest.word(member.digest());
        digest.value()
    }
}

impl<S: Setting> Pair<S> {
    fn key(&self) -> u64 {
        let mut digest = Digest::new();
        digest.word(self.state as u64);
        digest.word(u64::from(self.from.0));
        digest.word(self.message.digest());
        digest.value()
    }
}

impl<S: Setting> Pairs<S> {
    /// How many states stand for others.
    pub(super) fn states(&self) -> usize {
        self.states.len()
    }

    /// How many pairs there are.
    pub(super) fn len(&self) -> usize {
        self.pairs.len()
    }

    /// The state that stands for a state of a node, and the renamings that lead there.
    pub(super) fn standing_for(
        &mut self,
        world: &SmallWorld<S>,
        node: NodeId,
        member: &Shared<MemberOf<S>>,
    ) -> (usize, Vec<usize>) {
        let key = Met::<S>::key(node, member);
        let known = self
            .met
            .find(key, |met| met.node == node && met.member == *member);
        if let Some(met) = known {
            return (met.standing, met.numbers.clone());
        }
        let names = 0..world.renamings();
        let renamed: Vec<(NodeId, u64)> = names
            .map(|number| {
                let digest = world.member_by(member, number).digest();
                (world.name_by(node, number), digest)
            })
            .collect();
        let least = renamed.iter().min().expect("names can be left as they are");
        let numbers = (0..renamed.len()).filter(|number| renamed[*number] == *least);
        let numbers: Vec<usize> = numbers.collect();
        let name = least.0;
        let standing = match numbers[0] {
            0 => {
                self.states.push((node, member.clone()));
                self.alone.push(None);
                self.states.len() - 1
            }
            number => {
                let member = world.member_by(member, number);
                self.standing_for(world, name, &member).0
            }
        };
        let met = Met {
            node,
            member: member.clone(),
            standing,
            numbers: numbers.clone(),
        };
        self.met
            .insert_unique(key, met, |met| Met::<S>::key(met.node, &met.member));
        (standing, numbers)
    }

    /// The pair that stands for one.
    pub(super) fn pair(
        &mut self,
        world: &SmallWorld<S>,
        node: NodeId,
        member: &Shared<MemberOf<S>>,
        from: NodeId,
        message: &Shared<MessageOf<S>>,
    ) -> usize {
        let (state, numbers) = self.standing_for(world, node, member);
        let names = numbers.into_iter().map(|number| {
            let message = world.message_by(message, number);
            (world.name_by(from, number), message)
        });
        let (from, message) = names
            .min_by_key(|(from, message)| (*from, message.digest()))
            .expect("some renaming leads there");
        let new = Pair {
            state,
            from,
            message,
            stutters: None,
            is_of_use: false,
        };
        let key = new.key();
        let pairs = &self.pairs;
        let known = self.places.find(key, |place| {
            let pair = &pairs[*place];
            (pair.state, pair.from) == (new.state, new.from) && pair.message == new.message
        });
        if let Some(place) = known {
            return *place;
        }
        let place = self.pairs.len();
        self.pairs.push(new);
        let pairs = &self.pairs;
        self.places
            .insert_unique(key, place, |place| pairs[*place].key());
        place
    }

    /// The receiver's state of a pair, among those that stand for others.
    pub(super) fn state(&self, pair: usize) -> usize {
        self.pairs[pair].state
    }

    /// The same message when its receiver has come to another state.
    pub(super) fn follow(
        &mut self,
        world: &SmallWorld<S>,
        pair: usize,
        after: &Shared<MemberOf<S>>,
    ) -> usize {
        let Pair {
            state,
            from,
            ref message,
            ..
        } = self.pairs[pair];
        let message = message.clone();
        self.pair(world, self.states[state].0, after, from, &message)
    }

    /// Whether the delivery of a message changes nothing.
    pub(super) fn stutters(&mut self, world: &SmallWorld<S>, pair: usize) -> bool {
        let it = &self.pairs[pair];
        if let Some(stutters) = it.stutters {
            return stutters;
        }
        let (node, member) = &self.states[it.state];
        let cause = Cause::Receive(it.from, it.message.clone());
        let steps = &world.locals;
        let stutters = steps.is_idle(&world.setting, *node, member, cause);
        self.pairs[pair].stutters = Some(stutters);
        stutters
    }

    /// The delivery of a message does not stutter after all: the invariants hear of it.
    pub(super) fn is_heard(&mut self, pair: usize) {
        self.pairs[pair].stutters = Some(false);
    }

    /// Where a node may come to by itself: its timers fire, it crashes, it comes back.
    fn alone(&mut self, world: &SmallWorld<S>, state: usize) -> Vec<Shared<MemberOf<S>>> {
        if let Some(known) = &self.alone[state] {
            return known.clone();
        }
        let (node, member) = self.states[state].clone();
        let mut reached: Vec<_> = Vec::new();
        for step in world.steps_alone(node, &member) {
            let crashed = step.crashes.iter().map(|(_, member)| member);
            let after = [&step.after].into_iter().chain(crashed);
            reached.extend(after.filter(|after| **after != member).cloned());
        }
        self.alone[state] = Some(reached.clone());
        reached
    }

    /// Whether a message is of use, as far as can be told of what its receiver may
    /// come to by itself in a few steps. The answer is the same whoever asks, and when.
    pub(super) fn look_ahead(&mut self, world: &SmallWorld<S>, pair: usize) -> bool {
        let mut seen = vec![pair];
        let mut level = vec![pair];
        for ahead in 0..=LOOK_AHEAD {
            let mut next_level = Vec::new();
            for pair in level {
                if !self.stutters(world, pair) {
                    return true;
                }
                if ahead == LOOK_AHEAD {
                    continue;
                }
                for after in self.alone(world, self.state(pair)) {
                    let after = self.follow(world, pair, &after);
                    if !seen.contains(&after) {
                        seen.push(after);
                        next_level.push(after);
                    }
                }
            }
            level = next_level;
        }
        false
    }

    /// Whether a message is known to be of use.
    pub(super) fn is_of_use(&self, pair: usize) -> bool {
        self.pairs[pair].is_of_use
    }

    /// A message is of use.
    pub(super) fn take_up(&mut self, pair: usize) {
        self.pairs[pair].is_of_use = true;
    }
}
