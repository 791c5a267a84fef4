//! Two clusters in one world, each with a leader of its own.

use snowglobe_systems::ledger::Ledger;
use snowglobe_systems::process::InvocationId;
use snowglobe_systems::raft::Voters;
use snowglobe_systems::replica::{self, Outcome, Replica};

use super::*;
use snowglobe::faults::{Fault, Membership};
use snowglobe::seed::Seed;
use snowglobe::world::engine;
use snowglobe::world::network::LinkQuality;
use snowglobe::world::{Blueprint, Director};

type Node = Replica<Ledger>;

/// Those of Raft watch over one cluster, and here are two.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Nothing;

impl Invariants<Node> for Nothing {}

/// Looks at the world three seconds after each of its faults, and lets the next happen.
#[derive(Clone)]
struct Looks {
    faults: Vec<&'static str>,
    look: fn(&World<Node, Nothing>, usize),
    looked: usize,
}

const LATER: Duration = Duration::from_secs(3);

impl Director<Node, Nothing> for Looks {
    fn begin(&mut self, world: &mut World<Node, Nothing>) {
        world.alarm(LATER, 0);
    }
    fn alarm(&mut self, world: &mut World<Node, Nothing>, _token: u64) {
        (self.look)(world, self.looked);
        if let Some(words) = self.faults.get(self.looked) {
            let fault: Fault = words.parse().expect("the words of a fault");
            world.apply_fault(&fault);
            world.alarm(LATER, 0);
        }
        self.looked += 1;
    }
    fn returned(
        &mut self,
        _world: &mut World<Node, Nothing>,
        _invocation: InvocationId,
        _outcome: Outcome<Ledger>,
    ) {
    }
    fn is_over(&mut self, _world: &mut World<Node, Nothing>) -> bool {
        self.looked > self.faults.len()
    }
}

fn clusters() -> Membership {
    Membership::groups([3, 5], 0)
}

/// Lets faults happen to a cluster of three and one of five, and looks before,
/// between and after them.
fn run(faults: &[&'static str], look: fn(&World<Node, Nothing>, usize)) {
    let config = |cluster: &Vec<NodeId>| {
        let mut config = replica::Config::of(1);
        config.voters = Voters::new(cluster.iter().copied());
        vec![config; cluster.len()]
    };
    let blueprint = Blueprint {
        seed: Seed(1),
        configs: clusters().each_group().iter().flat_map(config).collect(),
        links: LinkQuality::default(),
        sync: Duration::ZERO..Duration::ZERO,
        checkpoint_bytes: 4096,
        faults: Vec::new(),
        batch: 1,
        step_budget: 1_000_000,
    };
    let director = Looks {
        faults: faults.to_vec(),
        look,
        looked: 0,
    };
    let (finished, director) = std::thread::spawn(move || engine::run(blueprint, director))
        .join()
        .expect("what is looked at is so");
    assert_eq!(finished.breakage, None);
    assert_eq!(director.looked, faults.len() + 1);
}

#[test]
fn each_cluster_has_its_own_leader_and_followers() {
    run(&[], |world, _| {
        for cluster in clusters().each_group() {
            let (leader, _) = leader_among(world, cluster).expect("one leads");
            assert!(cluster.contains(&leader));
            let reached: Vec<NodeId> = within_reach(world, leader).collect();
            assert_eq!(&reached, cluster);
            assert!(is_followed_by_all_among(world, cluster));
            let followers = who_among(world, "followers", cluster).expect("a known name");
            assert_eq!(followers.len(), cluster.len() - 1);
            assert_eq!(who_among(world, "leaders", cluster), Some(vec![leader]));
        }
    });
}

#[test]
fn one_cluster_without_a_majority_does_not_borrow_from_the_other() {
    run(
        &["partition n1 | n2 | n3 n4 n5 n6 n7 n8"],
        |world, looked| {
            let [three, five] = clusters().each_group().to_vec().try_into().expect("two");
            assert!(is_followed_by_all_among(world, &five));
            assert_eq!(is_followed_by_all_among(world, &three), looked == 0);
            if looked == 1 {
                assert_eq!(
                    leader_among(world, &three),
                    None,
                    "n3 reaches no other of its own"
                );
            }
        },
    );
}

#[test]
fn who_is_down_reaches_nobody() {
    run(&["crash n1 losing unsynced"], |world, looked| {
        let reached = within_reach(world, NodeId(1)).count();
        assert_eq!(reached, [3, 0][looked]);
        let three = clusters().each_group()[0].clone();
        assert!(is_followed_by_all_among(world, &three));
    });
}

/// Whoever led is alone, and another has committed an entry of its own since.
#[test]
fn who_cannot_hear_a_leader_that_is_not_well_need_not_catch_up() {
    run(&["partition n3 | n1 n2 n4 n5 n6 n7 n8"], |world, looked| {
        let three = clusters().each_group()[0].clone();
        let (leader, _) = leader_among(world, &three).expect("one leads");
        if looked == 0 {
            assert_eq!(leader, LED_AT_FIRST);
            assert_eq!(lags(world, &three), None);
        } else {
            let apart = [LED_AT_FIRST];
            assert!(lags(world, &three).is_some(), "all should be well");
            assert_eq!(lags(world, &apart), None, "its leader is not well");
            assert!(lags(world, &[LED_AT_FIRST, leader]).is_some());
        }
    });
}

/// Who leads the cluster of three with the seed of these tests.
const LED_AT_FIRST: NodeId = NodeId(3);
