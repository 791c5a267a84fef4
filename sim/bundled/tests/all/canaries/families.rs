//! A canary for each family of faults, as schedules are drawn of it.
//!
//! A family whose schedules are empty, or do nothing, breaks no promise, and fails here.

use snowglobe::draw::{Purpose, Streams};
use snowglobe::faults::{FaultFamily, FaultProfile, Incident, Membership, generate};
use snowglobe::seed::Seed;
use snowglobe::time::SimTime;

use super::promises::Promise;
use super::umpire::Run;

/// The promise that each family must break. A new family does not compile without one.
const fn canary(family: FaultFamily) -> Promise {
    match family {
        FaultFamily::Partitions | FaultFamily::Cuts => Promise::NothingIsLost,
        FaultFamily::Links | FaultFamily::LateMessages => Promise::NothingComesTwice,
        FaultFamily::GrayLinks | FaultFamily::Corruption => Promise::NothingIsLost,
        FaultFamily::Crashes | FaultFamily::DiskErrors | FaultFamily::Zones => {
            Promise::NobodyGoesDown
        }
        FaultFamily::MidStepCrashes => Promise::NothingForgotten,
        FaultFamily::Pauses | FaultFamily::SlowNodes | FaultFamily::SlowDisks => {
            Promise::AnsweredInTime
        }
        FaultFamily::Clocks => Promise::ClocksAgree,
        FaultFamily::Damage => Promise::NobodyRefuses,
        FaultFamily::GroupCrashes => Promise::GroupsStayUp,
        FaultFamily::GroupPartitions => Promise::GroupsAreHeard,
    }
}

/// What is promised where nothing else is, so that a family does not break it either.
fn members() -> Membership {
    Membership::groups([3, 3], 0)
}

fn drawn(seed: u64, family: FaultFamily) -> Vec<Incident> {
    let mut draw = Streams::new(Seed(seed)).open(Purpose::Schedule);
    let profile = FaultProfile::quiet().with(family, 1);
    generate(&mut draw, &members(), SimTime::from_millis(6000), &profile)
}

const SEEDS: u64 = 40;

#[test]
fn every_family_bites() {
    for family in FaultFamily::ALL {
        let promise = canary(family);
        let run = Run {
            members: members(),
            length: std::time::Duration::from_secs(6),
            ..Run::watching(promise)
        };
        assert_eq!(run.clone().broken(0), None, "{promise:?} breaks by itself");
        let broken = |seed: &u64| {
            let faults = drawn(*seed, family);
            run.clone().with(faults).broken(*seed).is_some()
        };
        let found = (0..SEEDS).find(broken);
        assert!(found.is_some(), "{family} never breaks {promise:?}");
    }
}
