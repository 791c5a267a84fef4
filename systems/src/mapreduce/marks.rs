//! Situations worth counting.

/// A worker executed a map, whatever came of it.
pub const MAP_EXECUTED: &str = "map.executed";
/// A worker executed a reduce, whatever came of it.
pub const REDUCE_EXECUTED: &str = "reduce.executed";
/// A map was done.
pub const MAPPED: &str = "map.done";
/// A part of the output was reduced and is visible.
pub const REDUCED: &str = "reduce.done";
/// A map that was done is done again, since its worker is dead (3.3).
pub const MAP_LOST: &str = "map.lost_with_its_worker";
/// A map is done again, since a reducer could not get its output.
pub const MAP_MISSED: &str = "map.missed_by_a_reducer";
/// A worker learned that another execution of the task had been first.
pub const TOO_LATE: &str = "task.done_too_late";
/// A lagging task was given to a second worker (3.6).
pub const BACKUP: &str = "task.backup_given";
/// A backup was first.
pub const BACKUP_WON: &str = "task.backup_won";
/// A map was given to a worker that has its split (3.4).
pub const LOCAL: &str = "map.given_to_a_host";
/// A worker was silent for too long.
pub const TAKEN_FOR_DEAD: &str = "worker.taken_for_dead";
/// A worker that was taken for dead reported after all.
pub const CAME_BACK: &str = "worker.came_back";
/// A worker came back with a new life before it was missed.
pub const REBORN: &str = "worker.reborn";
/// A worker pings and did not hear of its task for long; others may have it.
pub const UNHEARD: &str = "worker.hears_nobody";
/// A worker cannot reach the store; others may have its task.
pub const STUCK: &str = "worker.waits_for_the_store";
/// The user's code took a worker down.
pub const WENT_DOWN: &str = "worker.taken_down_by_code";
/// The user's code crashed at a record.
pub const CRASHED: &str = "record.crashed";
/// A record is left out from now on, since it crashed twice (4.6).
pub const SKIPPED: &str = "record.skipped";
/// A reducer learned that the output of a map is elsewhere.
pub const MOVED: &str = "reduce.map_moved";
/// A reduce was taken back from a worker that waited for a map, to let it do the map.
pub const SET_ASIDE: &str = "reduce.set_aside_for_a_map";
/// A restarted coordinator found out from a worker what it was running.
pub const ADOPTED: &str = "coordinator.adopted_task";
/// An output came to the store for a part that was visible already.
pub const PUBLISHED_BEFORE: &str = "store.published_before";
/// A worker left, since the job is done.
pub const LEFT: &str = "worker.left";

/// All of them.
pub const MARKS: &[&str] = &[
    MAP_EXECUTED,
    REDUCE_EXECUTED,
    MAPPED,
    REDUCED,
    MAP_LOST,
    MAP_MISSED,
    TOO_LATE,
    BACKUP,
    BACKUP_WON,
    LOCAL,
    TAKEN_FOR_DEAD,
    CAME_BACK,
    REBORN,
    UNHEARD,
    STUCK,
    WENT_DOWN,
    CRASHED,
    SKIPPED,
    MOVED,
    SET_ASIDE,
    ADOPTED,
    PUBLISHED_BEFORE,
    LEFT,
];
