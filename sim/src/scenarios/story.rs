//! Told scenarios: sentences that happen one after the other.
//!
//! A system brings a [`Teller`], which knows its own sentences ("leader within
//! 5s") and whom a name like `$leader` means. What all stories share is here:
//!
//! - a fault in the words of a schedule, without its time: `crash $leader losing unsynced`;
//! - `wait 2s`, or `wait 0ms..13ms` for a draw;
//! - `repeat 10` up to its `end`;
//! - `sometimes 10% SENTENCE`;
//! - `let old = $leader`, to speak of the same node later;
//! - `measure`, from which `at most 42 messages` and `at most 65000 bytes` count.
//!
//! A name that means several nodes stands for each of them in turn, and within
//! a partition for all of them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use snowglobe_systems::invariants::{Invariants, Violation};
use snowglobe_systems::process::{InvocationId, NodeId, Process};

use super::file::{Scenario, parse_range};
use super::stuck;
use crate::draw::{Draw, PerMillion, Purpose, Streams};
use crate::faults::Fault;
use crate::time::parse_duration;
use crate::world::{Broken, Director, World};

/// How far a sentence has come.
#[derive(Debug)]
pub enum Deed {
    /// It is done; the next one begins.
    Done,
    /// It goes on.
    Waits,
    /// What it says is not so.
    Fails(Broken),
}

/// A system's own sentences.
pub trait Teller<P: Process, I: Invariants<P>>: Send + 'static {
    /// One sentence, understood.
    type Sentence: Clone + Send + 'static;

    /// Understands a sentence.
    ///
    /// # Errors
    /// A line that says what is wrong with it.
    fn understand(&self, words: &[&str]) -> Result<Self::Sentence, String>;
    /// Begins a sentence.
    fn begin(&mut self, world: &mut World<P, I>, sentence: &Self::Sentence, cast: &mut Cast);
    /// Looks again at a sentence that was begun.
    fn look(&mut self, world: &mut World<P, I>, sentence: &Self::Sentence, cast: &mut Cast)
    -> Deed;
    /// A call of this teller was answered.
    fn returned(&mut self, world: &mut World<P, I>, invocation: InvocationId, outcome: P::Outcome);
    /// Whom one of the system's own names means now; `None` if it is not one of its names.
    fn who(&self, world: &World<P, I>, name: &str) -> Option<Vec<NodeId>>;
}

/// Who is meant by which name, and the dice of the story.
#[derive(Debug)]
pub struct Cast {
    names: BTreeMap<String, Vec<NodeId>>,
    /// The story's own dice.
    pub draw: Draw,
}

#[derive(Clone, Debug)]
enum Sentence<S> {
    Wait(Range<Duration>),
    /// A fault, with names that are looked up when it happens.
    Fault(Vec<String>),
    Repeat(usize, Vec<Sentence<S>>),
    Sometimes(PerMillion, Box<Sentence<S>>),
    Let(String, String),
    Measure,
    Limit(Limit),
    Own(S),
}

/// What may be counted since `measure`.
#[derive(Clone, Copy, Debug)]
struct Limit {
    at_most: bool,
    amount: u64,
    of: Measured,
}

#[derive(Clone, Copy, Debug)]
enum Measured {
    Messages,
    Bytes,
}

/// A body of sentences that is being told.
#[derive(Debug)]
struct Frame<S> {
    body: Vec<Sentence<S>>,
    next: usize,
    rounds_left: usize,
}

#[derive(Debug)]
enum Current<S> {
    Nothing,
    Waiting,
    Own(S),
}

/// Tells a story.
#[derive(Debug)]
pub struct Story<P: Process, I: Invariants<P>, T: Teller<P, I>> {
    teller: T,
    cast: Cast,
    frames: Vec<Frame<T::Sentence>>,
    current: Current<T::Sentence>,
    /// Messages and bytes that had been sent at the last `measure`.
    measured: (u64, u64),
    over: bool,
    of: std::marker::PhantomData<fn() -> (P, I)>,
}

/// Sentences are looked at again at least this often.
const TICK: Duration = Duration::from_millis(2);
const TICK_TOKEN: u64 = 1;
const WAITED_TOKEN: u64 = 2;

impl<P: Process, I: Invariants<P>, T: Teller<P, I>> Story<P, I, T> {
    /// The story of a scenario.
    ///
    /// # Errors
    /// A line that names the sentence that is not understood.
    pub fn new(scenario: &Scenario, teller: T) -> Result<Self, String> {
        let mut lines = scenario.story.iter();
        let body = understand(&teller, scenario.nodes, &mut lines, false)?;
        let draw = Streams::new(scenario.seed).open(Purpose::Workload(0));
        Ok(Self {
            teller,
            cast: Cast {
                names: BTreeMap::new(),
                draw,
            },
            frames: vec![Frame {
                body,
                next: 0,
                rounds_left: 1,
            }],
            current: Current::Nothing,
            measured: (0, 0),
            over: false,
            of: std::marker::PhantomData,
        })
    }

    /// Tells on until a sentence has to wait.
    fn tell(&mut self, world: &mut World<P, I>) {
        while world.breakage().is_none() {
            match &self.current {
                Current::Waiting => return,
                Current::Own(sentence) => {
                    let sentence = sentence.clone();
                    match self.teller.look(world, &sentence, &mut self.cast) {
                        Deed::Waits => return,
                        Deed::Fails(broken) => return world.breaks(broken),
                        Deed::Done => self.current = Current::Nothing,
                    }
                }
                Current::Nothing => match self.next_sentence() {
                    None => {
                        self.over = true;
                        return;
                    }
                    Some(sentence) => self.begin(world, sentence),
                },
            }
        }
    }

    fn next_sentence(&mut self) -> Option<Sentence<T::Sentence>> {
        loop {
            let frame = self.frames.last_mut()?;
            if let Some(sentence) = frame.body.get(frame.next) {
                frame.next += 1;
                return Some(sentence.clone());
            }
            frame.rounds_left -= 1;
            frame.next = 0;
            if frame.rounds_left == 0 {
                self.frames.pop();
            }
        }
    }

    fn begin(&mut self, world: &mut World<P, I>, sentence: Sentence<T::Sentence>) {
        match sentence {
            Sentence::Wait(range) => {
                let pause = self.cast.draw.duration(range);
                world.alarm(pause, WAITED_TOKEN);
                self.current = Current::Waiting;
            }
            Sentence::Repeat(rounds_left, body) => self.frames.push(Frame {
                body,
                next: 0,
                rounds_left,
            }),
            Sentence::Sometimes(chance, sentence) => {
                if self.cast.draw.chance(chance) {
                    self.begin(world, *sentence);
                }
            }
            Sentence::Let(name, of) => {
                let nodes = self.who(world, &of);
                self.cast.names.insert(name, nodes);
            }
            Sentence::Measure => {
                let counters = world.counters();
                self.measured = (counters.sent, counters.bytes_sent);
            }
            Sentence::Limit(limit) => self.check(world, limit),
            Sentence::Fault(words) => self.strike(world, &words),
            Sentence::Own(sentence) => {
                self.teller.begin(world, &sentence, &mut self.cast);
                self.current = Current::Own(sentence);
            }
        }
    }

    fn check(&self, world: &mut World<P, I>, limit: Limit) {
        let counters = world.counters();
        let (used, what) = match limit.of {
            Measured::Messages => (counters.sent - self.measured.0, "messages"),
            Measured::Bytes => (counters.bytes_sent - self.measured.1, "bytes"),
        };
        let (word, fits) = match limit.at_most {
            true => ("at most", used <= limit.amount),
            false => ("at least", used >= limit.amount),
        };
        if !fits {
            world.breaks(Broken::Safety(Violation::new(
                "limit",
                [],
                format!("{word} {} {what}", limit.amount),
                used.to_string(),
            )));
        }
    }

    fn who(&mut self, world: &World<P, I>, name: &str) -> Vec<NodeId> {
        if let Some(nodes) = self.teller.who(world, name) {
            return nodes;
        }
        if let Some(nodes) = self.cast.names.get(name) {
            return nodes.clone();
        }
        if let Some(many) = name.strip_prefix("any") {
            let many = many.parse().unwrap_or(1).min(world.size());
            let places = self.cast.draw.sample(many, world.size());
            return places.into_iter().map(NodeId::at).collect();
        }
        match name {
            "all" => world.node_ids().collect(),
            "up" => world
                .node_ids()
                .filter(|id| world.is_running(*id))
                .collect(),
            "down" => world
                .node_ids()
                .filter(|id| world.process(*id).is_none())
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Puts nodes in place of names, and lets the fault happen.
    fn strike(&mut self, world: &mut World<P, I>, words: &[String]) {
        let within_groups = words[0] == "partition" || words[0] == "bridge" || words[0] == "ring";
        let mut sentences = vec![Vec::new()];
        for word in words {
            let Some(name) = word.strip_prefix('$') else {
                sentences
                    .iter_mut()
                    .for_each(|words| words.push(word.clone()));
                continue;
            };
            let nodes: Vec<String> = self
                .who(world, name)
                .iter()
                .map(ToString::to_string)
                .collect();
            if within_groups {
                sentences[0].extend(nodes);
            } else {
                sentences = nodes
                    .iter()
                    .flat_map(|node| {
                        sentences.iter().map(move |words: &Vec<String>| {
                            words.iter().chain([node]).cloned().collect()
                        })
                    })
                    .collect();
            }
        }
        for words in sentences {
            match words.join(" ").parse::<Fault>() {
                Ok(fault) => world.apply_fault(&fault),
                Err(why) => world.breaks(stuck(
                    "story",
                    "a fault that makes sense".to_owned(),
                    why.to_string(),
                )),
            }
        }
    }
}

impl<P: Process, I: Invariants<P>, T: Teller<P, I>> Director<P, I> for Story<P, I, T> {
    fn begin(&mut self, world: &mut World<P, I>) {
        world.phase("story");
        world.alarm(TICK, TICK_TOKEN);
    }

    fn alarm(&mut self, world: &mut World<P, I>, token: u64) {
        match token {
            TICK_TOKEN => world.alarm(TICK, TICK_TOKEN),
            _ => self.current = Current::Nothing,
        }
    }

    fn returned(&mut self, world: &mut World<P, I>, invocation: InvocationId, outcome: P::Outcome) {
        self.teller.returned(world, invocation, outcome);
    }

    fn is_over(&mut self, world: &mut World<P, I>) -> bool {
        self.tell(world);
        self.over
    }
}

/// Understands sentences up to the end of the story, or of a repetition.
fn understand<P: Process, I: Invariants<P>, T: Teller<P, I>>(
    teller: &T,
    nodes: usize,
    lines: &mut std::slice::Iter<'_, String>,
    inside: bool,
) -> Result<Vec<Sentence<T::Sentence>>, String> {
    let mut body = Vec::new();
    while let Some(line) = lines.next() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["end"] if inside => return Ok(body),
            ["repeat", times] => {
                let times = times
                    .parse()
                    .ok()
                    .filter(|times| *times > 0)
                    .ok_or_else(|| {
                        format!("story: {line:?}: {times:?} is not a number of rounds")
                    })?;
                body.push(Sentence::Repeat(
                    times,
                    understand(teller, nodes, lines, true)?,
                ));
            }
            words => body
                .push(one(teller, nodes, words).map_err(|why| format!("story: {line:?}: {why}"))?),
        }
    }
    match inside {
        true => Err("story: a repeat has no end".to_owned()),
        false => Ok(body),
    }
}

fn one<P: Process, I: Invariants<P>, T: Teller<P, I>>(
    teller: &T,
    nodes: usize,
    words: &[&str],
) -> Result<Sentence<T::Sentence>, String> {
    match words {
        [] => Err("an empty sentence".to_owned()),
        ["wait", time] => Ok(Sentence::Wait(match time.contains("..") {
            true => parse_range(time)?,
            false => {
                let exact = parse_duration(time).map_err(|why| why.to_string())?;
                exact..exact
            }
        })),
        ["sometimes", chance, rest @ ..] => {
            let chance = chance
                .parse()
                .map_err(|why: crate::draw::PerMillionError| why.to_string())?;
            Ok(Sentence::Sometimes(
                chance,
                Box::new(one(teller, nodes, rest)?),
            ))
        }
        ["let", name, "=", of] => match of.strip_prefix('$') {
            Some(of) => Ok(Sentence::Let((*name).to_owned(), of.to_owned())),
            None => Err(format!("{of:?} is not a name; write it as $leader")),
        },
        ["measure"] => Ok(Sentence::Measure),
        [
            "at",
            bound @ ("most" | "least"),
            amount,
            what @ ("messages" | "bytes"),
        ] => Ok(Sentence::Limit(Limit {
            at_most: *bound == "most",
            amount: amount
                .parse()
                .map_err(|_| format!("{amount:?} is not a number"))?,
            of: match *what {
                "messages" => Measured::Messages,
                _ => Measured::Bytes,
            },
        })),
        words => match fault(nodes, words) {
            Ok(fault) => Ok(fault),
            Err(no_fault) => teller
                .understand(words)
                .map(Sentence::Own)
                .map_err(|why| format!("{why}; nor is it a fault: {no_fault}")),
        },
    }
}

/// Tries whether the words are a fault, with any node in the place of names.
fn fault<S>(nodes: usize, words: &[&str]) -> Result<Sentence<S>, String> {
    let tried: Vec<&str> = words
        .iter()
        .map(|word| if word.starts_with('$') { "n1" } else { *word })
        .collect();
    let fault: Fault = tried.join(" ").parse().map_err(|why| format!("{why}"))?;
    if let Some(stranger) = fault.nodes().iter().find(|id| id.position() >= nodes) {
        return Err(format!("there is no {stranger} among {nodes} nodes"));
    }
    Ok(Sentence::Fault(
        words.iter().map(|word| (*word).to_owned()).collect(),
    ))
}
