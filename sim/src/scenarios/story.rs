//! Told scenarios: sentences that happen one after the other.
//!
//! A system brings a [`Teller`], which knows its own sentences ("leader within
//! 5s") and whom a name like `$leader` means. What all stories share is here:
//!
//! - a fault in the words of a schedule, without its time: `crash $leader losing unsynced`;
//! - `wait 2s`, or `wait 0ms..13ms` for a draw;
//! - `repeat 10` up to its `end`;
//! - `sometimes 10% SENTENCE`;
//! - `let old = $leader`, to speak of the same nodes later;
//! - `measure`, from which messages, bytes and marks are counted;
//! - `at most 42 messages`, `at least 1 raft.snapshot_installed`, `exactly 4 $up`:
//!   there are so many, or have been since `measure`;
//! - `if at most 2 $up SENTENCE`, after any of those counts.
//!
//! Every story knows `$all`, `$up`, `$down`, `$refused` (to start, on a damaged
//! disk) and `$cut` (off by a `cut` of the story). `$followers.2` draws two of
//! a set, and `$any2` is short for `$all.2`. A name that means several nodes
//! stands for each of them in turn, and within a partition for all of them.
//!
//! A name that means nobody fails the story, since it would go on without
//! having happened. One that may mean nobody says so: `restart $down?`.
//!
//! Other than in a schedule, `join $old` does not reach those that are cut off
//! themselves, as if each node had one cable.

mod cast;
mod words;

use std::fmt::Debug;
use std::marker::PhantomData;
use std::time::Duration;

use snowglobe_systems::invariants::{Invariants, Violation};
use snowglobe_systems::process::{InvocationId, NodeId, Process};

use self::words::{Bound, Count, Counted, Line, Reader, Sentence};
use super::file::Scenario;
use super::stuck;
use crate::draw::{Purpose, Streams};
use crate::faults::{Fault, Membership};
use crate::world::{Broken, Counters, Director, Marks, World};

pub use self::cast::{Cast, Name};
pub use self::words::{read_name, read_number, read_time};

/// How far a sentence has come.
#[derive(Debug)]
pub enum Deed {
    /// It is done; the next one begins.
    Done,
    /// It goes on.
    Waits,
    /// Its time is up, and this is how things stand.
    Late(String),
    /// What it says is not so.
    Fails(Broken),
}

impl Deed {
    /// What it means that a sentence has come about or not, or cannot any more.
    pub fn of(
        has_come_about: Result<bool, Broken>,
        late: bool,
        how_things_stand: impl FnOnce() -> String,
    ) -> Self {
        match has_come_about {
            Ok(true) => Self::Done,
            Err(broken) => Self::Fails(broken),
            Ok(false) if late => Self::Late(how_things_stand()),
            Ok(false) => Self::Waits,
        }
    }
}

/// A system's own sentences.
pub trait Teller<P: Process, I: Invariants<P>>: Clone + Send + 'static {
    /// One sentence, understood.
    type Sentence: Clone + Debug + Send + 'static;

    /// The system's own names, without their sign.
    fn names(&self) -> &'static [&'static str];
    /// Every mark of the system that a story may count.
    fn marks(&self) -> Vec<&'static str>;
    /// Understands a sentence.
    ///
    /// # Errors
    /// A line that says what is wrong with it.
    fn understand(&self, words: &[&str]) -> Result<Self::Sentence, String>;
    /// Begins a sentence.
    ///
    /// # Errors
    /// When it cannot even begin.
    fn begin(
        &mut self,
        world: &mut World<P, I>,
        sentence: &Self::Sentence,
        cast: &mut Cast,
    ) -> Result<(), Broken>;
    /// Looks again at a sentence that was begun.
    fn look(&mut self, world: &mut World<P, I>, sentence: &Self::Sentence) -> Deed;
    /// An alarm rang that this teller had set; its tokens are above `u32::MAX`.
    fn alarm(&mut self, _world: &mut World<P, I>, _token: u64) {}
    /// A call of this teller was answered.
    fn returned(&mut self, world: &mut World<P, I>, invocation: InvocationId, outcome: P::Outcome);
    /// A node said something that answers no call.
    fn told(&mut self, _world: &mut World<P, I>, _node: NodeId, _outcome: P::Outcome) {}
    /// What clients asked and were told, as lines that `snowglobe history` reads,
    /// if that was written down.
    fn history(&self) -> Option<String> {
        None
    }
    /// The story is over, however it ends: the last look at what clients saw.
    fn ends(&mut self, _world: &mut World<P, I>) {}
    /// Whom one of the system's own names means now; `None` if it is not one of its names.
    fn who(&self, world: &World<P, I>, name: &str) -> Option<Vec<NodeId>>;
}

/// A body of sentences that is being told.
#[derive(Clone, Debug)]
struct Frame<S> {
    body: Vec<Line<S>>,
    next: usize,
    rounds_left: usize,
}

#[derive(Clone, Debug)]
enum Current<S> {
    Nothing,
    Waiting,
    /// A sentence of the system, and its text.
    Own(S, String),
}

/// Tells a story.
#[derive(Clone, Debug)]
pub struct Story<P: Process, I: Invariants<P>, T: Teller<P, I>> {
    teller: T,
    cast: Cast,
    frames: Vec<Frame<T::Sentence>>,
    current: Current<T::Sentence>,
    /// What had been counted at the last `measure`.
    measured: (Counters, Marks),
    over: bool,
    of: PhantomData<fn() -> (P, I)>,
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
    pub fn new(scenario: &Scenario, members: &Membership, teller: T) -> Result<Self, String> {
        let mut lines = scenario.story.iter();
        let body = Reader::new(&teller, members.size()).lines(&mut lines, false)?;
        let draw = Streams::new(scenario.seed).open(Purpose::Workload(0));
        Ok(Self {
            teller,
            cast: Cast::new(draw),
            frames: vec![Frame {
                body,
                next: 0,
                rounds_left: 1,
            }],
            current: Current::Nothing,
            measured: Default::default(),
            over: false,
            of: PhantomData,
        })
    }

    /// Tells on until a sentence has to wait.
    fn tell(&mut self, world: &mut World<P, I>) {
        while world.breakage().is_none() {
            match &self.current {
                Current::Waiting => return,
                Current::Own(sentence, text) => match self.teller.look(world, sentence) {
                    Deed::Waits => return,
                    Deed::Fails(broken) => {
                        let broken = at_sentence(broken, text);
                        return self.fails(world, broken);
                    }
                    Deed::Late(found) => {
                        let broken = stuck("story", text.clone(), found);
                        return self.fails(world, broken);
                    }
                    Deed::Done => self.current = Current::Nothing,
                },
                Current::Nothing => match self.next_line() {
                    None => {
                        self.over = true;
                        return;
                    }
                    Some(line) => {
                        let text = line.text.clone();
                        if let Err(broken) = self.begin(world, line) {
                            self.fails(world, at_sentence(broken, &text));
                        }
                    }
                },
            }
        }
    }

    /// A sentence is not so; what clients saw may be worse.
    fn fails(&mut self, world: &mut World<P, I>, broken: Broken) {
        self.teller.ends(world);
        world.breaks(broken);
    }

    fn next_line(&mut self) -> Option<Line<T::Sentence>> {
        loop {
            let frame = self.frames.last_mut()?;
            if let Some(line) = frame.body.get(frame.next) {
                frame.next += 1;
                return Some(line.clone());
            }
            frame.rounds_left -= 1;
            frame.next = 0;
            if frame.rounds_left == 0 {
                self.frames.pop();
            }
        }
    }

    fn begin(&mut self, world: &mut World<P, I>, line: Line<T::Sentence>) -> Result<(), Broken> {
        // A timeline shows the story between the events that it causes.
        world.phase(&line.text);
        match line.sentence {
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
            Sentence::Sometimes(chance, line) if self.cast.draw.chance(chance) => {
                return self.begin(world, *line);
            }
            Sentence::If(count, line) if self.fits(world, &count).is_ok() => {
                return self.begin(world, *line);
            }
            Sentence::Sometimes(..) | Sentence::If(..) => {}
            Sentence::Let(name, of) => {
                let nodes = self.cast.who(&self.teller, world, &of)?;
                self.cast.learn(name, nodes);
            }
            Sentence::Measure => {
                self.measured = (world.counters().clone(), world.marks());
            }
            Sentence::Check(count) => self.fits(world, &count).map_err(|used| {
                let found = used.to_string();
                Broken::Safety(Violation::new("limit", [], line.text, found))
            })?,
            Sentence::Fault(words) => self.strike(world, &words)?,
            Sentence::Own(sentence) => {
                self.teller.begin(world, &sentence, &mut self.cast)?;
                self.current = Current::Own(sentence, line.text);
            }
        }
        Ok(())
    }

    /// Whether a count is as it should be; if not, how many there are.
    fn fits(&self, world: &World<P, I>, count: &Count) -> Result<(), u64> {
        let (counters, marks) = &self.measured;
        let of_mark = |marks: &Marks, mark| marks.get(mark).copied().unwrap_or_default();
        let found = match &count.of {
            Counted::Messages => world.counters().sent - counters.sent,
            Counted::Bytes => world.counters().bytes_sent - counters.bytes_sent,
            Counted::Mark(mark) => of_mark(&world.marks(), *mark) - of_mark(marks, *mark),
            Counted::Nodes(name) => self.cast.everybody(&self.teller, world, name).len() as u64,
        };
        let fits = match count.bound {
            Bound::AtMost => found <= count.amount,
            Bound::AtLeast => found >= count.amount,
            Bound::Exactly => found == count.amount,
        };
        if fits { Ok(()) } else { Err(found) }
    }

    /// Puts nodes in place of names, and lets the fault happen.
    fn strike(&mut self, world: &mut World<P, I>, words: &[String]) -> Result<(), Broken> {
        let within_groups = ["partition", "bridge", "ring"].contains(&words[0].as_str());
        let mut sentences = vec![Vec::new()];
        for word in words {
            let Some(Ok(name)) = Name::read(word) else {
                sentences
                    .iter_mut()
                    .for_each(|words| words.push(word.clone()));
                continue;
            };
            let nodes = self.cast.who(&self.teller, world, &name)?;
            let nodes: Vec<String> = nodes.iter().map(ToString::to_string).collect();
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
            let fault: Fault = words.join(" ").parse().map_err(|why| {
                stuck(
                    "story",
                    "a fault that makes sense".to_owned(),
                    format!("{why}"),
                )
            })?;
            for fault in self.cast.notes(world, fault) {
                world.apply_fault(&fault);
            }
        }
        Ok(())
    }
}

/// What a sentence says is not so.
pub fn unlike(expected: String, found: String) -> Broken {
    Broken::Safety(Violation::new("story", [], expected, found))
}

/// Whether there is no more of something than a sentence allows.
pub fn within_bound(found: usize, most: usize, what: &str) -> Result<(), Broken> {
    match found <= most {
        true => Ok(()),
        false => Err(unlike(format!("at most {most} {what}"), found.to_string())),
    }
}

/// Says which sentence found something else than it says.
fn at_sentence(broken: Broken, text: &str) -> Broken {
    match broken {
        Broken::Safety(mut violation) if violation.property == "story" => {
            violation.found = format!("{} (at {text:?})", violation.found);
            Broken::Safety(violation)
        }
        broken => broken,
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
            WAITED_TOKEN => self.current = Current::Nothing,
            token => self.teller.alarm(world, token),
        }
    }

    fn returned(&mut self, world: &mut World<P, I>, invocation: InvocationId, outcome: P::Outcome) {
        self.teller.returned(world, invocation, outcome);
    }

    fn told(&mut self, world: &mut World<P, I>, node: NodeId, outcome: P::Outcome) {
        self.teller.told(world, node, outcome);
    }

    fn is_over(&mut self, world: &mut World<P, I>) -> bool {
        let before = self.over;
        self.tell(world);
        if self.over && !before {
            self.teller.ends(world);
        }
        self.over
    }

    fn history(&self) -> Option<String> {
        self.teller.history()
    }
}
