//! A protocol that trusts everything: links, clocks, disks and its own luck.
//!
//! Each node sends a beat to every other node, and counts its beats. It also
//! asks its successor for an answer, again and again, and writes to its disk
//! before it answers. It is right as long as nothing goes wrong at all: each
//! fault breaks one of its [promises](super::promises).

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use snowglobe_systems::process::{Durable, Effect, Effects, Input, NodeId, Priority, Process};

/// The highest beat that a node has written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Written(pub(crate) u64);

impl Durable for Written {
    type Write = u64;
    fn apply(&mut self, write: &u64) {
        self.0 = self.0.max(*write);
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Message {
    Beat(u64),
    Ask,
    Answer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Timer {
    Beat,
    Ask,
    /// An answer should have come by now.
    Patience,
}

/// How a node misbehaves, for what the world itself demands of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Habit {
    #[default]
    None,
    AnswersTwice,
    AnswersForAnother,
    PanicsWhenCalled,
    PanicsAtStart,
    SendsToItself,
    SendsToNobody,
    SetsTimersBackwards,
    BeatsWithoutPause,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Fragile {
    id: NodeId,
    nodes: usize,
    habit: Habit,
    /// Its beats so far.
    pub(crate) beats: u64,
    /// The last beat of each other node.
    pub(crate) heard: BTreeMap<NodeId, u64>,
    /// The beat that its last step has heard, if that was what it did.
    pub(crate) just_heard: Option<(NodeId, u64)>,
    /// How often it asked, and no answer came in time.
    pub(crate) left_waiting: u64,
}

pub(crate) const BEAT: Duration = Duration::from_millis(50);
const ASKS_EVERY: Duration = Duration::from_millis(400);
const PATIENCE: Duration = Duration::from_millis(200);

impl Fragile {
    fn others(&self) -> impl Iterator<Item = NodeId> + use<> {
        let id = self.id;
        (0..self.nodes)
            .map(NodeId::at)
            .filter(move |node| *node != id)
    }

    /// Says it first and writes it then: a crash in between forgets what others know.
    fn beat(&mut self, effects: &mut Effects<Self>) {
        self.beats += 1;
        for to in self.others() {
            let message = Message::Beat(self.beats);
            effects.push(Effect::Send { to, message });
        }
        effects.push(Effect::Persist(self.beats));
        let pause = match self.habit {
            Habit::BeatsWithoutPause => Duration::ZERO,
            _ => BEAT,
        };
        effects.set_timer(Timer::Beat, pause);
    }

    fn ask(&self, effects: &mut Effects<Self>) {
        let to = NodeId::at((self.id.position() + 1) % self.nodes);
        let message = Message::Ask;
        effects.push(Effect::Send { to, message });
        effects.set_timer(Timer::Patience, PATIENCE);
        effects.set_timer(Timer::Ask, ASKS_EVERY);
    }
}

impl Process for Fragile {
    type Config = (usize, Habit);
    type Message = Message;
    type Timer = Timer;
    type Operation = ();
    type Outcome = u64;
    type Durable = Written;

    fn start(
        id: NodeId,
        config: &Self::Config,
        durable: Written,
        effects: &mut Effects<Self>,
    ) -> Self {
        let (nodes, habit) = *config;
        assert!(habit != Habit::PanicsAtStart, "it does not start");
        effects.set_timer(Timer::Beat, BEAT);
        effects.set_timer(Timer::Ask, ASKS_EVERY);
        Self {
            id,
            nodes,
            habit,
            beats: durable.0,
            heard: BTreeMap::new(),
            just_heard: None,
            left_waiting: 0,
        }
    }

    fn step(&mut self, input: Input<Self>, effects: &mut Effects<Self>) {
        self.just_heard = None;
        match input {
            Input::Timeout(Timer::Beat) => self.beat(effects),
            Input::Timeout(Timer::Ask) => self.ask(effects),
            Input::Timeout(Timer::Patience) => self.left_waiting += 1,
            Input::Receive { from, message } => match message {
                Message::Beat(beat) => {
                    self.heard.insert(from, beat);
                    self.just_heard = Some((from, beat));
                }
                Message::Ask => {
                    effects.push(Effect::Persist(self.beats));
                    let message = Message::Answer;
                    effects.push(Effect::Send { to: from, message });
                }
                Message::Answer => effects.cancel_timer(Timer::Patience),
            },
            Input::Invoke { mut invocation, .. } => {
                assert!(self.habit != Habit::PanicsWhenCalled, "it was called");
                match self.habit {
                    Habit::SendsToItself => effects.send(self.id, Message::Ask),
                    Habit::SendsToNobody => effects.send(NodeId(9), Message::Ask),
                    Habit::SetsTimersBackwards => effects.set_timer(Timer::Ask, PATIENCE..BEAT),
                    _ => {}
                }
                if self.habit == Habit::AnswersForAnother && self.id != NodeId(1) {
                    invocation.0 = 1;
                }
                effects.reply(invocation, self.beats);
                if self.habit == Habit::AnswersTwice {
                    effects.reply(invocation, self.beats);
                }
            }
        }
    }

    /// Nobody follows it.
    fn leads(&self) -> bool {
        self.id == NodeId(1)
    }

    /// Calls wait for everything else.
    fn priority(input: &Input<Self>) -> Priority {
        match input {
            Input::Invoke { .. } => Priority::Deferred,
            Input::Timeout(_) | Input::Receive { .. } => Priority::Urgent,
        }
    }
}
