//! A node that counts, and that hears nothing before it was woken.

use std::hash::{Hash, Hasher};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use snowglobe_checkers::explore::{
    Alike, Bounds, Client, Property, PropertyKind, Setting, Symmetry, TimerKind, UNDECIDED,
};
use snowglobe_systems::invariants::{ClusterView, Invariants, Violation};
use snowglobe_systems::process::{Durable, Effect, Effects, Input, NodeId, Process};
use snowglobe_systems::renaming::{Renamed, Renaming};

/// What is special about the nodes of a world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// The first node tells the second one something, and wakes it.
    #[default]
    Plain,
    /// Each counts by its own name.
    NotAlike,
    /// It wakes in its second life only.
    AfterCrash,
    /// It wakes in a life that began with half of what is written when it counts.
    AfterHalf,
    /// All others tell the first node something, and wake it when they count: it
    /// hears who woke it.
    SameCaller,
    /// The same, but it hears everybody else.
    OtherCallers,
    /// Who has counted to seven hears something.
    Tired,
    /// It hides from equality what it was told first.
    Hides,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Sleeper {
    id: NodeId,
    kind: Kind,
    woken_by: Option<NodeId>,
    heard: bool,
    rung: u8,
    /// It was told anything.
    told: bool,
    first: Hidden,
    found: Disk,
}

/// Equal to all others.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hidden(Option<Word>);

impl PartialEq for Hidden {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Hidden {}

impl Hash for Hidden {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

/// What one node says to another, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Word {
    Hear,
    Wake,
}

impl Word {
    const fn name(self) -> &'static str {
        match self {
            Self::Hear => "hear",
            Self::Wake => "wake",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Write {
    Boot,
    Half,
    Whole,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
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

impl Sleeper {
    /// Whom it talks to when it begins.
    fn callee(&self) -> Option<NodeId> {
        match (self.everybody_calls(), self.id) {
            (false, NodeId(1)) => Some(NodeId(2)),
            (false, _) | (true, NodeId(1)) => None,
            (true, _) => Some(NodeId(1)),
        }
    }

    fn everybody_calls(&self) -> bool {
        matches!(self.kind, Kind::SameCaller | Kind::OtherCallers)
    }

    fn can_wake(&self) -> bool {
        match self.kind {
            Kind::AfterCrash => self.found.boots > 0,
            Kind::AfterHalf => self.found.half && !self.found.whole,
            Kind::Hides | Kind::Tired => false,
            _ => true,
        }
    }

    fn hears(&self, from: NodeId) -> bool {
        match self.kind {
            Kind::OtherCallers => self.woken_by.is_some_and(|by| by != from),
            _ => self.woken_by == Some(from),
        }
    }
}

const DELAY: Duration = Duration::ZERO;

impl Process for Sleeper {
    type Config = Kind;
    type Message = Word;
    type Timer = ();
    type Operation = ();
    type Outcome = ();
    type Durable = Disk;

    fn start(id: NodeId, kind: &Kind, found: Disk, effects: &mut Effects<Self>) -> Self {
        let sleeper = Self {
            id,
            kind: *kind,
            woken_by: None,
            heard: false,
            rung: 0,
            told: false,
            first: Hidden(None),
            found,
        };
        effects.set_timer((), DELAY);
        if matches!(kind, Kind::AfterCrash | Kind::AfterHalf) {
            effects.push(Effect::Persist(Write::Boot));
        }
        if let Some(to) = sleeper.callee().filter(|_| found.boots == 0) {
            for message in [Word::Hear, Word::Wake] {
                if message == Word::Hear || !sleeper.everybody_calls() {
                    effects.push(Effect::Send { to, message });
                }
            }
        }
        sleeper
    }

    fn step(&mut self, input: Input<Self>, effects: &mut Effects<Self>) {
        match input {
            Input::Receive { from, message } => {
                if self.kind == Kind::Hides && !self.told {
                    (self.told, self.first) = (true, Hidden(Some(message)));
                    effects.push(Effect::Mark(message.name()));
                }
                match message {
                    Word::Wake if self.woken_by.is_none() && self.can_wake() => {
                        self.woken_by = Some(from);
                    }
                    Word::Wake => {}
                    Word::Hear => self.heard |= self.hears(from),
                }
            }
            Input::Timeout(()) => {
                let by_name = self.kind == Kind::NotAlike;
                self.rung += if by_name {
                    self.id.position() as u8 + 1
                } else {
                    1
                };
                self.heard |= self.kind == Kind::Tired && self.rung == 7;
                if self.kind == Kind::AfterHalf {
                    effects.push(Effect::Persist(Write::Half));
                    effects.push(Effect::Persist(Write::Whole));
                }
                if let Some(to) = self.callee().filter(|_| self.everybody_calls()) {
                    let message = Word::Wake;
                    effects.push(Effect::Send { to, message });
                }
                effects.set_timer((), DELAY);
            }
            Input::Invoke { invocation, .. } => effects.reply(invocation, ()),
        }
    }
}

impl Renamed for Sleeper {
    fn renamed(&self, renaming: &Renaming) -> Self {
        Self {
            id: renaming.of(self.id),
            woken_by: self.woken_by.map(|by| renaming.of(by)),
            ..self.clone()
        }
    }
}

impl Renamed for Word {
    fn renamed(&self, _: &Renaming) -> Self {
        *self
    }
}

impl Renamed for Disk {
    fn renamed(&self, _: &Renaming) -> Self {
        *self
    }
}

/// Nobody hears anything, and what is hidden is what was told first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct NobodyHears;

pub(crate) const NOBODY_HEARS: &str = "nobody-hears";

impl Renamed for NobodyHears {
    fn renamed(&self, _: &Renaming) -> Self {
        Self
    }
}

impl Invariants<Sleeper> for NobodyHears {
    fn executed(
        &mut self,
        cluster: &impl ClusterView<Sleeper>,
        node: NodeId,
        effect: &Effect<Sleeper>,
    ) -> Result<(), Violation> {
        let Effect::Mark(told) = effect else {
            return Ok(());
        };
        let first = cluster.node(node).process.and_then(|it| it.first.0);
        match first.map(Word::name) == Some(told) {
            true => Ok(()),
            false => Err(Violation::new(
                "shown-as-it-is",
                [node],
                *told,
                format!("{first:?}"),
            )),
        }
    }

    fn settled(
        &mut self,
        cluster: &impl ClusterView<Sleeper>,
        node: NodeId,
    ) -> Result<(), Violation> {
        match cluster.node(node).process {
            Some(sleeper) if sleeper.heard => {
                Err(Violation::new(NOBODY_HEARS, [node], "silence", "a word"))
            }
            _ => Ok(()),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Sleepers {
    pub(crate) bounds: Bounds,
    pub(crate) configs: Vec<Kind>,
    pub(crate) alike: Option<Alike>,
    pub(crate) clients: Vec<Client<()>>,
}

impl Sleepers {
    pub(crate) fn new(nodes: usize, kind: Kind, bounds: Bounds) -> Self {
        Self {
            bounds,
            configs: vec![kind; nodes],
            alike: None,
            clients: Vec::new(),
        }
    }

    /// All but the first node are alike.
    pub(crate) fn with_names_that_do_not_matter(self) -> Self {
        let others = 1..self.configs.len();
        Self {
            alike: Some(Alike(others.map(NodeId::at).collect())),
            ..self
        }
    }
}

impl Setting for Sleepers {
    type Process = Sleeper;
    type Invariants = NobodyHears;
    type Judge = ();

    const NAME: &'static str = "sleepers";

    fn bounds(&self) -> &Bounds {
        &self.bounds
    }
    fn configs(&self) -> &[Kind] {
        &self.configs
    }
    fn clients(&self) -> &[Client<()>] {
        &self.clients
    }
    fn properties(&self) -> Vec<Property> {
        vec![Property {
            name: NOBODY_HEARS,
            kind: PropertyKind::State,
        }]
    }
    fn timer_kind(&self, (): ()) -> Option<TimerKind> {
        Some(TimerKind::Timeout)
    }
    fn symmetry(&self) -> Option<&dyn Symmetry<Sleeper, NobodyHears>> {
        let alike = self.alike.as_ref();
        alike.map(|alike| alike as &dyn Symmetry<Sleeper, NobodyHears>)
    }
    fn returned(&self, (): &mut (), _: usize, (): &()) -> Result<(), Violation> {
        Err(Violation::new(UNDECIDED, [], "a verdict", "none"))
    }
    fn shape(&self, _: &impl ClusterView<Sleeper>) -> String {
        String::new()
    }
    fn is_well(&self, _: &impl ClusterView<Sleeper>, _: &[NodeId]) -> Result<(), String> {
        Ok(())
    }
}
