//! Crashes a storage between any two operations of its disk.

use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::draw::{Purpose, Streams};
use crate::seed::Seed;
use crate::world::disk::{CrashMode, Damage};

/// Everything that was written, so that a lost or a duplicated record shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Everything(Vec<Vec<u8>>);

impl Durable for Everything {
    type Write = Vec<u8>;

    fn apply(&mut self, write: &Vec<u8>) {
        self.0.push(write.clone());
    }
}

type Tested = Storage<Everything>;

/// Small enough for several checkpoints within a few records.
const CHECKPOINT_BYTES: usize = 60;

fn draw(seed: u64) -> Draw {
    Streams::new(Seed(seed)).open(Purpose::Faults)
}

fn record(number: usize) -> Vec<u8> {
    let length = 3 + number * 7 % 30;
    vec![number as u8; length]
}

fn open(disk: &mut SimulatedDisk) -> Result<(Tested, RecoveryReport), RecoveryError> {
    Tested::open(disk, CHECKPOINT_BYTES)
}

/// Opens the disk and persists records until one fails. How many were acknowledged.
fn run(disk: &mut SimulatedDisk, from: usize, until: usize) -> usize {
    let Ok((mut storage, _)) = open(disk) else {
        return from;
    };
    for number in from..until {
        if storage.persist(disk, &record(number)).is_err() {
            assert_eq!(
                storage.persist(disk, &record(number)),
                Err(DiskError::Crashed)
            );
            return number;
        }
    }
    until
}

fn healthy(records: usize) -> SimulatedDisk {
    let mut disk = SimulatedDisk::default();
    assert_eq!(run(&mut disk, 0, records), records);
    disk
}

/// Checks what a recovery gives, and how many records that are.
fn recovered(disk: &mut SimulatedDisk, acknowledged: usize) -> usize {
    let (storage, _) = open(disk).unwrap_or_else(|error| panic!("{error}"));
    let Everything(records) = storage.durable();
    let count = records.len();
    assert!(
        count == acknowledged || count == acknowledged + 1,
        "{acknowledged} records were acknowledged and {count} recovered"
    );
    assert!(records.iter().cloned().eq((0..count).map(record)));
    count
}

#[test]
fn a_crash_between_any_two_operations_loses_nothing_acknowledged() {
    let operations = healthy(24).operations();
    for dies_at in 0..=operations {
        for mode in CrashMode::ALL {
            for seed in 0..8 {
                let mut disk = SimulatedDisk::default();
                disk.cut_power_at(dies_at);
                let acknowledged = run(&mut disk, 0, 24);
                disk.crash(mode, &mut draw(seed));
                let count = recovered(&mut disk, acknowledged);
                // What was repaired must not be in the way of what comes after it.
                assert_eq!(run(&mut disk, count, count + 1), count + 1);
                assert_eq!(recovered(&mut disk, count + 1), count + 1);
                assert_eq!(run(&mut disk, count + 1, 30), 30);
                assert_eq!(recovered(&mut disk, 30), 30);
            }
        }
    }
}

#[test]
fn a_crash_during_a_recovery_loses_nothing_either() {
    let operations = healthy(12).operations();
    for dies_at in 0..=operations {
        for again_after in 0..6 {
            for seed in 0..8 {
                let mut draw = draw(seed);
                let mut disk = SimulatedDisk::default();
                disk.cut_power_at(dies_at);
                let acknowledged = run(&mut disk, 0, 12);
                disk.crash(CrashMode::Tear, &mut draw);
                disk.cut_power_at(disk.operations() + again_after);
                let _ = open(&mut disk);
                disk.crash(CrashMode::Tear, &mut draw);
                recovered(&mut disk, acknowledged);
            }
        }
    }
}

#[test]
fn appended_records_count_when_they_are_committed() -> Result<(), DiskError> {
    for (mode, survivors) in [(CrashMode::Keep, 3), (CrashMode::Lose, 1)] {
        let mut disk = SimulatedDisk::default();
        let (mut storage, _) = open(&mut disk).expect("an empty disk");
        storage.append(&mut disk, &record(0))?;
        assert_eq!(storage.durable().0.len(), 0);
        storage.commit(&mut disk)?;
        storage.append(&mut disk, &record(1))?;
        storage.append(&mut disk, &record(2))?;
        assert_eq!(storage.durable().0.len(), 1);
        disk.crash(mode, &mut draw(0));
        let (storage, _) = open(&mut disk).expect("nothing is damaged");
        assert_eq!(storage.durable().0.len(), survivors);
    }
    Ok(())
}

#[test]
fn checkpoints_keep_the_disk_small() {
    let disk = healthy(200);
    let names: Vec<&str> = disk.names().collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert_eq!(names[0], CHECKPOINT);
}

#[test]
fn a_full_disk_stops_the_storage_and_healing_brings_it_back() {
    let mut disk = healthy(10);
    disk.fill();
    assert_eq!(run(&mut disk, 10, 20), 10);
    disk.heal();
    assert_eq!(run(&mut disk, 10, 20), 20);
    assert_eq!(recovered(&mut disk, 20), 20);
}

#[test]
fn a_failed_sync_stops_the_storage() {
    let mut disk = healthy(1);
    let (mut storage, _) = open(&mut disk).expect("nothing is damaged");
    disk.fail_next_sync();
    assert!(storage.persist(&mut disk, &record(1)).is_err());
    assert_eq!(storage.durable().0.len(), 1);
    assert_eq!(storage.commit(&mut disk), Ok(()));
    assert_eq!(
        storage.append(&mut disk, &record(1)),
        Err(DiskError::Crashed)
    );
}

#[test]
fn a_missing_log_is_not_a_first_boot() {
    let mut disk = healthy(20);
    let log = disk.names().nth(1).expect("a log").to_owned();
    disk.remove(&log).expect("a healthy disk");
    let error = open(&mut disk).expect_err("the log is missing");
    assert_eq!(error, RecoveryError::Missing { file: log });
}

#[test]
fn rot_is_named_with_its_place_and_a_way_out() {
    let mut disk = SimulatedDisk::default();
    let (mut storage, _) = Tested::open(&mut disk, 1000).expect("an empty disk");
    for number in 0..3 {
        storage
            .persist(&mut disk, &record(number))
            .expect("a healthy disk");
    }
    let site = DamageSite {
        file: "wal.0".to_owned(),
        record: 13..36,
        offset: 20,
        bit: 3,
    };
    assert!(disk.damage(Damage::Rot, &site));
    let error = Tested::open(&mut disk, 1000).expect_err("it is rotten");
    assert_eq!(
        error.to_string(),
        "wal.0 is corrupt at byte 13: a damaged record has valid ones behind it; this node must not start from it: replace the disk and let the node join anew"
    );
}

proptest! {
    #[test]
    fn damage_that_is_drawn_is_always_found(
        seed: u64,
        damage in prop::sample::select(&Damage::ALL),
        records in 0..40_usize,
        threshold in 40..2000_usize,
    ) {
        let mut disk = SimulatedDisk::default();
        let (mut storage, _) = Tested::open(&mut disk, threshold).expect("an empty disk");
        for number in 0..records {
            storage.persist(&mut disk, &record(number)).expect("a healthy disk");
        }
        let mut draw = draw(seed);
        match site_of_damage(&disk, &mut draw) {
            None => prop_assert!(records < 2),
            Some(site) => {
                prop_assert!(disk.damage(damage, &site));
                // Neither the crash that follows nor a second look may hide it.
                prop_assert_eq!(site_of_damage(&disk, &mut draw), None);
                disk.crash(CrashMode::Tear, &mut draw);
                let error = Tested::open(&mut disk, threshold).expect_err("it is rotten");
                prop_assert!(error.to_string().contains(&site.file), "{}", error);
            }
        }
    }
}

/// A vote is appended, the process dies before its sync, and is recovered from
/// what its machine still holds; then the power goes.
#[test]
fn what_a_recovery_has_read_survives_the_next_power_failure() {
    let mut draw = draw(1);
    for unsynced in 1..20 {
        let mut disk = healthy(3);
        let (mut storage, _) = open(&mut disk).expect("a healthy disk");
        for number in 0..unsynced {
            storage
                .append(&mut disk, &record(number))
                .expect("a healthy disk");
        }
        disk.crash(CrashMode::Leave, &mut draw);
        let (storage, _) = open(&mut disk).expect("what is there can be read");
        let read = storage.durable().clone();
        assert_eq!(read.0.len(), 3 + unsynced);
        disk.crash(CrashMode::Lose, &mut draw);
        let (storage, _) = open(&mut disk).expect("and it was synced");
        assert_eq!(storage.durable(), &read);
    }
}

/// The process dies between any two operations of a checkpoint, and the power goes later.
#[test]
fn a_process_may_die_anywhere_and_the_power_go_later() {
    let mut draw = draw(2);
    for operations in 0..200 {
        let mut disk = SimulatedDisk::default();
        disk.cut_power_at(operations);
        let acknowledged = run(&mut disk, 0, 12);
        disk.crash(CrashMode::Leave, &mut draw);
        let (storage, _) = open(&mut disk).expect("what is there can be read");
        let read = storage.durable().clone();
        assert!(read.0.len() >= acknowledged);
        disk.crash(CrashMode::Lose, &mut draw);
        let (storage, _) = open(&mut disk).expect("and it was synced");
        assert_eq!(storage.durable(), &read);
    }
}

/// A sync fails and gives up its records, the process starts again on what can still be read, writes
/// more, and its syncs succeed; then the power goes.
#[test]
fn what_a_failed_sync_gave_up_is_written_again() {
    for given_up in 1..20 {
        let mut disk = healthy(3);
        let (mut storage, _) = open(&mut disk).expect("a healthy disk");
        for number in 0..given_up {
            storage
                .append(&mut disk, &record(number))
                .expect("a healthy disk");
        }
        disk.drop_next_sync(true);
        assert!(storage.commit(&mut disk).is_err());
        disk.crash(CrashMode::Leave, &mut draw(1));
        let (mut storage, _) = open(&mut disk).expect("what is there can be read");
        storage
            .persist(&mut disk, &record(0))
            .expect("the next sync succeeds");
        let acknowledged = storage.durable().clone();
        assert_eq!(acknowledged.0.len(), 3 + given_up + 1);
        disk.crash(CrashMode::Lose, &mut draw(1));
        let (storage, _) = open(&mut disk).expect("nothing is damaged");
        assert_eq!(storage.durable(), &acknowledged);
    }
}

#[test]
fn a_disk_that_cannot_be_read_may_be_read_later_and_a_bad_sector_never() {
    let mut disk = healthy(5);
    disk.set_unreadable(true);
    let error = open(&mut disk).expect_err("it cannot be read");
    assert!(matches!(error, RecoveryError::Disk(_)), "{error}");
    disk.set_unreadable(false);
    assert_eq!(recovered(&mut disk, 5), 5);
    let site = site_of_damage(&disk, &mut draw(0)).expect("there is a checkpoint");
    assert!(disk.damage(Damage::BadSector, &site));
    let error = open(&mut disk).expect_err("a sector cannot be read");
    assert!(matches!(error, RecoveryError::Unreadable { .. }), "{error}");
}
