//! What an operator likes to call.

use snowglobe_systems::shardctrler::{
    Command, Configuration, GroupId, Number, Partitioner, Query, Shard,
};

use super::{OF_ANOTHER, join};
use crate::shardctrler::ControllerOptions;
use crate::shardctrler::object::Ask;
use snowglobe::draw::Draw;

/// Draws a call. What the operator was shown last tells it which groups there
/// are, and how far the numbers go.
pub(super) fn draw(
    draw: &mut Draw,
    options: &ControllerOptions,
    shown: Option<&Configuration>,
) -> Ask {
    if draw.below(100) < u64::from(options.queries_in_100) {
        return Ask::Look(query(draw, shown));
    }
    let kind = *draw.weighted(&[(6, 0), (5, 1), (6, 2), (1, 3)]);
    Ask::Change(match kind {
        0 => {
            // Now and then with other servers than usual, or with another group's.
            let variant = *draw.weighted(&[(12, 0), (3, 1), (1, OF_ANOTHER)]);
            join(some(draw, options), variant)
        }
        1 => Command::Leave {
            groups: some(draw, options).into_iter().collect(),
        },
        2 => Command::Move {
            // One more than there are: some ask for nonsense.
            shard: Shard(draw.below(u64::from(options.shards) + 1) as u16),
            to: target(draw, options, shown),
        },
        _ => Command::Divide {
            shards: options.shards,
            partitioner: Partitioner::default(),
        },
    })
}

fn query(draw: &mut Draw, shown: Option<&Configuration>) -> Query {
    let beyond = shown.map_or(0, |shown| shown.number.0) + 3;
    match draw.below(2) {
        0 => Query::NEWEST,
        _ => Query::of(Number(draw.below(beyond))),
    }
}

/// Mostly one group, sometimes some, rarely all.
fn some(draw: &mut Draw, options: &ControllerOptions) -> Vec<GroupId> {
    let all = usize::from(options.groups);
    let many = *draw.weighted(&[(6, 1), (3, 2), (2, 3), (1, all)]);
    let numbers = draw.sample(many.min(all), all);
    numbers.into_iter().map(group).collect()
}

/// A group to move a shard to: mostly one that was there.
fn target(draw: &mut Draw, options: &ControllerOptions, shown: Option<&Configuration>) -> GroupId {
    let there: Vec<GroupId> =
        shown.map_or_else(Vec::new, |shown| shown.groups.keys().copied().collect());
    let anybody = group(draw.index(usize::from(options.groups)));
    match draw.below(4) {
        0 => anybody,
        _ if there.is_empty() => anybody,
        _ => *draw.pick(&there),
    }
}

fn group(place: usize) -> GroupId {
    GroupId(place as u32 + 1)
}
