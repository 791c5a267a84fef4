//! What a run can break, by name.

use super::Registered;

/// What every system can break, whatever it promises itself: the world, the
/// directors and the campaigns watch over these.
pub const EVERYWHERE: &[&str] = &[
    "history-undecided",
    "linearizable",
    "no-hang",
    "no-panic",
    "one-answer",
    "progress",
    "reaches",
    "recovers",
    "recovers-in-time",
    "sound-disk-starts",
    "step-budget",
    "step-can-be-taken",
    "story",
];

/// Whether a system can break a property of this name.
///
/// # Errors
/// A line that names those that it can break.
pub fn check(system: &dyn Registered, name: &str) -> Result<(), String> {
    let mut known = system.properties();
    if known.contains(&name) {
        return Ok(());
    }
    known.sort_unstable();
    known.dedup();
    Err(format!(
        "expect: {} has no property {name:?}; there is {}",
        system.name(),
        known.join(", ")
    ))
}
