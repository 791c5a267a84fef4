//! A plain loop: whatever is due next happens at once.

use super::super::due::Advance;
use super::Finished;
use super::driven::Driven;
use crate::time::SimTime;

/// The end of time, which no run reaches.
const EVER: SimTime = SimTime(u64::MAX);

/// Drives a run to its end.
pub(super) fn drive(run: &mut dyn Driven) -> Finished {
    run.begin(false);
    while run.advance(EVER) != Advance::Over {}
    run.finish()
}
