//! A small world of a register: servers first, then clients.

use std::fmt::{self, Debug};
use std::marker::PhantomData;

use snowglobe_checkers::explore::{Bounds, Client, Property, PropertyKind, Setting, TimerKind};
use snowglobe_systems::invariants::{ClusterView, Invariants};
use snowglobe_systems::process::NodeId;

use super::history::LINEARIZABLE;
use super::register::{Config, NoTimer, Party, Register};

/// So many servers and clients, watched by an observer of the type `I`.
pub(crate) struct RegisterSetting<R, I> {
    bounds: Bounds,
    configs: Vec<Config>,
    types: PhantomData<fn() -> (R, I)>,
}

impl<R, I> RegisterSetting<R, I> {
    pub(crate) fn new(servers: u16, clients: u16) -> Self {
        Self {
            bounds: Bounds {
                messages: u8::MAX,
                ..Bounds::default()
            },
            configs: vec![Config { servers }; usize::from(servers + clients)],
            types: PhantomData,
        }
    }
}

impl<R, I> Clone for RegisterSetting<R, I> {
    fn clone(&self) -> Self {
        Self {
            bounds: self.bounds.clone(),
            configs: self.configs.clone(),
            types: PhantomData,
        }
    }
}

impl<R, I> Debug for RegisterSetting<R, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.configs)
    }
}

impl<R: Register, I: Invariants<Party<R>>> Setting for RegisterSetting<R, I> {
    type Process = Party<R>;
    type Invariants = I;
    /// The clients are nodes, and the observer watches them.
    type Judge = ();

    const NAME: &'static str = R::NAME;

    fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    fn configs(&self) -> &[Config] {
        &self.configs
    }

    fn clients(&self) -> &[Client<()>] {
        &[]
    }

    fn properties(&self) -> Vec<Property> {
        let name = LINEARIZABLE;
        let kind = PropertyKind::History;
        vec![Property { name, kind }]
    }

    fn timer_kind(&self, timer: NoTimer) -> Option<TimerKind> {
        match timer {}
    }

    fn shape(&self, _: &impl ClusterView<Party<R>>) -> String {
        String::new()
    }

    fn is_well(&self, _: &impl ClusterView<Party<R>>, _: &[NodeId]) -> Result<(), String> {
        Ok(())
    }
}
