//! Bits for open operations.
//!
//! An operation has a bit from its call to its return; then the bit is another's.
//! A pending operation keeps its bit for itself: it is open for ever. Bits are
//! dealt out in three pools, because two dead ends are compared differently in each.

use super::cuts::Cuts;
use super::own_order::OwnOrder;
use super::problem::Step;

/// How the bits are dealt out.
#[derive(Debug)]
pub(super) struct Slots {
    /// How many 64-bit words a mask has.
    pub words: usize,
    /// The bits in which two dead ends must be equal to be compared at all.
    pub exact: Vec<u64>,
    /// The bits of operations that change no state. Who has linearized more of them is better off.
    pub observing: Vec<u64>,
    /// The bits of operations that may still be left out or go unseen. Who has used fewer of them is better off.
    pub optional: Vec<u64>,
}

const EXACT: usize = 0;
const OBSERVING: usize = 1;
const OPTIONAL: usize = 2;

impl Slots {
    /// Gives each step its bit.
    pub(super) fn deal(
        steps: &mut [Step],
        returns: &[u32],
        called: &[u32],
        cuts: &Cuts,
        own_order: &OwnOrder,
    ) -> Self {
        let pool = |step: &Step, place: usize| {
            let optional = if step.is_pending() {
                cuts.pending
            } else {
                cuts.hidden && step.overwrites() && !own_order.binds(place as u32)
            };
            if optional {
                OPTIONAL
            } else if cuts.observers && step.observes() {
                OBSERVING
            } else {
                EXACT
            }
        };
        // In each pool: the bits that are free again, and how many there are.
        let mut free: [Vec<u32>; 3] = Default::default();
        let mut size = [0u32; 3];
        let mut next = 0;
        for window in 0..=returns.len() {
            let calls = called
                .get(window)
                .map_or(steps.len(), |calls| *calls as usize);
            while next < calls {
                let pool = pool(&steps[next], next);
                steps[next].slot = free[pool].pop().unwrap_or_else(|| {
                    size[pool] += 1;
                    size[pool] - 1
                });
                next += 1;
            }
            if let Some(returned) = returns.get(window) {
                let step = &steps[*returned as usize];
                free[pool(step, *returned as usize)].push(step.slot);
            }
        }
        let start = [0, size[EXACT], size[EXACT] + size[OBSERVING]];
        for (place, step) in steps.iter_mut().enumerate() {
            step.slot += start[pool(step, place)];
        }
        let bits = size.iter().sum::<u32>();
        let words = (bits as usize).div_ceil(64).max(1);
        let range = |pool: usize| mask(words, start[pool], start[pool] + size[pool]);
        Self {
            words,
            exact: range(EXACT),
            observing: range(OBSERVING),
            optional: range(OPTIONAL),
        }
    }
}

/// A mask with the bits from `start` to before `end`.
fn mask(words: usize, start: u32, end: u32) -> Vec<u64> {
    let mut mask = vec![0; words];
    for bit in start..end {
        mask[bit as usize / 64] |= 1 << (bit % 64);
    }
    mask
}
