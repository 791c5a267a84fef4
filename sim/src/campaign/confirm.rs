//! What another process comes to: findings are confirmed, and some runs that held
//! are run once more.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use super::stopwatch::{Stopwatch, wait_a_little};
use super::trial::Trial;

/// What another process came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// The same end.
    Confirmed,
    /// Another end: the run does not depend on its scenario alone.
    Differs(Divergence),
    /// This process had given up waiting, and the other came to an end: the watchdog
    /// is too short, and nothing is known of the run.
    EndedInTime,
    /// It could not be asked, or had not ended in time, and why.
    NotAsked(String),
}

/// Where two further processes went apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Divergence {
    /// The first events of each that differ; none where a run had ended.
    At {
        /// Of the one.
        one: Option<String>,
        /// Of the other.
        other: Option<String>,
    },
    /// They agreed with each other.
    NotSeenAgain,
}

/// What a replay is asked for: a file, or a seed and its system.
fn replay_of<'a>(program: &Path, what: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(program);
    command
        .arg("replay")
        .args(what)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    // Ctrl-C is for the campaign, which then waits for its runs.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command
}

/// Lets `program` replay the file of a run, for no longer than `limit`.
pub(super) fn confirm(program: &Path, file: &Path, trial: &Trial, limit: Duration) -> Confirmation {
    let file = file.display().to_string();
    let what: &[&str] = &[&file];
    let line = match digest(program, what, limit) {
        Err(error) => return Confirmation::NotAsked(format!("the replay failed: {error}")),
        Ok(line) => line,
    };
    match (line, trial) {
        (None, Trial::Hung { .. }) => Confirmation::Confirmed,
        (None, _) => Confirmation::NotAsked(format!("the replay timed out after {limit:?}")),
        (Some(_), Trial::Hung { .. }) => Confirmation::EndedInTime,
        (Some(_), Trial::ToolPanicked { .. }) => {
            Confirmation::NotAsked("the tool itself failed".to_owned())
        }
        (Some(line), Trial::Ran(report)) => {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                [_, _, digest, verdict]
                    if *digest == report.digest.to_string()
                        && *verdict == report.verdict.word() =>
                {
                    Confirmation::Confirmed
                }
                [_, _, _, _] => Confirmation::Differs(divergence(program, what)),
                _ => Confirmation::NotAsked("the replay printed no digest".to_owned()),
            }
        }
    }
}

/// The line that the replay printed; `None` if it had not ended in time.
fn digest(program: &Path, what: &[&str], limit: Duration) -> io::Result<Option<String>> {
    let words = ["--digest"].into_iter().chain(what.iter().copied());
    let mut child = replay_of(program, words).spawn()?;
    if !ends_within(&mut child, limit)? {
        child.kill()?;
        child.wait()?;
        return Ok(None);
    }
    let mut line = String::new();
    if let Some(mut out) = child.stdout.take() {
        out.read_to_string(&mut line)?;
    }
    Ok(Some(line))
}

fn ends_within(child: &mut Child, limit: Duration) -> io::Result<bool> {
    let stopwatch = Stopwatch::start();
    while child.try_wait()?.is_none() {
        if stopwatch.elapsed() > limit {
            return Ok(false);
        }
        wait_a_little();
    }
    Ok(true)
}

/// Runs it twice more, side by side, until two events differ.
fn divergence(program: &Path, what: &[&str]) -> Divergence {
    let timeline = || {
        let words = ["--trace"].into_iter().chain(what.iter().copied());
        let mut child = replay_of(program, words).spawn().ok()?;
        let out = child.stdout.take()?;
        Some((child, BufReader::new(out)))
    };
    let (Some((mut one, mut lines)), Some((mut other, mut other_lines))) = (timeline(), timeline())
    else {
        return Divergence::NotSeenAgain;
    };
    let found = loop {
        match (next(&mut lines), next(&mut other_lines)) {
            (None, None) => break Divergence::NotSeenAgain,
            (one, other) if one == other => {}
            (one, other) => break Divergence::At { one, other },
        }
    };
    for child in [&mut one, &mut other] {
        // Both may be in the middle of it; neither is heard any more.
        let _ = child.kill();
        let _ = child.wait();
    }
    found
}

fn next(lines: &mut BufReader<ChildStdout>) -> Option<String> {
    let mut line = String::new();
    match lines.read_line(&mut line) {
        Ok(1..) => Some(line.trim_end().to_owned()),
        _ => None,
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::campaign::try_scenario;
    use crate::scenarios;
    use crate::seed::Seed;

    const LIMIT: Duration = Duration::from_secs(60);

    /// A program that says what a script says, and a folder that holds it.
    fn program(script: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("snowglobe");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("the script is written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("it may be run");
        (folder, path)
    }

    fn trial() -> Trial {
        let system = scenarios::find("raft").expect("raft is registered");
        try_scenario(&system.draw(Seed(1)), LIMIT)
    }

    #[test]
    fn a_process_that_comes_to_another_end_is_asked_where_it_went_apart() {
        let script = "case $2 in --trace) echo start; echo $$;; *) echo raft 1 ab held;; esac";
        let (_folder, program) = program(script);
        let found = confirm(&program, Path::new("run.toml"), &trial(), LIMIT);
        let Confirmation::Differs(Divergence::At { one, other }) = found else {
            panic!("{found:?}");
        };
        assert_ne!(one, other);
    }

    #[test]
    fn a_process_that_differs_only_from_this_one_says_so() {
        let (_folder, program) = program("echo raft 1 ab held");
        let found = confirm(&program, Path::new("run.toml"), &trial(), LIMIT);
        assert_eq!(found, Confirmation::Differs(Divergence::NotSeenAgain));
    }

    #[test]
    fn whoever_is_too_slow_differs_in_nothing() {
        let (_folder, slow) = program("sleep 5");
        let short = Duration::from_millis(20);
        let found = confirm(&slow, Path::new("run.toml"), &trial(), short);
        assert!(matches!(found, Confirmation::NotAsked(why) if why.contains("timed out")));
        let hung = Trial::Hung { limit: short };
        assert_eq!(
            confirm(&slow, Path::new("run.toml"), &hung, short),
            Confirmation::Confirmed
        );
        let (_folder, quick) = program("echo raft 1 ab held");
        assert_eq!(
            confirm(&quick, Path::new("run.toml"), &hung, LIMIT),
            Confirmation::EndedInTime
        );
    }
}
