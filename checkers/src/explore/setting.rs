//! What an exploration must know of a system beside its code.

use std::fmt::Debug;
use std::hash::Hash;

use snowglobe_systems::invariants::{ClusterView, Invariants, Violation};
use snowglobe_systems::process::{NodeId, Process};

use super::{Bounds, Scope, Symmetry, Workload};

/// One who asks for things, in the order in which they stand.
#[derive(Clone, Debug)]
pub struct Client<O> {
    /// The nodes that it may call; each call is for any one of them.
    pub at: Vec<NodeId>,
    /// What it asks for, one after the other.
    pub operations: Vec<O>,
    /// Whether it asks for nothing more before it was answered.
    pub waits: bool,
}

impl<O> Client<O> {
    /// One who calls one node, and asks for nothing more before it was answered.
    pub fn of(node: NodeId, operations: impl IntoIterator<Item = O>) -> Self {
        Self {
            at: vec![node],
            operations: operations.into_iter().collect(),
            waits: true,
        }
    }
}

/// Which budget the firing of a timer is taken from; see [`Bounds`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimerKind {
    /// A timeout expired.
    Timeout,
    /// A periodic timer fired.
    Beat,
    /// What was begun has come to its end. That costs nothing: it was to come,
    /// and comes once.
    Due,
}

/// A promise that an exploration looks at, by the name that violations give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Property {
    /// Its name.
    pub name: &'static str,
    /// When it is looked at.
    pub kind: PropertyKind,
}

/// When a promise is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PropertyKind {
    /// In every state: it compares nodes, disks and what is remembered of the past.
    State,
    /// In every step: it compares a node before and after, and what it says meanwhile.
    Step,
    /// In what clients saw.
    History,
}

/// A small world of a system: who is there, who asks for what, and what is too much.
///
/// The processes and invariants are those that the simulation runs.
pub trait Setting: Clone + Debug + Send + Sync + 'static {
    /// The process on every node.
    type Process: Process;
    /// What must hold over all nodes, and in every step.
    type Invariants: Invariants<Self::Process>;
    /// What clients were told so far, as far as it matters for what they may be
    /// told next. It is a part of the state, so histories with the same future merge.
    type Judge: Clone + Eq + Hash + Debug + Default + Send + Sync + 'static;

    /// The name of the system.
    const NAME: &'static str;

    /// Small worlds that are worth looking at, and are exhausted within minutes
    /// all together; cheap ones first, so that what they find is found in seconds.
    fn scopes() -> Vec<Scope> {
        Vec::new()
    }
    /// The scope where somebody begins who wants other bounds; the first, if
    /// there is none of this name.
    fn usual_scope() -> &'static str {
        ""
    }
    /// What clients may be made to ask for.
    fn workloads() -> &'static [Workload] {
        &[Workload::Usual]
    }
    /// The budgets.
    fn bounds(&self) -> &Bounds;
    /// One configuration per node.
    fn configs(&self) -> &[<Self::Process as Process>::Config];
    /// Who asks for what.
    fn clients(&self) -> &[Client<<Self::Process as Process>::Operation>];
    /// All promises that are looked at.
    fn properties(&self) -> Vec<Property>;
    /// The marks that these bounds let a run reach. One that is not reached
    /// means that less was explored than it seems.
    fn marks(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// Whether a node may be in this state; what would lead there does not happen.
    fn is_within(&self, _process: &Self::Process) -> bool {
        true
    }
    /// Whether exploration may begin in this state. Until then the nodes are run
    /// calmly, one message after the other.
    fn is_ready(&self, _cluster: &impl ClusterView<Self::Process>) -> bool {
        true
    }
    /// The clients that call before exploration begins, in this order. Each
    /// calls when the world is well, asks for its next operation, and is
    /// answered before anybody else calls.
    fn early_calls(&self) -> Vec<usize> {
        Vec::new()
    }
    /// Which budget a timer is taken from; `None` if it never fires here.
    fn timer_kind(&self, timer: <Self::Process as Process>::Timer) -> Option<TimerKind>;
    /// Whether a node may crash.
    fn may_crash(&self, _node: NodeId) -> bool {
        true
    }
    /// The symmetry of the nodes, if the system has any.
    fn symmetry(&self) -> Option<&dyn Symmetry<Self::Process, Self::Invariants>> {
        None
    }

    /// What the words of an operation mean, if these are the words of one that clients may ask for
    /// in a schedule that somebody wrote down: beside those that [`clients`](Self::clients) ask
    /// for. Each operation that it knows by its words is told by [`operation_words`]
    /// so.
    ///
    /// [`operation_words`]: Self::operation_words
    fn read_operation(&self, _words: &str) -> Option<<Self::Process as Process>::Operation> {
        None
    }
    /// Whether the judge hears of an operation, and of its outcome.
    fn is_judged(&self, _operation: &<Self::Process as Process>::Operation) -> bool {
        true
    }

    /// A judge for a long schedule with many clients, as it is written down from a run: one that
    /// says soon that it is too much to find out.
    fn judge_of_a_run(&self) -> Self::Judge {
        Self::Judge::default()
    }

    /// A client calls.
    fn called(
        &self,
        _judge: &mut Self::Judge,
        _client: usize,
        _operation: &<Self::Process as Process>::Operation,
    ) {
    }
    /// A client is answered.
    ///
    /// # Errors
    /// When nothing can explain the answer; or, as [`UNDECIDED`](super::UNDECIDED), when
    /// it is too much to find out.
    fn returned(
        &self,
        _judge: &mut Self::Judge,
        _client: usize,
        _outcome: &<Self::Process as Process>::Outcome,
    ) -> Result<(), Violation> {
        Ok(())
    }
    /// A client will never be answered: the node that it called went down.
    fn abandoned(&self, _judge: &mut Self::Judge, _client: usize) {}

    /// What remains of a state when details are left out, to compare what
    /// exploration and simulation saw.
    fn shape(&self, cluster: &impl ClusterView<Self::Process>) -> String;
    /// Whether the world can get well as it is, if clients ask for nothing more. Where
    /// it is down to them, nothing is demanded.
    fn can_recover(&self, _cluster: &impl ClusterView<Self::Process>) -> bool {
        true
    }
    /// Sets of nodes that may stay away for good, down or cut off from all others,
    /// so that the others must still get well without them; a minority, say.
    fn dispensable(&self) -> Vec<Vec<NodeId>> {
        Vec::new()
    }
    /// Whether the world is well again: it is run forward, calmly, until this is so.
    /// Those who are away do not count; they are in one of the sets of
    /// [`dispensable`](Self::dispensable), or nobody.
    ///
    /// # Errors
    /// What is still missing.
    fn is_well(
        &self,
        cluster: &impl ClusterView<Self::Process>,
        away: &[NodeId],
    ) -> Result<(), String>;

    /// The words of a message; they neither begin nor end with a space.
    fn message_words(message: &<Self::Process as Process>::Message) -> String {
        format!("{message:?}")
    }
    /// The words of a timer.
    fn timer_words(timer: <Self::Process as Process>::Timer) -> String {
        format!("{timer:?}").to_lowercase()
    }
    /// The words of an operation.
    fn operation_words(operation: &<Self::Process as Process>::Operation) -> String {
        format!("{operation:?}")
    }
    /// The words of a node's state.
    fn process_words(process: &Self::Process) -> String {
        format!("{process:?}")
    }
}
