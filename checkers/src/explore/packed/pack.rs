//! States as rows of numbers, and back.

use snowglobe_systems::digest::Digest;
use snowglobe_systems::process::NodeId;

use super::super::network::{Flight, Network};
use super::super::state::{Member, MessageOf, ProcessOf, Progress, Spent};
use super::super::{Setting, Shared, State};
use super::pool::{Number, Pool};
use super::visited::PackedState;

/// What a state has beside its nodes, its messages, and what is remembered of the past.
#[derive(Clone, PartialEq, Hash)]
struct Rest {
    clients: Vec<Progress>,
    calls: u64,
    spent: Spent,
    cut: Vec<(NodeId, NodeId)>,
}

/// The parts of all states that were met.
pub(super) struct Pools<S: Setting> {
    members: Pool<Shared<Member<ProcessOf<S>>>>,
    flights: Pool<Flight<MessageOf<S>>>,
    invariants: Pool<Shared<S::Invariants>>,
    judges: Pool<Shared<S::Judge>>,
    rests: Pool<Rest>,
}

/// How many parts of each kind there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// States of single nodes.
    pub members: usize,
    /// Messages, by sender, receiver, copies and whether they are late.
    pub flights: usize,
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
            flights: Pool::default(),
            invariants: Pool::default(),
            judges: Pool::default(),
            rests: Pool::default(),
        }
    }
}

impl<S: Setting> Pools<S> {
    /// A state as rows of numbers. One that breaks a promise is not packed: nothing follows it.
    pub(super) fn pack(&self, state: &State<S>) -> PackedState {
        let State {
            nodes,
            network,
            invariants,
            judge,
            clients,
            calls,
            spent,
            cut,
            broken,
            ahead: _,
            depth: _,
        } = state;
        debug_assert!(broken.is_none(), "what breaks a promise is not packed");
        let rest = Rest {
            clients: clients.clone(),
            calls: *calls,
            spent: *spent,
            cut: cut.clone(),
        };
        let mut cluster: Vec<Number> = Vec::with_capacity(nodes.len() + 3);
        cluster.push(self.rests.number(Digest::of(&rest), &rest));
        cluster.push(self.judges.number(judge.digest(), judge));
        cluster.push(self.invariants.number(invariants.digest(), invariants));
        cluster.extend(
            nodes
                .iter()
                .map(|member| self.members.number(member.digest(), member)),
        );
        let flights = network.flights().iter();
        let bag = flights.map(|flight| {
            let mut digest = Digest::new();
            digest.word(flight.ends());
            digest.word(flight.message.digest());
            self.flights.number(digest.value(), flight)
        });
        PackedState {
            cluster,
            bag: bag.collect(),
        }
    }

    /// The state that was packed, so many steps from where the search began.
    pub(super) fn unpack(&self, packed: &PackedState, in_order: bool, depth: u32) -> State<S> {
        let [rest, judge, invariants, members @ ..] = &packed.cluster[..] else {
            unreachable!("a cluster is packed with these three");
        };
        let known = self.flights.known();
        let flights = packed.bag.iter().map(|flight| known.value(*flight).clone());
        let network = Network::of(flights.collect(), in_order);
        let known = self.members.known();
        let members = members.iter().map(|member| known.value(*member).clone());
        let rest = self.rests.known().value(*rest).clone();
        State {
            nodes: members.collect(),
            network,
            invariants: self.invariants.known().value(*invariants).clone(),
            judge: self.judges.known().value(*judge).clone(),
            clients: rest.clients,
            calls: rest.calls,
            spent: rest.spent,
            cut: rest.cut,
            broken: None,
            ahead: false,
            depth,
        }
    }

    /// How many parts there are.
    pub(super) fn parts(&self) -> Parts {
        Parts {
            members: self.members.known().len(),
            flights: self.flights.known().len(),
            memories: self.invariants.known().len(),
            judges: self.judges.known().len(),
            rests: self.rests.known().len(),
        }
    }
}
