//! A workload for any process: callers that call nodes, one call at a time each.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use serde::Serialize;
use snowglobe_checkers::linearizability::Specification;
use snowglobe_systems::invariants::Invariants;
use snowglobe_systems::process::{InvocationId, NodeId, Process};

use super::Workload;
use super::file::Scenario;
use super::judged::{Judge, Judged};
use crate::draw::{Draw, Purpose, Streams};
use crate::world::{Broken, Incarnation, World};

/// What the next call of a caller is: a function that can be copied with all that it has drawn.
trait Next<P: Process>: Send {
    fn operation(&mut self, draw: &mut Draw, node: NodeId) -> P::Operation;
    fn copy(&self) -> Box<dyn Next<P>>;
}

impl<P: Process, F> Next<P> for F
where
    F: FnMut(&mut Draw, NodeId) -> P::Operation + Clone + Send + 'static,
{
    fn operation(&mut self, draw: &mut Draw, node: NodeId) -> P::Operation {
        self(draw, node)
    }

    fn copy(&self) -> Box<dyn Next<P>> {
        Box::new(self.clone())
    }
}

impl<P: Process> Clone for Box<dyn Next<P>> {
    fn clone(&self) -> Self {
        (**self).copy()
    }
}

/// Callers that call nodes, each of them its own, one call at a time, with drawn pauses.
///
/// When progress is demanded, each of them has to be answered once more, and nobody may be
/// left waiting. What users make of the answers is for the invariants to judge, or for a
/// [specification](Self::judged).
///
/// ```ignore
/// fn workload(scenario: &Scenario, _: &Options) -> Calls<Node> {
///     Calls::new(scenario, clients(scenario.nodes), |_, _| Operation::Write)
/// }
/// ```
#[derive(Clone)]
pub struct Calls<P: Process> {
    callers: Vec<Caller>,
    next: Box<dyn Next<P>>,
    pause: Range<Duration>,
    judge: Option<Box<dyn Judge<P>>>,
    /// Whether progress is demanded.
    demands: bool,
}

/// Somebody who calls one node.
#[derive(Clone, Debug)]
struct Caller {
    node: NodeId,
    draw: Draw,
    busy: Option<Busy>,
    /// How many calls were answered since progress is demanded.
    answered: u32,
    /// Which of its alarms counts; each replaces the one before.
    alarm: u64,
}

impl Caller {
    /// The next alarm: at most one of each caller is to ring.
    fn ring<P: Process, I: Invariants<P>>(
        &mut self,
        world: &mut World<P, I>,
        number: usize,
        after: Duration,
    ) {
        self.alarm += 1;
        world.alarm(after, self.alarm << CALLER_BITS | number as u64);
    }
}

/// The bits of an alarm that say whose it is; the rest says which.
const CALLER_BITS: u32 = 16;

/// A call that waits for its answer.
#[derive(Clone, Copy, Debug)]
struct Busy {
    invocation: InvocationId,
    /// The life of the node that was called: in the next one it knows of no call.
    life: Incarnation,
}

/// How often a caller looks whether the node that it called is still alive.
const LOOKS_AFTER: Duration = Duration::from_millis(50);
/// The pauses of callers unless somebody says otherwise.
const PAUSE: Range<Duration> = Duration::from_millis(1)..Duration::from_millis(200);

impl<P: Process> Calls<P> {
    /// One caller for each of these nodes; `next` draws what each of its calls asks for.
    pub fn new(
        scenario: &Scenario,
        nodes: impl IntoIterator<Item = NodeId>,
        next: impl FnMut(&mut Draw, NodeId) -> P::Operation + Clone + Send + 'static,
    ) -> Self {
        let streams = Streams::new(scenario.seed);
        let callers = nodes.into_iter().zip(0..).map(|(node, number)| Caller {
            node,
            draw: streams.open(Purpose::Workload(number)),
            busy: None,
            answered: 0,
            alarm: 0,
        });
        Self {
            callers: callers.collect(),
            next: Box::new(next),
            pause: PAUSE,
            judge: None,
            demands: false,
        }
    }

    /// The same with other pauses between an answer and the next call.
    #[must_use]
    pub fn pausing(self, pause: Range<Duration>) -> Self {
        Self { pause, ..self }
    }

    /// The same with a judge: what callers were told must be linearizable by a sequential
    /// specification. The two functions say what an operation is in its terms, and an
    /// outcome; `None` is an outcome that tells nothing, as if there had been no answer. The
    /// history is kept as `snowglobe history` reads it.
    #[must_use]
    pub fn judged<S>(
        self,
        specification: S,
        input: fn(&P::Operation) -> S::Input,
        output: fn(&P::Outcome) -> Option<S::Output>,
    ) -> Self
    where
        S: Specification<Input: Serialize + Send, Output: Serialize + Send, Key: Send>
            + Clone
            + Send
            + 'static,
    {
        let judged = Judged::new(specification, input, output);
        Self {
            judge: Some(Box::new(judged)),
            ..self
        }
    }

    fn act<I: Invariants<P>>(&mut self, world: &mut World<P, I>, number: usize) {
        let caller = &mut self.callers[number];
        if let Some(busy) = caller.busy {
            if world.incarnation(caller.node) == busy.life {
                return caller.ring(world, number, LOOKS_AFTER);
            }
            // What it had asked for may have come to pass, or not.
            caller.busy = None;
            if let Some(judge) = &mut self.judge {
                judge.lost(number);
            }
        }
        if self.demands && caller.answered > 0 {
            return;
        }
        let operation = self.next.operation(&mut caller.draw, caller.node);
        let at = world.now();
        if let Some(invocation) = world.invoke(caller.node, operation.clone()) {
            let life = world.incarnation(caller.node);
            caller.busy = Some(Busy { invocation, life });
            if let Some(judge) = &mut self.judge {
                judge.called(number, at, &operation);
            }
        }
        caller.ring(world, number, LOOKS_AFTER);
    }

    fn judge_all<I: Invariants<P>>(&mut self, world: &mut World<P, I>) {
        let broken = self.judge.as_mut().and_then(|judge| judge.close().err());
        if let Some(broken) = broken {
            world.breaks(broken);
        }
    }
}

impl<P: Process, I: Invariants<P>> Workload<P, I> for Calls<P> {
    fn begin(&mut self, world: &mut World<P, I>) {
        for (number, caller) in self.callers.iter_mut().enumerate() {
            let pause = caller.draw.duration(self.pause.clone());
            caller.ring(world, number, pause);
        }
    }

    fn alarm(&mut self, world: &mut World<P, I>, token: u64) {
        let number = (token & ((1 << CALLER_BITS) - 1)) as usize;
        if self.callers[number].alarm == token >> CALLER_BITS {
            self.act(world, number);
        }
    }

    fn returned(&mut self, world: &mut World<P, I>, invocation: InvocationId, outcome: P::Outcome) {
        let waits = |caller: &Caller| {
            let busy = caller.busy.as_ref();
            busy.is_some_and(|busy| busy.invocation == invocation)
        };
        let Some(number) = self.callers.iter().position(waits) else {
            return;
        };
        let caller = &mut self.callers[number];
        caller.busy = None;
        caller.answered += u32::from(self.demands);
        let pause = caller.draw.duration(self.pause.clone());
        caller.ring(world, number, pause);
        if let Some(judge) = &mut self.judge
            && let Err(broken) = judge.returned(number, world.now(), &outcome)
        {
            world.breaks(broken);
        }
    }

    fn settle(&mut self, world: &mut World<P, I>, well: &[NodeId]) {
        self.demands = true;
        // Whoever calls a node that stays ill has an excuse.
        for (number, caller) in self.callers.iter_mut().enumerate() {
            caller.answered = u32::from(!well.contains(&caller.node));
            caller.ring(world, number, LOOKS_AFTER);
        }
    }

    fn history(&self) -> Option<String> {
        self.judge.as_ref().map(|judge| judge.lines())
    }

    fn last_look(&mut self, world: &mut World<P, I>) {
        self.judge_all(world);
    }

    fn settled(&mut self, _: &mut World<P, I>) -> bool {
        self.callers.iter().all(|caller| caller.answered > 0)
    }

    fn missing(&self, world: &World<P, I>) -> String {
        let waiting = self.callers.iter().enumerate().filter_map(|(number, it)| {
            let busy = it.busy.as_ref().filter(|_| it.answered == 0)?;
            let (call, node) = (busy.invocation, it.node);
            Some(format!("caller {number} waits for {call} at {node}"))
        });
        let nodes = world.node_ids().map(|id| match world.process(id) {
            Some(process) => format!("{id} {process:?}"),
            None => format!("{id} down"),
        });
        waiting.chain(nodes).collect::<Vec<_>>().join("; ")
    }
}

impl<P: Process> fmt::Debug for Calls<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calls")
            .field("callers", &self.callers)
            .field("demands", &self.demands)
            .finish_non_exhaustive()
    }
}

/// What breaks a run.
pub(super) type Judgement = Result<(), Broken>;
