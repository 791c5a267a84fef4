//! The sequential object that the controller must look like.
//!
//! It says by itself what each command means, and takes from the controller
//! only how shards are shared out, whose promises the invariants watch: a controller
//! that misunderstands a command would otherwise be judged by itself.

mod machine;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::fmt::{self, Debug};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use snowglobe_checkers::linearizability::{Claims, Leaves, Legal, Numbering, Specification, Timed};
use snowglobe_systems::digest::Digest;
use snowglobe_systems::process::NodeId;
use snowglobe_systems::shardctrler::{
    Command, Configuration, Controller, GroupId, Number, Query, Refusal, Response, rebalance,
};

use self::machine::Pasts;

/// What an operator asks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Ask {
    Change(Command),
    Look(Query),
}

/// What an operator is told.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Told {
    Done(Response),
    Shown(Configuration),
}

/// A controller whose operations come one at a time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ShardControl<'a> {
    /// The configurations that replicas have made, by their numbers, from the first on; none
    /// where operators alone are believed. An order that makes these is one of those that
    /// there are without them, and sooner found: operators that crash leave dozens of changes
    /// behind, each of which may have come to pass at any time, and few are told what did.
    pub(super) made: &'a [Configuration],
}

impl ShardControl<'static> {
    /// What operators were told is all that is known.
    pub(super) const BY_OPERATORS: Self = Self { made: &[] };
}

/// The newest configuration and all before it. They are shared, so that a
/// state costs one configuration, and are compared by their digest.
#[derive(Clone)]
pub(super) struct Past(Arc<Link>);

struct Link {
    configuration: Configuration,
    before: Option<Arc<Link>>,
    /// Of this configuration and all before it.
    digest: u64,
    /// Whether a group has ever joined.
    is_settled: bool,
}

impl Past {
    fn first() -> Self {
        Self(Link::after(None, Controller::default().newest().clone()))
    }

    pub(super) fn newest(&self) -> &Configuration {
        &self.0.configuration
    }

    /// The configuration of a number; the newest without one, or if it is not there yet.
    fn at(&self, number: Option<Number>) -> &Configuration {
        let mut link = &self.0;
        if let Some(number) = number {
            while link.configuration.number > number {
                link = link.before.as_ref().expect("numbers begin with 0");
            }
        }
        &link.configuration
    }

    /// What a command answers, and what it leaves.
    fn after(&self, command: &Command) -> (Response, Self) {
        let newest = self.newest();
        let next = match self.changed(command) {
            Err(refusal) => return (Response::Refused(refusal), self.clone()),
            Ok(next) => next,
        };
        let what = |it: &Configuration| (it.groups.clone(), it.owners.clone(), it.partitioner);
        if what(&next) == what(newest) {
            return (Response::Unchanged(newest.number), self.clone());
        }
        let response = Response::Changed(next.number);
        (response, Self(Link::after(Some(&self.0), next)))
    }

    /// The next configuration, which may be like this one but for its number.
    fn changed(&self, command: &Command) -> Result<Configuration, Refusal> {
        let newest = self.newest();
        let mut next = newest.clone();
        next.number = newest.number.next();
        match command {
            Command::Divide { shards: 0, .. } => return Err(Refusal::NoShards),
            Command::Divide { .. } if self.0.is_settled => return Err(Refusal::Settled),
            Command::Divide {
                shards,
                partitioner,
            } => {
                next.owners = vec![None; usize::from(*shards)];
                next.partitioner = *partitioner;
            }
            Command::Join { groups } => {
                for (group, servers) in groups {
                    if servers.is_empty() {
                        return Err(Refusal::NoServers(*group));
                    }
                    next.groups.insert(*group, servers.clone());
                }
                let mut all: Vec<NodeId> = Vec::new();
                for (group, servers) in &next.groups {
                    for server in servers {
                        if all.contains(server) {
                            return Err(Refusal::SharedServer(*group, *server));
                        }
                        all.push(*server);
                    }
                }
            }
            Command::Leave { groups } => {
                for group in groups {
                    next.groups.remove(group);
                }
            }
            Command::Move { shard, to } => {
                if !next.groups.contains_key(to) {
                    return Err(Refusal::NoSuchGroup(*to));
                }
                match next.owners.get_mut(usize::from(shard.0)) {
                    Some(owner) => *owner = Some(*to),
                    None => return Err(Refusal::NoSuchShard(*shard)),
                }
            }
        }
        if !next.groups.keys().eq(newest.groups.keys()) {
            rebalance(&mut next.owners, &next.groups.keys().copied().collect());
        }
        Ok(next)
    }
}

impl Link {
    fn after(before: Option<&Arc<Self>>, configuration: Configuration) -> Arc<Self> {
        let mut digest = Digest::new();
        digest.word(before.map_or(0, |before| before.digest));
        configuration.hash(&mut digest);
        let was_settled = before.is_some_and(|before| before.is_settled);
        Arc::new(Self {
            is_settled: was_settled || !configuration.groups.is_empty(),
            configuration,
            before: before.cloned(),
            digest: digest.value(),
        })
    }
}

impl Drop for Link {
    /// One after the other: a long past would take a deep stack.
    fn drop(&mut self) {
        let mut before = self.before.take();
        while let Some(mut link) = before.and_then(Arc::into_inner) {
            before = link.before.take();
        }
    }
}

impl PartialEq for Past {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Past {}

impl PartialOrd for Past {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Past {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |past: &Self| (past.newest().number, past.0.digest);
        key(self).cmp(&key(other))
    }
}

impl Hash for Past {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.digest.hash(state);
    }
}

impl Debug for Past {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.newest().fmt(f)
    }
}

impl Specification for ShardControl<'_> {
    type State = Past;
    type Input = Ask;
    type Output = Told;
    type Key = ();
    type Next = Option<Past>;

    fn initial(&self) -> Past {
        Past::first()
    }

    fn key(&self, _: &Ask) {}

    fn step(&self, past: &Past, ask: &Ask, told: Option<&Told>) -> Option<Past> {
        match (ask, told) {
            (Ask::Look(_), None) => Some(past.clone()),
            (Ask::Look(query), Some(Told::Shown(shown))) => {
                (past.at(query.number) == shown).then(|| past.clone())
            }
            (Ask::Change(command), None) => Some(past.after(command).1),
            (Ask::Change(command), Some(Told::Done(response))) => {
                let (right, next) = past.after(command);
                (right == *response).then_some(next)
            }
            // An answer that belongs to another question.
            (Ask::Look(_), Some(Told::Done(_))) | (Ask::Change(_), Some(Told::Shown(_))) => None,
        }
    }

    fn claims(&self, ask: &Ask, told: Option<&Told>) -> Claims<Past> {
        match (ask, told) {
            (Ask::Look(_), None) => Claims::new(Legal::Everywhere, Leaves::Same),
            (Ask::Look(_), Some(_))
            | (_, Some(Told::Done(Response::Unchanged(_) | Response::Refused(_)))) => {
                Claims::new(Legal::Depends, Leaves::Same)
            }
            _ => Claims::NONE,
        }
    }

    fn machine_in_time<'a>(
        &'a self,
        operations: Vec<Timed<'a, Ask, Told>>,
    ) -> Box<dyn Numbering<Past> + 'a> {
        let untimed = operations.into_iter().map(Timed::untimed);
        Box::new(Pasts::new(self, untimed.collect()))
    }

    fn weight(&self, past: &Past) -> usize {
        const SHARD: usize = size_of::<Option<GroupId>>();
        const GROUP: usize = 64;
        let newest = past.newest();
        size_of::<Link>() + SHARD * newest.owners.len() + GROUP * newest.groups.len()
    }

    fn describe_operation(&self, ask: &Ask, told: Option<&Told>) -> String {
        let told = match told {
            None => return asked(ask),
            Some(Told::Done(Response::Changed(number))) => number.to_string(),
            Some(Told::Done(Response::Unchanged(number))) => format!("as in {number}"),
            Some(Told::Done(Response::Refused(refusal))) => format!("refused, {refusal:?}"),
            Some(Told::Shown(configuration)) => format!("{configuration:?}"),
        };
        format!("{} -> {told}", asked(ask))
    }
}

/// What is asked, in words.
pub(super) fn asked(ask: &Ask) -> String {
    let list = |groups: &mut dyn Iterator<Item = &GroupId>| {
        let names: Vec<String> = groups.map(ToString::to_string).collect();
        names.join(", ")
    };
    match ask {
        Ask::Change(Command::Divide {
            shards,
            partitioner,
        }) => format!("divide({shards}, {partitioner:?})"),
        Ask::Change(Command::Join { groups }) => format!("join({})", list(&mut groups.keys())),
        Ask::Change(Command::Leave { groups }) => format!("leave({})", list(&mut groups.iter())),
        Ask::Change(Command::Move { shard, to }) => format!("move({shard}, {to})"),
        Ask::Look(Query { number: None }) => "query()".to_owned(),
        Ask::Look(Query { number: Some(it) }) => format!("query({it})"),
    }
}
