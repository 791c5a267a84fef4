//! Of all states that differ in nothing but who has which name, one; by numbers.
//!
//! What [`canonical`](super::super::canonical) says holds here, too. The cluster is put into its
//! form by itself: mostly one renaming leads there, and the bag is renamed by it. Where several
//! do, the cluster is the same under all of them, and the bag decides.

use snowglobe_systems::process::NodeId;

use super::super::{Setting, SmallWorld};
use super::bag::{Bags, Entry};
use super::pack::{Envelope, MEMORY, NODES, Pools, REST};
use super::pool::Number;
use super::table::{Dense, Table};

/// Which renamings lead to the form of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Leading(Vec<u16>);

/// What parts are under other names, as far as it was asked for; by part and renaming.
#[derive(Default)]
pub(super) struct RenamingMemo {
    members: Table<Number>,
    memories: Table<Number>,
    rests: Table<Number>,
    /// By renaming, and then by envelope.
    envelopes: Vec<Dense<Number>>,
    signatures: Dense<u64>,
}

/// A part under a renaming; the first renaming changes nothing.
fn by(
    table: &mut Table<Number>,
    part: Number,
    renaming: usize,
    rename: impl FnOnce() -> Number,
) -> Number {
    if renaming == 0 {
        return part;
    }
    let number = renaming as Number;
    table.get(part, number).unwrap_or_else(|| {
        let renamed = rename();
        table.insert(part, number, renamed);
        renamed
    })
}

impl RenamingMemo {
    /// The form of a cluster, and what leads there.
    pub(super) fn cluster<S: Setting>(
        &mut self,
        world: &SmallWorld<S>,
        pools: &Pools<S>,
        raw: Vec<Number>,
    ) -> (Vec<Number>, Leading) {
        if world.renamings() == 1 {
            return (raw, Leading(vec![0]));
        }
        let nodes = raw[NODES..].iter();
        let signatures: Vec<u64> = nodes
            .map(|member| self.signature(world, pools, *member))
            .collect();
        let mut best: Option<(Vec<u64>, Vec<Number>, Vec<u16>)> = None;
        for renaming in world.sorting(&signatures) {
            let row = self.under(world, pools, &raw, renaming);
            let key = key(pools, &row);
            let name = renaming as u16;
            match &mut best {
                Some((least, same, names)) if key == *least && row == *same => names.push(name),
                Some((least, same, _)) if (&key, &row) > (&*least, &*same) => {}
                _ => best = Some((key, row, vec![name])),
            }
        }
        let (_, row, names) = best.expect("names can be left as they are");
        (row, Leading(names))
    }

    /// A number that a node keeps under all names.
    fn signature<S: Setting>(
        &mut self,
        world: &SmallWorld<S>,
        pools: &Pools<S>,
        member: Number,
    ) -> u64 {
        self.signatures.get(member).unwrap_or_else(|| {
            let value = pools.members.known().value(member).clone();
            let signature = world.signature_of(&value);
            self.signatures.insert(member, signature);
            signature
        })
    }

    /// A cluster under a renaming.
    fn under<S: Setting>(
        &mut self,
        world: &SmallWorld<S>,
        pools: &Pools<S>,
        raw: &[Number],
        renaming: usize,
    ) -> Vec<Number> {
        let mut row = raw.to_vec();
        for (place, member) in row[NODES..].iter_mut().enumerate() {
            let old = world.origin_by(NodeId::at(place), renaming);
            let number = raw[NODES + old.position()];
            *member = by(&mut self.members, number, renaming, || {
                let value = pools.members.known().value(number).clone();
                pools.member(&world.member_by(&value, renaming))
            });
        }
        row[MEMORY] = by(&mut self.memories, raw[MEMORY], renaming, || {
            let value = pools.memories.known().value(raw[MEMORY]).clone();
            let renamed = world.memory_by(&value, renaming);
            pools.memories.number(renamed.digest(), &renamed)
        });
        row[REST] = by(&mut self.rests, raw[REST], renaming, || {
            let mut rest = pools.rests.known().value(raw[REST]).clone();
            world.rest_by(&mut rest.clients, &mut rest.cut, renaming);
            pools.rest(&rest)
        });
        row
    }

    /// The form of a bag, whose cluster came to its own by one of these.
    pub(super) fn bag<S: Setting>(
        &mut self,
        world: &SmallWorld<S>,
        pools: &Pools<S>,
        bags: &mut Bags,
        Leading(names): &Leading,
        raw: &mut Vec<Number>,
    ) {
        if let [renaming] = names[..] {
            self.rename_bag(world, pools, bags, usize::from(renaming), raw);
            return;
        }
        let mut best: Option<(Vec<u64>, Vec<Number>)> = None;
        for renaming in names {
            let mut row = raw.clone();
            self.rename_bag(world, pools, bags, usize::from(*renaming), &mut row);
            let key = bags.key(&row);
            if best
                .as_ref()
                .is_none_or(|(least, same)| (&key, &row) < (least, same))
            {
                best = Some((key, row));
            }
        }
        *raw = best
            .expect("some renaming leads to the form of the cluster")
            .1;
    }

    fn rename_bag<S: Setting>(
        &mut self,
        world: &SmallWorld<S>,
        pools: &Pools<S>,
        bags: &mut Bags,
        renaming: usize,
        row: &mut [Number],
    ) {
        if renaming == 0 {
            return;
        }
        if self.envelopes.len() <= renaming {
            self.envelopes.resize_with(renaming + 1, Dense::default);
        }
        let known = &mut self.envelopes[renaming];
        for entry in &mut *row {
            let whole = Entry(*entry);
            let number = whole.envelope();
            let envelope = known.get(number).unwrap_or_else(|| {
                let Envelope { from, to, message } = pools.envelopes.known().value(number).clone();
                let envelope = pools.envelope(&Envelope {
                    from: world.name_by(from, renaming),
                    to: world.name_by(to, renaming),
                    message: world.message_by(&message, renaming),
                });
                known.insert(number, envelope);
                bags.meet(pools);
                envelope
            });
            *entry = Entry::new(envelope, whole.is_late(), whole.copies()).0;
        }
        bags.sort(row);
    }
}

/// What a cluster is compared by: it is the same in whichever order parts were met.
fn key<S: Setting>(pools: &Pools<S>, row: &[Number]) -> Vec<u64> {
    let members = pools.members.known();
    let nodes = row[NODES..].iter().map(|member| members.digest(*member));
    let memory = pools.memories.known().digest(row[MEMORY]);
    let rest = pools.rests.known().digest(row[REST]);
    nodes.chain([memory, rest]).collect()
}

impl Bags {
    /// Learns of envelopes that were met since.
    pub(super) fn meet<S: Setting>(&mut self, pools: &Pools<S>) {
        let known = pools.envelopes.known();
        for number in self.links.len()..known.len() {
            let number = number as Number;
            let Envelope { from, to, .. } = known.value(number);
            self.links.push((*from, *to));
            self.digests.push(known.digest(number));
        }
    }

    /// What a bag is compared by: it is the same in whichever order envelopes were met.
    fn key(&self, row: &[Number]) -> Vec<u64> {
        let mut key: Vec<u64> = row.iter().map(|entry| self.digest_of(*entry)).collect();
        if !self.in_order {
            key.sort_unstable();
        }
        key
    }
}
