//! What befalls links: partitions, cuts, and links that are slow, lossy or late.

use std::time::Duration;

use snowglobe_systems::process::NodeId;

use super::{Schedule, sorted};
use crate::draw::{Draw, PerMillion};
use crate::faults::{Corruption, Fault, Late, Links, Loss, QualityChange, Shape};
use crate::time::SimTime;

impl Schedule<'_> {
    /// A shape, sometimes several that follow on each other.
    pub(super) fn partition(&mut self, mut at: SimTime) {
        for _ in 0..*self.draw.weighted(&[(4, 1), (1, 2), (1, 4)]) {
            let shape = self.shape();
            at = self.shaped(at, shape);
        }
    }

    /// Puts a shape over the network. When it is over.
    pub(super) fn shaped(&mut self, at: SimTime, shape: Shape) -> SimTime {
        let holds = self.draw.below(3) == 0;
        let until = at + self.span();
        self.put(at, until, Fault::Shape { shape, holds });
        until
    }

    fn shape(&mut self) -> Shape {
        // A split among servers alone: every client reaches both sides, and
        // whoever talks to one hears of what goes on behind its back.
        let clients = self.members.clients();
        if !clients.is_empty() && self.servers.len() >= 2 && self.draw.below(3) == 0 {
            let mut servers = self.servers.clone();
            self.draw.shuffle(&mut servers);
            let size = self.draw.index(servers.len() - 1) + 1;
            let side = |servers: &[NodeId]| sorted(&[servers, clients].concat());
            return Shape::Groups(vec![side(&servers[..size]), side(&servers[size..])]);
        }
        let nodes = self.shuffled();
        let size = nodes.len();
        // A kind that needs more nodes than there are gives way to a plain split.
        let kind = *self
            .draw
            .weighted(&[(4, 0), (2, 1), (1, 2), (2, 3), (1, 4), (1, 5)]);
        let (one, other) = (self.draw.index(size - 1) + 1, self.draw.index(size - 1) + 1);
        let split = |places: &[usize]| -> Shape {
            let mut groups: Vec<Vec<NodeId>> = Vec::new();
            let mut start = 0;
            for end in places.iter().copied().chain([size]) {
                groups.push(sorted(&nodes[start..end]));
                start = end;
            }
            Shape::Groups(groups)
        };
        match kind {
            1 => split(&[1]),
            2 => split(&(1..size).collect::<Vec<_>>()),
            3 if size >= 3 => Shape::Bridge {
                bridge: nodes[0],
                left: sorted(&nodes[1..=size / 2]),
                right: sorted(&nodes[size / 2 + 1..]),
            },
            4 if size >= 4 => Shape::Ring(nodes),
            5 if one != other => split(&[one.min(other), one.max(other)]),
            _ => split(&[one]),
        }
    }

    /// One-way cuts: a single link, all that a node says, all that it hears, or both.
    pub(super) fn cut(&mut self, at: SimTime) {
        let nodes = self.shuffled();
        let (node, peers) = (nodes[0], sorted(&nodes[1..]));
        let of_target = self.links_of_target();
        let links = match self.draw.below(5) {
            0 => Links::one(node, nodes[1]),
            1 => Links::OneWay {
                from: vec![node],
                to: peers,
            },
            2 => Links::OneWay {
                from: peers,
                to: vec![node],
            },
            _ => of_target,
        };
        let holds = self.draw.below(3) == 0;
        let until = at + self.span();
        self.put(at, until, Fault::Cut { links, holds });
    }

    /// Links of one node, or all links, are bad.
    pub(super) fn degrade(&mut self, at: SimTime) {
        let of_target = self.links_of_target();
        let links = self.draw.pick(&[of_target, Links::All]).clone();
        let shares = [1, 5, 10, 20, 40].map(PerMillion::percent);
        let share = |draw: &mut Draw| {
            let drawn = *draw.pick(&shares);
            (draw.below(2) == 0).then_some(drawn)
        };
        let (loss, duplicate, reorder) = (share(self.draw), share(self.draw), share(self.draw));
        let slow = self.draw.below(2) == 0 || (loss, duplicate, reorder) == (None, None, None);
        let latency = self.latency();
        let change = QualityChange {
            latency: slow.then_some(latency),
            loss: loss.map(|share| Loss { share, over: None }),
            duplicate,
            reorder,
            ..QualityChange::default()
        };
        self.degraded(at, links, change);
    }

    /// How much longer messages take.
    fn latency(&mut self) -> std::ops::Range<Duration> {
        let latencies = [(5, 50), (20, 200), (100, 600), (300, 1500)];
        let (least, most) = *self.draw.pick(&latencies);
        Duration::from_millis(least)..Duration::from_millis(most)
    }

    pub(super) fn degraded(&mut self, at: SimTime, links: Links, change: QualityChange) {
        let until = at + self.span();
        self.put(at, until, Fault::Degrade { links, change });
    }

    /// Links that are slow in one direction, slow among servers and not for
    /// clients, or lose what is large: whoever pings them finds them well.
    pub(super) fn gray_link(&mut self, at: SimTime) {
        let nodes = self.shuffled();
        let (node, peers) = (nodes[0], sorted(&nodes[1..]));
        let one = Links::one(node, nodes[1]);
        let hears = Links::OneWay {
            from: peers.clone(),
            to: vec![node],
        };
        let says = Links::OneWay {
            from: vec![node],
            to: peers,
        };
        let server = *self.draw.pick(&self.servers);
        let others = self.servers.iter().copied().filter(|it| *it != server);
        let others: Vec<NodeId> = others.collect();
        let kind = self.draw.below(4);
        let latency = Some(self.latency());
        let over = *self.draw.pick(&[40, 100, 300, 1000]);
        let large = Some(Loss {
            share: *self.draw.pick(&[50, 100].map(PerMillion::percent)),
            over: Some(over),
        });
        let slow = QualityChange {
            latency,
            ..QualityChange::default()
        };
        match kind {
            0 => {
                let links = self.draw.pick(&[one, hears, says]).clone();
                self.degraded(at, links, slow);
            }
            1 if !others.is_empty() => {
                let until = at + self.span();
                for (from, to) in [(vec![server], others.clone()), (others, vec![server])] {
                    let links = Links::OneWay { from, to };
                    let change = slow.clone();
                    self.put(at, until, Fault::Degrade { links, change });
                }
            }
            _ => {
                let links = self
                    .draw
                    .pick(&[one, hears, says, Links::Of(vec![node]), Links::All])
                    .clone();
                let change = QualityChange {
                    loss: large,
                    ..QualityChange::default()
                };
                self.degraded(at, links, change);
            }
        }
    }

    /// Single messages overtake nobody for an election or a minute, or come again.
    pub(super) fn late_messages(&mut self, at: SimTime) {
        let node = self.node();
        let links = self
            .draw
            .pick(&[Links::All, Links::All, Links::Of(vec![node])])
            .clone();
        let share = *self.draw.pick(&[1, 3, 10, 30].map(PerMillion::percent));
        let times = [(500, 3_000), (500, 10_000), (2_000, 60_000)];
        let (least, most) = *self.draw.pick(&times);
        let by = Duration::from_millis(least)..Duration::from_millis(most);
        let late = Some(Late { share, by });
        let mut change = QualityChange::default();
        match self.draw.below(3) {
            0 => change.repeat = late,
            _ => change.hold = late,
        }
        self.degraded(at, links, change);
    }

    pub(super) fn corruption(&mut self, at: SimTime) {
        let node = self.node();
        let links = self.draw.pick(&[Links::All, Links::Of(vec![node])]).clone();
        let share = *self.draw.pick(&[1, 5, 20].map(PerMillion::percent));
        let change = QualityChange {
            corrupt: Some(Corruption {
                share,
                unchecked: false,
            }),
            ..QualityChange::default()
        };
        self.degraded(at, links, change);
    }
}
