//! The sealed world: nodes, network, disks and clocks under one simulated time.
//!
//! [`World`] holds all state and takes every decision, of time too: it knows nothing of
//! what drives it. An [`engine`] does: madsim, which carries parcels over its `Endpoint`,
//! kills and restarts nodes, and lets simulated time pass; or a plain loop. Both come to
//! the same digest. A [`Director`] decides what the clients ask and when the run is over.

mod agenda;
pub(crate) mod breakage;
mod cluster;
mod counters;
mod director;
pub mod disk;
mod due;
pub mod engine;
mod faults;
mod found;
mod frozen;
mod inbox;
mod lifecycle;
pub mod network;
mod node;
mod record;
pub mod session;
mod sockets;
mod step;
mod tally;
mod timers;
pub mod trace;

use std::collections::{BTreeSet, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use snowglobe_checkers::explore::StatesDigest;
use snowglobe_systems::invariants::{ClusterView, Invariants};
use snowglobe_systems::process::{Effects, Input, InvocationId, NodeId, Process};

use self::agenda::{Agenda, Due};
use self::cluster::{Cluster, Onlooker};
use self::engine::Finished;
use self::frozen::Frozen;
use self::network::{LinkQuality, Network};
use self::node::{Life, Node};
use self::record::Record;
use self::sockets::Sockets;
use self::tally::Tally;
use self::trace::{EventKind, Trace, TraceDigest};
use crate::draw::Streams;
use crate::faults::{FamilySet, FaultFamily, Incident};
use crate::seed::Seed;
use crate::time::SimTime;

pub use self::breakage::{Breakage, Broken, IllegalHistory, Suspicion};
pub use self::counters::{Counters, MARKS, Marks};
pub use self::director::{Copies, Director};
pub use self::frozen::Held;
pub use self::node::Incarnation;
pub use self::record::{NodeEvent, NodeEventKind, Sent};
pub(crate) use snowglobe_checkers::panics::message_of;

/// Memory for messages that nobody else holds.
#[derive(Default)]
struct Spare(Vec<Arc<Vec<u8>>>);

/// A copy of a world has memory of its own.
impl Clone for Spare {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// Everything that a world is made of before its first event.
#[derive(Clone, Debug)]
pub struct Blueprint<C> {
    /// Feeds every random decision.
    pub seed: Seed,
    /// One configuration per node.
    pub configs: Vec<C>,
    /// The quality of every link, until a fault changes it.
    pub links: LinkQuality,
    /// How long a sync takes on every disk, until a fault changes it.
    pub sync: Range<Duration>,
    /// A node's write-ahead log is folded into a checkpoint when it has grown by this many bytes.
    pub checkpoint_bytes: usize,
    /// What goes wrong, in the order of its beginnings.
    pub faults: Vec<Incident>,
    /// How many inputs that waited for a node it takes before it is
    /// [flushed](snowglobe_systems::process::Process::flush), at most; at least 1.
    pub batch: u64,
    /// How many steps a run may take before it counts as one that hangs, beside those that calls
    /// of clients ask for: some for each call on each node.
    pub step_budget: u64,
}

/// All state of one simulated run. A copy goes on as the original does.
#[derive(Clone)]
pub struct World<P: Process, I: Invariants<P>> {
    now: SimTime,
    configs: Vec<P::Config>,
    nodes: Vec<Node<P>>,
    network: Network,
    agenda: Agenda,
    /// The whole schedule.
    incidents: Vec<Incident>,
    /// The incidents of nodes that have begun, have an end, and are not over, by
    /// their place in the schedule; but for crashes, which each node keeps itself.
    active: BTreeSet<usize>,
    streams: Streams,
    /// Processes take the first possibility of what they choose.
    starts_without_choice: bool,
    invariants: I,
    onlooker: Onlooker<P>,
    trace: Trace,
    tally: Tally,
    counters: Counters,
    breakage: Option<Breakage>,
    suspicion: Option<Suspicion>,
    /// Every fault that happened, whoever asked for it.
    struck: Vec<Incident>,
    /// The families of the faults that changed what a node or a disk did.
    effective: FamilySet,
    step_budget: u64,
    batch: u64,
    checkpoint_bytes: usize,
    /// How long a sync takes on a disk that is well.
    base_sync: Range<Duration>,
    next_invocation: u64,
    /// Who was asked, by the number of the call, from the oldest that may yet
    /// be answered to the newest; `None` once it was. A node answers a call at
    /// most once, and only what its own life was asked.
    outstanding: VecDeque<Option<(NodeId, Incarnation)>>,
    next_parcel: u64,
    next_ticket: u64,
    /// What is held, from the moment on at which nothing happens by itself.
    frozen: Option<Frozen<P::Message>>,
    /// What happened to the nodes, if anybody wants to know.
    record: Option<Box<Record<P>>>,
    /// It freezes when so many steps were taken.
    freeze_after: Option<u64>,
    /// Answers that the director has not seen.
    returns: Vec<(InvocationId, P::Outcome)>,
    /// What nodes said unasked, and the director has not heard.
    tells: Vec<(NodeId, P::Outcome)>,
    /// Alarms that the director has not heard.
    alarms: Vec<u64>,
    /// Whether the director was asked if the run is over since anything happened.
    asked: bool,
    /// The sockets of its engine.
    sockets: Sockets,
    /// Memory for the effects of a step, kept from one to the next.
    scratch: Effects<P>,
    /// Memory for encoded messages.
    spare_bytes: Spare,
}

impl<P: Process, I: Invariants<P>> World<P, I> {
    /// A world in which nothing has started yet, and what watches over it.
    #[must_use]
    pub fn new(blueprint: Blueprint<P::Config>, invariants: I) -> Self {
        let streams = Streams::new(blueprint.seed);
        let nodes = (0..blueprint.configs.len())
            .map(|place| Node::new(NodeId::at(place), blueprint.sync.clone()))
            .collect();
        let mut agenda = Agenda::default();
        for (place, fault) in blueprint.faults.iter().enumerate() {
            agenda.put(fault.at, Due::Begins(place));
        }
        Self {
            now: SimTime::default(),
            network: Network::new(blueprint.configs.len(), blueprint.links, &streams),
            configs: blueprint.configs,
            nodes,
            agenda,
            incidents: blueprint.faults,
            active: BTreeSet::new(),
            streams,
            starts_without_choice: false,
            invariants,
            onlooker: Onlooker::NOBODY,
            trace: Trace::default(),
            tally: Tally::default(),
            counters: Counters::default(),
            breakage: None,
            suspicion: None,
            struck: Vec::new(),
            effective: FamilySet::default(),
            step_budget: blueprint.step_budget,
            batch: blueprint.batch,
            checkpoint_bytes: blueprint.checkpoint_bytes,
            base_sync: blueprint.sync,
            next_invocation: 0,
            outstanding: VecDeque::new(),
            next_parcel: 0,
            next_ticket: 0,
            frozen: None,
            record: None,
            freeze_after: None,
            returns: Vec::new(),
            tells: Vec::new(),
            alarms: Vec::new(),
            asked: false,
            sockets: Sockets::default(),
            scratch: Effects::new(),
            spare_bytes: Spare::default(),
        }
    }

    /// The simulated time.
    #[must_use]
    pub fn now(&self) -> SimTime {
        self.now
    }

    /// The names of all nodes, in order.
    pub fn node_ids(&self) -> impl Iterator<Item = NodeId> + use<P, I> {
        (0..self.nodes.len()).map(NodeId::at)
    }

    /// The process of a node, while it is up.
    #[must_use]
    pub fn process(&self, id: NodeId) -> Option<&P> {
        self.nodes[id.position()].process()
    }

    /// What a node's disk would give back after a crash now.
    #[must_use]
    pub fn durable(&self, id: NodeId) -> &P::Durable {
        self.nodes[id.position()].durable()
    }

    /// Whether a node is up and takes inputs.
    #[must_use]
    pub fn is_running(&self, id: NodeId) -> bool {
        let node = &self.nodes[id.position()];
        node.process().is_some() && !node.paused
    }

    /// Why a node refuses to start, if it does.
    #[must_use]
    pub fn refusal(&self, id: NodeId) -> Option<&str> {
        match &self.nodes[id.position()].life {
            Life::Refused { why, .. } => Some(why),
            Life::Up(_) | Life::Down(_) => None,
        }
    }

    /// How many nodes there are.
    #[must_use]
    pub fn size(&self) -> usize {
        self.nodes.len()
    }

    /// The links.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// What was counted so far.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The marks that were reached so far.
    #[must_use]
    pub fn marks(&self) -> Marks {
        self.tally.marks()
    }

    /// The bytes that a node's disk holds.
    #[must_use]
    pub fn disk_bytes(&self, id: NodeId) -> usize {
        self.nodes[id.position()].disk.used()
    }

    /// Reaches a mark on behalf of whoever watches.
    pub fn mark(&mut self, mark: &'static str) {
        self.tally.count(mark);
    }

    /// Asks to be called after a while; the token comes back.
    pub fn alarm(&mut self, after: Duration, token: u64) {
        self.agenda.put(self.now + after, Due::Alarm(token));
    }

    /// Calls a node on behalf of a client. `None` if the node is down; a
    /// paused node takes the call when it resumes.
    pub fn invoke(&mut self, id: NodeId, operation: P::Operation) -> Option<InvocationId> {
        self.process(id)?;
        self.next_invocation += 1;
        let invocation = InvocationId(self.next_invocation);
        self.counters.invoked += 1;
        self.outstanding.push_back(Some((id, self.incarnation(id))));
        let content = snowglobe_systems::digest::Digest::of(&operation);
        self.trace
            .event(self.now, Some(id), EventKind::Invoke, content, || {
                format!("{invocation} {operation:?}")
            });
        self.input(
            id,
            Input::Invoke {
                invocation,
                operation,
            },
        );
        Some(invocation)
    }

    /// Notes that the run enters another phase.
    pub fn phase(&mut self, name: &str) {
        let content = snowglobe_systems::digest::Digest::of(name);
        self.trace
            .event(self.now, None, EventKind::Phase, content, || {
                name.to_owned()
            });
    }

    /// What watches over the nodes.
    #[must_use]
    pub fn invariants(&self) -> &I {
        &self.invariants
    }

    /// Lets somebody look at the nodes whenever a step is over, or a node goes down.
    pub(crate) fn attach_onlooker(&mut self, look: impl FnMut(&Cluster<'_, P>) + Send + 'static) {
        self.onlooker = Onlooker::new(look);
    }

    /// Every fault that happened so far, in the order of time.
    #[must_use]
    pub fn struck(&self) -> &[Incident] {
        &self.struck
    }

    /// The families of the faults that changed anything so far.
    #[must_use]
    pub fn effective(&self) -> FamilySet {
        self.effective.union(self.network.effective())
    }

    fn took_effect(&mut self, family: FaultFamily) {
        self.effective.insert(family);
    }

    /// Closes the books: the digest over all events and the final states.
    pub fn close(&mut self) -> TraceDigest {
        for node in &self.nodes {
            self.trace.state(&node.process());
            self.trace.state(node.durable());
        }
        self.trace.digest()
    }

    /// Closes the books of a run that is over.
    pub(crate) fn finish(&mut self) -> Finished {
        Finished {
            breakage: self.breakage().cloned(),
            at: self.now(),
            digest: self.close(),
            states: self.states(),
            counters: self.counters().clone(),
            marks: self.marks(),
            events: self.events(),
            struck: self.struck().to_vec(),
            effective: self.effective(),
        }
    }

    /// The digest of what all nodes are and have on their disks now.
    #[must_use]
    pub fn states(&self) -> StatesDigest {
        StatesDigest::of(&self.cluster())
    }

    /// All nodes, as the invariants see them.
    pub fn cluster(&self) -> impl ClusterView<P> + '_ {
        Cluster(&self.nodes)
    }

    /// How many events were traced.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.trace.events()
    }
}
