//! The adapter to madsim: simulated time, nodes that can be killed, and sockets.
//!
//! One task per simulated node receives; a receive is never cancelled, since a
//! cancelled one loses its message. One task, on a node of its own that never
//! dies, is the wire: it watches the run and hands each parcel to its receiver's
//! socket shortly before it arrives. So a message in flight survives its sender,
//! and no node's sends wait for each other.
//!
//! madsim's clock is never behind that of the world, and sometimes a little before
//! it: the world waits for parcels that are late, and what it comes to does not
//! depend on when they come.
//!
//! What costs here is how often madsim polls a task. So parcels for one
//! receiver that leave together travel together, the sends of one moment are
//! polled together when they end together, and a sleep is polled once.

mod carriage;

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use madsim::net::{Endpoint, NetSim};
use madsim::runtime::{Handle, Runtime};
use madsim::time::{Sleep, TimeHandle};
use snowglobe_systems::process::NodeId;

use self::carriage::{Carriage, Train};
use super::super::due::{Advance, Until};
use super::super::sockets::Errand;
use super::Finished;
use super::driven::Driven;
use crate::seed::Seed;
use crate::time::SimTime;

/// The tag under which trains travel; the sockets carry nothing else.
const TAG: u64 = 1;
/// What a send takes in madsim, from its first poll to its end.
const SEND: Duration = Duration::from_millis(1);
const PORT: u16 = 1;
const WIRE: Ipv4Addr = Ipv4Addr::new(10, 0, 255, 1);

/// What the tasks share.
struct Shared {
    run: Arc<Mutex<dyn Driven>>,
    carriage: Carriage,
    /// What must be done to madsim's nodes, in this order.
    orders: Vec<Order>,
    /// What the run came to last.
    advance: Advance,
    /// Wakes the wire, while it sleeps.
    waker: Option<Waker>,
    /// When the wire looks again by itself.
    expected_at: Option<SimTime>,
}

/// What must be done to one of madsim's nodes.
#[derive(Clone, Copy, Debug)]
enum Order {
    Kill(NodeId),
    Restart(NodeId),
}

impl Shared {
    /// Does what is due by now, and notes what has to be done for it.
    fn turn(&mut self, now: SimTime) {
        if self.advance == Advance::Over {
            return;
        }
        let mut run = self
            .run
            .lock()
            .expect("a step never unwinds with it locked");
        self.advance = run.advance(Until::time(now));
        for errand in run.errands() {
            match errand {
                Errand::Carry(parcel) => self.carriage.take(parcel),
                Errand::Kill(node) => {
                    self.carriage.loses_socket(node);
                    self.orders.push(Order::Kill(node));
                }
                Errand::Restart(node) => {
                    // What was for its last life may come to its new one, or be lost.
                    self.carriage.gets_socket(node, run.parcels_to(node));
                    self.orders.push(Order::Restart(node));
                }
            }
        }
    }

    /// When there is something to do next without a parcel that comes.
    fn next_at(&self) -> Option<SimTime> {
        let due = match self.advance {
            Advance::Until(at) => Some(at),
            Advance::Over | Advance::ForParcel | Advance::Steps => None,
        };
        let leaves = self.carriage.next_at();
        due.into_iter().chain(leaves).min()
    }

    /// A node's socket is there.
    fn has_socket(&mut self, node: NodeId) {
        self.carriage.has_socket(node);
        self.wake();
    }

    /// A train came out of a node's socket.
    fn arrives(&mut self, mut train: Train, now: SimTime) {
        {
            let mut run = self
                .run
                .lock()
                .expect("a step never unwinds with it locked");
            for parcel in train.drain(..) {
                run.bring(parcel);
            }
        }
        self.carriage.keep_spare(train);
        self.turn(now);
        let is_early = match (self.next_at(), self.expected_at) {
            (Some(next), Some(expected)) => next < expected && expected > now + SOON,
            (next, None) => next.is_some(),
            (None, Some(_)) => false,
        };
        if is_early || !self.orders.is_empty() || self.advance == Advance::Over {
            self.wake();
        }
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// madsim cannot sleep for less, so whoever is about to look anyway need not be woken.
const SOON: Duration = Duration::from_millis(1);

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().expect("a turn never unwinds")
}

/// Drives a run to its end.
pub(super) fn drive(seed: Seed, run: Arc<Mutex<dyn Driven>>) -> Finished {
    let runtime = Runtime::with_seed_and_config(seed.0, madsim::Config::default());
    let size = {
        let mut run = run.lock().expect("nobody else has it");
        run.begin();
        run.size()
    };
    let shared = Arc::new(Mutex::new(Shared {
        run: run.clone(),
        carriage: Carriage::new(size),
        orders: Vec::new(),
        advance: Advance::Until(SimTime::START),
        waker: None,
        expected_at: None,
    }));
    let ids: Vec<NodeId> = (0..size).map(NodeId::at).collect();
    runtime.block_on(async {
        NetSim::current().update_config(|config| {
            // The world decides all delays; the socket adds only its fixed hop.
            config.send_latency = Duration::ZERO..Duration::from_nanos(1);
        });
        let handle = Handle::current();
        let machines = ids.iter().map(|id| build_node(&handle, &shared, *id));
        let machines = machines.collect();
        let wire = handle.create_node().name("wire").ip(WIRE.into()).build();
        let wired = Wire {
            shared: Arc::clone(&shared),
            machines,
            sleep: None,
        };
        let over = wire.spawn(wired.run()).await;
        // Dropping a runtime whose sockets still wait leaks them; a killed node leaks nothing.
        for id in &ids {
            handle.kill(name(*id));
        }
        handle.kill(wire.id());
        madsim::time::sleep(Duration::from_millis(1)).await;
        over.expect("the wire is never killed before it is done");
    });
    run.lock()
        .expect("a step never unwinds with it locked")
        .finish()
}

fn name(id: NodeId) -> String {
    id.to_string()
}

fn address(id: NodeId) -> SocketAddr {
    let [high, low] = id.0.to_be_bytes();
    SocketAddrV4::new(Ipv4Addr::new(10, 1, high, low), PORT).into()
}

fn build_node(handle: &Handle, shared: &Arc<Mutex<Shared>>, id: NodeId) -> madsim::task::NodeId {
    let shared = Arc::clone(shared);
    handle
        .create_node()
        .name(name(id))
        .ip(address(id).ip())
        .init(move || receive(Arc::clone(&shared), id))
        .build()
        .id()
}

/// The life of one socket of a node: take what comes out of it.
async fn receive(shared: Arc<Mutex<Shared>>, id: NodeId) {
    let time = TimeHandle::current();
    let endpoint = Endpoint::bind(address(id))
        .await
        .expect("a killed node has released its address");
    lock(&shared).has_socket(id);
    // A receive takes a simulated millisecond, and no two trains for a node
    // leave within less, so one at a time keeps up however many messages come.
    while let Ok((payload, _)) = endpoint.recv_from_raw(TAG).await {
        let train = payload
            .downcast::<Train>()
            .expect("only trains travel under this tag");
        lock(&shared).arrives(*train, elapsed(&time));
    }
}

fn elapsed(time: &TimeHandle) -> SimTime {
    SimTime::default() + time.elapsed()
}

/// The task that watches the run, and sends what leaves.
struct Wire {
    shared: Arc<Mutex<Shared>>,
    machines: Vec<madsim::task::NodeId>,
    /// A pending sleep, and when it ends. It is polled once: each poll of a
    /// sleep leaves one more timer behind in madsim.
    sleep: Option<(SimTime, Pin<Box<Sleep>>)>,
}

impl Wire {
    async fn run(mut self) {
        let endpoint = Endpoint::bind(SocketAddr::from((WIRE, PORT)))
            .await
            .expect("the wire's address is its own");
        let time = TimeHandle::current();
        let handle = Handle::current();
        let mut sends = Sends::default();
        poll_fn(|context| {
            loop {
                let now = elapsed(&time);
                let mut shared = lock(&self.shared);
                shared.turn(now);
                if shared.advance == Advance::Over {
                    return Poll::Ready(());
                }
                for order in std::mem::take(&mut shared.orders) {
                    self.obey(&handle, order);
                }
                let trains = shared.carriage.leave(now);
                drop(shared);
                for (to, train) in trains {
                    let send = Box::pin(endpoint.send_to_raw(address(to), TAG, Box::new(train)));
                    sends.begin(elapsed(&time), send, context);
                }
                sends.end(elapsed(&time), context);
                if self.settle_down(&time, context) {
                    return Poll::Pending;
                }
            }
        })
        .await;
    }

    fn obey(&self, handle: &Handle, order: Order) {
        let machine = |id: NodeId| self.machines[id.position()];
        match order {
            Order::Kill(id) => handle.kill(machine(id)),
            Order::Restart(id) => {
                // Without the kill the old sockets would stay bound.
                handle.kill(machine(id));
                handle.restart(machine(id));
            }
        }
    }

    /// Arranges to be woken for the next thing that is due. Whether there is
    /// nothing to do before that.
    fn settle_down(&mut self, time: &TimeHandle, context: &mut Context<'_>) -> bool {
        let mut shared = lock(&self.shared);
        let now = elapsed(time);
        shared.waker = Some(context.waker().clone());
        let Some(next) = shared.next_at() else {
            shared.expected_at = None;
            return true;
        };
        if next <= now {
            return false;
        }
        if self.sleep.as_ref().is_some_and(|(until, _)| *until <= now) {
            self.sleep = None;
        }
        if self.sleep.as_ref().is_none_or(|(until, _)| next < *until) {
            let mut sleep = Box::pin(time.sleep(next.since(now)));
            if sleep.as_mut().poll(context).is_ready() {
                return false;
            }
            let until = SimTime::default() + elapsed_at(&sleep, time);
            self.sleep = Some((until, sleep));
        }
        shared.expected_at = self.sleep.as_ref().map(|(until, _)| *until);
        true
    }
}

type Send<'a> = Pin<Box<dyn Future<Output = io::Result<()>> + std::marker::Send + 'a>>;

/// Sends under way, by the time at which they end.
///
/// Each is polled twice: when it begins, and when it must have ended. A poll in
/// between would leave a timer behind in madsim.
#[derive(Default)]
struct Sends<'a>(VecDeque<(SimTime, Send<'a>)>);

impl<'a> Sends<'a> {
    fn begin(&mut self, now: SimTime, mut send: Send<'a>, context: &mut Context<'_>) {
        if send.as_mut().poll(context).is_pending() {
            self.0.push_back((now + SEND, send));
        }
    }

    fn end(&mut self, now: SimTime, context: &mut Context<'_>) {
        while let Some((ends, send)) = self.0.front_mut()
            && *ends <= now
            && send.as_mut().poll(context).is_ready()
        {
            self.0.pop_front();
        }
    }
}

/// When a sleep ends, as time since the start of the run.
fn elapsed_at(sleep: &Sleep, time: &TimeHandle) -> Duration {
    time.elapsed() + sleep.deadline().duration_since(time.now_instant())
}
