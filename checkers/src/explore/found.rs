//! A world that was found elsewhere, to look around in: what else could happen here?

use snowglobe_systems::process::{InvocationId, NodeId, Process};

use super::small_world::Sent;
use super::state::{Member, Progress};
use super::survey::Survey;
use super::{Reductions, Setting, Shared, SmallWorld};

/// A whole world as it was found, in the middle of a simulated run, say.
#[derive(Clone, Debug)]
pub struct FoundWorld<P: Process, I> {
    /// In the order of their names; the timers of each in any order.
    pub nodes: Vec<Member<P>>,
    /// What is under way, in the order of sending.
    pub under_way: Vec<(NodeId, NodeId, P::Message)>,
    /// What the invariants remember of the past.
    pub invariants: I,
    /// How many calls were made so far.
    pub calls: u64,
    /// Those of them without an answer, and whom they were made to.
    pub open: Vec<(InvocationId, NodeId)>,
    /// Nodes that do not see each other, the smaller name first.
    pub cut: Vec<(NodeId, NodeId)>,
}

impl<P: Process, I> FoundWorld<P, I> {
    /// The same world, watched over by others that remember the same past.
    pub fn watched_by<J>(self, change: impl FnOnce(&I) -> J) -> FoundWorld<P, J> {
        FoundWorld {
            invariants: change(&self.invariants),
            nodes: self.nodes,
            under_way: self.under_way,
            calls: self.calls,
            open: self.open,
            cut: self.cut,
        }
    }
}

impl<S: Setting> SmallWorld<S> {
    /// A world that begins as it was found. Nothing is spent yet.
    ///
    /// Calls that were open there belong to one client more than the setting
    /// has: what they are answered is accepted, and judged by nobody.
    #[must_use]
    pub fn found(
        setting: S,
        reductions: Reductions,
        found: FoundWorld<S::Process, S::Invariants>,
    ) -> Self {
        let mut start = Self::boot_state(&setting);
        let members = found.nodes.into_iter().map(|mut member| {
            member.armed.sort_unstable();
            Shared::new(member)
        });
        start.nodes = members.collect();
        let sent: Vec<Sent<S>> = found
            .under_way
            .into_iter()
            .map(|(from, to, message)| (from, to, Shared::new(message)))
            .collect();
        for (from, to, message) in &sent {
            start.network.send(*from, *to, message.clone(), false);
        }
        start.invariants = Shared::new(found.invariants);
        start.calls = found.calls;
        start.clients.push(Progress {
            open: found.open,
            ..Progress::default()
        });
        start.cut = found.cut;
        start.cut.sort_unstable();
        let mut world = Self::beginning_in(setting, reductions, start);
        world.sent_at_boot = sent;
        world.survey = Survey::new();
        world
    }
}
