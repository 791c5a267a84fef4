//! What may happen to a cluster, worked out once.
//!
//! A step changes a node, what is remembered, and budgets, whatever else is under way: all of
//! this is in the cluster. Of the other messages it only matters which are of no use to the node
//! as it is now, and whether there is room for what it sends. So what may happen to a cluster is
//! worked out once, by [`SmallWorld`], in a world where nothing is under way but the message
//! that arrives, and serves for all bags with which the cluster is met. Each thread remembers
//! what it worked out.

use snowglobe_systems::process::{NodeId, Process};

use super::super::network::{Fate, Network};
use super::super::survey::Tally;
use super::super::transition::{Course, Rules};
use super::super::{Action, ActionKind, Event, Setting, SmallWorld, State};
use super::bag::{Bags, Entry, Link};
use super::names::{Leading, RenamingMemo};
use super::pack::{NODES, Pools};
use super::pool::Number;
use super::rows::Rows;
use super::table::{Dense, Table};

/// What becomes of a cluster when something happens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome {
    pub(super) kind: ActionKind,
    pub(super) end: End,
    /// What the step counts beside itself: what it sends, and is of no use to the receiver.
    pub(super) obsolete: u16,
    /// It is not taken, since it leads beyond the bounds.
    pub(super) is_beyond: bool,
    /// It is not taken, since it changes nothing.
    pub(super) is_stuttering: bool,
}

impl Outcome {
    pub(super) fn count(&self, tally: &mut Tally) {
        tally.obsolete += u64::from(self.obsolete);
        tally.beyond += u64::from(self.is_beyond);
        tally.stuttering += u64::from(self.is_stuttering);
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    /// It cannot happen, or is left out.
    Nowhere,
    /// A promise is broken.
    Breaks,
    /// Another cluster.
    Leads(Lead),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Lead {
    /// The number of the cluster before names are changed, among those that this thread came to.
    pub(super) raw: Number,
    /// Who is another one now, if anybody is.
    pub(super) changed: Option<NodeId>,
    /// The message that arrives stays under way.
    pub(super) stays: bool,
    /// What is under way between these two is lost.
    pub(super) cuts: Option<Link>,
    /// What is sent, if there is room.
    sends: Span,
}

/// Some that stand one behind the other.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    pub(super) fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A thread forgets what it remembers when it has so many outcomes.
const MOST_REMEMBERED: usize = 1 << 20;

/// What a thread worked out.
#[derive(Default)]
pub(super) struct Memo {
    pub(super) outcomes: Vec<Outcome>,
    /// How many steps were worked out since somebody took this count.
    pub(super) worked_out: usize,
    sends: Vec<Number>,
    /// By cluster: what may happen without a message.
    alone: Dense<Span>,
    /// By cluster and envelope: what may happen when the message arrives.
    delivered: Table<Span>,
    raw: Rows,
    /// By raw cluster: its form, and what leads there.
    forms: Vec<(Number, Leading)>,
    /// By node's state and envelope.
    fates: Table<Fate>,
    /// By raw cluster and envelope, where it is left out: invariants may hear of it in one world
    /// around the node and not in another.
    left_out: Table<Fate>,
    pub(super) renamed: RenamingMemo,
}

/// Where parts are known by their numbers.
pub(super) struct Place<'a, S: Setting> {
    pub(super) world: &'a SmallWorld<S>,
    pub(super) pools: &'a Pools<S>,
    /// Gives a cluster its number.
    pub(super) number: &'a dyn Fn(&[Number]) -> Number,
    /// And tells what it is.
    pub(super) row: &'a dyn Fn(Number) -> Vec<Number>,
}

impl Memo {
    /// Forgets what can be worked out again, if it has become too much.
    pub(super) fn forget(&mut self) {
        if self.outcomes.len() < MOST_REMEMBERED {
            return;
        }
        self.outcomes.clear();
        self.sends.clear();
        self.alone.clear();
        self.delivered.clear();
        self.left_out.clear();
        self.raw = Rows::default();
        self.forms.clear();
    }

    /// What may happen to a cluster without a message.
    pub(super) fn alone<S: Setting>(
        &mut self,
        place: &Place<'_, S>,
        bags: &mut Bags,
        number: Number,
    ) -> Span {
        if let Some(span) = self.alone.get(number) {
            return span;
        }
        let state = place.state(&(place.row)(number), &[]);
        let mut actions = Vec::new();
        place.world.actions(&state, &mut actions);
        let span = self.work_out(place, &state, &actions);
        bags.meet(place.pools);
        self.alone.insert(number, span);
        span
    }

    /// What may happen to a cluster when a message arrives.
    pub(super) fn delivered<S: Setting>(
        &mut self,
        place: &Place<'_, S>,
        bags: &mut Bags,
        number: Number,
        envelope: Number,
    ) -> Span {
        if let Some(span) = self.delivered.get(number, envelope) {
            return span;
        }
        let message = Entry::new(envelope, false, 1).0;
        let state = place.state(&(place.row)(number), &[message]);
        let mut actions = Vec::new();
        place.world.deliveries(&state, &mut actions);
        let span = self.work_out(place, &state, &actions);
        bags.meet(place.pools);
        self.delivered.insert(number, envelope, span);
        span
    }

    fn work_out<S: Setting>(
        &mut self,
        place: &Place<'_, S>,
        state: &State<S>,
        actions: &[Action<S::Process>],
    ) -> Span {
        let outcomes = actions.iter();
        let outcomes: Vec<Outcome> = outcomes
            .map(|action| self.outcome(place, state, action))
            .collect();
        let start = self.outcomes.len() as u32;
        self.worked_out += outcomes.len();
        self.outcomes.extend(outcomes);
        let end = self.outcomes.len() as u32;
        Span { start, end }
    }

    fn outcome<S: Setting>(
        &mut self,
        place: &Place<'_, S>,
        state: &State<S>,
        action: &Action<S::Process>,
    ) -> Outcome {
        let Place { world, pools, .. } = place;
        let mut course = Course::under(Rules::Search);
        let next = world.counted_successor(&mut course, state, action);
        let mut obsolete = course.tally.obsolete;
        let end = match next {
            None => End::Nowhere,
            Some(next) if next.broken.is_some() => End::Breaks,
            Some(next) => {
                let mut nodes = state.nodes.iter().zip(&next.nodes);
                let changed = nodes.position(|(before, after)| before != after);
                let stays = stays(action);
                let mut sends = pools.pack_bag(&next.network);
                if let Some(to) = stays {
                    // What stays is looked at together with all else that is for the node.
                    obsolete -= drop_what_stays(&next.network, to, &mut sends);
                }
                End::Leads(Lead {
                    raw: self.raw(place, pools.pack(&next)),
                    changed: changed.map(NodeId::at),
                    stays: stays.is_some(),
                    cuts: match action {
                        Action::Cut(one, other) => Some((*one, *other)),
                        _ => None,
                    },
                    sends: self.sent(&sends),
                })
            }
        };
        Outcome {
            kind: world.kind(action),
            end,
            obsolete: u16::try_from(obsolete).expect("a step sends no more than that"),
            is_beyond: course.tally.beyond > 0,
            is_stuttering: course.tally.stuttering > 0,
        }
    }

    fn sent(&mut self, sends: &[Number]) -> Span {
        let start = self.sends.len() as u32;
        self.sends.extend_from_slice(sends);
        let end = self.sends.len() as u32;
        Span { start, end }
    }

    /// The number of a cluster whose names are as they came.
    fn raw<S: Setting>(&mut self, place: &Place<'_, S>, raw: Vec<Number>) -> Number {
        let number = self.raw.number(&raw);
        if number as usize == self.forms.len() {
            let form = self.form(place, raw);
            self.forms.push(form);
        }
        number
    }

    /// The form of a cluster, and what leads there.
    fn form<S: Setting>(&mut self, place: &Place<'_, S>, raw: Vec<Number>) -> (Number, Leading) {
        let (row, leading) = self.renamed.cluster(place.world, place.pools, raw);
        ((place.number)(&row), leading)
    }

    /// A state in its form, from one whose names are as they came.
    pub(super) fn settle<S: Setting>(
        &mut self,
        place: &Place<'_, S>,
        bags: &mut Bags,
        cluster: Vec<Number>,
        bag: &mut Vec<Number>,
    ) -> Number {
        let Place { world, pools, .. } = place;
        bags.meet(pools);
        bags.sort(bag);
        let (cluster, leading) = self.form(place, cluster);
        self.renamed.bag(world, pools, bags, &leading, bag);
        cluster
    }

    /// What becomes of a bag, of which the message in some place arrives. Its cluster.
    pub(super) fn apply<S: Setting>(
        &mut self,
        place: &Place<'_, S>,
        bags: &mut Bags,
        (lead, arrives): (Lead, Option<usize>),
        bag: &mut Vec<Number>,
        tally: &mut Tally,
    ) -> Number {
        if let Some(place) = arrives.filter(|_| !lead.stays) {
            Bags::take(bag, place);
        }
        if let Some(node) = lead.changed {
            let gone = self.sort_out(place, bags, (lead.raw, node), bag);
            tally.obsolete += gone as u64;
        }
        if let Some(ends) = lead.cuts {
            bags.drop_between(bag, ends);
        }
        let sends = lead.sends.range();
        if !sends.is_empty() {
            let fits = place.world.fits(Bags::in_time(bag));
            for new in &self.sends[sends] {
                match fits {
                    true => bags.send(bag, *new),
                    false => tally.lost += u64::from(Entry(*new).copies()),
                }
            }
        }
        let (cluster, leading) = &self.forms[lead.raw as usize];
        self.renamed
            .bag(place.world, place.pools, bags, leading, bag);
        *cluster
    }

    /// Looks at all that is for a node which is another one now. How many messages are left out.
    fn sort_out<S: Setting>(
        &mut self,
        place: &Place<'_, S>,
        bags: &Bags,
        (raw, node): (Number, NodeId),
        bag: &mut Vec<Number>,
    ) -> usize {
        let Self {
            fates,
            left_out,
            raw: rows,
            ..
        } = self;
        let cluster = rows.row(raw);
        let member = cluster[NODES + node.position()];
        bags.sort_out(bag, node, |envelope| {
            let known = match fates.get(member, envelope) {
                Some(Fate::LeftOut) => left_out.get(raw, envelope),
                known => known,
            };
            known.unwrap_or_else(|| {
                let fate = place.fate(cluster, envelope);
                if fates.get(member, envelope).is_none() {
                    fates.insert(member, envelope, fate);
                }
                if fate == Fate::LeftOut {
                    left_out.insert(raw, envelope, fate);
                }
                fate
            })
        })
    }
}

impl<S: Setting> Place<'_, S> {
    /// A state with this cluster and these messages.
    pub(super) fn state(&self, cluster: &[Number], bag: &[Number]) -> State<S> {
        let in_order = self.world.setting().bounds().in_order;
        self.pools.unpack(cluster, bag, in_order, 0)
    }

    /// What becomes of a message while its receiver is as it is in a cluster.
    fn fate(&self, cluster: &[Number], envelope: Number) -> Fate {
        let state = self.state(cluster, &[]);
        let envelope = self.pools.envelopes.known().value(envelope).clone();
        let receiver = &state.nodes[envelope.to.position()];
        let link = (envelope.from, envelope.to);
        let mut news = Vec::new();
        let rules = Rules::Search;
        let fate = self
            .world
            .fate(rules, receiver, link, &envelope.message, &mut news);
        self.world.say_nothing(&state, &news);
        fate
    }
}

/// Takes the messages to a node out of those that a step left under way: there is one at most,
/// which it delivered. How many were left out instead.
fn drop_what_stays<M>(network: &Network<M>, to: NodeId, sends: &mut Vec<Number>) -> u64
where
    M: PartialEq,
{
    let before = sends.len();
    let mut flights = network.flights().iter();
    sends.retain(|_| flights.next().expect("as many").to != to);
    u64::from(before == sends.len())
}

/// Who gets a message of which a copy stays under way.
fn stays<P: Process>(action: &Action<P>) -> Option<NodeId> {
    match action {
        Action::Input {
            event: Event::Deliver {
                to, stays: true, ..
            },
            ..
        } => Some(*to),
        _ => None,
    }
}
