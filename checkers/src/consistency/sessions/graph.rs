//! What must not come after what, as a graph.
//!
//! Its nodes are the versions, and *gates*. A gate stands between two events of
//! a session: an earlier event that binds leads into the gate behind it, gates
//! lead on to the next one, and a gate leads to the version of the event behind
//! it, if that one is bound. So all pairs of an earlier and a later event are
//! there without being written down one by one. A text that grows is such a
//! line too.
//!
//! An edge says "not after". Two versions that lie on one cycle would each be
//! not after the other, which no order allows; a single version may.

use super::guarantee::Guarantee;
use super::versions::{Deed, FIRST, Versions};

/// What can be reached from what.
pub(super) struct Graph {
    /// The versions come first, then the gates.
    pub(super) edges: Vec<Vec<Edge>>,
    pub(super) versions: usize,
}

/// The node that it leads to comes no earlier.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge {
    pub(super) to: usize,
    pub(super) label: Label,
}

/// Why there is an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    /// From the first version to any other.
    First,
    /// From the version that this swap found to the one that it left.
    Swap(usize),
    /// From a version to the gate behind an event.
    Enter(Place),
    /// From gate to gate.
    Pass,
    /// From a gate to the version of the event behind it.
    Leave(Place),
}

impl Label {
    /// How much an edge counts: a step from version to version is one.
    pub(super) const fn cost(self) -> u32 {
        match self {
            Self::First | Self::Swap(_) | Self::Enter(_) => 1,
            Self::Pass | Self::Leave(_) => 0,
        }
    }
}

/// An event in a line of gates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In a session.
    Session {
        /// Which one.
        line: usize,
        /// Which event of it.
        event: usize,
    },
    /// In the text that grows.
    Text,
}

impl Graph {
    /// What the values say alone, and what the guarantee adds.
    pub(super) fn new<Value>(versions: &Versions<Value>, guarantee: Option<Guarantee>) -> Self {
        let count = versions.made.len();
        let mut graph = Self {
            edges: vec![Vec::new(); count],
            versions: count,
        };
        for version in (0..count).filter(|version| *version != FIRST) {
            graph.add(FIRST, version, Label::First);
        }
        for (number, swap) in versions.facts.swaps.iter().enumerate() {
            graph.add(swap.from, swap.to, Label::Swap(number));
        }
        let facts = &versions.facts;
        let grown = facts.grown.iter().map(|grown| (grown.version, true));
        let missing = facts.missing.iter().map(|version| (*version, false));
        let text = grown
            .chain(missing)
            .map(|(version, binds)| (Place::Text, version, binds, true));
        graph.line(text);
        let Some(guarantee) = guarantee else {
            return graph;
        };
        for (line, session) in versions.sessions.iter().enumerate() {
            graph.line(session.iter().enumerate().map(|(place, event)| {
                let deed: Deed = event.deed;
                let binds = guarantee.binds(deed);
                let place = Place::Session { line, event: place };
                (place, event.version, binds, guarantee.is_bound(deed))
            }));
        }
        graph
    }

    /// The same with every edge turned round.
    pub(super) fn reversed(&self) -> Self {
        let mut edges = vec![Vec::new(); self.edges.len()];
        for (from, leading) in self.edges.iter().enumerate() {
            for edge in leading {
                let (to, label) = (from, edge.label);
                edges[edge.to].push(Edge { to, label });
            }
        }
        Self {
            edges,
            versions: self.versions,
        }
    }

    fn add(&mut self, from: usize, to: usize, label: Label) {
        self.edges[from].push(Edge { to, label });
    }

    /// Gates between events: where each is, its version, whether it binds, whether it is bound.
    fn line(&mut self, events: impl Iterator<Item = (Place, usize, bool, bool)>) {
        let mut gate = None;
        for (place, version, binds, bound) in events {
            if let Some(gate) = gate
                && bound
            {
                self.add(gate, version, Label::Leave(place));
            }
            if !binds {
                continue;
            }
            let behind = self.edges.len();
            self.edges.push(Vec::new());
            if let Some(gate) = gate {
                self.add(gate, behind, Label::Pass);
            }
            self.add(version, behind, Label::Enter(place));
            gate = Some(behind);
        }
    }
}
