//! Who is healed when progress is demanded, and who stays ill, and how.
//!
//! Whomever a system promises to do without may stay as ill as it is, or get worse:
//! a minority of each group, all but a few of the clients that share one work, or
//! one single link, cut in one direction. Whoever is healed has no excuse.

use std::time::Duration;

use snowglobe_systems::invariants::Invariants;
use snowglobe_systems::process::{NodeId, Process};

use crate::draw::{Draw, PerMillion};
use crate::faults::{CrashMoment, Fault, Links, Membership, Nodes};
use crate::world::World;
use crate::world::disk::CrashMode;

/// What a system must do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Missing {
    /// Some of each group, and some of the crowd.
    Nodes,
    /// One link, in one direction.
    Link,
    /// Nobody, but for those who cannot be healed.
    Nothing,
}

/// What ails a node as long as the run lasts, beside what already did.
const AILMENTS: [Ailment; 8] = [
    Ailment::None,
    Ailment::Deaf,
    Ailment::Mute,
    Ailment::CutOff,
    Ailment::Dead,
    Ailment::Slow,
    Ailment::Hurried,
    Ailment::DeafAndHurried,
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ailment {
    /// Whatever it has.
    None,
    /// It hears nobody.
    Deaf,
    /// Nobody hears it.
    Mute,
    /// Both.
    CutOff,
    /// Its process is gone for good.
    Dead,
    /// Each step takes long.
    Slow,
    /// Its timers fire three times as often.
    Hurried,
    /// Nobody can calm it down.
    DeafAndHurried,
}

/// Heals a world as far as the draw wants, and at least as far as progress can be
/// demanded. Everybody who has no excuse; `None` if a group has no majority that can
/// run, or a crowd nobody.
pub fn heal<P: Process, I: Invariants<P>>(
    world: &mut World<P, I>,
    members: &Membership,
    draw: &mut Draw,
) -> Option<Vec<NodeId>> {
    let missing = *draw.weighted(&[
        (5, Missing::Nodes),
        (2, Missing::Link),
        (1, Missing::Nothing),
    ]);
    let mut well = Vec::new();
    for set in members.sets() {
        let mut candidates = set.nodes.to_vec();
        draw.shuffle(&mut candidates);
        let spare = set.nodes.len() - set.least;
        let ill = draw.below(spare as u64 + 1) as usize;
        let wanted = match missing {
            // Most of the time as few as will do: what is there to spare hides most.
            Missing::Nodes if draw.below(3) > 0 => set.least,
            Missing::Nodes => set.nodes.len() - ill,
            Missing::Link | Missing::Nothing => set.nodes.len(),
        };
        let chosen = heal_some(world, &candidates, wanted);
        if chosen.len() < set.least {
            return None;
        }
        well.extend(chosen);
    }
    let everybody: Vec<NodeId> = world.node_ids().collect();
    let ill: Vec<NodeId> = everybody
        .into_iter()
        .filter(|id| !well.contains(id))
        .collect();
    heal_links(world, members, &well, &ill);
    world.phase(&format!("healed: {well:?}"));
    for id in &ill {
        let ailment = *draw.pick(&AILMENTS);
        world.phase(&format!("stays ill: {id}, {ailment:?}"));
        make_ill(world, *id, ailment);
    }
    if missing == Missing::Link && ill.is_empty() {
        // Whoever is at an end of it may have an excuse.
        if let Some((from, to)) = cut_one_link(world, members, draw) {
            well.retain(|id| ![from, to].contains(id));
        }
    }
    Some(well)
}

/// Links among those who are well are well. So are those between groups, and between
/// clients and groups: nobody but those whom a client reaches can serve it, a group
/// may follow a leader that is not among the healed, and between groups there is
/// nobody else to speak for it.
fn heal_links<P: Process, I: Invariants<P>>(
    world: &mut World<P, I>,
    members: &Membership,
    well: &[NodeId],
    ill: &[NodeId],
) {
    let group_of = |id: NodeId| {
        let mut groups = members.each_group().iter();
        groups.position(|group| group.contains(&id))
    };
    let crowd = members.crowd().unwrap_or(&[]);
    world.heal_links(|from, to| {
        let of_ill_of_crowd = [from, to]
            .iter()
            .any(|id| ill.contains(id) && crowd.contains(id));
        let apart = || {
            let (one, other) = (group_of(from), group_of(to));
            one.is_none() || other.is_none() || one != other
        };
        let both = well.contains(&from) && well.contains(&to);
        both || !of_ill_of_crowd && apart()
    });
}

/// Cuts a link that the system can do without, in one direction. Which, if there is any.
fn cut_one_link<P: Process, I: Invariants<P>>(
    world: &mut World<P, I>,
    members: &Membership,
    draw: &mut Draw,
) -> Option<(NodeId, NodeId)> {
    let may_go: Vec<(NodeId, NodeId)> = world
        .network()
        .pairs()
        .filter(|(from, to)| members.can_lose_link(*from, *to))
        .collect();
    if may_go.is_empty() {
        return None;
    }
    let (from, to) = *draw.pick(&may_go);
    world.phase(&format!("stays cut: {from} -> {to}"));
    let links = Links::one(from, to);
    let holds = false;
    world.apply_fault(&Fault::Cut { links, holds });
    Some((from, to))
}

/// Heals the first candidates that can run, until they are so many; returns them.
fn heal_some<P: Process, I: Invariants<P>>(
    world: &mut World<P, I>,
    candidates: &[NodeId],
    wanted: usize,
) -> Vec<NodeId> {
    // Nodes that already refuse to start are passed over; one that turns out
    // to be damaged when it starts is replaced by the next.
    let mut chosen: Vec<NodeId> = Vec::new();
    for id in candidates {
        if chosen.len() == wanted {
            break;
        }
        if world.refusal(*id).is_some() {
            continue;
        }
        world.heal_node(*id);
        if world.is_running(*id) {
            chosen.push(*id);
        }
    }
    chosen
}

fn make_ill<P: Process, I: Invariants<P>>(world: &mut World<P, I>, id: NodeId, ailment: Ailment) {
    let peers: Vec<NodeId> = world.node_ids().filter(|peer| *peer != id).collect();
    let cut = |from: Vec<NodeId>, to: Vec<NodeId>| {
        let links = Links::OneWay { from, to };
        let holds = false;
        Fault::Cut { links, holds }
    };
    let (deaf, mute) = (cut(peers.clone(), vec![id]), cut(vec![id], peers.clone()));
    let hurried = Fault::Clock {
        nodes: Nodes::one(id),
        rate: HURRIED,
    };
    let faults = match ailment {
        Ailment::None => vec![],
        Ailment::Hurried => vec![hurried],
        Ailment::Dead => vec![Fault::Crash {
            nodes: Nodes::one(id),
            mode: CrashMode::Lose,
            moment: CrashMoment::AtOnce,
        }],
        Ailment::Slow => vec![Fault::Slow {
            nodes: Nodes::one(id),
            by: SLOW.0..SLOW.1,
        }],
        // Alone it hears nobody anyway.
        _ if peers.is_empty() => vec![],
        Ailment::Deaf => vec![deaf],
        Ailment::Mute => vec![mute],
        Ailment::CutOff => vec![deaf, mute],
        Ailment::DeafAndHurried => vec![deaf, hurried],
    };
    for fault in faults {
        world.apply_fault(&fault);
    }
}

/// The clock of a node that hurries: its timers fire three times as often.
const HURRIED: PerMillion = PerMillion::percent(300);
/// How long a slow node needs for a step.
const SLOW: (Duration, Duration) = (Duration::from_millis(20), SLOWEST_STEP);
/// The longest that it needs.
pub const SLOWEST_STEP: Duration = Duration::from_millis(200);
