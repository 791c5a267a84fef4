//! Raft under a ledger: nobody is told apart, clients call any node.

use std::fmt::Write as _;

use snowglobe_systems::invariants::{ClusterView, Violation};
use snowglobe_systems::ledger::{Ledger, Record, Total};
use snowglobe_systems::process::{NodeId, Process};
use snowglobe_systems::raft::invariants::RaftInvariants;
use snowglobe_systems::raft::{Content, Message, Raft, Term, Timer, marks};
use snowglobe_systems::replica::{Config, Operation, Outcome, Replica, Request};
use snowglobe_systems::vec_map::VecMap;

use super::asked;
use crate::explore::{
    Alike, Bounds, Client, Property, PropertyKind, Scope, Setting, Symmetry, TimerKind, Workload,
};

/// A cluster of replicas of a ledger.
#[derive(Clone, Debug)]
pub struct RaftSetting {
    bounds: Bounds,
    configs: Vec<Config>,
    clients: Vec<Client<Operation<Ledger>>>,
    alike: Alike,
}

/// How many values a read that is under way must at least see, and how many
/// were acknowledged so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Counted {
    acknowledged: u64,
    /// By client: the count when it asked, until it is answered.
    asked: VecMap<usize, u64>,
}

impl RaftSetting {
    /// As many nodes as there are configurations. A client of its own asks for
    /// each operation: values are put into the ledger, and every second client
    /// asks for their number.
    #[must_use]
    pub fn new(bounds: Bounds, mut configs: Vec<Config>) -> Self {
        for config in &mut configs {
            config.snapshot_after_entries =
                (bounds.snapshot_after > 0).then_some(usize::from(bounds.snapshot_after));
            config.raft.compaction_tail_entries = 0;
        }
        Self::tuned(bounds, configs)
    }

    /// As [`new`](Self::new), with nodes that are tuned as their configurations
    /// say, whatever the bounds do.
    #[must_use]
    pub fn tuned(bounds: Bounds, configs: Vec<Config>) -> Self {
        let nodes: Vec<NodeId> = (0..configs.len()).map(NodeId::at).collect();
        let clients = (0..u64::from(bounds.operations))
            .map(|number| Client {
                at: nodes.clone(),
                operations: vec![match number % 2 {
                    0 if bounds.workload == Workload::Usual => Operation::Write {
                        session: None,
                        command: Record::of(number / 2 + 1),
                    },
                    _ => Operation::Read { query: Total },
                }],
                waits: true,
            })
            .collect();
        Self {
            bounds,
            configs,
            clients,
            alike: Alike(nodes),
        }
    }
}

impl Setting for RaftSetting {
    type Process = Replica<Ledger>;
    type Invariants = RaftInvariants;
    type Judge = Counted;

    const NAME: &'static str = "raft";

    fn scopes() -> Vec<Scope> {
        let base = Bounds {
            terms: 2,
            operations: 1,
            timeouts: 2,
            messages: 4,
            ..Bounds::default()
        };
        let scope = |name, change| Scope::of(name, 3, &base, change);
        // Cheap ones first: what they find is found in seconds.
        vec![
            scope("same leader", |bounds| {
                bounds.crashes = 2;
                bounds.workload = Workload::Reads;
            })
            .of_size(2),
            scope("five nodes, three terms", |bounds| {
                bounds.terms = 3;
                bounds.timeouts = 3;
                bounds.messages = 2;
            })
            .of_size(5),
            scope("duplicate", |bounds| bounds.duplicates = 1),
            scope("two crashes", |bounds| {
                bounds.crashes = 2;
                bounds.operations = 0;
            }),
            scope("chunks", |bounds| {
                bounds.crashes = 1;
                bounds.snapshot_after = 1;
                bounds.messages = 3;
            })
            .tuned(&[("snapshot_chunk_bytes", SMALL_CHUNK_BYTES as i64)]),
            scope("chunks resumed", |bounds| {
                bounds.terms = 1;
                bounds.timeouts = 1;
                bounds.beats = 2;
                bounds.snapshot_after = 1;
                bounds.messages = 3;
            })
            .tuned(&[("snapshot_chunk_bytes", SMALL_CHUNK_BYTES as i64)]),
            scope("window", |bounds| {
                bounds.operations = 2;
                bounds.messages = 3;
            })
            .tuned(&[("max_in_flight", 1), ("max_pending", 1)]),
            scope("snapshot", |bounds| {
                bounds.crashes = 1;
                bounds.snapshot_after = 1;
            }),
            scope("crash", |bounds| bounds.crashes = 1),
            scope("read", |bounds| bounds.operations = 2),
            scope("heartbeat", |bounds| bounds.beats = 1),
            scope("five nodes", |bounds| {
                bounds.operations = 0;
                bounds.duplicates = 1;
            })
            .of_size(5),
            scope("three terms", |bounds| {
                bounds.terms = 3;
                bounds.timeouts = 3;
            }),
        ]
    }

    fn workloads() -> &'static [Workload] {
        &[Workload::Usual, Workload::Reads]
    }

    fn usual_scope() -> &'static str {
        "crash"
    }

    fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    fn configs(&self) -> &[Config] {
        &self.configs
    }

    fn clients(&self) -> &[Client<Operation<Ledger>>] {
        &self.clients
    }

    fn properties(&self) -> Vec<Property> {
        let reads = Property {
            name: READ_IS_CURRENT,
            kind: PropertyKind::History,
        };
        properties().chain([reads]).collect()
    }

    fn marks(&self) -> Vec<&'static str> {
        let mut expected = expected_marks(&self.bounds);
        let Bounds {
            snapshot_after,
            operations,
            timeouts,
            beats,
            messages,
            ..
        } = self.bounds;
        // The follower that lags is told by a new leader, or by the old one's heartbeats.
        let is_told = timeouts >= 2 || (timeouts >= 1 && beats >= 2);
        let is_sent = operations > 0 && is_told && messages >= 3;
        if snapshot_after == 1 && is_sent && self.configs.len() == 3 {
            expected.push(marks::SNAPSHOT_INSTALLED);
            let in_chunks = self.configs[0].raft.snapshot_chunk_bytes <= SMALL_CHUNK_BYTES;
            // From one heartbeat to the next it got no further.
            if in_chunks && beats >= 2 {
                expected.push(marks::SNAPSHOT_CHUNK_RESUMED);
            }
        }
        expected
    }

    fn is_within(&self, process: &Replica<Ledger>) -> bool {
        process.raft().term() <= Term(self.bounds.terms)
    }

    fn timer_kind(&self, timer: Timer) -> Option<TimerKind> {
        timer_kind(timer)
    }

    fn symmetry(&self) -> Option<&dyn Symmetry<Self::Process, Self::Invariants>> {
        Some(&self.alike)
    }

    fn read_operation(&self, words: &str) -> Option<Operation<Ledger>> {
        asked::ledger(words)
    }

    /// A write of a session may be answered twice, and is in the ledger once.
    fn is_judged(&self, operation: &Operation<Ledger>) -> bool {
        match operation {
            Operation::Write { session, .. } => session.is_none(),
            Operation::Read { .. } => true,
            Operation::OpenSession | Operation::TransferLeadership { .. } => false,
        }
    }

    fn called(&self, judge: &mut Counted, client: usize, _operation: &Operation<Ledger>) {
        judge.asked.insert(client, judge.acknowledged);
    }

    fn returned(
        &self,
        judge: &mut Counted,
        client: usize,
        outcome: &Outcome<Ledger>,
    ) -> Result<(), Violation> {
        let least = judge.asked.remove(&client).unwrap_or(0);
        match outcome {
            Outcome::Written { .. } => judge.acknowledged += 1,
            Outcome::Answered { answer, .. } if answer.count < least => {
                return Err(Violation::new(
                    READ_IS_CURRENT,
                    [],
                    format!("at least the {least} values acknowledged before it was asked"),
                    format!("a read that counts {}", answer.count),
                ));
            }
            _ => {}
        }
        Ok(())
    }

    fn abandoned(&self, judge: &mut Counted, client: usize) {
        judge.asked.remove(&client);
    }

    fn shape(&self, cluster: &impl ClusterView<Self::Process>) -> String {
        let nodes = (0..cluster.len()).map(|place| cluster.node(NodeId::at(place)));
        let mut shapes: Vec<String> = nodes
            .map(|node| shape(node.process.map(Replica::raft)))
            .collect();
        shapes.sort();
        shapes.join(" ")
    }

    fn dispensable(&self) -> Vec<Vec<NodeId>> {
        minorities(&self.alike.0)
    }

    fn is_well(
        &self,
        cluster: &impl ClusterView<Self::Process>,
        away: &[NodeId],
    ) -> Result<(), String> {
        let nodes = (0..cluster.len()).map(NodeId::at);
        let there = nodes.filter(|node| !away.contains(node));
        is_well(there.map(|node| cluster.node(node).process.map(Replica::raft)))
    }

    fn message_words(message: &Message<Request<Record>>) -> String {
        message.to_string()
    }

    fn timer_words(timer: Timer) -> String {
        timer_words(timer).to_owned()
    }

    fn operation_words(operation: &Operation<Ledger>) -> String {
        asked::of_ledger(operation)
    }

    fn process_words(process: &Self::Process) -> String {
        process.to_string()
    }
}

/// No snapshot of a ledger is so small that it fits into one such chunk.
const SMALL_CHUNK_BYTES: usize = 4;

const READ_IS_CURRENT: &str = "read-is-current";

/// What Raft promises, whatever it replicates.
pub(super) fn properties() -> impl Iterator<Item = Property> {
    use PropertyKind::{State, Step};
    [
        ("election-safety", State),
        ("log-matching", State),
        ("leader-completeness", State),
        ("state-machine-safety", State),
        ("same-state-everywhere", State),
        ("same-snapshot-everywhere", State),
        ("snapshot-of-committed", State),
        ("snapshot-is-the-state", State),
        ("committed-on-majority", State),
        ("committed-survives", State),
        ("indices-ordered", State),
        ("state-is-persisted", State),
        ("one-vote-per-term", Step),
        ("vote-survives-crash", Step),
        ("state-survives-crash", Step),
        ("term-never-decreases", Step),
        ("progress-never-undone", Step),
        ("leader-append-only", Step),
        ("terms-ordered", Step),
        ("committed-never-replaced", Step),
        ("snapshot-moves-forward", Step),
        ("commit-own-term", Step),
        ("persist-before-send", Step),
        ("acknowledged-is-applied", Step),
        ("acknowledged-is-committed", Step),
        ("elected-by-majority", Step),
        ("stands-after-pre-vote", Step),
        ("commit-is-known", Step),
        ("leader-begins-anew", Step),
        ("leader-never-forgets", Step),
        ("match-was-acknowledged", Step),
        ("round-was-echoed", Step),
        ("next-follows-match", Step),
        ("read-round-follows-read", Step),
        ("read-confirmed-by-majority", Step),
        ("read-after-own-commit", Step),
    ]
    .into_iter()
    .map(|(name, kind)| Property { name, kind })
}

/// The marks that a cluster of several nodes must reach within bounds.
pub(super) fn expected_marks(bounds: &Bounds) -> Vec<&'static str> {
    let mut expected = vec![marks::LEADER_ELECTED];
    if bounds.crashes > 0 {
        expected.push(marks::RESTART_WITH_VOTE);
    }
    if bounds.terms >= 2 && bounds.timeouts >= 2 {
        expected.push(marks::LEADER_STEPS_DOWN_ON_HIGHER_TERM);
    }
    expected
}

pub(super) fn timer_kind(timer: Timer) -> Option<TimerKind> {
    Some(match timer {
        Timer::Heartbeat => TimerKind::Beat,
        Timer::Election | Timer::QuorumCheck | Timer::Transfer => TimerKind::Timeout,
    })
}

pub(super) const fn timer_words(timer: Timer) -> &'static str {
    match timer {
        Timer::Election => "election",
        Timer::Heartbeat => "heartbeat",
        Timer::QuorumCheck => "quorum check",
        Timer::Transfer => "transfer",
    }
}

/// Role, term, and the terms of the log up to the commit index and past it.
pub(super) fn shape<C: snowglobe_systems::raft::Command>(raft: Option<&Raft<C>>) -> String {
    let Some(raft) = raft else {
        return "down".to_owned();
    };
    let mut shape = format!("{}{}:", raft.role().letter(), raft.term().0);
    if raft.log().base().index.0 > 0 {
        let _ = write!(shape, "[{}]", raft.log().base().index.0);
    }
    for (index, entry) in raft.log().iter() {
        let letter = match entry.content {
            Content::Noop => "",
            Content::Command(_) => "c",
        };
        let _ = write!(shape, "{}{letter}", entry.term.0);
        if index == raft.commit() {
            shape.push('|');
        }
    }
    shape
}

/// All sets of nodes that are fewer than half of some, but for the empty one.
pub(super) fn minorities(nodes: &[NodeId]) -> Vec<Vec<NodeId>> {
    let all = (1..1_u32 << nodes.len()).map(|set| {
        let places = 0..nodes.len();
        let chosen = places.filter(|place| set >> place & 1 == 1);
        chosen.map(|place| nodes[place]).collect::<Vec<_>>()
    });
    all.filter(|set| 2 * set.len() < nodes.len()).collect()
}

/// Whether a node leads, and everybody is up, follows it, and knows all of its log to be committed.
pub(super) fn is_well<'a, C: snowglobe_systems::raft::Command>(
    nodes: impl Iterator<Item = Option<&'a Raft<C>>>,
) -> Result<(), String> {
    let nodes: Option<Vec<&Raft<C>>> = nodes.collect();
    let Some(nodes) = nodes else {
        return Err("a node is down".to_owned());
    };
    let leader = nodes
        .iter()
        .filter(|raft| raft.role().is_leader())
        .max_by_key(|raft| raft.term());
    let Some(leader) = leader else {
        return Err("nobody leads".to_owned());
    };
    let last = leader.log().last().index;
    let behind = nodes
        .iter()
        .find(|raft| raft.leader() != Some(leader.id()) || raft.applied() != last);
    match behind {
        None => Ok(()),
        Some(raft) => Err(format!(
            "{} does not follow {}, or has not applied {last}",
            raft.id(),
            leader.id()
        )),
    }
}

/// The configurations of a cluster with Raft's default tuning.
#[must_use]
pub fn configs(nodes: usize) -> Vec<<Replica<Ledger> as Process>::Config> {
    vec![Config::of(nodes); nodes]
}
