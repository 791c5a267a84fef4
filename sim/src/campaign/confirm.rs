//! A finding counts when another process comes to it as well.

use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::stopwatch::{Stopwatch, wait_a_little};
use super::trial::Trial;

/// What another process came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// The same end.
    Confirmed,
    /// Another end: the run does not depend on its scenario alone.
    Differs,
    /// It could not be asked, and why.
    NotAsked(String),
}

/// Lets `program` replay the file of a failing run, for no longer than `limit`.
pub(super) fn confirm(program: &Path, file: &Path, trial: &Trial, limit: Duration) -> Confirmation {
    let asked = replay(program, file, limit)
        .map_err(|error| Confirmation::NotAsked(format!("the replay failed: {error}")));
    match (asked, trial) {
        (Err(not_asked), _) => not_asked,
        (Ok(None), Trial::Hung { .. }) => Confirmation::Confirmed,
        (Ok(None), _) | (Ok(Some(_)), Trial::Hung { .. }) => Confirmation::Differs,
        (Ok(Some(_)), Trial::ToolPanicked { .. }) => {
            Confirmation::NotAsked("the tool itself failed".to_owned())
        }
        (Ok(Some(line)), Trial::Ran(report)) => {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                [_, _, digest, verdict]
                    if *digest == report.digest.to_string()
                        && *verdict == report.verdict.word() =>
                {
                    Confirmation::Confirmed
                }
                [_, _, _, _] => Confirmation::Differs,
                _ => Confirmation::NotAsked("the replay printed no digest".to_owned()),
            }
        }
    }
}

/// The line that the replay printed; `None` if it had not ended in time.
fn replay(program: &Path, file: &Path, limit: Duration) -> io::Result<Option<String>> {
    let mut command = Command::new(program);
    command
        .args(["replay", "--digest"])
        .arg(file)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    // Ctrl-C is for the campaign, which then waits for its runs.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn()?;
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
