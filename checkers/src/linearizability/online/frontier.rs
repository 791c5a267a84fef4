//! All the ways in which the object of one key may stand.
//!
//! Lowe's just-in-time linearization ("Testing for linearizability", 2017): an
//! operation is linearized at the latest when it returns, and before that only if
//! another one's return calls for it. What remains after each event is the
//! set of configurations from which the past can be explained.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::configuration::{Configuration, Kind, Open, Status};
use crate::history::ClientId;
use crate::linearizability::specification::Specification;

/// All the ways in which the object of one key may stand.
///
/// A value, and a canonical one: the same set of possibilities, however it came
/// about, is the same frontier. When nothing is open it is a set of states.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Frontier<State, Input> {
    open: BTreeMap<ClientId, Open<Input>>,
    /// None of them covers another one.
    configurations: BTreeSet<Configuration<State>>,
}

/// Why an answer was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stuck {
    /// In no configuration can it be right.
    Illegal,
    /// There are more configurations than allowed.
    TooWide,
    /// This operation may have happened, and what it did depends on its answer.
    Unforeseen(ClientId),
}

impl<State: Clone + Ord, Input> Frontier<State, Input> {
    pub(super) fn new(initial: State) -> Self {
        Self {
            open: BTreeMap::new(),
            configurations: BTreeSet::from([Configuration::new(initial)]),
        }
    }

    /// How many configurations there are.
    #[must_use]
    pub fn width(&self) -> usize {
        self.configurations.len()
    }

    /// The states that the object may be in.
    pub fn states(&self) -> BTreeSet<&State> {
        let states = self.configurations.iter();
        states.map(|configuration| &configuration.state).collect()
    }

    /// Whether no operation is open.
    #[must_use]
    pub fn is_quiescent(&self) -> bool {
        self.open.is_empty()
    }

    /// Whether the object is as it was before any operation.
    pub(super) fn is_untouched(&self, initial: &State) -> bool {
        let mut configurations = self.configurations.iter();
        self.open.is_empty()
            && configurations
                .next()
                .is_some_and(|only| only.state == *initial)
            && configurations.next().is_none()
    }

    /// An operation is called.
    pub(super) fn call<S>(&mut self, specification: &S, client: ClientId, input: Input)
    where
        S: Specification<State = State, Input = Input>,
    {
        let kind = Kind::of(specification, &input);
        let abandoned = false;
        self.open.insert(client, Open { input, abandoned });
        if kind == Kind::Observer {
            self.change(|configuration| configuration.call(client, kind));
        }
    }

    /// Nobody will ever learn the answer: the operation may still happen at any
    /// time. One that changes nothing is forgotten.
    pub(super) fn abandon<S>(&mut self, specification: &S, client: ClientId)
    where
        S: Specification<State = State, Input = Input>,
    {
        let Some(open) = self.open.get_mut(&client) else {
            return;
        };
        open.abandoned = true;
        let observes = Kind::of(specification, &open.input) == Kind::Observer;
        self.change(|configuration| {
            let status = configuration.statuses.get_mut(&client);
            match status {
                Some(Status::Covered | Status::Sees(_)) => {
                    configuration.statuses.remove(&client);
                }
                // Its answer will not come, so it need not fit.
                Some(status @ Status::Led { .. }) => *status = Status::Happened,
                Some(Status::Happened) | None => {}
            }
        });
        let over = |configuration: &Configuration<State>| configuration.has_happened(client);
        if observes || self.configurations.iter().all(over) {
            self.forget(client);
        }
    }

    fn forget(&mut self, client: ClientId) {
        self.open.remove(&client);
        self.change(|configuration| {
            configuration.statuses.remove(&client);
        });
    }

    /// An operation is answered. If there is no way in which that may be right,
    /// the frontier stays as it was.
    pub(super) fn answer<S>(
        &mut self,
        specification: &S,
        client: ClientId,
        output: &S::Output,
        limit: usize,
    ) -> Result<(), Stuck>
    where
        S: Specification<State = State, Input = Input>,
    {
        let mut expansion = Expansion {
            specification,
            open: &self.open,
            client,
            output,
            seen: BTreeMap::new(),
            looked_at: 0,
            finished: BTreeSet::new(),
        };
        for configuration in &self.configurations {
            expansion.expand(configuration.clone(), limit)?;
        }
        let finished = expansion.finished;
        if finished.is_empty() {
            return Err(Stuck::Illegal);
        }
        self.open.remove(&client);
        self.configurations = finished;
        self.thin_out();
        let abandoned: Vec<_> = self
            .open
            .iter()
            .filter(|(_, open)| open.abandoned)
            .map(|(client, _)| *client)
            .filter(|client| {
                self.configurations
                    .iter()
                    .all(|one| one.has_happened(*client))
            })
            .collect();
        for client in abandoned {
            self.forget(client);
        }
        Ok(())
    }

    /// Changes every configuration.
    fn change(&mut self, change: impl Fn(&mut Configuration<State>)) {
        self.configurations = std::mem::take(&mut self.configurations)
            .into_iter()
            .map(|mut configuration| {
                change(&mut configuration);
                configuration
            })
            .collect();
        self.thin_out();
    }

    /// Leaves out every configuration that another one covers.
    fn thin_out(&mut self) {
        if self.configurations.len() < 2 {
            return;
        }
        let all: Vec<_> = std::mem::take(&mut self.configurations)
            .into_iter()
            .collect();
        let mut kept: Vec<Configuration<State>> = Vec::with_capacity(all.len());
        // They are sorted by state, so those of one state stand together.
        let mut group = 0;
        for new in all {
            if kept.last().is_some_and(|last| last.state != new.state) {
                group = kept.len();
            }
            let open = &self.open;
            if kept[group..].iter().any(|old| old.covers(&new, open)) {
                continue;
            }
            let mut place = group;
            while place < kept.len() {
                if new.covers(&kept[place], open) {
                    kept.swap_remove(place);
                } else {
                    place += 1;
                }
            }
            kept.push(new);
        }
        self.configurations = kept.into_iter().collect();
    }
}

/// Everything that may have happened up to an answer.
struct Expansion<'a, S: Specification> {
    specification: &'a S,
    open: &'a BTreeMap<ClientId, Open<S::Input>>,
    client: ClientId,
    output: &'a S::Output,
    /// Configurations that were looked at, by state.
    seen: BTreeMap<S::State, Vec<Configuration<S::State>>>,
    /// How many they are.
    looked_at: usize,
    /// Those in which the answer is right, without the operation that is over now.
    finished: BTreeSet<Configuration<S::State>>,
}

impl<S: Specification> Expansion<'_, S> {
    /// From a configuration, lets open operations happen until the answer is right.
    /// Shorter ways come first, because they leave more for later.
    fn expand(&mut self, start: Configuration<S::State>, limit: usize) -> Result<(), Stuck> {
        let mut waiting = VecDeque::from([start]);
        while let Some(configuration) = waiting.pop_front() {
            let seen = self.seen.entry(configuration.state.clone()).or_default();
            if seen.iter().any(|old| old.covers(&configuration, self.open)) {
                continue;
            }
            seen.push(configuration.clone());
            self.looked_at += 1;
            if self.looked_at > limit {
                return Err(Stuck::TooWide);
            }
            // What need not happen now can happen later.
            if self.finish(&configuration) || self.is_hopeless(&configuration) {
                continue;
            }
            for (client, open) in self.open {
                if self.is_idle(&configuration, *client, open) {
                    continue;
                }
                if !open.abandoned && !self.specification.is_foreseeable(&open.input) {
                    return Err(Stuck::Unforeseen(*client));
                }
                self.let_happen(&configuration, *client, open, &mut waiting);
            }
        }
        Ok(())
    }

    /// Whether the answer cannot come right any more: nobody is left who leaves a
    /// state that does not depend on the one before, and no other can lead there.
    fn is_hopeless(&self, configuration: &Configuration<S::State>) -> bool {
        let input = &self.open[&self.client].input;
        let resets = || {
            self.open.iter().any(|(client, open)| {
                let kind = Kind::of(self.specification, &open.input);
                matches!(kind, Kind::Overwriter | Kind::Other)
                    && !configuration.has_happened(*client)
            })
        };
        Kind::of(self.specification, input) == Kind::Observer
            && !self
                .specification
                .may_come(&configuration.state, input, self.output)
            && !resets()
    }

    /// Whether there is no use in letting this operation happen next.
    fn is_idle(
        &self,
        configuration: &Configuration<S::State>,
        client: ClientId,
        open: &Open<S::Input>,
    ) -> bool {
        // Of operations that are alike and that nobody waits for, the first goes first.
        let twin = || {
            self.open
                .range(..client)
                .any(|(other, twin)| twin == open && !configuration.has_happened(*other))
        };
        client == self.client
            || configuration.has_happened(client)
            || Kind::of(self.specification, &open.input) == Kind::Observer
            || (open.abandoned && twin())
    }

    /// Lets an operation happen whose answer is not known.
    fn let_happen(
        &self,
        configuration: &Configuration<S::State>,
        client: ClientId,
        open: &Open<S::Input>,
        waiting: &mut VecDeque<Configuration<S::State>>,
    ) {
        let kind = Kind::of(self.specification, &open.input);
        let states = self
            .specification
            .step(&configuration.state, &open.input, None);
        for state in states {
            // A pending operation that leaves things as they are need not happen,
            // unless it covers others.
            if open.abandoned && state == configuration.state && kind != Kind::Overwriter {
                continue;
            }
            let mut next = configuration.clone();
            next.happen(client, kind, state);
            if open.abandoned {
                next.statuses.insert(client, Status::Happened);
            }
            self.cover(&mut next, kind);
            waiting.push_back(next);
        }
    }

    /// After an operation that overwrites, every open one whose answer tells
    /// nothing may have happened unseen, just before it.
    fn cover(&self, configuration: &mut Configuration<S::State>, kind: Kind) {
        if kind != Kind::Overwriter {
            return;
        }
        for (client, open) in self.open {
            let mute = Kind::of(self.specification, &open.input).is_mute();
            if mute && !open.abandoned && !configuration.statuses.contains_key(client) {
                configuration.statuses.insert(*client, Status::Covered);
            }
        }
    }

    /// Finishes the answered operation, where its answer is right. Says whether
    /// there is nothing to be gained by letting others happen before it.
    fn finish(&mut self, configuration: &Configuration<S::State>) -> bool {
        let input = &self.open[&self.client].input;
        let output = Some(self.output);
        let fits = |state: &S::State| self.specification.step(state, input, output).into_iter();
        let kind = Kind::of(self.specification, input);
        let status = configuration.statuses.get(&self.client);
        let over = match status {
            Some(Status::Sees(states)) => states.iter().any(|state| fits(state).next().is_some()),
            Some(Status::Happened) => fits(&configuration.state).next().is_some(),
            Some(Status::Led { from, to }) => fits(from).any(|state| state == *to),
            Some(Status::Covered) | None => false,
        };
        let mut without = configuration.clone();
        without.statuses.remove(&self.client);
        if over {
            self.finished.insert(without);
            return true;
        }
        if matches!(status, Some(Status::Covered)) && fits(&configuration.state).next().is_some() {
            self.finished.insert(without.clone());
        }
        if matches!(status, None | Some(Status::Covered)) {
            let states: Vec<_> = fits(&configuration.state).collect();
            for state in states {
                let mut next = without.clone();
                next.happen(self.client, kind, state);
                self.cover(&mut next, kind);
                next.statuses.remove(&self.client);
                self.finished.insert(next);
            }
        }
        // It has happened, and cannot have given this answer.
        configuration.has_happened(self.client)
    }
}
