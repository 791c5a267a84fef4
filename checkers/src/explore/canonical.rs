//! Of all states that differ in nothing but who has which name, one.
//!
//! The form is exact: two states have the same one if and only if some renaming
//! leads from one to the other. Nodes are put in the order of a signature that no
//! renaming changes; of all renamings that keep this order the one is taken
//! that makes the state least, as a list of digests. Where several do, what the
//! invariants remember decides.

use std::sync::{Arc, RwLock};

use hashbrown::HashTable;
use snowglobe_systems::digest::Digest;
use snowglobe_systems::invariants::Invariants;
use snowglobe_systems::process::{NodeId, Process};
use snowglobe_systems::renaming::Renaming;

use super::state::{Member, MessageOf, pair};
use super::{Action, Event, Setting, Shared, SmallWorld, State, Symmetry};

/// All renamings of a setting, and what was renamed so far.
pub(super) struct Names<S: Setting> {
    /// All of them, the one that changes nothing first.
    renamings: Vec<Renaming>,
    alike: Vec<NodeId>,
    members: Memo<Member<S::Process>>,
    messages: Memo<<S::Process as Process>::Message>,
    /// The signature of a node, by its digest.
    signatures: RwLock<HashTable<(u64, u64)>>,
}

/// What was renamed so far, by digest and number of the renaming.
type Memo<T> = RwLock<HashTable<(u64, Renamed<T>)>>;

/// A value, the number of a renaming, and the value under it.
type Renamed<T> = (Shared<T>, usize, Shared<T>);

impl<S: Setting> Names<S> {
    pub(super) fn new(setting: &S) -> Self {
        let nodes = setting.configs().len();
        let alike: Vec<NodeId> = setting
            .symmetry()
            .map_or_else(Vec::new, |symmetry| symmetry.alike().to_vec());
        let renamings = orders_of(&alike)
            .into_iter()
            .map(|order| {
                let mut names: Vec<NodeId> = (0..nodes).map(NodeId::at).collect();
                for (old, new) in alike.iter().zip(order) {
                    names[old.position()] = new;
                }
                Renaming::new(names)
            })
            .collect();
        Self {
            renamings,
            alike,
            members: Memo::default(),
            messages: Memo::default(),
            signatures: RwLock::default(),
        }
    }
}

/// All orders of some names, the given one first.
fn orders_of(names: &[NodeId]) -> Vec<Vec<NodeId>> {
    if names.is_empty() {
        return vec![Vec::new()];
    }
    let mut orders = Vec::new();
    for place in 0..names.len() {
        let mut rest = names.to_vec();
        let first = rest.remove(place);
        for order in orders_of(&rest) {
            orders.push([vec![first], order].concat());
        }
    }
    orders
}

fn remembered<T: Eq>(
    memo: &Memo<T>,
    old: &Shared<T>,
    number: usize,
    make: impl FnOnce() -> Shared<T>,
) -> Shared<T> {
    let mut key = Digest::new();
    key.word(old.digest());
    key.word(number as u64);
    let key = key.value();
    let find = |table: &HashTable<(u64, Renamed<T>)>| {
        let found = table.find(key, |(known, (from, by, _))| {
            *known == key && *by == number && from == old
        });
        found.map(|(_, (_, _, value))| value.clone())
    };
    if let Some(value) = find(&memo.read().expect("nothing is renamed under the lock")) {
        return value;
    }
    let value = make();
    let mut table = memo.write().expect("nothing is renamed under the lock");
    if let Some(value) = find(&table) {
        return value;
    }
    let renamed = (old.clone(), number, value.clone());
    table.insert_unique(key, (key, renamed), |(key, _)| *key);
    value
}

type SymmetryOf<'a, S> = &'a dyn Symmetry<<S as Setting>::Process, <S as Setting>::Invariants>;

impl<S: Setting> SmallWorld<S> {
    /// The one state that stands for all that differ in nothing but names.
    pub fn canonical(&self, state: State<S>) -> State<S> {
        self.canonical_by(state).0
    }

    /// As [`canonical`](Self::canonical), and the number of the renaming that leads there.
    fn canonical_by(&self, state: State<S>) -> (State<S>, usize) {
        let Some(symmetry) = self.setting.symmetry().filter(|_| self.reductions.symmetry) else {
            return (state, 0);
        };
        let candidates = self.candidates(symmetry, &state);
        let mut best: Option<(Vec<u64>, Vec<usize>)> = None;
        for number in candidates {
            let key = self.key(symmetry, &state, number);
            match &mut best {
                Some((least, numbers)) if key == *least => numbers.push(number),
                Some((least, _)) if key > *least => {}
                _ => best = Some((key, vec![number])),
            }
        }
        let (_, numbers) = best.expect("names can be left as they are");
        let mut invariants: Vec<_> = numbers
            .into_iter()
            .map(|number| {
                let renaming = &self.names.renamings[number];
                let value = match number {
                    0 => state.invariants.clone(),
                    _ => Shared::new(symmetry.invariants(&state.invariants, renaming)),
                };
                (value, number)
            })
            .collect();
        invariants.sort_by_key(|(value, number)| (value.digest(), *number));
        let (invariants, number) = invariants.swap_remove(0);
        (self.renamed(symmetry, state, number, invariants), number)
    }

    /// What happens to a state, when it is known what happens to its canonical form.
    pub(super) fn under_own_names(
        &self,
        state: &State<S>,
        actions: Vec<Action<S::Process>>,
    ) -> Vec<Action<S::Process>> {
        let (_, number) = self.canonical_by(state.clone());
        let Some(symmetry) = self.setting.symmetry().filter(|_| number != 0) else {
            return actions;
        };
        let back = self.names.renamings[number].inverse();
        let renamed = actions
            .iter()
            .map(|action| renamed_action(symmetry, action, &back));
        renamed.collect()
    }

    /// What nodes are called in a state, when it is known what they are called in
    /// its canonical form; in ascending order.
    pub(super) fn own_names(&self, state: &State<S>, nodes: &[NodeId]) -> Vec<NodeId> {
        let (_, number) = self.canonical_by(state.clone());
        let mut names = nodes.to_vec();
        if self.setting.symmetry().is_some() && number != 0 {
            let back = self.names.renamings[number].inverse();
            names = names.into_iter().map(|node| back.of(node)).collect();
        }
        names.sort_unstable();
        names
    }

    /// A state under a renaming.
    pub(super) fn under_names(&self, state: &State<S>, number: usize) -> State<S> {
        let Some(symmetry) = self.setting.symmetry() else {
            return state.clone();
        };
        let renaming = &self.names.renamings[number];
        let invariants = Shared::new(symmetry.invariants(&state.invariants, renaming));
        self.renamed(symmetry, state.clone(), number, invariants)
    }

    /// How far clients came, and who does not see whom, under a renaming.
    pub(super) fn rest_by(
        &self,
        clients: &mut [super::Progress],
        cut: &mut [(NodeId, NodeId)],
        number: usize,
    ) {
        let renaming = &self.names.renamings[number];
        let open = clients.iter_mut().flat_map(|client| &mut client.open);
        for (_, node) in open {
            *node = renaming.of(*node);
        }
        for ends in &mut *cut {
            *ends = pair(renaming.of(ends.0), renaming.of(ends.1));
        }
        cut.sort_unstable();
    }

    /// How many renamings there are; the first changes nothing.
    pub(super) fn renamings(&self) -> usize {
        match self.reductions.symmetry {
            true => self.names.renamings.len(),
            false => 1,
        }
    }

    /// A name under a renaming.
    pub(super) fn name_by(&self, node: NodeId, number: usize) -> NodeId {
        self.names.renamings[number].of(node)
    }

    /// The state of a node under a renaming.
    pub(super) fn member_by(
        &self,
        member: &Shared<Member<S::Process>>,
        number: usize,
    ) -> Shared<Member<S::Process>> {
        match self.setting.symmetry() {
            Some(symmetry) => self.member(symmetry, member, number),
            None => member.clone(),
        }
    }

    /// What invariants remember under a renaming.
    pub(super) fn memory_by(
        &self,
        memory: &Shared<S::Invariants>,
        number: usize,
    ) -> Shared<S::Invariants> {
        match self.setting.symmetry().filter(|_| number != 0) {
            Some(symmetry) => {
                let renaming = &self.names.renamings[number];
                Shared::new(symmetry.invariants(memory, renaming))
            }
            None => memory.clone(),
        }
    }

    /// Where the node stood that has this name under a renaming.
    pub(super) fn origin_by(&self, node: NodeId, number: usize) -> NodeId {
        self.names.renamings[number].origin(node)
    }

    /// A message under a renaming.
    pub(super) fn message_by(
        &self,
        message: &Shared<MessageOf<S>>,
        number: usize,
    ) -> Shared<MessageOf<S>> {
        match self.setting.symmetry() {
            Some(symmetry) => self.message(symmetry, message, number),
            None => message.clone(),
        }
    }

    /// The renamings that put the nodes in the order of their signatures.
    fn candidates(&self, symmetry: SymmetryOf<'_, S>, state: &State<S>) -> Vec<usize> {
        let nodes = state.nodes.iter();
        let signatures: Vec<u64> = nodes
            .map(|member| self.signature(symmetry, member))
            .collect();
        self.sorting(&signatures)
    }

    /// The renamings that put nodes with these signatures in their order.
    pub(super) fn sorting(&self, signatures: &[u64]) -> Vec<usize> {
        let all = self.names.renamings.iter().enumerate();
        let sorts = |renaming: &Renaming| {
            let new_order = self.names.alike.iter().map(|name| renaming.origin(*name));
            new_order.is_sorted_by_key(|old| signatures[old.position()])
        };
        all.filter(|(_, renaming)| sorts(renaming))
            .map(|(number, _)| number)
            .collect()
    }

    /// A number that a node keeps under all names.
    pub(super) fn signature_of(&self, member: &Shared<Member<S::Process>>) -> u64 {
        let symmetry = self.setting.symmetry();
        symmetry.map_or(0, |symmetry| self.signature(symmetry, member))
    }

    /// A number that a node keeps under all names: the least of its digests under them.
    fn signature(&self, symmetry: SymmetryOf<'_, S>, member: &Shared<Member<S::Process>>) -> u64 {
        let digest = member.digest();
        let known = {
            let table = self
                .names
                .signatures
                .read()
                .expect("only looked up under the lock");
            let found = table.find(digest, |(known, _)| *known == digest);
            found.map(|(_, signature)| *signature)
        };
        known.unwrap_or_else(|| {
            let numbers = 0..self.names.renamings.len();
            let signature = numbers
                .map(|number| self.member(symmetry, member, number).digest())
                .min()
                .expect("names can be left as they are");
            let mut table = self
                .names
                .signatures
                .write()
                .expect("only filled under the lock");
            if table.find(digest, |(known, _)| *known == digest).is_none() {
                table.insert_unique(digest, (digest, signature), |(digest, _)| *digest);
            }
            signature
        })
    }

    fn member(
        &self,
        symmetry: SymmetryOf<'_, S>,
        member: &Shared<Member<S::Process>>,
        number: usize,
    ) -> Shared<Member<S::Process>> {
        if number == 0 {
            return member.clone();
        }
        let renaming = &self.names.renamings[number];
        remembered(&self.names.members, member, number, || {
            let process = member.process.as_ref();
            self.locals.values.member(&Shared::new(Member {
                process: process.map(|process| symmetry.process(process, renaming)),
                durable: symmetry.durable(&member.durable, renaming),
                armed: member.armed.clone(),
            }))
        })
    }

    fn message(
        &self,
        symmetry: SymmetryOf<'_, S>,
        message: &Shared<<S::Process as Process>::Message>,
        number: usize,
    ) -> Shared<<S::Process as Process>::Message> {
        if number == 0 {
            return message.clone();
        }
        let renaming = &self.names.renamings[number];
        remembered(&self.names.messages, message, number, || {
            let renamed = symmetry.message(message, renaming);
            self.locals.values.message(renamed)
        })
    }

    /// All that names stand in, under a renaming, but for what the invariants remember.
    fn key(&self, symmetry: SymmetryOf<'_, S>, state: &State<S>, number: usize) -> Vec<u64> {
        let renaming = &self.names.renamings[number];
        let mut key = Vec::with_capacity(state.nodes.len() + 2 * state.network.flights().len() + 4);
        for place in 0..state.nodes.len() {
            let old = renaming.origin(NodeId::at(place));
            let member = self.member(symmetry, &state.nodes[old.position()], number);
            key.push(member.digest());
        }
        let network = self.network(symmetry, state, number);
        for flight in network.flights() {
            key.push(flight.ends());
            key.push(flight.message.digest());
        }
        for client in &state.clients {
            for (invocation, node) in &client.open {
                key.push(invocation.0 << 16 | u64::from(renaming.of(*node).0));
            }
        }
        for (one, other) in renamed_cuts(state, renaming) {
            key.push(u64::from(one.0) << 16 | u64::from(other.0));
        }
        key
    }

    fn network(
        &self,
        symmetry: SymmetryOf<'_, S>,
        state: &State<S>,
        number: usize,
    ) -> super::Network<<S::Process as Process>::Message> {
        let renaming = &self.names.renamings[number];
        state.network.map(|flight| {
            let message = self.message(symmetry, &flight.message, number);
            (renaming.of(flight.from), renaming.of(flight.to), message)
        })
    }

    fn renamed(
        &self,
        symmetry: SymmetryOf<'_, S>,
        state: State<S>,
        number: usize,
        invariants: Shared<S::Invariants>,
    ) -> State<S> {
        if number == 0 {
            return state;
        }
        let renaming = &self.names.renamings[number];
        let nodes = (0..state.nodes.len())
            .map(|place| {
                let old = renaming.origin(NodeId::at(place));
                self.member(symmetry, &state.nodes[old.position()], number)
            })
            .collect();
        let mut clients = state.clients.clone();
        for client in &mut clients {
            for (_, node) in &mut client.open {
                *node = renaming.of(*node);
            }
        }
        let broken = state.broken.as_ref().map(|violation| {
            let mut violation = (**violation).clone();
            for node in &mut violation.nodes {
                *node = renaming.of(*node);
            }
            Arc::new(violation)
        });
        State {
            nodes,
            network: self.network(symmetry, &state, number),
            invariants,
            clients,
            cut: renamed_cuts(&state, renaming),
            broken,
            ahead: state.ahead,
            judge: state.judge,
            calls: state.calls,
            spent: state.spent,
            depth: state.depth,
        }
    }
}

fn renamed_action<P: Process, I: Invariants<P>>(
    symmetry: &dyn Symmetry<P, I>,
    action: &Action<P>,
    renaming: &Renaming,
) -> Action<P> {
    match action {
        Action::Input {
            event,
            choices,
            crash_after,
        } => Action::Input {
            choices: choices.clone(),
            event: match event {
                Event::Deliver {
                    from,
                    to,
                    message,
                    stays,
                } => Event::Deliver {
                    from: renaming.of(*from),
                    to: renaming.of(*to),
                    message: Shared::new(symmetry.message(message, renaming)),
                    stays: *stays,
                },
                Event::Timeout { node, timer } => Event::Timeout {
                    node: renaming.of(*node),
                    timer: *timer,
                },
                Event::Invoke { client, node } => Event::Invoke {
                    client: *client,
                    node: renaming.of(*node),
                },
            },
            crash_after: *crash_after,
        },
        Action::Crash(node) => Action::Crash(renaming.of(*node)),
        Action::Restart {
            node,
            choices,
            crash_after,
        } => Action::Restart {
            node: renaming.of(*node),
            choices: choices.clone(),
            crash_after: *crash_after,
        },
        Action::Cut(one, other) => Action::Cut(renaming.of(*one), renaming.of(*other)),
        Action::Hold(one, other) => Action::Hold(renaming.of(*one), renaming.of(*other)),
        Action::Mend(one, other) => Action::Mend(renaming.of(*one), renaming.of(*other)),
    }
}

fn renamed_cuts<S: Setting>(state: &State<S>, renaming: &Renaming) -> Vec<(NodeId, NodeId)> {
    let cuts = state.cut.iter();
    let mut cuts: Vec<_> = cuts
        .map(|(one, other)| pair(renaming.of(*one), renaming.of(*other)))
        .collect();
    cuts.sort_unstable();
    cuts
}
