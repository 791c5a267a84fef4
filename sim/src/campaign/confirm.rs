//! What another process comes to: findings are confirmed, and some runs that held
//! are run once more.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
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
    /// It did not finish in time, and this process did.
    NotInTime(Duration),
    /// It could not be asked, and why.
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

/// A replay of a file, which writes its answer into a pipe.
fn replay(program: &Path, how: &str, file: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .args(["replay", how])
        .arg(file)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    // Ctrl-C is for the campaign, which then waits for its runs.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command
}

/// Lets `program` replay the file of a run, for no longer than `limit`.
#[must_use]
pub fn confirm(program: &Path, file: &Path, trial: &Trial, limit: Duration) -> Confirmation {
    let line = match digest(program, file, limit) {
        Err(error) => return Confirmation::NotAsked(format!("the replay failed: {error}")),
        Ok(line) => line,
    };
    match (line, trial) {
        (None, Trial::Hung { .. }) => Confirmation::Confirmed,
        (None, _) => Confirmation::NotInTime(limit),
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
                [_, _, _, _] => Confirmation::Differs(divergence(program, file, limit)),
                _ => Confirmation::NotAsked("the replay printed no digest".to_owned()),
            }
        }
    }
}

/// The line that the replay printed; `None` if it had not ended in time.
fn digest(program: &Path, file: &Path, limit: Duration) -> io::Result<Option<String>> {
    let mut child = Killed(replay(program, "--digest", file).spawn()?);
    if !ends_within(&mut child.0, limit)? {
        return Ok(None);
    }
    let mut line = String::new();
    if let Some(mut out) = child.0.stdout.take() {
        out.read_to_string(&mut line)?;
    }
    Ok(Some(line))
}

/// A process that does not outlive this value.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
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

/// Runs it twice more, side by side, until two events differ or the time is up.
fn divergence(program: &Path, file: &Path, limit: Duration) -> Divergence {
    let timeline = || {
        let mut child = Killed(replay(program, "--trace", file).spawn().ok()?);
        let lines = lines(child.0.stdout.take()?);
        Some((child, lines))
    };
    let (Some((_one, lines)), Some((_other, other_lines))) = (timeline(), timeline()) else {
        return Divergence::NotSeenAgain;
    };
    let stopwatch = Stopwatch::start();
    let next = |lines: &Receiver<String>| {
        let left = limit.saturating_sub(stopwatch.elapsed());
        lines.recv_timeout(left).ok()
    };
    loop {
        match (next(&lines), next(&other_lines)) {
            (None, None) => return Divergence::NotSeenAgain,
            _ if stopwatch.elapsed() > limit => return Divergence::NotSeenAgain,
            (one, other) if one == other => {}
            (one, other) => return Divergence::At { one, other },
        }
    }
}

/// What a process prints, line by line, read by a thread of its own: whoever waits for
/// it need not wait for ever.
fn lines(out: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = mpsc::sync_channel(64);
    thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
