//! Reads the words of a fault; [`super::words`] says what they are.

use std::collections::BTreeSet;
use std::ops::{Range, RangeInclusive};
use std::str::{FromStr, SplitWhitespace};
use std::time::Duration;

use snowglobe_systems::process::NodeId;

use super::{
    Corruption, CrashMoment, DiskFault, Fault, FaultError, Incident, Late, Links, Loss, Nodes,
    QualityChange, Shape,
};
use crate::draw::PerMillion;
use crate::time::{SimTime, format_duration, parse_duration};
use crate::world::disk::{CrashMode, Damage};

const TIME: &str = "a time such as 1.20s, or 1.20s..9.40s,";
const VERB: &str = "one of partition, bridge, ring, cut, join, heal, link, links, crash, restart, pause, resume, slow, clock, disk";
const NODE: &str = "a node such as n1";
const NODE_OR_ALL: &str = "a node such as n1, or all, or leader,";
const MODE: &str = "one of losing, keeping, tearing, leaving";
const QUALITY: &str = "one of latency, loss, duplicate, reorder, corrupt, hold, repeat, restored";
const SHARE: &str = "a percentage such as 10% or 0.5%";
const RANGE: &str = "a duration such as 20ms or a range such as 20ms..200ms";
const DISK: &str = "one of syncs, fails, drops-sync, full, unreadable, rots, bad-sector, lost-write, misdirected-write, heals";
const CLOCK: &str = "runs or jumps";
const BYTES: &str = "a number of bytes such as 300";
const END: &str = "the end";

/// Nothing in a schedule takes longer, but for the time to which it goes on.
const LONGEST: Duration = Duration::from_secs(3600);
/// What clocks may show of each second of the world.
const RATES: RangeInclusive<PerMillion> = PerMillion::percent(1)..=PerMillion::percent(10_000);

impl FromStr for Incident {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let mut words = Words::new(text);
        let (at, until) = words.read(TIME, span)?;
        if until.is_some_and(|until| until <= at) {
            return Err(words.senseless("it ends before it begins".to_owned()));
        }
        let fault = words.fault()?;
        if until.is_some() && !fault.lasts() {
            let why = "this happens at one moment; give no end";
            return Err(words.senseless(why.to_owned()));
        }
        Ok(Self { at, until, fault })
    }
}

/// A moment, or two with the time between them.
fn span(word: &str) -> Option<(SimTime, Option<SimTime>)> {
    match word.split_once("..") {
        None => Some((word.parse().ok()?, None)),
        Some((at, until)) => Some((at.parse().ok()?, Some(until.parse().ok()?))),
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
            "cut" => {
                let links = self.ends()?;
                let holds = self.skip("holding");
                Fault::Cut { links, holds }
            }
            "join" => Fault::Join(self.ends()?),
            "heal" => Fault::Heal,
            "link" => {
                let from = self.some_nodes()?;
                let links = self.one_way(from)?;
                self.quality(links)?
            }
            "links" => {
                let links = self.links()?;
                self.quality(links)?
            }
            "crash" => self.crash()?,
            "restart" => match self.nodes()? {
                Nodes::Leader => {
                    let why = "whoever is down leads nobody; name a node, or all";
                    return Err(self.senseless(why.to_owned()));
                }
                nodes => Fault::Restart(nodes),
            },
            "pause" => Fault::Pause(self.nodes()?),
            "resume" => Fault::Resume(self.nodes()?),
            "slow" => {
                let nodes = self.nodes()?;
                self.literally("by")?;
                let by = self.range()?;
                Fault::Slow { nodes, by }
            }
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

    fn shape(&mut self, shape: Shape) -> Result<Fault, FaultError> {
        // A node may be in several groups, and then reaches all of them.
        let groups: Vec<Vec<NodeId>> = match &shape {
            Shape::Groups(groups) => groups.clone(),
            Shape::Bridge { .. } | Shape::Ring(_) => vec![shape.nodes().collect()],
        };
        for group in &groups {
            self.without_repetition(group)?;
        }
        for (place, one) in groups.iter().enumerate() {
            let mut others = groups.iter().enumerate().filter(|(at, _)| *at != place);
            let holds_all = |other: &[NodeId]| one.iter().all(|node| other.contains(node));
            if let Some((_, other)) = others.find(|(_, other)| holds_all(other)) {
                let (one, other) = (list(one), list(other));
                return Err(self.senseless(format!(
                    "everybody in `{one}` is in `{other}` too; give each group a node of its own"
                )));
            }
        }
        let holds = self.skip("holding");
        Ok(Fault::Shape { shape, holds })
    }

    fn without_repetition(&self, nodes: &[NodeId]) -> Result<(), FaultError> {
        let mut seen = BTreeSet::new();
        match nodes.iter().find(|node| !seen.insert(**node)) {
            Some(node) => Err(self.senseless(format!("{node} is named twice"))),
            None => Ok(()),
        }
    }

    fn node(&mut self) -> Result<NodeId, FaultError> {
        self.read(NODE, node)
    }

    fn nodes(&mut self) -> Result<Nodes, FaultError> {
        let first = self.read(NODE_OR_ALL, |word| match word {
            "all" => Some(Err(Nodes::All)),
            "leader" => Some(Err(Nodes::Leader)),
            word => node(word).map(Ok),
        })?;
        let first = match first {
            Ok(first) => first,
            Err(nodes) => return Ok(nodes),
        };
        let nodes = self.and_more(first)?;
        self.without_repetition(&nodes)?;
        Ok(Nodes::Some(nodes))
    }

    /// At least one node, and all that follow it.
    fn some_nodes(&mut self) -> Result<Vec<NodeId>, FaultError> {
        let first = self.node()?;
        self.and_more(first)
    }

    fn and_more(&mut self, first: NodeId) -> Result<Vec<NodeId>, FaultError> {
        let is_name = |word: &str| {
            let rest = word.strip_prefix('n');
            rest.is_some_and(|rest| rest.starts_with(|letter: char| letter.is_ascii_digit()))
        };
        let mut nodes = vec![first];
        while self.peek().is_some_and(is_name) {
            nodes.push(self.node()?);
        }
        Ok(nodes)
    }

    fn ends(&mut self) -> Result<Links, FaultError> {
        match self.nodes()? {
            Nodes::All => Ok(Links::All),
            Nodes::Leader => Ok(Links::OfLeader),
            Nodes::Some(from) if self.peek() == Some("->") => self.one_way(from),
            Nodes::Some(nodes) => Ok(Links::Of(nodes)),
        }
    }

    /// What stands behind `links`: which of them, or all.
    fn links(&mut self) -> Result<Links, FaultError> {
        if self.skip("of") {
            if self.skip("leader") {
                return Ok(Links::OfLeader);
            }
            let nodes = self.some_nodes()?;
            self.without_repetition(&nodes)?;
            return Ok(Links::Of(nodes));
        }
        match self.peek().is_some_and(|word| node(word).is_some()) {
            true => {
                let from = self.some_nodes()?;
                self.one_way(from)
            }
            false => Ok(Links::All),
        }
    }

    fn one_way(&mut self, from: Vec<NodeId>) -> Result<Links, FaultError> {
        self.literally("->")?;
        let to = self.some_nodes()?;
        self.without_repetition(&from)?;
        self.without_repetition(&to)?;
        match from.iter().find(|node| to.contains(node)) {
            Some(node) => Err(self.senseless(format!("{node} has no link to itself"))),
            None => Ok(Links::OneWay { from, to }),
        }
    }

    fn quality(&mut self, links: Links) -> Result<Fault, FaultError> {
        if self.skip("restored") {
            return Ok(Fault::Restore(links));
        }
        let mut change = QualityChange::default();
        loop {
            let word = self.read(QUALITY, Some)?;
            let twice = match word {
                "latency" => change.latency.replace(self.latency()?).is_some(),
                "loss" => change.loss.replace(self.loss()?).is_some(),
                "duplicate" => change.duplicate.replace(self.share()?).is_some(),
                "reorder" => change.reorder.replace(self.share()?).is_some(),
                "corrupt" => change.corrupt.replace(self.corruption()?).is_some(),
                "hold" => change.hold.replace(self.late("for")?).is_some(),
                "repeat" => change.repeat.replace(self.late("after")?).is_some(),
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

    fn latency(&mut self) -> Result<Range<Duration>, FaultError> {
        let range = self.range()?;
        if range.end.is_zero() {
            return Err(self.senseless(
                "nothing arrives in no time; give a range that ends later than 0ms".to_owned(),
            ));
        }
        Ok(range)
    }

    fn loss(&mut self) -> Result<Loss, FaultError> {
        let share = self.share()?;
        let mut over = None;
        if self.skip("over") {
            over = Some(self.read(BYTES, |word| word.parse().ok())?);
            self.literally("bytes")?;
        }
        Ok(Loss { share, over })
    }

    fn corruption(&mut self) -> Result<Corruption, FaultError> {
        let share = self.share()?;
        let unchecked = self.skip("unchecked");
        Ok(Corruption { share, unchecked })
    }

    fn late(&mut self, word: &str) -> Result<Late, FaultError> {
        let share = self.share()?;
        self.literally(word)?;
        let by = self.range()?;
        Ok(Late { share, by })
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
        self.not_too_long(range.end)?;
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

    fn not_too_long(&self, duration: Duration) -> Result<(), FaultError> {
        if duration <= LONGEST {
            return Ok(());
        }
        let words = format_duration(duration);
        Err(self.senseless(format!(
            "{words} is longer than the hour that is the most here"
        )))
    }

    fn clock(&mut self) -> Result<Fault, FaultError> {
        let nodes = self.nodes()?;
        match self.read(CLOCK, Some)? {
            "runs" => {
                self.literally("at")?;
                let rate = self.percentage()?;
                if !RATES.contains(&rate) {
                    let (least, most) = (RATES.start(), RATES.end());
                    return Err(self.senseless(format!("a clock runs at {least} to {most}")));
                }
                Ok(Fault::Clock { nodes, rate })
            }
            "jumps" => {
                let by = self.read("a duration such as 5s", |word| parse_duration(word).ok())?;
                self.not_too_long(by)?;
                Ok(Fault::Jump { nodes, by })
            }
            other => Err(self.wrong(other, CLOCK)),
        }
    }

    fn disk(&mut self) -> Result<Fault, FaultError> {
        let nodes = self.nodes()?;
        let word = self.read(DISK, Some)?;
        let damage = Damage::ALL.into_iter().find(|kind| kind.word() == word);
        let fault = match word {
            "syncs" => {
                self.literally("in")?;
                DiskFault::SyncsIn(self.range()?)
            }
            "fails" => DiskFault::Fails,
            "drops-sync" => DiskFault::DropsSync,
            "full" => DiskFault::Full,
            "unreadable" => DiskFault::Unreadable,
            "heals" => DiskFault::Heals,
            other => match damage {
                Some(damage) => DiskFault::Damaged(damage),
                None => return Err(self.wrong(other, DISK)),
            },
        };
        Ok(Fault::Disk { nodes, fault })
    }
}

fn list(nodes: &[NodeId]) -> String {
    let words: Vec<String> = nodes.iter().map(NodeId::to_string).collect();
    words.join(" ")
}

fn node(word: &str) -> Option<NodeId> {
    let digits = word.strip_prefix('n')?;
    let number = digits.parse().ok().filter(|number| *number > 0)?;
    // Neither n01 nor n+1: a node has one name.
    (NodeId(number).to_string() == word).then_some(NodeId(number))
}
