//! What a run can break, by name.

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
