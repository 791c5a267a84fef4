//! The command line over the bundled systems: see [`snowglobe::cli`].

use std::process::ExitCode;

use snowglobe_bundled::{SYSTEMS, mapreduce};

fn main() -> ExitCode {
    snowglobe::cli::main(SYSTEMS, &[mapreduce::JOB])
}
