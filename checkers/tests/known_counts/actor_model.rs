//! The same processes as actors of stateright's own model, with its own network
//! and its own tester of histories. What it counts must be what we count: then
//! an equal number is no accident of how a protocol was written anew.

use std::borrow::Cow;
use std::marker::PhantomData;

use snowglobe_checkers::explore::{Order, SearchEngine};
use snowglobe_systems::process::{Effect, Effects, Input, NodeId, Process};
use stateright::actor::{Actor, ActorModel, Envelope, Id, Network, Out};
use stateright::semantics::register::{Register as Object, RegisterOp, RegisterRet};
use stateright::semantics::{ConsistencyTester, LinearizabilityTester};
use stateright::{Checker, Expectation, Model};

use super::history::{Observer, Whole};
use super::paxos::Paxos;
use super::quorum::Quorum;
use super::register::{Config, Message, Notes, Party, Register, Value};
use super::setting::RegisterSetting;
use super::single_copy::SingleCopy;
use super::{AS_STATERIGHT, distinct};

/// A node as an actor.
pub(crate) struct Hosted<R> {
    config: Config,
    server: PhantomData<fn() -> R>,
}

fn node(id: Id) -> NodeId {
    NodeId::at(usize::from(id))
}

fn send_all<R: Register>(effects: &mut Effects<Party<R>>, out: &mut Out<Hosted<R>>) {
    for effect in effects.drain() {
        if let Effect::Send { to, message } = effect {
            out.send(Id::from(to.position()), message);
        }
    }
}

impl<R: Register> Actor for Hosted<R> {
    type Msg = Message<R::Inner>;
    type State = Party<R>;
    type Timer = ();
    type Random = ();
    type Storage = ();

    fn on_start(&self, id: Id, _: &Option<()>, out: &mut Out<Self>) -> Party<R> {
        let mut effects = Effects::new();
        let party = Party::start(node(id), &self.config, Notes, &mut effects);
        send_all(&mut effects, out);
        party
    }

    fn on_msg(
        &self,
        _: Id,
        state: &mut Cow<'_, Party<R>>,
        from: Id,
        message: Self::Msg,
        out: &mut Out<Self>,
    ) {
        let mut party = (**state).clone();
        let mut effects = Effects::new();
        let from = node(from);
        party.step(Input::Receive { from, message }, &mut effects);
        if party != **state {
            *state = Cow::Owned(party);
        }
        send_all(&mut effects, out);
    }
}

pub(crate) type Tester = LinearizabilityTester<Id, Object<Value>>;
pub(crate) type Hosts<R> = ActorModel<Hosted<R>, (), Tester>;

fn note_asked<I>(_: &(), past: &Tester, sent: Envelope<&Message<I>>) -> Option<Tester> {
    let asked = match sent.msg {
        Message::Write(_, value) => RegisterOp::Write(*value),
        Message::Read(_) => RegisterOp::Read,
        _ => return None,
    };
    let mut past = past.clone();
    past.on_invoke(sent.src, asked)
        .expect("a client waits for its answer");
    Some(past)
}

fn note_told<I>(_: &(), past: &Tester, arrived: Envelope<&Message<I>>) -> Option<Tester> {
    let told = match arrived.msg {
        Message::Written(_) => RegisterRet::WriteOk,
        Message::Holds(_, value) => RegisterRet::ReadOk(*value),
        _ => return None,
    };
    let mut past = past.clone();
    past.on_return(arrived.dst, told)
        .expect("a client has asked");
    Some(past)
}

pub(crate) fn hosts<R: Register>(servers: u16, clients: u16) -> Hosts<R> {
    let actors = (0..servers + clients).map(|_| Hosted {
        config: Config { servers },
        server: PhantomData,
    });
    ActorModel::new((), Tester::new(Object(0)))
        .actors(actors)
        .init_network(Network::new_unordered_nonduplicating([]))
        .property(Expectation::Always, "linearizable", |_, state| {
            state.history.serialized_history().is_some()
        })
        .record_msg_in(note_told)
        .record_msg_out(note_asked)
}

fn agree<R: Register>(servers: u16, clients: u16) {
    let theirs = hosts::<R>(servers, clients).checker().spawn_bfs().join();
    theirs.assert_properties();
    let setting = RegisterSetting::<R, Observer<Whole>>::new(servers, clients);
    let ours = distinct(
        setting,
        AS_STATERIGHT,
        (SearchEngine::Packed, Order::Breadth, 1),
    );
    let who = (R::NAME, servers, clients);
    assert_eq!(ours, theirs.unique_state_count(), "{who:?}");
}

#[test]
fn our_adapter_and_the_actor_model_of_stateright_agree() {
    for clients in 1..=3 {
        agree::<SingleCopy>(1, clients);
    }
    for (servers, clients) in [(1, 2), (2, 1), (2, 2), (3, 1)] {
        agree::<Quorum>(servers, clients);
        agree::<Paxos>(servers, clients);
    }
}
