//! Leadership transfer (dissertation, 3.10).

use super::config::Timer;
use super::message::{Message, TimeoutNow};
use super::output::TransferError;
use super::role::Role;
use super::types::Command;
use super::{Raft, marks};
use crate::process::{Effects, NodeId};

impl<C: Command> Raft<C> {
    /// Begins to hand the leadership to a peer: refuses proposals, brings the
    /// peer up to date, and then tells it to stand for election at once.
    ///
    /// # Errors
    /// If the node does not lead, is handing over already, or cannot to this target.
    pub fn transfer(
        &mut self,
        target: NodeId,
        out: &mut Effects<Self>,
    ) -> Result<(), TransferError> {
        let hint = self.leader();
        let Role::Leader(leader) = &mut self.role else {
            return Err(TransferError::NotLeader { hint });
        };
        if target == self.id || self.voters.place(target).is_none() {
            return Err(TransferError::NotAPeer);
        }
        if leader.transfer.is_some() {
            return Err(TransferError::Busy);
        }
        leader.transfer = Some(target);
        self.arm(Timer::Transfer, out);
        self.continue_transfer(target, out);
        Ok(())
    }

    /// Sends `TimeoutNow` once the target has everything. Repeated with each of its
    /// replies, in case it was lost: in its new term the target ignores it.
    pub(super) fn continue_transfer(&mut self, peer: NodeId, out: &mut Effects<Self>) {
        let Role::Leader(leader) = &self.role else {
            return;
        };
        let up_to_date = leader.peers[leader.place_of(peer)].match_index() == self.log.last().index;
        if leader.transfer == Some(peer) && up_to_date {
            out.send(peer, Message::TimeoutNow(TimeoutNow { term: self.term }));
        }
    }

    pub(super) fn on_timeout_now(&mut self, message: &TimeoutNow, out: &mut Effects<Self>) {
        // An order of an older term is obsolete. One of a higher term does not
        // exist: its leader would have waited until this node had its entries.
        if message.term == self.term && matches!(self.role, Role::Follower(_)) {
            self.begin_election(true, out);
        }
    }

    /// The target did not take over in time, so clients are served again
    /// (dissertation, 3.10). If it still does later, that is an election like any other.
    pub(super) fn on_transfer_timeout(&mut self, out: &mut Effects<Self>) {
        if let Role::Leader(leader) = &mut self.role
            && leader.transfer.take().is_some()
        {
            out.mark(marks::TRANSFER_ABANDONED);
        }
    }
}
