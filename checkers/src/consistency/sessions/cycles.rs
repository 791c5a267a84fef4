//! Circles in a graph: what no order can satisfy.

use std::collections::VecDeque;

use super::graph::{Graph, Label, Place};

/// How many nodes may be visited for the sake of a shorter circle.
///
/// One search from each version finds the shortest of all, at a price that grows
/// with the square of the graph. Beyond this a short one must do; whether there
/// is any is always decided exactly.
const EFFORT: usize = 10_000_000;

/// A step from a version to one that must not be older.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hop {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) because: Because,
}

/// Why a version must not be older than another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Because {
    /// The other is the first one.
    First,
    /// This swap found the one and left the other.
    Swap(usize),
    /// One client met the one and then the other.
    Session {
        line: usize,
        earlier: usize,
        later: usize,
    },
    /// The text that was read shows them in this order.
    Text,
}

/// A shortest circle through more than one version.
pub(super) fn shortest(graph: &Graph) -> Option<Vec<Hop>> {
    let component = components(graph);
    let mut sizes = vec![0usize; graph.edges.len()];
    for version in 0..graph.versions {
        sizes[component[version]] += 1;
    }
    let mut starts = (0..graph.versions)
        .filter(|version| sizes[component[*version]] > 1)
        .peekable();
    starts.peek()?;
    let back = graph.reversed();
    let mut effort = EFFORT;
    let mut best: Option<(u32, Vec<Hop>)> = None;
    for start in starts {
        let there = Reach::new(graph, &component, start);
        let home = Reach::new(&back, &component, start);
        let turn = (0..graph.versions)
            .filter(|version| *version != start)
            .filter_map(|version| {
                let length = there.distance(version)? + home.distance(version)?;
                Some((length, version))
            })
            .min();
        if let Some((length, turn)) = turn
            && best.as_ref().is_none_or(|(shortest, _)| length < *shortest)
        {
            let mut steps: Vec<_> = there.steps(turn).map(Step::turned).collect();
            steps.reverse();
            steps.extend(home.steps(turn));
            best = Some((length, hops(&steps)));
            // Two versions are the fewest there can be.
            if length == 2 {
                break;
            }
        }
        effort = effort.saturating_sub(2 * graph.edges.len());
        if effort == 0 {
            break;
        }
    }
    best.map(|(_, hops)| hops)
}

/// How far everything is from one version, within its component.
struct Reach {
    start: usize,
    /// For each node: how far it is, the node before it, and the edge from there.
    found: Vec<Option<(u32, usize, Label)>>,
}

impl Reach {
    /// Breadth first, edges that cost nothing before the others.
    fn new(graph: &Graph, component: &[usize], start: usize) -> Self {
        let mut found = vec![None; graph.edges.len()];
        let mut queue = VecDeque::from([(0, start)]);
        found[start] = Some((0, start, Label::Pass));
        while let Some((distance, node)) = queue.pop_front() {
            if found[node].is_some_and(|(best, _, _)| best < distance) {
                continue;
            }
            for edge in &graph.edges[node] {
                if component[edge.to] != component[start] {
                    continue;
                }
                let further = distance + edge.label.cost();
                let known: Option<(u32, usize, Label)> = found[edge.to];
                if known.is_some_and(|(best, _, _)| best <= further) {
                    continue;
                }
                found[edge.to] = Some((further, node, edge.label));
                if further == distance {
                    queue.push_front((further, edge.to));
                } else {
                    queue.push_back((further, edge.to));
                }
            }
        }
        Self { start, found }
    }

    fn distance(&self, node: usize) -> Option<u32> {
        self.found[node].map(|(distance, _, _)| distance)
    }

    /// The way from a node to the start, along the edges of the graph if that
    /// was turned round, else against them.
    fn steps(&self, node: usize) -> impl Iterator<Item = Step> {
        let mut from = node;
        std::iter::from_fn(move || {
            let (_, to, label) = self.found[from].filter(|_| from != self.start)?;
            let step = Step { from, to, label };
            from = to;
            Some(step)
        })
    }
}

/// An edge with both its ends.
#[derive(Clone, Copy)]
struct Step {
    from: usize,
    to: usize,
    label: Label,
}

impl Step {
    fn turned(self) -> Self {
        Self {
            from: self.to,
            to: self.from,
            label: self.label,
        }
    }
}

/// The same way without the gates.
fn hops(steps: &[Step]) -> Vec<Hop> {
    let mut hops = Vec::new();
    let mut entered = None;
    for Step { from, to, label } in steps.iter().copied() {
        let (from, because) = match (label, entered) {
            (Label::First, _) => (from, Because::First),
            (Label::Swap(number), _) => (from, Because::Swap(number)),
            (Label::Enter(place), _) => {
                entered = Some((from, place));
                continue;
            }
            (Label::Leave(later), Some((from, earlier))) => (from, between(earlier, later)),
            (Label::Pass | Label::Leave(_), _) => continue,
        };
        hops.push(Hop { from, to, because });
    }
    hops
}

/// Why there is a way from the gate behind one event to the version of another:
/// gates only lead on within their line.
fn between(earlier: Place, later: Place) -> Because {
    match (earlier, later) {
        (
            Place::Session {
                line,
                event: earlier,
            },
            Place::Session { event: later, .. },
        ) => Because::Session {
            line,
            earlier,
            later,
        },
        _ => Because::Text,
    }
}

/// For each node, the number of its strongly connected component: nodes have
/// the same one if each can be reached from the other. After Tarjan,
/// "Depth-First Search and Linear Graph Algorithms" (1972), without recursion.
fn components(graph: &Graph) -> Vec<usize> {
    const NONE: usize = usize::MAX;
    let count = graph.edges.len();
    let mut component = vec![NONE; count];
    // When each node was met, and the earliest node that it leads back to.
    let mut met = vec![NONE; count];
    let mut low = vec![NONE; count];
    let (mut clock, mut components) = (0, 0);
    let mut open = Vec::new();
    // The nodes on the way, each with the edge to follow next.
    let mut way: Vec<(usize, usize)> = Vec::new();
    for root in 0..count {
        if met[root] == NONE {
            way.push((root, 0));
        }
        while let Some((node, next)) = way.last_mut() {
            let node = *node;
            if *next == 0 {
                met[node] = clock;
                low[node] = clock;
                clock += 1;
                open.push(node);
            }
            if let Some(edge) = graph.edges[node].get(*next) {
                *next += 1;
                if met[edge.to] == NONE {
                    way.push((edge.to, 0));
                } else if component[edge.to] == NONE {
                    low[node] = low[node].min(met[edge.to]);
                }
                continue;
            }
            way.pop();
            if let Some((before, _)) = way.last() {
                low[*before] = low[*before].min(low[node]);
            }
            if low[node] == met[node] {
                while let Some(member) = open.pop() {
                    component[member] = components;
                    if member == node {
                        break;
                    }
                }
                components += 1;
            }
        }
    }
    component
}
