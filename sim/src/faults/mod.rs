//! What goes wrong in a run, and when: a schedule of incidents is data.
//!
//! An [`Incident`] has words that a person can read and write (see [`words`]),
//! a [`FaultFamily`] by which reports count it, and no behaviour of its own:
//! the world carries it out. [`generate()`] draws whole schedules from a seed.
//!
//! # Layers
//!
//! An incident with an end is a layer over the world: when it ends, it takes away
//! what it brought, and nothing else. What a link, a node or a disk does at some
//! moment is the sum of the incidents over it: latencies, sync times and step
//! times add up, clock rates multiply, each loses messages for itself, and a link
//! carries messages when no incident cuts it. A node that incidents took down
//! starts again when the last of them is over.
//!
//! An incident without an end lasts until a later word mends it, as `heal` mends
//! cuts and `restart` mends crashes. Those words mend what has an end as little
//! as an end mends what has none.

mod family;
mod fault;
pub mod generate;
mod membership;
mod network;
mod parse;
pub mod profile;
mod renamed;
pub mod words;

use serde::{Deserialize, Serialize};

use crate::time::SimTime;

pub use self::family::{FamilySet, FaultFamily};
pub use self::fault::{CrashMoment, DiskFault, Fault, Nodes};
pub use self::generate::generate;
pub use self::membership::{Membership, Set};
pub use self::network::{Corruption, Late, Links, Loss, QualityChange, Shape};
pub use self::profile::FaultProfile;
pub use self::words::FaultError;

/// A fault and the time over which it lasts; reads and prints as
/// `1.20s..9.40s partition n1 n2 | n3`, or as `2.00s crash n3 losing unsynced`
/// without an end.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Incident {
    /// When it begins.
    pub at: SimTime,
    /// When it ends, after it began; only what [lasts](Fault::lasts) has an end.
    pub until: Option<SimTime>,
    /// What happens.
    pub fault: Fault,
}

impl Incident {
    /// Something that has no end of its own.
    #[must_use]
    pub const fn from(at: SimTime, fault: Fault) -> Self {
        let until = None;
        Self { at, until, fault }
    }
}
