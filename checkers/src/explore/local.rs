//! The step of one node, whatever the others do.
//!
//! What a process does depends on its own state and on its input, so each
//! pair of these is worked out once, however many states of the world it occurs
//! in. There are few of them: some ten thousand in a world of millions of states.

use std::hash::Hash;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};

use hashbrown::HashTable;
use snowglobe_systems::digest::Digest;
use snowglobe_systems::invariants::{Invariants, Violation};
use snowglobe_systems::process::{Durable, Effect, Effects, Input, InvocationId, NodeId, Process};

use super::state::{Member, MidStep};
use super::{Setting, Shared};
use crate::panics::guarded;

/// What makes one node take a step, without the world around it.
pub(super) enum Stimulus<'a, P: Process> {
    /// It boots, for the first time or after a crash.
    Start,
    /// A message arrives.
    Receive(NodeId, &'a Shared<P::Message>),
    /// A timer fires.
    Timeout(P::Timer),
    /// A client calls.
    Invoke(InvocationId, &'a P::Operation),
}

impl<P: Process> Stimulus<'_, P> {
    fn digest(&self, node: NodeId, member: u64) -> u64 {
        let mut digest = Digest::new();
        digest.word(member);
        digest.word(u64::from(node.0));
        match self {
            Self::Start => digest.word(0),
            Self::Receive(from, message) => {
                digest.word(1 << 8 | u64::from(from.0));
                digest.word(message.digest());
            }
            Self::Timeout(timer) => {
                digest.word(2);
                timer.hash(&mut digest);
            }
            Self::Invoke(invocation, operation) => {
                digest.word(3);
                digest.word(invocation.0);
                operation.hash(&mut digest);
            }
        }
        digest.value()
    }
}

/// The step of one node, worked out.
#[derive(Debug)]
pub(super) struct LocalStep<P: Process> {
    /// The node when all effects are executed.
    pub(super) after: Shared<Member<P>>,
    /// What it wants done.
    pub(super) effects: Effects<P>,
    /// The messages among the effects, by place.
    pub(super) sent: Vec<(usize, NodeId, Shared<P::Message>)>,
    /// Where a crash in the middle leaves something that no crash before or
    /// after the step leaves: so many effects are executed, and this is the disk then.
    pub(super) crashes: Vec<(usize, Shared<Member<P>>)>,
    /// The disk after each write but the last, by the place of the write: what
    /// invariants see while the step is under way.
    disks: Vec<(usize, P::Durable)>,
    /// The place of the last write.
    last_write: Option<usize>,
    /// The setting lets the node be in the state after the step.
    pub(super) is_within: bool,
    /// Nothing has changed, and nothing goes out.
    pub(super) is_idle: bool,
    /// The process panicked, and said this.
    pub(super) panic: Option<String>,
    /// Whether its marks were counted.
    told: AtomicBool,
}

impl<P: Process> LocalStep<P> {
    /// Whether this is the first time that it is asked.
    pub(super) fn is_news(&self) -> bool {
        !self.told.load(Ordering::Relaxed) && !self.told.swap(true, Ordering::Relaxed)
    }

    /// The disk when so many effects were executed, as invariants see it.
    pub(super) fn disk_after<'a>(
        &'a self,
        before: &'a P::Durable,
        effects: usize,
    ) -> &'a P::Durable {
        match self.last_write {
            None => before,
            Some(last) if effects > last => &self.after.durable,
            Some(_) => self
                .disks
                .iter()
                .rev()
                .find(|(place, _)| *place < effects)
                .map_or(before, |(_, disk)| disk),
        }
    }

    /// Tells invariants of the step and of its first `executed` effects, all if
    /// none is said, while the world around is `nodes`. A promise that is broken
    /// comes with how many effects were executed by then.
    pub(super) fn tell<I: Invariants<P>>(
        &self,
        nodes: &[Shared<Member<P>>],
        (node, starts): (NodeId, bool),
        before: &P::Durable,
        executed: Option<usize>,
        invariants: &mut I,
    ) -> Result<(), (usize, Violation)> {
        let view = |executed| MidStep {
            nodes,
            node,
            process: self.after.process.as_ref(),
            durable: self.disk_after(before, executed),
        };
        let effects = self.effects.as_slice();
        let told = match starts {
            true => invariants.started(&view(0), node),
            false => invariants.stepped(&view(0), node, effects),
        };
        told.map_err(|violation| (0, violation))?;
        let executed = executed.unwrap_or(effects.len());
        for (effect, count) in effects[..executed].iter().zip(1..) {
            invariants
                .executed(&view(count), node, effect)
                .map_err(|violation| (count, violation))?;
        }
        Ok(())
    }

    /// The node when so many effects were executed, `armed` being the timers
    /// that were armed before any was.
    pub(super) fn member_after(
        &self,
        before: &P::Durable,
        armed: &[P::Timer],
        effects: usize,
    ) -> Member<P> {
        let mut armed = armed.to_vec();
        for effect in &self.effects.as_slice()[..effects] {
            match effect {
                Effect::SetTimer(timer) => {
                    if let Err(place) = armed.binary_search(timer) {
                        armed.insert(place, *timer);
                    }
                }
                Effect::CancelTimer(timer) => armed.retain(|other| other != timer),
                _ => {}
            }
        }
        Member {
            process: self.after.process.clone(),
            durable: self.disk_after(before, effects).clone(),
            armed,
        }
    }

    /// The disk when so many effects were executed.
    pub(super) fn durable_after(&self, before: &P::Durable, effects: usize) -> P::Durable {
        let mut durable = before.clone();
        for effect in &self.effects.as_slice()[..effects] {
            if let Effect::Persist(write) = effect {
                durable.apply(write);
            }
        }
        durable
    }

    fn of<S>(
        setting: &S,
        node: NodeId,
        before: &Shared<Member<P>>,
        stimulus: &Stimulus<'_, P>,
    ) -> Self
    where
        S: Setting<Process = P>,
    {
        let mut effects = Effects::new();
        let mut process = before.process.clone();
        let outcome = take(setting, node, before, stimulus, &mut process, &mut effects);
        let mut member = Member {
            process,
            durable: before.durable.clone(),
            armed: before.armed.clone(),
        };
        if let Stimulus::Timeout(fired) = stimulus {
            member.armed.retain(|timer| timer != fired);
        }
        let mut sent = Vec::new();
        let mut disks = Vec::new();
        let mut last_write = None;
        let mut speaks = false;
        for (place, effect) in effects.as_slice().iter().enumerate() {
            match effect {
                Effect::Persist(write) => {
                    if let Some(last) = last_write.replace(place) {
                        disks.push((last, member.durable.clone()));
                    }
                    member.durable.apply(write);
                    speaks = true;
                }
                Effect::Send { to, message } => {
                    sent.push((place, *to, Shared::new(message.clone())));
                }
                Effect::Return { .. } => speaks = true,
                Effect::SetTimer(timer) => {
                    if let Err(place) = member.armed.binary_search(timer) {
                        member.armed.insert(place, *timer);
                    }
                }
                Effect::CancelTimer(timer) => member.armed.retain(|armed| armed != timer),
                Effect::Mark(_) => {}
            }
        }
        let is_within = member
            .process
            .as_ref()
            .is_none_or(|now| setting.is_within(now));
        let is_idle = !speaks && sent.is_empty() && outcome.is_ok() && member == **before;
        let mut step = Self {
            after: Shared::new(member),
            effects,
            sent,
            crashes: Vec::new(),
            disks,
            last_write,
            is_within,
            is_idle,
            panic: outcome.err(),
            told: AtomicBool::new(false),
        };
        if setting.may_crash(node) && setting.bounds().crashes > 0 {
            step.crashes = step.crash_points(&before.durable);
        }
        step
    }

    /// After each effect that others notice, and before the last of them: a
    /// crash before the first is one in which the step was not taken, and one
    /// after the last is one after the step. Timers and marks are gone either way.
    ///
    /// Between two sends there is nothing to see: it is as if the crash came
    /// after both, and the second message never arrived. To part them would also
    /// tell nodes apart by the order in which they are sent to.
    fn crash_points(&self, before: &P::Durable) -> Vec<(usize, Shared<Member<P>>)> {
        let noticed = |effect: &Effect<P>| {
            matches!(
                effect,
                Effect::Persist(_) | Effect::Send { .. } | Effect::Return { .. }
            )
        };
        let effects = self.effects.as_slice();
        let places: Vec<usize> = (0..effects.len())
            .filter(|place| noticed(&effects[*place]))
            .map(|place| place + 1)
            .collect();
        let sends = |executed: usize| matches!(effects[executed - 1], Effect::Send { .. });
        places
            .windows(2)
            .filter(|pair| !(sends(pair[0]) && sends(pair[1])))
            .map(|pair| pair[0])
            .map(|executed| {
                let member = Member {
                    process: None,
                    durable: self.durable_after(before, executed),
                    armed: Vec::new(),
                };
                (executed, Shared::new(member))
            })
            .collect()
    }
}

/// Lets the process take the step.
fn take<S: Setting>(
    setting: &S,
    node: NodeId,
    before: &Member<S::Process>,
    stimulus: &Stimulus<'_, S::Process>,
    process: &mut Option<S::Process>,
    effects: &mut Effects<S::Process>,
) -> Result<(), String> {
    let input = match stimulus {
        Stimulus::Start => {
            let config = &setting.configs()[node.position()];
            let durable = before.durable.clone();
            *process = Some(guarded(|| {
                S::Process::start(node, config, durable, effects)
            })?);
            return Ok(());
        }
        Stimulus::Receive(from, message) => Input::Receive {
            from: *from,
            message: (***message).clone(),
        },
        Stimulus::Timeout(timer) => Input::Timeout(*timer),
        Stimulus::Invoke(invocation, operation) => Input::Invoke {
            invocation: *invocation,
            operation: (*operation).clone(),
        },
    };
    match process {
        Some(process) => guarded(|| process.step(input, effects)),
        None => Ok(()),
    }
}

/// The tables are split, so that threads seldom wait for each other.
const SHARDS: usize = 64;

type Table<P> = RwLock<HashTable<(u64, Arc<LocalStep<P>>)>>;

/// All steps that were worked out so far.
pub(super) struct LocalSteps<P: Process>(Vec<Table<P>>);

impl<P: Process> Default for LocalSteps<P> {
    fn default() -> Self {
        Self((0..SHARDS).map(|_| RwLock::default()).collect())
    }
}

impl<P: Process> LocalSteps<P> {
    /// The step of a node.
    pub(super) fn get<S: Setting<Process = P>>(
        &self,
        setting: &S,
        node: NodeId,
        before: &Shared<Member<P>>,
        stimulus: &Stimulus<'_, P>,
    ) -> Arc<LocalStep<P>> {
        let key = stimulus.digest(node, before.digest());
        let table = &self.0[key as usize % SHARDS];
        let find = |table: &HashTable<(u64, Arc<LocalStep<P>>)>| {
            let found = table.find(key, |(known, _)| *known == key);
            found.map(|(_, step)| Arc::clone(step))
        };
        let known = find(&table.read().expect("no step is worked out under the lock"));
        if let Some(step) = known {
            return step;
        }
        let step = Arc::new(LocalStep::of(setting, node, before, stimulus));
        let mut table = table.write().expect("no step is worked out under the lock");
        // Another thread may have been faster; then its step is the one that counts.
        if let Some(step) = find(&table) {
            return step;
        }
        table.insert_unique(key, (key, Arc::clone(&step)), |(key, _)| *key);
        step
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        let tables = self.0.iter();
        tables
            .map(|table| table.read().map_or(0, |table| table.len()))
            .sum()
    }
}
