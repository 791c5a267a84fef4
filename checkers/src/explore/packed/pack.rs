//! States as rows of numbers, and back.

use snowglobe_systems::digest::Digest;
use snowglobe_systems::process::NodeId;

use super::super::network::{Flight, Network};
use super::super::state::{Member, MessageOf, ProcessOf, Progress, Spent};
use super::super::{Setting, Shared, State};
use super::bag::{Entry, Link};
use super::pool::{Number, Pool};

/// What a state has beside its nodes, its messages, and what is remembered of the past.
#[derive(Clone, PartialEq, Hash)]
pub(super) struct Rest {
    pub(super) clients: Vec<Progress>,
    calls: u64,
    spent: Spent,
    pub(super) cut: Vec<Link>,
}

/// A message with its sender and its receiver.
pub(super) struct Envelope<M> {
    pub(super) from: NodeId,
    pub(super) to: NodeId,
    pub(super) message: Shared<M>,
}

impl<M> Clone for Envelope<M> {
    fn clone(&self) -> Self {
        Self {
            from: self.from,
            to: self.to,
            message: self.message.clone(),
        }
    }
}

impl<M: PartialEq> PartialEq for Envelope<M> {
    fn eq(&self, other: &Self) -> bool {
        (self.from, self.to) == (other.from, other.to) && self.message == other.message
    }
}

/// Where in the row of a cluster everything stands: budgets and clients' progress, what clients
/// saw, what the invariants remember, and then the nodes.
pub(super) const REST: usize = 0;
const JUDGE: usize = 1;
pub(super) const MEMORY: usize = 2;
pub(super) const NODES: usize = 3;

/// The parts of all states that were met.
pub(super) struct Pools<S: Setting> {
    pub(super) members: Pool<Shared<Member<ProcessOf<S>>>>,
    pub(super) envelopes: Pool<Envelope<MessageOf<S>>>,
    pub(super) memories: Pool<Shared<S::Invariants>>,
    judges: Pool<Shared<S::Judge>>,
    pub(super) rests: Pool<Rest>,
}

/// How many parts of each kind there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// States of single nodes.
    pub members: usize,
    /// Messages, each by sender and receiver.
    pub messages: usize,
    /// What the invariants remembered.
    pub memories: usize,
    /// What clients saw.
    pub judges: usize,
    /// Budgets, clients' progress and cuts.
    pub rests: usize,
}

impl<S: Setting> Default for Pools<S> {
    fn default() -> Self {
        Self {
            members: Pool::default(),
            envelopes: Pool::default(),
            memories: Pool::default(),
            judges: Pool::default(),
            rests: Pool::default(),
        }
    }
}

impl<S: Setting> Pools<S> {
    /// All of a state but its messages, as a row of numbers. Whether it breaks a promise is left
    /// out: nothing follows such a state.
    pub(super) fn pack(&self, state: &State<S>) -> Vec<Number> {
        let State {
            nodes,
            network: _,
            invariants,
            judge,
            clients,
            calls,
            spent,
            cut,
            broken: _,
            ahead: _,
            depth: _,
        } = state;
        let rest = Rest {
            clients: clients.clone(),
            calls: *calls,
            spent: *spent,
            cut: cut.clone(),
        };
        let mut cluster: Vec<Number> = Vec::with_capacity(nodes.len() + NODES);
        cluster.push(self.rest(&rest));
        cluster.push(self.judges.number(judge.digest(), judge));
        cluster.push(self.memories.number(invariants.digest(), invariants));
        cluster.extend(nodes.iter().map(|member| self.member(member)));
        cluster
    }

    pub(super) fn rest(&self, rest: &Rest) -> Number {
        self.rests.number(Digest::of(rest), rest)
    }

    pub(super) fn member(&self, member: &Shared<Member<ProcessOf<S>>>) -> Number {
        self.members.number(member.digest(), member)
    }

    pub(super) fn envelope(&self, envelope: &Envelope<MessageOf<S>>) -> Number {
        let mut digest = Digest::new();
        digest.word(u64::from(envelope.from.0) << 16 | u64::from(envelope.to.0));
        digest.word(envelope.message.digest());
        self.envelopes.number(digest.value(), envelope)
    }

    /// What is under way, one after the other.
    pub(super) fn pack_bag(&self, network: &Network<MessageOf<S>>) -> Vec<Number> {
        let flights = network.flights().iter();
        let bag = flights.map(|flight| {
            let envelope = self.envelope(&Envelope {
                from: flight.from,
                to: flight.to,
                message: flight.message.clone(),
            });
            Entry::new(envelope, flight.late, flight.copies).0
        });
        bag.collect()
    }

    /// The state that was packed, so many steps from where the search began.
    pub(super) fn unpack(
        &self,
        cluster: &[Number],
        bag: &[Number],
        in_order: bool,
        depth: u32,
    ) -> State<S> {
        let rest = self.rests.known().value(cluster[REST]).clone();
        let known = self.members.known();
        let members = cluster[NODES..].iter();
        let members = members.map(|member| known.value(*member).clone());
        State {
            nodes: members.collect(),
            network: self.network(bag, in_order),
            invariants: self.memories.known().value(cluster[MEMORY]).clone(),
            judge: self.judges.known().value(cluster[JUDGE]).clone(),
            clients: rest.clients,
            calls: rest.calls,
            spent: rest.spent,
            cut: rest.cut,
            broken: None,
            ahead: false,
            depth,
        }
    }

    fn network(&self, bag: &[Number], in_order: bool) -> Network<MessageOf<S>> {
        let known = self.envelopes.known();
        let flights = bag.iter().map(|entry| {
            let entry = Entry(*entry);
            let Envelope { from, to, message } = known.value(entry.envelope()).clone();
            Flight {
                from,
                to,
                message,
                copies: entry.copies(),
                late: entry.is_late(),
            }
        });
        Network::of(flights.collect(), in_order)
    }

    /// A digest of a cluster that does not depend on the order in which its parts were met.
    pub(super) fn digest(&self, cluster: &[Number]) -> u64 {
        let mut digest = Digest::new();
        digest.word(self.rests.known().digest(cluster[REST]));
        digest.word(self.judges.known().digest(cluster[JUDGE]));
        digest.word(self.memories.known().digest(cluster[MEMORY]));
        let known = self.members.known();
        for member in &cluster[NODES..] {
            digest.word(known.digest(*member));
        }
        digest.value()
    }

    /// How many parts there are.
    pub(super) fn parts(&self) -> Parts {
        Parts {
            members: self.members.known().len(),
            messages: self.envelopes.known().len(),
            memories: self.memories.known().len(),
            judges: self.judges.known().len(),
            rests: self.rests.known().len(),
        }
    }
}
