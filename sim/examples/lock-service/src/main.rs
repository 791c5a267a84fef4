//! The lock service on the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    snowglobe::main(&[&lock_service::SYSTEM, &lock_service::MISTAKEN])
}
