//! MapReduce, after the paper (Dean and Ghemawat, OSDI'04).
//!
//! A [`Coordinator`] gives out maps and reduces, [`WorkerNode`]s execute them,
//! and a [`Store`] keeps input and output. A map leaves its output on its
//! worker's disk, where reducers fetch it, so that it dies with the worker and
//! is done again (3.3). The numbers in comments are the paper's sections.

mod application;
pub mod applications;
mod assignments;
mod collecting;
mod config;
mod coordinator;
mod counters;
mod execute;
pub mod invariants;
mod job;
mod ledger;
pub mod marks;
mod message;
mod names;
mod run;
mod slot;
mod status;
mod store;
mod worker;

use alloc::boxed::Box;
use core::fmt;

pub use application::{App, Application, Crash, Emit, Execution, Lines, Record, Temper, Values};
pub use config::{Config, Role, Timer, Tuning};
pub use coordinator::Coordinator;
pub use counters::Counters;
pub use execute::{BadRecord, Expected, sequentially};
pub use job::{Job, Split, cut, output_name};
pub use ledger::{DoneMap, DoneReduce, Entry, Ledger, Standing};
pub use message::{Location, Message, Order, Report};
pub use names::{Attempt, Life, MapId, Partition, TaskName, Worker};
pub use run::{Group, Run};
pub use slot::{MapOutput, SharedRun, WorkerDisk};
pub use status::Status;
pub use store::{File, Store};
pub use worker::WorkerNode;

use serde::{Deserialize, Serialize};

use crate::process::{self, ConfigError, Effects, Input, NodeId, Priority, Process};
use crate::vec_map::VecMap;

/// A node of a job.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Node {
    /// It keeps the input and the output.
    Store(Store),
    /// It gives out tasks.
    Coordinator(Box<Coordinator>),
    /// It executes them.
    Worker(Box<WorkerNode>),
}

/// What somebody may ask of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// How the job stands. Only the coordinator knows.
    Status,
}

/// What a node's disk holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Durable {
    /// Nothing was written yet.
    #[default]
    Nothing,
    /// The parts of the output that are visible.
    Store(VecMap<Partition, File>),
    /// What the coordinator needs to go on.
    Coordinator(Box<Ledger>),
    /// What a worker's maps left.
    Worker(Box<WorkerDisk>),
}

/// A record of a node's log.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Write {
    /// A part of the output becomes visible.
    File(Partition, File),
    /// The coordinator learned something.
    Entry(Entry),
    /// A worker begins a life, without anything of the one before.
    Life(Life),
    /// An execution of a map is done.
    Output(MapId, Attempt, MapOutput),
}

impl process::Durable for Durable {
    type Write = Write;

    fn apply(&mut self, write: &Write) {
        if matches!(self, Self::Nothing) {
            *self = match write {
                Write::File(..) => Self::Store(VecMap::new()),
                Write::Entry(_) => Self::Coordinator(Box::default()),
                Write::Life(_) | Write::Output(..) => Self::Worker(Box::default()),
            };
        }
        match (self, write) {
            (Self::Store(files), Write::File(partition, file)) => {
                files.entry(*partition).or_insert_with(|| file.clone());
            }
            (Self::Coordinator(ledger), Write::Entry(entry)) => ledger.apply(entry),
            (Self::Worker(disk), Write::Life(life)) => {
                **disk = WorkerDisk {
                    life: *life,
                    outputs: VecMap::new(),
                };
            }
            (Self::Worker(disk), Write::Output(map, attempt, output)) => {
                disk.outputs.insert((*map, *attempt), output.clone());
            }
            _ => panic!("a node's disk is of one kind"),
        }
    }
}

impl Process for Node {
    type Config = Config;
    type Message = Message;
    type Timer = Timer;
    type Operation = Operation;
    type Outcome = Option<Status>;
    type Durable = Durable;

    fn check(config: &Config) -> Result<(), ConfigError> {
        config.check()
    }

    /// Status queries can wait: the nodes cannot.
    fn priority(input: &Input<Self>) -> Priority {
        match input {
            Input::Invoke { .. } => Priority::Deferred,
            Input::Receive { .. } | Input::Timeout(_) => Priority::Urgent,
        }
    }

    fn start(id: NodeId, config: &Config, durable: Durable, effects: &mut Effects<Self>) -> Self {
        match config.role {
            Role::Store => Self::Store(Store::start(&config.job, durable)),
            Role::Coordinator => {
                let coordinator = Coordinator::start(config, durable, effects);
                Self::Coordinator(Box::new(coordinator))
            }
            Role::Worker { .. } => {
                Self::Worker(Box::new(WorkerNode::start(id, config, durable, effects)))
            }
        }
    }

    fn step(&mut self, input: Input<Self>, effects: &mut Effects<Self>) {
        match self {
            Self::Store(store) => store.step(input, effects),
            Self::Coordinator(coordinator) => coordinator.step(input, effects),
            Self::Worker(worker) => worker.step(input, effects),
        }
    }
}

impl Node {
    /// The store, where it is one.
    #[must_use]
    pub fn store(&self) -> Option<&Store> {
        match self {
            Self::Store(store) => Some(store),
            Self::Coordinator(_) | Self::Worker(_) => None,
        }
    }

    /// The coordinator, where it is one.
    #[must_use]
    pub fn coordinator(&self) -> Option<&Coordinator> {
        match self {
            Self::Coordinator(coordinator) => Some(coordinator),
            Self::Store(_) | Self::Worker(_) => None,
        }
    }

    /// The worker, where it is one.
    #[must_use]
    pub fn worker(&self) -> Option<&WorkerNode> {
        match self {
            Self::Worker(worker) => Some(worker),
            Self::Store(_) | Self::Coordinator(_) => None,
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(store) => write!(f, "store, {} parts", store.files().len()),
            Self::Coordinator(coordinator) => write!(f, "coordinator, {}", coordinator.status()),
            Self::Worker(worker) => {
                write!(f, "worker in life {}, {}", worker.disk().life, worker.at())
            }
        }
    }
}
