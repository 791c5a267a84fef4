//! Reads the words of a fault; [`super::words`] says what they are.

use std::collections::BTreeSet;
use std::ops::Range;
use std::str::{FromStr, SplitWhitespace};
use std::time::Duration;

use snowglobe_systems::process::NodeId;

use super::{
    CrashMoment, DiskFault, Fault, FaultError, Links, Nodes, QualityChange, Shape, TimedFault,
};
use crate::draw::PerMillion;
use crate::time::{SimTime, parse_duration};
use crate::world::disk::CrashMode;

const TIME: &str = "a time such as 1.20s";
const VERB: &str = "one of partition, bridge, ring, cut, join, heal, link, links, crash, restart, pause, resume, clock, disk";
const NODE: &str = "a node such as n1";
const NODE_OR_ALL: &str = "a node such as n1, or all,";
const MODE: &str = "one of losing, keeping, tearing, leaving";
const QUALITY: &str = "one of latency, loss, duplicate, reorder, restored";
const SHARE: &str = "a percentage such as 10% or 0.5%";
const RANGE: &str = "a duration such as 20ms or a range such as 20ms..200ms";
const DISK: &str = "one of syncs, fails, full, rots, heals";
const END: &str = "the end";

impl FromStr for TimedFault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let mut words = Words::new(text);
        let at = words.read(TIME, |word| word.parse::<SimTime>().ok())?;
        let fault = words.fault()?;
        Ok(Self { at, fault })
    }
}

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        Words::new(text).fault()
    }
}

/// The words that are not read yet.
struct Words<'a> {
    text: &'a str,
    rest: SplitWhitespace<'a>,
}

impl<'a> Words<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            rest: text.split_whitespace(),
        }
    }

    fn peek(&self) -> Option<&'a str> {
        self.rest.clone().next()
    }

    fn wrong(&self, found: &str, expected: &str) -> FaultError {
        FaultError::Word {
            text: self.text.to_owned(),
            found: found.to_owned(),
            expected: expected.to_owned(),
        }
    }

    fn senseless(&self, why: String) -> FaultError {
        FaultError::Senseless {
            text: self.text.to_owned(),
            why,
        }
    }

    /// Reads the next word as something, or says what was expected.
    fn read<T>(
        &mut self,
        expected: &str,
        meaning: impl FnOnce(&'a str) -> Option<T>,
    ) -> Result<T, FaultError> {
        let word = self.rest.next().ok_or_else(|| FaultError::Short {
            text: self.text.to_owned(),
            expected: expected.trim_end_matches(',').to_owned(),
        })?;
        meaning(word).ok_or_else(|| self.wrong(word, expected))
    }

    fn literally(&mut self, literal: &str) -> Result<(), FaultError> {
        self.read(&format!("`{literal}`"), |word| {
            (word == literal).then_some(())
        })
    }

    /// Passes over the next word if it is this one.
    fn skip(&mut self, literal: &str) -> bool {
        let found = self.peek() == Some(literal);
        if found {
            self.rest.next();
        }
        found
    }

    fn fault(&mut self) -> Result<Fault, FaultError> {
        let fault = match self.read(VERB, Some)? {
            "partition" => self.partition()?,
            "bridge" => self.bridge()?,
            "ring" => self.ring()?,
            "cut" => Fault::Cut(self.ends()?),
            "join" => Fault::Join(self.ends()?),
            "heal" => Fault::Heal,
            "link" => {
                let from = self.node()?;
                let links = self.one_way(from)?;
                self.quality(links)?
            }
            "links" => {
                let links = if self.skip("of") {
                    Links::Of(self.node()?)
                } else {
                    Links::All
                };
                self.quality(links)?
            }
            "crash" => self.crash()?,
            "restart" => Fault::Restart(self.nodes()?),
            "pause" => Fault::Pause(self.node()?),
            "resume" => Fault::Resume(self.node()?),
            "clock" => self.clock()?,
            "disk" => self.disk()?,
            other => return Err(self.wrong(other, VERB)),
        };
        match self.rest.next() {
            Some(word) => Err(self.wrong(word, END)),
            None => Ok(fault),
        }
    }

    fn partition(&mut self) -> Result<Fault, FaultError> {
        let mut groups = vec![self.some_nodes()?];
        while self.skip("|") {
            groups.push(self.some_nodes()?);
        }
        self.shape(Shape::Groups(groups))
    }

    fn bridge(&mut self) -> Result<Fault, FaultError> {
        let left = self.some_nodes()?;
        self.literally("-")?;
        let bridge = self.node()?;
        self.literally("-")?;
        let right = self.some_nodes()?;
        self.shape(Shape::Bridge {
            left,
            bridge,
            right,
        })
    }

    fn ring(&mut self) -> Result<Fault, FaultError> {
        let nodes = self.some_nodes()?;
        if nodes.len() < 3 {
            return Err(self.senseless("a ring has at least three nodes".to_owned()));
        }
        self.shape(Shape::Ring(nodes))
    }

    fn shape(&self, shape: Shape) -> Result<Fault, FaultError> {
        // A node may be in several groups, and then reaches all of them.
        let groups: Vec<Vec<NodeId>> = match &shape {
            Shape::Groups(groups) => groups.clone(),
            Shape::Bridge { .. } | Shape::Ring(_) => vec![shape.nodes().collect()],
        };
        let twice = groups.iter().find_map(|group| {
            let mut seen = BTreeSet::new();
            group.iter().find(|node| !seen.insert(**node))
        });
        match twice {
            Some(node) => Err(self.senseless(format!("{node} is named twice"))),
            None => Ok(Fault::Shape(shape)),
        }
    }

    fn node(&mut self) -> Result<NodeId, FaultError> {
        self.read(NODE, node)
    }

    fn nodes(&mut self) -> Result<Nodes, FaultError> {
        self.read(NODE_OR_ALL, |word| match word {
            "all" => Some(Nodes::All),
            word => node(word).map(Nodes::One),
        })
    }

    /// At least one node, and all that follow it.
    fn some_nodes(&mut self) -> Result<Vec<NodeId>, FaultError> {
        let mut nodes = vec![self.node()?];
        while self.peek().is_some_and(|word| word.starts_with('n')) {
            nodes.push(self.node()?);
        }
        Ok(nodes)
    }

    fn ends(&mut self) -> Result<Links, FaultError> {
        match self.nodes()? {
            Nodes::All => Ok(Links::All),
            Nodes::One(from) if self.peek() == Some("->") => self.one_way(from),
            Nodes::One(node) => Ok(Links::Of(node)),
        }
    }

    fn one_way(&mut self, from: NodeId) -> Result<Links, FaultError> {
        self.literally("->")?;
        let to = self.node()?;
        if from == to {
            return Err(self.senseless(format!("{from} has no link to itself")));
        }
        Ok(Links::One { from, to })
    }

    fn quality(&mut self, links: Links) -> Result<Fault, FaultError> {
        if self.skip("restored") {
            return Ok(Fault::Restore(links));
        }
        let mut change = QualityChange::default();
        loop {
            let word = self.read(QUALITY, Some)?;
            let twice = match word {
                "latency" => change.latency.replace(self.range()?).is_some(),
                "loss" => change.loss.replace(self.share()?).is_some(),
                "duplicate" => change.duplicate.replace(self.share()?).is_some(),
                "reorder" => change.reorder.replace(self.share()?).is_some(),
                other => return Err(self.wrong(other, QUALITY)),
            };
            if twice {
                return Err(self.senseless(format!("{word} is given twice")));
            }
            if self.peek().is_none() {
                return Ok(Fault::Degrade { links, change });
            }
        }
    }

    fn percentage(&mut self) -> Result<PerMillion, FaultError> {
        self.read(SHARE, |word| word.parse().ok())
    }

    fn share(&mut self) -> Result<PerMillion, FaultError> {
        let share = self.percentage()?;
        if share > PerMillion::ALWAYS {
            return Err(self.senseless(format!("{share} is more than all messages")));
        }
        Ok(share)
    }

    fn range(&mut self) -> Result<Range<Duration>, FaultError> {
        let word = self.peek().unwrap_or_default();
        let range = self.read(RANGE, |word| {
            let (start, end) = word.split_once("..").unwrap_or((word, word));
            Some(parse_duration(start).ok()?..parse_duration(end).ok()?)
        })?;
        if range.end < range.start {
            return Err(self.senseless(format!("the range {word} ends before it starts")));
        }
        Ok(range)
    }

    fn crash(&mut self) -> Result<Fault, FaultError> {
        let nodes = self.nodes()?;
        let mode = self.read(MODE, |word| {
            CrashMode::ALL
                .into_iter()
                .find(|mode| mode.to_string() == word)
        })?;
        self.literally("unsynced")?;
        let mut moment = CrashMoment::AtOnce;
        if self.skip("after") {
            let effects = self.read("a number of effects", |word| word.parse().ok())?;
            self.read("`effects`", |word| {
                matches!(word, "effect" | "effects").then_some(())
            })?;
            moment = CrashMoment::AfterEffects(effects);
        }
        Ok(Fault::Crash {
            nodes,
            mode,
            moment,
        })
    }

    fn clock(&mut self) -> Result<Fault, FaultError> {
        let node = self.node()?;
        self.literally("runs")?;
        self.literally("at")?;
        let rate = self.percentage()?;
        if rate == PerMillion::ZERO {
            return Err(self.senseless("a clock that stands still fires no timer".to_owned()));
        }
        Ok(Fault::Clock { node, rate })
    }

    fn disk(&mut self) -> Result<Fault, FaultError> {
        let node = self.node()?;
        let fault = match self.read(DISK, Some)? {
            "syncs" => {
                self.literally("in")?;
                DiskFault::SyncsIn(self.range()?)
            }
            "fails" => DiskFault::Fails,
            "full" => DiskFault::Full,
            "rots" => DiskFault::Rots,
            "heals" => DiskFault::Heals,
            other => return Err(self.wrong(other, DISK)),
        };
        Ok(Fault::Disk { node, fault })
    }
}

fn node(word: &str) -> Option<NodeId> {
    let digits = word.strip_prefix('n')?;
    let number = digits.parse().ok().filter(|number| *number > 0)?;
    // Neither n01 nor n+1: a node has one name.
    (NodeId(number).to_string() == word).then_some(NodeId(number))
}
