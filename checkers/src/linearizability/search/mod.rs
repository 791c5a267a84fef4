//! Wing and Gong's search with Lowe's memo, over windows and numbered states.
//!
//! Depth first: linearize an operation that may come next, and go on; where
//! nothing may come next, remember the dead end and try another. Sources: Wing
//! and Gong, "Testing and verifying concurrent objects" (1993); Lowe, "Testing
//! for linearizability" (2017), for the memo and for going from return to return.

mod dead_ends;
mod moves;
mod segments;
mod walk;

use dead_ends::{DeadEnds, Position};
pub(super) use moves::Preference;
use moves::{Finder, Move};
use segments::{Cut, Segments};
use walk::{Made, Walk};

use super::budget::Budget;
use super::cuts::Cuts;
use super::machine::{Machine, StateId};
use super::problem::Problem;
use super::verdict::Ended;

/// How a search came out.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) end: End,
    /// The furthest window that was reached: all that returned before it can be put in order.
    pub(super) reached: u32,
    /// States in which the search stood in that window; some of them if there are many.
    pub(super) stuck: Vec<StateId>,
    /// How many configurations were looked at.
    pub(super) nodes: u64,
}

/// How many states are remembered in which a search was stuck.
const STUCK: usize = 16;

/// The three ends of a search.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Here is an order of steps.
    Order(Vec<u32>),
    /// There is none.
    Exhausted,
    /// Nobody knows.
    Ended(Ended),
}

/// Looks for an order of all steps.
pub(super) fn search(
    problem: &Problem,
    machine: &mut dyn Machine,
    cuts: Cuts,
    preference: Preference,
    budget: &Budget<'_>,
) -> Outcome {
    let mut search = Search {
        walk: Walk::new(problem),
        finder: Finder::new(problem, cuts, preference),
        dead: DeadEnds::new(problem),
        segments: Segments::new(problem, cuts.segments),
        frames: Vec::new(),
        moves: Vec::new(),
        problem,
        machine,
        cuts,
        budget,
        reached: 0,
        stuck: Vec::new(),
        nodes: 0,
    };
    let end = search.run();
    Outcome {
        end,
        reached: search.reached,
        stuck: search.stuck,
        nodes: search.nodes,
    }
}

/// A configuration that is being left in every possible way.
struct Frame {
    /// How many moves led here.
    trail: usize,
    /// Where its moves start; they end where those of the next frame start.
    moves: usize,
    at: Position,
}

struct Search<'a> {
    problem: &'a Problem,
    machine: &'a mut dyn Machine,
    cuts: Cuts,
    budget: &'a Budget<'a>,
    walk: Walk<'a>,
    finder: Finder<'a>,
    dead: DeadEnds<'a>,
    segments: Segments<'a>,
    frames: Vec<Frame>,
    /// Of all frames, the moves that were not tried yet; the next one is the last.
    moves: Vec<Move>,
    reached: u32,
    stuck: Vec<StateId>,
    nodes: u64,
}

/// What became of trying everything from one place.
enum Explored {
    /// There is an order.
    Done,
    /// There is none from there.
    Nowhere,
    /// There is none at all.
    Refuted,
    Ended(Ended),
}

/// What became of a step forward.
enum Entered {
    /// Every return is past.
    Done,
    /// There is a new frame.
    Deeper,
    /// It leads nowhere.
    Nowhere,
}

impl Search<'_> {
    fn run(&mut self) -> End {
        match self.explore() {
            Explored::Done => End::Order(self.order()),
            Explored::Nowhere | Explored::Refuted => End::Exhausted,
            Explored::Ended(ended) => End::Ended(ended),
        }
    }

    /// Tries everything that may follow from where the walk stands, and comes back there.
    fn explore(&mut self) -> Explored {
        let (base, trail, at) = (
            self.frames.len(),
            self.walk.trail.len(),
            self.walk.position(),
        );
        match self.enter() {
            Entered::Done => return Explored::Done,
            Entered::Nowhere | Entered::Deeper => {}
        }
        while self.frames.len() > base {
            if let Some(ended) = self.ended() {
                return Explored::Ended(ended);
            }
            let Some(frame) = self.frames.last() else {
                break;
            };
            let (trail, start, at) = (frame.trail, frame.moves, frame.at);
            if let Some(end) = self.go_back(trail, at) {
                return end;
            }
            if self.moves.len() == start {
                self.dead.insert(at, &self.walk.mask);
                self.frames.pop();
                continue;
            }
            let Some(next) = self.moves.pop() else { break };
            if self.make(next)
                && let Entered::Done = self.enter()
            {
                return Explored::Done;
            }
        }
        self.go_back(trail, at).unwrap_or(Explored::Nowhere)
    }

    /// Goes back to where the walk stood. On its way back over a cut it asks
    /// whether anything before the cut could help; if not, that is the end.
    fn go_back(&mut self, trail: usize, at: Position) -> Option<Explored> {
        while let Some(cut) = self.segments.leave(trail) {
            match self.ask_others(cut) {
                Explored::Done | Explored::Nowhere => {}
                end @ (Explored::Refuted | Explored::Ended(_)) => return Some(end),
            }
        }
        self.walk.undo(trail);
        self.walk.state = StateId(at.state);
        self.walk.covered = at.covered;
        None
    }

    /// Nothing follows from a cut in the state the walk had there: looks what
    /// would follow from every other state that may stand there.
    fn ask_others(&mut self, cut: Cut) -> Explored {
        let Some(others) = self.segments.ask(cut) else {
            return Explored::Nowhere;
        };
        let end = self.try_others(cut, others);
        self.segments.answered();
        end
    }

    fn try_others(&mut self, cut: Cut, others: Vec<StateId>) -> Explored {
        for state in others {
            self.walk.undo(cut.trail);
            self.walk.state = state;
            let (frames, moves) = (self.frames.len(), self.moves.len());
            let end = self.explore();
            self.frames.truncate(frames);
            self.moves.truncate(moves);
            match end {
                Explored::Nowhere => {}
                // Something could help, so what came before must be tried again.
                Explored::Done => {
                    while self.segments.leave(cut.trail).is_some() {}
                    return Explored::Nowhere;
                }
                end => return end,
            }
        }
        Explored::Refuted
    }

    /// Makes a move. Says `false` if it leaves a state that is still needed and cannot come again.
    fn make(&mut self, next: Move) -> bool {
        let before = self.walk.state;
        if next.hidden {
            let unseen = self.problem.steps[next.step as usize].makes();
            self.walk.hide(next.step);
            return unseen.is_none_or(|state| state == before || !self.is_orphaned(state));
        }
        self.walk.linearize(next.step, next.to);
        next.to == before || !self.is_orphaned(before)
    }

    /// Whether a state, which is not the present one, is needed by an operation that
    /// is still to come, and cannot come again: nobody is left who makes it, and
    /// no operation whose effect depends on what it finds can lead to it.
    fn is_orphaned(&self, state: StateId) -> bool {
        let walk = &self.walk;
        let renewed = walk.has_transformers()
            && (walk.has_fixers() || self.machine.may_lead(walk.state, state));
        self.cuts.orphans && walk.is_needed(state) && !walk.is_made(state) && !renewed
    }

    /// Goes as far as there is nothing to choose, then opens a frame.
    fn enter(&mut self) -> Entered {
        self.nodes += 1;
        let done = self.settle();
        if self.segments.is_asking() {
            // What leads further than anything before it could help.
            if done || self.walk.window > self.reached {
                return Entered::Done;
            }
        } else {
            self.note();
            if done {
                return Entered::Done;
            }
        }
        let at = self.walk.position();
        if self.dead.contains(at, &self.walk.mask) {
            return Entered::Nowhere;
        }
        let start = self.moves.len();
        let hope = self.finder.find(&self.walk, self.machine, &mut self.moves);
        if !hope || self.moves.len() == start {
            self.moves.truncate(start);
            return Entered::Nowhere;
        }
        self.frames.push(Frame {
            trail: self.walk.trail.len(),
            moves: start,
            at,
        });
        Entered::Deeper
    }

    /// Notes how far the search has come, and in which state it stands there.
    fn note(&mut self) {
        if self.walk.window > self.reached {
            self.reached = self.walk.window;
            self.stuck.clear();
        }
        let news = self.walk.window == self.reached
            && self.stuck.len() < STUCK
            && !self.stuck.contains(&self.walk.state);
        if news {
            self.stuck.push(self.walk.state);
        }
    }

    /// Does everything that needs no choice: passes returns, lets observers
    /// happen, hides what may as well be hidden. Says whether every return is past.
    fn settle(&mut self) -> bool {
        // Operations before this one were asked in the present state already.
        let mut asked = 0;
        loop {
            let Some(due) = self.walk.due() else {
                return true;
            };
            if self.walk.is_linearized(due) {
                self.walk.pass(due);
                self.segments.pass(&self.walk);
                continue;
            }
            if self.cuts.observers && asked < self.walk.called() {
                self.observe(asked);
                asked = self.walk.called();
                continue;
            }
            if self.cuts.fruitful && self.finder.must_hide(&self.walk, due) {
                self.walk.hide(due);
                continue;
            }
            return false;
        }
    }

    /// Linearizes every open observer, from this one on, that is legal now.
    ///
    /// An observer changes no state, whatever the state is. So if it may happen
    /// now, then in any order that finishes it can be moved here: what comes
    /// between is as it was.
    fn observe(&mut self, from: u32) {
        let mut next = self.walk.first_open();
        while let Some(step) = next {
            next = self.walk.next_open(step);
            if step >= from
                && self.problem.steps[step as usize].observes()
                && self.walk.is_ready(step)
                && self.finder.is_legal(&self.walk, step, self.machine)
            {
                self.walk.linearize(step, self.walk.state);
            }
        }
    }

    /// Which budget has ended, if one has.
    fn ended(&self) -> Option<Ended> {
        /// How many configurations pass between two looks at the memory and the flag.
        const PAUSE: u64 = 1 << 10;
        if self.nodes >= self.budget.nodes {
            return Some(Ended::Nodes);
        }
        if !self.nodes.is_multiple_of(PAUSE) {
            return None;
        }
        if self.budget.stopped() {
            return Some(Ended::Stopped);
        }
        // Whatever grows does so by doubling, and for a moment both halves exist.
        (self.bytes() > self.budget.bytes / 2).then_some(Ended::Memory)
    }

    fn bytes(&self) -> usize {
        self.walk.bytes()
            + self.finder.bytes()
            + self.dead.bytes()
            + self.machine.bytes()
            + self.frames.capacity() * size_of::<Frame>()
            + self.moves.capacity() * size_of::<Move>()
    }

    /// The order that the trail stands for. What happened unseen goes just
    /// before the last write that came before it was hidden: that one was
    /// linearized while it was open.
    fn order(&self) -> Vec<u32> {
        let mut order = Vec::with_capacity(self.problem.steps.len());
        // What happened unseen, with the place of the write that covers it.
        let mut unseen: Vec<(usize, u32)> = Vec::new();
        let mut last_write = 0;
        for made in &self.walk.trail {
            match made {
                Made::Linearized(step) => {
                    if self.problem.steps[*step as usize].overwrites() {
                        last_write = order.len();
                    }
                    order.push(*step);
                }
                Made::Hidden(step) => unseen.push((last_write, *step)),
                Made::Passed => {}
            }
        }
        let mut all = Vec::with_capacity(order.len() + unseen.len());
        let mut unseen = unseen.into_iter().peekable();
        for (place, step) in order.into_iter().enumerate() {
            while let Some((_, hidden)) = unseen.next_if(|(before, _)| *before == place) {
                all.push(hidden);
            }
            all.push(step);
        }
        all
    }
}
