//! What a disk keeps and what it loses.

use super::*;
use crate::draw::{Draw, Purpose, Streams};
use crate::seed::Seed;
use crate::world::disk::{CrashMode, Damage, DamageSite};

fn draw(seed: u64) -> Draw {
    Streams::new(Seed(seed)).open(Purpose::Faults)
}

/// A disk with a durable file `a` of three bytes, two of them synced.
fn disk() -> (SimulatedDisk, FileId) {
    let mut disk = SimulatedDisk::default();
    let build = |disk: &mut SimulatedDisk| {
        let file = disk.create("a")?;
        disk.append(file, b"xy")?;
        disk.sync(file)?;
        disk.sync_directory()?;
        disk.append(file, b"z")?;
        Ok::<_, DiskError>(file)
    };
    let file = build(&mut disk).expect("a healthy disk");
    (disk, file)
}

#[test]
fn a_crash_spares_what_was_synced() {
    let contents = [CrashMode::Keep, CrashMode::Lose].map(|mode| {
        let (mut disk, file) = disk();
        disk.crash(mode, &mut draw(1));
        disk.read(file).to_vec()
    });
    assert_eq!(contents, [b"xyz".to_vec(), b"xy".to_vec()]);
    for seed in 0..100 {
        let (mut disk, file) = disk();
        let loss = disk.crash(CrashMode::Tear, &mut draw(seed));
        assert!(disk.read(file).starts_with(b"xy"));
        assert_eq!(disk.read(file).len() + loss.bytes_lost, 3);
        assert_eq!(disk.used(), disk.read(file).len());
    }
}

/// A thousand bytes are written and not synced, and the power goes.
fn torn(seed: u64) -> Vec<u8> {
    let (mut disk, file) = disk();
    disk.append(file, &[b'u'; 1000]).expect("a healthy disk");
    disk.crash(CrashMode::Tear, &mut draw(seed));
    disk.read(file)[2..].to_vec()
}

#[test]
fn a_torn_write_ends_anywhere_and_its_last_sector_may_be_anything() {
    let torn: Vec<Vec<u8>> = (0..400).map(torn).collect();
    let written = |byte: &u8| *byte == b'u' || *byte == b'z';
    for (from, to) in [(0, 250), (250, 500), (500, 750), (750, 1002)] {
        let ends = torn.iter().filter(|rest| (from..to).contains(&rest.len()));
        assert!(ends.count() > 50, "few end from {from} to {to}");
    }
    let garbled = |rest: &&Vec<u8>| !rest.iter().all(written);
    let (mut zeros, mut noise) = (0, 0);
    for rest in torn.iter().filter(garbled) {
        let first = rest.iter().position(|byte| !written(byte)).expect("one is");
        assert!(rest.len() - first <= 512, "no more than a sector");
        match rest[first..].iter().all(|byte| *byte == 0) {
            true => zeros += 1,
            false => noise += 1,
        }
    }
    assert!(zeros > 50 && noise > 50, "{zeros} and {noise}");
}

/// All that is written and not synced is kept, or lost; a process that dies leaves it unsynced.
#[test]
fn what_is_not_synced_is_kept_lost_or_left() {
    let ends = |mode| {
        let (mut disk, file) = disk();
        disk.crash(mode, &mut draw(1));
        (disk.read(file).to_vec(), disk.is_unsynced(file))
    };
    assert_eq!(ends(CrashMode::Keep), (b"xyz".to_vec(), false));
    assert_eq!(ends(CrashMode::Lose), (b"xy".to_vec(), false));
    assert_eq!(ends(CrashMode::Leave), (b"xyz".to_vec(), true));
}

#[test]
fn a_synced_file_without_a_synced_name_is_gone() -> Result<(), DiskError> {
    let (mut disk, _) = disk();
    let file = disk.create("b")?;
    disk.append(file, b"synced")?;
    disk.sync(file)?;
    disk.crash(CrashMode::Lose, &mut draw(1));
    assert_eq!(disk.names().collect::<Vec<_>>(), ["a"]);
    Ok(())
}

/// Errors that were asked for and did not come are taken back.
#[test]
fn healing_takes_back_what_was_to_fail() {
    let (mut disk, file) = disk();
    disk.fail_next_write();
    disk.fail_next_sync();
    disk.fill();
    disk.heal();
    assert_eq!(disk.append(file, b"q"), Ok(()));
    assert_eq!(disk.sync(file), Ok(()));
}

#[test]
fn directory_operations_survive_in_their_order() -> Result<(), DiskError> {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..100 {
        let (mut disk, _) = disk();
        disk.create("b")?;
        disk.rename("b", "a")?;
        disk.create("c")?;
        disk.crash(CrashMode::Tear, &mut draw(seed));
        let a = disk.lookup("a").expect("synced before the crash");
        seen.insert((disk.names().collect::<Vec<_>>().join(" "), a));
    }
    let expected = [
        ("a", FileId(0)),
        ("a", FileId(1)),
        ("a b", FileId(0)),
        ("a c", FileId(1)),
    ];
    assert!(
        seen.iter()
            .map(|(names, a)| (names.as_str(), *a))
            .eq(expected)
    );
    Ok(())
}

#[test]
fn a_full_disk_writes_nothing_and_heals() {
    let (mut disk, file) = disk();
    disk.set_capacity(Some(5));
    let error = disk.append(file, b"abc").expect_err("too much");
    assert_eq!(
        error.to_string(),
        "disk full: a needs 3 bytes and 2 are free"
    );
    assert_eq!(disk.append(file, b"ab"), Ok(()));
    disk.fill();
    assert!(disk.append(file, b"c").is_err());
    disk.heal();
    assert_eq!(disk.append(file, b"c"), Ok(()));
}

#[test]
fn an_error_comes_once() {
    let (mut disk, file) = disk();
    disk.fail_next_write();
    let error = disk.append(file, b"q").expect_err("told to fail");
    assert_eq!(error.to_string(), "I/O error: cannot write to a");
    disk.fail_next_sync();
    assert!(disk.sync(file).is_err());
    assert_eq!(disk.read_synced(file), b"xy");
    assert_eq!(disk.sync(file), Ok(()));
    assert_eq!(disk.read(file), b"xyz");
}

#[test]
fn only_what_was_synced_is_damaged() {
    let site = |record| DamageSite {
        file: "a".to_owned(),
        record,
        offset: 1,
        bit: 0,
    };
    for (damage, content) in [
        (Damage::Rot, b"xxz"),
        (Damage::LostWrite, b"\0\0z"),
        (Damage::MisdirectedWrite, b"z\0z"),
        (Damage::BadSector, b"xyz"),
    ] {
        let (mut disk, file) = disk();
        assert!(!disk.damage(damage, &site(0..3)), "{damage:?}");
        assert!(disk.damage(damage, &site(0..2)), "{damage:?}");
        assert_eq!(disk.read(file), content, "{damage:?}");
        assert_eq!(disk.try_read(file).is_err(), damage == Damage::BadSector);
    }
}

#[test]
fn a_sync_that_gives_up_leaves_what_can_be_read_until_the_power_goes() {
    let (mut disk, file) = disk();
    disk.drop_next_sync(true);
    let error = disk.sync(file).expect_err("told to fail");
    assert_eq!(error.to_string(), "I/O error: cannot sync a");
    assert!(disk.has_dropped());
    assert_eq!(disk.append(file, b"w"), Ok(()));
    assert_eq!(disk.sync(file), Ok(()), "the next one succeeds");
    disk.crash(CrashMode::Leave, &mut draw(0));
    assert_eq!(disk.read(file), b"xyzw");
    let loss = disk.crash(CrashMode::Keep, &mut draw(0));
    assert_eq!(disk.read(file), b"xy\0w");
    assert_eq!(loss.bytes_dropped, 1);
}

#[test]
fn errors_that_last_end_when_they_are_told_to() {
    let (mut disk, file) = disk();
    disk.set_failing(true);
    for _ in 0..2 {
        assert!(disk.append(file, b"q").is_err());
        assert!(disk.sync(file).is_err());
        assert!(disk.sync_directory().is_err());
    }
    disk.set_failing(false);
    assert_eq!(disk.sync(file), Ok(()));
    disk.set_unreadable(true);
    assert!(disk.try_read(file).is_err());
    disk.set_unreadable(false);
    assert_eq!(disk.try_read(file), Ok(&b"xyz"[..]));
}
