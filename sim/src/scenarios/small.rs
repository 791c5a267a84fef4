//! A small world of any system, with defaults that are right for a simple one.

use std::fmt;

use snowglobe_checkers::explore::{
    Bounds, Client, Property, PropertyKind, Scope, Setting, TimerKind,
};
use snowglobe_systems::invariants::ClusterView;
use snowglobe_systems::process::{NodeId, Process};

use super::{Modelled, System};

/// A system whose small world is its shaken one, only smaller: the same nodes, the same
/// invariants, and clients that ask for a few operations.
///
/// That is a small world with defaults; a system that needs other words, budgets or judges
/// implements [`Modelled`] with a [`Setting`] of its own.
pub trait Small: System {
    /// Who asks for what, at which nodes.
    fn clients(
        nodes: usize,
        options: &Self::Options,
        bounds: &Bounds,
    ) -> Vec<Client<OperationOf<Self>>>;

    /// The small worlds that `check` looks at; one that is small enough to be exhausted in
    /// seconds, unless said otherwise.
    fn scopes() -> Vec<Scope> {
        let nodes = 3.clamp(Self::NODES.0, Self::NODES.1);
        vec![Scope::of("small", nodes, &Bounds::default(), |bounds| {
            bounds.operations = 2;
            bounds.timeouts = 2;
            bounds.crashes = 1;
        })]
    }

    /// Which budget a timer is taken from; `None` if it never fires here. By default each
    /// is a timeout.
    fn timer_kind(_timer: <Self::Process as Process>::Timer) -> Option<TimerKind> {
        Some(TimerKind::Timeout)
    }

    /// What the words of an operation mean, where its words are those of its [`Debug`]; unless
    /// said otherwise, only operations that [`clients`](Self::clients) ask for are known by
    /// theirs. Schedules that were written down from a run need all.
    ///
    /// [`Debug`]: fmt::Debug
    fn read_operation(_words: &str) -> Option<OperationOf<Self>> {
        None
    }

    /// Whether the world is well again; that everybody is answered is asked anyway.
    ///
    /// # Errors
    /// What is still missing.
    fn is_well(_cluster: &impl ClusterView<Self::Process>) -> Result<(), String> {
        Ok(())
    }
}

type OperationOf<S> = <<S as System>::Process as Process>::Operation;

/// The small world of a system, with defaults.
pub struct SmallCluster<S: Small> {
    bounds: Bounds,
    configs: Vec<<S::Process as Process>::Config>,
    clients: Vec<Client<OperationOf<S>>>,
}

impl<S: Small> Clone for SmallCluster<S> {
    fn clone(&self) -> Self {
        Self {
            bounds: self.bounds.clone(),
            configs: self.configs.clone(),
            clients: self.clients.clone(),
        }
    }
}

impl<S: Small> fmt::Debug for SmallCluster<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmallCluster")
            .field("bounds", &self.bounds)
            .field("configs", &self.configs)
            .field("clients", &self.clients)
            .finish()
    }
}

impl<S: Small> Setting for SmallCluster<S> {
    type Process = S::Process;
    type Invariants = S::Invariants;
    type Judge = ();

    const NAME: &'static str = S::NAME;

    fn scopes() -> Vec<Scope> {
        S::scopes()
    }

    fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    fn configs(&self) -> &[<S::Process as Process>::Config] {
        &self.configs
    }

    fn clients(&self) -> &[Client<OperationOf<S>>] {
        &self.clients
    }

    fn properties(&self) -> Vec<Property> {
        let kind = PropertyKind::Step;
        let names = S::PROPERTIES.iter();
        names.map(|name| Property { name, kind }).collect()
    }

    fn timer_kind(&self, timer: <S::Process as Process>::Timer) -> Option<TimerKind> {
        S::timer_kind(timer)
    }

    fn read_operation(&self, words: &str) -> Option<OperationOf<S>> {
        S::read_operation(words).or_else(|| {
            let mut known = self.clients.iter().flat_map(|client| &client.operations);
            known.find(|it| Self::operation_words(it) == words).cloned()
        })
    }

    fn shape(&self, cluster: &impl ClusterView<S::Process>) -> String {
        let nodes = (0..cluster.len()).map(NodeId::at);
        let words = nodes.map(|id| match cluster.node(id).process {
            Some(process) => Self::process_words(process),
            None => "down".to_owned(),
        });
        words.collect::<Vec<_>>().join("; ")
    }

    fn is_well(&self, cluster: &impl ClusterView<S::Process>, _: &[NodeId]) -> Result<(), String> {
        S::is_well(cluster)
    }
}

impl<S: Small> Modelled for S {
    type Setting = SmallCluster<S>;

    fn setting(nodes: usize, options: &S::Options, bounds: &Bounds) -> SmallCluster<S> {
        SmallCluster {
            bounds: bounds.clone(),
            configs: S::configs(nodes, options),
            clients: S::clients(nodes, options, bounds),
        }
    }

    fn setting_around(nodes: usize, options: &S::Options, bounds: &Bounds) -> SmallCluster<S> {
        Self::setting(nodes, options, bounds)
    }

    fn promises(invariants: &S::Invariants) -> S::Invariants {
        invariants.clone()
    }

    fn term(_: &<S::Process as Process>::Durable) -> u64 {
        0
    }
}
