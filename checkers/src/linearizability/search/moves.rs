//! What may come next: the moves that are worth a try from a configuration.

use super::walk::Walk;
use crate::linearizability::cuts::Cuts;
use crate::linearizability::machine::{Machine, StateId};
use crate::linearizability::problem::{LeavesAt, LegalIn, Problem, Step};

/// An operation that may come next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Move {
    pub(super) step: u32,
    /// The state it leaves.
    pub(super) to: StateId,
    /// It happens unseen, just before the last write, and leaves the state as it is.
    pub(super) hidden: bool,
    /// Moves of a lower rank are tried first.
    rank: u32,
}

/// What is tried first, of what may happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::linearizability) enum Preference {
    /// What leads to what is due, as far as steps say what they need and leave.
    Hints,
    /// What was called first.
    Calls,
}

/// Who makes which state, in the order of calls.
#[derive(Debug)]
pub(super) struct Makers {
    /// For each named state, where its makers start in `steps`.
    starts: Vec<u32>,
    /// The makers of the first state, then those of the second, and so on.
    steps: Vec<u32>,
    /// For each step, the first from it on that leaves a fixed state.
    next: Vec<u32>,
}

impl Makers {
    pub(super) fn new(problem: &Problem) -> Self {
        let mut starts = vec![0u32; problem.named_states as usize + 1];
        for state in problem.steps.iter().filter_map(Step::makes) {
            starts[state.place() + 1] += 1;
        }
        for state in 1..starts.len() {
            starts[state] += starts[state - 1];
        }
        let mut fill = starts.clone();
        let mut steps = vec![0; *starts.last().unwrap_or(&0) as usize];
        let mut next = vec![u32::MAX; problem.steps.len() + 1];
        for (place, step) in problem.steps.iter().enumerate() {
            if let Some(state) = step.makes() {
                let at = &mut fill[state.place()];
                steps[*at as usize] = place as u32;
                *at += 1;
            }
        }
        for (place, step) in problem.steps.iter().enumerate().rev() {
            next[place] = if step.makes().is_some() {
                place as u32
            } else {
                next[place + 1]
            };
        }
        Self {
            starts,
            steps,
            next,
        }
    }

    /// Whether someone who makes this state is called from `from` on, before `before`.
    fn is_called(&self, state: StateId, from: u32, before: u32) -> bool {
        let Some([start, end]) = self.starts.get(state.place()..state.place() + 2) else {
            return false;
        };
        let makers = &self.steps[*start as usize..*end as usize];
        let first = makers.partition_point(|maker| *maker < from);
        makers.get(first).is_some_and(|maker| *maker < before)
    }

    /// Whether someone who makes any fixed state is called from `from` on, before `before`.
    fn is_any_called(&self, from: u32, before: u32) -> bool {
        self.next[from as usize] < before
    }
}

/// Finds the moves; its tables are kept from one configuration to the next.
pub(super) struct Finder<'a> {
    problem: &'a Problem,
    cuts: Cuts,
    preference: Preference,
    makers: Makers,
    /// Counts configurations; a table's entry is of this one if it bears its number.
    visit: u32,
    /// By family: the visit, and of its open members the one that returns first.
    firsts: Vec<(u32, u32)>,
    /// By named state: the visit in which an open operation makes it.
    made: Vec<u32>,
    /// Open operations that leave a fixed state.
    fixers: Vec<StateId>,
    followers: Vec<StateId>,
}

impl<'a> Finder<'a> {
    pub(super) fn new(problem: &'a Problem, cuts: Cuts, preference: Preference) -> Self {
        Self {
            problem,
            cuts,
            preference,
            makers: Makers::new(problem),
            visit: 0,
            firsts: vec![(0, 0); 2 * problem.classes.len()],
            made: vec![0; problem.named_states as usize],
            fixers: Vec::new(),
            followers: Vec::new(),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.firsts.capacity() * 8
            + (self.made.capacity() + self.makers.starts.capacity()) * 4
            + (self.makers.steps.capacity() + self.makers.next.capacity()) * 4
    }

    /// Whether the operation may happen in the walk's state.
    pub(super) fn is_legal(
        &mut self,
        walk: &Walk<'_>,
        step: u32,
        machine: &mut dyn Machine,
    ) -> bool {
        match self.problem.steps[step as usize].legal {
            LegalIn::Everywhere => true,
            LegalIn::OnlyIn(state) => state == walk.state,
            LegalIn::ExceptIn(state) => state != walk.state,
            LegalIn::Depends => {
                self.ask(walk.state, step, machine);
                !self.followers.is_empty()
            }
        }
    }

    /// Asks the machine for the states that may follow.
    fn ask(&mut self, state: StateId, step: u32, machine: &mut dyn Machine) {
        let class = self.problem.steps[step as usize].class;
        let operation = self.problem.classes[class as usize];
        self.followers.clear();
        machine.step(state, operation as usize, &mut self.followers);
    }

    /// Appends the moves worth a try, the most promising *last*. Says `false` if
    /// the configuration is a dead end whatever is tried.
    pub(super) fn find(
        &mut self,
        walk: &Walk<'_>,
        machine: &mut dyn Machine,
        moves: &mut Vec<Move>,
    ) -> bool {
        let Some(due) = walk.due() else { return true };
        self.survey(walk);
        if self.cuts.orphans && walk.open().any(|step| self.is_lost(walk, step, &*machine)) {
            return false;
        }
        let start = moves.len();
        if self.may_hide(walk, due) {
            moves.push(Move {
                step: due,
                to: walk.state,
                hidden: true,
                rank: if walk.is_wanted(self.fixed(due)) {
                    2
                } else {
                    0
                },
            });
        }
        for step in walk.open() {
            self.consider(walk, step, due, machine, moves);
        }
        moves[start..].sort_by_key(|found| std::cmp::Reverse(found.rank));
        true
    }

    /// The state that a step leaves, where it is fixed; else one that nobody needs.
    fn fixed(&self, step: u32) -> StateId {
        self.problem.steps[step as usize]
            .makes()
            .unwrap_or(StateId(u32::MAX))
    }

    /// Notes, for this configuration, the first of each class and the states that can be made.
    fn survey(&mut self, walk: &Walk<'_>) {
        self.visit += 1;
        self.fixers.clear();
        for step in walk.open() {
            let here = &self.problem.steps[step as usize];
            let family = self.family(walk, step);
            let first = &mut self.firsts[family];
            let sooner = |other: u32| here.returns < self.problem.steps[other as usize].returns;
            if walk.is_ready(step) && (first.0 != self.visit || sooner(first.1)) {
                *first = (self.visit, step);
            }
            if let Some(state) = here.makes() {
                self.made[state.place()] = self.visit;
                self.fixers.push(state);
            }
        }
    }

    /// The twins of an operation: those that do the same in every state.
    ///
    /// An exchange argument: where two are open, the one that returns later can stand
    /// wherever the other stands, so it is enough to try the twin that returns first. But if the first is covered and the second is not, then the
    /// first may go unseen and the second may not; so the covered are a family of
    /// their own. Those that overwrite are none: with the first of them, all
    /// that are open are covered.
    fn family(&self, walk: &Walk<'_>, step: u32) -> usize {
        let here = &self.problem.steps[step as usize];
        let may_go_unseen = self.cuts.hidden
            && here.is_total()
            && !here.overwrites()
            && !self.problem.own_order.binds(step)
            && (here.is_pending() || step < walk.covered);
        2 * here.class as usize + usize::from(may_go_unseen)
    }

    /// Whether an open, required operation needs a state that cannot come again in time.
    ///
    /// It needs one state; the present one is another (or the operation would be
    /// linearized, or tried). The state must be left by an operation that is open now or
    /// is called before the needer returns. Where effects depend on what they
    /// find, a state may also come about from this one, or from any that is written.
    fn is_lost(&self, walk: &Walk<'_>, step: u32, machine: &dyn Machine) -> bool {
        let here = &self.problem.steps[step as usize];
        let Some(needed) = here.needs() else {
            return false;
        };
        if here.is_pending() || needed == walk.state || self.made[needed.place()] == self.visit {
            return false;
        }
        let (from, before) = (walk.called(), self.problem.called_by(here.returns));
        if self.makers.is_called(needed, from, before) {
            return false;
        }
        if !walk.has_transformers() {
            return true;
        }
        !machine.may_lead(walk.state, needed)
            && !self.makers.is_any_called(from, before)
            && !self
                .fixers
                .iter()
                .any(|made| machine.may_lead(*made, needed))
    }

    /// Whether the due operation may be taken to have happened unseen.
    ///
    /// If it is legal in every state, and an operation that overwrites was
    /// linearized since its call, then it may have happened just before that
    /// one: the state in between was seen by nobody, and the one after is the same.
    fn may_hide(&self, walk: &Walk<'_>, due: u32) -> bool {
        // Who waits may not be put before what it waits for.
        self.cuts.hidden
            && due < walk.covered
            && self.problem.steps[due as usize].is_total()
            && !self.problem.own_order.binds(due)
    }

    /// Whether the due operation may as well happen unseen: nothing that is
    /// still to come can tell whether its state was ever there.
    pub(super) fn must_hide(&self, walk: &Walk<'_>, due: u32) -> bool {
        self.may_hide(walk, due)
            && self.problem.steps[due as usize].overwrites()
            && !walk.is_wanted(self.fixed(due))
    }

    /// Appends the moves that this operation makes possible.
    fn consider(
        &mut self,
        walk: &Walk<'_>,
        step: u32,
        due: u32,
        machine: &mut dyn Machine,
        moves: &mut Vec<Move>,
    ) {
        let here = self.problem.steps[step as usize];
        if !walk.is_ready(step) {
            return;
        }
        // One for which another waits cannot change places with its twin.
        let is_twin = self.firsts[self.family(walk, step)].1 != step;
        if self.cuts.twins && is_twin && !self.problem.own_order.is_awaited(step) {
            return;
        }
        match here.legal {
            LegalIn::OnlyIn(state) if state != walk.state => return,
            LegalIn::ExceptIn(state) if state == walk.state => return,
            _ => {}
        }
        self.followers.clear();
        match here.leaves {
            LeavesAt::Same if here.legal != LegalIn::Depends => self.followers.push(walk.state),
            LeavesAt::Fixed(state) if here.legal != LegalIn::Depends => {
                self.followers.push(state);
            }
            LeavesAt::Swaps(from, to) if here.legal != LegalIn::Depends => {
                self.followers
                    .push(if from == walk.state { to } else { walk.state });
            }
            _ => self.ask(walk.state, step, machine),
        }
        for follower in 0..self.followers.len() {
            let to = self.followers[follower];
            // A pending operation that leaves things as they are need not happen,
            // unless it covers what may then go unseen.
            let covers = self.cuts.hidden && here.overwrites() && walk.covered < walk.called();
            if here.is_pending() && to == walk.state && !covers {
                continue;
            }
            if step != due && !self.is_fruitful(walk, step, to, &*machine) {
                continue;
            }
            moves.push(Move {
                step,
                to,
                hidden: false,
                rank: self.rank(step, due, to, machine),
            });
        }
    }

    /// Whether it may be worth while to linearize this operation, which is not
    /// due, now.
    ///
    /// Say the next operation after it overwrites. That one comes before the due
    /// operation or is the due one itself, so it stands in this window. If this
    /// operation is pending, it might as well not have happened; if it is legal
    /// in every state, it might as well happen unseen just before that next
    /// one. Either way there is a shorter way to the same end, which leaves this
    /// operation alone for now. So the next one must be another kind, and must be
    /// open now and legal in the state that this one leaves.
    ///
    /// If nobody ever sees that state, nor what others make of it, then only
    /// operations that are legal everywhere can follow until the next one that
    /// overwrites. The due one may as well come first, or all of it go unseen.
    fn is_fruitful(&self, walk: &Walk<'_>, step: u32, to: StateId, machine: &dyn Machine) -> bool {
        let here = &self.problem.steps[step as usize];
        let may_go_unseen = self.cuts.hidden && here.is_total();
        let spare = here.is_pending() || (may_go_unseen && !self.problem.own_order.binds(step));
        if !self.cuts.fruitful || !spare {
            return true;
        }
        if walk.is_easy() && machine.is_unseen(to) && !here.overwrites() {
            return false;
        }
        walk.open().any(|other| {
            let next = &self.problem.steps[other as usize];
            other != step
                && !next.overwrites()
                && match next.legal {
                    LegalIn::OnlyIn(state) => state == to,
                    LegalIn::ExceptIn(state) => state != to,
                    LegalIn::Everywhere | LegalIn::Depends => true,
                }
        })
    }

    /// The due operation first; then what leads to the state that it needs; of
    /// the others, who must return first.
    fn rank(&self, step: u32, due: u32, to: StateId, machine: &dyn Machine) -> u32 {
        if self.preference == Preference::Calls {
            return step + 3;
        }
        if step == due {
            return 1;
        }
        let returns = self.problem.steps[step as usize].returns;
        let needed = self.problem.steps[due as usize].needs();
        let later = returns.saturating_sub(self.problem.steps[due as usize].returns);
        match needed {
            Some(needed) if needed == to => 3,
            Some(needed) if machine.may_lead(to, needed) => 4 + later.min(1 << 29),
            _ => (1 << 30) + later.min(1 << 30),
        }
    }
}
