//! Words in which the stories are told.

use std::sync::Arc;

use snowglobe_systems::mapreduce::applications::WordCount;
use snowglobe_systems::mapreduce::invariants::MapReduceInvariants;
use snowglobe_systems::mapreduce::{
    App, Config, Coordinator, Expected, Job, Message, Node, Role, Timer, Tuning, WorkerNode, cut,
    sequentially,
};
use snowglobe_systems::process::{NodeId, Process as _};

use crate::cluster::{Cluster, Envelope};

pub(crate) type World = Cluster<Node, MapReduceInvariants>;

pub(crate) const STORE: NodeId = NodeId(1);
pub(crate) const COORDINATOR: NodeId = NodeId(2);
pub(crate) const W1: NodeId = NodeId(3);
pub(crate) const W2: NodeId = NodeId(4);

pub(crate) const TEXT: &str = "\
to be or not to be
that is the question
whether tis nobler in the mind to suffer
the slings and arrows of outrageous fortune
or to take arms against a sea of troubles
";

pub(crate) fn word_count() -> Job {
    job_of(App::new("wc", WordCount))
}

pub(crate) fn job_of(app: App) -> Job {
    Job {
        app,
        splits: cut("hamlet", TEXT, 40).into(),
        partitions: 2,
    }
}

/// A store, a coordinator and two workers.
pub(crate) fn world(job: &Job) -> World {
    let tuning = Tuning {
        lag_checks: None,
        ..Tuning::default()
    };
    world_of(job, 2, &tuning)
}

/// A store, a coordinator and so many workers.
pub(crate) fn world_of(job: &Job, workers: usize, tuning: &Tuning) -> World {
    let job = Arc::new(job.clone());
    let config = |role| Config {
        job: job.clone(),
        role,
        store: STORE,
        coordinator: COORDINATOR,
        tuning: tuning.clone(),
    };
    let mut configs = vec![config(Role::Store), config(Role::Coordinator)];
    configs.resize(2 + workers, config(Role::Worker { slowness: 1 }));
    for config in &configs {
        assert_eq!(Node::check(config), Ok(()));
    }
    Cluster::of(configs)
}

/// The same, and nobody has said anything yet: what the first pings would begin is lost.
pub(crate) fn quiet(job: &Job) -> World {
    let mut world = world(job);
    world.bag.clear();
    world
}

pub(crate) fn is_published(envelope: &Envelope<Node>) -> bool {
    matches!(envelope.message, Message::Published { .. })
}

impl World {
    pub(crate) fn assert_held(&self) {
        if let Some(violation) = &self.violation {
            panic!("{violation}");
        }
    }

    pub(crate) fn coordinator(&self) -> &Coordinator {
        self.node(COORDINATOR).coordinator().expect("it is n2")
    }

    pub(crate) fn worker(&self, node: NodeId) -> &WorkerNode {
        self.node(node).worker().expect("a worker")
    }

    /// A message comes, whoever may have sent it, and when.
    pub(crate) fn say(&mut self, from: NodeId, to: NodeId, message: Message) {
        self.bag.push_back(Envelope { from, to, message });
        self.deliver(self.bag.len() - 1);
    }

    /// Delivers everything but what is lost.
    pub(crate) fn settle_but(&mut self, lost: impl Fn(&Envelope<Node>) -> bool) {
        self.lose(&lost);
        while !self.bag.is_empty() {
            self.deliver(0);
            self.lose(&lost);
        }
    }

    /// The timers of workers fire, those of work too.
    pub(crate) fn go_on(&mut self) {
        for worker in [W1, W2] {
            let timers: Vec<Timer> = self.timers(worker).iter().copied().collect();
            for timer in timers {
                self.timeout(worker, timer);
            }
        }
        self.settle();
    }

    /// The coordinator looks around so often that whoever is silent is dead.
    pub(crate) fn silence_is_noticed(&mut self) {
        for _ in 0..=Tuning::default().silent_checks {
            self.timeout(COORDINATOR, Timer::Check);
        }
    }

    /// Goes on until the job is done.
    pub(crate) fn finish(&mut self) {
        for _ in 0..200 {
            if self.coordinator().is_done() {
                return;
            }
            self.go_on();
        }
        panic!("the job is not done: {}", self.coordinator().status());
    }

    /// What the job came to.
    pub(crate) fn outcome(&self) -> Expected {
        let store = self.node(STORE).store().expect("it is n1");
        let ledger = self.coordinator().ledger();
        Expected {
            outputs: store
                .files()
                .values()
                .map(|it| it.text.to_string())
                .collect(),
            counters: ledger.counters(),
            skipped: ledger.all_skipped().count(),
        }
    }

    pub(crate) fn assert_is_as_if_sequential(&self, job: &Job) {
        assert_eq!(self.outcome(), sequentially(job));
        self.assert_held();
    }
}
