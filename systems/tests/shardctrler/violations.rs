//! The controller's invariants can fail: each story breaks something by hand.

use serde::Serialize;
use snowglobe_systems::invariants::{ClusterView, Invariants as _, NodeView, Violation};
use snowglobe_systems::process::{Durable, Effects, NodeId, Process};
use snowglobe_systems::raft::{LogId, LogIndex, Snapshot, Term, Write};
use snowglobe_systems::replica::{self, Session, SessionId, StateMachine as _};
use snowglobe_systems::service::{ClerkConfig, Config};
use snowglobe_systems::shardctrler::invariants::Chronicle;
use snowglobe_systems::shardctrler::{
    Command, Configuration, Controller, ControllerInvariants, GroupId, Node, Number, Partitioner,
    Shard,
};
use snowglobe_systems::vec_map::VecMap;

pub(crate) const N1: NodeId = NodeId(1);
pub(crate) const N2: NodeId = NodeId(2);

/// A step back, as a controller encodes it.
#[derive(Serialize)]
struct Undo {
    groups: VecMap<GroupId, Option<Vec<NodeId>>>,
    owners: VecMap<Shard, Option<GroupId>>,
    division: Option<(usize, Partitioner)>,
}

impl Undo {
    fn from_to(next: &Configuration, last: &Configuration) -> Self {
        let names = last.groups.keys().chain(next.groups.keys());
        Self {
            groups: names
                .map(|group| (*group, last.groups.get(group).cloned()))
                .collect(),
            owners: last.shards().collect(),
            division: Some((last.owners.len(), last.partitioner)),
        }
    }
}

/// A configuration with these groups, and these owners; 0 is nobody.
pub(crate) fn configuration(number: u64, groups: &[u32], owners: &[u32]) -> Configuration {
    let servers = |group: &u32| (GroupId(*group), vec![NodeId(*group as u16)]);
    let owner = |owner: &u32| (*owner > 0).then_some(GroupId(*owner));
    Configuration {
        number: Number(number),
        groups: groups.iter().map(servers).collect(),
        owners: owners.iter().map(owner).collect(),
        partitioner: Partitioner::default(),
    }
}

/// A controller that made these configurations, whatever they are.
pub(crate) fn forged(made: &[Configuration]) -> Controller {
    let newest = made.last().expect("there is one at least");
    let undo: Vec<Undo> = made
        .windows(2)
        .map(|pair| Undo::from_to(&pair[1], &pair[0]))
        .collect();
    let bytes = postcard::to_allocvec(&(newest, undo, 0u64)).expect("encodes");
    postcard::from_bytes(&bytes).expect("decodes")
}

/// The first configuration, and those that come after it.
pub(crate) fn after_first(shards: usize, made: &[(&[u32], &[u32])]) -> Controller {
    let later = made
        .iter()
        .zip(1..)
        .map(|((groups, owners), number)| configuration(number, groups, owners));
    let first = [Configuration::first(shards)];
    forged(&first.into_iter().chain(later).collect::<Vec<_>>())
}

pub(crate) fn look(controller: &Controller) -> Result<(), Violation> {
    Chronicle::default().look(N1, controller)
}

fn assert_breaks(property: &str, controller: &Controller) {
    let violation = look(controller).expect_err("it breaks a promise");
    assert_eq!(violation.property, property, "{violation}");
}

#[test]
fn what_a_controller_does_is_as_promised() {
    let join = |groups: &[u32]| {
        let servers = |group: &u32| (GroupId(*group), vec![NodeId(*group as u16)]);
        Command::Join {
            groups: groups.iter().map(servers).collect(),
        }
    };
    let mut controller = Controller::default();
    for command in [
        Command::Divide {
            shards: 5,
            partitioner: Partitioner::Hash,
        },
        join(&[1]),
        join(&[2, 3]),
        Command::Move {
            shard: Shard(0),
            to: GroupId(3),
        },
        Command::Leave {
            groups: [GroupId(1)].into(),
        },
        Command::Leave {
            groups: [GroupId(2), GroupId(3)].into(),
        },
    ] {
        controller.apply(LogIndex::ZERO, &command);
    }
    let mut chronicle = Chronicle::default();
    assert_eq!(chronicle.newest(), None);
    assert_eq!(chronicle.look(N1, &controller), Ok(()));
    assert_eq!(chronicle.newest(), Some(controller.newest()));
    let first = chronicle.configuration(Number(0)).expect("it was shown");
    assert_eq!(first, &Configuration::first(10));
    assert_eq!(chronicle.configuration(Number(7)), None);
}

#[test]
fn replicas_that_disagree_are_noticed() {
    let mut chronicle = Chronicle::default();
    let one = after_first(2, &[(&[1], &[1, 1]), (&[1, 2], &[2, 1])]);
    let other = after_first(2, &[(&[1], &[1, 1]), (&[1, 2], &[1, 2])]);
    assert_eq!(chronicle.look(N1, &one), Ok(()));
    let violation = chronicle.look(N2, &other).expect_err("they disagree");
    assert_eq!(
        violation.to_string(),
        "configurations-agree: expected v2 g1 [n1]: sh1 g2 [n2]: sh0, as on n1, \
         found v2 g1 [n1]: sh0 g2 [n2]: sh1 on [n1, n2]"
    );
}

#[test]
fn a_replica_that_jumps_is_compared_on_all_numbers() {
    let mut chronicle = Chronicle::default();
    let (whole, moved): ([u32; 2], [u32; 2]) = ([1, 2], [1, 1]);
    let ends_alike = [(&[1, 2][..], &whole[..]), (&[1, 2], &moved)];
    let other_start = [(&[1, 2][..], &[2, 1][..]), (&[1, 2], &moved)];
    assert_eq!(chronicle.look(N1, &after_first(2, &ends_alike)), Ok(()));
    let other = after_first(2, &other_start);
    let violation = chronicle.look(N2, &other).expect_err("they disagree on v1");
    assert_eq!(violation.property, "configurations-agree");
    assert!(violation.expected.starts_with("v1"), "{violation}");
}

#[test]
fn a_past_that_changed_over_a_restart_is_noticed() {
    let mut chronicle = Chronicle::default();
    let made = [(&[1][..], &[1, 1][..]), (&[1, 2], &[1, 2])];
    assert_eq!(chronicle.look(N1, &after_first(2, &made)), Ok(()));
    let made_anew = [(&[2][..], &[2, 2][..]), (&[1, 2], &[1, 2])];
    let anew = after_first(2, &made_anew);
    assert_eq!(chronicle.look(N1, &anew), Ok(()), "nothing is new");
    chronicle.restarted(N1);
    let violation = chronicle.look(N1, &anew).expect_err("v1 was another");
    assert_eq!(violation.property, "configurations-agree");
}

#[test]
fn a_number_that_goes_back_or_is_left_out_is_noticed() {
    let mut chronicle = Chronicle::default();
    let later = after_first(1, &[(&[1], &[1])]);
    assert_eq!(chronicle.look(N1, &later), Ok(()));
    let earlier = after_first(1, &[]);
    let violation = chronicle.look(N1, &earlier).expect_err("it goes back");
    assert_eq!(violation.property, "number-never-goes-back");
    chronicle.restarted(N1);
    assert_eq!(chronicle.look(N1, &earlier), Ok(()), "a new life may");

    let nothing_new = after_first(2, &[(&[1], &[1, 1]), (&[1], &[1, 1])]);
    assert_breaks("numbers-one-by-one", &nothing_new);
}

#[test]
fn an_owner_that_is_no_group_is_noticed() {
    assert_breaks("owner-is-a-group", &after_first(2, &[(&[1], &[1, 2])]));
    assert_breaks("owner-is-a-group", &after_first(2, &[(&[1], &[1, 0])]));
    assert_breaks(
        "owner-is-a-group",
        &after_first(1, &[(&[1], &[1]), (&[], &[1])]),
    );
}

#[test]
fn a_group_without_servers_is_noticed() {
    let mut joined = configuration(1, &[1], &[1]);
    joined.groups.insert(GroupId(1), Vec::new());
    let first = Configuration::first(1);
    assert_breaks("group-has-servers", &forged(&[first, joined]));
}

#[test]
fn uneven_shares_are_noticed() {
    let uneven = after_first(4, &[(&[1, 2], &[1, 1, 1, 2])]);
    assert_breaks("shards-are-even", &uneven);
    let nothing_for_one = after_first(2, &[(&[1], &[1, 1]), (&[1, 2], &[1, 1])]);
    assert_breaks("shards-are-even", &nothing_for_one);
}

#[test]
fn moves_beyond_the_fewest_are_noticed() {
    let base: &[(&[u32], &[u32])] = &[(&[1, 2], &[1, 1, 1, 2, 2])];
    let then = |groups, owners| after_first(5, &[base, &[(groups, owners)]].concat());
    // Two move to the newcomer; there is no need to take three, nor to swap.
    assert_eq!(look(&then(&[1, 2, 3], &[1, 1, 3, 2, 2])), Ok(()));
    assert_breaks("fewest-moves", &then(&[1, 2, 3], &[1, 3, 3, 2, 2]));
    assert_breaks("fewest-moves", &then(&[1, 2, 3], &[2, 1, 3, 1, 2]));
    // Who stays keeps all.
    assert_eq!(look(&then(&[2], &[2, 2, 2, 2, 2])), Ok(()));
    assert_eq!(look(&then(&[2, 3], &[2, 3, 3, 2, 2])), Ok(()));
    assert_breaks("fewest-moves", &then(&[2, 3], &[2, 2, 2, 3, 3]));
}

#[test]
fn shards_that_move_for_nothing_are_noticed() {
    let base: &[(&[u32], &[u32])] = &[(&[1, 2], &[1, 1, 2, 2])];
    let then = |owners| after_first(4, &[base, &[(&[1, 2], owners)]].concat());
    assert_eq!(look(&then(&[2, 1, 2, 2])), Ok(()), "a move");
    assert_breaks("shards-stay", &then(&[2, 1, 1, 2]));

    let mut moved_again = configuration(2, &[1, 2], &[2, 1, 2, 2]);
    moved_again.groups.insert(GroupId(1), vec![NodeId(7)]);
    let made = [
        Configuration::first(4),
        configuration(1, &[1, 2], &[1, 1, 2, 2]),
        moved_again,
    ];
    assert_breaks("shards-stay", &forged(&made));
}

#[test]
fn shards_divided_anew_are_noticed() {
    let divided = after_first(4, &[(&[], &[0, 0]), (&[1], &[1, 1])]);
    assert_eq!(look(&divided), Ok(()));
    let with_groups = after_first(4, &[(&[1], &[1, 1, 1])]);
    assert_breaks("division-is-settled", &with_groups);
    let after_all_left = after_first(1, &[(&[1], &[1]), (&[], &[0]), (&[], &[0, 0])]);
    assert_breaks("division-is-settled", &after_all_left);
}

/// Servers by their position, each started from a snapshot at an index of its own.
pub(crate) struct Servers(Vec<(Node, Disk)>);

type Disk = <Node as Process>::Durable;

impl Servers {
    pub(crate) fn of(controllers: &[Controller]) -> Self {
        let started = |(place, controller): (usize, &Controller)| {
            let sessions: VecMap<SessionId, Session<()>> = VecMap::new();
            let data =
                postcard::to_allocvec(&(controller, sessions, replica::SessionLimits::default()))
                    .expect("encodes");
            let last = LogId::new(LogIndex(place as u64 + 5), Term(1));
            let mut durable = Disk::default();
            durable.apply(&Write::HardState {
                term: Term(1),
                vote: None,
            });
            let data = data.into();
            durable.apply(&Write::Snapshot {
                snapshot: Snapshot { last, data },
                base: last,
            });
            let config = Config::Server(replica::Config::of(3));
            let effects = &mut Effects::new();
            let node = Node::start(NodeId::at(place), &config, durable.clone(), effects);
            (node, durable)
        };
        Self(controllers.iter().enumerate().map(started).collect())
    }
}

impl ClusterView<Node> for Servers {
    fn len(&self) -> usize {
        self.0.len()
    }
    fn node(&self, id: NodeId) -> NodeView<'_, Node> {
        let (process, durable) = &self.0[id.position()];
        NodeView {
            process: Some(process),
            durable,
        }
    }
}

#[test]
fn every_server_is_looked_at() {
    let one = after_first(2, &[(&[1], &[1, 1]), (&[1, 2], &[2, 1])]);
    let other = after_first(2, &[(&[1], &[1, 1]), (&[1, 2], &[1, 2])]);
    let view = Servers::of(&[one.clone(), other]);
    let mut invariants = ControllerInvariants::default();
    assert_eq!(invariants.started(&view, N1), Ok(()));
    assert_eq!(invariants.newest(), Some(one.newest()));
    let first = invariants.configuration(Number(0));
    assert_eq!(first, Some(&Configuration::first(2)));
    let violation = invariants.started(&view, N2).expect_err("disagree");
    assert_eq!(violation.property, "configurations-agree");
    let violation = invariants.settled(&view, N2).expect_err("still");
    assert_eq!(violation.property, "configurations-agree");
}

#[test]
fn a_server_looks_anew_after_a_restart() {
    let made = [(&[1][..], &[1, 1][..]), (&[1, 2], &[1, 2])];
    let view = Servers::of(&[after_first(2, &made)]);
    let mut invariants = ControllerInvariants::default();
    assert_eq!(invariants.started(&view, N1), Ok(()));
    let other = [(&[2][..], &[2, 2][..]), (&[1, 2], &[1, 2])];
    let view = Servers::of(&[after_first(2, &other)]);
    assert!(invariants.started(&view, N1).is_err(), "another past");
}

#[test]
fn what_a_service_promises_is_watched_too_and_clerks_are_nobody() {
    let mut view = Servers::of(&[after_first(2, &[])]);
    let mut invariants = ControllerInvariants::default();
    assert_eq!(invariants.started(&view, N1), Ok(()));
    // The disk forgot the snapshot and the term.
    let config = Config::Server(replica::Config::of(3));
    let nothing = Disk::default();
    let node = Node::start(N1, &config, nothing.clone(), &mut Effects::new());
    view.0[0] = (node, nothing.clone());
    let violation = invariants.started(&view, N1).expect_err("forgotten");
    assert_eq!(violation.property, "state-survives-crash");

    let config = Config::Clerk(ClerkConfig::of([N2]));
    let clerk = Node::start(N1, &config, nothing.clone(), &mut Effects::new());
    let view = Servers(vec![(clerk, nothing)]);
    let mut invariants = ControllerInvariants::default();
    assert_eq!(invariants.started(&view, N1), Ok(()));
    assert_eq!(invariants.newest(), None);
}
