//! Understands the sentences that all stories share.

use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::ops::Range;
use std::slice::Iter;
use std::time::Duration;

use snowglobe_systems::invariants::Invariants;
use snowglobe_systems::process::Process;

use super::Teller;
use super::cast::{Cast, Name};
use crate::draw::{PerMillion, PerMillionError};
use crate::faults::Fault;
use crate::scenarios::file::parse_range;
use crate::time::parse_duration;

/// A sentence, and what it means.
#[derive(Clone, Debug)]
pub(super) struct Line<S> {
    pub(super) text: String,
    pub(super) sentence: Sentence<S>,
}

#[derive(Clone, Debug)]
pub(super) enum Sentence<S> {
    Wait(Range<Duration>),
    /// A fault, with names that are looked up when it happens.
    Fault(Vec<String>),
    Repeat(usize, Vec<Line<S>>),
    Sometimes(PerMillion, Box<Line<S>>),
    If(Count, Box<Line<S>>),
    Let(String, Name),
    Measure,
    Check(Count),
    Own(S),
}

/// How many there are of something, or have been since `measure`.
#[derive(Clone, Debug)]
pub(super) struct Count {
    pub(super) bound: Bound,
    pub(super) amount: u64,
    pub(super) of: Counted,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Bound {
    AtMost,
    AtLeast,
    Exactly,
}

#[derive(Clone, Debug)]
pub(super) enum Counted {
    Messages,
    Bytes,
    Mark(&'static str),
    Nodes(Name),
}

/// Stands for a node that a name will mean; no cluster has it.
const STAND_IN: usize = 200;

/// What is known while a story is being understood.
pub(super) struct Reader<'a, P, I, T> {
    teller: &'a T,
    nodes: usize,
    /// Names that earlier sentences gave.
    given: BTreeSet<String>,
    of: PhantomData<fn() -> (P, I)>,
}

type Lines<P, I, T> = Vec<Line<<T as Teller<P, I>>::Sentence>>;

impl<'a, P: Process, I: Invariants<P>, T: Teller<P, I>> Reader<'a, P, I, T> {
    pub(super) fn new(teller: &'a T, nodes: usize) -> Self {
        Self {
            teller,
            nodes,
            given: BTreeSet::new(),
            of: PhantomData,
        }
    }

    /// Understands sentences up to the end of the story, or of a repetition.
    pub(super) fn lines(
        &mut self,
        lines: &mut Iter<'_, String>,
        inside: bool,
    ) -> Result<Lines<P, I, T>, String> {
        let mut body = Vec::new();
        while let Some(line) = lines.next() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let of_line = |why| format!("story: {line:?}: {why}");
            match words.as_slice() {
                ["end"] if inside => return Ok(body),
                ["repeat", times] => {
                    let times = times.parse().ok().filter(|times| *times > 0);
                    let times = times
                        .ok_or_else(|| of_line("expected a positive repeat count".to_owned()))?;
                    body.push(Line {
                        text: line.clone(),
                        sentence: Sentence::Repeat(times, self.lines(lines, true)?),
                    });
                }
                words => body.push(self.line(words).map_err(of_line)?),
            }
        }
        match inside {
            true => Err("story: a repeat has no end".to_owned()),
            false => Ok(body),
        }
    }

    fn line(&mut self, words: &[&str]) -> Result<Line<T::Sentence>, String> {
        Ok(Line {
            sentence: self.sentence(words)?,
            text: words.join(" "),
        })
    }

    fn sentence(&mut self, words: &[&str]) -> Result<Sentence<T::Sentence>, String> {
        match words {
            [] => Err("an empty sentence".to_owned()),
            ["wait", time] => Ok(Sentence::Wait(match time.contains("..") {
                true => parse_range(time)?,
                false => {
                    let exact = read_time(time)?;
                    exact..exact
                }
            })),
            ["sometimes", chance, rest @ ..] => {
                let chance = chance
                    .parse()
                    .map_err(|why: PerMillionError| why.to_string())?;
                Ok(Sentence::Sometimes(chance, Box::new(self.line(rest)?)))
            }
            ["if", rest @ ..] => {
                let (count, rest) = self
                    .count(rest)?
                    .ok_or("write it as: if at most 2 $up restart $down.1")?;
                Ok(Sentence::If(count, Box::new(self.line(rest)?)))
            }
            ["let", name, "=", of] => {
                let of = self
                    .name(of)?
                    .ok_or_else(|| format!("{of:?} is not a name; write it as $leader"))?;
                self.give(name)?;
                Ok(Sentence::Let((*name).to_owned(), of))
            }
            ["measure"] => Ok(Sentence::Measure),
            words => self.other(words),
        }
    }

    /// A count, a fault or one of the system's own sentences.
    fn other(&self, words: &[&str]) -> Result<Sentence<T::Sentence>, String> {
        if let Some((count, rest)) = self.count(words)? {
            return match rest {
                [] => Ok(Sentence::Check(count)),
                _ => Err(format!("{:?} says too much", rest.join(" "))),
            };
        }
        for word in words {
            self.name(word)?;
        }
        match self.fault(words) {
            Ok(fault) => Ok(fault),
            Err(no_fault) => self
                .teller
                .understand(words)
                .map(Sentence::Own)
                .map_err(|why| format!("{why}; nor is it a fault: {no_fault}")),
        }
    }

    /// A name that somebody can be meant by; `None` if the word is not a name.
    fn name(&self, word: &str) -> Result<Option<Name>, String> {
        let Some(name) = Name::read(word).transpose()? else {
            return Ok(None);
        };
        if !self.is_known(&name.of) && !self.given.contains(&name.of) {
            return Err(format!("nobody is called {word:?}"));
        }
        match name.many {
            Some(many) if many > self.nodes => {
                Err(format!("{word:?} are more than the {} nodes", self.nodes))
            }
            _ => Ok(Some(name)),
        }
    }

    fn is_known(&self, name: &str) -> bool {
        Cast::knows(name) || self.teller.names().contains(&name)
    }

    fn give(&mut self, name: &str) -> Result<(), String> {
        if self.is_known(name) || !name.chars().all(|letter| letter.is_ascii_alphanumeric()) {
            return Err(format!("{name:?} cannot be given as a name"));
        }
        self.given.insert(name.to_owned());
        Ok(())
    }

    /// The count at the beginning of some words, and the words after it.
    fn count<'b, 'c>(
        &self,
        words: &'b [&'c str],
    ) -> Result<Option<(Count, &'b [&'c str])>, String> {
        let (bound, amount, what, rest) = match words {
            ["at", "most", amount, what, rest @ ..] => (Bound::AtMost, amount, what, rest),
            ["at", "least", amount, what, rest @ ..] => (Bound::AtLeast, amount, what, rest),
            ["exactly", amount, what, rest @ ..] => (Bound::Exactly, amount, what, rest),
            _ => return Ok(None),
        };
        let amount = amount
            .parse()
            .map_err(|_| format!("{amount:?} is not a number"))?;
        let of =
            match (*what, self.name(what)?) {
                ("messages", _) => Counted::Messages,
                ("bytes", _) => Counted::Bytes,
                (_, Some(name)) => Counted::Nodes(name),
                (mark, None) => {
                    let marks = self.teller.marks().into_iter();
                    let known = marks.chain(crate::world::MARKS.iter().copied());
                    Counted::Mark(known.into_iter().find(|known| *known == mark).ok_or_else(
                        || {
                            format!(
                                "{mark:?} cannot be counted; messages, bytes, names and marks can"
                            )
                        },
                    )?)
                }
            };
        Ok(Some((Count { bound, amount, of }, rest)))
    }

    /// Tries whether the words are a fault, with any node in the place of names.
    fn fault(&self, words: &[&str]) -> Result<Sentence<T::Sentence>, String> {
        let tried: Vec<String> = words
            .iter()
            .enumerate()
            .map(|(place, word)| match word.starts_with('$') {
                true => format!("n{}", STAND_IN + place % 50),
                false => (*word).to_owned(),
            })
            .collect();
        let fault: Fault = tried.join(" ").parse().map_err(|why| format!("{why}"))?;
        let strangers = self.nodes..STAND_IN - 1;
        let mut named = fault.nodes().into_iter();
        if let Some(stranger) = named.find(|id| strangers.contains(&id.position())) {
            return Err(format!("there is no {stranger} among {} nodes", self.nodes));
        }
        Ok(Sentence::Fault(
            words.iter().map(|word| (*word).to_owned()).collect(),
        ))
    }
}

/// Reads the name of nodes in a system's own sentence.
///
/// # Errors
/// A line that says what is wrong with it.
pub fn read_name(word: &str) -> Result<Name, String> {
    Name::read(word).ok_or_else(|| format!("{word:?} is not a name; write it as $leader"))?
}

/// Reads how long something in a system's own sentence takes.
///
/// # Errors
/// A line that says what is wrong with it.
pub fn read_time(word: &str) -> Result<Duration, String> {
    parse_duration(word).map_err(|why| why.to_string())
}

/// No story needs more of anything.
const MOST: u64 = 1_000_000;

/// Reads how many there are of something in a system's own sentence.
///
/// # Errors
/// A line that says what is wrong with it.
pub fn read_number(word: &str) -> Result<u64, String> {
    match word.parse() {
        Ok(number @ 0..=MOST) => Ok(number),
        Ok(_) => Err(format!("{word} is too many; {MOST} is the most")),
        Err(_) => Err(format!("{word:?} is not a number")),
    }
}
