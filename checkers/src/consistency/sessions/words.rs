//! A circle in words.

use super::cycles::{Because, Hop};
use super::versions::{Deed, Event, FIRST, Versions};
use super::view::ReadWrite;
use crate::history::{History, OperationIndex};

/// What a circle of one key can be told from.
pub(super) struct Teller<'a, S: ReadWrite> {
    pub(super) specification: &'a S,
    pub(super) history: &'a History<S::Input, S::Output>,
    pub(super) versions: &'a Versions<S::State>,
}

impl<S: ReadWrite> Teller<'_, S> {
    /// The operations along a circle, and why no order has it.
    pub(super) fn tell(&self, hops: &[Hop]) -> (Vec<OperationIndex>, String) {
        let hops = &self.starting_with_a_session(hops)[..];
        let mut witness = Vec::new();
        let mut parts = Vec::<String>::new();
        for place in 0..hops.len() {
            let before = hops[(place + hops.len() - 1) % hops.len()];
            let (operations, part) = self.part(before, hops[place]);
            match parts.last_mut() {
                Some(last) if place > 0 && self.goes_on(before, hops[place]) => {
                    // A swap may be a whole step by itself; then it was told already.
                    if let [_, later] = &operations[..] {
                        last.push_str(", then ");
                        last.push_str(&self.did(*later));
                    }
                }
                _ => parts.extend(part),
            }
            witness.extend(operations);
        }
        let mut told = Vec::new();
        for operation in witness {
            if !told.contains(&operation) {
                told.push(operation);
            }
        }
        // What was found on the way may itself be without an answer.
        let mut place = 0;
        while let Some(operation) = told.get(place).copied() {
            place += 1;
            if let Some(proof) = self.proof(operation, &told) {
                told.push(proof);
                let (done, seen) = (self.did(operation), self.who_did(proof));
                parts.push(format!("{done} has no answer, but happened: {seen}"));
            }
        }
        let why = format!("{}. {}", parts.join("; "), self.so(hops));
        (told, why)
    }

    /// The same circle, told from where a session begins in it, the earliest if
    /// there are several.
    fn starting_with_a_session(&self, hops: &[Hop]) -> Vec<Hop> {
        let begins = |place: usize| {
            let before = hops[(place + hops.len() - 1) % hops.len()];
            let (first, _) = self.ends(hops[place]);
            let first = first.filter(|_| !self.goes_on(before, hops[place]));
            first.map(|first| (first.operation, place))
        };
        let start = (0..hops.len()).filter_map(begins).min();
        let (end, start) = hops.split_at(start.map_or(0, |(_, place)| place));
        [start, end].concat()
    }

    /// Whether a step begins with the operation that the one before it ended with.
    fn goes_on(&self, before: Hop, hop: Hop) -> bool {
        match (self.ends(before), self.ends(hop)) {
            ((_, Some(last)), (Some(first), _)) => last.operation == first.operation,
            _ => false,
        }
    }

    /// Of an operation without an answer: who saw that it happened, if none of
    /// these did.
    fn proof(&self, operation: OperationIndex, told: &[OperationIndex]) -> Option<OperationIndex> {
        let Versions {
            made,
            sessions,
            facts,
        } = self.versions;
        if self.history.operation(operation).output().is_some() {
            return None;
        }
        let version = made.iter().position(|(by, _)| *by == Some(operation))?;
        let shows = |event: &&Event| {
            let longer = version < event.version && event.version <= facts.grown.len();
            event.deed == Deed::Saw && (event.version == version || longer)
        };
        let who = || sessions.iter().flatten().filter(shows);
        if who().any(|event| told.contains(&event.operation)) {
            return None;
        }
        who().map(|event| event.operation).min()
    }

    /// One step of a circle, given the one before it: its operations, and what they did.
    fn part(&self, before: Hop, hop: Hop) -> (Vec<OperationIndex>, Option<String>) {
        let facts = &self.versions.facts;
        match hop.because {
            Because::First => (Vec::new(), None),
            Because::Swap(number) => {
                let swap = facts.swaps[number].operation;
                // It may be a part of the session that is told before it.
                let (.., last) = self.ends(before);
                let told = last.is_some_and(|last| last.operation == swap);
                (vec![swap], (!told).then(|| self.who_did(swap)))
            }
            Because::Session { .. } => {
                let (Some(earlier), Some(later)) = self.ends(hop) else {
                    return (Vec::new(), None);
                };
                let mut part = self.who_did(earlier.operation);
                if earlier.operation == later.operation {
                    return (vec![earlier.operation], Some(part));
                }
                part.push_str(", then ");
                part.push_str(&self.did(later.operation));
                (vec![earlier.operation, later.operation], Some(part))
            }
            Because::Text => {
                // Who saw just this version saw that the other was not there yet.
                if self.lacks(before) {
                    return (Vec::new(), None);
                }
                let grown = facts.grown.iter();
                let both = grown.clone().find(|grown| grown.version == hop.to);
                // If the other is nowhere, the longest text lacks it as well.
                match both.or(grown.last()) {
                    Some(read) => (vec![read.seen_by], Some(self.who_did(read.seen_by))),
                    None => (Vec::new(), None),
                }
            }
        }
    }

    /// What a circle comes to.
    fn so(&self, hops: &[Hop]) -> String {
        match hops {
            [only] => {
                let name = self.name(only.to);
                return format!("It saw {name} before it wrote it.");
            }
            [one, other] => {
                for (before, fact) in [(one, other), (other, one)] {
                    if fact.because == Because::First {
                        let first = self.name(FIRST);
                        return format!("But {first} is what was there before any write.");
                    }
                    if fact.because == Because::Text && self.lacks(*before) {
                        return format!("But {} is not there yet.", self.name(fact.to));
                    }
                }
            }
            _ => {}
        }
        let mut steps: Vec<_> = hops
            .iter()
            .map(|hop| format!("before {}", self.name(hop.to)))
            .collect();
        for (step, hop) in steps.iter_mut().zip(hops).skip(1) {
            *step = format!("{} {step}", self.name(hop.from));
        }
        let last = steps.pop().unwrap_or_default();
        let first = self.name(hops[0].from);
        format!("So {first} would come {}, and {last}.", steps.join(", "))
    }

    /// The two events that a step of a session leads between.
    fn ends(&self, hop: Hop) -> (Option<Event>, Option<Event>) {
        let Because::Session {
            line,
            earlier,
            later,
        } = hop.because
        else {
            return (None, None);
        };
        let session = &self.versions.sessions[line];
        (Some(session[earlier]), Some(session[later]))
    }

    /// Whether a step ends with a look at a text, which then lacks all that came later.
    fn lacks(&self, hop: Hop) -> bool {
        let (.., last) = self.ends(hop);
        last.is_some_and(|event| event.deed == Deed::Saw)
    }

    /// A version in words: its value, or what was appended.
    fn name(&self, version: usize) -> String {
        let (_, value) = &self.versions.made[version];
        self.specification.describe_state(value)
    }

    fn did(&self, operation: OperationIndex) -> String {
        let operation = self.history.operation(operation);
        self.specification
            .describe_operation(&operation.input, operation.output())
    }

    fn who_did(&self, operation: OperationIndex) -> String {
        let client = self.history.operation(operation).client;
        format!("{client} {}", self.did(operation))
    }
}
