//! A process inside another one, and the invariants of the inner over a world of the outer.
//!
//! A node of a large system may be one of several things, or contain several.
//! What such a part promises was written for a world that consists of
//! nothing else. A [`PartView`] shows it just that: a node without the part
//! looks as if it were down, with an empty disk.
//!
//! ```text
//! fn settled(&mut self, cluster: &impl ClusterView<Whole>, node: NodeId) -> ... {
//!     embeds::settled::<Server, _>(&mut self.servers, cluster, node)
//! }
//! ```

use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use crate::invariants::{ClusterView, Invariants, NodeView, Violation};
use crate::process::{Durable, Effect, Effects, InvocationId, NodeId, Process};

/// A record of a process's write-ahead log.
pub type WriteOf<P> = <<P as Process>::Durable as Durable>::Write;

/// A process whose nodes may contain a `Q`, which was written for a world of its own.
///
/// The whole hands its part what is meant for it, and passes on what the part wants done:
///
/// ```
/// # use core::time::Duration;
/// # use serde::{Deserialize, Serialize};
/// # use snowglobe_systems::embeds::{Embeds, Said, WriteOf};
/// # use snowglobe_systems::process::{Effects, Input, NoDisk, NodeId, Process};
/// # #[derive(Clone, Debug, PartialEq, Eq, Hash)]
/// # struct Beacon;
/// # impl Process for Beacon {
/// #     type Config = ();
/// #     type Message = ();
/// #     type Timer = ();
/// #     type Operation = ();
/// #     type Outcome = u8;
/// #     type Durable = NoDisk;
/// #     fn start(_: NodeId, _: &(), _: NoDisk, effects: &mut Effects<Self>) -> Self {
/// #         effects.set_timer((), Duration::from_secs(1));
/// #         Self
/// #     }
/// #     fn step(&mut self, _: Input<Self>, effects: &mut Effects<Self>) { effects.tell(7); }
/// # }
/// /// A node with a beacon in it, which says now and then that it is there.
/// #[derive(Clone, Debug, PartialEq, Eq, Hash)]
/// struct Lighthouse {
///     beacon: Beacon,
///     flashes: u64,
/// }
///
/// #[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
/// enum Message {
///     Beacon(()),
///     Fog,
/// }
///
/// impl Embeds<Beacon> for Lighthouse {
///     fn part(&self) -> Option<&Beacon> {
///         Some(&self.beacon)
///     }
///     fn part_of_disk(disk: &NoDisk) -> Option<&NoDisk> {
///         Some(disk)
///     }
///     fn message(message: ()) -> Message {
///         Message::Beacon(message)
///     }
///     fn as_message(message: &Message) -> Option<&()> {
///         match message {
///             Message::Beacon(message) => Some(message),
///             Message::Fog => None,
///         }
///     }
///     fn write(write: WriteOf<Beacon>) -> WriteOf<Self> {
///         write
///     }
///     fn as_write(write: &WriteOf<Self>) -> Option<&WriteOf<Beacon>> {
///         Some(write)
///     }
/// }
///
/// impl Lighthouse {
///     fn beacon_says(&mut self, inner: Effects<Beacon>, effects: &mut Effects<Self>) {
///         effects.pass_on(inner, |timer| timer, |said, _| {
///             if let Said::Told(7) = said {
///                 self.flashes += 1;
///             }
///         });
///     }
/// }
///
/// # impl Process for Lighthouse {
/// #     type Config = ();
/// #     type Message = Message;
/// #     type Timer = ();
/// #     type Operation = ();
/// #     type Outcome = ();
/// #     type Durable = NoDisk;
/// #     fn start(id: NodeId, _: &(), disk: NoDisk, effects: &mut Effects<Self>) -> Self {
/// #         let mut inner = effects.inside();
/// #         let beacon = Beacon::start(id, &(), disk, &mut inner);
/// #         let mut whole = Self { beacon, flashes: 0 };
/// #         whole.beacon_says(inner, effects);
/// #         whole
/// #     }
/// #     fn step(&mut self, _: Input<Self>, effects: &mut Effects<Self>) {
/// #         let mut inner = effects.inside();
/// #         self.beacon.step(Input::Timeout(()), &mut inner);
/// #         self.beacon_says(inner, effects);
/// #     }
/// # }
/// # let mut effects = Effects::new();
/// # let mut whole = Lighthouse::start(NodeId(1), &(), NoDisk, &mut effects);
/// # whole.step(Input::Timeout(()), &mut effects);
/// # assert_eq!(whole.flashes, 1);
/// ```
///
/// What a part promises then holds of the whole: see [`stepped`] and its neighbours.
pub trait Embeds<Q: Process>: Process {
    /// The part in this node; `None` where it has none.
    fn part(&self) -> Option<&Q>;
    /// What the part has on a node's disk; `None` where it has none. A disk
    /// that nothing was written to may belong to any part, or to none.
    fn part_of_disk(durable: &Self::Durable) -> Option<&Q::Durable>;
    /// The message of the whole that carries one of the part.
    fn message(message: Q::Message) -> Self::Message;
    /// The part's message, if this is one.
    fn as_message(message: &Self::Message) -> Option<&Q::Message>;
    /// The record of the whole that holds one of the part.
    fn write(write: WriteOf<Q>) -> WriteOf<Self>;
    /// The part's record, if this is one.
    fn as_write(write: &WriteOf<Self>) -> Option<&WriteOf<Q>>;
    /// The part's answer, if this answer of the whole is one. Only for invariants of the part
    /// that look at answers.
    fn as_outcome(_outcome: &Self::Outcome) -> Option<&Q::Outcome> {
        None
    }
}

/// A part's output that is for the whole to judge.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Said<Q: Process> {
    /// It answered a call.
    Returned(InvocationId, Q::Outcome),
    /// An output that answers no call.
    Told(Q::Outcome),
}

impl<W: Process> Effects<W> {
    /// Passes on what a part wants done, in its order, which is the durability contract, and
    /// hands `judge` what it said, in its place among the rest: an answer that precedes a write
    /// need not wait for it. `timer` names the part's timers among those of the whole.
    ///
    /// A whole that lets the same part take another step upon what it said must wait until all
    /// is passed on, or the effects of that step would come before some of this one.
    pub fn pass_on<Q: Process>(
        &mut self,
        inner: Effects<Q>,
        timer: impl Fn(Q::Timer) -> W::Timer,
        mut judge: impl FnMut(Said<Q>, &mut Self),
    ) where
        W: Embeds<Q>,
    {
        let mut inner = inner;
        self.take_choices_of(&mut inner);
        for effect in inner {
            self.push(match effect {
                Effect::Persist(write) => Effect::Persist(W::write(write)),
                Effect::Send { to, message } => Effect::Send {
                    to,
                    message: W::message(message),
                },
                Effect::SetTimer { timer: name, delay } => Effect::SetTimer {
                    timer: timer(name),
                    delay,
                },
                Effect::CancelTimer(name) => Effect::CancelTimer(timer(name)),
                Effect::Mark(mark) => Effect::Mark(mark),
                Effect::Return {
                    invocation,
                    outcome,
                } => {
                    judge(Said::Returned(invocation, outcome), self);
                    continue;
                }
                Effect::Tell(outcome) => {
                    judge(Said::Told(outcome), self);
                    continue;
                }
            });
        }
    }
}

/// An effect of the whole, as the part left it; `None` if it is not one of the part's, or one
/// of its timers and marks, at which no invariant of a part looks.
fn effect_of<Q: Process, W: Embeds<Q>>(effect: &Effect<W>) -> Option<Effect<Q>> {
    Some(match effect {
        Effect::Persist(write) => Effect::Persist(W::as_write(write)?.clone()),
        Effect::Send { to, message } => Effect::Send {
            to: *to,
            message: W::as_message(message)?.clone(),
        },
        Effect::Return {
            invocation,
            outcome,
        } => Effect::Return {
            invocation: *invocation,
            outcome: W::as_outcome(outcome)?.clone(),
        },
        Effect::Tell(outcome) => Effect::Tell(W::as_outcome(outcome)?.clone()),
        Effect::SetTimer { .. } | Effect::CancelTimer(_) | Effect::Mark(_) => return None,
    })
}

/// A world of wholes, as the invariants of a part see it.
pub struct PartView<'a, V, W, Q: Process> {
    whole: &'a V,
    /// What the disk of a node without this part holds.
    empty: Q::Durable,
    of: PhantomData<fn() -> W>,
}

impl<'a, V: ClusterView<W>, W: Embeds<Q>, Q: Process> PartView<'a, V, W, Q> {
    /// The part `Q` of each node of a world.
    #[must_use]
    pub fn new(whole: &'a V) -> Self {
        Self {
            whole,
            empty: Q::Durable::default(),
            of: PhantomData,
        }
    }
}

impl<V: ClusterView<W>, W: Embeds<Q>, Q: Process> ClusterView<Q> for PartView<'_, V, W, Q> {
    fn len(&self) -> usize {
        self.whole.len()
    }

    fn node(&self, id: NodeId) -> NodeView<'_, Q> {
        let NodeView { process, durable } = self.whole.node(id);
        NodeView {
            process: process.and_then(W::part),
            durable: W::part_of_disk(durable).unwrap_or(&self.empty),
        }
    }
}

impl<V, W, Q: Process> fmt::Debug for PartView<'_, V, W, Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartView").finish_non_exhaustive()
    }
}

/// Tells a part's invariants that a node has booted. Does nothing if the node
/// has no such part.
///
/// # Errors
/// The first broken promise of the part.
pub fn started<Q: Process, W: Embeds<Q>>(
    invariants: &mut impl Invariants<Q>,
    cluster: &impl ClusterView<W>,
    node: NodeId,
) -> Result<(), Violation> {
    match is_in::<Q, W>(cluster, node) {
        true => invariants.started(&PartView::new(cluster), node),
        false => Ok(()),
    }
}

/// Tells a part's invariants of a step, with those of its effects that are the
/// part's. Does nothing if the node has no such part.
///
/// # Errors
/// The first broken promise of the part.
pub fn stepped<Q: Process, W: Embeds<Q>>(
    invariants: &mut impl Invariants<Q>,
    cluster: &impl ClusterView<W>,
    node: NodeId,
    effects: &[Effect<W>],
) -> Result<(), Violation> {
    if !is_in::<Q, W>(cluster, node) {
        return Ok(());
    }
    let effects = effects_of::<Q, W>(effects);
    invariants.stepped(&PartView::new(cluster), node, &effects)
}

/// Tells a part's invariants of an effect that was executed, if it is the
/// part's. Does nothing if the node has no such part.
///
/// # Errors
/// The first broken promise of the part.
pub fn executed<Q: Process, W: Embeds<Q>>(
    invariants: &mut impl Invariants<Q>,
    cluster: &impl ClusterView<W>,
    node: NodeId,
    effect: &Effect<W>,
) -> Result<(), Violation> {
    match effect_of(effect).filter(|_| is_in::<Q, W>(cluster, node)) {
        Some(effect) => invariants.executed(&PartView::new(cluster), node, &effect),
        None => Ok(()),
    }
}

/// Tells a part's invariants that all effects of a node's step were executed.
/// Does nothing if the node has no such part.
///
/// # Errors
/// The first broken promise of the part.
pub fn settled<Q: Process, W: Embeds<Q>>(
    invariants: &mut impl Invariants<Q>,
    cluster: &impl ClusterView<W>,
    node: NodeId,
) -> Result<(), Violation> {
    match is_in::<Q, W>(cluster, node) {
        true => invariants.settled(&PartView::new(cluster), node),
        false => Ok(()),
    }
}

/// Tells a part's invariants that a node went down. Whether it had the part can
/// no longer be seen: whoever has never seen the node has nothing to forget.
pub fn crashed<Q: Process, W: Embeds<Q>>(
    invariants: &mut impl Invariants<Q>,
    cluster: &impl ClusterView<W>,
    node: NodeId,
    prevented: &[Effect<W>],
) {
    let prevented = effects_of::<Q, W>(prevented);
    invariants.crashed(&PartView::new(cluster), node, &prevented);
}

fn effects_of<Q: Process, W: Embeds<Q>>(effects: &[Effect<W>]) -> Vec<Effect<Q>> {
    effects.iter().filter_map(effect_of::<Q, W>).collect()
}

fn is_in<Q: Process, W: Embeds<Q>>(cluster: &impl ClusterView<W>, node: NodeId) -> bool {
    cluster.node(node).process.and_then(W::part).is_some()
}
