//! A protocol to which everything can happen, and whose invariants forbid one thing of it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use snowglobe_checkers::explore::{
    Bounds, Client, Property, PropertyKind, Setting, SmallWorld, TimerKind,
};
use snowglobe_systems::invariants::{ClusterView, Invariants, Violation};
use snowglobe_systems::process::{Durable, Effect, Effects, Input, NodeId, Process};

/// What is forbidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Forbidden {
    /// The second node hears the first word.
    Delivery,
    /// It hears it twice.
    Duplicate,
    /// A long timer fires.
    Timeout,
    /// A short timer fires.
    Beat,
    /// A client calls.
    Call,
    /// A node comes back that had written both halves.
    CrashBetweenSteps,
    /// A node comes back that had written the one half and not the other.
    CrashBetweenEffects,
    /// It hears the second word, and not the first before it.
    Loss,
    /// It hears the first word and the third: the second was lost, and was sent when
    /// the first was still under way.
    Gap,
    /// It hears a word that was sent when it was down.
    WordToTheDead,
    /// A long timer of the second node fires that changes nothing.
    IdleTimer,
    /// The same, after one of the first node has fired.
    IdleTimerLater,
    /// The second node is told what it never does anything about.
    Noise,
}

const FIRST: NodeId = NodeId(1);
const SECOND: NodeId = NodeId(2);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Word {
    First,
    Second,
    Third,
    Noise,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Timer {
    Long,
    Short,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Write {
    Boot,
    Half,
    Whole,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Disk {
    boots: u8,
    half: bool,
    whole: bool,
}

impl Durable for Disk {
    type Write = Write;
    fn apply(&mut self, write: &Write) {
        match write {
            Write::Boot => self.boots += 1,
            Write::Half => self.half = true,
            Write::Whole => self.whole = true,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Probe {
    id: NodeId,
    forbids: Forbidden,
    /// It came back with this on its disk.
    found: Disk,
    heard: Vec<Word>,
    rung: bool,
    beaten: bool,
    called: bool,
}

const DELAY: Duration = Duration::ZERO;

impl Process for Probe {
    type Config = Forbidden;
    type Message = Word;
    type Timer = Timer;
    type Operation = ();
    type Outcome = ();
    type Durable = Disk;

    fn start(id: NodeId, forbids: &Forbidden, found: Disk, effects: &mut Effects<Self>) -> Self {
        effects.set_timer(Timer::Long, DELAY);
        effects.set_timer(Timer::Short, DELAY);
        effects.push(Effect::Persist(Write::Boot));
        if id == FIRST && found.boots == 0 {
            for message in [Word::Noise, Word::First] {
                let to = SECOND;
                effects.push(Effect::Send { to, message });
            }
        }
        Self {
            id,
            forbids: *forbids,
            found,
            heard: Vec::new(),
            rung: false,
            beaten: false,
            called: false,
        }
    }

    fn step(&mut self, input: Input<Self>, effects: &mut Effects<Self>) {
        match input {
            Input::Receive {
                message: Word::Noise,
                ..
            } => effects.push(Effect::Mark(NOISE)),
            Input::Receive { message, .. } => self.heard.push(message),
            Input::Timeout(Timer::Long) => {
                if self.id == FIRST {
                    let message = match self.rung {
                        false => Word::Second,
                        true => Word::Third,
                    };
                    effects.push(Effect::Send {
                        to: SECOND,
                        message,
                    });
                }
                self.rung = true;
                effects.set_timer(Timer::Long, DELAY);
            }
            Input::Timeout(Timer::Short) => {
                self.beaten = true;
                effects.push(Effect::Persist(Write::Half));
                effects.push(Effect::Persist(Write::Whole));
            }
            Input::Invoke { invocation, .. } => {
                self.called = true;
                effects.reply(invocation, ());
            }
        }
    }
}

const NOISE: &str = "probe.noise";
pub(crate) const FORBIDDEN: &str = "forbidden";

/// Remembers what no node can tell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Watch {
    /// Something was sent to the second node when it was down.
    to_the_dead: bool,
    /// The second word was sent before the first one was heard.
    sent_early: bool,
    /// The long timer of the second node has fired, so that it changes nothing when it fires again.
    rang: bool,
    /// What was forbidden happened in a step that changes nothing.
    happened: bool,
}

impl Watch {
    fn is_forbidden(&self, probe: &Probe) -> bool {
        let heard = |word| probe.heard.iter().filter(|it| **it == word).count();
        let is_back = probe.found.boots > 0;
        match probe.forbids {
            Forbidden::Delivery => heard(Word::First) > 0,
            Forbidden::Duplicate => heard(Word::First) > 1,
            Forbidden::Timeout => probe.rung,
            Forbidden::Beat => probe.beaten,
            Forbidden::Call => probe.called,
            Forbidden::CrashBetweenSteps => is_back && probe.found.whole,
            Forbidden::CrashBetweenEffects => is_back && probe.found.half && !probe.found.whole,
            Forbidden::Loss => probe.heard.first() == Some(&Word::Second),
            Forbidden::Gap => self.sent_early && probe.heard == [Word::First, Word::Third],
            Forbidden::WordToTheDead => self.to_the_dead && heard(Word::Second) > 0,
            Forbidden::IdleTimer | Forbidden::IdleTimerLater | Forbidden::Noise => self.happened,
        }
    }
}

impl Invariants<Probe> for Watch {
    fn stepped(
        &mut self,
        cluster: &impl ClusterView<Probe>,
        node: NodeId,
        effects: &[Effect<Probe>],
    ) -> Result<(), Violation> {
        let rings = effects.iter().any(|effect| {
            matches!(
                effect,
                Effect::SetTimer {
                    timer: Timer::Long,
                    ..
                }
            )
        }) && node == SECOND;
        let probe = cluster.node(node).process.expect("it takes a step");
        let first = cluster.node(FIRST).process;
        self.happened |= match probe.forbids {
            Forbidden::IdleTimer => rings && self.rang,
            Forbidden::IdleTimerLater => rings && self.rang && first.is_some_and(|it| it.rung),
            Forbidden::Noise => effects.contains(&Effect::Mark(NOISE)),
            _ => false,
        };
        self.rang |= rings;
        Ok(())
    }

    fn executed(
        &mut self,
        cluster: &impl ClusterView<Probe>,
        _node: NodeId,
        effect: &Effect<Probe>,
    ) -> Result<(), Violation> {
        let sends = matches!(effect, Effect::Send { to: SECOND, .. });
        let asks = cluster.node(FIRST).process;
        let cares = asks.is_some_and(|first| first.forbids == Forbidden::WordToTheDead);
        let is_down = cluster.node(SECOND).process.is_none();
        let was_up = cluster.node(SECOND).durable.boots > 0;
        let is_second = |effect: &Effect<Probe>| match effect {
            Effect::Send { message, .. } => *message == Word::Second,
            _ => false,
        };
        let gap = asks.is_some_and(|first| first.forbids == Forbidden::Gap);
        let hears = cluster.node(SECOND).process;
        let is_early = hears.is_some_and(|second| second.heard.is_empty());
        self.sent_early |= gap && is_second(effect) && is_early;
        self.to_the_dead |= sends && cares && is_down && was_up;
        Ok(())
    }

    fn settled(
        &mut self,
        cluster: &impl ClusterView<Probe>,
        node: NodeId,
    ) -> Result<(), Violation> {
        let process = cluster.node(node).process;
        match process.is_some_and(|probe| self.is_forbidden(probe)) {
            true => Err(Violation::new(
                FORBIDDEN,
                [node],
                "it never happens",
                "it did",
            )),
            false => Ok(()),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Probes {
    bounds: Bounds,
    configs: Vec<Forbidden>,
    clients: Vec<Client<()>>,
}

impl Probes {
    pub(crate) fn new(forbidden: Forbidden, bounds: Bounds) -> Self {
        let asks = Client {
            at: vec![SECOND],
            operations: vec![(); usize::from(bounds.operations)],
            waits: true,
        };
        Self {
            bounds,
            configs: vec![forbidden; 2],
            clients: vec![asks],
        }
    }
}

impl Setting for Probes {
    type Process = Probe;
    type Invariants = Watch;
    type Judge = ();

    const NAME: &'static str = "probes";

    fn bounds(&self) -> &Bounds {
        &self.bounds
    }
    fn configs(&self) -> &[Forbidden] {
        &self.configs
    }
    fn clients(&self) -> &[Client<()>] {
        &self.clients
    }
    fn properties(&self) -> Vec<Property> {
        let name = FORBIDDEN;
        let kind = PropertyKind::State;
        vec![Property { name, kind }]
    }
    fn timer_kind(&self, timer: Timer) -> Option<TimerKind> {
        Some(match timer {
            Timer::Long => TimerKind::Timeout,
            Timer::Short => TimerKind::Beat,
        })
    }
    fn shape(&self, _: &impl ClusterView<Probe>) -> String {
        String::new()
    }
    fn is_well(&self, _: &impl ClusterView<Probe>, _: &[NodeId]) -> Result<(), String> {
        Ok(())
    }
}

/// The world of probes, where all is found that is forbidden.
pub(crate) fn world(
    forbidden: Forbidden,
    bounds: &Bounds,
    reductions: snowglobe_checkers::explore::Reductions,
) -> SmallWorld<Probes> {
    SmallWorld::new(Probes::new(forbidden, bounds.clone()), reductions)
}
