//! Those who do not wait: an operator who moves the leadership about, and a
//! crowd that proposes many values at once, to whoever takes itself for the
//! leader, and never asks again.

use std::ops::Range;
use std::time::Duration;

use snowglobe_systems::ledger::Ledger;
use snowglobe_systems::process::NodeId;
use snowglobe_systems::replica::{Operation, Outcome};

use super::super::RaftWorld;
use super::{Asked, Asker, RaftClients, Wish};
use crate::quorum;

/// Alarms of the operator and the crowd; the clients' own are below.
const OPERATOR: u64 = 1 << 60;
const CROWD: u64 = OPERATOR + 1;
const BETWEEN_TRANSFERS: Range<Duration> = Duration::from_millis(300)..Duration::from_secs(4);
const BETWEEN_BURSTS: Range<Duration> = Duration::from_millis(100)..Duration::from_millis(1500);
/// How many values come at once: more than a snapshot is apart from the next,
/// so that a leader nobody follows any more gathers a long tail.
const BURST: Range<u64> = 5..40;

impl RaftClients {
    pub(super) fn begin_crowd(&mut self, world: &mut RaftWorld) {
        if self.options.transfers {
            let pause = self.operator.duration(BETWEEN_TRANSFERS);
            world.alarm(pause, OPERATOR);
        }
        if self.options.bursts {
            let pause = self.crowd.duration(BETWEEN_BURSTS);
            world.alarm(pause, CROWD);
        }
    }

    /// Whether the alarm was the operator's or the crowd's.
    pub(super) fn crowd_alarm(&mut self, world: &mut RaftWorld, token: u64) -> bool {
        match token {
            OPERATOR if !self.settling => self.ask_for_transfer(world),
            CROWD if !self.settling => self.burst(world),
            OPERATOR | CROWD => {}
            _ => return false,
        }
        true
    }

    fn ask_for_transfer(&mut self, world: &mut RaftWorld) {
        let nodes = world.size() as u64;
        let to = NodeId::at(self.operator.below(nodes) as usize);
        let leader = leaders(world).into_iter().find(|leader| *leader != to);
        if let Some(leader) = leader {
            world.mark("client.transfer_asked");
            world.invoke(leader, Operation::TransferLeadership { to });
        }
        let pause = self.operator.duration(BETWEEN_TRANSFERS);
        world.alarm(pause, OPERATOR);
    }

    fn burst(&mut self, world: &mut RaftWorld) {
        let leaders = leaders(world);
        let values = self.crowd.range(BURST);
        let pause = self.crowd.duration(BETWEEN_BURSTS);
        world.alarm(pause, CROWD);
        if leaders.is_empty() {
            return;
        }
        world.mark("client.burst_proposed");
        let leader = leaders[self.crowd.index(leaders.len())];
        for _ in 0..values {
            self.next_value += 1;
            let value = self.next_value;
            let operation = self.append(None, value);
            let floor = self.oracle.floor();
            if let Some(invocation) = world.invoke(leader, operation) {
                self.oracle.left_open();
                let wish = Wish::Append { value, floor };
                let asker = Asker::Crowd;
                self.asked.insert(invocation, Asked { asker, wish, floor });
            }
        }
    }

    /// What becomes of a value of the crowd is known after all.
    pub(super) fn crowd_answered(&mut self, outcome: &Outcome<Ledger>) {
        if matches!(outcome, Outcome::Written { .. } | Outcome::NotLeader { .. }) {
            self.oracle.closed();
        }
    }
}

/// Everybody who takes itself for the leader.
fn leaders(world: &RaftWorld) -> Vec<NodeId> {
    world
        .node_ids()
        .filter(|id| quorum::leads(world, *id))
        .collect()
}
