//! Links between nodes: who can reach whom, how late, and how often.
//!
//! Every decision is made here and not in madsim's network, whose partitions
//! are checked only when a message is sent, and whose loss and latency are the
//! same for all links.
//!
//! What a link does is said by layers: one that words without an end have told,
//! and one for each incident that has an end and is not over. What is drawn for
//! a message depends on its link, on what it says, on how often that was said
//! before, and, within a layer, on the incident; so one incident more or less
//! changes nothing of what the others do.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use snowglobe_systems::digest::Digest;
use snowglobe_systems::process::NodeId;

use crate::draw::{Draw, PerMillion, Purpose, Streams};
use crate::faults::{Corruption, Fault, Late, Links, Loss, QualityChange};
use crate::time::SimTime;

/// The time that madsim's `Endpoint` itself takes to carry a message: 1 ms to
/// send and 1 ms to receive. No link is faster.
pub const HOP: Duration = Duration::from_millis(2);

/// A message on its way, as the bytes that travel.
#[derive(Debug)]
pub struct Parcel {
    /// The sender.
    pub from: NodeId,
    /// The receiver.
    pub to: NodeId,
    /// Counts all parcels of a run; a duplicate has the number of its original.
    pub number: u64,
    /// The encoded message.
    pub bytes: Vec<u8>,
    /// Which bit of the bytes was flipped, if one was.
    pub flipped: Option<Flip>,
}

/// How a link treats what is sent over it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkQuality {
    /// How long a message takes. No less than [`HOP`] in effect.
    pub latency: Range<Duration>,
    /// The share of messages that never arrive.
    pub loss: PerMillion,
    /// The share of messages that arrive twice.
    pub duplicate: PerMillion,
    /// The share of messages that are held back, so that later ones overtake them.
    pub reorder: PerMillion,
    /// How much longer a message takes that is held back.
    pub held_back: Range<Duration>,
}

impl Default for LinkQuality {
    fn default() -> Self {
        Self {
            latency: Duration::from_millis(2)..Duration::from_millis(5),
            loss: PerMillion::ZERO,
            duplicate: PerMillion::ZERO,
            reorder: PerMillion::ZERO,
            held_back: Duration::from_millis(20)..Duration::from_millis(400),
        }
    }
}

/// Why a message never arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// The link lost it.
    Lost,
    /// The link loses what is large.
    TooLarge,
    /// The link was cut when it was sent.
    CutAtSend,
    /// The link was cut when it would have arrived.
    CutAtDelivery,
    /// The receiver was down.
    ReceiverDown,
    /// A bit was flipped, and the checksum of its frame did not match.
    Corrupted,
}

impl DropReason {
    /// The reason in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::TooLarge => "lost, too large",
            Self::CutAtSend => "cut off",
            Self::CutAtDelivery => "cut off on the way",
            Self::ReceiverDown => "receiver down",
            Self::Corrupted => "corrupted",
        }
    }

    /// The mark that it happened, if there is one.
    #[must_use]
    pub const fn mark(self) -> Option<&'static str> {
        match self {
            Self::Lost => Some("world.message_lost"),
            Self::TooLarge => Some("world.large_message_lost"),
            Self::CutAtSend => Some("world.message_cut_off"),
            Self::CutAtDelivery => Some("world.message_cut_on_the_way"),
            Self::Corrupted => Some("world.message_corrupted"),
            Self::ReceiverDown => None,
        }
    }
}

/// What a link does with one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It never arrives.
    Dropped(DropReason),
    /// It waits until the link carries messages again.
    Waits,
    /// It arrives.
    Arrives(Passage),
}

/// How a message arrives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passage {
    /// The delay of the message.
    pub after: Duration,
    /// The delays of its copies.
    pub copies: Vec<Duration>,
    /// An incident makes it slower.
    pub slowed: bool,
    /// It is held back alone, by an incident.
    pub held: bool,
    /// Copies of it come late, by an incident.
    pub repeated: bool,
    /// Which bit of it is flipped on the way.
    pub flipped: Option<Flip>,
}

/// A bit that is not what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flip {
    /// Which of all bits of the message.
    pub bit: u64,
    /// Whether nobody looks at the checksum of the frame.
    pub unchecked: bool,
}

/// A link that carries nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cut {
    /// What cannot pass waits.
    Holds,
    /// What cannot pass is lost.
    Loses,
}

#[derive(Debug)]
struct Link {
    /// What words without an end have told.
    told: LinkQuality,
    /// What they have told of that no link has from the beginning.
    told_more: QualityChange,
    told_cut: Option<Cut>,
    /// No incident that has an end is over this link any more.
    spared: bool,
    /// All layers together.
    cut: Option<Cut>,
    /// The layers that change its quality, by their place among all.
    changed_by: Vec<usize>,
    /// How often each message was sent.
    sent: BTreeMap<u64, u32>,
    /// The highest number of a parcel that came through.
    newest: u64,
}

/// An incident over some links, which ends.
#[derive(Debug)]
struct Layer {
    /// Its place in the schedule.
    place: usize,
    /// What it is drawn by.
    digest: u64,
    fault: Fault,
}

/// All links, in both directions, of one cluster.
#[derive(Debug)]
pub struct Network {
    nodes: usize,
    /// Indexed by sender, then receiver; a node's link to itself is never used.
    links: Vec<Link>,
    base: LinkQuality,
    layers: Vec<Layer>,
    /// What waits for a link, in the order of sending.
    waiting: Vec<Parcel>,
    streams: Streams,
}

impl Network {
    /// A network in which everybody reaches everybody.
    #[must_use]
    pub fn new(nodes: usize, base: LinkQuality, streams: &Streams) -> Self {
        let link = || Link {
            told: base.clone(),
            told_more: QualityChange::default(),
            told_cut: None,
            spared: false,
            cut: None,
            changed_by: Vec::new(),
            sent: BTreeMap::new(),
            newest: 0,
        };
        Self {
            nodes,
            links: (0..nodes * nodes).map(|_| link()).collect(),
            base,
            layers: Vec::new(),
            waiting: Vec::new(),
            streams: streams.clone(),
        }
    }

    fn place(&self, from: NodeId, to: NodeId) -> usize {
        from.position() * self.nodes + to.position()
    }

    fn link(&mut self, from: NodeId, to: NodeId) -> &mut Link {
        let place = self.place(from, to);
        &mut self.links[place]
    }

    /// Decides what happens to a message that is sent now.
    pub fn fate(&mut self, from: NodeId, to: NodeId, bytes: &[u8]) -> Fate {
        let mut message = Digest::new();
        message.bytes(bytes);
        let message = message.value();
        let link = self.link(from, to);
        let sent = link.sent.entry(message).or_default();
        let occurrence = u64::from(*sent);
        *sent += 1;
        let link = &self.links[self.place(from, to)];
        match link.cut {
            Some(Cut::Loses) => return Fate::Dropped(DropReason::CutAtSend),
            Some(Cut::Holds) => return Fate::Waits,
            None => {}
        }
        let purpose = Purpose::Link { from, to };
        let mut draw = self.streams.keyed(purpose, message, occurrence);
        let mut passage = Passage::default();
        let mut lost = passage.over(&link.told, &mut draw);
        if link.told_more != QualityChange::default() {
            let reason = passage.through(&link.told_more, bytes.len(), &self.base, &mut draw);
            lost = lost.or(reason);
        }
        for layer in &link.changed_by {
            let layer = &self.layers[*layer];
            let Fault::Degrade { change, .. } = &layer.fault else {
                unreachable!("only a change of quality changes it");
            };
            let mut cause = Digest::new();
            cause.word(message);
            cause.word(layer.digest);
            let mut draw = self.streams.keyed(purpose, cause.value(), occurrence);
            let reason = passage.through(change, bytes.len(), &self.base, &mut draw);
            lost = lost.or(reason);
        }
        lost.map_or(Fate::Arrives(passage), Fate::Dropped)
    }

    /// Notes that a parcel came through. Whether a later one was faster.
    pub fn overtaken(&mut self, from: NodeId, to: NodeId, number: u64) -> bool {
        let link = self.link(from, to);
        let overtaken = number < link.newest;
        link.newest = link.newest.max(number);
        overtaken
    }

    /// Whether a message of `from` cannot reach `to` at this moment.
    #[must_use]
    pub fn is_cut(&self, from: NodeId, to: NodeId) -> bool {
        self.links[self.place(from, to)].cut.is_some()
    }

    /// Whether what cannot pass this link now waits for it.
    #[must_use]
    pub fn holds(&self, from: NodeId, to: NodeId) -> bool {
        self.links[self.place(from, to)].cut == Some(Cut::Holds)
    }

    /// Whether some node does not reach another, or is not reached by it.
    #[must_use]
    pub fn is_parted(&self, node: NodeId) -> bool {
        self.peers(node)
            .any(|peer| self.is_cut(node, peer) || self.is_cut(peer, node))
    }

    /// Every ordered pair of two different nodes.
    pub fn pairs(&self) -> impl Iterator<Item = (NodeId, NodeId)> + use<> {
        let nodes = self.nodes;
        (0..nodes * nodes)
            .map(move |place| (NodeId::at(place / nodes), NodeId::at(place % nodes)))
            .filter(|(from, to)| from != to)
    }

    fn peers(&self, node: NodeId) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.nodes)
            .map(NodeId::at)
            .filter(move |peer| *peer != node)
    }
}

/// What words without an end tell.
impl Network {
    /// Cuts links, or joins them.
    fn tell_cut(&mut self, cut: Option<Cut>, wanted: impl Fn(NodeId, NodeId) -> bool) {
        for (from, to) in self.pairs().filter(|(from, to)| wanted(*from, *to)) {
            self.link(from, to).told_cut = cut;
        }
        self.add_up();
    }

    /// Replaces who reaches whom by a rule.
    pub fn shape(&mut self, holds: bool, reaches: impl Fn(NodeId, NodeId) -> bool) {
        self.tell_cut(None, |_, _| true);
        let cut = if holds { Cut::Holds } else { Cut::Loses };
        self.tell_cut(Some(cut), |from, to| !reaches(from, to));
    }

    /// Cuts links; what cannot pass is lost, or waits.
    pub fn cut(&mut self, links: &Links, holds: bool) {
        let cut = if holds { Cut::Holds } else { Cut::Loses };
        self.tell_cut(Some(cut), |from, to| links.contains(from, to));
    }

    /// Joins links; their qualities stay, and so does what incidents with an end do.
    pub fn join(&mut self, links: &Links) {
        self.tell_cut(None, |from, to| links.contains(from, to));
    }

    /// Changes the quality of links.
    pub fn degrade(&mut self, links: &Links, change: &QualityChange) {
        for (from, to) in self.pairs().filter(|(from, to)| links.contains(*from, *to)) {
            self.link(from, to).take(change);
        }
    }

    /// Gives links the quality they began with.
    pub fn restore(&mut self, links: &Links) {
        let base = self.base.clone();
        for (from, to) in self.pairs().filter(|(from, to)| links.contains(*from, *to)) {
            self.link(from, to).told = base.clone();
            self.link(from, to).told_more = QualityChange::default();
        }
    }
}

/// Incidents that have an end.
impl Network {
    /// An incident begins.
    pub fn begin(&mut self, place: usize, digest: u64, fault: Fault) {
        self.layers.push(Layer {
            place,
            digest,
            fault,
        });
        self.add_up();
    }

    /// An incident is over.
    pub fn end(&mut self, place: usize) {
        self.layers.retain(|layer| layer.place != place);
        self.add_up();
    }

    /// Makes a link well: from now on it is what the run began with, until words tell otherwise.
    pub fn spare(&mut self, from: NodeId, to: NodeId) {
        let base = self.base.clone();
        let link = self.link(from, to);
        link.spared = true;
        link.told = base;
        link.told_more = QualityChange::default();
        link.told_cut = None;
    }

    /// Works out what all layers come to.
    pub fn add_up(&mut self) {
        for place in 0..self.links.len() {
            let (from, to) = (
                NodeId::at(place / self.nodes),
                NodeId::at(place % self.nodes),
            );
            let link = &mut self.links[place];
            link.changed_by.clear();
            link.cut = link.told_cut;
            if from == to || link.spared {
                continue;
            }
            for (layer, Layer { fault, .. }) in self.layers.iter().enumerate() {
                let (cuts, holds) = match fault {
                    Fault::Shape { shape, holds } => (!shape.reaches(from, to), *holds),
                    Fault::Cut { links, holds } => (links.contains(from, to), *holds),
                    Fault::Degrade { links, .. } => {
                        if links.contains(from, to) {
                            link.changed_by.push(layer);
                        }
                        continue;
                    }
                    _ => continue,
                };
                if cuts {
                    let cut = if holds { Cut::Holds } else { Cut::Loses };
                    link.cut = link.cut.max(Some(cut));
                }
            }
        }
    }

    /// A parcel waits for its link.
    pub fn wait(&mut self, parcel: Parcel) {
        self.waiting.push(parcel);
    }

    /// Ends all layers; links that are cut now stay so until they are joined. What
    /// waited for them is given away.
    pub fn freeze(&mut self) -> Vec<Parcel> {
        for link in &mut self.links {
            link.told_cut = link.cut.map(|_| Cut::Loses);
        }
        self.layers.clear();
        self.add_up();
        std::mem::take(&mut self.waiting)
    }

    /// What waited for a link that does not hold it any more, and after what delay
    /// each of them goes on: no order is kept.
    pub fn released(&mut self) -> Vec<(Parcel, Duration)> {
        let (still, freed): (Vec<Parcel>, Vec<Parcel>) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|parcel| self.holds(parcel.from, parcel.to));
        self.waiting = still;
        let delay = |parcel: &Parcel| {
            let (from, to) = (parcel.from, parcel.to);
            let mut cause = Digest::new();
            cause.bytes(&parcel.bytes);
            let purpose = Purpose::Link { from, to };
            let mut draw = self.streams.keyed(purpose, cause.value(), RELEASED);
            let most = 4 * self.links[self.place(from, to)].told.latency.end.max(HOP);
            draw.duration(Duration::ZERO..most)
        };
        freed
            .into_iter()
            .map(|parcel| {
                let delay = delay(&parcel);
                (parcel, delay)
            })
            .collect()
    }
}

/// Stands where an occurrence does when a message that waited goes on.
const RELEASED: u64 = 1 << 62;

impl Link {
    fn take(&mut self, change: &QualityChange) {
        let (told, more) = (&mut self.told, &mut self.told_more);
        if let Some(latency) = &change.latency {
            told.latency = latency.clone();
        }
        match change.loss {
            Some(Loss { share, over: None }) => told.loss = share,
            Some(of_large) => more.loss = Some(of_large),
            None => {}
        }
        if let Some(duplicate) = change.duplicate {
            told.duplicate = duplicate;
        }
        if let Some(reorder) = change.reorder {
            told.reorder = reorder;
        }
        if change.corrupt.is_some() {
            more.corrupt = change.corrupt;
        }
        if change.hold.is_some() {
            more.hold.clone_from(&change.hold);
        }
        if change.repeat.is_some() {
            more.repeat.clone_from(&change.repeat);
        }
    }
}

impl Passage {
    /// What a link does by itself. Each value is drawn whatever the others come to.
    fn over(&mut self, quality: &LinkQuality, draw: &mut Draw) -> Option<DropReason> {
        self.after = draw.duration(quality.latency.clone());
        let lost = draw.chance(quality.loss);
        let duplicated = draw.chance(quality.duplicate);
        let held_back = draw.chance(quality.reorder);
        let extra = draw.duration(quality.held_back.clone());
        if held_back {
            self.after += extra;
        }
        if duplicated {
            self.copies.push(self.after + extra);
        }
        lost.then_some(DropReason::Lost)
    }

    /// What an incident does on top of it.
    fn through(
        &mut self,
        change: &QualityChange,
        bytes: usize,
        base: &LinkQuality,
        draw: &mut Draw,
    ) -> Option<DropReason> {
        let QualityChange {
            latency,
            loss,
            duplicate,
            reorder,
            corrupt,
            hold,
            repeat,
        } = change;
        let more = latency.clone().unwrap_or_default();
        self.slowed |= !more.end.is_zero();
        self.after += draw.duration(more);
        let extra = draw.duration(base.held_back.clone());
        if draw.chance(reorder.unwrap_or_default()) {
            self.after += extra;
        }
        if draw.chance(duplicate.unwrap_or_default()) {
            self.copies.push(self.after + extra);
        }
        let bit = draw.below((bytes.max(1) * 8) as u64);
        let Corruption { share, unchecked } = corrupt.unwrap_or_default();
        if draw.chance(share) {
            self.flipped = Some(Flip { bit, unchecked });
        }
        let Loss { share, over } = loss.unwrap_or_default();
        let lost = draw.chance(share) && over.is_none_or(|most| bytes > most);
        if let Some(Late { share, by }) = hold
            && draw.chance(*share)
        {
            self.held = true;
            self.after += draw.duration(by.clone());
        }
        if let Some(Late { share, by }) = repeat
            && draw.chance(*share)
        {
            self.repeated = true;
            for _ in 0..draw.range(1..4) {
                let later = draw.duration(by.clone());
                self.copies.push(self.after + later);
            }
        }
        lost.then_some(match over {
            None => DropReason::Lost,
            Some(_) => DropReason::TooLarge,
        })
    }
}

/// When a parcel that spends `delay` on its link must be handed to madsim's socket.
#[must_use]
pub fn handover(now: SimTime, delay: Duration) -> SimTime {
    now + delay.saturating_sub(HOP)
}

#[cfg(test)]
mod tests;
