//! Whom a story speaks of.

use std::collections::{BTreeMap, BTreeSet};

use snowglobe_systems::invariants::Invariants;
use snowglobe_systems::process::{NodeId, Process};

use super::Teller;
use crate::draw::Draw;
use crate::faults::{Fault, Links};
use crate::scenarios::stuck;
use crate::world::{Broken, World};

/// The names that every story knows.
const NAMES: [&str; 5] = ["all", "up", "down", "cut", "refused"];

/// A name as it stands in a sentence: `$leader`, `$followers.2`, `$down?`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The set of nodes, without signs.
    pub(super) of: String,
    /// How many are drawn from it; all of them without a number.
    pub(super) many: Option<usize>,
    /// Whether it may mean nobody, or fewer than it asks for.
    pub(super) perhaps: bool,
}

impl Name {
    /// Reads a name; `None` if the word does not begin with its sign.
    ///
    /// # Errors
    /// A line that says what is wrong with it.
    pub fn read(word: &str) -> Option<Result<Self, String>> {
        let name = word.strip_prefix('$')?;
        let (name, perhaps) = match name.strip_suffix('?') {
            Some(name) => (name, true),
            None => (name, false),
        };
        let (of, many) = match (name.split_once('.'), name.strip_prefix("any")) {
            (Some((of, many)), _) => (of, Some(many)),
            (None, Some(many)) => ("all", Some(many)),
            (None, None) => (name, None),
        };
        let many = match many.map(str::parse) {
            None => None,
            Some(Ok(many @ 1..)) => Some(many),
            Some(_) => return Some(Err(format!("{word:?} does not say how many"))),
        };
        let of = of.to_owned();
        Some(Ok(Self { of, many, perhaps }))
    }

    /// Whether it says that it may mean nobody.
    #[must_use]
    pub fn may_mean_nobody(&self) -> bool {
        self.perhaps
    }

    fn sign(&self) -> String {
        let many = self.many.map(|many| format!(".{many}")).unwrap_or_default();
        format!("${}{many}", self.of)
    }
}

/// Who is meant by which name, and the dice of the story.
#[derive(Clone, Debug)]
pub struct Cast {
    names: BTreeMap<String, Vec<NodeId>>,
    /// Those that the story has cut off, each from everybody.
    cut_off: BTreeSet<NodeId>,
    /// The story's own dice.
    pub draw: Draw,
}

impl Cast {
    pub(super) fn new(draw: Draw) -> Self {
        Self {
            names: BTreeMap::new(),
            cut_off: BTreeSet::new(),
            draw,
        }
    }

    /// Whether a name is one that every story knows.
    pub(super) fn knows(name: &str) -> bool {
        NAMES.contains(&name)
    }

    pub(super) fn learn(&mut self, name: String, nodes: Vec<NodeId>) {
        self.names.insert(name, nodes);
    }

    /// Everybody of the set that a name draws from.
    pub(super) fn everybody<P: Process, I: Invariants<P>>(
        &self,
        teller: &impl Teller<P, I>,
        world: &World<P, I>,
        name: &Name,
    ) -> Vec<NodeId> {
        let of = name.of.as_str();
        if let Some(nodes) = teller.who(world, of) {
            return nodes;
        }
        if let Some(nodes) = self.names.get(of) {
            return nodes.clone();
        }
        let is_meant = |id: &NodeId| match of {
            "all" => true,
            "up" => world.is_running(*id),
            "down" => world.process(*id).is_none() && world.refusal(*id).is_none(),
            "refused" => world.refusal(*id).is_some(),
            "cut" => self.cut_off.contains(id),
            _ => false,
        };
        world.node_ids().filter(is_meant).collect()
    }

    /// Whom a name means now.
    ///
    /// # Errors
    /// When it means fewer than it asks for, and does not say that it may: a
    /// story that goes on without its villain proves nothing.
    pub fn who<P: Process, I: Invariants<P>>(
        &mut self,
        teller: &impl Teller<P, I>,
        world: &World<P, I>,
        name: &Name,
    ) -> Result<Vec<NodeId>, Broken> {
        let nodes = self.everybody(teller, world, name);
        let wanted = name.many.unwrap_or(1);
        if nodes.len() < wanted && !name.perhaps {
            return Err(stuck(
                "story",
                format!("{} to mean somebody", name.sign()),
                format!("{} of {wanted} nodes", nodes.len()),
            ));
        }
        Ok(match name.many {
            None => nodes,
            Some(many) => {
                let places = self.draw.sample(many, nodes.len());
                places.into_iter().map(|place| nodes[place]).collect()
            }
        })
    }

    /// Remembers whom a fault cuts off, and says what it comes to: who is
    /// joined again does not reach those that are still cut off.
    pub(super) fn notes<P: Process, I: Invariants<P>>(
        &mut self,
        world: &World<P, I>,
        fault: Fault,
    ) -> Vec<Fault> {
        match fault {
            Fault::Cut {
                links: Links::Of(ref nodes),
                ..
            } => self.cut_off.extend(nodes.iter().copied()),
            Fault::Cut {
                links: Links::All, ..
            } => self.cut_off.extend(world.node_ids()),
            Fault::Shape { .. } | Fault::Heal | Fault::Join(Links::All) => self.cut_off.clear(),
            Fault::Join(Links::Of(joined)) => {
                self.cut_off.retain(|id| !joined.contains(id));
                let reached = |id: &NodeId| !self.cut_off.contains(id);
                let reached: Vec<NodeId> = world.node_ids().filter(reached).collect();
                let pairs = joined
                    .iter()
                    .flat_map(|id| reached.iter().map(move |peer| (*id, *peer)));
                return pairs
                    .filter(|(id, peer)| id != peer)
                    .flat_map(|(id, peer)| [Links::one(id, peer), Links::one(peer, id)])
                    .map(Fault::Join)
                    .collect();
            }
            _ => {}
        }
        vec![fault]
    }
}
