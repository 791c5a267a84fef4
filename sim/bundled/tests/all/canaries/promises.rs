//! What the fragile protocol promises, each promise alone.

use std::collections::{BTreeMap, BTreeSet};

use snowglobe_systems::invariants::{ClusterView, Invariants, Violation};
use snowglobe_systems::process::{Effect, NodeId};

use super::fragile::{Fragile, Message};

/// A promise that is kept until something goes wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Promise {
    /// At the end each node has lately heard each other node. Looked at by the umpire.
    #[default]
    EverybodyIsHeard,
    /// At the end each pair of groups has lately heard of each other. Looked at by the umpire.
    GroupsAreHeard,
    /// At the end all calls but the latest are answered. Looked at by the umpire.
    CallsAreAnswered,
    /// No node refuses to start. Looked at by the umpire.
    NobodyRefuses,
    /// The disk of a node that is down holds what it held when the node was last seen. Looked at
    /// by the umpire.
    NothingHalfWritten,
    /// Beats come without a gap.
    NothingIsLost,
    /// No beat comes twice.
    NothingComesTwice,
    /// Beats come in the order of sending.
    NothingOvertakes,
    /// Every question is answered within a node's patience.
    AnsweredInTime,
    /// The same towards the end, when whatever was wrong has been put right.
    AnsweredInTimeAtLast,
    /// All nodes have made about as many beats.
    ClocksAgree,
    /// Nobody goes down.
    NobodyGoesDown,
    /// In each group somebody is up.
    GroupsStayUp,
    /// Nobody forgets over a restart what others have heard.
    NothingForgotten,
    /// Nobody finds on its disk what was never confirmed.
    NothingUnconfirmed,
    /// A process takes no step before the effects of the last one are executed.
    OneStepAtATime,
}

impl Promise {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::EverybodyIsHeard => "everybody-is-heard",
            Self::GroupsAreHeard => "groups-are-heard",
            Self::CallsAreAnswered => "calls-are-answered",
            Self::NobodyRefuses => "nobody-refuses",
            Self::NothingHalfWritten => "nothing-half-written",
            Self::NothingIsLost => "nothing-is-lost",
            Self::NothingComesTwice => "nothing-comes-twice",
            Self::NothingOvertakes => "nothing-overtakes",
            Self::AnsweredInTime => "answered-in-time",
            Self::AnsweredInTimeAtLast => "answered-in-time-at-last",
            Self::ClocksAgree => "clocks-agree",
            Self::NobodyGoesDown => "nobody-goes-down",
            Self::GroupsStayUp => "groups-stay-up",
            Self::NothingForgotten => "nothing-forgotten",
            Self::NothingUnconfirmed => "nothing-unconfirmed",
            Self::OneStepAtATime => "one-step-at-a-time",
        }
    }
}

/// How far beats may be apart before clocks disagree.
const DRIFT: u64 = 10;

/// Watches over one promise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Promises {
    pub(crate) watched: Promise,
    /// Nodes that go down together only in a fault of whole groups.
    pub(crate) groups: Vec<Vec<NodeId>>,
    /// The beats that came over each link.
    came: BTreeMap<(NodeId, NodeId), BTreeSet<u64>>,
    /// The highest beat that each node has said.
    said: BTreeMap<NodeId, u64>,
    /// The highest beat whose write each node saw through.
    confirmed: BTreeMap<NodeId, u64>,
    down: BTreeSet<NodeId>,
    /// The effects of each node that are still to be executed.
    pending: BTreeMap<NodeId, usize>,
    /// What a hook that cannot fail has seen.
    noticed: Option<Violation>,
}

impl Promises {
    pub(crate) fn watching(watched: Promise, groups: &[Vec<NodeId>]) -> Self {
        Self {
            watched,
            groups: groups.to_vec(),
            ..Self::default()
        }
    }

    fn unless(&self, promise: Promise, node: NodeId, found: String) -> Result<(), Violation> {
        match self.watched == promise {
            true => Err(Violation::new(promise.name(), [node], "nothing", found)),
            false => Ok(()),
        }
    }

    /// A beat came over a link.
    fn comes(&mut self, from: NodeId, to: NodeId, beat: u64) -> Result<(), Violation> {
        let came = self.came.entry((from, to)).or_default();
        let last = came.last().copied();
        let is_new = came.insert(beat);
        let link = format!("{from}->{to}");
        if !is_new {
            return self.unless(Promise::NothingComesTwice, to, link);
        }
        match last {
            Some(last) if beat < last => self.unless(Promise::NothingOvertakes, to, link),
            Some(last) if beat > last + 1 => self.unless(Promise::NothingIsLost, to, link),
            _ => Ok(()),
        }
    }
}

impl Invariants<Fragile> for Promises {
    fn started(
        &mut self,
        cluster: &impl ClusterView<Fragile>,
        node: NodeId,
    ) -> Result<(), Violation> {
        self.down.remove(&node);
        let found = cluster.node(node).durable.0;
        let of = |map: &BTreeMap<NodeId, u64>| map.get(&node).copied().unwrap_or_default();
        let (said, confirmed) = (of(&self.said), of(&self.confirmed));
        if found < said {
            self.unless(Promise::NothingForgotten, node, format!("{node}"))?;
        }
        if found > confirmed {
            self.unless(Promise::NothingUnconfirmed, node, format!("{node}"))?;
        }
        Ok(())
    }

    fn stepped(
        &mut self,
        cluster: &impl ClusterView<Fragile>,
        node: NodeId,
        effects: &[Effect<Fragile>],
    ) -> Result<(), Violation> {
        let pending = self.pending.insert(node, effects.len()).unwrap_or_default();
        if pending > 0 {
            self.unless(Promise::OneStepAtATime, node, format!("{node}"))?;
        }
        if let Some(violation) = self.noticed.take() {
            return Err(violation);
        }
        let Some(process) = cluster.node(node).process else {
            return Ok(());
        };
        if let Some((from, beat)) = process.just_heard {
            self.comes(from, node, beat)?;
        }
        let fastest = process.heard.values().max().copied().unwrap_or_default();
        if fastest.abs_diff(process.beats) > DRIFT && !process.heard.is_empty() {
            self.unless(Promise::ClocksAgree, node, format!("{node}"))?;
        }
        if process.left_waiting > 0 {
            self.unless(Promise::AnsweredInTime, node, format!("{node}"))?;
        }
        Ok(())
    }

    fn executed(
        &mut self,
        _: &impl ClusterView<Fragile>,
        node: NodeId,
        effect: &Effect<Fragile>,
    ) -> Result<(), Violation> {
        if let Some(pending) = self.pending.get_mut(&node) {
            *pending = pending.saturating_sub(1);
        }
        let (highest, beat) = match effect {
            Effect::Send {
                message: Message::Beat(beat),
                ..
            } => (&mut self.said, *beat),
            Effect::Persist(beat) => (&mut self.confirmed, *beat),
            _ => return Ok(()),
        };
        let known = highest.entry(node).or_default();
        *known = beat.max(*known);
        Ok(())
    }

    fn crashed(&mut self, _: &impl ClusterView<Fragile>, node: NodeId, _: &[Effect<Fragile>]) {
        self.down.insert(node);
        self.pending.remove(&node);
        let is_down = |group: &Vec<NodeId>| group.iter().all(|id| self.down.contains(id));
        let gone = match self.watched {
            Promise::NobodyGoesDown => true,
            Promise::GroupsStayUp => self.groups.iter().any(is_down),
            _ => false,
        };
        if gone {
            let name = self.watched.name();
            self.noticed = Some(Violation::new(name, [node], "nothing", format!("{node}")));
        }
    }
}
