//! What a step wants done.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::choice::{Choice, Chooser, Source};
use super::{Delay, Durable, InvocationId, NodeId, Process};

/// What a process wants done.
///
/// The engine executes effects one by one and in order, and may crash the node
/// between any two: `Persist` before `Send` is the durability contract.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect<P: Process> {
    /// Write a record to the disk, and sync it, before any later effect.
    Persist(<P::Durable as Durable>::Write),
    /// Send a message. It may be lost, late, or arrive twice.
    Send {
        /// The receiver; never the sender itself.
        to: NodeId,
        /// What to say.
        message: P::Message,
    },
    /// Arm a timer anew, with a fresh delay.
    SetTimer {
        /// Its name.
        timer: P::Timer,
        /// After how long it fires.
        delay: Delay,
    },
    /// Disarm a timer, if it is armed.
    CancelTimer(P::Timer),
    /// Answer a client's call, at most once.
    Return {
        /// The call that is answered.
        invocation: InvocationId,
        /// The answer.
        outcome: P::Outcome,
    },
    /// Say something to whoever hosts the process that is no answer to a call: a log tells its
    /// state machine what to apply. See [`Embeds`](crate::embeds::Embeds).
    Tell(P::Outcome),
    /// Something worth counting happened; a campaign names the marks that were never reached.
    Mark(&'static str),
}

/// The effects of a step, in the order of their execution, and what it chose.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Effects<P: Process> {
    list: Vec<Effect<P>>,
    /// Decides what the step chooses; none where the step must not choose.
    chooser: Option<Box<Chooser>>,
}

impl<P: Process> Default for Effects<P> {
    fn default() -> Self {
        Self {
            list: Vec::new(),
            chooser: None,
        }
    }
}

impl<P: Process> Effects<P> {
    /// No effects yet, of a step that does not choose.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// No effects yet, of a step that takes these choices, and after them the first possibility
    /// of each.
    #[must_use]
    pub fn told(choices: &[u32]) -> Self {
        let mut effects = Self::new();
        effects.choose_as(Source::Told(choices.to_vec()));
        effects
    }

    /// Chooses one of `of` possibilities, counted from 0, all equally likely. A simulation draws
    /// it from its seed; exploration follows each, so there should be few of them. Whatever else
    /// a process could ask a generator of random numbers, it would not be a function of its
    /// state and its input.
    ///
    /// # Panics
    /// If there is nothing to choose from, or whoever made these effects did not say how to
    /// choose: effects of a part are made with [`inside`](Self::inside).
    pub fn choose(&mut self, of: u32) -> u32 {
        assert!(of > 0, "some-possibility: a step chooses one of none");
        let chooser = self.chooser.as_mut().expect(
            "choices-come-from-the-engine: make effects with Effects::told or Effects::inside",
        );
        chooser.choose(of)
    }

    /// What the step chose so far.
    #[must_use]
    pub fn chosen(&self) -> &[Choice] {
        self.chooser.as_ref().map_or(&[], |chooser| &chooser.chosen)
    }

    /// How the next step chooses; for an engine, which keeps the memory.
    pub fn choose_as(&mut self, source: Source) {
        let chooser = self.chooser.get_or_insert_default();
        chooser.source = source;
        chooser.chosen.clear();
    }

    /// No effects yet, of a part of this process: it chooses as this one does. What it wants done
    /// and what it chose goes back by [`pass_on`](Self::pass_on).
    #[must_use]
    pub fn inside<Q: Process>(&mut self) -> Effects<Q> {
        Effects {
            list: Vec::new(),
            chooser: self.chooser.take(),
        }
    }

    /// What a part chose is what this process did, and it goes on to choose.
    pub(crate) fn take_choices_of<Q: Process>(&mut self, part: &mut Effects<Q>) {
        if let Some(chooser) = part.chooser.take() {
            self.chooser = Some(chooser);
        }
    }

    /// Adds an effect after all others.
    pub fn push(&mut self, effect: Effect<P>) {
        self.list.push(effect);
    }

    /// Answers a client's call.
    pub fn reply(&mut self, invocation: InvocationId, outcome: P::Outcome) {
        self.push(Effect::Return {
            invocation,
            outcome,
        });
    }

    /// Sends a message.
    pub fn send(&mut self, to: NodeId, message: P::Message) {
        self.push(Effect::Send { to, message });
    }

    /// Writes a record to the disk before any later effect.
    pub fn persist(&mut self, write: <P::Durable as Durable>::Write) {
        self.push(Effect::Persist(write));
    }

    /// Arms a timer anew.
    ///
    /// # Panics
    /// If the range of its delay runs backwards.
    pub fn set_timer(&mut self, timer: P::Timer, delay: impl Into<Delay>) {
        let delay = delay.into();
        self.push(Effect::SetTimer { timer, delay });
    }

    /// Disarms a timer, if it is armed.
    pub fn cancel_timer(&mut self, timer: P::Timer) {
        self.push(Effect::CancelTimer(timer));
    }

    /// Says something to whoever hosts this process.
    pub fn tell(&mut self, outcome: P::Outcome) {
        self.push(Effect::Tell(outcome));
    }

    /// Notes that a named situation was reached.
    pub fn mark(&mut self, mark: &'static str) {
        self.push(Effect::Mark(mark));
    }

    /// The effects so far.
    #[must_use]
    pub fn as_slice(&self) -> &[Effect<P>] {
        &self.list
    }

    /// Forgets all effects and keeps the memory, for an engine's next step.
    pub fn clear(&mut self) {
        self.list.clear();
    }

    /// Takes the effects out, in order, and keeps the memory.
    pub fn drain(&mut self) -> impl Iterator<Item = Effect<P>> + '_ {
        self.list.drain(..)
    }
}

/// By value, in order, for a host that awaits between them.
impl<P: Process> IntoIterator for Effects<P> {
    type Item = Effect<P>;
    type IntoIter = alloc::vec::IntoIter<Effect<P>>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use crate::ledger::Ledger;
    use crate::replica::Replica;

    use super::*;

    type Whole = Effects<Replica<Ledger>>;

    #[test]
    #[should_panic(expected = "choices-come-from-the-engine: make effects")]
    fn who_was_not_told_how_to_choose_does_not() {
        Whole::new().choose(2);
    }

    #[test]
    #[should_panic(expected = "some-possibility: a step")]
    fn there_must_be_something_to_choose() {
        Whole::told(&[]).choose(0);
    }

    /// A part goes on where the whole was, and the whole where the part was.
    #[test]
    fn a_part_chooses_as_its_whole_does() {
        let mut whole = Whole::told(&[1, 2, 3]);
        assert_eq!(whole.choose(4), 1);
        let mut part: Effects<Replica<Ledger>> = whole.inside();
        assert_eq!(part.choose(4), 2);
        whole.take_choices_of(&mut part);
        assert_eq!(whole.choose(4), 3);
        assert_eq!(whole.choose(4), 0, "nothing was said of this one");
        let taken: Vec<u32> = whole.chosen().iter().map(|it| it.taken).collect();
        assert_eq!(taken, [1, 2, 3, 0]);
    }
}
