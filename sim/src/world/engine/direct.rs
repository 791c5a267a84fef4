//! A plain loop: whatever is due next happens at once.

use super::super::due::{Advance, Until};
use super::Finished;
use super::driven::Driven;

/// Drives a run to its end.
pub(super) fn drive(run: &mut dyn Driven) -> Finished {
    run.begin(false);
    while run.advance(Until::END) != Advance::Over {}
    run.finish()
}
