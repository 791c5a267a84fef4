//! A thread that looks at states, with what it remembers.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use snowglobe_systems::digest::Digest;
use snowglobe_systems::invariants::Violation;

use super::super::doubt::{LOOK_ONE_IN, STEPS_DIFFER};
use super::super::survey::Tally;
use super::super::transition::{Course, Rules};
use super::super::{ActionKind, Setting, State};
use super::Packed;
use super::bag::{Bags, Entry};
use super::frontier::Batch;
use super::outcomes::{End, Memo, Place, Span};
use super::pool::Number;
use super::table::Dense;
use super::visited::{PackedState, Reached, StateNumber};

/// A thread that looks at states, with what it remembers.
pub(super) struct Explorer<'a, S: Setting> {
    search: &'a Packed<'a, S>,
    bags: Bags,
    memo: Memo,
    /// How many steps of each kind were taken since the survey was told, and what they counted.
    taken: [u64; ActionKind::ALL.len()],
    tally: Tally,
    /// The digests of clusters that were asked for.
    digests: Dense<u64>,
    /// What was reached from the states of the last batch.
    reached: Reached,
    /// The bag that is worked on.
    bag: Vec<Number>,
}

impl<'a, S: Setting> Explorer<'a, S> {
    pub(super) fn new(search: &'a Packed<'a, S>) -> Self {
        let in_order = search.world.setting().bounds().in_order;
        Self {
            search,
            bags: Bags {
                in_order,
                ..Bags::default()
            },
            memo: Memo::default(),
            taken: [0; ActionKind::ALL.len()],
            tally: Tally::default(),
            digests: Dense::default(),
            reached: Reached::default(),
            bag: Vec::new(),
        }
    }

    /// A state in its form, by numbers.
    pub(super) fn packed(&mut self, state: &State<S>) -> PackedState {
        let search = self.search;
        let raw = search.pools.pack(state);
        let mut bag = search.pools.pack_bag(&state.network);
        let (number, row) = (
            |row: &[Number]| search.cluster(row),
            |number| search.row(number),
        );
        let place = place(search, &number, &row);
        let cluster = self.memo.settle(&place, &mut self.bags, raw, &mut bag);
        PackedState { cluster, bag }
    }

    /// Looks at what may follow the states of a batch. What was reached.
    pub(super) fn look_at(&mut self, batch: &Batch) -> &Reached {
        self.memo.forget();
        self.bags.meet(&self.search.pools);
        let visited = self.search.visited();
        let states = batch.states.iter();
        let states: Vec<_> = states
            .map(|(_, number)| (*number, visited.state(*number)))
            .collect();
        drop(visited);
        self.reached.truncate(0);
        for (number, state) in &states {
            if self.search.frontier.is_over() || !self.look_at_one(batch, *number, state) {
                break;
            }
        }
        self.tell();
        &self.reached
    }

    /// Looks at what may follow a state. Whether the search goes on.
    fn look_at_one(&mut self, batch: &Batch, number: StateNumber, state: &PackedState) -> bool {
        let (world, depth) = (self.search.world, batch.depth);
        if world.is_stopped() {
            world.survey.left(depth);
            self.search.frontier.end();
            return false;
        }
        self.search
            .depth
            .fetch_max(depth as usize, Ordering::Relaxed);
        world.survey.looked_at();
        if world.is_far(depth) {
            return true;
        }
        if world.survey.wants_shapes() {
            return self.look_in_full(number, &self.search.state(state, depth));
        }
        let (before, taken, tally) = (self.reached.len(), self.taken, self.tally);
        if !self.follow(number, state) {
            self.reached.truncate(before);
            (self.taken, self.tally) = (taken, tally);
            return self.look_in_full(number, &self.search.state(state, depth));
        }
        if self.digest(state).is_multiple_of(LOOK_ONE_IN) {
            return self.look_again(number, state, depth, before);
        }
        true
    }

    /// Follows what is remembered of the cluster of a state, or works it out. Whether no promise
    /// is broken.
    fn follow(&mut self, from: StateNumber, state: &PackedState) -> bool {
        let search = self.search;
        let (number, row) = (
            |row: &[Number]| search.cluster(row),
            |number| search.row(number),
        );
        let place = place(search, &number, &row);
        for arrives in 0..state.bag.len() {
            if !self.bags.may_arrive(&state.bag, arrives) {
                continue;
            }
            let envelope = Entry(state.bag[arrives]).envelope();
            let (memo, bags) = (&mut self.memo, &mut self.bags);
            let span = memo.delivered(&place, bags, state.cluster, envelope);
            if !self.take(&place, (from, state), (span, Some(arrives))) {
                return false;
            }
        }
        let (memo, bags) = (&mut self.memo, &mut self.bags);
        let span = memo.alone(&place, bags, state.cluster);
        self.take(&place, (from, state), (span, None))
    }

    /// Takes some steps from a state. Whether no promise is broken.
    fn take(
        &mut self,
        place: &Place<'_, S>,
        (from, state): (StateNumber, &PackedState),
        (span, arrives): (Span, Option<usize>),
    ) -> bool {
        for at in span.range() {
            let outcome = self.memo.outcomes[at];
            outcome.count(&mut self.tally);
            let lead = match outcome.end {
                End::Nowhere => continue,
                End::Breaks => return false,
                End::Leads(lead) => lead,
            };
            self.taken[outcome.kind as usize] += 1;
            self.bag.clone_from(&state.bag);
            let (bags, tally) = (&mut self.bags, &mut self.tally);
            let step = (lead, arrives);
            let cluster = self.memo.apply(place, bags, step, &mut self.bag, tally);
            self.reached.push(from, cluster, &self.bag);
        }
        true
    }

    /// Looks at what may follow a state, without anything that is remembered. Whether the search
    /// goes on.
    fn look_in_full(&mut self, number: StateNumber, state: &State<S>) -> bool {
        let world = self.search.world;
        let wants_shapes = world.survey.wants_shapes();
        let shape = wants_shapes.then(|| world.shape_digest(state));
        if let Some(shape) = shape {
            world.survey.shape(shape);
        }
        let mut actions = Vec::new();
        world.actions(state, &mut actions);
        for action in &actions {
            let Some(next) = world.explore(state, action) else {
                continue;
            };
            if let Some(shape) = shape {
                let next = world.shape_digest(&next);
                world.survey.shapes_of_step(shape, next);
            }
            if next.broken.is_some() {
                if !self.search.found(Some(number), next) {
                    return false;
                }
                continue;
            }
            let next = self.packed(&next);
            self.reached.push(number, next.cluster, &next.bag);
        }
        true
    }

    /// Looks once more at what may follow a state, without anything that is remembered: it must
    /// be the same. Whether the search goes on.
    fn look_again(
        &mut self,
        number: StateNumber,
        state: &PackedState,
        depth: u32,
        before: usize,
    ) -> bool {
        let mut whole = self.search.state(state, depth);
        let mut anew = Vec::new();
        let mut actions = Vec::new();
        let world = self.search.world;
        world.actions(&whole, &mut actions);
        for action in &actions {
            let mut course = Course::under(Rules::Search);
            match world.counted_successor(&mut course, &whole, action) {
                None => {}
                Some(next) if next.broken.is_some() => anew.push(PackedState::default()),
                Some(next) => anew.push(self.packed(&next)),
            }
        }
        let places = before..self.reached.len();
        let mut remembered: Vec<_> = places.map(|place| self.reached.state(place).1).collect();
        remembered.sort_unstable();
        anew.sort_unstable();
        world.survey.worked_out_again();
        if remembered == anew {
            return true;
        }
        let expected = format!("{} steps, as what is remembered has them", remembered.len());
        let found = format!("{} others when worked out again", anew.len());
        whole.broken = Some(Arc::new(Violation::new(STEPS_DIFFER, [], expected, found)));
        self.search.found(Some(number), whole);
        false
    }

    /// Looks closely at a sample of the states that were reached first from a batch.
    pub(super) fn look_closely(&mut self, batch: &Batch, first: impl Iterator<Item = usize>) {
        let world = self.search.world;
        for place in first {
            let (parent, state) = self.reached.state(place);
            let digest = self.digest(&state);
            if !world.is_in_sample(digest) {
                continue;
            }
            let mut whole = self.search.state(&state, batch.depth + 1);
            world.look_closely(&mut whole, digest);
            if whole.broken.is_some() && !self.search.found(Some(parent), whole) {
                return;
            }
        }
    }

    /// A digest of a state that is the same in whichever order its parts were met.
    fn digest(&mut self, state: &PackedState) -> u64 {
        let pools = &self.search.pools;
        let cluster = self.digests.get(state.cluster).unwrap_or_else(|| {
            let digest = pools.digest(&self.search.row(state.cluster));
            self.digests.insert(state.cluster, digest);
            digest
        });
        let mut digest = Digest::new();
        digest.word(cluster);
        digest.word(self.bags.digest(&state.bag));
        digest.value()
    }

    /// Tells the survey what was done since it was told.
    fn tell(&mut self) {
        let survey = &self.search.world.survey;
        let reached = self.reached.len();
        self.search.generated.fetch_add(reached, Ordering::Relaxed);
        for (kind, times) in ActionKind::ALL.iter().zip(&mut self.taken) {
            if *times > 0 {
                survey.actions(*kind, std::mem::take(times));
            }
        }
        survey.tally(std::mem::take(&mut self.tally));
        let worked_out = std::mem::take(&mut self.memo.worked_out);
        self.search
            .worked_out
            .fetch_add(worked_out, Ordering::Relaxed);
    }
}

fn place<'b, S: Setting>(
    search: &'b Packed<'_, S>,
    number: &'b dyn Fn(&[Number]) -> Number,
    row: &'b dyn Fn(Number) -> Vec<Number>,
) -> Place<'b, S> {
    Place {
        world: search.world,
        pools: &search.pools,
        number,
        row,
    }
}
