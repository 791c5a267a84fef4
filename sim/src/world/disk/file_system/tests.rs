//! What a disk keeps and what it loses.

use super::*;
use crate::draw::{Draw, Purpose, Streams};
use crate::seed::Seed;
use crate::world::disk::{CrashMode, RotSite};

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
fn rot_flips_synced_bits_only() {
    let (mut disk, file) = disk();
    let site = |offset| RotSite {
        file: "a".to_owned(),
        offset,
        bit: 0,
    };
    assert!(disk.rot(&site(1)));
    assert!(!disk.rot(&site(2)));
    assert_eq!(disk.read(file), b"xxz");
}
