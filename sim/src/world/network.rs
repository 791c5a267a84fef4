//! Links between nodes: who can reach whom, how late, and how often.
//!
//! Every decision is made here and not in madsim's network, whose partitions
//! are checked only when a message is sent, and whose loss and latency are the
//! same for all links. Each link draws from its own stream, and draws the same
//! number of values for every message, so that a fault on one link does not
//! shift what happens on another.

use std::ops::Range;
use std::time::Duration;

use snowglobe_systems::process::NodeId;

use crate::draw::{Draw, PerMillion, Purpose, Streams};
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
    /// The link was cut when it was sent.
    CutAtSend,
    /// The link was cut when it would have arrived.
    CutAtDelivery,
    /// The receiver was down.
    ReceiverDown,
}

impl DropReason {
    /// The reason in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::CutAtSend => "cut off",
            Self::CutAtDelivery => "cut off on the way",
            Self::ReceiverDown => "receiver down",
        }
    }
}

/// What a link does with one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It never arrives.
    Dropped(DropReason),
    /// It arrives after a delay, and perhaps once more after another.
    Arrives {
        /// The delay of the message.
        after: Duration,
        /// The delay of its duplicate.
        again: Option<Duration>,
    },
}

#[derive(Debug)]
struct Link {
    quality: LinkQuality,
    cut: bool,
    draw: Draw,
    /// The highest number of a parcel that came through.
    newest: u64,
}

/// All links, in both directions, of one cluster.
#[derive(Debug)]
pub struct Network {
    nodes: usize,
    /// Indexed by sender, then receiver; a node's link to itself is never used.
    links: Vec<Link>,
    base: LinkQuality,
}

impl Network {
    /// A network in which everybody reaches everybody.
    #[must_use]
    pub fn new(nodes: usize, base: LinkQuality, streams: &Streams) -> Self {
        let links = (0..nodes * nodes)
            .map(|place| Link {
                quality: base.clone(),
                cut: false,
                newest: 0,
                draw: streams.open(Purpose::Link {
                    from: NodeId::at(place / nodes),
                    to: NodeId::at(place % nodes),
                }),
            })
            .collect();
        Self { nodes, links, base }
    }

    fn link(&mut self, from: NodeId, to: NodeId) -> &mut Link {
        &mut self.links[from.position() * self.nodes + to.position()]
    }

    /// Decides what happens to a message that is sent now.
    pub fn fate(&mut self, from: NodeId, to: NodeId) -> Fate {
        let link = self.link(from, to);
        let quality = &link.quality;
        let mut after = link.draw.duration(quality.latency.clone());
        let lost = link.draw.chance(quality.loss);
        let duplicated = link.draw.chance(quality.duplicate);
        let held_back = link.draw.chance(quality.reorder);
        let extra = link.draw.duration(quality.held_back.clone());
        if held_back {
            after += extra;
        }
        if link.cut {
            return Fate::Dropped(DropReason::CutAtSend);
        }
        if lost {
            return Fate::Dropped(DropReason::Lost);
        }
        let again = duplicated.then(|| after + extra);
        Fate::Arrives { after, again }
    }

    /// Notes that a parcel came through. Whether a later one was faster.
    pub fn overtaken(&mut self, from: NodeId, to: NodeId, number: u64) -> bool {
        let link = self.link(from, to);
        let overtaken = number < link.newest;
        link.newest = link.newest.max(number);
        overtaken
    }

    /// Whether a message of `from` can reach `to` at this moment.
    #[must_use]
    pub fn is_cut(&self, from: NodeId, to: NodeId) -> bool {
        self.links[from.position() * self.nodes + to.position()].cut
    }

    /// Cuts or joins one direction of one link.
    pub fn set_cut(&mut self, from: NodeId, to: NodeId, cut: bool) {
        self.link(from, to).cut = cut;
    }

    /// Cuts or joins all links of a node, in both directions.
    pub fn set_isolated(&mut self, node: NodeId, cut: bool) {
        for peer in self.peers(node) {
            self.set_cut(node, peer, cut);
            self.set_cut(peer, node, cut);
        }
    }

    /// Replaces who reaches whom by a rule.
    pub fn reach(&mut self, mut reaches: impl FnMut(NodeId, NodeId) -> bool) {
        for place in 0..self.links.len() {
            let (from, to) = (
                NodeId::at(place / self.nodes),
                NodeId::at(place % self.nodes),
            );
            self.links[place].cut = from != to && !reaches(from, to);
        }
    }

    /// Joins all links; their qualities stay.
    pub fn heal(&mut self) {
        self.reach(|_, _| true);
    }

    /// Changes the quality of one direction of one link.
    pub fn adjust(&mut self, from: NodeId, to: NodeId, change: impl FnOnce(&mut LinkQuality)) {
        change(&mut self.link(from, to).quality);
    }

    /// Gives one direction of one link the quality it began with.
    pub fn restore(&mut self, from: NodeId, to: NodeId) {
        self.link(from, to).quality = self.base.clone();
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

/// When a parcel that spends `delay` on its link must be handed to madsim's socket.
#[must_use]
pub fn handover(now: SimTime, delay: Duration) -> SimTime {
    now + delay.saturating_sub(HOP)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    fn network() -> Network {
        Network::new(3, LinkQuality::default(), &Streams::new(Seed(7)))
    }

    #[test]
    fn a_cut_is_one_way_and_shifts_no_draw_of_the_link() {
        let (mut whole, mut cut) = (network(), network());
        let (a, b) = (NodeId(1), NodeId(2));
        cut.set_cut(a, b, true);
        assert_eq!(cut.fate(a, b), Fate::Dropped(DropReason::CutAtSend));
        assert!(matches!(cut.fate(b, a), Fate::Arrives { .. }));
        whole.fate(a, b);
        cut.set_cut(a, b, false);
        assert_eq!(whole.fate(a, b), cut.fate(a, b));
    }

    #[test]
    fn isolation_spares_the_others() {
        let mut network = network();
        network.set_isolated(NodeId(2), true);
        assert!(network.is_cut(NodeId(1), NodeId(2)));
        assert!(network.is_cut(NodeId(2), NodeId(3)));
        assert!(!network.is_cut(NodeId(3), NodeId(1)));
        network.heal();
        assert!(network.pairs().all(|(a, b)| !network.is_cut(a, b)));
    }
}
