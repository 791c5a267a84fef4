//! Every schedule of a small world.
//!
//! A [`Setting`] names a system, who asks it for what, and its [`Bounds`]. A
//! [`SmallWorld`] is what can happen there: messages arrive in any order, late,
//! twice or never; timers fire whenever they are armed; nodes crash between any
//! two effects of a step and come back from their disks; links are cut. [`search`]
//! looks at every state that can be reached. The processes and the invariants are
//! those that the simulation runs, shown the same things in the same order.
//!
//! ```text
//! Setting -> SmallWorld -> State --action--> State ...     transition.rs
//!                             |  step of one node            local/
//!                             |  what is left out            left_out.rs, certificate/
//!                             |  canonical form              canonical.rs
//!                             |  can it recover?             forward.rs, absence.rs
//!                             v
//!     packed/, or stateright.rs (search.rs) -> Outcome -> Counterexample -> Steps
//! ```
//!
//! Loss needs no action: a message may stay under way for ever. There it keeps
//! its place under the cap of messages until it is late ([`Flight::late`]). All bounds are
//! budgets inside the state; see [`Bounds`]. What keeps the search small is in
//! [`Reductions`], each with the reason why it hides nothing, and with what the
//! search itself looks at to see that this is so: [`Certificate`].

mod absence;
mod action;
mod bounds;
mod canonical;
mod certificate;
mod counterexample;
mod doubt;
mod forward;
mod found;
mod left_out;
mod local;
pub mod naming;
mod network;
mod packed;
mod reductions;
mod search;
mod setting;
mod shared;
mod small_world;
mod state;
mod stateright;
mod states_digest;
mod step;
mod survey;
mod symmetry;
mod transition;
mod walk;
mod wander;

pub use action::{Action, ActionKind, Event};
pub use bounds::{Bounds, Scope, Workload};
pub use certificate::Certificate;
pub use counterexample::{Counterexample, Script};
pub use doubt::{NAMES_MATTER, STEPS_DIFFER, UNDECIDED};
pub use forward::RECOVERS;
pub use found::FoundWorld;
pub use network::{Flight, Network};
pub use packed::{Packing, Parts};
pub use reductions::Reductions;
pub use search::{Headway, Order, Outcome, SearchEngine, search, search_by};
pub use setting::{Client, Property, PropertyKind, Setting, TimerKind};
pub use shared::Shared;
pub use small_world::SmallWorld;
pub use state::{Member, Progress, Spent, State};
pub use stateright::{Explored, serve};
pub use states_digest::{NotADigest, StatesDigest};
pub use step::{NotAStep, Step, StepInput};
pub use survey::{Account, Survey};
pub use symmetry::{Alike, Symmetry};
pub use walk::{Walks, walk};
pub use wander::{Wander, Weights};

/// The timers of a setting.
type TimerOf<S> = <<S as Setting>::Process as snowglobe_systems::process::Process>::Timer;
