//! Two-phase commit on the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    snowglobe::main(&[&two_phase_commit::SYSTEM, &two_phase_commit::MISTAKEN])
}
