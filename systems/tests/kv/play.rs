//! What becomes of a world in which anything may go wrong, and what its
//! clients may rely on all the same.

use snowglobe_systems::kv::{Answer, Outcome};
use snowglobe_systems::process::{InvocationId, NodeId};
use snowglobe_systems::raft;
use snowglobe_systems::service::Timer;
use snowglobe_systems::vec_map::VecMap;

use crate::story::{ANN, BOB, N1, N2, N3, World, clerk, server, world_of};

const ELECTION: Timer = Timer::Raft(raft::Timer::Election);

/// How servers keep sessions and logs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) sessions: usize,
    pub(crate) idle: Option<usize>,
    pub(crate) snapshot: Option<usize>,
}

/// What a clerk was asked to append. Nothing else looks like it.
struct Append {
    clerk: NodeId,
    life: usize,
    call: InvocationId,
    text: String,
}

/// What a clerk was asked to read, and what was written before.
struct Get {
    clerk: NodeId,
    life: usize,
    call: InvocationId,
    written: Vec<String>,
}

pub(crate) struct Play {
    pub(crate) world: World,
    /// How often Ann and Bob came back.
    lives: [usize; 2],
    appends: Vec<Append>,
    gets: Vec<Get>,
}

impl Play {
    pub(crate) fn new(limits: Limits) -> Self {
        let mut server = server();
        server.max_sessions = limits.sessions;
        server.session_idle_entries = limits.idle;
        server.snapshot_after_bytes = limits.snapshot;
        server.raft.snapshot_chunk_bytes = 50;
        server.raft.snapshot_window_bytes = 100;
        server.max_pending_entries = 3;
        server.remembered_answers = limits.sessions % 3;
        server.raft.max_in_flight_entries = 4;
        server.raft.max_batch_entries = 2;
        let mut world = world_of(&server, &clerk());
        world.elect(N1);
        Self {
            world,
            lives: [0; 2],
            appends: Vec::new(),
            gets: Vec::new(),
        }
    }

    fn life(&self, clerk: NodeId) -> usize {
        self.lives[clerk.position() - ANN.position()]
    }

    pub(crate) fn append(&mut self, clerk: NodeId) {
        if self.world.is_up(clerk) {
            let text = format!("<{}>", self.appends.len());
            let call = self.world.append(clerk, &text);
            self.appends.push(Append {
                clerk,
                life: self.life(clerk),
                call,
                text,
            });
        }
    }

    pub(crate) fn get(&mut self, clerk: NodeId) {
        if self.world.is_up(clerk) {
            let written = self.appends.iter().filter(|append| self.is_written(append));
            let written = written.map(|append| append.text.clone()).collect();
            let call = self.world.get(clerk);
            self.gets.push(Get {
                clerk,
                life: self.life(clerk),
                call,
                written,
            });
        }
    }

    /// All election timers fire, that of `first` again when all are ready.
    pub(crate) fn elect(&mut self, first: NodeId) {
        for server in [N1, N2, N3, first] {
            self.world.timeout(server, ELECTION);
        }
    }

    pub(crate) fn restart(&mut self, node: NodeId) {
        if !self.world.is_up(node) && node >= ANN {
            self.lives[node.position() - ANN.position()] += 1;
        }
        self.world.restart(node);
    }

    fn is_written(&self, append: &Append) -> bool {
        let outcome = self.world.outcome(append.call);
        matches!(outcome, Some(Outcome::Written(_)))
    }
}

/// After all that.
impl Play {
    /// Heals everything and lets time pass until all servers agree.
    pub(crate) fn heal(&mut self) {
        self.world.heal();
        for node in self.world.names() {
            self.restart(node);
        }
        self.world.settle();
        for _ in 0..100 {
            if self.are_clerks_done() {
                break;
            }
            self.let_time_pass();
        }
        // Some more, so that all servers hear what is committed.
        for _ in 0..3 {
            self.let_time_pass();
        }
    }

    fn let_time_pass(&mut self) {
        let world = &mut self.world;
        for node in [N1, N2, N3] {
            if ![N1, N2, N3].iter().any(|server| world.leads(*server)) {
                world.timeout(node, ELECTION);
                world.settle();
            }
        }
        for node in [N1, N2, N3] {
            world.timeout(node, Timer::Raft(raft::Timer::Transfer));
            world.timeout(node, Timer::Raft(raft::Timer::Heartbeat));
            world.settle();
        }
        for clerk in [ANN, BOB] {
            for timer in world.timers(clerk).clone() {
                world.timeout(clerk, timer);
            }
            world.settle();
        }
    }

    /// Whether all calls are answered whose clerk did not crash over them.
    fn are_clerks_done(&self) -> bool {
        let done = |clerk, life, call| life != self.life(clerk) || self.is_answered(call);
        self.appends.iter().all(|a| done(a.clerk, a.life, a.call))
            && self.gets.iter().all(|g| done(g.clerk, g.life, g.call))
    }

    fn is_answered(&self, call: InvocationId) -> bool {
        self.world.outcome(call).is_some()
    }

    /// Everything that a client may rely on.
    pub(crate) fn assert_promises(&self) {
        self.world.assert_held();
        assert!(self.are_clerks_done(), "a healed cluster answers");
        for server in [N2, N3] {
            let (one, other) = (self.world.replica(N1), self.world.replica(server));
            assert_eq!(one.machine(), other.machine(), "{server}");
            assert_eq!(one.sessions(), other.sessions(), "{server}");
        }
        self.assert_once();
        self.assert_order();
        self.assert_gets();
    }

    fn assert_once(&self) {
        let page = self.world.text(N1);
        for append in &self.appends {
            let times = page.matches(&append.text).count();
            let least = usize::from(self.is_written(append));
            let found = (least..=1).contains(&times);
            assert!(found, "{} {times} times in {page}", append.text);
        }
    }

    /// A clerk with one slot does one thing after the other. What it did not
    /// finish before a crash may come later than what it did after.
    fn assert_order(&self) {
        let page = self.world.text(N1);
        let mut last = VecMap::new();
        for append in &self.appends {
            if let Some(place) = page.find(&append.text) {
                let before = last.insert((append.clerk, append.life), place);
                let text = &append.text;
                assert!(before < Some(place), "{text} too early in {page}");
            }
        }
    }

    /// Whatever is on the page stays, and nobody reads a page of the past.
    fn assert_gets(&self) {
        let page = self.world.text(N1);
        for get in &self.gets {
            let Some(Outcome::Answered(Answer(answer))) = self.world.outcome(get.call) else {
                continue;
            };
            let seen = answer.as_ref().map_or("", |value| &*value.0);
            assert!(page.starts_with(seen), "{seen} before {page}");
            for text in &get.written {
                assert!(seen.contains(text), "{text} was written, not in {seen}");
            }
        }
    }
}
