//! The folder of a campaign: nobody else writes there meanwhile, and nothing is written over.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::scenarios::file::Scenario;

/// The name of the file that says who writes there.
const LOCK: &str = "campaign.lock";

/// Keeps others out for as long as it lives, however its process ends.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "held, and never read")] File);

impl Lock {
    /// Takes a folder.
    ///
    /// # Errors
    /// When somebody else has it, with the number of that process, or nothing can be written.
    pub(super) fn take(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let path = folder.join(LOCK);
        let mut options = OpenOptions::new();
        let mut file = options
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut process = String::new();
                file.read_to_string(&mut process)?;
                return Err(io::Error::other(format!(
                    "process {} has a campaign under way there",
                    process.trim()
                )));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        file.set_len(0)?;
        writeln!(file, "{}", std::process::id())?;
        Ok(Self(file))
    }
}

/// Writes a scenario under its system and seed. A file that is there and says something else
/// stays: then it gets a number behind its name.
///
/// # Errors
/// When the folder or the file cannot be written.
pub fn save(folder: &Path, scenario: &Scenario) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let text = scenario.to_toml();
    let name = format!("{}-{:016x}", scenario.system, scenario.seed.0);
    let mut number = 1;
    loop {
        let path = match number {
            1 => folder.join(format!("{name}.toml")),
            _ => folder.join(format!("{name}-{number}.toml")),
        };
        match fs::read_to_string(&path) {
            Ok(there) if there == text => return Ok(path),
            Ok(_) => number += 1,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // Whole or not at all, whenever this process is killed.
                let unfinished = path.with_extension("toml.tmp");
                let mut file = File::create(&unfinished)?;
                file.write_all(text.as_bytes())?;
                file.sync_data()?;
                fs::rename(unfinished, &path)?;
                return Ok(path);
            }
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn a_folder_belongs_to_one_campaign_and_is_free_after_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let lock = Lock::take(folder.path()).expect("it is free");
        let refused = Lock::take(folder.path())
            .expect_err("it is taken")
            .to_string();
        assert!(
            refused.contains(&std::process::id().to_string()),
            "{refused}"
        );
        drop(lock);
        Lock::take(folder.path()).expect("it is free again");
    }

    #[test]
    fn what_is_there_is_not_written_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut scenario = Scenario::calm("raft", 3, Seed(7));
        let first = save(folder.path(), &scenario).expect("it is written");
        assert_eq!(save(folder.path(), &scenario).expect("it is there"), first);
        scenario.nodes = 5;
        let second = save(folder.path(), &scenario).expect("it is written");
        assert_ne!(first, second);
        assert!(
            fs::read_to_string(first)
                .expect("it is there")
                .contains("nodes = 3")
        );
        assert!(
            fs::read_to_string(second)
                .expect("it is there")
                .contains("nodes = 5")
        );
        let files = fs::read_dir(folder.path()).expect("a folder").count();
        assert_eq!(files, 2, "nothing unfinished is left");
    }
}
