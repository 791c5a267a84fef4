//! The two doors of the component towards its host.

use super::config::Timer;
use super::durable::Write;
use super::message::Message;
use super::types::{Command, Entry, LogIndex, ReadId, Snapshot};
use crate::process::NodeId;

/// Where Raft leaves what it wants done. The order of calls is the durability
/// contract: the host passes them on to its engine in this order.
pub trait Output<C: Command> {
    /// Write a record to disk before any later effect.
    fn persist(&mut self, write: Write<C>);
    /// Send a message.
    fn send(&mut self, to: NodeId, message: Message<C>);
    /// Arm a timer anew.
    fn set_timer(&mut self, timer: Timer);
    /// Disarm a timer.
    fn cancel_timer(&mut self, timer: Timer);
    /// Note that a named situation was reached.
    fn mark(&mut self, mark: &'static str);
}

/// What Raft tells its host, one at a time from [`poll`](super::Raft::poll).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event<C> {
    /// Replace the state machine's state with this one.
    Restore(Snapshot),
    /// Apply a committed entry. Indices come in order, each once, and right
    /// after that of the last [`Event::Restore`].
    Apply {
        /// Its index.
        index: LogIndex,
        /// The entry.
        entry: Entry<C>,
    },
    /// Answer a read from the state as it is now: everything that was
    /// committed when the read arrived has been applied.
    ReadReady(ReadId),
    /// This node no longer leads. Its pending reads are void; its pending
    /// proposals may or may not be committed by others.
    LostLeadership,
}

/// The node does not lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NotLeader {
    /// Who may lead.
    pub hint: Option<NodeId>,
}

/// Why a transfer of leadership did not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransferError {
    /// The node does not lead.
    NotLeader {
        /// Who may lead.
        hint: Option<NodeId>,
    },
    /// The target is the leader itself, or not a voter.
    NotAPeer,
    /// Another transfer is under way.
    Busy,
}
