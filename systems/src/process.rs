//! The one door into every system: [`Process`].
//!
//! A system is a state machine that takes an [`Input`] and leaves [`Effects`].
//! Three engines drive the same compiled code: the simulated world, the model
//! checker, and a plain loop in a test. Nothing here knows which one it is.

mod choice;
mod effects;

use alloc::format;
use alloc::string::String;
use core::fmt::{self, Debug};
use core::hash::Hash;
use core::ops::Range;
use core::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::short_names::debug_as_display;

pub use self::choice::{Choice, Source};
pub use self::effects::{Effect, Effects};

/// The name of a node, counted from 1; prints as `n1`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId(pub u16);

impl NodeId {
    /// The node at a position counted from 0.
    #[must_use]
    pub fn at(position: usize) -> Self {
        Self(u16::try_from(position + 1).expect("a cluster has at most 65,535 nodes"))
    }

    /// The position of this node, counted from 0.
    #[must_use]
    pub fn position(self) -> usize {
        usize::from(self.0) - 1
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n{}", self.0)
    }
}

/// Names one call of a client, so that its outcome finds its way back; prints as `o7`.
///
/// An engine never uses the same one twice in a run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct InvocationId(pub u64);

impl fmt::Display for InvocationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "o{}", self.0)
    }
}

debug_as_display!(NodeId, InvocationId);

/// What a node keeps on its disk, as a fold over what it wrote.
///
/// The engine owns the disk. It applies each persisted write, and hands the
/// result back to [`Process::start`] after a crash.
pub trait Durable:
    Clone + Default + Eq + Hash + Debug + Send + Sync + Serialize + DeserializeOwned + 'static
{
    /// One record of the node's write-ahead log.
    type Write: Clone + Eq + Hash + Debug + Send + Sync + Serialize + DeserializeOwned + 'static;

    /// Folds one record in. Must be deterministic and must not panic on any
    /// sequence of records that the process itself wrote.
    fn apply(&mut self, write: &Self::Write);
}

/// The disk of a process that writes nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NoDisk;

/// What is never written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum NoRecord {}

impl Durable for NoDisk {
    type Write = NoRecord;

    fn apply(&mut self, write: &NoRecord) {
        match *write {}
    }
}

/// A system under test: a pure state machine that takes one input after the other.
///
/// ```
/// use core::time::Duration;
/// use snowglobe_systems::process::{
///     self, Effect, Effects, Input, NoDisk, NodeId, Process,
/// };
///
/// /// Greets its neighbour until it is greeted back.
/// #[derive(Clone, Debug, PartialEq, Eq, Hash)]
/// struct Greeter {
///     neighbour: NodeId,
/// }
///
/// const AGAIN: Duration = Duration::from_millis(100);
///
/// impl Process for Greeter {
///     type Config = NodeId;
///     type Message = ();
///     type Timer = ();
///     type Operation = ();
///     type Outcome = ();
///     type Durable = NoDisk;
///
///     fn start(_: NodeId, neighbour: &NodeId, _: NoDisk, effects: &mut Effects<Self>) -> Self {
///         effects.set_timer((), AGAIN..2 * AGAIN);
///         Self { neighbour: *neighbour }
///     }
///
///     fn step(&mut self, input: Input<Self>, effects: &mut Effects<Self>) {
///         match input {
///             Input::Timeout(()) => {
///                 effects.send(self.neighbour, ());
///                 effects.set_timer((), AGAIN..2 * AGAIN);
///             }
///             Input::Receive { .. } => effects.cancel_timer(()),
///             Input::Invoke { invocation, .. } => effects.reply(invocation, ()),
///         }
///     }
/// }
///
/// let mut effects = Effects::new();
/// let mut greeter: Greeter = process::boot(NodeId(1), &NodeId(2), NoDisk, &mut effects);
/// effects.clear();
/// process::take(&mut greeter, Input::Timeout(()), &mut effects);
/// let first = effects.into_iter().next();
/// assert_eq!(first, Some(Effect::Send { to: NodeId(2), message: () }));
/// ```
pub trait Process: Clone + Eq + Hash + Debug + Send + Sync + Sized + 'static {
    /// What a node knows before it starts: its peers and its tuning.
    type Config: Clone + Debug + Send + Sync + 'static;
    /// What travels between nodes.
    type Message: Clone + Eq + Hash + Debug + Send + Sync + Serialize + DeserializeOwned + 'static;
    /// The names of its timers. At most one of each name is armed at a time.
    type Timer: Copy + Ord + Hash + Debug + Send + Sync + 'static;
    /// What a client may ask of a node.
    type Operation: Clone + Eq + Hash + Debug + Send + Sync + 'static;
    /// What a client may be told.
    type Outcome: Clone + Eq + Hash + Debug + Send + Sync + 'static;
    /// What its disk holds.
    type Durable: Durable;

    /// Rejects an invalid configuration. Engines ask before the first boot; a process may
    /// rely on what it lets through.
    ///
    /// # Errors
    /// Which setting is wrong, and what to write instead.
    fn check(_config: &Self::Config) -> Result<(), ConfigError> {
        Ok(())
    }

    /// Whether it leads others. The process itself does not depend on it; fault injection
    /// targets leaders.
    fn leads(&self) -> bool {
        false
    }

    /// How urgent an input is: of those that wait while the disk syncs or the
    /// node is paused, urgent ones are taken first, but of five steps in a row one is a
    /// deferred input's if any waits: a leader that is too slow for its heartbeats and their
    /// answers would otherwise serve nobody for as long as it leads. Among equals, first come is
    /// first served while the disk syncs, and nothing is promised after a pause,
    /// nor whether overdue timers fire before what is urgent. A server that takes its
    /// clients' calls before the answers of its peers can be buried under calls that
    /// it then never finishes.
    fn priority(_input: &Input<Self>) -> Priority {
        Priority::Urgent
    }

    /// The first boot and every restart. `durable` is what the disk held: the
    /// default value on the first boot. Nothing else survives a crash.
    fn start(
        id: NodeId,
        config: &Self::Config,
        durable: Self::Durable,
        effects: &mut Effects<Self>,
    ) -> Self;

    /// Takes one input and leaves its effects, in the order in which the
    /// engine must execute them.
    fn step(&mut self, input: Input<Self>, effects: &mut Effects<Self>);

    /// Leaves the effects of whatever [`start`](Self::start) and [`step`](Self::step) put off.
    /// An engine calls it once after each batch of inputs: a leader that took many proposals
    /// writes them with one sync, and sends them to each peer in one message. A batch is what
    /// waited while the disk synced or the node was paused, up to a bound; in exploration it is
    /// each input by itself. A crash before the flush loses what was put off, of which nobody
    /// has heard.
    fn flush(&mut self, _effects: &mut Effects<Self>) {}
}

/// After how long a timer fires: each time that it is set, the engine draws from this range.
/// One moment, as in `Delay::from(HEARTBEAT)`, is always that one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Delay {
    /// The shortest delay.
    shortest: Duration,
    /// The end of the range; no shorter than `shortest`, and equal to it where there is
    /// nothing to draw.
    end: Duration,
}

impl Delay {
    /// The range from which an engine draws; empty if there is nothing to draw.
    #[must_use]
    pub fn range(self) -> Range<Duration> {
        self.shortest..self.end
    }

    /// So many times as long.
    #[must_use]
    pub fn times(self, factor: u32) -> Self {
        Self {
            shortest: self.shortest * factor,
            end: self.end * factor,
        }
    }
}

impl From<Duration> for Delay {
    fn from(delay: Duration) -> Self {
        Self {
            shortest: delay,
            end: delay,
        }
    }
}

/// # Panics
/// If the range runs backwards.
impl From<Range<Duration>> for Delay {
    fn from(Range { start, end }: Range<Duration>) -> Self {
        assert!(
            start <= end,
            "timers-run-forwards: a timer cannot be set to {start:?}..{end:?}"
        );
        Self {
            shortest: start,
            end,
        }
    }
}

impl From<&Range<Duration>> for Delay {
    fn from(range: &Range<Duration>) -> Self {
        range.clone().into()
    }
}

/// Boots a process and [flushes](Process::flush) it, for a host that does not batch.
pub fn boot<P: Process>(
    id: NodeId,
    config: &P::Config,
    durable: P::Durable,
    effects: &mut Effects<P>,
) -> P {
    let mut process = P::start(id, config, durable, effects);
    process.flush(effects);
    process
}

/// Gives a process a batch of one input.
pub fn take<P: Process>(process: &mut P, input: Input<P>, effects: &mut Effects<P>) {
    process.step(input, effects);
    process.flush(effects);
}

/// What is wrong with the receiver of a message, if anything is: it must be another node of the
/// cluster.
#[must_use]
pub fn wrong_receiver(from: NodeId, to: NodeId, nodes: usize) -> Option<String> {
    let is_one = to.0 > 0 && to.position() < nodes;
    (!is_one || to == from).then(|| match is_one {
        true => format!("messages-go-to-others: {from} sends to itself"),
        false => format!("messages-go-to-others: {from} sends to {to}, of {nodes} nodes"),
    })
}

/// How urgent an input is; see [`Process::priority`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Work that is already under way waits for it.
    Urgent,
    /// It is new work.
    Deferred,
}

/// A configuration that makes no sense: which setting, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The name of the setting, as in `max_batch_entries`.
    pub setting: &'static str,
    /// What is wrong with it and what to write instead, in a clause that
    /// follows the name.
    pub problem: String,
}

impl ConfigError {
    /// An error in a setting.
    pub fn new(setting: &'static str, problem: impl Into<String>) -> Self {
        Self {
            setting,
            problem: problem.into(),
        }
    }

    /// Refuses a count or size of zero.
    ///
    /// # Errors
    /// If it is zero; `why` says what it would lead to.
    pub fn positive(setting: &'static str, value: usize, why: &str) -> Result<(), Self> {
        match value {
            0 => Err(Self::new(
                setting,
                format!("is 0, so that {why}: give at least 1"),
            )),
            _ => Ok(()),
        }
    }

    /// Refuses a range of delays that is empty, runs backwards, or begins with
    /// no delay at all. A range of one value, as in `5ms..5ms`, is that value.
    ///
    /// # Errors
    /// If it is one of these.
    pub fn delays(setting: &'static str, range: &Range<Duration>) -> Result<(), Self> {
        if range.end < range.start {
            let Range { start, end } = range;
            return Err(Self::new(
                setting,
                format!("runs backwards, from {start:?} to {end:?}: give the shorter delay first"),
            ));
        }
        Self::delay(setting, range.start)
    }

    /// Refuses a delay of zero.
    ///
    /// # Errors
    /// If it is zero.
    pub fn delay(setting: &'static str, delay: Duration) -> Result<(), Self> {
        match delay.is_zero() {
            true => Err(Self::new(
                setting,
                "is 0, so that its timer fires for ever without time passing: give at least 1ms",
            )),
            false => Ok(()),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.setting, self.problem)
    }
}

impl core::error::Error for ConfigError {}

/// What can happen to a process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input<P: Process> {
    /// A message arrived.
    Receive {
        /// The node that sent it.
        from: NodeId,
        /// What it says.
        message: P::Message,
    },
    /// An armed timer fired; it is no longer armed.
    Timeout(P::Timer),
    /// A client calls.
    Invoke {
        /// Names the call; goes back with its outcome.
        invocation: InvocationId,
        /// What it asks.
        operation: P::Operation,
    },
}
