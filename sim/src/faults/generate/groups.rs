//! Faults that strike whole groups. They make sense only where there are
//! several, which depend on each other and must come to terms with it when one
//! of them is gone, or out of reach, as a whole.

use snowglobe_systems::process::NodeId;

use super::{Schedule, sorted};
use crate::faults::{CrashMoment, Fault, Nodes, Shape};
use crate::time::SimTime;
use crate::world::disk::CrashMode;

impl Schedule<'_> {
    /// The first group twice as often as each other: it may be the one that
    /// tells the others what to do.
    fn group(&mut self) -> usize {
        let groups = self.members.each_group().len();
        self.draw.index(groups + 1) % groups
    }

    /// All nodes of a group go down at one instant, and come back at once or one by one.
    pub(super) fn group_crash(&mut self, at: SimTime) {
        let group = self.group();
        let nodes = self.members.each_group()[group].clone();
        let mode = *self
            .draw
            .pick(&[CrashMode::Keep, CrashMode::Lose, CrashMode::Tear]);
        let together = self.draw.below(2) == 0;
        let parts = match together {
            true => vec![nodes],
            false => nodes.into_iter().map(|node| vec![node]).collect(),
        };
        for nodes in parts {
            let up = at + self.span();
            let crash = Fault::Crash {
                nodes: Nodes::Some(nodes),
                mode,
                moment: CrashMoment::AtOnce,
            };
            self.put(at, up, crash);
        }
    }

    /// Groups lose sight of each other, sometimes in several ways that follow
    /// on each other.
    pub(super) fn group_partition(&mut self, mut at: SimTime) {
        for _ in 0..*self.draw.weighted(&[(3, 1), (1, 2), (1, 3)]) {
            let shape = self.group_shape();
            at = self.shaped(at, shape);
        }
    }

    fn group_shape(&mut self) -> Shape {
        let group = self.group();
        let clients = self.members.clients().to_vec();
        let kind = *self
            .draw
            .weighted(&[(1, 0), (1, 1), (3, 2), (2, 3), (1, 4)]);
        match kind {
            0 => self.one_and_the_rest(group, &[], &clients),
            1 => {
                // Some clients see only this group, and the others never see it.
                let mut shuffled = clients;
                self.draw.shuffle(&mut shuffled);
                let some = self.draw.index(shuffled.len() + 1);
                self.one_and_the_rest(group, &shuffled[..some], &shuffled[some..])
            }
            // Clients see on both sides what neither side knows of the other.
            2 => self.one_and_the_rest(group, &clients, &clients),
            3 => {
                let groups = self.members.each_group().len();
                let other = (group + 1 + self.draw.index(groups - 1)) % groups;
                self.two_apart(group, other)
            }
            _ => self.all_apart(&clients),
        }
    }

    /// A group and the clients with it on one side; all other groups, and the
    /// clients with them, on the other.
    fn one_and_the_rest(
        &self,
        group: usize,
        with_it: &[NodeId],
        with_the_rest: &[NodeId],
    ) -> Shape {
        let one = &self.members.each_group()[group];
        let rest: Vec<NodeId> = self
            .members
            .servers()
            .filter(|id| !one.contains(id))
            .collect();
        Shape::Groups(vec![
            sorted(&[one, with_it].concat()),
            sorted(&[&rest, with_the_rest].concat()),
        ])
    }

    /// Two groups do not reach each other, and everybody else reaches both.
    fn two_apart(&self, one: usize, other: usize) -> Shape {
        let without = |group: usize| -> Vec<NodeId> {
            let group = &self.members.each_group()[group];
            let reached = self.members.nodes().filter(|id| !group.contains(id));
            reached.collect()
        };
        Shape::Groups(vec![without(other), without(one)])
    }

    /// No group reaches another, and clients reach all of them.
    fn all_apart(&self, clients: &[NodeId]) -> Shape {
        let groups = self.members.each_group().iter();
        Shape::Groups(
            groups
                .map(|group| sorted(&[group, clients].concat()))
                .collect(),
        )
    }
}
