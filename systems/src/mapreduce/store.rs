//! The store: files that everybody can read, in place of GFS.
//!
//! A part of the output becomes visible all at once and once for all, as by an
//! atomic rename (3.3); whoever comes later is told whose output it is.

use alloc::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Attempt, Counters, Durable, Job, Message, Node, Operation, Partition, Write, marks};
use crate::process::{Effect, Effects, Input, NodeId};
use crate::vec_map::VecMap;

/// The store.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Store {
    job: Arc<Job>,
    /// Never changes once it is there.
    files: VecMap<Partition, File>,
}

/// A part of the output.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct File {
    /// The execution whose output it is.
    pub attempt: Attempt,
    /// What that execution counted.
    pub counters: Counters,
    /// The text.
    #[serde(with = "crate::text")]
    pub text: Arc<str>,
}

impl Store {
    pub(super) fn start(job: &Arc<Job>, durable: Durable) -> Self {
        Self {
            job: job.clone(),
            files: match durable {
                Durable::Store(files) => files,
                _ => VecMap::new(),
            },
        }
    }

    pub(super) fn step(&mut self, input: Input<Node>, effects: &mut Effects<Node>) {
        match input {
            Input::Receive { from, message } => self.receive(from, message, effects),
            Input::Timeout(_) => {}
            Input::Invoke {
                invocation,
                operation: Operation::Status,
            } => effects.reply(invocation, None),
        }
    }

    fn receive(&mut self, from: NodeId, message: Message, effects: &mut Effects<Node>) {
        let answer = match message {
            Message::Read { map } => Message::Text {
                map,
                text: self.job.split(map).text.clone(),
            },
            Message::Publish {
                partition,
                attempt,
                text,
                counters,
            } => {
                let file = File {
                    attempt,
                    counters,
                    text,
                };
                self.publish(partition, file, effects)
            }
            // Never sent to the store.
            _ => return,
        };
        effects.push(Effect::Send {
            to: from,
            message: answer,
        });
    }

    /// Makes a part visible, unless it is. Returns whose it is.
    fn publish(
        &mut self,
        partition: Partition,
        file: File,
        effects: &mut Effects<Node>,
    ) -> Message {
        if let Some(visible) = self.files.get(&partition) {
            if visible.attempt != file.attempt {
                effects.mark(marks::PUBLISHED_BEFORE);
            }
        } else {
            effects.push(Effect::Persist(Write::File(partition, file.clone())));
            self.files.insert(partition, file);
        }
        let visible = &self.files[&partition];
        Message::Published {
            partition,
            attempt: visible.attempt,
            counters: visible.counters.clone(),
        }
    }

    /// What is to be done.
    #[must_use]
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// The parts of the output that are visible.
    #[must_use]
    pub fn files(&self) -> &VecMap<Partition, File> {
        &self.files
    }
}
