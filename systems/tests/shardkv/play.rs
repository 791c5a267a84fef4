//! What becomes of a world in which anything may go wrong, and what its
//! clients may rely on all the same.

use snowglobe_systems::kv::{self, Answer, Get};
use snowglobe_systems::process::{InvocationId, NodeId};
use snowglobe_systems::raft;
use snowglobe_systems::service;
use snowglobe_systems::shardctrler::{self, Command, GroupId, Shard};
use snowglobe_systems::shardkv::{Operation, Outcome, Timer};
use snowglobe_systems::vec_map::VecMap;
use snowglobe_systems::vec_set::VecSet;

use crate::story::{
    ANN, BOB, G1, G2, G3, OPERATOR, RULER, Tuning, World, appending, key_in, servers, world_of,
};

pub(crate) const GROUPS: [GroupId; 3] = [G1, G2, G3];
pub(crate) const CLERKS: [NodeId; 2] = [ANN, BOB];

/// What a clerk was asked to append. Nothing else looks like it.
struct Append {
    clerk: NodeId,
    life: usize,
    call: InvocationId,
    shard: Shard,
    text: String,
}

/// What a clerk was asked to read, and what was written there before.
struct Reading {
    clerk: NodeId,
    life: usize,
    call: InvocationId,
    shard: Shard,
    written: Vec<String>,
}

pub(crate) struct Play {
    pub(crate) world: World,
    /// A clerk with several slots does several things at a time, in no order.
    lanes: u8,
    /// How often Ann and Bob came back.
    lives: [usize; 2],
    appends: Vec<Append>,
    readings: Vec<Reading>,
}

impl Play {
    pub(crate) fn new(lanes: u8, snapshot_after_bytes: Option<usize>) -> Self {
        let mut world = world_of(&Tuning {
            lanes,
            clerks: CLERKS.len(),
            snapshot_after_bytes,
            ..Tuning::default()
        });
        world.join(&[G1]);
        world.poll();
        Self {
            world,
            lanes,
            lives: [0; 2],
            appends: Vec::new(),
            readings: Vec::new(),
        }
    }

    fn life(&self, clerk: NodeId) -> usize {
        self.lives[clerk.position() - ANN.position()]
    }

    pub(crate) fn append(&mut self, clerk: NodeId, shard: Shard) {
        if !self.world.is_up(clerk) {
            return;
        }
        let text = format!("<{}>", self.appends.len());
        let write = kv::Operation::Write(appending(shard, &text));
        let call = self.world.invoke(clerk, Operation::Keys(write));
        self.appends.push(Append {
            clerk,
            life: self.life(clerk),
            call,
            shard,
            text,
        });
    }

    pub(crate) fn get(&mut self, clerk: NodeId, shard: Shard) {
        if !self.world.is_up(clerk) {
            return;
        }
        let here = self.appends.iter().filter(|append| append.shard == shard);
        let written = here.filter(|append| self.world.is_done(append.call));
        let written = written.map(|append| append.text.clone()).collect();
        let read = kv::Operation::Read(Get { key: key_in(shard) });
        let call = self.world.invoke(clerk, Operation::Keys(read));
        self.readings.push(Reading {
            clerk,
            life: self.life(clerk),
            call,
            shard,
            written,
        });
    }

    /// Somebody asks for a change, which may be refused, or come too late for anybody to hear of it.
    pub(crate) fn operate(&mut self, command: Command) {
        let operation = shardctrler::Operation::Write(command);
        self.world
            .invoke(OPERATOR, Operation::Controller(operation));
    }

    pub(crate) fn join(&mut self, group: GroupId) {
        let groups = VecMap::from([(group, servers(group))]);
        self.operate(Command::Join { groups });
    }

    pub(crate) fn leave(&mut self, group: GroupId) {
        let groups = VecSet::from([group]);
        self.operate(Command::Leave { groups });
    }

    /// Nobody in a group hears a leader any more; one of the servers stands first.
    pub(crate) fn elect(&mut self, first: NodeId) {
        let election = service::Timer::Raft(raft::Timer::Election);
        let group = GROUPS.into_iter().find(|it| servers(*it).contains(&first));
        for server in group.map(servers).into_iter().flatten().chain([first]) {
            self.world.timeout(server, Timer::Group(election));
        }
        self.world.timeout(RULER, Timer::Controller(election));
    }

    pub(crate) fn restart(&mut self, node: NodeId) {
        if !self.world.is_up(node) && CLERKS.contains(&node) {
            self.lives[node.position() - ANN.position()] += 1;
        }
        self.world.restart(node);
    }
}

/// After all that.
impl Play {
    /// Heals everything and lets time pass until everybody is served.
    pub(crate) fn heal(&mut self) {
        self.world.heal();
        for node in self.world.names() {
            self.restart(node);
        }
        self.world.settle();
        // There must be somebody to serve the clients.
        self.join(G1);
        for _ in 0..60 {
            self.let_time_pass();
            if self.is_over() {
                break;
            }
        }
        // Some more, so that all servers hear what is committed.
        for _ in 0..2 {
            self.let_time_pass();
        }
    }

    fn let_time_pass(&mut self) {
        for node in self.world.names() {
            let is_led = |group| self.world.leader_of(group).is_some();
            let group = GROUPS.into_iter().find(|it| servers(*it).contains(&node));
            let is_patient = group.is_some_and(is_led);
            for timer in self.world.timers(node).clone() {
                use service::Timer::Raft;
                if is_patient && timer == Timer::Group(Raft(raft::Timer::Election)) {
                    continue;
                }
                self.world.timeout(node, timer);
            }
            self.world.settle();
        }
    }

    /// Whether all calls are answered whose clerk did not crash over them, and all shards are in place.
    fn is_over(&self) -> bool {
        let newest = self.world.ruling().number;
        let is_at_rest = |group: GroupId| {
            let leader = self.world.leader_of(group);
            leader.is_some_and(|leader| {
                let machine = self.world.server(leader).machine();
                machine.configuration().number == newest
                    && machine.outgoing().is_empty()
                    && !machine.awaits_any()
            })
        };
        self.unanswered() == 0 && GROUPS.into_iter().all(is_at_rest)
    }

    fn unanswered(&self) -> usize {
        let open = |clerk, life, call| life == self.life(clerk) && !self.world.is_done(call);
        let appends = self
            .appends
            .iter()
            .filter(|a| open(a.clerk, a.life, a.call));
        let readings = self
            .readings
            .iter()
            .filter(|r| open(r.clerk, r.life, r.call));
        appends.count() + readings.count()
    }

    /// Everything that a client may rely on.
    pub(crate) fn assert_promises(&self) {
        self.world.assert_held();
        assert_eq!(self.unanswered(), 0, "a healed service answers");
        assert!(self.is_over(), "shards come to where they belong");
        for group in GROUPS {
            for node in servers(group) {
                let machine = self.world.server(node).machine();
                assert_eq!(machine, self.world.group(group), "{node}");
            }
        }
        self.assert_once();
        self.assert_order();
        self.assert_readings();
    }

    /// What is in a shard, at its owner.
    fn text(&self, shard: Shard) -> &str {
        let owner = self.world.ruling().owner(shard).expect("G1 at least");
        let state = self.world.group(owner).holdings()[&shard].state();
        let state = state.expect("its owner has it");
        state.store().get(&key_in(shard)).unwrap_or_default()
    }

    fn assert_once(&self) {
        let done = Outcome::Keys(kv::Outcome::Written(kv::Response::Done));
        for append in &self.appends {
            let outcome = self.world.outcomes.get(&append.call);
            // No session ends, so nobody is left in doubt.
            assert!(outcome.is_none_or(|it| *it == done), "{outcome:?}");
            let text = self.text(append.shard);
            let times = text.matches(&append.text).count();
            let least = usize::from(outcome.is_some());
            let found = (least..=1).contains(&times);
            assert!(found, "{} {times} times in {text}", append.text);
        }
    }

    /// A clerk with one slot does one thing after the other. What it did not
    /// finish before a crash may come later than what it did after.
    fn assert_order(&self) {
        if self.lanes > 1 {
            return;
        }
        let mut last = VecMap::new();
        for append in &self.appends {
            let text = self.text(append.shard);
            if let Some(place) = text.find(&append.text) {
                let before = last.insert((append.clerk, append.life, append.shard), place);
                assert!(before < Some(place), "{} too early in {text}", append.text);
            }
        }
    }

    /// Whatever was written stays, and nobody reads the past.
    fn assert_readings(&self) {
        for reading in &self.readings {
            let outcome = self.world.outcomes.get(&reading.call);
            let Some(Outcome::Keys(kv::Outcome::Answered(Answer(answer)))) = outcome else {
                assert_eq!(outcome, None);
                continue;
            };
            let (seen, text) = (answer.as_ref(), self.text(reading.shard));
            let seen = seen.map_or("", |value| &*value.0);
            assert!(text.starts_with(seen), "{seen} before {text}");
            for written in &reading.written {
                let is_seen = seen.contains(written);
                assert!(is_seen, "{written} was written, not in {seen}");
            }
        }
    }
}
