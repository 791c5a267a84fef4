//! All configurations by their numbers, as replicas show them.

use alloc::format;
use alloc::vec::Vec;

use super::promises;
use crate::invariants::{ForReport, Violation};
use crate::process::NodeId;
use crate::replica::StateMachine as _;
use crate::shardctrler::{Configuration, Controller, Number, Query};

/// The one history of configurations. The first replica that gets to a number
/// puts its configuration down, and every other must show the same.
///
/// It looks at controllers rather than at nodes, so that whatever system has a
/// controller inside can keep one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Chronicle {
    /// By their numbers.
    entries: Vec<Entry>,
    /// Whether a group has joined, from when on there are as many shards as there are.
    is_settled: bool,
    /// By the node's position: the newest number it has shown in this life.
    shown: Vec<Option<Number>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Entry {
    configuration: Configuration,
    /// Who showed it first. Only configurations are compared.
    by: ForReport<NodeId>,
}

impl Chronicle {
    /// A configuration that a replica has shown; `None` if none has yet.
    #[must_use]
    pub fn configuration(&self, number: Number) -> Option<&Configuration> {
        let place = usize::try_from(number.0).ok()?;
        self.entries.get(place).map(|entry| &entry.configuration)
    }

    /// The newest configuration that any replica has shown.
    #[must_use]
    pub fn newest(&self) -> Option<&Configuration> {
        self.entries.last().map(|entry| &entry.configuration)
    }

    /// A node begins a new life: it may apply everything again, and is looked
    /// at from the beginning, since a snapshot may have brought anything.
    pub fn restarted(&mut self, node: NodeId) {
        *self.shown(node) = None;
    }

    /// Looks at the configurations that a node's controller has made since the
    /// last look at it. It costs nothing while there are none.
    ///
    /// # Errors
    /// The first broken promise.
    pub fn look(&mut self, node: NodeId, controller: &Controller) -> Result<(), Violation> {
        let newest = controller.newest();
        let shown = *self.shown(node);
        if shown == Some(newest.number) {
            return Ok(());
        }
        if let Some(shown) = shown.filter(|shown| *shown > newest.number) {
            return Err(Violation::new(
                "number-never-goes-back",
                [node],
                format!("{shown} or later on {node}"),
                format!("{}", newest.number),
            ));
        }
        // A batch of entries, or a snapshot, brings several at once.
        let mut number = shown.map_or(Number::default(), Number::next);
        while number < newest.number {
            self.is_shown(node, number, controller.query(&Query::of(number)))?;
            number = number.next();
        }
        self.is_shown(node, number, newest.clone())?;
        *self.shown(node) = Some(number);
        Ok(())
    }

    fn shown(&mut self, node: NodeId) -> &mut Option<Number> {
        let position = node.position();
        if self.shown.len() <= position {
            self.shown.resize(position + 1, None);
        }
        &mut self.shown[position]
    }

    /// A node shows a configuration at a number, none of which is left out.
    fn is_shown(
        &mut self,
        node: NodeId,
        number: Number,
        configuration: Configuration,
    ) -> Result<(), Violation> {
        let place = usize::try_from(number.0).expect("all numbers fit into memory");
        if let Some(known) = self.entries.get(place) {
            if known.configuration == configuration {
                return Ok(());
            }
            return Err(Violation::new(
                "configurations-agree",
                [known.by.0, node],
                format!("{:?}, as on {}", known.configuration, known.by.0),
                format!("{configuration:?}"),
            ));
        }
        let last = self.entries.last().map(|entry| &entry.configuration);
        promises::kept(node, number, last, &configuration, self.is_settled)?;
        self.is_settled |= !configuration.groups.is_empty();
        self.entries.push(Entry {
            configuration,
            by: ForReport(node),
        });
        Ok(())
    }
}
