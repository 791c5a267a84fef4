//! The step of one node, worked out.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use snowglobe_systems::invariants::{Invariants, Violation};
use snowglobe_systems::process::{self, Durable, Effect, Effects, Input, NodeId, Process};

use super::super::state::{Member, MidStep};
use super::super::{Setting, Shared};
use super::{Cause, Values};
use crate::panics::guarded;

/// The step of one node, worked out.
#[derive(Debug)]
pub(in super::super) struct LocalStep<P: Process> {
    /// Who takes it.
    pub(in super::super) node: NodeId,
    /// The node before.
    pub(in super::super) before: Shared<Member<P>>,
    /// What makes it take the step.
    pub(in super::super) cause: Cause<P>,
    /// What it was told to choose: nothing means the first possibility of each.
    pub(in super::super) choices: Vec<u32>,
    /// The node when all effects are executed.
    pub(in super::super) after: Shared<Member<P>>,
    /// The same, as the step left it. A process may show those who watch it what it
    /// passed through, which makes no difference to what it is; of all nodes that
    /// are equal only one is kept.
    pub(in super::super) shown: Shared<Member<P>>,
    /// What it wants done.
    pub(in super::super) effects: Effects<P>,
    /// The messages among the effects, by place.
    pub(in super::super) sent: Vec<(usize, NodeId, Shared<P::Message>)>,
    /// Where a crash in the middle leaves something that no crash before or
    /// after the step leaves: so many effects are executed, and this is the disk then.
    pub(in super::super) crashes: Vec<(usize, Shared<Member<P>>)>,
    /// The disk after each write but the last, by the place of the write: what
    /// invariants see while the step is under way.
    disks: Vec<(usize, P::Durable)>,
    /// The place of the last write.
    last_write: Option<usize>,
    /// The setting lets the node be in the state after the step.
    pub(in super::super) is_within: bool,
    /// Nothing has changed, and nothing goes out.
    pub(in super::super) is_idle: bool,
    /// The process panicked, and said this.
    pub(in super::super) panic: Option<String>,
    /// Whether its marks were counted.
    told: AtomicBool,
    /// How a search took it: bit 0 as a whole, bit `n` with a crash at the n-th
    /// place of `crashes`. These are the edges of the local graph.
    taken: AtomicU64,
    /// What a search does about the message that it delivers, if it changes nothing.
    answer: AtomicU8,
    /// How often a search left it out.
    left_out: AtomicU64,
    /// It changes nothing but what invariants remember, so it is not left out.
    is_heard: AtomicBool,
}

/// Nobody has asked what becomes of the message.
const NOT_ASKED: u8 = 0;
/// It is left out.
const LEFT_OUT: u8 = 1;
/// It is late, and of use after further steps.
const LATE: u8 = 2;
/// It is of use within a few steps.
const IN_TIME: u8 = 3;

/// What a search does about a message that would change nothing now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Answer {
    /// It is kept, and counts under the cap.
    InTime,
    /// It is kept, and does not count.
    Late,
    /// It is left out.
    LeftOut,
}

impl<P: Process> LocalStep<P> {
    /// Notes that a search took it, with a crash at this place among `crashes` or as a whole.
    pub(in super::super) fn take(&self, crash: Option<usize>) {
        let bit = 1 << crash.map_or(0, |place| place + 1).min(63);
        if self.taken.load(Ordering::Relaxed) & bit == 0 {
            self.taken.fetch_or(bit, Ordering::Relaxed);
        }
    }

    /// All states to which a search came by taking it.
    pub(in super::super) fn reached(&self) -> impl Iterator<Item = &Shared<Member<P>>> {
        let taken = self.taken.load(Ordering::Relaxed);
        let is_taken = move |place: usize| taken & (1 << place.min(63)) != 0;
        let crashes = self.crashes.iter().zip(1..);
        let crashed = crashes.filter(move |(_, place)| is_taken(*place));
        let crashed = crashed.map(|((_, member), _)| member);
        let whole = is_taken(0).then_some(&self.after);
        whole.into_iter().chain(crashed)
    }

    /// What becomes of the message that it delivers, and changes nothing by it. Who
    /// asks first has to find out.
    pub(in super::super) fn ask(&self, find_out: impl FnOnce() -> Answer) -> Answer {
        let known = |answer| match answer {
            LEFT_OUT => Answer::LeftOut,
            LATE => Answer::Late,
            _ => Answer::InTime,
        };
        let answer = self.answer.load(Ordering::Relaxed);
        if answer != NOT_ASKED {
            return known(answer);
        }
        let found = find_out();
        let new = match found {
            Answer::InTime => IN_TIME,
            Answer::Late => LATE,
            Answer::LeftOut => LEFT_OUT,
        };
        let order = Ordering::Relaxed;
        match self.answer.compare_exchange(NOT_ASKED, new, order, order) {
            Ok(_) => found,
            // Another thread was faster.
            Err(answer) => known(answer),
        }
    }

    /// It is left out once more. Whether it is looked at again what the invariants hear of
    /// it: they may hear of it in one world around the node and not in another, so it
    /// is the first time, the second, the fourth, and so on.
    pub(in super::super) fn is_left_out_again(&self) -> bool {
        let times = self.left_out.fetch_add(1, Ordering::Relaxed) + 1;
        times.is_power_of_two()
    }

    /// Whether it was left out more than once.
    pub(in super::super) fn was_left_out_before(&self) -> bool {
        self.left_out.load(Ordering::Relaxed) > 1
    }

    /// Whether invariants are known to hear of it.
    pub(in super::super) fn is_heard(&self) -> bool {
        self.is_heard.load(Ordering::Relaxed)
    }

    /// Invariants hear of it.
    pub(in super::super) fn hear(&self) {
        self.is_heard.store(true, Ordering::Relaxed);
    }

    /// Whether the message that it delivers was left out.
    pub(in super::super) fn is_left_out(&self) -> bool {
        self.answer.load(Ordering::Relaxed) == LEFT_OUT
    }

    /// The message that it delivers is of use after all.
    pub(in super::super) fn take_up(&self) {
        self.answer.store(LATE, Ordering::Relaxed);
    }

    /// Whether this is the first time that it is asked.
    pub(in super::super) fn is_news(&self) -> bool {
        !self.told.load(Ordering::Relaxed) && !self.told.swap(true, Ordering::Relaxed)
    }

    /// The disk when so many effects were executed, as invariants see it.
    pub(in super::super) fn disk_after<'a>(
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
    pub(in super::super) fn tell<I: Invariants<P>>(
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
            process: self.shown.process.as_ref(),
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
    pub(in super::super) fn member_after(
        &self,
        before: &P::Durable,
        armed: &[P::Timer],
        effects: usize,
    ) -> Member<P> {
        let mut armed = armed.to_vec();
        for effect in &self.effects.as_slice()[..effects] {
            match effect {
                Effect::SetTimer { timer, .. } => {
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
    pub(in super::super) fn durable_after(
        &self,
        before: &P::Durable,
        effects: usize,
    ) -> P::Durable {
        let mut durable = before.clone();
        for effect in &self.effects.as_slice()[..effects] {
            if let Effect::Persist(write) = effect {
                durable.apply(write);
            }
        }
        durable
    }

    /// Works it out.
    pub(super) fn of<S>(
        setting: &S,
        values: &Values<P>,
        node: NodeId,
        before: &Shared<Member<P>>,
        cause: Cause<P>,
        choices: &[u32],
    ) -> Self
    where
        S: Setting<Process = P>,
    {
        let mut effects = Effects::told(choices);
        let mut process = before.process.clone();
        let outcome = take(setting, node, before, &cause, &mut process, &mut effects);
        let outcome = outcome.and_then(|()| receivers_exist(setting, node, &mut effects));
        let mut member = Member {
            process,
            durable: before.durable.clone(),
            armed: before.armed.clone(),
        };
        match &cause {
            Cause::Timeout(fired) => member.armed.retain(|timer| timer != fired),
            Cause::Crash => member.armed.clear(),
            _ => {}
        }
        let executed = Executed::by(&mut member, effects.as_slice(), values);
        let is_within = member
            .process
            .as_ref()
            .is_none_or(|now| setting.is_within(now));
        // Another choice may have another end.
        let chooses = !effects.chosen().is_empty();
        let says = executed.speaks || !executed.sent.is_empty();
        let is_idle = !chooses && !says && outcome.is_ok() && member == **before;
        let shown = Shared::new(member);
        let mut step = Self {
            node,
            before: before.clone(),
            cause,
            choices: choices.to_vec(),
            after: values.member(&shown),
            shown,
            effects,
            sent: executed.sent,
            crashes: Vec::new(),
            disks: executed.disks,
            last_write: executed.last_write,
            is_within,
            is_idle,
            panic: outcome.err(),
            told: AtomicBool::new(false),
            taken: AtomicU64::new(0),
            answer: AtomicU8::new(NOT_ASKED),
            left_out: AtomicU64::new(0),
            is_heard: AtomicBool::new(false),
        };
        if setting.may_crash(node) && setting.bounds().crashes > 0 {
            step.crashes = step.crash_points(values);
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
    fn crash_points(&self, values: &Values<P>) -> Vec<(usize, Shared<Member<P>>)> {
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
                    durable: self.durable_after(&self.before.durable, executed),
                    armed: Vec::new(),
                };
                (executed, values.member(&Shared::new(member)))
            })
            .collect()
    }
}

/// What the execution of all effects of a step leaves.
struct Executed<P: Process> {
    sent: Vec<(usize, NodeId, Shared<P::Message>)>,
    disks: Vec<(usize, P::Durable)>,
    last_write: Option<usize>,
    /// It writes, answers or tells something.
    speaks: bool,
}

impl<P: Process> Executed<P> {
    /// Executes them on a node.
    fn by(member: &mut Member<P>, effects: &[Effect<P>], values: &Values<P>) -> Self {
        let mut executed = Self {
            sent: Vec::new(),
            disks: Vec::new(),
            last_write: None,
            speaks: false,
        };
        for (place, effect) in effects.iter().enumerate() {
            match effect {
                Effect::Persist(write) => {
                    if let Some(last) = executed.last_write.replace(place) {
                        executed.disks.push((last, member.durable.clone()));
                    }
                    member.durable.apply(write);
                    executed.speaks = true;
                }
                Effect::Send { to, message } => {
                    let message = values.message(message.clone());
                    executed.sent.push((place, *to, message));
                }
                Effect::Return { .. } | Effect::Tell(_) => executed.speaks = true,
                Effect::SetTimer { timer, .. } => {
                    if let Err(place) = member.armed.binary_search(timer) {
                        member.armed.insert(place, *timer);
                    }
                }
                Effect::CancelTimer(timer) => member.armed.retain(|armed| armed != timer),
                Effect::Mark(_) => {}
            }
        }
        executed
    }
}

/// Lets the process take the step.
fn take<S: Setting>(
    setting: &S,
    node: NodeId,
    before: &Member<S::Process>,
    cause: &Cause<S::Process>,
    process: &mut Option<S::Process>,
    effects: &mut Effects<S::Process>,
) -> Result<(), String> {
    let input = match cause {
        Cause::Crash => {
            *process = None;
            return Ok(());
        }
        Cause::Start => {
            let config = &setting.configs()[node.position()];
            let durable = before.durable.clone();
            *process = Some(guarded(|| process::boot(node, config, durable, effects))?);
            return Ok(());
        }
        Cause::Receive(from, message) => Input::Receive {
            from: *from,
            message: (**message).clone(),
        },
        Cause::Timeout(timer) => Input::Timeout(*timer),
        Cause::Invoke(invocation, operation) => Input::Invoke {
            invocation: *invocation,
            operation: operation.clone(),
        },
    };
    match process {
        Some(process) => guarded(|| process::take(process, input, effects)),
        None => Ok(()),
    }
}

/// A message to nobody ends the way, as a panic does; then nothing of the step is done.
fn receivers_exist<S: Setting>(
    setting: &S,
    node: NodeId,
    effects: &mut Effects<S::Process>,
) -> Result<(), String> {
    let nodes = setting.configs().len();
    let wrong = effects.as_slice().iter().find_map(|effect| match effect {
        Effect::Send { to, .. } => process::wrong_receiver(node, *to, nodes),
        _ => None,
    });
    wrong.map_or(Ok(()), |why| {
        effects.clear();
        Err(why)
    })
}
