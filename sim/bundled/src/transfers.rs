//! Somebody who moves leaderships about on purpose in a shaken run.

use std::ops::Range;
use std::time::Duration;

use snowglobe_systems::invariants::Invariants;
use snowglobe_systems::process::NodeId;
use snowglobe_systems::raft::HasLeader;

use crate::quorum;
use snowglobe::draw::{Draw, Purpose, Streams};
use snowglobe::seed::Seed;
use snowglobe::world::World;

/// Asks leaders to hand over to a server that is drawn.
#[derive(Clone, Debug)]
pub(super) struct Transfers {
    draw: Draw,
    /// The servers of each cluster.
    clusters: Vec<Vec<NodeId>>,
    over: bool,
}

/// The mark that is reached whenever a leader is asked.
pub(super) const ASKED: &str = "user.transfer_asked";

const BETWEEN_TRANSFERS: Range<Duration> = Duration::from_millis(300)..Duration::from_secs(4);

impl Transfers {
    /// The token of the alarms that [`Transfers::alarm`] must hear of; those of
    /// users are above it.
    pub(super) const ALARM: u64 = 1;

    /// Somebody who knows these clusters.
    pub(super) fn new(seed: Seed, clusters: Vec<Vec<NodeId>>) -> Self {
        Self {
            draw: Streams::new(seed).open(Purpose::Workload(u16::MAX)),
            clusters,
            over: false,
        }
    }

    /// Begins to ask.
    pub(super) fn begin<P: HasLeader, I: Invariants<P>>(&mut self, world: &mut World<P, I>) {
        let pause = self.draw.duration(BETWEEN_TRANSFERS);
        world.alarm(pause, Self::ALARM);
    }

    /// Asks no more.
    pub(super) fn end(&mut self) {
        self.over = true;
    }

    /// It is time to ask somebody.
    pub(super) fn alarm<P: HasLeader, I: Invariants<P>>(
        &mut self,
        world: &mut World<P, I>,
        operation: impl FnOnce(NodeId) -> P::Operation,
    ) {
        if self.over {
            return;
        }
        let all: usize = self.clusters.iter().map(Vec::len).sum();
        let place = self.draw.below(all as u64) as usize;
        let each = self.clusters.iter();
        let mut servers = each.flat_map(|cluster| cluster.iter().map(move |id| (*id, cluster)));
        let (to, cluster) = servers.nth(place).expect("the draw is below their number");
        let leads = |id: &&NodeId| **id != to && quorum::leads(world, **id);
        if let Some(leader) = cluster.iter().find(leads) {
            world.mark(ASKED);
            world.invoke(*leader, operation(to));
        }
        self.begin(world);
    }
}
