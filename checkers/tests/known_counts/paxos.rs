//! Paxos for one value, after Lamport ("Paxos made simple", 2001), as a register
//! that can be written once: every write stands for a ballot, and who reads is
//! told the value that was chosen, by a server that knows it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use snowglobe_checkers::explore::{Order, Reductions, SearchEngine};
use snowglobe_systems::process::NodeId;

use super::history::{Frontier, NothingIsChosen, Observer, Whole};
use super::register::{Mail, Message, Register, Request, Value, majority, peers};
use super::setting::RegisterSetting;
use super::{AS_STATERIGHT, distinct, has_states, steps_to_violation};

/// A count, and whose ballot it is.
type Ballot = (u16, NodeId);
/// A value, and the request that brought it up.
type Proposal = (Request, Value);
/// What a server accepted, and in which ballot.
type Accepted = Option<(Ballot, Proposal)>;

/// What servers say among themselves.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Inner {
    Prepare(Ballot),
    Promise(Ballot, Accepted),
    Accept(Ballot, Proposal),
    HasAccepted(Ballot),
    Chosen(Ballot, Proposal),
}

/// A server: proposer, acceptor and learner.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Paxos {
    id: NodeId,
    servers: u16,
    ballot: Ballot,
    proposal: Option<Proposal>,
    promises: BTreeMap<NodeId, Accepted>,
    acceptances: BTreeSet<NodeId>,
    accepted: Accepted,
    knows: bool,
}

impl Register for Paxos {
    const NAME: &'static str = "paxos";
    type Inner = Inner;

    fn new(id: NodeId, servers: u16) -> Self {
        Self {
            id,
            servers,
            ballot: (0, NodeId::at(0)),
            proposal: None,
            promises: BTreeMap::new(),
            acceptances: BTreeSet::new(),
            accepted: None,
            knows: false,
        }
    }

    fn receive(&mut self, from: NodeId, message: Message<Inner>, mail: &mut Mail<Inner>) {
        match message {
            Message::Read(request) if self.knows => {
                let (_, (_, value)) = self.accepted.expect("what was chosen is kept");
                mail.push((from, Message::Holds(request, value)));
            }
            // Who knows what was chosen has nothing more to say.
            _ if self.knows => {}
            Message::Write(request, value) => self.propose((request, value), mail),
            Message::Inner(inner) => self.hear(from, inner, mail),
            Message::Read(_) | Message::Written(_) | Message::Holds(..) => {}
        }
    }
}

impl Paxos {
    fn tell_peers(&self, inner: &Inner, mail: &mut Mail<Inner>) {
        for peer in peers(self.id, self.servers) {
            mail.push((peer, Message::Inner(inner.clone())));
        }
    }

    /// A client's value, unless this server has brought one up already.
    fn propose(&mut self, proposal: Proposal, mail: &mut Mail<Inner>) {
        if self.proposal.is_some() {
            return;
        }
        self.proposal = Some(proposal);
        self.ballot = (self.ballot.0 + 1, self.id);
        self.promises = BTreeMap::from([(self.id, self.accepted)]);
        self.acceptances.clear();
        self.tell_peers(&Inner::Prepare(self.ballot), mail);
    }

    fn hear(&mut self, from: NodeId, inner: Inner, mail: &mut Mail<Inner>) {
        match inner {
            Inner::Prepare(ballot) if ballot > self.ballot => {
                self.ballot = ballot;
                mail.push((from, Message::Inner(Inner::Promise(ballot, self.accepted))));
            }
            Inner::Promise(ballot, accepted) if ballot == self.ballot => {
                self.promises.insert(from, accepted);
                if self.promises.len() == majority(self.servers) {
                    self.ask_to_accept(mail);
                }
            }
            Inner::Accept(ballot, proposal) if ballot >= self.ballot => {
                self.ballot = ballot;
                self.accepted = Some((ballot, proposal));
                mail.push((from, Message::Inner(Inner::HasAccepted(ballot))));
            }
            Inner::HasAccepted(ballot) if ballot == self.ballot => {
                self.acceptances.insert(from);
                if self.acceptances.len() == majority(self.servers) {
                    self.announce(mail);
                }
            }
            Inner::Chosen(ballot, proposal) => {
                self.ballot = ballot;
                self.accepted = Some((ballot, proposal));
                self.knows = true;
            }
            Inner::Prepare(_) | Inner::Promise(..) | Inner::Accept(..) | Inner::HasAccepted(_) => {}
        }
    }

    /// A majority follows this ballot. What one of them has accepted in the latest
    /// ballot before may have been chosen, and so it is this ballot's value too.
    fn ask_to_accept(&mut self, mail: &mut Mail<Inner>) {
        let latest = self.promises.values().max().copied().flatten();
        let own = self.proposal.expect("it stands for a ballot with a value");
        let proposal = latest.map_or(own, |(_, proposal)| proposal);
        self.proposal = Some(proposal);
        self.accepted = Some((self.ballot, proposal));
        self.acceptances.insert(self.id);
        self.tell_peers(&Inner::Accept(self.ballot, proposal), mail);
    }

    fn announce(&mut self, mail: &mut Mail<Inner>) {
        self.knows = true;
        let proposal = self.proposal.expect("it stands for a ballot with a value");
        self.tell_peers(&Inner::Chosen(self.ballot, proposal), mail);
        let (request, _) = proposal;
        mail.push((request.0, Message::Written(request)));
    }
}

type World<P> = RegisterSetting<Paxos, Observer<P>>;

#[test]
fn one_client_has_265_states_and_all_is_linearizable() {
    has_states(&World::<Whole>::new(3, 1), AS_STATERIGHT, 265);
}

#[test]
fn two_clients_have_16_668_states_and_all_is_linearizable() {
    has_states(&World::<Whole>::new(3, 2), AS_STATERIGHT, 16_668);
}

/// Looked at in one way only: these are more than a million.
#[test]
fn three_clients_have_1_194_428_states_and_all_is_linearizable() {
    let setting = World::<Whole>::new(3, 3);
    let found = distinct(
        setting,
        AS_STATERIGHT,
        (SearchEngine::Packed, Order::Breadth, 2),
    );
    assert_eq!(found, 1_194_428);
}

/// What changes nothing is often a message that comes too late, and a bag
/// without it is another bag.
#[test]
fn with_deliveries_that_change_nothing_there_are_more() {
    has_states(&World::<Whole>::new(3, 1), Reductions::NONE, 701);
}

/// Whatever calls and answers were, there is a state for all of them and one for
/// what matters of them: since both are equally many, nodes and messages
/// tell as much of the past as there is to tell.
#[test]
fn what_matters_of_the_past_has_no_fewer_states_than_all_of_it() {
    has_states(&World::<Frontier>::new(3, 2), AS_STATERIGHT, 16_668);
}

#[test]
fn a_value_is_read_after_eight_steps() {
    let steps = steps_to_violation(RegisterSetting::<Paxos, NothingIsChosen>::new(3, 2));
    assert_eq!(steps.len(), 8, "{steps:#?}");
}
