//! Links between nodes: who can reach whom, how late, and how often.
//!
//! Every decision is made here and not in madsim's network, whose partitions
//! are checked only when a message is sent, and whose loss and latency are the
//! same for all links.
//!
//! A link has a baseline, which faults without an end change, and a layer for each
//! incident that is under way. What is drawn for a message depends on its link, its
//! content, how often that was sent before, and, within a layer, on the incident, so
//! that adding or removing one incident changes nothing of what the others do.

mod passage;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashTable;
use snowglobe_systems::digest::Digest;
use snowglobe_systems::process::NodeId;

use crate::draw::{PerMillion, Purpose, Streams};
use crate::faults::{FamilySet, Fault, FaultFamily, Links, Loss, QualityChange};
use crate::time::SimTime;

pub use self::passage::{DropReason, Fate, Flip, Passage};

/// What a message takes at least: nothing arrives in the moment in which it was sent.
pub const LEAST: Duration = Duration::from_micros(1);

/// A message on its way, as the bytes that travel.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// The sender.
    pub from: NodeId,
    /// The receiver.
    pub to: NodeId,
    /// Counts all parcels of a run; a duplicate has the number of its original.
    pub number: u64,
    /// The encoded message; copies share it.
    pub bytes: Arc<Vec<u8>>,
    /// Which bit of the bytes was flipped, if one was.
    pub flipped: Option<Flip>,
    /// Tells apart all that travels, copies too; zero for what does not travel yet.
    pub(super) ticket: u64,
    /// When it arrives.
    pub(super) arrives: SimTime,
}

impl Parcel {
    /// A message that does not travel yet.
    #[must_use]
    pub fn new(from: NodeId, to: NodeId, number: u64, bytes: Arc<Vec<u8>>) -> Self {
        Self {
            from,
            to,
            number,
            bytes,
            flipped: None,
            ticket: 0,
            arrives: SimTime::START,
        }
    }
}

/// How a link treats what is sent over it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkQuality {
    /// How long a message takes. No less than [`LEAST`] in effect.
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

/// A link that carries nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cut {
    /// What cannot pass waits.
    Holds,
    /// What cannot pass is lost.
    Loses,
}

impl Cut {
    fn new(holds: bool) -> Self {
        match holds {
            true => Self::Holds,
            false => Self::Loses,
        }
    }
}

#[derive(Clone, Debug)]
struct Link {
    /// The quality without incidents: that of the start, changed by faults without an end.
    baseline: LinkQuality,
    /// The same, of what no link does at the start.
    baseline_extra: QualityChange,
    /// A cut without an end.
    baseline_cut: Option<(Cut, FaultFamily)>,
    /// It was healed: no incident that has an end applies to it any more.
    healed: bool,
    /// Baseline and incidents together. What loses messages wins over what holds them.
    cut: Option<(Cut, FaultFamily)>,
    /// The layers that change its quality, by their place among all.
    changed_by: Vec<usize>,
    /// How often each message was sent, found by its digest.
    sent: HashTable<(u64, u32)>,
    /// The highest number of a parcel that came through.
    newest: u64,
}

impl Link {
    /// Counts a message, by its digest. How often it was sent before.
    fn occurrence(&mut self, message: u64) -> u64 {
        let is_same = |(digest, _): &(u64, u32)| *digest == message;
        let entry = self.sent.entry(message, is_same, |(digest, _)| *digest);
        let mut sent = entry.or_insert((message, 0));
        let (_, count) = sent.get_mut();
        *count += 1;
        u64::from(*count - 1)
    }
}

/// An incident over some links, which ends.
#[derive(Clone, Debug)]
struct Layer {
    /// Its place in the schedule.
    place: usize,
    /// What it is drawn by.
    digest: u64,
    fault: Fault,
}

/// All links, in both directions, of one cluster.
#[derive(Clone, Debug)]
pub struct Network {
    nodes: usize,
    /// Indexed by sender, then receiver; a node's link to itself is never used.
    links: Vec<Link>,
    base: LinkQuality,
    layers: Vec<Layer>,
    /// What waits for a link, in the order of sending.
    waiting: Vec<Parcel>,
    /// The families of the incidents that changed what became of a message.
    effective: FamilySet,
    streams: Streams,
}

impl Network {
    /// A network in which everybody reaches everybody.
    #[must_use]
    pub fn new(nodes: usize, base: LinkQuality, streams: &Streams) -> Self {
        let link = || Link {
            baseline: base.clone(),
            baseline_extra: QualityChange::default(),
            baseline_cut: None,
            healed: false,
            cut: None,
            changed_by: Vec::new(),
            sent: HashTable::new(),
            newest: 0,
        };
        Self {
            nodes,
            links: (0..nodes * nodes).map(|_| link()).collect(),
            base,
            layers: Vec::new(),
            waiting: Vec::new(),
            effective: FamilySet::default(),
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
        let occurrence = self.link(from, to).occurrence(message);
        let link = &self.links[self.place(from, to)];
        match link.cut {
            Some((Cut::Loses, family)) => {
                self.effective.insert(family);
                return Fate::Dropped(DropReason::CutAtSend);
            }
            Some((Cut::Holds, family)) => {
                self.effective.insert(family);
                return Fate::Waits;
            }
            None => {}
        }
        self.passage(from, to, bytes.len(), (message, occurrence))
    }

    /// What the quality of a link does to a message, by its digest and its occurrence.
    fn passage(
        &mut self,
        from: NodeId,
        to: NodeId,
        bytes: usize,
        (message, occurrence): (u64, u64),
    ) -> Fate {
        let link = &self.links[self.place(from, to)];
        let purpose = Purpose::Link { from, to };
        let mut draw = self.streams.keyed(purpose, message, occurrence);
        let mut passage = Passage::default();
        let mut lost = passage.over(&link.baseline, &mut draw);
        if link.baseline_extra != QualityChange::default() {
            let reason = passage.through(&link.baseline_extra, bytes, &self.base, &mut draw);
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
            let before = passage.clone();
            let reason = passage.through(change, bytes, &self.base, &mut draw);
            if reason.is_some() || passage != before {
                self.effective.insert(layer.fault.family());
            }
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
        let cut = self.links[self.place(from, to)].cut;
        cut.is_some_and(|(cut, _)| cut == Cut::Holds)
    }

    /// A message in flight met a cut.
    pub fn stopped_in_flight(&mut self, from: NodeId, to: NodeId) {
        let cut = self.links[self.place(from, to)].cut;
        self.effective.extend(cut.map(|(_, family)| family));
    }

    /// The families of the incidents that changed what became of a message.
    #[must_use]
    pub fn effective(&self) -> FamilySet {
        self.effective
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

/// Faults without an end, which change the baseline.
impl Network {
    fn set_cut(
        &mut self,
        cut: Option<(Cut, FaultFamily)>,
        wanted: impl Fn(NodeId, NodeId) -> bool,
    ) {
        for (from, to) in self.pairs().filter(|(from, to)| wanted(*from, *to)) {
            self.link(from, to).baseline_cut = cut;
        }
        self.recompute();
    }

    /// Replaces who reaches whom by a rule.
    pub fn shape(&mut self, holds: bool, reaches: impl Fn(NodeId, NodeId) -> bool) {
        self.set_cut(None, |_, _| true);
        let cut = (Cut::new(holds), FaultFamily::Partitions);
        self.set_cut(Some(cut), |from, to| !reaches(from, to));
    }

    /// Cuts links; what cannot pass is lost, or waits.
    pub fn cut(&mut self, links: &Links, holds: bool) {
        let cut = (Cut::new(holds), FaultFamily::Cuts);
        self.set_cut(Some(cut), |from, to| links.contains(from, to));
    }

    /// Joins links; their qualities stay, and so does what incidents with an end do.
    pub fn join(&mut self, links: &Links) {
        self.set_cut(None, |from, to| links.contains(from, to));
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
            self.link(from, to).baseline = base.clone();
            self.link(from, to).baseline_extra = QualityChange::default();
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
        self.recompute();
    }

    /// An incident is over.
    pub fn end(&mut self, place: usize) {
        self.layers.retain(|layer| layer.place != place);
        self.recompute();
    }

    /// Heals a link: from now on it is as at the start, whatever incidents are under
    /// way, until a fault without an end changes it.
    pub fn heal(&mut self, from: NodeId, to: NodeId) {
        let base = self.base.clone();
        let link = self.link(from, to);
        link.healed = true;
        link.baseline = base;
        link.baseline_extra = QualityChange::default();
        link.baseline_cut = None;
    }

    /// Combines baseline and layers anew, after any of them changed.
    pub fn recompute(&mut self) {
        for place in 0..self.links.len() {
            let (from, to) = (
                NodeId::at(place / self.nodes),
                NodeId::at(place % self.nodes),
            );
            let link = &mut self.links[place];
            link.changed_by.clear();
            link.cut = link.baseline_cut;
            if from == to || link.healed {
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
                    let cut = Cut::new(holds);
                    if link.cut.is_none_or(|(known, _)| known < cut) {
                        link.cut = Some((cut, fault.family()));
                    }
                }
            }
        }
    }

    /// A parcel waits for its link.
    pub fn wait(&mut self, parcel: Parcel) {
        self.waiting.push(parcel);
    }

    /// Ends all layers; links that are cut now stay so until they are joined. Gives
    /// away what waited for them.
    pub fn freeze(&mut self) -> Vec<Parcel> {
        for link in &mut self.links {
            link.baseline_cut = link.cut;
        }
        self.layers.clear();
        self.recompute();
        std::mem::take(&mut self.waiting)
    }

    /// What waited for a link that does not hold it any more, and what becomes of each.
    /// They go on as if sent now, in no particular order.
    pub fn released(&mut self) -> Vec<(Parcel, Fate)> {
        let (still, freed): (Vec<Parcel>, Vec<Parcel>) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|parcel| self.holds(parcel.from, parcel.to));
        self.waiting = still;
        // The same message may wait several times.
        let mut occurrences: BTreeMap<(NodeId, NodeId, u64), u64> = BTreeMap::new();
        let mut released = Vec::new();
        for parcel in freed {
            let (from, to) = (parcel.from, parcel.to);
            let mut message = Digest::new();
            message.bytes(&parcel.bytes);
            let message = message.value();
            let occurrence = occurrences.entry((from, to, message)).or_default();
            *occurrence += 1;
            let key = (message, RELEASED | *occurrence);
            let mut fate = self.passage(from, to, parcel.bytes.len(), key);
            if let Fate::Arrives(passage) = &mut fate {
                let most = 4 * self.links[self.place(from, to)]
                    .baseline
                    .latency
                    .end
                    .max(LEAST);
                let purpose = Purpose::Link { from, to };
                let mut draw = self.streams.keyed(purpose, key.0, SCATTERED | key.1);
                passage.after += draw.duration(Duration::ZERO..most);
            }
            released.push((parcel, fate));
        }
        released
    }
}

/// Marks the draw that scatters what was released together.
const SCATTERED: u64 = 1 << 61;
/// Marks the occurrence of a message that waited and goes on.
const RELEASED: u64 = 1 << 62;

impl Link {
    fn take(&mut self, change: &QualityChange) {
        let (baseline, more) = (&mut self.baseline, &mut self.baseline_extra);
        if let Some(latency) = &change.latency {
            baseline.latency = latency.clone();
        }
        match change.loss {
            Some(Loss { share, over: None }) => baseline.loss = share,
            Some(of_large) => more.loss = Some(of_large),
            None => {}
        }
        if let Some(duplicate) = change.duplicate {
            baseline.duplicate = duplicate;
        }
        if let Some(reorder) = change.reorder {
            baseline.reorder = reorder;
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

#[cfg(test)]
mod tests;
