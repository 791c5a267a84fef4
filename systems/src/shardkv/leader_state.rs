//! The volatile state of a group's leader: its queries, and its hand-overs.

use crate::vec_map::Entry;
use crate::vec_map::VecMap;
use alloc::vec::Vec;

use super::TransferId;
use super::courier::{Courier, Route, servers_of};
use super::group::OutgoingShard;
use crate::process::{InvocationId, NodeId};
use crate::shardctrler::{Configuration, GroupId, Number, Shard};

/// The volatile state of a group's leader. Lost with the leadership: the next leader finds
/// out again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct LeaderState {
    /// The open queries to the controller, by the configuration asked for.
    questions: VecMap<InvocationId, Number>,
    /// Configurations fetched ahead. A group that is behind asks for several at once: a
    /// slow controller would otherwise keep it behind for ever.
    ahead: VecMap<Number, Configuration>,
    /// How many polls in a row nobody has answered, neither the controller nor the last helper.
    /// At most [`PATIENT_POLLS`].
    silent_polls: u8,
    /// Which of the other servers asks the controller if it does not answer this one.
    helper: usize,
    /// Whether the helper has answered since it was asked.
    has_helped: bool,
    /// The attempts to hand over or offer each shard.
    attempts: VecMap<(Shard, Number), Attempts>,
    couriers: VecMap<GroupId, Courier>,
    /// Shards that came before the configuration that gives them to this group: from where,
    /// and at which attempt.
    early: VecMap<TransferId, (Route, u32)>,
}

/// How often a shard was handed over or offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Attempts {
    last: u32,
    /// The last one that the shard itself was sent with.
    whole: u32,
    /// How often it was.
    sent: u32,
    /// How many times to wait until it is sent again unasked: longer and longer, since
    /// on a slow link it may yet arrive.
    patience: u32,
    /// Whether the new owner has said since then that it need not be sent again.
    is_waited_for: bool,
}

/// How often a shard is sent before the patience with it grows.
const SENT_QUICKLY: u32 = 4;
/// How often that patience doubles.
const MOST_DOUBLINGS: u32 = 2;

/// How many configurations are asked for at once.
pub(super) const ASKED_AT_ONCE: usize = 4;
/// After how many unanswered polls another server is asked to help.
const PATIENT_POLLS: u8 = 3;

impl LeaderState {
    /// Whether to ask for a configuration now.
    pub(super) fn lacks(&self, number: Number) -> bool {
        self.questions.len() < ASKED_AT_ONCE
            && !self.ahead.contains_key(&number)
            && !self.questions.values().any(|asked| *asked == number)
    }

    /// The controller is asked for a configuration.
    pub(super) fn asks(&mut self, question: InvocationId, number: Number) {
        self.questions.insert(question, number);
    }

    /// The controller answers. Which configuration it was asked for.
    pub(super) fn told(&mut self, question: InvocationId) -> Option<Number> {
        let asked = self.questions.remove(&question)?;
        self.silent_polls = 0;
        Some(asked)
    }

    /// Questions whose answers are known by now from elsewhere. They leave room for others.
    pub(super) fn take_superseded(&mut self, current: Number) -> Vec<InvocationId> {
        let ahead = &self.ahead;
        let is_known =
            |_: &InvocationId, asked: &mut Number| *asked <= current || ahead.contains_key(asked);
        let superseded = self.questions.extract_if(is_known);
        superseded.map(|(question, _)| question).collect()
    }

    /// A poll is due. Which other server is to ask the controller for a configuration, if
    /// that has not answered for long: perhaps only this server cannot reach it.
    pub(super) fn helper(&mut self, number: Number, peers: &[NodeId]) -> Option<NodeId> {
        self.silent_polls = match self.questions.is_empty() {
            true => 0,
            false => (self.silent_polls + 1).min(PATIENT_POLLS),
        };
        if self.silent_polls < PATIENT_POLLS || self.ahead.contains_key(&number) {
            return None;
        }
        // One that has helped is asked at each poll, as the controller itself would be.
        if !self.has_helped {
            self.helper += 1;
            self.silent_polls = 0;
        }
        self.has_helped = false;
        let place = self.helper.checked_rem(peers.len())?;
        Some(peers[place])
    }

    /// Another server has told what the controller told it.
    pub(super) fn helped(&mut self) {
        self.has_helped = true;
    }

    /// What the controller was asked and has not answered.
    pub(super) fn open_questions(&self) -> impl Iterator<Item = InvocationId> + '_ {
        self.questions.keys().copied()
    }

    /// Keeps a configuration until it can be applied, if it is not obsolete.
    pub(super) fn keep(&mut self, configuration: Configuration, current: Number) {
        if configuration.number > current {
            self.ahead.insert(configuration.number, configuration);
        }
        self.ahead.retain(|number, _| *number > current);
    }

    /// A configuration fetched ahead.
    pub(super) fn known(&self, number: Number) -> Option<&Configuration> {
        self.ahead.get(&number)
    }

    /// The courier to the group that a shard is for; none while no server of it is known.
    pub(super) fn courier(&mut self, owed: &OutgoingShard, own: &[NodeId]) -> Option<&mut Courier> {
        Some(match self.couriers.entry(owed.to) {
            Entry::Occupied(known) => known,
            Entry::Vacant(unknown) => {
                let first = *servers_of(owed, &self.ahead, own).first()?;
                unknown.insert(Courier::to(first))
            }
        })
    }

    /// The newest configuration fetched ahead.
    pub(super) fn newest(&self) -> Option<&Configuration> {
        self.ahead.values().next_back()
    }

    /// Whether somebody of a group has answered lately.
    pub(super) fn reaches(&self, group: GroupId) -> bool {
        let courier = self.couriers.get(&group);
        courier.is_some_and(|courier| !courier.is_unheard())
    }

    /// The number of the next hand-over or offer of a shard.
    pub(super) fn next_attempt(&mut self, owed: (Shard, Number), is_whole: bool) -> u32 {
        let attempts = self.attempts.entry(owed).or_default();
        attempts.last = attempts.last.saturating_add(1);
        if is_whole {
            attempts.whole = attempts.last;
            let doublings = attempts.sent.saturating_sub(SENT_QUICKLY);
            attempts.patience = 1 << doublings.min(MOST_DOUBLINGS);
            attempts.sent = attempts.sent.saturating_add(1);
            attempts.is_waited_for = false;
        }
        attempts.last
    }

    /// A retry is due. Whether to send a shard again unasked.
    pub(super) fn is_silent(&mut self, owed: (Shard, Number)) -> bool {
        let attempts = self.attempts.entry(owed).or_default();
        attempts.patience = attempts.patience.saturating_sub(1);
        attempts.patience == 0 && !attempts.is_waited_for
    }

    /// The new owner says that a shard need not be sent again for now.
    pub(super) fn told_to_wait(&mut self, owed: (Shard, Number)) {
        self.attempts.entry(owed).or_default().is_waited_for = true;
    }

    /// Whether an awaited shard was lost, according to an answer to an attempt: it was not
    /// sent again since.
    pub(super) fn is_lost(&self, owed: (Shard, Number), attempt: u32) -> bool {
        let attempts = self.attempts.get(&owed);
        attempts.is_none_or(|attempts| attempts.whole <= attempt)
    }

    /// A server of a group has taken something in, or is about to.
    pub(super) fn heard_from(&mut self, group: GroupId, route: Route) {
        if let Some(courier) = self.couriers.get_mut(&group) {
            courier.heard_by(route);
        }
    }

    /// A server of a group waits for what it is handed.
    pub(super) fn awaited_by(&mut self, group: GroupId, route: Route) {
        let courier = self.couriers.entry(group);
        let courier = courier.or_insert_with(|| Courier::to(route.server));
        courier.awaited_by(route);
    }

    /// A shard came early.
    pub(super) fn came_early(&mut self, id: TransferId, route: Route, attempt: u32) {
        self.early.insert(id, (route, attempt));
    }

    /// Early arrivals that are due now that the group knows a configuration.
    pub(super) fn no_longer_early(&mut self, number: Number) -> Vec<(TransferId, Route, u32)> {
        let is_due = |id: &TransferId, _: &mut (Route, u32)| id.number <= number;
        let due = self.early.extract_if(is_due);
        due.map(|(id, (route, attempt))| (id, route, attempt))
            .collect()
    }

    /// A server says that it does not lead. Whether to hand the shard over at
    /// once to another.
    pub(super) fn redirected(&mut self, to: GroupId, by: NodeId, hint: Option<NodeId>) -> bool {
        let courier = self.couriers.get_mut(&to);
        courier.is_some_and(|courier| courier.redirected(by, hint))
    }

    /// Shards not yet handed over. Marks them as handed over.
    pub(super) fn not_yet_handed(
        &mut self,
        outgoing: &VecMap<(Shard, Number), OutgoingShard>,
    ) -> Vec<(Shard, Number)> {
        self.attempts.retain(|owed, _| outgoing.contains_key(owed));
        let new = |owed: &&(Shard, Number)| !self.attempts.contains_key(*owed);
        let new: Vec<(Shard, Number)> = outgoing.keys().filter(new).copied().collect();
        let none = |owed: &(Shard, Number)| (*owed, Attempts::default());
        self.attempts.extend(new.iter().map(none));
        new
    }

    /// The servers of each group that is owed a shard.
    pub(super) fn addresses<'a>(
        &self,
        owed: impl Iterator<Item = &'a OutgoingShard>,
        own: &[NodeId],
    ) -> VecMap<GroupId, Vec<NodeId>> {
        owed.map(|owed| (owed.to, servers_of(owed, &self.ahead, own)))
            .collect()
    }

    /// Goes on to the next server of each group from which nobody answered.
    pub(super) fn turn_from_silent(&mut self, servers: &VecMap<GroupId, Vec<NodeId>>) {
        for (group, courier) in self.couriers.iter_mut() {
            let servers = servers.get(group).map_or(&[][..], Vec::as_slice);
            courier.turn_from_silent(servers);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWED: (Shard, Number) = (Shard(0), Number(3));

    #[test]
    fn each_configuration_is_asked_for_once_and_few_at_a_time() {
        let mut state = LeaderState::default();
        assert!(state.lacks(Number(5)));
        state.asks(InvocationId(1), Number(5));
        assert!(!state.lacks(Number(5)), "it is asked for");
        let known = Configuration {
            number: Number(6),
            ..Configuration::first(1)
        };
        state.keep(known, Number(4));
        assert!(!state.lacks(Number(6)), "it is known");
        for number in 7..10 {
            assert!(state.lacks(Number(number)));
            state.asks(InvocationId(number), Number(number));
        }
        assert!(!state.lacks(Number(10)), "four are under way");
        assert_eq!(state.told(InvocationId(8)), Some(Number(8)));
        assert!(state.lacks(Number(10)));
    }

    #[test]
    fn a_shard_that_somebody_waits_for_is_not_sent_again_unasked() {
        let mut state = LeaderState::default();
        state.next_attempt(OWED, true);
        state.told_to_wait(OWED);
        for _ in 0..8 {
            assert!(!state.is_silent(OWED));
        }
        state.next_attempt(OWED, true);
        assert!(state.is_silent(OWED));
    }

    #[test]
    fn a_shard_is_sent_again_after_longer_and_longer_silences() {
        let mut state = LeaderState::default();
        let mut silences = Vec::new();
        for _ in 0..9 {
            state.next_attempt(OWED, true);
            let waits = (1..10).find(|_| state.is_silent(OWED));
            silences.push(waits.expect("in the end it is sent"));
        }
        assert_eq!(silences, [1, 1, 1, 1, 1, 2, 4, 4, 4]);
    }
}
