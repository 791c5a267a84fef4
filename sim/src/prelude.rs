//! What a protocol of one's own needs: `use snowglobe::prelude::*`.

pub use std::ops::Range;
pub use std::time::Duration;

pub use snowglobe_checkers::explore::{Bounds, Client, Scope, TimerKind};
pub use snowglobe_systems::invariants::{ClusterView, Invariants, NodeView, Violation};
pub use snowglobe_systems::process::{
    Durable, Effect, Effects, Input, InvocationId, NoDisk, NodeId, Priority, Process,
};

pub use crate::draw::Draw;
pub use crate::faults::Membership;
pub use crate::registry::Entry;
pub use crate::scenarios::file::Scenario;
pub use crate::scenarios::{Calls, Modelled, NoOptions, Small, System, Workload};
pub use crate::seed::Seed;
