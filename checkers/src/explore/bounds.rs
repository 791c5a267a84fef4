//! How large a world is explored.

use serde::{Deserialize, Serialize};

/// The budgets of an exploration.
///
/// Each is spent inside the state, so that whatever is left of it is part of
/// what is explored, and no state is ever thrown away for being out of bounds:
/// what a budget does not allow does not happen. A message beyond the cap is
/// lost, as a network may lose any; those of one step go out together or not at
/// all, so a few more than the cap may be under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bounds {
    /// The highest term, epoch or configuration that a node may reach; what
    /// would take it further does not happen.
    pub terms: u64,
    /// How many clients there are, where they are not nodes.
    pub clients: u8,
    /// How many operations the clients ask for, all together.
    pub operations: u8,
    /// What they ask for.
    pub workload: Workload,
    /// How many timeouts expire.
    pub timeouts: u8,
    /// How often periodic timers fire: heartbeats and the like.
    pub beats: u8,
    /// How often nodes crash, between steps or inside one.
    pub crashes: u8,
    /// How often a message is delivered and stays under way.
    pub duplicates: u8,
    /// How often two nodes lose sight of each other: what they send meanwhile is
    /// lost. What is under way is lost as well, or held until they see each other again.
    pub cuts: u8,
    /// What a node sends is lost when so many messages are under way already. What
    /// is late does not count; see [`Flight::late`](super::Flight). With
    /// [`NO_CAP`](Self::NO_CAP) nothing is ever lost.
    pub messages: u8,
    /// After how many applied entries a node takes a snapshot; 0 for never.
    pub snapshot_after: u8,
    /// Messages between the same two nodes arrive in the order in which they were sent.
    pub in_order: bool,
}

/// What clients ask for. Not every system knows each of them; see
/// [`Setting::workloads`](super::Setting::workloads).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Workload {
    /// What is usual for the system: mostly, to write and to read in turn.
    #[default]
    Usual,
    /// They only read.
    Reads,
    /// They compare a value and swap it for the same one, and read in turn.
    Swaps,
    /// The servers of a group change while a shard moves to it.
    Regroups,
}

impl Workload {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Usual, Self::Reads, Self::Swaps, Self::Regroups];

    /// Its name on the command line and in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Usual => "usual",
            Self::Reads => "reads",
            Self::Swaps => "swaps",
            Self::Regroups => "regroups",
        }
    }
}

/// A small world that is worth looking at, by what it is for.
///
/// One large world in which everything can go wrong is too large to be seen in
/// full; several small ones, each with room for one kind of trouble, are not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// What there is room for.
    pub name: &'static str,
    /// How many nodes there are, clients not counted.
    pub nodes: usize,
    /// How large it is.
    pub bounds: Bounds,
    /// Options of the system's scenarios that differ from those of its other
    /// small worlds: how its nodes are tuned.
    pub options: &'static [(&'static str, i64)],
}

impl Scope {
    /// A world of so many nodes, within these bounds but for a change.
    #[must_use]
    pub fn of(name: &'static str, nodes: usize, base: &Bounds, change: fn(&mut Bounds)) -> Self {
        let mut bounds = base.clone();
        change(&mut bounds);
        Self {
            name,
            nodes,
            bounds,
            options: &[],
        }
    }

    /// The same with so many nodes.
    #[must_use]
    pub fn of_size(self, nodes: usize) -> Self {
        Self { nodes, ..self }
    }

    /// The same with nodes that are tuned so.
    #[must_use]
    pub fn tuned(self, options: &'static [(&'static str, i64)]) -> Self {
        Self { options, ..self }
    }
}

impl Bounds {
    /// As many messages may be under way as are sent.
    pub const NO_CAP: u8 = u8::MAX;
}

impl Default for Bounds {
    /// Nothing goes wrong, and nobody asks for anything.
    fn default() -> Self {
        Self {
            terms: 1,
            clients: 1,
            operations: 0,
            workload: Workload::Usual,
            timeouts: 1,
            beats: 0,
            crashes: 0,
            duplicates: 0,
            cuts: 0,
            messages: 4,
            snapshot_after: 0,
            in_order: false,
        }
    }
}
