//! What a search has yet to look at, and who looks at it.

use std::sync::{Condvar, Mutex, MutexGuard};

use super::super::search::Order;
use super::pool::Number;
use super::visited::StateNumber;

/// How many states a thread takes at a time, where there are so many.
const BATCH: usize = 256;

/// A state that has yet to be looked at, behind the number of its cluster: of two states with
/// the same cluster one is looked at right after the other, while all that is known of it is at
/// hand.
pub(super) type Waiting = (Number, StateNumber);

/// States that a thread looks at together, all of them so many steps from the start.
pub(super) struct Batch {
    pub(super) states: Vec<Waiting>,
    pub(super) depth: u32,
}

/// What has yet to be looked at.
pub(super) struct Frontier {
    left: Mutex<Left>,
    /// Rung when there is something to take, and when it is over.
    bell: Condvar,
    order: Order,
    batch: usize,
}

/// In breadth all states of one depth are looked at before any of the next.
struct Left {
    /// States of the depth that is looked at; the last ones are taken first.
    now: Vec<Waiting>,
    depth: u32,
    /// Those of the next depth; in depth always empty.
    next: Vec<Waiting>,
    /// What was left of each lesser depth, from the start on, when something deeper was
    /// reached. Only in depth.
    before: Vec<Vec<Waiting>>,
    /// How many batches are being looked at.
    busy: usize,
    is_over: bool,
}

impl Frontier {
    pub(super) fn new(order: Order, threads: usize) -> Self {
        Self {
            left: Mutex::new(Left {
                now: Vec::new(),
                depth: 0,
                next: Vec::new(),
                before: Vec::new(),
                busy: 0,
                is_over: false,
            }),
            bell: Condvar::new(),
            order,
            batch: match (order, threads) {
                // What was reached last is next.
                (Order::Depth, 1) => 1,
                (Order::Depth, _) => 16,
                (Order::Breadth, _) => BATCH,
            },
        }
    }

    fn left(&self) -> MutexGuard<'_, Left> {
        self.left.lock().expect("nothing panics under the lock")
    }

    /// Where the search begins.
    pub(super) fn begin(&self, start: Waiting) {
        self.left().now.push(start);
    }

    /// Something to look at; waits while others may yet find some. `None` when it is over.
    pub(super) fn take(&self) -> Option<Batch> {
        let mut left = self.left();
        loop {
            if left.is_over {
                return None;
            }
            if left.now.is_empty() {
                left.turn(self.order);
            }
            if !left.now.is_empty() {
                let kept = left.now.len().saturating_sub(self.batch);
                let mut states = left.now.split_off(kept);
                states.reverse();
                left.busy += 1;
                let depth = left.depth;
                return Some(Batch { states, depth });
            }
            if left.busy == 0 {
                left.is_over = true;
                self.bell.notify_all();
                return None;
            }
            left = self.bell.wait(left).expect("nothing panics under the lock");
        }
    }

    /// A batch was looked at, and these were reached for the first time.
    pub(super) fn put(&self, batch: &Batch, new: Vec<Waiting>) {
        let mut left = self.left();
        left.busy -= 1;
        match self.order {
            Order::Breadth => left.next.extend(new),
            Order::Depth => left.deepen(batch.depth + 1, new),
        }
        self.bell.notify_all();
    }

    /// Nothing more is looked at.
    pub(super) fn end(&self) {
        self.left().is_over = true;
        self.bell.notify_all();
    }

    /// Whether nothing more is looked at.
    pub(super) fn is_over(&self) -> bool {
        self.left().is_over
    }

    /// How much memory it takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let left = self.left();
        let before: usize = left.before.iter().map(Vec::capacity).sum();
        (left.now.capacity() + left.next.capacity() + before) * size_of::<Waiting>()
    }
}

impl Left {
    /// Nothing of this depth is left: goes on with another one.
    fn turn(&mut self, order: Order) {
        match order {
            Order::Breadth if self.busy == 0 && !self.next.is_empty() => {
                std::mem::swap(&mut self.now, &mut self.next);
                // The last ones are taken first.
                self.now.sort_unstable_by(|one, other| other.cmp(one));
                self.depth += 1;
            }
            Order::Breadth => {}
            Order::Depth => {
                while self.now.is_empty()
                    && let Some(before) = self.before.pop()
                {
                    self.now = before;
                    self.depth -= 1;
                }
            }
        }
    }

    /// States of some depth were reached, which are looked at before what is less deep.
    fn deepen(&mut self, depth: u32, new: Vec<Waiting>) {
        if new.is_empty() {
            return;
        }
        if depth <= self.depth {
            // Another thread went deeper meanwhile.
            match self.before.get_mut(depth as usize) {
                Some(before) => before.extend(new),
                None => self.now.extend(new),
            }
            return;
        }
        while self.depth < depth {
            let now = std::mem::take(&mut self.now);
            self.before.push(now);
            self.depth += 1;
        }
        self.now = new;
    }
}
