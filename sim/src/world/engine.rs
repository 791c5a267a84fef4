//! The adapter to madsim: simulated time, nodes that can be killed, and sockets.
//!
//! One task per simulated node receives; a receive is never cancelled, since a
//! cancelled one loses its message. One task, on a node of its own that never
//! dies, is the wire: it watches the agenda and hands each parcel to its
//! receiver's socket when it has spent its time on the link. So a message in
//! flight survives its sender, and no node's sends wait for each other.
//!
//! What costs here is how often madsim polls a task. So parcels for one
//! receiver that are due together travel together, the sends of one moment are
//! polled together when they end together, and a sleep is polled once.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use madsim::net::{Endpoint, NetSim};
use madsim::runtime::{Handle, Runtime};
use madsim::time::{Sleep, TimeHandle};
use snowglobe_checkers::explore::StatesDigest;
use snowglobe_systems::invariants::Invariants;
use snowglobe_systems::process::{NodeId, Process};

use super::network::Parcel;
use super::trace::TraceDigest;
use super::{Blueprint, Breakage, Counters, Director, Marks, Order, World};
use crate::faults::{FamilySet, Incident};
use crate::time::SimTime;

/// What is known of a run when it is over.
#[derive(Clone, Debug)]
pub struct Finished {
    /// What broke, if anything did.
    pub breakage: Option<Breakage>,
    /// The digest over all events and the final states.
    pub digest: TraceDigest,
    /// The digest of the final states alone.
    pub states: StatesDigest,
    /// The simulated time at the end.
    pub at: SimTime,
    /// What was counted.
    pub counters: Counters,
    /// The marks that were reached.
    pub marks: Marks,
    /// How many events were traced.
    pub events: u64,
    /// Every fault that happened, in the order of time.
    pub struck: Vec<Incident>,
    /// The families of the faults that changed anything.
    pub effective: FamilySet,
}

/// Parcels for one receiver that are due at the same moment travel together,
/// as packets do that wait for the same interrupt.
type Train = Vec<Parcel>;

/// The tag under which trains travel; the sockets carry nothing else.
const TAG: u64 = 1;
/// What a send takes in madsim, from its first poll to its end.
const SEND: Duration = Duration::from_millis(1);
const PORT: u16 = 1;
const WIRE: Ipv4Addr = Ipv4Addr::new(10, 0, 255, 1);

type Shared<P, I> = Arc<Mutex<World<P, I>>>;

/// Runs a world until its director says that it is over, or something breaks.
///
/// Call it on a fresh thread: madsim's determinism ends where thread-local
/// state of an earlier run begins.
pub fn run<P, I, D>(blueprint: Blueprint<P::Config>, director: D) -> (Finished, D)
where
    P: Process,
    I: Invariants<P>,
    D: Director<P, I>,
{
    run_watched(blueprint, I::default(), director)
}

/// As [`run`], watched over by invariants that already know something.
pub fn run_watched<P, I, D>(
    blueprint: Blueprint<P::Config>,
    invariants: I,
    director: D,
) -> (Finished, D)
where
    P: Process,
    I: Invariants<P>,
    D: Director<P, I>,
{
    let runtime = Runtime::with_seed_and_config(blueprint.seed.0, madsim::Config::default());
    let mut world = World::new(blueprint, invariants);
    world.start_all();
    let ids: Vec<NodeId> = world.node_ids().collect();
    let world = Arc::new(Mutex::new(world));
    let finished = runtime.block_on(async {
        NetSim::current().update_config(|config| {
            // The wire decides all delays; the socket adds only its fixed hop.
            config.send_latency = Duration::ZERO..Duration::from_nanos(1);
        });
        let handle = Handle::current();
        let machines = ids
            .iter()
            .map(|id| build_node(&handle, &world, *id))
            .collect();
        let wire = handle.create_node().name("wire").ip(WIRE.into()).build();
        let watch = Watch {
            world: Arc::clone(&world),
            director,
            machines,
            sleep: None,
        };
        let finished = wire.spawn(watch.run()).await;
        // Dropping a runtime whose sockets still wait leaks them; a killed node leaks nothing.
        for id in &ids {
            handle.kill(name(*id));
        }
        handle.kill(wire.id());
        madsim::time::sleep(Duration::from_millis(1)).await;
        finished
    });
    finished.expect("the wire is never killed before it is done")
}

fn name(id: NodeId) -> String {
    id.to_string()
}

fn address(id: NodeId) -> SocketAddr {
    SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, id.0), PORT).into()
}

fn lock<P: Process, I: Invariants<P>>(world: &Shared<P, I>) -> MutexGuard<'_, World<P, I>> {
    world
        .lock()
        .expect("a step never unwinds with the world locked")
}

fn build_node<P: Process, I: Invariants<P>>(
    handle: &Handle,
    world: &Shared<P, I>,
    id: NodeId,
) -> madsim::task::NodeId {
    let world = Arc::clone(world);
    handle
        .create_node()
        .name(name(id))
        .ip(address(id).ip())
        .init(move || receive(Arc::clone(&world), id))
        .build()
        .id()
}

/// The life of one incarnation of a node: take what comes out of its socket.
async fn receive<P: Process, I: Invariants<P>>(world: Shared<P, I>, id: NodeId) {
    let incarnation = lock(&world).incarnation(id);
    let time = TimeHandle::current();
    let endpoint = Endpoint::bind(address(id))
        .await
        .expect("a killed node has released its address");
    // A receive takes a simulated millisecond, and no two trains for a node
    // leave within less, so one at a time keeps up however many messages come.
    while let Ok((payload, _)) = endpoint.recv_from_raw(TAG).await {
        let train = payload
            .downcast::<Train>()
            .expect("only trains travel under this tag");
        let mut train = *train;
        let mut world = lock(&world);
        world.now = elapsed(&time);
        for parcel in train.drain(..) {
            world.arrive(incarnation, parcel);
        }
        world.spare_trains.push(train);
    }
}

fn elapsed(time: &TimeHandle) -> SimTime {
    SimTime::default() + time.elapsed()
}

/// The task that watches the agenda.
struct Watch<P: Process, I: Invariants<P>, D> {
    world: Shared<P, I>,
    director: D,
    machines: Vec<madsim::task::NodeId>,
    /// A pending sleep, and when it ends. It is polled once: each poll of a
    /// sleep leaves one more timer behind in madsim.
    sleep: Option<(SimTime, Pin<Box<Sleep>>)>,
}

impl<P: Process, I: Invariants<P>, D: Director<P, I>> Watch<P, I, D> {
    async fn run(mut self) -> (Finished, D) {
        let endpoint = Endpoint::bind(SocketAddr::from((WIRE, PORT)))
            .await
            .expect("the wire's address is its own");
        let time = TimeHandle::current();
        let handle = Handle::current();
        {
            let mut world = lock(&self.world);
            world.now = elapsed(&time);
            self.director.begin(&mut world);
        }
        let mut sends = Sends::default();
        let mut trains: Vec<Train> = self.machines.iter().map(|_| Train::new()).collect();
        poll_fn(|context| {
            loop {
                if self.turn(&time, &handle, &mut trains) {
                    return Poll::Ready(());
                }
                for (place, train) in trains.iter_mut().enumerate() {
                    if !train.is_empty() {
                        let to = address(NodeId::at(place));
                        let spare = lock(&self.world).spare_trains.pop();
                        let train = Box::new(std::mem::replace(train, spare.unwrap_or_default()));
                        let send = Box::pin(endpoint.send_to_raw(to, TAG, train));
                        sends.begin(elapsed(&time), send, context);
                    }
                }
                sends.end(elapsed(&time), context);
                if self.settle_down(&time, context) {
                    return Poll::Pending;
                }
            }
        })
        .await;
        let mut world = lock(&self.world);
        let finished = Finished {
            breakage: world.breakage().cloned(),
            at: world.now(),
            digest: world.close(),
            states: world.states(),
            counters: world.counters().clone(),
            marks: world.marks(),
            events: world.events(),
            struck: world.struck().to_vec(),
            effective: world.effective(),
        };
        drop(world);
        (finished, self.director)
    }

    /// Does what is due now. Whether the run is over.
    fn turn(&mut self, time: &TimeHandle, handle: &Handle, trains: &mut [Train]) -> bool {
        let mut world = lock(&self.world);
        world.run_until(elapsed(time), &mut self.director);
        if world.breakage().is_some() || self.director.is_over(&mut world) {
            return true;
        }
        for order in std::mem::take(&mut world.orders) {
            self.obey(handle, order);
        }
        for parcel in std::mem::take(&mut world.outgoing) {
            if world.process(parcel.to).is_some() {
                trains[parcel.to.position()].push(parcel);
            } else {
                world.unreachable(parcel);
            }
        }
        false
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
        let mut world = lock(&self.world);
        let now = elapsed(time);
        world.waker = Some(context.waker().clone());
        let Some(next) = world.agenda.next_at() else {
            world.expected_at = None;
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
        world.expected_at = self.sleep.as_ref().map(|(until, _)| *until);
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
