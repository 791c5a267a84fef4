//! A bell that rings, the same as ever, while another node counts; and somebody
//! who listens, and minds at one count what is all the same to them at others.

use std::time::Duration;

use snowglobe_checkers::explore::{Bounds, Client, Property, PropertyKind, Setting, TimerKind};
use snowglobe_systems::invariants::{ClusterView, Invariants, Violation};
use snowglobe_systems::process::{Effect, Effects, Input, NoDisk, NodeId, Process};

const COUNTER: NodeId = NodeId(1);
const BELL: NodeId = NodeId(2);

/// At which counts of the other node who listens minds that the bell rings once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Listener {
    pub(crate) forbids_at: u8,
    pub(crate) remembers_at: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Bell {
    id: NodeId,
    listener: Listener,
    counted: u8,
    rung: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Timer {
    Count,
    Ring,
}

const DELAY: Duration = Duration::ZERO;

impl Process for Bell {
    type Config = Listener;
    type Message = ();
    type Timer = Timer;
    type Operation = ();
    type Outcome = ();
    type Durable = NoDisk;

    fn start(id: NodeId, listener: &Listener, _: NoDisk, effects: &mut Effects<Self>) -> Self {
        let timer = if id == BELL {
            Timer::Ring
        } else {
            Timer::Count
        };
        effects.set_timer(timer, DELAY);
        Self {
            id,
            listener: *listener,
            counted: 0,
            rung: false,
        }
    }

    fn step(&mut self, input: Input<Self>, effects: &mut Effects<Self>) {
        if let Input::Timeout(timer) = input {
            match timer {
                Timer::Count => self.counted += 1,
                Timer::Ring if self.rung => effects.push(Effect::Mark(RINGS_AGAIN)),
                Timer::Ring => self.rung = true,
            }
            effects.set_timer(timer, DELAY);
        }
    }
}

const RINGS_AGAIN: &str = "bell.rings_again";
pub(crate) const FORBIDDEN: &str = "forbidden";

/// Who listens remembers that something was there to be remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Listens {
    remembers: bool,
}

impl Invariants<Bell> for Listens {
    fn stepped(
        &mut self,
        cluster: &impl ClusterView<Bell>,
        node: NodeId,
        effects: &[Effect<Bell>],
    ) -> Result<(), Violation> {
        let counter = cluster.node(COUNTER).process.expect("nobody crashes");
        let Listener {
            forbids_at,
            remembers_at,
        } = counter.listener;
        let rings = node == BELL && effects.contains(&Effect::Mark(RINGS_AGAIN));
        self.remembers |= rings && counter.counted == remembers_at;
        match rings && counter.counted == forbids_at {
            true => Err(Violation::new(FORBIDDEN, [node], "silence", "a bell")),
            false => Ok(()),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Bells {
    bounds: Bounds,
    configs: Vec<Listener>,
}

impl Bells {
    pub(crate) fn new(listener: Listener) -> Self {
        Self {
            bounds: Bounds {
                timeouts: 2,
                beats: 3,
                ..Bounds::default()
            },
            configs: vec![listener; 2],
        }
    }

    /// Nodes may crash, which their invariants take to be impossible.
    pub(crate) fn with_crashes(mut self) -> Self {
        self.bounds.crashes = 1;
        self
    }
}

impl Setting for Bells {
    type Process = Bell;
    type Invariants = Listens;
    type Judge = ();

    const NAME: &'static str = "bells";

    fn bounds(&self) -> &Bounds {
        &self.bounds
    }
    fn configs(&self) -> &[Listener] {
        &self.configs
    }
    fn clients(&self) -> &[Client<()>] {
        &[]
    }
    fn properties(&self) -> Vec<Property> {
        vec![Property {
            name: FORBIDDEN,
            kind: PropertyKind::Step,
        }]
    }
    fn timer_kind(&self, timer: Timer) -> Option<TimerKind> {
        Some(match timer {
            Timer::Ring => TimerKind::Timeout,
            Timer::Count => TimerKind::Beat,
        })
    }
    fn shape(&self, _: &impl ClusterView<Bell>) -> String {
        String::new()
    }
    fn is_well(&self, _: &impl ClusterView<Bell>, _: &[NodeId]) -> Result<(), String> {
        Ok(())
    }
}
