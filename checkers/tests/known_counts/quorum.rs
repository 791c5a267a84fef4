//! A register that more than half of its servers keep, after Attiya, Bar-Noy and
//! Dolev ("Sharing memory robustly in message-passing systems", 1995): a client's
//! server asks a majority for the latest value, and then has a majority keep what
//! was read or written.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use snowglobe_checkers::explore::Reductions;
use snowglobe_systems::process::NodeId;

use super::history::{Frontier, NothingIsChosen, Observer, Whole};
use super::register::{Mail, Message, Register, Request, Value, majority, peers};
use super::setting::RegisterSetting;
use super::{AS_STATERIGHT, has_states, steps_to_violation};

/// Which of two values is the later one: a count, and who wrote, for ties.
type Stamp = (u16, NodeId);

/// What servers say among themselves.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Inner {
    Latest(Request),
    LatestIs(Request, Stamp, Value),
    Keep(Request, Stamp, Value),
    Kept(Request),
}

/// What a server does for a client.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Errand {
    /// It asks for the latest value, to read it or to write a later one.
    Asks {
        request: Request,
        writes: Option<Value>,
        told: BTreeMap<NodeId, (Stamp, Value)>,
    },
    /// It has a value kept, which was read or written.
    Keeps {
        request: Request,
        reads: Option<Value>,
        kept: BTreeSet<NodeId>,
    },
}

/// A server. It does one errand at a time, and leaves later requests lying.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Quorum {
    id: NodeId,
    servers: u16,
    stamp: Stamp,
    value: Value,
    errand: Option<Errand>,
}

impl Register for Quorum {
    const NAME: &'static str = "quorum register";
    type Inner = Inner;

    fn new(id: NodeId, servers: u16) -> Self {
        Self {
            id,
            servers,
            stamp: (0, id),
            value: 0,
            errand: None,
        }
    }

    fn receive(&mut self, from: NodeId, message: Message<Inner>, mail: &mut Mail<Inner>) {
        match message {
            Message::Write(request, value) => self.begin(request, Some(value), mail),
            Message::Read(request) => self.begin(request, None, mail),
            Message::Inner(Inner::Latest(request)) => {
                let latest = Inner::LatestIs(request, self.stamp, self.value);
                mail.push((from, Message::Inner(latest)));
            }
            Message::Inner(Inner::LatestIs(about, stamp, value)) => {
                self.hear(from, about, (stamp, value), mail);
            }
            Message::Inner(Inner::Keep(request, stamp, value)) => {
                mail.push((from, Message::Inner(Inner::Kept(request))));
                self.keep(stamp, value);
            }
            Message::Inner(Inner::Kept(about)) => self.count(from, about, mail),
            Message::Written(_) | Message::Holds(..) => {}
        }
    }
}

impl Quorum {
    fn tell_peers(&self, inner: &Inner, mail: &mut Mail<Inner>) {
        for peer in peers(self.id, self.servers) {
            mail.push((peer, Message::Inner(inner.clone())));
        }
    }

    fn keep(&mut self, stamp: Stamp, value: Value) {
        if stamp > self.stamp {
            (self.stamp, self.value) = (stamp, value);
        }
    }

    fn begin(&mut self, request: Request, writes: Option<Value>, mail: &mut Mail<Inner>) {
        if self.errand.is_some() {
            return;
        }
        self.errand = Some(Errand::Asks {
            request,
            writes,
            told: BTreeMap::from([(self.id, (self.stamp, self.value))]),
        });
        self.tell_peers(&Inner::Latest(request), mail);
    }

    /// Another server tells its latest value.
    fn hear(&mut self, from: NodeId, about: Request, its: (Stamp, Value), mail: &mut Mail<Inner>) {
        let Some(Errand::Asks {
            request,
            writes,
            told,
        }) = &mut self.errand
        else {
            return;
        };
        if *request != about {
            return;
        }
        told.insert(from, its);
        if told.len() != majority(self.servers) {
            return;
        }
        let (latest, held) = *told.values().max().expect("its own is among them");
        let (stamp, value) = match *writes {
            Some(value) => ((latest.0 + 1, self.id), value),
            None => (latest, held),
        };
        self.errand = Some(Errand::Keeps {
            request: about,
            reads: writes.is_none().then_some(held),
            kept: BTreeSet::from([self.id]),
        });
        self.keep(stamp, value);
        self.tell_peers(&Inner::Keep(about, stamp, value), mail);
    }

    /// Another server keeps what it was told to.
    fn count(&mut self, from: NodeId, about: Request, mail: &mut Mail<Inner>) {
        let Some(Errand::Keeps {
            request,
            reads,
            kept,
        }) = &mut self.errand
        else {
            return;
        };
        if *request != about || !kept.insert(from) || kept.len() != majority(self.servers) {
            return;
        }
        let answer = match *reads {
            Some(value) => Message::Holds(about, value),
            None => Message::Written(about),
        };
        mail.push((about.0, answer));
        self.errand = None;
    }
}

type World<P> = RegisterSetting<Quorum, Observer<P>>;

#[test]
fn two_servers_and_two_clients_have_544_states_and_are_linearizable() {
    has_states(&World::<Whole>::new(2, 2), AS_STATERIGHT, 544);
}

/// A request that finds its server busy is lost for good where a delivery that
/// changes nothing takes the message away.
#[test]
fn with_deliveries_that_change_nothing_there_are_more() {
    has_states(&World::<Whole>::new(2, 2), Reductions::NONE, 626);
}

#[test]
fn what_matters_of_the_past_has_fewer_states_than_all_of_it() {
    has_states(&World::<Frontier>::new(2, 2), AS_STATERIGHT, 465);
}

#[test]
fn a_value_is_read_after_eleven_steps() {
    let steps = steps_to_violation(RegisterSetting::<Quorum, NothingIsChosen>::new(2, 2));
    assert_eq!(steps.len(), 11, "{steps:#?}");
}
